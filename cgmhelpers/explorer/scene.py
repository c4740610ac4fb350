"""The numbers behind a view: for a choice of halo, axis, fields and limits."""

from dataclasses import replace

import numpy as np

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.explorer.changed import images_of, limited
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.maps.summaries import STATISTICS, image_statistics

MARGIN = 1.0
"""Decades below the colours of an ideal map that are kept for a colour scale held from another."""
ROUNDING = 0.01
"""Difference of a statistic from those of the training that isn't worth a word [dex]."""


def scene(collection, selection):
    """Return everything that a view draws for a selection.

    Parameters
    ----------
    collection : Collection
        Halos, maps and networks.
    selection : Choice
        What to show.

    Returns
    -------
    dict
        ``halo``, ``axis``; per field ``images``, with ``levels`` (bytes, y up, row by row: log10 of
        the map **without** limits from ``low`` to ``high``); ``twins``, suite -> number;
        ``others``, the scenes of the twins where they are asked for; and what :func:`estimate`
        gives.
    """
    pictures = []
    for name, image in zip(selection.fields, images_of(collection, selection), strict=True):
        levels, low, high = quantised(image, name)
        pictures.append({"field": name, "levels": levels.tobytes(), "low": low, "high": high})
    twins = collection.twins(selection.halo)
    others = twins.values() if selection.beside and not selection.dropped else ()
    return {
        "halo": selection.halo,
        "axis": selection.axis,
        "images": pictures,
        "twins": twins,
        "others": [scene(collection, beside(selection, twin)) for twin in others],
        **estimate(collection, selection),
    }


def beside(selection, twin):
    """Choose a twin as it is shown beside a halo: with the changes that aren't the halo's alone.

    Parameters
    ----------
    selection : Choice
        What is shown of the halo.
    twin : int
        Row of the twin.

    Returns
    -------
    Choice
    """
    return replace(selection, halo=twin, swapped={}, why="", beside=False)


def quantised(image, name):
    """Convert a map's logarithm to 256 levels.

    Parameters
    ----------
    image : (y, x) array
        Map of a field in its unit, without limits.
    name : str
        The field.

    Returns
    -------
    levels : (y, x) ndarray of uint8
        0 to 255 from `low` to `high`; fainter pixels are 0.
    low, high : float
        log10 of the value of the first and of the last level.
    """
    field = known_fields.get(name)
    floor = np.log10(field.limit("ideal"))
    high = max(float(np.log10(max(image.max(), field.limit("ideal")))), floor + 1)
    low = max(high - np.log10(field.dynamic_range) - MARGIN, floor)
    logarithm = np.log10(np.maximum(image, 10.0**low))
    levels = np.rint((logarithm - low) / (high - low) * 255).astype(np.uint8)
    return levels, round(float(low), 4), round(float(high), 4)


def estimate(collection, selection):
    """Let a network infer the six properties from the chosen maps.

    Parameters
    ----------
    collection : Collection
        A collection with networks.
    selection : Choice
        The maps. Ideal maps go to a network that was trained on ideal maps, all others to one that
        was trained with the survey's limits.

    Returns
    -------
    dict
        ``network``: which network it was, or why there is none. ``mean`` and ``std``: lists in the
        order of `cgmhelpers.halos.properties.NAMES`, or None. ``outside``: each statistic of the
        maps that no map of the training reached, as [field, statistic, "higher" or "lower"].
        ``why``: field -> contribution of each of the network's pixels to the mean of the chosen
        property, in its unit (bytes of float32, y up, row by row), by DeepLIFT from a blank map.
        ``blank``: the mean that a blank map gives, or None.
    """
    from cgmhelpers.figures.style import limit_name, suite_name

    nothing = {"mean": None, "std": None, "outside": [], "why": {}, "blank": None}
    if collection.networks is None:
        return {"network": "no networks", **nothing}
    suite = selection.trained_on or collection.table.loc[selection.halo, "suite"]
    limits = "ideal" if selection.limits == "ideal" else "survey"
    fields = "+".join(name for name in collection.fields if name in selection.fields)
    titles = " + ".join(known_fields.get(name).title for name in fields.split("+"))
    said = suite_name(suite, collection.source)
    words = f"trained on {said}, {titles}, {limit_name(limits)}"
    known = collection.networks
    same = (known["suite"] == suite) & (known["fields"] == fields) & (known["limits"] == limits)
    if not same.any():
        return {"network": f"there is no network {words}", **nothing}
    predictor = collection.predictor(known.loc[same, "folder"].iloc[0])
    chosen = replace(selection, fields=predictor.fields)
    # Pixels are coarsened before limits are applied, as in training.
    images = limited(collection, chosen, predictor.size)
    mean, std = (values[0] for values in _moments(predictor, images[None]))
    order = [predictor.properties.index(name) for name in NAMES]
    return {
        "network": f"network {words}",
        "mean": mean[order].tolist(),
        "std": std[order].tolist(),
        "outside": outside(predictor, images),
        **_why(predictor, images, selection.why),
    }


def _why(predictor, images, name):
    """Attribute the mean of a property to pixels, as `estimate` returns it."""
    if name not in predictor.properties:
        return {"why": {}, "blank": None}
    from cgmhelpers.inference import attribution

    found = attribution.deep_lift(predictor, images[None], name)
    values = found.values[0].astype("<f4")
    pixels = {field: one.tobytes() for field, one in zip(predictor.fields, values, strict=True)}
    return {"why": pixels, "blank": float(np.ravel(found.blank)[0])}


def outside(predictor, images):
    """Name what the training's maps didn't reach.

    Parameters
    ----------
    predictor : Predictor
        A network; nothing is outside for one that doesn't know its training's maps.
    images : (fields, y, x) array
        Maps in the units of the network's fields.

    Returns
    -------
    list of list of str
        Field, statistic, "higher" or "lower".
    """
    seen, found = predictor.description.get("seen", {}), []
    floors = np.reshape(predictor.scaling.floors, (-1, 1, 1))
    values = image_statistics(np.maximum(images, floors))
    for name, row in zip(predictor.fields, values, strict=True):
        for statistic, value in zip(STATISTICS, row, strict=True):
            least, most = seen.get(f"{name} {statistic}", (-np.inf, np.inf))
            if not least - ROUNDING <= value <= most + ROUNDING:
                found.append([name, statistic, "higher" if value > most else "lower"])
    return found


def _moments(predictor, images):
    import torch

    # For a single map, threads wait longer for each other than they work.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return predictor(images)[:2]
    finally:
        torch.set_num_threads(threads)
