"""The fast projection: compiled stamps on a pyramid of grids, one thread per (halo, axis).

An element's stamp is computed in one of four ways, by the radius `h` of its kernel in pixels:

* all of it in one pixel: one addition;
* ``h < EXACT_BELOW``: differences of the kernel's integral image (`tables.mosaic`), exact shares of
  every pixel, at the frame's edge too;
* ``h < COARSE_FROM``: means over pixels by a polynomial (`tables.column_polynomials`), normalised
  over the whole stamp, of which the part inside the frame is added;
* above: the same on a grid coarsened by 2^l, on which the radius is between COARSE_FROM / 2 and
  COARSE_FROM. In the end the coarse grids are added to the image by a prolongation that keeps the
  mean of every coarse pixel and never makes a negative one.

Largest differences from exact pixel means, as a fraction of the element's brightest pixel: 5e-5
(tiles of the mosaic), 2e-4 (the polynomial, at h = 5; 7e-5 from 6 up), 6e-4 (prolongation). A stamp
that lies in the frame sums to its element within float32's rounding, 1e-7; of one that is cut by
the frame the sum inside is right to 5e-5 of the element. These are fractions of the brightest
pixel: a pixel that only the outermost edge of a bright kernel reaches can be wrong by tens of per
cent of the little that it has, but never negative.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from .kernel import fraction_within_depth
from .tables import TILES, column_polynomials, mosaic

#: Radius in pixels below which stamps are exact; the polynomial is cheaper from about 4 up.
EXACT_BELOW = 5.0
#: Radius in pixels from which stamps go to coarser grids. 24 halves the pyramid's error and costs
#: 40% more time.
COARSE_FROM = 16.0
#: Pixels around each coarse grid: what the prolongation to the next finer one and its border reach.
BORDER = 6
#: Pixels of a stamp's row are computed in blocks of this many.
BLOCK = 8

# Fused multiply-adds are allowed, re-ordering is not: the same numbers for any number of threads.
_compile = numba.njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")


def project(displacement, kernel_radius, quantities, pixels, pixel_size, depth, threads=None):
    """Deposit the elements of one halo.

    Parameters and result are those of `cgmhelpers.projection.project`.
    """
    offset = np.array([0, len(kernel_radius)])
    return project_many(
        offset, displacement, kernel_radius, quantities, pixels, pixel_size, depth, threads=threads
    )[0]


def project_many(
    offset,
    displacement,
    kernel_radius,
    quantities,
    pixels,
    pixel_size,
    depth,
    *,
    threads=None,
    dtype=np.float64,
):
    """Deposit the elements of many halos.

    Parameters and result are those of `cgmhelpers.projection.project_many`, with the selection's
    offset and displacement.
    """
    halos, fields = len(offset) - 1, quantities.shape[1]
    images = np.zeros((halos, 3, fields, pixels, pixels), dtype=dtype)
    tables = mosaic(), column_polynomials()

    def make_image(unit):
        halo, axis = divmod(int(unit), 3)
        own = slice(offset[halo], offset[halo + 1])
        x, y, line_of_sight = (
            displacement[own, (axis + turn) % 3].astype(np.float64) for turn in (1, 2, 0)
        )
        radius = kernel_radius[own].astype(np.float64)
        inside = fraction_within_depth(line_of_sight, radius, depth)
        image = _image(
            x / pixel_size + 0.5 * pixels,
            y / pixel_size + 0.5 * pixels,
            radius / pixel_size,
            quantities[own] * (inside / pixel_size**2)[:, None],
            pixels,
            *tables,
        )
        with np.errstate(over="ignore"):  # the caller looks for infinities
            images[halo, axis] = image

    # Largest first, so that no thread is left alone with a large halo at the end.
    units = np.repeat(-np.diff(offset), 3).argsort(kind="stable")
    if threads is None:
        threads = int(os.environ.get("NUMBA_NUM_THREADS", numba.config.NUMBA_NUM_THREADS))
    if threads == 1:
        for unit in units:
            make_image(unit)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(make_image, units))  # list() raises what a thread raised
    return images


@_compile
def _image(x, y, radius, weights, pixels, table, polynomials):
    """One image (field, row, column); centres and radii in pixels, weights (element, field)."""
    fields = weights.shape[1]
    largest = 0.0
    for element in range(len(x)):
        largest = max(largest, radius[element])
    levels = 1
    while largest * 0.5 ** (levels - 1) >= COARSE_FROM:
        levels += 1
    grids = [np.zeros((fields, pixels, pixels))]
    for level in range(1, levels):
        side = (pixels + 2**level - 1) // 2**level + 2 * BORDER
        grids.append(np.zeros((fields, side, side)))

    corners = np.empty((2, 2 * int(EXACT_BELOW) + 4))
    widest = 2 * int(COARSE_FROM) + 2 + BLOCK
    scratch = (
        np.empty((widest, widest), np.float32),
        np.empty(widest, np.float32),
        np.empty(widest, np.float32),
        np.empty(polynomials.shape[1], np.float32),
    )
    weight = np.empty(fields)
    for element in range(len(x)):
        h = radius[element]
        brightest = 0.0
        for field in range(fields):
            weight[field] = weights[element, field]
            brightest = max(brightest, weight[field])
        touches = -h <= x[element] <= pixels + h and -h <= y[element] <= pixels + h
        if brightest == 0.0 or not touches:
            continue
        if h < EXACT_BELOW:
            _stamp_exact(grids[0], x[element], y[element], h, weight, table, corners)
            continue
        level, shrink = 0, 1.0
        while h * shrink >= COARSE_FROM:
            level, shrink = level + 1, 0.5 * shrink
        border = BORDER if level > 0 else 0
        for field in range(fields):
            weight[field] *= shrink * shrink  # a coarse pixel holds 4^level fine ones
        _stamp_smooth(
            grids[level],
            x[element] * shrink + border,
            y[element] * shrink + border,
            h * shrink,
            weight,
            polynomials,
            scratch,
        )
    for level in range(levels - 1, 0, -1):
        _prolong(grids[level], grids[level - 1], BORDER if level > 1 else 0)
    return grids[0]


@_compile
def _stamp_exact(image, x, y, h, weight, table, corners):
    """Add an element's exact pixel shares, as differences of the mosaic's integral."""
    pixels = image.shape[1]
    left, right = int(np.floor(x - h)), int(np.floor(x + h))
    bottom, top = int(np.floor(y - h)), int(np.floor(y + h))
    if left == right and bottom == top:
        if 0 <= left < pixels and 0 <= bottom < pixels:
            for field in range(image.shape[0]):
                image[field, bottom, left] += weight[field]
        return
    left, right = max(left, 0), min(right, pixels - 1)
    bottom, top = max(bottom, 0), min(top, pixels - 1)
    lower, upper = corners[0], corners[1]  # integrals up to the edges of a row's pixels
    for edge in range(right - left + 2):
        lower[edge] = _integral(left + edge - x, bottom - y, h, table)
    for j in range(bottom, top + 1):
        for edge in range(right - left + 2):
            upper[edge] = _integral(left + edge - x, j + 1 - y, h, table)
        for edge in range(right - left + 1):
            share = (upper[edge + 1] - upper[edge]) - (lower[edge + 1] - lower[edge])
            if share > 0.0:  # rounding may leave -1e-17 where there is nothing
                for field in range(image.shape[0]):
                    image[field, j, left + edge] += weight[field] * share
        lower, upper = upper, lower


@_compile
def _integral(dx, dy, h, table):
    """Integral of the column kernel between its centre and the corner (dx, dy), with sign."""
    u = min(abs(dx) / h, 1.0) * TILES
    v = min(abs(dy) / h, 1.0) * TILES
    i, j = min(int(u), TILES - 1), min(int(v), TILES - 1)
    u -= i
    v -= j
    low = table[j, i] + u * (table[j, i + 1] - table[j, i])
    high = table[j + 1, i] + u * (table[j + 1, i + 1] - table[j + 1, i])
    corner = low + v * (high - low)
    return corner if (dx >= 0.0) == (dy >= 0.0) else -corner


@_compile
def _stamp_smooth(image, x, y, h, weight, polynomials, scratch):
    """Add an element's pixel means from a polynomial in u = 1 - (r/h)^2, its sum made one."""
    stamp, across, total, c = scratch
    side = image.shape[1]
    inverse = 1.0 / (h * h)
    for k in range(len(c)):
        c[k] = polynomials[0, k] + inverse * (polynomials[1, k] + inverse * polynomials[2, k])
    # Named scalars keep memory out of the inner loop, so that it becomes vector code; in float32,
    # whose rounding is far below the polynomial's own error.
    c0, c1, c2, c3, c4, c5 = c[0], c[1], c[2], c[3], c[4], c[5]
    c6, c7, c8, c9, c10, c11 = c[6], c[7], c[8], c[9], c[10], c[11]
    zero, half = np.float32(0.0), np.float32(0.5)
    left, bottom = int(np.ceil(x - h - 0.5)), int(np.ceil(y - h - 0.5))
    columns = int(np.floor(x + h - 0.5)) - left + 1
    rows = int(np.floor(y + h - 0.5)) - bottom + 1
    # Whole blocks, for vector code; the same width in all rows, for the branch predictor. What lies
    # beyond the kernel has u = 0.
    columns = (columns + BLOCK - 1) // BLOCK * BLOCK
    for i in range(columns):
        dx = left + i + 0.5 - x
        across[i] = 1.0 - dx * dx * inverse
        total[i] = 0.0
    for j in range(rows):
        dy = bottom + j + 0.5 - y
        along = np.float32(dy * dy * inverse)
        row = stamp[j]
        for i in range(columns):
            u = max(across[i] - along, zero)
            t = u - half
            p = c11 * t + c10
            p = p * t + c9
            p = p * t + c8
            p = p * t + c7
            p = p * t + c6
            p = p * t + c5
            p = p * t + c4
            p = p * t + c3
            p = p * t + c2
            p = p * t + c1
            p = max((p * t + c0) * u, zero)
            row[i] = p
            total[i] += p
    whole = 0.0
    for i in range(columns):
        whole += total[i]
    # Unsigned, since an index that could count from the end keeps vector code away.
    first, skip = np.uint64(max(left, 0)), np.uint64(max(-left, 0))
    width = np.uint64(max(min(left + columns, side) - max(left, 0), 0))
    for field in range(image.shape[0]):
        factor = weight[field] / whole
        for j in range(max(bottom, 0), min(bottom + rows, side)):
            source, target = stamp[j - bottom], image[field, j]
            for i in range(width):
                target[first + i] += factor * source[skip + i]


@_compile
def _prolong(coarse, fine, border):
    """Add a coarse grid to the next finer one, which has its own border.

    Each coarse pixel is halved along x, then along y, keeping its mean.
    """
    fields, side = coarse.shape[0], coarse.shape[1]
    size = fine.shape[1]
    halved = np.zeros((side, size))
    for field in range(fields):
        for j in range(side):
            for k in range(size):
                i = (k - border) // 2 + BORDER  # pixels are counted from the frame's corner
                difference = _half_difference(coarse[field, j], i)
                sign = 1.0 if (k - border) % 2 else -1.0
                halved[j, k] = coarse[field, j, i] + sign * difference
        for k in range(size):
            j = (k - border) // 2 + BORDER
            sign = 1.0 if (k - border) % 2 else -1.0
            for i in range(size):
                fine[field, k, i] += halved[j, i] + sign * _half_difference(halved[:, i], j)


@_compile
def _half_difference(means, i):
    """Half the difference of a pixel's two halves, from the means of seven pixels.

    Of the sextic with the same means (Harten 1995, Comm. Pure Appl. Math. 48, 1305), cut where it
    would make one half negative.
    """
    difference = (
        201.0 * (means[i + 1] - means[i - 1])
        - 44.0 * (means[i + 2] - means[i - 2])
        + 5.0 * (means[i + 3] - means[i - 3])
    ) / 1024.0
    return min(max(difference, -means[i]), means[i])
