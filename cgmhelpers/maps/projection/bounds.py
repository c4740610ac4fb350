r"""Bounds on the errors of the fast projection's stamps, and their sums over the elements.

Stamps and their prolongation are linear in the elements: by the triangle inequality the sum of the
bounds is a bound on the error of the sum. As parts of the kernel's centre, `h` in pixels of the
grid of the stamp, they are:

* **Exact stamps** replace the kernel by its means over tiles of side :math:`\tau = 1/T`. Along an
  edge of a pixel that cuts tiles at a fraction `t`, the mean differs from the part that is cut off
  by at most :math:`t (1 - t) g \tau^2 / 2 \le g \tau^2 / 8` per length, with `g` the steepest slope
  of the kernel, `STEEPEST`. The pixel has four edges of length :math:`1/h`, of which no more lies
  within the kernel than the perimeter of its square, 8. The share's error is therefore at most
  :math:`g \min(4/h, 8) / (8 T^2)` of the element.
* **Polynomial stamps** of a unit element have an error that depends on nothing but `h` and the
  centre's place in its pixel, and after prolongation on the level as well, which soon converges: a
  compact set of numbers. `stamp_error` and `prolongation_error` are the largest errors over that
  set, with a margin, in zones: the kernel's square, and beyond it what the prolongation's reach of
  four neighbours carries outwards. They fall with the power of `h` at which the kernel's
  derivatives do. The tests search the set for worse.

Both are deposited on squares, as four corners of an array whose running sums along both axes are
the bounds (`add_square`), so that an element costs the same whatever its size. Rounding in the
float32 of the polynomial stamps is within the margin.
"""

import numpy as np

from cgmhelpers.maps.projection.tables import TILES
from cgmhelpers.system.compiling import fused

CENTRE, STEEPEST = 6 / np.pi, 4.97
"""Column kernel at its centre, and its steepest slope, for unit mass and radius."""
CELL = 2
"""Pixels along a side of the cells in which bounds are summed."""


@fused
def exact_error(h):
    """Bound on an exact stamp's error, as a part of the element.

    Parameters
    ----------
    h : float
        Radius in pixels, > 0.

    Returns
    -------
    float
    """
    return STEEPEST * min(4.0 / h, 8.0) / (8.0 * TILES * TILES)


@fused
def stamp_error(h):
    """Bound on a polynomial stamp's error, as a part of the kernel's centre.

    Parameters
    ----------
    h : float
        Radius in pixels, 5 to 12.

    Returns
    -------
    float
    """
    return 1e-4 + 2.4e-4 * (5.0 / h) ** 6


@fused
def prolongation_error(h, level):
    """Bounds on the error of a stamp on a coarse grid, as parts of the kernel's centre.

    Parameters
    ----------
    h : float
        Radius in coarse pixels, 6 to 12.
    level : int
        How often the grid is prolonged, >= 1.

    Returns
    -------
    near, far, farthest : float
        Within one coarse pixel about the kernel's square, within five, and within eight.
    """
    ratio = 6.0 / h
    cube = ratio**3
    if level == 1:
        return 1.3e-4 + 6.5e-4 * cube * ratio * ratio, 1.1e-4 * cube, 0.0
    return 1.5e-4 + 1.2e-3 * cube * ratio * ratio, 1.7e-4 * cube, 1.7e-5 * cube


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
    kind : (F,) array of int
        Kind of the stamp in each field.
    amount : (F,) array
        Bound on its error.
    """
    cells = bound.shape[2] - 1
    left = min(max(int(np.floor((x - reach) / CELL)), 0), cells)
    right = min(max(int(np.floor((x + reach) / CELL)) + 1, 0), cells)
    bottom = min(max(int(np.floor((y - reach) / CELL)), 0), cells)
    top = min(max(int(np.floor((y + reach) / CELL)) + 1, 0), cells)
    for field in range(len(amount)):
        plane, more = bound[field, kind[field]], amount[field]
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
