"""What an image shows: its lines of sight, its pixels, and how deep it looks."""

from dataclasses import dataclass

import numpy as np

from cgmhelpers.errors import ParameterError

AXES = ("x", "y", "z")
"""Lines of sight, in the order of the images."""


def other_axes(axis):
    """Return the two axes that an image shows.

    Parameters
    ----------
    axis : {"x", "y", "z"}
        Its line of sight.

    Returns
    -------
    horizontal, vertical : str
        The remaining axes, in cyclic order.
    """
    start = AXES.index(axis)
    return AXES[(start + 1) % 3], AXES[(start + 2) % 3]


@dataclass(frozen=True)
class Frame:
    """The part of space that an image shows.

    Parameters
    ----------
    pixels : int
        Pixels along a side.
    pixel_size : float
        Side of a pixel, physical kpc.
    depth : float
        Half the depth along the line of sight, physical kpc: elements count with the fraction of
        their kernel between ``-depth`` and ``+depth``.

    Raises
    ------
    ParameterError
        For numbers that aren't whole, finite or positive where they must be.
    """

    pixels: int = 128
    pixel_size: float = 4.0
    depth: float = 1000.0

    def __post_init__(self):
        """Refuse an invalid frame."""
        if not (np.isfinite(self.pixels) and int(self.pixels) == self.pixels and self.pixels >= 1):
            raise ParameterError(
                "`pixels` can't be used.", found=self.pixels, expected="a whole number > 0"
            )
        for name in ("pixel_size", "depth"):
            number = getattr(self, name)
            if not (np.isfinite(number) and number > 0):
                raise ParameterError(
                    f"`{name}` can't be used.", found=number, expected="a positive number of kpc"
                )
        object.__setattr__(self, "pixels", int(self.pixels))
        for name in ("pixel_size", "depth"):
            object.__setattr__(self, name, float(getattr(self, name)))

    @property
    def half_width(self):
        """Half the side of the image, kpc."""
        return 0.5 * self.pixels * self.pixel_size
