"""Files that hold the emission in an X-ray band: in the package, and in the cache."""

import os
import tempfile
from pathlib import Path

import h5py

from cgmhelpers.errors import FormatError
from cgmhelpers.xray import Band

_DATASETS = {"thermal_energy": "keV", "cosmic": "erg cm**3/s", "metal": "erg cm**3/s"}
_ATTRIBUTES = ("emin", "emax", "solar_metallicity", "lowest", "highest", "covered")


def filename(emin, emax):
    """Return the name of the file that holds a band.

    Parameters
    ----------
    emin, emax : float
        Edges of the band, keV.

    Returns
    -------
    str
        The name, the same for the same band.
    """
    return f"apec_3.0.9_aspl_{float(emin)!r}_{float(emax)!r}_keV.h5"


def write(band, path):
    """Write a band to an HDF5 file, which appears only when whole.

    Parameters
    ----------
    band : Band
        The band.
    path : path-like
        The file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as scratch:
        with h5py.File(Path(scratch) / path.name, "w") as file:
            for name, unit in _DATASETS.items():
                file[name] = getattr(band, name)
                file[name].attrs["unit"] = unit
            for name in _ATTRIBUTES:
                file.attrs[name] = getattr(band, name)
            file.attrs["model"] = "pyXSIM CIESourceModel, APEC 3.0.9, abundances aspl"
        os.replace(Path(scratch) / path.name, path)


def read(path):
    """Read a band from an HDF5 file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Band
        The band.

    Raises
    ------
    FormatError
        If the file isn't a band, or covers another band than it says.
    """
    try:
        with h5py.File(path, "r") as file:
            arrays = {name: file[name][()] for name in _DATASETS}
            values = {name: file.attrs[name] for name in _ATTRIBUTES}
    except (KeyError, OSError) as error:
        raise FormatError(
            f"{path} isn't an X-ray band table.",
            found=error,
            expected=f"an HDF5 file with {', '.join(_DATASETS)}",
            remedy="Delete it if it is in the cache; it will be made again.",
        ) from error
    covered = tuple(float(edge) for edge in values.pop("covered"))
    return Band(**arrays, **{name: float(v) for name, v in values.items()}, covered=covered)
