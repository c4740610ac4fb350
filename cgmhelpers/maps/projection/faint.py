r"""Faint pixels of the fast projection, which are done again.

A fast stamp's error is a small part of the *brightest* pixel of its element. A pixel that nothing
but the outermost edge of a bright kernel reaches holds less than that part, and would be noise. So
each element adds, beside its stamp, a bound on the stamp's error to every pixel where there may be
one (`bounds`). With `B` the bound on the error of all and `V` the sum of the stamps, the truth is
at least ``V - B``. Where ``B > TOLERANCE (V - B)``, stamps are replaced by integrals over the pixel
of all elements that touch it, to 1% (`done_again`). So every pixel is right to the parts TOLERANCE
and `bounds.RELATIVE` of itself, and 1% more: 0.02 dex.

To do little again, stamps are kept apart by kind. The few accurate ones are of elements that shine
on pixels fainter than they are; they are done again first, which is cheap, and the sum of many
small stamps mostly stays as it is.
"""

import numpy as np

from cgmhelpers.maps.projection.bounds import CELL
from cgmhelpers.system.compiling import fused

TOLERANCE = 0.025
"""Largest part of a pixel's value that the bound on the error of stamps may be."""
NODES = 4
"""Nodes along each side of a piece of a pixel that the edge of a kernel crosses."""
FEW = 4.0
"""Radius in pixels below which the four points of `_shares` don't do."""
TILE = 8
"""Pixels along a side of the tiles in which pixels are done again."""
MATTERS = 0.1
"""A kind is done again where its bound is more than this part of what is allowed."""
DOUBT = 1e-4
"""Part of a pixel that a kernel whose edge crosses it may be without being integrated."""
MADE_UP = 1e-3
"""Pixels that are done again may change an image's sum by this part, which the others make up."""

_NODE, _WEIGHT = np.polynomial.legendre.leggauss(NODES)
_NODE, _WEIGHT = 0.5 * (_NODE + 1), 0.5 * _WEIGHT
_GAUSS = 0.5 / np.sqrt(3.0)


@fused
def corrected(stamped, bound, held, least, x, y, h, weight, kind, factor):
    """Add up an image of one field, once its uncertain pixels are done again.

    Parameters
    ----------
    stamped : (K, N, N) array
        What the stamps of K kinds of elements deposited; changed in place.
    bound : (K, C, C) array
        Bounds on their errors, by cells of CELL pixels.
    held : float
        What lies in the frame.
    least : float
        Value below which a pixel needn't be right.
    x, y, h : (P,) array
        Centres and radii of the elements in pixels, from the image's lower left corner.
    weight : (P,) array
        What each element deposits.
    kind : (P,) array of int
        Its kind. Those of the first kind may be smaller than a pixel.
    factor : (D,) array
        Column kernel as of `tables.column_factor`.

    Returns
    -------
    (N, N) ndarray
        Image, >= 0. Its sum is what lies in the frame: what stamps that the frame cuts miss, and
        what uncertain pixels gain, the others give in proportion, unless it is more than the part
        MADE_UP of them.
    """
    kinds, pixels = len(stamped), stamped.shape[1]
    again, surely = uncertain(stamped, bound, least)
    for one in range(kinds):
        if again[one].any():
            own = np.flatnonzero(kind == one)
            found = done_again(again[one], surely, x[own], y[own], h[own], weight[own], factor)
            _replace(stamped[one], found, again[one])
    image = np.zeros((pixels, pixels))
    total = done = 0.0
    for j in range(pixels):
        for one in range(kinds):
            for i in range(pixels):
                image[j, i] += stamped[one, j, i]
        for i in range(pixels):
            # Only below the least value may a pixel that isn't done again be negative.
            image[j, i] = max(image[j, i], 0.0)
            total += image[j, i]
    touched = _any_of(again)
    for j in range(pixels):
        for i in range(pixels):
            if touched[j, i]:
                done += image[j, i]
    gained, rest = total - held, total - done
    if abs(gained) <= MADE_UP * rest and rest > 0.0:
        given = 1.0 - gained / rest
        for j in range(pixels):
            for i in range(pixels):
                image[j, i] *= 1.0 if touched[j, i] else given
    return image


@fused
def _any_of(masks):
    """Pixels that are in any of several masks."""
    kinds, side = len(masks), masks.shape[1]
    result = np.zeros((side, side), np.bool_)
    for one in range(kinds):
        for j in range(side):
            for i in range(side):
                result[j, i] |= masks[one, j, i]
    return result


@fused
def _replace(image, other, mask):
    """Take the pixels of a mask from another image."""
    for j in range(mask.shape[0]):
        for i in range(mask.shape[1]):
            if mask[j, i]:
                image[j, i] = other[j, i]


@fused
def uncertain(stamped, bound, least):
    """Find the pixels that have to be done again.

    Parameters
    ----------
    stamped, bound, least
        As of `corrected`.

    Returns
    -------
    again : (K, N, N) ndarray of bool
        Where each kind of stamps has to be replaced, in their order, until the bounds of the others
        together are small enough.
    surely : (N, N) ndarray
        There, what the pixel holds at least; 0 elsewhere.
    """
    kinds, pixels = len(stamped), stamped.shape[1]
    lowest = np.zeros((pixels, pixels))
    again = np.zeros((kinds, pixels, pixels), np.bool_)
    for j in range(pixels):
        for i in range(pixels):
            own = bound[:, j // CELL, i // CELL]
            value = total = 0.0
            for one in range(kinds):
                value += stamped[one, j, i]
                total += own[one]
            if total <= TOLERANCE * (value - total) or value + total <= least:
                continue
            surely = 0.0
            for one in range(kinds):
                surely += max(stamped[one, j, i] - own[one], 0.0)
            lowest[j, i] = surely
            for one in range(kinds):
                if total > TOLERANCE * surely and own[one] > MATTERS * TOLERANCE * surely:
                    again[one, j, i] = True
                    total -= own[one]
    return again, lowest


@fused
def done_again(mask, surely, x, y, h, weight, factor):
    """Compute some pixels from all elements that touch them.

    Parameters
    ----------
    mask : (N, N) array of bool
        The pixels.
    surely : (N, N) array
        What they hold at least, with what other elements deposit.
    x, y, h : (P,) array
        Centres and radii of the elements in pixels, from the image's lower left corner.
    weight : (P,) array
        What each element deposits.
    factor : (D,) array
        Column kernel as of `tables.column_factor`.

    Returns
    -------
    (N, N) ndarray
        What the elements deposit in the pixels of the mask, each to 1% of what it holds; 0
        elsewhere. A kernel's part is the mean of 2 x 2 points, and is integrated, which costs
        thirty times as much, where its edge crosses the pixel and it might be more than the part
        DOUBT.
    """
    pixels = mask.shape[0]
    start, row, column = _listed(mask)
    side = (pixels + TILE - 1) // TILE
    value, enough = np.zeros(len(row)), np.empty(len(row))
    for k in range(len(row)):
        enough[k] = DOUBT * surely[int(row[k]), int(column[k])]
    scratch, most = np.empty(TILE * TILE), np.empty(TILE * TILE)
    before = _counted(start, side)
    for element in range(len(h)):
        radius, cx, cy, own = h[element], x[element], y[element], weight[element]
        left, right = _tiles(cx, radius, pixels)
        bottom, top = _tiles(cy, radius, pixels)
        # Most elements touch no pixel of the mask.
        if (
            right <= left
            or top <= bottom
            or (
                before[top, right] + before[bottom, left]
                == before[top, left] + before[bottom, right]
            )
        ):
            continue
        for j in range(bottom, top):
            dy = abs(TILE * (j + 0.5) - cy)
            for i in range(left, right):
                first, last = start[side * j + i], start[side * j + i + 1]
                dx = abs(TILE * (i + 0.5) - cx)
                if first == last or _beyond(dx - 0.5 * TILE, dy - 0.5 * TILE, radius):
                    continue
                some, share = slice(first, last), scratch[: last - first]
                crossed = _beyond(dx + 0.5 * TILE, dy + 0.5 * TILE, radius)
                _shares(row[some], column[some], share, cx, cy, radius, factor)
                if crossed:
                    _most(row[some], column[some], most, cx, cy, radius, factor)
                    for k in range(first, last):
                        across, up = column[k] - cx, row[k] - cy
                        if _beyond(abs(across) - 0.5, abs(up) - 0.5, radius):
                            share[k - first] = 0.0
                        elif radius < FEW or own * most[k - first] > enough[k]:
                            share[k - first] = _crossed(across, up, radius, factor)
                _add(value[some], own, share)
    return _placed(value, row, column, pixels)


@fused
def _tiles(centre, radius, pixels):
    """First tile along an axis that a kernel touches, and the one after the last."""
    first, last = int(np.floor(centre - radius)), int(np.floor(centre + radius))
    return max(first, 0) // TILE, (min(last, pixels - 1) + TILE) // TILE


@fused
def _counted(start, side):
    """Count the pixels in all tiles below and to the left of each tile's corner."""
    before = np.zeros((side + 1, side + 1), np.int64)
    for j in range(side):
        for i in range(side):
            own = start[side * j + i + 1] - start[side * j + i]
            before[j + 1, i + 1] = before[j, i + 1] + before[j + 1, i] - before[j, i] + own
    return before


@fused
def _listed(mask):
    """List the pixels of a mask tile by tile: where each tile starts, centres of the pixels."""
    pixels, number = mask.shape[0], mask.sum()
    side = (pixels + TILE - 1) // TILE
    start = np.zeros(side * side + 1, np.int64)
    row, column = np.empty(number), np.empty(number)
    number = 0
    for tile in range(side * side):
        bottom, left = TILE * (tile // side), TILE * (tile % side)
        for j in range(bottom, min(bottom + TILE, pixels)):
            for i in range(left, min(left + TILE, pixels)):
                if mask[j, i]:
                    row[number], column[number] = j + 0.5, i + 0.5
                    number += 1
        start[tile + 1] = number
    return start, row, column


@fused
def _placed(values, row, column, pixels):
    """Put a list of pixels into an image."""
    image = np.zeros((pixels, pixels))
    for k in range(len(row)):
        image[int(row[k]), int(column[k])] = values[k]
    return image


@fused
def _beyond(dx, dy, radius):
    """Tell whether a point lies beyond a circle; lengths below zero count as zero."""
    dx, dy = max(dx, 0.0), max(dy, 0.0)
    return dx * dx + dy * dy > radius * radius


@fused
def _add(sums, weight, share):
    """Add a weight's shares to sums."""
    for k in range(len(sums)):
        sums[k] += weight * share[k]


@fused
def _shares(row, column, share, x, y, h, factor):
    """Shares of pixels from 2 x 2 Gauss points, to 1% of themselves where the disc holds them."""
    inverse = 1.0 / h
    area = 0.25 * inverse * inverse
    for k in range(len(share)):
        left, right = (column[k] - x - _GAUSS) * inverse, (column[k] - x + _GAUSS) * inverse
        below, above = (row[k] - y - _GAUSS) * inverse, (row[k] - y + _GAUSS) * inverse
        left, right, below, above = left * left, right * right, 1 - below * below, 1 - above * above
        share[k] = area * (
            _column(below - left, factor)
            + _column(below - right, factor)
            + _column(above - left, factor)
            + _column(above - right, factor)
        )


@fused
def _most(row, column, share, x, y, h, factor):
    """Most that pixels hold which the disc's edge crosses: the kernel at their nearest points."""
    inverse = 1.0 / h
    for k in range(len(row)):
        dx, dy = abs(column[k] - x), abs(row[k] - y)
        far = (dx + 0.5) * (dx + 0.5) + (dy + 0.5) * (dy + 0.5)
        dx, dy = max(dx - 0.5, 0.0) * inverse, max(dy - 0.5, 0.0) * inverse
        most = inverse * inverse * _column(1.0 - dx * dx - dy * dy, factor)
        share[k] = most if far > h * h else 0.0


@fused
def _crossed(dx, dy, h, factor):
    """Share of a pixel that the disc's edge may cross, as `reference.pixel_shares` has it."""
    inverse = 1.0 / h
    left, right = (dx - 0.5) * inverse, (dx + 0.5) * inverse
    near = min(max(0.0, left), right)
    reach = np.sqrt(max(1.0 - near * near, 0.0))
    low = min(max((dy - 0.5) * inverse, -reach), reach)
    high = min(max((dy + 0.5) * inverse, -reach), reach)
    # What lies on both sides of the centre is cut there, as the kernel is steepest about it.
    middle = min(max(0.0, low), high)
    total = 0.0
    for bottom, top in ((low, middle), (middle, high)):
        if top <= bottom:
            continue
        for n in range(NODES):
            v = bottom + (top - bottom) * _NODE[n]
            inside = 1.0 - v * v
            chord = np.sqrt(max(inside, 0.0))
            start, end = min(max(left, -chord), chord), min(max(right, -chord), chord)
            centre = min(max(0.0, start), end)
            line = 0.0
            for m in range(NODES):
                u = start + (centre - start) * _NODE[m]
                if centre > start:
                    line += _WEIGHT[m] * (centre - start) * _column(inside - u * u, factor)
                u = centre + (end - centre) * _NODE[m]
                if end > centre:
                    line += _WEIGHT[m] * (end - centre) * _column(inside - u * u, factor)
            total += _WEIGHT[n] * (top - bottom) * line
    return total


@fused
def _column(u, factor):
    """Column kernel of unit radius at ``u = 1 - (r/h)^2``, to 0.3% of itself, 0 below 0."""
    u = max(u, 0.0)
    value = factor[6]
    value = value * u + factor[5]
    value = value * u + factor[4]
    value = value * u + factor[3]
    value = value * u + factor[2]
    value = value * u + factor[1]
    value = value * u + factor[0]
    return value * u * u * u * np.sqrt(u)
