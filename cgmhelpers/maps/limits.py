"""The limits of a survey on maps, and coarser pixels."""

from functools import partial

import numpy as np
import xarray as xr

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError
from cgmhelpers.maps import lazy


def lowest(field, limits):
    """Return the smallest value that a map of a field can have.

    Parameters
    ----------
    field : str
        Name of the field, or of another channel of observed maps.
    limits : {"ideal", "survey", "observed"}
        Of the maps. Observed maps are positive, and nothing in them is cut.

    Returns
    -------
    float
        In the field's unit.
    """
    if limits == "observed":
        return float(np.finfo(np.float32).tiny)
    return known_fields.get(field).limit(limits)


def apply_limits(dataset, limits):
    """Raise all pixels to the limit of a survey, or to a floor for logarithms.

    Parameters
    ----------
    dataset : xarray.Dataset
        Maps from `make`.
    limits : {"ideal", "survey"}
        ``"survey"``: the surface brightness or column density that a survey reaches;
        ``"ideal"``: a floor far below any emission. `cgmhelpers.emission.fields` has both.

    Returns
    -------
    xarray.Dataset
        A new data set; its images are at least the limit, and ``attrs["limits"]`` names it. Lazy
        images stay lazy.

    Raises
    ------
    ParameterError
        If limits are unknown, or the images already have higher ones.
    """
    if limits == "observed":
        raise ParameterError(
            "Maps aren't observed by a limit.",
            found='limits "observed" of stored maps',
            expected='"ideal" or "survey"',
            remedy="Observe them with cgmhelpers.sky.Observation.observe.",
        )
    floors = [lowest(str(name), limits) for name in dataset["field"].values]
    applied = dataset.attrs.get("limits")
    if applied == "survey" and limits == "ideal":
        raise ParameterError(
            "The images have lost all that is below the survey's limits.",
            found="images with survey limits",
            expected="images with no or ideal limits",
            remedy="Start from the stored maps.",
        )
    floors = np.array(floors, dtype=np.float32)
    stored = dataset["image"]
    image = np.maximum(stored, xr.DataArray(floors, dims="field")).transpose(*stored.dims)
    image = lazy.noted(image, stored, partial(_raised, floors=floors[:, None, None]))
    limited = dataset.assign(image=image.assign_attrs(stored.attrs))
    return limited.assign_attrs(limits=limits)


def coarsen(dataset, size):
    """Average blocks of pixels.

    Parameters
    ----------
    dataset : xarray.Dataset
        Maps from `make`. Apply limits afterwards: a floor of the fine pixels raises the mean of
        the coarse ones.
    size : int
        New number of pixels along a side, a divisor of the old one.

    Returns
    -------
    xarray.Dataset
        A new data set, in the same units: pixels of a map are means.

    Raises
    ------
    ParameterError
        If `size` isn't a divisor of the number of pixels, or the maps are observed: means of
        pixels have another noise.
    """
    now = dataset.sizes["x"]
    if dataset.attrs.get("limits") == "observed":
        raise ParameterError(
            "Observed maps can't be coarsened.",
            found=f"{now} pixels along a side",
            expected=f"{size} of them before the observation",
            remedy="Coarsen the maps, and observe them then.",
        )
    if size < 1 or int(size) != size or now % size:
        raise ParameterError(
            "The maps can't be coarsened to this size.",
            found=size,
            expected=f"a divisor of {now}",
        )
    block = now // int(size)
    image = dataset["image"].coarsen(y=block, x=block).mean(keep_attrs=True)
    image = lazy.noted(image, dataset["image"], partial(_means, block=block))
    coarse = dataset.drop_vars(["image", "x", "y"]).assign(image=image)
    for name in ("x", "y"):
        coarse[name].attrs |= dataset[name].attrs
    return coarse.assign_attrs(pixel_size_kpc=dataset.attrs["pixel_size_kpc"] * block)


def _raised(images, floors):
    return np.maximum(images, floors, out=images)


def _means(images, block):
    *others, y, x = images.shape
    return images.reshape(*others, y // block, block, x // block, block).mean(axis=(-3, -1))
