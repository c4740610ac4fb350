"""Networks and maps as scripts that a page loads when its reader asks it to compute.

Scripts, because a page that was opened as a plain file may load those and nothing else: one for
each halo and one for each network, so that a reader loads what the chosen ones take. Kernels travel
as 16-bit integers with a scale per layer, and maps as 16-bit logarithms: the moments stay within
1e-3 of those of PyTorch.
"""

import base64
import json
import re
from pathlib import Path

import numpy as np

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.explorer.scene import WHY_STEPS
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.network.calibration import EVERY
from cgmhelpers.network.moment_network import KNEE, LEAKY_SLOPE
from cgmhelpers.system.files import whole

LIBRARY = 1_010_101
"""Bytes of the library that runs networks (`cgmhelpers.runs.offline`), as scripts."""
BUDGET = 8_000_000
"""Bytes that the library, the maps of a halo and a network may weigh together."""
FAINTEST = -4.0
"""Decades above the survey's limit: fainter pixels count as empty, for nothing lifts them to it."""
LEVELS = 2**16 - 1


def write_computing(collection, halos, sets, folder):
    """Write what a page needs to run networks trained at the survey's limits.

    Parameters
    ----------
    collection : Collection
        Halos, maps and networks.
    halos : sequence of int
        Rows of its table.
    sets : sequence of sequence of str
        Sets of fields; a network that doesn't fit into `BUDGET` is left out.
    folder : path
        Where the scripts go.

    Returns
    -------
    dict or None
        ``size`` (pixels along a side), ``low`` and ``high`` (log10 of the first and the last level
        of the maps, by field), ``networks`` (suite/fields) and ``bytes``, the most that the answer
        for a halo loads; None where no network is there or fits.
    """
    folder, scripts, size = Path(folder), {}, None
    if collection.networks is None:
        return None
    known = collection.networks[collection.networks["limits"] == "survey"]
    for fields in ("+".join(names) for names in sets):
        for row in known[known["fields"] == fields].itertuples():
            predictor = collection.predictor(row.folder)
            size = size or predictor.size
            if set(predictor.properties) == set(NAMES) and predictor.size == size:
                key = f"{row.suite}/{fields}"
                scripts[key] = _script(key, _network(predictor))
    if not scripts:
        return None
    (low, high), maps = _maps(collection, halos, size)
    maps = {f"halo {number}": _script(f"halo {number}", one) for number, one in maps.items()}
    least = LIBRARY + max(map(len, maps.values()))
    kept = {key: text for key, text in scripts.items() if least + len(text) <= BUDGET}
    if not kept:
        return None
    for key, text in {**maps, **kept}.items():
        _write(folder / f"{re.sub(r'[ /+]', '_', key)}.js", text)
    heaviest = least + max(map(len, kept.values()))
    return {"size": size, "low": low, "high": high, "networks": list(kept), "bytes": heaviest}


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as temporary:
        temporary.write_text(text, encoding="ascii")


def _script(key, content):
    return f"(window.cgmExplorer ??= {{}})[{json.dumps(key)}] = {json.dumps(content)};\n"


def _base64(values):
    return base64.b64encode(values.tobytes()).decode()


def _network(predictor):
    """Return layers, scaling and recalibration as numbers; properties in the order of NAMES."""
    layers = []
    for layer in (*predictor.network.features, *predictor.network.head):
        if not hasattr(layer, "weight"):
            continue
        weights = layer.weight.detach().numpy()
        # The library wants (y, x, in, out), and (in, out).
        weights = np.moveaxis(weights, (0, 1), (-1, -2)) if weights.ndim == 4 else weights.T
        scale = float(np.abs(weights).max()) / 32767 or 1.0
        one = {"shape": weights.shape, "scale": scale, "bias": layer.bias.tolist()}
        one["kernel"] = _base64(np.rint(weights / scale).astype("<i2"))
        if weights.ndim == 4:
            one |= {"stride": layer.stride[0], "padding": layer.padding[0]}
        layers.append(one)
    nodes, weights = np.polynomial.legendre.leggauss(WHY_STEPS)
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
        "path": [((1 + nodes) / 2).tolist(), (weights / 2).tolist()],
    }
    if calibration is not None:
        about["widthFloor"] = np.take(calibration.floor, order).tolist()
        scales = [calibration.scale.get(one.name, calibration.scale[EVERY]) for one in HALO_CLASSES]
        about["scales"] = np.take(scales, order, axis=1).tolist()
    return about


def _maps(collection, halos, size):
    """Return the maps as the networks take them: halo by halo (axis, field, y, x) of levels.

    Level 0 is empty, and levels from 1 on rise evenly from `low` to `high` in log10.
    """
    limits = [np.log10(known_fields.get(name).limit("survey")) for name in collection.fields]
    low = np.reshape(limits, (-1, 1, 1)) + FAINTEST
    images = np.stack([collection.images(number, size) for number in halos])
    with np.errstate(divide="ignore"):
        logarithm = np.log10(images, dtype=np.float64)
    high = np.maximum(logarithm.max(axis=(0, 1, 3, 4)).reshape(-1, 1, 1), low + 1)
    levels = 1 + np.rint((logarithm.clip(low) - low) / (high - low) * (LEVELS - 1))
    levels = np.where(logarithm < low, 0, levels).astype("<u2")
    ends = low.ravel().tolist(), high.ravel().tolist()
    return ends, {int(n): _base64(one) for n, one in zip(halos, levels, strict=True)}
