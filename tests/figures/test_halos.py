"""Figures of halo populations show means, histograms and sums of the halos they are given."""

import numpy as np
import pandas as pd
import pytest
from helpers.drawings import SOURCE, SUITES, halo_table, offsets, panels, texts
from scipy import stats

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.figures import style
from cgmhelpers.figures.halos import (
    mass_functions,
    parameter_effects,
    phase_diagram,
    property_trends,
    total_flux,
)
from cgmhelpers.halos.properties import NAMES, PROPERTIES
from cgmhelpers.mock import feedback, responses, sets


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
    assert len(figure.axes) == 2 + 3 * 4
    panels = {axis.get_title(): axis for axis in figure.axes if axis.get_title()}
    assert len(panels) == 6
    number = panels[r"$\Omega_\mathrm{m}$"].lines[0].get_ydata()
    assert (number > 1.5).all()  # Omega_m = 0.5
    jets = panels[r"$A_\mathrm{AGN2}$"].lines
    assert len(jets) == 5  # two suites, two ends, and the line at 1
    by_colour = {line.get_color(): line for line in jets if line.get_linestyle() == "-"}
    assert by_colour[style.suite_colour("SIMBA")].get_label() == "mock SIMBA"
    moved = by_colour[style.suite_colour("SIMBA")].get_ydata()
    fiducial = feedback.MODELS["SIMBA"]
    model = responses.respond(fiducial, sets.Parameters(black_hole_speed=2.0))
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
