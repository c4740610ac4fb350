"""The colours that all figures share, seen by colour-blind eyes and on white paper."""

import colorsys
import itertools
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from helpers.drawings import SUITES, halo_table, predictions, single_halo
from matplotlib.colors import to_rgb

from cgmhelpers import figures
from cgmhelpers.figures import style
from cgmhelpers.figures.halos import mass_functions
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.statistics import comparison, coverage, metrics

# Machado, Oliveira & Fernandes (2009), severity 1, for linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)  # sRGB, IEC 61966-2-1
WHITE = TO_XYZ.sum(axis=1)
DISTINCT = 20  # CIE76; a just noticeable difference is 2.3
CONTRAST = 3  # WCAG 2.1, 1.4.11: graphical objects

SETS = {
    "suites": style.SUITE_COLOURS,
    "sets of fields": style.FIELD_SET_COLOURS,
}


def linear(colour):
    value = np.array(to_rgb(colour))
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(colour, vision):
    seen = np.clip(np.array(VISION[vision]) @ linear(colour), 0, 1)
    ratio = TO_XYZ @ seen / WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one, other, vision):
    return np.linalg.norm(lab(one, vision) - lab(other, vision))


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("name", SETS)
def test_colours_are_distinct_for_every_eye(name, vision):
    colours = SETS[name].values()
    assert min(distance(*pair, vision) for pair in itertools.combinations(colours, 2)) > DISTINCT


def test_the_measure_knows_colours_that_only_normal_eyes_tell_apart():
    red, green = "#c05050", "#708020"
    assert distance(red, green, "normal") > DISTINCT
    assert distance(red, green, "deuteranopia") < DISTINCT


@pytest.mark.parametrize("name", SETS)
def test_colours_stand_out_from_white_paper(name):
    for colour in SETS[name].values():
        luminance = TO_XYZ[1] @ linear(colour)
        assert 1.05 / (luminance + 0.05) >= CONTRAST


def test_suites_have_the_papers_hues():
    hue = {name: 360 * colorsys.rgb_to_hls(*to_rgb(colour))[0]
           for name, colour in style.SUITE_COLOURS.items()}  # fmt: skip
    assert hue["IllustrisTNG"] > 320  # pink
    assert 255 < hue["SIMBA"] < 300  # purple
    assert 190 < hue["Astrid"] < 230  # blue


def test_the_callers_settings_survive():
    before = dict(matplotlib.rcParams)
    mass_functions(halo_table(), 1000.0)
    assert dict(matplotlib.rcParams) == before


def test_suites_have_colours_that_differ():
    colours = {style.suite_colour(suite) for suite in (*SUITES, "EAGLE")}
    assert len(colours) == 4


def test_a_mock_suite_says_so_and_camels_does_not():
    assert style.suite_name("IllustrisTNG", "mock suite, 3 realisations") == "mock TNG"
    assert style.suite_name("SIMBA", "mock suite; X-ray") == "mock SIMBA"
    for source in (None, "CAMELS CV set, 27 realisations per suite"):
        assert style.suite_name("IllustrisTNG", source) == "IllustrisTNG"


def words(figure):
    """All words of a figure, as it is drawn."""
    figure.canvas.draw()
    found = figure.findobj(plt.Text, include_self=False)
    return " ".join(text.get_text() for text in found if text.get_visible())


def drawn(source):
    """Draw every figure that names suites."""
    table = predictions(halos=30)
    table["std_network"] = table["std"]
    own = table[table["suite_train"] == table["suite_test"]]
    hi = own[own["fields"] == "hi"]
    across = table[table["fields"] == "hi"]
    halos = halo_table(60)
    halos["xray"] = 10 ** (halos["log_mass"] - 25)
    maps_of = {suite: single_halo() for suite in SUITES}
    widths = coverage.before_and_after(hi)
    by = ["width", "suite_test", "property"]
    differences = comparison.paired(own, own.assign(mean=own["truth"]), draws=9)
    differences["method"] = "trees"
    curve = pd.DataFrame({"epoch": [0, 1], "train_loss": [2, 1], "validation_loss": [2, 1]})
    steps = pd.DataFrame({"step": [1, 2], "training_loss": [2, 1], "validation_loss": [2, 1]})
    gains = pd.DataFrame({"property": list(NAMES), "gain": 0.1, "low": 0.0, "high": 0.2})
    doubts = pd.concat([halos.assign(epistemic=0.1, error=0.2, suite_train=one) for one in SUITES])
    flags = pd.DataFrame(
        itertools.product(SUITES, ("epistemic", "aleatoric")), columns=["suite_train", "flag"]
    ).assign(task="unfamiliar", auc=0.7, low=0.6, high=0.8)
    metrics_of = metrics.summarise(own)
    yield "trends", figures.property_trends(halos, ["f_cgm"], source)
    yield "mass functions", figures.mass_functions(halos, 500.0, source=source)
    yield "total flux", figures.total_flux(halos, ["xray"], source)
    yield "gallery", figures.halo_in_suites(maps_of, source=source)
    yield "truth", figures.truth_inference(own, "log_m_halo", source=source)
    yield "several", figures.properties_inferred(hi, ["f_cgm"], source=source)
    yield "across", figures.cross_simulation(across, "log_m_halo", source)
    yield "classes", figures.error_by_class(hi, "suite_test", source=source)
    yield "biases", figures.bias_matrix(across, ["f_cgm"], source)
    yield "coverage", figures.coverage_curves(coverage.coverages(widths, by), source)
    yield "pit", figures.pit_histograms(coverage.pit_histogram(widths, by), source)
    yield "differences", figures.method_differences(differences, source)
    yield "matrix", figures.method_matrix(differences[differences["fields"] == "hi"], NAMES, source)
    yield (
        "by class",
        figures.coverage_by_class(
            coverage.coverages(hi, ["suite_test", "halo_class", "property"]), source
        ),
    )
    yield (
        "learning",
        figures.learning_curves({(suite, "hi", "ideal"): curve for suite in SUITES}, source),
    )
    yield "flow", figures.flow_training(dict.fromkeys(SUITES, steps), source)
    yield "gains", figures.score_gains(dict.fromkeys(SUITES, gains), source)
    yield (
        "correlations",
        figures.correlation_matrices(dict.fromkeys(SUITES, np.eye(6)), NAMES, source),
    )
    yield "disagreement", figures.disagreement(doubts, source)
    yield "flags", figures.reliability_flags(flags, source)
    yield "metrics", figures.metric_beside({"run": metrics_of}, limits="survey", source=source)


@pytest.mark.parametrize("source", ["mock suite, 3 realisations per suite", "CAMELS CV set"])
def test_every_figure_of_a_mock_names_mock_suites(source):
    for name, figure in drawn(source):
        text = words(figure)
        plt.close(figure)
        mock = {suite: f"mock {suite.removeprefix('Illustris')}" for suite in SUITES}
        for suite, label in mock.items():
            if source.startswith("mock"):
                assert label in text, (name, label)
                assert not re.search(rf"(?<!mock ){suite}", text), (name, suite)
            else:
                assert suite in text, (name, suite)
                assert label not in text, (name, label)
