"""Posterior moments of maps from trained networks, and predictions as a tidy table."""

import numpy as np
import pandas as pd
import torch

from cgmhelpers.emission.fields import label
from cgmhelpers.errors import FormatError, ParameterError, check_known
from cgmhelpers.halos.classes import HALO
from cgmhelpers.maps import summaries
from cgmhelpers.network import checkpoint, samples, scaling, splits
from cgmhelpers.network.calibration import Calibration
from cgmhelpers.network.moment_network import MomentNetwork, folded, moments
from cgmhelpers.network.splits import assign_parts

COLUMNS = [
    *HALO, "log_mass", "halo_class", "suite_train",
    "suite_test", "fields", "limits", "part", "property", "truth", "mean", "std", "std_network",
]  # fmt: skip
"""Columns of a table of predictions."""


class Predictor:
    """A trained network with its scaling and calibration.

    Call it with maps in their units; it needs nothing else.

    Parameters
    ----------
    network : MomentNetwork
        Network with trained weights.
    description : dict
        Content of ``network.json``.

    Attributes
    ----------
    fields, properties : tuple of str
        Names of the channels and of the outputs, in order.
    limits : str
        Limits that the maps get.
    size : int
        Pixels along a side.
    pixel_size : float
        Side of a pixel [kpc].
    calibration : Calibration or None
        Correction of the posterior widths; None for a network without one.
    description : dict
    """

    def __init__(self, network, description):
        self.description = description
        self.scaling = scaling.Scaling.from_dict(description["scaling"])
        self.fields = self.scaling.fields
        self.properties = self.scaling.properties
        self.limits = description["limits"]
        calibration = description.get("calibration")
        self.calibration = calibration and Calibration.from_dict(calibration)
        self.size = network.size
        self.pixel_size = description["pixel_size_kpc"]
        # With the normalisation folded into the convolutions it is twice as fast.
        self.network = folded(network.eval())

    def __call__(self, images, batch_size=64, recalibrated=True):
        """Infer the posterior moments of each map.

        Parameters
        ----------
        images : array_like, shape (maps, fields, y, x)
            In the units of the fields, of `size` pixels a side; limits are applied here.
        batch_size : int
            Maps at once.
        recalibrated : bool
            Correct `std` with the network's calibration on validation halos
            (:class:`cgmhelpers.network.calibration.Calibration`); False returns the network's own.

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
        mean, std = self.scaling.physical(*moments(self.network, scaled, batch_size))
        return (mean, self.recalibrate(mean, std)) if recalibrated else (mean, std)

    def recalibrate(self, mean, std):
        """Correct the network's posterior widths with its calibration.

        Parameters
        ----------
        mean, std : ndarray, shape (maps, properties)
            The network's outputs, in the units of the properties.

        Returns
        -------
        ndarray, shape (maps, properties)
            `std` itself for a network without a calibration.
        """
        return std if self.calibration is None else self.calibration(mean, std)


def load(folder):
    """Load a trained network.

    Parameters
    ----------
    folder : path
        Folder that :func:`cgmhelpers.network.training.train` wrote.

    Returns
    -------
    Predictor

    Raises
    ------
    DataNotFoundError, FormatError
        If the folder holds no whole network.
    """
    state, description = checkpoint.read_network(folder)
    try:
        network = MomentNetwork(**description["network"])
        checkpoint.load_weights(network, state, folder)
        return Predictor(network, description)
    except (KeyError, TypeError, ParameterError) as error:
        raise FormatError(
            f"{folder} doesn't describe a network.",
            found=f"{type(error).__name__}: {error}",
            expected=f"{checkpoint.DESCRIPTION} as training writes it",
            remedy="Copy the whole folder again, or train again.",
        ) from error


def predict(folder, stores, parts=("test",), axis=summaries.EVALUATION_AXIS):
    """Infer the properties of halos with a trained network.

    Halos of the network's suite keep their part of its split. Halos of another suite get a part
    from a split by the network's rule and seed; in a split by realisation or by seed it is that of
    the halos with the same initial conditions. Suites that share initial conditions have the same
    halos: a network that was split **by halo** may be tested in another suite on the twin of a
    training halo. The other two splits exclude this.

    Parameters
    ----------
    folder : path
        Folder of a trained network.
    stores : path, sequence of paths, or Dataset
        Map stores of the suite of the test.
    parts : sequence of str
        Parts to infer, of "training", "validation" and "test".
    axis : {"x", "y", "z"}
        Line of sight.

    Returns
    -------
    pandas.DataFrame
        A row for each halo and property: `COLUMNS`. ``fields`` is like ``"xray+hi"``; ``truth``,
        ``mean``, ``std`` (recalibrated) and ``std_network`` (the network's own) are in the
        property's unit, ``log_mass`` in log10 Msun.

    Raises
    ------
    ParameterError
        If a part is unknown or the maps don't fit the network.
    DataNotFoundError, FormatError
        If the folder holds no whole network.
    """
    parts = [parts] if isinstance(parts, str) else list(parts)
    check_known(parts or [""], splits.PARTS, "Unknown parts.")
    predictor = load(folder)
    ds = samples.load(
        stores, predictor.fields, predictor.limits, predictor.size, predictor.pixel_size
    )
    table = samples.halo_table(ds)
    table["part"] = assign_parts(table, folder, predictor.description["split"])
    chosen = np.flatnonzero(table["part"].isin(parts))
    images = ds["image"].sel(axis=axis, field=list(predictor.fields)).isel(halo=chosen).values
    truth = ds["properties"].sel(property=list(predictor.properties)).isel(halo=chosen).values
    mean, std = predictor(images, recalibrated=False)

    number = len(predictor.properties)
    rows = table.iloc[np.repeat(chosen, number)].reset_index(drop=True)
    return rows.assign(
        suite_train=predictor.description["suite_train"],
        suite_test=rows["suite"],
        fields=label(predictor.fields),
        limits=predictor.limits,
        property=np.tile(predictor.properties, len(chosen)),
        truth=truth.ravel(),
        mean=mean.ravel(),
        std=predictor.recalibrate(mean, std).ravel(),
        std_network=std.ravel(),
    )[COLUMNS]


def load_maps(folders, stores):
    """Read the maps that several networks see.

    Parameters
    ----------
    folders : sequence of path
        Folders of networks with the same limits, size and pixels.
    stores : dict of str to list of path
        Suite -> map stores.

    Returns
    -------
    networks : dict of path to dict
        Descriptions of the networks.
    fields : list of str
        All fields of the networks, the channels of the maps.
    maps : list of xarray.Dataset
        Maps of each suite.
    halos : pandas.DataFrame
        Halos of all suites, in the order of the maps.

    Raises
    ------
    ParameterError
        If the networks differ in limits, size or pixels, there is none, or the maps don't fit them.
    DataNotFoundError, FormatError
        If a folder holds no whole network.
    """
    networks = {folder: checkpoint.read_description(folder) for folder in folders}
    kinds = {
        (one["limits"], one["network"]["size"], one["pixel_size_kpc"]) for one in networks.values()
    }
    if len(kinds) != 1:
        raise ParameterError(
            "These networks don't see the same maps.",
            found=f"limits, sizes and pixels {sorted(kinds)}",
            expected="one limit, one size and one side of a pixel",
        )
    fields = list(dict.fromkeys(name for one in networks.values() for name in one["fields"]))
    maps = [samples.load(paths, fields, *next(iter(kinds))) for paths in stores.values()]
    halos = pd.concat([samples.halo_table(ds) for ds in maps], ignore_index=True)
    return networks, fields, maps, halos
