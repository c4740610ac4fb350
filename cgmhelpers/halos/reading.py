"""One pass over a snapshot for all measurements.

Reading and inflating a snapshot takes longer than most measurements. So each kind of particle is
read once, in pieces of some hundred thousand, one in each thread, and all takers get a piece before
the next one replaces it.
"""

from cgmhelpers.system import parallel
from cgmhelpers.system.progress import bar

ROWS = 2**18
"""Least number of particles in a piece, 20 MB of columns."""

KINDS = ("gas", "dark_matter", "stars", "wind", "black_holes")
"""Kinds of particle, in the order in which they are read."""


class Piece:
    """Rows of a kind of particle.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    read : callable
        ``read(columns, rows)``, from ``sim.reading``.
    rows : slice
        Rows of the file.
    """

    def __init__(self, kind, read, rows):
        self.kind, self.rows = kind, rows
        self._read, self._columns = read, {}

    def columns(self, names):
        """Return columns; each is read from the file once, when it is needed first.

        Parameters
        ----------
        names : sequence of str
            Names from `cgmhelpers.simulations.dialects.COLUMNS`.

        Returns
        -------
        dict of str to ndarray
            In physical units.
        """
        lacking = [name for name in names if name not in self._columns]
        if lacking:
            self._columns |= dict(self._read(lacking, self.rows))
        return {name: self._columns[name] for name in names}


def read_once(sim, takers, progress=False):
    """Read each kind of particle once, and pass it to several takers.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    takers : sequence
        Each has ``kinds``, its kinds of particle; ``take(piece)``, which threads call at the same
        time with a `Piece` and which returns a part of the result; and ``add(part)``, which gets
        the parts in the order of the file.
    progress : bool
        Show a progress bar.
    """
    kinds = [kind for kind in KINDS if any(kind in taker.kinds for taker in takers)]
    for kind in bar(kinds, f"Reading {sim.name}", show=progress):
        wanting = [taker for taker in takers if kind in taker.kinds]
        with sim.reading(kind, ROWS) as (read, pieces):

            def take(rows, kind=kind, read=read, wanting=wanting):
                piece = Piece(kind, read, rows)
                return [taker.take(piece) for taker in wanting]

            for parts in parallel.each_in_threads(take, pieces):
                for taker, part in zip(wanting, parts, strict=True):
                    taker.add(part)
