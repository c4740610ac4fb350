"""Figures of suites that were left out show the numbers that they are given."""

import numpy as np
import pandas as pd
import pytest

from cgmhelpers import figures
from cgmhelpers.halos.properties import NAMES


@pytest.fixture
def cells():
    rows = [
        {"left_out": suite, "method": method, "property": name, "bias": bias,
         "coverage_68": share, "posterior": kind}
        for suite, bias in (("SIMBA", 0.2), ("Astrid", -0.1))
        for name in NAMES
        for method, kind, share in (("pooled", "in_domain", 0.4), ("mmd", "unseen_suite", 0.7))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_bias_matrix_writes_the_bias_of_each_cell(cells):
    figure = figures.left_out_biases(cells, {"pooled": "before", "mmd": "after"}, "mock")
    before, after = figure.axes[:2]
    assert before.get_title() == "before: 0.150"
    assert [text.get_text() for text in before.texts] == ["+0.20"] * 6 + ["−0.10"] * 6
    assert len(after.texts) == 12


def test_coverage_has_a_point_for_each_suite_and_kind(cells):
    axis = figures.left_out_coverage(cells).axes[0]
    drawn = [line.get_ydata() for line in axis.lines[1:]]
    assert sorted(float(line[0]) for line in drawn) == [0.4, 0.4, 0.7, 0.7]


def test_trust_figure_has_running_medians():
    rng = np.random.default_rng(1)
    halos = pd.DataFrame({"score": rng.uniform(0.01, 1, 200), "error": 0.1, "left_out": "SIMBA"})
    halos["kind"] = np.repeat(["own", "left out"], 100)
    spoilt = halos.assign(kind="blank", error=np.nan)
    axis = figures.trust_and_error(pd.concat([halos, spoilt])).axes[0]
    lines = [line for line in axis.lines if len(line.get_xdata()) == 5]
    assert len(lines) == 2
    assert all(np.diff(line.get_xdata()).min() > 0 for line in lines)
    assert np.allclose(lines[0].get_ydata(), 0.1)
