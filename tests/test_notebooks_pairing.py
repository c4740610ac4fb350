"""Each notebook is a pair: the .py is the source, the .ipynb says the same and holds no output.

``jupytext --test`` passes on pairs that differ, and ``--sync`` trusts the times of files, so the
pairs are compared here.
"""

import ast
import importlib
import re
import types
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext.compare import NotebookDifference, compare_notebooks

from cgmhelpers.runs import notebooks
from cgmhelpers.runs.parameters import Parameters

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
SOURCES = sorted(FOLDER.glob("*.py"))


def read(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def differences(source):
    compare_notebooks(jupytext.read(source), read(source), fmt="py:percent")


def test_the_notebooks_are_those_of_the_book():
    assert tuple(path.stem for path in SOURCES) == notebooks.names()
    assert len(list(FOLDER.glob("*.ipynb"))) == len(SOURCES) > 10


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_pair_says_the_same(source):
    differences(source)


def test_a_pair_that_differs_is_found(tmp_path):
    source = tmp_path / "changed.py"
    source.write_text(SOURCES[0].read_text() + "\n# %%\nx = 1\n")
    source.with_suffix(".ipynb").write_text(SOURCES[0].with_suffix(".ipynb").read_text())
    with pytest.raises(NotebookDifference):
        differences(source)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_code_is_clipped_on_the_page(source):
    """A page shows 75 columns of a code cell; `notebooks/ruff.toml` sets the same length."""
    code = [cell.source for cell in read(source).cells if cell.cell_type == "code"]
    assert [line for one in code for line in one.splitlines() if len(line) > 75] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebook_is_valid_and_clean(source):
    notebook = read(source)
    nbformat.validate(notebook)
    identifiers = [cell.id for cell in notebook.cells]
    assert len(set(identifiers)) == len(identifiers)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebook_has_one_cell_of_known_parameters(source):
    tagged = [c for c in read(source).cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    names = {}
    exec(tagged[0].source, {}, names)  # plain values: the cell imports nothing
    assert "profile" in names
    assert set(names) <= set(Parameters.model_fields)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebook_opens_and_closes_as_a_lesson(source):
    cells = read(source).cells
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    # Its number and its question, which the first page shows.
    assert re.match(rf"# {int(source.stem[:2])}\. .+\n\n\*\*.+\?\*\*\n", prose[0])
    assert "In this notebook we" in prose[0]


WITH_EXERCISE = [one for one in SOURCES if "# ## Exercise" in one.read_text()]


@pytest.mark.parametrize("source", WITH_EXERCISE, ids=lambda path: path.stem)
def test_chapter_closes_with_numbers_and_an_exercise(source):
    prose = [cell.source for cell in read(source).cells if cell.cell_type == "markdown"]
    assert "You need" in prose[0]
    titles = re.findall(r"^## (.*)", "\n".join(prose), re.M)
    assert titles[-2:] == ["What this run found", "Exercise"]
    assert "<summary>Answer</summary>" in prose[-1]


def test_chapters_have_exercises():
    assert len(WITH_EXERCISE) >= 12


def imported_names(path):
    """Give what a notebook imports from the library: name in the notebook -> object."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("cgmhelpers"):
            package = importlib.import_module(node.module)
            found |= {
                alias.asname or alias.name: getattr(package, alias.name) for alias in node.names
            }
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_names_of_the_library_exist_and_keep_their_meaning(path):
    imported, tree = imported_names(path), ast.parse(path.read_text())
    assert "start" in imported
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not is_read(n)}
    assert not stored & set(imported)
    # A module with the name of a parameter would hide the parameter's value from start().
    assert not set(imported) & set(Parameters.model_fields)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        module = imported.get(getattr(getattr(node, "value", None), "id", None))
        if isinstance(node, ast.Attribute) and isinstance(module, types.ModuleType):
            found = getattr(module, node.attr)
            assert callable(found) or id(node) not in called, ast.unparse(node)


def is_read(name):
    return isinstance(name.ctx, ast.Load)
