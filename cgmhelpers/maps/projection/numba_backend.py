"""The fast projection: compiled stamps on a pyramid of grids, one thread per (halo, axis).

An element's stamp is computed in one of four ways, by the radius `h` of its kernel in pixels:

* all of it in one pixel: one addition;
* ``h < EXACT_BELOW``: differences of the kernel's integral image (`tables.mosaic`), exact shares of
  every pixel, at the frame's edge too;
* ``h < COARSE_FROM``: means over pixels by a polynomial (`tables.column_polynomials`), divided by
  what they sum to (`stamp_sums`);
* above: the same on a grid coarsened by 2^l, on which the radius is between COARSE_FROM / 2 and
  COARSE_FROM. In the end the coarse grids are added to the image by a prolongation that keeps the
  mean of every coarse pixel.

Largest differences from exact pixel means, as a fraction of the element's brightest pixel: 5e-5
(tiles of the mosaic), 2e-4 (the polynomial, at h = 5; 1e-4 from 6 up), 1.2e-3 (prolongation, where
the coarse radius is 6; 4e-4 at 8). A stamp that lies in the frame sums to its element to 5e-6; of
one that is cut by the frame the sum inside is right to 5e-5 of the element. These are fractions of
the brightest pixel. Pixels that only the outermost edge of a bright kernel reaches are done again
(`faint`), so that every pixel is right to 0.02 dex, and never negative.

Polynomial stamps are computed, and the grids of the pyramid kept, in float32 and for two fields at
a time; the rounding of many additions is 1e-6 of a pixel. Exact stamps, and what leaves this
module, are float64.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np

from cgmhelpers.maps.projection import faint
from cgmhelpers.maps.projection.kernel import fraction_within_depth
from cgmhelpers.maps.projection.tables import TILES, column_factor, column_polynomials, mosaic
from cgmhelpers.system import parallel
from cgmhelpers.system.compiling import compiled

#: Radius in pixels below which stamps are exact; the polynomial is cheaper from about 4 up.
EXACT_BELOW = 5.0
#: Radius in pixels from which stamps go to coarser grids. 16 would divide the pyramid's error by
#: three, and costs 60% more time.
COARSE_FROM = 12.0
#: Pixels around each coarse grid: what the prolongation to the next finer one and its border reach.
BORDER = 8
#: Neighbours on either side that the prolongation looks at.
REACH = 4
#: Steps in radius and in offset of the table of what polynomial stamps sum to.
RADII, OFFSETS = 112, 16
#: Kinds of elements: those with exact stamps, and of the others groups by brightness, each of which
#: is fainter than the last by this factor.
KINDS, BRIGHTNESS = 4, 1e-2
#: Pixels of a stamp's row are computed in whole vectors of this many.
VECTOR = 8

# Fused multiply-adds are allowed, re-ordering is not: the same numbers for any number of threads.
_compile = compiled(fastmath={"contract"}, error_model="numpy")


def project(displacement, kernel_radius, quantities, frame, *, floor=0.0, threads=None):
    """Deposit the elements of one halo.

    Parameters and result are those of `cgmhelpers.maps.projection.images.project`.
    """
    offset = np.array([0, len(kernel_radius)])
    options = {"floor": floor, "threads": threads}
    return project_many(offset, displacement, kernel_radius, quantities, frame, **options)[0]


def project_many(
    offset,
    displacement,
    kernel_radius,
    quantities,
    frame,
    *,
    floor=0.0,
    threads=None,
    dtype=np.float64,
):
    """Deposit the elements of many halos.

    Parameters and result are those of `cgmhelpers.maps.projection.images.project_many`, with the
    selection's offset and displacement.
    """
    halos, fields = len(offset) - 1, quantities.shape[1]
    pixels, pixel_size = frame.pixels, frame.pixel_size
    images = np.zeros((halos, 3, fields, pixels, pixels), dtype=dtype)
    tables = mosaic(), column_polynomials(), stamp_sums(), column_factor()
    floor = np.broadcast_to(floor, fields)

    def make_image(unit):
        halo, axis = divmod(int(unit), 3)
        own = slice(offset[halo], offset[halo + 1])
        away, radius = displacement[own], kernel_radius[own]
        inside = fraction_within_depth(away[:, axis], radius, frame.depth)
        across, up = away[:, (axis + 1) % 3], away[:, (axis + 2) % 3]
        *elements, scale = _touching(
            across, up, radius, quantities[own], inside, pixels, pixel_size
        )
        area = pixel_size**2
        image = _image(*elements, pixels, floor * area / scale, *tables)
        image *= (scale / area)[:, None, None]
        with np.errstate(over="ignore"):  # the caller looks for infinities
            images[halo, axis] = image

    # Largest first, so that no thread is left alone with a large halo at the end.
    units = np.repeat(-np.diff(offset), 3).argsort(kind="stable")
    if threads is None:
        threads = parallel.threads()
    if threads == 1:
        for unit in units:
            make_image(unit)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(make_image, units))  # list() raises what a thread raised
    return images


@_compile
def _touching(across, up, radius, quantities, inside, pixels, pixel_size):
    """Elements that touch an image: x, y, radius in pixels, weights up to one, and their scales."""
    fields, number = quantities.shape[1], 0
    x, y, h = np.empty((3, len(radius)))
    weight, scale = np.empty((len(radius), fields)), np.zeros(fields)
    for element in range(len(radius)):
        h[number] = radius[element] / pixel_size
        x[number] = across[element] / pixel_size + 0.5 * pixels
        y[number] = up[element] / pixel_size + 0.5 * pixels
        some = False
        for field in range(fields):
            weight[number, field] = quantities[element, field] * inside[element]
            some |= weight[number, field] > 0.0
        beyond = max(abs(x[number] - 0.5 * pixels), abs(y[number] - 0.5 * pixels)) - 0.5 * pixels
        if some and beyond <= h[number]:
            for field in range(fields):
                scale[field] = max(scale[field], weight[number, field])
            number += 1
    for field in range(fields):
        scale[field] = scale[field] if scale[field] > 0.0 else 1.0
        for element in range(number):
            weight[element, field] /= scale[field]  # luminosities don't fit float32
    return x[:number], y[:number], h[:number], weight[:number], scale


@_compile
def _image(x, y, h, weight, pixels, least, table, polynomials, sums, factor):
    """One image (field, row, column) of weights up to one; places and radii in pixels."""
    kind = _kinds(h, weight)
    stamped, bound = _stamped(x, y, h, weight, kind, pixels, table, polynomials, sums)
    image = np.empty((weight.shape[1], pixels, pixels))
    for field in range(len(image)):
        own = weight[:, field], kind[:, field]
        image[field] = faint.corrected(
            stamped[field], bound[field], least[field], x, y, h, *own, factor
        )
    return image


@_compile
def _stamped(x, y, h, weight, kind, pixels, table, polynomials, sums):
    """What each kind of stamps leaves in each field (field, kind, row, column), and its bounds."""
    fields = weight.shape[1]
    exact = np.zeros((fields, pixels, pixels))
    grids = _pyramid(pixels, fields, h.max() if len(h) else 0.0)
    bound = faint.no_bound(fields, KINDS, pixels)

    edges = 2 * int(EXACT_BELOW) + 4
    scratch = (
        np.empty(edges, np.int64),
        np.empty(edges),
        np.empty(edges),
        np.empty(edges),
        np.empty(edges),
    )
    coefficients = np.empty(polynomials.shape[1], np.float32)
    for element in range(len(h)):
        cx, cy, radius, own = x[element], y[element], h[element], weight[element]
        if radius < EXACT_BELOW:
            if _stamp_exact(exact, cx, cy, radius, own, table, scratch):
                error = own * faint.exact_error(radius)
                faint.add_square(bound, cx, cy, radius, kind[element], error)
            continue
        level, shrink = 0, 1.0
        while radius * shrink >= COARSE_FROM:
            level, shrink = level + 1, 0.5 * shrink
        centre = own * (faint.CENTRE / (radius * radius))
        radius = radius * shrink
        if level == 0:
            error = centre * faint.stamp_error(radius)
            faint.add_square(bound, cx, cy, radius, kind[element], error)
        else:
            near, far, farthest = faint.prolongation_error(radius, level)
            for reach, part in ((1.0, near - far), (5.0, far - farthest), (8.0, farthest)):
                if part > 0.0:
                    square = (radius + reach) / shrink
                    faint.add_square(bound, cx, cy, square, kind[element], centre * part)
        border = BORDER if level > 0 else 0
        cx, cy = cx * shrink + border, cy * shrink + border
        # A coarse pixel holds 4^level fine ones.
        share = shrink * shrink / (radius * radius * _stamp_sum(cx, cy, radius, sums))
        _mean_polynomial(radius, polynomials, coefficients)
        for field in range(0, fields, 2):
            other = min(field + 1, fields - 1)
            first = np.float32(own[field] * share)
            second = np.float32(own[other] * share) if other > field else np.float32(0.0)
            one = grids[level][field, kind[element, field] - 1]
            two = grids[level][other, kind[element, other] - 1]
            _stamp_smooth(one, two, cx, cy, radius, first, second, coefficients)
    stamped = np.empty((fields, KINDS, pixels, pixels))
    for field in range(fields):
        stamped[field, 0] = exact[field]
        for group in range(KINDS - 1):
            for level in range(len(grids) - 1, 0, -1):
                coarse, fine = grids[level][field, group], grids[level - 1][field, group]
                _prolong(coarse, fine, BORDER if level > 1 else 0)
            stamped[field, group + 1] = grids[0][field, group]
    return stamped, bound


@_compile
def _kinds(h, weight):
    """Kind of each element in each field: 0 of an exact stamp, else by its column at the centre.

    A bright kernel's bound spoils faint pixels. They are done again from its kind alone.
    """
    kind = np.zeros(weight.shape, np.int64)
    for field in range(weight.shape[1]):
        brightest = 0.0
        for element in range(len(h)):
            if h[element] >= EXACT_BELOW:
                brightest = max(brightest, weight[element, field] / h[element] ** 2)
        for element in range(len(h)):
            if h[element] >= EXACT_BELOW:
                kind[element, field], limit = 1, BRIGHTNESS * brightest
                while weight[element, field] < limit * h[element] ** 2 and (
                    kind[element, field] < KINDS - 1
                ):
                    kind[element, field], limit = kind[element, field] + 1, limit * BRIGHTNESS
    return kind


@_compile
def _pyramid(pixels, fields, largest):
    """Empty grids (field, group of elements, row, column), each half as fine as the last.

    As many as the largest radius needs.
    """
    grids = [np.zeros((fields, KINDS - 1, pixels, pixels), np.float32)]
    while largest >= COARSE_FROM:
        largest *= 0.5
        side = (pixels + 2 ** len(grids) - 1) // 2 ** len(grids) + 2 * BORDER
        grids.append(np.zeros((fields, KINDS - 1, side, side), np.float32))
    return grids


@_compile
def _stamp_exact(image, x, y, h, weight, table, scratch):
    """Add an element's pixel shares, as differences of the mosaic's integral; if it has several."""
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


@_compile
def _tile(distance, h):
    """Where the mosaic is cut at a distance from the kernel's centre: tile, part of it, sign."""
    u = min(abs(distance) / h, 1.0) * TILES
    tile = min(int(u), TILES - 1)
    return tile, u - tile, 1.0 if distance >= 0.0 else -1.0


@_compile
def _stamp_smooth(grid, other_grid, x, y, h, first, second, coefficients):
    """Add an element's pixel means to a pair of grids, from a polynomial in u = 1 - (r/h)^2."""
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


@_compile
def _mean_polynomial(h, polynomials, coefficients):
    """Polynomial of the means over pixels, for a kernel of radius `h` pixels, times h^2."""
    inverse = 1.0 / (h * h)
    for k in range(len(coefficients)):
        correction = polynomials[1, k] + inverse * polynomials[2, k]
        coefficients[k] = polynomials[0, k] + inverse * correction


@lru_cache(maxsize=1)
def stamp_sums():
    """What the pixels of a polynomial stamp sum to: nearly one, but not quite.

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


@_compile
def _measured_sums(polynomials):
    """Stamp each entry's kernel onto an empty grid, and sum it up."""
    side = 2 * int(COARSE_FROM) + 4
    middle = 0.5 * side + 0.5
    sums = np.empty((RADII + 1, OFFSETS + 1, OFFSETS + 1))
    coefficients = np.empty(polynomials.shape[1], np.float32)
    for k in range(RADII + 1):
        h = EXACT_BELOW + k / RADII * (COARSE_FROM - EXACT_BELOW)
        _mean_polynomial(h, polynomials, coefficients)
        for j in range(OFFSETS + 1):
            for i in range(OFFSETS + 1):
                grid, other = np.zeros((2, side, side), np.float32)
                x, y = middle + 0.5 * i / OFFSETS, middle + 0.5 * j / OFFSETS
                _stamp_smooth(grid, other, x, y, h, np.float32(1.0), np.float32(0.0), coefficients)
                sums[k, j, i] = grid.astype(np.float64).sum() / (h * h)
    return sums


@_compile
def _stamp_sum(x, y, h, sums):
    """What the pixels of a polynomial stamp sum to, interpolated from `stamp_sums`."""
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


@_compile
def _prolong(coarse, fine, border):
    """Add a coarse grid to the next finer one, which has its own border.

    Each coarse pixel is halved along x, then along y, keeping its mean.
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


@_compile
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
