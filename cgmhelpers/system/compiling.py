"""Compilation of numerical functions by numba, with a cache on disk where one can be written."""

import atexit
import functools
import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

import numba
import pooch

log = logging.getLogger(__name__)


def compiled(function=None, **options):
    """Compile a function at its first call; other threads go on while it runs.

    The machine code is cached as :func:`ensure_cache` says, until a file of this library that has
    compiled functions changes.

    Parameters
    ----------
    function : callable, optional
        What numba can compile; without it, a decorator is returned.
    **options
        For ``numba.njit``.

    Returns
    -------
    callable
    """
    if function is None:
        return functools.partial(compiled, **options)
    ensure_cache()
    dispatcher = numba.njit(function, nogil=True, cache=True, **options)
    # Numba looks at the source of the function alone, and would run old code of what it calls.
    cached = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if hasattr(cached, "_source_stamp"):
        cached._source_stamp = (cached._source_stamp, _sources())
    return dispatcher


@functools.cache
def _sources():
    """Digest all files of this library that have compiled functions."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        text = path.read_bytes()
        if b"system.compiling" in text:
            digest.update(text)
    return digest.hexdigest()


fused = compiled(fastmath={"contract"}, error_model="numpy")
"""The same for sums of products. Fused multiply-adds are allowed, and re-ordering isn't, so that
numbers are the same for any number of threads. A division by zero gives infinity."""


@functools.cache
def ensure_cache():
    """Give numba a folder for what it compiles; call it before the import of a package that caches.

    Numba takes the folder of the source, or else the user's cache folder, or the one that
    ``NUMBA_CACHE_DIR`` names. Where HOME can't be written, as in a container or on a compute node,
    this process and those that it starts share a temporary folder, and a warning says so.
    """
    if numba.config.CACHE_DIR:
        return
    folder = pooch.os_cache("numba")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError:
        pass
    temporary = tempfile.mkdtemp(prefix="cgmhelpers-numba-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"] = temporary
    log.warning(
        "%s can't be written: functions are compiled anew each time, which takes about a minute. "
        "Set NUMBA_CACHE_DIR to a folder that you may write to.",
        folder,
    )
