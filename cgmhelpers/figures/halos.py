"""Figures of halo populations and of their gas."""

import itertools
from dataclasses import fields, replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import MultipleLocator

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.figures.style import (
    field_names,
    note_source,
    property_named,
    styled,
    suite_colour,
    suite_marker,
    suite_name,
    unit_label,
)
from cgmhelpers.halos import populations
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.halos.cosmology import CV, Volume


@styled
def property_trends(halos, names, source=None, edges=populations.MASS_EDGES):
    """Draw properties of each suite against halo mass (Fig. 1).

    Parameters
    ----------
    halos : pandas.DataFrame
        From ``Run.halos``.
    names : sequence of str
        Properties, a panel each.
    source : str, optional
        Name of the data, written on the figure.
    edges : array_like
        Edges of the bins in log10 halo mass.

    Returns
    -------
    matplotlib.figure.Figure
        Lines: means; bands: 16th to 84th percentile; points: halos of bins with few.
    """
    columns = min(3, len(names)) if len(names) != 4 else 2
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.7 * columns, 3.0 * rows), sharex=True, squeeze=False
    )
    figure.get_layout_engine().set(w_pad=0.1)
    for axis, name in zip(axes.flat, names, strict=False):
        trends = populations.trend(halos, name, edges)
        for suite in dict.fromkeys(halos["suite"]):
            _draw_trend(axis, halos, trends, suite, name, edges)
        axis.set_ylabel(property_named(name).axis_label)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis in axes.flat[max(0, len(names) - columns) : len(names)]:
        axis.set_xlabel(property_named("log_m_halo").axis_label)
        axis.xaxis.set_tick_params(labelbottom=True)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    if len(names) < axes.size:
        axes.flat[-1].legend(handles, labels, loc="center", fontsize=11)
    else:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(handles))
    return note_source(figure, source)


def _draw_trend(axis, halos, trends, suite, name, edges):
    line = trends[trends["suite"] == suite]
    colour = suite_colour(suite)
    axis.plot(line["log_mass"], line["mean"], color=colour, label=suite_name(suite))
    axis.fill_between(line["log_mass"], line["low"], line["high"], color=colour, alpha=0.2, lw=0)
    own = halos[halos["suite"] == suite]
    crowded = np.isin(np.digitize(own["log_mass"], edges) - 1, line["bin"])
    axis.scatter(
        own["log_mass"][~crowded],
        own[name][~crowded],
        s=12,
        color=colour,
        marker=suite_marker(suite),
        linewidth=0,
        alpha=0.8,
    )


@styled
def mass_functions(halos, volume, redshift=0.0, source=None):
    """Draw the halo mass functions of the suites beside the expected one.

    Parameters
    ----------
    halos : pandas.DataFrame
        From ``Run.halos``.
    volume : float
        Volume of all realisations of a suite [Mpc^3].
    redshift : float
        Redshift of the snapshots.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Points: halos with Poisson errors; line: Tinker et al. (2008).
    """
    figure, axis = plt.subplots(figsize=(5.4, 3.8))
    suites = list(dict.fromkeys(halos["suite"]))
    for number, suite in enumerate(suites):
        own = halos.loc[halos["suite"] == suite, "log_mass"]
        found = populations.mass_function(own, volume)
        found = found[found["n"] > 0]
        axis.errorbar(
            found["log_mass"] + 0.02 * (number - (len(suites) - 1) / 2),
            found["density"],
            found["error"],
            fmt=suite_marker(suite),
            color=suite_colour(suite),
            ms=4.5,
            lw=1,
            label=suite_name(suite),
        )
    grid = np.linspace(11.5, max(14.3, halos["log_mass"].max()), 100)
    expected = populations.expected_mass_function(grid, redshift)
    axis.plot(grid, expected, color="0.3", lw=1.2, zorder=0, label="Tinker et al. (2008)")
    axis.set_yscale("log")
    axis.set_xlabel(r"$\log M_\mathrm{200c}$ [$\mathrm{M}_\odot$]")
    axis.set_ylabel(r"$\mathrm{d}n/\mathrm{d}\log M$ [$\mathrm{Mpc^{-3}\,dex^{-1}}$]")
    axis.legend()
    return note_source(figure, source)


@styled
def parameter_effects(suites=None, source=None):
    """Draw the effect of each of CAMELS' six parameters on the mock: numbers and gas of halos.

    Parameters
    ----------
    suites : sequence of str, optional
        Suites of the mock; all by default.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Cosmology, a panel for each parameter: numbers of halos over the fiducial ones. Feedback, a
        column for each parameter: median gas fraction, metallicity and cool fraction over the
        fiducial ones; solid lines at the top of the parameter's range, dashed ones at its bottom.
    """
    from cgmhelpers.mock import SUITES, feedback, responses, sets

    suites = suites or SUITES
    log_mass = np.linspace(10.6, 14.2, 40)
    cosmology, strengths = sets.NAMES[:2], ("A_SN1", "A_SN2", "A_AGN1", "A_AGN2")
    layout = [[name for name in cosmology for _ in range(2)]]
    layout += [[f"{quantity} {name}" for name in strengths] for quantity in _QUANTITIES]
    figure, axes = plt.subplot_mosaic(layout, figsize=(11, 11), sharex=True)
    field = {name: one.name for name, one in zip(sets.NAMES, fields(sets.FIDUCIAL), strict=True)}
    for end, style in ((1, "-"), (0, "--")):
        for name in cosmology:
            value = sets.ranges(suites[0])[name][end]
            ratio = _number_ratio(log_mass, {field[name]: value})
            axes[name].plot(log_mass, ratio, style, color="0.3", label=f"{value:g}")
        for suite, name in itertools.product(suites, strengths):
            fiducial, value = feedback.MODELS[suite], sets.ranges(suite)[name][end]
            moved = responses.respond(fiducial, replace(sets.FIDUCIAL, **{field[name]: value}))
            label = suite_name(suite, "mock suite") if end else None
            for quantity in _QUANTITIES:
                now, before = (model.at(quantity, 10**log_mass) for model in (moved, fiducial))
                ratio = 10 ** (now - before) if quantity == "metallicity" else now / before
                colour = suite_colour(suite)
                axes[f"{quantity} {name}"].plot(log_mass, ratio, style, color=colour, label=label)
    for key, axis in axes.items():
        quantity, _, name = key.rpartition(" ")
        axis.axhline(1, color="0.7", lw=0.8, zorder=0)
        axis.xaxis.set_major_locator(MultipleLocator(1))
        if name in cosmology:
            axis.set(yscale="log", ylabel="halos / fiducial")
            axis.legend(title=f"${_SYMBOLS[name]}$")
        elif name == strengths[0]:
            axis.set_ylabel(f"${_QUANTITIES[quantity]}$ / fiducial")
        if name in cosmology or quantity == "cgm_fraction":
            axis.set_title(f"${_SYMBOLS[name]}$")
        if key in layout[-1]:
            axis.set_xlabel(r"$\log M_\mathrm{200c}$ [$\mathrm{M}_\odot$]")
    handles, labels = axes[layout[-1][0]].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles))
    return note_source(figure, source)


_QUANTITIES = {
    "cgm_fraction": r"f_\mathrm{cgm}",
    "metallicity": r"Z_\mathrm{cgm}",
    "cool_fraction": r"f_\mathrm{cool}",
}
_SYMBOLS = {
    "Omega_m": r"\Omega_\mathrm{m}",
    "sigma_8": r"\sigma_8",
    "A_SN1": r"A_\mathrm{SN1}",
    "A_SN2": r"A_\mathrm{SN2}",
    "A_AGN1": r"A_\mathrm{AGN1}",
    "A_AGN2": r"A_\mathrm{AGN2}",
}


def _number_ratio(log_mass, change):
    """Divide expected numbers of halos in a cosmology by those in CAMELS' fiducial one."""
    other = Volume(replace(CV, **change)).halo_number(log_mass)
    return other / Volume().halo_number(log_mass)


@styled
def phase_diagram(hydrogen_density, temperature, weights, source=None):
    """Draw the distribution of quantities over density and temperature, a panel each.

    Parameters
    ----------
    hydrogen_density : array_like, shape (N,)
        Hydrogen density of gas elements [cm^-3].
    temperature : array_like, shape (N,)
        Temperature [K].
    weights : dict of str to array_like, shape (N,)
        Title -> quantity, drawn as its share in each bin.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Panels share axes and colours.
    """
    figure, axes = plt.subplots(
        1, len(weights), figsize=(3.1 * len(weights) + 0.6, 3.2), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    x, y = np.log10(hydrogen_density), np.log10(temperature)
    edges = [np.linspace(a.min() - 0.05, a.max() + 0.05, 71) for a in (x, y)]
    norm = LogNorm(1e-6, 1e-1)
    for axis, (title, weight) in zip(axes[0], weights.items(), strict=True):
        share = np.histogram2d(x, y, edges, weights=weight)[0] / np.sum(weight)
        shown = np.ma.masked_less(share, norm.vmin).T
        image = axis.pcolormesh(*edges, shown, norm=norm, cmap="cividis", rasterized=True)
        axis.axhline(5, color="0.4", lw=0.8, ls=":")
        axis.set_title(title)
        axis.set_xlabel(r"$\log n_\mathrm{H}$ [$\mathrm{cm^{-3}}$]")
    axes[0, 0].set_ylabel(r"$\log T$ [K]")
    figure.colorbar(image, ax=axes[0, -1], label="share of the total per bin", extend="max")
    return note_source(figure, source)


@styled
def total_flux(table, fields, source=None, pixels=128):
    """Draw halo mass against the sum of a map's pixels (Fig. 12).

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each halo: suite, log_mass, halo_class, and for each field a column of its name
        with the sum of the pixels in the field's unit.
    fields : sequence of str
        Fields, a row of panels each.
    source : str, optional
        Name of the data, written on the figure.
    pixels : int
        Pixels along a side of the maps.

    Returns
    -------
    matplotlib.figure.Figure
        Points: halos; black: mean and 16th to 84th percentile of each halo class. Dashed: the sum
        of a map with all pixels at the survey's limit; right of it some pixel is observable.
        Dotted, if it is in the panel: the limit of one pixel; left of it no pixel is.
    """
    suites = list(dict.fromkeys(table["suite"]))
    figure, axes = plt.subplots(
        len(fields), len(suites), figsize=(2.9 * len(suites), 2.7 * len(fields)),
        sharex="row", sharey=True, squeeze=False,
    )  # fmt: skip
    for row, field in zip(axes, fields, strict=True):
        for axis, suite in zip(row, suites, strict=True):
            own = table[(table["suite"] == suite) & (table[field] > 0)]
            total = np.log10(own[field])
            axis.scatter(total, own["log_mass"], s=6, lw=0, alpha=0.5, color=suite_colour(suite))
            for one in HALO_CLASSES:
                chosen = own["halo_class"] == one.name
                if chosen.any():
                    _draw_class_mean(axis, total[chosen], own["log_mass"][chosen])
        observable = np.log10(known_fields.get(field).survey_limit * pixels**2)
        for axis in row:
            axis.axvline(observable, color="0.5", lw=1.2, ls="--", zorder=0)
            axis.axvline(observable - 2 * np.log10(pixels), color="0.5", lw=1.2, ls=":", zorder=0)
        # Robust limits: a halo without flux would squeeze all others.
        low, high = np.percentile(np.log10(table.loc[table[field] > 0, field]), [0.1, 100])
        low, high = min(low, observable), max(high, observable)
        row[0].set_xlim(low - 0.3, high + 0.3)
        row[len(row) // 2].set_xlabel("log " + _total_label(field))
        row[0].set_ylabel(property_named("log_m_halo").axis_label)
    for axis, suite in zip(axes[0], suites, strict=True):
        axis.set_title(suite_name(suite))
    return note_source(figure, source)


def _total_label(field):
    return f"$\\Sigma$ pixels, {field_names(field)} {unit_label(field)}".rstrip()


def _draw_class_mean(axis, total, log_mass):
    mean, (low, high) = np.mean(total), np.percentile(total, [16, 84])
    centre, (bottom, top) = np.mean(log_mass), np.percentile(log_mass, [16, 84])
    # The mean of a few skewed values may lie outside of their percentiles.
    axis.errorbar(
        mean,
        centre,
        xerr=[[max(mean - low, 0)], [max(high - mean, 0)]],
        yerr=[[max(centre - bottom, 0)], [max(top - centre, 0)]],
        fmt="o",
        color="k",
        ms=4,
        lw=1.2,
        capsize=2,
    )
