r"""Training on several suites: balanced batches, and penalties that make their features alike.

A network that sees several suites may still encode which suite a map comes from, and a suite that
it has never seen then falls between. Each penalty here is added to the moment loss, times a weight,
and acts on the features of a batch:

- ``mmd``: the squared maximum mean discrepancy between the features of two suites (Gretton et al.
  2012, J. Mach. Learn. Res. 13, 723, Eq. 3), with a Gaussian kernel whose width is the median
  distance; the mean over pairs of suites.
- ``coral``: the distance between the covariances of the features (Sun & Saenko 2016,
  arXiv:1607.01719, Eq. 1); the mean over pairs.
- ``dann``: a classifier learns to tell the suites apart, and the reversed gradient makes the
  features useless to it (Ganin et al. 2016, arXiv:1505.07818); the reversal grows during the
  training as in their Section 5.2.2.
- ``bottleneck``: features become random numbers, whose divergence from a standard normal
  distribution bounds the information that passes (Alemi et al. 2017, arXiv:1612.00410, Eq. 17).
  It needs no second suite. A trained network uses the means.

Maps of a target suite may take part without their properties: penalties see them, and so does
batch normalisation; the moment loss, the scaling and the calibration don't.
"""

import itertools
import math

import numpy as np
import torch
from torch import nn

from cgmhelpers.errors import ParameterError

HIDDEN = 64
"""Width of the hidden layer of the classifier of suites."""
PENALTIES = ("mmd", "coral", "dann", "bottleneck")
ALIGNED = ("mmd", "coral", "dann")
"""Penalties that compare suites, and so need two of them."""
NARROWEST = 0.05
"""Smallest squared width of a kernel by default, over the mean squared distance. Blank maps have
the same features, and if most pairs were of them, their distance of zero would be the width."""


def balanced(halos, domains):
    """Give each domain the same number of halos, in turn, so that each block has all domains.

    Parameters
    ----------
    halos : ndarray of int, shape (H,)
        Positions of halos.
    domains : ndarray of int, shape (H,)
        Domain of each halo.

    Returns
    -------
    halos : ndarray of int
        Halos of a small domain appear several times, as many of each as of the largest domain.
    domains : ndarray of int, same shape
    """
    names = np.unique(domains)
    members = [halos[domains == name] for name in names]
    largest = max(map(len, members))
    # np.resize starts a list anew when it is used up.
    table = np.stack([np.resize(some, largest) for some in members], axis=1)
    return table.ravel(), np.tile(names, largest)


class Adaptation(nn.Module):
    """A moment network whose features a penalty sees.

    Parameters
    ----------
    network : MomentNetwork
    kind : {"mmd", "coral", "dann", "bottleneck"}
    layer : {"convolutions", "hidden"}
        Features that the penalty acts on (:meth:`MomentNetwork.embed`).
    domains : int
        Number of suites, that of unlabelled maps included.
    """

    def __init__(self, network, kind, layer, domains):
        super().__init__()
        self.network = network
        self.kind = kind
        self.layer = layer
        self.size, self.channels = network.size, network.channels
        width = network.width_of(layer)
        self.classifier = self.logarithm_of_variance = None
        if kind == "dann":
            self.classifier = nn.Sequential(
                nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, domains)
            )
        if kind == "bottleneck":
            self.logarithm_of_variance = nn.Linear(width, width)
            nn.init.zeros_(self.logarithm_of_variance.weight)
            # Features start with little noise, and the penalty adds it.
            nn.init.constant_(self.logarithm_of_variance.bias, 2 * math.log(0.1))

    def forward(self, images):
        """Infer the moments of a batch, and return the features that the penalty needs.

        Parameters
        ----------
        images : torch.Tensor, shape (maps, fields, y, x)

        Returns
        -------
        mean, std : torch.Tensor, shape (maps, properties)
        features : torch.Tensor, shape (maps, width)
            For the bottleneck twice as wide: means, and logarithms of variances.
        """
        features = self.network.embed(images, self.layer)
        if self.logarithm_of_variance is None:
            return *self.network.conclude(features, self.layer), features
        logarithm = self.logarithm_of_variance(features)
        drawn = features + torch.randn_like(features) * (logarithm / 2).exp()
        moments = self.network.conclude(drawn, self.layer)
        return *moments, torch.cat([features, logarithm], dim=1)

    def penalty(self, features, domains, progress):
        """Return the penalty of a batch, to be weighted and added to the moment loss.

        Parameters
        ----------
        features : torch.Tensor, shape (maps, width)
            From :meth:`forward`.
        domains : torch.Tensor of int, shape (maps,)
        progress : float
            Share of the training that is done, 0 to 1.

        Returns
        -------
        torch.Tensor
            A scalar.
        """
        if self.kind == "bottleneck":
            return divergence_from_normal(*features.chunk(2, dim=1)).mean()
        if self.kind == "dann":
            strength = 2 / (1 + math.exp(-10 * progress)) - 1
            logits = self.classifier(reversed_gradient(features, strength))
            return nn.functional.cross_entropy(logits, domains)
        distance = {"mmd": mmd, "coral": coral}[self.kind]
        parts = [features[domains == one] for one in domains.unique()]
        pairs = list(itertools.combinations([part for part in parts if len(part) > 1], 2))
        if not pairs:
            return features.sum() * 0
        return torch.stack([distance(*pair) for pair in pairs]).mean()


def mmd(one, other, width=None):
    r"""Estimate the squared maximum mean discrepancy of two samples, without bias.

    The kernel is :math:`\exp(-|x-y|^2/2h^2)`. The expectation is zero for equal distributions, so
    estimates may be negative.

    Parameters
    ----------
    one, other : torch.Tensor, shapes (n, features) and (m, features)
        At least two rows each.
    width : float, optional
        h; by default the median distance between all rows, which carries no gradient
        (:func:`gaussian_kernel`).

    Returns
    -------
    torch.Tensor
        A scalar.

    Raises
    ------
    ParameterError
        If a sample has fewer than two rows.
    """
    _check_samples(one, other)
    kernel = gaussian_kernel(torch.cat([one, other]), width)
    number = len(one)
    rest = len(kernel) - number
    return (
        kernel[:number, :number].sum() / (number * (number - 1))
        + kernel[number:, number:].sum() / (rest * (rest - 1))
        - 2 * kernel[:number, number:].mean()
    )


def gaussian_kernel(rows, width=None):
    """Return the Gaussian kernel between rows, with zeros on the diagonal.

    Parameters
    ----------
    rows : torch.Tensor, shape (n, features)
    width : float, optional
        As for `mmd`; by default at least `NARROWEST`, and large against rounding errors.

    Returns
    -------
    torch.Tensor, shape (n, n)
    """
    rounding = torch.finfo(rows.dtype).eps * rows.detach().square().sum(dim=1).mean()
    # Of centred rows: the difference of large squares would lose digits.
    rows = rows - rows.mean(dim=0).detach()
    squares = rows.square().sum(dim=1)
    distances = (squares[:, None] + squares - 2 * rows @ rows.T).clamp_min(0)
    if width is None:
        upper = torch.triu_indices(len(rows), len(rows), 1, device=rows.device)
        known = distances.detach()[upper[0], upper[1]]
        variance = torch.maximum(known.median(), NARROWEST * known.mean()) + rounding
        variance = variance.clamp_min(torch.finfo(rows.dtype).tiny)
    else:
        variance = width**2
    kernel = (-distances / (2 * variance)).exp()
    return kernel - torch.diag(kernel.diagonal())


def coral(one, other):
    r"""Return the distance of two samples' covariances, :math:`|C_1 - C_2|_F^2 / 4d^2`.

    Parameters
    ----------
    one, other : torch.Tensor, shapes (n, features) and (m, features)
        At least two rows each.

    Returns
    -------
    torch.Tensor
        A scalar.

    Raises
    ------
    ParameterError
        If a sample has fewer than two rows.
    """
    _check_samples(one, other)
    apart = torch.cov(one.T) - torch.cov(other.T)
    return apart.square().sum() / (4 * one.shape[1] ** 2)


def _check_samples(one, other):
    if min(len(one), len(other)) < 2:
        raise ParameterError(
            "A sample is too small to be compared with another.",
            found=f"{len(one)} and {len(other)} rows",
            expected="at least two of each",
        )


def divergence_from_normal(mean, logarithm_of_variance):
    """Return the Kullback-Leibler divergence of normal numbers from standard normal ones.

    Parameters
    ----------
    mean, logarithm_of_variance : torch.Tensor, same shapes

    Returns
    -------
    torch.Tensor, same shape
        In nats.
    """
    variance = logarithm_of_variance.exp()
    return (mean.square() + variance - 1 - logarithm_of_variance) / 2


class _ReversedGradient(torch.autograd.Function):
    @staticmethod
    def forward(context, features, strength):
        context.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(context, gradient):
        return -context.strength * gradient, None


def reversed_gradient(features, strength):
    """Return features as they are; their gradient changes sign and is scaled.

    Parameters
    ----------
    features : torch.Tensor
    strength : float
        Factor of the gradient.

    Returns
    -------
    torch.Tensor, same shape
    """
    return _ReversedGradient.apply(features, strength)
