"""Differences between two tables of predictions, with a verdict on the better one.

The interval of a difference comes from resampled halos; the verdict is "undecided" if the interval
holds zero.
"""

import numpy as np
import pandas as pd
from scipy import spatial

from cgmhelpers.halos.classes import HALO, INITIAL_CONDITIONS, centres
from cgmhelpers.statistics import metrics, resampling

HIGHER_IS_BETTER = {"rmse": False, "r2": True}
"""The compared metrics."""
RESULTS = ("metric", "n", "value", "reference", "difference", "low", "high", "verdict")


def paired(predictions, reference, by=metrics.GROUPING, draws=1000, seed=1):
    """Compare two tables of predictions of the same halos.

    Both are resampled together, so errors that both make on hard halos cancel.

    Parameters
    ----------
    predictions, reference : pandas.DataFrame
        Tables with the columns of `cgmhelpers.inference.prediction.COLUMNS`. Halos without a truth,
        halos that only one of the tables has, and groups of a single halo don't count.
    by : sequence of str
        Columns of both tables that make the groups.
    draws : int
        Bootstrap draws.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        A row for each group and metric: the columns of `by`, metric, n (halos), value (of
        `predictions`), reference, difference (value - reference), low and high (its 95% interval)
        and verdict: "better", "worse", or "undecided" if the interval holds zero. No rows if the
        tables have no halo in common.
    """
    keys = list(dict.fromkeys([*by, *HALO]))
    both = predictions[[*keys, "truth", "mean"]].merge(
        reference[[*keys, "mean"]], on=keys, suffixes=("", "_reference"), validate="one_to_one"
    )
    rows = []
    for key, group in _groups(both, by):
        weights = resampling.resample(group, HALO, draws, seed)
        other = group.assign(mean=group["mean_reference"])
        rows += _rows(key, (group, weights), (other, weights))
    return pd.DataFrame(rows, columns=[*by, *RESULTS])


def unpaired(predictions, reference, by=metrics.GROUPING, draws=1000, seed=1):
    """Compare two tables of predictions of different halos, resampled independently.

    Parameters
    ----------
    predictions, reference, by, draws, seed
        As for :func:`paired`; halos needn't be the same.

    Returns
    -------
    pandas.DataFrame
        As from :func:`paired`; n counts the halos of `predictions`.
    """
    others = dict(_groups(reference, by))
    rows = []
    for key, group in _groups(predictions, by):
        if key in others:
            sides = [
                (table, resampling.resample(table, HALO, draws, [seed, number]))
                for number, table in enumerate((group, others[key]))
            ]
            rows += _rows(key, *sides)
    return pd.DataFrame(rows, columns=[*by, *RESULTS])


def _groups(table, by):
    """Yield the groups of at least two halos with a truth."""
    known = table[np.isfinite(table["truth"])]
    for key, group in known.groupby(list(by), sort=False, observed=True):
        if len(group) > 1:
            yield key, group


def _rows(key, one, other):
    """Yield a row for each metric of two sides, each a table and its weights."""
    sides = [
        ({name: table[[name]].to_numpy() for name in ("truth", "mean")}, weights)
        for table, weights in (one, other)
    ]
    for metric, higher in HIGHER_IS_BETTER.items():
        function = getattr(metrics, metric)
        value, reference = (float(function(**values)[0]) for values, _ in sides)
        drawn = [function(**values, weights=weights)[:, 0] for values, weights in sides]
        low, high = (float(edge) for edge in resampling.interval(drawn[0] - drawn[1]))
        better, worse = (low > 0, high < 0) if higher else (high < 0, low > 0)
        verdict = "better" if better else "worse" if worse else "undecided"
        difference = value - reference
        yield (*key, metric, len(one[0]), value, reference, difference, low, high, verdict)


def twin_parts(halos, suite, parts, box_size):
    """Find the part of the split that the twin of each halo in another suite belongs to.

    Simulations of one seed have the same initial conditions, so a halo forms at nearly the same
    place in each. The twin is the nearest halo of `suite` in the realisation of the same number
    and seed, if it lies within R200c and its mass is the same within a factor of two.

    Parameters
    ----------
    halos : pandas.DataFrame
        From ``Run.halos``, of all suites.
    suite : str
        The suite of the twins.
    parts : pandas.DataFrame
        Halos of `suite` with a column part, from the ``split.csv`` of a network.
    box_size : float
        Side of the periodic box [kpc].

    Returns
    -------
    pandas.DataFrame
        The halos of the other suites that have a twin: the columns of
        `cgmhelpers.halos.classes.HALO`, and twin_part.
    """
    box = [name for name in INITIAL_CONDITIONS if name in halos]
    known = halos[halos["suite"] == suite].merge(parts[[*HALO, "part"]])
    own = dict(list(known.groupby(box)))
    tables = [halos.iloc[:0].assign(twin_part="")]
    for key, others in halos[halos["suite"] != suite].groupby(box):
        if key not in own:
            continue
        tree = spatial.cKDTree(centres(own[key]) % box_size, boxsize=box_size)
        distance, nearest = tree.query(centres(others) % box_size)
        twins = own[key].iloc[nearest]
        like = np.abs(twins["log_mass"].to_numpy() - others["log_mass"]) < np.log10(2)
        found = like & (distance < others["r200c"])
        tables.append(others.assign(twin_part=twins["part"].to_numpy())[found])
    return pd.concat(tables, ignore_index=True)[[*HALO, "twin_part"]]
