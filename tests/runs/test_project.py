"""The project's folder is known by what it alone has, and unpacked whole or not at all."""

from pathlib import Path

import pytest

from cgmhelpers.errors import ParameterError
from cgmhelpers.runs import project


def test_unpacked_project_is_one(tmp_path, monkeypatch):
    folder = project.unpack(tmp_path / "mine")
    monkeypatch.chdir(folder / "notebooks")
    assert project.project_root() == folder
    assert project.runs_folder() == folder / "runs"
    assert {one.name for one in folder.iterdir()} == set(project.PARTS)


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ParameterError, match="isn't empty"):
        project.unpack(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "mine.txt").unlink()
    project.unpack(tmp_path)  # an empty folder will do


def test_runs_folder(tmp_path, monkeypatch):
    root = project.project_root()
    assert project.runs_folder() == root / "runs"
    monkeypatch.setenv("CGM_RUNS", "here")
    monkeypatch.chdir(tmp_path)
    assert project.runs_folder() == tmp_path / "here"
    monkeypatch.delenv("CGM_RUNS")
    monkeypatch.setattr(project, "project_root", lambda: project.PACKAGED)
    assert project.runs_folder() == Path.cwd() / "runs"
