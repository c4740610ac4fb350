"""Files of an observation to what a network is given, or a refusal that says why.

Every number below that decides about a refusal is adopted: it follows from what a network's
training can have shown it, as each says.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.sky import cutting, frames, images
from cgmhelpers.sky.files import share_of, sky_wcs
from cgmhelpers.sky.observing import MASKED, View, softened
from cgmhelpers.system.files import sha256

CORE = 0.1
"""Radius, in sides of the frame, of the core that must be seen whole (50 kpc of 512)."""
OUTER = 0.4
"""Radius, in sides of the frame, beyond which noise and background are judged (200 kpc of 512)."""
FARTHEST = 1.0
"""Radius, in sides of the frame, within which the noise of HI is judged. It grows outwards where
the primary beam was corrected for."""
LEAST_SEEN = 0.75
"""Share of the frame that must be seen; trainings mask less than this leaves."""
LEAST_COUNTS = 10
"""Counts in the frame, background included. Fewer say nothing that the prior doesn't."""
ROOM = 1.3
"""Factor by which exposure and noise power may lie outside of those of the training. It is a tenth
of a dex, less than two scatters of a pixel's noise within it."""
SIGMAS = 5.0
"""Deviation from what is expected of background and noise that is refused."""
ABSORPTION = 8.0
"""Depth below zero, in units of the noise, that noise doesn't reach in a map."""
CLIPPED = 0.5
"""Share of exact zeros in an HI map above which it was masked."""


def look(
    observation,
    pixel_kpc,
    pixels,
    *,
    ra,
    dec,
    redshift,
    xray=(),
    exposure=(),
    background=(),
    hi=None,
    cut=(),
    beam=None,
    column_density=None,
    xray_unit=None,
    hi_unit=None,
    emitted_at=0.0,
    seed=1,
):
    """Bring the files of one object to the channels of a network.

    Parameters
    ----------
    observation : Observation
        That the network was trained with.
    pixel_kpc : float
        Side of a pixel of the network's frame [kpc].
    pixels : int
        Along a side of the frame.
    ra, dec : float
        Of the object [deg, ICRS].
    redshift : float
        Of the object.
    xray : sequence of path or Image
        Images of counts, whose bands add up to the instrument's; or one event list.
    exposure : sequence of path, Image or float
        Exposure maps [s], corrected for vignetting: one for each image, or one for all.
    background : sequence of path, Image or float
        Background maps [counts per pixel], one for each image; or one number, in counts per second
        and arcmin2. By default the instrument's.
    hi : path or Image, optional
        Moment-0 map.
    cut : sequence of path
        Regions, sources and masks; see `cgmhelpers.sky.cutting.cut_out`.
    beam : tuple of float, optional
        Of the HI map, where its header lacks it [arcsec, arcsec, deg].
    column_density : float, optional
        Galactic hydrogen in front of the object [cm-2]; by default the instrument's.
    xray_unit, hi_unit : str, optional
        Units that replace those of the headers.
    emitted_at : float
        Redshift of the maps that the network was trained with, whose dimming they have.
    seed : int
        Of the places of counts within their pixels.

    Returns
    -------
    xarray.Dataset
        ``input`` (channel, y, x), what the network is given; ``value`` and ``noise`` (field, y, x)
        in the units of the fields, and ``seen`` (field, y, x); ``counts``, ``exposure`` and
        ``background`` (y, x) with X-rays. Attributes: position, redshift, ``pixel_arcsec``,
        ``cautions`` (list of str), ``inputs`` as given, and
        ``sha256`` of the files by path.

    Raises
    ------
    ParameterError
        If the object, or what is given of it, isn't what the network was trained for.
    DataNotFoundError, FormatError
        If a file isn't there, or can't be used.
    """
    xray, exposure, background = (_listed(one) for one in (xray, exposure, background))
    low, high = observation.redshift
    if not low * (1 - 1e-9) <= redshift <= high * (1 + 1e-9):
        raise ParameterError(
            "The redshift is outside of the network's training.",
            found=redshift,
            expected=f"{low:g}" if low == high else f"{low:g} to {high:g}",
            remedy="Use a network trained at this redshift, or train one.",
        )
    given = {"xray": bool(xray), "hi": hi is not None}
    wanted = {name: name in observation.instruments for name in given}
    if given != wanted:
        raise ParameterError(
            "The network needs other images.",
            found=", ".join(name for name, there in given.items() if there) or "none",
            expected=", ".join(name for name, there in wanted.items() if there),
            remedy="Give these, or use a network trained with the fields that you have.",
        )
    if column_density is not None and "xray" in wanted:
        changed = observation.instruments["xray"].model_copy(
            update={"column_density": column_density}
        )
        observation = observation.model_copy(
            update={"instruments": observation.instruments | {"xray": changed}}
        )
    view = View(observation, redshift, pixel_kpc, pixels, emitted_at)
    frame = sky_wcs(ra, dec, view.pixel, pixels)
    parts, more, cautions = {}, {}, []
    for name in observation.instruments:
        if name == "xray":
            parts[name], more = _xray(
                view, frame, xray, exposure, background, cut, xray_unit, seed, cautions
            )
        else:
            parts[name] = _hi(view, frame, hi, beam, hi_unit, [] if xray else cut)
    fields = list(observation.instruments)
    value, noise, seen = (np.stack([parts[name][which] for name in fields]) for which in range(3))
    inputs = _channels(observation, value, noise, seen, redshift)
    used = [*xray, *exposure, *background, *([hi] if hi is not None else []), *cut]
    paths = [one for one in map(_path, used) if one and one.is_file()]
    inputs_given = {
        "xray": xray, "exposure": exposure, "background": background, "hi": _listed(hi),
        "cut": list(cut), "beam": _listed(beam), "column_density": _listed(column_density),
        "xray_unit": _listed(xray_unit), "hi_unit": _listed(hi_unit), "seed": [seed],
    }  # fmt: skip
    return xr.Dataset(
        {
            "input": (("channel", "y", "x"), inputs),
            "value": (("field", "y", "x"), value),
            "noise": (("field", "y", "x"), noise),
            "seen": (("field", "y", "x"), seen),
            **{name: (("y", "x"), one) for name, one in more.items()},
        },
        coords={"channel": observation.channels, "field": fields},
        attrs={
            "ra": ra, "dec": dec, "redshift": redshift, "pixel_arcsec": view.pixel,
            "pixel_size_kpc": pixel_kpc, "cautions": cautions,
            "inputs": {
                name: [str(getattr(one, "path", one)) for one in some]
                for name, some in inputs_given.items()
                if some
            },
            "sha256": {str(one): sha256(one) for one in paths},
        },
    )  # fmt: skip


def _listed(given):
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def _path(given):
    """File of what was given, None for a number."""
    if isinstance(given, int | float):
        return None
    return given.path if isinstance(given, images.Image) else Path(str(given).partition("[")[0])


def _image(given, unit=None):
    return given if isinstance(given, images.Image) else images.read(given, unit)


def _radius(pixels):
    """Distance of pixels from the middle, in sides of the frame."""
    place = (np.arange(pixels) + 0.5) / pixels - 0.5
    return np.hypot(place, place[:, None])


def _check_seen(what, seen, remedy):
    """Refuse a frame that isn't seen, or a core that isn't."""
    share, core = seen.mean(), seen[_radius(len(seen)) < CORE]
    if share < LEAST_SEEN or not core.all():
        raise FormatError(
            f"{what} doesn't show the object's surroundings."
            if core.all()
            else f"{what} doesn't show the object's core.",
            found=f"{share:.0%} of the frame and {core.mean():.0%} of its core",
            expected=f"at least {LEAST_SEEN:.0%}, and the whole core",
            remedy=remedy,
        )


def _xray(view, frame, given, exposures, backgrounds, cut, unit, seed, cautions):
    """Value, noise and seen pixels of an X-ray observation; counts, exposure and background."""
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
        sheets = [_image(one, unit) for one in given]
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
            smooth = _image(backgrounds[number % len(backgrounds)])
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
    what = f"The X-ray image {_path(first)}"
    _check_seen(what, seen, "Give an image that reaches farther, or cut out less.")
    if counts[seen].sum() < LEAST_COUNTS:
        raise FormatError(
            f"{what} has too few counts around the object.",
            found=f"{counts[seen].sum():.0f} counts",
            expected=f"at least {LEAST_COUNTS}",
            remedy="Check position and band, or stack several objects.",
        )
    _check_background(what, counts, background, seen & (_radius(len(seen)) > OUTER), cautions)
    depth = np.where(seen, exposure, np.median(exposure[seen])) / instrument.exposure
    floor = np.where(seen, background, np.median(background[seen]))
    value, noise = view.brightness(*(torch.from_numpy(one) for one in (counts, depth, floor)))
    counts = np.where(seen, counts, np.nan)
    more = {"counts": counts, "exposure": exposure, "background": background}
    return (value.numpy(), noise.numpy(), seen), more


def _bands(sheets, whole_band, cautions):
    """Bands of the images, which must add up to that of the instrument."""
    known = [images.band_of(one) for one in sheets]
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
    sheet = _image(given)
    return frames.interpolated(sheet, images.exposure_of(sheet), frame)


def _as_counts(sheet, exposure):
    """An image of counts, from one of counts or of a rate."""
    if images.counts_of(sheet) == "counts":
        return sheet
    if isinstance(exposure, int | float):
        time = exposure
    else:
        time = images.exposure_of(_image(exposure))
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


def _hi(view, frame, given, beam, unit, cut):
    """Value, noise and seen pixels of an HI observation."""
    instrument = view.instruments["hi"]
    sheet = _image(given, unit)
    zeros = np.mean(sheet.values == 0)
    if zeros > CLIPPED:
        raise sheet.refusal(
            "most of it is exactly zero: a mask was applied to it.",
            found=f"{zeros:.0%} zeros",
            expected="a moment-0 map with its noise",
            remedy="Sum the channels without a mask, or set what the mask left out to NaN.",
        )
    beam = beam or images.beam_of(sheet)
    columns = images.to_columns(sheet, beam, view.redshift)
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
    _check_seen(what, seen, "Give a map that reaches farther.")
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


def _channels(observation, value, noise, seen, redshift):
    """What a network is given; see `Observation.draw`."""
    noise = np.broadcast_to(noise, value.shape)
    soft = softened(torch.from_numpy(np.nan_to_num(value)), torch.from_numpy(noise.copy())).numpy()
    soft = np.where(seen, soft, noise)
    planes = [*soft, *np.where(seen, noise, MASKED * noise)]
    if "redshift" in observation.channels:
        planes.append(np.full(value.shape[1:], redshift))
    return np.stack(planes).astype(np.float32)
