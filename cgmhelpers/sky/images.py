"""Images of observatories say what they show: any FITS image with celestial coordinates.

`read` takes an image whose unit is known or given, and other functions tell its exposure, its band,
its beam, and whether it has counts.
"""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy import constants, units
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs import utils as wcs_utils

from cgmhelpers.errors import FormatError
from cgmhelpers.sky import responses
from cgmhelpers.sky.files import BANDS
from cgmhelpers.sky.hi_line import (
    COLUMN_PER_BRIGHTNESS,
    REST_FREQUENCY,
    kelvin_per_jansky,
)

SAME_BEAM = 0.02
"""Relative difference of beams that count as equal."""
KILOMETRES_PER_HERTZ = 299792.458 / REST_FREQUENCY
"""Velocity of a change of frequency of the 21 cm line, at rest [km/s/Hz]."""
SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ks": 1e3, "ksec": 1e3}
"""Units of exposure maps, in lower case [s]; eROSITA's have none."""
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


def image_of(given, unit=None):
    """Return the image that is given, or read it.

    Parameters
    ----------
    given : Image or path
        As for `read`, if it isn't an image already.
    unit : str, optional
        That replaces the header's, for a path.

    Returns
    -------
    Image

    Raises
    ------
    DataNotFoundError, FormatError
        As `read`.
    """
    return given if isinstance(given, Image) else read(given, unit)


def path_of(given):
    """Return the file of what is given.

    Parameters
    ----------
    given : Image, path or float
        A path may name an extension in brackets.

    Returns
    -------
    Path or None
        None for a number.
    """
    if isinstance(given, int | float):
        return None
    return given.path if isinstance(given, Image) else Path(str(given).partition("[")[0])


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
