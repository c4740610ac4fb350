"""Many faint objects: the mean and the scatter of a property in their population.

Each object has a posterior that rests on the prior of the network's training halos. With that prior
divided out, the posteriors of N objects together give the population's mean and scatter:

.. math::

    p(\\mu, \\sigma) \\propto \\prod_{i=1}^N \\frac{1}{S} \\sum_{s=1}^S
    \\frac{\\mathcal{N}(\\theta_{is}; \\mu, \\sigma)}{p_0(\\theta_{is})}

(Hogg, Myers & Bovy 2010, ApJ 725, 2166, Eq. 9). The prior's density is a Gaussian kernel estimate
of draws from the posteriors of validation halos: exact posteriors have the prior for their mean,
and what a network errs in all of them is divided out with it. Where the objects are
chosen by mass, draws outside of the range don't count: the population has the masses of the known
halos in it, and another mean and scatter of the property.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import gaussian_kde

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError, ResultError
from cgmhelpers.network import checkpoint
from cgmhelpers.sky.inferring import KNOWN

MASS = "log_m_halo"
GRID = (81, 40)
"""Means and scatters at which a population is evaluated."""
SMOOTH = 400
"""Points at which the prior's density is evaluated."""
LEAST_DRAWS = 20
"""Draws from the prior, in a range of mass, whose density can be estimated (adopted)."""
MOST_DRAWS = 20_000
"""Draws from the prior that its density is estimated from."""
SUPPORT = (0.001, 0.999)
"""Quantiles of the prior between which draws count: beyond, its density isn't known."""
KINDS = ("mean", "scatter")
LEAST_SCATTER = 0.01
"""Smallest scatter, as a share of the prior's range; the largest is half of that range."""
LARGEST_WEIGHT = 100.0
"""Largest weight of a sample over the smallest one's: where training halos lack, their density
can't be divided by (adopted: beyond it single samples would decide)."""
LEAST_SAMPLES = 10
"""Effective samples that the median object must have."""
DRAWS = 4000


def stack(samples, training, properties=None, mass=None, seed=1):
    """Infer the mean and the intrinsic scatter of properties in a population.

    Parameters
    ----------
    samples : sequence of pandas.DataFrame
        Posterior samples of each object, a column for each property, as `cgm infer` writes them.
    training : pandas.DataFrame
        Draws from the prior of these posteriors, as `known` reads them.
    properties : sequence of str, optional
        Which to infer; all by default.
    mass : tuple of float, optional
        Range of log10 halo mass [Msun] that the objects are known to be in. By default masses
        aren't used.
    seed : int
        Of the draws.

    Returns
    -------
    xarray.Dataset
        ``mean`` and ``scatter`` (draw, property), draws of their joint posterior in the units of
        the properties; ``effective`` (property), the median number of effective samples of an
        object. Attribute ``objects``.

    Raises
    ------
    ParameterError
        If there are fewer than two objects, a property is missing, or the prior has nothing in the
        range of mass.
    ResultError
        If the posteriors have nearly no samples where the population is.
    """
    samples = list(samples)
    names = [str(one) for one in properties or training.columns]
    needed = {*names, MASS} if mass else set(names)
    missing = needed - set(training.columns).intersection(*(one.columns for one in samples))
    if len(samples) < 2 or missing or (mass and not mass[0] < mass[1]):
        raise ParameterError(
            "This isn't a stack.",
            found=f"{len(samples)} objects, without {sorted(missing) or 'nothing'}, mass {mass}",
            expected="two objects or more with these properties, and an increasing range of mass",
        )
    if mass:
        training = training[training[MASS].between(*mass)]
    if len(training) < LEAST_DRAWS:
        raise ParameterError(
            "The prior has too few draws for a stack.",
            found=f"{len(training)} draws"
            + (f" of mass {mass[0]:g} to {mass[1]:g}" if mass else ""),
            expected=f"at least {LEAST_DRAWS}",
            remedy="Widen the range of mass.",
        )
    generator = np.random.default_rng(seed)
    number = min(len(one) for one in samples)
    drawn = {name: np.stack([one[name].to_numpy()[:number] for one in samples]) for name in needed}
    found, effective = {kind: [] for kind in KINDS}, []
    for name in names:
        weights, ess = _weights(drawn, name, training, mass)
        effective.append(float(np.median(ess)))
        if effective[-1] < LEAST_SAMPLES:
            raise ResultError(
                f"The posteriors of {name} have too few samples in the population.",
                found=f"{effective[-1]:.1f} effective samples of the median object",
                expected=f"at least {LEAST_SAMPLES}",
                remedy="Draw more samples of each object, or widen the range of mass.",
            )
        mean, scatter, log_density = _grid(drawn[name], weights, training[name].to_numpy())
        for kind, values in zip(found, _draw(mean, scatter, log_density, generator), strict=True):
            found[kind].append(values)
    return xr.Dataset(
        {kind: (("draw", "property"), np.stack(values, axis=1)) for kind, values in found.items()}
        | {"effective": ("property", effective)},
        coords={"property": names},
        attrs={"objects": len(samples)} | ({"mass": list(mass)} if mass else {}),
    )


def _weights(drawn, name, training, mass):
    """Weights that divide the training prior out, and the effective samples of each object."""
    # The estimate on a grid: samples are many, and it is smooth.
    prior = training[name].to_numpy(float)
    prior = prior[:: -(-len(prior) // MOST_DRAWS)]
    kernel = gaussian_kde(prior)
    # Kernels widen the density; draws that are moved together keep its width.
    kernel = gaussian_kde(prior.mean() + (prior - prior.mean()) / np.sqrt(1 + kernel.factor**2))
    places = np.linspace(*np.quantile(prior, SUPPORT), SMOOTH)
    weights = 1 / np.maximum(np.interp(drawn[name], places, kernel(places)), 1e-300)
    weights = np.minimum(weights, LARGEST_WEIGHT * weights.min())
    weights *= (drawn[name] >= places[0]) & (drawn[name] <= places[-1])
    if mass:
        weights = weights * ((drawn[MASS] >= mass[0]) & (drawn[MASS] < mass[1]))
    squares = (weights**2).sum(axis=1)
    return weights, weights.sum(axis=1) ** 2 / np.where(squares > 0, squares, 1)


def _ends(drawn, training):
    """Ends of all values."""
    return min(drawn.min(), training.min()), max(drawn.max(), training.max())


def _grid(values, weights, training):
    """Logarithm of the posterior of mean and scatter, uniform in both beforehand, on a grid."""
    low, high = np.quantile(training, SUPPORT)
    mean = np.linspace(low, high, GRID[0])
    scatter = np.geomspace(LEAST_SCATTER, 0.5, GRID[1]) * (high - low)
    # Samples in bins much narrower than the smallest scatter: then a matrix serves all objects.
    first, last = _ends(values, training)
    edges = np.linspace(first, last, 1 + int(np.ceil(4 * (last - first) / scatter[0])))
    shares = np.stack(
        [np.histogram(own, edges, weights=weight)[0]
         for own, weight in zip(values, weights, strict=True)]
    )  # fmt: skip
    middle = (edges[1:] + edges[:-1]) / 2
    log_density = np.empty(GRID)
    for column, width in enumerate(scatter):
        kernel = np.exp(-(((middle[:, None] - mean) / width) ** 2) / 2) / width
        log_density[:, column] = np.log(shares @ kernel + 1e-300).sum(axis=0)
    # A grid that is even in the logarithm has more points where the scatter is small.
    return mean, scatter, log_density + np.log(scatter)


def _draw(mean, scatter, log_density, generator):
    """Draw from a density on a grid, uniformly within its cells."""
    share = np.exp(log_density - log_density.max()).ravel()
    cells = generator.choice(share.size, DRAWS, p=share / share.sum())
    rows, columns = np.unravel_index(cells, log_density.shape)
    offset = generator.uniform(-0.5, 0.5, (2, DRAWS))
    step = np.log(scatter[1] / scatter[0])
    return mean[rows] + offset[0] * (mean[1] - mean[0]), scatter[columns] * np.exp(offset[1] * step)


def known(network, properties=None):
    """Read what a network's posteriors are like for its validation halos.

    Parameters
    ----------
    network : path
        Folder that `cgmhelpers.sky.inferring.prepare` wrote.
    properties : sequence of str, optional
        Which; all by default.

    Returns
    -------
    pandas.DataFrame
        Draws from the prior, for `stack`.

    Raises
    ------
    DataNotFoundError
        If the folder has no such table.
    """
    path = Path(network) / KNOWN
    if not path.is_file():
        raise DataNotFoundError(
            f"There is no {path}.",
            expected="a folder that cgm prepare wrote",
            remedy="Make it with cgm prepare.",
        )
    return pd.read_parquet(path, columns=properties and list(properties))


def read(folders, network):
    """Read what `stack` needs from the folders that ``cgm infer`` wrote.

    Parameters
    ----------
    folders : sequence of path
        One for each object.
    network : path
        That all of them were inferred with.

    Returns
    -------
    samples : list of pandas.DataFrame
        Of each object.
    training : pandas.DataFrame
        As from `known`.

    Raises
    ------
    DataNotFoundError
        If a file isn't there.
    FormatError
        If an object was inferred with another network.
    """
    samples, prior = [], known(network)
    fingerprint = checkpoint.read_description(network)["fingerprint"]
    for folder in map(Path, folders):
        for name in ("samples.parquet", "inputs.json"):
            if not (folder / name).is_file():
                raise DataNotFoundError(
                    f"There is no {folder / name}.", expected="folders that cgm infer wrote"
                )
        used = json.loads((folder / "inputs.json").read_text())["network"]
        if used != fingerprint:
            raise FormatError(
                f"{folder} was inferred with another network.",
                found=used[:12],
                expected=fingerprint[:12],
                remedy="Infer all objects with one network.",
            )
        samples.append(pd.read_parquet(folder / "samples.parquet"))
    return samples, prior
