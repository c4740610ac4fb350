"""Figures of maps show the images, floored at their limits, with scales and circles."""

import numpy as np
import pytest
from helpers.drawings import SOURCE, SUITES, panels, single_halo, texts

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.figures import maps


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
