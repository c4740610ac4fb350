"""The projection, on closed forms and on the slow reference; all lengths in kpc."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.ndimage import maximum_filter

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.selection import in_frames
from cgmhelpers.maps.projection import faint, kernel, stamps, tables
from cgmhelpers.maps.projection.frame import AXES, Frame, other_axes
from cgmhelpers.maps.projection.images import project, project_many

BACKENDS = ("reference", "numba")
#: Sum of a stamp inside the frame: the fast one is divided by an interpolated sum, right to 5e-6 at
#: a radius of 5 pixels and to 1e-6 from 6 up; the reference has its quadrature, 2e-7.
SUM = 6e-6
#: Share of an element inside a frame that cuts it: the polynomial's local error.
CUT = 5e-5


def largest_difference(radius):
    """What numba_backend allows per pixel, as a fraction of the brightest; radius in pixels.

    The mosaic's tiles are T = 256 to a radius: a pixel's edge cuts tiles, over which the kernel
    varies by its slope, at most 2.6 of its centre; worst 2.6 / (8 T) per edge and kernel radius,
    and a pixel has a width of 1 / h radii. The others were measured over offsets and rounded up.
    """
    if radius < stamps.EXACT_BELOW:
        return 1e-5 + 2.6 / (8 * tables.TILES**2) * 2 * max(radius, 1)
    return 3e-4 if radius < 12 else 1.2e-3


def assert_alike(images, expected, rtol, atol):
    """Equal to rounding, but for a few faint pixels that were done again in one of them only."""
    assert np.isclose(images, expected, rtol=rtol, atol=atol).mean() > 0.99
    np.testing.assert_allclose(images, expected, rtol=2 * faint.TOLERANCE, atol=1e-15)


def one(position, radius, quantity=1.0):
    """Arguments of `project` for a single element that deposits into one field."""
    return np.array([position], float), np.array([float(radius)]), np.array([[quantity]])


def many(number, seed=1, spread=150.0, low=0.1, high=100.0):
    rng = np.random.default_rng(seed)
    radius = 10 ** rng.uniform(np.log10(low), np.log10(high), number)
    position = rng.uniform(-spread, spread, (number, 3))
    return position, radius, 10 ** rng.uniform(-2, 2, (number, 2))


# --- the kernel ------------------------------------------------------------------------------


def test_density_integrates_to_one():
    mass, _ = quad(lambda q: 4 * np.pi * q**2 * kernel.density(q), 0, 1, points=[0.5])
    assert mass == pytest.approx(1, abs=1e-12)
    assert kernel.density(1.0) == 0
    # Both cubics meet: 1 - 6/4 + 6/8 = 2/8.
    assert kernel.density(0.5) == pytest.approx(8 / np.pi / 4, abs=1e-12)


@pytest.mark.parametrize("impact", [0.0, 1e-9, 0.1, 0.4999, 0.5, 0.7, 0.99, 1.0, 1.5])
def test_column_is_the_integral_along_the_line(impact):
    edges = np.sqrt(np.maximum(np.array([0.25, 1.0]) - impact**2, 0))
    parts = [
        quad(lambda z: kernel.density(np.hypot(impact, z)), low, high, epsabs=1e-13)[0]
        for low, high in ((0, edges[0]), (edges[0], edges[1]))
    ]
    assert kernel.column(impact) == pytest.approx(2 * sum(parts), abs=1e-12)


@pytest.mark.parametrize("plane", [-1.2, -1.0, -0.8, -0.5, -0.3, 0.0, 0.2, 0.5, 0.6, 1.0, 2.0])
def test_fraction_below_a_plane(plane):
    def slice_mass(z):
        # A slice's mass is the density integrated over its disc; with q dq = R dR.
        points = [0.5] if abs(z) < 0.5 else None
        return quad(lambda q: 2 * np.pi * q * kernel.density(q), abs(z), 1, points=points)[0]

    end = np.clip(plane, -1, 1)
    mass, _ = quad(slice_mass, -1, end, points=[p for p in (-0.5, 0.5) if p < end] or None)
    assert kernel.fraction_below(plane) == pytest.approx(mass, abs=1e-9)


def test_fraction_within_depth():
    z = np.array([0.0, 10.0, 9.0, -9.0, 12.0, 10.0, 10.1, -3.0, 13.0])
    radius = np.array([5.0, 4.0, 0.5, 0.5, 4.0, 0.0, 0.0, 100.0, 3.0])
    expected = [1, 0.5, 1, 1, kernel.fraction_below(-0.5), 1, 0, None, 0]
    expected[7] = kernel.fraction_below(0.13) - kernel.fraction_below(-0.07)
    found = kernel.fraction_within_depth(z, radius, 10.0)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert 0 < found[7] < 0.3  # thicker than the slab on both sides


# --- the tables ------------------------------------------------------------------------------


def test_mosaic_is_the_integral_of_the_column():
    table = tables.mosaic()
    for j, i in ((256, 256), (128, 256), (64, 64), (13, 200)):
        b, a = j / tables.TILES, i / tables.TILES
        # The circle q = 1/2 and the edge are where adaptive quadrature works hardest: 1e-8.
        exact, _ = dblquad(lambda y, x: kernel.column(np.hypot(x, y)), 0, a, 0, b, epsabs=1e-8)
        assert table[j, i] == pytest.approx(exact, abs=1e-7)
    assert np.array_equal(table, table.T)
    shares = np.diff(np.diff(table, axis=0), axis=1)
    assert shares.min() > -1e-15


@pytest.mark.parametrize(
    ("rank", "terms", "largest", "edge"), [(2, 4, 1.1e-3, 1.1e-3), (5, 10, 1.3e-4, 5.5e-5)]
)
def test_products_follow_the_column(rank, terms, largest, edge):
    t = np.linspace(0, 1, 201)
    integrals, sign = tables.column_factors(rank, terms)
    polynomials = [np.polynomial.Polynomial(row) for row in integrals]
    value = np.array([p(t**2 - 0.5) + 2 * t**2 * p.deriv()(t**2 - 0.5) for p in polynomials])
    error = (value.T * sign) @ value
    distance = np.hypot(t, t[:, None])
    error = np.abs(error - kernel.column(distance)) / kernel.column(0)
    # What the docstring of `tables` says.
    assert error.max() < largest
    assert error[distance > 0.8].max() < edge
    whole = 2 * np.array([p(0.5) for p in polynomials])
    assert sign @ whole**2 == pytest.approx(1, abs=1e-13)


# --- the images, all backends ------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pixels", [1, 3, 8, 20, 64, 128, 200])
def test_mass_is_conserved_at_seven_resolutions(backend, pixels):
    position, radius, quantities = many(40, spread=90.0, high=90.0)
    pixel_size = 400.0 / pixels  # everything lies within 180 kpc of the centre
    images = project(position, radius, quantities, Frame(pixels, pixel_size), backend=backend)
    assert images.shape == (3, 2, pixels, pixels)
    assert images.min() >= 0
    mass = images.sum(axis=(2, 3)) * pixel_size**2
    np.testing.assert_allclose(mass, np.tile(quantities.sum(axis=0), (3, 1)), rtol=SUM)


@pytest.mark.parametrize("radius", [0.01, 0.3, 1.0, 3.0, 4.99, 5.0, 9.0, 15.9, 16.0, 33.0, 100.0])
@pytest.mark.parametrize("backend", BACKENDS)
def test_mass_of_one_element_is_conserved(backend, radius):
    arguments = one((1.3, -2.7, 0.4), radius, 7.0)
    images = project(*arguments, Frame(210, 1.0), backend=backend)
    np.testing.assert_allclose(images.sum(axis=(2, 3)), 7.0, rtol=SUM)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("radius", [0.0, 1e-3, 0.49])
def test_an_element_inside_one_pixel_of_eight_by_eight(backend, radius):
    images = project(*one((0.5, 1.5, -2.5), radius, 3.0), Frame(8, 1.0), backend=backend)
    # (horizontal, vertical) is (y, z), (z, x), (x, y); pixel 4 begins at the centre.
    for axis, (row, column) in enumerate([(1, 5), (4, 1), (5, 4)]):
        image = images[axis, 0]
        assert image[row, column] == pytest.approx(3.0, rel=SUM)
        assert np.count_nonzero(image) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_element_on_a_corner_is_shared_by_four_pixels(backend):
    image = project(*one((0, 0, 0), 0.7), Frame(2, 1.0), backend=backend)
    np.testing.assert_allclose(image, 0.25, rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_pixel_values_are_means_of_the_closed_form(backend):
    """A kernel of many pixels: its column, from the closed form of `kernel`, at each pixel."""
    h, pixels = 14.0, 32
    image = project(*one((0.3, 0.3, 0.3), h), Frame(pixels, 1.0), backend=backend)[2, 0]
    fine = (np.arange(pixels * 10) + 0.5) / 10 - pixels / 2 - 0.3
    column = kernel.column(np.hypot(fine, fine[:, None]) / h) / h**2
    mean = column.reshape(pixels, 10, pixels, 10).mean(axis=(1, 3))
    # 10 x 10 midpoints are right to (1/10)^2 of the pixel correction, 1e-5 of the peak.
    assert np.abs(image - mean).max() < (largest_difference(h) + 1e-5) * mean.max()


@pytest.mark.parametrize("backend", BACKENDS)
def test_uniform_slab(backend):
    """A lattice of elements fills space; every pixel must see density times depth."""
    spacing, h, depth = 8.0, 24.0, 36.0
    reach = {"reference": 20.0, "numba": 96.0}[backend]
    across = np.arange(-reach - h, reach + h + 1, spacing)
    along = np.arange(-depth - 2 * h, depth + 2 * h + 1, spacing)
    position = np.stack(np.meshgrid(across, across, along), axis=-1).reshape(-1, 3)
    pixels = int(2 * (reach - 8) / 4)
    radius = np.full(len(position), h)
    quantities = np.ones((len(position), 1))
    if backend == "reference":  # only the image along z, to save time
        near = np.abs(position[:, :2]).max(axis=1) < reach + h
        position, radius, quantities = position[near], radius[near], quantities[near]
        position[:, :2] = position[:, :2][:, ::-1]
    image = project(position, radius, quantities, Frame(pixels, 4.0, depth), backend=backend)[2, 0]
    # What a lattice sum differs from its mean is the kernel's Fourier transform at the lattice's
    # lowest wave number, k = 2 pi h / spacing, once for each of four directions, and twice for
    # the two faces of the slab.
    k = 2 * np.pi * h / spacing
    ripple, _ = quad(
        lambda q: 4 * np.pi * q * np.sin(k * q) / k * kernel.density(q), 0, 1, limit=200
    )
    tolerance = 6 * abs(ripple) + largest_difference(h / 4)
    assert tolerance < 0.01
    np.testing.assert_allclose(image, 2 * depth / spacing**3, rtol=tolerance)


def isothermal_sphere(number, radius):
    """Elements of equal mass with density 1 / r^2 inside `radius`, on a spiral over the sphere."""
    place = np.arange(number) + 0.5
    r = radius * place / number  # equal mass in equal steps of r
    height = 1 - 2 * ((place * 0.5 * (np.sqrt(5) - 1)) % 1)
    angle = 2 * np.pi * ((place * (np.sqrt(2) - 1)) % 1)
    ring = np.sqrt(1 - height**2)
    direction = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
    # Kernel radius: a sphere that holds about 40 elements.
    h = np.minimum((10 * 3 * r**2 * radius / number) ** (1 / 3), 0.3 * r + 0.1)
    return r[:, None] * direction, h


@pytest.mark.parametrize(("backend", "number"), [("reference", 1000), ("numba", 100_000)])
def test_projected_isothermal_sphere(backend, number):
    edge = 100.0
    position, h = isothermal_sphere(number, edge)
    images = project(position, h, np.full((number, 1), 1 / number), Frame(64, 4.0), backend=backend)
    fine = (np.arange(64 * 8) + 0.5) * 0.5 - 128
    distance = np.hypot(fine, fine[:, None])
    # Sigma(R) = M / (2 pi R_t R) arctan(sqrt(R_t^2 - R^2) / R) from rho = M / (4 pi R_t r^2).
    inside = np.sqrt(np.maximum(edge**2 - distance**2, 0))
    column = np.arctan(inside / distance) / (2 * np.pi * edge * distance)
    column = column.reshape(64, 8, 64, 8).mean(axis=(1, 3))
    centre = (np.arange(64) + 0.5) * 4 - 128
    ring = np.hypot(centre, centre[:, None])
    for low, high in ((8, 16), (16, 32), (32, 56), (56, 80)):
        chosen = (ring >= low) & (ring < high)
        expected = column[chosen].sum()
        # Low-discrepancy points do better than the noise of as many random ones in the ring.
        noise = 1 / np.sqrt(number * expected * 16)
        for image in images[:, 0]:
            assert image[chosen].sum() == pytest.approx(expected, rel=noise + 2e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_translation_by_whole_pixels(backend):
    position, radius, quantities = many(40, spread=10.0, high=11.9)
    here = project(position, radius, quantities, Frame(80, 1.0), backend=backend)
    shift = np.array([3.0, -7.0, 11.0])
    there = project(position + shift, radius, quantities, Frame(80, 1.0), backend=backend)
    for axis in range(3):
        columns, rows = shift[(axis + 1) % 3], shift[(axis + 2) % 3]
        back = np.roll(there[axis], (-int(rows), -int(columns)), axis=(1, 2))
        # The fast stamps are rounded to float32, 6e-8, and so is what they are added to.
        assert_alike(back, here[axis], rtol=3e-6, atol=3e-7 * here.max())
    assert not np.allclose(there, here)


def test_translation_on_coarse_grids():
    """One pixel isn't a whole one of the coarse grid: equal only within the pyramid's error."""
    h = 37.0
    here = project(*one((0, 0, 0), h), Frame(128, 1.0))[:, 0]
    there = project(*one((1.0, 1.0, 1.0), h), Frame(128, 1.0))[:, 0]
    back = np.roll(there, (-1, -1), axis=(1, 2))
    assert np.abs(back - here).max() < 2 * largest_difference(h) * here.max()
    far = project(*one((4.0, 4.0, 4.0), h), Frame(128, 1.0))[:, 0]  # whole on the grid of 4
    np.testing.assert_allclose(np.roll(far, (-4, -4), axis=(1, 2)), here, atol=1e-6 * here.max())


@pytest.mark.parametrize("backend", BACKENDS)
def test_swapping_axes_swaps_images(backend):
    position, radius, quantities = many(60, high=100.0)
    images = project(position, radius, quantities, Frame(32, 8.0, 100.0), backend=backend)
    turned = project(
        position[:, [1, 2, 0]], radius, quantities, Frame(32, 8.0, 100.0), backend=backend
    )
    np.testing.assert_array_equal(turned, images[[1, 2, 0]])
    mirrored = project(
        position[:, [1, 0, 2]], radius, quantities, Frame(32, 8.0, 100.0), backend=backend
    )
    # x and y change places: the image along z is transposed, the one along x is that along y.
    transposed = images.swapaxes(2, 3)[[1, 0, 2]]
    # Halving along x and then y rounds otherwise than along y and then x.
    assert_alike(mirrored, transposed, rtol=1e-5, atol=1e-6 * images.max())
    assert not np.allclose(images[0], images[1], rtol=0.1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_across_the_periodic_edge(backend):
    box, number = 1000.0, 40
    position, radius, quantities = many(number, spread=60.0, high=40.0)
    images = []
    for centre in (np.array([500.0, 500.0, 500.0]), np.array([3.0, 998.0, 0.0])):
        place = ((position + centre) % box).astype(np.float32)
        found = in_frames(place, radius.astype(np.float32), centre[None], 64.0, 200.0, box)
        images.append(
            project_many(
                found,
                radius[found.index],
                quantities[found.index],
                Frame(32, 4.0, 200.0),
                backend=backend,
            )
        )
        assert len(found.index) == number
    # Positions are rounded to float32 of 1000 kpc, 6e-5 kpc, which is 6e-4 of the smallest kernel.
    np.testing.assert_allclose(images[0].sum((3, 4)), images[1].sum((3, 4)), rtol=1e-3)
    difference = np.abs(images[0] - images[1]).sum() / images[0].sum()
    assert difference < 1e-3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("radius", [0.8, 3.0, 7.0, 12.0, 60.0, 300.0])
def test_only_the_part_inside_the_frame_counts(backend, radius):
    """An element on the frame's right edge, half of it inside, and one beside a corner."""
    half = 16.0
    image = project(*one((half, 0.0, 0.0), radius), Frame(32, 1.0, 1e4), backend=backend)[2, 0]
    fits = radius < half  # top and bottom cut a large kernel as well
    if fits:
        assert image.sum() == pytest.approx(0.5, abs=CUT)
    offset = 0.4 * radius
    centre = (half + offset, half - offset, 0.0)
    image = project(*one(centre, radius), Frame(32, 1.0, 1e4), backend=backend)[2, 0]
    # A dense grid of points: 400 to the kernel's diameter, midpoint rule, 1e-5.
    grid = (np.arange(400) + 0.5) / 200 - 1
    x, y = np.meshgrid(grid, grid)
    weight = kernel.column(np.hypot(x, y)) / 200**2
    place_x, place_y = centre[0] + radius * x, centre[1] + radius * y
    inside = (np.abs(place_x) < half) & (np.abs(place_y) < half)
    # The dense grid counts whole points at the frame's edge: on average half a point of a line of
    # 400, of which the heaviest holds 1 / 400 of the mass.
    assert image.sum() == pytest.approx(weight[inside].sum(), abs=1 / 400)
    exact, _ = dblquad(
        lambda v, u: kernel.column(np.hypot(u, v)),
        *np.clip(((-half - centre[0]) / radius, (half - centre[0]) / radius), -1, 1),
        *np.clip(((-half - centre[1]) / radius, (half - centre[1]) / radius), -1, 1),
        epsabs=1e-7,
    )
    assert exact > 1e-4
    assert image.sum() == pytest.approx(exact, abs=CUT)


@pytest.mark.parametrize("backend", BACKENDS)
def test_depth_cuts_kernels(backend):
    position = np.array([[0, 0, 0], [0, 0, 50], [0, 0, 55], [0, 0, -45], [0, 0, 70]], float)
    radius = np.full(5, 10.0)
    quantities = np.eye(5)
    mass = (
        project(position, radius, quantities, Frame(40, 4.0, 50.0), backend=backend).sum((2, 3))
        * 16
    )
    inside = kernel.fraction_below(np.array([5.0, 0.0, -0.5, 0.5, -2.0]))
    np.testing.assert_allclose(mass[2], inside, atol=SUM)
    # Along x and y nothing is cut by the depth of 50, nor by the frame of 80.
    np.testing.assert_allclose(mass[:2], 1, rtol=SUM)


def test_order_of_elements_and_sum_of_fields():
    position, radius, quantities = many(300)
    images = project(position, radius, quantities)
    turned = project(position[::-1], radius[::-1], quantities[::-1])
    # Sums in float32, 6e-8, of a few hundred elements.
    assert_alike(turned, images, rtol=1e-6, atol=1e-7 * images.max())
    both = project(position, radius, quantities.sum(axis=1, keepdims=True))
    assert_alike(both[:, 0], images.sum(axis=1), rtol=1e-6, atol=1e-6 * both.max())


# --- the fast backend ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "radius", [0.02, 0.3, 1.0, 2.2, 4.9, 5.0, 6.5, 8.0, 11.0, 15.9, 16.0, 20.0, 31.9, 32.0, 50.0]
)
def test_fast_equals_reference_pixel_by_pixel(radius):
    rng = np.random.default_rng(int(radius * 10))
    for _ in range(3):
        arguments = one(rng.uniform(-30, 30, 3), radius)
        fast = project(*arguments, Frame(96, 1.0))
        slow = project(*arguments, Frame(96, 1.0), backend="reference")
        assert slow.max() > 0
        difference = np.abs(fast - slow).max(axis=(1, 2, 3))
        assert (difference <= largest_difference(radius) * slow.max(axis=(1, 2, 3))).all()


def test_fast_equals_reference_for_many_elements():
    position, radius, quantities = many(150, low=0.5, high=150.0)
    frame = Frame(50, 5.0, 120.0)
    fast = project(position, radius, quantities, frame)
    each = SimpleNamespace(offset=np.arange(len(radius) + 1), displacement=position)
    single = project_many(each, radius, quantities, frame, backend="reference")
    slow = single.sum(axis=0)
    # Each element may be wrong by its own bound, where its kernel or its coarse pixels reach.
    bound = 1e-6 * slow  # rounding of the sums in float32
    for image, h in zip(single, radius / 5.0):
        coarse = 2 ** max(0, int(np.floor(np.log2(h / 6)))) if h >= 12 else 0
        reach = maximum_filter(image, size=(1, 1, 4 * coarse + 1, 4 * coarse + 1)) > 0
        # Products fill the kernel's square.
        reach = reach.any(axis=2, keepdims=True) & reach.any(axis=3, keepdims=True)
        bound += reach * largest_difference(h) * image.max(axis=(2, 3), keepdims=True)
    assert (np.abs(fast - slow) <= bound).all()
    # The bounds are worst cases that don't fall together.
    assert np.abs(fast - slow).sum() / slow.sum() < 2e-4
    bright = slow > 1e-2 * slow.max(axis=(2, 3), keepdims=True)
    assert bright.mean() > 0.02
    np.testing.assert_allclose(fast[bright], slow[bright], rtol=1e-3)
    np.testing.assert_allclose(fast.sum((2, 3)), slow.sum((2, 3)), rtol=1e-5)


def test_same_bits_for_any_number_of_threads():
    position, radius, quantities = many(3000, spread=250.0)
    offset = np.array([0, 10, 10, 1500, 3000])
    selection = SimpleNamespace(offset=offset, displacement=position.astype(np.float32))
    single = project_many(selection, radius, quantities, threads=1)
    for threads in (2, 5):
        assert np.array_equal(project_many(selection, radius, quantities, threads=threads), single)
    assert single[1].max() == 0  # a halo without elements
    assert single[[0, 2, 3]].max(axis=(1, 2, 3, 4)).min() > 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_many_halos_are_each_as_one(backend):
    position, radius, quantities = many(60, spread=100.0)
    offset = np.array([0, 25, 60])
    selection = SimpleNamespace(offset=offset, displacement=position)
    together = project_many(
        selection, radius, quantities, Frame(24, 8.0), backend=backend, dtype=np.float32
    )
    assert together.dtype == np.float32
    for halo in range(2):
        own = slice(offset[halo], offset[halo + 1])
        alone = project(
            position[own], radius[own], quantities[own], Frame(24, 8.0), backend=backend
        )
        np.testing.assert_array_equal(together[halo], alone.astype(np.float32))


def test_a_pixel_number_that_is_no_power_of_two():
    position, radius, quantities = many(50, spread=40.0, low=30.0, high=80.0)
    small = project(position, radius, quantities, Frame(37, 1.0))
    large = project(position, radius, quantities, Frame(101, 1.0))
    # The same 37 x 37 pixels in the middle, on other coarse grids.
    middle = large[..., 32:69, 32:69]
    np.testing.assert_allclose(small, middle, atol=2 * 8e-4 * middle.max())


def test_yt_agrees_where_kernels_are_large_and_loses_mass_where_they_are_small():
    position, radius, quantities = many(80, spread=60.0, low=40.0, high=60.0)
    images = project(position, radius, quantities, Frame(64, 4.0), backend="yt")
    expected = project(position, radius, quantities, Frame(64, 4.0))
    # yt takes the kernel at a pixel's centre for its mean: laplacian / 24, largest at the kernel's
    # own centre, and h is at least 10 pixels. A fifth more for the next order.
    change = kernel.column(0.02) / kernel.column(0) - 1
    tolerance = 1.2 * 4 * abs(change) / 0.02**2 / 24 / 10**2
    assert tolerance < 0.02
    assert np.abs(images - expected).max() < tolerance * expected.max()
    assert not np.allclose(images[0], images[1], rtol=0.05)
    small = project(position, radius / 40, quantities, Frame(64, 4.0), backend="yt").sum() * 16
    assert abs(small / (3 * quantities.sum()) - 1) > 1e-3


def test_yt_looks_from_the_same_side():
    """Translation and cyclic axes hold for pencil beams as well; only their sums don't."""
    position, radius, quantities = many(40, spread=10.0, low=3.0, high=12.0)
    here = project(position, radius, quantities, Frame(64, 1.0, 15.0), backend="yt")
    turned = project(position[:, [1, 2, 0]], radius, quantities, Frame(64, 1.0, 15.0), backend="yt")
    # yt's threads add in any order.
    np.testing.assert_allclose(turned, here[[1, 2, 0]], rtol=1e-13)
    deep = project(position, radius, quantities, Frame(64, 1.0, 1e3), backend="yt")
    shift = np.array([3.0, -7.0, 11.0])
    there = project(position + shift, radius, quantities, Frame(64, 1.0, 1e3), backend="yt")
    for axis in range(3):
        columns, rows = shift[(axis + 1) % 3], shift[(axis + 2) % 3]
        back = np.roll(there[axis], (-int(rows), -int(columns)), axis=(1, 2))
        # Sums of doubles in the same order, of distances that are rounded elsewhere.
        np.testing.assert_allclose(back, deep[axis], rtol=1e-9, atol=1e-9 * deep.max())
    assert not np.allclose(here, deep)  # the depth of 15 cuts


def test_single_precision_displacements_lose_nothing():
    """Displacements arrive as float32, 3e-5 kpc at the frame's edge.

    An element moved by s changes its image by at most s times twice the central value 1.4 / h of
    its marginal, along each of two axes (summed over all pixels).
    """
    position, radius, quantities = many(400, spread=240.0, low=0.5, high=60.0)
    images = project(position, radius, quantities)
    rounded = position.astype(np.float32)
    moved = np.abs(rounded - position).max()
    assert 0 < moved < 3.1e-5 / 2
    change = np.abs(project(rounded, radius, quantities) - images).sum(axis=(2, 3)) * 16
    # On coarse grids a stamp is a smooth function of its place as well.
    bound = 2 * 2 * 1.4 * moved * (quantities / radius[:, None]).sum(axis=0)
    assert (change < bound + 1e-6 * quantities.sum(axis=0)).all()
    assert (change < 1e-4 * quantities.sum(axis=0)).all()


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"backend": "fortran"},
        {"threads": 0},
        {"kernel_radius": np.array([-1.0])},
        {"kernel_radius": np.array([1.0, 2.0])},
        {"quantities": np.array([[-1.0]])},
        {"quantities": np.array([[np.nan]])},
        {"quantities": np.array([1.0])},
        {"displacement": np.array([[0.0, np.inf, 0.0]])},
        {"displacement": np.zeros((1, 2))},
    ],
)
def test_what_cannot_be_projected_is_refused(change):
    displacement, kernel_radius, quantities = one((0, 0, 0), 1.0)
    given = {
        "displacement": displacement,
        "kernel_radius": kernel_radius,
        "quantities": quantities,
        "frame": Frame(8),
    }
    with pytest.raises(ParameterError):
        project(**given | change)


@pytest.mark.parametrize(
    "numbers",
    [
        {"pixels": 0},
        {"pixels": 2.5},
        {"pixels": np.inf},
        {"pixel_size": 0.0},
        {"pixel_size": np.nan},
        {"depth": -1.0},
        {"depth": np.inf},
    ],
)
def test_frames_that_cannot_be_are_refused(numbers):
    with pytest.raises(ParameterError, match=next(iter(numbers))):
        Frame(**numbers)


def test_axes_of_an_image_keep_their_cyclic_order():
    assert [other_axes(axis) for axis in AXES] == [("y", "z"), ("z", "x"), ("x", "y")]


def test_offsets_that_do_not_fit_are_refused():
    displacement, kernel_radius, quantities = one((0, 0, 0), 1.0)
    selection = SimpleNamespace(offset=np.array([0, 2]), displacement=displacement)
    with pytest.raises(ParameterError, match="offsets"):
        project_many(selection, kernel_radius, quantities)


def test_no_elements_give_empty_images():
    images = project(np.zeros((0, 3)), np.zeros(0), np.zeros((0, 2)), Frame(16))
    assert images.shape == (3, 2, 16, 16)
    assert not images.any()
