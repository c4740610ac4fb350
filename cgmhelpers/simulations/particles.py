"""Columns of particles in physical units; values that no simulation has are refused."""

from collections.abc import Mapping

import numpy as np

from cgmhelpers.errors import check_known
from cgmhelpers.simulations import dialects


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


def type_of(kind):
    """Return the number under which snapshots list a kind of particle.

    Parameters
    ----------
    kind : str
        From `cgmhelpers.simulations.dialects.PARTICLE_TYPES`.

    Returns
    -------
    int
        0 to 5; wind and stars share one list.

    Raises
    ------
    ParameterError
        If there is no such kind.
    """
    check_known(kind, dialects.PARTICLE_TYPES, f"There is no particle kind {kind!r}.")
    return dialects.PARTICLE_TYPES[kind]
