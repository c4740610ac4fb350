"""Classes of halos by mass, the columns that name a halo, and centres."""

from dataclasses import dataclass

import numpy as np

from cgmhelpers.errors import ParameterError

HALO = ("suite", "set_name", "realisation", "group")
"""Columns that name a halo."""

INITIAL_CONDITIONS = ("set_name", "realisation", "seed")
"""Columns that twins share. In the set LH, simulations of one number have other seeds in every
suite: their halos are no twins. Tables of earlier versions lack the seed."""


@dataclass(frozen=True)
class HaloClass:
    """A range of log10 (M / Msun), the lower limit included."""

    name: str
    label: str
    low: float
    high: float


HALO_CLASSES = (
    HaloClass("sub_l_star", "Sub-L*", 11.5, 12.0),
    HaloClass("l_star", "L*", 12.0, 13.0),
    HaloClass("group", "Group", 13.0, 14.3),
)
"""The three classes of the paper (Table 2)."""


def halo_class(log_mass):
    """Name the class of each halo.

    Parameters
    ----------
    log_mass : array_like, shape (H,)
        log10 of the halo mass [Msun].

    Returns
    -------
    ndarray of str, shape (H,)
        ``"below"`` for masses below the paper's range; heavier halos belong to the heaviest class.
    """
    edges = [one.low for one in HALO_CLASSES]
    names = np.array(["below", *(one.name for one in HALO_CLASSES)])
    return names[np.digitize(np.asarray(log_mass, dtype=float), edges)]


def check_columns(table, columns):
    """Refuse a table of halos without the columns that are needed.

    Parameters
    ----------
    table : pandas.DataFrame, H rows
        Halos.
    columns : sequence of str
        Names.

    Raises
    ------
    ParameterError
        If one is missing.
    """
    absent = [name for name in columns if name not in table]
    if absent:
        raise ParameterError(
            f"The table of halos lacks {', '.join(absent)}.",
            found=list(table),
            expected=list(columns),
            remedy="Take the table from Simulation.halos, or, without a group catalogue, from "
            "Simulation.halos_at.",
        )


def centres(table):
    """Return the positions of the halos of a table.

    Parameters
    ----------
    table : pandas.DataFrame, H rows
        Halos from ``sim.halos()``.

    Returns
    -------
    ndarray, shape (H, 3)
        Physical kpc.
    """
    return table[["x", "y", "z"]].to_numpy(dtype=np.float64)
