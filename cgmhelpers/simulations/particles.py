"""Columns of particles in physical units; values that no simulation has are refused."""

import functools
import logging
from collections.abc import Mapping

import numpy as np

from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.simulations import dialects, hdf5

log = logging.getLogger(__name__)


class Particles(Mapping):
    """Columns of equal length, read by key or as attributes.

    Parameters
    ----------
    columns : dict of str to ndarray
        The columns; see `cgmhelpers.simulations.dialects.COLUMN_UNITS` for their units.
    """

    def __init__(self, columns):
        self._columns = dict(columns)

    def __getitem__(self, name):
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"column {name!r} wasn't read; read were {list(self)}") from None

    def __getattr__(self, name):
        if name.startswith("_") or name not in self._columns:
            raise AttributeError(f"no column {name!r}; read were {list(self._columns)}")
        return self._columns[name]

    def __iter__(self):
        return iter(self._columns)

    def __len__(self):
        """Return the number of particles (not of columns)."""
        return len(next(iter(self._columns.values()), ()))

    def select(self, index):
        """Return some of the particles.

        Parameters
        ----------
        index : ndarray or slice
            Rows, or a mask over all rows.

        Returns
        -------
        Particles
        """
        return Particles({name: column[index] for name, column in self._columns.items()})


def joined(parts):
    """Join particles of several files.

    Parameters
    ----------
    parts : list of Particles
        At least one, with the same columns.

    Returns
    -------
    Particles
    """
    if len(parts) == 1:
        return parts[0]
    return Particles({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


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
        raise FormatError(
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
    """

    def __init__(self, group, header, units, kind):
        self.group = group
        self.header = header
        self.units = units
        self.kind = kind
        self.number = len(group["Coordinates"]) if len(group) else 0

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
        names = dict.fromkeys((*columns, "formation_time") if stellar else columns)
        table = Particles({name: self._column(name, rows) for name in names})
        if not stellar:
            return table
        is_wind = table["formation_time"] <= 0
        chosen = table.select(is_wind if self.kind == "wind" else ~is_wind)
        return Particles({name: chosen[name] for name in columns})

    def _column(self, name, rows):
        """Convert the data sets of the first recipe that the group has all of."""
        if name not in dialects.COLUMNS:
            raise ParameterError(
                f"There is no column {name!r}.", expected=f"one of {list(dialects.COLUMNS)}"
            )
        width = (3,) if name in ("position", "velocity") else ()
        if self.number == 0:
            return np.empty((0, *width))
        common_mass = self.header.mass_table[dialects.PARTICLE_TYPES[self.kind]]
        if name == "mass" and common_mass > 0 and "Masses" not in self.group:
            return np.full(rows.stop - rows.start, common_mass)
        with hdf5.faults_named(f"{self.group.file.filename}: {name} of {self.kind}"):
            for recipe in dialects.COLUMNS[name]:
                if all(piece.found_in(self.group) for piece in recipe.pieces):
                    return self._converted(recipe, name, rows, width)
        wanted = [tuple(p.name for p in recipe.pieces) for recipe in dialects.COLUMNS[name]]
        raise FormatError(
            f"{self.group.file.filename}: no data set for {name!r} in {self.group.name}.",
            found=sorted(self.group),
            expected="one of " + " or ".join(" with ".join(names) for names in wanted),
        )

    def _converted(self, recipe, name, rows, width):
        if recipe.warning:
            _warn_once(self.group.file.filename, name, recipe.warning)
        _check_shape(self.group, recipe, self.number, width)
        with np.errstate(all="ignore"):  # invalid values are refused below, by name
            values = recipe.convert(
                *(piece.read(self.group, rows) for piece in recipe.pieces), self.units
            )
        _check_values(self.group, recipe, name, values, self.header)
        return values


@functools.cache
def _warn_once(filename, name, text):
    """Warn of how a column was made, once a file and not once a piece."""
    log.warning("%s: %s. %s", filename, name, text)


def _check_shape(group, recipe, number, width):
    for piece in recipe.pieces:
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


def _check_values(group, recipe, name, values, header):
    """Refuse values that no simulation has; two passes over memory, no copy."""
    if name not in dialects.BOUNDS or len(values) == 0:
        return
    low, high = dialects.BOUNDS[name]
    if name in ("position", "smoothing_length"):  # bounds in units of the box
        low, high = low * header.box_size, high * header.box_size
    least, most = values.min(), values.max()
    if not (low <= least and most <= high):  # a NaN fails both
        raise FormatError(
            f"{group.file.filename}: {group.name} has a {name} that can't be.",
            found=f"values from {least:.4g} to {most:.4g} {dialects.COLUMN_UNITS[name]}",
            expected=f"finite numbers from {low:.4g} to {high:.4g}",
            remedy=f"Check {' and '.join(piece.name for piece in recipe.pieces)}: units, and "
            "whether the file is damaged.",
        )
