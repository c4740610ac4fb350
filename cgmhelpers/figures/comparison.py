"""Figures of networks beside baselines, and of coverage by halo class."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import SymLogNorm

from cgmhelpers.figures.style import (
    field_names,
    limit_name,
    note_source,
    ordered,
    property_named,
    styled,
    suite_colour,
    suite_marker,
    suite_name,
)
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.halos.properties import PROPERTIES

LEVEL_COLOURS = ("#0072B2", "#E69F00")
SMALLEST = 0.01
"""Difference below which scales are linear, as a share of a property's range."""


@styled
def method_differences(comparison, source=None):
    """Draw the RMSE of networks minus that of baselines, by property, input and limits.

    Parameters
    ----------
    comparison : pandas.DataFrame
        From :func:`cgmhelpers.statistics.comparison.paired`, with columns suite_test, fields,
        limits, property, metric, and method (the baseline).
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        In units of each property's range, with 95% intervals; the network errs less below zero.
        Colours and markers are suites; the first baseline has open markers.
    """
    table = in_ranges(comparison)
    down, across = (ordered(key, table[key]) for key in ("limits", "fields"))
    suites, methods = (list(dict.fromkeys(table[key])) for key in ("suite_test", "method"))
    names = [one.name for one in PROPERTIES if one.name in set(table["property"])]
    figure, axes = plt.subplots(
        len(down), len(across), figsize=(3.3 * len(across) + 0.6, 2.6 * len(down) + 0.6),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    width = 0.8 / (len(suites) * len(methods))
    for place, axis in np.ndenumerate(axes):
        axis.axhline(0, color="k", lw=0.8, zorder=0)
        axis.set_yscale("symlog", linthresh=SMALLEST)
        panel = table[(table["limits"] == down[place[0]]) & (table["fields"] == across[place[1]])]
        for (suite, method), own in panel.groupby(["suite_test", "method"], sort=False):
            step = suites.index(suite) * len(methods) + methods.index(method)
            own = own.set_index("property").reindex(names)
            axis.errorbar(
                np.arange(len(names)) + width * (step + 0.5) - 0.4, own["difference"],
                [own["difference"] - own["low"], own["high"] - own["difference"]],
                fmt=suite_marker(suite), color=suite_colour(suite), ms=4, lw=1,
                mfc="w" if methods.index(method) == 0 else None,
                label=f"{suite_name(suite)}, {method}",
            )  # fmt: skip
        for number in range(1, len(names)):
            axis.axvline(number - 0.5, color="0.9", lw=0.8, zorder=0)
        axis.set_xticks(range(len(names)), [property_named(name).label for name in names])
        axis.tick_params(axis="x", which="both", bottom=False, top=False, labelrotation=45)
    for axis, name in zip(axes[0], across, strict=True):
        axis.set_title(field_names(name))
    for row, name in zip(axes, down, strict=True):
        row[0].set_ylabel(f"{limit_name(name)}\n" r"$\Delta$RMSE / range")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(suites))
    return note_source(figure, source)


def in_ranges(comparison):
    """Convert differences of the RMSE to units of each property's range in Table 1.

    Parameters
    ----------
    comparison : pandas.DataFrame
        From :func:`cgmhelpers.statistics.comparison.paired`.

    Returns
    -------
    pandas.DataFrame
        Rows of the metric rmse; difference, low and high divided by the range.
    """
    table = comparison[comparison["metric"] == "rmse"].copy()
    span = table["property"].map({one.name: one.high - one.low for one in PROPERTIES})
    columns = ["difference", "low", "high"]
    table[columns] = table[columns].div(span, axis=0)
    return table


@styled
def method_matrix(comparison, names, source=None):
    """Draw the RMSE of networks and of a baseline for every pair of suites.

    Parameters
    ----------
    comparison : pandas.DataFrame
        From :func:`cgmhelpers.statistics.comparison.paired`, with columns suite_train, suite_test,
        property and metric, of one set of fields, one limit and one baseline.
    names : sequence of str
        Properties, a panel each.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Numbers are the network's RMSE over the baseline's, colour their difference in units of
        the property's range: blue if the network errs less. A ring marks undecided pairs.
    """
    table = in_ranges(comparison)
    trains, tests = (list(dict.fromkeys(table[key])) for key in ("suite_train", "suite_test"))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.9 * columns + 1.4, 2.5 * rows + 0.4), squeeze=False
    )
    trained, tested = (list(map(suite_name, suites)) for suites in (trains, tests))
    norm = SymLogNorm(SMALLEST, vmin=-1, vmax=1)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for number, (axis, name) in enumerate(zip(axes.flat, names, strict=False)):
        own = table[table["property"] == name]
        cells = own.pivot(index="suite_train", columns="suite_test", values="difference")
        shown = axis.imshow(cells.reindex(index=trains, columns=tests), norm=norm, cmap="RdBu_r")
        for row in own.itertuples():
            place = tests.index(row.suite_test), trains.index(row.suite_train)
            dark = abs(norm(row.difference) - 0.5) > 0.35
            axis.text(
                *place, f"{row.value:#.2g}\n{row.reference:#.2g}", ha="center", va="center",
                size=8.5, color="w" if dark else "k",
            )  # fmt: skip
            if row.verdict == "undecided":
                axis.plot(*place, "o", ms=32, mfc="none", mec="0.35", lw=0.8)
        axis.set_title(property_named(name).axis_label)
        last = number >= len(names) - columns
        axis.set_xticks(range(len(tests)), tested if last else [])
        axis.set_yticks(range(len(trains)), trained if number % columns == 0 else [])
        axis.tick_params(length=0, labelsize=7.5)
        axis.tick_params(axis="x", labelrotation=30)
        if last:
            axis.set_xlabel("tested on")
        if number % columns == 0:
            axis.set_ylabel("trained on")
    figure.colorbar(
        shown, ax=axes, label="network − baseline: ΔRMSE / range", extend="both", aspect=30,
        pad=0.02,
    )  # fmt: skip
    return note_source(figure, source)


@styled
def coverage_by_class(coverages, source=None):
    """Draw the coverage of intervals for every property and halo class.

    Parameters
    ----------
    coverages : pandas.DataFrame
        From :func:`cgmhelpers.statistics.coverage.coverages`, with columns suite_test,
        halo_class and property.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each halo class, a column for each suite; dashed lines are the probabilities,
        bars exact 95% intervals.
    """
    classes = [one for one in HALO_CLASSES if one.name in set(coverages["halo_class"])]
    suites = list(dict.fromkeys(coverages["suite_test"]))
    names = [one.name for one in PROPERTIES if one.name in set(coverages["property"])]
    figure, axes = plt.subplots(
        len(classes), len(suites), figsize=(3.0 * len(suites) + 0.5, 1.9 * len(classes) + 0.7),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    levels = sorted(set(coverages["level"]))
    for row, one in zip(axes, classes, strict=True):
        for axis, suite in zip(row, suites, strict=True):
            own = coverages[
                (coverages["halo_class"] == one.name) & (coverages["suite_test"] == suite)
            ]
            for number, (level, colour) in enumerate(zip(levels, LEVEL_COLOURS, strict=False)):
                values = own[own["level"] == level].set_index("property").reindex(names)
                axis.axhline(level, color=colour, lw=1, ls="--", zorder=0)
                axis.errorbar(
                    np.arange(len(names)) + 0.2 * (number - 0.5), values["coverage"],
                    [
                        values["coverage"] - values["coverage_low"],
                        values["coverage_high"] - values["coverage"],
                    ],
                    fmt="os"[number % 2], ms=4, lw=1, color=colour, label=f"{level:.0%}",
                )  # fmt: skip
            halos = own["n"].max() if len(own) else 0
            axis.text(0.98, 0.04, f"{halos:.0f} halos", ha="right", size=8, color="0.3",
                      transform=axis.transAxes)  # fmt: skip
            axis.set_ylim(-0.03, 1.05)
            axis.set_xticks(range(len(names)), [property_named(name).label for name in names])
            axis.tick_params(axis="x", which="both", bottom=False, top=False, labelrotation=45)
        row[0].set_ylabel(f"{one.label}\ncoverage")
    for axis, suite in zip(axes[0], suites, strict=True):
        axis.set_title(suite_name(suite))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(levels))
    return note_source(figure, source)
