"""One pass over a snapshot for all who need its particles.

Reading and inflating a snapshot takes longer than most of what is done with it. So each kind of
particle is read once, in pieces of some hundred thousand, a piece a thread, and every piece is
shown to all takers before the next one replaces it.
"""

from cgmhelpers.system import parallel
from cgmhelpers.system.progress import bar

ROWS = 2**18
"""Least number of particles in a piece: 20 MB of columns."""

KINDS = ("gas", "dark_matter", "stars", "wind", "black_holes")
"""Kinds of particle, in the order in which they are read."""


class Piece:
    """Some rows of one kind of particle.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    read : callable
        ``read(columns, rows)``, as ``sim.reading`` gives it.
    rows : slice
        Rows of the file.
    """

    def __init__(self, kind, read, rows):
        self.kind, self.rows = kind, rows
        self._read, self._columns = read, {}

    def columns(self, names):
        """Return columns; each is read from the file once, when it is first asked for.

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
    """Read each kind of particle once, and show it to several takers.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    takers : sequence
        Each has ``kinds``, the kinds of particle that it wants; ``take(piece)``, which several
        threads call at once with a `Piece` and which returns a part of the result; and
        ``add(part)``, which is called with the parts in the order of the file.
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
