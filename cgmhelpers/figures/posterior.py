"""Figures of joint posteriors and of ensembles."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from cgmhelpers.figures.style import (
    note_source,
    property_named,
    styled,
    suite_colour,
    suite_marker,
    suite_name,
)
from cgmhelpers.inference.posterior.flow import FRACTIONS
from cgmhelpers.statistics.coverage import allowed
from cgmhelpers.statistics.metrics import ONE_SIGMA
from cgmhelpers.statistics.posterior_tests import ranks

FLOW_COLOUR = "#332288"
MOMENT_COLOUR = "#DDAA33"
LEVELS = (0.95, ONE_SIGMA)
GRID = 50
"""Points along a side of the grid of contours."""
FLAGS = {"epistemic": "members' disagreement", "aleatoric": "their own widths"}


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
def coverage_tests(tests, source=None):
    """Draw the expected coverage with random points of each test.

    Parameters
    ----------
    tests : dict of tuple to ExpectedCoverage
        (suite, references) -> from :func:`cgmhelpers.statistics.posterior_tests.expected_coverage`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A column for each suite, a row for each kind of reference points: coverage minus level.
        Grey: the band of 95% of calibrated posteriors, at each level.
    """
    suites, kinds = (list(dict.fromkeys(key[part] for key in tests)) for part in (0, 1))
    figure, axes = plt.subplots(
        len(kinds), len(suites), figsize=(2.7 * len(suites) + 0.5, 2.3 * len(kinds) + 0.2),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for (suite, kind), found in tests.items():
        axis, table = axes[kinds.index(kind), suites.index(suite)], found.table
        level = table["level"]
        axis.fill_between(level, table["low"] - level, table["high"] - level, color="0.85", lw=0)
        axis.axhline(0, color="k", lw=1)
        axis.plot(level, table["coverage"] - level, color=suite_colour(suite))
        axis.annotate(f"$p$ = {found.p_value:.2g}", (0.05, 0.06), xycoords="axes fraction", size=9)
    for axis, suite in zip(axes[0], suites, strict=True):
        axis.set_title(suite_name(suite))
    for row, kind in zip(axes, kinds, strict=True):
        row[0].set_ylabel(f"points of the {kind}\ncoverage − level")
    for axis in axes[-1]:
        axis.set_xlabel("level")
    return note_source(figure, source)


@styled
def rank_histograms(inferred, bins=10, source=None):
    """Draw histograms of the ranks of truths among the posterior samples of each property.

    Parameters
    ----------
    inferred : dict of str to xarray.Dataset
        Suite -> from :func:`cgmhelpers.inference.posterior.joint.infer`.
    bins : int
        Bins of each histogram.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each suite, a column for each property; flat if calibrated. Grey: the band of
        95% of the bins of calibrated posteriors.
    """
    suites, first = list(inferred), next(iter(inferred.values()))
    names = [str(name) for name in first["property"].values]
    figure, axes = plt.subplots(
        len(suites), len(names), figsize=(1.6 * len(names) + 0.4, 1.6 * len(suites) + 0.4),
        sharex=True, sharey="row", squeeze=False,
    )  # fmt: skip
    for row, suite in zip(axes, suites, strict=True):
        found = ranks(inferred[suite]["samples"].values, inferred[suite]["truth"].values)
        expected = len(found) / bins
        band = np.multiply(allowed(len(found), 1 / bins), len(found))
        for axis, one in zip(row, found.T, strict=True):
            axis.axhspan(*band, color="0.85", lw=0)
            axis.axhline(expected, color="k", lw=1)
            axis.hist(
                one, bins=bins, range=(0, 1), histtype="step", lw=1.6, color=suite_colour(suite)
            )
            axis.set_xlim(0, 1)
            axis.set_xticks([0, 0.5], ["0", "0.5"])
        row[0].set_ylim(0, 2.6 * expected)
        row[0].set_ylabel(f"{suite_name(suite)}\nhalos")
    for axis, name in zip(axes[0], names, strict=True):
        axis.set_title(property_named(name).label)
    figure.supxlabel("share of samples below the truth", size=10.5)
    return note_source(figure, source)


@styled
def score_gains(scores, source=None):
    """Draw the gain in CRPS of the flow over the moment network.

    Parameters
    ----------
    scores : dict of str to pandas.DataFrame
        Suite -> from :func:`cgmhelpers.statistics.scores.compare`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Share of each property's CRPS that the flow saves, with 95% intervals over halos; the flow
        is better right of zero.
    """
    figure, axis = plt.subplots(figsize=(5.6, 3.4))
    for number, (suite, table) in enumerate(scores.items()):
        own = table[table["property"] != "joint"]
        place = -np.arange(len(own)) + 0.2 * ((len(scores) - 1) / 2 - number)
        bars = np.abs(own[["low", "high"]].to_numpy().T - own["gain"].to_numpy())
        axis.errorbar(
            100 * own["gain"], place, xerr=100 * bars, fmt=suite_marker(suite), ms=5, capsize=2,
            lw=1.4, color=suite_colour(suite), label=suite_name(suite),
        )  # fmt: skip
    axis.axvline(0, color="k", lw=1)
    axis.set_yticks(-np.arange(len(own)), [property_named(one).label for one in own["property"]])
    axis.set_xlabel("CRPS saved by the flow [%]")
    figure.legend(loc="outside lower center", ncols=len(scores))
    return note_source(figure, source)


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
            text = f"{value:.2f}".replace("-", "−")
            axis.text(column, row, text, ha="center", va="center", size=7.5, color=colour)
        axis.set_title(suite_name(suite))
        axis.set_xticks(range(len(names) - 1), labels[:-1], rotation=60, ha="right")
        axis.set_yticks(range(1, len(names)), labels[1:])
        axis.set_xlim(-0.5, len(names) - 1.5)
        axis.set_ylim(len(names) - 0.5, 0.5)
        axis.tick_params(length=0)
    figure.colorbar(shown, ax=axes, label="correlation", pad=0.02)
    return note_source(figure, source)


@styled
def disagreement(halos, source=None):
    """Draw the error of each halo against the members' disagreement.

    Parameters
    ----------
    halos : pandas.DataFrame
        From :func:`cgmhelpers.statistics.reliability.per_halo`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each suite of the training; colours and markers are the suites of the test,
        small symbols their halos and large ones their medians. Root mean squares over the
        properties, in units of their ranges.
    """
    trained = list(dict.fromkeys(halos["suite_train"]))
    figure, axes = plt.subplots(
        1, len(trained), figsize=(2.9 * len(trained) + 0.4, 3.3), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    suites = list(dict.fromkeys(halos["suite"]))
    for axis, suite_train in zip(axes[0], trained, strict=True):
        for suite in suites:
            own = halos[(halos["suite_train"] == suite_train) & (halos["suite"] == suite)]
            look = {"color": suite_colour(suite), "marker": suite_marker(suite)}
            axis.scatter(own["epistemic"], own["error"], s=5, alpha=0.3, linewidth=0, **look)
            middle = own[["epistemic", "error"]].median()
            axis.scatter(*middle, s=75, edgecolor="k", linewidth=1.2, zorder=3, **look)
        axis.set_title(f"trained on {suite_name(suite_train)}")
        axis.set_xlabel("epistemic deviation")
    axes[0, 0].set_ylabel("error of the mean")
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_yscale("log")
    key = [
        plt.Line2D(
            [], [], ls="none", color=suite_colour(one), marker=suite_marker(one), mec="k", ms=8,
            label=f"tested on {suite_name(one)}",
        )
        for one in suites
    ]  # fmt: skip
    figure.legend(handles=key, loc="outside lower center", ncols=len(key))
    return note_source(figure, source)


@styled
def reliability_flags(table, source=None):
    """Draw how well each part of the variance flags halos with large errors.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`cgmhelpers.statistics.reliability.areas`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each task: the area under the curve with its 95% interval; 0.5 is no use.
    """
    tasks, suites, flags = (
        list(dict.fromkeys(table[key])) for key in ("task", "suite_train", "flag")
    )
    names = {"unfamiliar": "halos of other suites", "large error": "halos with large errors"}
    figure, axes = plt.subplots(1, len(tasks), figsize=(3.3 * len(tasks) + 0.6, 3), sharey=True)
    for axis, task in zip(np.atleast_1d(axes), tasks, strict=True):
        for shift, flag in zip((-0.12, 0.12), flags, strict=True):
            own = table[(table["task"] == task) & (table["flag"] == flag)]
            for place, row in zip(range(len(suites)), own.itertuples(), strict=True):
                axis.errorbar(
                    place + shift, row.auc, [[row.auc - row.low], [row.high - row.auc]],
                    fmt=suite_marker(row.suite_train), color=suite_colour(row.suite_train),
                    mfc=suite_colour(row.suite_train) if flag == "epistemic" else "w",
                    ms=6, capsize=2, lw=1.4,
                )  # fmt: skip
        axis.axhline(0.5, color="k", lw=1, ls=":")
        axis.set_title(names.get(task, task))
        axis.set_xticks(range(len(suites)), list(map(suite_name, suites)))
        axis.set_xlim(-0.5, len(suites) - 0.5)
    np.atleast_1d(axes)[0].set_ylabel("area under the curve")
    key = [
        plt.Line2D([], [], ls="none", marker="o", color="0.3", ms=6,
                   mfc="0.3" if flag == "epistemic" else "w", label=FLAGS[flag])
        for flag in flags
    ]  # fmt: skip
    figure.legend(handles=key, loc="outside lower center", ncols=len(key))
    return note_source(figure, source)
