"""What the fast projection looks up instead of evaluating the kernel: a mosaic and a polynomial."""

from functools import lru_cache

import numpy as np
from numpy.polynomial import polynomial

from .kernel import column

#: Tiles of the mosaic between the kernel's centre and its edge.
TILES = 256
#: The polynomial that stands for the column kernel begins at this power of u = 1 - (r/h)^2 ...
LOWEST_POWER = 3
#: ... and ends at this one.
HIGHEST_POWER = 12


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
def column_polynomial():
    r"""Column kernel as a polynomial in :math:`u = 1 - (r/h)^2`, and its pixel correction.

    The mean of a smooth function over a pixel of unit side is its value at the centre plus
    :math:`\nabla^2/24` of it. In two dimensions :math:`h^2 \nabla^2 f = 4 [(1 - u) f'' - f']`, so
    that the correction of a polynomial is a polynomial: no square root, no table, and its
    integral over the disc is zero.

    Returns
    -------
    value, correction : (HIGHEST_POWER + 1,) ndarrays, read-only
        Coefficients by rising power of `u`; a pixel's mean is
        ``(value + correction / h**2)(u) / h**2`` with `h` in pixels. The integral of `value` over
        the disc is one. Largest error: 8e-5 of the kernel's centre.
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
    value = np.zeros(HIGHEST_POWER + 1)
    value[LOWEST_POWER:] = solution[:-1]
    value[LOWEST_POWER:] /= area @ value[LOWEST_POWER:]
    slope, curvature = polynomial.polyder(value), polynomial.polyder(value, 2)
    laplacian = 4 * polynomial.polysub(
        polynomial.polysub(curvature, polynomial.polymulx(curvature)), slope
    )
    correction = np.zeros_like(value)
    correction[: len(laplacian)] = laplacian / 24
    value.flags.writeable = correction.flags.writeable = False
    return value, correction
