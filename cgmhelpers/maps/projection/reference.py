"""The slow, obvious projection that the fast one is tested against.

Each pixel's share of an element is the integral of the column kernel over the part of the pixel
that the kernel can reach, by Gauss-Legendre quadrature on sub-squares of a quarter of the kernel's
radius or of the pixel, whichever is smaller. Nothing is tabulated and nothing is renormalised.

Accuracy: a share is right to 1e-5 of the element (the kernel's derivatives jump at its knot and its
edge, which costs a quadrature its order); the sum of all shares to 1e-6.
"""

import numpy as np

from cgmhelpers.maps.projection.kernel import column, fraction_within_depth

#: Gauss-Legendre nodes along each side of a sub-square.
NODES = 6
#: Sub-squares are at most this fraction of the kernel's radius wide.
FINENESS = 0.25


def project(displacement, kernel_radius, quantities, frame):
    """Deposit elements on the three images, one element at a time.

    Parameters and result are those of `cgmhelpers.maps.projection.images.project`.
    """
    displacement = np.asarray(displacement, dtype=float)
    kernel_radius = np.asarray(kernel_radius, dtype=float)
    pixels, pixel_size = frame.pixels, frame.pixel_size
    images = np.zeros((3, quantities.shape[1], pixels, pixels))
    for axis in range(3):
        horizontal, vertical = (axis + 1) % 3, (axis + 2) % 3
        inside = fraction_within_depth(displacement[:, axis], kernel_radius, frame.depth)
        for element in np.flatnonzero(inside):
            rows, columns, share = pixel_shares(
                displacement[element, horizontal] / pixel_size + pixels / 2,
                displacement[element, vertical] / pixel_size + pixels / 2,
                kernel_radius[element] / pixel_size,
                pixels,
            )
            deposit = inside[element] * quantities[element][:, None, None] * share
            images[axis][:, rows, columns] += deposit
    return images / pixel_size**2


def pixel_shares(x, y, radius, pixels):
    """Fractions of one element that fall into the pixels of an image.

    Parameters
    ----------
    x, y : float
        Centre of the element in pixels, from the image's lower left corner.
    radius : float
        Radius of its kernel in pixels.
    pixels : int
        Size of the image.

    Returns
    -------
    rows, columns : slice
        The pixels that the kernel's square can reach.
    share : (rows, columns) ndarray
        Integral of the column kernel over each of them.
    """
    columns, x_nodes, x_weights = _cut_by_pixels(x, radius, pixels)
    rows, y_nodes, y_weights = _cut_by_pixels(y, radius, pixels)
    if radius == 0:
        return rows, columns, np.ones((len(y_nodes), len(x_nodes)))
    distance = np.hypot(y_nodes[:, :, None, None] - y, x_nodes - x) / radius  # (row, k, column, l)
    share = np.einsum("jkil,jk,il->ji", column(distance) / radius**2, y_weights, x_weights)
    return rows, columns, share


def _cut_by_pixels(centre, radius, pixels):
    """Quadrature nodes (pixel, node) and weights of ``centre +- radius``, cut by pixel edges."""
    low, high = max(centre - radius, 0.0), min(centre + radius, float(pixels))
    first = int(np.floor(low))
    last = max(int(np.ceil(high)), first + 1)
    if low > high or first >= pixels or centre + radius < 0:
        return slice(0, 0), np.zeros((0, 1)), np.zeros((0, 1))
    index = np.arange(first, last)
    left, right = np.maximum(index, low), np.minimum(index + 1, high)
    pieces = max(1, int(np.ceil(min(1.0, 2 * radius) / (FINENESS * radius)))) if radius else 1
    node, weight = np.polynomial.legendre.leggauss(NODES)
    node = ((np.arange(pieces)[:, None] + 0.5 * (node + 1)) / pieces).ravel()
    weight = np.tile(0.5 * weight / pieces, pieces)
    width = (right - left)[:, None]
    return slice(first, last), left[:, None] + width * node, width * weight
