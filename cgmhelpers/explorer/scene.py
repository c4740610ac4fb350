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
WHY_STEPS = 16
"""Points along the path of integrated gradients: a page has to answer at once."""


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
    noise : dict of str to float, optional
        Field -> standard deviation of the noise that each stored pixel gets, in units of the
        survey's limit.
    swapped : dict of str to str, optional
        Field -> suite whose twin of the halo lends its map.
    masked : sequence of (x, y, radius), optional
        Circles within which nothing is detected [kpc from the centre, right and up].
    dropped : dict of str to buffer, optional
        Field -> log10 of the pixels of the reader's own map, float32, row by row from the bottom, a
        square; it takes the place of the halo's.
    why : str, optional
        Property whose inferred mean is attributed to the pixels.
    beside : bool
        Whether the halo's twins in other suites are shown too, changed in the same way.

    Raises
    ------
    ParameterError
        For an axis, limits or a property that isn't known, no field, or changes that can't be made.
    """

    halo: int
    axis: str = "x"
    fields: tuple = ()
    limits: str = "ideal"
    depth: float = 0.0
    trained_on: str = ""
    brightness: dict = dataclass_field(default_factory=dict)
    noise: dict = dataclass_field(default_factory=dict)
    swapped: dict = dataclass_field(default_factory=dict)
    masked: tuple = ()
    dropped: dict | None = None
    why: str = ""
    beside: bool = False

    def __post_init__(self):
        """Refuse what isn't known, no fields, and changes without meaning."""
        object.__setattr__(self, "fields", tuple(self.fields))
        known = ((self.axis, AXES), (self.limits, LIMITS), (self.why, ("", *NAMES)))
        for value, choices in known:
            check_known([value], choices, "Unknown choice.")
        if not self.fields:
            raise ParameterError("Nothing to show.", found="no field", expected="at least one")
        noise = list(self.noise.values())
        numbers = [*self.brightness.values(), *noise, *(one for dab in self.masked for one in dab)]
        if (
            not np.isfinite(numbers).all()
            or any(len(dab) != 3 for dab in self.masked)
            or min(noise, default=0) < 0
        ):
            raise ParameterError(
                "The maps can't be changed like this.",
                found=f"brightness {self.brightness}, noise {self.noise}, masked {self.masked}",
                expected="finite decades, noise from 0 on, and circles (x, y, radius) in kpc",
            )

    @property
    def changes(self):
        """Return what makes the maps other than the stored ones: name -> value."""
        names = ("brightness", "noise", "swapped", "masked", "dropped")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

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
        the map **without** limits from ``low`` to ``high``); ``twins``, suite -> number;
        ``others``, the scenes of the twins where they are asked for; and what :func:`estimate`
        gives.
    """
    pictures = []
    for name, image in zip(selection.fields, _images(collection, selection), strict=True):
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
        property, in its unit (bytes of float32, y up, row by row), by integrated gradients from a
        blank map. ``blank``: the mean that a blank map gives, or None.
    """
    nothing = {"mean": None, "std": None, "outside": [], "why": {}, "blank": None}
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
        "outside": outside(predictor, images),
        **_why(predictor, images, selection.why),
    }


def _why(predictor, images, name):
    """Attribute the mean of a property to pixels, as `estimate` returns it."""
    if name not in predictor.properties:
        return {"why": {}, "blank": None}
    from cgmhelpers.inference import attribution

    found = attribution.integrated_gradients(predictor, images[None], name, WHY_STEPS)
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


def _images(collection, selection, size=None):
    """Return the chosen fields' maps, (fields, y, x), with the reader's changes, without limits."""
    changed = (selection.brightness, selection.noise, selection.swapped, selection.dropped or {})
    chosen = dict.fromkeys(name for names in (selection.fields, *changed) for name in names)
    check_known(chosen, collection.fields, "The maps don't have these fields.")
    twins, images = collection.twins(selection.halo) if selection.swapped else {}, []
    for name in selection.fields:
        halo, suite = selection.halo, selection.swapped.get(name)
        if suite:
            check_known(suite, twins, "The halo has no twin in this suite.")
        number, side = collection.fields.index(name), collection.pixels
        if selection.dropped:
            image, side = _own(selection.dropped, name, size)
        else:
            stored = collection.images(twins.get(suite, halo), size)
            image = stored[AXES.index(selection.axis), number]
        image = image * np.float32(10 ** selection.brightness.get(name, 0))
        if selection.noise.get(name):
            level = selection.noise[name] * known_fields.get(name).limit("survey")
            noise = _averaged(gaussian_noise(side, number), size)
            image = (image + level * noise).astype(np.float32)
        images.append(image)
    images = np.stack(images)
    side = images.shape[-1]
    place = (np.arange(side) + 0.5 - side / 2) * collection.pixels * collection.pixel_size / side
    for x, y, radius in selection.masked:
        images[:, np.hypot(place - x, place[:, None] - y) <= radius] = 0
    return images


def _own(dropped, name, size):
    """Return the reader's own map of a field, averaged to `size` pixels a side, and its side."""
    logarithm = np.frombuffer(dropped.get(name, b""), "<f4")
    side = round(len(logarithm) ** 0.5)
    if not side or side**2 != len(logarithm) or (size and side % size):
        raise ParameterError(
            "The dropped file has no such map.",
            found=f"{len(logarithm)} pixels of {name}",
            expected=f"a square, of a multiple of {size or 1} pixels a side",
        )
    image = 10 ** logarithm.reshape(side, side).astype(np.float64)
    return _averaged(image, size).astype(np.float32), side


def _averaged(image, size):
    """Average the blocks of a map, (y, x), to `size` pixels a side if it is given."""
    size = size or len(image)
    return image.reshape(size, len(image) // size, size, -1).mean(axis=(1, 3))


def gaussian_noise(side, number):
    """Draw the same noise as `network.js` does.

    Parameters
    ----------
    side : int
        Pixels along a side.
    number : int
        Number of the field: fields have noise of their own.

    Returns
    -------
    (side, side) ndarray of float64
        Of unit variance, by Box and Muller from the hash ``lowbias32`` of the pixels' numbers.
    """
    with np.errstate(over="ignore"):
        seeds = np.arange(2 * side**2, dtype=np.uint32) + np.uint32((number + 1) << 20)
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
            seeds = (seeds ^ (seeds >> np.uint32(shift))) * np.uint32(factor)
    radius, angle = ((seeds + 0.5) / 2**32).reshape(-1, 2).T
    noise = np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle)
    return noise.reshape(side, side)
