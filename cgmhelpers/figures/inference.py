"""Figures of truth against inference."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize

from cgmhelpers.errors import ParameterError
from cgmhelpers.figures.style import (
    heading,
    mass_colour_map,
    note_source,
    ordered,
    property_named,
    styled,
)
from cgmhelpers.statistics import metrics

MOST_POINTS = 150
"""Most halos in a panel, with all groups and, as in the paper, a random choice of lighter halos."""


@styled
def truth_inference(
    predictions, name, columns="suite_test", rows="fields", source=None, most=MOST_POINTS, seed=1
):
    """Draw inferred against true values of a property (Figs 3 to 6, 8 to 10, 13 to 16).

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``; rows of other properties don't count.
    name : str
        Property to show.
    columns, rows : str
        Columns of `predictions` that make the columns and the rows of panels, in order of
        appearance.
    source : str, optional
        Name of the data, written on the figure.
    most : int
        Points in a panel: all groups, and a random choice of the lighter halos.
    seed : int
        Seed of the choice.

    Returns
    -------
    matplotlib.figure.Figure
        Points are posterior means, bars posterior standard deviations, the line is perfect
        inference, colour is the true halo mass. The metrics are those of the plotted halos, whose
        number is above them; for all halos see :func:`panel_metrics`.

    Raises
    ------
    ParameterError
        If there is no prediction of the property.
    """
    table = _of_property(predictions, name)
    across, down = (ordered(key, table[key]) for key in (columns, rows))
    figure, axes = plt.subplots(
        len(down), len(across), figsize=(2.75 * len(across) + 0.9, 2.75 * len(down) + 0.3),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    colours = plt.cm.ScalarMappable(Normalize(11.5, 14.3), mass_colour_map())
    limits = _limits(table)
    for row, lower in zip(axes, down, strict=True):
        for axis, upper in zip(row, across, strict=True):
            panel = table[(table[columns] == upper) & (table[rows] == lower)]
            if panel.empty:
                axis.set_axis_off()
                continue
            _draw_panel(axis, panel, most, seed, limits, colours)
    label = property_named(name).axis_label
    for axis, value in zip(axes[0], across, strict=True):
        axis.set_title(heading(columns, value))
    for row, value in zip(axes, down, strict=True):
        row[0].set_ylabel(f"inferred {label}")
        if len(down) > 1 or rows != columns:
            row[-1].annotate(
                heading(rows, value), (1.04, 0.5), xycoords="axes fraction", rotation=270,
                va="center", ha="left", size=10.5,
            )  # fmt: skip
    for axis in axes[-1]:
        axis.set_xlabel(f"true {label}")
    mass_label = property_named("log_m_halo").axis_label
    figure.colorbar(colours, ax=axes, label=mass_label, aspect=30 * len(down) ** 0.5, pad=0.02)
    return note_source(figure, source)


@styled
def cross_simulation(predictions, name, source=None, most=MOST_POINTS, seed=1):
    """Draw networks of every suite tested on every suite, for one property (Figs 8 to 10).

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``, of one set of fields and one limit.
    name : str
        Property to show.
    source : str, optional
        Name of the data, written on the figure.
    most, seed : int
        As in :func:`truth_inference`.

    Returns
    -------
    matplotlib.figure.Figure
        Rows: the suite of the training; columns: the suite of the test. The diagonal, where they
        are the same, is framed.

    Raises
    ------
    ParameterError
        If the predictions are of several sets of fields or limits.
    """
    kinds = predictions[["fields", "limits"]].drop_duplicates()
    if len(kinds) != 1:
        raise ParameterError(
            "A cross-simulation figure shows networks of one kind.",
            found=kinds.to_dict("records"),
            expected="predictions of one set of fields and one limit",
        )
    figure = truth_inference.__wrapped__(
        predictions, name, "suite_test", "suite_train", source, most, seed
    )
    suites = [list(dict.fromkeys(predictions[key])) for key in ("suite_train", "suite_test")]
    for number, axis in enumerate(figure.axes[: len(suites[0]) * len(suites[1])]):
        row, column = divmod(number, len(suites[1]))
        if suites[0][row] == suites[1][column]:
            for spine in axis.spines.values():
                spine.set_linewidth(2.2)
    return figure


@styled
def properties_inferred(
    predictions, names, columns="suite_test", source=None, most=MOST_POINTS, seed=1
):
    """Draw inferred against true values of several properties, a row each (Fig. 6).

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``, of one set of fields and one limit.
    names : sequence of str
        Properties.
    columns : str
        Column of `predictions` that makes the columns of panels.
    source : str, optional
        Name of the data, written on the figure.
    most, seed : int
        As in :func:`truth_inference`.

    Returns
    -------
    matplotlib.figure.Figure
        As in :func:`truth_inference`; each row has its own limits.
    """
    across = ordered(columns, predictions[columns])
    figure, axes = plt.subplots(
        len(names), len(across), figsize=(2.75 * len(across) + 0.9, 2.75 * len(names) + 0.3),
        sharex="row", sharey="row", squeeze=False,
    )  # fmt: skip
    colours = plt.cm.ScalarMappable(Normalize(11.5, 14.3), mass_colour_map())
    for row, name in zip(axes, names, strict=True):
        table = _of_property(predictions, name)
        limits = _limits(table)
        label = property_named(name).axis_label
        for axis, value in zip(row, across, strict=True):
            panel = table[table[columns] == value]
            _draw_panel(axis, panel, most, seed, limits, colours)
            axis.set_xlabel(f"true {label}")
        row[0].set_ylabel(f"inferred {label}")
    for axis, value in zip(axes[0], across, strict=True):
        axis.set_title(heading(columns, value))
    mass_label = property_named("log_m_halo").axis_label
    figure.colorbar(colours, ax=axes, label=mass_label, aspect=30 * len(names) ** 0.5, pad=0.02)
    return note_source(figure, source)


def thinned(panel, most=MOST_POINTS, seed=1):
    """Choose the halos of a panel: all groups, and as many of the lighter ones as fit.

    Parameters
    ----------
    panel : pandas.DataFrame
        Predictions of one panel.
    most : int
        Halos to keep, or all groups if they are more.
    seed : int
        Seed of the choice.

    Returns
    -------
    pandas.DataFrame
        The rows of the chosen halos, in their order.
    """
    group = panel["halo_class"].to_numpy() == "group"
    room = max(most - group.sum(), 0)
    light = np.flatnonzero(~group)
    if len(light) > room:
        light = np.random.default_rng(seed).choice(light, room, replace=False)
    return panel.iloc[np.sort(np.concatenate([np.flatnonzero(group), light]))]


def panel_metrics(predictions, by, most=MOST_POINTS, seed=1):
    """Tabulate metrics of the plotted halos of each panel, as in the paper, and of all halos.

    Parameters
    ----------
    predictions : pandas.DataFrame
        The table of the figure.
    by : sequence of str
        Columns that make its panels; ``"property"`` if it shows several.
    most, seed : int
        As in :func:`truth_inference`.

    Returns
    -------
    pandas.DataFrame
        Indexed by panel and kind, ``"plotted"`` or ``"all"``: n, rmse, r2, epsilon (relative
        error) and chi2 (reduced).
    """
    by = list(by)
    table = predictions[np.isfinite(predictions["truth"])]
    panels = [panel for _, panel in table.groupby(by, sort=False)]
    shown = pd.concat([thinned(panel, most, seed) for panel in panels])
    kinds = {"plotted": shown, "all": table}
    found = [metrics.summarise(rows, by).assign(halos=kind) for kind, rows in kinds.items()]
    found = pd.concat(found).set_index([*by, "halos"]).drop(columns="coverage")
    found = found.rename(columns={"relative_error": "epsilon", "reduced_chi2": "chi2"})
    order = [(*panel, kind) for panel in found.index.droplevel(-1).unique() for kind in kinds]
    return found.loc[order]


def _draw_panel(axis, whole, most, seed, limits, colours):
    panel = thinned(whole, most, seed)
    truth, mean, std = (panel[key].to_numpy() for key in ("truth", "mean", "std"))
    colour = colours.to_rgba(panel["log_mass"].to_numpy())
    axis.plot(limits, limits, color="k", lw=1, zorder=3)
    axis.errorbar(truth, mean, std, fmt="none", ecolor=colour, elinewidth=0.7, alpha=0.45, zorder=1)
    axis.scatter(truth, mean, s=9, c=colour, linewidth=0, zorder=2)
    axis.set_xlim(limits)
    axis.set_ylim(limits)
    axis.set_box_aspect(1)
    axis.text(
        0.04, 0.965, f"{len(panel)} of {len(whole)} halos\n{metric_text(truth, mean, std)}",
        transform=axis.transAxes, va="top", size=7.5, linespacing=1.2, zorder=4,
        bbox={"facecolor": "w", "edgecolor": "none", "alpha": 0.7, "pad": 1.5},
    )  # fmt: skip
    outside = int(((mean < limits[0]) | (mean > limits[1])).sum())
    if outside:
        axis.text(
            0.96, 0.03, f"{outside} outside", transform=axis.transAxes, ha="right", size=7.5,
            color="0.35",
        )  # fmt: skip


def metric_text(truth, mean, std):
    """Write the four metrics (Eqs 7-10) of halos, one in a line.

    Parameters
    ----------
    truth, mean, std : array_like, shape (H,)
        Values of one property.

    Returns
    -------
    str
        With mathematics as matplotlib reads it.
    """
    truth, mean, std = (np.asarray(one, dtype=float)[:, None] for one in (truth, mean, std))
    values = {
        "RMSE": metrics.rmse(truth, mean),
        "$R^2$": metrics.r2(truth, mean),
        r"$\epsilon$": metrics.relative_error(mean, std),
        r"$\chi^2$": metrics.reduced_chi2(truth, mean, std),
    }
    return "\n".join(f"{name} {_short(value[0])}" for name, value in values.items())


def _short(value):
    if not np.isfinite(value):
        return "–" if np.isnan(value) else "∞"
    if abs(value) >= 1000:
        mantissa, exponent = f"{value:.1e}".split("e")
        return rf"${mantissa}\times10^{{{int(exponent)}}}$"
    text = f"{value:.3f}" if abs(value) < 1 else f"{value:.3g}"
    return text.replace("-", "−")


def _limits(table):
    """Choose limits that hold all truths and nearly all inferences, even of a bad network."""
    low, high = table["truth"].min(), table["truth"].max()
    inner = np.percentile(table["mean"], [1, 99])
    span = high - low or 1.0
    low = min(low, max(inner[0], low - 0.5 * span))
    high = max(high, min(inner[1], high + 0.5 * span))
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def _of_property(predictions, name):
    table = predictions[predictions["property"] == name]
    table = table[np.isfinite(table["truth"])]
    if table.empty:
        raise ParameterError(
            "The table has no prediction to show.",
            found=f"0 rows of {name} with a truth",
            expected=f"some of {sorted(set(predictions['property']))}",
        )
    return table
