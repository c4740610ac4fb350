"""The types of a run's parameters, which say what a text means.

YAML, a notebook's cell and a command line say which values; the type of each parameter says what a
text means. So ``010`` is ten for a seed and a name for a run, whichever way it comes.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.network.settings import MAX_SEED
from cgmhelpers.runs.core_schema import parse, scalar


def text_of(value):
    """Take a path, and a whole number, for its text; of other numbers the text isn't known.

    Parameters
    ----------
    value : object
        As it was given.

    Returns
    -------
    object
        The text, or else the same.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if whole or isinstance(value, Path) else value


def listed(value):
    """Take a text (``["xray"]``, ``xray,hi``) for the list that it means, and so any sequence.

    Parameters
    ----------
    value : object
        As it was given.

    Returns
    -------
    object
        The list, or else the same.
    """
    if isinstance(value, str):
        text = value.strip()
        return parse(text if text.startswith("[") else f"[{text}]", repr(value))
    if isinstance(value, tuple | range):
        return list(value)
    return value.tolist() if getattr(value, "ndim", 0) == 1 else value


def _mapped(value):
    """Take a text (``{f_cgm: [0, 0.5]}``) for the mapping that it means."""
    return parse(value, repr(value)) if isinstance(value, str) else value


def _counted(value):
    """Take a text for a number of realisations where it is one, or else for a list."""
    number = scalar(value)
    return number if isinstance(number, int) else listed(value)


def _each_once(values):
    if len(set(values)) < len(values):
        raise ValueError("each may be given once only")
    return values


def _in_order(values):
    """Put numbers before names, each in their order."""
    return sorted(values, key=lambda one: (isinstance(one, str), one))


def _increasing(values):
    if not 0 < values[0] <= values[1]:
        raise ValueError("a range has two positive numbers, the lower one first")
    return values


_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")


def _plain(name):
    # What becomes a part of a path can't leave its folder: no separators, no leading dot.
    if isinstance(name, str) and not _FOLDER.fullmatch(name):
        raise ValueError("a name has up to 100 letters, digits and _.+-, and no leading dot")
    return name


_LIST = (BeforeValidator(listed), Field(min_length=1), AfterValidator(_each_once))
Integer = Annotated[int, BeforeValidator(scalar)]
Real = Annotated[float, BeforeValidator(scalar)]
Truth = Annotated[bool, BeforeValidator(scalar)]
Text = Annotated[str, BeforeValidator(text_of), Field(pattern=r"^[^\x00]+$")]
Name = Annotated[Text, AfterValidator(_plain)]
# Half of what libraries take: members of an ensemble count on from it.
Seed = Annotated[Integer, Field(ge=0, le=MAX_SEED // 2)]
Texts = Annotated[list[Text], *_LIST]
Names = Annotated[list[Name], *_LIST]
Fields = Annotated[list[Name], *_LIST, AfterValidator(known_fields.canonical)]
Limits = Annotated[list[Literal["ideal", "observed", "survey"]], *_LIST, AfterValidator(sorted)]
Range = Annotated[
    list[Real],
    BeforeValidator(listed),
    Field(min_length=2, max_length=2),
    AfterValidator(_increasing),
]
Ranges = Annotated[
    dict[Name, Annotated[list[Real], Field(min_length=2, max_length=2)]],
    BeforeValidator(_mapped),
]
_Realisation = Annotated[Annotated[int, Field(ge=0)] | str, BeforeValidator(scalar)]
Realisations = Annotated[
    Annotated[int, Field(ge=1)]
    | Annotated[
        list[Annotated[_Realisation, AfterValidator(_plain)]], *_LIST, AfterValidator(_in_order)
    ],
    BeforeValidator(_counted),
]
