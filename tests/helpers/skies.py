"""An observation that tests train a small network for, and blobs that it can see."""

import numpy as np
from helpers.blobs import blobs

from cgmhelpers.sky import instruments
from cgmhelpers.sky.observing import Observation

RA, DEC, REDSHIFT = 187.7, 12.4, 0.03
XRAY = instruments.load("erosita_erass4").model_copy(update={"background_sky": 0.1})
HI = instruments.load("meerkat_mhongoose_30")
BOTH = {"xray": XRAY, "hi": HI}
TRAINED_FOR = Observation(instruments=BOTH, redshift=(0.02, 0.04), depth=(0.7, 1.5), sources=0.3)


def at(redshift):
    """The same instruments at one redshift."""
    return Observation(instruments=BOTH, redshift=(redshift, redshift))


def visible():
    """Blobs that end well inside of the frame."""
    found = blobs(halos=90, size=32)
    found.coords["group"] = ("halo", np.arange(90))
    y, x = np.meshgrid(found["y"], found["x"], indexing="ij")
    window = np.exp(-(x**2 + y**2) / (2 * 13.0**2)).astype(np.float32)
    found["image"] = found["image"] * window * np.array([0.5, 30], np.float32)[:, None, None]
    return found
