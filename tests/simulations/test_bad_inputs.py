"""What other people's files and our own slips do: one typed error each, and nothing half written.

Every case breaks one thing that is whole otherwise, calls a public function or the command line,
and names the words that the message must hold. `test_the_unbroken_input_is_fine` guards against
cases that fail for another reason.
"""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.blobs import blobs
from helpers.broken_files import (
    CATALOGUES,
    HALOS,
    NUMBER,
    SNAPSHOTS,
    TOGETHER,
    catalogue,
    column,
    first,
    snapshot,
    truncated,
)
from helpers.camels_files import gas_columns, write_catalogue, write_snapshot

from cgmhelpers import cli
from cgmhelpers.emission import bands, hydrogen
from cgmhelpers.errors import (
    CGMError,
    DataNotFoundError,
    FormatError,
    ParameterError,
    ResultError,
    StorageError,
)
from cgmhelpers.inference import prediction
from cgmhelpers.maps import making
from cgmhelpers.maps import store as map_store
from cgmhelpers.maps.store import FORMAT, verify
from cgmhelpers.network import checkpoint, samples, splits
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.task import Task
from cgmhelpers.network.training import train
from cgmhelpers.runs import data_stages, network_stages, profiles
from cgmhelpers.simulations import discovery
from cgmhelpers.simulations.simulation import Simulation
from cgmhelpers.statistics import metrics
from cgmhelpers.system import files


def said(error):
    """The message, once the error is one of ours and says more than that something is wrong."""
    assert isinstance(error, CGMError), repr(error)
    told = [error.found, error.expected, error.remedy]
    assert sum(one is not None for one in told) >= 2, f"says too little: {error}"
    return " ".join(str(error).split())


def refused(kind, words, function, *arguments, **options):
    """Call, and check what is raised."""
    with pytest.raises(CGMError) as caught:
        function(*arguments, **options)
    assert isinstance(caught.value, kind), repr(caught.value)
    message = said(caught.value)
    for word in words.split("|"):
        assert word in message, f"{word!r} isn't in: {message}"


def leftovers(folder):
    return [path for path in Path(folder).rglob(".*") if path.name.startswith((".part-", ".writ"))]


# --- snapshots ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A whole snapshot with its catalogue."""
    folder = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(8)
    filters = {"compression": "gzip", "chunks": True}
    write_snapshot(folder / "snapshot.hdf5", {0: gas_columns(NUMBER, "SIMBA")}, filters=filters)
    places = rng.uniform(0, 25000, (HALOS, 3))
    write_catalogue(folder / "groups.hdf5", places, radius=np.full(HALOS, 200.0))
    return folder


@pytest.fixture
def sim(originals, tmp_path):
    """A copy that a test may break."""
    shutil.copytree(originals, tmp_path, dirs_exist_ok=True)
    return Simulation.from_files(tmp_path / "snapshot.hdf5", tmp_path / "groups.hdf5", "SIMBA")


def test_the_unbroken_input_is_fine(sim):
    assert len(sim.gas()) == NUMBER
    assert len(sim.halos(1e11)) == HALOS


@pytest.mark.parametrize("case", SNAPSHOTS)
def test_a_broken_snapshot(case, sim):
    damage, words = SNAPSHOTS[case]
    damage(sim.snapshot_path)
    refused(FormatError, f"snapshot.hdf5|{words}", lambda: Simulation.gas(sim))


def test_a_snapshot_that_is_not_there(sim):
    sim.snapshot_path.unlink()
    refused(DataNotFoundError, "snapshot.hdf5 isn't there", sim.gas)


def test_a_snapshot_that_is_being_written(sim):
    with open(sim.snapshot_path, "rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        refused(FormatError, "snapshot.hdf5 can't be opened|nothing is writing", sim.gas)


def test_a_snapshot_that_may_not_be_read(sim, monkeypatch):
    def no(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(h5py, "File", no)  # root may read everything
    refused(FormatError, "snapshot.hdf5 can't be opened|Permission denied|permissions", sim.gas)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, 524])
def test_a_file_system_without_locks(sim, monkeypatch, number):
    def no(*arguments, **options):
        raise OSError(number, f"Unable to open file (unable to lock file, errno = {number})")

    monkeypatch.setattr(h5py, "File", no)
    refused(FormatError, "snapshot.hdf5|refuses to lock|HDF5_USE_FILE_LOCKING=FALSE", sim.gas)


def test_a_folder_in_a_list_of_files(sim):
    sim = Simulation.from_files([sim.snapshot_path.parent], sim.snapshot_path.parent)
    refused(FormatError, "it is a folder|snapshot.hdf5|from_files", sim.gas)


@pytest.mark.parametrize("kind", [">f4", ">f8", "f2", "g", "i4"])
def test_numbers_of_another_form_are_the_same_numbers(sim, kind):
    """The mock's columns, written as other machines and compressors write them."""
    expected = sim.gas(["position", "smoothing_length", "electron_abundance", "temperature"])
    names = ["Coordinates"] if kind == "i4" else ["ElectronAbundance", "SmoothingLength"]
    with h5py.File(sim.snapshot_path, "r+") as file:
        for name in names:
            values = file["PartType0"][name][:].astype(kind)
            del file["PartType0"][name]
            file["PartType0"][name] = values
    found = sim.gas(list(expected))
    for name, values in found.items():
        assert values.dtype.isnative
        assert values.dtype.itemsize in (4, 8)
        coarse = {"f2": 1e-3, "i4": 0.3}.get(kind, 1e-6)
        np.testing.assert_allclose(
            values, expected[name], rtol=coarse, atol=1e-3 if kind != "i4" else 1.5, err_msg=name
        )


def test_the_snapshot_of_an_nbody_twin(tmp_path):
    write_snapshot(tmp_path / "dark.hdf5", {1: {"Coordinates": np.ones((3, 3))}})
    refused(FormatError, "no gas|_DM", Simulation.from_files(tmp_path / "dark.hdf5").gas)


# --- catalogues -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", CATALOGUES)
def test_a_broken_catalogue(case, sim):
    damage, words = CATALOGUES[case]
    damage(sim.catalogue_path)
    refused(FormatError, f"groups.hdf5|{words}", sim.halos)


def test_a_catalogue_that_is_not_there(sim):
    sim.catalogue_path.unlink()
    refused(DataNotFoundError, "groups.hdf5 isn't there", sim.halos)


# --- whole simulations: units, names, and what belongs together -------------------------------


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """Two realisations of a mock TNG, and one of SIMBA."""
    from cgmhelpers.mock import writing

    root = tmp_path_factory.mktemp("data")
    for name, numbers in (("IllustrisTNG", (0, 1)), ("SIMBA", (0,))):
        writing.write(root, (name,), numbers, cells=20_000, progress=False)
    return root


@pytest.fixture
def data(suite, tmp_path):
    """A copy that a test may break."""
    return Path(shutil.copytree(suite, tmp_path / "data"))


@pytest.mark.parametrize("case", TOGETHER)
def test_what_does_not_belong_together(case, data, tmp_path):
    damage, words = TOGETHER[case]
    damage(data)
    out = tmp_path / "halos" / "table.parquet"
    sim = Simulation(data, "IllustrisTNG")
    maps = data_stages.Maps(sim, out, tmp_path / "maps.zarr", ("xray",), 11.5, {})
    refused(FormatError, f"{data}|{words}", data_stages.HaloTable(maps).run)
    assert not out.exists()
    assert not leftovers(tmp_path)


# --- maps and stores --------------------------------------------------------------------------


FRAME = {"pixels": 8, "pixel_size": 64.0, "depth": 1000.0}


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"fields": ["radio"]}, ParameterError, "radio|xray"),
        ({"fields": ["hi", "hi"]}, ParameterError, "hi|each once"),
        ({"fields": []}, ParameterError, "at least one"),
        ({"minimum_mass": 1e17}, ResultError, "no halos|1e+17|Lower minimum_mass"),
        ({"pixels": 0}, ParameterError, "pixels|0"),
        ({"pixels": 8.5}, ParameterError, "pixels|8.5"),
        ({"pixel_size": np.nan}, ParameterError, "nan"),
        ({"pixel_size": 1e4}, ParameterError, "box"),
        ({"depth": -1.0}, ParameterError, "-1"),
        ({"depth": 1e6}, ParameterError, "box"),
        ({"backend": "cupy"}, ParameterError, "cupy|numba"),
        ({"options": {"hi": {"method": "guess"}}}, ParameterError, "guess|trident"),
        ({"options": {"hi": {"methods": "trident"}}}, ParameterError, "methods|mean method"),
        ({"options": {"xray": {"emin": 0.3}}}, ParameterError, "xray|aren't mapped|hi"),
        ({"measured": pd.DataFrame({"group": [-1]})}, ParameterError, "log_m_halo|Leave it out"),
    ],
)
def test_maps_that_can_not_be(options, kind, words, suite, tmp_path):
    sim = Simulation(suite, "IllustrisTNG")
    arguments = {"fields": ["hi"], "out": tmp_path / "maps.zarr", "progress": False} | FRAME
    refused(kind, words, making.make, sim, **arguments | options)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def whole_store(suite, tmp_path_factory):
    out = tmp_path_factory.mktemp("maps") / "maps.zarr"
    sim = Simulation(suite, "IllustrisTNG")
    making.make(sim, ["hi"], out, pixels=16, pixel_size=32.0, progress=False)
    return out


def described(change):
    """Edit the JSON that describes a store."""

    def damage(store):
        path = store / "zarr.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


def an_image_file(store):
    return sorted(path for path in (store / "image" / "c").rglob("*") if path.is_file())[0]


STORES = {
    "gone": (shutil.rmtree, DataNotFoundError, "isn't there|maps.make"),
    "empty": (lambda s: (shutil.rmtree(s), s.mkdir()), FormatError, "can't be opened as a map"),
    "cut off": (
        lambda s: os.truncate(s / "zarr.json", 20),
        FormatError,
        "can't be opened as a map",
    ),
    "of another version": (
        described(lambda c: c["attributes"].update(format=99)),
        FormatError,
        "format 99|format 1",
    ),
    "of nobody": (
        described(lambda c: c["attributes"].pop("fingerprint")),
        FormatError,
        "fingerprint",
    ),
    "no images": (lambda s: shutil.rmtree(s / "image"), FormatError, "isn't a map store|image"),
    "no properties": (lambda s: shutil.rmtree(s / "properties"), FormatError, "properties"),
    "no masses": (lambda s: shutil.rmtree(s / "log_mass"), FormatError, "log_mass"),
    "a file lost": (lambda s: an_image_file(s).unlink(), FormatError, "isn't whole|files of image"),
    "properties flipped": (
        lambda s: (s / "properties/c/0/0").write_bytes(b"\0" * 99),
        FormatError,
        "checksum",
    ),
}


@pytest.mark.parametrize("case", STORES)
def test_a_broken_store(case, whole_store, tmp_path):
    damage, kind, words = STORES[case]
    store = Path(shutil.copytree(whole_store, tmp_path / "maps.zarr"))
    assert map_store.open(store).sizes["field"] == 1
    damage(store)
    refused(kind, f"maps.zarr|{words}", map_store.open, store)


def test_a_flipped_bit_in_a_map_does_not_pass(whole_store, tmp_path):
    """Lazy images are read by xarray, with zarr's error; a run looks before it trains."""
    store = Path(shutil.copytree(whole_store, tmp_path / "maps.zarr"))
    verify(store)
    path = an_image_file(store)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        map_store.open(store)["image"].load()
    refused(FormatError, f"{store} is damaged|block 0 of image|checksum", verify, store)
    task = Task([store], ["hi"], "ideal", size=16)
    refused(
        FormatError, f"{store} is damaged", network_stages.Training(task, tmp_path / "network").run
    )


def test_stores_of_different_pixels(whole_store, suite, tmp_path):
    sim = Simulation(suite, "SIMBA")
    making.make(sim, ["hi"], tmp_path / "b.zarr", pixels=8, pixel_size=64.0, progress=False)
    refused(
        FormatError, "don't fit together|16|8", map_store.open, [whole_store, tmp_path / "b.zarr"]
    )
    refused(ParameterError, "no map stores|empty", map_store.open, [])


# --- training and networks --------------------------------------------------------------------

SHORT = TrainingSettings(epochs=1, batch_size=16, channels=2, schedule="one_cycle", threads=1)


def with_images(change):
    def damage(ds):
        images = ds["image"].values.copy()
        change(images)
        return ds.assign(image=(ds["image"].dims, images))

    return damage


def put(value):
    return with_images(lambda images: images[3].__setitem__(..., value))


TRAININGS = {
    "maps not numbers": (put(np.nan), {}, FormatError, "xray|nan|maps were made"),
    "infinite maps": (put(np.inf), {}, FormatError, "xray|inf"),
    "a field that isn't there": (None, {"fields": ["hi", "radio"]}, ParameterError, "radio"),
    "no field": (None, {"fields": []}, ParameterError, "fields can't be chosen"),
    "unknown limits": (None, {"limits": "none"}, ParameterError, "none|ideal"),
    "no limits": (None, {"limits": None}, ParameterError, "no limits"),
    "a size that doesn't divide": (None, {"size": 6}, ParameterError, "6|divisor of 16"),
    "an unknown split": (None, {"split_by": "galaxy"}, ParameterError, "galaxy|realisation"),
    "too few realisations": (
        lambda ds: ds.isel(halo=ds["realisation"].values < 2),
        {"split_by": "realisation"},
        ParameterError,
        "without halos|at least three",
    ),
    "too few maps": (lambda ds: ds.isel(halo=slice(6)), {}, ParameterError, "batch"),
    "no halos": (lambda ds: ds.isel(halo=slice(0)), {}, ParameterError, "halo"),
    "a property missing": (lambda ds: ds.isel(property=slice(5)), {}, FormatError, "log_t_cgm"),
    "no halo has gas": (
        lambda ds: ds.assign(properties=ds["properties"] * np.nan),
        {},
        ParameterError,
        "0 halos",
    ),
    "halos twice": (
        lambda ds: ds.isel(halo=np.r_[0:60, 0]),
        {},
        ParameterError,
        "twice|Give each map store",
    ),
}


@pytest.mark.parametrize("case", TRAININGS)
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_a_training_that_can_not_be(case, tmp_path):
    damage, options, kind, words = TRAININGS[case]
    ds = blobs() if damage is None else damage(blobs())
    options = {"fields": ["xray", "hi"], "limits": "ideal", **options}
    fields, limits = options.pop("fields"), options.pop("limits")
    folder = tmp_path / "network"
    refused(kind, words, train, ds, fields, limits, folder, SHORT, progress=False, **options)
    assert not (folder / checkpoint.WEIGHTS).exists()
    assert not leftovers(tmp_path)


@pytest.mark.parametrize(
    ("fractions", "words"),
    [((0.6, 0.2, 0.1), "add up to 1"), ((1, 0, 0), "positive"), ((0.5, 0.5), "three")],
)
def test_a_split_that_can_not_be(fractions, words):
    refused(ParameterError, words, splits.split, samples.halo_table(blobs()), "halo", fractions)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    return train(blobs(), ["xray", "hi"], "ideal", folder, SHORT, progress=False)


def description(change):
    def damage(folder):
        path = folder / checkpoint.DESCRIPTION
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


def flipped(folder):
    path = folder / checkpoint.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-50] ^= 1
    path.write_bytes(content)


NETWORKS = {
    "unfinished": (
        lambda f: (f / checkpoint.DESCRIPTION).unlink(),
        DataNotFoundError,
        "no trained network",
    ),
    "no weights": (
        lambda f: (f / checkpoint.WEIGHTS).unlink(),
        DataNotFoundError,
        "weights.safetensors",
    ),
    "weights cut off": (
        lambda f: os.truncate(f / checkpoint.WEIGHTS, 999),
        FormatError,
        "weights.safetensors",
    ),
    "one bit flipped": (flipped, FormatError, "SHA-256"),
    "weights of code": (
        lambda f: (f / checkpoint.WEIGHTS).write_bytes(b"\x80\x04cos\nsystem\n."),
        FormatError,
        "can't be read|safetensors",
    ),
    "a description in words": (
        lambda f: (f / checkpoint.DESCRIPTION).write_text("a network"),
        FormatError,
        "network.json",
    ),
    "of another version": (
        description(lambda d: d.update(format=9)),
        FormatError,
        "another format|9",
    ),
    "of other channels": (
        description(lambda d: d["network"].update(channels=3)),
        FormatError,
        "don't fit",
    ),
    "of another size": (
        description(lambda d: d["network"].update(size=32)),
        FormatError,
        "don't fit",
    ),
    "of another field": (
        description(lambda d: d["network"].update(in_channels=1)),
        FormatError,
        "don't fit",
    ),
    "of an impossible size": (
        description(lambda d: d["network"].update(size=-4)),
        FormatError,
        "doesn't describe a network",
    ),
    "without scaling": (description(lambda d: d.pop("scaling")), FormatError, "scaling"),
    "an unknown layer": (
        description(lambda d: d["network"].update(shell="rm")),
        FormatError,
        "shell",
    ),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_a_broken_network(case, trained, tmp_path):
    damage, kind, words = NETWORKS[case]
    folder = Path(shutil.copytree(trained, tmp_path / "network"))
    prediction.load(folder)
    damage(folder)
    refused(kind, f"{folder}|{words}", prediction.load, folder)


def test_maps_that_do_not_fit_the_network(trained):
    predict = prediction.load(trained)
    refused(ParameterError, "number of fields|xray, hi", predict, np.ones((2, 1, 16, 16)))
    refused(ParameterError, "shape|16", predict, np.ones((2, 2, 8, 8)))
    refused(FormatError, "pixels|nan", predict, np.full((1, 2, 16, 16), np.nan))
    only = blobs(fields=["xray"])
    refused(ParameterError, "fields|hi", prediction.predict, trained, only)
    coarse = blobs(size=8)
    refused(ParameterError, "16|divisor of 8", prediction.predict, trained, coarse)
    refused(ParameterError, "parts|exam", prediction.predict, trained, blobs(), ["exam"])


def test_an_unfinished_training_that_was_damaged(tmp_path):
    (tmp_path / checkpoint.RESUME).write_bytes(b"half")
    arguments = (blobs(), ["hi"], "ideal", tmp_path, SHORT)
    refused(FormatError, "resume.safetensors|train again", train, *arguments, progress=False)


@pytest.mark.parametrize("name", ["rmse", "r2", "reduced_chi2", "coverage"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_a_number_never_reaches_a_metric(name, bad):
    truth = np.linspace(0, 1, 12).reshape(6, 2)
    mean, std = truth + 0.1, np.full_like(truth, 0.1)
    mean[2, 1] = bad
    arguments = (truth, mean) if name in ("rmse", "r2") else (truth, mean, std)
    refused(ParameterError, "mean|1 of 12", getattr(metrics, name), *arguments)


# --- parameters -------------------------------------------------------------------------------

PARAMETERS = {
    "unknown": ({"epoch": 3}, "epoch|epochs"),
    "a word for a number": ({"epochs": "three"}, "epochs|three"),
    "a fraction of an epoch": ({"epochs": 2.5}, "epochs|2.5"),
    "no epoch": ({"epochs": 0}, "epochs|greater"),
    "a rate without end": ({"learning_rate": float("inf")}, "learning_rate|inf"),
    "a size not a number": ({"pixel_size": float("nan")}, "pixel_size|nan"),
    "all dropped": ({"dropout": 1.0}, "dropout|1.0"),
    "mass in Msun": ({"minimum_log_mass": 3e11}, "minimum_log_mass|17"),
    "limits without fields": ({"fields": []}, "fields|at least 1"),
    "no limits": ({"limits": []}, "limits|at least 1"),
    "unknown limits": ({"limits": ["deep"]}, "limits|ideal"),
    "an unknown field": ({"fields": ["radio"]}, "radio"),
    "a field twice": ({"fields": ["hi", "hi"]}, "fields|once"),
    "maps that don't divide": ({"map_size": 48}, "map_size|divisor"),
    "maps not a power of two": ({"pixels": 96, "map_size": 48}, "map_size|power of two"),
    "no realisation": ({"realisations": 0}, "realisations|greater"),
    "a realisation twice": ({"realisations": [1, 1]}, "realisations|once"),
    "a negative realisation": ({"realisations": [-1]}, "realisations|-1"),
    "a negative seed": ({"seed": -1}, "seed|-1"),
    "an unknown split": ({"split_by": "galaxy"}, "split_by|halo"),
    "a list that isn't": ({"fields": "[xray"}, "[xray|YAML"),
    "mock of an unknown suite": ({"suites": ["Enzo"]}, "Enzo|data_root"),
    "mock of a named realisation": ({"realisations": ["p1_2"]}, "p1_2|data_root"),
    "a run above its folder": ({"run": "../../x"}, "run|../../x"),
    "a run anywhere": ({"run": "/tmp/x"}, "run|/tmp/x"),
    "a hidden run": ({"run": ".ssh"}, "run|.ssh"),
    "a set above its folder": ({"set_name": "../CV"}, "set_name|../CV"),
    "a suite above its folder": ({"suites": ["../../etc"]}, "suites|../../etc"),
    "a realisation above its folder": ({"realisations": ["0/../../x"]}, "realisations|/../"),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_that_can_not_be(case):
    given, words = PARAMETERS[case]
    refused(ParameterError, words, profiles.read, "smoke", **given)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs: [1", "mine.yml|YAML"),
        ("- epochs", "mine.yml|list|name: value"),
        ("run: !!python/object/apply:os.system ['true']", "mine.yml|python/object"),
        ("run: \x00", "mine.yml|YAML"),
        ("epochs: 3", "mine.yml|Field required"),
    ],
)
def test_a_profile_that_can_not_be(text, words, tmp_path):
    (tmp_path / "mine.yml").write_text(text)
    refused(ParameterError, words, profiles.read, str(tmp_path / "mine.yml"))


# --- the command line -------------------------------------------------------------------------


def command(arguments, monkeypatch, capsys):
    """Run `cgm` in this process; exit status and standard error."""
    monkeypatch.setattr(sys, "argv", ["cgm", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, " ".join(capsys.readouterr().err.split())


def maps_of(data, runs, *pairs):
    pairs = ("workers=1", "suites=IllustrisTNG", "realisations=1", *pairs)
    settings = [f"data_root={data}", f"runs={runs}", "pixels=16", "map_size=16", *pairs]
    return ["maps", "--profile", "smoke", *(word for pair in settings for word in ("-s", pair))]


COMMANDS = {
    "an unknown parameter": (["epoch=3"], None, "epoch"),
    "YAML that isn't": (["fields=[xray"], None, "fields=[xray|YAML"),
    "a run elsewhere": (["run=../../x"], None, "run|../../x"),
    "an unknown cluster": (["cluster=moon"], None, "cluster|moon"),
    "more realisations than exist": (["realisations=3"], None, "IllustrisTNG/CV_2 isn't there"),
    "a suite that isn't there": (["suites=Astrid"], None, "Astrid/CV_0 isn't there"),
    "another snapshot": (["snapshot=14"], None, "snapshot_014.hdf5"),
    "no halo so heavy": (["minimum_log_mass=16.0"], None, "no halo in the sample"),
    "a snapshot cut off": (
        [],
        lambda root: truncated(0.5)(snapshot(root)),
        "snapshot_090.hdf5|cut off",
    ),
    "a catalogue of another box": (
        [],
        lambda root: shutil.copy(catalogue(root, realisation=1), catalogue(root)),
        "groups_090.hdf5|doesn't belong to",
    ),
    "a density not a number": (
        [],
        lambda root: column("Density", first(np.nan))(snapshot(root)),
        "PartType0|density|Density",
    ),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_ends_with_a_message(case, request, tmp_path, monkeypatch, capsys):
    pairs, damage, words = COMMANDS[case]
    root = request.getfixturevalue("suite" if damage is None else "data")
    if damage:
        damage(root)
    runs = tmp_path / "runs"
    status, message = command(maps_of(root, runs, *pairs), monkeypatch, capsys)
    assert status == 1
    assert "Error: " in message
    assert "Traceback" not in message
    for word in words.split("|"):
        assert word in message
    assert not leftovers(tmp_path)
    assert not list(runs.rglob("*.zarr"))


def test_a_traceback_is_there_for_the_asking(suite, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["cgm", "--traceback", *maps_of(suite, tmp_path, "epoch=3")])
    with pytest.raises(ParameterError, match="epoch"):
        cli.main()


@pytest.mark.slow
def test_workers_end_with_one_message(data, tmp_path):
    """Processes of a cluster have a standard error of their own."""
    truncated(0.5)(snapshot(data))
    arguments = maps_of(data, tmp_path / "runs", "workers=2", "suites=IllustrisTNG,SIMBA")
    code = "from cgmhelpers.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "snapshot_090.hdf5" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_notebook_that_fails_ends_with_a_message(suite, tmp_path, monkeypatch, capsys):
    arguments = maps_of(suite, tmp_path / "runs", "suites=Astrid")[1:]
    arguments = ["run", "--notebook", "01_simulations", *arguments]
    status, message = command(arguments, monkeypatch, capsys)
    assert status == 1
    assert "notebook 01_simulations failed" in message
    assert "Astrid/CV_0 isn't there" in message
    assert not list((tmp_path / "runs").rglob("*.ipynb"))


# --- disks, networks, configurations ------------------------------------------------------------


def test_a_full_disk(tmp_path):
    """The system refuses files beyond 1 MB, as a quota does."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))\n"
        "from cgmhelpers.cli import main; main()"
    )
    arguments = ["mock", str(tmp_path / "root"), "--suite", "SIMBA", "--cells", "20000"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "can't be written" in done.stderr
    assert "Make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert not leftovers(tmp_path)
    assert not discovery.discover(tmp_path / "root")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT])
def test_a_folder_that_may_not_be_written_to(number, suite, tmp_path, monkeypatch, capsys):
    def no(self, *arguments, **options):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "mkdir", no)  # root may write everywhere
    status, message = command(maps_of(suite, tmp_path / "runs"), monkeypatch, capsys)
    assert status == 1
    assert os.strerror(number) in message
    assert f"{tmp_path / 'runs'}" in message
    assert "Traceback" not in message
    assert list(tmp_path.iterdir()) == []


def test_a_store_on_a_full_disk(suite, tmp_path, monkeypatch):
    sim = Simulation(suite, "IllustrisTNG")

    def full(dataset, target, **options):
        Path(target).mkdir()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("xarray.Dataset.to_zarr", full)
    out = tmp_path / "maps.zarr"
    options = {"pixels": 8, "pixel_size": 64.0, "progress": False}
    refused(StorageError, f"{out}|No space left", making.make, sim, ["hi"], out, **options)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with files.whole(tmp_path / "store") as temporary:
        (tmp_path / temporary.name.replace(str(os.getpid()), str(child.pid))).mkdir()
        others = tmp_path / temporary.name.replace(str(os.getpid()), "1")
        others.mkdir()  # process 1 lives
        temporary.mkdir()
    with files.whole(tmp_path / "store") as temporary:
        temporary.mkdir()
    assert sorted(tmp_path.iterdir()) == sorted([others, tmp_path / "store"])


def test_no_apec_files_and_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("CGM_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    refused(DataNotFoundError, "couldn't be fetched|CGM_CACHE", bands.load_band, 0.31, 0.77)
    assert not list(tmp_path.rglob("*.h5"))
    refused(ParameterError, "2.0-0.5 keV", bands.load_band, 2.0, 0.5)


def test_a_trident_configuration_that_points_nowhere(tmp_path):
    """Trident would ask a question and download; here it takes the table that is shipped."""
    (tmp_path / ".trident").mkdir()
    text = "[Trident]\nion_table_dir = /nowhere\nion_table_file = none.h5\n"
    (tmp_path / ".trident" / "config.tri").write_text(text)
    code = (
        "from helpers.tridents import import_trident\n"
        "trident = import_trident()\n"
        "print(trident.ion_balance.ion_table_filepath)"
    )
    environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(hydrogen.table_path()) in done.stdout
    assert (tmp_path / ".trident" / "config.tri").read_text() == text


# --- what is unusual and right ------------------------------------------------------------------


def test_halos_without_gas_are_blank_and_counted(tmp_path, caplog):
    """A halo far from all gas: maps of zeros, and properties that say that they aren't there."""
    gas = gas_columns(NUMBER, "SIMBA")
    gas["Coordinates"] = (gas["Coordinates"] * 0.01).astype("f4")
    gas["SmoothingLength"] = np.full(NUMBER, 5.0, "f4")
    write_snapshot(tmp_path / "s.hdf5", {0: gas})
    write_catalogue(tmp_path / "g.hdf5", [[12e3, 12e3, 12e3]], radius=[200.0])
    sim = Simulation.from_files(tmp_path / "s.hdf5", tmp_path / "g.hdf5")
    ds = making.make(sim, ["hi"], pixels=8, pixel_size=64.0, progress=False)
    assert (ds["image"].values == 0).all()
    assert np.isnan(ds["properties"].values).any()

    ds = blobs()
    ds["properties"][4:7] = np.nan
    train(ds, ["hi"], "ideal", tmp_path / "network", SHORT, progress=False)
    assert "3 of 60 halos have a property that isn't finite" in caplog.text


def test_a_run_of_its_own_name_is_written(tmp_path):
    """The guard against paths doesn't refuse what people call their runs."""
    for name in ("quick", "2026-01-31", "TNG_LH.2", "p1_n2"):
        assert profiles.read("smoke", run=name).run == name
    text = yaml.safe_dump(profiles.read("smoke").model_dump() | {"run": "mine"})
    (tmp_path / "mine.yml").write_text(text)
    assert profiles.read(str(tmp_path / "mine.yml")).run == "mine"


def test_a_store_of_today_says_its_format(whole_store):
    assert map_store.open(whole_store).attrs["format"] == FORMAT
