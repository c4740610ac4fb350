"""Observations of maps of halos, drawn anew for each batch of a training or once for a data set.

What a network is shown of an observation is `softened`: a logarithm exists for every pixel, also a
negative one, and nothing is thrown away at a limit.
"""

from typing import Annotated

import numpy as np
import torch
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cgmhelpers.emission.fields import NOISE, REDSHIFT
from cgmhelpers.errors import ParameterError
from cgmhelpers.sky.hi_instruments import HIInstrument
from cgmhelpers.sky.views import View
from cgmhelpers.sky.xray_instruments import XrayInstrument
from cgmhelpers.system.files import sha256

MASKED = 1e3
"""Factor on the noise of a pixel that wasn't observed, or is masked. It tells a network so."""
REDSHIFTS = 16
"""Redshifts, evenly spaced in logarithm, from which those of maps are drawn."""
GROUPS = 8
"""Groups of a batch of maps, each with a redshift of its own. With one redshift for all, a network
that normalises its batches would learn nothing from it: the batch's mean takes it away."""
OBSERVED_AT_ONCE = 16
"""Halos of a data set that are observed at one redshift."""


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
