r"""Whether to believe an inference: how unlike those of the training a map is, without its truth.

A network answers every map. `calibrate_trust` keeps what the halos of its training look like to the
network and in a few numbers per map, and `trust` holds other maps against it, by these measures:

- ``map``: Mahalanobis distance of the map's brightness, quantiles, rings and roughness;
- ``features``: Mahalanobis distance of the network's features (Lee et al. 2018, arXiv:1807.03888);
- ``flow``, if there is one: the logarithm of its posterior density at the network's means, and how
  far that is from the median of the training;
- ``spread``, with an ensemble: the disagreement of its members.

Each becomes a probability, the share of validation halos with as large a value. The least of them
joins them (Tippett), and the share of validation halos with as small a least is the score. So halos
like those of the training have scores spread evenly from 0 to 1, and 5% of them have one below
0.05. Beyond the validation halos the tail is a power law (Hill 1975, Ann. Stat. 3, 1163).

A low score tells that a map is unlike those of the training. A high one doesn't promise a small
error: maps may look alike and mean different masses. A whole sample may differ from the training
where no single map does: `sample_discrepancy` tests it.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.covariance import LedoitWolf

from cgmhelpers.emission.fields import FIELDS
from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.inference import ensembles, posterior, prediction
from cgmhelpers.network import checkpoint
from cgmhelpers.network.adaptation import gaussian_kernel
from cgmhelpers.system import provenance

REFERENCE = "trust.safetensors"
"""File beside a network: what `trust` compares with."""
CARE, REFUSE = 0.05, 0.001
"""Scores below which an inference calls for care, and is refused."""
WORDS = ("usable", "with care", "refused")
FEWEST = 20
"""Validation maps that a calibration takes at least: ranks of fewer never fall below `CARE`."""
KEPT = 1000
"""Training maps that are kept for `sample_discrepancy`."""
USUAL = 3.0
"""Standard deviations from the training's mean that a single number reaches without a mention."""
REASONS = {
    "features": "The network's features of it are unlike those of its training.",
    "flow": "Its posterior is wider or narrower than those of the training.",
    "spread": "The members of the ensemble disagree about it more than about known halos.",
}
QUANTILES = {"faint end": 0.25, "median": 0.5, "upper quartile": 0.75, "bright end": 0.99}
RINGS = (0.0, 0.15, 0.3, 0.6, 1.0, np.inf)
"""Edges of the rings, in units of half the side of a map."""
NUMBERS = (
    "mean brightness", *QUANTILES, "brightest pixel", "share of pixels above the limit",
    *(f"brightness in ring {number}" for number in range(1, len(RINGS))),
    "roughness", "scatter of the pixels",
)  # fmt: skip
"""What `numbers` measures of each field."""


def numbers(images, floors):
    """Describe maps by a few numbers per field.

    Parameters
    ----------
    images : ndarray, shape (maps, fields, y, x)
        In the units of the fields.
    floors : sequence of float
        Limit of each field; fainter pixels count as pixels at the limit.

    Returns
    -------
    ndarray, shape (maps, fields * len(NUMBERS))
        Logarithms to base 10, and a share of pixels.
    """
    floors = np.asarray(floors, dtype=float)[:, None, None]
    images = np.maximum(np.asarray(images, dtype=float), floors)
    logarithm = np.log10(images)
    side = images.shape[-1]
    y, x = np.indices((side, side)) - (side - 1) / 2
    ring = np.digitize(np.hypot(x, y) / (side / 2), RINGS) - 1
    flat = logarithm.reshape(*images.shape[:2], side**2)
    steps = [np.square(np.diff(logarithm, axis=axis)).mean(axis=(-2, -1)) for axis in (-2, -1)]
    found = [
        np.log10(images.mean(axis=(-2, -1))),
        *np.quantile(flat, [*QUANTILES.values(), 1], axis=-1),
        (images > floors).mean(axis=(-2, -1)),
        *(logarithm[..., ring == number].mean(axis=-1) for number in range(len(RINGS) - 1)),
        np.sqrt(sum(steps)),
        flat.std(axis=-1),
    ]
    return np.stack(found, axis=-1).reshape(len(images), len(floors) * len(NUMBERS))


@dataclass(frozen=True)
class Cloud:
    """The place of a training's maps in a space of numbers.

    Attributes
    ----------
    centre, scale : ndarray, shape (numbers,)
        Mean and standard deviation.
    whitening : ndarray, shape (numbers, numbers)
        Of standardised numbers.
    """

    centre: np.ndarray
    scale: np.ndarray
    whitening: np.ndarray

    @classmethod
    def fit(cls, rows):
        """Fit to the maps of a training.

        Parameters
        ----------
        rows : ndarray, shape (maps, numbers)

        Returns
        -------
        Cloud
            The covariance is shrunk (Ledoit & Wolf 2004, J. Multivar. Anal. 88, 365).
        """
        centre = rows.mean(axis=0)
        # A number that hardly varies in the training mustn't make rounding errors strange.
        scale = np.maximum(rows.std(axis=0), 1e-3 + 0.01 * np.abs(centre))
        covariance = LedoitWolf(assume_centered=True).fit((rows - centre) / scale).covariance_
        values, vectors = np.linalg.eigh(covariance)
        return cls(centre, scale, vectors / np.sqrt(np.maximum(values, 1e-6)))

    def standard(self, rows):
        """Express rows in standard deviations of the training, number by number.

        Parameters
        ----------
        rows : ndarray, shape (maps, numbers)

        Returns
        -------
        ndarray, same shape
        """
        return (rows - self.centre) / self.scale

    def white(self, rows):
        """Express rows in coordinates in which the training has nearly a unit covariance.

        Parameters
        ----------
        rows : ndarray, shape (maps, numbers)

        Returns
        -------
        ndarray, same shape
        """
        return self.standard(rows) @ self.whitening

    def distance(self, rows):
        """Measure the Mahalanobis distance of rows from the centre.

        Parameters
        ----------
        rows : ndarray, shape (maps, numbers)

        Returns
        -------
        ndarray, shape (maps,)
        """
        return np.sqrt(np.square(self.white(rows)).sum(axis=1))


@dataclass(frozen=True)
class Tail:
    """Probability that a halo of the training's kind has as large a value.

    Attributes
    ----------
    values : ndarray, shape (maps,)
        Of validation maps, rising.
    """

    values: np.ndarray

    def __call__(self, values):
        """Return the probabilities.

        Parameters
        ----------
        values : ndarray, any shape

        Returns
        -------
        ndarray, same shape
            By rank, (n + 1) / (N + 1) for n of N validation maps that are as large; beyond `CARE`
            by the power law that fits the largest values best.
        """
        number = len(self.values)
        larger = number - np.searchsorted(self.values, values, side="left")
        share = (larger + 1) / (number + 1)
        lowest = self.values[0]
        edge = self.values[int((1 - CARE) * number)]
        above = self.values[self.values >= edge]
        unit = max(edge - lowest, 1e-9 * (1 + abs(edge)))
        exponent = max(np.log(np.maximum((above - lowest) / unit, 1)).mean(), 0.01)
        tail = CARE * np.maximum((values - lowest) / unit, 1) ** (-1 / exponent)
        return np.where(values > edge, np.minimum(tail, share), share)


def calibrate_trust(stores, folder, members=()):
    """Learn what the halos of a network's training look like, for `trust`.

    Parameters
    ----------
    stores : path, sequence of paths, or Dataset
        Map stores of the network's training. For a network of observed maps, the observed ones.
    folder : path
        Folder of the network, which gains a file `REFERENCE`. One that is there, of this network,
        its flow and its ensemble, is kept.
    members : sequence of path
        Folders of further members of an ensemble.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DataNotFoundError, FormatError
        If a folder holds no whole network.
    ParameterError
        If the maps aren't those of the training, or too few are for validation.
    """
    folder = Path(folder)
    identity = _identity(folder, members)
    if is_calibrated(folder, members):
        return folder
    predictor = prediction.load(folder)
    known, rows = {}, {}
    for part in ("training", "validation"):
        halos, images = posterior.halos_of(predictor, folder, stores, [part])
        strange = set(halos["suite"].values) - set(predictor.description["suite_train"].split("+"))
        if strange or images.shape[0] * images.shape[1] < FEWEST:
            raise ParameterError(
                f"The maps don't suit a calibration with {part} halos.",
                found=f"{images.shape[0] * images.shape[1]} maps, suites "
                f"{sorted(set(halos['suite'].values))}",
                expected=f"at least {FEWEST} of {predictor.description['suite_train']} alone",
                remedy="Give the map stores of the network's training, of more halos.",
            )
        known[part] = images.reshape(-1, *images.shape[2:])
        rows[part] = _rows(predictor, known[part])
    clouds = {name: Cloud.fit(one) for name, one in rows["training"].items()}
    tensors = {f"{name}/{key}": one for name, cloud in clouds.items()
               for key, one in vars(cloud).items()}  # fmt: skip
    chosen = slice(None, None, -(-len(known["training"]) // KEPT))
    tensors |= {f"points/{name}": one[chosen] for name, one in rows["training"].items()}
    reference = _Reference(folder, predictor, clouds, members)
    if reference.flow:
        reference.usual = np.median(reference.density(known["training"][chosen]))
        tensors["usual"] = reference.usual
    values = reference.measure(known["validation"], rows["validation"])
    tails = {name: Tail(np.sort(one)) for name, one in values.items()}
    tensors |= {f"tails/{name}": tail.values for name, tail in tails.items()}
    tensors["tails/joined"] = np.sort(_joined(_probabilities(tails, values)))
    text = {
        "identity": identity,
        "members": json.dumps([os.path.relpath(one, folder) for one in members]),
    }
    checkpoint.write_tensors(
        folder / REFERENCE,
        {name: torch.from_numpy(np.ascontiguousarray(one)) for name, one in tensors.items()},
        text,
    )
    return folder


def is_calibrated(folder, members=()):
    """Tell whether `calibrate_trust` was called with these arguments.

    Parameters
    ----------
    folder : path
        Folder of the network.
    members : sequence of path
        As for `calibrate_trust`.

    Returns
    -------
    bool
    """
    try:
        _, text = checkpoint.read_tensors(Path(folder) / REFERENCE)
    except (FileNotFoundError, FormatError):
        return False
    return text.get("identity") == _identity(Path(folder), members)


def trust(folder, images):
    """Tell which maps a network's answers should be believed for.

    Parameters
    ----------
    folder : path
        Folder of a network that `calibrate_trust` was called for.
    images : array_like, shape (maps, fields, y, x)
        In the units of the fields, as for `cgmhelpers.inference.prediction.Predictor`.

    Returns
    -------
    pandas.DataFrame
        A row for each map: ``score``, the share of halos like those of the training that look as
        strange; ``word``, "usable", "with care" (`CARE`) or "refused" (`REFUSE`); ``reason``, a
        sentence; and for each of the measures its own share.

    Raises
    ------
    DataNotFoundError
        If the network or its calibration isn't there.
    FormatError
        If the calibration is of another network, flow or ensemble, or a pixel isn't a number.
    ParameterError
        If the images don't fit the network.
    """
    reference, tails, _ = _load(folder)
    images = np.asarray(images)
    rows = _rows(reference.predictor, images)
    if len(images) == 0:
        measures = [name for name in tails if name != "joined"]
        return pd.DataFrame(columns=["score", "word", "reason", *measures])
    shares = _probabilities(tails, reference.measure(images, rows))
    score = tails["joined"](_joined(shares))
    table = pd.DataFrame({"score": score, "word": "", "reason": ""} | shares)
    table["word"] = np.select([score < REFUSE, score < CARE], [WORDS[2], WORDS[1]], WORDS[0])
    worst = pd.DataFrame(shares).idxmin(axis=1)
    standard = reference.clouds["map"].standard(rows["map"])
    table["reason"] = [
        "It looks like the halos of the training."
        if word == WORDS[0]
        else REASONS.get(name) or _sentence(own, reference.predictor.fields)
        for word, name, own in zip(table["word"], worst, standard, strict=True)
    ]
    return table


def corrupted(images, seed=1):
    """Spoil maps in the ways that observations go wrong, to judge what flags them.

    Parameters
    ----------
    images : ndarray, shape (maps, fields, y, x)
        In the units of the fields.
    seed : int
        Seed of the noise.

    Returns
    -------
    dict of str to ndarray, same shape
        ``"shifted units"`` (each field by 1000), ``"other band"`` (the first field three times as
        bright), ``"transposed fields"`` (channels in reverse order), ``"other redshift"`` (1.5
        times smaller on the sky, and the first field dimmer by 1.2 to the fourth), ``"blank"`` and
        ``"noise"`` (pixels in random order).
    """
    images = np.asarray(images)
    fields, side = images.shape[1], images.shape[-1]
    first = np.ones((fields, 1, 1), images.dtype)
    brighter, dimmer = first.copy(), first.copy()
    brighter[0], dimmer[0] = 3, 1.2**-4
    middle = (side - 1) / 2
    place = np.clip(np.rint((np.arange(side) - middle) * 1.5 + middle).astype(int), 0, side - 1)
    shuffled = np.random.default_rng(seed).permuted(
        images.reshape(*images.shape[:2], side**2), axis=-1
    )
    return {
        "shifted units": images * images.dtype.type(1000),
        "other band": images * brighter,
        "transposed fields": images[:, ::-1],
        "other redshift": images[..., place, :][..., place] * dimmer,
        "blank": np.broadcast_to(images.min(axis=(0, 2, 3), keepdims=True), images.shape),
        "noise": shuffled.reshape(images.shape),
    }


def sample_discrepancy(folder, images, draws=500, seed=1):
    """Test whether a sample of maps as a whole is unlike the training.

    Parameters
    ----------
    folder : path
        As for `trust`.
    images : array_like, shape (maps, fields, y, x)
        At least two, one for each halo.
    draws : int
        Permutations.
    seed : int
        Seed of the permutations.

    Returns
    -------
    pandas.DataFrame
        A row for each space, ``map`` and ``features``: ``mmd``, the squared maximum mean
        discrepancy (:func:`cgmhelpers.network.adaptation.mmd`), and ``p``, the share of
        permutations of both samples that have as large a one.

    Raises
    ------
    DataNotFoundError, FormatError, ParameterError
        As for `trust`; or if there are fewer than two maps.
    """
    reference, _, points = _load(folder)
    if len(images) < 2:
        raise ParameterError(
            "A sample has several maps.", found=f"{len(images)} maps", expected="at least 2"
        )
    rng, found = np.random.default_rng(seed), {}
    rows = _rows(reference.predictor, np.asarray(images))
    member = np.arange(len(images) + len(points["map"])) < len(images)
    members = np.stack([member, *(rng.permutation(member) for _ in range(draws))]).astype(float)
    for name, own in rows.items():
        white = reference.clouds[name].white(np.concatenate([own, points[name]]))
        distances = _discrepancies(gaussian_kernel(torch.from_numpy(white)).numpy(), members)
        found[name] = (distances[0], (distances >= distances[0]).mean())
    return pd.DataFrame.from_dict(found, orient="index", columns=["mmd", "p"])


def _discrepancies(kernel, members):
    """Squared maximum mean discrepancy of each way, a row of ones and zeros, to part the rows."""
    others = 1 - members
    of_members, of_others = members @ kernel, others @ kernel
    number, rest = members[0].sum(), others[0].sum()
    return (
        (of_members * members).sum(axis=1) / (number * (number - 1))
        + (of_others * others).sum(axis=1) / (rest * (rest - 1))
        - 2 * (of_members * others).sum(axis=1) / (number * rest)
    )


class _Reference:
    """A network with what measures of its maps need."""

    def __init__(self, folder, predictor, clouds, members, usual=0.0):
        self.predictor, self.clouds, self.usual = predictor, clouds, usual
        self.members = [folder, *members]
        self.flow = posterior.load(folder) if _flow_of(folder) else None

    def density(self, images):
        return self.flow.log_prob(images, self.predictor(images)[0])

    def measure(self, images, rows):
        found = {name: cloud.distance(rows[name]) for name, cloud in self.clouds.items()}
        if self.flow:
            found["flow"] = np.abs(self.density(images) - self.usual)
        if len(self.members) > 1:
            found["spread"] = ensembles.epistemic(self.members, images)
        return found


def _rows(predictor, images):
    """Numbers and features of maps, by measure."""
    scaled = torch.from_numpy(predictor.scaling.inputs(images))
    with torch.inference_mode():
        features = [predictor.network.embed(batch).double() for batch in scaled.split(256)]
    return {
        "map": numbers(images, predictor.scaling.floors),
        "features": torch.cat(features).numpy(),
    }


def _probabilities(tails, values):
    return {name: tails[name](one) for name, one in values.items()}


def _joined(shares):
    """How strange maps are: the logarithm of their least share, changed in sign."""
    return -np.log(np.min(list(shares.values()), axis=0))


def _flow_of(folder):
    """Fingerprint of the network's flow, if there is one."""
    try:
        return json.loads((folder / posterior.DESCRIPTION).read_text())["fingerprint"]
    except FileNotFoundError:
        return None


def _identity(folder, members):
    networks = [checkpoint.read_description(one) for one in (folder, *members)]
    return provenance.fingerprint(
        networks=[(one["fingerprint"], one["weights_sha256"]) for one in networks],
        flow=_flow_of(folder),
        numbers=NUMBERS,
    )


def _load(folder):
    """What `calibrate_trust` wrote: the reference, the tails, and points of the training."""
    folder = Path(folder)
    predictor = prediction.load(folder)
    if not (folder / REFERENCE).is_file():
        raise DataNotFoundError(
            f"{folder} doesn't know what the halos of its training look like.",
            expected=f"a file {REFERENCE}",
            remedy="Call inference.calibrate_trust first.",
        )
    tensors, text = checkpoint.read_tensors(folder / REFERENCE)
    members = [folder / one for one in json.loads(text["members"])]
    if text["identity"] != _identity(folder, members):
        raise FormatError(
            f"{folder / REFERENCE} is of another network, flow or ensemble.",
            remedy="Call inference.calibrate_trust again.",
        )
    parts = {}
    for name, one in tensors.items():
        group, _, key = name.partition("/")
        parts.setdefault(group, {})[key] = one.numpy()
    clouds = {name: Cloud(**parts[name]) for name in ("map", "features")}
    tails = {name: Tail(values) for name, values in parts["tails"].items()}
    usual = parts.get("usual", {"": 0.0})[""]
    return _Reference(folder, predictor, clouds, members, usual), tails, parts["points"]


def _sentence(standard, fields):
    """Say which number of a map is farthest from the training, in standard deviations of it."""
    worst = int(np.abs(standard).argmax())
    channel, name = fields[worst // len(NUMBERS)], NUMBERS[worst % len(NUMBERS)]
    field = FIELDS[channel].title if channel in FIELDS else channel
    if abs(standard[worst]) < USUAL:
        return f"Its numbers are unusual together; the rarest is the {name} of {field}."
    way = "above" if standard[worst] > 0 else "below"
    return (
        f"The {name} of {field} lies {abs(standard[worst]):.1f} standard deviations {way} "
        "the mean of the training."
    )
