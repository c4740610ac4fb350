"""A description tells the value, the type with its bounds, and the meaning of each parameter."""

import inspect
import re

from cgmhelpers.errors import ParameterError
from cgmhelpers.runs.parameters import Parameters

_BOUNDS = {
    "minimum": "at least {}", "exclusiveMinimum": "above {}", "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}  # fmt: skip


def describe(values):
    """Describe the parameters of a run.

    Parameters
    ----------
    values : cgmhelpers.runs.parameters.Parameters
        The run's.

    Returns
    -------
    dict of str to tuple
        Name -> value, type with its bounds, and meaning: the attributes of `Parameters`.

    Raises
    ------
    ParameterError
        If Python was told to leave out docstrings.
    """
    if Parameters.__doc__ is None:
        raise ParameterError(
            "Python leaves out the texts that describe the parameters.",
            found="python -OO, or PYTHONOPTIMIZE=2",
            remedy="Leave that away for this command.",
        )
    entries = re.findall(r"^(\w+) : (.+)\n((?: {4}.+\n?)+)", inspect.getdoc(Parameters), re.M)
    schema = Parameters.model_json_schema()["properties"]
    told = {}
    for name, kind, meaning in entries:
        if name in schema:
            of_it = schema[name]
            bounds = [_BOUNDS[key].format(of_it[key]) for key in _BOUNDS if key in of_it]
            meaning = " ".join(meaning.replace("`", "").split())
            told[name] = getattr(values, name), ", ".join([kind, *bounds]), meaning
    return told
