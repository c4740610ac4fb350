"""Figures of the verdicts on the claims, and of metrics of several runs."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np

from cgmhelpers.figures.style import (
    note_source,
    property_named,
    styled,
    suite_colour,
    suite_name,
)
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.paper.claims import FAILS, HOLDS, OPEN
from cgmhelpers.paper.notation import mathtext, with_interval

LOOKS = {HOLDS: ("#0072B2", "o"), FAILS: ("#D55E00", "X"), OPEN: ("#8A8A8A", "D")}
"""Colour and marker of each verdict."""
METRIC_NAMES = {"r2": "$R^2$", "rmse": "RMSE"}
LABEL_WIDTH = 36
"""Characters in a line of a label."""


@styled
def verdict_forest(tables, source=None):
    """Draw the number of every statement with its interval, and the threshold.

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        Title -> table of `cgmhelpers.paper.claims.judge`; the statements are those of the first.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each table. Statements have different units, so each row has its own scale: the
        threshold is at zero, the claimed side on the right, and the farther end of the interval at
        one or minus one. Numbers are below the intervals.
    """
    statements = next(iter(tables.values()))
    figure, axes = plt.subplots(
        1, len(tables), figsize=(2.8 + 2.7 * len(tables), 0.5 * len(statements) + 1.4),
        sharey=True, squeeze=False,
    )  # fmt: skip
    places = -np.arange(len(statements))
    for axis, (title, table) in zip(axes[0], tables.items(), strict=True):
        rows = table.set_index("statement").reindex(statements["statement"])
        for place, (_, row) in zip(places, rows.iterrows(), strict=True):
            _draw_row(axis, place, row)
        axis.axvline(0, color="0.75", lw=1, zorder=0)
        for place in places[:-1]:
            axis.axhline(place - 0.5, color="0.92", lw=0.8, zorder=0)
        axis.set_title(title)
        axis.set_xlim(-1.15, 1.15)
        axis.set_xticks([-1, 0, 1], ["against", "threshold", "as claimed"])
        axis.tick_params(axis="y", length=0)
        axis.tick_params(axis="x", length=0)
    axes[0, 0].set_ylim(places[-1] - 0.6, 0.6)
    labels = [
        mathtext(textwrap.fill(f"{row.number}  {row.statement}", LABEL_WIDTH))
        for row in statements.itertuples()
    ]
    axes[0, 0].set_yticks(places, labels)
    handles = [
        plt.Line2D([], [], color=colour, marker=marker, ls="-", label=verdict)
        for verdict, (colour, marker) in LOOKS.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return note_source(figure, source)


def _draw_row(axis, place, row):
    if not np.isfinite(row["value"]):
        axis.text(0, place, "no number", ha="center", va="center", size=8, color="0.45",
                  bbox={"facecolor": "w", "edgecolor": "none", "pad": 1})  # fmt: skip
        return
    side = 1 if row["claimed"].startswith(">") else -1
    ends = np.array([row["low"], row["value"], row["high"]]) - row["threshold"]
    ends = side * ends / (np.abs(ends).max() or 1)
    colour, marker = LOOKS[row["verdict"]]
    line = place + 0.18
    axis.plot(ends[[0, 2]], [line, line], color=colour, lw=2.2, solid_capstyle="butt")
    axis.plot(ends[1], line, marker, color=colour, ms=6)
    text = f"{with_interval(row['value'], row['low'], row['high'])}; claimed {row['claimed']}"
    axis.text(0, place - 0.22, text, ha="center", va="center", size=8,
              bbox={"facecolor": "w", "edgecolor": "none", "pad": 0.5})  # fmt: skip


@styled
def metric_beside(tables, metric="r2", fields="xray+hi", limits="survey", source=None):
    """Draw a metric of every property in several runs, for networks in their own suite.

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        Title -> metrics of `cgmhelpers.statistics.metrics.summarise`; up to four.
    metric : str
        Column to show.
    fields, limits : str
        Networks to show.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each suite, a marker for each table. Panels show 0 to 1 and what is beyond, but
        nothing below -1.
    """
    chosen = {
        title: table[
            (table["suite_train"] == table["suite_test"])
            & (table["fields"] == fields)
            & (table["limits"] == limits)
        ]
        for title, table in tables.items()
    }
    suites = list(dict.fromkeys(suite for one in chosen.values() for suite in one["suite_test"]))
    figure, axes = plt.subplots(
        1, max(len(suites), 1), figsize=(3.2 * max(len(suites), 1) + 0.4, 3.4), sharey=True,
        squeeze=False,
    )  # fmt: skip
    for axis, suite in zip(axes[0], suites, strict=False):
        for number, (title, table) in enumerate(chosen.items()):
            own = table[table["suite_test"] == suite].set_index("property")[metric].reindex(NAMES)
            place = np.arange(len(NAMES)) + 0.2 * (number - (len(chosen) - 1) / 2)
            axis.plot(
                place, own, "osD^"[number], color=suite_colour(suite), ms=6, label=title,
                mfc=suite_colour(suite) if number == 0 else "w",
            )  # fmt: skip
        axis.set_xticks(range(len(NAMES)), [property_named(name).label for name in NAMES])
        axis.tick_params(axis="x", bottom=False, top=False, labelrotation=45)
        axis.set_title(suite_name(suite))
        if metric == "r2":
            axis.axhline(0, color="0.6", lw=0.8, zorder=0)
    low, high = _reach([table[metric] for table in chosen.values()])
    axes[0, 0].set_ylim(low, high)
    axes[0, 0].set_ylabel(METRIC_NAMES.get(metric, metric))
    handles = [
        plt.Line2D([], [], color="0.3", marker="osD^"[number], ls="", label=title,
                   mfc="0.3" if number == 0 else "w")
        for number, title in enumerate(chosen)
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return note_source(figure, source)


def _reach(columns):
    """Return the ends of an axis that shows all values, with a margin."""
    values = np.concatenate([[0, 1], *columns])
    values = values[np.isfinite(values)]
    return max(values.min(), -1) - 0.05, values.max() + 0.05
