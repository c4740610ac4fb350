"""Bootstrap: intervals of statistics of a table, from other draws of halos or boxes.

The rows of a unit go together: all properties, networks and projections of a halo, so that
the common part of two networks' errors cancels in their difference. Halos of one box share
large-scale structure, and suites share initial conditions, so a comparison between suites may
resample the unit `REALISATION`; with few of them the interval is rough and too short. See
Efron & Tibshirani (1993, An Introduction to the Bootstrap, Section 13.3).
"""

import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO

REALISATION = ("set_name", "realisation")
"""Columns that name a box in all suites, a unit that keeps twins and neighbours together."""


def resample(table, unit=HALO, draws=1000, seed=1):
    """Draw units with replacement, and count how often each row of a table is drawn.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns of `unit`.
    unit : sequence of str
        Columns that name a unit: `HALO` or `REALISATION`.
    draws : int
        Number of draws.
    seed : int
        Seed; the draws depend on the units and not on the order of the rows.

    Returns
    -------
    ndarray of float, shape (draws, rows)
        Whole numbers; NaN if there is a single unit.

    Raises
    ------
    ParameterError
        If a column is missing, the table is empty, or `draws` isn't positive.
    """
    check_columns(table, unit)
    number = table.groupby(list(unit), observed=True).ngroup().to_numpy()
    units = number.max(initial=-1) + 1
    if units < 1 or draws < 1:
        raise ParameterError(
            "There is nothing to resample.",
            found=f"{len(table)} rows, {draws} draws",
            expected="at least one of each",
        )
    if units == 1:  # it tells nothing about others
        return np.full((draws, len(table)), np.nan)
    counts = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=draws)
    return counts[:, number].astype(float)


def interval(drawn, level=0.95):
    """Take the central percentile interval of the draws of a statistic.

    Parameters
    ----------
    drawn : array_like, shape (draws, ...)
        Values; NaN doesn't count.
    level : float
        Probability of the interval, 0 < level < 1.

    Returns
    -------
    low, high : ndarray, shape (...)
        NaN if no value counts.

    Raises
    ------
    ParameterError
        If `level` isn't a probability.
    """
    check_probability(level)
    ordered = np.sort(np.asarray(drawn, dtype=float), axis=0)  # NaN comes last
    number = np.sum(~np.isnan(ordered), axis=0, keepdims=True)
    # The ends are drawn values and not interpolated ones, as some may be infinite.
    places = [
        np.ceil(share * number).astype(int) - 1 for share in (0.5 - level / 2, 0.5 + level / 2)
    ]
    return tuple(np.take_along_axis(ordered, np.maximum(one, 0), axis=0)[0] for one in places)


def check_probability(level):
    """Refuse levels that aren't probabilities.

    Parameters
    ----------
    level : float or sequence of float

    Raises
    ------
    ParameterError
        Unless 0 < level < 1.
    """
    if not all(0 < one < 1 for one in np.atleast_1d(level)):
        raise ParameterError("level isn't a probability.", found=level, expected="0 < level < 1")


def check_columns(table, columns):
    """Refuse a table that lacks columns.

    Parameters
    ----------
    table : pandas.DataFrame
    columns : sequence of str

    Raises
    ------
    ParameterError
        If a column is missing.
    """
    missing = sorted(set(columns) - set(table.columns))
    if missing:
        raise ParameterError(
            "The table of predictions lacks columns.",
            found=list(table.columns),
            expected=f"also {missing}",
            remedy="Make the table with inference.predict.",
        )
