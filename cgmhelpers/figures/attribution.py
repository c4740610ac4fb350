"""Figures of the contributions of pixels to an inference."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle
from matplotlib.ticker import NullFormatter

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.figures.maps import colours_of
from cgmhelpers.figures.style import (
    FIELD_SET_COLOURS,
    field_names,
    note_source,
    property_named,
    styled,
    unit_label,
)
from cgmhelpers.figures.words import method_name
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.halos.measuring import APERTURE


@styled
def attribution_maps(ds, attribution, source=None):
    """Draw maps of halos beside the contributions of their pixels to an inference.

    Parameters
    ----------
    ds : xarray.Dataset
        Limited maps (halo, field, y, x) of the halos, along one line of sight.
    attribution : Attribution, or dict of str to Attribution
        From :func:`cgmhelpers.inference.attribution.integrated_gradients`, of the same halos; of
        several networks by their titles.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each halo; for each field a column with the map, and one with its attribution by
        each network (red raises the inference over that from a blank map, blue lowers it). The
        attributions of a row have the same scale, and 2% of the pixels that aren't zero lie beyond
        its ends. The dashed circle
        is R200c, if it fits, the dotted one 200 kpc.
    """
    networks = attribution if isinstance(attribution, dict) else {"attribution": attribution}
    attribution = next(iter(networks.values()))
    number, fields = attribution.values.shape[:2]
    step, several = 1 + len(networks), len(networks) > 1
    high, small = (3.1, 7) if several else (2.3, 8)  # the column is narrow for many panels
    figure, axes = plt.subplots(
        number, step * fields, figsize=(2.35 * step * fields + 1.6, high * number + 0.4),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    pixel = float(np.diff(ds["x"].values[:2])[0])
    half = float(ds["x"].values[-1]) + pixel / 2
    view = {"origin": "lower", "extent": [-half, half, -half, half], "interpolation": "nearest"}
    images = ds["image"].values  # (halo, field, y, x)
    for column, name in enumerate(attribution.fields):
        norm = colours_of(name, images[:, column], ds.attrs["limits"])
        for row, image in zip(axes, images[:, column], strict=True):
            shown = row[step * column].imshow(
                image, norm=norm, cmap=known_fields.get(name).colour_map, **view
            )
        axes[0, step * column].set_title(field_names(name))
        for place, title in enumerate(networks, step * column + 1):
            axes[0, place].set_title(
                method_name(title) if several else f"{field_names(name)}, {title}"
            )
        bar = figure.colorbar(
            shown,
            ax=axes[:, step * column],
            label=unit_label(name),
            location="bottom",
            aspect=14,
            pad=0.02,
            extend="min",
        )
        bar.ax.xaxis.set_minor_formatter(NullFormatter())
    for place in range(number):
        of_networks = np.stack([one.values[place] for one in networks.values()])
        lit = np.abs(of_networks[of_networks != 0])
        scale = np.percentile(lit, 98) if len(lit) else 1.0
        for network, column in np.ndindex(of_networks.shape[:2]):
            shown = axes[place, step * column + 1 + network].imshow(
                of_networks[network, column], vmin=-scale, vmax=scale, cmap="RdBu_r", **view
            )
        label = rf"$\Delta${property_named(attribution.property).label} per pixel"
        bar = figure.colorbar(shown, ax=axes[place], aspect=15, pad=0.01, extend="both")
        bar.set_label(label, size=small + 1)
        axes[place, 0].set_ylabel(_halo_text(ds.isel(halo=place), networks, place), size=small)
        colours = ("w", *["0.2"] * len(networks)) * fields
        for panel, colour in zip(axes[place], colours, strict=True):
            radius = float(ds["r200c"].values[place])
            panel.add_patch(Circle((0, 0), radius, fill=False, color=colour, lw=0.8, ls="--"))
            panel.add_patch(Circle((0, 0), APERTURE, fill=False, color=colour, lw=0.9, ls=":"))
            panel.set(xticks=[-200, 0, 200], yticks=[-200, 0, 200], xlim=(-half, half))
            panel.set_ylim(-half, half)
    for panel in axes[-1]:
        panel.set_xlabel("[kpc]")
    return note_source(figure, source)


def _halo_text(ds, networks, place):
    label = {one.name: one.label for one in HALO_CLASSES}.get(str(ds["halo_class"].values), "")
    name = next(iter(networks.values())).property
    truth = float(ds["properties"].sel(property=name))
    inferred = [f"{one.inferred[place]:.2f}" for one in networks.values()]
    if len(networks) > 1:
        named = zip(map(method_name, networks), inferred, strict=True)
        inferred = [f"{title} {value}" for title, value in named]
    else:
        inferred[0] = f"inferred {inferred[0]}"
    return "\n".join([f"{label}: true {truth:.2f}", *inferred, "y [kpc]"])


@styled
def attribution_profiles(profiles, fields, edges, classes, source=None):
    """Draw the share of the attribution in each projected ring, by field and halo class.

    Parameters
    ----------
    profiles : dict of str to ndarray
        Property -> shares of rings, shape (halos, fields, rings): absolute attribution over that
        of all rings and fields.
    fields : sequence of str
        Names of the fields.
    edges : array_like, shape (rings + 1,)
        Edges of the rings [kpc].
    classes : array_like of str, shape (halos,)
        Class of each halo.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each property, a column for each halo class: mean over the halos, with the 16th
        to 84th percentile as a band; dotted: the aperture of 200 kpc.
    """
    classes = np.asarray(classes)
    kinds = [one for one in HALO_CLASSES if one.name in set(classes)]
    figure, axes = plt.subplots(
        len(profiles), len(kinds), figsize=(2.9 * len(kinds) + 0.5, 2.4 * len(profiles) + 0.4),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    middle = (np.asarray(edges[1:]) + np.asarray(edges[:-1])) / 2
    for row, (name, shares) in zip(axes, profiles.items(), strict=True):
        for axis, kind in zip(row, kinds, strict=True):
            own = shares[classes == kind.name]
            own = own[np.isfinite(own).all(axis=(1, 2))]
            for number, field in enumerate(fields):
                if len(own):
                    colour = FIELD_SET_COLOURS.get(field, f"C{number}")
                    low, high = np.percentile(own[:, number], [16, 84], axis=0)
                    axis.fill_between(middle, low, high, color=colour, alpha=0.2, lw=0)
                    axis.plot(middle, own[:, number].mean(axis=0), "-o", ms=3, color=colour,
                              label=field_names(field))  # fmt: skip
            axis.axvline(APERTURE, color="0.5", lw=0.9, ls=":")
            axis.set_title(f"{property_named(name).label}, {kind.label}, {len(own)} halos")
        row[0].set_ylabel("share of attribution")
    for axis in axes[-1]:
        axis.set_xlabel("projected radius [kpc]")
    handles, labels = axes.flat[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels) or 1)
    return note_source(figure, source)
