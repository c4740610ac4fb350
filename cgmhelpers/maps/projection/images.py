"""Kernel-smoothed deposit of gas elements onto images, along the three axes.

Three backends give the same images: ``numba`` (fast), ``reference`` (slow and obvious, what the
fast one is tested against) and ``yt`` (what a yt user would do: pencil beams, so that mass isn't
conserved).

Geometry, the same everywhere. Elements come as displacements (x, y, z) from the image's centre. The
image named after an axis looks along it; the remaining two axes keep their cyclic order, the first
running along columns and the second up the rows:

=====  ==================  =================
image  horizontal, column  vertical, row
=====  ==================  =================
x      y                   z
y      z                   x
z      x                   y
=====  ==================  =================

Pixel ``[row, column]`` covers ``column * pixel_size - half`` to ``(column + 1) * pixel_size -
half`` horizontally, with ``half = pixels * pixel_size / 2``, and likewise vertically: y points up.
"""

from importlib import import_module

import numpy as np

from cgmhelpers.errors import ParameterError, ResultError, check_known
from cgmhelpers.maps.projection.frame import Frame

BACKENDS = {
    "numba": "cgmhelpers.maps.projection.numba_backend",
    "reference": "cgmhelpers.maps.projection.reference",
    "yt": "cgmhelpers.maps.projection.yt_backend",
}
"""Names of the backends and the modules that hold them."""


def project(
    displacement,
    kernel_radius,
    quantities,
    frame=None,
    backend="numba",
    threads=None,
    floor=0.0,
):
    """Images of one halo along the three axes.

    Parameters
    ----------
    displacement : (P, 3) array
        Positions of the elements' centres relative to the image's centre, physical kpc.
    kernel_radius : (P,) array
        Radius at which each element's cubic-spline kernel reaches zero, physical kpc, >= 0.
    quantities : (P, F) array
        What each element deposits in each of F fields (mass, luminosity ...), >= 0. Fields of one
        call share the numba backend's stamps, so that pixels may differ, within their accuracy,
        from those of a call with other fields.
    frame : Frame, optional
        Pixels and depth, by default those of the paper. Elements count with the fraction of their
        kernel between ``-depth`` and ``+depth`` along the line of sight.
    backend : {"numba", "reference", "yt"}
        Who does the work.
    threads : int, optional
        Threads of the numba backend; by default NUMBA_NUM_THREADS, or all processors. The images
        don't depend on it.
    floor : float or (F,) array
        Values of the images, per kpc^2, below which a pixel needn't be right, which saves time.
        Every other is right to 0.02 dex in the numba backend, but for 1e-5 of them that chance may
        leave beyond (see `cgmhelpers.maps.projection.bounds`).

    Returns
    -------
    (3, F, pixels, pixels) ndarray of float64
        Images (axis, field, row, column): deposited quantity per kpc^2, mean over the pixel. What
        an element has outside the frame isn't deposited, so that an image's sum times the pixel's
        area is what lies inside frame and depth.

    Raises
    ------
    ParameterError
        If an array has the wrong shape, or a value that isn't finite or is negative, if a number
        isn't positive, or if the backend is unknown.
    """
    displacement, kernel_radius, quantities = _checked(displacement, kernel_radius, quantities)
    _check_threads(threads)
    floor = _checked_floor(floor, quantities.shape[1])
    extra = {"threads": threads, "floor": floor} if backend == "numba" else {}
    return _backend(backend).project(
        displacement, kernel_radius, quantities, frame or Frame(), **extra
    )


def project_many(
    selection,
    kernel_radius,
    quantities,
    frame=None,
    backend="numba",
    threads=None,
    floor=0.0,
    dtype=np.float64,
):
    """Images of many halos along the three axes, in parallel over halos and axes.

    Parameters
    ----------
    selection : object
        With ``offset`` (H + 1,) and ``displacement`` (P, 3) as of
        `cgmhelpers.halos.selection.in_frames`: elements ``offset[h]`` to ``offset[h + 1]`` belong
        to halo `h`.
    kernel_radius : (P,) array
        As in `project`, for each pair of element and halo.
    quantities : (P, F) array
        As in `project`, for each pair of element and halo.
    frame, backend, threads, floor
        As in `project`.
    dtype : dtype
        Of the images. They are summed in float64 and rounded once; a luminosity in erg/s per kpc^2
        doesn't fit float32.

    Returns
    -------
    (H, 3, F, pixels, pixels) ndarray
        Images (halo, axis, field, row, column), quantity per kpc^2.

    Raises
    ------
    ParameterError
        As `project`.
    ResultError
        If the images don't fit `dtype`.
    """
    displacement, kernel_radius, quantities = _checked(
        selection.displacement, kernel_radius, quantities
    )
    _check_threads(threads)
    floor = _checked_floor(floor, quantities.shape[1])
    frame = frame or Frame()
    offset = np.asarray(selection.offset)
    if offset[0] != 0 or offset[-1] != len(displacement) or np.any(np.diff(offset) < 0):
        raise ParameterError(
            "The selection's offsets don't cover its elements.",
            found=f"{offset[0]} to {offset[-1]}",
            expected=f"0 to {len(displacement)}, rising",
        )
    module = _backend(backend)
    if backend == "numba":
        images = module.project_many(
            offset,
            displacement,
            kernel_radius,
            quantities,
            frame,
            floor=floor,
            threads=threads,
            dtype=dtype,
        )
    else:
        shape = (len(offset) - 1, 3, quantities.shape[1], frame.pixels, frame.pixels)
        images = np.zeros(shape, dtype=dtype)
        for halo in range(len(offset) - 1):
            rows = slice(offset[halo], offset[halo + 1])
            arrays = displacement[rows], kernel_radius[rows], quantities[rows]
            with np.errstate(over="ignore"):
                images[halo] = module.project(*arrays, frame)
    brightest = images.max(initial=0)
    if not np.isfinite(brightest):
        raise ResultError(
            "The images don't fit their type.",
            found=f"a pixel above {np.finfo(dtype).max:.3g}",
            expected=f"numbers that fit {np.dtype(dtype)}",
            remedy="Scale the quantities, or use float64.",
        )
    return images


def _backend(name):
    check_known([name], BACKENDS, "Unknown projection backend.")
    return import_module(BACKENDS[name])


def _check_threads(threads):
    if threads is not None and threads < 1:
        raise ParameterError("`threads` can't be used.", found=threads, expected="at least 1")


def _checked_floor(floor, fields):
    floor = np.asarray(floor, dtype=float)
    if floor.shape not in ((), (fields,)) or not (floor >= 0).all():
        raise ParameterError(
            "`floor` can't be used.", found=floor, expected=f"a number >= 0, or {fields} of them"
        )
    return np.broadcast_to(floor, fields)


def _checked(displacement, kernel_radius, quantities):
    displacement = np.asarray(displacement)
    kernel_radius = np.asarray(kernel_radius)
    quantities = np.asarray(quantities)
    elements = len(kernel_radius) if kernel_radius.ndim == 1 else "P"
    shapes = displacement.shape, kernel_radius.shape, quantities.shape
    if (
        displacement.shape != (elements, 3)
        or quantities.ndim != 2
        or quantities.shape[:1] != (elements,)
    ):
        raise ParameterError(
            "Displacement, kernel radius and quantities don't fit together.",
            found=f"shapes {', '.join(map(str, shapes))}",
            expected="shapes (P, 3), (P,), (P, F)",
        )
    for name, values, lowest in (
        ("displacement", displacement, -np.inf),
        ("kernel_radius", kernel_radius, 0),
        ("quantities", quantities, 0),
    ):
        if not values.size:
            continue
        # A NaN fails both comparisons; minimum and maximum pass over the data without scratch.
        smallest, greatest = values.min(), values.max()
        if not (smallest >= lowest and np.isfinite([smallest, greatest]).all()):
            raise ParameterError(
                f"`{name}` has values that can't be deposited.",
                found=f"minimum {smallest}, maximum {greatest}",
                expected="finite numbers" + (" >= 0" if lowest == 0 else ""),
            )
    return displacement, kernel_radius, quantities
