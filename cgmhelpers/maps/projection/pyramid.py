"""Grids for large elements, and their prolongation to the image.

A large kernel is stamped on a grid on which it has few pixels. In the end each grid is added to the
next finer one by a prolongation that keeps the mean of every coarse pixel. Grids are float32; the
rounding of many additions is 1e-6 of a pixel.

All grids lie one after the other in a single array, each with the values of a pair of fields side
by side in every pixel, so that one pass over a row serves both.
"""

import numpy as np

from cgmhelpers.system.compiling import fused

BORDER = 16
"""Pixels around each grid. A kernel of few pixels that itself touches the frame reaches so far."""
REACHED = 8
"""Pixels of the border that prolongation to the next finer grid, and its border, reach."""
REACH = 4
"""Neighbours on either side that the prolongation looks at."""


@fused
def layout(pixels, fields, levels):
    """Lay out the grids of a pyramid, each half as fine as the last.

    Parameters
    ----------
    pixels : int
        Pixels along a side of the image.
    fields : int
        Number of fields.
    levels : int
        Number of grids, the finest of which is as fine as the image.

    Returns
    -------
    start : (levels + 1,) ndarray of int
        Where each grid begins in the array that holds them all, and the array's size.
    side : (levels,) ndarray of int
        Pixels along a side of each, with the border. A grid has the shape (pair of fields, row,
        column, field of the pair).
    """
    start, side = np.zeros(levels + 1, np.int64), np.zeros(levels, np.int64)
    for level in range(levels):
        side[level] = (pixels + 2**level - 1) // 2**level + 2 * BORDER
        start[level + 1] = start[level] + (fields + 1) // 2 * 2 * side[level] ** 2
    return start, side


@fused
def collapse(grids, start, side, field):
    """Prolong all grids of a field to the finest.

    Parameters
    ----------
    grids : (start[-1],) array, float32
        The grids.
    start, side : ndarray of int
        From `layout`.
    field : int
        The field.

    Returns
    -------
    (N, N) ndarray, float32
        Sum of the grids, as fine as the first, with its border. Of that the prolongation leaves
        what lies more than REACHED pixels outside.
    """
    levels = len(side)
    fine = plane(grids, start[levels - 1], side[levels - 1], field)
    for level in range(levels - 2, -1, -1):
        coarse, fine = fine, plane(grids, start[level], side[level], field)
        prolong(coarse, fine, REACHED if level > 0 else 0)
    return fine


@fused
def plane(grids, start, side, field):
    """Take one field out of its pair.

    Parameters
    ----------
    grids : (G,) array, float32
        The grids.
    start, side : int
        Where the grid begins, and its pixels along a side.
    field : int
        The field.

    Returns
    -------
    (side, side) ndarray, float32
    """
    values = np.empty((side, side), np.float32)
    first = start + field // 2 * 2 * side * side + field % 2
    for j in range(side):
        for i in range(side):
            values[j, i] = grids[first + 2 * (j * side + i)]
    return values


@fused
def prolong(coarse, fine, border):
    """Add a coarse grid to the next finer one.

    Each coarse pixel is halved along x, then along y, keeping its mean.

    Parameters
    ----------
    coarse : (M, M) array, float32
        With a border of BORDER pixels.
    fine : (N, N) array, float32
        With the same border; changed in place.
    border : int
        Pixels of the fine one's border that are wanted, even.
    """
    size = len(fine) - 2 * BORDER + 2 * border
    start = BORDER - border // 2  # the coarse pixel over the first two fine ones
    pairs = (size + 1) // 2
    low, height = start - REACH, pairs + 2 * REACH
    halved = np.empty((height, 2 * pairs), np.float32)
    left, right = np.empty(pairs, np.float32), np.empty(pairs, np.float32)
    for j in range(height):
        row = coarse[low + j, low : start + pairs + REACH]
        _halve(
            left, right,
            row[0:], row[1:], row[2:], row[3:], row[4:], row[5:], row[6:], row[7:], row[8:],
        )  # fmt: skip
        target = halved[j]
        for i in range(np.int32(pairs)):
            target[2 * i] = left[i]
            target[2 * i + 1] = right[i]
    lower, upper = np.empty(2 * pairs, np.float32), np.empty(2 * pairs, np.float32)
    first = BORDER - border
    for pair in range(pairs):
        rows = halved[pair : pair + 2 * REACH + 1]
        _halve(
            lower, upper,
            rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7], rows[8],
        )  # fmt: skip
        for half in range(min(2, size - 2 * pair)):
            source = upper if half else lower
            target = fine[first + 2 * pair + half, first:]
            for i in range(np.int32(size)):
                target[i] += source[i]


@fused
def _halve(first, second, a, b, c, d, middle, e, f, g, h):
    """Means of the two halves of each pixel `middle`, from four neighbours on either side.

    The weights reproduce straight lines, and are otherwise a least-squares fit to the pixel means
    of kernels of 3.75 to 7.5 pixels, which the pyramid holds; those of the eighth-order polynomial
    (Harten 1995, Comm. Pure Appl. Math. 48, 1305) make twice the error.
    """
    near, next_, third, far = (
        np.float32(242.7 / 1024.0),
        np.float32(89.95 / 1024.0),
        np.float32(28.5 / 1024.0),
        np.float32(5.075 / 1024.0),
    )
    for i in range(np.int32(len(first))):
        difference = near * (e[i] - d[i]) - next_ * (f[i] - c[i])
        difference += third * (g[i] - b[i]) - far * (h[i] - a[i])
        first[i] = middle[i] - difference
        second[i] = middle[i] + difference
