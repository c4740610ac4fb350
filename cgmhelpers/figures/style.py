"""Colours, sizes, labels with units, and the note on the source of all figures."""

import functools
import inspect
from contextlib import contextmanager
from contextvars import ContextVar

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from astropy import units
from matplotlib.colors import LinearSegmentedColormap

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.paper.notation import SHORT_NAMES

# The paper's pink, purple and blue, in shades that colour-blind readers tell apart and that have
# a high contrast to white paper. Markers tell suites apart in grey.
SUITE_COLOURS = {"IllustrisTNG": "#E75480", "SIMBA": "#5E2B97", "Astrid": "#2E9BDA"}
SUITE_MARKERS = {"IllustrisTNG": "o", "SIMBA": "s", "Astrid": "D"}
# Okabe & Ito (2008), without the colours that resemble a suite's.
FURTHER_COLOURS = ("#009E73", "#E69F00", "#D55E00", "#000000")
FIELD_SET_COLOURS = {"xray": "#D55E00", "hi": "#009E73", "xray+hi": "#333333"}
LIMIT_NAMES = {"ideal": "ideal maps", "survey": "survey limits", "observed": "observed maps"}

COLUMN = 7.6
"""Widest figure [inch], as wide as the book's column, where fonts appear at their size."""

SETTINGS = {
    "figure.dpi": 130,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.spines.top": True,
    "axes.spines.right": True,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.8,
    "mathtext.fontset": "dejavusans",
}


_SOURCE = ContextVar("source", default=None)


@contextmanager
def style():
    """Draw in the book's style inside a ``with`` block, and restore the settings after it.

    Yields
    ------
    None
    """
    # rc_context would also undo the settings of a backend that the first figure imports, and a
    # notebook would show only its first figure.
    former = {name: matplotlib.rcParams[name] for name in SETTINGS}
    matplotlib.rcParams.update(SETTINGS)
    try:
        yield
    finally:
        matplotlib.rcParams.update(former)


def styled(function):
    """Decorate a function that draws, so that it uses the book's style and knows its source.

    Parameters
    ----------
    function : callable
        Draws a figure of the data that its argument ``source`` names.

    Returns
    -------
    callable
        The function in the style; :func:`suite_name` uses its ``source``.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def draw(*args, **options):  # numpydoc ignore=GL08
        token = _SOURCE.set(signature.bind(*args, **options).arguments.get("source"))
        try:
            with style():
                return fitted(function(*args, **options))
        finally:
            _SOURCE.reset(token)

    return draw


def fitted(figure):
    """Make a figure as wide as the book's column, if it is wider; its fonts keep their size.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.

    Returns
    -------
    matplotlib.figure.Figure
        The same figure. Panels of fixed shape keep it; others lose less height than width.
    """
    width, height = figure.get_size_inches()
    if width > COLUMN:
        shaped = any(one.get_aspect() != "auto" or one.get_box_aspect() for one in figure.axes)
        figure.set_size_inches(COLUMN, height * (COLUMN / width) ** (1 if shaped else 0.6))
    return figure


def suite_name(suite, source=None):
    """Return the name of a suite in figures, which marks mock suites.

    Parameters
    ----------
    suite : str
        Name in the data.
    source : str, optional
        Name of the data; the ``source`` of the figure that is being drawn by default.

    Returns
    -------
    str
        "mock TNG" for IllustrisTNG if the source is a mock, else the name itself.
    """
    mock = str(source or _SOURCE.get() or "").startswith("mock")
    return f"mock {SHORT_NAMES.get(suite, suite)}" if mock else str(suite)


def suite_colour(suite):
    """Return the colour of a suite, the same in all figures.

    Parameters
    ----------
    suite : str
        Name of the suite. The length of the name chooses the colour of suites beyond CAMELS'
        three.

    Returns
    -------
    str
        A colour of matplotlib.
    """
    return SUITE_COLOURS.get(suite, FURTHER_COLOURS[len(str(suite)) % len(FURTHER_COLOURS)])


def suite_marker(suite):
    """Return the marker of a suite, the same in all figures.

    Parameters
    ----------
    suite : str
        Name of the suite.

    Returns
    -------
    str
        A marker of matplotlib.
    """
    return SUITE_MARKERS.get(suite, "v")


def field_names(fields):
    """Return the name of a set of fields for readers.

    Parameters
    ----------
    fields : str
        For example ``"xray+hi"``.

    Returns
    -------
    str
        For example X-ray + HI.
    """
    known = known_fields.FIELDS
    names = str(fields).split("+")
    return " + ".join(known[name].title if name in known else name for name in names)


def ordered(key, values):
    """Return the unique values of a column of predictions in the order of panels.

    Parameters
    ----------
    key : str
        Name of the column.
    values : iterable
        Values of the column.

    Returns
    -------
    list
        Values in order of appearance; sets of fields are sorted, single fields and X-ray first.
    """
    found = list(dict.fromkeys(values))
    if key == "fields":
        known = {name: number for number, name in enumerate(known_fields.FIELDS)}
        found.sort(
            key=lambda name: [
                name.count("+"),
                *(known.get(one, len(known)) for one in name.split("+")),
            ]
        )
    return found


def limit_name(limits):
    """Return the name of limits for readers.

    Parameters
    ----------
    limits : str
        ``"ideal"`` or ``"survey"``.

    Returns
    -------
    str
        Text for titles.
    """
    return LIMIT_NAMES.get(limits, limits)


def field_label(name):
    """Return label and unit of a field, for colour bars and axes.

    Parameters
    ----------
    name : str
        Field.

    Returns
    -------
    str
        Text with mathematics for matplotlib.
    """
    return " ".join(filter(None, (known_fields.get(name).label, unit_label(name))))


def unit_label(name):
    """Return the unit of a field in brackets, or an empty text for a pure number.

    Parameters
    ----------
    name : str
        Field.

    Returns
    -------
    str
        Text with mathematics for matplotlib.
    """
    unit = units.Unit(known_fields.get(name).unit)
    return "" if unit == units.dimensionless_unscaled else f"[{unit.to_string('latex_inline')}]"


def property_named(name):
    """Return a property by its name.

    Parameters
    ----------
    name : str
        One of `cgmhelpers.halos.properties.NAMES`.

    Returns
    -------
    Property
        The property, with label, unit and range.
    """
    return next(one for one in PROPERTIES if one.name == name)


def mass_colour_map():
    """Return viridis without its lightest end, which is invisible on white paper.

    Returns
    -------
    matplotlib.colors.Colormap
        Colours of halo masses.
    """
    return LinearSegmentedColormap.from_list(
        "mass", plt.get_cmap("viridis")(np.linspace(0, 0.9, 256))
    )


def note_source(figure, source):
    """Write the name of the data above the upper right corner.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    source : str or None
        Name of the data.

    Returns
    -------
    matplotlib.figure.Figure
        The same figure.
    """
    if source:
        figure.text(
            0.995, 1.005, source, ha="right", va="bottom", size=8, style="italic", color="0.35"
        )
    return figure


def heading(key, value):
    """Return the title of a panel for a value of a column of predictions.

    Parameters
    ----------
    key : str
        Name of the column.
    value : str
        Value in the column.

    Returns
    -------
    str
        Text for titles.
    """
    if key == "fields":
        return field_names(value)
    if key == "limits":
        return limit_name(value)
    words = {"suite_train": "trained on {}", "suite_test": "tested on {}"}
    return words[key].format(suite_name(value)) if key in words else str(value)
