"""Columns of particles, in physical units."""

from collections.abc import Mapping


class Particles(Mapping):
    """Columns of equal length, read by key or as attributes.

    Parameters
    ----------
    columns : dict of str to ndarray
        The columns; see `cgmhelpers.dialects.COLUMN_UNITS` for their units.
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
