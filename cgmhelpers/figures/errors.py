"""Figures of errors by halo class, and of offsets between suites."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize

from cgmhelpers.figures.style import (
    FIELD_SET_COLOURS,
    field_names,
    note_source,
    ordered,
    property_named,
    styled,
    suite_colour,
    suite_name,
)
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.statistics import metrics

METRIC_LABELS = {
    "relative_error": r"mean relative error $\epsilon$",
    "rmse": "RMSE / range of the property",
    "reduced_chi2": r"reduced $\chi^2$",
    "coverage": r"coverage of $\mu\pm\sigma$",
    "r2": r"$R^2$",
}


@styled
def error_by_class(predictions, series="fields", metric="relative_error", source=None):
    """Draw the error of each property by halo class (Fig. 7).

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``: rows of one suite to compare `series` ``"fields"``, or of one set
        of fields, trained and tested on the same suite, to compare ``"suite_test"``.
    series : str
        Column of the values to compare.
    metric : {"relative_error", "rmse", "reduced_chi2", "coverage"}
        RMSE is divided by the range of the property in Table 1.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each halo class, with all six properties.
    """
    table = summary_by_class(predictions, series, metric)
    classes = [one for one in HALO_CLASSES if one.name in set(table["halo_class"])]
    kinds = ordered(series, table[series])
    names = [one.name for one in PROPERTIES if one.name in set(table["property"])]
    figure, axes = plt.subplots(
        1, len(classes), figsize=(3.2 * len(classes) + 0.4, 3.3), sharey=True, squeeze=False
    )
    for axis, one in zip(axes[0], classes, strict=True):
        own = table[table["halo_class"] == one.name]
        for number, kind in enumerate(kinds):
            values = own[own[series] == kind].set_index("property")["value"].reindex(names)
            place = np.arange(len(names)) + 0.16 * (number - (len(kinds) - 1) / 2)
            colour, marker = _series_look(series, kind, number)
            axis.plot(place, values, marker, color=colour, ms=6, label=_series_name(series, kind))
        axis.set_xticks(range(len(names)), [property_named(name).label for name in names])
        axis.tick_params(axis="x", which="both", bottom=False, top=False, labelrotation=45)
        for number in range(1, len(names)):
            axis.axvline(number - 0.5, color="0.9", lw=0.8, zorder=0)
        axis.set_title(f"{one.label}: $\\log M$ {one.low:g}–{one.high:g}")
    axes[0, 0].set_ylabel(METRIC_LABELS.get(metric, metric))
    if metric in ("relative_error", "rmse", "reduced_chi2"):
        axes[0, 0].set_yscale("log")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(kinds))
    return note_source(figure, source)


def summary_by_class(predictions, series, metric):
    """Tabulate a metric for each value of `series`, halo class and property.

    Parameters
    ----------
    predictions, series, metric
        As for :func:`error_by_class`.

    Returns
    -------
    pandas.DataFrame
        Columns `series`, halo_class, property and value.
    """
    found = metrics.summarise(predictions, by=(series, "halo_class", "property"))
    value = found[metric]
    if metric == "rmse":
        span = {one.name: one.high - one.low for one in PROPERTIES}
        value = value / found["property"].map(span)
    return found[[series, "halo_class", "property"]].assign(value=value)


def _series_look(series, kind, number):
    if series == "fields":
        return FIELD_SET_COLOURS.get(kind, f"C{number}"), "osD^v"[number % 5]
    return suite_colour(kind), "osD^v"[number % 5]


def _series_name(series, kind):
    return field_names(kind) if series == "fields" else suite_name(kind)


@styled
def bias_matrix(predictions, names, source=None):
    """Draw the median of inference minus truth for every pair of suites.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``, of one set of fields and one limit.
    names : sequence of str
        Properties, a panel each; colours are in units of the property's range.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Red: over-predicted; blue: under-predicted.
    """
    table = metrics.biases(predictions, ("suite_train", "suite_test", "property"))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.9 * columns + 0.8, 2.6 * rows + 0.3), squeeze=False
    )
    trains, tests = (list(dict.fromkeys(table[key])) for key in ("suite_train", "suite_test"))
    trained, tested = (list(map(suite_name, suites)) for suites in (trains, tests))
    norm = Normalize(-0.3, 0.3)
    for number, axis in enumerate(axes.flat):
        if number >= len(names):
            axis.set_axis_off()
            continue
        one = property_named(names[number])
        wide = table[table["property"] == one.name].pivot(
            index="suite_train", columns="suite_test", values="median"
        )
        wide = wide.reindex(index=trains, columns=tests)
        share = wide / (one.high - one.low)
        image = axis.imshow(share, cmap="RdBu_r", norm=norm)
        for (row, column), value in np.ndenumerate(wide.to_numpy()):
            if np.isfinite(value):
                dark = abs(share.iat[row, column]) > 0.2
                axis.text(
                    column, row, _signed(value), ha="center", va="center",
                    size=9, color="w" if dark else "k",
                )  # fmt: skip
        axis.set_title(one.axis_label)
        axis.tick_params(length=0)
        axis.set_xticks(range(len(tests)), tested if number >= len(names) - columns else [])
        axis.set_yticks(range(len(trains)), trained if number % columns == 0 else [])
        axis.tick_params(labelsize=7.5)
        axis.tick_params(axis="x", labelrotation=30)
    for row in axes:
        row[0].set_ylabel("trained on")
    for axis in axes.flat[max(0, len(names) - columns) : len(names)]:
        axis.set_xlabel("tested on")
    figure.colorbar(
        image, ax=axes, label="offset / range of the property", extend="both", aspect=30, pad=0.02
    )
    return note_source(figure, source)


def _signed(value):
    text = f"{value:+.2f}" if abs(value) < 100 else f"{value:+.0e}"
    return (text if text.strip("+-0.") else text[1:]).replace("-", "−")
