"""What images say of themselves: exposure, band, beam, whether they have counts, and columns."""

import re
import warnings

import numpy as np
from astropy import constants, units

from cgmhelpers.sky.files import BANDS
from cgmhelpers.sky.hi_line import COLUMN_PER_BRIGHTNESS, REST_FREQUENCY, kelvin_per_jansky

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
