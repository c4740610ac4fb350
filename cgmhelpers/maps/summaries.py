"""Numbers that summarise each map: totals, brightness within a core, quantiles."""

import numpy as np
import pandas as pd

from cgmhelpers.errors import ResultError
from cgmhelpers.halos.classes import HALO
from cgmhelpers.maps import lazy, store
from cgmhelpers.maps.limits import lowest
from cgmhelpers.maps.store import HALOS_AT_ONCE


def maps_of(dataset, halo):
    """Select the maps of a halo.

    Parameters
    ----------
    dataset : xarray.Dataset
        From ``maps.open``.
    halo : pandas.Series
        A row of ``Run.halos``.

    Returns
    -------
    xarray.Dataset
        Maps without the halo dimension.

    Raises
    ------
    ResultError
        If the data set lacks the halo, or has it twice.
    """
    same = np.all([dataset[key].values == halo[key] for key in HALO], axis=0)
    if same.sum() != 1:
        raise ResultError(
            "The maps must have this halo exactly once.",
            found=f"{same.sum()} times {halo[[*HALO]].to_dict()}",
            remedy="Open the stores of the halo's suite, each once.",
        )
    return dataset.isel(halo=int(np.flatnonzero(same)[0]))


def map_totals(dataset, axis="x"):
    """Add up the pixels of every map along a line of sight.

    Parameters
    ----------
    dataset : xarray.Dataset
        From ``maps.open``.
    axis : {"x", "y", "z"}
        Line of sight.

    Returns
    -------
    pandas.DataFrame
        A row for each halo: suite, realisation, group, log_mass, halo_class, and for each field the
        sum of the pixels in the field's unit.
    """
    columns = ("suite", "realisation", "group", "log_mass", "halo_class")
    table = pd.DataFrame({name: dataset[name].values for name in columns})
    totals = dataset["image"].sel(axis=axis).sum(("y", "x"), dtype=np.float64)
    for name in dataset["field"].values:
        table[str(name)] = totals.sel(field=name).values
    return table


def mass_from_total(totals, fields):
    """Measure the accuracy of halo masses from a straight line in the log of a map's sum.

    Parameters
    ----------
    totals : pandas.DataFrame
        From :func:`map_totals`, of one or several suites.
    fields : sequence of str
        Columns of `totals`; halos whose sum is zero don't count.

    Returns
    -------
    pandas.DataFrame
        A row for each suite and field: n, correlation (Pearson, of the logarithms), scatter of
        log10 mass about the linear fit, and scatter_of_mass about the mean [dex].
    """
    rows = []
    for suite, own in totals.groupby("suite", sort=False):
        for name in fields:
            used = own[own[name] > 0]
            total, log_mass = np.log10(used[name]), used["log_mass"]
            fit = np.polynomial.Polynomial.fit(total, log_mass, 1)
            rows.append(
                {
                    "suite": suite,
                    "field": name,
                    "n": len(used),
                    "correlation": np.corrcoef(total, log_mass)[0, 1],
                    "scatter": float(np.std(log_mass - fit(total))),
                    "scatter_of_mass": float(np.std(log_mass)),
                }
            )
    return pd.DataFrame(rows)


def suite_totals(stores, axis="x"):
    """Add up the pixels of every map of every suite.

    Parameters
    ----------
    stores : dict of str to list of paths
        From ``Run.maps``.
    axis : {"x", "y", "z"}
        Line of sight.

    Returns
    -------
    pandas.DataFrame
        The tables of :func:`map_totals`, suite after suite.
    """
    tables = [map_totals(store.open(paths), axis) for paths in stores.values()]
    return pd.concat(tables, ignore_index=True)


QUANTILES = {"median": 0.5, "bright": 0.99}
STATISTICS = ("total", *QUANTILES)
"""What :func:`image_statistics` gives (mean over the pixels, median and 99th percentile)."""


def image_statistics(images):
    """Return total, median and bright end of images.

    Parameters
    ----------
    images : ndarray, shape (..., y, x)
        Positive, in the field's unit.

    Returns
    -------
    ndarray, shape (..., 3)
        log10 in the field's unit, in the order of `STATISTICS`.
    """
    pixels = images.reshape(*images.shape[:-2], -1)
    found = [pixels.mean(axis=-1, dtype=np.float64)]
    found += [np.quantile(pixels, level, axis=-1) for level in QUANTILES.values()]
    return np.log10(np.stack(found, axis=-1))


def map_statistics(ds):
    """Measure total, median and bright end of every map along the line of sight of tests.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`cgmhelpers.network.samples.load`.

    Returns
    -------
    pandas.DataFrame
        A row for each halo, log10 in the field's unit; columns like ``"xray total"`` (mean over the
        pixels), ``"xray median"`` and ``"xray bright"`` (99th percentile of the pixels).
    """
    axis, parts = ds.get_index("axis").get_loc(EVALUATION_AXIS), []
    for start in range(0, ds.sizes["halo"], HALOS_AT_ONCE):
        block = lazy.read(ds["image"], slice(start, start + HALOS_AT_ONCE))[:, axis]
        parts.append(image_statistics(block).reshape(len(block), -1))
    names = [f"{name} {one}" for name in ds["field"].values for one in STATISTICS]
    return pd.DataFrame(np.concatenate(parts), columns=names)


def extremes(ds):
    """Return the least and the greatest of each map statistic, such as of a training's maps.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`cgmhelpers.network.samples.load`.

    Returns
    -------
    dict of str to list of float
        Column of :func:`map_statistics` -> [least, greatest], log10 in the field's unit.
    """
    ranges = map_statistics(ds).agg(["min", "max"])
    return {name: ranges[name].tolist() for name in ranges}


EVALUATION_AXIS = "x"
"""Line of sight of validation and test maps; training uses all three."""

CORE = 50.0
"""Projected radius of the core of a map [kpc]."""


def features(ds):
    """Measure total and concentration of the pixels above the limits of every map.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`cgmhelpers.network.samples.load`.

    Returns
    -------
    ndarray, shape (halos, axes, fields, 2)
        log10 of the sum of the pixels above the limit, in the field's unit, and the share of that
        sum within `CORE` of the centre. A map without such a pixel has the total of a single
        pixel at the limit, and concentration 0.
    """
    core = np.hypot(*np.meshgrid(ds["x"].values, ds["y"].values)) < CORE  # (y, x)
    limits = [lowest(str(name), ds.attrs["limits"]) for name in ds["field"].values]
    limits = np.array(limits, dtype=np.float32)[:, None, None]
    found = np.empty((ds.sizes["halo"], ds.sizes["axis"], ds.sizes["field"], 2))
    for start in range(0, len(found), HALOS_AT_ONCE):
        rows = slice(start, start + HALOS_AT_ONCE)
        images = lazy.read(ds["image"], rows)  # (halo, axis, field, y, x)
        images = np.where(images > limits, images, 0).astype(np.float64)
        total = np.maximum(images.sum(axis=(-2, -1)), limits[:, 0, 0])
        found[rows, ..., 0] = np.log10(total)
        found[rows, ..., 1] = images[..., core].sum(axis=-1) / total
    return found
