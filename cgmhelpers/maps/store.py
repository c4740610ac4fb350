"""Map stores: zarr folders of maps with their labels and units, written whole and read lazily.

Stores have format 3 of zarr. A file has the images of `HALOS_PER_CHUNK` halos in one field, so that
a training on one field doesn't read the others, compressed with LZ4: a training from disk
decompresses all images in each epoch, and zstd takes twice as long for 3% less.
Labels are strings of variable length: that format doesn't specify those of fixed width.
"""

import json
from pathlib import Path

import numpy as np
import xarray as xr

from cgmhelpers.errors import CGMError, DataNotFoundError, FormatError, ParameterError
from cgmhelpers.halos import properties
from cgmhelpers.halos.classes import HALO
from cgmhelpers.maps import lazy
from cgmhelpers.maps.projection.frame import AXES
from cgmhelpers.simulations.sets import UNKNOWN_SEED, published_seed
from cgmhelpers.system import files

FORMAT = 1
"""Version of the layout of maps on disk."""

HALOS_PER_CHUNK = lazy.HALOS_IN_TASK
"""Halos in a file of a store, whose images of one field have 3 MB and are read together."""

HALO_COORDINATES = {
    "suite": ("suite of simulations", ""),
    "set_name": ("set of simulations", ""),
    "realisation": ("number in the set", ""),
    "group": ("row in the group catalogue", ""),
    "log_mass": ("log10 of M200c", "log10(Msun)"),
    "halo_class": ("class by mass", ""),
    "m200c": ("mass within R200c", "Msun"),
    "r200c": ("radius of 200 times the critical density", "kpc"),
}


def labelled(sim, fields, table, images, pixel_size):
    """Combine images, coordinates and units.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    fields : list of Field
        Fields of the images.
    table : pandas.DataFrame, H rows
        Halos of the images.
    images : (H, 3, F, pixels, pixels) array
        Images (halo, axis, field, y, x) in the fields' units.
    pixel_size : float
        Side of a pixel, physical kpc.

    Returns
    -------
    xarray.Dataset
        Maps as from `cgmhelpers.maps.making.make`, without properties and fingerprint.
    """
    pixels = images.shape[-1]
    place = (np.arange(pixels) + 0.5 - pixels / 2) * pixel_size
    text = {
        name: table[name].to_numpy(object if table[name].dtype.kind not in "iuf" else None)
        for name in HALO_COORDINATES
    }
    labels = {name: np.full(len(table), value) for name, value in sim.labels.items()}
    dataset = xr.Dataset(
        {"image": (("halo", "axis", "field", "y", "x"), images)},
        coords={
            **{name: ("halo", values) for name, values in (text | labels).items()},
            "axis": ("axis", np.array(AXES, dtype=object)),
            "field": ("field", np.array([field.name for field in fields], dtype=object)),
            "unit": ("field", np.array([field.unit for field in fields], dtype=object)),
            "property": ("property", np.array(properties.NAMES, dtype=object)),
            "y": ("y", place),
            "x": ("x", place),
        },
        attrs={
            "format": FORMAT,
            "suite": sim.suite,
            "set_name": sim.set_name,
            "realisation": sim.realisation,
            "snapshot": sim.snapshot,
            "redshift": sim.header.redshift,
            **sim.choices,
            "mock": int(bool(sim.header.mock)),
            "pixel_size_kpc": float(pixel_size),
            "units": json.dumps({field.name: field.unit for field in fields}),
        },
    )
    for name, (long_name, unit) in HALO_COORDINATES.items():
        dataset[name].attrs = {"long_name": long_name} | ({"units": unit} if unit else {})
    for name in labels:
        dataset[name].attrs = {"long_name": f"parameter {name} of the simulation"}
    dataset["seed"].attrs = {"long_name": "seed of the initial conditions, -1 if it isn't known"}
    dataset["x"].attrs = {"long_name": "horizontal distance from the halo", "units": "kpc"}
    dataset["y"].attrs = {"long_name": "vertical distance from the halo", "units": "kpc"}
    dataset["axis"].attrs = {"long_name": "line of sight"}
    dataset["unit"].attrs = {"long_name": "unit of the field's images"}
    dataset["image"].attrs = {
        "long_name": "; ".join(f"{field.name}: {field.label}" for field in fields),
        "units": "; ".join(f"{field.name}: {field.unit}" for field in fields),
    }
    return dataset


def write(dataset, out, blocks=None):
    """Write a map store, whole or not at all, in place of an earlier one.

    Parameters
    ----------
    dataset : xarray.Dataset
        Maps from `cgmhelpers.maps.making.make`.
    out : Path
        The zarr folder.
    blocks : iterable of (slice, array), optional
        Rows of halos and their images, if memory doesn't hold all images together; ``image`` of
        the dataset is a dask array then, whose values aren't used.
    """
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec

    # A flipped bit is an error by its checksum; Blosc alone would inflate it into other numbers.
    codecs = [BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"), Crc32cCodec()]
    number, axes, _, *pixels = dataset["image"].shape
    chunks = (min(HALOS_PER_CHUNK, number), axes, 1, *pixels)
    encoding = {
        "image": {"chunks": chunks, "compressors": codecs},
        "properties": {"compressors": codecs},
    }
    with files.whole(out) as temporary:
        dataset.to_zarr(
            temporary, mode="w", consolidated=False, encoding=encoding, zarr_format=3,
            compute=blocks is None,
        )  # fmt: skip
        if blocks is not None:
            images = zarr.open_array(temporary / "image", mode="r+")
            for rows, block in blocks:
                images[rows] = block


def open(path):  # shadows the builtin on purpose: maps.open reads well
    """Open a map store, or several as one.

    Parameters
    ----------
    path : path or sequence of paths
        Stores that `make` wrote. Several are joined along the halos, in the order given.

    Returns
    -------
    xarray.Dataset
        Maps as from `make`; images are read when they are needed.

    Raises
    ------
    DataNotFoundError
        If there is no store.
    FormatError
        If a folder isn't a map store, or stores don't fit together.
    """
    if not isinstance(path, str | Path):
        stores = [open(one) for one in path]
        if not stores:
            raise ParameterError(
                "There are no map stores to open.", found="an empty list", expected="one or more"
            )
        return _joined(stores)
    if not Path(path).exists():
        raise DataNotFoundError(
            f"The map store {path} isn't there.",
            expected="a zarr folder",
            remedy="Make it with cgmhelpers.maps.make.",
        )
    try:
        # Only format 3: none of its codecs runs code, as one of format 2 does.
        dataset = xr.open_zarr(path, consolidated=False, chunks=None, zarr_format=3)
        images = lazy.Images.of(_check(path, dataset))
        dataset = dataset.assign(image=dataset["image"].copy(data=images.lazy()))
        dataset["properties"].load()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        if isinstance(error, CGMError):
            raise
        raise FormatError(
            f"{path} can't be opened as a map store.",
            found=f"{type(error).__name__}: {error}",
            expected="a folder that cgmhelpers.maps.making.make wrote",
            remedy="Delete it, and make the maps again.",
        ) from error
    if "seed" not in dataset.coords:  # of an earlier version
        dataset = dataset.assign_coords(seed=("halo", _published_seeds(dataset)))
    labels = {}
    for name, label in dataset.coords.items():
        # Small, so read at once; strings are Python's, as from `make`.
        values = label.values
        values = values if values.dtype.kind in "iuf" else values.astype(object)
        labels[name] = (label.dims, values, label.attrs)
    return dataset.assign_coords(labels)


def _check(path, dataset):
    """Refuse a store that lacks variables, attributes or files, and return its array of images."""
    import zarr

    dimensions = {name: variable.dims for name, variable in dataset.variables.items()}
    wanted = {
        "image": ("halo", "axis", "field", "y", "x"),
        "properties": ("halo", "property"),
        **dict.fromkeys(HALO_COORDINATES, ("halo",)),
    }
    absent = [name for name, dims in wanted.items() if dimensions.get(name) != dims]
    if absent or "fingerprint" not in dataset.attrs:
        raise FormatError(
            f"{path} isn't a map store.",
            found=dimensions,
            expected=f"{', '.join(absent or ['a fingerprint'])} as cgmhelpers.maps.make writes",
            remedy="Delete it, and make the maps again.",
        )
    if dataset.attrs.get("format", FORMAT) != FORMAT:
        raise FormatError(
            f"{path} is a map store of another version.",
            found=f"format {dataset.attrs['format']}",
            expected=f"format {FORMAT}",
            remedy="Use the library's version that wrote it, or make the maps again.",
        )
    for name in ("properties", "image"):  # a missing file would read as NaN
        array = zarr.open_array(Path(path) / name, mode="r", zarr_format=3)
        if array.nchunks_initialized < array.nchunks:
            raise FormatError(
                f"{path} isn't whole.",
                found=f"{array.nchunks_initialized} of {array.nchunks} files of {name}",
                expected="all of them",
                remedy="Copy it again, or delete it and make the maps again.",
            )
    return array


def verify(path):
    """Read all files of a store, and compare them with their checksums.

    Opening a store doesn't read its images, and a later error wouldn't name the file.

    Parameters
    ----------
    path : path
        Store of maps.

    Raises
    ------
    FormatError
        If a file differs from its checksum.
    """
    import zarr

    for name in ("image", "properties"):
        array = zarr.open_array(Path(path) / name, mode="r", zarr_format=3)
        for number in range(-(-array.shape[0] // array.chunks[0])):
            try:
                array.blocks[number]
            except (ValueError, RuntimeError, OSError) as error:
                raise FormatError(
                    f"{path} is damaged.",
                    found=f"block {number} of {name}: {error}",
                    expected="files with their checksums",
                    remedy="Copy it again, or delete it and make the maps again.",
                ) from error


def _joined(stores):
    same = [(s["field"].values.tolist(), s["x"].values.tolist()) for s in stores]
    if any(one != same[0] for one in same):
        raise FormatError(
            "The map stores don't fit together.",
            found=[(names, len(x)) for names, x in same],
            expected="the same fields and pixels in all",
        )
    return concatenated(stores)


def concatenated(datasets):
    """Join maps along the halos; parameters that a suite doesn't have are NaN there.

    Parameters
    ----------
    datasets : sequence of xarray.Dataset
        Maps of the same fields and pixels.

    Returns
    -------
    xarray.Dataset
        Attributes that differ are dropped.
    """
    labels = {name for one in datasets for name in one.coords if one[name].dims == ("halo",)}

    whole = []
    for one in datasets:
        blank = dict.fromkeys(labels - set(one.coords), np.nan)
        blank |= {"seed": UNKNOWN_SEED} if "seed" in blank else {}
        columns = {name: ("halo", np.full(one.sizes["halo"], x)) for name, x in blank.items()}
        whole.append(one.assign_coords(columns))
    joined = xr.concat(
        whole,
        dim="halo",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="drop_conflicts",
    )
    return lazy.joined(joined, whole)


def _published_seeds(dataset):
    """Seeds by the rules of CAMELS' tables; those of mock simulations are unknown."""
    if dataset.attrs.get("mock"):
        return np.full(dataset.sizes["halo"], UNKNOWN_SEED)
    names = zip(*(dataset[name].values for name in HALO[:3]), strict=True)
    return np.array([published_seed(*map(str, name)) for name in names], dtype=int)


def stored_fingerprint(out):
    """Read the fingerprint of a store, without its arrays.

    Parameters
    ----------
    out : Path
        The store.

    Returns
    -------
    str or None
        None if there is no store; stores are whole.
    """
    try:
        return json.loads((out / "zarr.json").read_text())["attributes"]["fingerprint"]
    except (OSError, ValueError, KeyError):
        return None


HALOS_AT_ONCE = 128
"""Halos whose maps are read together, which limits the memory of float64 pixels."""
