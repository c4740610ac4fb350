"""Maps spoiled in the ways that observations go wrong, to judge what notices it."""

import numpy as np


def corrupted(images, seed=1):
    """Spoil maps in the ways that observations go wrong, to judge what flags them.

    Parameters
    ----------
    images : ndarray, shape (maps, fields, y, x)
        In the units of the fields.
    seed : int
        Seed of the noise.

    Returns
    -------
    dict of str to ndarray, same shape
        ``"shifted units"`` (each field by 1000), ``"other band"`` (the first field three times as
        bright), ``"transposed fields"`` (channels in reverse order), ``"other redshift"`` (1.5
        times smaller on the sky, and the first field dimmer by 1.2 to the fourth), ``"blank"`` and
        ``"noise"`` (pixels in random order).
    """
    images = np.asarray(images)
    fields, side = images.shape[1], images.shape[-1]
    first = np.ones((fields, 1, 1), images.dtype)
    brighter, dimmer = first.copy(), first.copy()
    brighter[0], dimmer[0] = 3, 1.2**-4
    middle = (side - 1) / 2
    place = np.clip(np.rint((np.arange(side) - middle) * 1.5 + middle).astype(int), 0, side - 1)
    shuffled = np.random.default_rng(seed).permuted(
        images.reshape(*images.shape[:2], side**2), axis=-1
    )
    return {
        "shifted units": images * images.dtype.type(1000),
        "other band": images * brighter,
        "transposed fields": images[:, ::-1],
        "other redshift": images[..., place, :][..., place] * dimmer,
        "blank": np.broadcast_to(images.min(axis=(0, 2, 3), keepdims=True), images.shape),
        "noise": shuffled.reshape(images.shape),
    }
