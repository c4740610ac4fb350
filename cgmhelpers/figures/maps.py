"""Figures of maps."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.patches import Circle
from matplotlib.ticker import NullFormatter

from cgmhelpers.emission import fields
from cgmhelpers.figures.style import (
    field_label,
    field_names,
    limit_name,
    note_source,
    styled,
    suite_name,
    unit_label,
)
from cgmhelpers.halos.measuring import APERTURE
from cgmhelpers.maps.projection.frame import other_axes

HERO_RANGE = {"xray": 1e5, "hi": 1e4}
"""Ratio of highest to lowest value in the picture of the first page, for fields whose kernels would
otherwise show their edges."""
HERO_COLOURS = {"hi": ("#0b0b12", "#10263f", "#17546b", "#2b8f8c", "#8fcfa6", "#f4fbe6")}
"""Colours of equal steps in lightness, from the background of the picture."""
APERTURE_COLOUR = "#ffffffb0"
FRAME_COLOUR = "#ffffff30"


@styled
def halo_in_suites(halos, limits=("ideal", "survey"), axis="x", source=None):
    """Draw a halo in each suite, in every field, with and without limits (Fig. 2).

    Parameters
    ----------
    halos : dict of str to xarray.Dataset
        Suite -> map data set of a single halo (``isel(halo=...)``), without limits.
    limits : sequence of str
        Rows for each field: ``"ideal"``, ``"survey"``.
    axis : {"x", "y", "z"}
        Line of sight.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Columns are suites. Colours are the same along a row; circles show R200c.
    """
    titles = {suite: f"{suite_name(suite)}\n{_mass_text(ds)}" for suite, ds in halos.items()}
    return _gallery(halos, titles, limits, axis, source)


@styled
def halos_by_mass(halos, limits=("ideal", "survey"), axis="x", source=None):
    """Draw halos of rising mass in a suite, in every field (Fig. 11).

    Parameters
    ----------
    halos : sequence of xarray.Dataset
        Map data sets of single halos (``isel(halo=...)``), without limits.
    limits, axis, source
        As in :func:`halo_in_suites`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    halos = dict(enumerate(halos))
    return _gallery(halos, {key: _mass_text(ds) for key, ds in halos.items()}, limits, axis, source)


def _gallery(halos, titles, limits, axis, source):
    names = [str(name) for name in next(iter(halos.values()))["field"].values]
    rows = [(name, limit) for name in names for limit in limits]
    figure, axes = plt.subplots(
        len(rows), len(halos), figsize=(2.3 * len(halos) + 1.2, 2.3 * len(rows) + 0.3),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for row, (name, limit) in zip(axes, rows, strict=True):
        images = {k: ds["image"].sel(field=name, axis=axis).values for k, ds in halos.items()}
        norm = colours_of(name, images.values(), limit)
        for panel, (key, image) in zip(row, images.items(), strict=True):
            ds = halos[key]
            shown = _draw(panel, image, ds, fields.get(name), norm, limit)
        label = f"{field_names(name)}, {limit_name(limit)}"
        row[0].set_ylabel(f"{label}\n{other_axes(axis)[1]} [kpc]")
        label = unit_label(name)
        bar = figure.colorbar(shown, ax=row, label=label, aspect=15, pad=0.01, extend="min")
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
    for panel, title in zip(axes[0], titles.values(), strict=True):
        panel.set_title(title)
    for panel in axes[-1]:
        panel.set_xlabel(f"{other_axes(axis)[0]} [kpc]")
    return note_source(figure, source)


def colours_of(name, images, limits, dynamic_range=None):
    """Return the logarithmic colour scale of all maps of a field.

    Parameters
    ----------
    name : str
        Field.
    images : iterable of ndarray
        Maps in the field's unit.
    limits : {"ideal", "survey", "observed"}
        The scale of a survey starts at its limit, that of observed maps within their noise.
    dynamic_range : float, optional
        Ratio of highest to lowest value of an ideal scale; that of the field by default.

    Returns
    -------
    matplotlib.colors.LogNorm
    """
    field = fields.get(name)
    images = list(images)
    lowest = float(np.median(images)) / 3 if limits == "observed" else field.limit(limits)
    highest = max(float(np.max(image)) for image in images)
    highest = max(highest, 10 * lowest)
    if limits == "ideal":
        lowest = max(lowest, highest / (dynamic_range or field.dynamic_range))
    return LogNorm(lowest, highest, clip=True)


def _draw(panel, image, ds, field, norm, limits):
    half = float(ds["x"].values[-1] + np.diff(ds["x"].values[:2])[0] / 2)
    shown = panel.imshow(
        np.maximum(image, field.limit(limits)), norm=norm, cmap=field.colour_map, origin="lower",
        extent=[-half, half, -half, half], interpolation="nearest",
    )  # fmt: skip
    radius = float(ds["r200c"])
    if radius < half:
        panel.add_patch(Circle((0, 0), radius, fill=False, color="w", lw=0.8, ls=(0, (4, 3))))
    panel.set_xlim(-half, half)
    panel.set_ylim(-half, half)
    panel.tick_params(color="w", length=3)
    if limits == "survey" and np.max(image) <= field.limit(limits):
        panel.text(
            0.5, 0.04, "nothing above the limit", color="0.75", size=8, ha="center",
            transform=panel.transAxes,
        )  # fmt: skip
    return shown


@styled
def hero(ds, axis="x", source=None, scale_bar=100.0):
    """Draw a halo in all fields, as large as the page.

    Parameters
    ----------
    ds : xarray.Dataset
        Map data set of a single halo (``isel(halo=...)``), without limits.
    axis : {"x", "y", "z"}
        Line of sight.
    source : str, optional
        Name of the data, written on the figure.
    scale_bar : float
        Length of the bar [kpc].

    Returns
    -------
    matplotlib.figure.Figure
        Light on dark. The dotted circle is the aperture of 200 kpc of four of the six properties;
        the dashed circle is R200c, if it fits.
    """
    names = [str(name) for name in ds["field"].values]
    ink, paper = "#e8e8ee", "#0b0b12"
    figure, axes = plt.subplots(
        1, len(names), figsize=(5.2 * len(names), 6.0), facecolor=paper, squeeze=False
    )
    for panel, name in zip(axes[0], names, strict=True):
        image = ds["image"].sel(field=name, axis=axis).values
        field = fields.get(name)
        norm = colours_of(name, [image], "ideal", HERO_RANGE.get(name))
        shown = _draw(panel, image, ds, field, norm, "ideal")
        shown.set_interpolation("bilinear")
        if name in HERO_COLOURS:
            shown.set_cmap(LinearSegmentedColormap.from_list(f"hero {name}", HERO_COLOURS[name]))
        bar = figure.colorbar(
            shown, ax=panel, location="bottom", label=field_label(name), aspect=32, pad=0.02,
            shrink=0.92,
        )  # fmt: skip
        bar.ax.xaxis.label.set_color(ink)
        bar.ax.tick_params(colors=ink, which="both")
        bar.outline.set_edgecolor(ink)
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_color(FRAME_COLOUR)
        left, bottom = (0.86 * limit for limit in (panel.get_xlim()[0], panel.get_ylim()[0]))
        panel.plot([left, left + scale_bar], [bottom, bottom], color="w", lw=2.5)
        panel.text(
            left + scale_bar / 2, bottom + 0.02 * np.ptp(panel.get_ylim()), f"{scale_bar:g} kpc",
            color="w", ha="center", va="bottom", size=11,
        )  # fmt: skip
        panel.text(
            0.04, 0.965, field_names(name), color="w", size=15, va="top",
            transform=panel.transAxes,
        )  # fmt: skip
        panel.add_patch(Circle((0, 0), APERTURE, fill=False, color=APERTURE_COLOUR, lw=1, ls=":"))
    place = APERTURE * np.sqrt(0.5)
    axes[0, 0].text(place, -place, f" {APERTURE:g} kpc", color=APERTURE_COLOUR, size=10, va="top")
    suite = str(ds["suite"].values) if "suite" in ds.coords else ds.attrs.get("suite", "")
    axes[0, -1].text(
        0.96, 0.965, f"{suite_name(suite)}, {_mass_text(ds)}", color="w", size=11, ha="right",
        va="top", transform=axes[0, -1].transAxes,
    )  # fmt: skip
    note_source(figure, source)
    for text in figure.texts:
        text.set_color(ink)
    return figure


def _mass_text(ds):
    return rf"$\log M_\mathrm{{200c}}/\mathrm{{M}}_\odot = {float(ds['log_mass']):.2f}$"
