"""What a yt user would do: yt's own pixeliser called on the same arrays.

yt evaluates the column kernel at pixel centres (a "pencil beam"): an element smaller than a pixel
is missed or over-counted, so that mass is not conserved. It is here for comparison, not for use.
yt drops or keeps an element by its centre's depth; the depth is treated here as in the other
backends, so that the comparison shows the pixeliser alone.
"""

import numpy as np

from cgmhelpers.maps.projection.kernel import fraction_within_depth


def project(displacement, kernel_radius, quantities, frame):
    """Deposit elements on the three images with `yt`.

    Parameters and result are those of `cgmhelpers.maps.projection.images.project`.
    """
    from yt.utilities.lib.pixelization_routines import pixelize_sph_kernel_projection

    half, pixels = frame.half_width, frame.pixels
    fields = quantities.shape[1]
    images = np.zeros((3, fields, pixels, pixels))
    position = np.asarray(displacement, dtype=np.float64)
    radius = np.asarray(kernel_radius, dtype=np.float64)
    for axis in range(3):
        inside = fraction_within_depth(position[:, axis], radius, frame.depth)
        kept = np.flatnonzero((inside > 0) & (radius > 0))  # yt divides by the radius
        x = np.ascontiguousarray(position[kept, (axis + 1) % 3])
        y = np.ascontiguousarray(position[kept, (axis + 2) % 3])
        one = np.ones(len(kept))
        for field in range(fields):
            image = np.zeros((pixels, pixels))  # yt's first index runs along x
            pixelize_sph_kernel_projection(
                image,
                np.zeros((pixels, pixels), dtype=np.uint8),
                x,
                y,
                np.zeros(len(kept)),
                radius[kept],
                one,
                one,
                inside[kept] * quantities[kept, field],
                (-half, half, -half, half, -1.0, 1.0),
                _check_period=(0, 0, 0),
            )
            images[axis, field] = image.T
    return images
