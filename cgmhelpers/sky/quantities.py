"""Quantities of instruments: numbers with units and sources, in the short or the long form.

`cgmhelpers.sky.instruments` says what these forms are in a file.
"""

from typing import Annotated, Literal

import astropy.units
from pydantic import BaseModel, ConfigDict, Field, model_validator


def quantity(unit, **bounds):
    """Return the type of a float with a unit, into which a file's numbers are converted.

    Parameters
    ----------
    unit : str
        As astropy spells it.
    **bounds
        Of the number, as pydantic's ``Field`` takes them.

    Returns
    -------
    type
        An annotation for an attribute of an `Instrument`.
    """
    return Annotated[float, Field(json_schema_extra={"unit": unit}, **bounds)]


class Note(BaseModel):
    """Where a number is from.

    Attributes
    ----------
    status : {"published", "derived", "adopted"}
        See `cgmhelpers.sky.instruments`.
    source : str
        The reference, or the reasoning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Literal["published", "derived", "adopted"]
    source: Annotated[str, Field(min_length=10)]


class Instrument(BaseModel):
    """What instruments of all kinds share: a name, and numbers with units and sources.

    Attributes
    ----------
    name : str
        Short name.
    title : str
        Full name.
    notes : dict of str to Note
        Where the numbers are from, by their attributes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    notes: dict[str, Note] = {}

    @model_validator(mode="before")
    @classmethod
    def _split(cls, given):
        """Take the long form of numbers apart, and convert their units."""
        if not isinstance(given, dict):
            return given  # an instrument already
        values, notes = {}, dict(given.get("notes", {}))
        for name, value in given.items():
            if isinstance(value, dict) and "value" in value:
                extra = cls.model_fields[name].json_schema_extra if name in cls.model_fields else {}
                unit = (extra or {}).get("unit", "")
                number = value["value"]
                if isinstance(number, int | float) and value.get("unit", unit) != unit:
                    number = float(astropy.units.Quantity(number, value["unit"]).to_value(unit))
                values[name] = number
                if "status" in value:
                    notes[name] = {key: value[key] for key in ("status", "source") if key in value}
                unknown = set(value) - {"value", "unit", "status", "source"}
                if unknown:
                    raise ValueError(f"{name} has unknown entries: {', '.join(sorted(unknown))}")
            else:
                values[name] = value
        return values | {"notes": notes}
