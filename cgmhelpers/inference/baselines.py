"""Baselines: inference from two numbers of each map, on the halos and splits of a network.

A map is reduced to numbers that surveys have always measured: the total of each field in the frame
(proportional to a luminosity for X-rays, to a mass for HI) and its concentration. A *scaling
relation* is linear in the log of the total and the concentration, fitted by least squares; *boosted
trees* (Friedman 2001, doi:10.1214/aos/1013203451) fit any relation to the same numbers. A network
that is more accurate uses the rest of the image.
"""

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cgmhelpers.emission.fields import label
from cgmhelpers.inference import prediction
from cgmhelpers.maps import summaries
from cgmhelpers.maps.summaries import features
from cgmhelpers.network import splits


def scaling_relation(training, validation, seed):
    """Fit a relation that is linear in the features.

    Parameters
    ----------
    training : tuple of ndarray
        Features, shape (maps, features), and one property of each map, shape (maps,).
    validation, seed
        Not used: least squares has no hyperparameters.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Model with a method ``predict``.
    """
    return make_pipeline(StandardScaler(), LinearRegression()).fit(*training)


def boosted_trees(training, validation, seed):
    """Fit gradient-boosted trees, as many as suit the validation halos best.

    Parameters
    ----------
    training, validation : tuple of ndarray
        Features, shape (maps, features), and one property of each map, shape (maps,).
    seed : int
        Seed of the model.

    Returns
    -------
    sklearn.ensemble.HistGradientBoostingRegressor
        Model with a method ``predict``.
    """
    model = HistGradientBoostingRegressor(
        learning_rate=0.05, max_iter=500, max_leaf_nodes=8, early_stopping=True,
        n_iter_no_change=20, random_state=seed,
    )  # fmt: skip
    return model.fit(*training, X_val=validation[0], y_val=validation[1])


METHODS = {"scaling relation": scaling_relation, "boosted trees": boosted_trees}
"""Baselines by their name in the column ``method`` of a table."""


def predict(folders, stores):
    """Fit the baselines of several networks and infer the test halos of every suite.

    A baseline learns from the data of its network: fields, limits, number of pixels and halos are
    the same, and all lines of sight count. It has one standard deviation for each property, the RMS
    of its errors on the validation halos.

    Parameters
    ----------
    folders : sequence of path
        Folders of trained networks with the same limits and size.
    stores : dict of str to list of path
        Suite -> map stores.

    Returns
    -------
    pandas.DataFrame
        A table as from :func:`cgmhelpers.inference.prediction.predict`, with a column ``method``.

    Raises
    ------
    ParameterError
        If the networks differ in limits or size.
    DataNotFoundError, FormatError
        If a folder holds no whole network.
    """
    networks, fields, maps, halos = prediction.load_maps(folders, stores)
    measured = np.concatenate([features(ds) for ds in maps])
    tables = []
    for folder, description in networks.items():
        names = description["scaling"]["properties"]
        truth = np.concatenate([ds["properties"].sel(property=names).values for ds in maps])
        used = [fields.index(name) for name in description["fields"]]
        tables.append(_predict_as(folder, description, halos, measured[:, :, used], truth, maps[0]))
    return pd.concat(tables, ignore_index=True)


def _predict_as(folder, description, halos, measured, truth, ds):
    """Fit the baselines of a network to `measured` (halos, axes, fields, 2) and `truth`."""
    names, split = description["scaling"]["properties"], description["split"]
    part = splits.assign_parts(halos, folder, split)
    learnt = halos["suite"].isin(description["suite_train"].split("+")).to_numpy()
    learnt = learnt & np.isfinite(truth).all(axis=1)
    training, validation = (np.flatnonzero(learnt & (part == name)) for name in splits.PARTS[:2])
    test = np.flatnonzero(part == "test")
    axes = measured.shape[1]
    every = measured.reshape(*measured.shape[:2], -1)  # (halo, axis, features)
    one = every[:, list(ds["axis"].values).index(summaries.EVALUATION_AXIS)]
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
        fields=label(description["fields"]),
        limits=description["limits"],
        suite_train=description["suite_train"],
    )
    rows["suite_test"] = rows["suite"]
    return rows[[*prediction.COLUMNS, "method"]]
