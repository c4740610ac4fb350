"""Assembling the book: what is missing is said before anything is built."""

import json

import pytest
import yaml

from cgmhelpers import book
from cgmhelpers.errors import DataNotFoundError, ResultError
from cgmhelpers.pipeline import NOTEBOOKS


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    """Make a run with empty notebooks and a hero, and no scripts to bring."""
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "hero.png").write_bytes(b"picture")
    (tmp_path / "notebooks").mkdir()
    for name in NOTEBOOKS:
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(json.dumps({"cells": []}))
    parameters = {"profile": "quick", "data_root": None, "set_name": "CV"}
    (tmp_path / "parameters.yml").write_text(yaml.safe_dump(parameters))
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
    assert set(listed) >= {f"executed/{name}" for name in NOTEBOOKS}
    said = configuration(folder)["parse"]["myst_substitutions"]["source"]
    assert said == "mock suite, profile quick"


def test_assembling_again_leaves_nothing_of_the_last_time(run_folder):
    stale = book.assemble(run_folder) / "executed" / "stale.ipynb"
    stale.write_text("{}")
    book.assemble(run_folder)
    assert not stale.exists()
    assert not (run_folder / ".book.partial").exists()


def test_half_written_notebooks_are_left_alone(run_folder):
    (run_folder / "notebooks" / ".03_cnn.ipynb").write_text("{")
    assert not list((book.assemble(run_folder) / "executed").glob(".*"))


def test_missing_hero_is_an_error_that_names_it(run_folder):
    (run_folder / "figures" / "hero.png").unlink()
    with pytest.raises(DataNotFoundError, match=r"hero\.png"):
        book.assemble(run_folder)


def test_missing_notebook_is_an_error_that_names_the_page(run_folder):
    (run_folder / "notebooks" / "03_cnn.ipynb").unlink()
    with pytest.raises(DataNotFoundError, match="executed/03_cnn"):
        book.assemble(run_folder)
    assert not (run_folder / "book").exists()


def test_folder_without_parameters_is_no_run(run_folder):
    (run_folder / "parameters.yml").unlink()
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
