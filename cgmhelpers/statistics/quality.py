"""Predictions that shouldn't be trusted, and networks whose training is unfinished.

A network answers every map, also a map unlike all that it has seen, and an unfinished training
yields a network too. Predictions are compared with the range of the training, and each network with
its own claims, its learning curve, and networks that see fewer fields. Tables list the failures.
"""

import numpy as np
import pandas as pd
from scipy import stats

from cgmhelpers.halos.classes import HALO
from cgmhelpers.statistics import comparison, coverage, metrics

CHI2 = (0.5, 2.0)
"""Range of reduced chi squared that passes."""
SHARE = 0.05
"""Largest share of halos outside of the training's range that passes."""
LATE = 0.1
"""Last part of a training; a converged one gains at most half of this share in it."""


def progress(history):
    """Compute the share of a training's whole gain that its last tenth made.

    Parameters
    ----------
    history : pandas.DataFrame
        Learning curves, from ``history.csv``.

    Returns
    -------
    float
        From 0, no gain at the end, to 1, all gain at the end; NaN for one epoch. The gain is that
        of the lowest validation loss so far.
    """
    lowest = history["validation_loss"].cummin().to_numpy()
    if len(lowest) < 2:
        return np.nan
    if lowest[0] == lowest[-1]:
        return 0.0  # it never learnt: the place of its best epoch shows it
    earlier = lowest[min(int(np.ceil(len(lowest) * (1 - LATE))), len(lowest) - 1) - 1]
    return float((earlier - lowest[-1]) / (lowest[0] - lowest[-1]))


def convergence(history):
    """Compare a learning curve with that of a converged training.

    Parameters
    ----------
    history : pandas.DataFrame
        Learning curves, from ``history.csv``.

    Returns
    -------
    list of tuple
        (problem, value, low, high) for each of two checks, which pass if `value` is from `low` to
        `high`: the gain of the last tenth, and the place of the best epoch, 0 to 1.
    """
    place = float(history["validation_loss"].idxmin()) / max(len(history) - 1, 1)
    return [
        ("gain in the last tenth of training", progress(history), 0, LATE / 2),
        ("place of the best epoch", place, LATE, 1),
    ]


def unfinished(predictions, histories, draws=1000, seed=1):
    """List networks whose training is unfinished, so that their results decide nothing.

    A network that sees more fields can learn all that a network with some of them learns, and any
    network can learn to answer with the mean. If it errs more on the same test halos, beyond what
    chance brings about in as many comparisons (Bonferroni's bound, 95%), its training is
    unfinished.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``.
    histories : dict of tuple to pandas.DataFrame
        (suite_train, fields, limits) -> learning curves of that network.
    draws, seed : int
        Number and seed of the bootstrap draws of halos that compare networks (95% intervals).

    Returns
    -------
    pandas.DataFrame
        A row for each network and property: suite_train, fields, limits, property and ``reason``,
        half a sentence. No rows if all trainings are finished.
    """
    rows = []
    names = list(dict.fromkeys(predictions["property"]))
    for key, history in histories.items():
        for problem, value, low, high in convergence(history):
            if not low <= value <= high:  # NaN fails
                reason = f"{problem} {value:.0%}, between {low:.0%} and {high:.0%} if converged"
                rows += [(*key, name, reason) for name in names]
                break
    own = predictions[metrics.at_home(predictions["suite_train"], predictions["suite_test"])]
    by = ["suite_train", "limits", "property"]
    tables = {fields: own[own["fields"] == fields] for fields in dict.fromkeys(own["fields"])}
    compared = []
    for more, table in tables.items():
        weaker = {
            f"the network for {fewer} alone": other
            for fewer, other in tables.items()
            if set(fewer.split("+")) < set(more.split("+"))
        }
        means = table.groupby(by, observed=True)["truth"].transform("mean")
        weaker["the mean of all halos"] = table.assign(mean=means)
        for name, other in weaker.items():
            found = comparison.paired(table, other, by=by, draws=draws, seed=seed)
            found = found[found["metric"] == "rmse"]
            compared.append(found.assign(fields=more, weaker=name))
    compared = pd.concat(compared) if compared else pd.DataFrame()
    far = stats.norm.isf(0.025 / max(len(compared), 1)) / stats.norm.isf(0.025)
    for row in compared.itertuples():
        if row.difference > far * (row.high - row.low) / 2:
            reason = f"errs more on {row.property} than {row.weaker} does"
            rows.append((row.suite_train, row.fields, row.limits, row.property, reason))
    table = pd.DataFrame(rows, columns=["suite_train", "fields", "limits", "property", "reason"])
    return table.drop_duplicates(["suite_train", "fields", "limits", "property"], ignore_index=True)


def report(predictions, histories):
    """List the predictions and networks that shouldn't be trusted, with the reasons.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.unfamiliar.flag`.
    histories : dict of tuple to pandas.DataFrame
        (suite_train, fields, limits) -> learning curves of that network.

    Returns
    -------
    pandas.DataFrame
        A row for each problem: suite_train, suite_test, fields, limits, property (an empty one
        means all), ``problem``, ``value``, and ``low`` and ``high``, the range that passes. No
        rows if all checks pass.
    """
    rows = []
    keys = list(metrics.GROUPING)
    for key, group in predictions.groupby(keys, sort=False):
        judged = group[np.isfinite(group["truth"])]
        rows += [
            (*key, "inferred beyond the training's range", group["beyond"].mean(), 0, SHARE),
            (*key, "halos without a truth", 1 - len(judged) / len(group), 0, 0),
        ]
        if judged.empty:
            continue
        arrays = [judged[[name]].to_numpy() for name in ("truth", "mean", "std")]
        covered = float(metrics.coverage(*arrays)[0])
        rows.append((*key, "coverage", covered, *coverage.allowed(len(judged))))
        rows.append((*key, "reduced chi squared", float(metrics.reduced_chi2(*arrays)[0]), *CHI2))
    halo = [*keys[:-1], *HALO]
    for key, group in predictions.drop_duplicates(halo).groupby(keys[:-1], sort=False):
        share = (group["unlike"] != "").mean()
        rows.append((*key, "", "maps unlike the training's", share, 0, SHARE))
    for (suite, fields, limits), history in histories.items():
        rows += [(suite, "", fields, limits, "", *check) for check in convergence(history)]
    table = pd.DataFrame(rows, columns=[*keys, "problem", "value", "low", "high"])
    wrong = ~table["value"].between(table["low"], table["high"])  # NaN counts
    return table[wrong].reset_index(drop=True)
