"""The fast projection: compiled stamps on a pyramid of grids, one thread per (halo, axis).

An element's stamp on the image is computed in one of three ways, by its kernel's radius `h`:

* all of it in one pixel: one addition;
* below `EXACT_BELOW` pixels: differences of the kernel's integral image (`tables.mosaic`), which are
  exact shares of every pixel, at the frame's edge too;
* above: the kernel at the pixel's centre with the pixel-mean correction (`tables.column_polynomial`),
  on a grid coarsened by 2^l so that the radius is below 2 `EXACT_BELOW` of its pixels. The coarse
  grids are added to the image at the end by a prolongation that keeps every coarse pixel's mean and
  never makes a negative pixel.

Errors for one element, as fractions of its peak pixel, of its own: 5e-5 from the mosaic, 1.5e-4 from
the polynomial, 5e-4 from the pyramid. The sum of a stamp is exact below `EXACT_BELOW` pixels and
right to 5e-6 above.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from .kernel import fraction_within_depth
from .tables import TILES, column_polynomial, mosaic

#: Kernels with a radius (in pixels) below this get exact pixel integrals.
EXACT_BELOW = 8.0
#: Pixels added around each coarse grid: what the prolongation of the next finer one reaches.
BORDER = 4
#: Pixels computed together; each row of a grid ends with this many spare ones.
BLOCK = 16

# Fused multiply-adds are allowed, re-ordering is not: same numbers whatever the number of threads.
_compile = numba.njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")


def project(displacement, kernel_radius, quantities, pixels, pixel_size, depth, threads=None):
    """Deposit the elements of one halo; see `cgmhelpers.projection.project`."""
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
    """Deposit the elements of many halos; see `cgmhelpers.projection.project_many`."""
    halos, fields = len(offset) - 1, quantities.shape[1]
    images = np.zeros((halos, 3, fields, pixels, pixels), dtype=dtype)
    tables = mosaic(), *column_polynomial()

    def make_image(unit):
        halo, axis = divmod(unit, 3)
        own = slice(offset[halo], offset[halo + 1])
        x, y, z = (
            np.ascontiguousarray(displacement[own, (axis + turn) % 3], dtype=np.float64)
            for turn in (1, 2, 0)
        )
        radius = np.ascontiguousarray(kernel_radius[own], dtype=np.float64)
        inside = fraction_within_depth(z, radius, depth)
        x = x / pixel_size + 0.5 * pixels
        y = y / pixel_size + 0.5 * pixels
        weights = quantities[own] * (inside / pixel_size**2)[:, None]
        images[halo, axis] = _image(x, y, radius / pixel_size, weights, pixels, *tables)

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
def _image(x, y, radius, weights, pixels, table, value, correction):
    """One image (fields, row, column) from centres and radii in pixels, weights per pixel."""
    fields = weights.shape[1]
    largest = 0.0
    for element in range(len(x)):
        largest = max(largest, radius[element])
    levels = 1
    while largest >= EXACT_BELOW * 2.0**levels and 2**levels < pixels:
        levels += 1
    grids = [np.zeros((fields, pixels, pixels + BLOCK))]
    for level in range(1, levels):
        side = (pixels + 2**level - 1) // 2**level + 2 * BORDER
        grids.append(np.zeros((fields, side, side + BLOCK)))

    corners = np.empty((2, int(2 * EXACT_BELOW) + 4))
    scaled = np.empty(fields)
    coefficients = np.empty(len(value))
    for element in range(len(x)):
        total = 0.0
        for field in range(fields):
            scaled[field] = weights[element, field]
            total += scaled[field]
        h = radius[element]
        if total == 0.0 or not (
            x[element] + h >= 0.0
            and x[element] - h <= pixels
            and y[element] + h >= 0.0
            and y[element] - h <= pixels
        ):
            continue
        if h < EXACT_BELOW:
            _stamp_exact(grids[0], x[element], y[element], h, scaled, table, corners)
            continue
        level = 0
        while h >= 2.0 * EXACT_BELOW and level < levels - 1:
            h *= 0.5
            level += 1
        shrink = 0.5**level
        border = BORDER if level > 0 else 0
        for field in range(fields):
            # The stamp is a mean per pixel of its grid, and a coarse pixel holds 4^l fine ones.
            scaled[field] *= shrink * shrink / (h * h)
        for power in range(len(value)):
            coefficients[power] = value[power] + correction[power] / (h * h)
        _stamp_smooth(
            grids[level],
            x[element] * shrink + border,
            y[element] * shrink + border,
            h,
            scaled,
            coefficients,
        )
    for level in range(levels - 1, 0, -1):
        _prolong(grids[level], grids[level - 1], BORDER if level > 1 else 0)
    return grids[0][:, :, :pixels]


@_compile
def _stamp_exact(image, x, y, h, weight, table, corners):
    """Add an element's exact pixel shares, as differences of the mosaic's integral."""
    pixels = image.shape[1]
    first_column, last_column = int(np.floor(x - h)), int(np.floor(x + h))
    first_row, last_row = int(np.floor(y - h)), int(np.floor(y + h))
    if first_column == last_column and first_row == last_row:
        if 0 <= first_column < pixels and 0 <= first_row < pixels:
            for field in range(image.shape[0]):
                image[field, first_row, first_column] += weight[field]
        return
    first_column, last_column = max(first_column, 0), min(last_column, pixels - 1)
    first_row, last_row = max(first_row, 0), min(last_row, pixels - 1)
    below, above = corners[0], corners[1]
    for edge in range(last_column - first_column + 2):
        below[edge] = _quadrant(first_column + edge - x, first_row - y, h, table)
    for j in range(first_row, last_row + 1):
        for edge in range(last_column - first_column + 2):
            above[edge] = _quadrant(first_column + edge - x, j + 1 - y, h, table)
        for i in range(first_column, last_column + 1):
            edge = i - first_column
            share = (above[edge + 1] - above[edge]) - (below[edge + 1] - below[edge])
            if share > 0.0:  # rounding may leave -1e-17 in an empty corner
                for field in range(image.shape[0]):
                    image[field, j, i] += weight[field] * share
        below, above = above, below


@_compile
def _quadrant(dx, dy, h, table):
    """Integral of the column kernel from its centre to the corner (dx, dy), with sign."""
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
def _stamp_smooth(image, x, y, h, weight, coefficients):
    """Add an element's pixel means, from the polynomial in u = 1 - (r/h)^2."""
    height, width = image.shape[1], image.shape[2]
    row = np.empty(width)
    inverse = 1.0 / (h * h)
    # Named scalars keep the inner loop free of memory reads, so that it becomes vector code.
    c1, c2, c3, c4 = coefficients[1], coefficients[2], coefficients[3], coefficients[4]
    c5, c6, c7, c8 = coefficients[5], coefficients[6], coefficients[7], coefficients[8]
    c9, c10, c11, c12 = coefficients[9], coefficients[10], coefficients[11], coefficients[12]
    first_row = max(int(np.ceil(y - h - 0.5)), 0)
    last_row = min(int(np.floor(y + h - 0.5)), height - 1)
    for j in range(first_row, last_row + 1):
        dy = j + 0.5 - y
        top = 1.0 - dy * dy * inverse
        if top <= 0.0:
            continue
        reach = h * np.sqrt(top)
        first = max(int(np.ceil(x - reach - 0.5)), 0)
        last = min(int(np.floor(x + reach - 0.5)), width - BLOCK - 1)
        # Whole blocks, for vector code: what lies beyond the kernel has u = 0 and adds nothing.
        count = (last - first + BLOCK) // BLOCK * BLOCK
        start = first + 0.5 - x
        for i in range(count):
            dx = start + i
            u = max(top - dx * dx * inverse, 0.0)
            p = c12 * u + c11
            p = p * u + c10
            p = p * u + c9
            p = p * u + c8
            p = p * u + c7
            p = p * u + c6
            p = p * u + c5
            p = p * u + c4
            p = p * u + c3
            p = p * u + c2
            row[i] = (p * u + c1) * u
        for field in range(image.shape[0]):
            factor = weight[field]
            target = image[field, j, first:first+count]
            for i in range(count):
                target[i] += factor * row[i]


@_compile
def _prolong(coarse, fine, border):
    """Add a coarse grid to the next finer one, keeping the mean of every coarse pixel.

    Each coarse pixel is halved along x, then along y. The difference of the halves is that of the
    quartic with the same means in five pixels (Harten 1995, Comm. Pure Appl. Math. 48, 1305), cut
    where it would make a half negative.
    """
    fields, side = coarse.shape[0], coarse.shape[1]
    size = fine.shape[1]
    # Fine pixel k lies in coarse pixel (k - border) // 2, counted from the frame's corner.
    halved = np.zeros((side, size))
    for field in range(fields):
        image, target = coarse[field], fine[field]
        for j in range(side):
            for k in range(size):
                i = (k - border) // 2 + BORDER
                half = _half_difference(
                    image[j, i - 2], image[j, i - 1], image[j, i], image[j, i + 1], image[j, i + 2]
                )
                halved[j, k] = image[j, i] + (half if (k - border) % 2 else -half)
        for k in range(size):
            j = (k - border) // 2 + BORDER
            sign = 1.0 if (k - border) % 2 else -1.0
            for i in range(size):
                half = _half_difference(
                    halved[j - 2, i], halved[j - 1, i], halved[j, i], halved[j + 1, i],
                    halved[j + 2, i],
                )
                target[k, i] += halved[j, i] + sign * half


@_compile
def _half_difference(far_left, left, middle, right, far_right):
    half = (22.0 * (right - left) - 3.0 * (far_right - far_left)) / 128.0
    return min(max(half, -middle), middle)
