"""From files to a posterior: the same as from maps in memory, and refusals that say why."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from helpers.skies import DEC, RA, REDSHIFT, TRAINED_FOR, XRAY, at
from typer.testing import CliRunner

from cgmhelpers import cli
from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError, ResultError
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.inference import posterior
from cgmhelpers.inference.posterior import PosteriorSettings
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.sky import files, images, inferring, preparing
from cgmhelpers.sky.looking import look


@pytest.fixture(scope="module")
def maps(visible_maps):
    return visible_maps


def typical(maps):
    """A halo of middling mass."""
    return int(np.argsort(maps["log_mass"].values)[60])


@pytest.fixture(scope="module")
def written(maps, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return files.write(maps, at(REDSHIFT), folder, ra=RA, dec=DEC, halo=typical(maps), seed=11)


def arguments(written, **changes):
    """What `infer` is told of the files."""
    of = {kind: [path for label, path in written.items() if label.startswith(kind)]
          for kind in ("counts", "exposure", "background")}  # fmt: skip
    given = {
        "ra": RA, "dec": DEC, "redshift": REDSHIFT, "xray": of["counts"],
        "exposure": of["exposure"], "background": of["background"], "hi": written["moment0"],
    }  # fmt: skip
    return given | changes


def test_files_give_a_posterior_around_the_truth(network, written, maps):
    found = inferring.infer(network, **arguments(written))
    assert found["samples"].shape == (2000, 6)
    assert found.attrs["verdict"].startswith("usable")
    truth = maps["properties"].isel(halo=typical(maps)).values
    drawn = found["samples"].values
    assert (abs(drawn.mean(axis=0) - truth) < 4 * drawn.std(axis=0)).all()
    table = inferring.summary(found)
    assert (table["q16"] < table["q50"]).all()
    assert table.set_index("property")["unit"]["log_m_halo"] == "log10(Msun)"
    assert len(found.attrs["sha256"]) == 7
    again = inferring.infer(network, **arguments(written))
    assert (again["samples"].values == drawn).all()


@pytest.mark.parametrize("redshift", [0.02, 0.03, 0.04])
def test_what_was_written_and_read_is_what_was_observed(redshift, maps, network, tmp_path):
    """The same halo through files, and through the arrays that would have been written."""
    told = {"ra": RA, "dec": DEC, "halo": typical(maps), "seed": 5}
    written = files.write(maps, at(redshift), tmp_path, **told)
    made = files.products(maps, at(redshift), **told)
    memory = {
        label: images.from_hdus(hdus, name)
        for label, (name, hdus) in made.items()
        if label != "events"
    }
    by_files, in_memory = (
        look(TRAINED_FOR, 4.0, 32, **(arguments(one) | {"redshift": redshift}))
        for one in (written, memory)
    )
    for name in ("input", "value", "noise", "counts"):
        assert in_memory[name].values == pytest.approx(by_files[name].values, rel=1e-6, nan_ok=True)
    joint = posterior.load(network)
    first, second = (joint.sample(one["input"].values[None], 200) for one in (by_files, in_memory))
    assert second == pytest.approx(first, rel=1e-4, abs=1e-6)


def test_the_predicted_maps_are_as_bright_as_the_object(network, written):
    found = inferring.infer(network, **arguments(written))
    seen = found["value"].where(found["seen"]).sum(("y", "x"))
    assert found["expected"].shape == found["value"].shape
    ratio = (found["expected"].sum(("y", "x")) / seen).values
    assert ((ratio > 0.2) & (ratio < 5)).all()  # the posterior of this network is wide
    assert 0.001 < found.attrs["score"] <= 1


def test_an_event_list_gives_what_its_images_give(network, written):
    by_events = arguments(
        written, xray=[written["events"]], exposure=[XRAY.exposure], background=[]
    )
    first, second = (inferring.infer(network, **one) for one in (arguments(written), by_events))
    assert second["counts"].sum() == pytest.approx(first["counts"].sum().item(), abs=25)
    assert second["exposure"].values == pytest.approx(first["exposure"].values)
    assert second["background"].values == pytest.approx(first["background"].values, rel=1e-3)
    means = [one["samples"].values.mean(axis=0) for one in (first, second)]
    assert (abs(means[0] - means[1]) < 1.5 * first["samples"].values.std(axis=0)).all()


def test_what_the_network_is_given_looks_like_its_training(written, maps):
    """Value and noise of files against the same halo observed in memory."""
    found = look(TRAINED_FOR, 4.0, 32, **arguments(written))
    one = maps.isel(halo=[typical(maps)] * 30)
    memory = at(REDSHIFT).observe(one, seed=3)["image"].sel(axis="x").values.astype(float)
    inputs = found["input"].values
    for channel in (2, 3):
        assert np.median(inputs[channel]) == pytest.approx(np.median(memory[:, channel]), rel=0.15)
    for channel in (0, 1):
        scatter = memory[:, channel].std(axis=0) + np.median(memory[:, 2 + channel])
        scatter += 0.05 * memory[:, channel].mean(axis=0)  # pixels are interpolated
        apart = (inputs[channel] - memory[:, channel].mean(axis=0)) / scatter
        assert abs(np.mean(apart)) < 0.25  # of about 50 beams
        assert np.sqrt(np.mean(apart**2)) < 1.5
    assert inputs[4, 0, 0] == pytest.approx(REDSHIFT)


def test_masked_and_unseen_pixels_are_told_to_the_network(written, tmp_path):
    (tmp_path / "sources.csv").write_text(f"RA,DEC,RADIUS\n{RA + 0.015},{DEC},20\n")
    found = look(TRAINED_FOR, 4.0, 32, **arguments(written, cut=[tmp_path / "sources.csv"]))
    hidden = ~found["seen"].values[0]
    assert hidden.sum() == pytest.approx(np.pi * (20 / found.attrs["pixel_arcsec"]) ** 2, rel=0.2)
    noise = found["noise"].values[0]
    assert found["input"].values[2][hidden] == pytest.approx(1000 * noise[hidden], rel=1e-6)
    assert found["input"].values[0][hidden] == pytest.approx(noise[hidden], rel=1e-6)
    assert found["seen"].values[1].all()
    assert np.isnan(found["counts"].values[hidden]).all()


def test_more_absorption_means_more_light_for_the_same_counts(written):
    first, second = (
        look(TRAINED_FOR, 4.0, 32, **arguments(written, column_density=one)) for one in (3e20, 1e21)
    )
    ratio = second["value"].values[0] / first["value"].values[0]
    expected = (
        XRAY.counts_per_fluence()
        / XRAY.model_copy(update={"column_density": 1e21}).counts_per_fluence()
    )
    assert ratio == pytest.approx(expected, rel=1e-6)
    assert expected > 1.1


def changed(path, tmp_path, values=None, **header):
    """A copy of an image with other values or another header."""
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    with fits.open(copy, mode="update") as hdus:
        if values is not None:
            hdus[0].data = np.asarray(values(hdus[0].data.astype(float)), np.float32)
        for key, value in header.items():
            hdus[0].header[key] = value
    return copy


def with_counts(values=None, **header):
    """Change the first image of counts."""
    return lambda given, path: {
        "xray": [changed(given["xray"][0], path, values, **header), given["xray"][1]]
    }


def with_hi(values=None, **header):
    return lambda given, path: {"hi": changed(given["hi"], path, values, **header)}


def holed(values):
    middle = len(values) // 2
    values[middle - 2 : middle + 3, middle - 2 : middle + 3] = np.nan
    return values


def absorbed(values):
    middle = len(values) // 2
    values[middle - 3 : middle + 3, middle - 3 : middle + 3] = -30 * values.std()
    return values


def smooth(values):
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(values, 2)


def halves(given, path):
    return {
        "xray": [changed(one, path, lambda v: v[:, : v.shape[1] // 2]) for one in given["xray"]]
    }


REFUSED = {
    "redshift beyond the training": (lambda g, p: {"redshift": 0.2}, ParameterError, "redshift"),
    "redshift of zero": (lambda g, p: {"redshift": 0.0}, ParameterError, "redshift"),
    "redshift that is no number": (lambda g, p: {"redshift": np.nan}, ParameterError, "redshift"),
    "no HI": (lambda g, p: {"hi": None}, ParameterError, "other images"),
    "no X-rays": (lambda g, p: {"xray": []}, ParameterError, "other images"),
    "no exposure": (lambda g, p: {"exposure": []}, ParameterError, "exposure isn't known"),
    "an exposure of zero": (lambda g, p: {"exposure": [0.0]}, ParameterError, "exposure"),
    "an exposure map of zeros": (
        lambda g, p: {"exposure": [changed(one, p, lambda v: 0 * v) for one in g["exposure"]]},
        FormatError, "wasn't exposed"),
    "negative exposures": (
        lambda g, p: {"exposure": [changed(one, p, lambda v: -v) for one in g["exposure"]]},
        FormatError, "negative"),
    "four exposure maps": (
        lambda g, p: {"exposure": g["exposure"] * 2}, ParameterError, "don't fit"),
    "a tenth of the exposure": (lambda g, p: {"exposure": [55.0]}, ParameterError, "outside of"),
    "a doubled exposure": (
        lambda g, p: {"exposure": [2 * XRAY.exposure * 0.9], "background": []},
        FormatError, "fewer counts than background"),
    "one band of two": (
        lambda g, p: {name: g[name][:1] for name in ("xray", "exposure", "background")},
        FormatError, "band"),
    "the same band twice": (lambda g, p: {"xray": g["xray"][:1] * 2}, FormatError, "band"),
    "a hard band": (with_counts(E_MIN=2.3, E_MAX=5.0), FormatError, "band"),
    "smoothed counts": (with_counts(smooth), FormatError, "whole numbers"),
    "background subtracted": (with_counts(lambda v: v - 3), FormatError, "negative"),
    "counts that are a flux": (with_counts(BUNIT="erg/s/cm2"), FormatError, "of counts"),
    "no counts": (
        lambda g, p: {"xray": [changed(one, p, lambda v: 0 * v) for one in g["xray"]]},
        FormatError, "few"),
    "a core of NaN": (with_counts(holed), FormatError, "core"),
    "another place on the sky": (lambda g, p: {"ra": 10.0}, FormatError, "wasn't exposed"),
    "a place at the edge": (lambda g, p: {"dec": DEC + 0.06}, FormatError, "core|surround|exposed"),
    "half an image": (halves, FormatError, "surroundings|core"),
    "a declination of 100": (lambda g, p: {"dec": 100.0}, ParameterError, "position"),
    "HI without a unit": (with_hi(BUNIT=""), FormatError, "moment-0"),
    "HI in channels": (with_hi(BUNIT="Jy/beam"), FormatError, "moment-0"),
    "a velocity field": (with_hi(BUNIT="km/s"), FormatError, "moment 1"),
    "HI without a beam": (with_hi(BMAJ=0.0, BMIN=0.0), FormatError, "beam"),
    "a coarse beam": (with_hi(BMAJ=0.02, BMIN=0.02), FormatError, "coarser"),
    "HI in absorption": (with_hi(absorbed), FormatError, "absorption"),
    "a masked moment map": (
        with_hi(lambda v: np.where(v > 2 * v.std(), v, 0)), FormatError, "mask"),
    "a clipped moment map": (with_hi(lambda v: abs(v) + 1e-6), FormatError, "below zero"),
    "HI with too much noise": (with_hi(lambda v: v * 5), FormatError, "noise"),
    "HI that is all NaN": (with_hi(lambda v: v * np.nan), FormatError, "core"),
    "regions over the core": (
        lambda g, p: {"cut": [region(p, f'fk5\ncircle({RA},{DEC},30")\n')]}, FormatError, "core"),
    "regions that are none": (lambda g, p: {"cut": [region(p, "hello")]}, FormatError, "regions"),
    "a file that isn't there": (
        lambda g, p: {"hi": p / "none.fits"}, DataNotFoundError, r"none\.fits"),
    "a text file": (lambda g, p: {"hi": region(p, "no FITS")}, FormatError, "FITS"),
}  # fmt: skip


def region(folder, text):
    path = folder / "cut.reg"
    path.write_text(text)
    return path


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_unfit_is_refused_in_words(kind, written, tmp_path):
    change, error, match = REFUSED[kind]
    given = arguments(written)
    with pytest.raises(error, match=match):
        look(TRAINED_FOR, 4.0, 32, **(given | change(given, tmp_path)))


def test_an_object_unlike_all_training_halos_is_refused(network, written, tmp_path):
    given = arguments(written)
    given["xray"] = [changed(one, tmp_path, lambda v: v * 300) for one in given["xray"]]
    with pytest.raises(ResultError, match="unlike the halos"):
        inferring.infer(network, **given)


def test_a_network_of_another_kind_is_refused(written, network, tmp_path):
    copy = tmp_path / "network"
    shutil.copytree(network, copy)
    (copy / preparing.REFERENCE).unlink()
    with pytest.raises(DataNotFoundError, match="training halos"):
        inferring.infer(copy, **arguments(written))
    described = json.loads((copy / "network.json").read_text())
    del described["observation"]
    (copy / "network.json").write_text(json.dumps(described))
    with pytest.raises(ParameterError, match="observed maps"):
        inferring.infer(copy, **arguments(written))
    with pytest.raises(DataNotFoundError):
        inferring.infer(tmp_path / "none", **arguments(written))


def test_the_command_writes_a_page_that_opens_offline(network, written, tmp_path):
    given = arguments(written)
    options = [f"--{name}={value}" for name in ("exposure", "background") for value in given[name]]
    options += [f"--{name}={given[name]}" for name in ("ra", "dec", "redshift", "hi")]
    options += [f"--network={network}", f"--out={tmp_path / 'report'}", *map(str, given["xray"])]
    done = CliRunner().invoke(cli.app, ["infer", *options], catch_exceptions=False)
    assert done.exit_code == 0
    assert "Verdict: usable" in done.output
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page
    shown = re.sub(r"<style.*?</style>|<[^>]*>|[^ ]*\.fits[^ ]*", " ", page, flags=re.DOTALL)
    for raw in (*NAMES, "xray", "q16", "log10(Msun)", "log_mass", "column_density"):
        assert raw not in shown, raw
    assert "<i>f</i><sub>cgm</sub>" in page
    samples = pd.read_parquet(tmp_path / "report" / "samples.parquet")
    assert list(samples) == list(pd.read_csv(tmp_path / "report" / "posterior.csv")["property"])
    told = json.loads((tmp_path / "report" / "inputs.json").read_text())
    assert str(given["hi"]) in told["sha256"]
    assert told["depth"]["xray"] == pytest.approx(1, rel=0.05)
    assert told["depth"]["hi"] == pytest.approx(1, rel=0.2)
    assert told["inputs"]["exposure"] == list(map(str, given["exposure"]))
    assert all(str(path) in page for path in given["xray"])


def test_a_network_without_a_calibration_serves_until_it_is_prepared_again(
    network, maps, written, tmp_path
):
    copy = shutil.copytree(network, tmp_path / "network")
    described = json.loads((copy / "posterior.json").read_text())
    assert described["conditions"]["names"][:3] == ["xray noise", "hi noise", "redshift"]
    assert described["conditions"]["halos"] < 90
    assert preparing.is_prepared(copy, PosteriorSettings(steps=200))
    del described["conditions"]
    (copy / "posterior.json").write_text(json.dumps(described))
    assert not preparing.is_prepared(copy, PosteriorSettings(steps=200))
    inferring.trusting.calibrate_trust(TRAINED_FOR.observe(maps, [1, 2]), copy)
    assert inferring.infer(copy, **arguments(written))["samples"].shape == (2000, 6)


def test_nothing_is_trained_twice(maps, network):
    before = {path.name: path.stat().st_mtime_ns for path in network.iterdir()}
    described = json.loads((network / "network.json").read_text())
    settings = TrainingSettings(**described["settings"])
    flow = PosteriorSettings(steps=200)
    preparing.prepare(maps, network, TRAINED_FOR, settings, flow=flow, progress=False)
    assert {path.name: path.stat().st_mtime_ns for path in network.iterdir()} == before
