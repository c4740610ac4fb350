"""Fingerprints of what a result depends on, and files that are either whole or absent."""

import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path

from cgmhelpers import __version__

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
    """Name, size and time of files: enough to notice a replaced one without reading 4 GB.

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
