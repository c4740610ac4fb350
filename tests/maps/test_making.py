"""Maps of small snapshots written by hand; their totals come from what was written."""

import dataclasses
import errno
import io
import json
import logging
import shutil
import subprocess
import sys
from collections import Counter

import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from astropy import constants
from astropy import units as u
from helpers.blobs import blobs
from helpers.camels_files import HUBBLE, gas_columns, write_catalogue, write_snapshot
from helpers.failing_tasks import run_after_a_kill

from cgmhelpers.emission import deposits, fields
from cgmhelpers.errors import (
    DataNotFoundError,
    FormatError,
    ParameterError,
    ResultError,
    StorageError,
)
from cgmhelpers.halos import properties, reading
from cgmhelpers.maps import gathering, making
from cgmhelpers.maps import store as map_store
from cgmhelpers.maps.limits import apply_limits, coarsen
from cgmhelpers.maps.projection import images as projection_images
from cgmhelpers.maps.store import stored_fingerprint
from cgmhelpers.runs import data_stages, stage_kinds
from cgmhelpers.simulations.particle_reader import ParticleReader
from cgmhelpers.simulations.simulation import Simulation
from cgmhelpers.system import parallel

BOX = 25000.0  # kpc/h
CENTRES = np.array([[12000.0, 9000.0, 7000.0], [5.0, 24990.0, 12500.0]])  # kpc/h; one on an edge
NUMBER = 400  # gas elements around each halo
PIXELS, PIXEL = 32, 16.0
SNAPSHOT = {"hi": {"method": "snapshot"}}


def gas_around(centres, rng):
    """Compact gas within 150 kpc/h of each centre, wholly inside frames of 256 kpc."""
    columns = gas_columns(NUMBER * len(centres), rng=rng)
    direction = rng.normal(size=(len(centres), NUMBER, 3))
    direction /= np.linalg.norm(direction, axis=2, keepdims=True)
    distance = rng.uniform(0, 130, (len(centres), NUMBER, 1))
    columns["Coordinates"] = ((centres[:, None] + distance * direction).reshape(-1, 3)) % BOX
    # Kernels of 2 (3 m / 4 pi rho)^(1/3) = 1 to 13 kpc/h.
    columns["Density"] = (10 ** rng.uniform(-6, -3, len(columns["Masses"]))).astype("f4")
    return columns


def simulation(folder, centres=CENTRES, types=None, realisation=0, **options):
    rng = np.random.default_rng(11)
    if types is None:
        halo = np.concatenate([c + rng.normal(0, 30, (50, 3)) for c in centres]) % BOX
        types = {
            0: gas_around(centres, rng),
            1: {"Coordinates": halo, "Masses": np.full(len(halo), 1.0)},
        }
    snapshot, catalogue = folder / "snapshot_090.hdf5", folder / "groups_090.hdf5"
    write_snapshot(snapshot, types, **options)
    mass = np.array([100.0, 60.0, 1.0])[: len(centres)]
    write_catalogue(catalogue, centres, mass)
    return Simulation.from_files(snapshot, catalogue, "IllustrisTNG", realisation)


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    return simulation(tmp_path_factory.mktemp("simulation"))


def make(sim, out=None, **options):
    options = {"pixels": PIXELS, "pixel_size": PIXEL, "progress": False} | options
    return making.make(sim, out=out, **options)


@pytest.fixture(scope="module")
def made(sim):
    return make(sim, options=SNAPSHOT)


def test_neutral_hydrogen_is_conserved(sim, made):
    # `simulation` draws the dark matter first.
    rng = np.random.default_rng(11)
    [rng.normal(0, 30, (50, 3)) for _ in CENTRES]
    columns = gas_around(CENTRES, rng)
    neutral = (
        columns["Masses"].astype(float)
        * 1e10
        / HUBBLE
        * columns["GFM_Metals"][:, 0]
        * columns["NeutralHydrogenAbundance"]
    ).reshape(len(CENTRES), NUMBER).sum(axis=1) * u.Msun
    atoms = made["image"].sel(field="hi").astype(float).sum(("x", "y")) / u.cm**2
    atom = constants.m_p + constants.m_e
    mass = (atoms.values * u.cm**-2 * (PIXEL * u.kpc) ** 2 * atom).to_value(u.Msun)
    # Reader and writer use float32 (1e-7) and their own solar mass (1.989e43 g: 3e-4).
    np.testing.assert_allclose(mass, np.tile(neutral.value[:, None], (1, 3)), rtol=1e-3)


def test_luminosity_is_conserved_along_each_axis(sim, made):
    gas = sim.gas()
    luminosity = fields.get("xray").deposit(gas, sim.header).reshape(len(CENTRES), NUMBER).sum(1)
    image = made["image"].sel(field="xray").astype(float).sum(("x", "y")).values
    brightness = image * u.erg / u.s / u.cm**2 / u.arcmin**2
    # S = L / (4 pi A) per steradian.
    total = (brightness * (PIXEL * u.kpc) ** 2 * 4 * np.pi * u.sr).to_value(u.erg / u.s)
    assert (luminosity > 0).all()
    # Float32 pixels: 6e-8 each, and stamps to 1e-7.
    np.testing.assert_allclose(total, np.tile(luminosity[:, None], (1, 3)), rtol=1e-6)


def test_axes_and_orientation(tmp_path):
    """One dense cell at +40, -24, +88 kpc from the halo must be seen where it lies."""
    offset = np.array([40.0, -24.0, 88.0])
    columns = gas_columns(2)
    columns["Density"] = np.full(2, 1e-2, "f4")  # under a kiloparsec
    columns["Coordinates"] = (CENTRES[:1] + [offset * HUBBLE, [3000.0, 0, 0]]) % BOX
    columns["NeutralHydrogenAbundance"][:] = 1
    sim = simulation(tmp_path, CENTRES[:1], {0: columns})
    image = make(sim, fields=["hi"], options=SNAPSHOT)["image"].squeeze()
    for axis, (horizontal, vertical) in {"x": (1, 2), "y": (2, 0), "z": (0, 1)}.items():
        seen = image.sel(axis=axis)
        brightest = seen.where(seen == seen.max(), drop=True)
        assert brightest.sizes == {"y": 1, "x": 1}
        assert abs(brightest["x"].item() - offset[horizontal]) <= PIXEL / 2
        assert abs(brightest["y"].item() - offset[vertical]) <= PIXEL / 2


def test_labels_and_units(sim, made):
    assert made["image"].dims == ("halo", "axis", "field", "y", "x")
    assert made["image"].dtype == np.float32
    assert made["axis"].values.tolist() == ["x", "y", "z"]
    assert made["field"].values.tolist() == ["xray", "hi"]
    assert made["property"].values.tolist() == list(properties.NAMES)
    table = sim.halos()
    for name in ("suite", "set_name", "realisation", "group", "log_mass", "halo_class", "m200c"):
        assert made[name].values.tolist() == table[name].tolist()
    np.testing.assert_array_equal(made["x"], (np.arange(PIXELS) - 15.5) * PIXEL)
    assert made["x"].attrs["units"] == made["y"].attrs["units"] == made["r200c"].attrs["units"]
    for unit in json.loads(made.attrs["units"]).values():
        u.Unit(unit)  # astropy can read it
    expected = properties.compute(sim, table, progress=False).to_numpy()
    np.testing.assert_array_equal(made["properties"], expected)
    assert np.isfinite(expected).all()
    assert json.loads(made.attrs["options"]) == {"xray": {"emin": 0.5, "emax": 2.0}} | SNAPSHOT
    assert made.attrs["mock"] == 0
    assert made.attrs["depth_kpc"] == 1000


def test_halos_in_groups_give_the_same_maps(sim, made, monkeypatch, readings):
    """Two halos, one projected after the other: their gas is read together."""
    monkeypatch.setattr(making, "PROJECTED_AT_ONCE", 1)
    assert len(sim.halos()) == 2
    xr.testing.assert_identical(make(sim, options=SNAPSHOT), made)
    assert readings(sim)["gas"] == 1


def test_a_full_disk_is_told(sim, monkeypatch, tmp_path):
    """Writing to the temporary file fails, as where the disk is full."""

    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gathering.tempfile, "TemporaryFile", lambda dir: Full())
    with pytest.raises(StorageError, match=f"{tmp_path} can't be written.*No space left"):
        make(sim, options=SNAPSHOT, out=tmp_path / "maps.zarr")
    assert not list(tmp_path.iterdir())


def test_backends_agree(tmp_path):
    rng = np.random.default_rng(2)
    columns = {name: values[:80] for name, values in gas_around(CENTRES[:1], rng).items()}
    sim = simulation(tmp_path, CENTRES[:1], {0: columns})
    fast, slow = (make(sim, backend=backend)["image"] for backend in ("numba", "reference"))
    # Kernels here are below a pixel: exact but for the mosaic's tiles.
    np.testing.assert_allclose(fast, slow, atol=5e-5 * slow.max(("x", "y")).max().item())
    np.testing.assert_allclose(fast.sum(("x", "y")), slow.sum(("x", "y")), rtol=1e-5)


def test_hydrogen_methods_differ(sim, made):
    other = make(sim, fields=["hi"])
    assert json.loads(other.attrs["options"]) == {"hi": {"method": "trident"}}
    assert other.sizes["field"] == 1
    ratio = other["image"].sum() / made["image"].sel(field=["hi"]).sum()
    assert not 0.9 < ratio < 1.1


def test_pieces_and_threads_change_no_bit(sim, made, monkeypatch):
    monkeypatch.setattr(reading, "ROWS", 37)
    for number in ("1", "3"):
        monkeypatch.setenv("NUMBA_NUM_THREADS", number)
        again = make(sim, options=SNAPSHOT)
        xr.testing.assert_identical(again.drop_vars("properties"), made.drop_vars("properties"))
        # Sums over other pieces are rounded otherwise.
        xr.testing.assert_allclose(again["properties"], made["properties"], rtol=1e-13)


def test_a_compressed_file_gives_the_same_maps(tmp_path):
    rng = np.random.default_rng(4)
    images = []
    columns = gas_around(CENTRES, rng)
    dark = {"Coordinates": CENTRES, "Masses": np.full(2, 1.0)}
    for name, filters in {
        "plain": {},
        "gzip": {"compression": "gzip", "shuffle": True, "chunks": True},
    }.items():
        sim = simulation(tmp_path / name, types={0: columns, 1: dark}, filters=filters)
        images.append(make(sim)["image"])
    assert images[0].max() > 0
    xr.testing.assert_identical(*images)


# --- one pass ----------------------------------------------------------------------------------


@pytest.fixture
def readings(monkeypatch):
    """How often the positions of each kind of particle were read, in units of the whole file."""
    counted = Counter()
    read = ParticleReader.read

    def counting(self, columns, rows):
        if "position" in columns:
            counted[self.kind] += rows.stop - rows.start
        return read(self, columns, rows)

    monkeypatch.setattr(ParticleReader, "read", counting)
    return lambda sim: {kind: n / sim.number(kind) for kind, n in counted.items() if n}


def test_a_snapshot_is_read_once_for_overdensity_properties_and_maps(sim, tmp_path, readings):
    """Of a run, both stages: the maps come with the table, and aren't made again."""
    table, out = tmp_path / "halos.parquet", tmp_path / "maps.zarr"
    options = {"pixels": PIXELS, "pixel_size": PIXEL}
    maps = data_stages.Maps(sim, table, out, ("xray", "hi"), 11.5, options)
    data_stages.HaloTable(maps).run()
    assert maps.is_done()
    assert readings(sim) == {"gas": 1, "dark_matter": 1}
    stored, measured = map_store.open(out), pd.read_parquet(table)
    np.testing.assert_array_equal(stored["properties"], measured[list(properties.NAMES)])
    # Without their store, maps need the gas alone.
    shutil.rmtree(out)
    maps.run()
    assert readings(sim) == {"gas": 2, "dark_matter": 1}
    xr.testing.assert_identical(map_store.open(out).load(), stored.load())


def test_a_measured_table_is_taken_as_it_is(sim, made, readings):
    table = sim.halos()
    measured = table.join(properties.compute(sim, table, progress=False)).assign(f_cool=0.125)
    before = readings(sim)["dark_matter"]
    with_table = make(sim, options=SNAPSHOT, measured=measured)
    assert readings(sim)["dark_matter"] == before
    np.testing.assert_array_equal(with_table["image"], made["image"])
    assert (with_table["properties"].sel(property="f_cool") == 0.125).all()
    with pytest.raises(ParameterError, match="isn't of the halos"):
        make(sim, measured=measured[::-1])


def test_what_measuring_refuses_leaves_no_maps(sim, tmp_path):
    def refuse(table):
        assert {"group", *properties.NAMES} <= set(table)
        raise FormatError("Not this one.")

    with pytest.raises(FormatError, match="Not this one"):
        make(sim, tmp_path / "maps.zarr", when_measured=refuse)
    assert list(tmp_path.iterdir()) == []


# --- what a store is made from -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"title": "H I"}, True),
        ({"label": "neutral hydrogen"}, True),
        ({"colour_map": "gray"}, True),
        ({"dynamic_range": 1e3}, True),
        ({"floor": 1e11}, False),
        ({"survey_limit": 1e18}, False),
        ({"unit": "m-2"}, False),
        ({"per_area": deposits.unchanged_per_area}, False),
        ({"deposit": deposits.compton_area}, False),
    ],
)
def test_a_store_knows_the_declaration_of_its_fields(sim, tmp_path, monkeypatch, change, kept):
    options = {"pixels": 8, "pixel_size": 64.0}
    making.make(sim, ["hi"], tmp_path / "maps.zarr", progress=False, **options)
    changed = dataclasses.replace(fields.get("hi"), **change)
    monkeypatch.setitem(fields.FIELDS, "hi", changed)
    assert making.is_made(sim, ["hi"], tmp_path / "maps.zarr", **options) is kept


def test_a_number_of_adopted_yml_makes_a_store_out_of_date(sim, tmp_path):
    """Edit the file as the book invites to, in another process."""
    store = tmp_path / "maps.zarr"
    making.make(sim, ["xray"], store, pixels=8, pixel_size=64.0, progress=False)
    script = (
        "import sys, dask, yaml\n"
        "from cgmhelpers.system import files\n"
        "old, new, snapshot, catalogue, store = sys.argv[1:]\n"
        "load = yaml.safe_load\n"
        "yaml.safe_load = lambda text: load(text.replace(old, new))\n"
        "from cgmhelpers.maps import making\n"
        "from cgmhelpers.maps.projection.frame import Frame\n"
        "from cgmhelpers.simulations.simulation import Simulation\n"
        "sim = Simulation.from_files(snapshot, catalogue, 'IllustrisTNG', 0)\n"
        "print(making.is_made(sim, ['xray'], store, pixels=8, pixel_size=64.0))\n"
    )
    for old, new, kept in (
        ("value: 1.0e-22", "value: 1.0e-22", "True"),
        ("meaning: sensitivity of eRASS:4", "meaning: sensitivity", "True"),
        ("value: 1.0e-22", "value: 1.0e-21", "False"),
        ("emin: {value: 0.5,", "emin: {value: 0.6,", "False"),
    ):
        arguments = [old, new, sim.snapshot_path, sim.catalogue_path, store]
        done = subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == kept, (old, new)


def test_another_band_makes_other_maps(sim, tmp_path):
    narrow = {"xray": {"emin": 0.55, "emax": 0.68}}
    whole = make(sim, tmp_path / "maps.zarr", fields=["xray"]).load()
    image = make(sim, tmp_path / "maps.zarr", fields=["xray", "oxygen"], options=narrow)
    np.testing.assert_array_equal(*(image["image"].sel(field=f) for f in ("xray", "oxygen")))
    assert 0 < image["image"].sel(field="xray").sum() < whole["image"].sum()
    assert "0.55-0.68 keV" in image["image"].attrs["long_name"].split(";")[0]
    assert "0.5-2.0 keV" in whole["image"].attrs["long_name"]


# --- many simulations --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    """Address of a Dask cluster of two processes of one thread."""
    with parallel.client(workers=2) as running:
        yield running.scheduler.address


@pytest.fixture
def tasks(tmp_path):
    """One stage a simulation."""
    options = {"pixels": PIXELS, "pixel_size": PIXEL}
    sims = [
        simulation(tmp_path / f"{n}", np.roll(CENTRES, n, axis=1), realisation=n) for n in range(3)
    ]
    tasks = []
    for n, sim in enumerate(sims):
        table, halos = tmp_path / f"{n}.parquet", sim.halos()
        halos.join(properties.compute(sim, halos, progress=False)).to_parquet(table)
        store = tmp_path / f"{n}.zarr"
        tasks.append(data_stages.Maps(sim, table, store, ("xray", "hi"), 11.5, options))
    return tasks


def run(tasks, cluster):
    """Run stages on a cluster."""
    parallel.run_all(stage_kinds.run, [(one,) for one in tasks], "Maps", cluster=cluster)


def content(store):
    """Give every file of a store."""
    found = {p.relative_to(store): p.read_bytes() for p in store.rglob("*") if p.is_file()}
    assert len(found) > 10
    return found


def test_a_cluster_gives_the_same_bits_as_one_process(tasks, cluster, tmp_path):
    run(tasks, cluster)
    for one in tasks:
        alone = tmp_path / "alone" / one.path.name
        run([dataclasses.replace(one, path=alone)], "none")
        assert content(alone) == content(one.path)
    assert content(tasks[0].path) != content(tasks[1].path)


def test_the_work_of_a_killed_worker_is_done_by_another(tasks, cluster, tmp_path):
    marker = tmp_path / "killed"
    dying = [(marker, task) for task in tasks[:2]]
    parallel.run_all(run_after_a_kill, dying, "Maps", cluster=cluster)
    assert marker.exists()
    for store in (one.path for one in tasks[:2]):
        assert map_store.open(store).sizes["halo"] == 2
        assert not list(store.parent.glob(".*.part"))


def test_only_what_is_missing_is_made_again(tasks, cluster):
    run(tasks, cluster)
    stores = [one.path for one in tasks]
    before = [(store / "zarr.json").stat().st_mtime_ns for store in stores]
    shutil.rmtree(stores[1])
    missing = [task for task in tasks if not task.is_done()]
    assert missing == [tasks[1]]
    run(tasks, cluster)
    after = [(store / "zarr.json").stat().st_mtime_ns for store in stores]
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, False, True]


def test_a_store_holds_what_was_made(sim, made, tmp_path):
    store = tmp_path / "folder" / "maps.zarr"
    stored = make(sim, store, options=SNAPSHOT)
    assert stored["image"].chunks is not None  # lazy
    assert stored["image"].dtype == made["image"].dtype == np.float32
    xr.testing.assert_identical(stored.compute(), made)
    assert [path.name for path in store.parent.iterdir()] == ["maps.zarr"]
    metadata = json.loads((store / "image" / "zarr.json").read_text())
    assert "lz4" in json.dumps(metadata["codecs"])
    assert metadata["chunk_grid"]["configuration"]["chunk_shape"] == [2, 3, 1, PIXELS, PIXELS]


def test_make_keeps_a_store_and_replaces_another(sim, tmp_path, monkeypatch, caplog):
    store = tmp_path / "maps.zarr"
    make(sim, store, fields=["hi"])
    options = {"pixels": PIXELS, "pixel_size": PIXEL}
    assert making.is_made(sim, ["hi"], store, **options)
    assert not making.is_made(
        sim, ["hi"], store, **options | {"pixels": PIXELS, "pixel_size": PIXEL, "depth": 500.0}
    )
    assert not making.is_made(sim, ["hi"], store, options=SNAPSHOT, **options)
    assert not making.is_made(sim, ["xray", "hi"], store, **options)
    assert not making.is_made(sim, ["hi"], tmp_path / "none.zarr", **options)
    with monkeypatch.context() as patch:
        patch.setattr(projection_images, "project_many", None)  # would fail if it were called
        assert make(sim, store, fields=["hi"])["image"].max() > 0
    with caplog.at_level(logging.WARNING):
        shallow = make(sim, store, fields=["hi"], pixels=PIXELS, pixel_size=PIXEL, depth=40.0)
    assert "replaced" in caplog.text
    assert shallow.attrs["depth_kpc"] == 40
    assert not making.is_made(sim, ["hi"], store, **options)


def test_new_files_make_new_maps(tmp_path):
    sim = simulation(tmp_path)
    store = tmp_path / "maps.zarr"
    first = make(sim, store, fields=["hi"]).attrs["fingerprint"]
    columns = gas_around(CENTRES, np.random.default_rng(5))
    sim = simulation(tmp_path, types={0: {k: v[:500] for k, v in columns.items()}})
    assert not making.is_made(sim, ["hi"], store, pixels=PIXELS, pixel_size=PIXEL)
    assert make(sim, store, fields=["hi"]).attrs["fingerprint"] != first


def test_an_interrupted_write_leaves_nothing(sim, tmp_path, monkeypatch):
    store = tmp_path / "maps.zarr"

    def interrupted(self, path, **options):
        path.mkdir()
        (path / "zarr.json").write_text("{}")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(xr.Dataset, "to_zarr", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make(sim, store, fields=["hi"])
    assert list(tmp_path.iterdir()) == []
    assert make(sim, store, fields=["hi"]).sizes["halo"] == 2


def test_stores_are_joined_along_halos(sim, tmp_path):
    table = sim.halos()
    parts = [
        make(sim, tmp_path / f"{row}.zarr", fields=["hi"], halos=table.iloc[[row]])
        for row in (0, 1)
    ]
    whole = map_store.open([tmp_path / "0.zarr", str(tmp_path / "1.zarr")])
    assert whole["group"].values.tolist() == [0, 1]
    for row, part in enumerate(parts):
        np.testing.assert_array_equal(whole["image"][row], part["image"][0])
    assert whole["image"].chunks is not None
    assert "fingerprint" not in whole.attrs  # those of the parts differ
    assert whole.attrs["pixel_size_kpc"] == PIXEL
    make(sim, tmp_path / "other.zarr", fields=["hi"], pixels=16, pixel_size=PIXEL)
    with pytest.raises(FormatError, match="fit together"):
        map_store.open([tmp_path / "0.zarr", tmp_path / "other.zarr"])


def test_open_refuses_what_is_no_store(tmp_path):
    with pytest.raises(DataNotFoundError, match="nowhere"):
        map_store.open(tmp_path / "nowhere.zarr")
    with pytest.raises(ParameterError):
        map_store.open([])
    xr.Dataset({"other": ("x", np.arange(3))}).to_zarr(tmp_path / "a.zarr", consolidated=False)
    with pytest.raises(FormatError, match=r"a\.zarr isn't a map store"):
        map_store.open(tmp_path / "a.zarr")
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(FormatError, match=r"b\.zarr"):
        map_store.open(tmp_path / "b.zarr")
    assert stored_fingerprint(tmp_path / "b.zarr") is None


# --- limits and size ---------------------------------------------------------------------------


@pytest.mark.parametrize("limits", ["ideal", "survey"])
def test_limits(limits):
    ds = blobs(halos=6)
    limited = apply_limits(ds, limits)
    assert limited.attrs["limits"] == limits
    assert "limits" not in ds.attrs
    assert limited["image"].dims == ds["image"].dims
    assert limited["image"].dtype == np.float32
    for name in ("xray", "hi"):
        before, after = (one["image"].sel(field=name) for one in (ds, limited))
        limit = np.float32(fields.get(name).limit(limits))
        assert after.min() >= limit
        above = before > limit
        np.testing.assert_array_equal(after.where(above, drop=True), before.where(above, drop=True))
        if limits == "survey":
            assert (after == limit).any()
    assert apply_limits(limited, limits).identical(limited)


def test_limits_that_cannot_be_applied():
    ds = blobs(halos=2)
    with pytest.raises(ParameterError, match="none"):
        apply_limits(ds, "none")
    both = apply_limits(apply_limits(ds, "ideal"), "survey")
    assert both.identical(apply_limits(ds, "survey"))
    with pytest.raises(ParameterError, match="lost"):
        apply_limits(both, "ideal")


def test_coarse_maps_are_means_of_blocks():
    ds = blobs(halos=3, size=16)
    ds.attrs["pixel_size_kpc"] = 4.0
    coarse = coarsen(ds, 4)
    blocks = ds["image"].values.reshape(3, 3, 2, 4, 4, 4, 4)
    np.testing.assert_allclose(coarse["image"], blocks.mean(axis=(4, 6)), rtol=1e-6)
    assert coarse["image"].dims == ds["image"].dims
    assert coarse["image"].dtype == np.float32
    np.testing.assert_allclose(coarse["x"], [-24, -8, 8, 24])
    assert coarse.attrs["pixel_size_kpc"] == 16
    assert set(coarse.coords) == set(ds.coords)
    np.testing.assert_array_equal(coarse["properties"], ds["properties"])


@pytest.mark.parametrize("size", [5, 0, -4, 32, 2.5])
def test_only_divisors_of_the_size(size):
    with pytest.raises(ParameterError, match="divisor"):
        coarsen(blobs(halos=2, size=16), size)


# --- refusals ----------------------------------------------------------------------------------


def test_no_halos(sim):
    with pytest.raises(ResultError, match="1e\\+15"):
        make(sim, minimum_mass=1e15)


def test_no_gas(tmp_path):
    dark = {1: {"Coordinates": CENTRES, "Masses": np.ones(2)}}
    with pytest.raises(FormatError, match="holds no gas"):
        make(simulation(tmp_path, types=dark))


@pytest.mark.parametrize(
    "options",
    [
        {"fields": ["radio"]},
        {"fields": []},
        {"fields": ["hi", "hi"]},
        {"options": {"hi": {"method": "guess"}}},
        {"options": {"xray": {"emin": 3.0}}},
        {"options": {"oxygen": {"emin": 0.5}}},
        {"backend": "fortran"},
        {"depth": 30_000.0},
    ],
)
def test_parameters_that_cannot_be_used(sim, options, tmp_path):
    with pytest.raises(ParameterError):
        make(sim, tmp_path / "maps.zarr", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_gas_that_cannot_be_mapped(sim, monkeypatch, value):
    def deposit(gas, header, method):
        return np.where(np.arange(len(gas)) == 3, value, 1.0)

    broken = dataclasses.replace(fields.get("hi"), deposit=deposit)
    monkeypatch.setitem(fields.FIELDS, "hi", broken)
    with pytest.raises(ResultError, match="'hi'"):
        make(sim, fields=["hi"])


def test_maps_that_overflow(sim, monkeypatch):
    bright = dataclasses.replace(fields.get("hi"), per_area=lambda header: 1e40)
    monkeypatch.setitem(fields.FIELDS, "hi", bright)
    with pytest.raises(ResultError, match="float32"):
        make(sim, fields=["hi"])


def test_blocks_written_one_by_one_are_the_same_store(sim, made, monkeypatch, tmp_path):
    """Neither the images' bytes nor their metadata tell how many halos memory held."""
    whole = make(sim, options=SNAPSHOT, out=tmp_path / "whole.zarr")
    monkeypatch.setattr(making, "PROJECTED_AT_ONCE", 1)
    with dask.config.set({"array.chunk-size": "1kB"}):  # as if the images were many
        make(sim, options=SNAPSHOT, out=tmp_path / "blocks.zarr")
    map_store.write(whole.load(), tmp_path / "memory.zarr")
    xr.testing.assert_identical(whole.drop_attrs(), made.drop_attrs())
    written = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / name for name in ("whole.zarr", "blocks.zarr", "memory.zarr"))
    ]
    assert written[0] == written[1] == written[2]
