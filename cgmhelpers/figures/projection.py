"""Figures of maps: fields, projections, and methods for neutral hydrogen."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm, SymLogNorm
from matplotlib.ticker import NullFormatter, PercentFormatter

from cgmhelpers.emission import fields
from cgmhelpers.figures.maps import colours_of
from cgmhelpers.figures.style import (
    field_label,
    field_names,
    limit_name,
    note_source,
    property_named,
    styled,
    suite_colour,
    suite_marker,
    suite_name,
    unit_label,
)

METHOD_NAMES = {"trident": "Trident: HM12 + Rahmati", "snapshot": "stored in the snapshot"}
DIFFERENCES = (1e-3, 1.0)
"""Range of relative differences in which colours are logarithmic."""


@styled
def every_field(ds, limits=("ideal", "survey"), axis="x", source=None):
    """Draw a halo in every field of a data set, a column each.

    Parameters
    ----------
    ds : xarray.Dataset
        Map data set of a single halo (``isel(halo=...)``), without limits.
    limits : sequence of str
        Rows: ``"ideal"``, ``"survey"``.
    axis : {"x", "y", "z"}
        Line of sight.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The colours of the row of a survey start at its limit.
    """
    names = [str(name) for name in ds["field"].values]
    figure, axes = plt.subplots(
        len(limits), len(names), figsize=(2.7 * len(names), 3.1 * len(limits)), squeeze=False,
        sharex=True, sharey=True,
    )  # fmt: skip
    for column, name in zip(axes.T, names, strict=True):
        field = fields.get(name)
        image = ds["image"].sel(field=name, axis=axis)
        for panel, limit in zip(column, limits, strict=True):
            norm = colours_of(name, [image.values], limit)
            shown = np.maximum(image.values, field.limit(limit))
            drawn = _draw(panel, shown, _half_width(ds), norm=norm, cmap=field.colour_map)
            title = f"{field.title}, {limit_name(limit)}"
            panel.set_title(title if limit == "ideal" else f"{field.title}, {field.survey}")
            _bar(figure, drawn, panel, unit_label(name), extend="min")
    for row in axes:
        row[0].set_ylabel("[kpc]")
    for panel in axes[-1]:
        panel.set_xlabel("[kpc]")
    return note_source(figure, source)


@styled
def pencil_beam_comparison(images, half_width, radius, arriving, shares, name, source=None):
    """Draw the difference of yt's pencil beams from means over pixels, and its cause.

    Parameters
    ----------
    images : sequence of two (N, N) arrays
        A halo's map in the field's unit: means over pixels, and by yt's pixeliser.
    half_width : float
        Half the width of the maps [kpc].
    radius : (R,) array
        Kernel radii in pixels.
    arriving : (R, S) array
        Part of an element of that radius that arrives on yt's map, for many places of it; from
        `cgmhelpers.maps.projection.arriving.arriving_fraction`.
    shares : dict of str to (kernel radii in pixels, weights)
        Title -> elements of the halo and their deposits, for the share at each radius.
    name : str
        Field of the images.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Above: both maps and their relative difference. Below: the part that arrives, as median, 68%
        and 95% of all places, and the distribution of the halo's deposits over radii.
    """
    mean, beam = images
    field = fields.get(name)
    figure, axes = plt.subplot_mosaic(
        [["mean", "beam", "difference"], ["kept", "kept", "kept"]],
        figsize=(9.6, 6.4), height_ratios=[1.25, 1],
    )  # fmt: skip
    norm = colours_of(name, images, "ideal")
    lost = f"{beam.sum() / mean.sum() - 1:+.1%}".replace("-", "−")
    for key, image, title in (
        ("mean", mean, "mean over each pixel"),
        ("beam", beam, f"yt, pixel centres: sum off by {lost}"),
    ):
        drawn = _draw(
            axes[key], np.maximum(image, field.floor), half_width, norm=norm, cmap=field.colour_map
        )
        axes[key].set_title(title)
        _bar(figure, drawn, axes[key], field_names(name) + " " + unit_label(name), extend="min")
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.where(mean > 0, beam / mean - 1, 0.0)
    small, large = DIFFERENCES
    drawn = _draw(
        axes["difference"], difference, half_width, norm=SymLogNorm(small, vmin=-large, vmax=large),
        cmap="RdBu_r",
    )  # fmt: skip
    axes["difference"].set_title("relative difference")
    bar = _bar(figure, drawn, axes["difference"], "yt / mean − 1", extend="max")
    bar.set_ticks([-1, -1e-2, 0, 1e-2, 1])
    axes["mean"].set_ylabel("[kpc]")
    _draw_arriving(axes["kept"], radius, arriving, shares)
    return note_source(figure, source)


def _draw_arriving(axis, radius, arriving, shares):
    for tail, alpha in ((2.5, 0.2), (16, 0.35)):
        low, high = np.percentile(arriving, [tail, 100 - tail], axis=1)
        label = f"yt, {100 - 2 * tail:g}% of places"
        axis.fill_between(radius, low, high, color="#0072B2", alpha=alpha, lw=0, label=label)
    axis.plot(radius, np.median(arriving, axis=1), color="#0072B2", label="yt, median")
    axis.axhline(1, color="0.2", lw=1, label="mean over each pixel")
    axis.set_xscale("log")
    axis.set_xlim(radius[0], radius[-1])
    axis.set_ylim(0, 3)
    axis.set_xlabel("kernel radius [pixels]")
    axis.set_ylabel("part of an element on the map")
    beside = axis.twinx()
    edges = np.geomspace(radius[0], radius[-1], 41)
    for (title, (own, weights)), look in zip(shares.items(), cycle(("-", "--", ":", "-."))):
        # The first bin includes all smaller kernels; larger ones are beyond the axis.
        share = np.histogram(np.maximum(own, edges[0]), edges, weights=weights)[0]
        share = share / np.sum(weights)
        beside.stairs(share, edges, color="#D55E00", ls=look, lw=1.4, label=title)
    beside.set_ylim(0, None)
    beside.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    beside.set_ylabel("share of the halo's total per bin", color="#D55E00")
    lines, labels = axis.get_legend_handles_labels()
    more, names = beside.get_legend_handles_labels()
    axis.legend(lines + more, labels + names, loc="upper right", ncols=2)


@styled
def hydrogen_methods(images, totals, half_width, source=None):
    """Draw neutral hydrogen by two methods: maps, their ratio, and the sums of all halos.

    Parameters
    ----------
    images : dict of str to (N, N) array
        ``"trident"`` and ``"snapshot"`` -> column density of a halo [cm^-2].
    totals : pandas.DataFrame
        A row for each halo: suite, log_mass, and the sums of the pixels ``trident`` and
        ``snapshot``.
    half_width : float
        Half the width of the maps [kpc].
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Ratios are snapshot over Trident.
    """
    field = fields.get("hi")
    figure, axes = plt.subplots(1, 4, figsize=(12.4, 3.5), width_ratios=[1, 1, 1, 1.15])
    norm = colours_of("hi", images.values(), "ideal")
    for panel, method in zip(axes, METHOD_NAMES, strict=False):
        shown = np.maximum(images[method], field.floor)
        drawn = _draw(panel, shown, half_width, norm=norm, cmap=field.colour_map)
        panel.set_title(METHOD_NAMES[method])
        label = field_label("hi") if method == "trident" else unit_label("hi")
        _bar(figure, drawn, panel, label, extend="min")
    ratio = np.maximum(images["snapshot"], field.floor) / np.maximum(images["trident"], field.floor)
    span = max(1.1, np.percentile(np.maximum(ratio, 1 / ratio), 99))
    drawn = _draw(axes[2], ratio, half_width, norm=LogNorm(1 / span, span), cmap="RdBu_r")
    axes[2].set_title("ratio of the maps")
    bar = _bar(figure, drawn, axes[2], "snapshot / Trident", extend="both")
    bar.set_ticks([1 / span, 1, span], labels=[f"{1 / span:.2g}", "1", f"{span:.2g}"])
    for suite, own in totals.groupby("suite", sort=False):
        axes[3].scatter(
            own["log_mass"], own["snapshot"] / own["trident"], s=12, lw=0, alpha=0.6,
            label=suite_name(suite), color=suite_colour(suite), marker=suite_marker(suite),
        )  # fmt: skip
    axes[3].axhline(1, color="0.2", lw=1)
    axes[3].set_xlabel(property_named("log_m_halo").axis_label)
    axes[3].set_ylabel("ratio of the maps' sums")
    axes[3].legend(handletextpad=0.1)
    axes[0].set_ylabel("[kpc]")
    return note_source(figure, source)


def _draw(panel, image, half_width, **colours):
    drawn = panel.imshow(
        image, origin="lower", extent=2 * [-half_width, half_width], interpolation="nearest",
        **colours,
    )  # fmt: skip
    panel.tick_params(color="w", length=3)
    panel.set_xlabel("[kpc]")
    return drawn


def _bar(figure, drawn, panel, label, extend):
    bar = figure.colorbar(
        drawn, ax=panel, location="bottom", label=label, extend=extend, aspect=22, pad=0.02
    )
    bar.ax.xaxis.set_minor_formatter(NullFormatter())
    return bar


def _half_width(ds):
    return float(ds["x"].values[-1] + np.diff(ds["x"].values[:2])[0] / 2)
