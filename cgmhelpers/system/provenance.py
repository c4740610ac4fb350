"""Fingerprints of what a result depends on, and the record of what made it."""

import hashlib
import json
import os
import platform
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


def file_identity(*paths):
    """Return name, size and time of files, which tell replaced ones without reading 4 GB.

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
        status = path.stat()
        found.append({"name": path.name, "size": status.st_size, "modified": status.st_mtime_ns})
    if len(found) == 1:
        return found[0]
    return {key: [one[key] for one in found] for key in ("name", "size", "modified")}


RECORD = "provenance.jsonl"
"""File of a run's folder: one line for each time that a stage made something."""


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
