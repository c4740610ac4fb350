"""X-ray instruments: a telescope's band, exposure, effective area, background and blur."""

from pathlib import Path
from typing import Annotated, Literal

import astropy.units
import numpy as np
from pydantic import Field, model_validator

from cgmhelpers.sky import responses
from cgmhelpers.sky.quantities import Instrument, quantity
from cgmhelpers.sky.responses import GAUSSIAN_FWHM


class XrayInstrument(Instrument):
    """An X-ray telescope on a survey or a pointing.

    Attributes
    ----------
    emin, emax : float
        Band of the counts [keV].
    exposure : float
        Vignetting-corrected exposure [s].
    conversion : float, optional
        Counts per fluence, [cm2/erg]: count rate over the absorbed energy flux, both in the band,
        for the spectrum named by `spectral_index`. Either this or `arf` is needed.
    arf : path, optional
        Effective area as an OGIP ARF (SPECRESP); `conversion` is then folded from it. Energy
        redistribution isn't applied.
    spectral_index : float
        Photon index of the power law that `conversion`, or the folding, assumes.
    spectrum : path, optional
        Two columns of text instead: energy [keV], and photons per keV, in any normalisation.
    column_density : float
        Galactic hydrogen in front [cm-2].
    background_sky, background_particle : float
        Counts per second of `exposure` and arcmin2.
    psf : {"king", "gaussian", "image"}
        Shape of the point-spread function.
    hew : float
        Its half-energy width [arcsec]: the diameter that holds half of the light within
        `psf_radius`.
    king_slope : float
        A King profile is (1 + r2/c2) ** -slope.
    psf_radius : float
        Where the profile ends [arcsec].
    psf_file : path, optional
        An OGIP PSF image (HDUCLAS2 "PSF"), where `psf` is "image".
    pixel : float
        Side of the pixels of the images that `cgm observe` writes [arcsec].
    survey : str, optional
        First characters of file names of eROSITA's releases, such as "em01", where `cgm observe`
        should use those names.
    """

    kind: Literal["xray"] = "xray"
    survey: Annotated[str, Field(pattern="^[a-z]{2}[0-9]{2}$")] | None = None
    emin: quantity("keV", gt=0)
    emax: quantity("keV", gt=0)
    exposure: quantity("s", gt=0)
    conversion: quantity("cm2 / erg", gt=0) | None = Field(
        None, json_schema_extra={"unit": "cm2 / erg"}
    )
    arf: Path | None = None
    spectral_index: float = 2.0
    spectrum: Path | None = None
    column_density: quantity("cm-2", ge=0) = 0.0
    background_sky: quantity("s-1 arcmin-2", ge=0) = 0.0
    background_particle: quantity("s-1 arcmin-2", ge=0) = 0.0
    psf: Literal["king", "gaussian", "image"] = "gaussian"
    hew: quantity("arcsec", gt=0) | None = Field(None, json_schema_extra={"unit": "arcsec"})
    king_slope: Annotated[float, Field(gt=1)] = 1.5
    psf_radius: quantity("arcsec", gt=0) = 240.0
    psf_file: Path | None = None
    pixel: quantity("arcsec", gt=0) = 4.0

    @model_validator(mode="after")
    def _check(self):
        if not self.emin < self.emax:
            raise ValueError("emin must be below emax")
        if (self.conversion is None) == (self.arf is None):
            raise ValueError("give either a conversion factor or an arf file")
        if (self.psf == "image") != (self.psf_file is not None):
            raise ValueError("psf: image and psf_file go together")
        if self.psf != "image" and self.hew is None:
            raise ValueError(f"psf: {self.psf} needs hew")
        if self.hew is not None and self.hew > 1.4 * self.psf_radius:
            raise ValueError("psf_radius must reach well beyond the half-energy width")
        return self

    def counts_per_fluence(self):
        """Return the counts for a unit of unabsorbed energy per area in the band.

        Returns
        -------
        float
            [cm2/erg]: what 1 erg/s/cm2 outside the Galaxy gives per second of exposure.

        Raises
        ------
        DataNotFoundError, FormatError
            If a file that it needs isn't there, or isn't what it should be.
        """
        energy, photons = responses.spectrum(
            self.spectrum, self.spectral_index, self.emin, self.emax
        )
        erg = astropy.units.keV.to("erg")
        passed = photons * responses.transmission(energy, self.column_density)
        emitted = np.sum(energy * photons) * erg
        if self.arf is None:
            return float(self.conversion * np.sum(energy * passed) * erg / emitted)
        return float(np.sum(passed * responses.effective_area(self.arf, energy)) / emitted)

    def energies(self, shares):
        """Return the energies below which shares of the photons arrive.

        Their density is the spectrum behind the Galaxy, times the effective area where `arf` gives
        one; a conversion factor says nothing of its shape.

        Parameters
        ----------
        shares : array
            0 to 1; uniform random numbers give random photons.

        Returns
        -------
        float64 array, same shape
            [keV], within the band.
        """
        energy, photons = responses.spectrum(
            self.spectrum, self.spectral_index, self.emin, self.emax
        )
        density = photons * responses.transmission(energy, self.column_density)
        if self.arf is not None:
            density = density * responses.effective_area(self.arf, energy)
        below = np.concatenate([[0.0], np.cumsum(density)]) / density.sum()
        edges = np.linspace(self.emin, self.emax, len(energy) + 1)
        return np.interp(shares, below, edges)

    def background(self):
        """Return the background of sky and particles.

        Returns
        -------
        float
            Counts per second of exposure and arcmin2.
        """
        return self.background_sky + self.background_particle

    def profile(self):
        """Return the point-spread function.

        Returns
        -------
        callable
            ``profile(y, x)`` gives light per area, normalised to any sum, of offsets in arcsec.
        width : float
            A scale [arcsec] over which it changes.
        """
        if self.psf == "image":
            return responses.read_psf(self.psf_file, (self.emin + self.emax) / 2)
        if self.psf == "gaussian":
            core = self.hew / GAUSSIAN_FWHM  # half of a Gaussian's light is within its FWHM
            return (
                lambda y, x: np.exp(-(x**2 + y**2) / (2 * core**2)) * self._inside(y, x)
            ), self.hew
        core = responses.king_core(self.hew, self.king_slope, self.psf_radius)
        return (
            lambda y, x: (1 + (x**2 + y**2) / core**2) ** -self.king_slope * self._inside(y, x)
        ), core

    def kernel(self, pixel):
        """Return the point-spread function on pixels.

        Parameters
        ----------
        pixel : float
            Side of a pixel [arcsec].

        Returns
        -------
        (2 r + 1, 2 r + 1) float64 array
            Shares of a pixel's light that fall into its neighbours; the sum is 1.
        """
        profile, width = self.profile()
        return responses.pixelised(profile, pixel, self.psf_radius, width)

    def _inside(self, y, x):
        return x**2 + y**2 <= self.psf_radius**2
