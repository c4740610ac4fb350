"""What a reader chooses: a halo, a line of sight, fields, limits, and changes of the maps."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field

import numpy as np

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.maps.projection.frame import AXES

LIMITS = ("ideal", "survey", "own")
"""No limit, a survey's, or one that the reader chooses as the survey's times ``10**depth``."""


@dataclass(frozen=True)
class Choice:
    """A reader's choice of what to show.

    Parameters
    ----------
    halo : int
        Row of the collection's table.
    axis : {"x", "y", "z"}
        Line of sight.
    fields : tuple of str
        Fields to show side by side; the network takes the same fields.
    limits : {"ideal", "survey", "own"}
        Limits of the maps.
    depth : float
        Decades above the survey's limits, for the limits ``"own"``.
    trained_on : str, optional
        Suite of the network; by default the halo's own.
    brightness : dict of str to float, optional
        Field -> decades by which its map is made brighter.
    noise : dict of str to float, optional
        Field -> standard deviation of the noise that each stored pixel gets, in units of the
        survey's limit.
    swapped : dict of str to str, optional
        Field -> suite whose twin of the halo lends its map.
    masked : sequence of (x, y, radius), optional
        Circles within which nothing is detected [kpc from the centre, right and up].
    dropped : dict of str to buffer, optional
        Field -> log10 of the pixels of the reader's own map, float32, row by row from the bottom, a
        square; it takes the place of the halo's.
    why : str, optional
        Property whose inferred mean is attributed to the pixels.
    beside : bool
        Whether the halo's twins in other suites are shown too, changed in the same way.

    Raises
    ------
    ParameterError
        For an axis, limits or a property that isn't known, no field, or changes that can't be made.
    """

    halo: int
    axis: str = "x"
    fields: tuple = ()
    limits: str = "ideal"
    depth: float = 0.0
    trained_on: str = ""
    brightness: dict = dataclass_field(default_factory=dict)
    noise: dict = dataclass_field(default_factory=dict)
    swapped: dict = dataclass_field(default_factory=dict)
    masked: tuple = ()
    dropped: dict | None = None
    why: str = ""
    beside: bool = False

    def __post_init__(self):
        """Refuse what isn't known, no fields, and changes without meaning."""
        object.__setattr__(self, "fields", tuple(self.fields))
        known = ((self.axis, AXES), (self.limits, LIMITS), (self.why, ("", *NAMES)))
        for value, choices in known:
            check_known([value], choices, "Unknown choice.")
        if not self.fields:
            raise ParameterError("Nothing to show.", found="no field", expected="at least one")
        noise = list(self.noise.values())
        numbers = [*self.brightness.values(), *noise, *(one for dab in self.masked for one in dab)]
        if (
            not np.isfinite(numbers).all()
            or any(len(dab) != 3 for dab in self.masked)
            or min(noise, default=0) < 0
        ):
            raise ParameterError(
                "The maps can't be changed like this.",
                found=f"brightness {self.brightness}, noise {self.noise}, masked {self.masked}",
                expected="finite decades, noise from 0 on, and circles (x, y, radius) in kpc",
            )

    @property
    def changes(self):
        """Return what makes the maps other than the stored ones: name -> value."""
        names = ("brightness", "noise", "swapped", "masked", "dropped")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    def limit(self, name):
        """Return the value below which a pixel of a field isn't detected.

        Parameters
        ----------
        name : str
            Field.

        Returns
        -------
        float
            In the field's unit.
        """
        field = known_fields.get(name)
        if self.limits == "own":
            return max(field.limit("survey") * 10**self.depth, field.limit("ideal"))
        return field.limit(self.limits)

    def fill(self, name):
        """Return the value that undetected pixels of a field get.

        A network was trained with undetected pixels at the survey's limit. A higher limit leaves
        them there: raised to it, they would show the network a brighter sky instead of an emptier
        one.

        Parameters
        ----------
        name : str
            Field.

        Returns
        -------
        float
            In the field's unit.
        """
        return min(self.limit(name), known_fields.get(name).limit("survey"))
