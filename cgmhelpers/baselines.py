"""Baselines: what two numbers per map infer without a network, on the same halos and splits.

A map is reduced to what surveys have always measured: the total of each field in the frame (for
X-rays a luminosity, for HI a mass, but for constants of proportionality) and how concentrated it
is. A *scaling relation* is linear in the log of the total and the concentration, fitted by least
squares; *boosted trees* (Friedman 2001, doi:10.1214/aos/1013203451) take the same numbers to any
shape of relation. Whatever a network adds to these, it has found in the rest of the image.
"""

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cgmhelpers import checkpoint, dataset, inference
from cgmhelpers.errors import ParameterError
from cgmhelpers.scaling import HALOS_AT_ONCE, limit_value

CORE = 50.0
"""Projected radius of what counts as concentrated [kpc]."""


def features(ds):
    """Total and concentration of every map, of what stands out above the limits.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`cgmhelpers.dataset.load`.

    Returns
    -------
    ndarray, shape (halos, axes, fields, 2)
        log10 of the sum of the pixels above the limit, in the field's unit, and the share of that
        sum within `CORE` of the centre. A map without such a pixel has the total of a single
        pixel at the limit, and concentration 0.
    """
    core = np.hypot(*np.meshgrid(ds["x"].values, ds["y"].values)) < CORE  # (y, x)
    limits = [limit_value(str(name), ds.attrs["limits"]) for name in ds["field"].values]
    limits = np.array(limits, dtype=np.float32)[:, None, None]
    found = np.empty((ds.sizes["halo"], ds.sizes["axis"], ds.sizes["field"], 2))
    for start in range(0, len(found), HALOS_AT_ONCE):
        rows = slice(start, start + HALOS_AT_ONCE)
        images = ds["image"].isel(halo=rows).values  # (halo, axis, field, y, x)
        images = np.where(images > limits, images, 0).astype(np.float64)
        total = np.maximum(images.sum(axis=(-2, -1)), limits[:, 0, 0])
        found[rows, ..., 0] = np.log10(total)
        found[rows, ..., 1] = images[..., core].sum(axis=-1) / total
    return found


def scaling_relation(training, validation, seed):
    """Fit a relation that is linear in the features.

    Parameters
    ----------
    training : tuple of ndarray
        Features, shape (maps, features), and one property of each map, shape (maps,).
    validation, seed
        Not used: least squares has nothing to choose.

    Returns
    -------
    sklearn.pipeline.Pipeline
        With a method ``predict``.
    """
    return make_pipeline(StandardScaler(), LinearRegression()).fit(*training)


def boosted_trees(training, validation, seed):
    """Fit gradient-boosted trees; the validation halos say how many.

    Parameters
    ----------
    training, validation : tuple of ndarray
        Features, shape (maps, features), and one property of each map, shape (maps,).
    seed : int
        Seed of the model.

    Returns
    -------
    sklearn.ensemble.HistGradientBoostingRegressor
        With a method ``predict``.
    """
    model = HistGradientBoostingRegressor(
        learning_rate=0.05, max_iter=500, max_leaf_nodes=8, early_stopping=True,
        n_iter_no_change=20, random_state=seed,
    )  # fmt: skip
    return model.fit(*training, X_val=validation[0], y_val=validation[1])


METHODS = {"scaling relation": scaling_relation, "boosted trees": boosted_trees}
"""The baselines by the name that a table has in its column ``method``."""


def predict(folders, stores):
    """Fit the baselines of several networks and infer the test halos of every suite.

    A baseline learns from what its network learnt from: the same fields under the same limits, of
    as many pixels, of the same halos along all lines of sight. It has one standard deviation per
    property, the RMS of its errors on the validation halos.

    Parameters
    ----------
    folders : sequence of path
        Of trained networks with the same limits and size.
    stores : dict of str to list of path
        Suite -> map stores.

    Returns
    -------
    pandas.DataFrame
        Like that of :func:`cgmhelpers.inference.predict`, and a column ``method``.

    Raises
    ------
    ParameterError
        If the networks differ in limits or size.
    DataNotFoundError, FormatError
        If a folder holds no whole network.
    """
    networks = {folder: checkpoint.read_description(folder) for folder in folders}
    kinds = {(one["limits"], one["network"]["size"]) for one in networks.values()}
    if len(kinds) != 1:
        raise ParameterError(
            "These networks don't see the same maps.",
            found=f"limits and sizes {sorted(kinds)}",
            expected="one limit and one size",
        )
    fields = list(dict.fromkeys(name for one in networks.values() for name in one["fields"]))
    maps = [dataset.load(paths, fields, *next(iter(kinds))) for paths in stores.values()]
    halos = pd.concat([dataset.halo_table(ds) for ds in maps], ignore_index=True)
    measured = np.concatenate([features(ds) for ds in maps])
    tables = []
    for folder, description in networks.items():
        names = description["scaling"]["properties"]
        truth = np.concatenate([ds["properties"].sel(property=names).values for ds in maps])
        used = [fields.index(name) for name in description["fields"]]
        tables.append(_predict_as(folder, description, halos, measured[:, :, used], truth, maps[0]))
    return pd.concat(tables, ignore_index=True)


def _predict_as(folder, description, halos, measured, truth, ds):
    """The baselines of one network: `measured` (halos, axes, fields, 2), `truth` by property."""
    names, split = description["scaling"]["properties"], description["split"]
    part = inference.assign_parts(halos, folder, split)
    learnt = halos["suite"].isin(description["suite_train"].split("+")).to_numpy()
    learnt = learnt & np.isfinite(truth).all(axis=1)
    training, validation = (np.flatnonzero(learnt & (part == name)) for name in dataset.PARTS[:2])
    test = np.flatnonzero(part == "test")
    axes = measured.shape[1]
    every = measured.reshape(*measured.shape[:2], -1)  # (halo, axis, features)
    one = every[:, list(ds["axis"].values).index(dataset.EVALUATION_AXIS)]
    of_training = every[training].reshape(len(training) * axes, -1)
    tables = []
    for column, name in enumerate(names):
        values = truth[:, column]
        known = (of_training, np.repeat(values[training], axes))
        unseen = (one[validation], values[validation])
        for method, fit in METHODS.items():
            model = fit(known, unseen, split["seed"])
            std = np.sqrt(np.mean((model.predict(unseen[0]) - unseen[1]) ** 2))
            tables.append(
                halos.iloc[test].assign(
                    part="test", property=name, truth=values[test], mean=model.predict(one[test]),
                    std=std, std_network=std, method=method,
                )
            )  # fmt: skip
    rows = pd.concat(tables, ignore_index=True).assign(
        fields="+".join(description["fields"]),
        limits=description["limits"],
        suite_train=description["suite_train"],
    )
    rows["suite_test"] = rows["suite"]
    return rows[[*inference.COLUMNS, "method"]]
