"""Scaling: maps and properties to the numbers of a network, and back."""

import logging
from dataclasses import asdict, dataclass

import numpy as np
from sklearn.preprocessing import StandardScaler

from cgmhelpers.errors import FormatError, ParameterError, check_known
from cgmhelpers.halos.properties import ranges as widened
from cgmhelpers.maps import lazy
from cgmhelpers.maps.limits import lowest
from cgmhelpers.maps.store import HALOS_AT_ONCE

log = logging.getLogger(__name__)
SMALLEST_STD = 0.1
"""Smallest standard deviation that divides log10 of the maps [dex].

Under a survey's limits nearly all pixels may lie at the limit. A division by their tiny scatter
would make the few brighter pixels huge, and those of a brighter suite meaningless.
"""


@dataclass(frozen=True)
class Scaling:
    """Turn maps and properties into the network's numbers, and back.

    Inputs are log10 of the floored map, standardised per field with the mean and standard
    deviation over the pixels of the training maps. Targets are scaled linearly so that their range,
    the same for every suite, becomes 0 to 1: that of Table 1, unless a wider one was asked for.

    Attributes
    ----------
    fields : tuple of str
    floors : tuple of float
        Smallest value of each field, in its unit.
    mean, std : tuple of float
        Mean and standard deviation of log10 of each field.
    properties : tuple of str
    low, high : tuple of float
        Range of each property, in its unit.
    """

    fields: tuple
    floors: tuple
    mean: tuple
    std: tuple
    properties: tuple
    low: tuple
    high: tuple

    @classmethod
    def fit(cls, ds, training, properties=None, ranges=None):
        """Measure the scaling on training halos alone.

        Parameters
        ----------
        ds : xarray.Dataset
            From :func:`cgmhelpers.network.samples.load`.
        training : array_like of bool, shape (halos,)
            Which halos are in training.
        properties : sequence of str, optional
            Properties to infer; all by default.
        ranges : dict of str to (float, float), optional
            Wider ranges, as for `cgmhelpers.halos.properties.ranges`.

        Raises
        ------
        ParameterError
            If there is no training halo, or a property is unknown or the same for all of them.
        FormatError
            If an image isn't positive and finite, or a property is missing.
        """
        chosen = np.flatnonzero(np.asarray(training))
        if len(chosen) == 0:
            raise ParameterError(
                "There is no halo to fit the scaling on.",
                found="0 halos",
                expected="training halos with gas",
                remedy="Use more halos.",
            )
        names = [str(name) for name in ds["property"].values]
        known = widened(ranges)
        wanted = list(properties or known)
        check_known(wanted, known, "Unknown properties.")
        missing = [name for name in wanted if name not in names]
        if missing:
            raise FormatError("The maps lack properties.", found=names, expected=missing)
        fields = [str(name) for name in ds["field"].values]
        pixels = {name: StandardScaler() for name in fields}
        ends = {name: [] for name in fields}
        for start in range(0, len(chosen), HALOS_AT_ONCE):
            images = lazy.read(ds["image"], chosen[start : start + HALOS_AT_ONCE])
            for number, name in enumerate(fields):
                block = _positive(images[:, :, number], name)
                # In float64: float32 sums over 1e8 pixels lose digits.
                pixels[name].partial_fit(np.log10(block, dtype=np.float64).reshape(-1, 1))
                ends[name].append(ends_of(block))
        suites = ds["suite"].values[chosen]
        if ds.attrs["limits"] != "observed":
            for name in fields:
                warn_of_a_constant(f"{name} maps", np.concatenate(ends[name], axis=1), suites)
        targets = ds["properties"].sel(property=wanted)
        targets = targets.isel(halo=chosen).values
        constant = [name for name, t in zip(wanted, targets.T, strict=True)
                    if np.nanmin(t) == np.nanmax(t)]  # fmt: skip
        if constant:
            raise ParameterError(
                "A property is the same for all training halos.",
                found=constant,
                remedy="Use more halos, and check how the properties were computed.",
            )
        for name, column in zip(wanted, targets.T, strict=True):
            warn_of_a_constant(f"values of {name}", np.stack([column, column]), suites)
        return cls(
            fields=tuple(fields),
            floors=tuple(lowest(name, ds.attrs["limits"]) for name in fields),
            mean=tuple(float(pixels[name].mean_[0]) for name in fields),
            std=tuple(max(float(pixels[name].var_[0]) ** 0.5, SMALLEST_STD) for name in fields),
            properties=tuple(wanted),
            low=tuple(known[name][0] for name in wanted),
            high=tuple(known[name][1] for name in wanted),
        )

    def inputs(self, images, out=None):
        """Return standardised log10 of images, floored first.

        Parameters
        ----------
        images : array_like, shape (..., fields, y, x)
            In the units of the fields.
        out : ndarray of float32, same shape, optional
            Where to put the result.

        Returns
        -------
        ndarray of float32, same shape
        """
        images = np.asarray(images)
        if images.ndim < 3 or images.shape[-3] != len(self.fields):
            raise ParameterError(
                "The images have the wrong number of fields.",
                found=f"shape {images.shape}",
                expected=f"(..., {len(self.fields)}, y, x) with fields {', '.join(self.fields)}",
            )
        scaled = np.empty(images.shape, dtype=np.float32) if out is None else out
        floors = np.array(self.floors).astype(images.dtype)
        mean, std = np.array(self.mean, dtype=np.float32), np.array(self.std, dtype=np.float32)
        whole = images.ndim > 3
        # Halo by halo, the pixels stay in the processor's cache through all operations.
        for image, place in zip(images, scaled, strict=True) if whole else [(images, scaled)]:
            for number, name in enumerate(self.fields):
                pixels = image[..., number, :, :]
                if not pixels.min() >= floors[number]:
                    pixels = np.maximum(pixels, floors[number])
                if not (floors[number] > 0 and pixels.max() < np.inf):  # false for NaN
                    _positive(pixels, name)
                pixels = np.log10(pixels).astype(np.float32, copy=False)
                pixels -= mean[number]
                np.divide(pixels, std[number], out=place[..., number, :, :])
        return scaled

    def targets(self, properties):
        """Scale properties to the network's targets.

        Parameters
        ----------
        properties : array_like, shape (halos, properties)
            In their units.

        Returns
        -------
        ndarray of float64, same shape
            0 to 1 over the range of each property.
        """
        return (np.asarray(properties, float) - self.low) / np.subtract(self.high, self.low)

    def outside(self, ds, chosen):
        """Count the halos whose properties leave the ranges.

        Parameters
        ----------
        ds : xarray.Dataset
            From :func:`cgmhelpers.network.samples.load`.
        chosen : array_like of bool, shape (halos,)
            Which halos count.

        Returns
        -------
        dict of str to dict
            Property -> ``range``, ``lowest`` and ``highest`` value, ``halos`` outside the range,
            and how far the ``farthest`` is outside, in widths of the range; properties that stay
            inside are left out.
        """
        found = {}
        values = ds["properties"].sel(property=list(self.properties)).values[np.asarray(chosen)]
        for name, low, high, column in zip(
            self.properties, self.low, self.high, values.T, strict=True
        ):
            number = int(((column < low) | (column > high)).sum())
            if number:
                lowest, highest = float(np.nanmin(column)), float(np.nanmax(column))
                found[name] = {
                    "range": [low, high],
                    "lowest": lowest,
                    "highest": highest,
                    "farthest": max(low - lowest, highest - high) / (high - low),
                    "halos": number,
                }
        return found

    def physical(self, mean, std):
        """Return the network's outputs in the units of the properties.

        Parameters
        ----------
        mean, std : array_like, shape (maps, properties)
            As the network gives them.

        Returns
        -------
        mean, std : ndarray of float64, shape (maps, properties)
        """
        width = np.subtract(self.high, self.low)
        return np.asarray(mean, float) * width + self.low, np.asarray(std, float) * width

    def to_dict(self):
        """Return plain lists and strings, for JSON."""
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_dict(cls, values):
        """Invert :meth:`to_dict`.

        Parameters
        ----------
        values : dict of str to list

        Returns
        -------
        Scaling
        """
        return cls(**{name: tuple(value) for name, value in values.items()})


class Unscaled(Scaling):
    """A scaling whose inputs stay in the units of the fields, for maps to be observed."""

    def inputs(self, images, out=None):
        """Return the images as they are.

        Parameters
        ----------
        images : array_like, shape (..., fields, y, x)
            In the units of the fields.
        out : ndarray of float32, same shape, optional
            Where to put the result.

        Returns
        -------
        ndarray of float32, same shape
        """
        if out is None:
            return np.asarray(images, dtype=np.float32)
        out[...] = images
        return out


def ends_of(maps):
    """Return the least and the greatest pixel of each halo.

    Parameters
    ----------
    maps : ndarray, shape (halos, ...)
        Of a field.

    Returns
    -------
    ndarray, shape (2, halos)
    """
    flat = maps.reshape(len(maps), -1)
    return np.stack([flat.min(axis=1), flat.max(axis=1)])


def warn_of_a_constant(what, ends, suites):
    """Warn of suites in which something is the same for all halos: nothing can be learnt there.

    Parameters
    ----------
    what : str
        Its name in the warning.
    ends : ndarray, shape (2, halos)
        Its least and greatest value for each halo.
    suites : ndarray of str, shape (halos,)
        Suite of each halo.
    """
    for suite in dict.fromkeys(suites):
        low, high = ends[:, suites == suite]
        if low.min() == high.max():
            log.warning(
                "The %s of all %d training halos of %s are the same constant, %g: a network can't "
                "learn from them. Use more halos, a lower limit, or check how they were made.",
                what,
                len(low),
                suite,
                low[0],
            )


def _positive(image, name):
    bad = ~(np.isfinite(image) & (image > 0))
    if bad.any():
        raise FormatError(
            f"Maps of {name} have pixels without a logarithm.",
            found=f"{bad.sum()} pixels, the first {image[bad][0]}",
            expected="positive finite numbers",
            remedy="Apply limits with maps.apply_limits, and check how the maps were made.",
        )
    return image
