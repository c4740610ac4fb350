"""Figures of suites that were left out of a training: biases, error bars, and trust."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize

from cgmhelpers.figures.style import (
    note_source,
    property_named,
    styled,
    suite_colour,
    suite_marker,
    suite_name,
)
from cgmhelpers.figures.words import method_name
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.statistics.metrics import ONE_SIGMA

ERROR_BARS = {"in_domain": ("o", "w"), "unseen_suite": ("o", None)}
"""Marker of each kind of error bars, and its face; None for the colour of the suite."""


@styled
def left_out_biases(cells, methods, source=None):
    """Draw the bias of each property in each suite that was left out, by method.

    Parameters
    ----------
    cells : pandas.DataFrame
        From :func:`cgmhelpers.statistics.left_out.away`, of one track.
    methods : dict of str to str
        Method -> title of its panel.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each method; the bias is the mean over networks, in units of the property's
        range. Red: over-predicted; blue: under-predicted.
    """
    names = [name for name in NAMES if name in set(cells["property"])]
    suites = list(dict.fromkeys(cells["left_out"]))
    figure, axes = plt.subplots(
        len(methods), 1, figsize=(6.4, len(methods) * (0.42 * len(suites) + 0.4) + 0.9),
        sharex=True, squeeze=False,
    )  # fmt: skip
    for axis, (method, title) in zip(axes[:, 0], methods.items(), strict=True):
        own = cells[cells["method"] == method]
        wide = own.pivot_table(index="left_out", columns="property", values="bias")
        wide = wide.reindex(index=suites, columns=names)
        image = axis.imshow(wide, cmap="RdBu_r", norm=Normalize(-0.3, 0.3), aspect="auto")
        for (row, column), value in np.ndenumerate(wide.to_numpy()):
            if np.isfinite(value):
                text = f"{value:+.2f}".replace("-", "−")
                colour = "w" if abs(value) > 0.2 else "k"
                axis.text(column, row, text, ha="center", va="center", size=8, color=colour)
        labels = [property_named(name).label for name in names]
        axis.set_xticks(range(len(names)), labels, rotation=45)
        axis.set_yticks(range(len(suites)), list(map(suite_name, suites)))
        axis.tick_params(length=0)
        axis.set_title(f"{method_name(title)}: {own['bias'].abs().mean():.3f}", size=10)
    figure.supylabel("left out", size=10)
    figure.colorbar(image, ax=axes, label="bias / range", extend="both", aspect=15, pad=0.02)
    return note_source(figure, source)


@styled
def left_out_coverage(cells, source=None):
    """Draw the coverage of each property in each suite that was left out, by kind of error bars.

    Parameters
    ----------
    cells : pandas.DataFrame
        Rows of :func:`cgmhelpers.statistics.left_out.away` with a column ``posterior``, one of
        `ERROR_BARS`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Shares of halos inside the stated 68% intervals. A line leads from the error bars of the
        training (open) to those for an unseen suite (full).
    """
    names = [name for name in NAMES if name in set(cells["property"])]
    suites = list(dict.fromkeys(cells["left_out"]))
    figure, axis = plt.subplots(figsize=(7.2, 3.4))
    axis.axhspan(0.6, 0.75, color="0.92", zorder=0)
    axis.axhline(ONE_SIGMA, color="0.5", lw=0.9, ls="--", zorder=0)
    for number, suite in enumerate(suites):
        own = cells[cells["left_out"] == suite]
        wide = own.pivot_table(index="property", columns="posterior", values="coverage_68")
        wide, colour = wide.reindex(names), suite_colour(suite)
        place = np.arange(len(names)) + 0.15 * (number - (len(suites) - 1) / 2)
        ends = [wide[kind] for kind in ("in_domain", "unseen_suite") if kind in wide]
        if len(ends) == 2:
            axis.vlines(place, *ends, color=colour, lw=1.2, alpha=0.6)
        for kind, (marker, face) in ERROR_BARS.items():
            if kind in wide:
                axis.plot(
                    place, wide[kind], marker, color=colour, mfc=face or colour, ms=6,
                    label=f"{suite_name(suite)} left out" if kind == "unseen_suite" else None,
                )  # fmt: skip
    axis.set_xticks(range(len(names)), [property_named(name).label for name in names])
    axis.set_ylim(0, 1.02)
    axis.set_ylabel("coverage of 68% intervals")
    figure.legend(loc="outside lower center", ncols=max(1, len(suites)))
    return note_source(figure, source)


@styled
def trust_and_error(halos, source=None):
    """Draw the error of each halo against its trust score.

    Parameters
    ----------
    halos : pandas.DataFrame
        From ``trust`` of `cgmhelpers.runs.judging`; rows without an error don't
        count.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each suite left out: its halos in its colour, those of the own suites in grey,
        with their running medians. Scores left of the line call for care.
    """
    from cgmhelpers.inference.trusting import CARE

    known = halos[np.isfinite(halos["error"])]
    suites = list(dict.fromkeys(known["left_out"]))
    figure, axes = plt.subplots(
        1, len(suites), figsize=(2.6 * len(suites) + 0.5, 3.0), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for axis, suite in zip(axes[0], suites, strict=True):
        own = known[known["left_out"] == suite]
        for kind, colour in (("own", "0.6"), ("left out", suite_colour(suite))):
            some = own[own["kind"] == kind]
            marker = "." if kind == "own" else suite_marker(suite)
            axis.scatter(
                some["score"], some["error"], s=6, alpha=0.35, linewidth=0, color=colour,
                marker=marker,
            )  # fmt: skip
            number = max(1, min(6, len(some) // 20))
            rank = some["score"].rank(method="first").sub(1) * number // len(some)
            middle = some[["score", "error"]].groupby(rank).median()
            label = "suites of the training" if kind == "own" else "suite left out"
            axis.plot(
                middle["score"], middle["error"], "o-", color=colour, mec="k", ms=6, label=label
            )  # fmt: skip
        axis.axvline(CARE, color="k", lw=0.9, ls=":")
        axis.set_title(f"{suite_name(suite)} left out", size=10)
        axis.set_xlabel("trust score")
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_yscale("log")
    axes[0, 0].set_ylabel("error / range")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return note_source(figure, source)
