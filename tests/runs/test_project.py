"""The project's folder is known by what it alone has, and unpacked whole or not at all."""

from pathlib import Path

import pytest

from cgmhelpers.errors import DataNotFoundError, ParameterError
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


def test_the_working_folder_can_be_the_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project.unpack(".")
    assert project.project_root() == Path.cwd() == tmp_path  # still the same folder
    assert {one.name for one in Path().iterdir()} == set(project.PARTS)


def test_what_is_unpacked_can_be_changed(tmp_path, monkeypatch):
    """An installed package may be read-only."""
    installed = project.unpack(tmp_path / "installed")
    for one in [installed, *installed.rglob("*")]:
        one.chmod(0o555 if one.is_dir() else 0o444)
    monkeypatch.setattr(project, "project_root", lambda: installed)
    for one in project.unpack(tmp_path / "mine").rglob("*"):
        assert one.stat().st_mode & 0o200, one


def test_a_deleted_working_folder_is_named(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for told in ("", "here"):
        monkeypatch.setenv("CGM_RUNS", told)
        with pytest.raises(DataNotFoundError, match="isn't there any more"):
            project.runs_folder()


def test_runs_folder(tmp_path, monkeypatch):
    root = project.project_root()
    assert project.runs_folder() == root / "runs"
    monkeypatch.setenv("CGM_RUNS", "here")
    monkeypatch.chdir(tmp_path)
    assert project.runs_folder() == tmp_path / "here"
    monkeypatch.delenv("CGM_RUNS")
    monkeypatch.setattr(project, "project_root", lambda: project.PACKAGED)
    assert project.runs_folder() == Path.cwd() / "runs"
