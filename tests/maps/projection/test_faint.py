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


def stamped(x, y, h, least=0.0, weight=1.0):
    """Stamp of one element, its bound in each pixel, and its kind; places and radius in pixels."""
    arrays = np.array([x]), np.array([y]), np.array([h]), np.full((1, 1), weight)
    tabled = numba_backend.tabled()[:-1]
    stamps_, bound, kind, _ = numba_backend.stamped(*arrays, PIXELS, np.array([least]), *tabled)
    total = sum(np.kron(one, np.ones((bounds.CELL, bounds.CELL))) for one in bound[0])
    return stamps_[0].sum(axis=0), total[:PIXELS, :PIXELS], kind[0]


@pytest.mark.parametrize("radius", RADII)
def test_no_accurate_stamp_is_worse_than_its_bound(radius):
    rng = np.random.default_rng(int(10 * radius))
    h = radius / PIXEL
    for x, y in places(radius, rng):
        image, bound, kind = stamped(x, y, h)  # alone, so that its own edge is all that is faint
        assert kind == (0 if h < stamps.EXACT_BELOW else 1)
        expected = exact_image(x, y, h)
        error = np.abs(image - expected)
        assert error.max() > 0 or h < 0.5
        # Beside the bounds: rounding, and what the reference leaves.
        beside = bounds.RELATIVE * expected + 1e-7 / max(h, 1) ** 2
        assert (error <= bound + beside).all()
        assert bound.max() < 1e-4 * bounds.CENTRE / max(h, 0.5) ** 2


@pytest.mark.parametrize("h", [0.3, 0.7, 1.3, 2.2, 3.1, 4.2, 4.99])
def test_exact_stamps_are_right_up_to_the_edge(h):
    rng = np.random.default_rng(int(100 * h))
    for x, y in 64 + rng.uniform(-0.5, 0.5, (12, 2)):
        error = np.abs(stamped(x, y, h)[0] - exact_image(x, y, h))
        beside = bounds.RELATIVE * exact_image(x, y, h)
        assert (error <= beside + bounds.exact_error(h)).all()


@pytest.mark.parametrize("h", [1.1, 3.0, 3.76, 5.0, 7.4, 7.6, 11.0, 14.9, 15.1, 21.0, 31.0, 44.0])
def test_small_stamps_err_as_they_are_said_to(h):
    """A stamp of few pixels, which an element has where all about it is brighter."""
    rng = np.random.default_rng(int(10 * h))
    level = max(0, int(np.floor(np.log2(h / 3.75))))
    radius, centre = h / 2**level, bounds.CENTRE / max(h, 1) ** 2
    squares = []
    for x, y in 64 + rng.uniform(-8, 8, (6, 2)):
        image, bound, kind = stamped(x, y, h, least=1e9)
        assert kind == 2
        error = np.abs(image - exact_image(x, y, h)) / centre
        assert error.max() <= bounds.largest_small_error(radius, level)
        squares.append((error**2).sum() / (np.pi * h**2))
        far = np.hypot(*(np.indices(image.shape)[::-1] + 0.5 - np.reshape([x, y], (2, 1, 1))))
        beyond = far > np.sqrt(2) * (h + 8 * (2**level if level else 0) + 1)
        assert not image[beyond].any()
        assert image.sum() == pytest.approx(1, abs=3e-6)
        assert bound.max() > 0
        if h < 25:  # What it adds is the same sum of squares, over boxes, here within the frame.
            added = (bound**2).sum() / bounds.LIKELY**2 / centre**2 / (np.pi * h**2)
            assert added >= 0.9 * bounds.typical_error(radius, level) ** 2 * min(h, 1) ** 2
    assert np.mean(squares) <= bounds.typical_error(radius, level) ** 2


def test_many_small_stamps_stay_within_their_bound():
    """Thousands of equal elements in random places: the errors are far from adding up."""
    rng = np.random.default_rng(3)
    number, pixels = 3000, 64
    x, y = rng.uniform(-3, 67, (2, number))
    h, weight = 10 ** rng.uniform(0.6, 1.4, number), np.ones((number, 1))
    tabled = numba_backend.tabled()[:-1]
    arrays = x, y, h, weight * h[:, None] ** 2
    images, bound, kind, _ = numba_backend.stamped(*arrays, pixels, np.array([1e9]), *tabled)
    assert (kind == 2).all()
    expected = np.zeros((pixels, pixels))
    for one in range(number):
        rows, columns, share = reference.pixel_shares(x[one], y[one], h[one], pixels)
        expected[rows, columns] += arrays[3][one, 0] * share
    error = np.abs(images[0].sum(axis=0) - expected)
    limit = np.kron(bound[0, 2], np.ones((2, 2)))[:pixels, :pixels]
    # The share itself may be wrong by RELATIVE, which isn't needed here.
    assert (error <= limit).mean() >= 0.9999
    assert np.median(limit / expected) < 0.03


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


@pytest.mark.parametrize("number", [30, 300, 3000])
def test_faint_elements_at_one_place_do_not_add_up_to_an_error(number):
    """Errors of elements that share a place are equal; alone each were too faint to matter."""
    rng = np.random.default_rng(number)
    background = 400
    radius = np.concatenate([np.full(number, 90.0), rng.uniform(60, 90, background)])
    near = rng.normal(0, 3, (number, 3)) + [10.0, -20.0, 5.0]
    position = np.concatenate([near, rng.uniform(-200, 200, (background, 3))])
    quantities = np.ones((len(radius), 1))
    frame = Frame(64, 5.0)
    fast = project(position, radius, quantities, frame)
    slow = project(position, radius, quantities, frame, backend="reference")
    assert_right(fast, slow)


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
