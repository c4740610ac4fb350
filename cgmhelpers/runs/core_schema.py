"""YAML 1.2: what a plain value means in its core schema, and what it was written as."""

import re
from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError

from cgmhelpers.errors import ParameterError


class _Texts(SafeConstructor):
    """YAML 1.2 whose plain values, null apart, stay the text that they are."""


for _tag in ("bool", "int", "float", "timestamp"):
    _Texts.add_constructor(f"tag:yaml.org,2002:{_tag}", SafeConstructor.construct_scalar)


def parse(text, source):
    """Read YAML 1.2, which may hold texts, lists and mappings, and never code.

    Parameters
    ----------
    text : str or bytes
        The YAML.
    source : str
        Its origin, for the message.

    Returns
    -------
    object
        Every plain value as its text, and null as None.

    Raises
    ------
    ParameterError
        If it isn't YAML, names something twice, or asks for more than plain values.
    """
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = _Texts
    try:
        return reader.load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise ParameterError(
            f"{source} can't be read.",
            found=" ".join(str(error).split()),
            expected="YAML with plain values, such as name: value",
        ) from None


def dump(values):
    """Write YAML that `parse` reads.

    Parameters
    ----------
    values : dict
        Plain values.

    Returns
    -------
    str
    """
    stream = StringIO()
    YAML(typ="safe", pure=True).dump(values, stream)
    return stream.getvalue()


def scalar(value):
    """Take a text for the number or truth value that it is in YAML 1.2.

    Parameters
    ----------
    value : object
        From `parse`, or a value of Python or NumPy.

    Returns
    -------
    object
        The number or truth value, or else the same.
    """
    if isinstance(value, str) and re.fullmatch(r"[-+.\w]+", text := value.strip()):
        try:
            known = YAML(typ="safe", pure=True).load(text)
        except (YAMLError, ValueError):
            return value
        return known if isinstance(known, bool | int | float) else value
    return value.item() if hasattr(value, "item") and not getattr(value, "shape", ()) else value
