"""Opening snapshots and catalogues, and the header of a snapshot in physical units."""

from dataclasses import dataclass

import hdf5plugin  # noqa: F401  registers the compression filters that CAMELS files use
import numpy as np
from astropy import units as u

from cgmhelpers.errors import FormatError
from cgmhelpers.simulations.hdf5 import faults_named


@dataclass(frozen=True)
class CodeUnits:
    """Factors from a file's units to ours, the scale factor and Hubble's h included."""

    length: float  # kpc, physical
    mass: float  # Msun
    velocity: float  # km/s, peculiar
    specific_energy: float  # (cm/s)^2

    @property
    def density(self):
        """Factor of density to g/cm^3, physical."""
        kpc = u.kpc.to(u.cm)
        return self.mass * u.Msun.to(u.g) / (self.length * kpc) ** 3

    @classmethod
    def from_header(cls, attributes, scale_factor, hubble):
        """Read the ``Unit*`` attributes; files without them are in Gadget's usual units.

        Parameters
        ----------
        attributes : dict
            Attributes of the header.
        scale_factor, hubble : float
            Of the snapshot; H0 in units of 100 km/s/Mpc.

        Returns
        -------
        CodeUnits
        """
        length = attributes.get("UnitLength_in_cm", u.kpc.to(u.cm)) * u.cm.to(u.kpc)
        mass = attributes.get("UnitMass_in_g", 1e10 * u.Msun.to(u.g)) * u.g.to(u.Msun)
        velocity = attributes.get("UnitVelocity_in_cm_per_s", 1e5)
        return cls(
            length=length * scale_factor / hubble,
            mass=mass / hubble,
            velocity=velocity / 1e5 * np.sqrt(scale_factor),
            specific_energy=velocity**2,
        )


_NEEDED = ("BoxSize", "Redshift", "HubbleParam", "Omega0", "NumPart_ThisFile")
_LIMITS = {
    "BoxSize": (0, np.inf),
    "Redshift": (-0.1, 1100),
    "HubbleParam": (0.2, 2),  # 67 instead of 0.67 shows here
    "Omega0": (0, 2),
    "UnitLength_in_cm": (0, np.inf),
    "UnitMass_in_g": (0, np.inf),
    "UnitVelocity_in_cm_per_s": (0, np.inf),
}
"""Open intervals in which the header's numbers lie."""


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
        If an attribute is missing or impossible, or the file is one part of a snapshot.
    """
    with faults_named(file.filename):
        values = _attributes(file)
    missing = [key for key in _NEEDED if key not in values]
    if missing:
        raise FormatError(
            f"{file.filename}: the header lacks {missing}.",
            found=sorted(values),
            expected=f"the attributes {_NEEDED} in Header, Parameters or Units",
        )
    with faults_named(file.filename):
        return _physical(file, values)


def _physical(file, values):
    """Header and units from the values of the attributes."""
    if values.get("NumFilesPerSnapshot", 1) != 1:
        raise FormatError(
            f"{file.filename} is one part of a snapshot.",
            found=f"NumFilesPerSnapshot = {values['NumFilesPerSnapshot']}",
            expected="a snapshot in one file, as CAMELS has them",
            remedy="Join the parts first.",
        )
    for name, (low, high) in _LIMITS.items():
        value = values.get(name, 1.0)
        if not (np.isscalar(value) and low < float(value) < high):
            raise FormatError(
                f"{file.filename}: the header's {name} can't be used.",
                found=value,
                expected=f"a number between {low} and {high}",
                remedy="Check the units: CAMELS files have lengths in kpc/h and h about 0.67.",
            )
    numbers = _six(values["NumPart_ThisFile"], int)
    masses = _six(values.get("MassTable", 0.0), float)
    if (numbers < 0).any() or not (np.isfinite(masses) & (masses >= 0)).all():
        raise FormatError(
            f"{file.filename}: the header's particle numbers and masses can't be used.",
            found=f"NumPart_ThisFile {numbers}, MassTable {masses}",
            expected="numbers >= 0",
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
        mass_table=tuple(masses * units.mass),
        particle_number=tuple(numbers.tolist()),
        mock=mock.decode() if isinstance(mock, bytes) else str(mock),
    )
    return header, units


def _six(listed, dtype):
    """One value a particle type; files may list fewer types."""
    values = np.zeros(6, dtype=dtype)
    listed = np.atleast_1d(listed)[:6]
    values[: len(listed)] = listed
    return values
