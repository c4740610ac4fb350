"""Images are read from stores as they would be from memory, bit for bit."""

import dask
import numpy as np
import pytest
from helpers.blobs import blobs
from helpers.layouts import LAYOUTS, written

from cgmhelpers.maps import decoding, lazy, limits, store


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
    real = decoding.decoded
    monkeypatch.setattr(decoding, "decoded", lambda *which: read.append(which) or real(*which))
    with dask.config.set(scheduler="synchronous"):
        opened["image"].isel(halo=96).load()
    assert [place[0] for _, place in read] == [96 // store.HALOS_PER_CHUNK] * 3
