"""What each simulation code calls the columns that we need, and in which units.

One table, `COLUMNS`, says for every physical column in which data sets it may be found. The
first recipe whose data sets exist is used, so a file is read by what it holds and not by the
name of its suite: the three suites of the paper, their N-body twins, Swift-EAGLE, Ramses, and
other Gadget-like files go through the same lines.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cgmhelpers.simulations import hdf5
from cgmhelpers.simulations.conversions import (
    PRIMORDIAL_HYDROGEN_FRACTION,
    cell_support_radius,
    equilibrium_electrons,
    schmidt_rate,
    swift_temperature,
    temperature,
)

PARTICLE_TYPES = {"gas": 0, "dark_matter": 1, "stars": 4, "wind": 4, "black_holes": 5}
"""Number of the HDF5 group ``PartType<n>`` that holds each kind."""


@dataclass(frozen=True)
class Piece:
    """A data set, or one column of a two-dimensional one with at least `width` columns.

    Where the file names the columns, as SWIFT does, the column is that of the name `label`.
    """

    name: str
    column: int | None = None
    width: int = 0
    label: str = ""

    def __str__(self):
        return f"{self.name} of {self.width} columns" if self.width else self.name

    def found_in(self, group):
        """Whether an open HDF5 group holds this piece.

        Parameters
        ----------
        group : h5py.Group
            A particle type.

        Returns
        -------
        bool
        """
        if self.name not in group or self.width == 0:
            return self.name in group
        shape = getattr(group[self.name], "shape", ())
        wide = len(shape) == 2 and shape[1] >= self.width
        return wide and self._place(group) is not None

    def _place(self, group):
        """Number of the column; None where the file's names don't hold the label."""
        names = group.file.get(f"SubgridScheme/NamedColumns/{self.name}") if self.label else None
        if names is None:
            return self.column
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in names[()]]
        return names.index(self.label) if self.label in names else None

    def reader(self, group):
        """Prepare to read rows; one column only where one is named.

        Parameters
        ----------
        group : h5py.Group
            A particle type.

        Returns
        -------
        callable
            From `cgmhelpers.simulations.hdf5.reader`.
        """
        dataset = group[self.name]
        return hdf5.reader(dataset, self._place(group) if dataset.ndim == 2 else None)


@dataclass(frozen=True)
class Recipe:
    """How to make a physical column from pieces of a file, and what to warn of when it is used."""

    pieces: tuple[Piece, ...]
    convert: Callable
    warning: str = ""
    beside: str = ""  # a data set that isn't read, and tells that the recipe is the right one


def _scaled(values, factor):
    """Multiply in place where the type allows it: a column can be 400 MB."""
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(np.float64)
    values *= values.dtype.type(factor)
    return values


def _plain(values, units):
    return values


def _swift_electrons(density, temperature, hydrogen, helium, units):
    return equilibrium_electrons(
        _scaled(density, units.density), temperature, hydrogen, helium, units.redshift
    )


def _elements(name, *labels):
    """Pieces of SWIFT's table of elements, which EAGLE's model fills with nine."""
    order = ("Hydrogen", "Helium")
    return tuple(Piece(name, order.index(label), 9, label) for label in labels)


_NO_RATE = (
    "The file has no star-formation rate. Gas of more than 0.1 hydrogen nuclei per cm^3 counts as "
    "star-forming."
)

_MASS = Recipe((Piece("Masses"),), lambda m, units: _scaled(m, units.mass))

COLUMNS = {
    "position": (Recipe((Piece("Coordinates"),), lambda x, units: _scaled(x, units.length)),),
    "velocity": (
        # Ramses has peculiar velocities, and no square root of the scale factor.
        Recipe(
            (Piece("Velocities"),),
            lambda v, units: _scaled(v, units.velocity * np.sqrt(1 + units.redshift)),
            beside="AMR_level",
        ),
        Recipe((Piece("Velocities"),), lambda v, units: _scaled(v, units.velocity)),
    ),
    "mass": (
        _MASS,
        # SWIFT's black holes: what gravity sees of them.
        Recipe((Piece("DynamicalMasses"),), lambda m, units: _scaled(m, units.mass)),
    ),
    "density": (
        Recipe((Piece("Density"),), lambda d, units: _scaled(d, units.density)),
        Recipe((Piece("Densities"),), lambda d, units: _scaled(d, units.density)),
    ),
    "temperature": (
        Recipe(
            (Piece("InternalEnergy"), Piece("ElectronAbundance")),
            lambda e, x, units: temperature(_scaled(e, units.specific_energy), x),
        ),
        Recipe((Piece("Temperature"),), _plain),
        Recipe((Piece("Temperatures"),), _plain),
        Recipe(
            (Piece("InternalEnergies"),),
            lambda e, units: swift_temperature(_scaled(e, units.specific_energy)),
            warning="The file has no temperature. Gas counts as neutral below 1e4 K, as ionised "
            "above.",
        ),
    ),
    # Mass fraction of all metals. SIMBA and Gadget-4 share a name; GIZMO's table, as SIMBA's, has
    # 11 columns or more: all metals, helium, then carbon to iron.
    "metallicity": (
        Recipe((Piece("GFM_Metallicity"),), _plain),
        Recipe((Piece("Metallicity", column=0, width=11),), _plain),
        Recipe((Piece("Metallicity"),), _plain),  # of one column, which its shape is checked for
        Recipe((Piece("SmoothedMetalMassFractions"),), _plain),
        Recipe((Piece("MetalMassFractions"),), _plain),
    ),
    "hydrogen_fraction": (
        Recipe((Piece("GFM_Metals", column=0, width=9),), _plain),
        Recipe(
            (Piece("Metallicity", column=0, width=11), Piece("Metallicity", column=1, width=11)),
            lambda metals, helium, units: 1 - metals - helium,
        ),
        Recipe(_elements("SmoothedElementMassFractions", "Hydrogen"), _plain),
        Recipe(_elements("ElementMassFractions", "Hydrogen"), _plain),
        Recipe(
            (Piece("Masses"),),
            lambda m, units: np.full(m.shape, PRIMORDIAL_HYDROGEN_FRACTION, m.dtype),
        ),
    ),
    "electron_abundance": (
        Recipe((Piece("ElectronAbundance"),), _plain),
        *(
            Recipe(
                (
                    Piece("Densities"),
                    Piece("Temperatures"),
                    *_elements(name, "Hydrogen", "Helium"),
                ),
                _swift_electrons,
            )
            for name in ("SmoothedElementMassFractions", "ElementMassFractions")
        ),
    ),
    "neutral_hydrogen_abundance": (Recipe((Piece("NeutralHydrogenAbundance"),), _plain),),
    "star_formation_rate": (
        Recipe((Piece("StarFormationRate"),), _plain),
        # SWIFT's negative rates are the scale factors at which gas last formed stars.
        Recipe(
            (Piece("StarFormationRates"),),
            lambda rate, units: _scaled(np.maximum(rate, 0), units.star_formation_rate),
        ),
        Recipe(
            (Piece("AMR_level"), Piece("Masses"), Piece("Density")),
            lambda level, m, d, units: schmidt_rate(
                _scaled(m, units.mass), _scaled(d, units.density)
            ),
            warning=_NO_RATE,
        ),
    ),
    "smoothing_length": (
        Recipe((Piece("SmoothingLength"),), lambda h, units: _scaled(h, units.length)),
        Recipe(
            (Piece("SmoothingLengths"),),
            lambda h, units: _scaled(h, units.length * units.kernel_radius),
        ),
        Recipe(
            (Piece("AMR_level"),),
            lambda level, units: cell_support_radius((units.box * units.length / 2.0**level) ** 3),
        ),
        Recipe(
            (Piece("Masses"), Piece("Density")),
            lambda m, d, units: _scaled(cell_support_radius(m / d), units.length),
        ),
    ),
    "formation_time": (
        Recipe((Piece("GFM_StellarFormationTime"),), _plain),
        Recipe((Piece("StellarFormationTime"),), _plain),
        Recipe((Piece("BirthScaleFactors"),), _plain),
    ),
    "particle_id": (Recipe((Piece("ParticleIDs"),), _plain),),
}
"""Physical column -> recipes, in the order of preference."""

ELECTRONS = ("per_hydrogen", "per_mass_without_dust")
"""What ``ElectronAbundance`` and ``NeutralHydrogenAbundance`` count.

``per_hydrogen``: particles per hydrogen nucleus, as all suites document it.
``per_mass_without_dust``: in gas without dust (``Dust_Masses`` is 0) they are per proton mass of
gas, and become what they are elsewhere once they are divided by `PRIMORDIAL_HYDROGEN_FRACTION`. A
user of CAMELS-SIMBA reported that: 0.88 electrons in ionised gas without dust, and 1.158 with dust.
The authors of the suite haven't confirmed it.
"""

COUNTED_PER_HYDROGEN = ("ElectronAbundance", "NeutralHydrogenAbundance")
"""Data sets that `ELECTRONS` is about."""

IONISED_ABOVE = 1e6
"""Temperature above which all hydrogen is ionised [K], with at least one electron a nucleus."""

MAY_BE_ZERO = ("black_holes", "stars", "wind")
"""Kinds whose particles may have no mass. Codes leave such remnants of mergers and winds."""

COLUMN_UNITS = {
    "position": "kpc",
    "velocity": "km/s",
    "mass": "Msun",
    "density": "g/cm**3",
    "temperature": "K",
    "metallicity": "",
    "hydrogen_fraction": "",
    "electron_abundance": "",
    "neutral_hydrogen_abundance": "",
    "star_formation_rate": "Msun/yr",
    "smoothing_length": "kpc",
    "formation_time": "",
    "particle_id": "",
}
"""Unit of each physical column (physical, not comoving)."""


_TINY = float(np.finfo(np.float32).tiny)
BOUNDS = {
    "position": (-0.001, 1.001),  # of the box: rounding may put an element on its edge
    "velocity": (-3e5, 3e5),  # the speed of light
    "mass": (_TINY, 1e15),
    "density": (1e-40, 1e-10),  # 1e-16 to 1e14 nuclei per cm^3
    "temperature": (1e-3, 1e12),
    "metallicity": (-1e-3, 1.0),  # rounding in the codes' advection
    "hydrogen_fraction": (0.0, 1.001),
    "electron_abundance": (0.0, 3.0),
    "neutral_hydrogen_abundance": (0.0, 1.01),
    "star_formation_rate": (0.0, 1e6),
    "smoothing_length": (_TINY, 1.0),  # of the box
    "formation_time": (-np.inf, np.inf),
}
"""Least and largest value of each physical column, in its unit; far beyond what simulations have,
but within reach of wrong units and damaged files. NaN and infinity are outside."""


@dataclass(frozen=True)
class Suite:
    """Gas columns that tell the snapshots of a suite from those of the others, and whether it had
    34 snapshots before March 2024 instead of 91."""

    has: tuple[Piece, ...]
    lacks: tuple[str, ...] = ()
    had_34: bool = False


_TABLE = Piece("GFM_Metals", column=0, width=9)
SUITES = {
    "IllustrisTNG": Suite(
        (Piece("GFM_Metallicity"), _TABLE), ("SmoothingLength", "SmoothingLengths"), had_34=True
    ),
    "SIMBA": Suite(
        (Piece("Metallicity", column=0, width=11), Piece("SmoothingLength")),
        ("GFM_Metallicity", "AMR_level"),
        had_34=True,
    ),
    "Astrid": Suite((Piece("GFM_Metallicity"), _TABLE, Piece("SmoothingLength"))),
    "Swift-EAGLE": Suite((Piece("SmoothingLengths"), Piece("StarFormationRates"))),
    "Ramses": Suite((Piece("AMR_level"),)),
}
"""Suites whose files are known; others are read by what they hold."""
