"""Selection against scipy's periodic tree and against brute force."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.cells import Spheres, cell_of
from cgmhelpers.halos.selection import in_frames

BOX = 37000.0


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(1)
    position = rng.uniform(0, BOX, (100_000, 3))
    centre = rng.uniform(0, BOX, (40, 3))
    centre[0] = (1, BOX - 1, 18000)  # across two faces
    return position, centre, rng.uniform(100, 3000, 40)


def test_spheres_are_listed_in_all_cells_that_they_reach(scene):
    position, centre, radius = scene
    spheres = Spheres(centre, radius, BOX)
    tree = cKDTree(position, boxsize=BOX)
    pairs = 0
    for halo, expected in enumerate(tree.query_ball_point(centre, radius)):
        for row in expected:
            cell = cell_of(position, row, BOX)
            assert halo in spheres.members[spheres.start[cell] : spheres.start[cell + 1]]
        pairs += len(expected)
    assert pairs > 1000
    assert np.diff(spheres.start).mean() < 0.1 * len(centre)  # and in few others


def test_displacement_is_the_nearest_image(scene):
    position, centre, _ = scene
    chosen = in_frames(position, np.zeros(len(position)), centre, 256, 1000, BOX)
    images = position[chosen.index] - centre[chosen.halo]
    nearest = images - BOX * np.rint(images / BOX)
    assert np.abs(images).max() > BOX / 2  # some do cross the edge
    # float32 of at most 1000 kpc: half a unit in the last place is 3e-5 kpc
    np.testing.assert_allclose(chosen.displacement, nearest, atol=4e-5)


def assert_equals_brute_force(position, kernel, centre, width, depth, box):
    chosen = in_frames(position, kernel, centre, width, depth, box)
    for halo in range(len(centre)):
        away = position.astype(np.float64) - centre[halo]
        away = np.abs(away - box * np.rint(away / box)) - kernel[:, None]
        touches = np.zeros(len(position), bool)
        for axis in range(3):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            touches |= (away[:, axis] < depth) & (away[:, u] < width) & (away[:, v] < width)
        found = chosen.index[chosen.offset[halo] : chosen.offset[halo + 1]]
        assert np.array_equal(found, np.flatnonzero(touches))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_frames_equal_brute_force(scene, dtype):
    position, centre, _ = scene
    # Over all margins of the search, and beyond the largest.
    kernel = (10 ** np.random.default_rng(2).uniform(-1, 4, len(position))).astype(np.float32)
    assert_equals_brute_force(position.astype(dtype), kernel, centre, 256, 1000, BOX)


@pytest.mark.parametrize("box", [5000.0, 12000.0, BOX])
@pytest.mark.parametrize(("width", "depth"), [(50, 200), (256, 2500), (1500, 200)])
def test_particles_on_edges_of_boxes_and_cells(box, width, depth):
    """As codes and rounding leave them, with halos in corners and kernels up to the box."""
    rng = np.random.default_rng(4)
    position, centre = rng.uniform(0, box, (4000, 3)), rng.uniform(0, box, (7, 3))
    on_edge = rng.random(position.shape) < 0.15
    edges = [0, box, np.nextafter(box, 0), -0.0005 * box, 1.0005 * box, box / 64, box / 2]
    position[on_edge] = rng.choice(edges, on_edge.sum())
    centre[:4] = [[0, 0, 0], [box, box, box], [0.5 * box] * 3, [0, box, box / 64]]
    kernel = 10 ** rng.uniform(0, np.log10(5000), len(position))
    kernel[:400] = rng.choice([0, 100, 300, 1000, 3000], 400)  # the margins of the search
    for dtype in (np.float32, np.float64):
        assert_equals_brute_force(position.astype(dtype), kernel, centre, width, depth, box)


def test_positions_outside_the_box_are_wrapped(scene):
    position, centre, _ = scene
    kernel = np.full(len(position), 30.0)
    inside = in_frames(position, kernel, centre, 256, 1000, BOX)
    moved = in_frames(position + BOX * np.array([1, -1, 2]), kernel, centre, 256, 1000, BOX)
    assert np.array_equal(inside.index, moved.index)


def test_no_halos_and_no_particles():
    frame = 256, 1000, BOX
    assert len(in_frames(np.zeros((5, 3)), np.zeros(5), np.empty((0, 3)), *frame).index) == 0
    assert len(in_frames(np.empty((0, 3)), np.empty(0), np.zeros((2, 3)), *frame).index) == 0


def test_wrong_shapes_and_sizes_are_refused():
    with pytest.raises(ParameterError, match="position has a wrong shape"):
        in_frames(np.zeros((5, 2)), np.zeros(5), np.zeros((1, 3)), 10, 10, BOX)
    with pytest.raises(ParameterError, match="centre has a wrong shape"):
        Spheres(np.zeros((2, 2)), np.ones(2), BOX)
    for refused in (
        lambda: in_frames(np.zeros((5, 3)), np.zeros(5), np.zeros((1, 3)), 10, 0.6 * BOX, BOX),
        lambda: Spheres(np.zeros((1, 3)), np.array([0.6 * BOX]), BOX),
    ):
        with pytest.raises(ParameterError, match="wider than the periodic box"):
            refused()
    with pytest.raises(ParameterError, match="a value for each element"):
        in_frames(np.zeros((5, 3)), np.zeros(4), np.zeros((1, 3)), 10, 10, BOX)
