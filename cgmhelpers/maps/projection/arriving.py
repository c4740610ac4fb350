"""How much of a single element arrives on a map, whatever the backend: what is lost, and where."""

import numpy as np

from cgmhelpers.maps.projection.frame import Frame
from cgmhelpers.maps.projection.images import project


def arriving_fraction(kernel_radius, backend="yt", elements=192, seed=0):
    """Put single elements at random places relative to the pixels, and add up what each left.

    Parameters
    ----------
    kernel_radius : (R,) array
        Radii of kernels in pixels, > 0.
    backend : {"numba", "reference", "yt"}
        See `cgmhelpers.maps.projection.images`.
    elements : int
        At least so many places for each radius.
    seed : int
        Of the random places.

    Returns
    -------
    (R, S) ndarray
        Sum of each image over what the element holds: 1 where nothing is lost or made up; S is
        three times a square, and not below `elements`.
    """
    side = int(np.ceil(np.sqrt(elements / 3)))
    row, column = np.divmod(np.arange(side**2), side)
    # A Latin square: along each of the three axes no two elements lie in the same block.
    block = np.stack([row, column, (row + column) % side], axis=1)
    place = np.random.default_rng(seed).uniform(0, 1, block.shape)
    fractions = []
    for radius in np.asarray(kernel_radius, dtype=float):
        margin = int(np.ceil(radius))
        width = 2 * margin + 1  # pixels of a block: what a kernel in its middle pixel reaches
        pixels = width * side
        position = block * width + margin + place - pixels / 2
        arrays = position, np.full(side**2, radius), np.ones((side**2, 1))
        images = project(*arrays, Frame(pixels, 1.0, 2.0 * pixels), backend=backend)
        blocks = images.reshape(3, side, width, side, width).sum(axis=(2, 4))
        fractions.append(blocks.ravel())
    return np.array(fractions)
