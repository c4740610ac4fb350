"""Description of halos, fields and colours for a page, and the page's script."""

import base64
from importlib.resources import files
from itertools import combinations

import numpy as np

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.explorer.choice import Choice
from cgmhelpers.explorer.scene import estimate
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.halos.measuring import APERTURE
from cgmhelpers.halos.properties import NAMES, PROPERTIES

PLAIN_LABELS = {
    "log_m_halo": "log M halo [M☉]",
    "f_cgm": "f CGM",
    "log_z_cgm": "log Z CGM",
    "log_m_cgm": "log M CGM [M☉]",
    "f_cool": "f cool",
    "log_t_cgm": "log T CGM [K]",
}
"""Labels without mathematics, for menus and screen readers."""
PLAIN_UNITS = {
    "xray": "erg s⁻¹ cm⁻² arcmin⁻²",
    "oxygen": "erg s⁻¹ cm⁻² arcmin⁻²",
    "hi": "cm⁻²",
}
DEPTHS = (-2.0, 2.05, 0.1)
"""First, end and step of the limits to choose from, in decades above the survey's."""
PALETTES = ("viridis", "cividis", "gray")
"""Colours to choose from, beside those of the field; all rise evenly in lightness."""


def describe(collection, halos=None):
    """Describe the choices of a page.

    Parameters
    ----------
    collection : Collection
        Halos, maps and networks.
    halos : sequence of int, optional
        Rows of the collection's table; all by default.

    Returns
    -------
    dict
        Plain values, for JSON.
    """
    from cgmhelpers.figures.style import suite_colour, suite_name

    table = collection.table if halos is None else collection.table.loc[list(halos)]
    fields = [known_fields.get(name) for name in collection.fields]
    suites = list(map(str, table["suite"].unique()))
    networks = collection.networks
    return {
        "source": collection.source,
        "pixels": collection.pixels,
        "size": _network_size(collection),
        "halfWidth": collection.pixels * collection.pixel_size / 2,
        "aperture": APERTURE,
        "suites": {name: suite_colour(name) for name in suites},
        "labels": {name: suite_name(name, collection.source) for name in suites},
        "classes": {one.name: one.label for one in HALO_CLASSES},
        "fields": {one.name: _field(one) for one in fields},
        "fieldSets": field_sets(collection.fields),
        "properties": [_property(one) for one in PROPERTIES],
        "halos": {
            "number": table.index.tolist(),
            "suite": list(map(suites.index, table["suite"])),
            **{name: table[name].tolist() for name in ("realisation", "group", "halo_class")},
            "mass": table["log_mass"].round(4).tolist(),
            "radius": table["r200c"].round(2).tolist(),
            "properties": [_numbers(table[name]) for name in NAMES],
        },
        "setName": str(table["set_name"].iloc[0]),
        "networks": [] if networks is None else list(map(str, networks["suite"].unique())),
        "palettes": _palettes(fields),
        "depths": [round(float(d), 2) for d in np.arange(*DEPTHS)],
        "exports": False,
        "links": False,
    }


def field_sets(names):
    """List every set of fields to show side by side.

    Parameters
    ----------
    names : sequence of str
        The fields.

    Returns
    -------
    list of list of str
        The set of all fields is first, single fields are last.
    """
    counts = range(len(names), 0, -1)
    return [list(chosen) for count in counts for chosen in combinations(names, count)]


def along_masses(collection, masses=6):
    """Choose halos of the first suite, evenly over their masses.

    Parameters
    ----------
    collection : Collection
        Halos of one or several suites.
    masses : int
        Steps in log mass, from the lightest halo to the heaviest.

    Returns
    -------
    list of int
        Rows of its table, each once.
    """
    mass = collection.table["log_mass"][_first_suite(collection.table)]
    steps = np.linspace(mass.min(), mass.max(), masses)
    return list(dict.fromkeys(int((mass - step).abs().idxmin()) for step in steps))


def start(collection, halos=None):
    """Choose what is shown first: a halo for which the network is neither lucky nor unlucky.

    Parameters
    ----------
    collection : Collection
        Halos, maps and networks.
    halos : sequence of int, optional
        Rows of its table to choose from; by default some along the masses.

    Returns
    -------
    Choice
        All fields of the halo of the first suite whose mean squared deviation, in units of the
        posterior's variance, is the median. Without a network, of median mass.
    """
    table = collection.table.loc[along_masses(collection) if halos is None else list(halos)]
    table = table[_first_suite(table)].sort_values("log_mass")

    def deviation(number):  # numpydoc ignore=GL08
        found = estimate(collection, Choice(number, fields=collection.fields))
        if found["mean"] is None:
            return 0.0
        off = np.subtract(found["mean"], table.loc[number, list(NAMES)].to_numpy(float))
        return float(np.nanmean(np.square(off / found["std"])))

    ranked = sorted(table.index, key=deviation)  # a stable order: by mass where all are equal
    return Choice(int(ranked[(len(ranked) - 1) // 2]), fields=collection.fields)


def _first_suite(table):
    return table["suite"] == table["suite"].iloc[0]


def script(name):
    """Read the view's JavaScript and style, with one of its two drivers and what that uses.

    Parameters
    ----------
    name : {"live.js", "page.js"}
        The driver, which asks the kernel or looks scenes up in the page.

    Returns
    -------
    str
        A script that imports and requests nothing.
    """
    folder = files("cgmhelpers.explorer")
    style = (folder / "view.css").read_text(encoding="utf-8").replace("`", "'")
    names = ["view.js", "fits.js", *(["network.js"] if name == "page.js" else []), name]
    parts = [(folder / one).read_text(encoding="utf-8") for one in names]
    return "\n".join([f"const STYLE = `{style}`;", *parts])


def _network_size(collection):
    """Return the pixels along a side of the networks' maps; those of the maps without networks."""
    if collection.networks is None:
        return collection.pixels
    return collection.predictor(collection.networks["folder"].iloc[0]).size


def _field(field):
    return {
        "title": field.title,
        "plainUnit": field.unit,
        "unit": PLAIN_UNITS.get(field.name, field.unit),
        "survey": field.survey,
        "surveyLimit": float(np.log10(field.survey_limit)),
        "floor": float(np.log10(field.limit("ideal"))),
        "range": float(np.log10(field.dynamic_range)),
        "palette": field.colour_map,
    }


def _property(one):
    label = PLAIN_LABELS.get(one.name, one.name)
    return {"name": one.name, "label": label, "low": one.low, "high": one.high}


def _numbers(column):
    """Round values; those that aren't finite, which JSON lacks, are None."""
    return [round(float(v), 4) if np.isfinite(v) else None for v in column]


def _palettes(fields):
    from matplotlib import colormaps

    names = dict.fromkeys([*(field.colour_map for field in fields), *PALETTES])
    steps = np.arange(256)
    return {
        name: base64.b64encode(colormaps[name](steps, bytes=True)[:, :3].tobytes()).decode()
        for name in names
    }
