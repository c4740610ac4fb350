"""Scores of networks in a suite that was left out of their training, and what they cost at home."""

import numpy as np
import pandas as pd
import scoringrules

from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.statistics.metrics import at_home, with_truth
from cgmhelpers.statistics.resampling import HALO, REALISATION, interval, resample

NETWORK = ["track", "method", "left_out", "suite_train", "seed"]
"""Columns that name a network of a table of `cgmhelpers.runs.leaving_out`."""
RANGES = {one.name: one.high - one.low for one in PROPERTIES}
TAIL = 1.959964
SINGLE = "single suite"
"""Method of the networks of one suite alone."""


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

    Raises
    ------
    ParameterError
        If a column is missing, a property is unknown, or a mean or a deviation can't be scored.
    """
    keys = [*NETWORK, "suite_test", "property", *by]
    table = with_truth(predictions, keys)
    check_known(table["property"].unique(), RANGES, "Unknown properties.")
    if (table["std"] == 0).any():
        raise ParameterError(
            "Posteriors of no width can't be scored.",
            found=f"std = 0 in {(table['std'] == 0).sum()} of {len(table)} rows",
            expected="positive deviations",
        )
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

    Raises
    ------
    ParameterError
        If methods weren't tested on the same suites and properties: their means don't compare.
    """
    keys = ["track", "method"]
    found = cells(predictions)
    foreign = away(found)
    tested = foreign.groupby(keys, sort=False)[["left_out", "property"]].apply(
        lambda own: frozenset(map(tuple, own.to_numpy()))
    )
    if tested.nunique() > 1:
        raise ParameterError(
            "The methods weren't tested on the same suites and properties.",
            found={" ".join(name): len(own) for name, own in tested.items()},
            expected="as many pairs of a suite left out and a property for each method",
            remedy="Make the predictions that lack, or choose suites that all methods have.",
        )
    groups = foreign.groupby(keys, sort=False)
    table = groups.agg(
        rmse=("rmse", "mean"), crps=("crps", "mean"), chi2=("chi2", "mean"),
        chi2_worst=("chi2", "max"), coverage_68=("coverage_68", "mean"),
        coverage_95=("coverage_95", "mean"),
    )  # fmt: skip
    table.insert(0, "bias", _sizes(foreign))
    known = at_home(found["suite_train"], found["suite_test"])
    table["rmse_home"] = found[known].groupby(keys, sort=False)["rmse"].mean()
    drawn = _drawn(predictions[predictions["suite_test"] == predictions["left_out"]], draws, seed)
    table.insert(1, "bias_low", interval(drawn)[0])
    table.insert(2, "bias_high", interval(drawn)[1])
    single = [row for row in table.index if row[1] == SINGLE]
    if single:
        place = table.index.get_loc(single[0])
        table["change"] = table["bias"] / table["bias"].iloc[place] - 1
        table["change_low"], table["change_high"] = interval(drawn / drawn[:, [place]] - 1)
        table = pd.concat([table, _extremes(foreign)])
    return table.rename_axis(keys).reset_index()


def by_class(predictions):
    """Score methods in the suites that were left out, class by class.

    Parameters
    ----------
    predictions : pandas.DataFrame
        As for :func:`cells`, with ``halo_class``.

    Returns
    -------
    pandas.DataFrame
        A row for each track, method, property and class: ``n``, the test halos of all suites left
        out; ``bias``, the mean size over suites and networks of the median of inference minus
        truth, ``rmse``, ``chi2`` and ``coverage_68``, as from :func:`cells`.
    """
    found = away(cells(predictions, ["halo_class"]))
    keys = ["track", "method", "property", "halo_class"]
    halos = found.drop_duplicates([*keys, "left_out"]).groupby(keys, sort=False)["n"].sum()
    groups = found.assign(bias=found["bias"].abs()).groupby(keys, sort=False)
    scores = groups[["bias", "rmse", "chi2", "coverage_68"]].mean()
    return scores.assign(n=halos)[["n", *scores]].reset_index()


def looks(halos, draws=500, seed=1):
    """Compare what robust and single-suite networks look at, in the suites that were left out.

    Parameters
    ----------
    halos : pandas.DataFrame
        From ``looks`` of `cgmhelpers.runs.judging`.
    draws : int
        Bootstrap draws of halos.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        A row for each method: ``halos``; ``alike``, the mean over halos of the rank correlation of
        a network's attributions with those of the (other) single-suite networks, ``inner``, the
        mean share of the attribution within 200 kpc, and the differences of both from those of
        single-suite networks, ``alike_change`` and ``inner_change``; all with 95% intervals from
        ``<column>_low`` to ``<column>_high``.
    """
    keys = ["left_out", *HALO]
    wide = halos.pivot_table(index=keys, columns="method", values=["alike", "inner"], sort=False)
    methods = list(dict.fromkeys(halos["method"]))
    wide = wide.reindex(columns=pd.MultiIndex.from_product([["alike", "inner"], methods])).dropna()
    rows = {name: {"halos": len(wide)} for name in methods}
    if wide.empty:
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method").reset_index()
    weights = resample(wide.index.to_frame(index=False), draws=draws, seed=seed)
    weights = weights / weights.sum(axis=1, keepdims=True)
    for name, row in rows.items():
        for value in ("alike", "inner"):
            own = wide[value][name].to_numpy()
            change = own - wide[value][SINGLE].to_numpy()
            for column, one in ((value, own), (f"{value}_change", change)):
                low, high = interval(weights @ one)
                row |= {column: one.mean(), f"{column}_low": low, f"{column}_high": high}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method").reset_index()


def looks_elsewhere(looks, method):
    """Judge whether a method's networks look at other pixels than single-suite networks do.

    Parameters
    ----------
    looks : pandas.DataFrame
        From :func:`looks`.
    method : str
        Method in the table.

    Returns
    -------
    str
        "holds" if they are less like single-suite networks than these are like each other, "does
        not hold" if more, "can't be decided" if the interval contains no difference or isn't known.
    """
    row = _row(looks, method)
    if row["alike_change_high"] < 0:
        return "holds"
    return "does not hold" if row["alike_change_low"] > 0 else "can't be decided"


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
    row = _row(table, method)
    if row["change_high"] <= -goal:
        return "holds"
    return "does not hold" if row["change_low"] > -goal else "can't be decided"


def _row(table, method):
    check_known(method, table["method"], "The table lacks this method.")
    return table[table["method"] == method].iloc[0]


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
    own = foreign[foreign["method"] == SINGLE]
    size = own.assign(size=own["bias"].abs()).groupby(NETWORK)["size"].mean()
    by_suite = size.groupby(["track", "left_out", "seed"])
    rows = {}
    for name, choose in (("best", by_suite.idxmin), ("worst", by_suite.idxmax)):
        networks = own.set_index(NETWORK).loc[choose()]
        rows[own["track"].iloc[0], f"{SINGLE}, {name}"] = {
            "bias": networks["bias"].abs().mean(), "rmse": networks["rmse"].mean(),
            "crps": networks["crps"].mean(), "chi2": networks["chi2"].mean(),
            "chi2_worst": networks["chi2"].max(), "coverage_68": networks["coverage_68"].mean(),
            "coverage_95": networks["coverage_95"].mean(),
        }  # fmt: skip
    return pd.DataFrame(rows).T
