"""Symbols in texts: a reader sees no name of a column, and other words stay."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cgmhelpers.halos.properties import NAMES
from cgmhelpers.paper.notation import html, mathtext, of_mock, with_interval
from cgmhelpers.paper.statements import BESIDE, CLAIMS

TEXTS = [one.statement for one in (*CLAIMS, *BESIDE)] + [one.quantity for one in (*CLAIMS, *BESIDE)]


def test_names_of_properties_and_fields_become_symbols():
    assert html("log_m_halo") == "log <i>M</i><sub>halo</sub>"
    assert html("RMSE of f_cool, xray+hi") == "RMSE of <i>f</i><sub>cool</sub>, X-ray + HI"
    assert html("10^12.5 Msun") == "10<sup>12.5</sup> M<sub>☉</sub>"
    assert mathtext("R2 of log_z_cgm") == r"$R^2$ of log $Z_\mathrm{cgm}$"
    assert html("from -0.5 [-1, 2] on 2026-11-29") == "from −0.5 [−1, 2] on 2026-11-29"
    assert html("this high R2D2 hinted at 3+4") == "this high R2D2 hinted at 3+4"


@pytest.mark.parametrize("text", [*TEXTS, *NAMES])
def test_no_name_of_a_column_is_left(text):
    for written in (html(text), mathtext(text)):
        assert not [name for name in NAMES if name in written]
        assert "10^12" not in written.replace("10^{12", "")
    figure = plt.figure()
    figure.text(0, 0, mathtext(text))
    figure.canvas.draw()  # matplotlib understands the formulas
    plt.close(figure)


def test_numbers_and_units_of_computers_become_a_readers():
    assert html("4.5e+43 erg s-1") == "4.5\u202f×\u202f10<sup>43</sup> erg s<sup>−1</sup>"
    assert html("log10(Msun)") == "log<sub>10</sub>(M<sub>☉</sub>)"
    assert html("below 1e5 K") == "below 1\u202f×\u202f10<sup>5</sup> K"
    assert html("2e-08, cm-2") == "2\u202f×\u202f10<sup>−8</sup>, cm<sup>−2</sup>"
    assert mathtext("6.8e-05") == "6.8\u202f×\u202f$10^{−5}$"
    assert html("CV_3e4a, sha 12e") == "CV_3e4a, sha 12e"


def test_what_was_measured_on_a_mock_says_so():
    assert of_mock("RMSE, Astrid / best other") == "RMSE, mock Astrid / best other"
    assert of_mock("L* of IllustrisTNG") == "L* of mock TNG"


def test_intervals_have_the_digits_of_their_width():
    assert with_interval(1.0432, 0.9412, 1.1512) == "1.04 [0.94, 1.15]"
    assert with_interval(0.9, 0.8253, 0.9942) == "0.90 [0.83, 0.99]"
    assert with_interval(-0.0699, -0.138, -0.0242) == "−0.07 [−0.14, −0.02]"
    assert with_interval(48.48, 34.5, 64.2) == "48 [34, 64]"
    assert with_interval(0.1, -0.001, 0.22) == "0.10 [0.00, 0.22]"
    assert with_interval(2.256, np.nan, np.nan) == "2.26"
