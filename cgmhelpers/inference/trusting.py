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
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cgmhelpers.emission.fields import FIELDS
from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.inference import ensembles, posterior, prediction
from cgmhelpers.inference.distance import NUMBERS, Cloud, Tail, numbers
from cgmhelpers.network import checkpoint
from cgmhelpers.network.adaptation import gaussian_kernel
from cgmhelpers.system import provenance

REFERENCE = "trust.safetensors"
"""What `trust` compares with, in a file beside a network."""
CARE, REFUSE = 0.05, 0.001
"""Scores below which an inference calls for care, and is refused."""
WORDS = ("usable", "with care", "refused")
FEWEST = 20
"""Validation maps that a calibration takes at least. Ranks of fewer never fall below `CARE`."""
KEPT = 1000
"""Training maps that are kept for `sample_discrepancy`."""
USUAL = 3.0
"""Standard deviations from the training's mean that a single number reaches without a mention."""
REASONS = {
    "features": "The network's features of it are unlike those of its training.",
    "flow": "Its posterior is wider or narrower than those of the training.",
    "spread": "The members of the ensemble disagree about it more than about known halos.",
}


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
    """Fingerprint of the network's flow and its calibration, if there is one."""
    try:
        found = json.loads((folder / posterior.DESCRIPTION).read_text())
    except FileNotFoundError:
        return None
    conditions = found.get("conditions")
    return [found["fingerprint"], conditions] if conditions else found["fingerprint"]


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
