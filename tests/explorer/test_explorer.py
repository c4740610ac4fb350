"""What explorers compute, hand out and put onto pages; how it looks is tested in tests/book."""

import base64
import io
import json
import re
import time
import zlib

import numpy as np
import pandas as pd
import pytest
import torch
from astropy import units
from astropy.io import fits
from astropy.wcs import WCS
from helpers.explorer_stores import BOX, SUITES, write_store
from PIL import Image
from scipy import stats

from cgmhelpers.emission import fields
from cgmhelpers.errors import DataNotFoundError, ParameterError
from cgmhelpers.explorer import export, live
from cgmhelpers.explorer.changed import gaussian_noise, images_of, limited
from cgmhelpers.explorer.choice import Choice
from cgmhelpers.explorer.collection import Collection
from cgmhelpers.explorer.computing import LIBRARY, write_computing
from cgmhelpers.explorer.description import describe, script, start
from cgmhelpers.explorer.scene import estimate, scene
from cgmhelpers.explorer.static import DEPTHS, chosen_halos, page
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.inference import prediction
from cgmhelpers.maps import decoding, store
from cgmhelpers.network import training
from cgmhelpers.network.settings import TrainingSettings

BOTH = ("xray", "hi")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Write a store for each suite; give the paths and the halos' positions."""
    folder = tmp_path_factory.mktemp("stores")
    tables = {suite: write_store(folder / f"{suite}.zarr", suite) for suite in SUITES}
    return [folder / f"{suite}.zarr" for suite in SUITES], pd.concat(tables.values())


@pytest.fixture(scope="module")
def networks(stores, tmp_path_factory):
    """Train tiny networks of one suite, for both limits, in an epoch."""
    folder = tmp_path_factory.mktemp("networks")
    settings = TrainingSettings(epochs=1, channels=2, batch_size=4, threads=1)
    rows = []
    for limits in ("ideal", "survey"):
        training.train(
            stores[0][0], BOTH, limits, folder / limits, settings, size=16, split_by="halo",
            progress=False,
        )  # fmt: skip
        rows.append(("IllustrisTNG", "xray+hi", limits, folder / limits))
    return pd.DataFrame(rows, columns=["suite", "fields", "limits", "folder"])


@pytest.fixture
def collection(stores):
    """Open the three suites, without networks."""
    return Collection(stores[0], stores[1], BOX, source="made up")


@pytest.fixture
def with_networks(stores, networks):
    """Open the three suites with the networks of one."""
    return Collection(stores[0], stores[1], BOX, networks)


def stored(stores, number, axis="x"):
    """Read a halo's maps from the store itself."""
    ds = store.open(stores[0][number // 6])
    return ds["image"].isel(halo=number % 6).sel(axis=axis).values


# --- scenes -----------------------------------------------------------------------------


def test_levels_are_the_logarithm_of_the_stored_map(collection, stores):
    image = stored(stores, 7, "z")
    found = scene(collection, Choice(7, "z", BOTH))
    for picture, values in zip(found["images"], image, strict=True):
        levels = np.frombuffer(picture["levels"], np.uint8).reshape(values.shape)
        width = picture["high"] - picture["low"]
        shown = picture["low"] + levels / 255 * width
        above = np.log10(values) > picture["low"]
        assert above.mean() > 0.3
        # Half a level, and the rounding of low and high to four digits.
        np.testing.assert_allclose(shown[above], np.log10(values[above]), atol=width / 510 + 1e-4)


@pytest.mark.parametrize(
    ("limits", "depth", "limit", "fill"),
    [("ideal", 0, 1e10, 1e10), ("survey", 0, 1, 1), ("own", 1, 10, 1), ("own", -1, 0.1, 0.1)],
)
def test_pixels_below_a_limit_get_the_fill_of_the_training(
    collection, stores, limits, depth, limit, fill
):
    unit = 1 if limits == "ideal" else fields.get("hi").survey_limit
    image, chosen = stored(stores, 3)[1], Choice(3, fields=("hi",), limits=limits, depth=depth)
    (found,) = limited(collection, chosen)
    lit = image >= limit * unit
    assert lit.any()
    assert lit.all() == (limit <= 0.1 or limits == "ideal")
    np.testing.assert_array_equal(found[lit], image[lit])
    np.testing.assert_allclose(found[~lit], fill * unit, rtol=1e-6)


def test_twins_are_the_same_halo_of_the_other_suites(collection):
    found = scene(collection, Choice(2, fields=BOTH))["twins"]
    assert found == {"SIMBA": 8, "Astrid": 14}
    assert collection.table.loc[list(found.values()), "log_mass"].nunique() == 1


def test_without_positions_there_are_no_twins(stores):
    assert Collection(stores[0]).twins(0) == {}


def test_reader_changes_the_maps(collection, stores):
    """A brighter field, another suite's, and a circle without signal, each where it belongs."""
    changes = {"brightness": {"xray": 0.5}, "swapped": {"hi": "Astrid"}}
    masked = [(0.0, 0.0, 40.0), (-100.0, 180.0, 30.0)]
    images = limited(collection, Choice(2, "y", BOTH, masked=masked, **changes))
    place = (np.arange(32) - 15.5) * 16
    hidden = np.any([np.hypot(place - x, place[:, None] - y) <= r for x, y, r in masked], axis=0)
    assert hidden[20:, :16].sum() > 3  # up on the left
    for name, image, halo, factor in zip(BOTH, images, (2, 14), (10**0.5, 1), strict=True):
        known = stored(stores, halo, "y")[BOTH.index(name)]
        np.testing.assert_allclose(image[~hidden], known[~hidden] * factor, rtol=1e-6)
        np.testing.assert_allclose(image[hidden], fields.get(name).floor, rtol=1e-6)
    np.testing.assert_array_equal(limited(collection, Choice(2, "y", BOTH)), stored(stores, 2, "y"))


def test_noise_is_as_strong_as_asked_and_averages_out(collection, stores):
    """Three eighths of the survey's limit on every stored pixel, less where these are averaged."""
    noisy = images_of(collection, Choice(2, "y", BOTH, noise={"hi": 0.375}))
    known = stored(stores, 2, "y").astype(np.float64)
    np.testing.assert_array_equal(noisy[0], known[0].astype(np.float32))
    limit = fields.get("hi").survey_limit
    added = (noisy[1] - known[1])[known[1] < 1e3 * limit] / limit
    assert added.size > 300
    assert added.std() == pytest.approx(0.375, rel=0.1)
    assert abs(added.mean()) < 0.06
    for side in (64, 128):
        noise = gaussian_noise(side, 1)
        assert stats.kstest(noise.ravel(), "norm").pvalue > 0.01
        assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.03
        assert abs(np.corrcoef(noise.ravel(), gaussian_noise(side, 0).ravel())[0, 1]) < 0.03
    coarse = images_of(collection, Choice(2, "y", BOTH, noise={"hi": 0.375}), 8)[1]
    np.testing.assert_allclose(coarse, noisy[1].reshape(8, 4, 8, 4).mean(axis=(1, 3)), rtol=1e-5)


def test_own_map_takes_the_place_of_the_halos(with_networks, stores):
    """The map of another halo, handed in, gives what that halo gives; half a map is refused."""
    dropped = {
        name: np.log10(one).astype("<f4").tobytes()
        for name, one in zip(BOTH, stored(stores, 4, "z"), strict=True)
    }
    own = Choice(2, "x", BOTH, "survey", dropped=dropped)
    expected = estimate(with_networks, Choice(4, "z", BOTH, "survey"))
    np.testing.assert_allclose(estimate(with_networks, own)["mean"], expected["mean"], atol=1e-4)
    for wrong in ({"hi": dropped["hi"]}, dropped | {"hi": dropped["hi"][:-4]}):
        with pytest.raises(ParameterError, match="no such map"):
            estimate(with_networks, Choice(2, "x", BOTH, "survey", dropped=wrong))


def test_answer_is_distributed_over_the_pixels(with_networks, networks):
    found = estimate(with_networks, Choice(5, "x", BOTH, "survey", why="f_cool"))
    values = {name: np.frombuffer(one, "<f4") for name, one in found["why"].items()}
    assert {name: one.size for name, one in values.items()} == dict.fromkeys(BOTH, 16 * 16)
    predictor = prediction.load(networks.set_index("limits").loc["survey", "folder"])
    blank = predictor(np.zeros((1, 2, 16, 16), np.float32))[0][0]
    assert found["blank"] == pytest.approx(blank[predictor.properties.index("f_cool")], abs=1e-5)
    sums = {name: np.abs(one).sum() for name, one in values.items()}
    whole = sum(map(np.sum, values.values()))
    assert whole == pytest.approx(found["mean"][4] - found["blank"], abs=1e-5)
    assert min(sums.values()) > 1e-3


def test_twins_beside_a_halo_change_as_it_does_but_for_what_is_its_own(with_networks):
    chosen = Choice(2, "y", BOTH, "survey", brightness={"hi": 0.5}, swapped={"hi": "SIMBA"},
                    beside=True)  # fmt: skip
    found = scene(with_networks, chosen)
    assert [one["halo"] for one in found["others"]] == list(with_networks.twins(2).values())
    for one in found["others"]:
        alone = scene(with_networks, Choice(one["halo"], "y", BOTH, "survey",
                                            brightness={"hi": 0.5}))  # fmt: skip
        assert one == alone


@pytest.mark.parametrize(
    "chosen",
    [
        {"axis": "w"},
        {"limits": "eRASS"},
        {"fields": ()},
        {"fields": ("radio",)},
        {"halo": 99},
        {"brightness": {"radio": 1.0}},
        {"brightness": {"hi": np.nan}},
        {"noise": {"hi": -1.0}},
        {"noise": {"radio": 1.0}},
        {"why": "colour"},
        {"swapped": {"hi": "EAGLE"}},
        {"masked": [(0.0, 1.0)]},
        {"masked": [(0.0, np.inf, 1.0)]},
    ],
)
def test_choice_that_cannot_be_is_refused(collection, chosen):
    with pytest.raises(ParameterError):
        scene(collection, Choice(**{"halo": 0, "fields": BOTH} | chosen))


def test_missing_stores_are_refused(tmp_path):
    with pytest.raises(DataNotFoundError):
        Collection(tmp_path / "nothing.zarr")
    with pytest.raises(ParameterError, match="no maps"):
        Collection([])


# --- networks ---------------------------------------------------------------------------


@pytest.mark.parametrize("limits", ["ideal", "survey"])
def test_network_infers_as_in_the_table_of_predictions(with_networks, networks, stores, limits):
    folder = networks.set_index("limits").loc[limits, "folder"]
    table = prediction.predict(folder, stores[0][0], ("training", "validation", "test"), axis="y")
    for number in (0, 5):
        group = with_networks.table.loc[number, "group"]
        own = table[table["group"] == group].set_index("property").loc[list(NAMES)]
        found = estimate(with_networks, Choice(number, "y", BOTH, limits))
        assert f"IllustrisTNG, X-ray + HI, {limits}" in found["network"]
        np.testing.assert_allclose(found["mean"], own["mean"], rtol=1e-5)
        np.testing.assert_allclose(found["std"], own["std"], rtol=1e-5)


def test_own_limits_change_what_the_network_infers_above_the_survey_only(with_networks):
    own = {
        depth: estimate(with_networks, Choice(5, "x", BOTH, "own", depth))
        for depth in (-1.0, 0.0, 1.5)
    }
    survey = estimate(with_networks, Choice(5, "x", BOTH, "survey"))
    assert own[-1.0] == own[0.0] == survey
    assert own[1.5]["mean"] != survey["mean"]


def test_limit_that_hides_all_is_what_a_blank_sky_is_to_the_network(with_networks, networks):
    """Far above the survey's limit a network must see its own blank map, not a bright one."""
    predictor = prediction.load(networks.set_index("limits").loc["survey", "folder"])
    mean, std = predictor(np.zeros((1, 2, 16, 16), np.float32))
    found = estimate(with_networks, Choice(5, "x", BOTH, "own", 12.0))
    np.testing.assert_allclose(found["mean"], mean[0], rtol=1e-5)
    np.testing.assert_allclose(found["std"], std[0], rtol=1e-5)


def test_maps_outside_the_training_are_named(with_networks, networks):
    split = pd.read_csv(networks.set_index("limits").loc["survey", "folder"] / "split.csv")
    group = split.loc[split["part"] == "training", "group"].iloc[0]
    table = with_networks.table
    own = table[(table["suite"] == "IllustrisTNG") & (table["group"] == group)]
    assert estimate(with_networks, Choice(own.index[0], "x", BOTH, "survey"))["outside"] == []
    blank = estimate(with_networks, Choice(5, "x", BOTH, "own", 12.0))["outside"]
    assert ["xray", "total", "lower"] in blank
    assert ["hi", "bright", "lower"] in blank


def test_lack_of_a_network_is_said(with_networks, collection):
    nothing = {"mean": None, "std": None, "outside": [], "why": {}, "blank": None}
    alone = estimate(collection, Choice(0, fields=BOTH))
    assert alone == {"network": "no networks", **nothing}
    found = estimate(with_networks, Choice(8, fields=BOTH))
    assert "no network trained on SIMBA" in found["network"]
    assert found["mean"] is None
    other = Choice(8, fields=BOTH, trained_on="IllustrisTNG")
    assert estimate(with_networks, other)["mean"] is not None


def test_first_halo_is_typical(with_networks, collection):
    """Neither the luckiest nor the unluckiest; without networks, in the middle of the masses."""

    def deviation(number):  # numpydoc ignore=GL08
        found = estimate(with_networks, Choice(number, fields=BOTH))
        truth = with_networks.table.loc[number, list(NAMES)].to_numpy(float)
        return np.mean(((found["mean"] - truth) / found["std"]) ** 2)

    deviations = sorted((deviation(number), number) for number in range(6))
    assert start(with_networks).halo == deviations[2][1]
    assert start(with_networks, [5, 1, 12]).halo in (1, 5)
    assert start(collection).halo == 2
    assert start(collection, [0, 4, 5, 9]).halo == 4


def test_number_of_threads_is_as_before(with_networks):
    before = torch.get_num_threads()
    estimate(with_networks, Choice(0, fields=BOTH))
    assert torch.get_num_threads() == before


# --- files ------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", ["ideal", "survey"])
def test_fits_holds_the_map_its_units_and_a_frame_in_kpc(collection, stores, tmp_path, limits):
    chosen = Choice(4, "y", BOTH, limits)
    path = export.map_to_fits(collection, chosen, tmp_path / "map.fits")
    image = stored(stores, 4, "y")
    with fits.open(path) as file:
        file.verify("exception")
        assert file[0].header["SUITE"] == "IllustrisTNG"
        assert file[0].header["GROUP"] == collection.table.loc[4, "group"]
        assert file[0].header["MOCK"] is True
        for one, name, values in zip(file[1:], BOTH, image, strict=True):
            limit = np.float32(fields.get(name).limit(limits))
            np.testing.assert_array_equal(one.data, np.maximum(values, limit))
            assert one.header["LIMIT"] == one.header["FILL"] == pytest.approx(limit)
            assert units.Unit(one.header["BUNIT"]) == units.Unit(fields.get(name).unit)
            frame = WCS(one.header)
            assert [*frame.wcs.ctype] == ["Z", "X"]  # along y: z to the right, x up
            corner = frame.pixel_to_world_values(-0.5, 31.5)
            np.testing.assert_allclose(corner, [-256, 256])
            assert frame.world_axis_units == ["kpc", "kpc"]


def test_picture_is_a_png(collection):
    picture = export.picture(collection, Choice(4, "y", BOTH, "own", 0.5))
    assert Image.open(io.BytesIO(picture)).size[0] > 600


def test_csv_holds_the_listed_halos(collection, tmp_path):
    table = pd.read_csv(export.halos_to_csv(collection, [3, 9], tmp_path / "halos.csv"))
    columns = ["suite", "group", "log_mass", *NAMES]
    pd.testing.assert_frame_equal(
        table[columns], collection.table.loc[[3, 9], columns].reset_index(drop=True)
    )


# --- live -------------------------------------------------------------------------------


def test_widget_answers_every_request_and_says_what_is_wrong(collection):
    widget = live.explore(collection)
    assert widget.scene["halo"] == 2  # of median mass in the first suite
    ask = widget.selection | {"halo": 1, "axis": "z", "request": 0.5}
    widget.selection = ask
    assert (widget.scene["halo"], widget.scene["axis"], widget.scene["request"]) == (1, "z", 0.5)
    widget.selection = ask | {"halo": 99, "request": 0.6}
    assert "No such halo" in widget.scene["problem"]
    widget.selection = ask | {"colour": "red", "request": 0.7}
    assert "selection is invalid" in widget.scene["problem"]
    assert widget.scene["request"] == 0.7


def test_widget_exports_to_its_folder(collection, tmp_path):
    widget = live.explore(collection, tmp_path / "exports")
    assert not (tmp_path / "exports").exists()
    for kind in ("fits", "png", "csv"):
        path = widget.export(kind)
        assert path.parent == tmp_path / "exports"
        assert path.stat().st_size > 100
        assert widget.message == f"Written: {path}"
    widget._answer(widget, {"export": "csv", "halos": [2]}, [])
    assert len(pd.read_csv(tmp_path / "exports" / "halos.csv")) == 1
    widget._answer(widget, {"export": "doc"}, [])
    assert widget.message.startswith("Not written: Unknown export")
    widget.selection = widget.selection | {"noise": {"hi": 0.5}, "request": 0.1}
    assert "noise" in str(fits.getheader(widget.export("fits"))["HISTORY"])
    widget.selection = widget.selection | {"dropped": {"hi": b"1234"}, "request": 0.2}
    widget._answer(widget, {"export": "fits"}, [])
    assert "isn't a halo's" in widget.message


def test_widget_has_a_plain_form(collection):
    data, _ = live.explore(collection)._repr_mimebundle_()
    assert "needs a kernel" in data["text/html"]
    assert any("widget-view" in kind for kind in data)


def test_thousands_of_halos_are_not_read_at_once(tmp_path, monkeypatch):
    """Store of 5000 halos: opening reads no image, showing a halo reads one file of each field."""
    write_store(tmp_path / "many.zarr", "SIMBA", halos=5000, pixels=16)
    opened = []
    decoded = decoding.decoded

    def counted(array, place):
        opened.append(place)
        return decoded(array, place)

    monkeypatch.setattr(decoding, "decoded", counted)
    many = Collection(tmp_path / "many.zarr")
    about = describe(many)
    assert len(about["halos"]["mass"]) == len(many) == 5000
    assert opened == []
    began = time.perf_counter()
    for number in (0, 2500, 4999):
        scene(many, Choice(number, fields=BOTH))
        scene(many, Choice(number, "z", BOTH, "survey"))
    assert len(set(opened)) == len(opened) == 3 * len(BOTH)
    assert time.perf_counter() - began < 5  # 20 ms each; a busy machine may take longer


# --- page -------------------------------------------------------------------------------


def content(markup):
    """Read the data that a page carries."""
    return json.loads(re.search(r'application/json"[^>]*>(.*?)</script>', markup, re.S).group(1))


def test_page_carries_every_scene_that_it_offers(with_networks, stores):
    shown = page(with_networks, [4, 10])
    data = content(shown._repr_html_())
    assert data["about"]["halos"]["number"] == [4, 10]
    assert len(data["scenes"]) == 2 * 3
    assert len(data["moments"]) == 2 * 3 * (1 + len(DEPTHS)) * 3
    added = np.frombuffer(zlib.decompress(base64.b64decode(data["tiles"]["10"])), np.uint8)
    tiles = np.cumsum(added.reshape(3 * 2 * 32, 32), axis=0, dtype=np.uint8)
    picture = data["scenes"]["10/y"]["images"][1]
    levels = np.log10(stored(stores, 10, "y")[1])
    levels = (levels - picture["low"]) / (picture["high"] - picture["low"]) * 255
    np.testing.assert_allclose(tiles[3 * 32 : 4 * 32], np.clip(levels, 0, 255), atol=0.6)
    chosen = Choice(4, "x", BOTH, "own", DEPTHS[5])
    found, expected = data["moments"]["4/x/5/xray+hi"], estimate(with_networks, chosen)
    np.testing.assert_allclose(found["mean"], expected["mean"], atol=1e-5)
    np.testing.assert_allclose(found["std"], expected["std"], atol=1e-5)
    assert found["outside"] == expected["outside"]


def test_page_starts_as_a_figure_and_asks_nobody(collection):
    markup = page(collection, [0])._repr_html_()
    assert '<img src="data:image/png;base64,' in markup
    assert "alt=" in markup
    code = script("page.js") + script("live.js")
    assert not re.search(r"https?://(?!www\.w3\.org)|\bfetch\(|\bimport\b|XMLHttp", code)


def test_page_without_halos_is_refused(collection):
    with pytest.raises(ParameterError, match="no halo"):
        page(collection, [])


def test_chosen_halos_come_with_their_twins(collection):
    numbers = chosen_halos(collection, 3)
    assert sorted(numbers) == [0, 2, 5, 6, 8, 11, 12, 14, 17]


def computed(path):
    """Read what a script hands to the page: a description, and packed numbers."""
    content = path.read_bytes().decode()
    return json.loads(re.fullmatch(r".*?\] = (.*);\n", content, re.S).group(1), strict=False)


def unpacked(text, bits):
    """Read numbers of so many bits from text of seven bits a character."""
    row = "".join(f"{ord(letter) & 127:07b}" for letter in text)
    return np.array([int(row[i : i + bits], 2) for i in range(0, len(row) - bits + 1, bits)])


def test_networks_and_maps_travel_with_16_bits(with_networks, networks, tmp_path, monkeypatch):
    monkeypatch.setattr("cgmhelpers.explorer.computing.FAINTEST", -1.0)  # some are fainter
    written = write_computing(with_networks, [0, 10], [BOTH], tmp_path)
    assert written["networks"] == ["IllustrisTNG/xray+hi"]
    weights = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert weights.keys() == {"IllustrisTNG_xray_hi.js", "halo_0.js", "halo_10.js"}
    heaviest = weights.pop("IllustrisTNG_xray_hi.js") + max(weights.values())
    assert written["bytes"] == LIBRARY + heaviest
    network, *texts = computed(tmp_path / "IllustrisTNG_xray_hi.js")
    predictor = prediction.load(networks.set_index("limits").loc["survey", "folder"])
    kernel = predictor.network.head.FC2.weight.detach().numpy()
    assert {layer["bits"] for layer in network["layers"]} == {16}
    np.testing.assert_allclose(sent(network, texts, -1), kernel.T, atol=2e-5 * np.abs(kernel).max())
    levels = unpacked(computed(tmp_path / "halo_0.js")[1], 16).reshape(3, 2, 16, 16)
    low, high = (np.reshape(written[end], (2, 1, 1)) for end in ("low", "high"))
    shown = low + (levels - 1.0) / 65534 * (high - low)
    known = np.log10(with_networks.images(0, 16))
    seen = levels > 0
    assert 0.2 < seen.mean() < 1
    np.testing.assert_allclose(shown[seen], known[seen], atol=1e-4)
    assert (known[~seen] < np.broadcast_to(low, known.shape)[~seen]).all()


def sent(network, texts, number):
    """Read the kernel of a layer from what travels."""
    layer = network["layers"][number]
    levels = unpacked(texts[number], layer["bits"])[: np.prod(layer["shape"])]
    return (levels.reshape(layer["shape"]) - 2 ** (layer["bits"] - 1)) * layer["scale"]


def test_heavy_network_travels_with_fewer_bits_if_it_stays_close(
    with_networks, networks, tmp_path, monkeypatch, caplog
):
    """With less room, weights have fewer bits; if that moves the moments, it stays at home."""
    write_computing(with_networks, [4], [BOTH], tmp_path)
    maps = (tmp_path / "halo_4.js").stat().st_size
    path = tmp_path / "IllustrisTNG_xray_hi.js"
    network, *texts = computed(path)
    rest = path.stat().st_size - sum(len(text.encode()) for text in texts)
    room = LIBRARY + maps + 1.02 * rest + 0.7 * sum(len(text.encode()) for text in texts)
    monkeypatch.setattr("cgmhelpers.explorer.computing.BUDGET", int(room))
    monkeypatch.setattr("cgmhelpers.explorer.computing.CLOSE", 0.02)
    assert write_computing(with_networks, [4], [BOTH], tmp_path)["bytes"] <= room
    network, *texts = computed(path)
    bits = [layer["bits"] for layer in network["layers"]]
    assert min(bits) < 12 < max(bits)
    sizes = [np.prod(layer["shape"]) for layer in network["layers"]]
    assert bits[np.argmax(sizes)] == min(bits)
    kernel = prediction.load(networks["folder"].iloc[1]).network.features[0].weight.detach().numpy()
    step = np.abs(kernel).max(axis=(1, 2, 3)) / (2 ** (bits[0] - 1) - 1)
    apart = np.abs(sent(network, texts, 0) - np.moveaxis(kernel, (0, 1), (-1, -2)))
    assert (apart <= 0.501 * step).all()
    monkeypatch.setattr("cgmhelpers.explorer.computing.CLOSE", 1e-9)
    assert write_computing(with_networks, [4], [BOTH], tmp_path) is None
    assert "bits a weight move it by" in caplog.text


def test_what_is_too_heavy_stays_at_home(with_networks, collection, tmp_path, monkeypatch):
    assert write_computing(collection, [4], [BOTH], tmp_path) is None  # no networks
    monkeypatch.setattr("cgmhelpers.explorer.computing.BUDGET", LIBRARY + 1000)
    assert write_computing(with_networks, [4], [BOTH], tmp_path) is None
    assert not list(tmp_path.iterdir())
    data = content(page(with_networks, [4], tmp_path)._repr_html_())
    assert data["about"]["computing"] is None
    assert data["about"]["networks"] == []


@pytest.mark.parametrize(
    ("source", "said"), [("mock suite", "mock TNG"), ("CAMELS", "IllustrisTNG")]
)
def test_a_page_of_a_mock_names_the_mock(stores, source, said):
    labels = describe(Collection(stores[0], stores[1], BOX, source=source))["labels"]
    assert labels["IllustrisTNG"] == said
