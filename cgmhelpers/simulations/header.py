"""The header of a snapshot, of one file or of many, in physical units."""

import logging
from dataclasses import dataclass, replace

import hdf5plugin  # noqa: F401  registers the compression filters that CAMELS files use
import numpy as np
from astropy import units as u

from cgmhelpers.errors import DataNotFoundError, FormatError, IncompleteError
from cgmhelpers.simulations.opening import faults_named, opened

log = logging.getLogger(__name__)


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


KERNEL_RADII = {
    "Cubic spline (M4)": 1.825742,
    "Quartic spline (M5)": 2.018932,
    "Quintic spline (M6)": 2.195775,
    "Wendland C2": 1.936492,
    "Wendland C4": 2.207940,
    "Wendland C6": 2.449490,
}
"""Support radius of SWIFT's kernels over its smoothing length, which is twice the kernel's standard
deviation (Dehnen & Aly 2012, MNRAS 425, 1068, Table 1, in three dimensions)."""

_OTHER_NAMES = {
    "Omega0": ("Omega_Matter", "OmegaMatter", "Omega_m", "OmegaM"),
    "OmegaLambda": ("Omega_Lambda", "Omega_lambda", "OmegaL"),
    "OmegaBaryon": ("Omega_Baryon", "Omega_b", "OmegaB"),
    "HubbleParam": ("h", "Hubble_Param"),
    "NumPart_Total": ("TotNumPart",),
    "Time": ("Scale-factor", "ExpansionFactor"),
    "UnitLength_in_cm": ("UnitLength_In_CGS",),
    "UnitMass_in_g": ("UnitMass_In_CGS",),
    "UnitVelocity_in_cm_per_s": ("UnitVelocity_In_CGS",),
}
"""Gadget's name of an attribute -> its names in GIZMO since 2019, MP-Gadget, EAGLE, converters."""

_SWIFT_NAMES = {
    "HubbleParam": ("Cosmology", "h"),
    "Redshift": ("Cosmology", "Redshift"),
    "Omega0": ("Cosmology", "Omega_m"),
    "OmegaLambda": ("Cosmology", "Omega_lambda"),
    "OmegaBaryon": ("Cosmology", "Omega_b"),
    "UnitLength_in_cm": ("Units", "Unit length in cgs (U_L)"),
    "UnitMass_in_g": ("Units", "Unit mass in cgs (U_M)"),
}
"""Gadget's name of an attribute -> group and name in snapshots of SWIFT."""


def _scalars(group):
    """Attributes of a group; arrays of length 1, as Astrid and SWIFT have them, become scalars."""
    values = {}
    for key, value in group.attrs.items():
        array = np.asarray(value)
        values[key] = array.reshape(-1)[0] if array.size == 1 else array
    return values


def _attributes(file):
    """Header, parameters and units of a file, by Gadget's names."""
    values = {}
    for group in ("Cosmology", "Units", "Parameters", "Header"):  # the header has the last word
        if group in file:
            values |= _scalars(file[group])
    # Files of other codes may have such a group, but name their units as Gadget does.
    if "Omega_m" in file.get("Cosmology", file).attrs and "UnitLength_in_cm" not in values:
        values = _swift_attributes(file)
    for name, others in _OTHER_NAMES.items():
        known = [other for other in others if other in values]
        if name not in values and known:
            values[name] = values[known[0]]
    time = values.get("Time")
    if time is not None and values.get("Code") != "SWIFT" and 0 < float(time) < 1.1:
        redshift = 1 / float(time) - 1  # files without a redshift are in scale factors
        if abs(np.log1p(float(values.setdefault("Redshift", redshift))) + np.log(time)) > 1e-3:
            log.warning(
                "%s: the header's Redshift %s isn't that of its Time %s as a scale factor. The "
                "redshift is used.", file.filename, values["Redshift"], time,
            )  # fmt: skip
    sides = np.atleast_1d(values.get("BoxSize", np.nan))
    if sides.shape == (3,) and np.all(sides == sides[0]):  # SWIFT lists one side an axis
        values["BoxSize"] = sides[0]
    return values


def _swift_attributes(file):
    """Attributes of a SWIFT snapshot by Gadget's names, with ``Code`` and ``KernelRadius``."""
    groups = {
        name: _scalars(file[name]) if name in file else {}
        for name in ("Header", "Cosmology", "Units")
    }
    values = groups["Header"] | {"Code": "SWIFT", "KernelRadius": _kernel_radius(file)}
    for name, (group, key) in _SWIFT_NAMES.items():
        if key not in groups[group]:
            raise FormatError(
                f"{file.filename}: SWIFT's group {group} lacks {key!r}.",
                found=sorted(groups[group]),
                expected=f"{key!r}, which every cosmological snapshot of SWIFT has",
            )
        values[name] = groups[group][key]
    time = groups["Units"].get("Unit time in cgs (U_t)", np.nan)
    values["UnitVelocity_in_cm_per_s"] = values["UnitLength_in_cm"] / time
    return values


def _kernel_radius(file):
    """Support radius of the kernel that a SWIFT snapshot names, over its smoothing length."""
    scheme = _scalars(file["HydroScheme"]) if "HydroScheme" in file else {}
    name = scheme.get("Kernel function", b"")
    name = name.decode() if isinstance(name, bytes) else str(name)
    if name in KERNEL_RADII:
        return KERNEL_RADII[name]
    if "PartType0" in file and len(file["PartType0"]):
        raise FormatError(
            f"{file.filename}: the kernel of SWIFT's gas isn't known.",
            found=f"HydroScheme / Kernel function {name!r}",
            expected=f"one of {sorted(KERNEL_RADII)}",
            remedy="Without it the size of a gas particle is ambiguous by 20%.",
        )
    return np.nan


@dataclass(frozen=True)
class Snapshot:
    """What the files of one snapshot say together.

    Attributes
    ----------
    header : Header
        In physical units; its particle numbers are those of all files.
    units : CodeUnits
        Factors from the files' units to ours.
    numbers : tuple of tuple of int
        Particles of each type in each file.
    """

    header: Header
    units: CodeUnits
    numbers: tuple


def read_snapshot(paths, cutout=False):
    """Read the headers of all files of a snapshot, and make sure that they are all of it.

    Parameters
    ----------
    paths : sequence of Path
        One file, or all parts.
    cutout : bool
        Whether the files hold a region of a simulation, whose header may be that of the whole. A
        file whose header has an attribute ``CutoutType`` or alike is one anyway.

    Returns
    -------
    Snapshot

    Raises
    ------
    FormatError
        If an attribute is missing or impossible, or the files aren't one whole snapshot.
    """
    headers, totals = [], []
    for path in paths:
        with opened(path) as file:
            header, units, total = read_header(file, cutout)
        if headers and _differs(header, headers[0]):
            raise FormatError(
                f"{path} and {paths[0]} aren't parts of one snapshot.",
                found=_differs(header, headers[0]),
                expected="the same in all parts",
                remedy="Give the parts of one simulation at one time.",
            )
        headers.append(header)
        totals.append(total)
    numbers = tuple(header.particle_number for header in headers)
    if not headers[0].is_cutout:
        _check_whole(paths, numbers, totals)
    whole = replace(headers[0], particle_number=tuple(map(sum, zip(*numbers, strict=True))))
    return Snapshot(whole, units, numbers)


def _differs(header, first):
    """Name what differs between the headers of two parts, empty where nothing does."""
    names = ("box_size", "redshift", "hubble", "omega_matter", "mass_table", "is_cutout")
    return ", ".join(
        f"{name} {getattr(header, name)} and {getattr(first, name)}"
        for name in names
        if not np.allclose(getattr(header, name), getattr(first, name), rtol=1e-6, atol=1e-9)
    )


_COUNTED = (0, 1, 4)
"""Types of particles without which neither maps nor properties are whole: not the black holes."""


def _check_whole(paths, numbers, totals):
    """Hold the particles that are listed in the files against those that the snapshot has."""
    listed = np.sum(numbers, axis=0, dtype=np.int64)
    expected, number_of_files = totals[0]
    if expected is None and number_of_files in (0, len(paths)):
        return
    if expected is not None:
        absent = (listed == 0) & (expected > 0)
        if not (listed - expected)[~absent].any() and not absent[list(_COUNTED)].any():
            if absent.any():
                log.warning(
                    "%s: the snapshot had %s particles, and this file has none of the types %s.",
                    paths[0], expected.tolist(), np.flatnonzero(absent).tolist(),
                )  # fmt: skip
            return
    found = f"{len(paths)} file{'s' * (len(paths) != 1)} with {listed.tolist()} particles"
    whole = [f"NumFilesPerSnapshot = {number_of_files}"] * (number_of_files > 0)
    whole += [] if expected is None else [f"NumPart_Total = {expected.tolist()}"]
    raise IncompleteError(
        f"{paths[0]} is one part of a snapshot."
        if len(paths) == 1
        else f"{paths[0]} and the other parts aren't a whole snapshot.",
        found=found,
        expected=" and ".join(whole),
        remedy="Put all parts into one folder and give any of them, or the folder. For a region "
        "that was cut out of a simulation, give cutout=True to Simulation.from_files.",
    )


def is_part(path):
    """Whether a file says that it is one part of a snapshot.

    Parameters
    ----------
    path : Path
        A snapshot.

    Returns
    -------
    bool
        False also for a file that can't be read, which others say with its reason.
    """
    try:
        read_snapshot([path])
    except FormatError as error:
        return "one part of a snapshot" in error.problem
    except DataNotFoundError:
        return False
    return False


def read_header(file, cutout=False):
    """Read the header of one open file of a snapshot.

    Parameters
    ----------
    file : h5py.File
        The file.
    cutout : bool
        As for `read_snapshot`.

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
        values = _attributes(file)
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
