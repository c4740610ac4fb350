r"""Faint pixels of the fast projection, which are done again.

A fast stamp's error is a small part of the *brightest* pixel of its element. A pixel that nothing
but the outermost edge of a bright kernel reaches holds less than that part, and would be noise. So
each element adds, beside its stamp, a bound on the stamp's error to every pixel where there may be
one (`bounds`). With `B` the sum of the bounds and `V` that of the stamps, the truth is at least
``V - B``. Where ``B > TOLERANCE (V - B)``, stamps are replaced by integrals over the pixel of all
elements that touch it, to 1% (`done_again`). So every pixel is right to the part TOLERANCE of
itself and that 1% of what is done again: below 0.02 dex.

To do little again, stamps are kept apart by kind: exact ones, and groups of polynomial ones by
brightness. The edge of a bright kernel spoils what the bright group has in a pixel, and that is
done again from the few bright elements; the sum of many faint ones stays as it is.
"""

import numpy as np

from cgmhelpers.maps.projection.bounds import CELL, summed
from cgmhelpers.system.compiling import fused

TOLERANCE = 0.03
"""Largest part of a pixel's value that the error of stamps may be."""
NODES = 4
"""Nodes along each side of a piece of a pixel that the edge of a kernel crosses."""
FEW = 4.0
"""Radius in pixels below which the four points of `_shares` don't do."""
TILE = 8
"""Pixels along a side of the tiles in which pixels are done again."""
DOUBT = 0.01
"""Part of a pixel that may come from kernels whose edge crosses it and isn't integrated."""
MADE_UP = 1e-3
"""Pixels that are done again may change an image's sum by this part, which the others make up."""

_NODE, _WEIGHT = np.polynomial.legendre.leggauss(NODES)
_NODE, _WEIGHT = 0.5 * (_NODE + 1), 0.5 * _WEIGHT
_GAUSS = 0.5 / np.sqrt(3.0)


@fused
def corrected(stamped, bound, least, x, y, h, weight, kind, factor):
    """Add up an image of one field, once its uncertain pixels are done again.

    Parameters
    ----------
    stamped : (K, N, N) array
        What the stamps of K kinds of elements deposited; changed in place.
    bound : (K, C, C) array
        Sums of the bounds on their errors, as `add_square` leaves them; changed in place.
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
        Image, >= 0. Its sum is that of the stamps: what uncertain pixels gain, the others give in
        proportion, unless it is more than the part MADE_UP of them.
    """
    kinds, pixels = len(stamped), stamped.shape[1]
    before = stamped.sum()
    again = uncertain(stamped, bound, least)
    for one in range(kinds):
        if not again[one].any():
            continue
        own = np.flatnonzero(kind == one)
        elements = x[own], y[own], h[own], weight[own]
        found, doubt = done_again(again[one], *elements, factor, one > 0)
        doubtful = doubt > DOUBT * found
        if doubtful.any():
            better, _ = done_again(doubtful, *elements, factor, False)
            _replace(found, better, doubtful)
        _replace(stamped[one], found, again[one])
    image = np.zeros((pixels, pixels))
    kept, rest = np.ones((pixels, pixels), np.bool_), 0.0
    for one in range(kinds):
        image += stamped[one]
        kept &= ~again[one]
    for j in range(pixels):
        for i in range(pixels):
            # Only below the least value may a pixel that isn't done again be negative.
            image[j, i] = max(image[j, i], 0.0)
            if kept[j, i]:
                rest += image[j, i]
    gained = image.sum() - before
    if abs(gained) <= MADE_UP * rest and rest > 0.0:
        given = 1.0 - gained / rest
        for j in range(pixels):
            for i in range(pixels):
                if kept[j, i]:
                    image[j, i] *= given
    return image


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
    (K, N, N) ndarray of bool
        Where each kind of stamps has to be replaced: the most uncertain kind first, until the
        bounds of the others together are small enough.
    """
    kinds, pixels = len(stamped), stamped.shape[1]
    again = np.zeros((kinds, pixels, pixels), np.bool_)
    for one in range(kinds):
        summed(bound[one])
    for j in range(pixels):
        for i in range(pixels):
            own = bound[:, j // CELL, i // CELL]
            surely = most = total = 0.0
            for one in range(kinds):
                value = stamped[one, j, i]
                surely += max(value - own[one], 0.0)
                most += value + own[one]
                total += own[one]
            if most <= least:
                continue
            while total > TOLERANCE * surely:
                worst, total = -1, 0.0
                for one in range(kinds):
                    if not again[one, j, i]:
                        total += own[one]
                        if worst < 0 or own[one] > own[worst]:
                            worst = one
                if total <= TOLERANCE * surely:
                    break
                again[worst, j, i] = True
    return again


@fused
def done_again(mask, x, y, h, weight, factor, rough):
    """Compute some pixels from all elements that touch them.

    Parameters
    ----------
    mask : (N, N) array of bool
        The pixels.
    x, y, h : (P,) array
        Centres and radii of the elements in pixels, from the image's lower left corner.
    weight : (P,) array
        What each element deposits.
    factor : (D,) array
        Column kernel as of `tables.column_factor`.
    rough : bool
        Whether to take the four points of `_shares` also where the edge of a kernel crosses a
        pixel; else it is integrated there, which costs thirty times as much.

    Returns
    -------
    value, doubt : (N, N) ndarray
        What the elements deposit in the pixels of the mask, each to 1% of itself; and where it is
        rough, at most so much comes from kernels whose edge crosses the pixel. 0 elsewhere.
    """
    pixels = mask.shape[0]
    start, row, column = _listed(mask)
    side = (pixels + TILE - 1) // TILE
    value, doubt = np.zeros(len(row)), np.zeros(len(row))
    scratch = np.empty(TILE * TILE)
    for element in range(len(h)):
        radius, cx, cy, own = h[element], x[element], y[element], weight[element]
        left, right = int(np.floor(cx - radius)), int(np.floor(cx + radius))
        bottom, top = int(np.floor(cy - radius)), int(np.floor(cy + radius))
        for j in range(max(bottom, 0) // TILE, min(top, pixels - 1) // TILE + 1):
            dy = abs(TILE * (j + 0.5) - cy)
            for i in range(max(left, 0) // TILE, min(right, pixels - 1) // TILE + 1):
                first, last = start[side * j + i], start[side * j + i + 1]
                dx = abs(TILE * (i + 0.5) - cx)
                if first == last or _beyond(dx - 0.5 * TILE, dy - 0.5 * TILE, radius):
                    continue
                some, share = slice(first, last), scratch[: last - first]
                crossed = _beyond(dx + 0.5 * TILE, dy + 0.5 * TILE, radius)
                _shares(row[some], column[some], share, cx, cy, radius, factor)
                if crossed and not rough:
                    for k in range(first, last):
                        across, up = column[k] - cx, row[k] - cy
                        if _beyond(abs(across) - 0.5, abs(up) - 0.5, radius):
                            share[k - first] = 0.0
                        elif radius < FEW or _beyond(abs(across) + 0.5, abs(up) + 0.5, radius):
                            share[k - first] = _crossed(across, up, radius, factor)
                _add(value[some], own, share)
                if crossed and rough:
                    _most(row[some], column[some], share, cx, cy, radius, factor)
                    _add(doubt[some], own, share)
    return _placed(value, row, column, pixels), _placed(doubt, row, column, pixels)


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
    for k in range(len(share)):
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
