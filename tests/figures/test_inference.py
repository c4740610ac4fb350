"""Panels of truth against inference show the predictions, and the metrics of what they show."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from helpers.drawings import SOURCE, SUITES, crowd, offsets, panels, predictions
from sklearn.metrics import r2_score

from cgmhelpers.errors import ParameterError
from cgmhelpers.figures import choice, inference
from cgmhelpers.figures.inference import metric_text, thinned


@pytest.fixture(scope="module")
def table():
    return predictions()


@pytest.fixture(scope="module")
def crowded():
    return crowd()


def test_truth_inference_shows_the_predictions(table):
    same = table[table["suite_train"] == table["suite_test"]]
    figure = inference.truth_inference(same, "log_m_halo", source=SOURCE)
    shown = panels(figure)
    assert len(shown) == 9
    for number, axis in enumerate(shown):
        # Single fields first, X-ray at the top, whatever the order of the table.
        fields, suite = ("xray", "hi", "xray+hi")[number // 3], SUITES[number % 3]
        panel = same[
            (same["fields"] == fields)
            & (same["suite_test"] == suite)
            & (same["property"] == "log_m_halo")
        ]
        np.testing.assert_array_equal(offsets(axis), panel[["truth", "mean"]])
        said = axis.texts[0].get_text()
        metrics = metric_text(panel["truth"], panel["mean"], panel["std"])
        assert said == f"{len(panel)} of {len(panel)} halos\n{metrics}"
        bars = next(
            one
            for one in axis.collections
            if isinstance(one, matplotlib.collections.LineCollection)
        )
        heights = [np.ptp(segment[:, 1]) / 2 for segment in bars.get_segments()]
        np.testing.assert_allclose(heights, panel["std"])
    assert r"\odot" in shown[-1].get_xlabel()
    assert shown[0].get_ylabel().startswith("inferred")
    assert shown[1].get_title() == "tested on SIMBA"


def test_metrics_of_a_panel_are_those_of_scikit_learn():
    from sklearn.metrics import r2_score, root_mean_squared_error

    rng = np.random.default_rng(1)
    truth, std = rng.uniform(12, 14, 50), np.full(50, 0.1)
    mean = truth + 0.2 * rng.standard_normal(50)
    lines = metric_text(truth, mean, std).splitlines()
    assert [line.split()[0] for line in lines] == ["RMSE", "$R^2$", r"$\epsilon$", r"$\chi^2$"]
    values = [float(line.split()[1]) for line in lines]
    assert values[0] == pytest.approx(root_mean_squared_error(truth, mean), abs=5e-4)
    assert values[1] == pytest.approx(r2_score(truth, mean), abs=5e-4)
    assert values[2] == pytest.approx(np.mean(0.1 / mean), abs=5e-4)
    assert values[3] == pytest.approx(np.mean((truth - mean) ** 2) / 0.01, abs=5e-3 * values[3])


def test_a_wild_inference_is_counted_and_doesnt_rule_the_limits(table):
    same = table[(table["suite_train"] == table["suite_test"]) & (table["fields"] == "hi")].copy()
    first = same.index[(same["property"] == "log_m_halo") & (same["suite_test"] == "IllustrisTNG")][
        0
    ]
    same.loc[first, "mean"] = 1e9
    shown = panels(inference.truth_inference(same, "log_m_halo"))
    assert shown[0].get_ylim()[1] < 20
    for axis, suite in zip(shown, SUITES, strict=True):
        mean = same.loc[(same["property"] == "log_m_halo") & (same["suite_test"] == suite), "mean"]
        outside = ((mean < axis.get_ylim()[0]) | (mean > axis.get_ylim()[1])).sum()
        said = [text.get_text() for text in axis.texts[1:] if text.get_text() != "HI"]
        assert said == ([f"{outside} outside"] if outside else [])
    assert "outside" in shown[0].texts[1].get_text()


def test_halos_without_a_truth_arent_shown(table):
    own = table[
        (table["suite_train"] == "SIMBA")
        & (table["suite_test"] == "SIMBA")
        & (table["fields"] == "hi")
    ]
    own = own.assign(truth=own["truth"].where(own["group"] != 7))
    axis = panels(inference.truth_inference(own, "f_cool"))[0]
    assert len(offsets(axis)) == 59
    with pytest.raises(ParameterError, match="no prediction"):
        inference.truth_inference(own.assign(truth=np.nan), "f_cool")


def test_thinning_keeps_the_groups_and_the_order(table):
    panel = table[(table["property"] == "f_cgm") & (table["fields"] == "hi")]
    groups = (panel["halo_class"] == "group").sum()
    few = thinned(panel, groups + 20)
    assert len(few) == groups + 20
    assert (few["halo_class"] == "group").sum() == groups
    assert few.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(few, thinned(panel, groups + 20))
    assert not few.index.equals(thinned(panel, groups + 20, seed=2).index)
    pd.testing.assert_frame_equal(thinned(panel, len(panel)), panel)


def test_properties_inferred_has_a_row_for_each(table):
    own = table[(table["suite_train"] == table["suite_test"]) & (table["fields"] == "xray")]
    shown = panels(inference.properties_inferred(own, ["f_cgm", "log_t_cgm"], source=SOURCE))
    assert len(shown) == 6
    panel = own[(own["property"] == "log_t_cgm") & (own["suite_test"] == "Astrid")]
    np.testing.assert_array_equal(offsets(shown[5]), panel[["truth", "mean"]])
    assert shown[3].get_ylabel().endswith("[K]")


def test_cross_simulation_trains_on_rows_and_tests_on_columns(table):
    one = table[table["fields"] == "xray+hi"]
    shown = panels(inference.cross_simulation(one, "log_m_cgm", SOURCE))
    assert len(shown) == 9
    widths = []
    for number, axis in enumerate(shown):
        train, test = SUITES[number // 3], SUITES[number % 3]
        panel = one[
            (one["suite_train"] == train)
            & (one["suite_test"] == test)
            & (one["property"] == "log_m_cgm")
        ]
        np.testing.assert_array_equal(offsets(axis), panel[["truth", "mean"]])
        widths.append(axis.spines["left"].get_linewidth())
    assert np.flatnonzero(np.array(widths) > 1).tolist() == [0, 4, 8]
    with pytest.raises(ParameterError, match="one kind"):
        inference.cross_simulation(table, "log_m_cgm")


def test_one_suite_and_one_field_make_one_panel(table):
    one = table[
        (table["fields"] == "hi")
        & (table["suite_train"] == "Astrid")
        & (table["suite_test"] == "Astrid")
    ]
    assert len(panels(inference.cross_simulation(one, "log_m_halo"))) == 1
    assert len(panels(inference.truth_inference(one, "log_m_halo"))) == 1


def test_metrics_beside_a_figure_are_those_of_its_points_and_of_all(crowded):
    rows, _ = choice.choose(crowded, "Figure 3", ["xray", "hi"], "ideal")
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


def test_several_properties_have_their_inputs_in_order(crowded):
    rows, _ = choice.choose(crowded, "Figure 6", ["xray", "hi", "xray+hi"], "survey", suite="SIMBA")
    shown = panels(inference.properties_inferred(rows, ["log_m_halo", "log_m_cgm"], "fields"))
    assert [axis.get_title() for axis in shown[:3]] == ["X-ray", "HI", "X-ray + HI"]
    assert len(shown) == 6
