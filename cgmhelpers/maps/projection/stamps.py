"""Stamps of single elements: exact shares of pixels, or shares as sums of products.

* `stamp_exact` takes differences of the kernel's integral image (`tables.mosaic`): exact shares of
  every pixel but for the tiles that a pixel's edge cuts, at the kernel's edge too; one addition,
  where all of it is in one pixel. It costs as many look-ups as the kernel has pixels.
* `stamp_small` and `stamp_wide` take the kernel for a sum of products of a function of x and one
  of y (`tables.column_factors`). Their integrals over columns and over rows of pixels are computed
  once for an element, and a pixel costs a multiplication and addition for each product.

Products are computed for a pair of fields at a time, whose values lie side by side, and in float32.
"""

import numpy as np

from cgmhelpers.maps.projection.tables import TILES
from cgmhelpers.system.compiling import fused

EXACT_BELOW = 5.0
"""Radius in pixels up to which stamps may be exact."""
WIDTH = 16
"""Pixels along a side of a small stamp, which holds kernels of radii below 7.5 pixels. Loops of a
fixed length over whole vectors are what the compiler makes fast code of."""
RANK, TERMS = 2, 4
"""Products of a small stamp, and powers of each function."""
WIDE_RANK, WIDE_TERMS = 5, 10
"""The same of an accurate wide one."""


@fused
def scratch_arrays():
    """Return memory for `stamp_exact`: tile, part and sign of each edge, and two rows of integrals.

    Returns
    -------
    tuple of five arrays
    """
    edges = 2 * int(EXACT_BELOW) + 4
    return (
        np.empty(edges, np.int64),
        np.empty(edges),
        np.empty(edges),
        np.empty(edges),
        np.empty(edges),
    )


@fused
def stamp_exact(image, x, y, h, weight, table, scratch):
    """Add an element's shares of pixels, as differences of the mosaic's integral.

    Parameters
    ----------
    image : (F, N, N) array
        Of F fields; changed in place.
    x, y, h : float
        Centre and radius in pixels, ``h < EXACT_BELOW``.
    weight : (F,) array
        What the element deposits.
    table : ndarray
        From `tables.mosaic`.
    scratch : tuple of five arrays
        From `scratch_arrays`, of any content.

    Returns
    -------
    bool
        Whether the element touches several pixels. In a single one it leaves no error.
    """
    pixels = image.shape[1]
    left, right = int(np.floor(x - h)), int(np.floor(x + h))
    bottom, top = int(np.floor(y - h)), int(np.floor(y + h))
    if left == right and bottom == top:
        if 0 <= left < pixels and 0 <= bottom < pixels:
            for field in range(image.shape[0]):
                image[field, bottom, left] += weight[field]
        return False
    left, right = max(left, 0), min(right, pixels - 1)
    bottom, top = max(bottom, 0), min(top, pixels - 1)
    columns = right - left + 1
    tile, part, across, lower, upper = scratch
    for edge in range(columns + 1):
        tile[edge], part[edge], across[edge] = _tile(left + edge - x, h)
    for j in range(bottom, top + 2):
        row, share, sign = _tile(j - y, h)
        low, high = table[row], table[row + 1]
        for edge in range(columns + 1):
            i, u = tile[edge], part[edge]
            below = low[i] + u * (low[i + 1] - low[i])
            above = high[i] + u * (high[i + 1] - high[i])
            upper[edge] = sign * across[edge] * (below + share * (above - below))
        if j > bottom:
            for i in range(columns):
                # Rounding may leave -1e-17 where there is nothing.
                inside = max((upper[i + 1] - upper[i]) - (lower[i + 1] - lower[i]), 0.0)
                for field in range(image.shape[0]):
                    image[field, j - 1, left + i] += weight[field] * inside
        lower, upper = upper, lower
    return True


@fused
def share_inside(x, y, h, pixels, table):
    """Compute the part of an element that an image holds.

    Parameters
    ----------
    x, y, h : float
        Centre and radius in pixels, from the image's lower left corner.
    pixels : int
        Pixels along a side.
    table : ndarray
        From `tables.mosaic`.

    Returns
    -------
    float
        To 1e-5 where an edge of the image cuts the kernel, else one.
    """
    if h <= min(min(x, pixels - x), min(y, pixels - y)):
        return 1.0
    if h <= 0.0:  # on an edge, or beyond it
        return 1.0 if 0.0 <= x < pixels and 0.0 <= y < pixels else 0.0
    total = 0.0
    for upper in range(2):
        j, share, up = _tile(upper * pixels - y, h)
        for right in range(2):
            i, part, across = _tile(right * pixels - x, h)
            below = table[j, i] + part * (table[j, i + 1] - table[j, i])
            above = table[j + 1, i] + part * (table[j + 1, i + 1] - table[j + 1, i])
            corner = up * across * (below + share * (above - below))
            total += corner if upper == right else -corner
    return total


@fused
def _tile(distance, h):
    """Where the mosaic is cut at a distance from the kernel's centre: tile, part of it, sign."""
    u = min(abs(distance) / h, 1.0) * TILES
    tile = min(int(u), TILES - 1)
    return tile, u - tile, 1.0 if distance >= 0.0 else -1.0


@fused
def small_scratch():
    """Return memory for `stamp_small`.

    Returns
    -------
    (208,) ndarray, float32
    """
    return np.zeros(13 * WIDTH, np.float32)


@fused
def stamp_small(grids, start, side, x, y, h, weight, share, integrals, scratch):
    """Add an element's shares of pixels to a grid, from two products.

    Parameters
    ----------
    grids : (G,) array, float32
        Grids of a pyramid (`pyramid.layout`); changed in place.
    start, side : int
        Where the grid of the first pair of fields begins, and its pixels along a side.
    x, y, h : float
        Centre and radius in pixels of the grid. The centre lies at least half of WIDTH from the
        grid's edges.
    weight : (F,) array
        What the element deposits.
    share : float
        Factor of it: how much of a pixel of the grid a pixel of the image is.
    integrals : (2, 7) array, float32
        From `tables.column_factors`, of RANK and TERMS.
    scratch : (208,) array, float32
        From `small_scratch`, of any content.
    """
    # Memory: integrals over rows at 0, over columns at UP, and these times the weights at BOTH.
    left, bottom = int(np.floor(x - h)), int(np.floor(y - h))
    height = int(np.floor(y + h)) - bottom + 1
    inverse = np.float32(1.0 / max(h, 1e-3))
    _small_integrals(np.float32(left - x) * inverse, inverse, integrals, scratch, 0)
    _small_integrals(np.float32(bottom - y) * inverse, inverse, integrals, scratch, UP)
    fields = len(weight)
    for field in range(0, fields, 2):
        first = np.float32(share * weight[field])
        second = np.float32(share * weight[min(field + 1, fields - 1)])
        for i in range(2 * WIDTH):
            scratch[BOTH + 2 * i] = first * scratch[i]
            scratch[BOTH + 2 * i + 1] = second * scratch[i]
        for j in range(height):
            one, other = scratch[UP + j], -scratch[UP + WIDTH + j]
            row = np.uint64(start + 2 * ((bottom + j) * side + left))
            for i in range(np.uint64(2 * WIDTH)):
                a, b = scratch[np.uint64(BOTH) + i], scratch[np.uint64(BOTH + 2 * WIDTH) + i]
                grids[row + i] += one * a + other * b
        start += 2 * side * side


UP, BOTH, EDGE = 2 * WIDTH, 4 * WIDTH, 8 * WIDTH
"""Places in the memory of `stamp_small`."""


@fused
def _small_integrals(first, step, c, scratch, to):
    """Integrals of two functions over pixels, the first edge of which lies at `first`."""
    one, half = np.float32(1.0), np.float32(0.5)
    for i in range(WIDTH + 8):
        t = min(max(first + np.float32(np.int32(i)) * step, -one), one)
        v = t * t - half
        p = c[0, 6] * v + c[0, 5]
        p = p * v + c[0, 4]
        p = p * v + c[0, 3]
        p = p * v + c[0, 2]
        p = p * v + c[0, 1]
        scratch[EDGE + i] = (p * v + c[0, 0]) * t
        p = c[1, 6] * v + c[1, 5]
        p = p * v + c[1, 4]
        p = p * v + c[1, 3]
        p = p * v + c[1, 2]
        p = p * v + c[1, 1]
        scratch[EDGE + WIDTH + 8 + i] = (p * v + c[1, 0]) * t
    for i in range(WIDTH):
        scratch[to + i] = scratch[EDGE + 1 + i] - scratch[EDGE + i]
    for i in range(WIDTH):
        scratch[to + WIDTH + i] = scratch[EDGE + WIDTH + 9 + i] - scratch[EDGE + WIDTH + 8 + i]


@fused
def wide_scratch(side):
    """Return memory for `stamp_wide`.

    Parameters
    ----------
    side : int
        Pixels along a side of the largest grid.

    Returns
    -------
    edge : (3, side + 17) ndarray
    scratch : (4 * WIDE_RANK * (side + 16),) ndarray, float32
    """
    most = side + WIDTH
    return np.zeros((3, most + 1)), np.zeros(4 * WIDE_RANK * most, np.float32)


@fused
def stamp_wide(grids, start, side, x, y, h, weight, share, integrals, sign, edge, scratch):
    """Add an element's shares of pixels to a grid, from two products or five.

    Parameters
    ----------
    grids, start, side
        As of `stamp_small`.
    x, y, h : float
        Centre and radius in pixels of the grid, which is a multiple of WIDTH wide or more than
        WIDTH wider than the kernel; the kernel may reach beyond it.
    weight, share
        As of `stamp_small`.
    integrals, sign : (R, T), (R,) array
        From `tables.column_factors`, of rank two or five.
    edge, scratch : ndarray
        From `wide_scratch`, of any content.
    """
    left, right = max(int(np.floor(x - h)), 0), min(int(np.floor(x + h)), side - 1)
    bottom, top = max(int(np.floor(y - h)), 0), min(int(np.floor(y + h)), side - 1)
    height, rank = top - bottom + 1, len(sign)
    if right < left or height <= 0:
        return
    # Whole blocks, which may begin before the kernel and end after it.
    blocks = (right - left + WIDTH) // WIDTH
    width = WIDTH * blocks
    left = max(min(left, side - width), 0)
    # Memory: integrals over rows, over columns, and the first times the weights.
    up, both, step = rank * width, rank * width + rank * height, 2 * width
    _wide_integrals(left - x, h, width, integrals, edge, scratch, 0)
    _wide_integrals(bottom - y, h, height, integrals, edge, scratch, up)
    fields = len(weight)
    for field in range(0, fields, 2):
        one = np.float32(share * weight[field])
        other = np.float32(share * weight[min(field + 1, fields - 1)])
        for k in range(rank):
            first, second = np.float32(sign[k]) * one, np.float32(sign[k]) * other
            to = both + k * step
            for i in range(width):
                value = scratch[k * width + i]
                scratch[to + 2 * i], scratch[to + 2 * i + 1] = first * value, second * value
        for j in range(height):
            f0, f1 = scratch[up + j], scratch[up + height + j]
            row = np.uint64(start + 2 * ((bottom + j) * side + left))
            a, b = np.uint64(both), np.uint64(both + step)
            if rank == 2:
                for _ in range(blocks):
                    for i in range(np.uint64(2 * WIDTH)):
                        grids[row + i] += f0 * scratch[a + i] + f1 * scratch[b + i]
                    row, a, b = row + _BLOCK, a + _BLOCK, b + _BLOCK
            else:
                f2, f3 = scratch[up + 2 * height + j], scratch[up + 3 * height + j]
                f4 = scratch[up + 4 * height + j]
                c, d = np.uint64(both + 2 * step), np.uint64(both + 3 * step)
                e = np.uint64(both + 4 * step)
                for _ in range(blocks):
                    for i in range(np.uint64(2 * WIDTH)):
                        grids[row + i] += (
                            f0 * scratch[a + i] + f1 * scratch[b + i] + f2 * scratch[c + i]
                            + f3 * scratch[d + i] + f4 * scratch[e + i]
                        )  # fmt: skip
                    row, a, b = row + _BLOCK, a + _BLOCK, b + _BLOCK
                    c, d, e = c + _BLOCK, d + _BLOCK, e + _BLOCK
        start += 2 * side * side


_BLOCK = np.uint64(2 * WIDTH)


@fused
def _wide_integrals(first, h, width, integrals, edge, scratch, to):
    """Integrals of each function over pixels, the first edge of which lies at `first`."""
    inverse, terms = 1.0 / h, integrals.shape[1]
    for i in range(width + 1):
        t = min(max((first + i) * inverse, -1.0), 1.0)
        edge[0, i], edge[1, i] = t, t * t - 0.5
    for k in range(len(integrals)):
        for i in range(width + 1):
            edge[2, i] = integrals[k, terms - 1]
        for n in range(terms - 2, -1, -1):
            c = integrals[k, n]
            for i in range(width + 1):
                edge[2, i] = edge[2, i] * edge[1, i] + c
        for i in range(width + 1):
            edge[2, i] *= edge[0, i]
        for i in range(width):
            scratch[to + k * width + i] = edge[2, i + 1] - edge[2, i]
