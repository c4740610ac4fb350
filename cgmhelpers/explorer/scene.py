"""The numbers behind a view: for a choice of halo, axis, fields and limits."""

from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field

import numpy as np

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.maps.projection.frame import AXES
from cgmhelpers.maps.summaries import STATISTICS, image_statistics

LIMITS = ("ideal", "survey", "own")
"""No limit, a survey's, or one that the reader chooses: the survey's times ``10**depth``."""
MARGIN = 1.0
"""Decades below the colours of an ideal map that are kept for a colour scale held from another."""
ROUNDING = 0.01
"""Difference of a statistic from those of the training that isn't worth a word [dex]."""


@dataclass(frozen=True)
class Choice:
    """A reader's choice of what to show.

    Parameters
    ----------
    halo : int
        Row of the collection's table.
    axis : {"x", "y", "z"}
        Line of sight.
    fields : tuple of str
        Fields to show side by side; the network takes the same fields.
    limits : {"ideal", "survey", "own"}
        Limits of the maps.
    depth : float
        Decades above the survey's limits, for the limits ``"own"``.
    trained_on : str, optional
        Suite of the network; by default the halo's own.
    brightness : dict of str to float, optional
        Field -> decades by which its map is made brighter.
    swapped : dict of str to str, optional
        Field -> suite whose twin of the halo lends its map.
    masked : sequence of (x, y, radius), optional
        Circles within which nothing is detected [kpc from the centre, right and up].

    Raises
    ------
    ParameterError
        For an axis or limits that aren't known, no field, or changes that can't be made.
    """

    halo: int
    axis: str = "x"
    fields: tuple = ()
    limits: str = "ideal"
    depth: float = 0.0
    trained_on: str = ""
    brightness: dict = dataclass_field(default_factory=dict)
    swapped: dict = dataclass_field(default_factory=dict)
    masked: tuple = ()

    def __post_init__(self):
        """Refuse an unknown axis, unknown limits, or no fields."""
        object.__setattr__(self, "fields", tuple(self.fields))
        for value, known in ((self.axis, AXES), (self.limits, LIMITS)):
            check_known([value], known, "Unknown choice.")
        if not self.fields:
            raise ParameterError("Nothing to show.", found="no field", expected="at least one")
        numbers = [*self.brightness.values(), *(value for dab in self.masked for value in dab)]
        if not np.isfinite(numbers).all() or any(len(dab) != 3 for dab in self.masked):
            raise ParameterError(
                "The maps can't be changed like this.",
                found=f"brightness {self.brightness}, masked {self.masked}",
                expected="finite decades, and circles (x, y, radius) in kpc",
            )

    def limit(self, name):
        """Return the value below which a pixel of a field isn't detected.

        Parameters
        ----------
        name : str
            Field.

        Returns
        -------
        float
            In the field's unit.
        """
        field = known_fields.get(name)
        if self.limits == "own":
            return max(field.limit("survey") * 10**self.depth, field.limit("ideal"))
        return field.limit(self.limits)

    def fill(self, name):
        """Return the value that undetected pixels of a field get.

        A network was trained with undetected pixels at the survey's limit. A higher limit leaves
        them there: raised to it, they would show the network a brighter sky instead of an emptier
        one.

        Parameters
        ----------
        name : str
            Field.

        Returns
        -------
        float
            In the field's unit.
        """
        return min(self.limit(name), known_fields.get(name).limit("survey"))


def limited(collection, selection, size=None):
    """Return the chosen maps with their undetected pixels filled.

    Parameters
    ----------
    collection : Collection
        Halos, maps and networks.
    selection : Choice
        What to show.
    size : int, optional
        Pixels along a side after averaging, which comes before the limits; as stored by default.

    Returns
    -------
    (fields, y, x) ndarray of float32
        In the fields' units, y up; pixels below :meth:`Choice.limit` are at :meth:`Choice.fill`.
    """
    images = _images(collection, selection, size)
    limits, fills = (
        np.array([value(name) for name in selection.fields], dtype=images.dtype)[:, None, None]
        for value in (selection.limit, selection.fill)
    )
    return np.where(images >= limits, images, fills)


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
        the map **without** limits from ``low`` to ``high``); ``twins``, suite -> number; and what
        :func:`estimate` gives.
    """
    pictures = []
    for name, image in zip(selection.fields, _images(collection, selection), strict=True):
        levels, low, high = quantised(image, name)
        pictures.append({"field": name, "levels": levels.tobytes(), "low": low, "high": high})
    return {
        "halo": selection.halo,
        "axis": selection.axis,
        "images": pictures,
        "twins": collection.twins(selection.halo),
        **estimate(collection, selection),
    }


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
    """
    nothing = {"mean": None, "std": None, "outside": []}
    if collection.networks is None:
        return {"network": "no networks", **nothing}
    suite = selection.trained_on or collection.table.loc[selection.halo, "suite"]
    limits = "ideal" if selection.limits == "ideal" else "survey"
    fields = "+".join(name for name in collection.fields if name in selection.fields)
    titles = " + ".join(known_fields.get(name).title for name in fields.split("+"))
    words = f"trained on {suite}, {titles}, {limits} limits"
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
        "outside": _outside(predictor, images),
    }


def _outside(predictor, images):
    """Name what the training's maps didn't reach; nothing for a network that doesn't know them."""
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


def _images(collection, selection, size=None):
    """Return the chosen fields' maps, (fields, y, x), with the reader's changes, without limits."""
    chosen = dict.fromkeys((*selection.fields, *selection.brightness, *selection.swapped))
    check_known(chosen, collection.fields, "The maps don't have these fields.")
    twins, images = collection.twins(selection.halo) if selection.swapped else {}, []
    for name in selection.fields:
        halo, suite = selection.halo, selection.swapped.get(name)
        if suite:
            check_known(suite, twins, "The halo has no twin in this suite.")
        stored = collection.images(twins.get(suite, halo), size)
        image = stored[AXES.index(selection.axis), collection.fields.index(name)]
        images.append(image * np.float32(10 ** selection.brightness.get(name, 0)))
    images = np.stack(images)
    side = images.shape[-1]
    place = (np.arange(side) + 0.5 - side / 2) * collection.pixels * collection.pixel_size / side
    for x, y, radius in selection.masked:
        images[:, np.hypot(place - x, place[:, None] - y) <= radius] = 0
    return images
