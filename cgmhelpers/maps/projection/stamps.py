"""Stamps of single elements: exact shares of pixels, or means over pixels by a polynomial.

By the radius `h` of its kernel in pixels, an element has a stamp of one of two kinds:

* ``h < EXACT_BELOW``: differences of the kernel's integral image (`tables.mosaic`), exact shares of
  every pixel, at the frame's edge too; one addition, where all of it is in one pixel;
* ``EXACT_BELOW <= h < COARSE_FROM``: means over pixels by a polynomial
  (`tables.column_polynomials`), divided by what they sum to (`stamp_sums`).

Polynomial stamps are computed in float32 and for two fields at a time.
"""

from functools import lru_cache

import numpy as np

from cgmhelpers.maps.projection.tables import TILES, column_polynomials
from cgmhelpers.system.compiling import fused

EXACT_BELOW = 5.0
"""Radius in pixels below which stamps are exact; the polynomial is cheaper from about 4 up."""
COARSE_FROM = 12.0
"""Radius in pixels from which stamps go to coarser grids. 16 would divide the pyramid's error by
three, and costs 60% more time."""
RADII, OFFSETS = 112, 16
"""Steps in radius and in offset of the table of what polynomial stamps sum to."""
VECTOR = 8
"""Pixels of a stamp's row are computed in whole vectors of this many."""


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
def _tile(distance, h):
    """Where the mosaic is cut at a distance from the kernel's centre: tile, part of it, sign."""
    u = min(abs(distance) / h, 1.0) * TILES
    tile = min(int(u), TILES - 1)
    return tile, u - tile, 1.0 if distance >= 0.0 else -1.0


@fused
def stamp_smooth(grid, other_grid, x, y, h, first, second, coefficients):
    """Add an element's means over pixels to a pair of grids, by a polynomial in u = 1 - (r/h)^2.

    Parameters
    ----------
    grid, other_grid : (N, N) array, float32
        Of two fields, or twice the same one; changed in place.
    x, y, h : float
        Centre and radius in pixels of the grid.
    first, second : float32
        Factors of the two stamps.
    coefficients : (11,) array, float32
        From `mean_polynomial`.
    """
    side = len(grid)
    # Named float32 scalars, slices and a 32-bit counter make vector code of the inner loop.
    c0, c1, c2, c3, c4, c5 = coefficients[:6]
    c6, c7, c8, c9, c10 = coefficients[6:11]
    zero, half = np.float32(0.0), np.float32(0.5)
    inverse = np.float32(1.0 / (h * h))
    bottom, top = max(int(np.ceil(y - h - 0.5)), 0), min(int(np.floor(y + h - 0.5)), side - 1)
    left, right = max(int(np.ceil(x - h - 0.5)), 0), min(int(np.floor(x + h - 0.5)), side - 1)
    # Whole vectors, and the same in all rows; what lies beyond the kernel has u = 0.
    width = min((right - left + VECTOR) // VECTOR * VECTOR, side - left)
    start = np.float32(left + 0.5 - x)
    for j in range(bottom, top + 1):
        dy = np.float32(j + 0.5 - y)
        along = half - dy * dy * inverse
        one, other = grid[j, left : left + width], other_grid[j, left : left + width]
        for i in range(np.int32(width)):
            dx = start + np.float32(i)
            t = max(along - dx * dx * inverse, -half)  # u - 1/2
            p = c10 * t + c9
            p = p * t + c8
            p = p * t + c7
            p = p * t + c6
            p = p * t + c5
            p = p * t + c4
            p = p * t + c3
            p = p * t + c2
            p = p * t + c1
            p = max((p * t + c0) * (t + half), zero)
            one[i] += first * p
            other[i] += second * p


@fused
def mean_polynomial(h, polynomials, coefficients):
    """Compute the polynomial of the means over pixels of a kernel, times h^2.

    Parameters
    ----------
    h : float
        Radius in pixels.
    polynomials : (3, 11) array
        From `tables.column_polynomials`.
    coefficients : (11,) array, float32
        For the result.
    """
    inverse = 1.0 / (h * h)
    for k in range(len(coefficients)):
        correction = polynomials[1, k] + inverse * polynomials[2, k]
        coefficients[k] = polynomials[0, k] + inverse * correction


@lru_cache(maxsize=1)
def stamp_sums():
    """Tabulate what the pixels of a polynomial stamp sum to: nearly one, but not quite.

    Returns
    -------
    (RADII + 1, OFFSETS + 1, OFFSETS + 1) ndarray, read-only
        Element ``[k, j, i]`` belongs to the radius that lies ``k / RADII`` of the way from
        EXACT_BELOW to COARSE_FROM, and to a kernel whose centre is ``j / (2 OFFSETS)`` pixels
        (vertically) and ``i / (2 OFFSETS)`` (horizontally) from a pixel's centre. It differs from
        one by up to 1e-4 for small radii; interpolated linearly, it is right to 5e-6.
    """
    sums = _measured_sums(column_polynomials())
    sums.flags.writeable = False
    return sums


@fused
def _measured_sums(polynomials):
    """Stamp each entry's kernel onto an empty grid, and sum it up."""
    side = 2 * int(COARSE_FROM) + 4
    middle = 0.5 * side + 0.5
    sums = np.empty((RADII + 1, OFFSETS + 1, OFFSETS + 1))
    coefficients = np.empty(polynomials.shape[1], np.float32)
    for k in range(RADII + 1):
        h = EXACT_BELOW + k / RADII * (COARSE_FROM - EXACT_BELOW)
        mean_polynomial(h, polynomials, coefficients)
        for j in range(OFFSETS + 1):
            for i in range(OFFSETS + 1):
                grid, other = np.zeros((2, side, side), np.float32)
                x, y = middle + 0.5 * i / OFFSETS, middle + 0.5 * j / OFFSETS
                stamp_smooth(grid, other, x, y, h, np.float32(1.0), np.float32(0.0), coefficients)
                sums[k, j, i] = grid.astype(np.float64).sum() / (h * h)
    return sums


@fused
def stamp_sum(x, y, h, sums):
    """Interpolate what the pixels of a polynomial stamp sum to.

    Parameters
    ----------
    x, y, h : float
        Centre and radius in pixels, ``EXACT_BELOW <= h < COARSE_FROM``.
    sums : ndarray
        From `stamp_sums`.

    Returns
    -------
    float
    """
    radii, offsets = sums.shape[0] - 1, sums.shape[1] - 1
    a = (h - EXACT_BELOW) / (COARSE_FROM - EXACT_BELOW) * radii
    b, c = 2 * offsets * abs(x - np.floor(x) - 0.5), 2 * offsets * abs(y - np.floor(y) - 0.5)
    k, j, i = min(int(a), radii - 1), min(int(c), offsets - 1), min(int(b), offsets - 1)
    a, b, c = a - k, b - i, c - j
    total = 0.0
    for upper in range(2):
        plane = sums[k + upper]
        low = plane[j, i] + b * (plane[j, i + 1] - plane[j, i])
        high = plane[j + 1, i] + b * (plane[j + 1, i + 1] - plane[j + 1, i])
        total += (a if upper else 1.0 - a) * (low + c * (high - low))
    return total
