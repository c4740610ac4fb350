"""Figures of trainings."""

import matplotlib.pyplot as plt
import numpy as np

from cgmhelpers.figures.appearance import (
    field_names,
    limit_name,
    note_source,
    ordered,
    styled,
    suite_colour,
)


@styled
def learning_curves(histories, source=None):
    """Loss of training and validation against the epoch, for all networks of a run.

    Parameters
    ----------
    histories : dict of tuple to pandas.DataFrame
        (suite, fields, limits) -> ``history.csv`` of the network: epoch (from 0), train_loss,
        validation_loss.
    source : str, optional
        What the data are.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each limits, a column for each set of fields; a point marks the epoch whose
        weights were kept. Losses far from all others lie above the panels, so that one training
        that fails doesn't flatten the others; where a whole curve does, its panel says so.
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
                f"{suite} lies above", (0.97, 0.95), xycoords="axes fraction",
                color=suite_colour(suite), ha="right", va="top", size=8,
            )  # fmt: skip
    for row, limit in zip(axes, limits, strict=True):
        row[0].set_ylabel("moment loss")
        for axis, name in zip(row, fields, strict=True):
            axis.set_title(f"{field_names(name)}, {limit_name(limit)}")
    for axis in axes[-1]:
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    key = [plt.Line2D([], [], color=suite_colour(suite), label=suite) for suite in suites]
    key.append(plt.Line2D([], [], color="0.3", lw=1, ls="--", label="training"))
    key.append(plt.Line2D([], [], color="0.3", marker="o", ms=5, label="validation, best epoch"))
    figure.legend(handles=key, loc="outside lower center", ncols=len(key))
    return note_source(figure, source)
