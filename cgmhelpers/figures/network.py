"""Figures of networks: learning curves, a study of hyperparameters, a prediction."""

import matplotlib.pyplot as plt
import numpy as np

from cgmhelpers.figures.style import (
    field_names,
    limit_name,
    note_source,
    ordered,
    styled,
    suite_colour,
    suite_name,
)
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.paper.notation import mathtext

HYPERPARAMETERS = {
    "learning_rate": "learning rate",
    "weight_decay": "weight decay",
    "dropout": "dropout",
    "channels": "channels",
}
LOGARITHMIC = ("learning_rate", "weight_decay")
COLOUR, BEST = "#0072B2", "#D55E00"


@styled
def learning_curves(histories, source=None):
    """Draw the training and validation loss of all networks of a run against the epoch.

    Parameters
    ----------
    histories : dict of tuple to pandas.DataFrame
        (suite, fields, limits) -> ``history.csv`` of the network: epoch (from 0), train_loss,
        validation_loss.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each kind of limits, a column for each set of fields; a point marks the epoch of
        the kept weights. Losses far above all others lie outside of the panels, so that a failed
        training doesn't flatten the others; a text names curves that lie there as a whole.
    """
    fields = ordered("fields", [key[1] for key in histories])
    limits = list(dict.fromkeys(key[2] for key in histories))
    suites = list(dict.fromkeys(key[0] for key in histories))
    figure, axes = plt.subplots(
        len(limits), len(fields), figsize=(3.1 * len(fields) + 0.3, 2.6 * len(limits)),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for (suite, name, limit), history in histories.items():
        axis = axes[limits.index(limit), fields.index(name)]
        epoch = history["epoch"] + 1
        colour = suite_colour(suite)
        axis.plot(epoch, history["train_loss"], color=colour, lw=1, ls="--", alpha=0.8)
        axis.plot(epoch, history["validation_loss"], color=colour)
        best = history["validation_loss"].idxmin()
        axis.plot(epoch[best], history["validation_loss"][best], "o", color=colour, ms=5)
    both = ["train_loss", "validation_loss"]
    losses = np.concatenate([history[both].to_numpy() for history in histories.values()])
    low, first, third, high = np.nanpercentile(losses, [0, 25, 75, 100])
    high = min(high, third + 5 * (third - first))
    axes[0, 0].set_ylim(low - 0.05 * (high - low), high + 0.1 * (high - low))
    for (suite, name, limit), history in histories.items():
        if history["validation_loss"].min() > axes[0, 0].get_ylim()[1]:
            axes[limits.index(limit), fields.index(name)].annotate(
                f"{suite_name(suite)} lies above", (0.97, 0.95), xycoords="axes fraction",
                color=suite_colour(suite), ha="right", va="top", size=8,
            )  # fmt: skip
    for row, limit in zip(axes, limits, strict=True):
        row[0].set_ylabel("moment loss")
        for axis, name in zip(row, fields, strict=True):
            axis.set_title(f"{field_names(name)}, {limit_name(limit)}")
    for axis in axes[-1]:
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    key = [
        plt.Line2D([], [], color=suite_colour(suite), label=suite_name(suite)) for suite in suites
    ]
    key.append(plt.Line2D([], [], color="0.3", lw=1, ls="--", label="training"))
    key.append(plt.Line2D([], [], color="0.3", marker="o", ms=5, label="validation, best epoch"))
    figure.legend(handles=key, loc="outside lower center", ncols=len(key))
    return note_source(figure, source)


@styled
def tuning_history(trials, source=None):
    """Draw the validation loss of each trial, and the best so far.

    Parameters
    ----------
    trials : pandas.DataFrame
        From ``studies.trials_table``: number, state, validation_loss.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Trial 0 has the profile's hyperparameters.
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
    """Draw the share of each hyperparameter in the variance of the validation loss.

    Parameters
    ----------
    importances : pandas.Series
        From ``studies.importances``; may be empty.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A text instead of bars if there are too few trials.
    """
    figure, axis = plt.subplots(figsize=(5.2, 2.3))
    if importances.empty:
        axis.text(0.5, 0.5, "too few trials to tell", ha="center", va="center", color="0.35",
                  transform=axis.transAxes)  # fmt: skip
        axis.set_axis_off()
        return note_source(figure, source)
    rising = importances.sort_values()
    bars = axis.barh(
        [HYPERPARAMETERS[name] for name in rising.index], rising, color=COLOUR, height=0.6
    )
    axis.bar_label(bars, fmt="%.2f", padding=3, size=9)
    axis.set(xlabel="share of the variance of the loss", xlim=(0, 1.12 * rising.max()))
    axis.tick_params(axis="y", length=0)
    return note_source(figure, source)


@styled
def tuning_parallel(trials, source=None):
    """Draw the hyperparameters of complete trials, a line each, coloured by the loss.

    Parameters
    ----------
    trials : pandas.DataFrame
        From ``studies.trials_table``.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        An axis for each hyperparameter, from the least to the largest tried value; the best trial
        is black, on top.
    """
    complete = trials[trials["state"] == "complete"].sort_values("validation_loss")
    figure, axis = plt.subplots(figsize=(6.6, 3.4))
    losses = complete["validation_loss"]
    # An outlier must not take all colours.
    shades = plt.Normalize(losses.min(), max(losses.quantile(0.8), losses.min() + 0.1))
    colours = plt.get_cmap("viridis")
    heights = {name: _height(complete[name], name) for name in HYPERPARAMETERS}
    for order, row in reversed(list(enumerate(complete.index))):
        best = order == 0
        axis.plot(
            range(len(HYPERPARAMETERS)), [heights[name][row] for name in HYPERPARAMETERS],
            color="black" if best else colours(shades(losses[row])), lw=2.4 if best else 1.4,
            alpha=1 if best else 0.8, marker="o" if best else None, clip_on=False,
        )  # fmt: skip
    for place, name in enumerate(HYPERPARAMETERS):
        axis.axvline(place, color="0.3", lw=0.8, zorder=0)
        low, high = complete[name].min(), complete[name].max()
        axis.text(place, 1.05, mathtext(f"{high:.2g}"), ha="center", size=9)
        axis.text(place, -0.05, mathtext(f"{low:.2g}"), ha="center", va="top", size=9)
    axis.set_xticks(range(len(HYPERPARAMETERS)), HYPERPARAMETERS.values())
    axis.tick_params(axis="x", length=0, pad=24, labelsize=10)
    axis.set(xlim=(-0.25, len(HYPERPARAMETERS) - 0.75), ylim=(0, 1), yticks=[])
    axis.spines[:].set_visible(False)
    mappable = plt.cm.ScalarMappable(shades, colours)
    figure.colorbar(mappable, ax=axis, label="lowest validation loss", extend="max")
    return note_source(figure, source)


def _height(values, name):
    """Place each value between the least and the largest, 0 to 1."""
    values = np.log10(values) if name in LOGARITHMIC else values.astype(float)
    width = values.max() - values.min()
    return (values - values.min()) / width if width > 0 else values * 0 + 0.5


@styled
def one_prediction(images, prediction, extent, title=None, source=None):
    """Draw the inputs of a halo, and the network's posteriors.

    Parameters
    ----------
    images : dict of str to array_like, shape (size, size)
        Field -> standardised input.
    prediction : pandas.DataFrame
        Rows of one halo: property, truth, mean and std.
    extent : float
        Half the side of the images [kpc].
    title : str, optional
        Names the halo.
    source : str, optional
        Name of the data, written on the figure.

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
    axis.legend(loc="upper center", ncols=2, fontsize=7.5, columnspacing=0.8, handletextpad=0.2)
