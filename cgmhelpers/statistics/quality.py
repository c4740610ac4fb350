"""What not to trust: halos unlike the training's, errors of a wrong size, unfinished networks.

A network answers every map, also one like none that it has seen. Each prediction is held against
what its network learnt from, and each network against what it claims of itself; what doesn't hold
comes out as a table.
"""

import numpy as np
import pandas as pd

from cgmhelpers.halos.classes import HALO
from cgmhelpers.statistics import coverage, metrics

CHI2 = (0.5, 2.0)
"""Reduced chi squared that passes."""
SHARE = 0.05
"""Share of halos outside of the training's range that passes: a range has two ends."""
LATE = 0.1
"""Last part of a training, in which it should gain no more than half of this share."""


def progress(history):
    """How much of its whole gain a training made in its last tenth.

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


def report(predictions, histories):
    """List what shouldn't be trusted in predictions, and why.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From `flag`.
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
        key = (suite, "", fields, limits, "")
        rows.append((*key, "gain in the last tenth of training", progress(history), 0, LATE / 2))
        first = float(history["validation_loss"].idxmin()) / max(len(history) - 1, 1)
        rows.append((*key, "place of the best epoch", first, LATE, 1))
    table = pd.DataFrame(rows, columns=[*keys, "problem", "value", "low", "high"])
    wrong = ~table["value"].between(table["low"], table["high"])  # NaN counts
    return table[wrong].reset_index(drop=True)
