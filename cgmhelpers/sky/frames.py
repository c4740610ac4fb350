"""Images are brought to the frame of a network: 512 kpc around a halo, say.

Counts stay whole numbers: `scattered` puts each at a random place within its pixel. Smooth images,
such as exposure and column density, are interpolated. What wasn't observed is NaN, not zero.
"""

import warnings
from pathlib import Path

import numpy as np
from astropy import units
from astropy.wcs import FITSFixedWarning
from astropy.wcs import utils as wcs_utils

from cgmhelpers.errors import FormatError
from cgmhelpers.sky import responses
from cgmhelpers.sky.files import sky_wcs
from cgmhelpers.sky.images import SAME_BEAM

SUBPIXELS = 3
"""Points along a side of a frame's pixel at which an image is interpolated, to be averaged."""
LARGEST_SAMPLE = 1_000_000
"""Pixels of an image that are looked at for its noise."""
WHOLE = 1e-3
"""How far counts may be from whole numbers."""
ENERGIES = {"": 1.0, "ev": 1.0, "kev": 1000.0}
"""Units of the energies of events, in lower case [eV]."""
FINEST = 100
"""Most pixels of an image along a side of a frame's pixel. Smaller ones are a wrong scale."""


def scattered(image, frame, seed):
    """Lay counts on the pixels of a frame, each at a random place within its own pixel.

    Parameters
    ----------
    image : Image
        Whole numbers of counts; NaN where nothing was observed.
    frame : astropy.wcs.WCS
        From `cgmhelpers.sky.files.sky_wcs`.
    seed : int
        Of the places.

    Returns
    -------
    (y, x) float64 array
        Whole numbers. Every count within the frame is in one pixel.

    Raises
    ------
    FormatError
        If the values aren't counts.
    """
    counts = image.values
    told = "an image that was smoothed, weighted or had its background subtracted isn't counts"
    if np.nanmin(counts, initial=0) < -WHOLE:
        raise image.refusal(
            "its counts are negative.", found=f"{np.nanmin(counts):g}", expected=f"counts; {told}",
            remedy="Give the counts as they were detected, and the background apart.",
        )  # fmt: skip
    rounded = np.rint(np.nan_to_num(counts))
    if np.nanmax(np.abs(counts - rounded), initial=0) > WHOLE:
        worst = counts.ravel()[np.nanargmax(np.abs(counts - rounded))]
        raise image.refusal(
            "its counts aren't whole numbers.", found=f"{worst:g}", expected=f"counts; {told}",
            remedy="Give the counts as they were detected.",
        )  # fmt: skip
    pixels = frame.array_shape[0]
    y, x = np.nonzero(rounded)
    near = _pixels(image.wcs, frame, x, y)
    margin = 2 + 2 * image.pixel / pixel_side(frame)
    near = np.all([(-margin < one) & (one < pixels + margin) for one in near], axis=0)
    y, x = y[near], x[near]
    each = rounded[y, x].astype(int)
    random = np.random.default_rng(seed)
    y, x = (np.repeat(one, each) + random.uniform(-0.5, 0.5, each.sum()) for one in (y, x))
    return binned(*_pixels(image.wcs, frame, x, y), pixels)


def events_in(path, frame, band):
    """Lay the events of a list on the pixels of a frame.

    Parameters
    ----------
    path : path
        A FITS file with a table EVENTS, whose columns RA and DEC are degrees and PI eV, as
        eROSITA's.
    frame : astropy.wcs.WCS
        From `cgmhelpers.sky.files.sky_wcs`.
    band : tuple of float
        Energies to take [keV].

    Returns
    -------
    (y, x) float64 array, or None
        None if the file has no such table.

    Raises
    ------
    DataNotFoundError, FormatError
        If there is no such file, it isn't FITS, or a column is missing.
    """
    with responses.opened(Path(path)) as hdus:
        tables = [one for one in hdus if one.name == "EVENTS"]
        if not tables:
            return None
        missing = {"RA", "DEC", "PI"} - {name.upper() for name in tables[0].columns.names}
        if missing:
            raise FormatError(
                f"{path} has events without {', '.join(sorted(missing))}.",
                expected="columns RA and DEC in degrees, and PI in eV, as eROSITA's",
                remedy="Bin them into an image, and give that.",
            )
        ra, dec, energy = (np.array(tables[0].data[name], float) for name in ("RA", "DEC", "PI"))
        unit = {name.upper(): tables[0].columns[name].unit for name in tables[0].columns.names}[
            "PI"
        ]
    factor = ENERGIES.get(str(unit or "").strip().lower())
    if factor is None:
        raise FormatError(
            f"{path} has events without an energy.",
            found=f"PI in '{unit}'",
            expected="PI in eV, as eROSITA's and XMM's, or keV",
            remedy="Bin the events of the band into an image, and give that.",
        )
    energy = energy * factor
    chosen = (energy >= 1000 * band[0]) & (energy < 1000 * band[1])
    with np.errstate(invalid="ignore"):
        x, y = frame.wcs_world2pix(ra[chosen], dec[chosen], 0)
    return binned(x, y, frame.array_shape[0])


def binned(x, y, pixels):
    """Count points in pixels.

    Parameters
    ----------
    x, y : (N,) arrays
        Places in pixels, the middle of the first one at zero; NaN is left out.
    pixels : int
        Along a side.

    Returns
    -------
    (pixels, pixels) float64 array
        Along y and x.
    """
    x, y = (np.floor(np.where(np.isfinite(one), one, -9) + 0.5).astype(int) for one in (x, y))
    inside = (x >= 0) & (x < pixels) & (y >= 0) & (y < pixels)
    counts = np.zeros((pixels, pixels))
    np.add.at(counts, (y[inside], x[inside]), 1)
    return counts


def interpolated(image, values, frame):
    """Average smooth values of an image over the pixels of a frame.

    Parameters
    ----------
    image : Image
        Whose coordinates `values` have.
    values : (y, x) array
        An intensity, not a number per pixel; NaN where nothing was observed.
    frame : astropy.wcs.WCS
        From `cgmhelpers.sky.files.sky_wcs`.

    Returns
    -------
    (y, x) float64 array
        NaN where the image has nothing.
    """
    from reproject import reproject_interp

    # A frame's pixel that is wider than the image's needs more points.
    finer = max(SUBPIXELS, int(np.ceil(1.5 * pixel_side(frame) / image.pixel)))
    if finer > FINEST:
        raise image.refusal(
            "its pixels are too small.",
            found=f"{image.pixel:.2g} arcsec",
            expected=f"at least {1.5 * pixel_side(frame) / FINEST:.2g} arcsec",
            remedy="Check CDELT and CUNIT in the header: is the scale in another unit?",
        )
    pixels = frame.array_shape[0]
    fine = sky_wcs(*frame.wcs.crval, pixel_side(frame) / finer, pixels * finer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        found, _ = reproject_interp((values, image.wcs), fine, shape_out=fine.array_shape)
    return found.reshape(pixels, finer, pixels, finer).mean(axis=(1, 3))


def around(image, values, frame, nearest, farthest):
    """Take the pixels of an image in a ring around a frame's middle.

    Parameters
    ----------
    image : Image
        Whose coordinates `values` have.
    values : (y, x) array
        Of its pixels.
    frame : astropy.wcs.WCS
        From `cgmhelpers.sky.files.sky_wcs`.
    nearest, farthest : float
        Radii of the ring, in sides of the frame.

    Returns
    -------
    (N,) array
        Finite values; of a large image a regular sample.
    """
    step = int(np.ceil(np.sqrt(values.size / LARGEST_SAMPLE)))
    y, x = (one[::step, ::step].ravel() for one in np.indices(values.shape))
    pixels = frame.array_shape[0]
    away = np.hypot(*((one + 0.5) / pixels - 0.5 for one in _pixels(image.wcs, frame, x, y)))
    found = values[y, x]
    return found[(away > nearest) & (away < farthest) & np.isfinite(found)]


def observed(image, frame):
    """Tell which pixels of a frame an image has values for.

    Parameters
    ----------
    image : Image
        NaN where nothing was observed.
    frame : astropy.wcs.WCS
        From `cgmhelpers.sky.files.sky_wcs`.

    Returns
    -------
    (y, x) bool array
        By the pixels' middles.
    """
    pixels = frame.array_shape[0]
    y, x = np.mgrid[:pixels, :pixels]
    x, y = (np.where(np.isfinite(one), one, -9) for one in _pixels(frame, image.wcs, x, y))
    x, y = (np.floor(one + 0.5).astype(int) for one in (x, y))
    height, width = image.values.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    values = image.values[np.where(inside, y, 0), np.where(inside, x, 0)]
    return inside & np.isfinite(values)


def _pixels(origin, target, x, y):
    """Places in the pixels of one system, in those of another; NaN where there is none."""
    if np.size(x) == 0:  # which Astropy doesn't take
        return np.zeros(0), np.zeros(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wcs_utils.pixel_to_pixel(origin, target, x, y)


def pixel_side(frame):
    """Return the side of a frame's pixel [arcsec].

    Parameters
    ----------
    frame : astropy.wcs.WCS

    Returns
    -------
    float
    """
    return abs(float(frame.wcs.cdelt[1])) * 3600


def smoothed(image, columns, beam, instrument):
    """Bring an HI image to the beam of an instrument.

    Parameters
    ----------
    image : Image
        Of HI.
    columns : (y, x) array
        Its column densities.
    beam : tuple of float
        Its beam; see `beam_of`.
    instrument : HIInstrument
        With the beam to reach.

    Returns
    -------
    (y, x) float64 array
        `columns` itself where the beams are equal.

    Raises
    ------
    FormatError
        If the image's beam is too coarse.
    """
    from astropy.convolution import convolve_fft
    from radio_beam import Beam
    from radio_beam.utils import BeamError

    wanted = (instrument.beam_major, instrument.beam_minor, instrument.beam_angle)
    if np.allclose(beam[:2], wanted[:2], rtol=SAME_BEAM):
        return columns
    has, wants = (
        Beam(major * units.arcsec, minor * units.arcsec, angle * units.deg)
        for major, minor, angle in (beam, wanted)
    )
    try:
        kernel = wants.deconvolve(has).as_kernel(image.pixel * units.arcsec)
    except (BeamError, ValueError):
        raise image.refusal(
            "its beam is coarser than that of the instrument.",
            found=f"{beam[0]:.1f} x {beam[1]:.1f} arcsec",
            expected=f"at most {wanted[0]:.1f} x {wanted[1]:.1f} arcsec",
            remedy="Check that BMAJ and BMIN are in degrees."
            if beam[0] > 3600
            else "Use a network trained with a beam of this width, or train one.",
        ) from None
    return convolve_fft(
        columns, kernel, nan_treatment="interpolate", preserve_nan=True, allow_huge=True
    )
