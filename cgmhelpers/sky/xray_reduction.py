"""X-ray files of an object are reduced to surface brightness: counts, exposure, background."""

from itertools import pairwise

import numpy as np
import torch

from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.sky import cutting, frames, image_metadata, images
from cgmhelpers.sky.criteria import LEAST_COUNTS, OUTER, ROOM, SIGMAS, check_seen, radius_of
from cgmhelpers.sky.files import share_of


def reduce(view, frame, given, exposures, backgrounds, cut, unit, seed, cautions):
    """Reduce the X-ray files of an object to surface brightness on a frame.

    Parameters
    ----------
    view : View
        Of the network's instruments, at the redshift of the object.
    frame : astropy.wcs.WCS
        From `cgmhelpers.sky.files.sky_wcs`.
    given, exposures, backgrounds : list
        Images of counts, or an event list; exposures and backgrounds, as for
        `cgmhelpers.sky.looking.look`.
    cut : sequence of path
        As for `cgmhelpers.sky.cutting.cut_out`.
    unit : str or None
        Of the images, in place of the headers'.
    seed : int
        Of the places of counts within their pixels.
    cautions : list of str
        What calls for care is added to it.

    Returns
    -------
    brightness : tuple of (y, x) array
        Value and noise [erg/s/cm2/arcmin2], and whether pixels were observed.
    more : dict of str to (y, x) array
        ``counts``, ``exposure`` [s] and ``background`` in counts per pixel.

    Raises
    ------
    ParameterError
        If the exposure isn't one that the network was trained for.
    DataNotFoundError, FormatError
        If a file isn't there, or can't be used.
    """
    instrument = view.instruments["xray"]
    whole_band = (instrument.emin, instrument.emax)
    if not exposures:
        raise ParameterError(
            "The exposure isn't known.",
            found=f"{len(given)} images without an exposure",
            expected="an exposure map, or the exposure in seconds",
            remedy="Give it; exposure maps of eROSITA are named ExposureMap.",
        )
    first = given[0]
    counts = None
    if len(given) == 1 and not isinstance(first, images.Image) and "[" not in str(first):
        counts = frames.events_in(first, frame, whole_band)
    if counts is not None:
        sheets, bands = [None], [whole_band]
    else:
        sheets = [images.image_of(one, unit) for one in given]
        bands = _bands(sheets, whole_band, cautions)
    exposure, background = np.zeros(frame.array_shape), np.zeros(frame.array_shape)
    seen = np.ones(frame.array_shape, bool)
    area = view.area * 3600  # arcsec2
    for name, values in (("exposure", exposures), ("background", backgrounds)):
        if len(values) not in (0, 1, len(sheets)):
            raise ParameterError(
                f"The {name} maps don't fit the images.",
                found=f"{len(values)} for {len(sheets)} images",
                expected="one for each, in the same order, or one for all",
            )
    for number, (sheet, band) in enumerate(zip(sheets, bands, strict=True)):
        share = share_of(instrument, *band)
        time = _exposure(exposures[number % len(exposures)], frame)
        seen &= np.isfinite(time) & (time > 0)
        exposure += share * np.nan_to_num(time)
        if sheet is not None:
            seen &= frames.observed(sheet, frame)
        if backgrounds and not isinstance(backgrounds[number % len(backgrounds)], int | float):
            smooth = images.image_of(backgrounds[number % len(backgrounds)])
            per_area = frames.interpolated(smooth, smooth.values / smooth.pixel**2, frame)
            seen &= np.isfinite(per_area)
            part = area * np.nan_to_num(per_area)
            background += part * (1 if len(backgrounds) == len(sheets) else 1 / len(sheets))
        else:
            rate = backgrounds[0] if backgrounds else instrument.background()
            background += share * rate * view.area * np.nan_to_num(time)
    _check_exposure(exposure, seen, instrument, view.observation)
    if counts is None:
        counts = sum(
            frames.scattered(
                _as_counts(sheet, exposures[number % len(exposures)]), frame, [seed, number]
            )
            for number, sheet in enumerate(sheets)
        )
    if cut:
        radius = instrument.hew or 30.0
        seen &= ~cutting.cut_out(cut, frame, sheets[0], radius)
    what = f"The X-ray image {images.path_of(first)}"
    check_seen(what, seen, "Give an image that reaches farther, or cut out less.")
    if counts[seen].sum() < LEAST_COUNTS:
        raise FormatError(
            f"{what} has too few counts around the object.",
            found=f"{counts[seen].sum():.0f} counts",
            expected=f"at least {LEAST_COUNTS}",
            remedy="Check position and band, or stack several objects.",
        )
    _check_background(what, counts, background, seen & (radius_of(len(seen)) > OUTER), cautions)
    depth = np.where(seen, exposure, np.median(exposure[seen])) / instrument.exposure
    floor = np.where(seen, background, np.median(background[seen]))
    value, noise = view.brightness(*(torch.from_numpy(one) for one in (counts, depth, floor)))
    counts = np.where(seen, counts, np.nan)
    more = {"counts": counts, "exposure": exposure, "background": background}
    return (value.numpy(), noise.numpy(), seen), more


def _bands(sheets, whole_band, cautions):
    """Bands of the images, which must add up to that of the instrument."""
    known = [image_metadata.band_of(one) for one in sheets]
    if None in known:
        if len(sheets) > 1:
            unknown = sheets[known.index(None)]
            raise unknown.refusal(
                "its energy band isn't known.",
                expected="E_MIN and E_MAX in the header of each image, or eROSITA's file names",
                remedy="Add the images of all bands up, and give the sum.",
            )
        cautions.append(
            f"No energy band is given in {sheets[0].path.name}: "
            f"{whole_band[0]:g}-{whole_band[1]:g} keV is taken on trust."
        )
        return [whole_band]
    order = sorted(known)
    joined = all(np.isclose(one[1], after[0]) for one, after in pairwise(order))
    if not (joined and np.allclose((order[0][0], order[-1][1]), whole_band)):
        raise sheets[0].refusal(
            "the energy band is another one than the network's.",
            found=" and ".join(f"{low:g}-{high:g} keV" for low, high in known),
            expected=f"{whole_band[0]:g}-{whole_band[1]:g} keV, in one or several images",
            remedy="Of eROSITA's images, bands 6 and 7 together are 0.5-2 keV.",
        )
    return known


def _exposure(given, frame):
    """Exposure on the frame [s]."""
    if isinstance(given, int | float):
        if not 0 < given < np.inf:
            raise ParameterError(
                "The exposure can't be used.", found=given, expected="a positive number of seconds"
            )
        return np.full(frame.array_shape, float(given))
    sheet = images.image_of(given)
    return frames.interpolated(sheet, image_metadata.exposure_of(sheet), frame)


def _as_counts(sheet, exposure):
    """An image of counts, from one of counts or of a rate."""
    if image_metadata.counts_of(sheet) == "counts":
        return sheet
    if isinstance(exposure, int | float):
        time = exposure
    else:
        time = image_metadata.exposure_of(images.image_of(exposure))
        if time.shape != sheet.values.shape:
            raise sheet.refusal(
                "a rate needs the exposure of the same pixels.",
                found=f"{time.shape} for {sheet.values.shape} pixels",
                expected="the exposure map that the rate was divided by",
                remedy="Give the image of counts.",
            )
    return images.Image(sheet.path, sheet.values * time, sheet.wcs, "counts", sheet.header)


def _check_exposure(exposure, seen, instrument, observation):
    if not seen.any():
        raise FormatError(
            "The object wasn't exposed.",
            found="an exposure of zero, or none, in all of the frame",
            expected="a position inside of the exposure map and the image",
            remedy="Check right ascension and declination, and which tile the files are of.",
        )
    depth = np.median(exposure[seen]) / instrument.exposure
    low, high = observation.depth
    if not low / ROOM <= depth <= high * ROOM:
        raise ParameterError(
            "The exposure is outside of the network's training.",
            found=f"{depth * instrument.exposure:.0f} s",
            expected=f"{low * instrument.exposure:.0f} to {high * instrument.exposure:.0f} s",
            remedy="Use a network trained at this depth, or train one.",
        )


def _check_background(what, counts, background, outer, cautions):
    """Hold counts far from the object against the background: they can't be fewer."""
    found, expected = counts[outer].sum(), background[outer].sum()
    if found < expected - SIGMAS * np.sqrt(expected + 1) - 0.1 * expected:
        raise FormatError(
            f"{what} has fewer counts than background is expected.",
            found=f"{found:.0f} counts far from the object",
            expected=f"at least {expected:.0f}",
            remedy="Check the exposure (is it too long?) and the background; subtract nothing.",
        )
    if found > 3 * expected + SIGMAS * np.sqrt(expected + 1):
        cautions.append(
            f"Far from the object there are {found:.0f} counts, where the background gives "
            f"{expected:.0f}: is it a bright group, or is the exposure or the background wrong?"
        )
