"""The content of a store's file, checked and decoded in the thread that asks for it."""

import numpy as np

from cgmhelpers.errors import FormatError

CHECKSUM_BYTES = 4
"""Bytes of the CRC32C at the end of a file."""


def decoded(array, place):
    """Read a file of a store.

    The codecs of this library's stores are called here, in the thread that needs the images: zarr
    passes each file through several threads, whose buffers stay in memory.

    Parameters
    ----------
    array : zarr.Array
    place : tuple of int
        Number of the file along each dimension.

    Returns
    -------
    ndarray, shape ``array.chunks``
        Read-only. A last file may be shorter along the halos, or have rows beyond them.

    Raises
    ------
    FormatError
        If the file differs from its checksum.
    """
    import google_crc32c
    from numcodecs import blosc
    from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec

    kinds = [type(codec) for codec in array.metadata.codecs]
    if kinds != [BytesCodec, BloscCodec, Crc32cCodec] or array.dtype != np.dtype("<f4"):
        return array.blocks[place]
    path = array.store.root / array.path / array.metadata.encode_chunk_key(place)
    with path.open("rb") as file:
        stored = file.read(max(path.stat().st_size - CHECKSUM_BYTES, 0))
        checksum = file.read()
    if google_crc32c.value(stored) != int.from_bytes(checksum, "little"):
        raise FormatError(
            f"{path} is damaged.",
            found="other bytes than its checksum's",
            expected="a file as it was written",
            remedy="Copy the store again, or delete it and make the maps again.",
        )
    return np.frombuffer(blosc.decompress(stored), dtype="<f4").reshape(array.chunks)
