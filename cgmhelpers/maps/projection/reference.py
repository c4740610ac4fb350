"""The slow, obvious projection that the fast one is tested against.

Each pixel's share of an element is the integral of the column kernel over the part of the pixel
that lies in the kernel's disc, by Gauss-Legendre quadrature on pieces of a quarter of the kernel's
radius or of the pixel, whichever is smaller. Nothing is tabulated and nothing is renormalised.

Accuracy: a share is right to 1e-5 of the element and to 1e-4 of itself, however small it is: where
the disc's edge crosses a pixel, the quadrature ends at the edge, to which the kernel falls as the
distance to the power 3.5. The sum of all shares is right to 1e-6.
"""

import numpy as np

from cgmhelpers.maps.projection.kernel import column, fraction_within_depth

NODES = 6
"""Gauss-Legendre nodes along each side of a sub-square."""
FINENESS = 0.25
"""Sub-squares are at most this fraction of the kernel's radius wide."""


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
    columns, left, right = _reached(x, radius, pixels)
    rows, bottom, top = _reached(y, radius, pixels)
    if radius == 0:
        return rows, columns, np.ones((len(bottom), len(left)))
    # In units of the radius, from the centre: each pixel's height is cut where its columns leave
    # the disc, and at each of its nodes its width is cut where that line leaves the disc.
    left, right = (left - x) / radius, (right - x) / radius
    bottom, top = (bottom - y)[:, None] / radius, (top - y)[:, None] / radius
    node, weight = _composite(min(1.0, 2 * radius) / (FINENESS * radius))
    reach = _chord(np.clip(0.0, left, right))
    low, high = np.clip(bottom, -reach, reach)[..., None], np.clip(top, -reach, reach)[..., None]
    v = low + (high - low) * node  # (row, column, node)
    reach = _chord(v)
    start = np.clip(left[:, None], -reach, reach)[..., None]
    width = np.clip(right[:, None], -reach, reach)[..., None] - start
    value = column(np.hypot(start + width * node, v[..., None])) @ weight
    share = (value * width[..., 0]) @ weight * (high - low)[..., 0]
    return rows, columns, share


def _reached(centre, radius, pixels):
    """Pixels that ``centre +- radius`` reaches: a slice, and their lower and upper edges."""
    first = int(np.floor(max(centre - radius, 0.0)))
    last = max(int(np.ceil(min(centre + radius, float(pixels)))), first + 1)
    if centre - radius > pixels or first >= pixels or centre + radius < 0:
        return slice(0, 0), np.zeros(0), np.zeros(0)
    index = np.arange(first, last)
    return slice(first, last), index, index + 1


def _chord(distance):
    """Half the chord of the unit circle at a distance from its centre."""
    return np.sqrt(np.maximum(1 - distance**2, 0))


def _composite(pieces):
    """Nodes and weights of a composite quadrature on [0, 1]."""
    pieces = max(1, int(np.ceil(pieces)))
    node, weight = np.polynomial.legendre.leggauss(NODES)
    node = ((np.arange(pieces)[:, None] + 0.5 * (node + 1)) / pieces).ravel()
    return node, np.tile(0.5 * weight / pieces, pieces)
