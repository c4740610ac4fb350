"""What the fast projection looks up instead of evaluating the kernel: a mosaic and products.

Sums of linear algebra depend in their last bits on its threads, and so would maps: tables are made
with one.
"""

from functools import lru_cache

import numpy as np
from numpy.polynomial import Polynomial
from threadpoolctl import threadpool_limits

from cgmhelpers.maps.projection.kernel import column

TILES = 256
"""Tiles of the mosaic between the kernel's centre and its edge."""
LOWEST_POWER = 3
"""The functions of `column_factors` begin at this power of 1 - t^2."""


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


@lru_cache
@threadpool_limits.wrap(limits=1)
def column_factors(rank, terms):
    r"""Column kernel as a sum of products of one function of each coordinate, integrated.

    The kernel is close to a Gaussian, which is a product: two products are right to 1.1e-3 of its
    centre, five to 1.3e-4, and beyond 0.8 of its radius to 6e-5. Each function is a polynomial in
    :math:`1 - t^2` that begins with its third power. They are the eigenvectors of the kernel as
    an operator on these polynomials, which makes the squared error the smallest.

    Parameters
    ----------
    rank : int
        Number of products.
    terms : int
        Powers of each polynomial.

    Returns
    -------
    integrals : (rank, terms + LOWEST_POWER) ndarray, read-only
        Coefficients :math:`c_{kn}` of :math:`\Phi_k(t) = t \sum_n c_{kn} (t^2 - 1/2)^n`, the
        integrals from 0 to `t` of the functions: for :math:`|t| \le 1`. The share of a pixel is
        :math:`\sum_k s_k \, \Delta_x \Phi_k \, \Delta_y \Phi_k`, with the differences between
        the pixel's edges in units of the kernel's radius. All shares add up to one.
    sign : (rank,) ndarray, read-only
        The :math:`s_k`, one or minus one.
    """
    node, weight = np.polynomial.legendre.leggauss(400)
    t, root = 0.5 * (node + 1), np.sqrt(0.5 * weight)
    powers = np.arange(LOWEST_POWER, LOWEST_POWER + terms)
    basis, inner = np.linalg.qr((1 - t[:, None] ** 2) ** powers * root[:, None])
    kernel = column(np.hypot(t[:, None], t)) * root[:, None] * root
    eigenvalue, vector = np.linalg.eigh(basis.T @ kernel @ basis)
    largest = np.argsort(-np.abs(eigenvalue))[:rank]
    sign = np.sign(eigenvalue[largest])
    factor = np.linalg.solve(inner, vector[:, largest]) * np.sqrt(np.abs(eigenvalue[largest]))
    integrals = np.zeros((rank, terms + LOWEST_POWER))
    for row, coefficients in zip(integrals, factor.T, strict=True):
        inside = Polynomial([1, 0, -1])
        function = sum(c * inside**n for c, n in zip(coefficients, powers.tolist(), strict=True))
        row[:] = Polynomial(function.integ().coef[1::2])(Polynomial([0.5, 1.0])).coef
    whole = sign @ [(2 * Polynomial(row)(0.5)) ** 2 for row in integrals]
    integrals /= np.sqrt(whole)
    integrals.flags.writeable = sign.flags.writeable = False
    return integrals, sign


@lru_cache(maxsize=1)
@threadpool_limits.wrap(limits=1)
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
