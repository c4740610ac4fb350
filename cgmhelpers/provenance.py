"""Fingerprints of what a result depends on, and files that are either whole or absent."""

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from cgmhelpers import __version__


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
        Where the result shall be. What stands there is replaced at the end, at once for a file.

    Yields
    ------
    Path
        A name in the same folder to write to. It is removed when the body fails.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays the same: some writers choose the format by it.
    temporary = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)
