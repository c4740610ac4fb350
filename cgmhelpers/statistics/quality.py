"""What not to trust: halos unlike the training's, errors of a wrong size, unfinished networks.

A network answers every map, also one like none that it has seen, and an unfinished training leaves
a network too. Each prediction is compared with the range of the training, and each network with
its own claims, its learning curve, and networks that see less; the failures are tables.
"""

import numpy as np
import pandas as pd

from cgmhelpers.halos.classes import HALO
from cgmhelpers.statistics import comparison, coverage, metrics

CHI2 = (0.5, 2.0)
"""Reduced chi squared that passes."""
SHARE = 0.05
"""Share of halos outside of the training's range that passes: a range has two ends."""
LATE = 0.1
"""Last part of a training, in which it should gain no more than half of this share."""


def progress(history):
    """Compute the share of its whole gain that a training made in its last tenth.

    Parameters
    ----------
    history : pandas.DataFrame
        Learning curves, from ``history.csv``.

    Returns
    -------
    float
        0 for a training that was done before, 1 for one that learnt all at the end; NaN for one
        epoch. The validation loss counts, and its lowest value so far.
    """
    lowest = history["validation_loss"].cummin().to_numpy()
    if len(lowest) < 2:
        return np.nan
    if lowest[0] == lowest[-1]:
        return 0.0  # it never learnt: the place of its best epoch tells
    earlier = lowest[min(int(np.ceil(len(lowest) * (1 - LATE))), len(lowest) - 1) - 1]
    return float((earlier - lowest[-1]) / (lowest[0] - lowest[-1]))


def convergence(history):
    """Hold a learning curve against that of a training that has converged.

    Parameters
    ----------
    history : pandas.DataFrame
        Learning curves, from ``history.csv``.

    Returns
    -------
    list of tuple
        (problem, value, low, high) for each of two checks, passed where `value` lies between: the
        gain of the last tenth, and the place of the best epoch in the training, 0 to 1.
    """
    place = float(history["validation_loss"].idxmin()) / max(len(history) - 1, 1)
    return [
        ("gain in the last tenth of training", progress(history), 0, LATE / 2),
        ("place of the best epoch", place, LATE, 1),
    ]


def unfinished(predictions, histories, draws=1000, seed=1):
    """List networks whose results decide nothing, as they haven't learnt all that they could.

    A network that sees more fields can always do what one that sees fewer does. If it errs more,
    on the same test halos and beyond chance, its training isn't finished.

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
        One row a network and property: suite_train, fields, limits, property and ``reason``, half
        a sentence. No rows where all networks are finished.
    """
    rows = []
    names = list(dict.fromkeys(predictions["property"]))
    for key, history in histories.items():
        for problem, value, low, high in convergence(history):
            if not low <= value <= high:  # NaN fails
                reason = f"{problem} {value:.0%}, between {low:.0%} and {high:.0%} if converged"
                rows += [(*key, name, reason) for name in names]
                break
    own = predictions[predictions["suite_train"] == predictions["suite_test"]]
    by = ["suite_train", "limits", "property"]
    inputs = list(dict.fromkeys(own["fields"]))
    for more in inputs:
        for fewer in inputs:
            if set(fewer.split("+")) < set(more.split("+")):
                tables = (own[own["fields"] == one] for one in (more, fewer))
                found = comparison.paired(*tables, by=by, draws=draws, seed=seed)
                worse = found[(found["metric"] == "rmse") & (found["verdict"] == "worse")]
                rows += [
                    (
                        row.suite_train, more, row.limits, row.property,
                        f"errs more on {row.property} than the network for {fewer} alone does",
                    )
                    for row in worse.itertuples()
                ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["suite_train", "fields", "limits", "property", "reason"])
    return table.drop_duplicates(["suite_train", "fields", "limits", "property"], ignore_index=True)


def report(predictions, histories):
    """List the predictions and networks that shouldn't be trusted, and why.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.unfamiliar.flag`.
    histories : dict of tuple to pandas.DataFrame
        (suite_train, fields, limits) -> learning curves of that network.

    Returns
    -------
    pandas.DataFrame
        One row a problem: suite_train, suite_test, fields, limits, property (the last four empty
        where all are meant), ``problem``, ``value`` and ``low`` and ``high``, what would pass.
        Empty where all is well.
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
