r"""The cubic-spline kernel, seen in three dimensions, along a line of sight and between planes.

The kernel is the M4 spline of Monaghan & Lattanzio (1985, A&A 149, 135) in the convention of GADGET
(Springel 2005, MNRAS 364, 1105, Eq. 4): `h` is the radius at which it reaches zero. All functions
here take lengths in units of that radius; whoever needs physical units divides by :math:`h^3`
(density) or :math:`h^2` (column).
"""

import numpy as np

KNOT = 0.5
"""Half-way between centre and edge the spline changes from one cubic to the other."""


def density(distance):
    r"""Kernel in three dimensions, :math:`h^3 W(r)`.

    Parameters
    ----------
    distance : array_like
        Distance from the element's centre in units of the kernel's radius, >= 0.

    Returns
    -------
    ndarray
        Density of an element of unit mass and unit radius; it integrates to one over the ball.
    """
    distance = np.asarray(distance, dtype=float)
    inner = 1 - 6 * distance**2 + 6 * distance**3
    outer = 2 * np.maximum(1 - distance, 0) ** 3
    return 8 / np.pi * np.where(distance < KNOT, inner, outer)


def column(distance):
    r"""Kernel integrated along a line of sight, :math:`h^2 \int W \, dz`, in closed form.

    Parameters
    ----------
    distance : array_like
        Impact parameter of the line of sight in units of the kernel's radius, >= 0.

    Returns
    -------
    ndarray
        Column density of an element of unit mass and unit radius; it integrates to one over the
        disc. Its relative error is below 1e-12, up to the edge.

    Notes
    -----
    The kernel is a polynomial in :math:`q = \sqrt{b^2 + z^2}` on each side of the knot, and

    .. math:: \int q \, dz = \tfrac12 \left[ z q + b^2 \operatorname{asinh}(z/b) \right], \quad
              \int q^3 dz = \tfrac14 z q^3 + \tfrac34 b^2 \int q \, dz .

    Towards the edge these terms cancel to nothing. Lines that miss the knot's sphere are therefore
    integrated by Gauss-Legendre quadrature, with :math:`1 - q = (1 - b^2 - z^2) / (1 + q)`.
    """
    distance = np.asarray(distance, dtype=float)
    half = np.zeros(distance.shape)
    inside, outside = distance <= KNOT, (distance > KNOT) & (distance < 1)
    half[inside], half[outside] = _inner_half(distance[inside]), _outer_half(distance[outside])
    return 16 / np.pi * half  # both halves of the line of sight


def _inner_half(impact):
    """Integrate the kernel, times pi / 8, along half a line that meets the knot's sphere."""
    impact = np.maximum(impact, 1e-30)  # asinh(z/b) needs b > 0
    to_edge = _powers_along_line(impact, 1.0)
    to_knot = _powers_along_line(impact, KNOT)
    zeroth, first, second, third = (edge - knot for edge, knot in zip(to_edge, to_knot))
    outer = 2 * (zeroth - 3 * first + 3 * second - third)
    return outer + to_knot[0] - 6 * to_knot[2] + 6 * to_knot[3]


def _outer_half(impact):
    """Integrate the kernel, times pi / 8, along half a line that misses the knot's sphere."""
    node, weight = np.polynomial.legendre.leggauss(12)
    edge = np.sqrt((1 - impact) * (1 + impact))
    z = edge * (0.5 * (node[:, None] + 1))
    gap = (edge - z) * (edge + z) / (1 + np.sqrt(impact**2 + z**2))
    return edge * np.einsum("n,ni->i", weight, gap**3)


def _powers_along_line(impact, radius):
    """Integrals of 1, q, q^2 and q^3 along the line from its midpoint to the sphere `radius`."""
    z = np.sqrt(np.maximum(radius**2 - impact**2, 0))
    q = np.where(z > 0, radius, impact)
    first = 0.5 * (z * q + impact**2 * np.arcsinh(z / impact))
    second = impact**2 * z + z**3 / 3
    third = 0.25 * z * q**3 + 0.75 * impact**2 * first
    return z, first, second, third


def fraction_below(plane):
    """Fraction of the kernel's mass on the lower side of a plane, in closed form.

    Parameters
    ----------
    plane : array_like
        Signed distance of the plane from the element's centre in units of the kernel's radius.

    Returns
    -------
    ndarray
        0 for planes below -1, one half at 0, 1 for planes above 1.
    """
    plane = np.asarray(plane, dtype=float)
    distance = np.minimum(np.abs(plane), 1.0)
    # Twice the integral of the marginal density 2 pi int_z^1 W(q) q dq, a quintic on each side.
    gap = 1 - distance
    beyond = np.where(
        distance < KNOT,
        0.5 - (1.4 * distance - 8 / 3 * distance**3 + 4.8 * distance**5 - 3.2 * distance**6),
        1.6 * gap**5 - 16 / 15 * gap**6,
    )
    return np.where(plane < 0, beyond, 1 - beyond)


def fraction_within_depth(line_of_sight, kernel_radius, depth):
    """Fraction of each element's mass between the planes ``-depth`` and ``+depth``.

    Parameters
    ----------
    line_of_sight : (P,) array
        Coordinate of the element's centre along the line of sight; any unit, say kpc.
    kernel_radius : (P,) array
        Radius at which the kernel reaches zero, same unit, >= 0. An element of no extent is in or
        out.
    depth : float
        Half the thickness of the slab, same unit.

    Returns
    -------
    (P,) ndarray of float64
        Numbers between 0 and 1.
    """
    line_of_sight, kernel_radius = np.asarray(line_of_sight), np.asarray(kernel_radius)
    distance = np.abs(line_of_sight)
    fraction = (distance <= depth).astype(float)
    # Few kernels are cut by a plane, so only those pay for the polynomials.
    cut = np.flatnonzero(np.abs(distance - depth) < kernel_radius)
    thick = cut[kernel_radius[cut] > 0]
    z, radius = line_of_sight[thick].astype(float), kernel_radius[thick].astype(float)
    fraction[thick] = fraction_below((depth - z) / radius) - fraction_below((-depth - z) / radius)
    return fraction
