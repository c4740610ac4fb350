"""What instruments see of halos at a redshift: counts with Poisson noise, columns with a beam.

A map of a halo has pixels in kpc; at a redshift they have an angle, and all that an instrument does
follows: light is dimmed by (1 + z)^4, spread by the point-spread function, multiplied by exposure
and effective area, joined by background, and drawn from a Poisson distribution. A column density is
smoothed by the beam, and its noise is correlated by the same beam. The band is taken in the rest
frame of the gas: its shift between z = 0 and 0.1 is left out.

What a network is shown of an observation is `softened`: a logarithm exists for every pixel, also a
negative one, and nothing is thrown away at a limit.
"""

import functools
from typing import Annotated

import numpy as np
import torch
import xarray as xr
from astropy.cosmology import Planck18
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.fft import next_fast_len

from cgmhelpers.emission.fields import NOISE, REDSHIFT
from cgmhelpers.errors import ParameterError
from cgmhelpers.sky.hi_instruments import HIInstrument
from cgmhelpers.sky.xray_instruments import XrayInstrument
from cgmhelpers.system.files import sha256

ARCSEC = float(np.pi / 180 / 3600)
"""In radians."""
MASKED = 1e3
"""Factor on the noise of a pixel that wasn't observed, or is masked. It tells a network so."""
REDSHIFTS = 16
"""Redshifts, evenly spaced in logarithm, from which those of maps are drawn."""
GROUPS = 8
"""Groups of a batch of maps, each with a redshift of its own. With one redshift for all, a network
that normalises its batches would learn nothing from it: the batch's mean takes it away."""
OBSERVED_AT_ONCE = 16
"""Halos of a data set that are observed at one redshift."""
MOST_MASKS = 8
"""Masked sources in one map, at most."""


class Observation(BaseModel):
    """Instruments, and the range of circumstances under which they observe.

    Attributes
    ----------
    instruments : dict of str to XrayInstrument or HIInstrument
        By field, ``"xray"`` and ``"hi"``, in the order of the channels.
    redshift : tuple of float
        Lowest and highest; equal for one redshift.
    distance : float, optional
        Angular-diameter distance [Mpc] that replaces the one of the redshift, for galaxies nearby
        whose redshift tells little of it.
    depth : tuple of float
        Range of exposures, as factors on the instruments': noise in HI falls with the root. Each
        instrument has one of its own.
    sources : float
        Mean number of point sources in a map that are masked, in discs of one to two half-energy
        widths, or beams.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    instruments: dict[
        str, Annotated[XrayInstrument | HIInstrument, Field(discriminator="kind")]
    ] = Field(min_length=1)
    redshift: tuple[float, float]
    distance: float | None = Field(None, gt=0)
    depth: tuple[float, float] = (1.0, 1.0)
    sources: float = Field(0.0, ge=0, le=4)

    @model_validator(mode="after")
    def _check(self):
        for name, one in self.instruments.items():
            if name != one.kind:
                raise ValueError(f"{one.name} observes {one.kind}, not {name}")
        for name, (low, high) in (("redshift", self.redshift), ("depth", self.depth)):
            if not 0 < low <= high < np.inf:
                raise ValueError(f"{name} must be two positive, increasing numbers")
        return self

    @property
    def channels(self):
        """Names of what a network is given: fields, their noise, and a redshift that varies."""
        fields = list(self.instruments)
        varies = [REDSHIFT] if self.redshift[0] < self.redshift[1] else []
        return [*fields, *(name + NOISE for name in fields), *varies]

    def draw(self, images, pixel_kpc, seed, emitted_at=0.0, *, redshift=None, depth=None):
        """Observe a batch of maps at some redshifts, with noise, exposures and masks of their own.

        Parameters
        ----------
        images : torch.Tensor, shape (maps, fields, y, x)
            In the units of the fields, in the order of `instruments`.
        pixel_kpc : float
            Side of a pixel [kpc].
        seed : int or sequence of int
            Of all that is drawn.
        emitted_at : float
            Redshift of the snapshot, whose dimming the X-ray maps have.
        redshift : float, optional
            Of the halos; drawn from the range by default.
        depth : dict of str to float, optional
            Factor on the exposure of each field's instrument; drawn by default.

        Returns
        -------
        torch.Tensor, shape (maps, channels, y, x)
            Positive, in the units of the fields; see `channels`.
        """
        generator = torch.Generator().manual_seed(
            int(np.random.SeedSequence(seed).generate_state(1)[0])
        )
        varies = redshift is None and self.redshift[0] < self.redshift[1]
        groups = images.split(max(1, -(-len(images) // (GROUPS if varies else 1))))
        return torch.cat(
            [self._draw(one, pixel_kpc, generator, emitted_at, redshift, depth) for one in groups]
        )

    def _draw(self, images, pixel_kpc, generator, emitted_at, redshift, depth):
        """Observe maps at one redshift."""
        uniform = torch.rand(1 + len(self.instruments) * len(images), generator=generator)
        low, high = self.redshift
        steps = np.geomspace(low, high, REDSHIFTS) if low < high else np.array([low])
        if redshift is None:
            redshift = float(steps[int(uniform[0] * len(steps))])
        low, high = self.depth
        depths = (low * (high / low) ** uniform[1:]).to(images.dtype)
        depths = depths.reshape(len(self.instruments), len(images), 1, 1)
        if depth is not None:
            depths[:] = torch.tensor([depth[one] for one in self.instruments])[:, None, None, None]
        view = View(self, redshift, pixel_kpc, images.shape[-1], emitted_at)
        masks = view.masks(len(images), generator) if self.sources else {}
        values, noises = [], []
        for number, name in enumerate(self.instruments):
            value, noise = view.observe(name, images[:, number], depths[number], generator)
            values.append(softened(value, noise))
            noises.append(noise.expand_as(value))
            if masks:
                values[-1] = torch.where(masks[name], noise, values[-1])
                noises[-1] = torch.where(masks[name], MASKED * noise, noises[-1])
        planes = [torch.full_like(values[0], redshift)] if len(steps) > 1 else []
        return torch.stack([*values, *noises, *planes], dim=1)

    def identity(self):
        """Return all that observations depend on, files included.

        Returns
        -------
        dict
            Plain values.
        """
        paths = [
            getattr(one, name)
            for one in self.instruments.values()
            for name in ("arf", "psf_file", "spectrum")
            if getattr(one, name, None)
        ]
        settings = self.model_dump(mode="json")
        return settings | {"files": {str(path): sha256(path) for path in paths}}

    def observe(self, dataset, seed=1, **fixed):
        """Observe all maps of a data set once.

        Parameters
        ----------
        dataset : xarray.Dataset
            Maps as of `cgmhelpers.maps.make`, with the fields of `instruments`, without limits or
            with ideal ones.
        seed : int or sequence of int
            Of all that is drawn.
        **fixed
            Redshift and depth, as for `draw`.

        Returns
        -------
        xarray.Dataset
            With `channels` for fields and limits "observed", in memory; what a network
            trained with the same observation is given.

        Raises
        ------
        ParameterError
            If a field is missing, or the maps have survey limits.
        """
        fields = list(self.instruments)
        present = [str(name) for name in dataset["field"].values]
        limits = dataset.attrs.get("limits", "ideal")
        if not set(fields) <= set(present) or limits != "ideal":
            raise ParameterError(
                "These maps can't be observed.",
                found=f"{', '.join(present)} with {limits} limits",
                expected=f"{', '.join(fields)} without limits",
                remedy="Start from the stored maps, made with these fields.",
            )
        images = dataset["image"].sel(field=fields).transpose("halo", "axis", "field", "y", "x")
        shape = images.shape
        drawn = np.empty((*shape[:2], len(self.channels), *shape[3:]), dtype=np.float32)
        for start in range(0, shape[0], OBSERVED_AT_ONCE):
            block = torch.from_numpy(np.array(images[start : start + OBSERVED_AT_ONCE], np.float32))
            found = self.draw(
                block.flatten(0, 1),
                dataset.attrs["pixel_size_kpc"],
                [*np.atleast_1d(seed).tolist(), start],
                dataset.attrs.get("redshift", 0.0),
                **fixed,
            )
            drawn[start : start + len(block)] = found.unflatten(0, block.shape[:2]).numpy()
        kept = dataset.drop_vars(["image", "field", "unit"], errors="ignore")
        channels = xr.DataArray(np.array(self.channels, dtype=object), dims="field")
        observed = kept.assign_coords(field=channels)
        observed["image"] = (("halo", "axis", "field", "y", "x"), drawn)
        return observed.assign_attrs(dataset.attrs | {"limits": "observed"})


def observation(instruments, redshift, distance=None, **circumstances):
    """Return an observation with one instrument for each field.

    Parameters
    ----------
    instruments : sequence of XrayInstrument or HIInstrument
        One of a kind.
    redshift : float or tuple of float
        Of the halos, or lowest and highest.
    distance : float, optional
        See `Observation`.
    **circumstances
        Further attributes of `Observation`.

    Returns
    -------
    Observation

    Raises
    ------
    ParameterError
        If two instruments observe the same field, or a number is out of range.
    """
    by_field = {one.kind: one for one in sorted(instruments, key=lambda one: one.kind != "xray")}
    low, high = redshift if isinstance(redshift, list | tuple) else (redshift, redshift)
    try:
        if len(by_field) < len(instruments):
            raise ValueError("two instruments for one field")
        return Observation(
            instruments=by_field, redshift=(low, high), distance=distance, **circumstances
        )
    except ValueError as error:  # pydantic's own is one
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise ParameterError(
            "Halos can't be observed so.",
            found=f"{first}: {', '.join(one.name for one in instruments)}, redshift {redshift}",
            expected="at most one instrument for X-rays and one for HI, and positive numbers",
        ) from None


def softened(value, noise):
    """Return a positive number for every value: itself where it is far above the noise.

    Its logarithm is the inverse hyperbolic sine of Lupton, Gunn & Szalay (1999, AJ 118, 1406),
    log10(noise) + asinh(value / (2 noise)) / ln 10: logarithmic for bright pixels, linear in the
    noise, and invertible everywhere.

    Parameters
    ----------
    value, noise : torch.Tensor
        In one unit; `noise` is positive.

    Returns
    -------
    torch.Tensor
        In that unit; `noise` where the value is zero.
    """
    return noise * torch.exp(torch.asinh(value / (2 * noise)))


class View:
    """Instruments that look at maps of one pixel size, at one redshift.

    Parameters
    ----------
    observation : Observation
        The instruments.
    redshift : float
        Of the halos.
    pixel_kpc : float
        Side of a pixel [kpc].
    pixels : int
        Along a side.
    emitted_at : float
        Redshift whose dimming the X-ray maps have.

    Attributes
    ----------
    pixel : float
        Side of a pixel [arcsec].
    """

    def __init__(self, observation, redshift, pixel_kpc, pixels, emitted_at=0.0):
        self.observation = observation
        self.instruments = observation.instruments
        self.redshift = redshift
        self.pixels = pixels
        self.pixel = angle(pixel_kpc, redshift, observation.distance)
        self.dimming = ((1 + emitted_at) / (1 + redshift)) ** 4
        self.area = (self.pixel / 60) ** 2  # arcmin2

    def expected_counts(self, brightness):
        """Return what a telescope collects of a source on average, without background.

        Parameters
        ----------
        brightness : torch.Tensor, shape (maps, y, x)
            X-ray surface brightness [erg/s/cm2/arcmin2].

        Returns
        -------
        torch.Tensor, same shape
            Counts per pixel in the instrument's exposure. What the point-spread function carries
            out of the map is lost.
        """
        return self.blurred("xray", brightness * (self._counts_per_brightness * self.dimming))

    @property
    def background(self):
        """Counts of background per pixel in the instrument's exposure."""
        instrument = self.instruments["xray"]
        return instrument.background() * instrument.exposure * self.area

    @functools.cached_property
    def _counts_per_brightness(self):
        instrument = self.instruments["xray"]
        return instrument.counts_per_fluence() * instrument.exposure * self.area

    def counts(self, brightness, generator, depth=1.0):
        """Draw the counts of a telescope.

        Parameters
        ----------
        brightness : torch.Tensor, shape (maps, y, x)
            X-ray surface brightness [erg/s/cm2/arcmin2].
        generator : torch.Generator
            Of the draws.
        depth : float or torch.Tensor, shape (maps, 1, 1)
            Factor on the exposure.

        Returns
        -------
        torch.Tensor, same shape
            Source and background.
        """
        expected = self.expected_counts(brightness).clamp_(min=0).add_(self.background)
        return torch.poisson(expected * depth, generator=generator)

    def columns(self, columns, generator, depth=1.0):
        """Draw the column densities of an interferometer's moment-0 map.

        Parameters
        ----------
        columns : torch.Tensor, shape (maps, y, x)
            Of HI [cm-2].
        generator : torch.Generator
            Of the draws.
        depth : float or torch.Tensor, shape (maps, 1, 1)
            Factor on the integration time.

        Returns
        -------
        torch.Tensor, same shape
            Smoothed by the beam, with noise that is correlated by it.
        """
        _, kernel, size = self._kernel("hi")
        # White noise goes through the beam together with the map; so it must be there around it.
        white = torch.randn(len(columns), size, size, generator=generator, dtype=columns.dtype)
        white *= self.column_noise / float(np.sqrt((kernel**2).sum())) / _root(depth)
        white[:, : self.pixels, : self.pixels] += columns
        return self.blurred("hi", white)

    @functools.cached_property
    def column_noise(self):
        """Rms of the column density on the pixels [cm-2]."""
        instrument = self.instruments["hi"]
        return instrument.column_noise(self.redshift) * instrument.noise_on_pixels(self.pixel)

    def observe(self, name, images, depth, generator):
        """Draw an estimate of a map from an observation of it.

        Parameters
        ----------
        name : {"xray", "hi"}
            Field.
        images : torch.Tensor, shape (maps, y, x)
            In its unit.
        depth : torch.Tensor, shape (maps, 1, 1)
            Factor on the exposure.
        generator : torch.Generator
            Of the draws.

        Returns
        -------
        value : torch.Tensor, same shape
            Background subtracted, in the unit of the field and without the redshift's dimming.
        noise : torch.Tensor, shape (maps, 1, 1)
            Its rms where there is no source.
        """
        if name == "hi":
            return self.columns(images, generator, depth), self.column_noise / _root(depth)
        return self.brightness(self.counts(images, generator, depth), depth)

    def brightness(self, counts, depth, background=None):
        """Return what counts say of the surface brightness.

        Parameters
        ----------
        counts : torch.Tensor, shape (maps, y, x)
            Per pixel.
        depth : torch.Tensor, shape (maps, 1, 1) or that of `counts`
            Exposure over that of the instrument.
        background : torch.Tensor, optional
            Counts of background per pixel; by default the instrument's.

        Returns
        -------
        value : torch.Tensor, shape of `counts`
            [erg/s/cm2/arcmin2], without the redshift's dimming.
        noise : torch.Tensor, shape of `depth`
            Its rms where there is no source; one count more than the background's keeps it
            positive where no count is expected.
        """
        background = self.background * depth if background is None else background
        scale = 1 / (self._counts_per_brightness * self.dimming * depth)
        return (counts - background) * scale, (background + 1).sqrt() * scale

    def depth(self, name, noise):
        """Return the depth of an observation from its noise.

        Parameters
        ----------
        name : {"xray", "hi"}
            Field.
        noise : float
            Rms where there is no source, as `observe` returns it.

        Returns
        -------
        float
            Factor on the instrument's exposure.
        """
        if name == "hi":
            return float(self.column_noise / noise) ** 2
        # (scale * depth)^2 = background * depth + 1
        scale = noise * self._counts_per_brightness * self.dimming
        root = np.hypot(self.background, 2 * scale)
        return float((self.background + root) / (2 * scale**2))

    def masks(self, number, generator):
        """Draw discs around point sources.

        Parameters
        ----------
        number : int
            Of maps.
        generator : torch.Generator
            Of the draws.

        Returns
        -------
        dict of str to torch.Tensor of bool, shape (number, y, x)
            Whether pixels are masked, by field; sources are X-ray sources where there are X-rays.
        """
        mean = torch.full((number,), float(self.observation.sources))
        sources = torch.poisson(mean, generator=generator).clamp_(max=MOST_MASKS)
        places = torch.arange(self.pixels) + 0.5
        mask = torch.zeros(number, self.pixels, self.pixels, dtype=torch.bool)
        name = next(iter(self.instruments))
        width = getattr(self.instruments[name], "hew", None) or 30.0
        for one in range(int(sources.max())):
            rows = torch.nonzero(sources > one)[:, 0]
            y, x, size = torch.rand(3, len(rows), 1, generator=generator)
            radius = (1 + size) * width / self.pixel
            along = (places - y * self.pixels).square()[:, :, None]
            across = (radius.square() - (places - x * self.pixels).square())[:, None, :]
            mask[rows] |= along < across
        empty = torch.zeros(1, 1, 1, dtype=torch.bool)
        return {one: mask if one == name else empty for one in self.instruments}

    def blurred(self, name, images):
        """Convolve maps with an instrument's point-spread function or beam.

        Parameters
        ----------
        name : {"xray", "hi"}
            Field.
        images : torch.Tensor, shape (maps, y, x)
            Of the map's size, or of that size with a margin behind.

        Returns
        -------
        torch.Tensor, shape (maps, pixels, pixels)
            The sum is kept, but for what leaves the map.
        """
        transform, _, size = self._kernel(name)
        spectrum = torch.fft.rfft2(images, s=(size, size))
        spectrum *= transform.to(spectrum.dtype)
        blurred = torch.fft.irfft2(spectrum, s=(size, size))
        return blurred[:, : self.pixels, : self.pixels]

    def _kernel(self, name):
        return _transformed(self.instruments[name].model_dump_json(), self.pixel, self.pixels)


@functools.lru_cache(maxsize=64)
def _transformed(instrument, pixel, pixels):
    """Transform of a kernel, the kernel, and the size that keeps convolutions from wrapping."""
    kind = XrayInstrument if '"kind":"xray"' in instrument else HIInstrument
    kernel = kind.model_validate_json(instrument).kernel(pixel)
    reach = min(len(kernel) // 2, pixels - 1)  # farther than that, nothing reaches the map
    middle = len(kernel) // 2
    cut = slice(middle - reach, middle + reach + 1)
    kernel = kernel[cut, cut]
    size = next_fast_len(pixels + reach, real=True)
    wide = torch.zeros(size, size, dtype=torch.float64)
    wide[: len(kernel), : len(kernel)] = torch.from_numpy(np.ascontiguousarray(kernel))
    return torch.fft.rfft2(wide.roll((-reach, -reach), (0, 1))), kernel, size


def _root(depth):
    return depth.sqrt() if isinstance(depth, torch.Tensor) else depth**0.5


def angle(length, redshift, distance=None):
    """Return the angle of a length at a redshift.

    Parameters
    ----------
    length : float
        Physical [kpc].
    redshift : float
        In the cosmology of Planck Collaboration (2020, A&A 641, A6).
    distance : float, optional
        Angular-diameter distance [Mpc] to take instead.

    Returns
    -------
    float
        [arcsec].

    Raises
    ------
    ParameterError
        If the redshift isn't positive and there is no distance.
    """
    if distance is None:
        if not 0 < redshift < np.inf:
            raise ParameterError(
                "A halo can't be seen at this redshift.",
                found=redshift,
                expected="a positive redshift",
                remedy="Give a distance for a halo nearby.",
            )
        distance = float(Planck18.angular_diameter_distance(redshift).value)
    return length / (1000 * distance) / ARCSEC
