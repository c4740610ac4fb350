"""The disagreement of an ensemble as a flag of wrong predictions."""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from cgmhelpers.halos.classes import HALO
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.statistics import metrics, resampling


def per_halo(table):
    """Condense predictions to a row for each halo and network: error and disagreement.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`cgmhelpers.inference.ensembles.combine`.

    Returns
    -------
    pandas.DataFrame
        Identifiers of the halo, ``suite_train``, ``log_mass``, ``halo_class``; ``familiar``, true
        if its suite is one of the training; and ``error``, ``aleatoric`` and ``epistemic``:
        root mean squares over the properties, in units of their ranges. Halos without a finite
        truth are left out.
    """
    width = table["property"].map({one.name: one.high - one.low for one in PROPERTIES})
    scaled = {
        "error": (table["mean"] - table["truth"]) / width,
        "aleatoric": table["std_aleatoric"] / width,
        "epistemic": table["std_epistemic"] / width,
    }
    keys = [*HALO, "log_mass", "halo_class", "suite_train"]
    squares = table[keys].assign(**{name: one**2 for name, one in scaled.items()})
    # min_count: a halo without a truth for one property has no error.
    number = table["property"].nunique()
    total = squares.groupby(keys, sort=False, observed=True)[list(scaled)].sum(min_count=number)
    halos = np.sqrt(total / number).dropna().reset_index()
    return halos.assign(familiar=metrics.at_home(halos["suite_train"], halos["suite"]))


def areas(halos, share=0.1, draws=500, seed=1):
    """Measure how well the disagreement of members flags halos with large errors.

    Parameters
    ----------
    halos : pandas.DataFrame
        From :func:`per_halo`.
    share : float
        Share of the familiar halos' errors that count as large.
    draws : int
        Bootstrap draws of halos for the intervals.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        A row for each ``suite_train``, ``flag`` (``epistemic`` or ``aleatoric``) and ``task``:
        ``unfamiliar`` (halos of other suites) and ``large error`` (halos whose error exceeds that
        of all but `share` of the familiar ones). ``auc`` is the probability that such a halo has
        a larger flag than another (0.5: no use, 1: always), with the interval ``low`` to ``high``
        of 95%. NaN if all halos are of one kind.
    """
    rows = []
    for suite, own in halos.groupby("suite_train", sort=False):
        known = own.loc[own["familiar"], "error"]
        limit = known.quantile(1 - share) if len(known) else np.inf
        tasks = {"unfamiliar": ~own["familiar"], "large error": own["error"] > limit}
        weights = resampling.resample(own, draws=draws, seed=seed)
        for flag in ("epistemic", "aleatoric"):
            for task, wanted in tasks.items():
                drawn = [auc(own[flag], wanted, one) for one in weights]
                low, high = resampling.interval(drawn)
                rows.append((suite, flag, task, auc(own[flag], wanted), float(low), float(high)))
    return pd.DataFrame(rows, columns=["suite_train", "flag", "task", "auc", "low", "high"])


def auc(flag, wanted, weights=None):
    """Compute the area under the receiver operating characteristic of a flag.

    Parameters
    ----------
    flag : array_like, shape (halos,)
        A number, larger for halos to distrust.
    wanted : array_like of bool, shape (halos,)
        The halos that the flag should find.
    weights : array_like, shape (halos,), optional
        How often each halo counts.

    Returns
    -------
    float
        The chance that a wanted halo has a larger flag than another halo (ties count half;
        Mann-Whitney); NaN if either group is empty.
    """
    wanted = np.asarray(wanted, dtype=bool)
    weights = np.ones(len(wanted)) if weights is None else np.asarray(weights, dtype=float)
    if not weights[wanted].any() or not weights[~wanted].any():
        return np.nan
    return roc_auc_score(wanted, flag, sample_weight=weights)


def flag(halos, level=0.95):
    """Flag the halos on which members disagree more than on nearly all familiar halos.

    Parameters
    ----------
    halos : pandas.DataFrame
        From :func:`per_halo`.
    level : float
        Share of the familiar halos that aren't flagged.

    Returns
    -------
    pandas.DataFrame
        `halos` with a column ``flagged``; no halo is flagged if none is familiar.
    """
    known = halos["epistemic"].where(halos["familiar"])
    limit = known.groupby(halos["suite_train"]).transform("quantile", level)
    return halos.assign(flagged=halos["epistemic"] > limit)
