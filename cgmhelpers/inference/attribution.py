r"""Contributions of pixels to an inference: integrated gradients, DeepLIFT, and tests of them.

Integrated gradients (Sundararajan, Taly & Yan 2017, arXiv:1703.01365) distribute the difference
between the inferences of a network :math:`F` from a map :math:`x` and from a map without signal
:math:`x'` over the pixels,

.. math:: A_j = (x_j-x'_j)\int_0^1 \frac{\partial F}{\partial x_j}\,(x'+\alpha(x-x'))\,d\alpha ,

so that :math:`\sum_j A_j = F(x)-F(x')`. DeepLIFT with the rescale rule (Shrikumar, Greenside &
Kundaje 2017, arXiv:1704.02685) adds up to the same difference. It takes a single step: the slope of
each activation is that of the chord from its value for :math:`x'` to its value for :math:`x`. So it
is exact without an integral, and as fast as a network's answer.

The map without signal is blank: every pixel has the limit, as in regions where a survey sees
nothing. An observed map without signal has its own noise, exposure and redshift, and no light. A
pixel without signal has no attribution by definition: an empty region may inform the network, but
isn't counted. Pixels are those of the network's input, log10 of the map.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import stats
from torch import nn

from cgmhelpers.emission.fields import NOISE, without_descriptions
from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.inference.prediction import Predictor
from cgmhelpers.network.moment_network import MomentNetwork

STEPS = 64
"""Points of the Gauss-Legendre rule along the path."""
MASKED = 100.0
"""Noise of a pixel, over the map's least, from which it counts as masked. Observed maps give masked
pixels a noise a thousand times theirs, and a mask has no signal to take away."""


@dataclass(frozen=True)
class Attribution:
    """Contributions of the pixels of maps to the posterior mean of a property.

    Attributes
    ----------
    values : ndarray, shape (maps, fields, y, x)
        Contributions, in the unit of the property.
    inferred : ndarray, shape (maps,)
        Posterior mean of each map, in the unit of the property.
    blank : ndarray, shape (maps,)
        Posterior mean of the blank map of each.
    fields : tuple of str
        Without the channels that describe an observation, which are those of the blank map.
    property : str
    """

    values: np.ndarray
    inferred: np.ndarray
    blank: np.ndarray
    fields: tuple
    property: str

    def of(self, maps):
        """Select some of the maps.

        Parameters
        ----------
        maps : array_like of int
            Their positions.

        Returns
        -------
        Attribution
        """
        values, inferred, blank = (one[maps] for one in (self.values, self.inferred, self.blank))
        return replace(self, values=values, inferred=inferred, blank=blank)

    @property
    def gap(self):
        """Return the defect of the sum of a map, as a share of its absolute attribution; (maps,).

        It is due to the integral's finite steps; 0 for a blank map.
        """
        missing = self.values.sum(axis=(1, 2, 3)) - (self.inferred - self.blank)
        absolute = np.abs(self.values).sum(axis=(1, 2, 3))
        return np.divide(np.abs(missing), absolute, out=np.zeros(len(missing)), where=absolute > 0)

    @property
    def field_share(self):
        """Return the share of each field in all absolute attribution; (maps, fields)."""
        absolute = np.abs(self.values)
        return _shares(absolute.sum(axis=(2, 3)), absolute)


def integrated_gradients(predictor, images, name, steps=STEPS, batch_size=64):
    """Attribute the posterior mean of a property to the pixels of maps.

    Parameters
    ----------
    predictor : Predictor
        From :func:`cgmhelpers.inference.prediction.load`.
    images : array_like, shape (maps, fields, y, x)
        In the units of the fields; limits are applied here.
    name : str
        Property.
    steps : int
        Points along the path from the blank map.
    batch_size : int
        Maps at once; each step of a map counts.

    Returns
    -------
    Attribution

    Raises
    ------
    ParameterError
        If the network doesn't infer the property, or the images don't fit it.
    """
    from captum.attr import IntegratedGradients

    def path(inputs, blank, number):  # numpydoc ignore=GL08
        return IntegratedGradients(lambda batch: predictor.network(batch)[0][:, number]).attribute(
            inputs, blank, n_steps=steps, method="gausslegendre", internal_batch_size=batch_size
        )

    return _attributed(predictor, images, name, path)


def deep_lift(predictor, images, name, batch_size=64):
    """Attribute the posterior mean of a property to the pixels of maps, in a single step.

    Parameters
    ----------
    predictor : Predictor
        From :func:`cgmhelpers.inference.prediction.load`.
    images : array_like, shape (maps, fields, y, x)
        In the units of the fields; limits are applied here.
    name : str
        Property.
    batch_size : int
        Maps at once.

    Returns
    -------
    Attribution
        Its `gap` is that of rounding.

    Raises
    ------
    ParameterError
        If the network doesn't infer the property, or the images don't fit it.
    """

    def chord(inputs, blank, number):  # numpydoc ignore=GL08
        inputs = inputs.requires_grad_()
        now = torch.cat([inputs, blank])
        for layer in (*predictor.network.features, *predictor.network.head):
            now = _along_chord(now, layer) if isinstance(layer, nn.LeakyReLU) else layer(now)
        (slopes,) = torch.autograd.grad(now[: len(inputs), number].sum(), inputs)
        return slopes * (inputs - blank)

    def chords(inputs, blank, number):  # numpydoc ignore=GL08
        batches = zip(inputs.split(batch_size), blank.split(batch_size), strict=True)
        return torch.cat([chord(*batch, number).detach() for batch in batches])

    return _attributed(predictor, images, name, chords)


def _along_chord(values, activation):
    """Apply an activation to maps and their blanks, (2 * maps, ...), as a line through both."""
    found, (first, last) = activation(values.detach().clone()), values.detach().chunk(2)
    # Exactly 0 or 1 unless the signs differ, and then nothing cancels.
    share = (first.relu() - last.relu()) / (first - last)
    least = activation.negative_slope
    slope = torch.cat(2 * [torch.nan_to_num(least + (1 - least) * share, nan=least)])
    return slope * (values - values.detach()) + found


def _attributed(predictor, images, name, method):
    """Return what `method`, (inputs, blank, number of the property) -> contributions, finds."""
    check_known(name, predictor.properties, "The network doesn't infer this property.")
    number = predictor.properties.index(name)
    inputs = torch.from_numpy(predictor.scaling.inputs(images))
    empty = _without_signal(predictor, np.asarray(images))
    blank = torch.from_numpy(predictor.scaling.inputs(empty))
    values = method(inputs, blank, number)
    fields = tuple(without_descriptions(predictor.fields))  # they come first
    width = predictor.scaling.high[number] - predictor.scaling.low[number]
    return Attribution(
        values[:, : len(fields)].detach().numpy().astype(np.float64) * width,
        predictor(images)[0][:, number],
        predictor(empty)[0][:, number],
        fields,
        name,
    )


def _without_signal(predictor, images):
    """Maps of nothing but the mean of their noise; at the limit, where there is one."""
    if predictor.limits != "observed":
        return np.zeros_like(images)
    empty = images.copy()
    for number, name in enumerate(without_descriptions(predictor.fields)):
        noise = images[:, predictor.fields.index(name + NOISE)]
        masked = noise > MASKED * noise.min(axis=(1, 2), keepdims=True)
        empty[:, number] = np.where(masked, images[:, number], noise)
    return empty


def randomised(predictor, seed=1):
    """Return a predictor with an untrained network.

    Parameters
    ----------
    predictor : Predictor
    seed : int
        Seed of the weights.

    Returns
    -------
    Predictor
        The weights are initial ones in all layers; the scaling is that of `predictor`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = MomentNetwork(**predictor.description["network"])
    return Predictor(network, predictor.description)


def rank_correlation(first, second):
    """Compare two attributions of the same maps, pixel by pixel.

    An attribution that stays the same with random weights shows the map and not the knowledge of
    the network (Adebayo et al. 2018, arXiv:1810.03292). Signs count. Pixels at the limit, where
    both are zero by definition, don't.

    Parameters
    ----------
    first, second : Attribution
        Both of the same maps and fields.

    Returns
    -------
    ndarray, shape (maps, fields)
        Spearman's coefficient; NaN for fields with fewer than three pixels above the limit.

    Raises
    ------
    ParameterError
        If the shapes differ.
    """
    if first.values.shape != second.values.shape:
        raise ParameterError(
            "The attributions aren't of the same maps.",
            found=f"shapes {first.values.shape} and {second.values.shape}",
        )
    found = np.full(first.values.shape[:2], np.nan)
    for place in np.ndindex(found.shape):
        one, other = first.values[place], second.values[place]
        lit = (one != 0) | (other != 0)
        if lit.sum() >= 3:
            found[place] = stats.spearmanr(one[lit], other[lit]).statistic
    return found


def agreement(first, second):
    """Average the rank correlation of two attributions over the fields.

    Parameters
    ----------
    first, second : Attribution
        Both of the same maps and fields.

    Returns
    -------
    ndarray, shape (maps,)
        Mean of :func:`rank_correlation` over the fields that have one; NaN if none has.

    Raises
    ------
    ParameterError
        If the shapes differ.
    """
    ranks = rank_correlation(first, second)
    known = np.isfinite(ranks)
    number = known.sum(axis=1)
    total = np.where(known, ranks, 0).sum(axis=1)
    return np.divide(total, number, out=np.full(len(ranks), np.nan), where=number > 0)


def radial_profile(attribution, ds, edges):
    """Compute the shares of rings about the halo's centre in all absolute attribution.

    Parameters
    ----------
    attribution : Attribution
    ds : xarray.Dataset
        The maps, with coordinates y and x of the pixels [kpc].
    edges : array_like, shape (rings + 1,)
        Edges of the rings [kpc], rising; a pixel belongs to the ring of its centre.

    Returns
    -------
    ndarray, shape (maps, fields, rings)
        The sum over fields and rings is 1 less the share outside of all rings; NaN for blank maps.
    """
    absolute = np.abs(attribution.values)
    ring = np.digitize(np.hypot(*np.meshgrid(ds["x"].values, ds["y"].values)), edges) - 1  # (y, x)
    sums = [absolute[..., ring == number].sum(axis=-1) for number in range(len(edges) - 1)]
    return _shares(np.stack(sums, axis=-1), absolute)


def _shares(sums, absolute):
    """Divide sums of each map, (maps, ...), by the sum over the whole map."""
    whole = absolute.sum(axis=(1, 2, 3)).reshape(-1, *[1] * (sums.ndim - 1))
    return np.divide(sums, whole, out=np.full(sums.shape, np.nan), where=whole > 0)
