"""What the fast projection looks up instead of evaluating the kernel: a mosaic and a polynomial."""

from functools import lru_cache

import numpy as np
from numpy.polynomial import Polynomial

from cgmhelpers.maps.projection.kernel import column

TILES = 256
"""Tiles of the mosaic between the kernel's centre and its edge."""
LOWEST_POWER = 5
"""The polynomial that stands for the column kernel begins at this power of u = 1 - (r/h)^2."""
HIGHEST_POWER = 11
"""The polynomial ends at this power; `stamps` writes its eleven terms out."""


@lru_cache(maxsize=1)
def mosaic():
    r"""Integral image of the column kernel.

    Returns
    -------
    (TILES + 1, TILES + 1) ndarray, read-only
        Element ``[j, i]`` is :math:`\int_0^{j/T} \int_0^{i/T} K \, dx \, dy` with `K` the column
        kernel of unit radius. Interpolated linearly, it is the exact integral of a mosaic whose
        square tiles each hold the exact integral of the kernel: any pixel's share is a difference
        of four corners, is never negative, and all shares add up to one.
    """
    nodes, weights = np.polynomial.legendre.leggauss(6)
    x = ((np.arange(TILES)[:, None] + 0.5 * (nodes + 1)) / TILES).ravel()
    integral = np.zeros((TILES, TILES))
    for row in range(TILES):  # one row of tiles at a time keeps the scratch memory small
        y = (row + 0.5 * (nodes + 1)) / TILES
        values = column(np.hypot(y[:, None], x)).reshape(len(nodes), TILES, len(nodes))
        integral[row] = np.einsum("jik,j,k->i", values, weights, weights)
    integral += integral.T  # exactly symmetric, so that swapping axes changes no bit
    integral *= 0.25 / integral.sum()
    table = np.zeros((TILES + 1, TILES + 1))
    table[1:, 1:] = integral.cumsum(0).cumsum(1)
    table = 0.5 * (table + table.T)
    table[-1, -1] = 0.25
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def column_polynomials():
    r"""Column kernel as a polynomial in :math:`u = 1 - (r/h)^2`, and corrections to a pixel's mean.

    The mean of a smooth function over a pixel of unit side is its value at the centre, plus
    :math:`\nabla^2/24` of it, plus :math:`7 \nabla^4/11520` (the last averaged over the pixel's
    orientation: :math:`\partial_x^4 + \partial_y^4` is on average 3/4 of :math:`\nabla^4` and
    :math:`\partial_x^2 \partial_y^2` 1/8, divided by 1920 and 576). In two dimensions
    :math:`h^2 \nabla^2 f = 4 [(1 - u) f'' - f']`, so that each correction of a polynomial is
    again a polynomial: no square root, no table.

    Returns
    -------
    (3, HIGHEST_POWER) ndarray of float32, read-only
        Coefficients of value, first and second correction, each a polynomial in ``u - 1/2`` (so
        that float32 is enough) that is still to be multiplied by `u`. A pixel's mean is
        ``u * (value + first / h**2 + second / h**4)(u - 1/2) / h**2`` with `h` in pixels.
    """
    angle = np.linspace(0, np.pi, 4001)
    u = 0.5 + 0.5 * np.cos(angle)  # dense at both ends, where a polynomial tends to swing
    powers = np.arange(LOWEST_POWER, HIGHEST_POWER + 1)
    basis = u[:, None] ** powers
    area = np.pi / (powers + 1)  # of u^n over the disc
    # Least squares under the constraint that the integral is one (Lagrange multiplier).
    system = np.block([[basis.T @ basis, area[:, None]], [area[None], np.zeros((1, 1))]])
    target = np.append(basis.T @ column(np.sqrt(1 - u)), 1.0)
    scale = 1 / np.sqrt(np.append(np.diag(system)[:-1], 1.0))  # keeps the system well conditioned
    solution = scale * np.linalg.solve(scale[:, None] * system * scale, scale * target)
    value = Polynomial(np.concatenate([np.zeros(LOWEST_POWER), solution[:-1]]))
    first = _laplacian(value) / 24
    second = _laplacian(_laplacian(value)) * 7 / 11520
    table = np.zeros((3, HIGHEST_POWER), dtype=np.float32)
    for row, whole in zip(table, (value, first, second)):
        moved = Polynomial(whole.coef[1:])(Polynomial([0.5, 1.0])).coef
        row[: len(moved)] = moved
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def column_factor():
    r"""Column kernel over :math:`u^{7/2}`, :math:`u = 1 - (r/h)^2`, which is how it falls to zero.

    Returns
    -------
    (7,) ndarray, read-only
        Coefficients of a polynomial in `u`: times :math:`u^{7/2}` it is the column kernel of unit
        radius, to 0.3% of itself anywhere.
    """
    u = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, 2001)[1:])
    exact = column(np.sqrt(1 - u)) / u**3.5
    powers = u[:, None] ** np.arange(7) / exact[:, None]
    factor = np.linalg.lstsq(powers, np.ones(len(u)), rcond=None)[0]
    factor.flags.writeable = False
    return factor


def _laplacian(f):
    return 4 * (Polynomial([1, -1]) * f.deriv(2) - f.deriv())
