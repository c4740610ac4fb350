"""Figures of joint posteriors: a training, a corner plot, correlations."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from cgmhelpers.figures.style import note_source, property_named, styled, suite_colour, suite_name
from cgmhelpers.inference.posterior.flow import FRACTIONS
from cgmhelpers.statistics.metrics import ONE_SIGMA

FLOW_COLOUR = "#332288"
MOMENT_COLOUR = "#DDAA33"
LEVELS = (0.95, ONE_SIGMA)
GRID = 50
"""Points along a side of the grid of contours."""


@styled
def flow_training(histories, source=None):
    """Draw the learning curves of flows.

    Parameters
    ----------
    histories : dict of str to pandas.DataFrame
        Suite -> ``posterior.csv``: step, training_loss and validation_loss.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Negative log density of the true properties, standardised; a point marks the kept weights.
    """
    figure, axis = plt.subplots(figsize=(5.2, 3.2))
    for suite, history in histories.items():
        colour, best = suite_colour(suite), history["validation_loss"].idxmin()
        axis.plot(history["step"], history["training_loss"], color=colour, lw=1, ls="--")
        axis.plot(
            history["step"], history["validation_loss"], color=colour, label=suite_name(suite)
        )
        axis.plot(*history.loc[best, ["step", "validation_loss"]], "o", color=colour, ms=5)
    axis.plot([], [], color="0.3", lw=1, ls="--", label="training halos")
    axis.plot([], [], color="0.3", marker="o", ms=5, label="validation halos, best")
    axis.set_xlabel("step")
    axis.set_ylabel(r"$-\ln$ density of the truth")
    axis.legend(loc="upper right")
    return note_source(figure, source)


@styled
def corner(samples, truth, mean, std, names, title=None, source=None):
    """Draw the joint posterior of a halo, from the flow and from the moment network.

    Parameters
    ----------
    samples : array_like, shape (draws, properties)
        Samples of the flow.
    truth, mean, std : array_like, shape (properties,)
        The truth, and the moment network's posterior.
    names : sequence of str
        Names of the properties.
    title : str, optional
        Names the halo.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Diagonal: densities of each property. Below: regions of each pair with 68% and 95% of
        the probability. Filled: the flow; lines: normal distributions of the moment network,
        which has no correlations; crosses and dashed lines: the truth. Fractions end at 0 and 1, as
        the flow's posteriors do.
    """
    samples, number = np.asarray(samples, dtype=float), len(names)
    low, high = np.percentile(samples, [0.5, 99.5], axis=0)
    low = np.min([low, mean - 2.6 * std, truth], axis=0)
    high = np.max([high, mean + 2.6 * std, truth], axis=0)
    low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)
    # A normal posterior of a fraction extends beyond 0 and 1; the figure doesn't.
    fractions = np.isin(names, FRACTIONS) & ((samples >= 0) & (samples <= 1)).all(axis=0)
    low, high = np.where(fractions, [np.maximum(low, 0), np.minimum(high, 1)], [low, high])
    figure, axes = plt.subplots(
        number, number, figsize=(1.5 * number, 1.5 * number), sharex="col", squeeze=False
    )
    for row in range(number):
        for column in range(number):
            axis = axes[row, column]
            if column > row:
                axis.set_axis_off()
                continue
            axis.set_xlim(low[column], high[column])
            axis.tick_params(labelsize=7)
            axis.xaxis.set_major_locator(plt.MaxNLocator(3, prune="both"))
            if column == row:
                _draw_density(
                    axis, samples[:, [row]], fractions[[row]], truth[row], mean[row], std[row]
                )
            else:
                pair = [column, row]
                axis.set_ylim(low[row], high[row])
                axis.yaxis.set_major_locator(plt.MaxNLocator(3, prune="both"))
                _draw_pair(
                    axis, samples[:, pair], fractions[pair], truth[pair], mean[pair], std[pair]
                )
            if column or row == column:
                axis.tick_params(labelleft=False)
    for index, name in enumerate(names):
        label = property_named(name).axis_label
        axes[-1, index].set_xlabel(label, size=8.5)
        axes[-1, index].tick_params(axis="x", rotation=45)
        if index:
            axes[index, 0].set_ylabel(label, size=8.5)
    figure.align_labels()
    key = [
        plt.Rectangle((0, 0), 1, 1, color=FLOW_COLOUR, alpha=0.5, label="flow"),
        plt.Line2D([], [], color=MOMENT_COLOUR, label="moment network"),
        plt.Line2D([], [], color="k", ls="none", marker="x", mew=1.8, label="truth"),
    ]
    # A legend of the figure: one wider than its panel would push the columns apart.
    figure.legend(
        handles=key, loc="upper right", bbox_to_anchor=(0.99, 0.96), title=title,
        title_fontsize=9.5,
    )  # fmt: skip
    return note_source(figure, source)


def _density(samples, fractions, points):
    """Smooth samples (draws, numbers) at points (numbers, M); reflect fractions at 0 and 1."""
    kernel = stats.gaussian_kde(samples.T)
    density = np.zeros(points.shape[1])
    mirrors = [(lambda x: x, lambda x: -x, lambda x: 2 - x) if one else (lambda x: x,)
               for one in fractions]  # fmt: skip
    for images in itertools.product(*mirrors):
        density += kernel([image(one) for image, one in zip(images, points, strict=True)])
    inside = np.ones(points.shape[1], dtype=bool)
    for one in points[fractions]:
        inside &= (one >= 0) & (one <= 1)
    return np.where(inside, density, 0)


def _draw_density(axis, samples, fractions, truth, mean, std):
    grid = np.linspace(*axis.get_xlim(), 200)
    density = _density(samples, fractions, grid[None])
    axis.fill_between(grid, density, color=FLOW_COLOUR, alpha=0.5, lw=0)
    axis.plot(grid, stats.norm.pdf(grid, mean, std), color=MOMENT_COLOUR)
    axis.axvline(truth, color="k", lw=1, ls="--")
    axis.set_ylim(0)
    axis.set_yticks([])


def _draw_pair(axis, samples, fractions, truth, mean, std):
    x, y = (np.linspace(*one, GRID) for one in (axis.get_xlim(), axis.get_ylim()))
    density = _density(samples, fractions, np.stack(np.meshgrid(x, y)).reshape(2, -1))
    ordered = np.sort(density)[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    for level, alpha in zip(LEVELS, (0.25, 0.55), strict=True):
        cut = ordered[np.searchsorted(held, level)]
        axis.contourf(
            x, y, density.reshape(GRID, GRID), [cut, np.inf], colors=[FLOW_COLOUR], alpha=alpha
        )
    angle = np.linspace(0, 2 * np.pi, 100)
    for level in LEVELS:
        radius = np.sqrt(stats.chi2.ppf(level, 2))  # for a normal distribution in two dimensions
        axis.plot(
            mean[0] + radius * std[0] * np.cos(angle), mean[1] + radius * std[1] * np.sin(angle),
            color=MOMENT_COLOUR, lw=1.3,
        )  # fmt: skip
    axis.plot(*truth, "x", color="k", ms=6, mew=1.8)


@styled
def correlation_matrices(matrices, names, source=None):
    """Draw the mean correlations of the properties in each suite.

    Parameters
    ----------
    matrices : dict of str to array_like, shape (properties, properties)
        Suite -> from :func:`cgmhelpers.statistics.scores.correlations`.
    names : sequence of str
        Names of the properties.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Lower triangles, with numbers.
    """
    labels = [property_named(name).label for name in names]
    figure, axes = plt.subplots(
        1, len(matrices), figsize=(3.3 * len(matrices) + 0.9, 3.2), sharey=True, squeeze=False
    )
    hidden = np.triu(np.ones((len(names), len(names)), dtype=bool))
    for axis, (suite, matrix) in zip(axes[0], matrices.items(), strict=True):
        shown = axis.imshow(np.ma.array(matrix, mask=hidden), cmap="PuOr", vmin=-1, vmax=1)
        for row, column in np.argwhere(~hidden):
            value = matrix[row][column]
            colour = "w" if abs(value) > 0.6 else "k"
            text = f"{value:.2f}".replace("0.", ".").replace("-", "−")
            axis.text(column, row, text, ha="center", va="center", size=7.5, color=colour)
        axis.set_title(suite_name(suite))
        axis.set_xticks(range(len(names) - 1), labels[:-1], rotation=60, ha="right")
        axis.set_yticks(range(1, len(names)), labels[1:])
        axis.set_xlim(-0.5, len(names) - 1.5)
        axis.set_ylim(len(names) - 0.5, 0.5)
        axis.tick_params(length=0)
    figure.colorbar(shown, ax=axes, label="correlation", pad=0.02)
    return note_source(figure, source)
