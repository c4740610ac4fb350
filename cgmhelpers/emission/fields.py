"""Fields of maps: each is one declaration, and a new wavelength is one more.

A field names the deposit of each gas element (an extensive quantity) and the factor from a deposit
per kpc2 to the map's unit. Its floor and survey limit, like all numbers that the paper leaves open,
come from ``cgmhelpers/emission/data/adopted.yml``. An X-ray band, for example, is an option of its
field: `Field.with_options` returns the field with other options.
"""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from importlib.resources import files

import yaml

from cgmhelpers.emission import deposits, hydrogen, xray
from cgmhelpers.errors import ParameterError, check_known


@functools.cache
def adopted():
    """Read the numbers that maps depend on, with the source of each.

    Returns
    -------
    dict of dict of dict
        Group, name, and then ``value``, ``unit``, ``status`` (``paper``, ``restored``,
        ``adopted``) and ``meaning``. All callers share it: don't change it.
    """
    return yaml.safe_load((files("cgmhelpers.emission") / "data" / "adopted.yml").read_text())


def adopted_value(group, name):
    """Return one of the numbers of `adopted`.

    Parameters
    ----------
    group, name : str
        Its keys, such as ``"frame"`` and ``"depth"``.

    Returns
    -------
    float or str
        Its value.
    """
    return adopted()[group][name]["value"]


@dataclass(frozen=True)
class Field:
    """A quantity to map.

    Parameters
    ----------
    name : str
        Key in `FIELDS`.
    label : str
        Name for axes and titles, with math.
    unit : str
        Unit of the map, readable by astropy.
    columns : tuple of str
        Columns of the gas that `deposit` reads.
    deposit : callable
        ``deposit(gas, header)`` gives the extensive quantity of each gas element, (N,) float64, in
        `deposit_unit`: erg/s for X-rays, Msun for HI. It takes the options as keywords.
    per_area : callable
        ``per_area(header)`` gives the factor from a deposit per physical kpc2 to `unit`.
    floor : float
        Value of an empty pixel in an idealised map, in `unit`.
    survey_limit : float
        Sensitivity of the survey, in `unit`.
    survey : str
        Name of the survey.
    colour_map : str
        Matplotlib's colour map for the field.
    options : dict of str to object, optional
        Options of `deposit`, and their values.
    adapted : callable, optional
        ``adapted(**options)`` returns the attributes that follow from the options as a dictionary,
        and refuses invalid values.
    title : str, optional
        Short name for headings, without a unit; `name` by default.
    deposit_unit : str, optional
        Unit of the deposits.
    dynamic_range : float, optional
        Ratio of the highest to the lowest value in the colours of an ideal map.
    """

    name: str
    label: str
    unit: str
    columns: tuple
    deposit: Callable
    per_area: Callable
    floor: float
    survey_limit: float
    survey: str
    colour_map: str
    options: dict = dataclass_field(default_factory=dict, hash=False)
    adapted: Callable | None = None
    title: str = ""
    deposit_unit: str = ""
    dynamic_range: float = 1e7

    def __post_init__(self):
        """Take the name for the title if none is given."""
        object.__setattr__(self, "title", self.title or self.name)

    def with_options(self, **options):
        """Return this field with other values of its options.

        Parameters
        ----------
        **options
            Options and their values, such as ``method="snapshot"`` of the field "hi".

        Returns
        -------
        Field
            A field whose deposit, columns and label follow from the options.

        Raises
        ------
        ParameterError
            If the field has no such option, or the value is invalid.
        """
        check_known(options, self.options, f"The field {self.name!r} has no such option.")
        if not self.options:
            return self
        options = self.options | options
        changed = self.adapted(**options) if self.adapted else {}
        deposit = functools.partial(self.deposit, **options)
        return dataclasses.replace(self, options=options, deposit=deposit, **changed)

    def declaration(self):
        """Describe the numbers and functions behind a map of the field, without its look.

        Returns
        -------
        dict
            Plain values, for a fingerprint: name, units, columns, floor, survey limit, options, and
            the names and arguments of `deposit` and `per_area`. A change inside such a function
            needs another name of the function or another version of the library.
        """
        plain = ("name", "unit", "deposit_unit", "columns", "floor", "survey_limit", "options")
        functions = {name: _described(getattr(self, name)) for name in ("deposit", "per_area")}
        return {name: getattr(self, name) for name in plain} | functions

    def limit(self, limits):
        """Return the value of pixels without information: the floor, or the survey limit.

        Parameters
        ----------
        limits : {"ideal", "survey"}
            Idealised map, or one as sensitive as the survey.

        Returns
        -------
        float
            In `unit`.

        Raises
        ------
        ParameterError
            If the limits have another name.
        """
        values = {"ideal": self.floor, "survey": self.survey_limit}
        check_known([limits], values, "Unknown limits of a map.")
        return values[limits]


def _described(function):
    """Name a function and the arguments bound to it."""
    if isinstance(function, functools.partial):
        inner = _described(function.func)
        return [*inner, list(function.args), dict(sorted(function.keywords.items()))]
    return [getattr(function, name, type(function).__qualname__)
            for name in ("__module__", "__qualname__")]  # fmt: skip


def chosen(names, options=None):
    """Return fields by their names, with options.

    Parameters
    ----------
    names : str or sequence of str
        Keys in `FIELDS`.
    options : dict of str to dict, optional
        Options of some of these fields, such as ``{"hi": {"method": "snapshot"}}``.

    Returns
    -------
    list of Field
        In the order of the names.

    Raises
    ------
    ParameterError
        If there is no name, a name twice, an unknown name, or options that no field takes.
    """
    names, options = [names] if isinstance(names, str) else list(names), options or {}
    if not names or len(set(names)) < len(names):
        raise ParameterError(
            "The fields to map are invalid.", found=names, expected="at least one field, each once"
        )
    fields = [get(name) for name in names]
    unused = [name for name in options if name not in names]
    if unused:
        raise ParameterError(
            "Some options belong to fields that aren't mapped.",
            found=", ".join(map(repr, unused)),
            expected="options of " + ", ".join(names),
        )
    return [field.with_options(**options.get(field.name, {})) for field in fields]


def get(name):
    """Return a field by its name.

    Parameters
    ----------
    name : str
        Key in `FIELDS`.

    Returns
    -------
    Field
        The field.

    Raises
    ------
    ParameterError
        If there's no such field.
    """
    check_known([name], FIELDS, "Unknown field.")
    return FIELDS[name]


def canonical(fields):
    """Put fields in the order in which the library declares them, whatever order they came in.

    Parameters
    ----------
    fields : iterable of str
        Keys of `FIELDS`.

    Returns
    -------
    list of str

    Raises
    ------
    ParameterError
        If there is no such field.
    """
    order = list(FIELDS)
    return sorted(fields, key=lambda name: order.index(get(name).name))


NOISE, REDSHIFT = " noise", "redshift"
"""Ending and name of the channels of observed maps that describe how their fields were observed."""


def without_descriptions(channels):
    """Leave out the channels that describe how fields were observed.

    Parameters
    ----------
    channels : iterable of str
        Names of a network's channels.

    Returns
    -------
    list of str
        Names of its fields.
    """
    return [name for name in channels if name != REDSHIFT and not name.endswith(NOISE)]


def label(fields):
    """Name fields that a network takes together, whatever order its channels have.

    Parameters
    ----------
    fields : iterable of str
        Names of channels: fields, of which those that aren't declared here come last, and
        descriptions of how they were observed, which don't count.

    Returns
    -------
    str
        Like ``"xray+hi"``.
    """
    order = list(FIELDS)
    fields = without_descriptions(fields)
    known = {name: order.index(name) for name in fields if name in order}
    return "+".join(sorted(fields, key=lambda name: known.get(name, len(order))))


def _declared(name, **declaration):
    """Declare a field whose floor, limit and survey are in ``adopted.yml``."""
    numbers = {key: adopted_value(name, key) for key in ("floor", "survey_limit", "survey")}
    return Field(name=name, **numbers, **declaration)


def _in_band(emin, emax):
    """Return the attributes of a field that depend on an X-ray band."""
    xray.check_limits(emin, emax)
    return {"label": f"X-ray surface brightness, {emin}-{emax} keV"}


def _of_band(name):
    """Declare an X-ray field: luminosity in a band, which options can change."""
    band = {edge: adopted_value(name, edge) for edge in ("emin", "emax")}
    return {
        "unit": "erg s-1 cm-2 arcmin-2",
        "columns": xray.COLUMNS,
        "deposit": functools.partial(deposits.xray_luminosity, **band),
        "deposit_unit": "erg s-1",
        "per_area": deposits.surface_brightness_per_area,
        "options": band,
        "adapted": _in_band,
    } | _in_band(**band)


def _by_method(method):
    """Return the attributes of a field that depend on the method for the neutral fraction."""
    hydrogen.check_method(method)
    return {"columns": hydrogen.COLUMNS if method == "trident" else hydrogen.SNAPSHOT_COLUMNS}


FIELDS = {
    field.name: field
    for field in (
        _declared(
            "xray",
            title="X-ray",
            colour_map="inferno",
            **_of_band("xray"),
        ),
        _declared(
            "hi",
            title="HI",
            label=r"HI column density $N_\mathrm{HI}$",
            unit="cm-2",
            **_by_method("trident"),
            deposit=functools.partial(deposits.neutral_hydrogen_mass, method="trident"),
            deposit_unit="Msun",
            per_area=deposits.column_density_per_area,
            colour_map="viridis",
            dynamic_range=1e8,
            options={"method": "trident"},
            adapted=_by_method,
        ),
        # The paper doesn't have the following two.
        _declared(
            "compton_y",
            title="Compton y",
            label="Compton parameter $y$, thermal Sunyaev-Zel'dovich effect",
            unit="",
            columns=deposits.COMPTON_COLUMNS,
            deposit=deposits.compton_area,
            deposit_unit="kpc2",
            per_area=deposits.unchanged_per_area,
            colour_map="cividis",
            dynamic_range=1e3,
        ),
        # The O VII triplet (0.561, 0.569, 0.574 keV) and O VIII Lyman-alpha (0.654 keV), the
        # brightest lines of gas at 1e6 to 3e6 K, and all else in the band.
        _declared(
            "oxygen",
            title="O VII/O VIII",
            colour_map="magma",
            **_of_band("oxygen"),
        ),
    )
}
