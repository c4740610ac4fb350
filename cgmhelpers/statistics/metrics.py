"""Metrics of predictions: Eqs 7-10 of the paper, coverage, and scatter at fixed mass.

Functions on arrays take ``(halos, properties)`` and return a number for each property; those on
tables take the tidy table of :func:`cgmhelpers.inference.prediction.predict`. Equation numbers are
those of Gluck et al. (2024, arXiv:2309.07912); theta is the truth, mu the posterior mean and sigma
the posterior standard deviation.
"""

import numpy as np
import pandas as pd
from scipy import special

from cgmhelpers.errors import ParameterError
from cgmhelpers.statistics.resampling import (
    HALO,
    check_columns,
    check_probability,
    interval,
    resample,
)

ONE_SIGMA = float(special.erf(np.sqrt(0.5)))
"""Probability within one standard deviation of a normal distribution, 0.6827."""

GROUPING = ("suite_train", "suite_test", "fields", "limits", "property")
"""Columns that name a network, the suite of its test halos, and a property."""

MASS_BIN = 0.25
"""Width of the bins in which scatter at fixed mass is measured [dex]."""

METRICS = ("rmse", "r2", "relative_error", "reduced_chi2", "coverage")
"""Columns of :func:`summarise`."""


def rmse(truth, mean, weights=None):
    r"""Compute the root mean squared error, Eq. 7.

    .. math:: \mathrm{RMSE}_i = \sqrt{\langle(\theta_i-\mu_i)^2\rangle}

    Parameters
    ----------
    truth, mean : array_like, shape (halos, properties)
        In the unit of each property.
    weights : array_like, shape (draws, halos), optional
        From :func:`cgmhelpers.statistics.resampling.resample`: how often each halo counts in each
        draw. The result then has a first axis, draws.

    Returns
    -------
    ndarray, shape (properties,)
        In the unit of each property; 0 is perfect.

    Raises
    ------
    ParameterError
        If the shapes differ, there is no halo, or a value isn't finite.
    """
    truth, mean = _checked(truth=truth, mean=mean)
    return np.sqrt(_mean((truth - mean) ** 2, weights))


def r2(truth, mean, weights=None):
    r"""Compute the coefficient of determination, Eq. 8.

    .. math:: R^2_i = 1 - \frac{\sum(\theta_i-\mu_i)^2}{\sum(\theta_i-\bar\theta_i)^2}

    Parameters
    ----------
    truth, mean : array_like, shape (halos, properties)
    weights : array_like, shape (draws, halos), optional
        As for :func:`rmse`.

    Returns
    -------
    ndarray, shape (properties,)
        1 is perfect, 0 is no better than the mean truth; NaN if the truth doesn't vary.

    Raises
    ------
    ParameterError
        If the shapes differ, there is no halo, or a value isn't finite.
    """
    truth, mean = _checked(truth=truth, mean=mean)
    # About the mean, so that the difference of squares loses no digits.
    centred = truth - truth.mean(axis=0)
    spread = _mean(centred**2, weights) - _mean(centred, weights) ** 2
    residual = _mean((truth - mean) ** 2, weights)
    # The mean of equal numbers isn't exact in floating point, so their range is tested; the second
    # condition is for draws of copies of one halo.
    varies = (np.ptp(truth, axis=0) > 0) & (spread > 1e-12 * np.mean(centred**2, axis=0))
    return 1 - np.divide(residual, spread, out=np.full(spread.shape, np.nan), where=varies)


def relative_error(mean, std, weights=None):
    r"""Compute the mean relative error, Eq. 9: the precision that the network claims.

    .. math:: \epsilon_i = \langle\sigma_i / |\mu_i|\rangle

    Parameters
    ----------
    mean, std : array_like, shape (halos, properties)
    weights : array_like, shape (draws, halos), optional
        As for :func:`rmse`.

    Returns
    -------
    ndarray, shape (properties,)
        Infinite if a posterior mean is exactly zero.

    Raises
    ------
    ParameterError
        If the shapes differ, there is no halo, a value isn't finite, or a `std` is negative.
    """
    mean, std = _checked(mean=mean, std=std)
    infinite = np.full(mean.shape, np.inf)
    return _mean(np.divide(std, np.abs(mean), out=infinite, where=mean != 0), weights)


def reduced_chi2(truth, mean, std, weights=None):
    r"""Compute reduced chi squared, Eq. 10: a test of the posterior standard deviations.

    .. math:: \chi^2_i = \langle(\theta_i-\mu_i)^2/\sigma_i^2\rangle

    Parameters
    ----------
    truth, mean, std : array_like, shape (halos, properties)
    weights : array_like, shape (draws, halos), optional
        As for :func:`rmse`.

    Returns
    -------
    ndarray, shape (properties,)
        1 if errors are quantified well, more if they are underestimated; infinite if a `std` is
        zero and its mean isn't exact.

    Raises
    ------
    ParameterError
        If the shapes differ, there is no halo, a value isn't finite, or a `std` is negative.
    """
    truth, mean, std = _checked(truth=truth, mean=mean, std=std)
    error = np.abs(truth - mean)
    deviations = np.divide(error, std, out=np.where(error > 0, np.inf, 0.0), where=std > 0)
    return _mean(deviations**2, weights)


def coverage(truth, mean, std, level=ONE_SIGMA, weights=None):
    """Compute the share of halos whose truth lies in the central interval of a probability.

    Parameters
    ----------
    truth, mean, std : array_like, shape (halos, properties)
    level : float, or sequence of one per property
        Probability of the interval, 0 < level < 1; the default is mean +- one std.
    weights : array_like, shape (draws, halos), optional
        As for :func:`rmse`.

    Returns
    -------
    ndarray, shape (properties,)
        Equal to `level`, within sampling noise, for a calibrated normal posterior.

    Raises
    ------
    ParameterError
        If the shapes differ, there is no halo, a value isn't finite, a `std` is negative, or
        `level` isn't a probability.
    """
    truth, mean, std = _checked(truth=truth, mean=mean, std=std)
    check_probability(level)
    deviations = np.sqrt(2) * special.erfinv(np.asarray(level))
    return _mean(np.abs(truth - mean) <= deviations * std, weights)


def summarise(predictions, by=GROUPING, draws=0, unit=HALO, level=0.95, seed=1):
    """Compute all metrics of each group of a table of predictions.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`; rows without a finite truth (halos
        without gas) don't count.
    by : sequence of str
        Columns that make the groups; ``(*GROUPING, "halo_class")`` for metrics per class.
    draws : int
        Resamples for intervals; 0 for none.
    unit : sequence of str
        As for :func:`cgmhelpers.statistics.resampling.resample`.
    level : float
        Probability of the intervals.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`, then ``n`` (halos) and the `METRICS`, each followed by its interval
        (``rmse_low``, ``rmse_high``, ...) if there are draws; groups in order of appearance.
        Intervals are NaN for groups of fewer than two units.

    Raises
    ------
    ParameterError
        If a column is missing, no row is left, or `level` isn't a probability.
    """
    by = list(by)
    needed = [*by, *unit] if draws else by
    rows = []
    for key, group in with_truth(predictions, needed).groupby(by, sort=False, observed=True):
        row = dict(zip(by, key, strict=True)) | {"n": len(group)}
        metrics = {name: float(value) for name, value in _metrics(group).items()}
        if draws:
            drawn = _metrics(group, resample(group, unit, draws, seed))
            for name in METRICS:
                low, high = interval(drawn[name], level)
                row |= {name: metrics[name], f"{name}_low": low, f"{name}_high": high}
        rows.append(row | metrics)
    return pd.DataFrame(rows)


def _metrics(group, weights=None):
    """Compute the `METRICS` of one group: numbers, or arrays of one value per draw."""
    truth, mean, std = (group[[name]].to_numpy() for name in ("truth", "mean", "std"))
    found = (
        rmse(truth, mean, weights),
        r2(truth, mean, weights),
        relative_error(mean, std, weights),
        reduced_chi2(truth, mean, std, weights),
        coverage(truth, mean, std, weights=weights),
    )
    return {name: value[..., 0] for name, value in zip(METRICS, found, strict=True)}


def scatter_at_fixed_mass(values, log_mass, weights=None, bin_width=MASS_BIN):
    r"""Measure the scatter of values about their mean in bins of log halo mass.

    The paper doesn't say how it removes the trend with mass. Here the scatter is the standard
    deviation about the means of the bins,

    .. math:: s^2 = \frac{1}{n-b} \sum_b \sum_{i \in b} (v_i - \bar v_b)^2

    for :math:`n` halos in :math:`b` bins (the within-group mean square of an analysis of
    variance). A trend within a bin adds (slope x `bin_width`)^2 / 12.

    Parameters
    ----------
    values : array_like, shape (halos, columns)
        For example truths and posterior means, in the unit of a property.
    log_mass : array_like, shape (halos,)
        Log10 halo mass of the catalogue [Msun], which also defines the halo classes.
    weights : array_like, shape (draws, halos), optional
        As for :func:`rmse`.
    bin_width : float
        Width of the mass bins [dex].

    Returns
    -------
    ndarray, shape (columns,)
        In the unit of the values; NaN if no bin has two halos.

    Raises
    ------
    ParameterError
        If `bin_width` isn't positive.
    """
    if not bin_width > 0:
        raise ParameterError("bin_width must be positive.", found=bin_width, expected="dex")
    values = np.asarray(values, dtype=np.float64)
    counts = np.ones((1, len(values))) if weights is None else np.asarray(weights, dtype=float)
    _, mass_bin = np.unique(np.floor(np.asarray(log_mass) / bin_width), return_inverse=True)
    squares, freedom = 0.0, counts.sum(axis=1, keepdims=True)
    for number in range(mass_bin.max(initial=-1) + 1):
        inside = mass_bin == number
        own, n = counts[:, inside], counts[:, inside].sum(axis=1, keepdims=True)
        # About the mean, so that the difference of squares loses no digits.
        centred = values[inside] - values[inside].mean(axis=0)
        mean = own @ centred / np.maximum(n, 1)
        squares = squares + np.maximum(own @ centred**2 - n * mean**2, 0)
        freedom = freedom - (n > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.sqrt(np.where(freedom > 0, squares / freedom, np.nan))
    return found[0] if weights is None else found


def scatter(predictions, by=(*GROUPING, "halo_class"), bin_width=MASS_BIN):
    """Tabulate the scatter of truth and of inference at fixed halo mass (Table 3).

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    by : sequence of str
        Columns that make the groups.
    bin_width : float
        As for :func:`scatter_at_fixed_mass`.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`, then ``n``, ``truth`` and ``mean`` (their scatter, in the unit of
        the property), and ``ratio`` (mean over truth, below 1 if the network reproduces too
        little scatter). NaN if no bin has two halos.

    Raises
    ------
    ParameterError
        If a column is missing, no row is left, or `bin_width` isn't positive.
    """
    by, rows = list(by), []
    table = with_truth(predictions, [*by, "log_mass"])
    for key, group in table.groupby(by, sort=False, observed=True):
        truth, mean = scatter_at_fixed_mass(
            group[["truth", "mean"]], group["log_mass"], bin_width=bin_width
        )
        ratio = mean / truth if truth > 0 else np.nan
        rows.append((*key, len(group), truth, mean, ratio))
    return pd.DataFrame(rows, columns=[*by, "n", "truth", "mean", "ratio"])


def biases(predictions, by=GROUPING):
    """Tabulate the mean of inference minus truth, the offset of a network.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    by : sequence of str
        Columns that make the groups.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`, ``n`` (halos), ``bias`` in the unit of the property,
        ``uncertainty``, the standard error of that mean, and ``median`` of the same differences,
        which doesn't depend on a few outliers; groups in order of appearance.

    Raises
    ------
    ParameterError
        If a column is missing, or no row is left.
    """
    by = list(by)
    rows = with_truth(predictions, by)
    groups = rows.assign(error=rows["mean"] - rows["truth"]).groupby(by, sort=False, observed=True)
    found = groups["error"].agg(n="size", bias="mean", uncertainty="sem", median="median")
    return found.reset_index()


def _mean(values, weights):
    """Average over the halos, for each property or each draw and property."""
    if weights is None:
        return values.mean(axis=0)
    weights = np.asarray(weights, dtype=np.float64)
    finite = np.isfinite(values)
    found = weights @ np.where(finite, values, 0.0) / weights.sum(axis=1, keepdims=True)
    return np.where(weights @ ~finite > 0, np.inf, found)


def _checked(**arrays):
    """Return arrays as float64, or raise an error that names the fault."""
    arrays = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    shape = next(iter(shapes.values()))
    if len(set(shapes.values())) > 1 or len(shape) != 2 or 0 in shape:
        raise ParameterError(
            "The arrays don't fit together.",
            found=", ".join(f"{name} {shape}" for name, shape in shapes.items()),
            expected="equal shapes (halos, properties), at least one halo",
        )
    for name, array in arrays.items():
        bad = ~np.isfinite(array)
        if name == "std":
            bad |= array < 0
        if bad.any():
            raise ParameterError(
                f"{name} has invalid values.",
                found=f"{bad.sum()} of {bad.size}, the first {array[bad][0]}",
                expected="finite numbers" + (", not negative" if name == "std" else ""),
                remedy="Leave out halos without a truth.",
            )
    return arrays.values()


def at_home(suite_train, suite_test):
    """Tell whether suites are among those that networks were trained on.

    Parameters
    ----------
    suite_train : sequence of str
        Suites of the training of each network, joined by "+".
    suite_test : sequence of str
        Suite of each test.

    Returns
    -------
    ndarray of bool
    """
    pairs = zip(suite_train, suite_test, strict=True)
    return np.array([tested in trained.split("+") for trained, tested in pairs], dtype=bool)


def with_truth(predictions, columns):
    """Return the rows with a truth of a table that has all columns.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    columns : sequence of str
        Required columns, beside truth, mean and std.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ParameterError
        If a column is missing, no row is left, a mean isn't finite, or a deviation isn't or is
        negative.
    """
    check_columns(predictions, {*columns, "truth", "mean", "std"})
    rows = predictions[np.isfinite(predictions["truth"])]
    if rows.empty:
        raise ParameterError("No prediction has a truth to compare with.", found="0 rows")
    _checked(mean=rows[["mean"]], std=rows[["std"]])
    return rows
