"""The figure of one halo: what a network sees, and what it says."""

import matplotlib.pyplot as plt
import numpy as np

from cgmhelpers.figures.appearance import field_names, note_source, styled
from cgmhelpers.properties import PROPERTIES


@styled
def one_prediction(images, prediction, extent, title=None, source=None):
    """What a network sees of one halo, and what it says about it.

    Parameters
    ----------
    images : dict of str to array_like, shape (size, size)
        Field -> standardised input.
    prediction : pandas.DataFrame
        Rows of one halo: property, truth, mean and std.
    extent : float
        Half the side of the images [kpc].
    title : str, optional
        Says which halo it is.
    source : str, optional
        What the data are.

    Returns
    -------
    matplotlib.figure.Figure
        Left: the inputs; right: posterior mean and standard deviation of each property, and the
        truth (cross), all in units of the property's range.
    """
    figure, axes = plt.subplots(
        1, len(images) + 1, figsize=(3.1 * len(images) + 4.2, 3.1), squeeze=False,
        width_ratios=[1] * len(images) + [1.25],
    )  # fmt: skip
    for axis, (name, image) in zip(axes[0], images.items(), strict=False):
        shown = axis.imshow(image, origin="lower", extent=[-extent, extent] * 2, cmap="cividis")
        axis.set_title(field_names(name))
        axis.set_xlabel("kpc")
        figure.colorbar(shown, ax=axis, label="standardised log", shrink=0.8)
    axes[0, 0].set_ylabel("kpc")
    _draw_posteriors(axes[0, -1], prediction)
    if title:
        axes[0, -1].set_title(title)
    return note_source(figure, source)


def _draw_posteriors(axis, prediction):
    rows = prediction.set_index("property")
    known = [one for one in PROPERTIES if one.name in rows.index]
    low = np.array([one.low for one in known])
    span = np.array([one.high for one in known]) - low
    values = rows.loc[[one.name for one in known]]
    place = -np.arange(len(known))
    mean = (values["mean"].to_numpy() - low) / span
    truth = (values["truth"].to_numpy() - low) / span
    axis.errorbar(
        mean, place, xerr=values["std"].to_numpy() / span, fmt="o", color="#0072B2", ms=5,
        capsize=3, lw=1.5, label=r"posterior $\mu\pm\sigma$",
    )  # fmt: skip
    axis.plot(truth, place, "x", color="k", ms=7, mew=1.8, label="truth")
    axis.set_yticks(place, [one.label for one in known])
    axis.set_xlabel("position in the range of Table 1")
    axis.set_xlim(min(-0.05, np.nanmin(truth) - 0.05), max(1.05, np.nanmax(truth) + 0.05))
    axis.set_ylim(-len(known) + 0.4, 1.3)
    axis.legend(loc="upper center", ncols=2)
