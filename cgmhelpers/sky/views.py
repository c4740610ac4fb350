"""What instruments see of halos at a redshift: counts with Poisson noise, columns with a beam.

A map of a halo has pixels in kpc; at a redshift they have an angle, and all that an instrument does
follows: light is dimmed by (1 + z)^4, spread by the point-spread function, multiplied by exposure
and effective area, joined by background, and drawn from a Poisson distribution. A column density is
smoothed by the beam, and its noise is correlated by the same beam. The band is taken in the rest
frame of the gas: its shift between z = 0 and 0.1 is left out.
"""

import functools

import numpy as np
import torch
from astropy.cosmology import Planck18
from scipy.fft import next_fast_len

from cgmhelpers.errors import ParameterError
from cgmhelpers.sky.hi_instruments import HIInstrument
from cgmhelpers.sky.xray_instruments import XrayInstrument

ARCSEC = float(np.pi / 180 / 3600)
"""In radians."""


MOST_MASKS = 8
"""Masked sources in one map, at most."""


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
