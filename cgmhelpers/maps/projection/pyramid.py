"""Grids that are coarsened by powers of two, and their prolongation to the image.

A large kernel is stamped on a grid on which it has few pixels. In the end each grid is added to the
next finer one by a prolongation that keeps the mean of every coarse pixel. Grids are float32; the
rounding of many additions is 1e-6 of a pixel.
"""

import numpy as np

from cgmhelpers.system.compiling import fused

BORDER = 8
"""Pixels around each coarse grid: what the prolongation to the next finer one, and its border,
reach."""
REACH = 4
"""Neighbours on either side that the prolongation looks at."""


@fused
def empty_grids(pixels, shape, levels):
    """Return the grids of a pyramid, each half as fine as the last.

    Parameters
    ----------
    pixels : int
        Pixels along a side of the finest.
    shape : tuple of two int
        Leading dimensions of each grid.
    levels : int
        Number of coarser grids.

    Returns
    -------
    list of (*shape, N, N) ndarray, float32
        The finest first, without a border.
    """
    grids = [np.zeros((*shape, pixels, pixels), np.float32)]
    for level in range(1, levels + 1):
        side = (pixels + 2**level - 1) // 2**level + 2 * BORDER
        grids.append(np.zeros((*shape, side, side), np.float32))
    return grids


@fused
def prolong(coarse, fine, border):
    """Add a coarse grid to the next finer one, which has its own border.

    Each coarse pixel is halved along x, then along y, keeping its mean.

    Parameters
    ----------
    coarse : (M, M) array, float32
        With a border of BORDER pixels.
    fine : (N, N) array, float32
        Changed in place.
    border : int
        Pixels of its border: BORDER, or 0 for the image.
    """
    side, size = len(coarse), len(fine)
    start = BORDER - border // 2  # the coarse pixel over the first two fine ones
    pairs = (size + 1) // 2
    halved = np.empty((side, 2 * pairs), np.float32)
    left, right = np.empty(pairs, np.float32), np.empty(pairs, np.float32)
    for j in range(side):
        row = coarse[j, start - REACH : start + pairs + REACH]
        _halve(
            left, right,
            row[0:], row[1:], row[2:], row[3:], row[4:], row[5:], row[6:], row[7:], row[8:],
        )  # fmt: skip
        target = halved[j]
        for i in range(np.int32(pairs)):
            target[2 * i] = left[i]
            target[2 * i + 1] = right[i]
    lower, upper = np.empty(2 * pairs, np.float32), np.empty(2 * pairs, np.float32)
    for pair in range(pairs):
        rows = halved[start + pair - REACH : start + pair + REACH + 1]
        _halve(
            lower, upper,
            rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7], rows[8],
        )  # fmt: skip
        for half in range(min(2, size - 2 * pair)):
            source, target = upper if half else lower, fine[2 * pair + half]
            for i in range(np.int32(size)):
                target[i] += source[i]


@fused
def _halve(first, second, a, b, c, d, middle, e, f, g, h):
    """Means of the two halves of each pixel `middle`, from four neighbours on either side.

    The weights reproduce straight lines, and are otherwise a least-squares fit to the pixel means
    of kernels of 6 to 9 pixels, which the pyramid holds; those of the eighth-order polynomial
    (Harten 1995, Comm. Pure Appl. Math. 48, 1305) make twice the error. Their difference is cut
    where it would make one half negative.
    """
    near, next_, third, far = (
        np.float32(245.0 / 1024.0),
        np.float32(91.0 / 1024.0),
        np.float32(27.6 / 1024.0),
        np.float32(4.45 / 1024.0),
    )
    for i in range(np.int32(len(first))):
        difference = near * (e[i] - d[i]) - next_ * (f[i] - c[i])
        difference += third * (g[i] - b[i]) - far * (h[i] - a[i])
        first[i] = middle[i] - difference
        second[i] = middle[i] + difference
