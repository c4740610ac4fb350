"""Figures of attributions show the maps and the numbers that they are given."""

import numpy as np
import pytest
from helpers.blobs import blobs

from cgmhelpers.figures.attribution import attribution_maps, attribution_profiles
from cgmhelpers.inference.attribution import Attribution
from cgmhelpers.network import samples


def halos():
    ds = samples.load(blobs(6), ["xray", "hi"], "survey").sel(axis="x")
    values = np.random.default_rng(1).normal(size=ds["image"].shape)
    return ds, Attribution(values, np.full(6, 12.0), 11.7, ("xray", "hi"), "log_m_halo")


def test_attribution_stands_beside_its_map():
    ds, attribution = halos()
    figure = attribution_maps(ds, attribution, "mock")
    panels = [axis for axis in figure.axes if axis.images]
    images = np.array([axis.images[0].get_array() for axis in panels[:24]]).reshape(6, 4, 16, 16)
    assert images[:, ::2] == pytest.approx(ds["image"].values)
    assert images[:, 1::2] == pytest.approx(attribution.values)
    low, high = panels[1].images[0].get_clim()
    assert low == -high < 0
    radii = sorted(patch.radius for patch in panels[0].patches)
    assert radii == pytest.approx(sorted([200.0, float(ds["r200c"][0])]))


def test_networks_stand_side_by_side():
    ds, attribution = halos()
    other = Attribution(-2 * attribution.values, np.full(6, 12.5), 11.7, ("xray", "hi"), "f_cgm")
    figure = attribution_maps(ds, {"one": attribution, "other": other}, "mock")
    panels = [axis for axis in figure.axes if axis.images]
    images = np.array([axis.images[0].get_array() for axis in panels[:36]]).reshape(6, 6, 16, 16)
    assert images[:, ::3] == pytest.approx(ds["image"].values)
    assert images[:, 1::3] == pytest.approx(attribution.values)
    assert images[:, 2::3] == pytest.approx(other.values)
    assert panels[1].images[0].get_clim() == panels[2].images[0].get_clim()
    titles = [axis.get_title() for axis in panels[:6]]
    assert titles[1:3] == titles[4:] == ["one", "other"]
    assert "one 12.00\nother 12.50" in panels[0].get_ylabel()


def test_profiles_are_means_over_the_halos_of_a_class():
    shares = np.zeros((3, 2, 4))
    shares[0], shares[1], shares[2] = 0.1, 0.3, np.nan
    figure = attribution_profiles(
        {"f_cgm": shares}, ("xray", "hi"), [0, 50, 100, 150, 200], ["group"] * 3
    )
    (axis,) = figure.axes
    assert "2 halos" in axis.get_title()
    assert axis.lines[0].get_ydata() == pytest.approx(np.full(4, 0.2))
    assert axis.lines[0].get_xdata() == pytest.approx([25, 75, 125, 175])
