"""Errors of networks in suites that they weren't trained on, and their relation to brightness."""

import numpy as np
import pandas as pd
from scipy import stats

from cgmhelpers.errors import check_known
from cgmhelpers.statistics import metrics


def elsewhere(errors):
    """Average a network's errors in the suites that it wasn't trained on, geometrically.

    Networks are compared by ratios of errors, and the ratio of geometric means is the mean ratio,
    whichever network is the numerator. A single suite with a large offset would dominate an
    arithmetic mean.

    Parameters
    ----------
    errors : array_like, shape (suites, ...)
        For example RMSE, positive.

    Returns
    -------
    float or ndarray, shape (...)
        In the unit of the errors; NaN for no suite.
    """
    errors = np.asarray(errors, dtype=float)
    return stats.gmean(errors, axis=0) if len(errors) else np.full(errors.shape[1:], np.nan)


def robustness(predictions, by=("fields", "limits", "property")):
    """Tabulate errors of networks in their own suite, and in suites that they don't know.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``.
    by : sequence of str
        Columns that, with suite_train, make the groups.

    Returns
    -------
    pandas.DataFrame
        suite_train, the columns of `by`, own (RMSE in the suites of the training) and elsewhere
        (RMSE in the other suites), both as from :func:`elsewhere`, factor (elsewhere / own) and
        offset (mean over the other suites of the absolute median of inference minus truth); the
        last three are NaN if there is no other suite. The most robust training set has the
        smallest `elsewhere`.
    """
    keys = ["suite_train", *by]
    pairs = ["suite_train", "suite_test", *by]
    table = metrics.summarise(predictions, pairs)
    table = table.merge(metrics.biases(predictions, pairs)[[*pairs, "median"]], on=pairs)
    same = metrics.at_home(table["suite_train"], table["suite_test"])
    own = table[same].groupby(keys, sort=False)["rmse"].agg(elsewhere).rename("own")
    groups = table[~same].assign(offset=table["median"].abs()).groupby(keys, sort=False)
    others = groups.agg(elsewhere=("rmse", elsewhere), offset=("offset", "mean"))
    found = pd.concat([own, others], axis=1).reindex(columns=["own", "elsewhere", "offset"])
    found.insert(2, "factor", found["elsewhere"] / found["own"])
    return found.rename_axis(keys).reset_index()


def brightness_and_bias(predictions, totals, name, field):
    """Compare a network's offset in each other suite with the brightness of that suite.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``, of one set of fields and one limit.
    totals : pandas.DataFrame
        From :func:`cgmhelpers.maps.summaries.map_totals`, of all suites.
    name : str
        Property.
    field : str
        Column of `totals` that measures brightness.

    Returns
    -------
    pandas.DataFrame
        A row for each pair of different suites: suite_train, suite_test, brighter (mean difference
        of log10 of the totals at equal halo class, test minus train [dex]), offset (median of
        inference minus truth), and as_expected: both have the same sign.

    Raises
    ------
    ParameterError
        If `totals` lacks the field.
    """
    check_known(field, totals.columns, "There are no totals of this field.")
    shining = totals[totals[field] > 0]
    level = np.log10(shining[field]).groupby([shining["suite"], shining["halo_class"]]).mean()
    level = level.unstack("halo_class")
    rows = []
    own = predictions[predictions["property"] == name]
    for row in metrics.biases(own, ("suite_train", "suite_test")).itertuples():
        if row.suite_test in row.suite_train.split("+"):
            continue
        trained = level.loc[row.suite_train.split("+")].mean()
        brighter = float((level.loc[row.suite_test] - trained).mean())
        same_sign = brighter * row.median > 0
        rows.append((row.suite_train, row.suite_test, brighter, row.median, same_sign))
    columns = ["suite_train", "suite_test", "brighter", "offset", "as_expected"]
    return pd.DataFrame(rows, columns=columns)


def pairs(predictions, name):
    """Tabulate metrics, offset and correlation of a property for every pair of suites.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``, of one set of fields and one limit.
    name : str
        Property.

    Returns
    -------
    pandas.DataFrame
        A row for each pair: suite_train, suite_test, n, rmse, r2, correlation (Pearson, of truth
        and mean), bias and uncertainty (mean of inference minus truth, and its standard error),
        reduced_chi2 and coverage.
    """
    keys = ["suite_train", "suite_test"]
    own = predictions[(predictions["property"] == name) & np.isfinite(predictions["truth"])]
    table = metrics.summarise(own, keys).merge(metrics.biases(own, keys), on=[*keys, "n"])
    groups = own.groupby(keys, sort=False)
    table["correlation"] = [group["truth"].corr(group["mean"]) for _, group in groups]
    columns = ["n", "rmse", "r2", "correlation", "bias", "uncertainty", "reduced_chi2", "coverage"]
    return table[keys + columns]
