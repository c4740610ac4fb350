"""The figures on map-making, and the measurement that one of them shows."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from scipy.integrate import quad

from cgmhelpers.emission import fields
from cgmhelpers.figures import halos, maps, projection
from cgmhelpers.maps.projection import kernel
from cgmhelpers.maps.projection.arriving import arriving_fraction
from cgmhelpers.maps.projection.frame import Frame
from cgmhelpers.maps.projection.images import project

SOURCE = "mock suite"
HALF = 128.0


def texts(figure):
    figure.canvas.draw()
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))


# --- what arrives ------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_all_of_an_element_arrives_wherever_it_lies(backend):
    radius = [0.2, 0.7, 1.5, 4.0]
    found = arriving_fraction(radius, backend, elements=12)
    assert found.shape == (4, 12)
    # Stamps and faint pixels of the fast backend, quadrature of the reference (test_projection).
    np.testing.assert_allclose(found, 1, rtol=1e-6)


def test_pencil_beams_hit_or_miss():
    """Of a kernel narrower than a pixel, one centre at most sees anything.

    Then the fraction that arrives is K(d) / h^2 at the distance d / h of the nearest pixel centre,
    whose mean over all places is 1 and whose mean square is the integral of K^2 over h^2.
    """
    radius = 0.4
    found = arriving_fraction([radius], "yt", elements=30_000)[0]
    square, _ = quad(lambda q: 2 * np.pi * q * kernel.column(q) ** 2, 0, 1)
    scatter = np.sqrt(square / radius**2 - 1)
    # yt interpolates the column kernel in a table: 1e-3 of its centre.
    assert found.max() == pytest.approx(kernel.column(0.0) / radius**2, rel=0.01)
    # A circle of radius 0.4 covers half of a pixel of side 1: in the rest it is missed.
    missed = 1 - np.pi * radius**2
    assert (found == 0).mean() == pytest.approx(missed, abs=4 * np.sqrt(0.25 / found.size) + 2e-3)
    # Errors of mean and deviation of so many places; fourth moments make the latter larger.
    assert found.mean() == pytest.approx(1, abs=4 * scatter / np.sqrt(found.size))
    assert found.std() == pytest.approx(scatter, rel=0.03)


def test_pencil_beams_are_right_where_kernels_span_pixels():
    found = arriving_fraction([0.5, 1.0, 2.0, 8.0], "yt", elements=300)
    error = found.std(axis=1)
    assert (np.diff(error) < 0).all()
    assert error[0] > 1
    # Midpoints of a smooth function: the error falls with a power of the radius, to yt's table.
    assert error[3] < 1e-4


# --- the figures -------------------------------------------------------------------------------


def maps_of_one_halo(names):
    rng = np.random.default_rng(2)
    place = (np.arange(16) + 0.5 - 8) * 16
    floors = np.array([fields.get(name).floor for name in names])
    image = floors[None, :, None, None] * 10 ** rng.uniform(0, 9, (3, len(names), 16, 16))
    return xr.Dataset(
        {"image": (("axis", "field", "y", "x"), image)},
        coords={"axis": list("xyz"), "field": list(names), "y": place, "x": place},
    )


def test_every_field_has_a_column_of_its_own():
    names = list(fields.FIELDS)
    figure = projection.every_field(maps_of_one_halo(names), axis="y", source=SOURCE)
    panels = [axis for axis in figure.axes if axis.images]
    assert len(panels) == 2 * len(names)
    shown = texts(figure)
    for name in names:
        field = fields.get(name)
        assert field.title in shown
        assert field.survey in shown
    assert SOURCE in shown
    for panel, name in zip(panels, [*names, *names], strict=True):
        assert panel.images[0].get_cmap().name == fields.get(name).colour_map
    # A survey's colours start at its limit.
    for panel, name in zip(panels[len(names) :], names, strict=True):
        assert panel.images[0].norm.vmin == fields.get(name).survey_limit
        assert panel.images[0].get_array().min() >= fields.get(name).survey_limit * (1 - 1e-6)


def test_other_figures_of_maps_take_any_field():
    names = list(fields.FIELDS)
    ds = maps_of_one_halo(names).assign_coords(r200c=200.0, log_mass=12.5, suite="SIMBA")
    gallery = maps.halo_in_suites({"SIMBA": ds, "Astrid": ds})
    assert len([axis for axis in gallery.axes if axis.images]) == 2 * 2 * len(names)
    table = pd.DataFrame({"suite": "SIMBA", "log_mass": [11.6, 12.5, 13.2]}).assign(
        halo_class=["sub_l_star", "l_star", "group"], **{name: [1.0, 2.0, 3.0] for name in names}
    )
    shown = [texts(gallery), texts(maps.hero(ds)), texts(halos.total_flux(table, names))]
    for text in shown:
        assert all(fields.get(name).title in text for name in names)
        assert "[]" not in text  # the Compton parameter is a number
        assert "$\\mathrm{}$" not in text


def test_pencil_beams_are_shown_where_they_differ():
    rng = np.random.default_rng(5)
    position = rng.uniform(-100, 100, (60, 3))
    radius = 10 ** rng.uniform(0.3, 1.6, 60)
    deposit = 10 ** rng.uniform(18, 22, (60, 1))
    mean, beam = (
        project(position, radius, deposit, Frame(32, 8.0), backend=backend)[0, 0]
        for backend in ("numba", "yt")
    )
    grid = np.geomspace(0.2, 5, 6)
    arriving = arriving_fraction(grid, elements=50)
    shares = {"HI": (radius / 8, deposit[:, 0]), "X-ray": (radius / 8, deposit[::-1, 0])}
    figure = projection.pencil_beam_comparison(
        (mean, beam), HALF, grid, arriving, shares, "hi", source=SOURCE
    )
    panels = [axis for axis in figure.axes if axis.images]
    assert len(panels) == 3
    difference = panels[2].images[0].get_array()
    reached = mean > 0
    np.testing.assert_allclose(difference[reached], beam[reached] / mean[reached] - 1)
    assert (difference[~reached] == 0).all()
    shown = texts(figure)
    expected = f"{beam.sum() / mean.sum() - 1:+.1%}".replace("-", "−")
    assert f"sum off by {expected}" in shown
    assert "kernel radius [pixels]" in shown
    # The three panels lie as the arrays do: up is up.
    assert all(panel.images[0].origin == "lower" for panel in panels)
    steps = [patch for axis in figure.axes for patch in axis.patches if hasattr(patch, "get_data")]
    assert len(steps) == 2
    assert all(patch.get_data().values.sum() == pytest.approx(1) for patch in steps)


def test_hydrogen_methods_are_shown_as_their_ratio():
    rng = np.random.default_rng(7)
    trident = 10 ** rng.uniform(15, 21, (16, 16))
    ratio = 10 ** rng.uniform(-0.3, 0.3, (16, 16))
    totals = pd.DataFrame(
        {"suite": ["SIMBA"] * 3 + ["Astrid"] * 2, "log_mass": [11.6, 12.0, 13.0, 12.2, 12.9]}
    ).assign(trident=2.0, snapshot=[1.0, 2.0, 3.0, 4.0, 5.0])
    images = {"trident": trident, "snapshot": trident * ratio}
    figure = projection.hydrogen_methods(images, totals, HALF, source=SOURCE)
    panels = [axis for axis in figure.axes if axis.images]
    np.testing.assert_allclose(panels[2].images[0].get_array(), ratio)
    norm = panels[2].images[0].norm
    assert norm.vmin * norm.vmax == pytest.approx(1)
    assert 1.5 < norm.vmax < 2
    scatter = [one for axis in figure.axes for one in axis.collections if len(one.get_offsets())]
    points = np.concatenate([one.get_offsets() for one in scatter if len(one.get_offsets()) < 4])
    np.testing.assert_allclose(
        points[:5], np.c_[totals["log_mass"], totals["snapshot"] / totals["trident"]]
    )
    shown = texts(figure)
    for word in ("Trident", "stored in the snapshot", "SIMBA", "Astrid", SOURCE):
        assert word in shown
