"""Figures of calibration show the tables that they were given."""

import numpy as np
import pytest
from helpers.posteriors import posteriors

from cgmhelpers import figures
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.statistics import coverage

BY = ("width", "suite_test", "property")
NAMES = [one.name for one in PROPERTIES]
SUITES = ("IllustrisTNG", "SIMBA", "Astrid")


@pytest.fixture(scope="module")
def both():
    return coverage.before_and_after(posteriors(400, suites=SUITES, names=NAMES))


def test_coverage_of_right_posteriors_lies_on_the_diagonal_and_of_narrow_ones_below(both):
    table = coverage.coverages(both, BY, coverage.LEVELS)
    figure = figures.coverage_curves(table, source="a test")
    axes = np.reshape(figure.axes, (2, 3))
    for row, width in enumerate(coverage.WIDTHS):
        for column, suite in enumerate(SUITES):
            lines = [one for one in axes[row, column].lines if not one.get_label().startswith("_")]
            assert len(lines) == 6
            for line, name in zip(lines, NAMES, strict=True):
                own = table[
                    (table["width"] == width)
                    & (table["suite_test"] == suite)
                    & (table["property"] == name)
                ]
                np.testing.assert_array_equal(line.get_xdata(), own["level"])
                np.testing.assert_array_equal(line.get_ydata(), own["coverage"])
                distance = line.get_ydata() - line.get_xdata()
                if width == "recalibrated":
                    assert np.abs(distance).max() < 5 * np.sqrt(0.25 / 400)
                else:
                    assert distance.min() < -0.25  # half the width holds 38% instead of 68%
    assert [one.get_title() for one in axes[0]] == [f"tested on {suite}" for suite in SUITES]
    assert len(figure.legends[0].texts) == 6


def test_pit_histograms_have_a_panel_for_each_suite_and_property(both):
    table = coverage.pit_histogram(both, BY)
    figure = figures.pit_histograms(table)
    axes = np.reshape(figure.axes, (3, 6))
    for row, suite in enumerate(SUITES):
        assert axes[row, 0].get_ylabel() == suite
        own = table[(table["suite_test"] == suite) & (table["property"] == NAMES[2])]
        for patch in axes[row, 2].patches[1:]:
            kind = own[own["width"] == patch.get_label()]
            np.testing.assert_array_equal(patch.get_data().values, kind["density"])
    assert [one.get_text() for one in figure.legends[0].texts] == list(coverage.WIDTHS)
