"""Figures of halos as telescopes see them, and of what a depth or a number of halos buys."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import AsinhNorm, LogNorm

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.figures.style import (
    field_names,
    note_source,
    property_named,
    styled,
    suite_colour,
    suite_name,
    unit_label,
)
from cgmhelpers.halos.classes import HALO_CLASSES


@styled
def seen_by(nature, found, source=None):
    """Draw the input map of a halo, what telescopes see of it, and what a network is shown.

    Parameters
    ----------
    nature : xarray.DataArray
        Maps (field, y, x) without limits, with coordinates y and x [kpc].
    found : xarray.Dataset
        The halo observed, as from `cgmhelpers.sky.looking.look`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each field: the input map of the simulation, counts or column densities, and the
        softened map, whose logarithm the network is given. Grey pixels weren't observed.
    """
    names = [str(name) for name in found["field"].values]
    figure, axes = plt.subplots(
        len(names), 3, figsize=(9.4, 2.6 * len(names) + 0.3), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    half = found.attrs["pixel_size_kpc"] * found.sizes["x"] / 2
    view = {"origin": "lower", "extent": [-half, half, -half, half], "interpolation": "nearest"}
    for row, name in zip(axes, names, strict=True):
        field = known_fields.get(name)
        truth = nature.sel(field=name).values
        seen = found["seen"].sel(field=name).values
        noise = float(found["noise"].sel(field=name).median())
        softened = np.where(seen, found["input"].sel(channel=name).values, np.nan)
        if name == "xray":
            counts = found["counts"].values
            norm = AsinhNorm(linear_width=3.0, vmin=0, vmax=max(1.0, np.nanmax(counts)))
            middle = (counts, norm, "counts")
        else:
            value = np.where(seen, found["value"].sel(field=name).values, np.nan)
            middle = (value, AsinhNorm(linear_width=noise, vmin=-3 * noise), unit_label(name))
        top = max(truth.max(), np.nanmax(softened))
        panels = [
            (truth, LogNorm(max(truth.max() / field.dynamic_range, truth[truth > 0].min()), top),
             unit_label(name)),
            middle,
            (softened, LogNorm(noise / 10, top), unit_label(name)),
        ]  # fmt: skip
        for panel, (image, norm, unit) in zip(row, panels, strict=True):
            panel.set_facecolor("0.7")
            if isinstance(norm, LogNorm):
                image = np.maximum(image, norm.vmin)
            shown = panel.imshow(image, norm=norm, cmap=field.colour_map, **view)
            bar = figure.colorbar(shown, ax=panel, label=unit, aspect=16, pad=0.02, shrink=0.8)
            if isinstance(norm, AsinhNorm):
                bar.set_ticks(_apart(norm))
                bar.minorticks_off()
        row[0].set_ylabel(f"{field_names(name)}\nnorth [kpc]")
    titles = ("input map", "telescope", "shown to the network")
    for panel, title in zip(axes[0], titles, strict=True):
        panel.set_title(title)
    for panel in axes[-1]:
        panel.set_xlabel("west [kpc]")
    return note_source(figure, source)


def _apart(norm):
    """Return ticks of a colour bar that is linear around zero: powers of ten near it overlap."""
    if not norm.vmax > 0:
        return [0]
    last = np.floor(np.log10(norm.vmax))
    first = min(np.ceil(np.log10(2 * norm.linear_width)), last)
    return [0, *10.0 ** np.arange(first, last + 1)]


@styled
def width_by_depth(table, along, across=None, goal=0.2, name="f_cgm", source=None):
    """Draw the width of posteriors against the exposure of an instrument.

    Parameters
    ----------
    table : pandas.DataFrame
        From `cgmhelpers.sky.planning.widths`.
    along : str
        Field whose depth is the horizontal axis.
    across : str, optional
        Field whose depths are lines.
    goal : float
        Relative width that is marked.
    name : str
        Property.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each class of halos: median over halos, and the 16th to 84th percentile of the
        deepest line.
    """
    classes = [one for one in HALO_CLASSES if (table["halo_class"] == one.name).any()]
    figure, axes = plt.subplots(
        1, len(classes), figsize=(3.2 * len(classes) + 0.4, 3.2), sharey=True, squeeze=False
    )
    depths = sorted(table[across].unique()) if across else [None]
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(depths)))
    time = "integration time" if across == "hi" else "exposure"
    for panel, kind in zip(axes[0], classes, strict=True):
        own = table[table["halo_class"] == kind.name]
        for depth, colour in zip(depths, colours, strict=True):
            rows = own if across is None else own[own[across] == depth]
            by = rows.groupby(along)["relative"]
            label = None if depth is None else f"{field_names(across)} {time} × {depth:g}"
            panel.plot(by.median(), "-o", ms=4, color=colour, label=label)
        panel.fill_between(
            by.median().index, by.quantile(0.16), by.quantile(0.84), color=colour, alpha=0.15, lw=0
        )
        panel.axhline(goal, color="k", lw=1, ls=":")
        panel.set(xscale="log", xlabel=f"{field_names(along)} exposure\n[instrument's own]")
        panel.set_title(f"{kind.label}, {own.groupby(along).size().iloc[0] // len(depths)} halos")
    axes[0, 0].set_ylabel(f"relative width of {property_named(name).label}")
    axes[0, 0].set_ylim(bottom=0)
    if across:
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return note_source(figure, source)


@styled
def width_by_number(table, prior, source=None):
    """Draw how a stack narrows with its number of halos, and where it stops to be right.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each stack: ``suite``, ``objects``, ``width`` of the population's mean, and
        ``error``, the distance of the mean from the truth.
    prior : float
        Scatter of the property among training halos.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Lines: widths; crosses: errors. Dashed: a fall with the root of the number.
    """
    figure, axis = plt.subplots(figsize=(5.6, 3.8))
    for suite, own in table.groupby("suite", sort=False):
        colour = "k" if suite == "all" else suite_colour(suite)
        label = "all suites" if suite == "all" else suite_name(suite)
        axis.plot(own["objects"], own["width"], "-o", ms=4, color=colour, label=label)
        axis.plot(own["objects"], own["error"], "x", ms=6, color=colour)
    axis.axhline(prior, color="0.4", lw=1, ls=":", label="scatter of the training halos")
    first = table.iloc[0]
    numbers = np.geomspace(first["objects"], table["objects"].max(), 20)
    axis.plot(
        numbers, first["width"] * (numbers / first["objects"]) ** -0.5, color="0.4", lw=1, ls="--",
        label="root of the number",
    )  # fmt: skip
    axis.plot([], [], "x", color="0.3", label="distance from the truth")
    axis.set(xscale="log", yscale="log", xlabel="halos in the stack")
    axis.set_ylabel(f"width of the mean of {property_named('f_cgm').label}")
    figure.legend(loc="outside lower center", ncols=3)
    return note_source(figure, source)
