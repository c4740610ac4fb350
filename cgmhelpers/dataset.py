"""From stored maps to a network's numbers: who is in which part, and how numbers are scaled.

Everything that a network learns from passes here: stores are opened and limited (:func:`load`),
halos are split (:func:`split`), and maps and properties are scaled by training halos alone
(:class:`cgmhelpers.scaling.Scaling`). :mod:`cgmhelpers.batches` cuts batches from what comes out.
"""

import zlib

import numpy as np
import pandas as pd
import torch
import xarray as xr

from cgmhelpers import maps
from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.scaling import HALOS_AT_ONCE, Scaling

__all__ = ["Scaling", "halo_table", "load", "samples", "split", "symmetry", "targets"]

PARTS = ("training", "validation", "test")
FRACTIONS = (0.6, 0.2, 0.2)
"""Shares of the parts (Section 2.3 of the paper)."""
IDENTIFIER = ["suite", "set_name", "realisation", "group"]
"""Columns that together name one halo."""
HALO_COLUMNS = [*IDENTIFIER, "log_mass", "halo_class"]
EVALUATION_AXIS = "x"
"""Line of sight of validation and test maps, which use one axis only; training uses all."""


def load(stores, fields, limits=None, size=None):
    """Open map stores, choose fields, coarsen, and apply limits.

    Parameters
    ----------
    stores : path, sequence of paths, or Dataset
        Map stores as :func:`cgmhelpers.maps.make` writes them.
    fields : sequence of str
        Names of the fields, in the order of the network's channels.
    limits : str, optional
        ``"ideal"`` or ``"survey"``, applied after coarsening. None if the images are limited
        already (``attrs["limits"]``).
    size : int, optional
        Pixels along a side; maps are coarsened to it. None keeps them.

    Returns
    -------
    xarray.Dataset
        Dimensions ``(halo, axis, field, y, x)`` as in the store, halos of all stores in order;
        ``attrs["limits"]`` says which limits hold. Images are read when they are needed.

    Raises
    ------
    ParameterError
        If a field is missing, limits are unknown or missing, or the size can't be had.
    DataNotFoundError, FormatError
        If a store isn't there, or stores don't fit together.
    """
    ds = stores if isinstance(stores, xr.Dataset) else maps.open(stores)
    fields = [fields] if isinstance(fields, str) else list(fields)
    available = [str(name) for name in ds["field"].values]
    if not fields or not set(fields) <= set(available) or len(set(fields)) < len(fields):
        raise ParameterError(
            "These fields can't be chosen.",
            found=fields,
            expected=f"some of {available}, each once",
            remedy="Make the maps with these fields.",
        )
    ds = ds.sel(field=fields)
    if size is not None and size != ds.sizes["y"]:
        ds = maps.coarsen(ds, size)
    applied = ds.attrs.get("limits")
    if limits is None and applied is None:
        raise ParameterError(
            "The images have no limits yet, and none were asked for.",
            expected='"ideal" or "survey"',
            remedy="Give limits, or pass the data set through maps.apply_limits.",
        )
    return ds if limits in (None, applied) else maps.apply_limits(ds, limits)


def halo_table(ds):
    """The halos of a data set of maps as a table.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`load` or a map store.

    Returns
    -------
    pandas.DataFrame
        One row per halo, in order; columns suite, set_name, realisation, group, log_mass
        [log10 Msun], halo_class.

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
    return pd.DataFrame({name: ds[name].values for name in HALO_COLUMNS})


def split(table, by="halo", fractions=FRACTIONS, seed=1):
    """Divide halos into training, validation and test parts.

    The result depends on which halos there are and on the seed, not on their order. The three
    projections of a halo always share its part, since the split is made before they are used.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per halo, columns as from :func:`halo_table`.
    by : {"halo", "realisation"}
        ``"halo"`` (the paper's) splits each halo class of each suite by itself, so that the rare
        groups are in all parts; the twin of a training halo, the same halo in another suite with
        the same initial conditions, may be in the test part of that other suite.
        ``"realisation"`` gives whole realisations to the parts, the same ones in every suite, so
        that twins share their part.
    fractions : tuple of float
        Shares of training, validation and test.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    pandas.Series of str
        "training", "validation" or "test", with the index of `table`.

    Raises
    ------
    ParameterError
        If `by` or `fractions` can't be used, a halo appears twice, or a part would be empty.
    """
    fractions = np.asarray(fractions, dtype=float)
    if fractions.shape != (3,) or (fractions <= 0).any() or not np.isclose(fractions.sum(), 1):
        raise ParameterError(
            "The fractions of the split can't be used.", found=fractions.tolist(),
            expected="three positive shares that add up to 1",
        )  # fmt: skip
    if table.duplicated(IDENTIFIER).any():
        raise ParameterError(
            "A halo appears twice in the table.",
            found=table[table.duplicated(IDENTIFIER)][IDENTIFIER].iloc[0].to_dict(),
            remedy="Give each map store once.",
        )
    parts = pd.Series("", index=table.index, dtype=object, name="part")
    if by == "halo":
        ordered = table.sort_values(IDENTIFIER)
        for stratum, group in ordered.groupby(["suite", "halo_class"]):
            # Its own stream for each stratum: another suite's halos don't change this one's.
            stream = zlib.crc32("/".join(stratum).encode())
            parts[group.index] = _shares(len(group), fractions, [seed, stream])
    elif by == "realisation":
        box = ["set_name", "realisation"]
        boxes = table[box].drop_duplicates().sort_values(box)
        boxes["part"] = _shares(len(boxes), fractions, [seed])
        parts[:] = table[box].merge(boxes, on=box, how="left")["part"].to_numpy()
    else:
        raise ParameterError("Unknown way to split.", found=by, expected='"halo" or "realisation"')
    counts = parts.value_counts().reindex(PARTS, fill_value=0)
    if (counts == 0).any():
        raise ParameterError(
            f"The split by {by} leaves a part without halos.",
            found=counts.to_dict(),
            expected="at least one halo in each part",
            remedy="Use more halos or realisations (at least three), or split by halo.",
        )
    return parts


def _shares(number, fractions, seed):
    """Names of the parts of `number` members, shuffled."""
    edges = np.floor(number * np.cumsum(fractions) + 0.5).astype(int)
    if number >= 3:  # three members or more leave no part empty
        edges[0] = np.clip(edges[0], 1, number - 2)
        edges[1] = np.clip(edges[1], edges[0] + 1, number - 1)
    names = np.repeat(PARTS, np.diff([0, edges[0], edges[1], number]))
    return np.random.default_rng(seed).permutation(names)


def samples(ds, halos, scaling, axes=None):
    """The maps and properties of some halos, scaled, in memory.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`load`.
    halos : array_like of int, shape (H,)
        Positions along the halo dimension.
    scaling : Scaling
    axes : sequence of str, optional
        Lines of sight; None takes all three.

    Returns
    -------
    images : torch.Tensor, shape (H * axes, fields, y, x), float32, channels last
        The projections of a halo follow each other.
    targets : torch.Tensor, shape (H * axes, properties), float32
    """
    axes = [str(name) for name in ds["axis"].values] if axes is None else list(axes)
    halos = np.asarray(halos, dtype=int)
    shape = (len(halos), len(axes), ds.sizes["y"], ds.sizes["x"], len(scaling.fields))
    images = np.empty(shape, dtype=np.float32)  # channels last
    chosen = ds["image"].sel(axis=axes, field=list(scaling.fields))
    for start in range(0, len(halos), HALOS_AT_ONCE):
        rows = slice(start, start + HALOS_AT_ONCE)
        scaled = scaling.inputs(chosen.isel(halo=halos[rows]).values)
        images[rows] = np.moveaxis(scaled, 2, -1)
    # (halo, axis, y, x, field) -> (halo and axis, field, y, x), the same memory
    tensor = torch.from_numpy(images.reshape(-1, *shape[2:])).permute(0, 3, 1, 2)
    return tensor, targets(ds, halos, scaling, len(axes))


def targets(ds, halos, scaling, axes):
    """The properties of some halos, scaled, once for each projection.

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
    """One of the eight symmetries of the square applied to images.

    Parameters
    ----------
    images : torch.Tensor, shape (..., y, x)
    number : int
        0 to 7: quarter turns ``number % 4``, mirrored for ``number >= 4``; 0 is the identity.

    Returns
    -------
    torch.Tensor, same shape
    """
    turned = torch.rot90(images, number % 4, dims=(-2, -1)) if number % 4 else images
    return turned.flip(-1) if number >= 4 else turned
