"""Tests of the calibration of posteriors that are given as samples, each with a p value.

Ranks (simulation-based calibration; Talts et al. 2018, arXiv:1804.06788) test each property by
itself: over halos, the share of samples below the truth must be uniform. Expected coverage with
random points (TARP; Lemos et al. 2023, arXiv:2302.03026) tests all properties together, with their
correlations: the share of samples nearer to a reference point than the truth must be uniform.

An exact posterior passes both. So does a posterior that ignores the map and repeats the population:
`scores` measure the information too.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cgmhelpers.errors import ParameterError, check_known

REFERENCES = ("population", "posterior")
LEVELS = np.linspace(0, 1, 41)[1:-1]


@dataclass(frozen=True)
class ExpectedCoverage:
    """Result of :func:`expected_coverage`.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns ``level``, ``coverage`` (share of halos), and ``low`` and ``high``, between which
        95% of calibrated posteriors have it.
    deviation : float
        Largest difference between coverage and level.
    p_value : float
        Chance of a calibrated posterior to deviate as much.
    """

    table: pd.DataFrame
    deviation: float
    p_value: float


def expected_coverage(samples, truth, references="population", repeats=10, draws=1000, seed=1):
    """Test a posterior by its expected coverage with random points.

    The ball about a reference point whose surface holds the truth contains a share of a halo's
    samples; over halos these shares are uniform if the posterior is right. Reference points may
    depend on the maps but not on the truth. Distances are in units of each property's scatter.

    The p value holds for any number of halos: if the posterior is right, a sample of the same halo
    can take the place of the truth, so the deviation is compared with those after such exchanges.

    Parameters
    ----------
    samples : array_like, shape (halos, draws, properties)
        More than `repeats` draws of each halo; the first ones are reference points.
    truth : array_like, shape (halos, properties)
    references : {"population", "posterior"}
        The reference points of a halo: samples of any halo, as in the paper, or of this halo. Balls
        about the latter reveal wrong correlations; with the former, a posterior too narrow in one
        direction and too wide in another may pass.
    repeats : int
        Reference points of each halo; the coverage is the mean over them.
    draws : int
        Exchanges of truths for samples.
    seed : int
        Seed of the reference points and exchanges.

    Returns
    -------
    ExpectedCoverage

    Raises
    ------
    ParameterError
        If the shapes don't fit, a value isn't finite, or `references` is unknown.
    """
    samples, truth = _checked(samples, truth, least=repeats + 1)
    check_known([references], REFERENCES, "Unknown references.")
    generator = np.random.default_rng(seed)
    halos = np.arange(len(truth))
    points = np.concatenate([truth[:, None], samples[:, repeats:]], axis=1)  # the truth is first
    scatter = points.std(axis=(0, 1) if references == "population" else 1, keepdims=True)
    scatter = np.where(scatter > 0, scatter, 1.0)
    chosen = np.zeros((draws + 1, len(halos)), dtype=int)
    chosen[1:] = generator.integers(points.shape[1], size=(draws, len(halos)))
    coverage = np.zeros((draws + 1, len(LEVELS)))
    for repeat in range(repeats):
        whose = generator.permutation(halos) if references == "population" else halos
        distance = np.linalg.norm((points - samples[whose, repeat, None]) / scatter, axis=-1)
        share = _places(distance, generator)[halos, chosen]
        coverage += np.stack([(share < level).mean(axis=1) for level in LEVELS], axis=1) / repeats
    deviation = np.abs(coverage - LEVELS).max(axis=1)
    low, high = np.quantile(coverage[1:], [0.025, 0.975], axis=0)
    table = pd.DataFrame({"level": LEVELS, "coverage": coverage[0], "low": low, "high": high})
    p_value = (1 + np.sum(deviation[1:] >= deviation[0])) / (draws + 1)
    return ExpectedCoverage(table, float(deviation[0]), float(p_value))


def ranks(samples, truth, seed=1):
    """Compute the share of a halo's samples below the truth, for each property.

    Parameters
    ----------
    samples : array_like, shape (halos, draws, properties)
    truth : array_like, shape (halos, properties)
    seed : int
        Seed of the truth's random place between its two neighbours among the samples, which makes
        the shares of a right posterior uniform for any number of samples, and for equal values.

    Returns
    -------
    ndarray, shape (halos, properties)
        0 to 1. Many near 0 or 1 mean samples too close together, many near 1/2 samples too far
        apart, more below 1/2 samples too high.

    Raises
    ------
    ParameterError
        If the shapes don't fit, or a value isn't finite.
    """
    samples, truth = _checked(samples, truth)
    below = (samples < truth[:, None]).sum(axis=1)
    equal = (samples == truth[:, None]).sum(axis=1)
    place = np.random.default_rng(seed).random(truth.shape)
    return (below + place * (equal + 1)) / (samples.shape[1] + 1)


def rank_tests(samples, truth, names, seed=1):
    """Test the ranks of each property for uniformity.

    Parameters
    ----------
    samples : array_like, shape (halos, draws, properties)
    truth : array_like, shape (halos, properties)
    names : sequence of str
        Names of the properties.
    seed : int
        As for :func:`ranks`.

    Returns
    -------
    pandas.DataFrame
        A row for each property: ``property``; ``mean`` of the ranks (1/2; below it the posterior
        is too high); ``spread``, their standard deviation over that of a uniform distribution (1;
        above it the posterior is too narrow); ``p_value`` of the Kolmogorov-Smirnov test; and
        ``p_adjusted`` for the number of tests (Holm 1979).

    Raises
    ------
    ParameterError
        If the shapes don't fit, or a value isn't finite.
    """
    found = ranks(samples, truth, seed)
    p_values = [stats.kstest(one, "uniform").pvalue for one in found.T]
    return pd.DataFrame(
        {
            "property": list(names),
            "mean": found.mean(axis=0),
            "spread": found.std(axis=0) * np.sqrt(12),
            "p_value": p_values,
            "p_adjusted": holm(p_values),
        }
    )


def offsets(samples, truth, names):
    """Measure coverage and bias of each property, with the errors of a finite sample.

    Parameters
    ----------
    samples : array_like, shape (halos, draws, properties)
    truth : array_like, shape (halos, properties)
        One map of each halo: further ones of the same halo aren't independent.
    names : sequence of str
        Names of the properties.

    Returns
    -------
    pandas.DataFrame
        A row for each property: ``property``; ``coverage_68``, the share of truths in the central
        68% of the draws, and ``coverage_error``; ``bias``, the mean over halos of the posterior's
        mean less the truth in units of its standard deviation, and ``bias_error``. A calibrated
        posterior is within two errors of 0.68 and 0 in 95% of cases.

    Raises
    ------
    ParameterError
        If the shapes don't fit, or a value isn't finite.
    """
    samples, truth = _checked(samples, truth, least=2)
    low, high = np.quantile(samples, [0.16, 0.84], axis=1)
    inside = (low < truth) & (truth < high)
    apart = (samples.mean(axis=1) - truth) / samples.std(axis=1)
    root = np.sqrt(len(truth))
    return pd.DataFrame(
        {
            "property": list(names),
            "coverage_68": inside.mean(axis=0),
            "coverage_error": inside.std(axis=0) / root,
            "bias": apart.mean(axis=0),
            "bias_error": apart.std(axis=0) / root,
        }
    )


def holm(p_values):
    """Adjust p values for the number of tests.

    Parameters
    ----------
    p_values : array_like, shape (tests,)

    Returns
    -------
    ndarray, shape (tests,)
        The chance of any wrong rejection among those below a level is at most that level (Holm
        1979, Scandinavian Journal of Statistics 6, 65).
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)
    adjusted = np.empty(len(p_values))
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted


def _places(values, generator):
    """Rank each value within its row, 0 to 1; ranks of equal values are random."""
    order = np.argsort(np.argsort(values, axis=1), axis=1)
    return (order + generator.random(values.shape)) / values.shape[1]


def _checked(samples, truth, least=1):
    samples, truth = (np.asarray(one, dtype=float) for one in (samples, truth))
    fit = samples.ndim == 3 and samples.shape[::2] == truth.shape and len(truth)
    if not fit or samples.shape[1] < least:
        raise ParameterError(
            "Samples and truth don't fit together.",
            found=f"shapes {samples.shape} and {truth.shape}",
            expected=f"(halos, draws, properties) and (halos, properties), {least} draws or more",
        )
    if not (np.isfinite(samples).all() and np.isfinite(truth).all()):
        raise ParameterError(
            "Samples or truth aren't finite.", remedy="Leave out halos without gas."
        )
    return samples, truth
