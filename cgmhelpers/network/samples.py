"""Samples: stored maps and properties as tensors for a network.

:func:`load` opens stores and applies limits; :func:`samples` and :func:`targets` scale maps and
properties with a :class:`cgmhelpers.network.scaling.Scaling`; :func:`symmetry` turns and mirrors
maps. :mod:`cgmhelpers.network.batches` cuts the batches of an epoch.
"""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import torch
import xarray as xr

from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.halos.classes import HALO
from cgmhelpers.maps import lazy, store
from cgmhelpers.maps.limits import apply_limits, coarsen

HALO_COLUMNS = [*HALO, "log_mass", "halo_class"]

HALOS_PER_READ = 32
"""Halos that a thread reads and scales together."""
MOST_READERS = 4
"""Largest number of threads that read. Each holds 40 MB of images while it does."""


def load(stores, fields, limits=None, size=None, pixel_size=None):
    """Open map stores, choose fields, coarsen, and apply limits.

    Parameters
    ----------
    stores : path, sequence of paths, or Dataset
        Map stores as :func:`cgmhelpers.maps.making.make` writes them.
    fields : sequence of str
        Names of the fields, in the order of the network's channels.
    limits : str, optional
        ``"ideal"`` or ``"survey"``, applied after coarsening. None if the images are limited
        already (``attrs["limits"]``).
    size : int, optional
        Pixels along a side; maps are coarsened to it. None keeps them.
    pixel_size : float, optional
        Side of a pixel that a network knows [kpc], after coarsening; other maps are refused.

    Returns
    -------
    xarray.Dataset
        Dimensions ``(halo, axis, field, y, x)`` as in the store, halos of all stores in order;
        ``attrs["limits"]`` says which limits hold. Images are read when they are needed.

    Raises
    ------
    ParameterError
        If a field is missing, limits are unknown or missing, maps can't be coarsened to `size`, or
        their pixels have another side than `pixel_size`.
    DataNotFoundError, FormatError
        If a store isn't there, or stores don't fit together.
    """
    ds = stores if isinstance(stores, xr.Dataset) else store.open(stores)
    fields = [fields] if isinstance(fields, str) else list(fields)
    available = [str(name) for name in ds["field"].values]
    if not fields or not set(fields) <= set(available) or len(set(fields)) < len(fields):
        raise ParameterError(
            "These fields can't be chosen.",
            found=fields,
            expected=f"some of {available}, each once",
            remedy="Make the maps with these fields.",
        )
    ds = lazy.with_fields(ds, fields)
    if size is not None and size != ds.sizes["y"]:
        ds = coarsen(ds, size)
    if pixel_size is not None and not np.isclose(side_of_pixel(ds), pixel_size, rtol=1e-3):
        raise ParameterError(
            "The pixels of the maps don't have the size that the network knows.",
            found=f"{side_of_pixel(ds):.4g} kpc",
            expected=f"{pixel_size:.4g} kpc",
            remedy="Make the maps with the network's number of pixels and their size.",
        )
    applied = ds.attrs.get("limits")
    if limits is None and applied is None:
        raise ParameterError(
            "The images have no limits yet, and none were asked for.",
            expected='"ideal" or "survey"',
            remedy="Give limits, or pass the data set through maps.apply_limits.",
        )
    return ds if limits in (None, applied) else apply_limits(ds, limits)


def side_of_pixel(ds):
    """Return the side of a pixel of maps.

    Parameters
    ----------
    ds : xarray.Dataset
        Maps with the coordinate x of the pixels [kpc].

    Returns
    -------
    float
        In kpc.
    """
    return float(np.diff(ds["x"].values[:2])[0])


def halo_table(ds):
    """Return the halos of a data set of maps as a table.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`load` or a map store.

    Returns
    -------
    pandas.DataFrame
        One row per halo, in order; columns suite, set_name, realisation, group, log_mass
        [log10 Msun], halo_class, and seed of the initial conditions, if the data set has seeds.

    Raises
    ------
    FormatError
        If a coordinate is missing.
    """
    missing = [name for name in HALO_COLUMNS if name not in ds.coords]
    if missing:
        raise FormatError(
            "The maps lack coordinates of their halos.", found=list(ds.coords), expected=missing
        )
    columns = [*HALO_COLUMNS, *(["seed"] if "seed" in ds.coords else [])]
    return pd.DataFrame({name: ds[name].values for name in columns})


def samples(ds, halos, scaling, axes=None, memory=None):
    """Read the maps and properties of some halos, and scale them.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`load`.
    halos : array_like of int, shape (H,)
        Positions along the halo dimension.
    scaling : Scaling
    axes : sequence of str, optional
        Lines of sight; None takes all three.
    memory : ndarray of float32, shape (N,), optional
        Where to put the images, at least as many numbers as they have.

    Returns
    -------
    images : torch.Tensor, shape (H * axes, fields, y, x), float32, channels last
        The projections of a halo follow each other.
    targets : torch.Tensor, shape (H * axes, properties), float32
    """
    axes = [str(name) for name in ds["axis"].values] if axes is None else list(axes)
    halos = np.asarray(halos, dtype=int)
    shape = (len(halos), len(axes), ds.sizes["y"], ds.sizes["x"], len(scaling.fields))
    if memory is None:
        memory = np.empty(math.prod(shape), dtype=np.float32)
    images = memory[: math.prod(shape)].reshape(shape)  # channels last
    axis = [ds.get_index("axis").get_loc(name) for name in axes]
    field = [ds.get_index("field").get_loc(name) for name in scaling.fields]

    def read(start):  # numpydoc ignore=GL08
        rows = slice(start, start + HALOS_PER_READ)
        stored = lazy.taken(lazy.read(ds["image"], halos[rows]), axis, 1)
        scaling.inputs(lazy.taken(stored, field, 2), out=np.moveaxis(images[rows], -1, 2))

    with ThreadPoolExecutor(min(torch.get_num_threads(), MOST_READERS)) as readers:
        list(readers.map(read, range(0, len(halos), HALOS_PER_READ)))
    # (halo, axis, y, x, field) -> (halo and axis, field, y, x), the same memory
    tensor = torch.from_numpy(images.reshape(-1, *shape[2:])).permute(0, 3, 1, 2)
    return tensor, targets(ds, halos, scaling, len(axes))


def targets(ds, halos, scaling, axes):
    """Scale the properties of some halos, repeated for each projection.

    Parameters
    ----------
    ds, halos, scaling
        As for :func:`samples`.
    axes : int
        Number of lines of sight.

    Returns
    -------
    torch.Tensor, shape (H * axes, properties), float32
    """
    properties = ds["properties"].sel(property=list(scaling.properties)).isel(halo=halos).values
    repeated = np.repeat(scaling.targets(properties), axes, axis=0)
    return torch.from_numpy(repeated.astype(np.float32))


def symmetry(images, number):
    """Apply one of the eight symmetries of the square to images.

    Parameters
    ----------
    images : ndarray, shape (..., y, x)
    number : int
        0 to 7: quarter turns ``number % 4``, mirrored for ``number >= 4``; 0 is the identity.

    Returns
    -------
    ndarray, same shape
        A view.
    """
    turned = np.rot90(images, number % 4, axes=(-2, -1))
    return turned[..., ::-1] if number >= 4 else turned
