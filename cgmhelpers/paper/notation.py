"""Symbols in texts: from plain names to what a reader sees, on a page and in a figure."""

import math
import re

from cgmhelpers.emission.fields import FIELDS
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.simulations.discovery import SUITES

SHORT_NAMES = {"IllustrisTNG": "TNG"}
"""What mock suites of long names are called."""
_SUITES = re.compile(rf"\b({'|'.join(SUITES)})\b")
_PLAIN = {one.name: re.sub(r"\\mathrm{(\w+)}|[$\\]", r"\1", one.label) for one in PROPERTIES}
_NAMES = re.compile(rf"\b({'|'.join(_PLAIN)})\b")
_FIELD = f"(?:{'|'.join(FIELDS)})"
_FIELDS = re.compile(rf"\b{_FIELD}(?:\+{_FIELD})*\b")
_POWER = "\\1\u202f×\u202f10^\\2"
# Pattern, HTML, and mathematics of matplotlib.
_SYMBOLS = (
    (r"\b(\d[\d.]*)e\+?0*(\d+)\b", _POWER, _POWER),
    (r"\b(\d[\d.]*)e-0*(\d+)\b", _POWER.replace("^", "^-"), _POWER.replace("^", "^-")),
    (r"\b(s|cm|arcmin|kpc)-(\d)\b", r"\1<sup>−\2</sup>", r"$\\mathrm{\1}^{-\2}$"),
    (r"10\^(-?[\d.]*\d)", r"10<sup>\1</sup>", r"$10^{\1}$"),
    (r"\blog10\b", "log<sub>10</sub>", r"$\\log_{10}$"),
    (r"\bMsun\b", "M<sub>☉</sub>", r"$\\mathrm{M}_\\odot$"),
    (r"\b([fZMT])_(\w+)", r"<i>\1</i><sub>\2</sub>", r"$\1_\\mathrm{\2}$"),
    (r"\b([LR])200c\b", r"<i>\1</i><sub>200c</sub>", r"$\1_\\mathrm{200c}$"),
    (r"\b[Rr]2\b", "<i>R</i>²", r"$R^2$"),
    (r"\bchi2\b", "<i>χ</i>²", r"$\\chi^2$"),
    (r"\bepsilon\b", "<i>ε</i>", r"$\\epsilon$"),
    (r"(?<![\w.-])-(?=\d)", "−", "−"),
)


def html(text):
    """Write the symbols of a text in HTML, which Markdown takes too.

    Parameters
    ----------
    text : str
        With names such as ``log_m_halo``, ``xray+hi``, ``M_halo``, ``R2`` and ``10^12.5 Msun``.

    Returns
    -------
    str
        The text with subscripts and superscripts.
    """
    return _written(text, 1)


def mathtext(text):
    """Write the symbols of a text as mathematics of matplotlib.

    Parameters
    ----------
    text : str
        As for :func:`html`.

    Returns
    -------
    str
        The text with formulas between dollar signs.
    """
    return _written(text, 2)


def of_mock(text):
    """Name the mock suites in a text on what was measured.

    Parameters
    ----------
    text : str
        With names of suites.

    Returns
    -------
    str
        With "mock TNG" for IllustrisTNG, and so on.
    """
    return _SUITES.sub(lambda found: f"mock {SHORT_NAMES.get(found[1], found[1])}", text)


def with_interval(value, low, high):
    """Write a number and its interval, with digits that the interval's width deserves.

    Parameters
    ----------
    value, low, high : float
        The number, and the ends of its interval; NaN if there is none.

    Returns
    -------
    str
        Such as "1.04 [0.94, 1.15]": two digits of the width, the same in all three, without a
        negative zero.
    """
    width = high - low
    if not width > 0:
        return f"{value:.3g}".replace("-", "−")
    digits = max(0, 1 - math.floor(math.log10(width)))
    value, low, high = (
        f"{round(one, digits) + 0.0:.{digits}f}".replace("-", "−") for one in (value, low, high)
    )
    return f"{value} [{low}, {high}]"


def _written(text, form):
    text = _NAMES.sub(lambda found: _PLAIN[found.group()], str(text))
    text = _FIELDS.sub(
        lambda found: " + ".join(FIELDS[one].title for one in found.group().split("+")), text
    )
    for symbol in _SYMBOLS:
        text = re.sub(symbol[0], symbol[form], text)
    return text
