"""Files that are whole or absent, checksums, and the cache folder."""

import atexit
import errno
import functools
import hashlib
import os
import platform
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from glob import escape as glob_escape
from pathlib import Path

from cgmhelpers.errors import CGMError, StorageError

_UNWRITABLE = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "ENOTDIR", "EEXIST")
}


@contextmanager
def whole(path):
    """Write a file or a folder under a temporary name, and rename it when it is whole.

    Parameters
    ----------
    path : path
        Name of the result. An earlier result of this name is replaced at the end, at once.

    Yields
    ------
    Path
        A temporary name in the same folder. It is removed if the body fails; leftovers of killed
        processes of this machine are removed too.

    Raises
    ------
    StorageError
        If the disk is full or the folder is read-only.
    """
    path = Path(path)
    # The suffix stays the same: some writers choose the format by it.
    host = re.sub(r"\W", "_", platform.node())
    temporary = path.with_name(f".part-{host}-{os.getpid()}-{path.name}")
    replaced = path.with_name(f".part-{host}-{os.getpid()}-old-{path.name}")
    try:
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(path, host)
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
    """Name the path that can't be written, which the system's errors may leave out.

    Parameters
    ----------
    path : path
        The file or folder that the body writes.

    Raises
    ------
    StorageError
        If the disk is full or the folder is read-only.
    """
    try:
        yield
    except CGMError:
        raise
    except Exception as error:
        # HDF5 (errno = 28) and safetensors (os error 28) give the system's number in their text.
        told = re.findall(r"(?:errno =|os error) (\d+)", str(error)) or [0]
        number = getattr(error, "errno", None) or int(told[0])
        if number not in _UNWRITABLE:
            raise
        raise StorageError(
            f"{getattr(error, 'filename', None) or path} can't be written.",
            found=os.strerror(number),
            expected="a folder that you may write to, on a disk with room",
            remedy="Make room, or choose another folder; what is finished stays.",
        ) from error


def _remove_leftovers(path, host):
    for left in path.parent.glob(f".part-{host}-*-{glob_escape(path.name)}"):
        number = re.match(rf"\.part-{host}-(\d+)-", left.name)
        if number and not lives(int(number[1])):
            _remove(left)


def lives(number):
    """Tell whether a process of this machine is there, whoever started it.

    Parameters
    ----------
    number : int
        Its process id.

    Returns
    -------
    bool
    """
    try:
        os.kill(number, 0)
    except PermissionError:
        return True  # another user's
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def cache_folder():
    """Return the folder where fetched and derived files are kept.

    Returns
    -------
    pathlib.Path
        ``$CGM_CACHE`` when it is set, else the user's cache folder for this library.
    """
    import pooch

    return Path(os.environ.get("CGM_CACHE") or pooch.os_cache("cgmhelpers")).expanduser()


@functools.cache
def scratch_folder():
    """Return a folder for files that save time if they are there again.

    Returns
    -------
    pathlib.Path
        :func:`cache_folder`, or where that can't be written a temporary folder of this process.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        temporary = tempfile.mkdtemp(prefix="cgmhelpers-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return Path(temporary)


def sha256(path):
    """Return the SHA-256 of a file as hexadecimal digits.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
