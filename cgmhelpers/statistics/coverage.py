r"""Calibration of error bars: coverage at several levels, PIT values, and their noise.

An exact, two-sided binomial test, :func:`judge`, judges every coverage of this library: error bars
are as stated unless posteriors of the stated widths have such a coverage in less than 5% of all
samples of as many halos. A fixed tolerance would pass a thousand halos whose errors are plainly too
small, and fail ten whose errors are right.

The probability integral transform (PIT) of a truth is the share of its posterior below it. Over
many halos it is uniform if the posteriors, normal ones here, are right (Dawid 1984, J. R. Stat.
Soc. A 147, 278). Truths pile up at both ends if widths are too small, in the middle if they are too
large, and at one end if means are biased.
"""

import numpy as np
import pandas as pd
from scipy import special, stats

from cgmhelpers.statistics.metrics import GROUPING, ONE_SIGMA, coverage, summarise, with_truth

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, ONE_SIGMA, 0.8, 0.9, 0.95)
"""Probabilities of the intervals of a coverage curve."""
WIDTHS = ("network's own", "recalibrated")
"""Posterior widths before and after recalibration."""
VERDICTS = ("as stated", "errors too small", "errors too large")
"""Verdicts of :func:`judge`."""


def allowed(number, level=ONE_SIGMA):
    """Return the range of coverages that right posteriors have in 95% of samples.

    Parameters
    ----------
    number : int or array_like
        Halos in the sample.
    level : float or array_like
        Probability of the interval.

    Returns
    -------
    low, high : float or ndarray
        Shares of halos, both inside the range: quantiles of the binomial distribution.
    """
    return tuple(stats.binom.ppf(end, number, level) / number for end in (0.025, 0.975))


def judge(share, number, level=ONE_SIGMA):
    """Judge a coverage by an exact binomial test.

    Parameters
    ----------
    share : float or array_like
        Share of halos whose truth lies in the interval.
    number : int or array_like
        Halos.
    level : float or array_like
        Probability of the interval.

    Returns
    -------
    ndarray of str
        One of `VERDICTS`: "as stated" if the 95% interval of Clopper & Pearson (1934, Biometrika
        26, 404) for the share holds `level`.
    """
    inside = np.rint(np.multiply(share, number))
    low, high = (np.rint(np.multiply(end, number)) for end in allowed(number, level))
    stated, small, large = VERDICTS
    return np.select([inside < low, inside > high], [small, large], stated)


def coverages(predictions, by=GROUPING, levels=(ONE_SIGMA, 0.95)):
    """Tabulate the share of halos inside the intervals of some probabilities, and judge it.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    by : sequence of str
        Columns that make the groups.
    levels : sequence of float
        Probabilities; `LEVELS` for a curve.

    Returns
    -------
    pandas.DataFrame
        A row for each group and level: the columns of `by`, ``level``, ``n`` (halos), ``coverage``,
        ``coverage_low`` and ``coverage_high`` (its exact binomial 95% interval, Clopper & Pearson
        1934), and ``verdict`` as from :func:`judge`.

    Raises
    ------
    ParameterError
        If a column is missing, no row is left, or a level isn't a probability.
    """
    by, rows = list(by), []
    for key, group in with_truth(predictions, by).groupby(by, sort=False, observed=True):
        arrays = [np.tile(group[[name]], len(levels)) for name in ("truth", "mean", "std")]
        shares = coverage(*arrays, level=levels)
        for level, share in zip(levels, shares, strict=True):
            inside = stats.binomtest(round(share * len(group)), len(group))
            ends = inside.proportion_ci(0.95, "exact")
            verdict = str(judge(share, len(group), level))
            rows.append((*key, level, len(group), share, *ends, verdict))
    columns = ["level", "n", "coverage", "coverage_low", "coverage_high", "verdict"]
    return pd.DataFrame(rows, columns=[*by, *columns])


def before_and_after(predictions):
    """Stack predictions with the networks' own posterior widths on recalibrated ones.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.

    Returns
    -------
    pandas.DataFrame
        `predictions` twice, with a column ``width`` to group by: ``"network's own"``, with
        ``std_network`` as ``std``, or ``"recalibrated"``.
    """
    own, recalibrated = WIDTHS
    before = predictions.assign(std=predictions["std_network"], width=own)
    return pd.concat([before, predictions.assign(width=recalibrated)], ignore_index=True)


def pit(truth, mean, std):
    """Compute the share of each normal posterior below the truth.

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


def pit_histogram(predictions, by=GROUPING, bins=10):
    """Bin PIT values, and add the band that noise allows right posteriors.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    by : sequence of str
        Columns that make the groups.
    bins : int
        Equal bins from 0 to 1.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`, ``pit`` (left edge of a bin), ``density`` (1 if right), and ``low``
        and ``high``, the edges of the band as from :func:`allowed`.

    Raises
    ------
    ParameterError
        If a column is missing or no row is left.
    """
    by, tables = list(by), []
    edges = np.linspace(0, 1, bins + 1)
    for key, group in with_truth(predictions, by).groupby(by, sort=False, observed=True):
        count, _ = np.histogram(pit(group["truth"], group["mean"], group["std"]), edges)
        low, high = allowed(len(group), 1 / bins)
        table = pd.DataFrame(
            {**dict(zip(by, key, strict=True)), "pit": edges[:-1]}
            | {"density": count * bins / len(group), "low": low * bins, "high": high * bins}
        )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def examine(predictions, by=GROUPING, draws=1000, seed=1):
    """Tabulate coverage, chi squared and PIT of each group, with their sampling noise.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    by : sequence of str
        Columns that make the groups; ``(*GROUPING, "halo_class")`` for classes.
    draws : int
        Bootstrap draws of halos for the interval of chi squared; 0 for none.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`, then ``n``, ``coverage`` of one standard deviation,
        ``coverage_low``, ``coverage_high`` and ``verdict`` as from :func:`coverages`;
        ``reduced_chi2`` with ``_low`` and ``_high``; ``pit_distance``, the largest distance
        between the distribution of PIT values and the uniform one (Kolmogorov-Smirnov), and
        ``pit_probability`` of a larger one by chance, for independent halos.

    Raises
    ------
    ParameterError
        If a column is missing or no row is left.
    """
    by = list(by)
    found = coverages(predictions, by, [ONE_SIGMA]).drop(columns="level")
    metrics = summarise(predictions, by, draws, seed=seed)
    names = [name for name in metrics if name.startswith("reduced_chi2")]
    rows = with_truth(predictions, by)
    values = rows.assign(pit=pit(rows["truth"], rows["mean"], rows["std"]))
    groups = values.groupby(by, sort=False, observed=True)["pit"]
    tests = [stats.kstest(own, "uniform") for _, own in groups]
    return found.assign(
        **metrics[names],
        pit_distance=[one.statistic for one in tests],
        pit_probability=[one.pvalue for one in tests],
    )


def quote(table, name, digits=2):
    """Write a metric with its interval.

    Parameters
    ----------
    table : pandas.DataFrame
        From a function of this module or :func:`cgmhelpers.statistics.metrics.summarise`, with
        intervals.
    name : str
        Column; ``_low`` and ``_high`` of it are there too.
    digits : int
        Digits after the point.

    Returns
    -------
    pandas.Series of str
        Like ``0.68 [0.62, 0.74]``; the ends of the interval stay in one line.
    """
    values = table[[name, f"{name}_low", f"{name}_high"]].itertuples(index=False)
    texts = ["{:.{d}f} [{:.{d}f},\u00a0{:.{d}f}]".format(*row, d=digits) for row in values]
    return pd.Series(texts, index=table.index)
