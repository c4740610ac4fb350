"""Proper scores of posteriors, which measure calibration and sharpness together.

The continuous ranked probability score of a property is the integral over x of the squared
difference between the posterior's cumulative distribution at x and that of the truth (a step). It
has the unit of the property and equals the absolute error of a posterior that is one number. Like
the logarithm of the density it is proper: no posterior does better on average than the right one
(Gneiting & Raftery 2007, J. Am. Stat. Assoc. 102, 359).
"""

import numpy as np
import pandas as pd
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO
from cgmhelpers.statistics import resampling
from cgmhelpers.system import compiling


def compare(inferred, predictions, draws=1000, seed=1):
    """Score a flow and the moment network whose features it takes, on the same halos.

    The posterior of the moment network is taken as normal and, as it has no correlations, as a
    product over the properties.

    Parameters
    ----------
    inferred : xarray.Dataset
        From :func:`cgmhelpers.inference.posterior.joint.infer`.
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`, of the same network; halos that
        aren't in `inferred` don't count.
    draws : int
        Bootstrap draws of halos for the intervals.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        A row for each property (the mean CRPS, in its unit) and a row ``joint`` (the mean negative
        log density of all properties). Columns ``property``, ``n``, ``moments``,
        ``flow``, and their difference ``gain`` (positive if the flow is better) with its
        95% interval, ``low`` to ``high``. The gain in CRPS is relative to that of the moments;
        the gain of ``joint`` is in nats.

    Raises
    ------
    ParameterError
        If a halo has no prediction.
    """
    names = [str(name) for name in inferred["property"].values]
    halos = inferred[list(HALO)].to_dataframe()[list(HALO)]
    table = predictions[predictions["property"].isin(names)]
    wide = table.pivot(index=list(HALO), columns="property")
    try:
        wide = wide.loc[list(halos.itertuples(index=False, name=None))]
    except KeyError as error:
        raise ParameterError(
            "Some halos of the flow have no prediction.",
            found=error,
            expected="the table of the same network and suite",
            remedy="Infer both from the same maps and parts.",
        ) from None
    truth, mean, std = (wide[name][names].to_numpy() for name in ("truth", "mean", "std"))
    compiling.ensure_cache()
    import scoringrules  # it compiles functions, with a cache, when it is imported

    of_moments = scoringrules.crps_normal(truth, mean, std, backend="numpy")
    # This estimator is unbiased for any number of draws, and needs no pairs of them.
    of_flow = scoringrules.crps_ensemble(
        inferred["truth"].values, inferred["samples"].values, m_axis=1, estimator="pwm",
        backend="numpy",
    )  # fmt: skip
    density = stats.norm.logpdf(truth, mean, std).sum(axis=1)
    of_moments = np.column_stack([of_moments, -density])
    of_flow = np.column_stack([of_flow, -inferred["log_prob"].values])
    weights = resampling.resample(halos, draws=draws, seed=seed) / len(halos)
    unit = np.append(of_moments[:, :-1].mean(axis=0), 1.0)
    relative = np.append(np.ones(len(names), dtype=bool), False)
    drawn = weights @ (of_moments - of_flow)
    drawn /= np.where(relative, weights @ of_moments, 1.0)
    low, high = resampling.interval(drawn)
    return pd.DataFrame(
        {
            "property": [*names, "joint"],
            "n": len(halos),
            "moments": of_moments.mean(axis=0),
            "flow": of_flow.mean(axis=0),
            "gain": (of_moments - of_flow).mean(axis=0) / unit,
            "low": low,
            "high": high,
        }
    )


def correlations(samples):
    """Average the correlation matrix of the properties within the posterior over halos.

    Parameters
    ----------
    samples : array_like, shape (halos, draws, properties)
        Samples of the posterior.

    Returns
    -------
    ndarray, shape (properties, properties)
        Mean of the halos' Pearson correlations: of the errors of two properties of a halo, not of
        the properties over the population.
    """
    samples = np.asarray(samples, dtype=float)
    centred = samples - samples.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).sum(axis=1, keepdims=True))
    return np.einsum("hdi,hdj->ij", scaled, scaled) / len(samples)
