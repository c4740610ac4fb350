r"""Error bars for a suite that nobody trained on.

A network's own errors, recalibrated on validation halos of its sources, can't know how far another
suite is. Leaving out each source in turn can: networks of the other sources are off by
:math:`d_s` in source s. With the offsets of suites normal about zero, as in a random-effects model
(DerSimonian & Laird 1986, Control. Clin. Trials 7, 177), their variance is

.. math:: \tau^2 = \frac{1}{k} \sum_s \max(d_s^2 - v_s, 0)

for k sources and the sampling variance :math:`v_s` of each offset. The posterior in a new suite has
the variance :math:`\sigma^2 + q_k^2 \tau^2`. As k suites hardly tell a variance, :math:`q_k` is the
ratio of the 68.3% quantiles of Student's distribution with k degrees of freedom and of the normal
one: 1.32 for two sources, 1.20 for three.
"""

import numpy as np
import pandas as pd
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO_CLASSES, halo_class
from cgmhelpers.network.calibration import EVERY
from cgmhelpers.statistics.metrics import ONE_SIGMA, with_truth

FEWEST = 10
"""Halos of a class in every source for its offsets to have a variance of their own."""


def between_suites(nested):
    """Estimate the standard deviation of offsets between suites.

    Parameters
    ----------
    nested : pandas.DataFrame
        Predictions, as from :func:`cgmhelpers.inference.prediction.predict`, for halos of each
        source by networks of the other sources.

    Returns
    -------
    pandas.DataFrame
        A row for each property and ``halo_class`` (by the *inferred* mass; ``"all"`` for classes
        without `FEWEST` halos in every source): ``tau`` in the unit of the property, ``suites``
        (k: those with two halos that have the property, as one halo tells no sampling variance),
        and ``factor`` (:math:`q_k`).

    Raises
    ------
    ParameterError
        If a property has fewer than two such suites.
    """
    table = with_truth(nested, ["suite_test", "property"])
    table = table.assign(inferred=_inferred_class(table))
    rows = []
    for name in nested["property"].unique():
        own = table[table["property"] == name]
        halos = own["suite_test"].value_counts()
        own = own[own["suite_test"].isin(halos.index[halos >= 2])]
        suites = own["suite_test"].nunique()
        if suites < 2:
            raise ParameterError(
                f"The spread of {name} between suites takes several of them.",
                found=f"halos with {name}: {halos.to_dict()}",
                expected="two halos in each of at least two suites that their networks weren't "
                "trained on",
                remedy="Use more halos, or leave the property out.",
            )
        factor = stats.t.ppf((1 + ONE_SIGMA) / 2, suites)
        groups = {EVERY: own, **dict(list(own.groupby("inferred")))}
        for kind, some in groups.items():
            error = (some["mean"] - some["truth"]).groupby(some["suite_test"])
            number = error.size()
            if kind != EVERY and (len(number) < suites or number.min() < FEWEST):
                continue
            offset, variance = error.mean(), error.var(ddof=1) / number
            tau = np.sqrt(np.maximum(offset**2 - variance, 0).mean())
            rows.append((name, kind, tau, suites, factor))
    return pd.DataFrame(rows, columns=["property", "halo_class", "tau", "suites", "factor"])


def widen(predictions, between):
    """Add the spread between suites to posterior widths.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`.
    between : pandas.DataFrame
        From :func:`between_suites`.

    Returns
    -------
    pandas.DataFrame
        `predictions` with another ``std``, that of ``posterior="unseen_suite"``.

    Raises
    ------
    ParameterError
        If a property isn't in `between`, or a spread isn't a number.
    """
    spread = between["tau"] * between["factor"]
    spread = spread.set_axis(pd.MultiIndex.from_frame(between[["property", "halo_class"]]))
    missing = set(predictions["property"]) - set(between["property"])
    if missing:
        raise ParameterError(
            "The spread between suites isn't known for all properties.",
            found=sorted(set(between["property"])),
            expected=f"also {sorted(missing)}",
        )
    if not np.isfinite(spread).all():
        raise ParameterError(
            "A spread between suites isn't a number.",
            found=spread[~np.isfinite(spread)].to_dict(),
            expected="a table of between_suites",
        )
    classes = _inferred_class(predictions)
    own, common = (
        spread.reindex(pd.MultiIndex.from_arrays([predictions["property"], some])).to_numpy()
        for some in (classes, np.full(len(predictions), EVERY))
    )
    added = np.where(np.isfinite(own), own, common)
    return predictions.assign(std=np.hypot(predictions["std"], added))


def _inferred_class(table):
    """Name the class of the halo of each row by the mass that is inferred for it."""
    keys = [name for name in table if name not in
            ("property", "truth", "mean", "std", "std_network")]  # fmt: skip
    of_mass = table["property"] == "log_m_halo"
    if not of_mass.any():
        return np.full(len(table), EVERY)
    number = table.groupby(keys, sort=False, dropna=False).ngroup()
    mass = pd.Series(table["mean"][of_mass].to_numpy(), number[of_mass].to_numpy())
    inferred = number.map(mass).to_numpy()
    return np.where(
        np.isfinite(inferred), halo_class(np.maximum(inferred, HALO_CLASSES[0].low)), EVERY
    )
