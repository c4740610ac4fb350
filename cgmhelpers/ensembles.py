"""Ensembles: networks that differ in their random numbers only, and what their disagreement says.

Members have the same training halos and settings, but other initial weights and batches. Where
the training halos leave no doubt they agree; on a halo unlike those they needn't, and no single
network can say so. The variance of the equal mixture of their posteriors is

.. math::

    \\sigma^2 = \\langle\\sigma_k^2\\rangle_k + \\langle(\\mu_k-\\bar\\mu)^2\\rangle_k ,

aleatoric (what the maps leave open) plus epistemic (what the training leaves open); see
Lakshminarayanan, Pritzel & Blundell (2017, arXiv:1612.01474) and Kendall & Gal (2017,
arXiv:1703.04977).
"""

import numpy as np
import pandas as pd
from scipy import stats

from cgmhelpers import inference, resampling
from cgmhelpers.errors import ParameterError
from cgmhelpers.properties import PROPERTIES

MOMENTS = ["mean", "std", "std_network"]
COLUMNS = [*inference.COLUMNS, "std_aleatoric", "std_epistemic"]
"""Columns of a table of an ensemble's predictions."""


def combine(predictions):
    """Merge the predictions of an ensemble's members.

    Parameters
    ----------
    predictions : sequence of pandas.DataFrame
        Each from :func:`cgmhelpers.inference.predict`, of the same halos in the same order.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`: ``mean`` is the mean of the members', ``std`` the total, ``std_aleatoric`` and
        ``std_epistemic`` its parts (their squares add up), all in the property's unit;
        ``std_network`` is the root mean square of the members'.

    Raises
    ------
    ParameterError
        If there are fewer than two members, or they aren't about the same halos.
    """
    if len(predictions) < 2:
        raise ParameterError(
            "An ensemble has several members.", found=len(predictions), expected="2 or more"
        )
    first = predictions[0].reset_index(drop=True)
    same = first.drop(columns=MOMENTS)
    for other in predictions[1:]:
        if not same.equals(other.reset_index(drop=True).drop(columns=MOMENTS)):
            raise ParameterError(
                "The members' predictions are about different halos or networks.",
                found=f"{len(first)} and {len(other)} rows",
                expected="the same rows but for mean and std",
                remedy="Make them with the same maps, split and settings.",
            )
    mean, std, network = (np.stack([one[name] for one in predictions]) for name in MOMENTS)
    aleatoric, epistemic = (std**2).mean(axis=0), mean.var(axis=0)
    return first.assign(
        mean=mean.mean(axis=0),
        std=np.sqrt(aleatoric + epistemic),
        std_network=np.sqrt((network**2).mean(axis=0)),
        std_aleatoric=np.sqrt(aleatoric),
        std_epistemic=np.sqrt(epistemic),
    )[COLUMNS]


def per_halo(table):
    """One row per halo and network: how far off it is, and how far the members disagree.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`combine`.

    Returns
    -------
    pandas.DataFrame
        Identifiers of the halo, ``suite_train``, ``log_mass``, ``halo_class``; ``familiar``,
        whether its suite is that of the training; and ``error``, ``aleatoric`` and ``epistemic``:
        root mean squares over the properties, in units of their ranges. Halos with a truth that
        isn't finite are left out.
    """
    width = table["property"].map({one.name: one.high - one.low for one in PROPERTIES})
    scaled = {
        "error": (table["mean"] - table["truth"]) / width,
        "aleatoric": table["std_aleatoric"] / width,
        "epistemic": table["std_epistemic"] / width,
    }
    keys = [*resampling.HALO, "log_mass", "halo_class", "suite_train"]
    squares = table[keys].assign(**{name: one**2 for name, one in scaled.items()})
    # min_count: a halo without a truth for one property has no error.
    number = table["property"].nunique()
    total = squares.groupby(keys, sort=False, observed=True)[list(scaled)].sum(min_count=number)
    halos = np.sqrt(total / number).dropna().reset_index()
    return halos.assign(familiar=halos["suite"] == halos["suite_train"])


def epistemic(folders, images):
    """How far the members of an ensemble disagree about maps whose truth nobody knows.

    Parameters
    ----------
    folders : sequence of path
        Of the members.
    images : array_like, shape (maps, fields, y, x)
        In the units of the fields.

    Returns
    -------
    ndarray, shape (maps,)
        Root mean square over the properties of the standard deviation of the members' means, in
        units of the properties' ranges: the ``epistemic`` of :func:`per_halo`.
    """
    predictors = [inference.load(folder) for folder in folders]
    scaling = predictors[0].scaling
    variance = np.var([one(images)[0] for one in predictors], axis=0)
    return np.sqrt((variance / np.subtract(scaling.high, scaling.low) ** 2).mean(axis=1))


def reliability(halos, share=0.1, draws=500, seed=1):
    """How well the members' disagreement tells which halos not to trust.

    Parameters
    ----------
    halos : pandas.DataFrame
        From :func:`per_halo`.
    share : float
        Which share of the familiar halos' errors counts as large.
    draws : int
        Bootstrap draws of halos for the intervals.
    seed : int
        Of the draws.

    Returns
    -------
    pandas.DataFrame
        A row for each ``suite_train``, ``flag`` (``epistemic`` or ``aleatoric``) and ``task``:
        ``unfamiliar`` (to tell halos of other suites) and ``large error`` (to tell halos whose
        error exceeds that of all but `share` of the familiar ones). ``auc`` is the probability
        that a halo to be told has the larger flag (0.5: no use, 1: always), with the interval
        ``low`` to ``high`` of 95%. NaN where there is nothing to tell.
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
    """Area under the receiver operating characteristic: how well a flag tells some halos.

    Parameters
    ----------
    flag : array_like, shape (halos,)
        A number; larger is more suspicious.
    wanted : array_like of bool, shape (halos,)
        Which ones it should tell.
    weights : array_like of int, shape (halos,), optional
        How often each halo counts.

    Returns
    -------
    float
        The chance that one of the wanted halos has a larger flag than one of the others (ties
        count half; Mann-Whitney); NaN if there is none of either.
    """
    flag, wanted = np.asarray(flag, dtype=float), np.asarray(wanted, dtype=bool)
    if weights is not None:
        repeated = np.repeat(np.arange(len(flag)), np.asarray(weights, dtype=int))
        flag, wanted = flag[repeated], wanted[repeated]
    yes, no = wanted.sum(), (~wanted).sum()
    if not yes or not no:
        return np.nan
    return (stats.rankdata(flag)[wanted].sum() - yes * (yes + 1) / 2) / (yes * no)


def flag(halos, level=0.95):
    """Flag the halos whose members disagree more than is usual for familiar ones.

    Parameters
    ----------
    halos : pandas.DataFrame
        From :func:`per_halo`.
    level : float
        Share of the familiar halos that aren't flagged.

    Returns
    -------
    pandas.DataFrame
        The same with a column ``flagged``; nothing is flagged where no halo is familiar.
    """
    known = halos["epistemic"].where(halos["familiar"])
    limit = known.groupby(halos["suite_train"]).transform("quantile", level)
    return halos.assign(flagged=halos["epistemic"] > limit)
