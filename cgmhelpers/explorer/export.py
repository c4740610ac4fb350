"""Exports of an explorer: the shown maps as FITS and PNG, the listed halos as CSV."""

import io
from pathlib import Path

import numpy as np
from astropy import units
from astropy.io import fits
from astropy.wcs import WCS

from cgmhelpers.emission import fields
from cgmhelpers.explorer.changed import limited
from cgmhelpers.halos.classes import HALO
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.maps.projection.frame import other_axes
from cgmhelpers.system.files import whole


def file_stem(collection, selection):
    """Name the files of a selection.

    Parameters
    ----------
    collection : Collection
        Halos and maps.
    selection : Choice
        The shown selection.

    Returns
    -------
    str
        A name such as ``SIMBA_CV_3_group17_x_survey``.
    """
    row = collection.table.loc[selection.halo]
    limits = f"own{selection.depth:+.2f}" if selection.limits == "own" else selection.limits
    parts = [row["suite"], row["set_name"], row["realisation"], f"group{row['group']}"]
    return "_".join(map(str, [*parts, selection.axis, limits]))


def map_to_fits(collection, selection, path):
    """Write the shown maps as FITS: one image extension per field, with units and a WCS in kpc.

    Parameters
    ----------
    collection : Collection
        Halos and maps.
    selection : Choice
        The shown selection; its limits are applied.
    path : path
        File to write or to replace.

    Returns
    -------
    Path
        The file.
    """
    halo = collection.table.loc[selection.halo]
    primary = fits.PrimaryHDU()
    primary.header.update(
        SUITE=(str(halo["suite"]), "suite of simulations"),
        SETNAME=(str(halo["set_name"]), "set of simulations"),
        REALIS=(int(halo["realisation"]), "number in the set"),
        GROUP=(int(halo["group"]), "row in the group catalogue"),
        LOGMASS=(float(halo["log_mass"]), "log10 of M200c [Msun]"),
        R200C=(float(halo["r200c"]), "[kpc]"),
        REDSHIFT=(float(collection.attributes["redshift"]), "of the snapshot"),
        LOS=(selection.axis, "line of sight"),
        LIMITS=(selection.limits, "which limits the maps have"),
        MOCK=(bool(collection.attributes["mock"]), "from the mock suite: not a result"),
    )
    for change, value in selection.changes.items():
        primary.header.add_history(f"changed by hand: {change} {value}")
    frame = _frame(collection, selection).to_header()
    extensions = []
    for name, image in zip(selection.fields, limited(collection, selection), strict=True):
        one = fits.ImageHDU(image, header=frame.copy(), name=name)
        unit = units.Unit(fields.get(name).unit)
        if unit != units.dimensionless_unscaled:
            one.header["BUNIT"] = unit.to_string("fits")
        one.header["LIMIT"] = (selection.limit(name), "fainter pixels aren't detected")
        one.header["FILL"] = (selection.fill(name), "value of pixels that aren't detected")
        extensions.append(one)
    path = Path(path)
    with whole(path) as temporary:
        fits.HDUList([primary, *extensions]).writeto(temporary)
    return path


def picture(collection, selection):
    """Draw the shown maps in the style of the book's figures.

    Parameters
    ----------
    collection : Collection
        Halos and maps.
    selection : Choice
        The shown selection.

    Returns
    -------
    bytes
        A PNG file.
    """
    from matplotlib import pyplot as plt
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Circle

    from cgmhelpers.figures.style import field_label, note_source, style, suite_name
    from cgmhelpers.halos.measuring import APERTURE

    half = collection.pixels * collection.pixel_size / 2
    horizontal, vertical = other_axes(selection.axis)
    with style():
        figure, panels = plt.subplots(
            1, len(selection.fields), figsize=(4.6 * len(selection.fields), 3.9), squeeze=False
        )
        shown = zip(panels[0], selection.fields, limited(collection, selection), strict=True)
        for panel, name, image in shown:
            field = fields.get(name)
            highest = max(float(image.max()), 10 * selection.limit(name))
            lowest = selection.limit(name)
            if selection.limits == "ideal":
                lowest = max(lowest, highest / field.dynamic_range)
            drawn = panel.imshow(
                image, norm=LogNorm(lowest, highest, clip=True), cmap=field.colour_map,
                origin="lower", extent=[-half, half, -half, half], interpolation="nearest",
            )  # fmt: skip
            radii = ((collection.table.loc[selection.halo, "r200c"], "--"), (APERTURE, ":"))
            for radius, line in radii:
                panel.add_patch(Circle((0, 0), radius, fill=False, color="w", lw=0.9, ls=line))
            panel.set(xlim=(-half, half), ylim=(-half, half))
            panel.set(xlabel=f"{horizontal} [kpc]", ylabel=f"{vertical} [kpc]")
            figure.colorbar(drawn, ax=panel, label=field_label(name), pad=0.01)
        suite = collection.table.loc[selection.halo, "suite"]
        said = suite_name(suite, collection.source)
        title = collection.name(selection.halo).replace(suite, said, 1)
        figure.suptitle(title, size=10.5, x=0.02, ha="left")
        note_source(figure, collection.source)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
        plt.close(figure)
    return buffer.getvalue()


def halos_to_csv(collection, numbers, path):
    """Write halos with their properties as CSV.

    Parameters
    ----------
    collection : Collection
        Halos.
    numbers : sequence of int
        Rows of the collection's table.
    path : path
        File to write or to replace.

    Returns
    -------
    Path
        The file. Masses are log10 Msun, radii kpc, temperatures log10 K.
    """
    columns = [*HALO, "halo_class", "log_mass", "r200c", *NAMES]
    path = Path(path)
    with whole(path) as temporary:
        collection.table.loc[list(numbers), columns].to_csv(temporary, index=False)
    return path


def _frame(collection, selection):
    """Return the WCS of the images: linear, kpc from the halo's centre."""
    frame = WCS(naxis=2)
    frame.wcs.ctype = [axis.upper() for axis in other_axes(selection.axis)]
    frame.wcs.cunit = ["kpc", "kpc"]
    frame.wcs.crpix = np.full(2, (collection.pixels + 1) / 2)
    frame.wcs.cdelt = np.full(2, collection.pixel_size)
    frame.wcs.crval = np.zeros(2)
    return frame
