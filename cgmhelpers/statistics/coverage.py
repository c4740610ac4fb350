r"""Whether error bars are honest: coverage at several levels, PIT values, and their noise.

The probability integral transform (PIT) of a truth is the share of its posterior below it. Over
many halos it is uniform if the posteriors, normal ones here, are right (Dawid 1984, J. R. Stat.
Soc. A 147, 278). Truths pile up at both ends where widths are too small, in the middle where they
are too large, and at one end where means are biased.
"""

import numpy as np
import pandas as pd
from scipy import special, stats

from cgmhelpers.statistics.metrics import GROUPING, ONE_SIGMA, coverage, summarise, with_truth
from cgmhelpers.statistics.resampling import HALO, interval, resample

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, ONE_SIGMA, 0.8, 0.9, 0.95)
"""Probabilities of the intervals whose coverage is tabulated."""
WIDTHS = ("network's own", "recalibrated")
"""Before and after."""
TOLERANCE = 0.08
"""Distance from 68.3% within which the coverage of one standard deviation counts as honest."""


def before_and_after(predictions):
    """The same predictions twice: with the networks' own posterior widths, and recalibrated.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.

    Returns
    -------
    pandas.DataFrame
        `predictions` below each other with a column ``width``, ``"network's own"`` (where ``std``
        is ``std_network``) or ``"recalibrated"``: to group by.
    """
    own, recalibrated = WIDTHS
    before = predictions.assign(std=predictions["std_network"], width=own)
    return pd.concat([before, predictions.assign(width=recalibrated)], ignore_index=True)


def pit(truth, mean, std):
    """Share of each normal posterior below the truth.

    Parameters
    ----------
    truth, mean, std : array_like, any equal shapes
        `std` positive.

    Returns
    -------
    ndarray
        0 to 1; uniform if the posteriors are right.
    """
    return special.ndtr((np.asarray(truth) - np.asarray(mean)) / np.asarray(std))


def coverage_at_levels(predictions, by=GROUPING, levels=LEVELS, draws=1000, unit=HALO, seed=1):
    """Coverage of the central intervals of several probabilities, with bootstrap intervals.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    by : sequence of str
        Columns that make the groups.
    levels : sequence of float
        Probabilities.
    draws, unit, seed
        As for :func:`cgmhelpers.statistics.resampling.bootstrap`; 95% intervals.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`, ``level``, ``n`` (halos), ``coverage``, ``coverage_low`` and
        ``coverage_high`` (NaN for a single halo).

    Raises
    ------
    ParameterError
        If a column is missing or no row is left.
    """
    by, tables = list(by), []
    for key, group in with_truth(predictions, [*by, *unit]).groupby(by, sort=False, observed=True):
        # A column for each level: all of them from one product with the weights of the draws.
        own = [np.tile(group[[name]], len(levels)) for name in ("truth", "mean", "std")]
        weights = resample(group, unit, draws, seed)
        low, high = interval(coverage(*own, level=levels, weights=weights))
        table = pd.DataFrame({"level": levels, "n": len(group), "coverage": coverage(*own, levels)})
        table = table.assign(coverage_low=low, coverage_high=high)
        tables.append(table.assign(**dict(zip(by, key, strict=True)))[[*by, *table.columns]])
    return pd.concat(tables, ignore_index=True)


def pit_histogram(predictions, by=GROUPING, bins=10, level=0.95):
    """Histogram of PIT values, and the band that noise allows a right posterior.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    by : sequence of str
        Columns that make the groups.
    bins : int
        Equal bins from 0 to 1.
    level : float
        Probability that the count of a bin lies in the band.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`, ``pit`` (left edge of a bin), ``density`` (1 if right), and ``low``
        and ``high``, the edges of the band: quantiles of the binomial distribution.

    Raises
    ------
    ParameterError
        If a column is missing or no row is left.
    """
    by, tables = list(by), []
    edges = np.linspace(0, 1, bins + 1)
    for key, group in with_truth(predictions, by).groupby(by, sort=False, observed=True):
        number = len(group)
        count, _ = np.histogram(pit(group["truth"], group["mean"], group["std"]), edges)
        low, high = (
            stats.binom.ppf(share, number, 1 / bins) for share in (0.5 - level / 2, 0.5 + level / 2)
        )
        shares = {"density": count, "low": low, "high": high}
        table = pd.DataFrame(
            {**dict(zip(by, key, strict=True)), "pit": edges[:-1]}
            | {name: value * bins / number for name, value in shares.items()}
        )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def examine(predictions, by=GROUPING, draws=1000, unit=HALO, seed=1):
    """Coverage, chi squared and PIT of each group, with what sampling noise makes of them.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    by : sequence of str
        Columns that make the groups; ``(*GROUPING, "halo_class")`` for classes.
    draws, unit, seed
        As for :func:`cgmhelpers.statistics.resampling.bootstrap`; 95% intervals, none for 0 draws.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`, ``n``, ``coverage`` and ``reduced_chi2`` with ``_low`` and ``_high``;
        ``pit_distance``, the largest distance between the distribution of PIT values and the
        uniform one (Kolmogorov-Smirnov), and ``pit_probability`` of a larger one by chance, for
        independent halos; ``honest``, whether the coverage is within `TOLERANCE` of 68.3%.

    Raises
    ------
    ParameterError
        If a column is missing or no row is left.
    """
    by = list(by)
    found = summarise(predictions, by, draws, unit, seed=seed)
    ends = ("", "_low", "_high")
    names = [f"{name}{end}" for name in ("coverage", "reduced_chi2") for end in ends]
    names = [name for name in names if name in found]
    rows = with_truth(predictions, by)
    values = rows.assign(pit=pit(rows["truth"], rows["mean"], rows["std"]))
    groups = values.groupby(by, sort=False, observed=True)["pit"]
    tests = [stats.kstest(own, "uniform") for _, own in groups]
    return found[[*by, "n", *names]].assign(
        pit_distance=[one.statistic for one in tests],
        pit_probability=[one.pvalue for one in tests],
        honest=(found["coverage"] - ONE_SIGMA).abs() <= TOLERANCE,
    )


def quote(table, name, digits=2):
    """Write a metric with its interval.

    Parameters
    ----------
    table : pandas.DataFrame
        From a function of this module, or :func:`cgmhelpers.statistics.metrics.summarise`, with
        draws.
    name : str
        Column, of which there are also ``_low`` and ``_high``.
    digits : int
        Digits after the point.

    Returns
    -------
    pandas.Series of str
        Like ``0.68 (0.62 to 0.74)``.
    """
    values = table[[name, f"{name}_low", f"{name}_high"]].itertuples(index=False)
    texts = ["{:.{d}f} ({:.{d}f} to {:.{d}f})".format(*row, d=digits) for row in values]
    return pd.Series(texts, index=table.index)
