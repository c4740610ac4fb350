"""Figures of a study of hyperparameters."""

import matplotlib.pyplot as plt
import numpy as np

from cgmhelpers.figures.appearance import note_source, styled

NAMES = {
    "learning_rate": "learning rate",
    "weight_decay": "weight decay",
    "dropout": "dropout",
    "channels": "channels",
}
LOGARITHMIC = ("learning_rate", "weight_decay")
COLOUR, BEST = "#0072B2", "#D55E00"


@styled
def tuning_history(trials, source=None):
    """Validation loss of each trial, and the best so far.

    Parameters
    ----------
    trials : pandas.DataFrame
        From ``tuning.trials_table``: number, state, validation_loss.
    source : str, optional
        What the data are.

    Returns
    -------
    matplotlib.figure.Figure
        Trial 0 is that of the profile's own hyperparameters.
    """
    figure, axis = plt.subplots(figsize=(6.2, 3.2))
    complete = trials[trials["state"] == "complete"]
    pruned = trials[trials["state"] == "pruned"]
    axis.step(
        complete["number"], complete["validation_loss"].cummin(), where="post", color=BEST,
        label="best so far",
    )  # fmt: skip
    axis.plot(complete["number"], complete["validation_loss"], "o", color=COLOUR, label="complete")
    if len(pruned):
        axis.plot(
            pruned["number"], pruned["validation_loss"], "x", color="0.45", ms=7,
            label="pruned, lowest until then",
        )  # fmt: skip
    axis.set(xlabel="trial", ylabel="lowest validation loss")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.margins(y=0.12)
    figure.legend(loc="outside lower center", ncols=3)
    return note_source(figure, source)


@styled
def tuning_importances(importances, source=None):
    """Share of each hyperparameter in the variance of the validation loss.

    Parameters
    ----------
    importances : pandas.Series
        From ``tuning.importances``; may be empty.
    source : str, optional
        What the data are.

    Returns
    -------
    matplotlib.figure.Figure
        Says so where there are too few trials to tell.
    """
    figure, axis = plt.subplots(figsize=(5.2, 2.3))
    if importances.empty:
        axis.text(0.5, 0.5, "too few trials to tell", ha="center", va="center", color="0.35",
                  transform=axis.transAxes)  # fmt: skip
        axis.set_axis_off()
        return note_source(figure, source)
    rising = importances.sort_values()
    bars = axis.barh([NAMES[name] for name in rising.index], rising, color=COLOUR, height=0.6)
    axis.bar_label(bars, fmt="%.2f", padding=3, size=9)
    axis.set(xlabel="share of the variance of the loss", xlim=(0, 1.12 * rising.max()))
    axis.tick_params(axis="y", length=0)
    return note_source(figure, source)


@styled
def tuning_parallel(trials, source=None):
    """Hyperparameters of all complete trials, one line each, coloured by their loss.

    Parameters
    ----------
    trials : pandas.DataFrame
        From ``tuning.trials_table``.
    source : str, optional
        What the data are.

    Returns
    -------
    matplotlib.figure.Figure
        An axis for each hyperparameter, from the least to the largest value tried; the best trial
        is drawn on top, in black.
    """
    complete = trials[trials["state"] == "complete"].sort_values("validation_loss")
    figure, axis = plt.subplots(figsize=(6.6, 3.4))
    losses = complete["validation_loss"]
    # One wild trial must not take all colours.
    shades = plt.Normalize(losses.min(), max(losses.quantile(0.8), losses.min() + 0.1))
    colours = plt.get_cmap("viridis")
    heights = {name: _height(complete[name], name) for name in NAMES}
    for order, row in reversed(list(enumerate(complete.index))):
        best = order == 0
        axis.plot(
            range(len(NAMES)), [heights[name][row] for name in NAMES],
            color="black" if best else colours(shades(losses[row])), lw=2.4 if best else 1.4,
            alpha=1 if best else 0.8, marker="o" if best else None, clip_on=False,
        )  # fmt: skip
    for place, name in enumerate(NAMES):
        axis.axvline(place, color="0.3", lw=0.8, zorder=0)
        low, high = complete[name].min(), complete[name].max()
        axis.text(place, 1.05, f"{high:.2g}", ha="center", size=9)
        axis.text(place, -0.05, f"{low:.2g}", ha="center", va="top", size=9)
    axis.set_xticks(range(len(NAMES)), NAMES.values())
    axis.tick_params(axis="x", length=0, pad=24, labelsize=10)
    axis.set(xlim=(-0.25, len(NAMES) - 0.75), ylim=(0, 1), yticks=[])
    axis.spines[:].set_visible(False)
    mappable = plt.cm.ScalarMappable(shades, colours)
    figure.colorbar(mappable, ax=axis, label="lowest validation loss", extend="max")
    return note_source(figure, source)


def _height(values, name):
    """Place of each value between the least and the largest, 0 to 1."""
    values = np.log10(values) if name in LOGARITHMIC else values.astype(float)
    width = values.max() - values.min()
    return (values - values.min()) / width if width > 0 else values * 0 + 0.5
