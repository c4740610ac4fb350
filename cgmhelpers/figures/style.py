"""What all figures share: colours, sizes, labels with units, and the note of the source."""

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

# The paper's pink, purple and blue, in shades that colour-blind readers tell apart and that stand
# out from white paper; in grey the markers beside them help.
SUITE_COLOURS = {"IllustrisTNG": "#E75480", "SIMBA": "#5E2B97", "Astrid": "#2E9BDA"}
SUITE_MARKERS = {"IllustrisTNG": "o", "SIMBA": "s", "Astrid": "D"}
SHORT_NAMES = {"IllustrisTNG": "TNG"}
# Okabe & Ito (2008), without what resembles a suite.
FURTHER_COLOURS = ("#009E73", "#E69F00", "#D55E00", "#000000")
FIELD_SET_COLOURS = {"xray": "#D55E00", "hi": "#009E73", "xray+hi": "#333333"}
LIMIT_NAMES = {"ideal": "ideal maps", "survey": "survey limits"}

SETTINGS = {
    "figure.dpi": 130,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "axes.linewidth": 0.8,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.spines.top": True,
    "axes.spines.right": True,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "mathtext.fontset": "dejavusans",
}


_SOURCE = ContextVar("source", default=None)


@contextmanager
def style():
    """Draw in the book's style inside a ``with`` block; settings are as before after it.

    Yields
    ------
    None
    """
    # Not rc_context: it would undo what a backend sets when the first figure brings it in, and a
    # notebook would show its first figure only.
    former = {name: matplotlib.rcParams[name] for name in SETTINGS}
    matplotlib.rcParams.update(SETTINGS)
    try:
        yield
    finally:
        matplotlib.rcParams.update(former)


def styled(function):
    """Draw in the book's style, whatever the caller's settings, and know the source of the data.

    Parameters
    ----------
    function : callable
        Draws a figure of the data that its argument ``source`` names.

    Returns
    -------
    callable
        The same, in the style; :func:`suite_name` tells a mock suite from the real one in it.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def draw(*args, **options):  # numpydoc ignore=GL08
        token = _SOURCE.set(signature.bind(*args, **options).arguments.get("source"))
        try:
            with style():
                return function(*args, **options)
        finally:
            _SOURCE.reset(token)

    return draw


def suite_name(suite, source=None):
    """Return the name of a suite as figures write it, so that no mock passes for CAMELS.

    Parameters
    ----------
    suite : str
        Its name in the data.
    source : str, optional
        What the data are; the ``source`` of the figure that is being drawn by default.

    Returns
    -------
    str
        "mock TNG" for IllustrisTNG where the source is a mock, and the name itself elsewhere.
    """
    mock = str(source or _SOURCE.get() or "").startswith("mock")
    return f"mock {SHORT_NAMES.get(suite, suite)}" if mock else str(suite)


def suite_colour(suite):
    """Return the colour of a suite, the same in all figures.

    Parameters
    ----------
    suite : str
        Its name; other suites than CAMELS' three get one by their name's length.

    Returns
    -------
    str
        A colour that matplotlib knows.
    """
    return SUITE_COLOURS.get(suite, FURTHER_COLOURS[len(str(suite)) % len(FURTHER_COLOURS)])


def suite_marker(suite):
    """Return the marker of a suite, the same in all figures.

    Parameters
    ----------
    suite : str
        Its name.

    Returns
    -------
    str
        A marker that matplotlib knows.
    """
    return SUITE_MARKERS.get(suite, "v")


def field_names(fields):
    """Return a set of fields as readers know it.

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
    """Return the different values of a column of predictions in the order of panels.

    Parameters
    ----------
    key : str
        Name of the column.
    values : iterable
        Its values.

    Returns
    -------
    list
        In order of appearance, but sets of fields start with single ones, X-ray first.
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
    """Return limits as readers know them.

    Parameters
    ----------
    limits : str
        ``"ideal"`` or ``"survey"``.

    Returns
    -------
    str
        Words for titles.
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
        With mathematics as matplotlib reads it.
    """
    return " ".join(filter(None, (known_fields.get(name).label, unit_label(name))))


def unit_label(name):
    """Return the unit of a field in brackets; nothing for a number.

    Parameters
    ----------
    name : str
        Field.

    Returns
    -------
    str
        With mathematics as matplotlib reads it.
    """
    unit = units.Unit(known_fields.get(name).unit)
    return "" if unit == units.dimensionless_unscaled else f"[{unit.to_string('latex_inline')}]"


def property_named(name):
    """Return the property of a name.

    Parameters
    ----------
    name : str
        As in `cgmhelpers.halos.properties.NAMES`.

    Returns
    -------
    Property
        With label, unit and range.
    """
    return next(one for one in PROPERTIES if one.name == name)


def mass_colour_map():
    """Return viridis without its lightest end, which white paper swallows.

    Returns
    -------
    matplotlib.colors.Colormap
        For halo masses.
    """
    return LinearSegmentedColormap.from_list(
        "mass", plt.get_cmap("viridis")(np.linspace(0, 0.9, 256))
    )


def note_source(figure, source):
    """Write above the upper right corner what the data are.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn on.
    source : str or None
        What to write.

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
    """Return how a value of a column of predictions heads a panel.

    Parameters
    ----------
    key : str
        Name of the column.
    value : str
        Its value.

    Returns
    -------
    str
        Words for titles.
    """
    if key == "fields":
        return field_names(value)
    if key == "limits":
        return limit_name(value)
    words = {"suite_train": "trained on {}", "suite_test": "tested on {}"}
    return words[key].format(suite_name(value)) if key in words else str(value)
