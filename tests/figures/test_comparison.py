"""Figures of comparisons show the numbers that they are given."""

import itertools

import numpy as np
import pandas as pd
import pytest
from helpers.drawings import SUITES

from cgmhelpers.figures import comparison
from cgmhelpers.statistics.comparison import RESULTS


def comparison_of(**columns):
    """A row for every combination of the columns; differences are 0.1, 0.2, ... of the range."""
    rows = list(itertools.product(*columns.values()))
    table = pd.DataFrame(rows, columns=list(columns)).assign(metric="rmse", n=100)
    table["difference"] = 0.1 * (1 + np.arange(len(table))) * 2.8  # the range of log_m_halo
    table["value"], table["reference"] = 1 + table["difference"], 1.0
    table["low"], table["high"] = table["difference"] - 0.28, table["difference"] + 0.28
    table["verdict"] = "worse"
    assert set(RESULTS) <= set(table)
    return table


def test_differences_stand_in_units_of_the_range_in_their_panels():
    table = comparison_of(
        limits=("ideal", "survey"), fields=("xray", "xray+hi"), suite_test=SUITES,
        property=("log_m_halo",), method=("scaling relation", "boosted trees"),
    )  # fmt: skip
    figure = comparison.method_differences(table, source="mock")
    panels = figure.axes
    assert [axis.get_title() for axis in panels[:2]] == ["X-ray", "X-ray + HI"]
    shown = [line.lines[0].get_ydata()[0] for axis in panels for line in axis.containers]
    assert sorted(shown) == pytest.approx(0.1 * (1 + np.arange(24)))
    first = panels[0].containers[0].lines[2][0].get_segments()[0]  # its interval
    assert first[:, 1] == pytest.approx([0, 0.2])
    assert any("mock" in text.get_text() for text in figure.texts)


def test_cells_hold_both_errors_and_undecided_pairs_a_ring():
    table = comparison_of(suite_train=SUITES, suite_test=SUITES, property=("log_m_halo",))
    table.loc[4, "verdict"] = "undecided"  # SIMBA on SIMBA
    figure = comparison.method_matrix(table, ["log_m_halo"])
    axis = figure.axes[0]
    texts = [text.get_text() for text in axis.texts]
    assert texts[0] == "1.3\n1.0"
    assert len(texts) == 9
    ((x,), (y,)) = axis.lines[0].get_data()
    assert (x, y) == (1, 1)
    assert np.asarray(axis.images[0].get_array())[0] == pytest.approx([0.1, 0.2, 0.3])


def test_coverage_has_a_panel_for_each_class_and_suite():
    rows = itertools.product(SUITES, ("l_star", "group"), ("log_m_halo", "f_cgm"), (0.68, 0.95))
    table = pd.DataFrame(rows, columns=["suite_test", "halo_class", "property", "level"])
    table = table.assign(n=50, coverage=0.5, coverage_low=0.4, coverage_high=0.6)
    table.loc[0, "coverage"] = 0.55
    figure = comparison.coverage_by_class(table)
    assert len(figure.axes) == 6
    bars = figure.axes[0].containers[0].lines[0]
    assert bars.get_ydata() == pytest.approx([0.55, 0.5])
    assert figure.axes[3].get_ylabel().startswith("Group")
