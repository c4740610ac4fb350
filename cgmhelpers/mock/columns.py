"""The columns of each dialect, computed from physical quantities: names, units and definitions."""

import numpy as np

from cgmhelpers.mock import chemistry, swift

ONCE_FORMING = 1e-26
"""Density above which Swift-EAGLE's gas has formed stars before [g/cm^3]."""

KERNEL_FACTOR = 2.0
"""Kernel support over the radius of a sphere of the element's volume; the same for all suites, as
in yt."""

TNG_ELEMENTS = ("H", "He", "C", "N", "O", "Ne", "Mg", "Si", "Fe", "other")

SIMBA_ELEMENTS = ("total", "He", "C", "N", "O", "Ne", "Mg", "Si", "S", "Ca", "Fe")


def internal_energy(temperature, electron_abundance):
    """Return the specific internal energy from which readers compute a temperature.

    u = k_B T / ((gamma - 1) mu m_p), mu = 4 / (1 + 3 X_H + 4 X_H x_e), X_H = 0.76 whatever the
    metals, as the codes' documentation and yt have it.

    Parameters
    ----------
    temperature : array (N,)
        [K].
    electron_abundance : array (N,)
        n_e / n_H.

    Returns
    -------
    array (N,)
        [(km/s)^2].
    """
    from astropy import constants

    hydrogen = 0.76
    weight = 4 / (1 + 3 * hydrogen + 4 * hydrogen * electron_abundance)
    factor = constants.k_B.cgs.value / constants.m_p.cgs.value / (5 / 3 - 1) / 1e10
    return temperature * factor / weight


def kernel_support(mass, density):
    """Return the support radius of an element's kernel.

    Parameters
    ----------
    mass : array (N,)
        [Msun].
    density : array (N,)
        [g/cm^3].

    Returns
    -------
    array (N,)
        [kpc]; twice the radius of a sphere of the element's volume.
    """
    from astropy import units

    density = density * (units.g / units.cm**3).to(units.Msun / units.kpc**3)
    return KERNEL_FACTOR * np.cbrt(3 * mass / (4 * np.pi * density))


class _Gas:
    """Gas columns of one dialect; each method takes rows and returns code units."""

    def __init__(self, dialect, header, columns):
        self.dialect, self.header, self.columns = dialect, header, columns

    def take(self, name, rows, default=0.0):
        if name in self.columns:
            return self.columns[name][rows]
        return np.full(len(self.columns["mass"][rows]), default, dtype=np.float32)

    def metals(self, rows):
        metallicity = self.take("metallicity", rows)
        if "hydrogen_fraction" in self.columns:
            helium = 1 - self.take("hydrogen_fraction", rows) - metallicity
        else:
            helium = chemistry.helium_fraction(metallicity)
        names = {"SIMBA": SIMBA_ELEMENTS, "Swift-EAGLE": tuple(swift.ELEMENTS.values())}
        names = names.get(self.dialect, TNG_ELEMENTS)
        return chemistry.elements(metallicity, helium, names)

    def electrons(self, rows):
        # Fully ionised primordial gas when nothing is said.
        return self.take("electron_abundance", rows, 1.158)

    def energy(self, rows):
        energy = internal_energy(self.take("temperature", rows), self.electrons(rows))
        return energy * self.header.specific_energy

    def support(self, rows):
        if "smoothing_length" in self.columns:
            return self.take("smoothing_length", rows) * self.header.length
        support = kernel_support(self.take("mass", rows), self.take("density", rows))
        return support * self.header.length

    def level(self, rows):
        """Return the level of the AMR cell whose size is nearest to the element's."""
        volume = self.take("mass", rows) * self.header.mass
        volume = volume / (self.take("density", rows) * self.header.density)
        side = self.header.box_size * self.header.length
        return np.rint(np.log2(side / np.cbrt(volume)))

    def cell_density(self, rows):
        """Return the mass over the volume of the AMR cell."""
        side = self.header.box_size * self.header.length
        return self.take("mass", rows) * self.header.mass / (side / 2 ** self.level(rows)) ** 3

    def past_rate(self, rows):
        """Return SWIFT's rate; for dense gas that formed stars before, minus the time."""
        rate = self.take("star_formation_rate", rows)
        once = (rate <= 0) & (self.take("density", rows) > ONCE_FORMING)
        return np.where(once, -0.9 * self.header.scale_factor, rate * self.header.rate)

    def molecular(self, rows):
        """Return the molecular share, which only star-forming gas has."""
        forming = self.take("star_formation_rate", rows) > 0
        return np.where(forming, 0.3, 0.0)

    def field(self, rows):
        """Return an isotropic magnetic field in code units that grows with density^(2/3)."""
        strength = (self.take("density", rows) * self.header.density) ** (2 / 3) * 1e-3
        tilt = np.modf(self.take("mass", rows)[:, None] * np.array([1e-3, 3e-4, 7e-5]))[0] - 0.5
        return strength[:, None] * tilt

    def table(self):
        header, dialect = self.header, self.dialect
        if dialect == "Swift-EAGLE":
            return self.swift_table()
        table = {
            "Masses": lambda rows: self.take("mass", rows) * header.mass,
            "Density": lambda rows: self.take("density", rows) * header.density,
            "InternalEnergy": self.energy,
            "ElectronAbundance": self.electrons,
            "NeutralHydrogenAbundance": lambda rows: self.take("neutral_hydrogen_abundance", rows),
            "StarFormationRate": lambda rows: self.take("star_formation_rate", rows),
        }
        if dialect == "Ramses":
            table["Density"] = self.cell_density
            table["Metallicity"] = lambda rows: self.take("metallicity", rows)
            table["Temperature"] = lambda rows: self.take("temperature", rows)
            table["AMR_level"] = self.level
            # Turbulence of 10 km/s.
            table["TKED"] = lambda rows: 50 * self.cell_density(rows)
            del table["StarFormationRate"]
            return table
        if dialect == "SIMBA":
            table["Metallicity"] = self.metals
            table["FractionH2"] = self.molecular
            table["Dust_Masses"] = lambda rows: (
                0.1 * self.take("metallicity", rows) * self.take("mass", rows) * header.mass
            )
            table["Dust_Metallicity"] = lambda rows: 0.1 * self.metals(rows)
            table["DelayTime"] = lambda rows: self.take("delay_time", rows)
        else:
            table["GFM_Metallicity"] = lambda rows: self.take("metallicity", rows)
            table["GFM_Metals"] = self.metals
        if dialect == "Astrid":
            table["DelayTime"] = lambda rows: self.take("delay_time", rows)
        if dialect == "IllustrisTNG":
            table["MagneticField"] = self.field
        else:
            table["SmoothingLength"] = self.support
        return table

    def swift_table(self):
        header = self.header
        return {
            "Masses": lambda rows: self.take("mass", rows) * header.mass,
            "Densities": lambda rows: self.take("density", rows) * header.density,
            "Temperatures": lambda rows: self.take("temperature", rows),
            "InternalEnergies": self.energy,
            "SmoothingLengths": lambda rows: self.support(rows) / swift.KERNEL_RADIUS,
            "StarFormationRates": self.past_rate,
            "SmoothedMetalMassFractions": lambda rows: self.take("metallicity", rows),
            "SmoothedElementMassFractions": self.metals,
        }


def _swift_collisionless(header, columns):
    """Return columns of dark matter, stars or black holes by SWIFT's names."""
    black_holes = "black_hole_mass" in columns
    mass = "DynamicalMasses" if black_holes else "Masses"
    table = {mass: lambda rows: columns["mass"][rows] * header.mass}
    if "formation_time" in columns:
        table["BirthScaleFactors"] = lambda rows: columns["formation_time"][rows]
        table["InitialMasses"] = lambda rows: columns["mass"][rows] * header.mass
        if "metallicity" in columns:
            table["SmoothedMetalMassFractions"] = lambda rows: columns["metallicity"][rows]
    if black_holes:
        table["SubgridMasses"] = lambda rows: columns["black_hole_mass"][rows] * header.mass
        table["AccretionRates"] = lambda rows: columns["accretion_rate"][rows] * header.rate
    return table


def _ramses_collisionless(header, columns):
    """Return columns of dark matter, stars or black holes by the names of Ramses' files."""
    table = {
        "Masses": lambda rows: columns["mass"][rows] * header.mass,
        # The mock has no mesh: all particles lie in the cells of its coarsest level.
        "AMR_level": lambda rows: np.full(len(columns["mass"][rows]), 8),
    }
    if "formation_time" in columns:

        def cosmic_time(rows):
            from astropy.cosmology import FlatLambdaCDM

            universe = FlatLambdaCDM(H0=100 * header.hubble, Om0=header.omega_matter)
            scale = np.linspace(0.02, 1, 200)
            age = universe.age(1 / scale - 1).to_value("Gyr")
            return np.interp(columns["formation_time"][rows], scale, age)

        table["FormationTime"] = cosmic_time
        if "metallicity" in columns:
            table["Metallicity"] = lambda rows: columns["metallicity"][rows]
    if "black_hole_mass" in columns:
        per_time = 1e-4  # Msun/yr in 1e10 Msun/Myr
        table["acc_rate"] = lambda rows: columns["accretion_rate"][rows] * per_time
    return table


def gas_table(dialect, header, columns):
    """Return the columns of gas by their names in the file.

    Parameters
    ----------
    dialect : str
        A key of `cgmhelpers.mock.files.DIALECTS`.
    header : SnapshotHeader
        Units of the file.
    columns : mapping of str to array
        As `gas` of `cgmhelpers.mock.snapshot.write_snapshot`.

    Returns
    -------
    dict of str to callable
        Each takes rows (a slice, or an array of them) and returns the column's in code units.
    """
    return _Gas(dialect, header, columns).table()


def collisionless_table(dialect, header, columns, listed_masses=True):
    """Return the columns of dark matter, stars or black holes by their names in the file.

    Parameters
    ----------
    dialect, header
        As for `gas_table`.
    columns : mapping of str to array
        As `dark_matter`, `stars` or `black_holes` of `cgmhelpers.mock.snapshot.write_snapshot`.
    listed_masses : bool
        Whether the file lists masses; else the header has the mass of all.

    Returns
    -------
    dict of str to callable
        As from `gas_table`.
    """
    if dialect == "Swift-EAGLE":
        return _swift_collisionless(header, columns)
    if dialect == "Ramses":
        return _ramses_collisionless(header, columns)
    table = {}
    if listed_masses:
        table["Masses"] = lambda rows: columns["mass"][rows] * header.mass
    if "formation_time" in columns:
        simba = dialect == "SIMBA"
        name = "StellarFormationTime" if simba else "GFM_StellarFormationTime"
        table[name] = lambda rows: columns["formation_time"][rows]

        def metallicity(rows):
            if "metallicity" in columns:
                return columns["metallicity"][rows]
            return np.zeros(len(columns["mass"][rows]), dtype=np.float32)

        def metals(rows):
            metal = metallicity(rows)
            names = SIMBA_ELEMENTS if simba else TNG_ELEMENTS
            return chemistry.elements(metal, chemistry.helium_fraction(metal), names)

        if simba:
            table["Metallicity"] = metals
        else:
            table["GFM_Metallicity"] = metallicity
            table["GFM_Metals"] = metals
    if "black_hole_mass" in columns:
        table["BH_Mass"] = lambda rows: columns["black_hole_mass"][rows] * header.mass
        table["BH_Mdot"] = lambda rows: columns["accretion_rate"][rows]
    return table
