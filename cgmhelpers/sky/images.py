"""Images of observatories, brought to the frame of a network: 512 kpc around a halo, say.

`read` takes any FITS image with celestial coordinates and a unit that is known or given. Counts
stay whole numbers: `scattered` puts each at a random place within its pixel. Smooth images, such as
exposure and column density, are interpolated. What wasn't observed is NaN, not zero.
"""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy import constants, units
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from astropy.wcs import utils as wcs_utils

from cgmhelpers.errors import CGMError, DataNotFoundError, FormatError
from cgmhelpers.sky import responses
from cgmhelpers.sky.files import BANDS, sky_wcs
from cgmhelpers.sky.instruments import (
    COLUMN_PER_BRIGHTNESS,
    REST_FREQUENCY,
    kelvin_per_jansky,
)

SUBPIXELS = 3
"""Points along a side of a frame's pixel at which an image is interpolated, to be averaged."""
LARGEST_SAMPLE = 1_000_000
"""Pixels of an image that are looked at for its noise."""
WHOLE = 1e-3
"""How far counts may be from whole numbers."""
SAME_BEAM = 0.02
"""Relative difference of beams that count as equal."""
KILOMETRES_PER_HERTZ = 299792.458 / REST_FREQUENCY
"""Velocity of a change of frequency of the 21 cm line, at rest [km/s/Hz]."""
FINEST = 100
"""Most pixels of an image along a side of a frame's pixel. Smaller ones are a wrong scale."""
SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ks": 1e3, "ksec": 1e3}
"""Units of exposure maps, in lower case [s]; eROSITA's have none."""
_ENERGIES = {"": 1.0, "ev": 1.0, "kev": 1000.0}
_ATOMS_PER_MSUN_PC2 = float(
    (units.Msun / units.pc**2 / (constants.m_p + constants.m_e)).to_value("cm-2")
)
_COUNTS = {"count", "counts", "ct", "cts", "photon", "photons", "ph", "event", "events"}
_BAND_KEYS = (
    ("E_MIN", "E_MAX"),
    ("EMIN", "EMAX"),
    ("ENERGYLO", "ENERGYHI"),
    ("CHANMIN", "CHANMAX"),
)


@dataclass(frozen=True)
class Image:
    """An image with what its header says.

    Attributes
    ----------
    path : Path
        Its file.
    values : (y, x) float64 array
        NaN where nothing was observed.
    wcs : astropy.wcs.WCS
        Celestial coordinates of the pixels.
    unit : str
        As in the header, or as given; "" where there is none.
    header : astropy.io.fits.Header
        Of the image.
    """

    path: Path
    values: np.ndarray
    wcs: WCS
    unit: str
    header: fits.Header

    @property
    def pixel(self):
        """Side of a square of a pixel's area [arcsec]."""
        return float(np.sqrt(wcs_utils.proj_plane_pixel_area(self.wcs))) * 3600

    def refusal(self, problem, **operands):
        """Return an error that names the file.

        Parameters
        ----------
        problem : str
            What is wrong with it.
        **operands
            As for `CGMError`.

        Returns
        -------
        FormatError
        """
        return FormatError(f"{self.path}: {problem}", **operands)


def read(path, unit=None):
    """Read an image with celestial coordinates.

    Parameters
    ----------
    path : path or str
        A FITS file, compressed or not; ``file.fits[NAME]`` or ``file.fits[2]`` takes one of its
        extensions.
    unit : str, optional
        Of the values, where the header has none or a wrong one.

    Returns
    -------
    Image
        Of the one image with celestial coordinates in the file.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    FormatError
        If it isn't FITS, or doesn't have one image with one system of coordinates.
    """
    with responses.opened(Path(str(path).partition("[")[0])) as hdus:
        return from_hdus(hdus, path, unit)


def from_hdus(hdus, path, unit=None):
    """Take the image with celestial coordinates from the HDUs of a file.

    Parameters
    ----------
    hdus : sequence of HDUs
        As astropy opens them.
    path, unit
        As for `read`.

    Returns
    -------
    Image

    Raises
    ------
    FormatError
        As for `read`.
    """
    file, _, extension = str(path).partition("[")
    extension = extension.rstrip("]")
    images = {}
    for number, hdu in enumerate(hdus):
        wanted = not extension or extension.upper() in (hdu.name, str(number))
        if wanted and getattr(hdu, "is_image", False) and hdu.data is not None:
            images[hdu.name or str(number)] = (np.array(hdu.data), hdu.header.copy())
    names = [hdu.name or str(number) for number, hdu in enumerate(hdus)]
    if not images:
        raise FormatError(
            f"{path} has no image.",
            found=f"extensions {', '.join(names)}",
            expected="a two-dimensional image",
            remedy="Bin an event list into an image first, or give it as events."
            if "EVENTS" in names
            else None,
        )
    celestial = {}
    for name, (values, header) in images.items():
        wcs = _celestial(path, header)
        if wcs is not None:
            celestial[name] = (values, wcs, header)
    if len(celestial) != 1:
        raise FormatError(
            f"{path} doesn't have one image with coordinates on the sky.",
            found=f"{', '.join(celestial) or 'none'} of the images {', '.join(images)}",
            expected="one image whose header has CTYPE1, CRVAL1, CRPIX1 and CDELT1 of a sky",
            remedy=f"Name the one to take, as in '{Path(file).name}[{next(iter(celestial))}]'."
            if celestial
            else "Write the coordinates into the header with the program that made the image.",
        )
    ((values, wcs, header),) = celestial.values()
    _add_beam(header, hdus)
    planes = values.shape[:-2]
    if values.ndim < 2 or np.prod(planes, dtype=int) != 1:
        raise FormatError(
            f"{path} holds a cube, not an image.",
            found=f"{' x '.join(map(str, values.shape))} values",
            expected="one plane",
            remedy="Sum the channels of the line into a moment-0 map, or the bands into one image.",
        )
    values = values.reshape(values.shape[-2:]).astype(float)
    values[~np.isfinite(values)] = np.nan
    found = header.get("BUNIT", "") if unit is None else unit
    return Image(Path(file), values, wcs, str(found).strip(), header)


def _add_beam(header, hdus):
    """Write the beam of CASA's table into a header without one, where all channels have the same.

    The table is an extension BEAMS with columns BMAJ, BMIN [arcsec] and BPA [deg].
    """
    tables = [one for one in hdus if one.name == "BEAMS" and hasattr(one, "columns")]
    if "BMAJ" in header or not tables:
        return
    table = tables[0]
    beams = {}
    for name, unit in (("BMAJ", "arcsec"), ("BMIN", "arcsec"), ("BPA", "deg")):
        if name not in table.columns.names or not len(table.data):
            return
        values = np.array(table.data[name], float)
        beams[name] = units.Quantity(values, table.columns[name].unit or unit).to_value("deg")
    if all(np.allclose(beams[name], beams[name][0], rtol=SAME_BEAM) for name in ("BMAJ", "BMIN")):
        header.update({name: float(np.median(values)) for name, values in beams.items()})


def exposure_of(image):
    """Return the exposures of an image.

    Parameters
    ----------
    image : Image
        An exposure map, in seconds or kiloseconds. Without a unit they are seconds, as in those of
        eROSITA.

    Returns
    -------
    (y, x) float64 array
        [s].

    Raises
    ------
    FormatError
        If the unit is another one, such as that of CIAO's maps, which are multiplied by the
        effective area; or if an exposure is negative.
    """
    factor = SECONDS.get(image.unit.lower())
    if factor is None:
        raise image.refusal(
            "its unit isn't that of an exposure.",
            found=f"BUNIT '{image.unit}'"
            + (", an area times a time" if "cm" in image.unit.lower() else ""),
            expected="s, ks or none",
            remedy="Give a map of exposure times (of CIAO's: divided by the effective area).",
        )
    if np.nanmin(image.values, initial=0) < 0:
        raise image.refusal("its exposures are negative.", expected="seconds")
    return image.values * factor


def _celestial(path, header):
    """Celestial part of a header's coordinates, None where it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old keywords, which astropy mends
        try:
            systems = [WCS(header, key=key).celestial for key in _keys(header)]
        except Exception as error:  # wcslib raises many kinds
            raise FormatError(
                f"{path} has coordinates that can't be understood.",
                found=" ".join(str(error).split()),
                expected="coordinates by the FITS standard",
                remedy="Mend the header with the program that made the image.",
            ) from error
        systems = [one for one in systems if one.has_celestial]
        if not systems:
            return None
        first, *others = systems
        middle = [header["NAXIS1"] / 2, header["NAXIS2"] / 2]
        place = first.pixel_to_world(*middle)
        for other in others:
            apart = other.pixel_to_world(*middle).separation(place).arcsec
            if not apart < np.sqrt(wcs_utils.proj_plane_pixel_area(first)) * 3600:
                raise FormatError(
                    f"{path} has two systems of coordinates that contradict each other.",
                    found=f"middles {apart:.0f} arcsec apart",
                    expected="one, or several that agree",
                    remedy="Delete the wrong one from the header.",
                )
    return first


def _keys(header):
    """Letters of the systems of coordinates of a header, the first one blank."""
    letters = {
        match[1] for match in (re.fullmatch(r"CTYPE1([A-Z]?)", key) for key in header) if match
    }
    return [letter or " " for letter in sorted(letters)]


def band_of(image):
    """Return the energy band of an X-ray image, from its header or its name.

    Parameters
    ----------
    image : Image
        Of counts.

    Returns
    -------
    tuple of float, or None
        [keV]; None where neither tells.
    """
    for low, high in _BAND_KEYS:
        if low in image.header and high in image.header:
            try:
                band = float(image.header[low]), float(image.header[high])
            except (TypeError, ValueError):
                continue
            return tuple(one / 1000 for one in band) if band[1] > 100 else band  # eV
    named = re.search(r"_\d\d([1-7])_(Image|ExposureMap|BackgrImage)_", image.path.name)
    return BANDS[named[1]] if named else None


def counts_of(image):
    """Tell whether an X-ray image holds counts or a rate.

    Parameters
    ----------
    image : Image
        With the unit of counts or counts per second. Whole numbers without a unit are counts, as
        in images of eROSITA.

    Returns
    -------
    str
        "counts" or "rate".

    Raises
    ------
    FormatError
        If it is neither.
    """
    words = {one.lower() for one in re.findall(r"[A-Za-z]+", image.unit)} - {"pixel", "pix"}
    if words and words <= _COUNTS:
        return "counts"
    if words & _COUNTS and words - _COUNTS in ({"s"}, {"sec"}, {"second"}, {"seconds"}):
        return "rate"
    if not image.unit and int(image.header.get("BITPIX", -32)) > 0:
        return "counts"
    raise image.refusal(
        "its unit isn't that of counts.",
        found=f"BUNIT '{image.unit}'",
        expected="counts, or counts per second with an exposure map",
        remedy="Give the image of counts, or its unit if the header's is missing or wrong.",
    )


def to_columns(image, beam=None, redshift=0.0):
    """Return the column densities of an HI image.

    Parameters
    ----------
    image : Image
        Moment 0 in Jy/beam, K or mK times km/s, m/s or (Jy/beam) Hz, or a column density in
        cm-2, m-2 or Msun/pc2; however the header writes it.
    beam : tuple of float, optional
        Full widths at half maximum and angle [arcsec, arcsec, deg]; only Jy/beam needs it.
    redshift : float
        Of the source, in whose rest frame velocities are measured.

    Returns
    -------
    (y, x) float64 array
        [cm-2], optically thin.

    Raises
    ------
    FormatError
        If the unit isn't known, or isn't that of a moment 0.
    """
    number = re.match(
        r"\s*(10\s*(?:\^|\*\*)\s*\(?\+?\d+\)?|\d+\.?\d*(?:[eE]\+?\d+)?)\s*\*?\s*(?=[A-Za-z/])",
        image.unit,
    )
    text = image.unit[number.end() :] if number else image.unit
    factor = 1.0
    if number:
        written = re.sub(r"[\s()]", "", number[1]).replace("**", "^")
        factor = 10.0 ** float(written[3:]) if written.startswith("10^") else float(written)
    words = set(re.findall(r"[A-Za-z]+", text))
    if "mJy" in words or "mK" in words:
        factor, words = factor / 1000, {{"mJy": "jy", "mK": "k"}.get(one, one) for one in words}
    words = {one.lower() for one in words} - {"atoms", "atom", "hi", "h"}
    per_velocity = {frozenset({"km", "s"}): 1.0, frozenset({"m", "s"}): 1e-3}
    rest = frozenset(words - {"jy", "beam", "k"})
    if {"jy", "beam"} <= words and (rest in per_velocity or rest == {"hz"}):
        if beam is None:
            raise image.refusal(
                "the beam isn't known.",
                found=f"{image.unit} without BMAJ and BMIN",
                expected="the beam's widths in the header",
                remedy="Give the beam.",
            )
        # A width in frequency is seen narrower by 1 + z.
        scale = per_velocity.get(rest, KILOMETRES_PER_HERTZ * (1 + redshift))
        scale *= (
            kelvin_per_jansky(beam[0], beam[1], redshift) * COLUMN_PER_BRIGHTNESS * (1 + redshift)
        )
    elif "k" in words and rest in per_velocity:
        scale = per_velocity[rest] * COLUMN_PER_BRIGHTNESS * (1 + redshift)
    elif words == {"cm"} and "2" in text:
        scale = 1.0
    elif words == {"m"} and "2" in text:
        scale = 1e-4
    elif words in ({"msun", "pc"}, {"solmass", "pc"}):
        scale = _ATOMS_PER_MSUN_PC2
    else:
        velocity = {"km", "s"} == words or {"m", "s"} == words
        raise image.refusal(
            "its unit isn't that of an HI moment-0 map.",
            found=f"BUNIT '{image.unit}'" + (", a velocity: a moment 1 or 2" if velocity else ""),
            expected="Jy/beam km/s, K km/s, cm-2 or Msun/pc2",
            remedy="Give the unit if the header's is wrong; sum a cube's channels first.",
        )
    return image.values * (factor * scale)


def beam_of(image):
    """Return the beam of a radio image.

    Parameters
    ----------
    image : Image
        With BMAJ, BMIN and BPA in its header, or in its history as AIPS writes them.

    Returns
    -------
    tuple of float, or None
        Full widths at half maximum and angle [arcsec, arcsec, deg]; None where there is none.
    """
    from radio_beam import Beam

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            beam = Beam.from_fits_header(image.header)
        except Exception:  # radio_beam raises several kinds
            return None
    major, minor = beam.major.to_value("arcsec"), beam.minor.to_value("arcsec")
    return (major, minor, beam.pa.to_value("deg")) if minor > 0 and np.isfinite(major) else None


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
    margin = 2 + 2 * image.pixel / _side(frame)
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
    factor = _ENERGIES.get(str(unit or "").strip().lower())
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
    finer = max(SUBPIXELS, int(np.ceil(1.5 * _side(frame) / image.pixel)))
    if finer > FINEST:
        raise image.refusal(
            "its pixels are too small.",
            found=f"{image.pixel:.2g} arcsec",
            expected=f"at least {1.5 * _side(frame) / FINEST:.2g} arcsec",
            remedy="Check CDELT and CUNIT in the header: is the scale in another unit?",
        )
    pixels = frame.array_shape[0]
    fine = sky_wcs(*frame.wcs.crval, _side(frame) / finer, pixels * finer)
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


def _side(frame):
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


def cut_out(paths, frame, image, radius):
    """Tell which pixels of a frame regions, catalogues and masks take out.

    Parameters
    ----------
    paths : sequence of path
        Region files of DS9 or CASA, whose regions are all cut out, with or without a minus sign;
        tables (FITS, CSV, ECSV) of point sources with columns RA and DEC in degrees and, perhaps,
        RADIUS in arcsec; or FITS images that are 0 where pixels aren't used, as eROSITA's
        detection masks.
    frame : astropy.wcs.WCS
        From `cgmhelpers.sky.files.sky_wcs`.
    image : Image
        Whose pixels region files in image coordinates mean.
    radius : float
        Of sources without a radius [arcsec].

    Returns
    -------
    (y, x) bool array
        Whether a pixel's middle is cut out.

    Raises
    ------
    DataNotFoundError
        If a file isn't there.
    FormatError
        If a file is none of these.
    """
    pixels = frame.array_shape[0]
    mask = np.zeros((pixels, pixels), bool)
    for path in map(Path, paths):
        if not path.is_file():
            raise DataNotFoundError(f"There is no file {path}.", expected="regions or sources")
        try:
            mask |= (
                _regions(path, frame, image, radius)
                if _is_text(path)
                else _fits(path, frame, radius)
            )
        except CGMError:
            raise
        except Exception as error:  # parsers raise many kinds
            raise FormatError(
                f"{path} can't be read as regions.",
                found=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
                expected="a region file of DS9 or CASA, a table with RA and DEC, or a mask",
            ) from error
    return mask


def _is_text(path):
    with open(path, "rb") as stream:
        head = stream.read(9)
    return not (head.startswith(b"SIMPLE  =") or head[:2] == b"\x1f\x8b")


def _fits(path, frame, radius):
    """Pixels taken out by a mask image or a table in a FITS file."""
    from astropy.table import Table

    with responses.opened(path) as hdus:
        tables = [one for one in hdus if isinstance(one, fits.BinTableHDU)]
        tables = [
            Table.read(one)
            for one in tables
            if {"RA", "DEC"} <= {n.upper() for n in one.columns.names}
        ]
    if tables:
        return _discs(tables[0], frame, radius)
    image = read(path)
    unused = Image(
        image.path, np.where(image.values == 0, 1.0, np.nan), image.wcs, "", image.header
    )
    return observed(unused, frame)


def _regions(path, frame, image, radius):
    """Pixels taken out by a region file or a table in a text file."""
    import regions
    from astropy.table import Table

    text = path.read_text(encoding="utf-8")
    if path.suffix.lower() in (".csv", ".ecsv"):
        form = "ascii.ecsv" if text.startswith("# %ECSV") else "ascii.csv"
        return _discs(Table.read(path, format=form), frame, radius)
    form = "crtf" if text.startswith("#CRTF") else "ds9"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a shape that is left out is a source that stays
        found = regions.Regions.parse(text, format=form)
    if not found:
        raise ValueError("no region in it")
    mask = np.zeros(frame.array_shape, bool)
    y, x = np.indices(mask.shape)
    for one in found:
        if isinstance(one, regions.PixelRegion):
            one = one.to_sky(image.wcs)
        if isinstance(one, regions.PointSkyRegion):
            one = regions.CircleSkyRegion(one.center, radius * units.arcsec)
        one = one.to_pixel(frame)
        one.meta.pop("include", None)
        mask |= one.contains(regions.PixCoord(x, y))
    return mask


def _discs(table, frame, radius):
    """Pixels within discs around the sources of a table."""
    columns = {name.upper(): name for name in table.colnames}
    ra, dec = (units.Quantity(table[columns[name]], "deg").value for name in ("RA", "DEC"))
    radii = np.full(len(ra), float(radius))
    if "RADIUS" in columns:
        radii = units.Quantity(table[columns["RADIUS"]], "arcsec").value
    pixels = frame.array_shape[0]
    mask = np.zeros((pixels, pixels), bool)
    x, y = frame.wcs_world2pix(ra, dec, 0)
    place = np.arange(pixels)
    for one_x, one_y, one in zip(x, y, radii / _side(frame), strict=True):
        if np.isfinite(one_x + one_y):
            mask |= (place - one_x) ** 2 + (place[:, None] - one_y) ** 2 < one**2
    return mask
