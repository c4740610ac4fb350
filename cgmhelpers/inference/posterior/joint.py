"""The joint posterior of all properties of halos, as a normalising flow.

A moment network infers a mean and a standard deviation of each property. The flow infers the joint
density: shapes, tails and correlations. A trained moment network, which isn't changed, summarises
the map: its outputs are the condition of a neural spline flow (Durkan et al. 2019,
arXiv:1906.04032), fitted by :func:`cgmhelpers.inference.posterior.training.train`. The files lie in
the network's folder.
"""

import json
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from scipy import special
from zuko.distributions import DiagNormal, NormalizingFlow

from cgmhelpers.emission.fields import FIELDS
from cgmhelpers.errors import FormatError
from cgmhelpers.inference import prediction
from cgmhelpers.inference.posterior.conditions import Conditions
from cgmhelpers.inference.posterior.flow import (
    FRACTIONS,
    PosteriorSettings,
    build,
    standard,
    unbounded,
)
from cgmhelpers.maps import summaries
from cgmhelpers.network import checkpoint, samples, splits
from cgmhelpers.network.moment_network import moments
from cgmhelpers.system import provenance

WEIGHTS = "posterior.safetensors"
DESCRIPTION = "posterior.json"
HISTORY = "posterior.csv"
SMALLEST_STD = 1e-3
"""Added to the network's std, in units of a property's range, before the logarithm."""
MAPS_AT_ONCE = 1024
"""Limit of the memory for scaled and turned copies."""


class Posterior:
    """A trained flow with the network that summarises maps for it.

    Parameters
    ----------
    predictor : Predictor
        The moment network.
    flow : zuko.flows.NSF
        Flow with trained weights.
    standards : dict of str to ndarray
        Means and widths that standardise the inputs of the flow: ``context_centre``,
        ``context_width``, ``property_centre``, ``property_width``.
    conditions : Conditions, optional
        Calibration by what the network is told of an observation.

    Attributes
    ----------
    fields, properties : tuple of str
        Names of the channels and of the properties, in order.
    """

    def __init__(self, predictor, flow, standards, conditions=None):
        self.predictor = predictor
        self.flow = flow.eval()
        self.standards = standards
        self.conditions = conditions
        self.fields = predictor.fields
        self.properties = predictor.properties

    def sample(self, images, number, seed=1):
        """Draw from the posterior of each map.

        Parameters
        ----------
        images : array_like, shape (maps, fields, y, x)
            In the units of the fields; limits are applied here.
        number : int
            Samples of each map.
        seed : int
            Seed of the draws.

        Returns
        -------
        ndarray of float64, shape (maps, number, properties)
            In the units of the properties.

        Raises
        ------
        ParameterError, FormatError
            If the images don't fit the network.
        """
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            torch.manual_seed(seed)
            drawn = self._density(images).sample((number,)).movedim(0, 1)
        return self._physical(drawn.double().numpy())

    def log_prob(self, images, properties):
        """Compute the natural logarithm of the posterior density at given properties.

        Parameters
        ----------
        images : array_like, shape (maps, fields, y, x)
            As for :meth:`sample`.
        properties : array_like, shape (maps, properties)
            In their units.

        Returns
        -------
        ndarray of float64, shape (maps,)
            Logarithm of the joint density in the units of the properties.

        Raises
        ------
        ParameterError, FormatError
            If the images don't fit the network.
        """
        values, jacobian = unbounded(properties, self.properties)
        inner = standard(values, self.standards, "property")
        with torch.inference_mode():
            found = self._density(images).log_prob(inner).double().numpy()
        return found + jacobian - np.log(self.standards["property_width"]).sum()

    def normal(self, images, properties):
        """Turn properties into the numbers of the flow's base distribution.

        Parameters
        ----------
        images, properties : array_like
            As for :meth:`log_prob`.

        Returns
        -------
        normal : ndarray of float64, shape (maps, properties)
            Standard normal over many halos, if the flow is calibrated without `conditions`.
        conditions : ndarray of float64, shape (maps, conditions)
            Of these maps, as :func:`conditions_of` gives them.
        """
        found = outputs(self.predictor, images)
        inner = standard(unbounded(properties, self.properties)[0], self.standards, "property")
        with torch.inference_mode():
            transform = self.flow.transform(standard(found, self.standards, "context"))
            normal = (transform(inner) - self.flow.base.loc) / self.flow.base.scale
        return normal.double().numpy(), conditions_of(self.predictor, images, found)

    def _density(self, images):
        """Density of the flow's inner properties, one for each map."""
        found = outputs(self.predictor, images)
        density = self.flow(standard(found, self.standards, "context"))
        if self.conditions is None:
            return density
        moved = self.conditions(conditions_of(self.predictor, images, found))
        shift, stretch = (torch.from_numpy(one.astype(np.float32)) for one in moved)
        loc, scale = self.flow.base.loc, self.flow.base.scale
        return NormalizingFlow(density.transform, DiagNormal(loc + scale * shift, scale * stretch))

    def _physical(self, inner):
        values = inner * self.standards["property_width"] + self.standards["property_centre"]
        for index, name in enumerate(self.properties):
            if name in FRACTIONS:
                values[..., index] = special.expit(values[..., index])
        return values


def load(folder):
    """Load the posterior of a trained network.

    Parameters
    ----------
    folder : path
        Folder of the network, with the files of its flow.

    Returns
    -------
    Posterior

    Raises
    ------
    DataNotFoundError
        If the folder lacks a network or a flow.
    FormatError
        If a file is unreadable, or the flow belongs to another training of the network.
    """
    folder = Path(folder)
    predictor = prediction.load(folder)
    tensors, text = checkpoint.read_tensors(folder / WEIGHTS)
    remedy = "Train the flow again with inference.posterior.train."
    try:
        description = json.loads((folder / DESCRIPTION).read_text())
        settings = PosteriorSettings(**description["settings"])
        found = {description["fingerprint"], text["fingerprint"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"The flow in {folder} isn't whole.",
            found=error,
            expected=f"{DESCRIPTION} and {WEIGHTS} as its training writes them",
            remedy=remedy,
        ) from error
    expected = fingerprint(folder, settings)
    if found != {expected}:
        raise FormatError(
            f"The flow in {folder} belongs to another network.",
            found=sorted(one[:12] for one in found),
            expected=expected[:12],
            remedy=remedy,
        )
    flow = build(len(predictor.properties), settings)
    standards = {
        name.removeprefix("standards/"): tensors.pop(name).numpy()
        for name in list(tensors)
        if name.startswith("standards/")
    }
    checkpoint.load_weights(flow, tensors, folder / WEIGHTS)
    conditions = description.get("conditions")
    return Posterior(predictor, flow, standards, conditions and Conditions.from_dict(conditions))


def infer(folder, stores, parts=("test",), number=500, seed=1):
    """Draw posterior samples of halos, with their truths.

    Parameters
    ----------
    folder : path
        Folder of a network with a flow.
    stores : path, sequence of paths, or Dataset
        Map stores of the suite of the halos.
    parts : sequence of str
        As for :func:`cgmhelpers.inference.prediction.predict`.
    number : int
        Samples of each halo.
    seed : int
        Seed of the draws.

    Returns
    -------
    xarray.Dataset
        Variables ``truth`` (halo, property), ``samples`` (halo, draw, property), both in the
        units of the properties, and ``log_prob`` (halo) of the truth; identifiers of the halos
        as coordinates. Halos without a finite value of each property are left out.
    """
    one = load(folder)
    halos, images = halos_of(one.predictor, folder, stores, parts, [summaries.EVALUATION_AXIS])
    images = images[:, 0]
    return halos.assign(
        samples=(("halo", "draw", "property"), one.sample(images, number, seed)),
        log_prob=("halo", one.log_prob(images, halos["truth"].values)),
    )


def outputs(predictor, images, symmetry=0):
    """Summarise maps for the flow: the network's means and log standard deviations.

    The hundreds of features behind them say no more: flows that saw those gave the truths of
    validation halos a lower density.

    Parameters
    ----------
    predictor : Predictor
        The network.
    images : array_like, shape (maps, fields, y, x)
        In the units of the fields.
    symmetry : int
        Number of one of the eight symmetries of the square, as for
        :func:`cgmhelpers.network.samples.symmetry`.

    Returns
    -------
    ndarray of float32, shape (maps, 2 * properties)
        In units of the properties' ranges.
    """
    found = []
    for start in range(0, max(len(images), 1), MAPS_AT_ONCE):
        scaled = predictor.scaling.inputs(images[start : start + MAPS_AT_ONCE])
        turned = np.ascontiguousarray(samples.symmetry(scaled, symmetry))
        mean, std = moments(predictor.network, torch.from_numpy(turned))
        found.append(np.concatenate([mean, np.log(std + SMALLEST_STD)], axis=1))
    return np.concatenate(found)


def condition_names(predictor):
    """List what a calibration may depend on: what a network is told, and what it infers.

    Parameters
    ----------
    predictor : Predictor
        The network.

    Returns
    -------
    list of str
        Channels that aren't maps of the sky, such as noise and redshift, and the properties.
    """
    return [*(name for name in predictor.fields if name not in FIELDS), *predictor.properties]


def conditions_of(predictor, images, found):
    """Return the values of :func:`condition_names` for some maps.

    Parameters
    ----------
    predictor : Predictor
        The network.
    images : array_like, shape (maps, channels, y, x)
        In the units of the channels.
    found : ndarray, shape (maps, 2 * properties)
        Their :func:`outputs`.

    Returns
    -------
    ndarray of float64, shape (maps, conditions)
        log10 of the median over the pixels of each channel, as some may be masked, and the
        network's means of the properties, in units of their ranges.
    """
    told = [n for n, name in enumerate(predictor.fields) if name not in FIELDS]
    images, means = np.asarray(images), found[:, : len(predictor.properties)]
    middles = [np.log10(np.median(images[:, n].astype(float), axis=(-2, -1))) for n in told]
    return np.column_stack([*middles, means])


def halos_of(predictor, folder, stores, parts, axes=None):
    """Read the halos of some parts that have all properties, and their images.

    Parameters
    ----------
    predictor : Predictor
        The network.
    folder : path
        Folder of the network.
    stores : path, sequence of paths, or Dataset
        Map stores.
    parts : sequence of str
        Parts of the network's split.
    axes : sequence of str, optional
        Lines of sight; all by default.

    Returns
    -------
    halos : xarray.Dataset
        ``truth`` (halo, property), in the units of the properties, and identifiers.
    images : ndarray, shape (halos, axes, fields, y, x)
        In the units of the fields.
    """
    ds = samples.load(
        stores, predictor.fields, predictor.limits, predictor.size, predictor.pixel_size
    )
    table = samples.halo_table(ds)
    table["part"] = splits.assign_parts(table, folder, predictor.description["split"])
    truth = ds["properties"].sel(property=list(predictor.properties)).values
    chosen = np.flatnonzero(table["part"].isin(parts) & np.isfinite(truth).all(axis=1))
    halos = xr.Dataset(
        {"truth": (("halo", "property"), truth[chosen])},
        {name: ("halo", column.to_numpy()[chosen]) for name, column in table.items()}
        | {"property": list(predictor.properties)},
    )
    images = ds["image"].isel(halo=chosen)
    return halos, (images if axes is None else images.sel(axis=axes)).values


def fingerprint(folder, settings):
    """Digest everything that a flow depends on.

    Parameters
    ----------
    folder : path
        Folder of the network.
    settings : PosteriorSettings
        Settings of the flow.

    Returns
    -------
    str
    """
    network = checkpoint.read_description(folder)
    return provenance.fingerprint(
        network=network["fingerprint"],
        weights=network["weights_sha256"],
        settings=settings.model_dump(),
    )
