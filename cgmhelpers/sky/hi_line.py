"""The 21 cm line of neutral hydrogen: its frequency, and the columns that its brightness means."""

import astropy.units
import numpy as np

from cgmhelpers.sky.responses import GAUSSIAN_FWHM

REST_FREQUENCY = 1.420405751768e9
"""Of the 21 cm line [Hz] (Hellwig et al. 1970)."""
COLUMN_PER_BRIGHTNESS = 1.823e18
"""HI atoms per cm2 for 1 K km/s of optically thin emission (Dickey & Lockman 1990, ARA&A 28, 215).
"""


def kelvin_per_jansky(major, minor, redshift=0.0):
    """Return the brightness temperature of 1 Jy per beam in the 21 cm line.

    Parameters
    ----------
    major, minor : float
        Full widths at half maximum of the beam [arcsec].
    redshift : float
        Of the source; the line is observed at a lower frequency.

    Returns
    -------
    float
        [K].
    """
    units = astropy.units
    area = 2 * np.pi * major * minor / GAUSSIAN_FWHM**2 * units.arcsec**2
    frequency = REST_FREQUENCY / (1 + redshift) * units.Hz
    equivalent = units.brightness_temperature(frequency)
    return float((1 * units.Jy / area).to_value(units.K, equivalencies=equivalent))
