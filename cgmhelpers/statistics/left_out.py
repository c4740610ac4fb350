"""Scores of networks in a suite that was left out of their training, and what they cost at home."""

import numpy as np
import pandas as pd
import scoringrules

from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.statistics.metrics import with_truth
from cgmhelpers.statistics.resampling import REALISATION, interval

NETWORK = ["track", "method", "left_out", "suite_train", "seed"]
"""Columns that name a network of a table of `cgmhelpers.runs.leaving_out`."""
RANGES = {one.name: one.high - one.low for one in PROPERTIES}
TAIL = 1.959964


def cells(predictions, by=()):
    """Score each network and property in each suite.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``LeavingOut.predictions`` of `cgmhelpers.runs.leaving_out`.
    by : sequence of str
        Further columns, such as ``halo_class``.

    Returns
    -------
    pandas.DataFrame
        Columns of `NETWORK`, suite_test, property and `by`, then ``n``; ``bias`` (median of
        inference minus truth), ``rmse`` and ``crps``, in units of the property's range; ``chi2``
        (reduced); ``coverage_68`` and ``coverage_95``.
    """
    keys = [*NETWORK, "suite_test", "property", *by]
    table = with_truth(predictions, keys)
    width = table["property"].map(RANGES)
    error = (table["mean"] - table["truth"]) / width
    score = error / (table["std"] / width)
    table = table[keys].assign(
        n=1.0, bias=error, rmse=error**2, chi2=score**2,
        crps=scoringrules.crps_normal(table["truth"], table["mean"], table["std"]) / width,
        coverage_68=score.abs() <= 1, coverage_95=score.abs() <= TAIL,
    )  # fmt: skip
    groups = table.groupby(keys, sort=False, observed=True, dropna=False)
    found = groups.agg(
        n=("n", "size"), bias=("bias", "median"), rmse=("rmse", "mean"), crps=("crps", "mean"),
        chi2=("chi2", "mean"), coverage_68=("coverage_68", "mean"),
        coverage_95=("coverage_95", "mean"),
    ).reset_index()  # fmt: skip
    return found.assign(rmse=found["rmse"] ** 0.5)


def away(found):
    """Select the cells of suites that were left out.

    Parameters
    ----------
    found : pandas.DataFrame
        From :func:`cells`.

    Returns
    -------
    pandas.DataFrame
    """
    return found[found["suite_test"] == found["left_out"]]


def summary(predictions, draws=200, seed=1):
    """Compare methods of one track in the suites that were left out, and in those of the training.

    Parameters
    ----------
    predictions : pandas.DataFrame
        As for :func:`cells`.
    draws : int
        Bootstrap draws of realisations, which keep halos of one box together.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        A row for each track and method, averaged over suites, properties and networks: ``bias``,
        the mean *size* of the bias, with its 95% interval ``bias_low`` to ``bias_high``; ``rmse``,
        ``crps``; ``chi2`` and ``chi2_worst``; ``coverage_68``, ``coverage_95``; ``rmse_home``, in
        the suites of the training; and ``change``, of the bias relative to single-suite networks
        of the same table, with its interval. Of single-suite networks there are also the best and
        the worst for each suite that was left out: which one that is, only its truth tells.
    """
    keys = ["track", "method"]
    found = cells(predictions)
    foreign = away(found)
    groups = foreign.groupby(keys, sort=False)
    table = groups.agg(
        rmse=("rmse", "mean"), crps=("crps", "mean"), chi2=("chi2", "mean"),
        chi2_worst=("chi2", "max"), coverage_68=("coverage_68", "mean"),
        coverage_95=("coverage_95", "mean"),
    )  # fmt: skip
    table.insert(0, "bias", _sizes(foreign))
    known = [own["suite_test"] in own["suite_train"].split("+")
             for _, own in found[["suite_test", "suite_train"]].iterrows()]  # fmt: skip
    table["rmse_home"] = found[known].groupby(keys, sort=False)["rmse"].mean()
    drawn = _drawn(predictions[predictions["suite_test"] == predictions["left_out"]], draws, seed)
    table.insert(1, "bias_low", interval(drawn)[0])
    table.insert(2, "bias_high", interval(drawn)[1])
    single = [row for row in table.index if row[1] == "single suite"]
    if single:
        place = table.index.get_loc(single[0])
        table["change"] = table["bias"] / table["bias"].iloc[place] - 1
        table["change_low"], table["change_high"] = interval(drawn / drawn[:, [place]] - 1)
        table = pd.concat([table, _extremes(foreign)])
    return table.rename_axis(keys).reset_index()


def verdict(table, method, goal=0.31):
    """Judge whether a method makes the bias smaller by a share.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`summary`.
    method : str
        Method in the table.
    goal : float
        Share of the bias of single-suite networks; 0.31 is what HaloFlow II (arXiv:2603.12380)
        gains on average.

    Returns
    -------
    str
        "holds", "does not hold", or "can't be decided" if the interval contains the goal or isn't
        known.
    """
    row = table[table["method"] == method].iloc[0]
    if row["change_high"] <= -goal:
        return "holds"
    return "does not hold" if row["change_low"] > -goal else "can't be decided"


def _sizes(foreign):
    return foreign.assign(size=foreign["bias"].abs()).groupby(["track", "method"], sort=False)[
        "size"
    ].mean()  # fmt: skip


def _drawn(foreign, draws, seed):
    """Mean size of the bias of each track and method, (draws, rows), from other realisations."""
    boxes = [own for _, own in foreign.groupby(list(REALISATION), sort=False)]
    rows = foreign[["track", "method"]].drop_duplicates()
    rows = pd.MultiIndex.from_frame(rows)
    if len(boxes) < 2:
        return np.full((draws, len(rows)), np.nan)
    chosen = np.random.default_rng(seed).integers(len(boxes), size=(draws, len(boxes)))
    known, found = {}, []
    for draw in map(tuple, np.sort(chosen, axis=1)):  # few boxes have few draws
        if draw not in known:
            known[draw] = _sizes(_biases(pd.concat([boxes[number] for number in draw])))
        found.append(known[draw].reindex(rows).to_numpy())
    return np.array(found)


def _biases(foreign):
    error = (foreign["mean"] - foreign["truth"]) / foreign["property"].map(RANGES)
    keys = [*NETWORK, "property"]
    return foreign[keys].assign(bias=error).groupby(keys, sort=False)["bias"].median().reset_index()


def _extremes(foreign):
    """Best and worst single-suite networks, chosen for each suite by their bias there."""
    own = foreign[foreign["method"] == "single suite"]
    size = own.assign(size=own["bias"].abs()).groupby(NETWORK)["size"].mean()
    by_suite = size.groupby(["track", "left_out", "seed"])
    rows = {}
    for name, choose in (("best", by_suite.idxmin), ("worst", by_suite.idxmax)):
        networks = own.set_index(NETWORK).loc[choose()]
        rows[own["track"].iloc[0], f"single suite, {name}"] = {
            "bias": networks["bias"].abs().mean(), "rmse": networks["rmse"].mean(),
            "crps": networks["crps"].mean(), "chi2": networks["chi2"].mean(),
            "chi2_worst": networks["chi2"].max(), "coverage_68": networks["coverage_68"].mean(),
            "coverage_95": networks["coverage_95"].mean(),
        }  # fmt: skip
    return pd.DataFrame(rows).T
