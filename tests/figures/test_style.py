"""The colours that all figures share, seen by colour-blind eyes and on white paper."""

import colorsys
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from helpers.drawings import SUITES, halo_table
from matplotlib.colors import to_rgb

from cgmhelpers.figures import style
from cgmhelpers.figures.halos import mass_functions

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
    assert min(distance(*pair, vision) for pair in combinations(colours, 2)) > DISTINCT


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
