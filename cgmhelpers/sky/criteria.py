"""Criteria by which the files of an object are refused, whatever the wavelength.

Every number below that decides about a refusal is adopted: it follows from what a network's
training can have shown it, as each says.
"""

import numpy as np

from cgmhelpers.errors import FormatError

CORE = 0.1
"""Radius, in sides of the frame, of the core that must be seen whole (50 kpc of 512)."""
OUTER = 0.4
"""Radius, in sides of the frame, beyond which noise and background are judged (200 kpc of 512)."""
FARTHEST = 1.0
"""Radius, in sides of the frame, within which the noise of HI is judged. It grows outwards where
the primary beam was corrected for."""
LEAST_SEEN = 0.75
"""Share of the frame that must be seen; trainings mask less than this leaves."""
LEAST_COUNTS = 10
"""Counts in the frame, background included. Fewer say nothing that the prior doesn't."""
ROOM = 1.3
"""Factor by which exposure and noise power may lie outside of those of the training. It is a tenth
of a dex, less than two scatters of a pixel's noise within it."""
SIGMAS = 5.0
"""Deviation from what is expected of background and noise that is refused."""
ABSORPTION = 8.0
"""Depth below zero, in units of the noise, that noise doesn't reach in a map."""
CLIPPED = 0.5
"""Share of exact zeros in an HI map above which it was masked."""


def radius_of(pixels):
    """Return the distance of pixels from the middle of a frame.

    Parameters
    ----------
    pixels : int
        Along a side.

    Returns
    -------
    (y, x) float64 array
        In sides of the frame.
    """
    place = (np.arange(pixels) + 0.5) / pixels - 0.5
    return np.hypot(place, place[:, None])


def check_seen(what, seen, remedy):
    """Refuse a frame that isn't seen, or a core that isn't.

    Parameters
    ----------
    what : str
        Names the image.
    seen : (y, x) bool array
        Pixels of the frame that were observed.
    remedy : str
        What to do.

    Raises
    ------
    FormatError
        If less than `LEAST_SEEN` of the frame is seen, or not all of its core.
    """
    share, core = seen.mean(), seen[radius_of(len(seen)) < CORE]
    if share < LEAST_SEEN or not core.all():
        raise FormatError(
            f"{what} doesn't show the object's surroundings."
            if core.all()
            else f"{what} doesn't show the object's core.",
            found=f"{share:.0%} of the frame and {core.mean():.0%} of its core",
            expected=f"at least {LEAST_SEEN:.0%}, and the whole core",
            remedy=remedy,
        )
