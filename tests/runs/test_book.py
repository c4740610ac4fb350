"""Assembling the book: what is missing is said before anything is built."""

import json
import os
import shlex
import time

import nbformat
import papermill.cli
import pytest
import yaml
from click.testing import CliRunner

from cgmhelpers.errors import DataNotFoundError, ResultError
from cgmhelpers.runs import book, pages
from cgmhelpers.runs.notebooks import names
from cgmhelpers.system import provenance

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
CAPTION = "After Figure 3 of the paper, on {data}: halo mass."
GIVEN = {"profile": "smoke", "fields": ["xray"], "run": "2024", "realisations": 3, "depth": 1.5}


def executed_notebook(given=GIVEN):
    """Make what papermill leaves: parameters, those that were given, and two widgets."""
    cell = nbformat.v4.new_code_cell
    html = {VIEW: {"model_id": "live"}, "text/html": "<p>plain form</p>"}
    outputs = [nbformat.v4.new_output("display_data", html)]
    outputs += [nbformat.v4.new_output("display_data", {VIEW: {"model_id": "slider"}})]
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Title"),
            cell("profile = 'quick'", metadata={"tags": ["parameters"]}),
            cell("profile = 'smoke'", metadata={"tags": ["injected-parameters"]}),
            cell("show()", outputs=outputs, metadata={"mystnb": {"figure": {"caption": CAPTION}}}),
        ]
    )
    models = {"live": "anywidget", "slider": "@jupyter-widgets/controls"}
    state = {name: {"model_module": module} for name, module in models.items()}
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "P"}
    notebook.metadata["papermill"] = {"parameters": given}
    notebook.metadata["widgets"] = {STATE: {"state": state}}
    return notebook


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    """Make a run with empty notebooks and a hero, and no scripts to bring."""
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "hero.png").write_bytes(b"picture")
    (tmp_path / "notebooks").mkdir()
    for name in names():
        nbformat.write(executed_notebook(), tmp_path / "notebooks" / f"{name}.ipynb")
    parameters = {"profile": "quick", "data_root": None, "set_name": "CV"}
    provenance.record(tmp_path / provenance.RECORD, parameters=parameters)
    monkeypatch.setattr(book, "vendor_assets", lambda target: True)
    return tmp_path


def configuration(folder):
    return yaml.safe_load((folder / "_config.yml").read_text())


def test_assembled_folder_holds_prose_notebooks_figures_and_the_data_source(run_folder):
    folder = book.assemble(run_folder)
    assert folder == run_folder / "book"
    assert (folder / "book" / "figures" / "hero.png").read_bytes() == b"picture"
    listed = book.pages(yaml.safe_load((folder / "_toc.yml").read_text()))
    assert listed[0] == "book/index"
    assert set(listed) >= {f"executed/{name}" for name in names()}
    said = configuration(folder)["parse"]["myst_substitutions"]["source"]
    assert said == "mock suite, profile quick"


def test_assembling_again_leaves_nothing_of_the_last_time(run_folder):
    stale = book.assemble(run_folder) / "executed" / "stale.ipynb"
    stale.write_text("{}")
    book.assemble(run_folder)
    assert not stale.exists()
    assert not (run_folder / ".book.partial").exists()


def test_half_written_notebooks_are_left_alone(run_folder):
    (run_folder / "notebooks" / ".04_cnn.ipynb").write_text("{")
    assert not list((book.assemble(run_folder) / "executed").glob(".*"))


def test_missing_hero_is_an_error_that_names_it(run_folder):
    (run_folder / "figures" / "hero.png").unlink()
    with pytest.raises(DataNotFoundError, match=r"hero\.png"):
        book.assemble(run_folder)


def test_missing_notebook_is_an_error_that_names_the_page(run_folder):
    (run_folder / "notebooks" / "04_cnn.ipynb").unlink()
    with pytest.raises(DataNotFoundError, match="executed/04_cnn"):
        book.assemble(run_folder)
    assert not (run_folder / "book").exists()


def test_folder_without_parameters_is_no_run(run_folder):
    (run_folder / provenance.RECORD).unlink()
    with pytest.raises(DataNotFoundError, match="run folder"):
        book.assemble(run_folder)


def test_without_the_offline_scripts_the_pages_use_the_cdn(run_folder, monkeypatch):
    local = {"mathjax_path", "nb_ipywidgets_js"}
    assert local <= set(configuration(book.assemble(run_folder))["sphinx"]["config"])
    monkeypatch.setattr(book, "vendor_assets", lambda target: False)
    changed = configuration(book.assemble(run_folder))["sphinx"]["config"]
    assert not local & set(changed)
    assert "html_static_path" in changed


def test_build_that_fails_shows_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr(book, "START", "print('WARNING: a broken link'); raise SystemExit(1)")
    with pytest.raises(ResultError, match="a broken link"):
        book.build(tmp_path)
    assert (tmp_path / "build.log").exists()


def test_a_book_is_built_until_its_sources_change(run_folder, monkeypatch):
    pages = "import pathlib; p = pathlib.Path('_build/html'); p.mkdir(parents=True); "
    pages += "(p / 'index.html').touch()"
    monkeypatch.setattr(book, "START", f"{pages}; raise SystemExit(1)")
    with pytest.raises(ResultError):
        book.build(book.assemble(run_folder))
    assert not book.is_built(run_folder)
    monkeypatch.setattr(book, "START", pages)
    book.build(book.assemble(run_folder))
    assert book.is_built(run_folder)
    later = time.time() + 10
    os.utime(run_folder / "notebooks" / f"{names()[0]}.ipynb", (later, later))
    assert not book.is_built(run_folder)


def test_page_folds_its_parameters_and_says_how_to_run_it_again(run_folder):
    folder = book.assemble(run_folder)
    page = nbformat.read(folder / "executed" / "04_cnn.ipynb", as_version=4)
    nbformat.validate(page)
    _, parameters, again, _ = page.cells
    assert parameters.metadata["tags"] == ["parameters", "hide-input"]
    assert "papermill notebooks/04_cnn.ipynb out.ipynb -p profile smoke" in again.source
    assert not any("injected-parameters" in cell.metadata.get("tags", []) for cell in page.cells)


@pytest.mark.parametrize(
    "given", [GIVEN, {}, {"runs": "/a folder/runs", "data_root": None, "augmentation": True}]
)
def test_papermill_reads_from_the_command_what_it_was_given(given, tmp_path):
    nbformat.write(executed_notebook({}), tmp_path / "04_cnn.ipynb")
    command = pages.rerun_command("04_cnn", given)
    assert max(map(len, command.splitlines())) <= pages.COLUMNS
    program, notebook, out, *options = shlex.split(command.replace("\\\n", " "))
    assert (program, notebook) == ("papermill", "notebooks/04_cnn.ipynb")
    places = [str(tmp_path / "04_cnn.ipynb"), str(tmp_path / out)]
    command = [*places, *options, "--prepare-only", "-k", "python3"]
    done = CliRunner().invoke(papermill.cli.papermill, command)
    assert done.exit_code == 0, done.output
    found = nbformat.read(tmp_path / out, as_version=4).metadata.papermill.parameters
    assert read_lists(found) == given


def read_lists(parameters):
    """Read lists as `cgmhelpers.runs.values` does: papermill's -p leaves them as text."""
    return {
        name: json.loads(value) if isinstance(value, str) and value.startswith("[") else value
        for name, value in parameters.items()
    }


def test_widget_with_a_plain_form_shows_that_one_and_others_stay():
    page = pages.as_page(executed_notebook(), "04_cnn", "CAMELS")
    first, second = (output["data"] for output in page.cells[-1].outputs)
    assert list(first) == ["text/html"]
    assert list(second) == [VIEW]
    assert list(page.metadata.widgets[STATE]["state"]) == ["slider"]
    del page.cells[-1].outputs[1]
    assert "widgets" not in pages.as_page(page, "04_cnn", "CAMELS").metadata


@pytest.mark.parametrize(
    ("source", "data"),
    [(None, "the mock suite"), ("CAMELS, CV set, profile camels", "CAMELS")],
)
def test_captions_name_the_data_of_the_run(run_folder, source, data):
    folder = book.assemble(run_folder, source=source)
    page = nbformat.read(folder / "executed" / "04_cnn.ipynb", as_version=4)
    figures = [cell.metadata["mystnb"] for cell in page.cells if "mystnb" in cell.metadata]
    caption = CAPTION.replace("{data}", data)
    assert [one["figure"]["caption"] for one in figures] == [caption]
    assert [one["image"] for one in figures] == [{"alt": caption}]
