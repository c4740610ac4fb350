"""Images are read from stores as they would be from memory, bit for bit."""

import dask
import numpy as np
import pytest
import zarr
from helpers.blobs import blobs
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

from cgmhelpers.errors import FormatError
from cgmhelpers.maps import lazy, limits, store

LAYOUTS = {
    "this version's": None,
    "earlier": ((8, 3, 3, 16, 16), [BloscCodec(cname="zstd", clevel=1), Crc32cCodec()]),
    "a halo in a file": ((1, 3, 3, 16, 16), [BloscCodec(cname="zstd", clevel=1), Crc32cCodec()]),
    "another codec": ((8, 3, 2, 16, 16), [ZstdCodec(), Crc32cCodec()]),
}
"""Chunks and codecs of stores, beside what the library writes now."""


def written(folder, halos, layout, seed):
    """A store of blobs, and the maps in memory."""
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


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_choice_is_what_memory_has(tmp_path, layout):
    """Of stores whose sizes don't fit their files."""
    paths, maps = zip(*(written(tmp_path, n, layout, n) for n in (5, 37, 20)), strict=True)
    known = store.concatenated(maps)
    opened = store.open(paths)
    rng = np.random.default_rng(1)
    choices = [np.arange(62), np.arange(30, 50), rng.permutation(62), np.array([61, 3, 3, 40])]
    for halos in choices:
        for fields in (["x", "h", "3"], ["3"], ["3", "x"], ["h", "3"]):
            chosen = lazy.with_fields(opened, fields)
            assert lazy.behind(chosen["image"]) is not None
            found = lazy.read(chosen["image"], halos)
            wanted = known["image"].sel(field=fields).isel(halo=halos).values
            assert found.tobytes() == np.ascontiguousarray(wanted).tobytes()
            some = lazy.with_halos(chosen, halos)
            np.testing.assert_array_equal(lazy.read(some["image"], [0, -1]), wanted[[0, -1]])
            np.testing.assert_array_equal(some["image"].values, wanted)
            np.testing.assert_array_equal(chosen["image"].isel(halo=halos[0]).values, wanted[0])


def test_limits_and_coarser_pixels_are_those_of_memory(tmp_path):
    pairs = []
    for number in (5, 37):
        maps = blobs(number, size=16, seed=number).assign_attrs(fingerprint="x")
        maps["image"] *= 1e-3  # below the limits, in part
        store.write(maps, tmp_path / f"{number}.zarr")
        pairs.append((store.open(tmp_path / f"{number}.zarr"), maps))
    both = []
    for several in zip(*pairs, strict=True):
        fine = store.concatenated(several)
        coarse = limits.apply_limits(limits.coarsen(fine, 4), "survey")
        # A choice of fields after the limits: those of other fields mustn't be taken.
        both.append(lazy.with_fields(lazy.with_halos(coarse, np.arange(3, 40)), ["hi"]))
    assert lazy.behind(both[0]["image"]) is not None
    assert both[1]["image"].chunks is None
    wanted = both[1]["image"].values
    assert lazy.read(both[0]["image"], slice(None)).tobytes() == wanted.tobytes()
    assert both[0]["image"].values.tobytes() == wanted.tobytes()
    assert both[0]["image"].shape == wanted.shape
    # Steps change what they are given, and must not change what others read.
    assert lazy.read(both[0]["image"], slice(None)).tobytes() == wanted.tobytes()


def test_changed_images_are_not_read_from_their_store(tmp_path):
    """Whatever xarray or dask does with images, the result counts."""
    path, maps = written(tmp_path, 20, "this version's", 1)
    opened = store.open(path)
    changes = {
        "twice": lambda ds: ds["image"] * 2,
        "in another order": lambda ds: ds["image"].isel(halo=slice(None, None, -1)),
        "turned": lambda ds: ds["image"].copy(data=ds["image"].data[..., ::-1]),
    }
    for change in changes.values():
        changed = change(opened)
        assert lazy.behind(changed) is None
        assert changed.chunks is not None
        found = lazy.read(changed, np.array([3, 7]))
        np.testing.assert_array_equal(found, change(maps).isel(halo=[3, 7]).values)


def test_a_field_is_read_without_the_others(tmp_path):
    path, maps = written(tmp_path, 20, "this version's", 1)
    chosen = lazy.with_fields(store.open(path), ["h"])
    for name in (path / "image" / "c").glob("*/*/[02]/*/*"):
        name.unlink()
    np.testing.assert_array_equal(
        lazy.read(chosen["image"], np.arange(20)), maps["image"].isel(field=[1])
    )


def test_a_halo_is_read_from_its_files_alone(tmp_path, monkeypatch):
    path, _ = written(tmp_path, 200, "this version's", 1)
    opened, read = store.open(path), []
    real = lazy.decoded
    monkeypatch.setattr(lazy, "decoded", lambda *which: read.append(which) or real(*which))
    with dask.config.set(scheduler="synchronous"):
        opened["image"].isel(halo=96).load()
    assert [place[0] for _, place in read] == [96 // store.HALOS_PER_CHUNK] * 3


@pytest.mark.parametrize("layout", ["this version's", "earlier"])
@pytest.mark.parametrize("cut", [False, True])
def test_a_damaged_file_is_named(tmp_path, layout, cut):
    path, _ = written(tmp_path, 20, layout, 1)
    opened = store.open(path)
    name = path / "image" / "c" / "0" / "0" / "0" / "0" / "0"
    content = bytearray(name.read_bytes())
    content[100] ^= 1
    name.write_bytes(content[:2] if cut else content)
    with pytest.raises(FormatError, match=f"{name} is damaged"):
        lazy.read(opened["image"], np.arange(3))
