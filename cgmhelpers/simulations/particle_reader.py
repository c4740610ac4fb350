"""Rows of one kind of particle, read from a file; values that no simulation has are refused."""

import functools
import logging
import threading
from collections import Counter

import numpy as np

from cgmhelpers.errors import FormatError, IncompleteError, check_known
from cgmhelpers.simulations import dialects, hdf5
from cgmhelpers.simulations.opening import faults_named
from cgmhelpers.simulations.particles import Particles

log = logging.getLogger(__name__)


def particle_group(file, particle_type, number):
    """Find the group of a particle type.

    Parameters
    ----------
    file : h5py.File
        An open snapshot.
    particle_type : int
        0 to 5.
    number : int
        Particles of that type, from the header.

    Returns
    -------
    h5py.Group or dict
        Empty where there are no particles: not all codes write a group then.

    Raises
    ------
    FormatError
        If header and group contradict each other.
    """
    name = f"PartType{particle_type}"
    group = file[name] if name in file else {}  # noqa: SIM401  get() hides what is broken
    listed = len(group["Coordinates"]) if "Coordinates" in group else 0
    if listed != number:
        raise (IncompleteError if listed < number else FormatError)(
            f"{file.filename}: {name} isn't as the header says.",
            found=f"{listed} particles with coordinates",
            expected=f"NumPart_ThisFile: {number}",
            remedy="The file may have been cut off: fetch it again.",
        )
    return group


class ParticleReader:
    """Read rows of one kind of particle as physical columns, from any number of threads.

    Parameters
    ----------
    group : h5py.Group or dict
        From `particle_group`.
    header : Header
        Of the snapshot.
    units : CodeUnits
        Of the snapshot.
    kind : str
        From `cgmhelpers.simulations.dialects.PARTICLE_TYPES`.
    electrons : str, optional
        From `cgmhelpers.simulations.dialects.ELECTRONS`; None takes the first, and warns where
        the numbers speak for the second.
    """

    def __init__(self, group, header, units, kind, electrons=None):
        self.group = group
        self.header = header
        self.units = units
        self.kind = kind
        self.electrons = electrons
        self.number = len(group["Coordinates"]) if len(group) else 0
        self._odd = Counter()  # strange values of each column that were let through
        self._lock = threading.Lock()
        self._found = {}  # recipe of each column that was read, and readers of its pieces
        self._finding = threading.Lock()

    def read(self, columns, rows):
        """Read rows of some columns; wind and stars, which share one list, are told apart.

        Parameters
        ----------
        columns : sequence of str
            Names from `cgmhelpers.simulations.dialects.COLUMNS`.
        rows : slice
            Which rows of the list.

        Returns
        -------
        Particles
            Columns of shape (R,) or (R, 3), in the units of
            `cgmhelpers.simulations.dialects.COLUMN_UNITS`.

        Raises
        ------
        ParameterError
            If there is no such column.
        FormatError
            If a data set is missing, or its values are invalid.
        """
        stellar = self.kind in ("stars", "wind") and self.number > 0
        windless = stellar and "AMR_level" in self.group  # Ramses: times of birth are in Gyr
        names = dict.fromkeys((*columns, "formation_time") if stellar > windless else columns)
        table = Particles({name: self._column(name, rows) for name in names})
        if windless and self.kind == "wind":
            return table.select(slice(0, 0))
        if not stellar or windless:
            return table
        is_wind = table["formation_time"] <= 0
        chosen = table.select(is_wind if self.kind == "wind" else ~is_wind)
        return Particles({name: chosen[name] for name in columns})

    def has(self, name):
        """Whether the group has what a column is made from.

        Parameters
        ----------
        name : str
            From `cgmhelpers.simulations.dialects.COLUMNS`.

        Returns
        -------
        bool
            True where there are no particles.
        """
        recipes = dialects.COLUMNS.get(name, ())
        return self.number == 0 or any(map(self._serves, recipes))

    def _serves(self, recipe):
        """Whether the group has all pieces of a recipe."""
        told = not recipe.beside or recipe.beside in self.group
        return told and all(p.found_in(self.group) or self._in_header(p) for p in recipe.pieces)

    def _in_header(self, piece):
        """Whether a piece is the mass of all particles, which the header has."""
        return piece.name == "Masses" and "Masses" not in self.group and self._common_mass > 0

    @property
    def _common_mass(self):
        """Mass of each particle [Msun], 0 where masses are listed."""
        return self.header.mass_table[dialects.PARTICLE_TYPES[self.kind]]

    def _column(self, name, rows):
        """Convert the data sets of the first recipe that the group has all of."""
        check_known(name, dialects.COLUMNS, f"There is no column {name!r}.")
        width = (3,) if name in ("position", "velocity") else ()
        if self.number == 0:
            return np.empty((0, *width))
        with faults_named(f"{self.group.file.filename}: {name} of {self.kind}"):
            with self._finding:
                if name not in self._found:
                    self._found[name] = self._recipe(name, width)
                recipe, readers = self._found[name]
            return self._converted(recipe, readers, name, rows)

    def _recipe(self, name, width):
        """Find the first recipe that the group has all of; check and open its pieces."""
        for recipe in dialects.COLUMNS[name]:
            if self._serves(recipe):
                break
        else:
            wanted = [tuple(p.name for p in recipe.pieces) for recipe in dialects.COLUMNS[name]]
            raise FormatError(
                f"{self.group.file.filename}: no data set for {name!r} in {self.group.name}.",
                found=sorted(self.group),
                expected="one of " + " or ".join(" with ".join(names) for names in wanted),
            )
        if recipe.warning:
            _warn_once(self.group.file.filename, name, recipe.warning)
        listed = [piece for piece in recipe.pieces if not self._in_header(piece)]
        _check_shape(self.group, listed, self.number, width)
        if name == "position":
            hdf5.check_places(self.group["Coordinates"])
        for piece in listed:
            if piece.width:
                self._check_table(piece.name)
        return recipe, [self._reader(piece) for piece in recipe.pieces]

    def _converted(self, recipe, readers, name, rows):
        with np.errstate(all="ignore"):  # invalid values are refused below, by name
            stored = [read(rows) for read in readers]
            values = recipe.convert(*stored, self.units)
            if name == "temperature" and recipe.pieces[-1].name == "ElectronAbundance":
                hot = values > dialects.IONISED_ABOVE
                for what, (low, high) in _DOUBTED.items():
                    number = (hot & (stored[-1] > low) & (stored[-1] < high)).sum()
                    self._note(what, number if number > 0.01 * hot.sum() else 0)
        self._check_values(recipe, name, values)
        return values

    def _reader(self, piece):
        """Prepare to read a piece; electrons and neutral atoms are per hydrogen nucleus."""
        if self._in_header(piece):
            mass = self._common_mass / self.units.mass
            return lambda rows: np.full(rows.stop - rows.start, mass)
        read = piece.reader(self.group)
        chosen = self.electrons or dialects.ELECTRONS[0]
        if piece.name not in dialects.COUNTED_PER_HYDROGEN or chosen == dialects.ELECTRONS[0]:
            return read
        if "Dust_Masses" not in self.group:
            raise FormatError(
                f"{self.group.file.filename}: gas with and without dust can't be told apart.",
                found=sorted(self.group),
                expected="Dust_Masses",
                remedy=f"Choose electrons={dialects.ELECTRONS[0]!r}.",
            )
        dust = hdf5.reader(self.group["Dust_Masses"])

        def read_corrected(rows):
            values, dustless = read(rows), dust(rows) <= 0
            corrected = values / values.dtype.type(dialects.PRIMORDIAL_HYDROGEN_FRACTION)
            return np.where(dustless, corrected, values)

        return read_corrected

    def _note(self, what, number):
        if number:
            with self._lock:
                self._odd[what] += int(number)

    def warn(self):
        """Say what was strange about the values that were read; to be called when all are."""
        for what, number in self._odd.items():
            text = _ODD[what].format(number=number, kind=self.kind)
            if what != "few electrons" or self.electrons != dialects.ELECTRONS[0]:
                _warn_once(self.group.file.filename, what, text)

    def _check_table(self, name):
        """Make sure that the first columns of a table of elements are what GIZMO and AREPO have."""
        if name not in ("Metallicity", "GFM_Metals"):
            return
        table = hdf5.read(self.group[name], slice(0, 4096)).astype(np.float64)
        first, helium, metals = table[:, 0], table[:, 1], table[:, 2:11].sum(axis=1)
        if name == "Metallicity":
            expected = "all metals, then helium, then carbon to iron, as GIZMO has them"
            right = (first < 0.3) & (metals <= 1.05 * first + 1e-6)
            right &= (helium > 0.15) & (helium < 0.6)
        else:
            expected = "hydrogen, then helium, then metals, as AREPO has them"
            right = (first > 0.2) & (first > helium) & (first > metals)
        if right.mean() < 0.9:
            raise FormatError(
                f"{self.group.file.filename}: {self.group.name}/{name} has unknown columns.",
                found=f"{table.shape[1]} columns with means {np.round(table.mean(axis=0), 4)}",
                expected=expected,
                remedy="Name the columns by their code: see cgmhelpers.simulations.dialects.",
            )

    def _check_values(self, recipe, name, values):
        """Refuse values that no simulation has; two passes over memory, no copy."""
        if name not in dialects.BOUNDS or len(values) == 0:
            return
        low, high = dialects.BOUNDS[name]
        if name in ("position", "smoothing_length"):  # bounds in units of the box
            low, high = low * self.header.box_size, high * self.header.box_size
        least, most = values.min(), values.max()
        if low <= least and most <= high:  # a NaN fails both
            return
        if name == "mass" and self.kind in dialects.MAY_BE_ZERO and least == 0 and most <= high:
            self._note("mass", (values == 0).sum())
            return
        runaway = values > high
        few = runaway.sum() <= max(3, 1e-5 * len(values))
        if name == "smoothing_length" and few and low <= least and np.isfinite(most):
            self._note("smoothing_length", runaway.sum())
            values[runaway] = high
            return
        raise FormatError(
            f"{self.group.file.filename}: {self.group.name} has an invalid {name}.",
            found=f"values from {least:.4g} to {most:.4g} {dialects.COLUMN_UNITS[name]}",
            expected=f"finite numbers from {low:.4g} to {high:.4g}",
            remedy=f"Check {' and '.join(piece.name for piece in recipe.pieces)}: units, and "
            "whether the file is damaged.",
        )


_DOUBTED = {"few electrons": (0.8, 0.95), "many electrons": (1.35, np.inf)}
"""Electrons per hydrogen nucleus that ionised gas doesn't have. It has 1.16."""


_ODD = {
    "mass": "{number} of the {kind} have no mass. They are kept, and weigh nothing",
    "smoothing_length": "{number} elements of {kind} have kernels wider than the box. They are "
    "taken as wide as the box",
    "many electrons": "{number} hot elements of gas have more than 1.35 electrons per hydrogen "
    "nucleus, more than hydrogen and helium hold. They may be per hydrogen nucleus in the file: "
    "choose electrons='per_hydrogen'",
    "few electrons": "{number} hot elements of gas have 0.8 to 0.95 electrons per hydrogen "
    "nucleus, where all hydrogen is ionised. Electrons of gas without dust may be per proton mass "
    "of gas, "
    "as reported of CAMELS-SIMBA: temperatures are then 14% too high, and X-rays too faint. Give "
    "electrons='per_mass_without_dust' to correct them, or electrons='per_hydrogen' to take them "
    "as they are",
}
"""What is let through, and how it is said."""


@functools.cache
def _warn_once(filename, name, text):
    """Warn of how a column was made, once a file and not once a piece."""
    log.warning("%s: %s. %s", filename, name, text)


def _check_shape(group, pieces, number, width):
    for piece in pieces:
        hdf5.check(group[piece.name])
        shape = group[piece.name].shape
        wide = len(shape) == 2 and piece.column is not None
        if shape[:1] != (number,) or not (wide or shape[1:] == width):
            raise FormatError(
                f"{group.file.filename}: {group.name}/{piece.name} has the wrong shape.",
                found=shape,
                expected=f"{(number, *width)}, by the header",
                remedy="The file may have been cut off: fetch it again.",
            )
