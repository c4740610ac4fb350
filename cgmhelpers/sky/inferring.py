"""From the files of an observation to a posterior, with a verdict on whether to trust it.

`infer` uses a network that `cgmhelpers.sky.preparing.prepare` made. An object that looks unlike the
halos of its training is refused: the network can't know anything of it.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.neighbors import NearestNeighbors

from cgmhelpers.emission import fields
from cgmhelpers.errors import DataNotFoundError, ParameterError, ResultError
from cgmhelpers.halos.classes import HALO
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.inference import posterior, trusting
from cgmhelpers.maps.summaries import EVALUATION_AXIS, map_statistics
from cgmhelpers.network import checkpoint
from cgmhelpers.sky.looking import look
from cgmhelpers.sky.observing import Observation
from cgmhelpers.sky.preparing import MAPS, REFERENCE, reference_is
from cgmhelpers.sky.views import View
from cgmhelpers.system import files

UNUSUAL = 0.01
"""Probability under the posterior's prediction below which a brightness calls for care."""
UNITS = {
    one.name: "log10(Msun)" if "odot" in one.unit else f"log10({one.unit})" if one.unit else ""
    for one in PROPERTIES
}
"""Units of the properties, in plain text."""
WORDS = {
    "log_m_halo": "the halo's mass",
    "f_cgm": "the gas fraction",
    "log_z_cgm": "the metallicity",
    "log_m_cgm": "the gas mass",
    "f_cool": "the cool fraction",
    "log_t_cgm": "the temperature",
}
"""The properties in the cautions."""
NEAREST = 5
"""Training halos that are shown beside an object."""


def infer(folder, *, ra, dec, redshift, number=2000, seed=1, **given):
    """Infer the properties of an object from the files of its observation.

    Parameters
    ----------
    folder : path
        Of a network that `cgmhelpers.sky.preparing.prepare` made.
    ra, dec : float
        Of the object [deg, ICRS].
    redshift : float
        Of the object.
    number : int
        Samples of the posterior.
    seed : int
        Of the samples, and of the places of counts within their pixels.
    **given
        Files and numbers, as for `cgmhelpers.sky.looking.look`.

    Returns
    -------
    xarray.Dataset
        That of `look`, with ``samples`` (draw, property) in the units of the properties,
        ``nearest`` (rank) the distances of the training halos most like the object, identified by
        coordinates, ``expected`` (field, y, x), the mean of the posterior's predictions as the
        instruments would see it without noise, and ``brighter`` (field), the share of them that are
        brighter than the object, and ``depth`` (field), the exposure in those of the instruments.
        Attributes: ``verdict`` ("usable" or "usable with care"),
        ``score`` of `cgmhelpers.inference.trusting.trust`, ``cautions``, ``network`` (its
        fingerprint) and ``suite_train``.

    Raises
    ------
    ParameterError
        If the network wasn't trained for such an object.
    DataNotFoundError, FormatError
        If a file isn't there, or can't be used.
    ResultError
        If the object is unlike all training halos.
    """
    description = checkpoint.read_description(folder)
    if "observation" not in description:
        raise ParameterError(
            f"The network in {folder} wasn't trained on observed maps.",
            found=f"limits {description['limits']}",
            expected='limits "observed"',
            remedy="Train one with cgm prepare.",
        )
    if not reference_is(Path(folder), description):
        raise DataNotFoundError(
            f"{folder} lacks the table of its training halos.",
            expected=f"{REFERENCE} of this training",
            remedy="Make it with cgm prepare.",
        )
    observation = Observation.model_validate(description["observation"])
    size = description["network"]["size"]
    found = look(
        observation, description["pixel_size_kpc"], size, ra=ra, dec=dec, redshift=redshift,
        emitted_at=description["emitted_at"], seed=seed, **given,
    )  # fmt: skip
    joint = posterior.load(folder)
    drawn = joint.sample(found["input"].values[None], number, seed)[0]
    reference = pd.read_parquet(Path(folder) / REFERENCE)
    own = _statistics(found)
    distances, rows = _nearest(reference[own.index], own)
    cautions = list(found.attrs["cautions"])
    believed = trusting.trust(folder, found["input"].values[None]).iloc[0]
    if believed["score"] < trusting.REFUSE:
        raise ResultError(
            "The object is unlike the halos that the network was trained with.",
            found=f"{believed['reason']} Share of halos as strange: {believed['score']:.1g}",
            expected=f"at least {trusting.REFUSE:g}",
            remedy="Check position, redshift, band and exposure; else the network can't know.",
        )
    if believed["score"] < trusting.CARE:
        cautions.append(
            f"{believed['score']:.1%} of halos look as strange to the network. {believed['reason']}"
        )
    weights = _weights(reference, drawn, joint.properties)
    view = View(
        observation, redshift, found.attrs["pixel_size_kpc"], size, description["emitted_at"]
    )
    expected = _expected(folder, view, weights)
    noises = found["noise"].where(found["seen"]).median(["y", "x"]).values
    depths = [view.depth(*pair) for pair in zip(found["field"].values, noises, strict=True)]
    brighter = {
        name: float(np.average(reference[f"{name} total"] > own[f"{name} total"], weights=weights))
        for name in observation.instruments
    }
    for name, share in brighter.items():
        if min(share, 1 - share) < UNUSUAL:
            cautions.append(
                f"Halos with the inferred properties are {'brighter' if share > 0.5 else 'fainter'}"
                f" in {fields.get(name).title} than the object in {max(share, 1 - share):.1%} of "
                "cases."
            )
    cautions += _outside(drawn, joint.properties, reference)
    nearest = reference.iloc[rows]
    return found.assign(
        samples=(("draw", "property"), drawn),
        nearest=("rank", distances),
        expected=(("field", "y", "x"), expected),
        brighter=("field", list(brighter.values())),
        depth=("field", depths),
    ).assign_coords(
        property=list(joint.properties),
        unit=("property", [UNITS[name] for name in joint.properties]),
        **{name: ("rank", nearest[name].to_numpy()) for name in [*HALO, "log_mass"]},
    ).assign_attrs(
        verdict="usable with care" if cautions else "usable", cautions=cautions,
        score=float(believed["score"]),
        network=description["fingerprint"], suite_train=description["suite_train"],
    )  # fmt: skip


def _statistics(found):
    """Statistics of the object's channels, as `map_statistics` measures them of halos."""
    image = found["input"].rename(channel="field")
    image = image.expand_dims({"halo": 1, "axis": [EVALUATION_AXIS]})
    return map_statistics(image.to_dataset(name="image")).iloc[0]


def _standard(reference, own):
    """Statistics of the training halos and of the object in scatters of the former."""
    centre, width = reference.mean(), reference.std()
    width = width.where(width > 1e-3, 1e-3 + abs(centre) * 0.01)
    return (reference - centre) / width, (own - centre) / width


def _nearest(reference, own):
    """Distances of the most similar training halos, and their rows.

    In units of the largest distance of a training halo to the one that is most like it.
    """
    halos, place = _standard(reference, own)
    neighbours = NearestNeighbors(n_neighbors=min(NEAREST, len(halos) - 1)).fit(halos.to_numpy())
    apart, _ = neighbours.kneighbors()  # each among the others
    distances, rows = neighbours.kneighbors(place.to_numpy()[None])
    return distances[0] / apart[:, 0].max(), rows[0]


def _weights(reference, drawn, properties):
    """Weight training halos by the posterior's density at their properties.

    It is a Gaussian with the posterior's mean and covariance, widened by a kernel.
    """
    truth = reference[list(properties)].to_numpy()
    covariance = np.cov(drawn.T) + np.diag(0.2 * truth.std(axis=0) + 1e-9) ** 2
    apart = truth - drawn.mean(axis=0)
    chi2 = np.einsum("hi,ij,hj->h", apart, np.linalg.inv(covariance), apart)
    return np.exp(-(chi2 - chi2.min()) / 2)


def _expected(folder, view, weights):
    """Mean of weighted training halos, as the instruments of a view spread it (field, y, x)."""
    stored, _ = checkpoint.read_tensors(Path(folder) / MAPS)
    chosen = np.flatnonzero(weights > 1e-4 * weights.max())
    maps = 10 ** stored["maps"][chosen].double()
    mean = torch.tensordot(torch.from_numpy(weights[chosen] / weights[chosen].sum()), maps, 1)
    spread = [
        view.blurred(name, one[None])[0] for name, one in zip(view.instruments, mean, strict=True)
    ]
    return torch.stack(spread).numpy()


def _outside(drawn, properties, reference):
    """Cautions about properties whose posterior reaches beyond the training halos."""
    said = []
    for values, name in zip(drawn.T, properties, strict=True):
        low, high = reference[name].min(), reference[name].max()
        share = np.mean((values < low) | (values > high))
        if share > 0.32:
            said.append(
                f"{share:.0%} of the posterior of {WORDS[name]} lie beyond all training halos."
            )
    return said


def summary(found):
    """Return the posterior as a table.

    Parameters
    ----------
    found : xarray.Dataset
        From `infer`.

    Returns
    -------
    pandas.DataFrame
        One row a property: property, unit, mean, std, and the quantiles q16, q50 and q84.
    """
    drawn = found["samples"].values
    quantiles = np.quantile(drawn, [0.16, 0.5, 0.84], axis=0)
    return pd.DataFrame(
        {
            "property": found["property"].values,
            "unit": found["unit"].values,
            "mean": drawn.mean(axis=0),
            "std": drawn.std(axis=0),
            **dict(zip(("q16", "q50", "q84"), quantiles, strict=True)),
        }
    )


def write(found, folder):
    """Write the samples, the table and what they were made from.

    Parameters
    ----------
    found : xarray.Dataset
        From `infer`.
    folder : path
        For ``samples.parquet``, ``posterior.csv``, ``inputs.json`` and ``report.html``, which comes
        last.

    Returns
    -------
    Path
        The report.
    """
    from cgmhelpers.sky.report import page

    folder = Path(folder)
    drawn = pd.DataFrame(found["samples"].values, columns=found["property"].values)
    with files.whole(folder / "samples.parquet") as temporary:
        drawn.to_parquet(temporary, index=False)
    with files.whole(folder / "posterior.csv") as temporary:
        summary(found).to_csv(temporary, index=False)
    with files.whole(folder / "inputs.json") as temporary:
        depth = dict(zip(found["field"].values, found["depth"].values.tolist(), strict=True))
        temporary.write_text(json.dumps(found.attrs | {"depth": depth}, indent=1) + "\n")
    with files.whole(folder / "report.html") as temporary:
        temporary.write_text(page(found, summary(found)), encoding="utf-8")
    return folder / "report.html"
