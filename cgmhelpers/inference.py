"""Use of trained networks: maps to posterior moments, and predictions as one tidy table."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cgmhelpers import checkpoint, dataset
from cgmhelpers.errors import ParameterError
from cgmhelpers.network import MomentNetwork, folded

COLUMNS = [
    "suite", "set_name", "realisation", "group", "log_mass", "halo_class", "suite_train",
    "suite_test", "fields", "limits", "part", "property", "truth", "mean", "std",
]  # fmt: skip
"""Columns of a table of predictions."""


class Predictor:
    """A trained network with the scaling that belongs to it.

    Call it with maps in their units; no library state, and no data but the maps, is needed.

    Parameters
    ----------
    network : MomentNetwork
        With trained weights.
    description : dict
        As in ``network.json``.

    Attributes
    ----------
    fields, properties : tuple of str
        Names of the channels and of the outputs, in order.
    limits : str
        Which limits the maps get.
    size : int
        Pixels along a side.
    description : dict
    """

    def __init__(self, network, description):
        self.description = description
        self.scaling = dataset.Scaling.from_dict(description["scaling"])
        self.fields = self.scaling.fields
        self.properties = self.scaling.properties
        self.limits = description["limits"]
        self.size = network.size
        # Normalisation folded into the convolutions: the same function, twice as fast.
        self.network = folded(network.eval())

    def __call__(self, images, batch_size=64):
        """Infer the posterior moments of each map.

        Parameters
        ----------
        images : array_like, shape (maps, fields, y, x)
            In the units of the fields, of `size` pixels a side; limits are applied here.
        batch_size : int
            Maps at once.

        Returns
        -------
        mean, std : ndarray, shape (maps, properties)
            In the units of the properties.

        Raises
        ------
        ParameterError
            If the shape doesn't fit the network.
        FormatError
            If a pixel isn't a number.
        """
        scaled = torch.from_numpy(self.scaling.inputs(images))
        if scaled.ndim != 4:
            raise ParameterError(
                "The images have the wrong shape.",
                found=tuple(scaled.shape),
                expected=f"(maps, {len(self.fields)}, {self.size}, {self.size})",
            )
        empty = torch.zeros(0, len(self.properties))
        moments = [(empty, empty)]
        with torch.inference_mode():
            for batch in scaled.split(batch_size):
                if len(batch):
                    batch = batch.contiguous(memory_format=torch.channels_last)
                    moments.append(self.network(batch))
        mean, std = (torch.cat(one).numpy() for one in zip(*moments, strict=True))
        return self.scaling.physical(mean, std)


def load(folder):
    """Load a trained network.

    Parameters
    ----------
    folder : path
        As :func:`cgmhelpers.training.train` writes it.

    Returns
    -------
    Predictor

    Raises
    ------
    DataNotFoundError, FormatError
        If the folder holds no whole network.
    """
    state, description = checkpoint.read_network(folder)
    network = MomentNetwork(**description["network"])
    checkpoint.load_weights(network, state, folder)
    return Predictor(network, description)


def predict(folder, stores, parts=("test",), axis=dataset.EVALUATION_AXIS):
    """Infer the properties of halos with a trained network, as one tidy table.

    Parts: halos that the network was trained with keep the part they had. Halos of another suite
    get theirs from a split of that suite's halos by the network's rule and seed; split by
    realisation, that is the part of their realisation. Mind the twins: suites that share initial
    conditions hold the same halos, so a network split **by halo** may be tested in another suite
    on the twin of a halo that it was trained on. Only a split by realisation excludes it.

    Parameters
    ----------
    folder : path
        Of a trained network.
    stores : path, sequence of paths, or Dataset
        Map stores of the suite to test on.
    parts : sequence of str
        Which of "training", "validation", "test" to infer.
    axis : {"x", "y", "z"}
        Line of sight; one per halo.

    Returns
    -------
    pandas.DataFrame
        One row per halo and property: `COLUMNS`. ``fields`` is like ``"xray+hi"``; ``truth``,
        ``mean`` and ``std`` are in the property's unit, ``log_mass`` in log10 Msun.

    Raises
    ------
    ParameterError
        If a part is unknown or the maps don't fit the network.
    DataNotFoundError, FormatError
        If the folder holds no whole network.
    """
    parts = [parts] if isinstance(parts, str) else list(parts)
    unknown = set(parts) - set(dataset.PARTS)
    if unknown or not parts:
        raise ParameterError("Unknown parts.", found=parts, expected=f"some of {dataset.PARTS}")
    predictor = load(folder)
    ds = dataset.load(stores, predictor.fields, predictor.limits, predictor.size)
    table = dataset.halo_table(ds)
    table["part"] = assign_parts(table, folder, predictor.description["split"])
    chosen = np.flatnonzero(table["part"].isin(parts))
    images = ds["image"].sel(axis=axis, field=list(predictor.fields)).isel(halo=chosen).values
    truth = ds["properties"].sel(property=list(predictor.properties)).isel(halo=chosen).values
    mean, std = predictor(images)

    number = len(predictor.properties)
    rows = table.iloc[np.repeat(chosen, number)].reset_index(drop=True)
    return rows.assign(
        suite_train=predictor.description["suite_train"],
        suite_test=rows["suite"],
        fields="+".join(predictor.fields),
        limits=predictor.limits,
        property=np.tile(predictor.properties, len(chosen)),
        truth=truth.ravel(),
        mean=mean.ravel(),
        std=std.ravel(),
    )[COLUMNS]


def assign_parts(table, folder, rule):
    """The part of each halo of a table for a trained network.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`cgmhelpers.dataset.halo_table`.
    folder : path
        Of the network; its ``split.csv`` remembers the halos that it was trained with.
    rule : dict
        ``by`` and ``seed`` of the network's split.

    Returns
    -------
    ndarray of str
        A halo, or a realisation, that the network didn't know is in "test" if others of its
        suite, or of its set, were known: it can't have been learnt from.
    """
    known = pd.read_csv(Path(folder) / checkpoint.SPLIT)
    if rule["by"] == "realisation":
        keys = ["set_name", "realisation"]
    else:
        keys = dataset.IDENTIFIER
    parts = table[keys].merge(known[[*keys, "part"]].drop_duplicates(), on=keys, how="left")["part"]
    parts.index = table.index
    if rule["by"] == "halo":
        foreign = ~table["suite"].isin(known["suite"])
        if foreign.any():
            parts[foreign] = dataset.split(table[foreign], "halo", rule["fractions"], rule["seed"])
    return parts.fillna("test").to_numpy()
