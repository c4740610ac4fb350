"""HI instruments: a radio interferometer's beam, channels and noise."""

from typing import Literal

import astropy.units
import numpy as np
from pydantic import model_validator

from cgmhelpers.sky import responses
from cgmhelpers.sky.hi_line import COLUMN_PER_BRIGHTNESS, kelvin_per_jansky
from cgmhelpers.sky.quantities import Instrument, quantity
from cgmhelpers.sky.responses import GAUSSIAN_FWHM


class HIInstrument(Instrument):
    """A radio interferometer that maps the 21 cm line.

    Attributes
    ----------
    beam_major, beam_minor : float
        Full widths at half maximum of the beam [arcsec].
    beam_angle : float
        Angle of the major axis, from north to east [deg].
    channel_width : float
        [km/s].
    noise : float
        Rms in one channel [K]; ``unit: Jy`` in a file means Jy per beam.
    line_width : float
        Width over which the moment-0 map sums channels [km/s].
    pixel : float
        Side of the pixels of the images that `cgm observe` writes [arcsec].
    """

    kind: Literal["hi"] = "hi"
    beam_major: quantity("arcsec", gt=0)
    beam_minor: quantity("arcsec", gt=0)
    beam_angle: quantity("deg") = 0.0
    channel_width: quantity("km / s", gt=0)
    noise: quantity("K", gt=0)
    line_width: quantity("km / s", gt=0)
    pixel: quantity("arcsec", gt=0)

    @model_validator(mode="before")
    @classmethod
    def _kelvin(cls, given):
        noise = given.get("noise") if isinstance(given, dict) else None
        if isinstance(noise, dict) and "Jy" in str(noise.get("unit")):
            unit = astropy.units.Unit(noise["unit"].replace("/beam", "").replace(" beam-1", ""))
            major, minor = (_plain(given.get(f"beam_{one}")) for one in ("major", "minor"))
            jansky = (noise["value"] * unit).to_value("Jy")
            noise = noise | {"value": jansky * kelvin_per_jansky(major, minor), "unit": "K"}
            given = given | {"noise": noise}
        return given

    @model_validator(mode="after")
    def _check(self):
        if self.beam_minor > self.beam_major:
            raise ValueError("beam_minor must not exceed beam_major")
        if self.line_width < self.channel_width:
            raise ValueError("line_width must hold a channel")
        return self

    def column_per_jansky(self, redshift=0.0):
        """Return the column density of 1 Jy km/s per beam.

        Parameters
        ----------
        redshift : float
            Of the source, in whose rest frame velocities are measured.

        Returns
        -------
        float
            [cm-2].
        """
        kelvin = kelvin_per_jansky(self.beam_major, self.beam_minor, redshift)
        return COLUMN_PER_BRIGHTNESS * (1 + redshift) * kelvin

    def column_noise(self, redshift=0.0):
        """Return the noise of a moment-0 map.

        Channels are independent, so the sum over a line grows with the root of their number.

        Parameters
        ----------
        redshift : float
            Of the source: the brightness temperature at the source is (1 + z) times that observed.

        Returns
        -------
        float
            Rms of the column density [cm-2] at the resolution of the beam.
        """
        channels = self.line_width / self.channel_width
        sum_of_channels = self.noise * self.channel_width * channels**0.5
        return COLUMN_PER_BRIGHTNESS * (1 + redshift) * sum_of_channels

    def profile(self, widening=1.0):
        """Return the beam.

        Parameters
        ----------
        widening : float
            Factor by which it is wider.

        Returns
        -------
        callable
            ``profile(y, x)`` gives the response at offsets in arcsec, x to the west, y to the
            north; its peak is 1.
        width : float
            Its narrower full width at half maximum [arcsec].
        """
        major, minor = (
            widening * one / GAUSSIAN_FWHM for one in (self.beam_major, self.beam_minor)
        )
        angle = np.deg2rad(self.beam_angle)

        def response(y, x):  # numpydoc ignore=GL08
            along = y * np.cos(angle) - x * np.sin(angle)
            across = y * np.sin(angle) + x * np.cos(angle)
            return np.exp(-((along / major) ** 2 + (across / minor) ** 2) / 2)

        return response, widening * self.beam_minor

    def kernel(self, pixel):
        """Return the beam on pixels.

        Parameters
        ----------
        pixel : float
            Side of a pixel [arcsec].

        Returns
        -------
        (2 r + 1, 2 r + 1) float64 array
            Shares of a pixel's light that fall into its neighbours; the sum is 1.
        """
        return responses.pixelised(self.profile()[0], pixel, 2.5 * self.beam_major, self.beam_minor)

    def noise_on_pixels(self, pixel):
        """Return how far averaging over a pixel lowers the noise.

        Thermal noise is correlated by the beam, so its correlation function is the beam convolved
        with itself, a Gaussian wider by the root of two. The variance of its mean over a pixel is
        the mean of that function over all pairs of points in it.

        Parameters
        ----------
        pixel : float
            Side of a pixel [arcsec].

        Returns
        -------
        float
            Rms on pixels over that at a point: near 1 for pixels much smaller than the beam.
        """
        profile, width = self.profile(2**0.5)
        kernel = responses.pixelised(profile, pixel, 2.5 * 2**0.5 * self.beam_major, width)
        area = 4 * np.pi * self.beam_major * self.beam_minor / GAUSSIAN_FWHM**2
        return float(np.sqrt(area / pixel**2 * kernel[len(kernel) // 2, len(kernel) // 2]))


def _plain(value):
    """A beam's width in arcsec, from the short or the long form of a file."""
    if isinstance(value, dict):
        return float(astropy.units.Quantity(value["value"], value.get("unit", "arcsec")).value)
    if value is None:
        raise ValueError("a noise in Jy per beam needs beam_major and beam_minor")
    return float(value)
