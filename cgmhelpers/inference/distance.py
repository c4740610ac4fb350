"""How far maps are from those of a training: numbers of a map, distances, and their tails."""

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import LedoitWolf

from cgmhelpers.errors import ParameterError

EDGE = 0.05
"""Share of the largest values whose tail is a power law."""
QUANTILES = {"faint end": 0.25, "median": 0.5, "upper quartile": 0.75, "bright end": 0.99}

RINGS = (0.0, 0.15, 0.3, 0.6, 1.0, np.inf)
"""Edges of the rings, in units of half the side of a map."""

NUMBERS = (
    "mean brightness", *QUANTILES, "brightest pixel", "share of pixels above the limit",
    *(f"brightness in ring {number}" for number in range(1, len(RINGS))),
    "roughness", "scatter of the pixels",
)  # fmt: skip
"""What `numbers` measures of each field."""


def numbers(images, floors):
    """Describe maps by a few numbers per field.

    Parameters
    ----------
    images : ndarray, shape (maps, fields, y, x)
        In the units of the fields.
    floors : sequence of float
        Limit of each field; fainter pixels count as pixels at the limit.

    Returns
    -------
    ndarray, shape (maps, fields * len(NUMBERS))
        Logarithms to base 10, and a share of pixels.

    Raises
    ------
    ParameterError
        If there is another number of fields than of floors.
    """
    floors, images = np.asarray(floors, dtype=float)[:, None, None], np.asarray(images, dtype=float)
    if images.ndim != 4 or images.shape[1] != len(floors):
        raise ParameterError(
            "The images have the wrong number of fields.",
            found=f"shape {images.shape}",
            expected=f"(maps, {len(floors)}, y, x)",
        )
    images = np.maximum(images, floors)
    logarithm = np.log10(images)
    side = images.shape[-1]
    y, x = np.indices((side, side)) - (side - 1) / 2
    ring = np.digitize(np.hypot(x, y) / (side / 2), RINGS) - 1
    flat = logarithm.reshape(*images.shape[:2], side**2)
    steps = [np.square(np.diff(logarithm, axis=axis)).mean(axis=(-2, -1)) for axis in (-2, -1)]
    found = [
        np.log10(images.mean(axis=(-2, -1))),
        *np.quantile(flat, [*QUANTILES.values(), 1], axis=-1),
        (images > floors).mean(axis=(-2, -1)),
        *(logarithm[..., ring == number].mean(axis=-1) for number in range(len(RINGS) - 1)),
        np.sqrt(sum(steps)),
        flat.std(axis=-1),
    ]
    return np.stack(found, axis=-1).reshape(len(images), len(floors) * len(NUMBERS))


@dataclass(frozen=True)
class Cloud:
    """The place of a training's maps in a space of numbers.

    Attributes
    ----------
    centre, scale : ndarray, shape (numbers,)
        Mean and standard deviation.
    whitening : ndarray, shape (numbers, numbers)
        Of standardised numbers.
    """

    centre: np.ndarray
    scale: np.ndarray
    whitening: np.ndarray

    @classmethod
    def fit(cls, rows):
        """Fit to the maps of a training.

        Parameters
        ----------
        rows : ndarray, shape (maps, numbers)

        Returns
        -------
        Cloud
            The covariance is shrunk (Ledoit & Wolf 2004, J. Multivar. Anal. 88, 365).
        """
        centre = rows.mean(axis=0)
        # A number that hardly varies in the training mustn't make rounding errors strange.
        scale = np.maximum(rows.std(axis=0), 1e-3 + 0.01 * np.abs(centre))
        covariance = LedoitWolf(assume_centered=True).fit((rows - centre) / scale).covariance_
        values, vectors = np.linalg.eigh(covariance)
        return cls(centre, scale, vectors / np.sqrt(np.maximum(values, 1e-6)))

    def standard(self, rows):
        """Express rows in standard deviations of the training, number by number.

        Parameters
        ----------
        rows : ndarray, shape (maps, numbers)

        Returns
        -------
        ndarray, same shape

        Raises
        ------
        ParameterError
            If the rows have another number of numbers, or one isn't finite.
        """
        rows = np.asarray(rows)
        if rows.shape[1:] != self.centre.shape or not np.isfinite(rows).all():
            raise ParameterError(
                "These numbers aren't of the training's kind.",
                found=f"shape {rows.shape}, {(~np.isfinite(rows)).sum()} not finite",
                expected=f"rows of {len(self.centre)} finite numbers",
            )
        return (rows - self.centre) / self.scale

    def white(self, rows):
        """Express rows in coordinates in which the training has nearly a unit covariance.

        Parameters
        ----------
        rows : ndarray, shape (maps, numbers)

        Returns
        -------
        ndarray, same shape
        """
        return self.standard(rows) @ self.whitening

    def distance(self, rows):
        """Measure the Mahalanobis distance of rows from the centre.

        Parameters
        ----------
        rows : ndarray, shape (maps, numbers)

        Returns
        -------
        ndarray, shape (maps,)
        """
        return np.sqrt(np.square(self.white(rows)).sum(axis=1))


@dataclass(frozen=True)
class Tail:
    """Probability that a halo of the training's kind has as large a value.

    Attributes
    ----------
    values : ndarray, shape (maps,)
        Of validation maps, rising.
    """

    values: np.ndarray

    def __call__(self, values):
        """Return the probabilities.

        Parameters
        ----------
        values : ndarray, any shape

        Returns
        -------
        ndarray, same shape
            By rank, (n + 1) / (N + 1) for n of N validation maps that are as large; beyond `EDGE`
            by the power law that fits the largest values best.
        """
        number = len(self.values)
        larger = number - np.searchsorted(self.values, values, side="left")
        share = (larger + 1) / (number + 1)
        lowest = self.values[0]
        edge = self.values[int((1 - EDGE) * number)]
        above = self.values[self.values >= edge]
        unit = max(edge - lowest, 1e-9 * (1 + abs(edge)))
        exponent = max(np.log(np.maximum((above - lowest) / unit, 1)).mean(), 0.01)
        tail = EDGE * np.maximum((values - lowest) / unit, 1) ** (-1 / exponent)
        return np.where(values > edge, np.minimum(tail, share), share)
