"""Columns equal what h5py itself reads, whatever the layout and the filters of the file."""

import zlib
from concurrent.futures import ThreadPoolExecutor

import h5py
import hdf5plugin
import numpy as np
import pytest

from cgmhelpers.errors import FormatError
from cgmhelpers.simulations import hdf5

ROWS = 1000
LAYOUTS = {
    "plain": {},
    "chunks": {"chunks": True},
    "gzip": {"compression": "gzip"},
    "shuffle": {"compression": "gzip", "shuffle": True},
    "lzf": {"compression": "lzf", "shuffle": True},
    "checksum": {"compression": "gzip", "fletcher32": True},
    "zstd": dict(hdf5plugin.Zstd()),
}
OURS = {"gzip", "shuffle"}
KINDS = ["<f4", "<f8", ">f4", ">f8", "<u8", ">u8", "<i2", "u1", "<f2", ">f2", "g"]
"""Types of numbers; g is more than double precision."""
OTHERS = {"<f2": "f4", ">f2": "f4", "g": "f8"}
"""Types that compiled code doesn't take -> those that they become."""
SLICES = [slice(None), slice(0, 1), slice(90, 211), slice(128, 256), slice(990, 5000), slice(7, 7)]


@pytest.fixture
def write(tmp_path):
    """Write a data set and open it for reading."""
    files = []

    def written(values, **options):
        path = tmp_path / f"{len(files)}.hdf5"
        with h5py.File(path, "w") as file:
            file.create_dataset("data", data=values, **options)
        files.append(h5py.File(path))
        return files[-1]["data"]

    yield written
    for file in files:
        file.close()


def numbers(kind, *shape):
    rng = np.random.default_rng(3)
    return rng.uniform(1, 100, shape).astype(kind)


def identical(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


def native(values):
    """The same numbers in the machine's order of bytes, in a length that compiled code takes."""
    kind = np.dtype(OTHERS.get(values.dtype.str, OTHERS.get(values.dtype.char, values.dtype)))
    return values.astype(kind.newbyteorder("="))


@pytest.mark.parametrize("together", [True, False], ids=["threads", "alone"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_equal_h5pys(write, monkeypatch, layout, kind, together):
    monkeypatch.setattr(hdf5, "ALONE_BELOW", 0 if together else 2**30)
    monkeypatch.setattr(hdf5, "BLOCK_BYTES", 999)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    options = dict(LAYOUTS[layout])
    for shape, chunk in (((ROWS,), (64,)), ((ROWS, 3), (64, 3)), ((ROWS, 3), (64, 2))):
        if options:
            options["chunks"] = chunk
        dataset = write(numbers(kind, *shape), **options)
        for rows in SLICES:
            identical(hdf5.read(dataset, rows), native(dataset[rows]))
            for column in range(3) if len(shape) == 2 else ():
                identical(hdf5.read(dataset, rows, column), native(dataset[rows, column]))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_who_inflates(write, monkeypatch, layout):
    """Guards against comparing h5py with itself."""
    inflated = []
    original = hdf5._inflated

    def noted(*arguments):
        inflated.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(hdf5, "_inflated", noted)
    hdf5.read(write(numbers("<f4", ROWS), **LAYOUTS[layout]))
    assert bool(inflated) == (layout in OURS | {"chunks"})


def test_only_chunks_of_the_rows_and_the_column_are_inflated(write, monkeypatch):
    inflated = []
    original = hdf5._inflated
    monkeypatch.setattr(hdf5, "_inflated", lambda *a: (inflated.append(1), original(*a))[1])
    dataset = write(numbers("<f4", ROWS, 4), compression="gzip", chunks=(100, 2))
    identical(hdf5.read(dataset, slice(150, 250), 3), dataset[150:250, 3])
    assert len(inflated) == 2


def test_zlib_serves_where_there_is_no_isal(write, monkeypatch):
    assert hdf5.inflater is not zlib
    monkeypatch.setattr(hdf5, "inflater", zlib)
    dataset = write(numbers("<f4", ROWS, 3), compression="gzip", shuffle=True, chunks=(64, 3))
    identical(hdf5.read(dataset, slice(5, 900), 1), dataset[5:900, 1])


def test_a_chunk_that_skipped_filters(write, tmp_path):
    """HDF5 stores a chunk as it is where a filter gains nothing, and notes that in a mask."""
    values = numbers("<f4", 100)
    path = tmp_path / "mask.hdf5"
    with h5py.File(path, "w") as file:
        made = file.create_dataset(
            "data", (100,), "<f4", chunks=(50,), compression="gzip", shuffle=True
        )
        made.id.write_direct_chunk((0,), values[:50].tobytes(), filter_mask=0b11)
        made.id.write_direct_chunk((50,), zlib.compress(values[50:].tobytes()), filter_mask=0b01)
    with h5py.File(path) as file:
        identical(hdf5.read(file["data"]), values)
        identical(file["data"][:], values)


def test_chunks_that_nobody_wrote(tmp_path):
    with h5py.File(tmp_path / "holes.hdf5", "w") as file:
        made = file.create_dataset(
            "data", (100,), "<f4", chunks=(10,), compression="gzip", fillvalue=7
        )
        made[35:45] = 1
        identical(hdf5.read(made, slice(30, 60)), made[30:60])
        assert hdf5.read(made).sum() == 90 * 7 + 10


@pytest.mark.parametrize("content", [b"nothing", zlib.compress(b"\0" * 12), b""])
@pytest.mark.parametrize("inflater", [hdf5.inflater, zlib], ids=["isal", "zlib"])
def test_a_broken_chunk_is_an_error_that_names_it(tmp_path, monkeypatch, content, inflater):
    monkeypatch.setattr(hdf5, "inflater", inflater)
    with h5py.File(tmp_path / "broken.hdf5", "w") as file:
        made = file.create_dataset("Masses", (100,), "<f4", chunks=(50,), compression="gzip")
        made[:] = 1
        if content:
            made.id.write_direct_chunk((50,), content)
        else:
            made.id.write_direct_chunk((50,), zlib.compress(made[50:].tobytes())[:-9])
        assert hdf5.read(made, slice(0, 50)).sum() == 50
        with pytest.raises(FormatError, match=r"broken\.hdf5: /Masses"):
            hdf5.read(made)


def test_a_file_that_was_cut(tmp_path):
    path = tmp_path / "cut.hdf5"
    with h5py.File(path, "w") as file:
        file["data"] = numbers("<f4", ROWS)
    with h5py.File(path) as file:
        dataset = file["data"]
        with open(path, "r+b") as raw:
            raw.truncate(dataset.id.get_offset() + 100)
        with pytest.raises(FormatError, match="file ends"):
            hdf5.read(dataset)


def test_what_is_not_a_column(write, tmp_path):
    identical(hdf5.read(write(numbers("<f4", 4, 3, 2))), numbers("<f4", 4, 3, 2))
    identical(hdf5.read(write(numbers("<f4", 0))), numbers("<f4", 0))
    names = write(np.array([b"a", b"bc"]))
    with pytest.raises(FormatError, match=r"type \|S2.*numbers"):
        hdf5.read(names)


def test_files_in_memory(tmp_path):
    """There is no file to read from beside HDF5."""
    values = numbers("<f8", ROWS)
    with h5py.File(tmp_path / "none.hdf5", "w", driver="core", backing_store=False) as file:
        file["data"] = values
        identical(hdf5.read(file["data"]), values)


def test_many_threads_read_at_once(write, monkeypatch):
    monkeypatch.setattr(hdf5, "ALONE_BELOW", 0)
    dataset = write(numbers("<f4", ROWS, 3), compression="gzip", shuffle=True, chunks=(20, 3))
    expected = dataset[:]
    with ThreadPoolExecutor(8) as pool:
        starts = [n % 900 for n in range(0, 20000, 77)]
        found = pool.map(lambda start: hdf5.read(dataset, slice(start, start + 100)), starts)
        for start, one in zip(starts, found, strict=True):
            identical(one, expected[start : start + 100])


def test_pieces_that_cut_no_chunk(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_dataset("a", (1000, 3), "f4", chunks=(70, 3))
        file.create_dataset("b", (1000,), "f4", chunks=(35,))
        file["c"] = np.zeros(1000)
        assert hdf5.whole_chunks(file, 100) == 140
        assert hdf5.whole_chunks(file, 1) == 70
        del file["a"], file["b"]
        assert hdf5.whole_chunks(file, 100) == 100
