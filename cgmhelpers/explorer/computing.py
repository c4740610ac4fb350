"""Networks and maps as scripts that a page loads when its reader asks it to compute.

Scripts, because a page that was opened as a plain file may load those and nothing else: one for
each halo and one for each network, so that a reader loads what the chosen ones take. Maps travel as
16-bit logarithms. Weights are rounded to 16 bits, or to as many as the budget has room for: the
paper's networks have 4.9 million weights, of which most get 8 or 9 bits. No network travels whose
moments rounding moves by more than `CLOSE` for maps like those of its training.
"""

import copy
import json
import logging
import re
from pathlib import Path

import numpy as np

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.explorer.scene import outside
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.network.calibration import EVERY
from cgmhelpers.network.moment_network import KNEE, LEAKY_SLOPE
from cgmhelpers.system.files import whole

logger = logging.getLogger(__name__)

LIBRARY = 1_010_101
"""Bytes of the library that runs networks (`cgmhelpers.runs.offline`), as scripts."""
BUDGET = 8_000_000
"""Bytes that the library, the maps of a halo and a network may weigh together."""
CLOSE = 1e-3
"""Largest change of a moment by the rounding of weights, in the unit of the property."""
BITS = range(7, 17)
"""Bits that a weight may have."""
FAINTEST = -4.0
"""Decades above the survey's limit. Fainter pixels count as empty, for nothing lifts them to it."""
ESCAPED = (0, 10, 13, 34, 92)
"""Characters that a script's string can't hold as they are, so that 128 is added to them."""


def write_computing(collection, halos, sets, folder):
    """Write what a page needs to run networks trained at the survey's limits.

    Parameters
    ----------
    collection : Collection
        Halos, maps and networks.
    halos : sequence of int
        Rows of its table.
    sets : sequence of sequence of str
        Sets of fields.
    folder : path
        Where the scripts go.

    Returns
    -------
    dict or None
        ``size`` (pixels along a side), ``low`` and ``high`` (log10 of the first and the last level
        of the maps, by field), ``networks`` (suite/fields) and ``bytes``, the most that the answer
        for a halo loads; None where no network is there, fits and stays close.
    """
    if collection.networks is None:
        return None
    known = collection.networks[collection.networks["limits"] == "survey"]
    chosen = known[known["fields"].isin("+".join(names) for names in sets)]
    predictors = {
        f"{row.suite}/{row.fields}": collection.predictor(row.folder) for row in chosen.itertuples()
    }
    predictors = {key: p for key, p in predictors.items() if set(p.properties) == set(NAMES)}
    if not predictors:
        return None
    size = next(iter(predictors.values())).size
    images = np.stack([collection.images(number, size) for number in halos])
    (low, high), levels = _maps(collection, images)
    maps = {
        f"halo {number}": _script(f"halo {number}", None, [_packed(one, 16)])
        for number, one in zip(halos, levels, strict=True)
    }
    least, networks = LIBRARY + max(map(len, maps.values())), {}
    for key, predictor in predictors.items():
        order = [collection.fields.index(name) for name in predictor.fields]
        seen = images[:, :, order].reshape(-1, len(order), size, size)
        if predictor.size == size and (sent := _network(key, predictor, seen, BUDGET - least)):
            networks[key] = sent[0]
    if not networks:
        return None
    for key, content in {**maps, **networks}.items():
        path = Path(folder) / f"{re.sub(r'[ /+]', '_', key)}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as temporary:
            temporary.write_bytes(content)
    heaviest = least + max(map(len, networks.values()))
    return {"size": size, "low": low, "high": high, "networks": list(networks), "bytes": heaviest}


def _script(key, about, texts):
    """Return a script that hands over `about` and texts, which are packed numbers."""
    parts = [json.dumps(about), *(f'"{text}"' for text in texts)]
    line = f"(window.cgmExplorer ??= {{}})[{json.dumps(key)}] = [{', '.join(parts)}];\n"
    return line.encode()


def _packed(values, bits):
    """Write numbers from 0 to ``2**bits - 1`` as text of seven bits a character."""
    places = np.arange(bits - 1, -1, -1)
    row = ((np.ravel(values)[:, None] >> places) & 1).astype(np.uint8).ravel()
    row = np.pad(row, (0, -len(row) % 7)).reshape(-1, 7)
    codes = np.packbits(row, axis=1).ravel() >> 1
    return (
        np.where(np.isin(codes, ESCAPED), codes + 128, codes)
        .astype(np.uint8)
        .tobytes()
        .decode("latin-1")
    )


def _network(key, predictor, images, room):
    """Return a network's script, of the bits that fit into `room` bytes, and what it then is.

    None if it doesn't fit, or isn't close to what it was.

    images : (maps, fields, y, x), to check it on.
    """
    sizes = np.array([layer.weight.numel() for layer in _layers(predictor.network)])
    _, layers = _rounded(predictor, images[:1], np.full(len(sizes), BITS[-1]))
    rest = len(_script(key, _about(predictor, layers), []))
    share = (1 + len(ESCAPED) / 128) / 7  # of a byte, for each bit
    # Few weights cost little and err for the whole map: twice the weights, a bit less for each.
    for most in np.arange(BITS[-1] + np.log2(sizes.max()), BITS[0], -0.05):
        bits = np.minimum(most - np.log2(sizes), BITS[-1]).astype(int)
        if share * bits @ sizes + 1.02 * rest < room:
            break
    if bits.min() < BITS[0]:
        return None
    other = copy.copy(predictor)
    other.network, layers = _rounded(predictor, images, bits)
    # Without the recalibration, whose steps between classes aren't the rounding's.
    inside = [one for one in images if not outside(predictor, one)] or images
    moments = [one(np.stack(inside), recalibrated=False) for one in (other, predictor)]
    error = np.abs(np.subtract(*moments)).max()
    if error > CLOSE:
        words = "The page lacks the network %s: %d bits a weight move it by %.4f."
        logger.warning(words, key, bits.min(), error)
        return None
    texts = [_packed(one["levels"] + 2 ** (one["bits"] - 1), one["bits"]) for one in layers]
    return _script(key, _about(predictor, layers), texts), other


def _layers(network):
    return [one for one in (*network.features, *network.head) if hasattr(one, "weight")]


def _rounded(predictor, images, bits):
    """Round weights to integers of so many `bits` (layers,) times a scale for each output.

    Biases make up for the mean change of the layer's outputs over `images`. Return the network, and
    the numbers of its layers, with kernels as the library wants them: (y, x, in, out), (in, out).
    """
    import torch

    network, layers = copy.deepcopy(predictor.network), []
    known = now = torch.from_numpy(predictor.scaling.inputs(images))
    modules = ([*one.features, *one.head] for one in (predictor.network, network))
    with torch.no_grad():
        for module, layer in zip(*modules, strict=True):
            known = module(known)
            if hasattr(layer, "weight"):
                most = 2 ** (int(bits[len(layers)]) - 1) - 1
                axes = tuple(range(1, layer.weight.ndim))
                scale = layer.weight.abs().amax(axes, keepdim=True) / most
                scale = torch.where(scale > 0, scale, 1.0)
                levels = torch.round(layer.weight / scale)
                layer.weight.copy_(levels * scale)
                apart = known - layer(now)
                layer.bias += apart.mean([axis for axis in range(apart.ndim) if axis != 1])
                levels = levels.numpy().astype(np.int32)
                convolves = levels.ndim == 4
                levels = np.moveaxis(levels, (0, 1), (-1, -2)) if convolves else levels.T
                one = {"shape": levels.shape, "levels": levels, "bits": int(bits[len(layers)]),
                       "scale": scale.flatten().tolist(), "bias": layer.bias.tolist()}  # fmt: skip
                if convolves:
                    one |= {"stride": layer.stride[0], "padding": layer.padding[0]}
                layers.append(one)
            now = layer(now)
    return network, layers


def _about(predictor, layers):
    """Return layers, scaling and recalibration as numbers; properties in the order of NAMES."""
    layers = [{name: one for name, one in layer.items() if name != "levels"} for layer in layers]
    scaling, calibration = predictor.scaling, predictor.calibration
    order = [predictor.properties.index(name) for name in NAMES]
    about = {
        "fields": predictor.fields,
        "layers": layers,
        "slope": LEAKY_SLOPE,
        "knee": KNEE,
        "order": order,
        "floors": np.log10(scaling.floors).tolist(),
        "mean": scaling.mean,
        "std": scaling.std,
        "low": np.take(scaling.low, order).tolist(),
        "width": np.subtract(scaling.high, scaling.low)[order].tolist(),
        "seen": predictor.description.get("seen", {}),
        "widthFloor": [0.0] * len(NAMES),
        "edges": [one.low for one in HALO_CLASSES[1:]],
        "scales": [[1.0] * len(NAMES)] * len(HALO_CLASSES),
    }
    if calibration is not None:
        about["widthFloor"] = np.take(calibration.floor, order).tolist()
        scales = [calibration.scale.get(one.name, calibration.scale[EVERY]) for one in HALO_CLASSES]
        about["scales"] = np.take(scales, order, axis=1).tolist()
    return about


def _maps(collection, images):
    """Return maps, (halo, axis, field, y, x), as levels, and log10 of the first and the last.

    Level 0 is empty, and levels from 1 on rise evenly from `low` to `high` in log10.
    """
    limits = [np.log10(known_fields.get(name).limit("survey")) for name in collection.fields]
    low = np.reshape(limits, (-1, 1, 1)) + FAINTEST
    with np.errstate(divide="ignore"):
        logarithm = np.log10(images, dtype=np.float64)
    high = np.maximum(logarithm.max(axis=(0, 1, 3, 4)).reshape(-1, 1, 1), low + 1)
    levels = 1 + np.rint((logarithm.clip(low) - low) / (high - low) * (2**16 - 2))
    levels = np.where(logarithm < low, 0, levels).astype(np.int32)
    return (low.ravel().tolist(), high.ravel().tolist()), levels
