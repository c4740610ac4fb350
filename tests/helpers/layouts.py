"""Stores of blobs in the layouts of this version, of earlier ones and of other software."""

import numpy as np
import zarr
from helpers.blobs import blobs
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

from cgmhelpers.maps import store

LAYOUTS = {
    "this version's": None,
    "earlier": ((8, 3, 3, 16, 16), [BloscCodec(cname="zstd", clevel=1), Crc32cCodec()]),
    "a halo in a file": ((1, 3, 3, 16, 16), [BloscCodec(cname="zstd", clevel=1), Crc32cCodec()]),
    "another codec": ((8, 3, 2, 16, 16), [ZstdCodec(), Crc32cCodec()]),
}
"""Chunks and codecs of stores, beside what the library writes now."""


def written(folder, halos, layout, seed):
    """Write a store of blobs; return its path, and the maps in memory."""
    maps = blobs(halos, size=16, fields=("xray", "hi"), seed=seed)
    third = (maps.isel(field=[0]) * 1.5).assign_coords(field=["third"])
    image = np.concatenate([maps["image"], third["image"]], axis=2)
    maps = maps.drop_dims("field").assign_coords(field=np.array([*"xh3"], dtype=object))
    maps = maps.assign(image=(("halo", "axis", "field", "y", "x"), image.astype(np.float32)))
    path = folder / f"{seed}.zarr"
    store.write(maps.assign_attrs(fingerprint=str(seed)), path)
    if LAYOUTS[layout] is not None:
        chunks, codecs = LAYOUTS[layout]
        names = zarr.open_array(path / "image").metadata.dimension_names
        array = zarr.create_array(
            path / "image", shape=image.shape, chunks=chunks, dtype="f4", compressors=codecs,
            fill_value=np.nan, dimension_names=names, overwrite=True,
        )  # fmt: skip
        array[:] = image
    return path, maps
