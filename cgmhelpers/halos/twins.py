"""Twins: halos of the same initial conditions in several suites."""

import numpy as np

from cgmhelpers.errors import ResultError
from cgmhelpers.halos.classes import INITIAL_CONDITIONS, centres


def twins(halos, halo, box_size):
    """Find the same halo in every suite: the nearest of similar mass in the same realisation.

    Simulations of one seed have the same initial conditions, so a halo forms at nearly the same
    place in each.

    Parameters
    ----------
    halos : pandas.DataFrame
        Halos of all suites, as of ``Simulation.halos``.
    halo : pandas.Series
        A row of `halos`.
    box_size : float
        Side of the periodic box [kpc].

    Returns
    -------
    pandas.DataFrame
        A row for each suite, in the order of `halos`, with a column distance [kpc]; that of its
        suite is `halo`.

    Raises
    ------
    ResultError
        If a suite has no halo of a mass within a factor of two in that realisation, or another
        seed there.
    """
    shared = [name for name in INITIAL_CONDITIONS if name in halos]
    same = halos[
        (halos[shared] == halo[shared]).all(axis=1)
        & (np.abs(halos["log_mass"] - halo["log_mass"]) < np.log10(2))
    ]
    step = centres(same) - halo[["x", "y", "z"]].to_numpy(dtype=float)
    step -= box_size * np.round(step / box_size)
    same = same.assign(distance=np.sqrt((step**2).sum(axis=1)))
    suites = list(dict.fromkeys(halos["suite"]))
    missing = sorted(set(suites) - set(same["suite"]))
    if missing:
        raise ResultError(
            "The halo has no twin in every suite.",
            found=f"none of a similar mass and the same seed in {missing}, realisation "
            f"{halo['realisation']}",
            remedy="Choose another halo, or suites that share initial conditions.",
        )
    nearest = same.loc[same.groupby("suite")["distance"].idxmin()]
    return nearest.set_index("suite", drop=False).loc[suites].reset_index(drop=True)
