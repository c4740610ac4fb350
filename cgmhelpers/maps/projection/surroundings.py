"""How faint an image may be near each element, which decides how accurate its stamp must be.

A stamp's error counts where the image is faintest within its reach. So before anything is stamped,
the kernels' centres are counted, weighted by their columns, in cells of a few pixels, one grid of
cells for each level of the pyramid; what they spread to is a rough image, and its minimum over a
kernel's reach is what the element's error is compared with. An estimate is enough here: it decides
what is fast, and `faint` what is right.
"""

import numpy as np

from cgmhelpers.maps.projection.pyramid import BORDER
from cgmhelpers.system.compiling import fused

CELL = 2
"""Pixels of a grid along a side of its cells."""
NEAR = 4
"""Pixels of a grid along a side of the cells in which the minimum is taken."""
SPREAD = 0.35
"""Mean of a kernel over 3 x 3 cells about its centre, as a part of its centre, for the median
radius, 5.3 pixels of a grid."""


@fused
def layout(pixels, fields, levels):
    """Lay out the cells of all grids.

    Parameters
    ----------
    pixels, fields, levels : int
        As of `pyramid.layout`.

    Returns
    -------
    start : (levels + 1,) ndarray of int
        Where the cells of each grid begin in the array that holds them all, and the array's size.
    side : (levels,) ndarray of int
        Cells along a side of each. Those of a grid have the shape (field, row, column).
    """
    start, side = np.zeros(levels + 1, np.int64), np.zeros(levels, np.int64)
    for level in range(levels):
        inside = (pixels + 2**level - 1) // 2**level
        side[level] = (inside + NEAR - 1) // NEAR * NEAR // CELL + 2 * BORDER // CELL
        start[level + 1] = start[level] + fields * side[level] ** 2
    return start, side


@fused
def faintest(peaks, start, side, least):
    """Estimate the faintest pixel within the reach of a kernel.

    Parameters
    ----------
    peaks : (start[-1],) array
        Sum of the columns at the centres of the elements in each cell.
    start, side : ndarray of int
        From `layout`.
    least : (F,) array
        Value of each field below which a pixel needn't be right.

    Returns
    -------
    (start[-1],) ndarray
        For each field and each square of NEAR pixels of a grid, the faintest value that a kernel
        with its centre there may touch within the frame, at least `least`; the square of a cell
        is in the even row and column of its four (`place`).
    """
    levels, fields = len(side), len(least)
    spread = np.zeros(len(peaks))
    border = BORDER // CELL
    for level in range(levels):
        n = side[level]
        for field in range(fields):
            at = start[level] + field * n * n
            _spread(peaks[at : at + n * n].reshape(n, n), spread[at : at + n * n].reshape(n, n))
    # From coarse to fine: what larger kernels spread. From fine to coarse: the least that smaller
    # ones do.
    result = spread.copy()
    for level in range(levels - 2, -1, -1):
        n, m = side[level], side[level + 1]
        for field in range(fields):
            fine = result[start[level] + field * n * n :][: n * n].reshape(n, n)
            coarse = result[start[level + 1] + field * m * m :][: m * m].reshape(m, m)
            for j in range(n):
                for i in range(n):
                    fine[j, i] += coarse[
                        min(border + (j - border) // 2, m - 1),
                        min(border + (i - border) // 2, m - 1),
                    ]
    for level in range(1, levels):
        n, m = side[level], side[level - 1]
        for field in range(fields):
            own = spread[start[level] + field * n * n :][: n * n].reshape(n, n)
            every = result[start[level] + field * n * n :][: n * n].reshape(n, n)
            fine = spread[start[level - 1] + field * m * m :][: m * m].reshape(m, m)
            for j in range(border, min(n - border, (m + border - 1) // 2)):
                for i in range(border, min(n - border, (m + border - 1) // 2)):
                    row, column = 2 * j - border, 2 * i - border
                    smallest = fine[row, column]
                    smallest = min(smallest, fine[row, column + 1])
                    smallest = min(smallest, fine[row + 1, column])
                    smallest = min(smallest, fine[row + 1, column + 1])
                    own[j, i] += smallest
                    every[j, i] += smallest
    for level in range(levels):
        n = side[level]
        for field in range(fields):
            at = start[level] + field * n * n
            _minimum(result[at : at + n * n].reshape(n, n), least[field])
    return result


@fused
def place(x, y, side):
    """Find the square of NEAR pixels that holds a centre.

    Parameters
    ----------
    x, y : float
        The centre in pixels of a grid, with its border.
    side : int
        Cells along a side of the grid.

    Returns
    -------
    int
        Where `faintest` has its value, from where the grid and field begin.
    """
    ratio = NEAR // CELL
    return ratio * (int(y) // NEAR * side + int(x) // NEAR)


@fused
def _spread(peaks, result):
    """Spread each cell over its neighbours."""
    n = len(peaks)
    rows = np.zeros(n)
    for j in range(1, n - 1):
        for i in range(n):
            rows[i] = SPREAD * (peaks[j - 1, i] + peaks[j, i] + peaks[j + 1, i])
        for i in range(1, n - 1):
            result[j, i] = rows[i - 1] + rows[i] + rows[i + 1]


@fused
def _minimum(values, least):
    """Take the minimum over cells in the frame, in squares of NEAR pixels and two on each side."""
    n, ratio = len(values), NEAR // CELL
    border, squares = BORDER // NEAR, n // ratio
    square, line = np.full((squares, squares), np.inf), np.full((squares, squares), np.inf)
    for j in range(border, squares - border):
        for i in range(border, squares - border):
            lowest = np.inf
            for row in range(ratio * j, ratio * (j + 1)):
                for column in range(ratio * i, ratio * (i + 1)):
                    lowest = min(lowest, values[row, column])
            square[j, i] = lowest
    for j in range(squares):
        for i in range(squares):
            lowest = np.inf
            for k in range(max(i - 2, 0), min(i + 3, squares)):
                lowest = min(lowest, square[j, k])
            line[j, i] = lowest
    for j in range(squares):
        for i in range(squares):
            lowest = np.inf
            for k in range(max(j - 2, 0), min(j + 3, squares)):
                lowest = min(lowest, line[k, i])
            values[ratio * j, ratio * i] = max(lowest, least)
