"""Maps as a reader changed them: brighter, noisier, masked, from a twin, or from a file."""

import numpy as np

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.maps.projection.frame import AXES


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
    images = images_of(collection, selection, size)
    limits, fills = (
        np.array([value(name) for name in selection.fields], dtype=images.dtype)[:, None, None]
        for value in (selection.limit, selection.fill)
    )
    return np.where(images >= limits, images, fills)


def images_of(collection, selection, size=None):
    """Return the chosen fields' maps with the reader's changes, without limits.

    Parameters
    ----------
    collection : Collection
        Halos and maps.
    selection : Choice
        What to show, and how it is changed.
    size : int, optional
        Pixels along a side after averaging; as stored by default.

    Returns
    -------
    (fields, y, x) ndarray of float32
        In the fields' units, y up.

    Raises
    ------
    ParameterError
        For an unknown field, a suite without a twin, or a file without such a map.
    """
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
