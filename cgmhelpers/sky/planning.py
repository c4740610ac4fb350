"""How deep to look: widths of posteriors against exposure and noise, before any is observed."""

import numpy as np
import pandas as pd

from cgmhelpers.errors import ParameterError
from cgmhelpers.inference import posterior
from cgmhelpers.maps.summaries import EVALUATION_AXIS
from cgmhelpers.network import checkpoint, samples, splits
from cgmhelpers.sky.observing import Observation

HALOS_AT_ONCE = 64
"""Halos whose posteriors are drawn together."""


def unseen_halos(folder, stores, part="test"):
    """Read the halos that a network for telescopes' files hasn't seen in its training.

    Parameters
    ----------
    folder : path
        Of the network, as from `cgmhelpers.sky.preparing.prepare`.
    stores : path, sequence of paths, or Dataset
        Map stores of its training.
    part : {"test", "validation"}
        Part of the network's split; validation halos calibrated its posterior.

    Returns
    -------
    xarray.Dataset
        Maps of these halos with all properties, without limits, averaged to the network's
        pixels, in memory.

    Raises
    ------
    ParameterError
        If the network wasn't trained on observed maps.
    """
    description = checkpoint.read_description(folder)
    if "observation" not in description:
        raise ParameterError(
            f"The network in {folder} wasn't trained on observed maps.",
            found=f"limits {description['limits']}",
            expected='limits "observed"',
        )
    fields = list(description["observation"]["instruments"])
    size, pixel_size = description["network"]["size"], description["pixel_size_kpc"]
    ds = samples.load(stores, fields, "ideal", size, pixel_size)
    parts = splits.assign_parts(samples.halo_table(ds), folder, description["split"])
    complete = np.isfinite(ds["properties"].values).all(axis=1)
    return ds.isel(halo=np.flatnonzero((parts == part) & complete)).load()


def posteriors(folder, halos, redshift, depth, number=300, seed=1):
    """Observe halos in memory, and draw from the posterior of each.

    Parameters
    ----------
    folder : path
        Of the network, as from `cgmhelpers.sky.preparing.prepare`.
    halos : xarray.Dataset
        As from `unseen_halos`.
    redshift : float
        Of all halos.
    depth : dict of str to float
        Factor on the exposure of each field's instrument.
    number : int
        Draws.
    seed : int
        Of noise and draws.

    Returns
    -------
    ndarray, shape (halos, draws, properties)
        In the units of the properties.

    Raises
    ------
    ParameterError
        If redshift or depth are outside of the network's training.
    """
    description = checkpoint.read_description(folder)
    observation = Observation.model_validate(description["observation"])
    for name, values, (low, high) in (
        ("redshift", [redshift], observation.redshift),
        ("depth", depth.values(), observation.depth),
    ):
        if not all(low <= one * (1 + 1e-9) and one <= high * (1 + 1e-9) for one in values):
            raise ParameterError(
                f"The {name} is outside of the network's training.",
                found=", ".join(f"{one:g}" for one in values),
                expected=f"{low:g} to {high:g}",
                remedy="Train a network for it.",
            )
    # One line of sight, before the others cost time.
    one = halos.sel(axis=[EVALUATION_AXIS])
    seen = observation.observe(one, seed, redshift=redshift, depth=depth)
    images = seen["image"].sel(axis=EVALUATION_AXIS).values
    joint = posterior.load(folder)
    # Some halos at a time: a flow of all draws of all halos together would take gigabytes.
    return np.concatenate(
        [
            joint.sample(images[start : start + HALOS_AT_ONCE], number, seed + start)
            for start in range(0, len(images), HALOS_AT_ONCE)
        ]
    )


def widths(folder, halos, name, redshift, depths, number=300, seed=1):
    """Measure the width of the posterior of a property at several depths.

    Parameters
    ----------
    folder, halos
        As for `posteriors`.
    name : str
        Property.
    redshift : float
        Of all halos.
    depths : sequence of dict
        Factors on the exposure of each field's instrument.
    number, seed : int
        As for `posteriors`.

    Returns
    -------
    pandas.DataFrame
        A row for each halo and depth: a column for the depth of each field, ``halo_class``,
        ``truth``, ``mean``, ``std``, and ``relative``, std over mean.
    """
    column = list(halos["property"].values).index(name)
    tables = []
    for depth in depths:
        drawn = posteriors(folder, halos, redshift, depth, number, seed)[..., column]
        tables.append(
            pd.DataFrame(
                {
                    "halo_class": halos["halo_class"].values,
                    "truth": halos["properties"].values[:, column],
                    "mean": drawn.mean(axis=1),
                    "std": drawn.std(axis=1),
                }
            ).assign(**depth)
        )
    return pd.concat(tables, ignore_index=True).assign(relative=lambda t: t["std"] / t["mean"])


def depth_for(table, field, goal):
    """Return the depth of an instrument at which the median halo's error reaches a goal.

    Parameters
    ----------
    table : pandas.DataFrame
        From `widths`, of one depth of other fields.
    field : str
        Whose depth varies.
    goal : float
        Relative width of the posterior.

    Returns
    -------
    float
        Interpolated in the logarithm; NaN where no depth of the table reaches it.
    """
    median = table.groupby(field)["relative"].median()
    reached = np.flatnonzero(median.to_numpy() <= goal)
    if not len(reached):
        return np.nan
    first = reached[0]
    if first == 0:
        return float(median.index[0])
    before, after = median.iloc[first - 1], median.iloc[first]
    share = (before - goal) / (before - after)
    low, high = np.log(median.index[first - 1]), np.log(median.index[first])
    return float(np.exp(low + share * (high - low)))
