"""The fast projection: compiled stamps on a pyramid of grids, one thread per (halo, axis).

How an element is stamped depends on the radius of its kernel in pixels, and on how faint the image
is within its reach (`surroundings`):

* Where its largest error is less than SMALL_PART of that, it has a small stamp of two products
  (`stamps`), on a grid coarsened by 2^l, on which its radius is below SMALL_BELOW, and at least
  SMALL_FROM but on the finest. The coarse grids are added to the image in the end (`pyramid`).
  Where the next finer grid is good enough, it has the same there.
* Else it has an exact stamp, below EXACT_BELOW, or one of five products on the image itself.

So nearly all elements are cheap, and the few that shine on faint pixels are accurate. Largest
differences from exact pixel means, as a fraction of the element's brightest pixel: 5e-5 (tiles of
the mosaic), 1.3e-4 (five products), 4.6e-3 (small stamps, of elements that are far fainter than
the image about them). A stamp that lies in the frame sums to its element to 1e-6. Pixels that may
still be wrong by more than 2.5% are done again (`faint`), so that every pixel is right to 0.02 dex,
but for 1e-5 of them that chance may leave beyond it, and never negative.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cgmhelpers.maps.projection import bounds, faint, pyramid, stamps, surroundings
from cgmhelpers.maps.projection.kernel import fraction_within_depth
from cgmhelpers.maps.projection.pyramid import BORDER
from cgmhelpers.maps.projection.stamps import EXACT_BELOW
from cgmhelpers.maps.projection.tables import column_factor, column_factors, mosaic
from cgmhelpers.system import parallel
from cgmhelpers.system.compiling import fused

KINDS = 3
"""Number of kinds of stamps (exact, accurate wide, and small ones on the grids of the pyramid)."""
SMALL_FROM, SMALL_BELOW = 3.75, 7.5
"""Radius in pixels of a grid below which a kernel is stamped there."""
SMALL_PART = 1.5e-3
"""Part of the faintest pixel in reach that the largest error of a small stamp may be. With more,
more pixels are done again; with less, more stamps are accurate."""


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
    tables = tabled()
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


def tabled():
    """Return all tables that an image needs.

    Returns
    -------
    mosaic : ndarray
        From `tables.mosaic`.
    small : (RANK, 7) ndarray, float32
        The integrals of `tables.column_factors` for small stamps.
    rough, wide : tuple of two arrays
        The same with their signs, and those for accurate wide stamps.
    factor : ndarray
        From `tables.column_factor`.
    """
    rough = column_factors(stamps.RANK, stamps.TERMS)
    wide = column_factors(stamps.WIDE_RANK, stamps.WIDE_TERMS)
    return mosaic(), rough[0].astype(np.float32), rough, wide, column_factor()


@fused
def _touching(across, up, radius, quantities, inside, pixels, pixel_size):
    """Elements that touch an image: x, y, radius in pixels, weights up to one, and their scales."""
    fields, number = quantities.shape[1], 0
    x, y, h = np.empty((3, len(radius)))
    weight, scale = np.empty((len(radius), fields)), np.zeros(fields)
    half = 0.5 * pixels
    for element in range(len(radius)):
        h[number] = radius[element] / pixel_size
        x[number], y[number] = across[element] / pixel_size, up[element] / pixel_size
        if max(abs(x[number]), abs(y[number])) - half > h[number] or inside[element] == 0.0:
            continue
        some = False
        for field in range(fields):
            weight[number, field] = quantities[element, field] * inside[element]
            some |= weight[number, field] > 0.0
        if some:
            x[number], y[number] = x[number] + half, y[number] + half
            for field in range(fields):
                scale[field] = max(scale[field], weight[number, field])
            number += 1
    for field in range(fields):
        scale[field] = scale[field] if scale[field] > 0.0 else 1.0
        for element in range(number):
            weight[element, field] /= scale[field]  # luminosities don't fit float32
    return x[:number], y[:number], h[:number], weight[:number], scale


@fused
def _image(x, y, h, weight, pixels, least, table, small, rough, wide, factor):
    """One image (field, row, column) of weights up to one; places and radii in pixels."""
    parts, bound, kind, held = stamped(x, y, h, weight, pixels, least, table, small, rough, wide)
    image = np.empty((weight.shape[1], pixels, pixels))
    for field in range(len(image)):
        image[field] = faint.corrected(
            parts[field],
            bound[field],
            held[field],
            least[field],
            x,
            y,
            h,
            weight[:, field],
            kind,
            factor,
        )
    return image


@fused
def stamped(x, y, h, weight, pixels, least, table, small, rough, wide):
    """Stamp all elements.

    Parameters
    ----------
    x, y, h : (P,) array
        Centres and radii in pixels, from the image's lower left corner.
    weight : (P, F) array
        What each element deposits in each field.
    pixels : int
        Pixels along a side.
    least : (F,) array
        Value of each field below which a pixel needn't be right.
    table, small, rough, wide
        From `tabled`.

    Returns
    -------
    images : (F, KINDS, pixels, pixels) ndarray
        What each kind of stamps leaves.
    bound : (F, KINDS, C, C) ndarray
        Bounds on the error, in cells of `bounds.CELL` pixels; the last row and column hold
        nothing.
    kind : (P,) ndarray of int
        Kind of each element's stamp.
    held : (F,) ndarray
        What lies in the frame.
    """
    fields = weight.shape[1]
    level, levels = _levels(h)
    start, side = pyramid.layout(pixels, fields, levels)
    cells, cell_side = surroundings.layout(pixels, fields, levels)
    peaks = _peaks(x, y, h, weight, level, cells, cell_side)
    faintest = surroundings.faintest(peaks, cells, cell_side, least)
    # Accurate wide stamps go to one more grid, which isn't of the pyramid.
    fine, fine_side = start[-1], (pixels + stamps.WIDTH - 1) // stamps.WIDTH * stamps.WIDTH
    grids = np.zeros(fine + (fields + 1) // 2 * 2 * fine_side**2, np.float32)
    exact = np.zeros((fields, pixels, pixels))
    kind = np.empty(len(h), np.int64)
    errors, bound = np.zeros(cells[-1]), bounds.no_bound(fields, KINDS, pixels)
    scratch, small_scratch = stamps.scratch_arrays(), stamps.small_scratch()
    edge, room = stamps.wide_scratch(side[0])
    amount, held = np.empty(fields), np.zeros(fields)
    for element in range(len(h)):
        own, at = weight[element], level[element]
        shrink, n = 0.5**at, cell_side[at]
        radius = h[element] * shrink
        cx, cy = x[element] * shrink + BORDER, y[element] * shrink + BORDER
        inside = stamps.share_inside(x[element], y[element], h[element], pixels, table)
        centre = bounds.CENTRE / max(h[element], 1.0) ** 2
        near = cells[at] + surroundings.place(cx, cy, n)
        allowed = np.inf
        for field in range(fields):
            held[field] += own[field] * inside
            allowed = min(allowed, faintest[near + field * n * n] / (own[field] * centre))
        allowed *= SMALL_PART
        if bounds.largest_small_error(radius, at) <= allowed:
            kind[element] = 2
            stamps.stamp_small(
                grids, start[at], side[at], cx, cy, radius, own, shrink**2, small, small_scratch
            )
            if radius < SMALL_FROM:
                amount[:] = (own * (bounds.typical_error(radius, at) * centre)) ** 2
                bounds.add_square(bound, x[element], y[element], h[element], 2, amount)
            else:
                error = bounds.counted_error(radius, at) * centre
                cell = cells[at] + int(cy) // surroundings.CELL * n + int(cx) // surroundings.CELL
                for field in range(fields):
                    errors[cell + field * n * n] += own[field] * error
            continue
        if h[element] < EXACT_BELOW:
            kind[element] = 0
            if stamps.stamp_exact(exact, x[element], y[element], h[element], own, table, scratch):
                amount[:] = own * bounds.exact_error(h[element])
                bounds.add_square(bound, x[element], y[element], h[element], 0, amount)
            continue
        if at > 0 and bounds.largest_small_error(2 * radius, at - 1) <= allowed:
            kind[element] = 2
            cx, cy, radius, shrink = 2 * cx - BORDER, 2 * cy - BORDER, 2 * radius, 2 * shrink
            first, wide_side = start[at - 1], side[at - 1]
            integrals, sign = rough
            amount[:] = (own * (bounds.typical_error(radius, at - 1) * centre)) ** 2
            reach = (radius + (bounds.PROLONGED if at > 1 else 0)) / shrink
        else:
            kind[element] = 1
            cx, cy, radius, shrink = x[element], y[element], h[element], 1.0
            first, wide_side = fine, fine_side
            integrals, sign = wide
            amount[:] = own * (bounds.WIDE * centre)
            reach = radius
        stamps.stamp_wide(
            grids, first, wide_side, cx, cy, radius, own, shrink**2, integrals, sign, edge, room
        )
        bounds.add_square(bound, x[element], y[element], reach, kind[element], amount)
    images = np.empty((fields, KINDS, pixels, pixels))
    for field in range(fields):
        for one in range(KINDS):
            bounds.summed(bound[field, one])
        bounds.small_bound(errors, cells, cell_side, field, bound[field, 2])
        images[field, 0] = exact[field]
        images[field, 1] = pyramid.plane(grids, fine, fine_side, field)[:pixels, :pixels]
        collapsed = pyramid.collapse(grids, start, side, field)
        images[field, 2] = collapsed[BORDER : BORDER + pixels, BORDER : BORDER + pixels]
    return images, bound, kind, held


@fused
def _levels(h):
    """Level of the pyramid on which each kernel is small, and the number of levels."""
    level, most = np.empty(len(h), np.int64), 0
    for element in range(len(h)):
        radius, at = h[element], 0
        while radius >= SMALL_BELOW:
            radius, at = 0.5 * radius, at + 1
        level[element] = at
        most = max(most, at)
    return level, most + 1


@fused
def _peaks(x, y, h, weight, level, cells, side):
    """Sum of the columns at the centres of elements, by the cell that holds them."""
    fields = weight.shape[1]
    peaks = np.zeros(cells[-1])
    for element in range(len(h)):
        at = level[element]
        shrink, n = 0.5**at, side[at]
        row = int(y[element] * shrink + BORDER) // surroundings.CELL
        column = int(x[element] * shrink + BORDER) // surroundings.CELL
        peak = bounds.CENTRE / max(h[element], SMALL_FROM) ** 2
        for field in range(fields):
            cell = cells[at] + (field * n + row) * n + column
            peaks[cell] += weight[element, field] * peak
    return peaks
