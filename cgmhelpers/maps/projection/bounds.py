r"""Bounds on the errors of the fast projection's stamps, and their sums over the elements.

Stamps and their prolongation are linear in the elements, so errors add up. A stamp may be wrong by
the part RELATIVE of the share itself, which does no harm, and beside it by a bound. As parts of
the kernel's centre, `h` in pixels of the grid of the stamp:

* **Exact stamps** replace the kernel by its means over tiles of side :math:`\tau = 1/T`. Along an
  edge of a pixel that cuts tiles at a fraction `t`, the mean differs from the part that is cut off
  by at most :math:`t (1 - t) g \tau^2 / 2 \le g \tau^2 / 8` per length, with `g` the slope of the
  kernel there. At a depth `d` below the edge (in radii) the kernel is :math:`K \sim d^{7/2}`, so
  that :math:`g = 7 K / 2 d`, and what a pixel holds of a segment so deep is about
  :math:`2 K d / 9` per length. The error is therefore less than the part RELATIVE of it where
  :math:`d > 0.055`, and where it isn't, less than :math:`g(d) \tau^2 / 8 < 3 \times 10^{-8}` per
  length. The pixel has four edges of length :math:`1/h`, of which no more lies within the kernel
  than the perimeter of its square, 8: at most EXACT :math:`\min(4/h, 8) / 8` of the element.
* **Accurate wide stamps** (five products) differ from the kernel by at most WIDE beside RELATIVE,
  anywhere in their square, and their integrals over pixels by no more.
* **Small stamps** (two products, few pixels, and prolongation) are given to an element only where
  its largest error is far below the faintest pixel in its reach (`surroundings`). There are
  many of them in a pixel, and the sum of their largest errors would be a hundred times what they
  make. Their errors change sign with the distance in radii and with the place in the coarse pixel,
  and their mean over the disc is zero, as a stamp's sum is exact. So those of elements in the same
  cell of two pixels are taken for equal and are added; those of different cells are taken for
  independent, and their squares are added, with the mean square over all places in the cells that
  the kernel may reach. The bound is LIKELY standard deviations, beyond which a normal distribution
  has 1e-5; by Bernstein's inequality the sum of many errors has no more in its tails, but for
  seven times the largest one, 1% of the pixel.

The first two are bounds in the strict sense, and are deposited on squares, as four corners of an
array whose running sums along both axes are the bounds (`add_square`); the last are counted in
cells, one addition for an element, and summed over boxes of cells at the end (`small_bound`). So
an element costs the same whatever its size. All numbers here were measured over radii and places
and rounded up; the tests search for worse.
"""

import numpy as np

from cgmhelpers.maps.projection.pyramid import BORDER
from cgmhelpers.system.compiling import fused

CENTRE = 6 / np.pi
"""Column kernel at its centre, for unit mass and radius."""
RELATIVE = 0.01
"""Part of a pixel's own share by which every stamp may be wrong beside its bound."""
EXACT, WIDE, PRODUCTS = 3e-8, 5.5e-5, 1.1e-3
"""Bounds of exact stamps, as a part of the element; of accurate wide ones, as a part of the
kernel's centre; and the largest error of two products, as a part of the centre."""
CELL = 2
"""Pixels along a side of the cells in which bounds are summed."""
REACH_FINE, REACH_COARSE, REACH_FARTHEST = 4, 5, 8
"""Cells on each side of an element's that hold a small stamp on the finest grid; that it reaches
after prolongation; and beyond which it leaves nothing. In the worst place, 7.5 pixels, one more,
and PROLONGED more."""
FARTHEST = 0.05
"""Square of the error between the last two, as a part of that nearer by."""
PROLONGED = 8
"""Pixels of a grid by which its prolongation reaches beyond a stamp."""
LIKELY = 4.45
"""Standard deviations of a normal distribution beyond which lies a part of 1e-5."""


@fused
def exact_error(h):
    """Bound on an exact stamp's error beside RELATIVE, as a part of the element.

    Parameters
    ----------
    h : float
        Radius in pixels, > 0.

    Returns
    -------
    float
    """
    return EXACT * min(4.0 / h, 8.0) / 8.0


@fused
def largest_small_error(h, level):
    """Largest error of a small stamp, as a part of the kernel's centre.

    Parameters
    ----------
    h : float
        Radius in pixels of its grid, and from 3.75 up where it is prolonged.
    level : int
        How often the grid is prolonged.

    Returns
    -------
    float
    """
    return PRODUCTS + (3.5e-3 * (3.75 / h) ** 4 if level > 0 else 0.0)


@fused
def typical_error(h, level):
    """Root of the mean square of a small stamp's error over the kernel's disc.

    Parameters
    ----------
    h, level
        As of `largest_small_error`.

    Returns
    -------
    float
        Over the value at the kernel's centre.
    """
    return np.hypot(5e-4, 1e-3 * (3.75 / h) ** 3 if level > 0 else 0.0)


@fused
def counted_error(h, level):
    """Spread a small stamp's typical error over all cells that its bound is summed over.

    Parameters
    ----------
    h, level
        As of `largest_small_error`.

    Returns
    -------
    float
        Over the value at the kernel's centre.
    """
    reach = CELL * (2 * (REACH_COARSE if level > 0 else REACH_FINE) + 1)
    return typical_error(h, level) * np.sqrt(np.pi) * h / reach


@fused
def no_bound(fields, kinds, pixels):
    """Return bounds to which none is added yet.

    Parameters
    ----------
    fields, kinds, pixels : int
        Number of fields, of kinds of stamps, and of pixels along a side.

    Returns
    -------
    (fields, kinds, C, C) ndarray
        Zeros, for cells of CELL pixels and one more along each side.
    """
    cells = (pixels + CELL - 1) // CELL
    return np.zeros((fields, kinds, cells + 1, cells + 1))


@fused
def add_square(bound, x, y, reach, kind, amount):
    """Add an amount for each field to the bounds of all pixels within a square.

    Parameters
    ----------
    bound : (F, K, C, C) array
        From `no_bound`; changed in place at the corners of the square.
    x, y, reach : float
        Centre of the square and half its side, pixels.
    kind : int
        Kind of the stamp.
    amount : (F,) array
        Bound on its error.
    """
    cells = bound.shape[2] - 1
    left = min(max(int(np.floor((x - reach) / CELL)), 0), cells)
    right = min(max(int(np.floor((x + reach) / CELL)) + 1, 0), cells)
    bottom = min(max(int(np.floor((y - reach) / CELL)), 0), cells)
    top = min(max(int(np.floor((y + reach) / CELL)) + 1, 0), cells)
    for field in range(len(amount)):
        plane, more = bound[field, kind], amount[field]
        plane[bottom, left] += more
        plane[bottom, right] -= more
        plane[top, left] -= more
        plane[top, right] += more


@fused
def summed(bound):
    """Turn what `add_square` left into the bounds of the cells.

    Differences of float64 leave noise of 1e-16 of the largest sum, which is added: it must not
    hide a bound.

    Parameters
    ----------
    bound : (C, C) array
        Of one field and kind; changed in place. The last row and column hold nothing.
    """
    side = len(bound)
    noise = 0.0
    for j in range(side):
        for i in range(1, side):
            bound[j, i] += bound[j, i - 1]
        for i in range(side):
            noise = max(noise, abs(bound[j, i]))
    for j in range(1, side):
        for i in range(side):
            bound[j, i] += bound[j - 1, i]
            noise = max(noise, abs(bound[j, i]))
    if noise > 0.0:
        bound += 4.0 * side * 2.0**-53 * noise


@fused
def small_bound(errors, start, side, field, squares):
    """Bound the error of all small stamps together.

    Parameters
    ----------
    errors : (start[-1],) array
        Sums of their typical errors by the cell of the element's centre, as of
        `surroundings.layout`.
    start, side : ndarray of int
        From there.
    field : int
        The field.
    squares : (C, C) array
        Sums of the squares of those that aren't counted there, by cells of CELL pixels; changed in
        place to the bound.
    """
    boxes = _boxes(errors, start, side, field)
    border, count = BORDER // CELL, len(squares) - 1
    for j in range(count):
        for i in range(count):
            squares[j, i] = LIKELY * np.sqrt(squares[j, i] + boxes[border + j, border + i])


@fused
def _boxes(errors, start, side, field):
    """Sum the squares of what is counted in cells over what each reaches."""
    levels, border = len(side), BORDER // CELL
    coarse = np.zeros((1, 1))
    for level in range(levels - 1, -1, -1):
        n = side[level]
        at = start[level] + field * n * n
        cells = errors[at : at + n * n].reshape(n, n) ** 2
        fine = np.zeros((n, n))
        _add_box(cells, REACH_COARSE if level > 0 else REACH_FINE, 1.0, fine)
        if level > 0:
            _add_box(cells, REACH_FARTHEST, FARTHEST, fine)
        if level < levels - 1:
            last = len(coarse) - 1
            for j in range(n):
                k = min(border + (j - border) // 2, last)
                for i in range(n):
                    fine[j, i] += coarse[k, min(border + (i - border) // 2, last)]
        coarse = fine
    return coarse


@fused
def _add_box(cells, reach, factor, result):
    """Add sums of cells over squares of so many neighbours on each side."""
    n = len(cells)
    rows, line = np.zeros(n), np.zeros(n + 2 * reach + 1)
    for j in range(-reach, n):
        for i in range(n):
            if j + reach < n:
                rows[i] += cells[j + reach, i]
            if j - reach - 1 >= 0:
                rows[i] -= cells[j - reach - 1, i]
        if j < 0:
            continue
        for i in range(n):
            line[reach + 1 + i] = line[reach + i] + rows[i]
        for i in range(n + reach, n + 2 * reach):
            line[i + 1] = line[i]
        for i in range(n):
            result[j, i] += factor * (line[i + 2 * reach + 1] - line[i])
