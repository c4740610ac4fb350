"""Columns of HDF5 files, read and inflated by all cores at once.

HDF5 inflates gzip in one thread, at about 140 MB/s, under a lock. Here each thread takes a chunk as
it lies in the file, inflates it with ISA-L (zlib where that isn't installed), and puts the bytes
that the shuffle filter took apart back together, straight into the rows that they belong to. Other
filters go through h5py.
"""

import sys
import zlib
from itertools import product

import h5py
import hdf5plugin  # noqa: F401  registers the compression filters that CAMELS files use
import numpy as np

from cgmhelpers.errors import FormatError
from cgmhelpers.system import parallel
from cgmhelpers.system.compiling import compiled

try:
    from isal import isal_zlib as inflater
except ImportError:  # no wheel for this machine
    inflater = zlib

GZIP, SHUFFLE = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE
UNDERSTOOD = ([], [GZIP], [SHUFFLE, GZIP])
"""Filters, in the order in which a writer applies them."""

ALONE_BELOW = 2**23
"""Bytes below which the calling thread reads alone, as it may be one of many that do."""

BLOCK_BYTES = 2**22
"""Bytes that a thread reads at a time from a data set that isn't chunked."""


def read(dataset, rows=slice(None), column=None):
    """Read rows of a data set, or of one column of it.

    Parameters
    ----------
    dataset : h5py.Dataset, shape (N,) or (N, C)
        Open for reading.
    rows : slice
        Rows; its step is 1.
    column : int, optional
        The column of a two-dimensional data set; by default all.

    Returns
    -------
    ndarray, shape (R,) or (R, C)
        The values of ``dataset[rows]`` or ``dataset[rows, column]``, as numbers that compiled code
        takes: in the machine's order of bytes, half precision as single, more than double as
        double.

    Raises
    ------
    FormatError
        If a chunk is broken, or the values aren't numbers in the file itself.
    """
    return reader(dataset, column)(rows)


def reader(dataset, column=None):
    """Prepare to read rows of a data set many times, and look at its layout once.

    Parameters
    ----------
    dataset, column
        As for `read`.

    Returns
    -------
    callable
        ``read(rows)``, as `read` does; threads may call it at the same time.

    Raises
    ------
    FormatError
        If the values aren't numbers in the file itself.
    """
    check(dataset)
    length, kind = len(dataset), dataset.dtype
    width = dataset.shape[1:] if column is None else ()
    pieces = _pieces(dataset, column)

    def read(rows):  # numpydoc ignore=GL08
        first, last, _ = rows.indices(length)
        if pieces is None or last <= first:
            return _native(dataset[rows] if column is None else dataset[rows, column])
        values = np.empty((last - first, *width), kind)
        threads = 1 if values.nbytes < ALONE_BELOW else None
        parallel.in_threads(lambda fill: fill(values), pieces(first, last), threads)
        return _native(values)

    return read


def _native(values):
    """Convert numbers of other machines and of other lengths; the rest isn't copied."""
    kind = values.dtype
    if kind.kind == "f" and kind.itemsize not in (4, 8):
        kind = np.dtype(np.float32 if kind.itemsize < 4 else np.float64)
    return values.astype(kind.newbyteorder("="), copy=False)


def whole_chunks(group, rows):
    """Find a number of rows that cuts no chunk, so that none is inflated twice.

    Parameters
    ----------
    group : h5py.Group
        With the data sets that are read side by side.
    rows : int
        At least so many rows.

    Returns
    -------
    int
        The least multiple of the longest chunk that has so many rows.
    """
    items = [group.get(name) for name in group]  # None for a link that leads nowhere
    data = [item for item in items if isinstance(item, h5py.Dataset) and item.chunks]
    longest = max((dataset.chunks[0] for dataset in data), default=1)
    return -(-rows // longest) * longest


def check(dataset):
    """Refuse what isn't a table of numbers, and values that lie in other files.

    Parameters
    ----------
    dataset : h5py.Dataset
        Open for reading.

    Raises
    ------
    FormatError
        If it is something else.
    """
    found = None
    if not isinstance(dataset, h5py.Dataset):
        raise FormatError(
            f"{dataset.file.filename}: {dataset.name} can't be used.",
            found="a group",
            expected="a data set",
        )
    if dataset.is_virtual or dataset.external:
        found = "values in other files"
    elif dataset.dtype.kind not in "iuf":
        found = f"type {dataset.dtype}"
    elif not dataset.shape:
        found = "a single value"
    if found:
        raise FormatError(
            f"{dataset.file.filename}: {dataset.name} can't be used.",
            found=found,
            expected="numbers, in the file itself",
            remedy="Give the files that hold them, all parts of a snapshot, or copy the data into "
            "one file, for example with h5repack.",
        )


def check_places(dataset):
    """Refuse positions in half precision, which places a particle within 16 kpc/h.

    Parameters
    ----------
    dataset : h5py.Dataset
        Positions.

    Raises
    ------
    FormatError
        If they have less than single precision.
    """
    if dataset.dtype.kind == "f" and dataset.dtype.itemsize < 4:
        raise FormatError(
            f"{dataset.file.filename}: {dataset.name} is too coarse.",
            found=f"type {dataset.dtype}, which has three digits",
            expected="single or double precision",
            remedy="Fetch the original file: digits that were dropped don't come back.",
        )


def _pieces(dataset, column):
    """Return what lists, for rows, functions that each fill a part; None where h5py must read."""
    # HDF5 knows numbers that NumPy hasn't, with another exponent for instance, and converts them.
    plain = dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype)
    if not plain or dataset.ndim not in (1, 2) or 0 in dataset.shape:
        return None
    if dataset.chunks:
        return _chunks(dataset, column)
    start = dataset.id.get_offset()
    # With a driver other than the usual one, places aren't those in the file.
    if start is None or dataset.file.driver not in ("sec2", "stdio"):
        return None
    return _blocks(dataset, start, column)


# --- data sets in one piece -----------------------------------------------------------------


def _blocks(dataset, start, column):
    kind, others, path = dataset.dtype, dataset.shape[1:], dataset.file.filename
    row_bytes = kind.itemsize * int(np.prod(others))
    step = max(BLOCK_BYTES // row_bytes, 1)

    def block(row, first, last):
        number = min(step, last - row)

        def fill(values):
            target = values[row - first : row - first + number]
            part = target
            if column is not None:
                part = np.empty((number, *others), kind)
            with open(path, "rb", buffering=0) as file:
                file.seek(start + row * row_bytes)
                _read_into(file, part, dataset)
            if column is not None:
                target[:] = part[:, column]

        return fill

    return lambda first, last: [block(row, first, last) for row in range(first, last, step)]


def _read_into(file, part, dataset):
    buffer = memoryview(part.reshape(-1).view(np.uint8))
    while len(buffer):
        done = file.readinto(buffer)
        if not done:
            raise _broken(dataset, "the file ends")
        buffer = buffer[done:]


# --- data sets in chunks --------------------------------------------------------------------


def _chunks(dataset, column):
    settings = dataset.id.get_create_plist()
    filters = [settings.get_filter(n)[0] for n in range(settings.get_nfilters())]
    sides, kind, shape = dataset.chunks, dataset.dtype, dataset.shape
    number = np.prod([-(-length // side) for length, side in zip(shape, sides)])
    # A chunk that nobody wrote isn't stored: h5py knows what stands there.
    if filters not in UNDERSTOOD or dataset.id.get_num_chunks() != number:
        return None
    beside = [] if len(shape) == 1 else [(0, shape[1]) if column is None else (column, column + 1)]

    def chunk(origin, wanted):
        def fill(values):
            mask, stored = dataset.id.read_direct_chunk(origin)
            applied = [one for bit, one in enumerate(filters) if not mask >> bit & 1]
            data = _inflated(dataset, stored, applied, kind, sides)
            inside = [
                slice(max(low - place, 0), min(high - place, side))
                for (low, high), place, side in zip(wanted, origin, sides)
            ]
            place = [
                slice(max(place - low, 0), max(place - low, 0) + part.stop - part.start)
                for (low, _), place, part in zip(wanted, origin, inside)
            ]
            target = values[place[0]] if column is not None else values[tuple(place)]
            _put_together(data, SHUFFLE in applied, kind, sides, inside, target)

        return fill

    def listed(first, last):
        wanted = [(first, last), *beside]
        starts = [
            range(low // side * side, high, side)
            for (low, high), side in zip(wanted, sides, strict=True)
        ]
        return [chunk(origin, wanted) for origin in product(*starts)]

    return listed


def _inflated(dataset, stored, filters, kind, sides):
    """Bytes of a chunk without its compression."""
    size = int(np.prod(sides)) * kind.itemsize
    if GZIP in filters:
        try:
            stored = inflater.decompress(stored, bufsize=size)
        except (zlib.error, inflater.error, EOFError) as error:
            raise _broken(dataset, error) from error
    if len(stored) != size:
        raise _broken(dataset, f"a chunk of {len(stored)} bytes instead of {size}")
    return np.frombuffer(stored, np.uint8)


def _put_together(data, shuffled, kind, sides, inside, target):
    """Copy a part of a chunk, given as bytes, to where it belongs."""
    if not shuffled:
        part = data.view(kind).reshape(sides)[tuple(inside)]
        target[...] = part.reshape(target.shape)
        return
    planes = data.reshape(kind.itemsize, -1)  # the first bytes of all values, the second ones ...
    width = sides[1] if len(sides) == 2 else 1
    across = inside[1] if len(sides) == 2 else slice(0, 1)
    begin = inside[0].start * width
    whole = across == slice(0, width) and target.flags.c_contiguous
    single = across.stop - across.start == 1 and target.ndim == 1
    if sys.byteorder == "little" and kind.itemsize in (4, 8) and (whole or single):
        words = target.reshape(-1).view(f"u{kind.itemsize}")
        step = 1 if whole else width
        join = _join_4 if kind.itemsize == 4 else _join_8
        join(planes, begin + across.start, step, words)
        return
    values = np.ascontiguousarray(planes.T).view(kind).reshape(sides)
    target[...] = values[tuple(inside)].reshape(target.shape)


@compiled
def _join_4(planes, begin, step, words):
    a, b, c, d = planes[0], planes[1], planes[2], planes[3]
    n = len(words)
    if step == 1:
        a, b, c, d = a[begin:], b[begin:], c[begin:], d[begin:]
        for i in range(n):
            words[i] = (
                np.uint32(a[i])
                | np.uint32(b[i]) << np.uint32(8)
                | np.uint32(c[i]) << np.uint32(16)
                | np.uint32(d[i]) << np.uint32(24)
            )
        return
    for i in range(n):
        k = begin + i * step
        words[i] = (
            np.uint32(a[k])
            | np.uint32(b[k]) << np.uint32(8)
            | np.uint32(c[k]) << np.uint32(16)
            | np.uint32(d[k]) << np.uint32(24)
        )


@compiled
def _join_8(planes, begin, step, words):
    for i in range(len(words)):
        words[i] = 0
    for byte in range(8):
        plane, shift = planes[byte], np.uint64(8 * byte)
        if step == 1:
            plane = plane[begin:]
            for i in range(len(words)):
                words[i] |= np.uint64(plane[i]) << shift
        else:
            for i in range(len(words)):
                words[i] |= np.uint64(plane[begin + i * step]) << shift


def _broken(dataset, found):
    return FormatError(
        f"{dataset.file.filename}: {dataset.name} can't be read.",
        found=found,
        expected="values as the header of the file describes them",
        remedy="The download may have been cut off: compare its size, and fetch it again.",
    )
