"""Opening snapshots and catalogues, and the header of a snapshot in physical units."""

from contextlib import contextmanager
from dataclasses import dataclass

import h5py
import hdf5plugin  # noqa: F401  registers the compression filters that CAMELS files use
import numpy as np

from cgmhelpers.dialects import CodeUnits
from cgmhelpers.errors import DataNotFoundError, FormatError

_NEEDED = ("BoxSize", "Redshift", "HubbleParam", "Omega0", "NumPart_ThisFile")


@dataclass(frozen=True)
class Header:
    """What a snapshot says of itself, in physical units."""

    box_size: float  # kpc, physical
    redshift: float
    scale_factor: float
    hubble: float  # H0 / (100 km/s/Mpc)
    omega_matter: float
    omega_lambda: float
    omega_baryon: float
    mass_table: tuple  # Msun, six particle types; 0 where masses are listed per particle
    particle_number: tuple  # six particle types
    mock: str  # description of the generator of a mock snapshot, empty for a simulation


@contextmanager
def opened(path):
    """Open an HDF5 file for reading.

    Parameters
    ----------
    path : path
        The file.

    Yields
    ------
    h5py.File

    Raises
    ------
    DataNotFoundError
        If there is no file.
    FormatError
        If it isn't a whole HDF5 file.
    """
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise DataNotFoundError(f"{path} isn't there.", remedy="Check the path.") from None
    except OSError as error:
        raise FormatError(
            f"{path} can't be opened as HDF5.",
            found=error,
            expected="a whole HDF5 file",
            remedy="The download may have been cut off: compare its size, and fetch it again.",
        ) from error
    with file:
        yield file


def _attributes(file):
    """Header, parameters and units of a file as scalars; Astrid stores arrays of length 1."""
    merged = {}
    for group in ("Units", "Parameters", "Header"):  # the header has the last word
        if group not in file:
            continue
        for key, value in file[group].attrs.items():
            array = np.asarray(value)
            merged[key] = array.reshape(-1)[0] if array.size == 1 else array
    return merged


def read_header(file):
    """Read the header of an open snapshot.

    Parameters
    ----------
    file : h5py.File
        The snapshot.

    Returns
    -------
    header : Header
        In physical units.
    units : CodeUnits
        Factors from the file's units to ours.

    Raises
    ------
    FormatError
        If an attribute is missing, or the file is one part of a snapshot.
    """
    values = _attributes(file)
    missing = [key for key in _NEEDED if key not in values]
    if missing:
        raise FormatError(
            f"{file.filename}: the header lacks {missing}.",
            found=sorted(values),
            expected=f"the attributes {_NEEDED} in Header, Parameters or Units",
        )
    if values.get("NumFilesPerSnapshot", 1) > 1:
        raise FormatError(
            f"{file.filename} is one part of a snapshot.",
            found=f"NumFilesPerSnapshot = {values['NumFilesPerSnapshot']}",
            expected="a snapshot in one file, as CAMELS has them",
            remedy="Join the parts first.",
        )
    redshift = float(values["Redshift"])
    scale_factor = 1 / (1 + redshift)  # Time isn't the scale factor in every code
    hubble = float(values["HubbleParam"])
    units = CodeUnits.from_header(values, scale_factor, hubble)
    mock = values.get("Mock", "")
    header = Header(
        box_size=float(values["BoxSize"]) * units.length,
        redshift=redshift,
        scale_factor=scale_factor,
        hubble=hubble,
        omega_matter=float(values["Omega0"]),
        omega_lambda=float(values.get("OmegaLambda", 1 - values["Omega0"])),
        omega_baryon=float(values.get("OmegaBaryon", np.nan)),
        mass_table=tuple(_six(values.get("MassTable", 0.0), float) * units.mass),
        particle_number=tuple(_six(values["NumPart_ThisFile"], int).tolist()),
        mock=mock.decode() if isinstance(mock, bytes) else str(mock),
    )
    return header, units


def _six(listed, dtype):
    """One value a particle type; files may list fewer types."""
    values = np.zeros(6, dtype=dtype)
    listed = np.atleast_1d(listed)[:6]
    values[: len(listed)] = listed
    return values
