"""Fingerprints of what a result depends on, and the record of what made it."""

import hashlib
import json
import os
import platform
import re
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from cgmhelpers import __version__
from cgmhelpers.system import files

_PACKAGES = (
    "numpy", "numba", "scipy", "pandas", "xarray", "zarr", "h5py", "hdf5plugin", "astropy", "torch",
    "lightning", "optuna", "safetensors",
)  # fmt: skip


def release(version):
    """Return the release that a version is, or is made on the way from.

    Parameters
    ----------
    version : str
        For example ``0.1.0.post1.dev3+g1a2b3c4``, of the third commit after release 0.1.0.

    Returns
    -------
    str
        For example ``0.1.0``.
    """
    return re.match(r"[\d.]*\d", version)[0]


RELEASE = release(__version__)
"""What results depend on of the library's version, lest each commit make them out of date."""


def fingerprint(**parts):
    """Digest everything that a stage's output depends on.

    Parameters
    ----------
    **parts
        Plain values (numbers, strings, lists, dictionaries, paths). The library's
        `RELEASE` is added.

    Returns
    -------
    str
        64 hexadecimal digits; equal for equal parts whatever their order.
    """
    text = json.dumps({"version": RELEASE, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


WHOLE = 16 * 2**20
"""Size [bytes] up to which a file is digested whole."""
SAMPLES, SAMPLE = 64, 2**16
"""Number and size [bytes] of the places that are read of a larger file."""
_KNOWN = {}


def file_identity(*paths):
    """Return name, size and digest of files, whatever time they were copied or touched at.

    Of a large file the digest has the attributes in the top groups, where it is HDF5, and places
    all over it, so that 4 GB aren't read. A file that has kept path, size
    and time isn't read again.

    Parameters
    ----------
    *paths : path
        One file, or the parts of one.

    Returns
    -------
    dict
        Plain values for `fingerprint`; lists of them where there are several files.
    """
    found = []
    for path in map(Path, paths):
        size, digest = path.stat().st_size, _digest(path)
        found.append({"name": path.name, "size": size, "digest": digest})
    if len(found) == 1:
        return found[0]
    return {key: [one[key] for one in found] for key in ("name", "size", "digest")}


def digests(*paths):
    """Return what `remember` takes: files with their size, their time and their digest.

    Parameters
    ----------
    *paths : path
        Files.

    Returns
    -------
    list of list
    """
    return [[*_state(path), _digest(path)] for path in paths]


def remember(known):
    """Take digests of files that keep their size and their time as they were.

    Parameters
    ----------
    known : list of list
        From `digests`, perhaps of another process.
    """
    _KNOWN.update({tuple(state): digest for *state, digest in known})


def _state(path):
    status = os.stat(path)
    return os.path.abspath(path), status.st_size, status.st_mtime_ns


def _digest(path):
    state = _state(path)
    if state not in _KNOWN:
        _KNOWN[state] = _read_digest(path, state[1])
    return _KNOWN[state]


def _read_digest(path, size):
    if size <= WHOLE:
        return files.sha256(path)
    import h5py

    digest = hashlib.sha256()
    with suppress(OSError, RuntimeError, ValueError), h5py.File(path) as file:
        for name in sorted(file):
            digest.update(f"{name} {sorted(file[name].attrs.items(), key=str)}".encode())
    with open(path, "rb") as stream:
        for place in range(SAMPLES):
            stream.seek(place * (size - SAMPLE) // (SAMPLES - 1))
            digest.update(stream.read(SAMPLE))
    return digest.hexdigest()


RECORD = "provenance.jsonl"
"""In a run's folder, the file with one line for each time that a stage made something."""


def record(path, **what):
    """Append to a record that a stage makes something, and with which machine and releases.

    Parameters
    ----------
    path : Path
        File of lines of JSON, which grows: nobody's earlier line changes.
    **what
        Plain values.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"time": now, **what, "made_with": manifest()}, default=str) + "\n"
    with files.writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as stream:
            stream.seek(max(stream.seek(0, os.SEEK_END) - 1, 0))
            torn = stream.read(1) not in (b"", b"\n")  # a process died while it wrote
            stream.write(b"\n" * torn + line.encode())  # at once, as others may append too


def recorded(path):
    """Read a record.

    Parameters
    ----------
    path : Path
        As for `record`.

    Returns
    -------
    list of dict
        Without lines of processes that died while they wrote.
    """
    found = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with suppress(ValueError):
            found.append(json.loads(line))
    return found


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
