r"""Many faint objects: the mean and the scatter of a property in their population.

Each object has a posterior that rests on the prior of the network's training halos. The population
has another density of the property: the prior's, tilted by a Gaussian to a mean :math:`\mu` and a
scatter :math:`\sigma` (Efron & Tibshirani 1996, Ann. Stat. 24, 2431), so with the prior's own mean
and scatter it is the prior, whatever its shape. With the prior divided out, samples
:math:`\theta_{is}` of N objects together give

.. math::

    p(\mu, \sigma) \propto
    \prod_{i=1}^N \frac{1}{S} \sum_{s=1}^S \frac{r(\theta_{is})}{\langle r \rangle},
    \qquad r(\theta) = e^{a \theta + b \theta^2}

(Hogg, Myers & Bovy 2010, ApJ 725, 2166, Eq. 9), where a and b follow from mean and scatter, and
:math:`\langle r \rangle` is the mean over draws from the posteriors of validation halos, observed
as the objects are. Exact posteriors have the prior for their mean, and what a network errs in all
of them is divided out with it. These halos are few: the result is a mean over weights of them
(Rubin 1981, Ann. Stat. 9, 130), and no number of objects makes it narrower than they allow. Halos
of the same initial conditions and nearly the same mass have one weight together: the twins of a
halo in other suites are among them, and a network errs alike in twins. Where the objects are chosen
by mass, draws outside of the range don't count.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import gaussian_filter1d
from sklearn.cluster import KMeans

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError, ResultError
from cgmhelpers.halos.classes import INITIAL_CONDITIONS
from cgmhelpers.inference import posterior
from cgmhelpers.maps.summaries import EVALUATION_AXIS
from cgmhelpers.network import checkpoint
from cgmhelpers.sky.observing import Observation
from cgmhelpers.sky.planning import posteriors
from cgmhelpers.sky.preparing import MOST_VALIDATION, VALIDATION

MASS = "log_m_halo"
RELATED = "related"
"""Column, in a table of draws, of the group of related halos that a draw's halo is in."""
RELATIVES = 15
"""Halos of neighbouring masses in one box that count as related (adopted). Between twins there are
a few others, as suites differ in mass."""
GRID = (61, 40)
"""Means and scatters at which a population is evaluated."""
BINS = 400
"""Bins of the property."""
SUPPORT = (0.001, 0.999)
"""Quantiles of the prior between which draws count. Beyond, its density isn't known."""
EMPTY = 1e-3
"""Density of the prior where it has no draws, as a share of the mean over its range."""
LEAST_DRAWS = 20
"""Draws from the prior, in a range of mass, whose density can be estimated (adopted)."""
KINDS = ("mean", "scatter")
LEAST_SCATTER, LARGEST_SCATTER = 0.01, 1.5
"""Smallest scatter, as a share of the prior's range, and largest, in scatters of the prior."""
WIDEST = 0.8
"""Largest variance, as a share of that of a population which is at the ends of the range alone."""
LEAST_SAMPLES = 10
"""Effective samples that the median object must have."""
REWEIGHTED = 64
"""Random weights of the validation halos that a result is the mean over."""
KNOWN_DRAWS = 20
"""Draws from the posterior of each validation halo."""
OBSERVED_AGAIN = 6
"""Redshifts and depths, at most, at which validation halos are observed for objects of many."""
DRAWS = 4000
STEPS, HALVINGS, CLOSE = 60, 40, 1e-6
"""Steps of Newton's method, halvings of a step that goes too far, and the error of mean and square,
in the prior's units, with which it ends."""


def stack(samples, prior, properties=None, mass=None, seed=1):
    """Infer the mean and the intrinsic scatter of properties in a population.

    Parameters
    ----------
    samples : sequence of pandas.DataFrame
        Posterior samples of each object, a column for each property, as `cgm infer` writes them.
    prior : pandas.DataFrame
        Draws from the prior of these posteriors, as `known` reads them; without a column
        ``related`` each draw counts as a halo's.
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
        If there are fewer than two objects, a property is missing or not a number, or the prior has
        nothing in the range of mass, or no width.
    ResultError
        If an object has no samples where the population may be, or the median object nearly none
        where it is.
    """
    samples = list(samples)
    names = [str(one) for one in properties or prior.columns.drop(RELATED, errors="ignore")]
    needed = {*names, MASS} if mass else set(names)
    missing = needed - set(prior.columns).intersection(*(one.columns for one in samples))
    if len(samples) < 2 or missing or (mass and not mass[0] < mass[1]):
        raise ParameterError(
            "This isn't a stack.",
            found=f"{len(samples)} objects, without {sorted(missing) or 'nothing'}, mass {mass}",
            expected="two objects or more with these properties, and an increasing range of mass",
        )
    for number, one in enumerate([prior, *samples]):
        try:
            finite = np.isfinite(one[sorted(needed)].to_numpy(float)).all()
        except (TypeError, ValueError):
            finite = False
        if not finite:
            raise ParameterError(
                f"The samples of object {number} can't be used."
                if number
                else "The draws from the prior can't be used.",
                found="values that aren't finite numbers",
                expected=f"numbers for {', '.join(sorted(needed))}",
            )
    if mass:
        prior = prior[prior[MASS].between(*mass)]
    if len(prior) < LEAST_DRAWS:
        raise ParameterError(
            "The prior has too few draws for a stack.",
            found=f"{len(prior)} draws" + (f" of mass {mass[0]:g} to {mass[1]:g}" if mass else ""),
            expected=f"at least {LEAST_DRAWS}",
            remedy="Widen the range of mass.",
        )
    generator = np.random.default_rng(seed)
    counted = [one[one[MASS].between(*mass, inclusive="left")] if mass else one for one in samples]
    groups = pd.factorize(prior[RELATED])[0] if RELATED in prior else np.arange(len(prior))
    found, effective = {kind: [] for kind in KINDS}, []
    for name in names:
        draws = prior[name].to_numpy(float)
        if not np.ptp(draws) > 0:
            raise ParameterError(
                f"The prior of {name} has no width.",
                found=f"all draws are {draws[0]:g}",
                expected="draws that differ",
                remedy="Leave this property out.",
            )
        values = [one[name].to_numpy(float) for one in counted]
        density, ess = _posterior(name, values, draws, groups, generator)
        effective.append(ess)
        if ess < LEAST_SAMPLES:
            raise ResultError(
                f"The posteriors of {name} have too few samples in the population.",
                found=f"{ess:.1f} effective samples of the median object",
                expected=f"at least {LEAST_SAMPLES}",
                remedy="Draw more samples of each object, or widen the range of mass.",
            )
        for kind, drawn in zip(found, _draw(*density, generator), strict=True):
            found[kind].append(drawn)
    return xr.Dataset(
        {kind: (("draw", "property"), np.stack(values, axis=1)) for kind, values in found.items()}
        | {"effective": ("property", effective)},
        coords={"property": names},
        attrs={"objects": len(samples)} | ({"mass": list(mass)} if mass else {}),
    )


def _posterior(name, values, prior, groups, generator):
    """Posterior of mean and scatter, uniform in both beforehand, on a grid.

    Returns (mean, scatter, density), and the effective samples of the median object.
    """
    centre, unit = prior.mean(), prior.std()
    edges = (np.linspace(*np.quantile(prior, SUPPORT), BINS + 1) - centre) / unit
    prior = (prior - centre) / unit
    # A Gaussian kernel smooths the density; draws that are moved together keep its width.
    kernel = len(prior) ** -0.2

    def smooth(weights=None):
        counts = np.histogram(prior / np.sqrt(1 + kernel**2), edges, weights=weights)[0]
        wide = gaussian_filter1d(counts.astype(float), kernel / (edges[1] - edges[0]))
        return wide / wide.sum() + EMPTY / BINS

    mean, scatter, tilts = _tilts(edges, smooth())
    counts = np.stack([np.histogram((own - centre) / unit, edges)[0] for own in values])
    outside = np.flatnonzero(counts.sum(axis=1) == 0) + 1
    if len(outside):
        raise ResultError(
            f"Objects have no sample of {name} where the population may be.",
            found=f"{len(outside)} of {len(values)} objects: number "
            + ", ".join(map(str, outside[:5]))
            + (", ..." if len(outside) > 5 else ""),
            expected=f"{name} of {centre + unit * edges[0]:.3g} to {centre + unit * edges[-1]:.3g}"
            ", and a mass in the range if there is one",
            remedy="Leave them out, draw more samples of them, or widen the range of mass.",
        )
    known = tilts.sum(axis=1) > 0
    log_density = np.full((REWEIGHTED, len(tilts)), -np.inf)
    log_density[:, known] = np.log(counts @ tilts[known].T + 1e-300).sum(axis=0)
    for row in log_density:
        weights = generator.exponential(size=groups.max() + 1)
        row[known] -= len(counts) * np.log(tilts[known] @ smooth(weights[groups]))
    # A grid that is even in the logarithm has more points where the scatter is small.
    log_density += np.broadcast_to(np.log(scatter), GRID).ravel()
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    density = (density / density.sum(axis=1, keepdims=True)).mean(axis=0)
    weight = density @ tilts
    effective = (counts @ weight) ** 2 / (counts @ weight**2)
    grid = centre + unit * mean, unit * scatter, density.reshape(GRID)
    return grid, float(np.median(effective))


def _tilts(edges, prior):
    """Ratios of populations' densities to the prior's, in bins.

    Newton's method finds the tilt of each mean and scatter; it is the maximum of a concave function
    (Efron & Tibshirani 1996).

    Returns the means and the scatters, and the ratios (cells, bins), whose largest is 1 in each
    cell, and which are 0 where the range has no such population.
    """
    middle = (edges[1:] + edges[:-1]) / 2
    powers, prior = np.stack([middle, middle**2]), np.log(prior)
    mean = np.linspace(edges[0], edges[-1], GRID[0] + 2)[1:-1]
    scatter = np.geomspace(LEAST_SCATTER * (edges[-1] - edges[0]), LARGEST_SCATTER, GRID[1])
    mu, sigma = (one.ravel() for one in np.meshgrid(mean, scatter, indexing="ij"))
    possible = sigma**2 < WIDEST * (mu - edges[0]) * (edges[-1] - mu)
    mu, sigma = mu[possible], sigma[possible]
    wanted = np.stack([mu, mu**2 + sigma**2], axis=1)
    tilt = np.stack([mu / sigma**2, (1 - sigma**-2) / 2], axis=1)  # that of a normal prior

    def tilted(tilt):
        log_density = tilt @ powers + prior
        most = log_density.max(axis=1, keepdims=True)
        density = np.exp(log_density - most)
        total = density.sum(axis=1, keepdims=True)
        return density / total, (most + np.log(total))[:, 0] - (tilt * wanted).sum(axis=1)

    density, cost = tilted(tilt)
    for _ in range(STEPS):
        moments = density @ powers.T
        slope = moments - wanted
        if np.abs(slope).max() < CLOSE:
            break
        bend = np.einsum("cb,ib,jb->cij", density, powers, powers, optimize=True)
        bend -= moments[:, :, None] * moments[:, None]
        step = np.linalg.solve(bend + 1e-9 * np.eye(2), slope[..., None])[..., 0]
        size = np.ones(len(tilt))
        for _ in range(HALVINGS):
            density, new = tilted(tilt - size[:, None] * step)
            worse = new > cost + 1e-12
            if not worse.any():
                break
            size[worse] /= 2
        tilt, cost = tilt - size[:, None] * step, new
    else:
        reached = np.abs(slope).max(axis=1) < CLOSE
        possible[possible] = reached
        tilt = tilt[reached]
    ratios = np.zeros((len(possible), len(middle)))
    exponent = tilt @ powers
    ratios[possible] = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return mean, scatter, ratios


def _draw(mean, scatter, density, generator):
    """Draw from a density on a grid, uniformly within its cells."""
    cells = generator.choice(density.size, DRAWS, p=density.ravel())
    rows, columns = np.unravel_index(cells, density.shape)
    offset = generator.uniform(-0.5, 0.5, (2, DRAWS))
    step = np.log(scatter[1] / scatter[0])
    return mean[rows] + offset[0] * (mean[1] - mean[0]), scatter[columns] * np.exp(offset[1] * step)


def known(network, redshift, depth, number=KNOWN_DRAWS, seed=1):
    """Draw from a network's posteriors of its validation halos, observed as some objects are.

    Parameters
    ----------
    network : path
        Folder that `cgmhelpers.sky.preparing.prepare` wrote.
    redshift : float or array_like, shape (objects,)
        Of the objects.
    depth : dict of str to float or array_like, shape (objects,)
        Exposure of each field, in those of the instruments.
    number : int
        Draws of each halo.
    seed : int
        Of noise and draws.

    Returns
    -------
    pandas.DataFrame
        Draws from the prior, for `stack`: the properties, and ``related``, the number of the group
        of related halos.

    Raises
    ------
    DataNotFoundError
        If the folder has no validation halos.
    FormatError
        If these halos aren't those of its split.
    ParameterError
        If the network knows other fields.
    """
    path = Path(network) / VALIDATION
    if not path.is_file():
        raise DataNotFoundError(
            f"There is no {path}.",
            expected="a folder that cgm prepare wrote",
            remedy="Make it with cgm prepare.",
        )
    description = checkpoint.read_description(network)
    observation = Observation.model_validate(description["observation"])
    fields = list(observation.instruments)
    if set(depth) != set(fields):
        raise ParameterError(
            "The depth of each field is needed.", found=", ".join(depth), expected=", ".join(fields)
        )
    maps = 10 ** checkpoint.read_tensors(path)[0]["maps"].numpy().astype(np.float32)
    halos = xr.Dataset(
        {"image": (("halo", "axis", "field", "y", "x"), maps[:, None])},
        coords={"axis": [EVALUATION_AXIS], "field": fields},
        attrs={
            "pixel_size_kpc": description["pixel_size_kpc"],
            "redshift": description["emitted_at"],
        },
    )
    kept = pd.read_csv(Path(network) / checkpoint.SPLIT)
    kept = kept[kept["part"] == "validation"]
    kept = kept.iloc[:: -(-len(kept) // MOST_VALIDATION)]
    if len(kept) != len(maps):
        raise FormatError(
            f"{network} has other validation halos in its split than maps of them.",
            found=f"{len(kept)} and {len(maps)}",
            expected="the same halos",
            remedy="Make the network again with cgm prepare.",
        )
    groups = related(kept)
    names, tables = posterior.load(network).properties, []
    for (at, *own), share in _gathered(redshift, *(depth[name] for name in fields)):
        own = np.clip(own, *observation.depth)
        draws = max(1, round(share * number))
        own = dict(zip(fields, own.tolist(), strict=True))
        drawn = posteriors(network, halos, float(at), own, draws, seed)
        table = pd.DataFrame(drawn.reshape(-1, drawn.shape[-1]), columns=names)
        tables.append(table.assign(**{RELATED: np.repeat(groups, draws)}))
    return pd.concat(tables, ignore_index=True)


def related(halos):
    """Number the groups of halos whose posteriors err alike, since twins may be among them.

    Parameters
    ----------
    halos : pandas.DataFrame, H rows
        With ``log_mass`` and the columns of `cgmhelpers.halos.classes.INITIAL_CONDITIONS`.

    Returns
    -------
    ndarray of int, shape (H,)
        Halos of one box and neighbouring masses, at most `RELATIVES` of them, have a number.
    """
    box = [name for name in INITIAL_CONDITIONS if name in halos]
    boxes = halos.groupby(box, dropna=False)
    place = boxes["log_mass"].rank(method="first").sub(1) // RELATIVES
    return pd.factorize(pd.MultiIndex.from_arrays([boxes.ngroup(), place]))[0]


def _gathered(*conditions):
    """Gather objects of nearly the same redshift and depths: places, and shares of the objects."""
    objects = np.column_stack(np.broadcast_arrays(*map(np.atleast_1d, conditions)))
    places, numbers = np.unique(objects, axis=0, return_counts=True)
    if len(places) > OBSERVED_AGAIN:
        width = np.log(objects).std(axis=0)
        scaled = np.log(objects) / np.where(width > 0, width, 1)
        group = KMeans(OBSERVED_AGAIN, n_init=1, random_state=1).fit_predict(scaled)
        numbers = np.bincount(group)
        places = [np.exp(np.log(objects[group == one]).mean(axis=0)) for one in np.unique(group)]
        numbers = numbers[numbers > 0]
    return zip(places, numbers / numbers.sum(), strict=True)


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
    prior : pandas.DataFrame
        As from `known`.

    Raises
    ------
    DataNotFoundError
        If a file isn't there.
    FormatError
        If an object was inferred with another network.
    ParameterError
        If an object is there twice.
    """
    samples, conditions, known_as = [], [], {}
    fingerprint = checkpoint.read_description(network)["fingerprint"]
    for folder in map(Path, folders):
        for name in ("samples.parquet", "inputs.json"):
            if not (folder / name).is_file():
                raise DataNotFoundError(
                    f"There is no {folder / name}.", expected="folders that cgm infer wrote"
                )
        inputs = json.loads((folder / "inputs.json").read_text())
        used = inputs["network"]
        if used != fingerprint:
            raise FormatError(
                f"{folder} was inferred with another network.",
                found=used[:12],
                expected=fingerprint[:12],
                remedy="Infer all objects with one network.",
            )
        samples.append(pd.read_parquet(folder / "samples.parquet"))
        if "depth" not in inputs:
            raise FormatError(
                f"{folder} doesn't say how deep the observation is.",
                found="an older version's inputs.json",
                expected="depth of each field",
                remedy="Infer the object again.",
            )
        # The files of an object, wherever its folder is; a file may show several objects.
        observed = *sorted(inputs.get("sha256", {}).values()), inputs.get("ra"), inputs.get("dec")
        first = known_as.setdefault(observed if any(observed) else folder.resolve(), folder)
        if first is not folder:
            raise ParameterError(
                "An object is there twice, and would count twice.",
                found=f"{first} and {folder}",
                expected="one folder for each object",
                remedy="Leave one of them out.",
            )
        conditions.append({"redshift": inputs["redshift"], **inputs["depth"]})
    told = pd.DataFrame(conditions)
    redshift = told.pop("redshift")
    return samples, known(network, redshift, dict(told.items()))
