"""Figures of verdicts put the claimed side on the right, and runs beside each other."""

import numpy as np
import pandas as pd
import pytest
from helpers.drawings import SUITES, panels

from cgmhelpers.figures import verdicts
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.paper import claims


def judged(values):
    rows = []
    for number, (value, low, high, claimed) in enumerate(values):
        above, threshold = claimed.startswith(">"), float(claimed[2:])
        rows.append(
            {
                "number": str(number), "statement": f"statement {number}", "value": value,
                "low": low, "high": high, "claimed": claimed, "threshold": threshold,
                "verdict": claims.verdict(low, high, threshold, above), "reason": "",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def test_forest_puts_the_claimed_side_on_the_right():
    nan = np.nan
    table = judged(
        [(2, 1.5, 3, "> 1"), (2, 1.5, 3, "< 1"), (0.9, 0.7, 1.1, "< 1"), (nan,) * 3 + ("> 0",)]
    )
    axis = panels(verdicts.verdict_forest({"this run": table}, "mock"))[0]
    points = [line for line in axis.lines if line.get_marker() not in ("None", "", None)]
    assert [line.get_xdata()[0] for line in points] == pytest.approx([0.5, -0.5, 1 / 3])
    bars = [line for line in axis.lines if line.get_linewidth() == 2.2]
    np.testing.assert_allclose(sorted(bars[2].get_xdata()), [-1 / 3, 1])
    assert len({line.get_marker() for line in points}) == 3
    assert len({line.get_color() for line in points}) == 3
    said = [text.get_text() for text in axis.texts]
    assert said == [
        "2.0 [1.5, 3.0]; claimed > 1",
        "2.0 [1.5, 3.0]; claimed < 1",
        "0.90 [0.70, 1.10]; claimed < 1",
        "no number",
    ]
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels[0] == "0  statement 0"


def test_forest_keeps_statements_beside_each_other():
    table = judged([(2, 1.5, 3, "> 1"), (2, 1.5, 3, "< 1")])
    left, right = panels(verdicts.verdict_forest({"a": table, "b": table[::-1]}))
    assert [text.get_text() for text in left.texts] == [text.get_text() for text in right.texts]


def test_metrics_of_two_runs_are_beside_each_other():
    metrics = pd.DataFrame(
        [
            {"suite_train": suite, "suite_test": suite, "fields": "xray+hi", "limits": "survey",
             "property": name, "r2": 0.1 * number}
            for suite in SUITES
            for number, name in enumerate(NAMES)
        ]
    )  # fmt: skip
    other = metrics.assign(r2=metrics["r2"] + 0.3, suite_test="SIMBA", suite_train="SIMBA")[:6]
    shown = panels(verdicts.metric_beside({"mine": metrics, "kept": other}))
    assert [axis.get_title() for axis in shown] == list(SUITES)
    lines = {line.get_label(): line.get_ydata() for line in shown[1].lines}
    np.testing.assert_allclose(lines["mine"], 0.1 * np.arange(6))
    np.testing.assert_allclose(lines["kept"], 0.1 * np.arange(6) + 0.3)
    assert np.isnan(shown[0].lines[1].get_ydata()).all()
