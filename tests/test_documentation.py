"""What the README and the book say about this repository is true."""

import ast
import itertools
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import typer
import yaml
from pybtex.database import parse_file

import cgmhelpers
from cgmhelpers import cli, mock
from cgmhelpers.runs.book import pages
from cgmhelpers.runs.parameters import Parameters
from cgmhelpers.runs.profiles import read

ROOT = Path(__file__).resolve().parents[1]
PROSE = [ROOT / "README.md", *sorted((ROOT / "book").rglob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
COMMANDS = typer.main.get_command(cli.app).commands
# Names in the text that a reader makes, or that a run makes.
MADE = ("book/results", "mine.yml", "out.ipynb", "maps.zarr", "runs/", ".venv/bin", "/data/")


def blocks(path, *languages):
    """Give the contents of a page's code blocks."""
    found = re.findall(r"^( *)```([^\n]*)\n(.*?)^ *```$", path.read_text(), re.M | re.S)
    return [textwrap.dedent(text) for _, language, text in found if language in languages]


def shell_lines():
    """Give every command that the prose shows, in blocks and in sentences."""
    for path in PROSE:
        shown = "\n".join(blocks(path, "bash")).replace("\\\n", " ")
        lines = shown.splitlines()
        lines += re.findall(r"`((?:make|cgm) [^`]+)`", path.read_text())
        for line in lines:
            words = shlex.split(line, comments=True)
            if words:
                yield pytest.param(words, id=f"{path.stem}: {line[:60]}")


SHELL = list(shell_lines())


@pytest.mark.parametrize("path", sorted(ROOT.glob("book/*.md")), ids=lambda path: path.name)
def test_code_in_the_prose_fits_the_page(path):
    """A page shows 75 columns; a phone scrolls."""
    code = blocks(path, "bash", "python", "yaml", "text")
    assert [line for one in code for line in one.splitlines() if len(line) > 75] == []


def test_there_are_commands_to_check():
    kinds = {Path(parameters.values[0][0]).name for parameters in SHELL}
    assert {"make", "cgm", "papermill", "pip"} <= kinds


@pytest.mark.parametrize("words", SHELL)
def test_command_exists(words):
    program, arguments = Path(words[0]).name, words[1:]
    if program == "make":
        named = [word for word in arguments if "=" not in word]
        assert set(named) <= TARGETS
        for variable in (word.partition("=")[0] for word in arguments if "=" in word):
            assert f"{variable} ?=" in MAKEFILE
        profiles = [word.partition("=")[2] for word in arguments if word.startswith("PROFILE=")]
    elif program == "cgm":
        command = COMMANDS[arguments[0]]
        known = {flag for parameter in command.params for flag in parameter.opts}
        assert {word for word in arguments if word.startswith("-")} <= known
        pairs = dict(itertools.pairwise(arguments))
        profiles = [pairs[flag] for flag in ("--profile",) if flag in pairs]
        chosen = [after for flag, after in itertools.pairwise(arguments) if flag == "--set"]
        assert {pair.partition("=")[0] for pair in chosen} <= set(Parameters.model_fields)
    elif program == "papermill":
        assert (ROOT / arguments[0]).exists()
        given = {arguments[i + 1]: arguments[i + 2] for i, w in enumerate(arguments) if w == "-p"}
        read(given.pop("profile"), **given)  # an unknown name or a wrong value raises
        profiles = []
    else:
        assert program in {"conda", "cp", "git", "cd", "pip", "source", "python"}
        profiles = []
    for profile in profiles:
        if not profile.startswith(MADE):
            assert (ROOT / "book" / "parameters" / f"{profile}.yml").exists()


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.stem)
def test_paths_in_the_prose_exist(path):
    folders = "assets|benchmarks|book|cgmhelpers|notebooks|tests|tools"
    named = re.findall(rf"[`( ]((?:{folders})/[\w./*-]*)", path.read_text())
    for name in named:
        if "*" in name:
            assert list(ROOT.glob(name)), name
        elif not name.startswith(MADE):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.stem)
def test_python_in_the_prose_uses_names_that_exist(path):
    for text in blocks(path, "python"):
        tree = ast.parse(text)
        modules = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "cgmhelpers":
                for alias in node.names:
                    modules[alias.name] = getattr(cgmhelpers, alias.name)
        for node in ast.walk(tree):
            module = modules.get(getattr(getattr(node, "value", None), "id", None))
            if module and isinstance(node, ast.Attribute):
                assert hasattr(module, node.attr), ast.unparse(node)


@pytest.mark.slow
def test_the_lines_of_the_readme_run(tmp_path, monkeypatch):
    mock.write(tmp_path / "CAMELS", ("IllustrisTNG",), (0,), cells=20_000, progress=False)
    (lines,) = blocks(ROOT / "README.md", "python")
    assert '"/data/CAMELS"' in lines
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(lines.replace("/data/CAMELS", str(tmp_path / "CAMELS")), names)
    assert set(names["table"]["part"]) == {"test"}
    assert (tmp_path / "network" / "weights.safetensors").is_file()
    assert "smoke" in repr(names["run"])


def test_picture_of_the_readme_is_light():
    assert 10_000 < (ROOT / "assets" / "halo.png").stat().st_size < 300_000


def test_make_alone_lists_every_target():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z-]+)", listed, re.M)) == TARGETS


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    assert script.rstrip().endswith("make test")
    assert "make test" in (ROOT / "README.md").read_text()


# --- the book ---------------------------------------------------------------------------


def modules():
    """Name every public module below the package."""
    for path in sorted((ROOT / "cgmhelpers").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name != "cgmhelpers" and not any(part.startswith("_") for part in name.split(".")):
            yield name


def test_reference_holds_every_module():
    text = "".join(path.read_text() for path in sorted((ROOT / "book" / "api").glob("*.md")))
    documented = re.findall(r"^\.\. automodule:: (\S+)", text, re.M)
    assert sorted(documented) == sorted(modules())
    overview = (ROOT / "book" / "reference.md").read_text()
    assert sorted(re.findall(r"^   (cgmhelpers\.\S+)$", overview, re.M)) == sorted(modules())


def test_each_package_has_a_page_of_the_reference():
    pages = {path.stem for path in (ROOT / "book" / "api").glob("*.md")}
    assert pages == {name for name in listed(ROOT / "cgmhelpers") if is_package(name)}


def listed(folder):
    """Give what the docstring of a package lists, in its order."""
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    return re.findall(r"^- `(\w+)`:", docstring, re.M)


def is_package(name):
    return (ROOT / "cgmhelpers" / Path(*name.split(".")) / "__init__.py").exists()


def test_architecture_names_every_package_in_the_order_of_the_imports():
    text = (ROOT / "book" / "architecture.md").read_text()
    part = text[text.index("## The packages") : text.index("## Conventions")]
    assert re.findall(r"^\| `(\w+)` \|", part, re.M) == listed(ROOT / "cgmhelpers")


PACKAGES = ["", *(name for name in (m.partition(".")[2] for m in modules()) if is_package(name))]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_its_files_and_defines_nothing(package):
    folder = ROOT / "cgmhelpers" / Path(*package.split("."))
    files = {path.stem for path in folder.glob("[!_]*.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    order = listed(folder)
    assert sorted(order) == sorted(files | packages)
    nodes = ast.parse((folder / "__init__.py").read_text()).body
    assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in nodes)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_names_of_a_package_are_its_own_and_none_is_the_name_of_a_file(package):
    import importlib

    module = importlib.import_module(".".join(["cgmhelpers", *package.split(".")]).rstrip("."))
    files = set(listed(Path(module.__file__).parent))
    for name in set(module.__all__) - files:
        found = getattr(module, name)
        home = getattr(found, "__module__", None)
        if isinstance(home, str) and home.startswith("cgmhelpers"):
            assert home.startswith(module.__name__ + "."), name
    assert files <= set(module.__all__)


def test_imports_go_down_between_packages_and_inside_them():
    wrong, followed = [], 0
    for name in modules():
        path = ROOT / Path(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for imported in imported_modules(path, name):
            followed += 1
            if imported not in (name, "cgmhelpers") and is_above(imported, name):
                wrong.append(f"{name} imports {imported}")
    assert followed > 300
    assert wrong == []


def test_an_import_upwards_would_be_seen(tmp_path):
    path = tmp_path / "store.py"
    path.write_text("def late():\n    from cgmhelpers.maps import making\n")
    found = imported_modules(path, "cgmhelpers.maps.store")
    assert found == {"cgmhelpers.maps.making"}
    assert is_above("cgmhelpers.maps.making", "cgmhelpers.maps.store")
    assert is_above("cgmhelpers.network.training", "cgmhelpers.maps.store")
    assert not is_above("cgmhelpers.halos.selection", "cgmhelpers.maps.store")
    # A whole package of the same floor, or what a package shows of it, hides which file is meant.
    path.write_text("from cgmhelpers import maps\n")
    assert is_above(*imported_modules(path, "cgmhelpers.maps.store"), "cgmhelpers.maps.store")


def is_above(imported, name):
    """Tell whether a module stands after another, where the two first differ."""
    theirs, own = imported.split("."), name.split(".")
    for depth, (left, right) in enumerate(zip(theirs, own, strict=False)):
        if left != right:
            order = listed(ROOT / Path(*own[:depth]))
            return order.index(left) > order.index(right)
    return True  # a file that imports its own package, or a package that imports its file


def imported_modules(path, name):
    """Name the modules of `cgmhelpers` that a file imports, at its top or in a function."""
    known = {"cgmhelpers", *modules()}
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [one if one in known else node.module for one in full]
        else:
            continue
        found |= {one for one in names if one in known}
    return found


HEAVY = ("torch", "lightning", "yt", "pyxsim", "trident", "optuna", "dask")


@pytest.mark.parametrize(
    ("name", "heavy"),
    [
        ("cgmhelpers", (*HEAVY, "pandas", "numpy", "xarray")),
        ("cgmhelpers.simulations.simulation", HEAVY),
        ("cgmhelpers.cli.command", HEAVY),
    ],
)
def test_a_light_module_imports_nothing_heavy(name, heavy):
    code = f"import sys, {name}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_page_of_the_book_is_in_its_toc():
    listed = pages(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    assert len(listed) == len(set(listed))
    found = [path.relative_to(ROOT) for path in (ROOT / "book").rglob("*.md")]
    written = {path.with_suffix("").as_posix() for path in found}
    assert written == {page for page in listed if page.startswith("book/")}


def test_bibliography_is_complete_and_each_entry_says_where_it_is_from():
    entries = parse_file(str(ROOT / "book" / "references.bib")).entries
    cited = set()
    for path in [*PROSE, *sorted((ROOT / "notebooks").glob("*.py"))]:
        for keys in re.findall(r"\{cite:\w+\}`([^`]+)`", path.read_text()):
            cited |= {key.strip() for key in keys.split(",")}
    assert len(cited) > 30
    assert cited <= set(entries)
    for key, entry in entries.items():
        assert {"title", "year"} <= set(entry.fields), key
        assert {"journal", "booktitle", "howpublished"} & set(entry.fields), key
        assert entry.persons["author"], key


def test_property_table_of_the_science_page_is_the_one_of_the_library():
    from cgmhelpers.halos.properties import PROPERTIES

    rows = re.findall(r"^\| .*\| `(\w+)` \|.*?\| ([^|]*\u00a0to\u00a0[^|]*) \|", _science(), re.M)
    assert [name for name, _ in rows] == [entry.name for entry in PROPERTIES]
    for (_, text), entry in zip(rows, PROPERTIES, strict=True):
        low, high = (float(part.strip().replace("−", "-")) for part in text.split("\u00a0to\u00a0"))
        assert (low, high) == (entry.low, entry.high)


def test_limits_of_the_science_page_are_those_of_the_library():
    from cgmhelpers.emission import fields

    limits = [
        float(f"{a}e{b}") for a, b in re.findall(r"\$(\d\.\d)\\times10\^\{(-?\d+)\}", _science())
    ]
    assert limits[:2] == [fields.get("xray").survey_limit, fields.get("hi").survey_limit]


def _science():
    return (ROOT / "book" / "science.md").read_text()
