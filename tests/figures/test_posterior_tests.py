"""Figures of tests and scores of joint posteriors show what they are given."""

import numpy as np
import pandas as pd
from helpers.drawings import every_text, inferred

from cgmhelpers.figures import posterior_tests as figures
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.statistics import posterior_tests


def test_histograms_hold_every_halo():
    figure = figures.rank_histograms({"SIMBA": inferred(40), "Astrid": inferred(30)}, bins=5)
    axes = np.reshape(figure.axes, (2, 6))
    for row, number in zip(axes, (40, 30), strict=True):
        for axis in row:
            steps = axis.patches[-1].get_xy()
            assert steps[1:-1:2, 1].sum() == number


def test_tests_are_drawn_with_their_p_values():
    one = inferred()
    tests = {
        ("SIMBA", kind): posterior_tests.expected_coverage(
            one["samples"].values, one["truth"].values, kind, draws=49
        )
        for kind in posterior_tests.REFERENCES
    }
    figure = figures.coverage_tests(tests)
    assert len(figure.axes) == 2
    for axis, found in zip(figure.axes, tests.values(), strict=True):
        drawn = axis.lines[-1].get_ydata()
        np.testing.assert_allclose(drawn, found.table["coverage"] - found.table["level"])
    assert sum(text.startswith("$p$ = ") for text in every_text(figure)) == 2


def test_gains_and_their_intervals():
    table = pd.DataFrame(
        {"property": [*NAMES, "joint"], "gain": 0.1, "low": 0.05, "high": 0.2, "n": 9}
    )
    figure = figures.score_gains({"SIMBA": table, "Astrid": table}, source="mock")
    (axis,) = figure.axes
    points = [bars[0] for bars in axis.containers]
    assert [len(point.get_xdata()) for point in points] == [6, 6]
    np.testing.assert_allclose(points[0].get_xdata().astype(float), 10)
    ends = axis.containers[0][2][0].get_segments()
    np.testing.assert_allclose([end[:, 0] for end in ends], [[5, 20]] * 6)
