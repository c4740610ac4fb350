"""Instruments that observe halos: an X-ray telescope and a radio interferometer.

An instrument is a YAML file: those that ship with the library lie in ``cgmhelpers/sky/data``, and
`load` takes a path to yours as well. A number is given plainly, in the unit that the attribute
names, or as ``{value, unit, status, source}``; shipped numbers all have the long form. status:
"published" is printed in the source, "derived" follows from it as the source says, "adopted" is
this library's choice.
"""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import astropy.units
import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cgmhelpers.errors import DataNotFoundError, FormatError, check_known
from cgmhelpers.sky import responses

SHIPPED = ("erosita_erass1", "erosita_erass4", "meerkat_mhongoose_30", "meerkat_mhongoose_90")
"""Names of the instruments that ship with the library."""
DEFAULT = ("erosita_erass4", "meerkat_mhongoose_30")
"""Instruments of commands that aren't told any. They have the depth of the paper's limits."""
REST_FREQUENCY = 1.420405751768e9
"""Of the 21 cm line [Hz] (Hellwig et al. 1970)."""
COLUMN_PER_BRIGHTNESS = 1.823e18
"""HI atoms per cm2 for 1 K km/s of optically thin emission (Dickey & Lockman 1990, ARA&A 28, 215).
"""
GAUSSIAN_FWHM = float(np.sqrt(8 * np.log(2)))


def _number(unit, **bounds):
    """A float with a unit, into which a file's numbers are converted."""
    return Annotated[float, Field(json_schema_extra={"unit": unit}, **bounds)]


class Note(BaseModel):
    """Where a number is from.

    Attributes
    ----------
    status : {"published", "derived", "adopted"}
        See `cgmhelpers.sky.instruments`.
    source : str
        The reference, or the reasoning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Literal["published", "derived", "adopted"]
    source: Annotated[str, Field(min_length=10)]


class _Instrument(BaseModel):
    """What both kinds share: a name, and numbers with units and sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    notes: dict[str, Note] = {}

    @model_validator(mode="before")
    @classmethod
    def _split(cls, given):
        """Take the long form of numbers apart, and convert their units."""
        if not isinstance(given, dict):
            return given  # an instrument already
        values, notes = {}, dict(given.get("notes", {}))
        for name, value in given.items():
            if isinstance(value, dict) and "value" in value:
                extra = cls.model_fields[name].json_schema_extra if name in cls.model_fields else {}
                unit = (extra or {}).get("unit", "")
                number = value["value"]
                if isinstance(number, int | float) and value.get("unit", unit) != unit:
                    number = float(astropy.units.Quantity(number, value["unit"]).to_value(unit))
                values[name] = number
                if "status" in value:
                    notes[name] = {key: value[key] for key in ("status", "source") if key in value}
                unknown = set(value) - {"value", "unit", "status", "source"}
                if unknown:
                    raise ValueError(f"{name} has unknown entries: {', '.join(sorted(unknown))}")
            else:
                values[name] = value
        return values | {"notes": notes}


class XrayInstrument(_Instrument):
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
    emin: _number("keV", gt=0)
    emax: _number("keV", gt=0)
    exposure: _number("s", gt=0)
    conversion: _number("cm2 / erg", gt=0) | None = Field(
        None, json_schema_extra={"unit": "cm2 / erg"}
    )
    arf: Path | None = None
    spectral_index: float = 2.0
    spectrum: Path | None = None
    column_density: _number("cm-2", ge=0) = 0.0
    background_sky: _number("s-1 arcmin-2", ge=0) = 0.0
    background_particle: _number("s-1 arcmin-2", ge=0) = 0.0
    psf: Literal["king", "gaussian", "image"] = "gaussian"
    hew: _number("arcsec", gt=0) | None = Field(None, json_schema_extra={"unit": "arcsec"})
    king_slope: Annotated[float, Field(gt=1)] = 1.5
    psf_radius: _number("arcsec", gt=0) = 240.0
    psf_file: Path | None = None
    pixel: _number("arcsec", gt=0) = 4.0

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


class HIInstrument(_Instrument):
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
    beam_major: _number("arcsec", gt=0)
    beam_minor: _number("arcsec", gt=0)
    beam_angle: _number("deg") = 0.0
    channel_width: _number("km / s", gt=0)
    noise: _number("K", gt=0)
    line_width: _number("km / s", gt=0)
    pixel: _number("arcsec", gt=0)

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


def load(name):
    """Read an instrument.

    Parameters
    ----------
    name : str or path
        One of `SHIPPED`, or a YAML file; paths inside it are relative to it.

    Returns
    -------
    XrayInstrument or HIInstrument
        As ``kind`` in the file says.

    Raises
    ------
    DataNotFoundError
        If there is no such instrument, or a file that it names isn't there.
    FormatError
        If the file isn't YAML with the entries of an instrument.
    """
    path = Path(str(files("cgmhelpers.sky") / "data" / f"{name}.yml"))
    if str(name) not in SHIPPED:
        path = Path(name)
    if not path.is_file():
        check_known(
            str(name), SHIPPED, f"There is no instrument {name}.",
            remedy="Name one of these, or a YAML file of yours.", kind=DataNotFoundError,
        )  # fmt: skip
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(given, dict) or given.get("kind") not in KINDS:
            raise ValueError(f"no entry kind: {' or '.join(KINDS)}")
        for entry in ("arf", "psf_file", "spectrum"):
            if isinstance(given.get(entry), str):
                given[entry] = path.parent / given[entry]
                if not given[entry].is_file():
                    raise DataNotFoundError(
                        f"{path} names a file for {entry} that isn't there.", found=given[entry]
                    )
        return KINDS[given["kind"]](**given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(one) for one in first["loc"] if one != "float")
        raise FormatError(
            f"{path} isn't an instrument.",
            found=f"{place}: {first['msg']}" if place else first["msg"],
            expected=f"the entries of {KINDS[given['kind']].__name__}",
            remedy="See the files in cgmhelpers/sky/data.",
        ) from None
    except (yaml.YAMLError, ValueError, TypeError, UnicodeDecodeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{path} isn't an instrument.",
            found=" ".join(str(error).split()),
            expected="YAML with plain values and known units",
            remedy="See the files in cgmhelpers/sky/data.",
        ) from None


KINDS = {"xray": XrayInstrument, "hi": HIInstrument}
"""Instruments by their field."""


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


def _plain(value):
    """A beam's width in arcsec, from the short or the long form of a file."""
    if isinstance(value, dict):
        return float(astropy.units.Quantity(value["value"], value.get("unit", "arcsec")).value)
    if value is None:
        raise ValueError("a noise in Jy per beam needs beam_major and beam_minor")
    return float(value)
