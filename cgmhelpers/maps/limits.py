"""Maps with the limits of a survey, and with coarser pixels."""

import numpy as np
import xarray as xr

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError


def apply_limits(dataset, limits):
    """Raise all pixels to the limit of a survey, or to the floor that logarithms need.

    Parameters
    ----------
    dataset : xarray.Dataset
        Maps as of `make`.
    limits : {"ideal", "survey"}
        ``"survey"``: the surface brightness or column density that a survey reaches;
        ``"ideal"``: a floor far below any emission. Both stand in `cgmhelpers.emission.fields`.

    Returns
    -------
    xarray.Dataset
        A new data set; its images are at least the limit, and ``attrs["limits"]`` names it. Lazy
        images stay lazy.

    Raises
    ------
    ParameterError
        For unknown limits, or if the images have lower limits already lost to higher ones.
    """
    lowest = [known_fields.get(str(name)).limit(limits) for name in dataset["field"].values]
    applied = dataset.attrs.get("limits")
    if applied == "survey" and limits == "ideal":
        raise ParameterError(
            "What lay below the survey's limits is gone.",
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
        Maps as of `make`. Limits should be applied afterwards: a floor under the fine pixels raises
        the mean of the coarse ones.
    size : int
        Pixels along a side afterwards; a divisor of their number now.

    Returns
    -------
    xarray.Dataset
        A new data set; surface brightness and column density are means, so units are unchanged.

    Raises
    ------
    ParameterError
        If `size` isn't a divisor.
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
