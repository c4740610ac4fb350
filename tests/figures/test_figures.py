"""Figures show the data they are given, with labels and units, and leave matplotlib as it was."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from scipy import stats

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError
from cgmhelpers.figures import errors, inference, maps, network, style
from cgmhelpers.figures.halos import (
    mass_functions,
    parameter_effects,
    phase_diagram,
    property_trends,
    total_flux,
)
from cgmhelpers.figures.inference import metric_text, thinned
from cgmhelpers.halos.properties import NAMES, PROPERTIES
from cgmhelpers.mock import feedback, sets

SUITES = ("IllustrisTNG", "SIMBA", "Astrid")
FIELD_SETS = ("xray+hi", "hi", "xray")
SOURCE = "mock suite, 3 realisations per suite"


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_the_callers_settings_survive():
    before = dict(matplotlib.rcParams)
    mass_functions(halo_table(), 1000.0)
    assert dict(matplotlib.rcParams) == before


def halo_table(number=120, seed=3):
    """Halos of three suites whose properties are linear in mass, with known offsets."""
    rng = np.random.default_rng(seed)
    rows = []
    for step, suite in enumerate(SUITES):
        log_mass = rng.uniform(11.5, 13.9, number)
        table = pd.DataFrame({"suite": suite, "log_mass": log_mass})
        for one in PROPERTIES:
            share = (log_mass - 11.5) / 2.8 + 0.05 * step + 0.01 * rng.standard_normal(number)
            table[one.name] = one.low + share * (one.high - one.low)
        rows.append(table)
    table = pd.concat(rows, ignore_index=True)
    classes = np.select(
        [table["log_mass"] < 12, table["log_mass"] < 13], ["sub_l_star", "l_star"], "group"
    )
    return table.assign(halo_class=classes)


def predictions(halos=60, limits=("survey",), bias=0.0, seed=5):
    """A tidy table of every suite, set of fields and property, in the order of a run."""
    rng = np.random.default_rng(seed)
    names = np.array(["sub_l_star", "l_star", "group"])
    rows = []
    for limit in limits:
        for fields in FIELD_SETS:
            for train in SUITES:
                for test in SUITES:
                    log_mass = rng.uniform(11.5, 14, halos)
                    classes = np.digitize(log_mass, [12, 13])
                    for one in PROPERTIES:
                        span = one.high - one.low
                        truth = one.low + span * rng.uniform(0.1, 0.9, halos)
                        std = span * rng.uniform(0.05, 0.1, halos)
                        offset = bias * span * (SUITES.index(test) - SUITES.index(train))
                        rows.append(
                            pd.DataFrame(
                                {
                                    "suite": test, "set_name": "CV", "realisation": 0,
                                    "group": np.arange(halos), "log_mass": log_mass,
                                    "halo_class": names[classes],
                                    "suite_train": train, "suite_test": test, "fields": fields,
                                    "limits": limit, "part": "test", "property": one.name,
                                    "truth": truth, "std": std,
                                    "mean": truth + offset + std * rng.standard_normal(halos),
                                }
                            )
                        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def table():
    return predictions()


def panels(figure):
    """Axes that aren't colour bars and that are shown."""
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>" and axis.axison]


def offsets(axis):
    return np.concatenate([np.asarray(one.get_offsets()) for one in axis.collections
                           if isinstance(one, matplotlib.collections.PathCollection)])  # fmt: skip


def texts(figure):
    return [text.get_text() for text in figure.texts]


def single_halo(pixels=8, seed=1, r200c=20.0):
    """Maps of one halo in two fields: positive everywhere, different in each."""
    rng = np.random.default_rng(seed)
    names = ("xray", "hi")
    image = np.empty((3, 2, pixels, pixels))
    for number, name in enumerate(names):
        field = known_fields.get(name)
        decades = rng.uniform(-2, 2, (3, pixels, pixels))
        image[:, number] = field.survey_limit * 10**decades
    place = (np.arange(pixels) + 0.5 - pixels / 2) * 8.0
    return xr.Dataset(
        {"image": (("axis", "field", "y", "x"), image)},
        coords={"axis": list("xyz"), "field": list(names), "y": place, "x": place,
                "r200c": r200c, "log_mass": 12.34, "suite": "SIMBA"},
    )  # fmt: skip


def test_property_trends_show_means_of_the_halos():
    halos = halo_table(400)
    edges = np.array([11.5, 12.5, 13.5, 14.0])
    figure = property_trends(halos, NAMES[1:], SOURCE, edges)
    shown = panels(figure)
    assert len(shown) == 5
    for axis, one in zip(shown, PROPERTIES[1:], strict=True):
        assert axis.get_ylabel() == one.axis_label
        lines = {line.get_label(): line.get_xydata() for line in axis.lines}
        for suite in SUITES:
            own = halos[halos["suite"] == suite]
            for statistic, column in ((0, "log_mass"), (1, one.name)):
                expected, _, _ = stats.binned_statistic(own["log_mass"], own[column], bins=edges)
                np.testing.assert_allclose(lines[suite][:, statistic], expected)
    assert r"\odot" in shown[-1].get_xlabel()
    assert texts(figure) == [SOURCE]


def test_property_trends_show_halos_of_sparse_bins_as_points():
    halos = halo_table(400)
    sparse = halos["log_mass"] > 13.5
    keep = ~sparse | (halos.groupby(["suite", sparse]).cumcount() < 4)
    halos = halos[keep]
    axis = panels(property_trends(halos, ["f_cgm"], edges=np.array([11.5, 12.5, 13.5, 14])))[0]
    heavy = halos[halos["log_mass"] > 13.5]
    assert len(heavy) == 12
    assert sorted(map(tuple, offsets(axis))) == sorted(
        zip(heavy["log_mass"], heavy["f_cgm"], strict=True)
    )


def test_parameter_effects_are_those_of_the_mock():
    """Each panel has the two ends of one range; a suite's line is its model's answer."""
    figure = parameter_effects(("SIMBA", "Swift-EAGLE"), source=SOURCE)
    panels = {axis.get_title(): axis for axis in figure.axes}
    assert len(panels) == 6
    number = panels[r"$\Omega_\mathrm{m}$"].lines[0].get_ydata()
    assert (number > 1.5).all()  # Omega_m = 0.5
    jets = panels[r"$A_\mathrm{AGN2}$"].lines
    assert len(jets) == 5  # two suites, two ends, and the line at 1
    by_colour = {line.get_color(): line for line in jets if line.get_linestyle() == "-"}
    moved = by_colour[style.suite_colour("SIMBA")].get_ydata()
    fiducial = feedback.MODELS["SIMBA"]
    model = feedback.respond(fiducial, sets.Parameters(black_hole_speed=2.0))
    assert moved.min() == pytest.approx(model.cgm_fraction[4] / fiducial.cgm_fraction[4], rel=0.02)
    assert moved.min() < 0.7


def test_mass_functions_integrate_to_the_halos():
    halos = halo_table(50)
    figure = mass_functions(halos, 500.0, source=SOURCE)
    axis = panels(figure)[0]
    points = {bar.get_label(): bar.lines[0].get_xydata() for bar in axis.containers}
    assert set(points) == set(SUITES)
    for suite in SUITES:
        # 50 halos in 500 Mpc3; bins are a quarter of a dex wide.
        np.testing.assert_allclose(points[suite][:, 1].sum() * 0.25, 50 / 500)
    assert r"Mpc^{-3}" in axis.get_ylabel()
    assert r"\odot" in axis.get_xlabel()


def test_phase_diagram_adds_up_what_it_is_given():
    rng = np.random.default_rng(2)
    density, temperature = 10 ** rng.uniform(-4, 0, 500), 10 ** rng.uniform(4, 7, 500)
    hot = np.where(temperature > 1e6, 1.0, 0.0)
    figure = phase_diagram(density, temperature, {"mass": np.ones(500), "hot": hot})
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == ["mass", "hot"]
    for axis in shown:
        share = axis.collections[0].get_array()
        np.testing.assert_allclose(share.sum(), 1)
    share = shown[1].collections[0].get_array().reshape(70, 70)
    temperatures = np.linspace(
        np.log10(temperature).min() - 0.05, np.log10(temperature).max() + 0.05, 71
    )
    cold = temperatures[1:] < 6
    assert cold.any()
    assert share[cold].count() == 0  # rows are temperature
    assert shown[0].get_xlabel().endswith(r"[$\mathrm{cm^{-3}}$]")
    assert shown[0].get_ylabel() == r"$\log T$ [K]"


def test_total_flux_shows_every_halo_of_its_suite():
    halos = halo_table(40)
    halos["xray"] = 10 ** (halos["log_mass"] - 25)
    halos["hi"] = 10 ** (halos["log_mass"] + 8)
    figure = total_flux(halos, ["xray", "hi"], SOURCE)
    shown = panels(figure)
    assert len(shown) == 6
    own = halos[halos["suite"] == "SIMBA"]
    np.testing.assert_allclose(
        offsets(shown[4]), np.column_stack([np.log10(own["hi"]), own["log_mass"]])
    )
    assert "erg" in shown[1].get_xlabel()
    assert "cm" in shown[4].get_xlabel()


@pytest.mark.parametrize("axis", ["x", "z"])
def test_halo_in_suites_shows_the_images_floored_at_their_limits(axis):
    halos = {suite: single_halo(seed=number) for number, suite in enumerate(SUITES)}
    figure = maps.halo_in_suites(halos, axis=axis, source=SOURCE)
    shown = panels(figure)
    assert len(shown) == 12
    rows = [("xray", "ideal"), ("xray", "survey"), ("hi", "ideal"), ("hi", "survey")]
    for number, panel in enumerate(shown):
        name, limits = rows[number // 3]
        image = halos[SUITES[number % 3]]["image"].sel(field=name, axis=axis).values
        limit = known_fields.get(name).limit(limits)
        assert (image < known_fields.get(name).survey_limit).any()  # or the floor isn't tested
        drawn = panel.images[0]
        np.testing.assert_array_equal(drawn.get_array(), np.maximum(image, limit))
        assert drawn.origin == "lower"
        assert drawn.get_extent() == [-32, 32, -32, 32]
    norms = [panel.images[0].norm for panel in shown]
    assert all(norms[3].vmin == norm.vmin for norm in norms[3:6])
    assert norms[3].vmin == known_fields.get("xray").survey_limit
    assert shown[0].get_title().startswith("IllustrisTNG")
    horizontal = {"x": "y", "z": "x"}[axis]
    assert shown[-1].get_xlabel() == f"{horizontal} [kpc]"
    bars = [one for one in figure.axes if one.get_label() == "<colorbar>"]
    assert "erg" in bars[0].get_ylabel()
    assert r"cm^{-2}" in bars[2].get_ylabel()


def test_a_map_without_signal_says_so():
    faint = single_halo()
    faint["image"] = faint["image"] * 1e-5
    figure = maps.halos_by_mass([single_halo(), faint], ("survey",))
    said = [[text.get_text() for text in panel.texts] for panel in panels(figure)]
    assert said == [[], ["nothing above the limit"], [], ["nothing above the limit"]]


def test_r200c_is_drawn_where_it_fits():
    figure = maps.halos_by_mass([single_halo(r200c=20.0), single_halo(r200c=40.0)], ("ideal",))
    radii = [[patch.radius for patch in panel.patches] for panel in panels(figure)]
    assert radii == [[20.0], [], [20.0], []]


def test_hero_shows_every_field_with_a_scale():
    halo = single_halo()
    figure = maps.hero(halo, source=SOURCE, scale_bar=16.0)
    shown = [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]
    assert len(shown) == 2
    for panel, name in zip(shown, ("xray", "hi"), strict=True):
        np.testing.assert_array_equal(
            panel.images[0].get_array(), halo["image"].sel(axis="x", field=name)
        )
        assert np.ptp(panel.lines[0].get_xdata()) == 16.0
        assert "16 kpc" in [text.get_text() for text in panel.texts]
    labels = [axis.get_xlabel() for axis in figure.axes if axis.get_label() == "<colorbar>"]
    assert "erg" in labels[0]
    assert "N_" in labels[1]
    assert texts(figure) == [SOURCE]


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


def test_error_by_class_shows_the_mean_relative_error(table):
    own = table[(table["suite_train"] == "SIMBA") & (table["suite_test"] == "SIMBA")]
    figure = errors.error_by_class(own, "fields", source=SOURCE)
    shown = panels(figure)
    assert len(shown) == 3
    for axis, name in zip(shown, ("sub_l_star", "l_star", "group"), strict=True):
        lines = {line.get_label(): line.get_ydata() for line in axis.lines}
        for fields, label in (("hi", "HI"), ("xray+hi", "X-ray + HI")):
            panel = own[(own["halo_class"] == name) & (own["fields"] == fields)]
            ratio = (panel["std"] / panel["mean"].abs()).groupby(panel["property"]).mean()
            np.testing.assert_allclose(lines[label], ratio.loc[list(NAMES)])
    assert len(figure.legends[0].texts) == 3
    assert r"\epsilon" in shown[0].get_ylabel()


def test_error_by_class_shows_rmse_in_units_of_the_range(table):
    own = table[(table["suite_train"] == table["suite_test"]) & (table["fields"] == "hi")]
    axis = panels(errors.error_by_class(own, "suite_test", "rmse"))[2]
    lines = {line.get_label(): line.get_ydata() for line in axis.lines}
    panel = own[(own["halo_class"] == "group") & (own["suite_test"] == "Astrid")]
    squared = ((panel["truth"] - panel["mean"]) ** 2).groupby(panel["property"]).mean()
    spans = [one.high - one.low for one in PROPERTIES]
    np.testing.assert_allclose(lines["Astrid"], np.sqrt(squared.loc[list(NAMES)]) / spans)


def test_bias_matrix_shows_the_offsets_that_were_put_in():
    own = predictions(halos=200, bias=0.2)
    own = own[own["fields"] == "xray"]
    figure = errors.bias_matrix(own, NAMES, SOURCE)
    shown = panels(figure)
    assert len(shown) == 6
    for axis, one in zip(shown, PROPERTIES, strict=True):
        share = np.asarray(axis.images[0].get_array())  # rows: trained on, columns: tested on
        expected = 0.2 * (np.arange(3) - np.arange(3)[:, None])
        # The median of 200 errors of at most a tenth of the range scatters by 0.01.
        np.testing.assert_allclose(share, expected, atol=0.045)
        assert axis.get_title() == one.axis_label
        assert len(axis.texts) == 9


def test_one_prediction_shows_inputs_and_posteriors():
    images = {"xray": np.arange(16.0).reshape(4, 4), "hi": np.eye(4)}
    prediction = pd.DataFrame(
        {
            "property": NAMES,
            "truth": [0.5 * (one.low + one.high) for one in PROPERTIES],
            "mean": [one.high for one in PROPERTIES],
            "std": [0.1 * (one.high - one.low) for one in PROPERTIES],
        }
    )
    shown = panels(network.one_prediction(images, prediction, 256.0, source=SOURCE))
    assert len(shown) == 3
    np.testing.assert_array_equal(shown[1].images[0].get_array(), np.eye(4))
    posterior = shown[2].containers[0]
    np.testing.assert_allclose(posterior.lines[0].get_xdata(), 1)
    half = [np.ptp(segment[:, 0]) / 2 for segment in posterior.lines[2][0].get_segments()]
    np.testing.assert_allclose(half, 0.1)
    truths = next(line for line in shown[2].lines if line.get_label() == "truth")
    np.testing.assert_allclose(truths.get_xdata(), 0.5)
    assert shown[0].get_xlabel() == "kpc"


def test_learning_curves_show_the_histories():
    histories = {}
    for number, suite in enumerate(SUITES):
        for fields in ("xray+hi", "xray"):
            loss = np.array([3.0, 1.0, 2.0]) + number
            histories[suite, fields, "ideal"] = pd.DataFrame(
                {"epoch": [0, 1, 2], "train_loss": loss + 1, "validation_loss": loss}
            )
    figure = network.learning_curves(histories, SOURCE)
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == ["X-ray, ideal maps", "X-ray + HI, ideal maps"]
    for axis in shown:
        training, validation, best = axis.lines[:3]
        np.testing.assert_array_equal(training.get_xydata(), [[1, 4], [2, 2], [3, 3]])
        np.testing.assert_array_equal(validation.get_xydata(), [[1, 3], [2, 1], [3, 2]])
        np.testing.assert_array_equal(best.get_xydata(), [[2, 1]])
        assert axis.get_xlabel() == "epoch"


def test_a_failed_training_doesnt_flatten_the_others():
    steps = pd.DataFrame({"epoch": range(5), "train_loss": [5.0, 4, 3, 2, 1]})
    steps["validation_loss"] = steps["train_loss"]
    failed = steps.assign(validation_loss=1e3)
    histories = {(suite, "xray", "ideal"): steps for suite in SUITES[:2]}
    axis = panels(network.learning_curves(histories | {("Astrid", "xray", "ideal"): failed}))[0]
    assert axis.get_ylim()[1] < 100
    assert [text.get_text() for text in axis.texts] == ["Astrid lies above"]


def test_suites_have_colours_that_differ():
    colours = {style.suite_colour(suite) for suite in (*SUITES, "EAGLE")}
    assert len(colours) == 4
