"""Fingerprints of what a result depends on, and files that are either whole or absent."""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
from contextlib import contextmanager, suppress
from glob import escape as glob_escape
from importlib import metadata
from pathlib import Path

from cgmhelpers import __version__
from cgmhelpers.errors import CGMError, StorageError

_UNWRITABLE = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "ENOTDIR", "EEXIST")
}
_PACKAGES = (
    "numpy", "numba", "scipy", "pandas", "xarray", "zarr", "h5py", "hdf5plugin", "astropy", "torch",
    "lightning", "optuna", "safetensors",
)  # fmt: skip


def fingerprint(**parts):
    """Digest everything that a stage's output depends on.

    Parameters
    ----------
    **parts
        Plain values (numbers, strings, lists, dictionaries, paths). The library's version is
        added.

    Returns
    -------
    str
        64 hexadecimal digits; equal for equal parts whatever their order.
    """
    text = json.dumps({"version": __version__, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_identity(path):
    """Name, size and time of a file: enough to notice a replaced one without reading 4 GB.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    dict
        Plain values for `fingerprint`.
    """
    status = Path(path).stat()
    return {"name": Path(path).name, "size": status.st_size, "modified": status.st_mtime_ns}


@contextmanager
def whole(path):
    """Write a file or a folder under a temporary name, and give it its own when it is whole.

    Parameters
    ----------
    path : path
        Where the result shall be. What stands there is replaced at the end, at once.

    Yields
    ------
    Path
        A name in the same folder to write to. It is removed when the body fails, and what a killed
        process of this machine left under such a name is removed too.

    Raises
    ------
    StorageError
        If the disk is full, or the folder may not be written to.
    """
    path = Path(path)
    # The ending stays the same: some writers choose the format by it.
    host = re.sub(r"\W", "_", platform.node())
    temporary = path.with_name(f".part-{host}-{os.getpid()}-{path.name}")
    replaced = path.with_name(f".part-{host}-{os.getpid()}-old-{path.name}")
    try:
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_what_the_dead_left(path, host)
            yield temporary
            if temporary.is_dir() and path.is_dir():
                # Removing takes time: a store must not lose its files one by one under its name.
                os.replace(path, replaced)
            os.replace(temporary, path)
    finally:
        _remove(temporary)
        _remove(replaced)


@contextmanager
def writable(path):
    """Name what can't be written where the system only gives a number.

    Parameters
    ----------
    path : path
        What the body writes.

    Raises
    ------
    StorageError
        If the disk is full, or the folder may not be written to.
    """
    try:
        yield
    except CGMError:
        raise
    except (OSError, RuntimeError) as error:
        # HDF5 gives the system's number in its text alone.
        told = re.findall(r"errno = (\d+)", str(error)) or [0]
        number = getattr(error, "errno", None) or int(told[0])
        if number not in _UNWRITABLE:
            raise
        raise StorageError(
            f"{getattr(error, 'filename', None) or path} can't be written.",
            found=os.strerror(number),
            expected="a folder that you may write to, on a disk with room",
            remedy="Make room, or choose another folder; what is finished stays.",
        ) from error


def _remove_what_the_dead_left(path, host):
    for left in path.parent.glob(f".part-{host}-*-{glob_escape(path.name)}"):
        number = re.match(rf"\.part-{host}-(\d+)-", left.name)
        if number and not _lives(int(number[1])):
            _remove(left)


def _lives(number):
    try:
        os.kill(number, 0)
    except PermissionError:
        return True  # somebody else's
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def manifest():
    """Describe the machine and the releases that make a run's files.

    Returns
    -------
    dict
        Plain values, for JSON; ``may_differ`` says what another machine may give otherwise.
    """
    return {
        "cgmhelpers": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "may_differ": {
            "never": "On this machine, with these releases, the same parameters and seed give the "
            "same maps, tables and weights, for any number of threads and processes.",
            "last digits": "Maps and properties, on another processor or with other releases: the "
            "order of sums and the instructions that Numba and NumPy choose. Relative 1e-6.",
            "weights": "A training amplifies last digits step by step, so networks trained "
            "elsewhere, or on a GPU, are another draw: their metrics scatter as between seeds.",
        },
    }
