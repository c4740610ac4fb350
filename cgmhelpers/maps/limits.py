"""The limits of a survey on maps, and coarser pixels."""

import numpy as np
import xarray as xr

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError


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
    lowest = [known_fields.get(str(name)).limit(limits) for name in dataset["field"].values]
    applied = dataset.attrs.get("limits")
    if applied == "survey" and limits == "ideal":
        raise ParameterError(
            "The images have lost all that is below the survey's limits.",
            found="images with survey limits",
            expected="images with no or ideal limits",
            remedy="Start from the stored maps.",
        )
    lowest = xr.DataArray(np.array(lowest, dtype=np.float32), dims="field")
    image = np.maximum(dataset["image"], lowest).transpose(*dataset["image"].dims)
    limited = dataset.assign(image=image.assign_attrs(dataset["image"].attrs))
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
        If `size` isn't a divisor of the number of pixels.
    """
    now = dataset.sizes["x"]
    if size < 1 or int(size) != size or now % size:
        raise ParameterError(
            "The maps can't be coarsened to this size.",
            found=size,
            expected=f"a divisor of {now}",
        )
    block = now // int(size)
    image = dataset["image"].coarsen(y=block, x=block).mean(keep_attrs=True)
    coarse = dataset.drop_vars(["image", "x", "y"]).assign(image=image)
    for name in ("x", "y"):
        coarse[name].attrs |= dataset[name].attrs
    return coarse.assign_attrs(pixel_size_kpc=dataset.attrs["pixel_size_kpc"] * block)
