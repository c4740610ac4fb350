"""Pages so far: chapters that are done, titles of those that aren't."""

import json
import time

import nbformat
import pytest
import yaml

from cgmhelpers.runs import book, notebooks, preview
from cgmhelpers.system import provenance

# Instead of jupyter-book: says which pages it was given, by their number of cells.
BUILD = """
import json, pathlib
html = pathlib.Path("_build/html")
html.mkdir(parents=True, exist_ok=True)
(html / "so_far.html").write_text("page")
pages = pathlib.Path("executed").iterdir()
found = {page.stem: len(json.loads(page.read_text())["cells"]) for page in pages}
with open("builds", "a") as stream:
    print(json.dumps(found), file=stream)
"""


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    parameters = {"profile": "quick", "data_root": None, "set_name": "CV"}
    provenance.record(tmp_path / provenance.RECORD, parameters=parameters)
    monkeypatch.setattr(preview, "vendor_assets", lambda target: True)
    monkeypatch.setattr(preview, "START", BUILD)
    return tmp_path


def execute(folder, name):
    cells = [nbformat.v4.new_markdown_cell(f"# Title {number}") for number in range(4)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    (folder / "notebooks").mkdir(exist_ok=True)
    nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")


def builds(folder):
    path = folder / "book_so_far" / "builds"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait(condition):
    until = time.monotonic() + 300
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    assert condition()


def test_chapters_come_one_after_another(run_folder, caplog):
    caplog.set_level("INFO")
    names = notebooks.names()
    with preview.previewed(run_folder, names) as after:
        execute(run_folder, names[0])
        after(names[0])
        wait(lambda: len(builds(run_folder)) == 1 and "pages so far" in caplog.text)
        (first,) = builds(run_folder)
        assert first == {name: 4 if name == names[0] else 1 for name in names}
        folder = run_folder / "book_so_far"
        listed = book.pages(yaml.safe_load((folder / "_toc.yml").read_text()))
        assert listed[0] == "so_far"
        assert {f"executed/{name}" for name in names} < set(listed)
        assert not any("reference" in page or "/api/" in page for page in listed)
        unread = (folder / "executed" / f"{names[1]}.ipynb").stat().st_mtime_ns
        for name in names[2:4]:
            execute(run_folder, name)
            after(name)
        wait(lambda: builds(run_folder)[-1][names[3]] == 4)
        assert (folder / "executed" / f"{names[1]}.ipynb").stat().st_mtime_ns == unread
        assert len(builds(run_folder)) <= 3
    assert not folder.exists()
    assert caplog.text.count("pages so far") == 1


def test_pages_stay_after_an_interruption_and_the_build_ends(run_folder, monkeypatch):
    monkeypatch.setattr(preview, "START", "import time; time.sleep(600)")
    name = notebooks.names()[0]
    execute(run_folder, name)
    began = time.monotonic()

    def interrupted():
        with preview.previewed(run_folder, notebooks.names()) as after:
            after(name)
            wait(lambda: (run_folder / "book_so_far" / "build.log").exists())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (run_folder / "book_so_far" / "executed").is_dir()
    assert time.monotonic() - began < 500


def test_where_nobody_looks_nothing_is_built(run_folder):
    with preview.previewed(run_folder, notebooks.names(), shown=False) as after:
        assert after is None
    assert not (run_folder / "book_so_far").exists()


def test_pages_that_can_not_be_built_are_a_warning(run_folder, caplog):
    with preview.previewed(run_folder, notebooks.names()) as after:
        after("none")
        wait(lambda: "can't be built" in caplog.text)
