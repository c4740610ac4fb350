"""Figures of the calibration of error bars, before and after recalibration."""

import matplotlib.pyplot as plt
import numpy as np

from cgmhelpers.figures.style import (
    heading,
    note_source,
    property_named,
    styled,
    suite_name,
)
from cgmhelpers.statistics import coverage, metrics


@styled
def coverage_curves(table, source=None):
    """Draw the share of truths in the central interval of each probability.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`cgmhelpers.statistics.coverage.coverages`, by ``width``,
        ``suite_test`` and ``property``.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each kind of width, a column for each suite. Lines below the diagonal mean
        underestimated errors. The band holds right posteriors in 95% of samples.
    """
    widths, suites, names = (
        list(dict.fromkeys(table[key])) for key in ("width", "suite_test", "property")
    )
    figure, axes = plt.subplots(
        len(widths), len(suites), figsize=(2.9 * len(suites) + 0.3, 2.9 * len(widths) + 0.5),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    palette = plt.get_cmap("viridis")(np.linspace(0, 0.92, len(names)))
    level = np.linspace(0, 1, 51)
    for (row, column), axis in np.ndenumerate(axes):
        panel = table[(table["width"] == widths[row]) & (table["suite_test"] == suites[column])]
        low, high = coverage.allowed(panel["n"].min(), level)
        axis.fill_between(level, low, high, color="0.9", lw=0, zorder=0)
        axis.plot([0, 1], [0, 1], color="k", lw=1, zorder=1)
        for number, (name, colour) in enumerate(zip(names, palette, strict=True)):
            own = panel[panel["property"] == name]
            axis.plot(
                own["level"], own["coverage"], "osD^vP"[number % 6], ls=("-", "--")[number % 2],
                color=colour, ms=3.5, lw=1.2, label=property_named(name).label,
            )  # fmt: skip
        axis.axvline(metrics.ONE_SIGMA, color="0.5", lw=0.8, ls=":")
        axis.set_box_aspect(1)
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1)
        if row == 0:
            axis.set_title(heading("suite_test", suites[column]))
        if row == len(widths) - 1:
            axis.set_xlabel("probability of the interval")
        if column == 0:
            axis.set_ylabel(f"{widths[row]}:\nshare of halos inside")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(handles)))
    return note_source(figure, source)


@styled
def pit_histograms(table, source=None):
    """Draw histograms of PIT values, the places of truths in their posteriors.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`cgmhelpers.statistics.coverage.pit_histogram`, by ``width``, ``suite_test`` and
        ``property``.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each suite, a column for each property. Right posteriors are flat; a bowl means
        widths too small, a hill widths too large, a slope a bias. The band is that of the table,
        for right posteriors.
    """
    suites, names = (table[key].unique() for key in ("suite_test", "property"))
    figure, axes = plt.subplots(
        len(suites), len(names), figsize=(1.6 * len(names) + 0.6, 1.6 * len(suites) + 0.6),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    before, after = coverage.WIDTHS
    for (row, column), axis in np.ndenumerate(axes):
        own = table[(table["suite_test"] == suites[row]) & (table["property"] == names[column])]
        kinds = {name: own[own["width"] == name] for name in coverage.WIDTHS}
        edges = np.append(kinds[after]["pit"], 1.0)
        axis.axhspan(*kinds[after][["low", "high"]].iloc[0], color="0.88", lw=0, zorder=0)
        axis.axhline(1, color="k", lw=0.8, zorder=1)
        axis.stairs(kinds[before]["density"], edges, color="0.45", lw=1, ls="--", label=before)
        axis.stairs(kinds[after]["density"], edges, color="#332288", lw=1.6, label=after)
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "½", "1"])
        if row == 0:
            axis.set_title(property_named(names[column]).label)
        if column == 0:
            axis.set_ylabel(suite_name(suites[row]))
    highest = table.loc[table["width"] == after, ["density", "high"]].max(axis=None)
    axes[0, 0].set_ylim(0, 1.25 * highest)  # the networks' own widths may go beyond
    figure.supxlabel("share of the posterior below the truth (PIT)", size=9.5)
    figure.supylabel("density of halos", size=9.5)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2)
    return note_source(figure, source)
