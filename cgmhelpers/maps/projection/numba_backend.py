"""The fast projection: compiled stamps on a pyramid of grids, one thread per (halo, axis).

By the radius `h` of its kernel in pixels, an element has an exact stamp, a polynomial one, or a
polynomial one on a grid coarsened by 2^l, on which its radius is between COARSE_FROM / 2 and
COARSE_FROM (`stamps`). In the end the coarse grids are added to the image (`pyramid`).

Largest differences from exact pixel means, as a fraction of the element's brightest pixel: 5e-5
(tiles of the mosaic), 2e-4 (the polynomial, at h = 5; 1e-4 from 6 up), 1.2e-3 (prolongation, where
the coarse radius is 6; 4e-4 at 8). A stamp that lies in the frame sums to its element to 5e-6; of
one that is cut by the frame the sum inside is right to 5e-5 of the element. These are fractions of
the brightest pixel. Pixels that only the outermost edge of a bright kernel reaches are done again
(`faint`), so that every pixel is right to 0.02 dex, and never negative.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cgmhelpers.maps.projection import bounds, faint, stamps
from cgmhelpers.maps.projection.kernel import fraction_within_depth
from cgmhelpers.maps.projection.pyramid import BORDER, empty_grids, prolong
from cgmhelpers.maps.projection.stamps import COARSE_FROM, EXACT_BELOW
from cgmhelpers.maps.projection.tables import column_factor, column_polynomials, mosaic
from cgmhelpers.system import parallel
from cgmhelpers.system.compiling import fused

KINDS, BRIGHTNESS = 4, 1e-2
"""Kinds of elements: those with exact stamps, and of the others groups by brightness, each of which
is fainter than the last by this factor."""


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
    tables = mosaic(), column_polynomials(), stamps.stamp_sums(), column_factor()
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


@fused
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


@fused
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


@fused
def _stamped(x, y, h, weight, kind, pixels, table, polynomials, sums):
    """What each kind of stamps leaves in each field (field, kind, row, column), and its bounds."""
    fields = weight.shape[1]
    exact = np.zeros((fields, pixels, pixels))
    levels, largest = 0, h.max() if len(h) else 0.0
    while largest >= COARSE_FROM:
        levels, largest = levels + 1, 0.5 * largest
    grids = empty_grids(pixels, (fields, KINDS - 1), levels)
    bound = bounds.no_bound(fields, KINDS, pixels)
    scratch = stamps.scratch_arrays()
    coefficients = np.empty(polynomials.shape[1], np.float32)
    for element in range(len(h)):
        cx, cy, radius, own = x[element], y[element], h[element], weight[element]
        if radius < EXACT_BELOW:
            if stamps.stamp_exact(exact, cx, cy, radius, own, table, scratch):
                error = own * bounds.exact_error(radius)
                bounds.add_square(bound, cx, cy, radius, kind[element], error)
            continue
        level, shrink = 0, 1.0
        while radius * shrink >= COARSE_FROM:
            level, shrink = level + 1, 0.5 * shrink
        centre = own * (bounds.CENTRE / (radius * radius))
        radius = radius * shrink
        if level == 0:
            error = centre * bounds.stamp_error(radius)
            bounds.add_square(bound, cx, cy, radius, kind[element], error)
        else:
            near, far, farthest = bounds.prolongation_error(radius, level)
            for reach, part in ((1.0, near - far), (5.0, far - farthest), (8.0, farthest)):
                if part > 0.0:
                    square = (radius + reach) / shrink
                    bounds.add_square(bound, cx, cy, square, kind[element], centre * part)
        border = BORDER if level > 0 else 0
        cx, cy = cx * shrink + border, cy * shrink + border
        # A coarse pixel holds 4^level fine ones.
        share = shrink * shrink / (radius * radius * stamps.stamp_sum(cx, cy, radius, sums))
        stamps.mean_polynomial(radius, polynomials, coefficients)
        for field in range(0, fields, 2):
            other = min(field + 1, fields - 1)
            first = np.float32(own[field] * share)
            second = np.float32(own[other] * share) if other > field else np.float32(0.0)
            one = grids[level][field, kind[element, field] - 1]
            two = grids[level][other, kind[element, other] - 1]
            stamps.stamp_smooth(one, two, cx, cy, radius, first, second, coefficients)
    stamped = np.empty((fields, KINDS, pixels, pixels))
    for field in range(fields):
        stamped[field, 0] = exact[field]
        for group in range(KINDS - 1):
            for level in range(len(grids) - 1, 0, -1):
                coarse, fine = grids[level][field, group], grids[level - 1][field, group]
                prolong(coarse, fine, BORDER if level > 1 else 0)
            stamped[field, group + 1] = grids[0][field, group]
    return stamped, bound


@fused
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
