"""The project's folder, with notebooks, profiles and the sources of the book: found, unpacked."""

import os
import shutil
import tomllib
from pathlib import Path

from cgmhelpers.errors import DataNotFoundError, ParameterError
from cgmhelpers.system import files

PACKAGED = Path(__file__).resolve().parents[1] / "project"
"""Where an installed package has a copy, to read only."""
PARTS = ("_config.yml", "_toc.yml", "assets", "book", "notebooks", "pyproject.toml")
"""What makes a project that can be run; it is one when the last is there."""


def project_root():
    """Find the folder of this project.

    Returns
    -------
    Path
        The working folder or one above it; or else the folder that the package was installed
        from in editable mode, or the copy in the installed package.

    Raises
    ------
    DataNotFoundError
        If there is none.
    """
    here = working_folder()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2], PACKAGED):
        if _is_project(folder):
            return folder
    raise DataNotFoundError(
        "The project's folder isn't here.",
        found=here,
        expected="a clone of the project, with its notebooks and its pyproject.toml",
        remedy="Change to the clone of the project.",
    )


def working_folder():
    """Return the working folder.

    Returns
    -------
    Path

    Raises
    ------
    DataNotFoundError
        If it was deleted meanwhile.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise DataNotFoundError(
            "The working folder isn't there any more.", remedy="Change to another folder."
        ) from None


def _is_project(folder):
    """Tell by the name of the package: other books have notebooks and a _config.yml too."""
    try:
        with open(folder / "pyproject.toml", "rb") as stream:
            name = tomllib.load(stream)["project"]["name"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return name == __package__.partition(".")[0] and (folder / "notebooks").is_dir()


def runs_folder():
    """Return the folder of all runs, where neither a profile nor a caller names one.

    Returns
    -------
    Path
        ``$CGM_RUNS`` where it is set; or else ``runs`` in the project, or in the working folder
        outside of a project.
    """
    told = os.environ.get("CGM_RUNS")
    if told:
        return Path(os.path.normpath(working_folder() / Path(told).expanduser()))
    root = project_root()
    return (working_folder() if root == PACKAGED else root) / "runs"


def unpack(folder):
    """Copy notebooks, profiles and the sources of the book to a folder, to change and run them.

    Parameters
    ----------
    folder : path
        A new or empty one.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        If something is there.
    """
    folder = Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ParameterError(
            f"{folder} isn't empty.", expected="a new folder", remedy="Choose another name."
        )
    source = project_root()
    for name in PARTS:
        with files.whole(folder / name) as temporary:
            _copy(source / name, temporary)
    return folder


def _copy(source, target):
    """Copy contents without permissions: what is installed may be read-only, the copy isn't."""
    if not source.is_dir():
        shutil.copyfile(source, target)
        return
    target.mkdir()
    for one in source.iterdir():
        if one.name not in ("offline", "__pycache__") and not one.name.startswith("."):
            _copy(one, target / one.name)
