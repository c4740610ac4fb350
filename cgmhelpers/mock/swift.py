"""Contents of SWIFT's files besides the particles: units without h, groups, attributes."""

from dataclasses import dataclass, fields

import numpy as np

from cgmhelpers.mock.files import SnapshotHeader, write_attributes
from cgmhelpers.simulations.attributes import KERNEL_RADII

UNIT_LENGTH = 3.08567758e24
UNIT_MASS = 1.98841e43
UNIT_TIME = UNIT_LENGTH / 1e5
KERNEL = "Quartic spline (M5)"
"""Kernel of the Swift-EAGLE suite's hydrodynamics (SPHENIX)."""
KERNEL_RADIUS = KERNEL_RADII[KERNEL]
"""Support radius of the kernel over the smoothing length."""
ELEMENTS = {
    "Hydrogen": "H",
    "Helium": "He",
    "Carbon": "C",
    "Nitrogen": "N",
    "Oxygen": "O",
    "Neon": "Ne",
    "Magnesium": "Mg",
    "Silicon": "Si",
    "Iron": "Fe",
}
DIMENSIONS = {
    "Coordinates": (1, 0, 0, 0, 1),
    "Velocities": (1, 0, -1, 0, 0),
    "Masses": (0, 1, 0, 0, 0),
    "InitialMasses": (0, 1, 0, 0, 0),
    "DynamicalMasses": (0, 1, 0, 0, 0),
    "SubgridMasses": (0, 1, 0, 0, 0),
    "AccretionRates": (0, 1, -1, 0, 0),
    "Densities": (-3, 1, 0, 0, -3),
    "Temperatures": (0, 0, 0, 1, 0),
    "InternalEnergies": (2, 0, -2, 0, -2),
    "SmoothingLengths": (1, 0, 0, 0, 1),
    "StarFormationRates": (0, 1, -1, 0, 0),
}
"""Powers of length, mass, time and temperature in a data set, and of the scale factor."""


@dataclass(frozen=True)
class SwiftHeader(SnapshotHeader):
    """The same snapshot in SWIFT's units: comoving Mpc, 1e10 Msun, km/s, no h."""

    @classmethod
    def like(cls, header):
        """Make the header of the same snapshot.

        Parameters
        ----------
        header : SnapshotHeader
            In CAMELS' usual units.

        Returns
        -------
        SwiftHeader
        """
        return cls(**{field.name: getattr(header, field.name) for field in fields(header)})

    @property
    def length(self):
        """Code lengths (comoving Mpc) per physical kpc."""
        from astropy import constants

        return constants.kpc.cgs.value / UNIT_LENGTH / self.scale_factor

    @property
    def mass(self):
        """Code masses (10^10 Msun) per Msun."""
        from astropy import constants

        return constants.M_sun.cgs.value / UNIT_MASS

    @property
    def density(self):
        """Code densities per g/cm^3."""
        return UNIT_LENGTH**3 / UNIT_MASS * self.scale_factor**3

    @property
    def velocity(self):
        """Code velocities per peculiar km/s."""
        return 1.0

    @property
    def specific_energy(self):
        """Code energies, which are comoving, per (km/s)^2."""
        return self.scale_factor**2

    @property
    def rate(self):
        """Code rates per Msun/yr."""
        from astropy import units

        return self.mass / units.yr.to(units.s) * UNIT_TIME


def write_header(file, header, numbers):
    """Write the groups that describe a snapshot of SWIFT.

    Parameters
    ----------
    file : h5py.File
        An empty file.
    header : SwiftHeader
        Box, time and cosmology.
    numbers : array (6,) of int
        Particles of each type.
    """
    side = header.box_size * header.length
    # SWIFT has a seventh type, neutrinos.
    numbers = np.append(numbers, 0)
    scale, redshift = header.scale_factor, header.redshift
    groups = {
        "Header": {
            "BoxSize": np.full(3, side),
            "CanHaveTypes": np.array([1, 1, 0, 0, 1, 1, 0], np.int32),
            "Code": np.bytes_("SWIFT"),
            "Dimension": np.int64(3),
            "MassTable": np.zeros(7),
            "NumFilesPerSnapshot": np.int32(1),
            "NumPart_ThisFile": numbers.astype(np.int64),
            "NumPart_Total": numbers.astype(np.uint32),
            "NumPart_Total_HighWord": np.zeros(7, np.uint32),
            "OutputType": np.bytes_("FullVolume"),
            "Redshift": redshift,
            "RunName": np.bytes_("mock"),
            "Scale-factor": scale,
            "SelectOutput": np.bytes_("Default"),
            "SnapshotDate": np.bytes_("00:00:00 2000-01-01 UTC"),
            "System": np.bytes_("mock"),
            "Time": _time(header),
        },
        "Cosmology": {
            "Cosmological run": np.int32(1),
            "H0 [internal units]": 100 * header.hubble,
            "Omega_b": header.omega_baryon,
            "Omega_k": 0.0,
            "Omega_lambda": header.omega_lambda,
            "Omega_m": header.omega_matter,
            "Omega_r": 0.0,
            "Redshift": redshift,
            "Scale-factor": scale,
            "h": header.hubble,
            "w": -1.0,
            "w_0": -1.0,
            "w_a": 0.0,
        },
        "Units": {
            "Unit current in cgs (U_I)": 1.0,
            "Unit length in cgs (U_L)": UNIT_LENGTH,
            "Unit mass in cgs (U_M)": UNIT_MASS,
            "Unit temperature in cgs (U_T)": 1.0,
            "Unit time in cgs (U_t)": UNIT_TIME,
        },
        "HydroScheme": {
            "Adiabatic index": 5 / 3,
            "Kernel eta": 1.2348,
            "Kernel function": np.bytes_(KERNEL),
        },
        "Parameters": {
            "Cosmology:Omega_b": np.bytes_(repr(header.omega_baryon)),
            "Cosmology:Omega_cdm": np.bytes_(repr(header.omega_matter - header.omega_baryon)),
            "Cosmology:Omega_lambda": np.bytes_(repr(header.omega_lambda)),
            "Cosmology:h": np.bytes_(repr(header.hubble)),
            "InitialConditions:periodic": np.bytes_("1"),
        },
        "Policy": {"cosmological integration": np.int32(1)},
    }
    groups["InternalCodeUnits"] = groups["Units"]
    empty = ("Code", "GravityScheme", "StarsScheme", "SubgridScheme", "UnusedParameters")
    groups |= {name: {} for name in empty}
    if header.mock:
        groups["Header"]["Mock"] = header.mock
    if header.settings:
        groups["Header"]["MockSettings"] = header.settings
    for name, attributes in groups.items():
        text = {key: value for key, value in attributes.items() if isinstance(value, np.bytes_)}
        group = file.create_group(name)
        write_attributes(group, text, arrays=False)
        write_attributes(group, {k: v for k, v in attributes.items() if k not in text}, arrays=True)
    named = file["SubgridScheme"].create_group("NamedColumns")
    named["SmoothedElementMassFractions"] = np.array(list(ELEMENTS), "S32")


def _time(header):
    """Return the age of the universe in SWIFT's unit of time."""
    from astropy.cosmology import FlatLambdaCDM

    cosmology = FlatLambdaCDM(H0=100 * header.hubble, Om0=header.omega_matter)
    return cosmology.age(header.redshift).to_value("s") / UNIT_TIME


def describe(group):
    """Write the units of each data set of a particle type to its attributes.

    Parameters
    ----------
    group : h5py.Group
        The particle type.
    """
    for name, dataset in group.items():
        length, mass, time, temperature, scale = DIMENSIONS.get(name, (0,) * 5)
        exponents = {"I": 0, "L": length, "M": mass, "T": temperature, "t": time}
        for letter, power in exponents.items():
            dataset.attrs[f"U_{letter} exponent"] = np.array([float(power)])
        dataset.attrs["a-scale exponent"] = np.array([float(scale)])
        dataset.attrs["h-scale exponent"] = np.array([0.0])
        dataset.attrs["Description"] = np.bytes_("")
