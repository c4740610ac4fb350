"""The header says what one file of a snapshot holds, in physical units."""

from dataclasses import dataclass

import hdf5plugin  # noqa: F401  registers the compression filters that CAMELS files use
import numpy as np
from astropy import units as u

from cgmhelpers.errors import FormatError
from cgmhelpers.simulations.attributes import attributes
from cgmhelpers.simulations.opening import faults_named


@dataclass(frozen=True)
class CodeUnits:
    """Factors from a file's units to ours, the scale factor and Hubble's h included."""

    length: float  # kpc, physical
    mass: float  # Msun
    velocity: float  # km/s, peculiar
    specific_energy: float  # (cm/s)^2
    star_formation_rate: float = 1.0  # Msun/yr
    kernel_radius: float = 1.0  # support radius of the kernel over the file's smoothing length
    box: float = np.nan  # side of the box, in the file's unit of length
    redshift: float = 0.0
    is_swift: bool = False

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
        if attributes.get("Code") == "SWIFT":
            return cls._from_swift(attributes, scale_factor)
        length = attributes.get("UnitLength_in_cm", u.kpc.to(u.cm)) * u.cm.to(u.kpc)
        mass = attributes.get("UnitMass_in_g", 1e10 * u.Msun.to(u.g)) * u.g.to(u.Msun)
        velocity = attributes.get("UnitVelocity_in_cm_per_s", 1e5)
        return cls(
            length=length * scale_factor / hubble,
            mass=mass / hubble,
            velocity=velocity / 1e5 * np.sqrt(scale_factor),
            specific_energy=velocity**2,
            box=float(attributes.get("BoxSize", np.nan)),
            redshift=1 / scale_factor - 1,
        )

    def of_subfind(self, header):
        """Return the units of a group catalogue beside this snapshot.

        Subfind's catalogues of Swift-EAGLE are in kpc/h, as those of all other suites are.

        Parameters
        ----------
        header : Header
            Of the snapshot.

        Returns
        -------
        CodeUnits
        """
        if not self.is_swift:
            return self
        return CodeUnits.from_header({}, header.scale_factor, header.hubble)

    @classmethod
    def _from_swift(cls, attributes, scale_factor):
        """SWIFT's units hold no h; its velocities are peculiar, its energies comoving."""
        velocity = attributes["UnitVelocity_in_cm_per_s"]
        time = attributes["UnitLength_in_cm"] / velocity * u.s
        mass = attributes["UnitMass_in_g"] * u.g
        return cls(
            length=attributes["UnitLength_in_cm"] * u.cm.to(u.kpc) * scale_factor,
            mass=mass.to_value(u.Msun),
            velocity=velocity / 1e5,
            specific_energy=velocity**2 / scale_factor**2,  # a^(-3 (gamma - 1)), gamma = 5/3
            star_formation_rate=(mass / time).to_value(u.Msun / u.yr),
            kernel_radius=attributes["KernelRadius"],
            is_swift=True,
            box=float(attributes["BoxSize"]),
            redshift=1 / scale_factor - 1,
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
    is_cutout: bool  # whether it is a region of a simulation
    mock: str  # description of the generator of a mock snapshot, empty for a simulation


def read_header(file, cutout=False):
    """Read the header of one open file of a snapshot.

    Parameters
    ----------
    file : h5py.File
        The file.
    cutout : bool
        As for `cgmhelpers.simulations.parts.read_snapshot`.

    Returns
    -------
    header : Header
        In physical units; its particle numbers are those of this file.
    units : CodeUnits
        Factors from the file's units to ours.
    total : tuple
        Particles of six types in the whole snapshot, or None where the file doesn't say; and the
        number of its files, 0 where the file doesn't say.

    Raises
    ------
    FormatError
        If an attribute is missing or impossible.
    """
    with faults_named(file.filename):
        values = attributes(file)
    missing = [key for key in _NEEDED if key not in values]
    if missing:
        raise FormatError(
            f"{file.filename}: the header lacks {missing}.",
            found=sorted(values),
            expected=f"the attributes {_NEEDED} in Header, Parameters, Cosmology or Units",
        )
    with faults_named(file.filename):
        return *_physical(file, values, cutout), _total(file, values)


def _total(file, values):
    """Particles of the whole snapshot and the number of its files, as one of them says."""
    number_of_files = int(values.get("NumFilesPerSnapshot", 0))
    low = _six(values.get("NumPart_Total", 0), np.int64)
    high = _six(values.get("NumPart_Total_HighWord", 0), np.int64)
    total = low + (high << 32)
    if (total < 0).any() or number_of_files < 0:
        raise FormatError(
            f"{file.filename}: the header's numbers of particles and files can't be used.",
            found=f"NumPart_Total {total}, NumFilesPerSnapshot {number_of_files}",
            expected="numbers >= 0",
        )
    return (total if total.any() else None), number_of_files


def _physical(file, values, cutout):
    """Header and units from the values of the attributes."""
    for name, (low, high) in _LIMITS.items():
        value = values.get(name, 1.0)
        if not (np.isscalar(value) and low < float(value) < high):
            raise FormatError(
                f"{file.filename}: the header's {name} can't be used.",
                found=value,
                expected=f"a number between {low} and {high}",
                remedy="Check the units: CAMELS files have lengths in kpc/h and h about 0.67.",
            )
    cutout = cutout or any(str(name).startswith("Cutout") for name in values)
    numbers = _six(values["NumPart_ThisFile"], int)
    if cutout:  # many tools copy the header of the whole simulation
        numbers = np.array([_present(file, number) for number in range(6)])
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
        is_cutout=cutout,
        mock=mock.decode() if isinstance(mock, bytes) else str(mock),
    )
    return header, units


def _present(file, particle_type):
    """Number of particles that a file holds of a type."""
    places = file.get(f"PartType{particle_type}/Coordinates")
    return 0 if places is None else len(places)


def _six(listed, dtype):
    """One value a particle type; files may list fewer types."""
    values = np.zeros(6, dtype=dtype)
    listed = np.atleast_1d(listed)[:6]
    values[: len(listed)] = listed
    return values
