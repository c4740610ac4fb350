"""Faint pixels of the fast projection against the reference, and bounds on its errors."""

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import centres
from cgmhelpers.halos.reading import read_once
from cgmhelpers.maps.gathering import Gathering
from cgmhelpers.maps.projection import (
    bounds,
    kernel,
    numba_backend,
    reference,
    stamps,
    tables,
)  # fmt: skip
from cgmhelpers.maps.projection.frame import Frame
from cgmhelpers.maps.projection.images import project, project_many
from cgmhelpers.mock import writing
from cgmhelpers.simulations.simulation import Simulation

PIXELS, PIXEL = 128, 4.0  # of the paper
RADII = np.array([1.0, 2.5, 4.0, 7.0, 12.0, 19.0, 20.5, 24.0, 33.0, 47.0, 49.0, 75.0, 95.0, 97.0,
                  150.0, 191.0, 193.0, 300.0])  # fmt: skip


def places(radius, rng):
    """Centres in pixels: two anywhere in the middle, and one whose edge crosses the frame."""
    middle = rng.uniform(-8, 8, (2, 2))
    return 0.5 * PIXELS + np.vstack([middle, middle[:1] + [0.9 * radius / PIXEL, 0.0]])


def exact_image(x, y, radius):
    """Shares of a unit element; places and radius in pixels."""
    image = np.zeros((PIXELS, PIXELS))
    rows, columns, share = reference.pixel_shares(x, y, radius, PIXELS)
    image[rows, columns] = share
    return image


def assert_right(images, expected, above=0.0):
    """Require what the book promises of pixels above a value, and of those that hold nothing."""
    assert images.min() >= 0
    assert not images[expected == 0].any()
    right = expected > above
    assert right.sum() > 10
    off = np.abs(np.log10(images[right] / expected[right]))
    assert (off <= 0.02).mean() >= 0.9999
    assert off.max() <= 0.1


# --- what the fast projection is compared with -------------------------------------------------


@pytest.mark.parametrize("gap", [0.3, 0.1, 1e-2, 1e-3, 1e-5])
def test_column_keeps_its_digits_up_to_the_edge(gap):
    impact = 1 - gap
    # With z = edge sin(t), 1 - q = edge^2 cos(t)^2 / (1 + q): nothing cancels.
    edge = np.sqrt(gap * (1 + impact))

    def integrand(t):
        q = np.hypot(impact, edge * np.sin(t))
        return (edge**2 * np.cos(t) ** 2 / (1 + q)) ** 3 * edge * np.cos(t)

    expected = 32 / np.pi * quad(integrand, 0, np.pi / 2, epsabs=0, epsrel=1e-11)[0]
    assert kernel.column(impact) == pytest.approx(expected, rel=1e-10, abs=0)


def test_reference_is_right_where_an_edge_just_crosses_a_pixel():
    """A corner pixel that holds 1e-10 of the element, by quadrature in polar coordinates."""
    radius, depth = 6.0, 0.05
    corner = (radius - depth) * np.array(
        [np.cos(0.7), np.sin(0.7)]
    )  # of the pixel, from the centre
    centre = np.array([8.0, 9.0]) - corner
    image = exact_image(*centre, radius)

    # The pixel's edges are straight lines: between angles where the arc enters, from line to arc.
    low, high = np.arcsin(corner[1] / radius), np.arccos(corner[0] / radius)
    expected, _ = dblquad(
        lambda r, angle: kernel.column(r / radius) / radius**2 * r,
        low, high,
        lambda angle: max(corner[0] / np.cos(angle), corner[1] / np.sin(angle)), radius,
        epsabs=0, epsrel=1e-5,
    )  # fmt: skip
    assert 1e-12 < expected < 1e-8
    assert image[9, 8] == pytest.approx(expected, rel=1e-4)


# --- the bounds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", RADII)
def test_no_stamp_is_worse_than_its_bound(radius):
    rng = np.random.default_rng(int(10 * radius))
    tabled = tables.mosaic(), tables.column_polynomials(), stamps.stamp_sums()
    h, weight = np.array([radius / PIXEL]), np.ones((1, 1))
    kind = numba_backend._kinds(h, weight)
    for x, y in places(radius, rng):
        place = np.array([x]), np.array([y])
        stamped, bound = numba_backend._stamped(*place, h, weight, kind, PIXELS, *tabled)
        total = np.zeros((PIXELS, PIXELS))
        for one in bound[0]:
            bounds.summed(one)
            total += np.kron(one, np.ones((bounds.CELL, bounds.CELL)))[:PIXELS, :PIXELS]
        error = np.abs(stamped[0].sum(axis=0) - exact_image(x, y, h[0]))
        assert error.max() > 0 or h[0] < 0.5
        # Beside the bounds: rounding of the exact stamps' float64, and what the reference leaves.
        assert (error <= total + 1e-7 / max(h[0], 1) ** 2).all()


# --- the images ----------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", RADII)
def test_every_pixel_of_one_element_is_right(radius):
    rng = np.random.default_rng(int(7 * radius))
    for x, y in places(radius, rng):
        position = PIXEL * (np.array([[x, y, 0.0]]) - [0.5 * PIXELS, 0.5 * PIXELS, 0.0])
        images = project(position, np.array([radius]), np.ones((1, 1)), Frame(PIXELS, PIXEL, 1e4))
        expected = exact_image(x, y, radius / PIXEL)
        image = images[2, 0] * PIXEL**2
        assert image.min() >= 0
        assert not image[expected == 0].any()
        held = expected > 0
        off = np.abs(np.log10(image[held] / expected[held]))
        assert off.max() <= 0.02
        # Of an element that the frame cuts, the stamp's local error.
        whole = expected.sum() > 0.99999
        assert image.sum() == pytest.approx(expected.sum(), abs=6e-6 if whole else 5e-5)


def test_faint_pixels_beside_bright_clumps():
    """Eleven decades of brightness, kernels of 1 to 300 kpc: dense clumps in thin gas."""
    rng = np.random.default_rng(5)
    number = 160
    radius = np.concatenate([10 ** rng.uniform(0, 1.6, number), 10 ** rng.uniform(1.5, 2.5, 60)])
    position = np.concatenate([rng.normal(0, 60, (number, 3)), rng.uniform(-250, 250, (60, 3))])
    bright = np.concatenate([10 ** rng.uniform(4, 11, number), 10 ** rng.uniform(0, 1, 60)])
    quantities = np.stack([bright, bright[::-1]], axis=1)
    frame = Frame(64, 8.0)
    slow = project(position, radius, quantities, frame, backend="reference")
    fast = project(position, radius, quantities, frame)
    assert slow.max() > 1e12 * np.percentile(slow[slow > 0], 5)
    assert_right(fast, slow)
    np.testing.assert_allclose(fast.sum((2, 3)), slow.sum((2, 3)), rtol=2e-6)


HALO = Frame(32, 16.0)


@pytest.fixture(scope="module")
def halo(tmp_path_factory):
    """Elements about the largest halo of a small mock, and the floors of two fields."""
    root = tmp_path_factory.mktemp("mock")
    writing.write(root, suites=("IllustrisTNG",), cells=20_000, progress=False)
    sim = Simulation(root, "IllustrisTNG")
    chosen = known_fields.chosen(("xray", "hi"))
    gathering = Gathering(sim, chosen, centres(sim.halos(1e10)[:1]), HALO)
    read_once(sim, [gathering])
    return gathering.result(), np.array([field.floor for field in chosen])


def test_every_pixel_above_the_floor_is_right_in_a_mock_halo(halo):
    found, floor = halo
    arrays = found, found.kernel_radius, found.quantities, HALO
    slow = project_many(*arrays, backend="reference")[0]
    fast = project_many(*arrays, floor=floor)[0]
    for number in range(2):
        assert_right(fast[:, number], slow[:, number], floor[number])
    np.testing.assert_allclose(fast.sum((2, 3)), slow.sum((2, 3)), rtol=2e-6)
    assert_right(project_many(*arrays)[0], slow)  # without a floor, every pixel
    # What lies below a floor needn't be right, but stays below it.
    floor = np.percentile(slow, 30, axis=(0, 2, 3))
    fast = project_many(*arrays, floor=floor)[0]
    below = slow < 0.9 * floor[:, None, None]
    assert 0.2 < below.mean() < 0.4
    assert (fast < floor[:, None, None])[below].all()


@pytest.mark.parametrize("floor", [-1.0, np.nan, [1.0, 2.0, 3.0]])
def test_floors_that_cannot_be_are_refused(floor):
    arrays = np.zeros((1, 3)), np.ones(1), np.ones((1, 2))
    with pytest.raises(ParameterError, match="floor"):
        project(*arrays, Frame(8), floor=floor)
