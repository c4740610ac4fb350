"""HI files of an object are reduced to column density: a moment-0 map, its beam and its noise."""

import numpy as np

from cgmhelpers.sky import cutting, frames, image_metadata, images
from cgmhelpers.sky.criteria import ABSORPTION, CLIPPED, FARTHEST, OUTER, ROOM, check_seen


def reduce(view, frame, given, beam, unit, cut):
    """Reduce the HI map of an object to column density on a frame.

    Parameters
    ----------
    view : View
        Of the network's instruments, at the redshift of the object.
    frame : astropy.wcs.WCS
        From `cgmhelpers.sky.files.sky_wcs`.
    given : path or Image
        Moment-0 map.
    beam : tuple of float or None
        Where its header lacks it [arcsec, arcsec, deg].
    unit : str or None
        Of the map, in place of the header's.
    cut : sequence of path
        As for `cgmhelpers.sky.cutting.cut_out`.

    Returns
    -------
    value, noise : (y, x) array
        [cm-2].
    seen : (y, x) bool array
        Pixels that were observed.

    Raises
    ------
    DataNotFoundError, FormatError
        If the file isn't there, or can't be used.
    """
    instrument = view.instruments["hi"]
    sheet = images.image_of(given, unit)
    zeros = np.mean(sheet.values == 0)
    if zeros > CLIPPED:
        raise sheet.refusal(
            "most of it is exactly zero: a mask was applied to it.",
            found=f"{zeros:.0%} zeros",
            expected="a moment-0 map with its noise",
            remedy="Sum the channels without a mask, or set what the mask left out to NaN.",
        )
    beam = beam or image_metadata.beam_of(sheet)
    columns = image_metadata.to_columns(sheet, beam, view.redshift)
    if beam is None:
        raise sheet.refusal(
            "its beam isn't known.",
            expected="BMAJ, BMIN and BPA in the header",
            remedy="Give the beam.",
        )
    columns = frames.smoothed(sheet, columns, beam, instrument)
    value = frames.interpolated(sheet, columns, frame)
    seen = np.isfinite(value)
    if cut:
        seen &= ~cutting.cut_out(cut, frame, sheet, instrument.beam_major)
    what = f"The HI map {sheet.path}"
    check_seen(what, seen, "Give a map that reaches farther.")
    # Negative pixels know of no emission.
    outer = frames.around(sheet, columns, frame, OUTER, FARTHEST)
    negative = outer[outer < 0]
    if len(negative) < 0.05 * len(outer):
        raise sheet.refusal(
            "it has no noise below zero.",
            found=f"{len(negative)} negative pixels of {len(outer)} far from the object",
            expected="about as many below zero as above, where there is no gas",
            remedy="Give a map that wasn't clipped. Is all of the frame emission?",
        )
    noise = float(np.sqrt(np.mean(negative**2)))
    noise *= instrument.noise_on_pixels(view.pixel) / instrument.noise_on_pixels(sheet.pixel)
    depth = (view.column_noise / noise) ** 2
    low, high = view.observation.depth
    if not low / ROOM <= depth <= high * ROOM:
        raise sheet.refusal(
            "its noise is outside of the network's training.",
            found=f"{noise:.2g} cm-2",
            expected=f"{view.column_noise / high**0.5:.2g} to {view.column_noise / low**0.5:.2g}",
            remedy="Use a network trained at this depth, or train one.",
        )
    if np.nanmin(value) < -ABSORPTION * noise:
        raise sheet.refusal(
            "it is in absorption, or its continuum wasn't subtracted well.",
            found=f"{np.nanmin(value):.2g} cm-2, {-np.nanmin(value) / noise:.0f} times the noise",
            expected=f"nothing below {-ABSORPTION:.0f} times the noise",
            remedy="Only emission can be inferred from: cut out what is in front of radio sources.",
        )
    return value, np.full(value.shape, noise), seen
