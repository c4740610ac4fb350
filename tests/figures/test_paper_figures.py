"""The paper's figures and tables beyond drawing: choice, two kinds of metrics, verdicts."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.metrics import r2_score

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.figures import choice, inference, verdicts
from cgmhelpers.figures.halos import total_flux
from cgmhelpers.figures.inference import metric_text
from cgmhelpers.halos.properties import NAMES, PROPERTIES
from cgmhelpers.network import moment_network
from cgmhelpers.paper import claims, tables

SUITES = ("IllustrisTNG", "SIMBA", "Astrid")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def table():
    """Predictions of all suites on all suites, more halos than a panel shows."""
    rng = np.random.default_rng(1)
    rows = []
    for test in SUITES:
        log_mass = rng.uniform(11.5, 14, 300)
        halos = pd.DataFrame(
            {
                "suite": test,
                "set_name": "CV",
                "realisation": 0,
                "group": range(300),
                "log_mass": log_mass,
                "halo_class": np.digitize(log_mass, [12, 13]),
            }
        ).replace({"halo_class": dict(enumerate(("sub_l_star", "l_star", "group")))})
        for train in SUITES:
            for fields in ("xray+hi", "hi", "xray"):
                for limits in ("ideal", "survey"):
                    for one in PROPERTIES:
                        truth = log_mass if one.name == "log_m_halo" else rng.uniform(1, 2, 300)
                        rows.append(
                            halos.assign(
                                suite_train=train,
                                suite_test=test,
                                fields=fields,
                                limits=limits,
                                part="test",
                                property=one.name,
                                truth=truth,
                                mean=truth + 0.1 * rng.standard_normal(300),
                                std=0.1,
                            )
                        )
    return pd.concat(rows, ignore_index=True)


def panels(figure):
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>" and axis.axison]


def test_choice_takes_what_a_figure_shows(table):
    rows, said = choice.choose(table, "Figure 3", ["xray", "hi"], "ideal")
    assert set(rows["fields"]) == {"xray", "hi"}
    assert set(rows["limits"]) == {"ideal"}
    assert (rows["suite_train"] == rows["suite_test"]).all()
    assert said == "Figure 3: X-ray, HI, ideal maps, 900 test halos."
    rows, said = choice.choose(table, "Figure 9", ["xray+hi"], "survey", across=True)
    assert len(rows) == 9 * 6 * 300
    rows, said = choice.choose(table, "Figure 6", ["hi"], "survey", suite="EAGLE")
    assert set(rows["suite_test"]) == {"IllustrisTNG"}
    assert said.endswith("300 test halos of IllustrisTNG.")


def test_choice_says_what_a_run_lacks(table):
    xray = table[(table["fields"] == "xray") & (table["limits"] == "ideal")]
    rows, said = choice.choose(xray, "Figure 3", ["xray", "hi"], "ideal")
    assert len(rows) == 900 * 6
    assert said.endswith("This run has no HI.")
    rows, said = choice.choose(xray, "Figure 9", ["xray+hi"], "survey", across=True)
    assert rows.empty
    assert said == (
        "Figure 9 is left out: it needs X-ray + HI with survey limits, and this run has X-ray with "
        "ideal maps."
    )


def test_metrics_beside_a_figure_are_those_of_its_points_and_of_all(table):
    rows, _ = choice.choose(table, "Figure 3", ["xray", "hi"], "ideal")
    figure = inference.truth_inference(rows, "log_m_halo")
    metrics = inference.panel_metrics(rows, ["property", "fields", "suite_test"])
    for number, axis in enumerate(panels(figure)):
        key = ("log_m_halo", ("xray", "hi")[number // 3], SUITES[number % 3])
        points = np.concatenate(
            [
                np.asarray(one.get_offsets())
                for one in axis.collections
                if isinstance(one, matplotlib.collections.PathCollection)
            ]
        )
        plotted, whole = (metrics.loc[(*key, kind)] for kind in ("plotted", "all"))
        assert plotted["n"] == len(points) < whole["n"] == 300
        assert plotted["r2"] == pytest.approx(r2_score(*points.T))
        own = rows.set_index(["property", "fields", "suite_test"]).sort_index().loc[key]
        assert whole["r2"] == pytest.approx(r2_score(own["truth"], own["mean"]))
        expected = metric_text(*points.T, np.full(len(points), 0.1))
        assert axis.texts[0].get_text() == f"{len(points)} of 300 halos\n{expected}"


def test_total_flux_shows_where_a_survey_sees_something():
    halos = pd.DataFrame({"suite": "SIMBA", "log_mass": np.linspace(11.6, 13.5, 30)})
    halos["halo_class"] = "l_star"
    halos["xray"] = np.geomspace(1e-15, 1e-8, 30)
    axis = panels(total_flux(halos, ["xray"], pixels=64))[0]
    limit = known_fields.get("xray").survey_limit
    dashed, dotted = (
        next(line for line in axis.lines if line.get_linestyle() == style) for style in ("--", ":")
    )
    # A map of 64 x 64 pixels at the limit, and one pixel at the limit.
    assert 10 ** dashed.get_xdata()[0] == pytest.approx(4096 * limit)
    assert 10 ** dotted.get_xdata()[0] == pytest.approx(limit)
    low, high = axis.get_xlim()
    assert low < dashed.get_xdata()[0] < high


def test_several_properties_have_their_inputs_in_order(table):
    rows, _ = choice.choose(table, "Figure 6", ["xray", "hi", "xray+hi"], "survey", suite="SIMBA")
    shown = panels(inference.properties_inferred(rows, ["log_m_halo", "log_m_cgm"], "fields"))
    assert [axis.get_title() for axis in shown[:3]] == ["X-ray", "HI", "X-ray + HI"]
    assert len(shown) == 6


# --- tables -----------------------------------------------------------------------------


def test_table_1_measures_the_halos_against_the_ranges():
    halos = pd.DataFrame({one.name: np.linspace(one.low, one.high, 8) for one in PROPERTIES})
    halos.loc[0, "f_cgm"] = 0.3
    halos.loc[1, "f_cgm"] = np.nan
    found = tables.table_properties(halos).set_index("property")
    assert found.loc["log_m_halo", "range"] == "11.5 … 14.3"  # as printed
    assert found.loc["log_z_cgm", "range"] == "−3.6 … −1.3"
    assert found.loc["f_cgm", "inside"] == pytest.approx(6 / 7)
    assert (found["inside"].drop("f_cgm") == 1).all()


def test_table_2_has_the_printed_counts():
    rows = [("SIMBA", "sub_l_star")] * 3397 + [("SIMBA", "l_star")] * 1634
    rows += [("SIMBA", "group")] * 170
    found = tables.table_counts(pd.DataFrame(rows, columns=["suite", "halo_class"]), 27)
    row = found.loc["SIMBA"]
    assert row["Total", "paper, scaled"] == 5101  # printed, and the sum of the classes
    assert row["Sub-L*", "deviation"] == 0
    assert row["L*", "deviation"] == pytest.approx(100 / np.sqrt(1534))
    assert list(dict.fromkeys(found.columns.get_level_values(0))) == [
        "Sub-L*", "L*", "Group", "Total",
    ]  # fmt: skip


def test_table_3_finds_a_shrunken_scatter(table):
    rows, _ = choice.choose(table, "Table 3", ["xray+hi"], "ideal")
    middle = rows.groupby(["suite_test", "property"])["truth"].transform("mean")
    half = rows.assign(mean=middle + 0.5 * (rows["truth"] - middle))
    found = tables.table_scatter(half)
    ours = found[~found.index.get_level_values("property").str.startswith("paper")]
    assert len(ours) == 5 * 3
    np.testing.assert_allclose(ours.xs("ratio", axis=1, level=1), 0.5)
    assert found.loc[("paper, second block", "SIMBA"), ("L*", "inferred")] == 0.052


def test_table_4_knows_the_papers_network_and_no_other():
    layers = tables.table_layers(moment_network.MomentNetwork(in_channels=1))
    assert len(layers) == 38  # the rows that are printed
    assert layers["as_printed"].all()
    other = tables.table_layers(moment_network.MomentNetwork(in_channels=1, channels=8))
    assert not other["as_printed"].any()
    two = tables.table_layers(moment_network.MomentNetwork(in_channels=2))
    assert two.loc[~two["as_printed"], "layer"].tolist() == ["C01"]


def test_table_5_says_what_is_used():
    table = tables.table_functions(moment_network.MomentNetwork(in_channels=1)).set_index("layer")
    assert table["as_printed"].tolist() == [True] * 4 + [False] * 3
    assert (table.loc[["P0", "ReLU", "tanh"], "this network"] == "not used").all()
    other = tables.table_functions(moment_network.MomentNetwork(in_channels=1, dropout=0.1))
    assert other.set_index("layer").loc["Dropout", "this network"] == "p 0.1"


# --- verdicts ---------------------------------------------------------------------------


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
    assert said == ["2 [1.5, 3] > 1", "2 [1.5, 3] < 1", "0.9 [0.7, 1.1] < 1", "no number"]
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
