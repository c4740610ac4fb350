"""What a map can show: a field is one declaration, and a new wavelength is one more.

A field says what each gas element deposits (an extensive quantity) and by which factor a deposit
per kpc2 becomes the map's unit. Its floor and survey limit, like all numbers that the paper leaves
open, come from ``cgmhelpers/data/adopted.yml``.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from importlib.resources import files

import yaml

from cgmhelpers.emission import deposits, hydrogen, xray
from cgmhelpers.errors import ParameterError


@functools.cache
def adopted():
    """Return the numbers of the maps, with where each comes from.

    Returns
    -------
    dict of dict of dict
        Group, name, and then ``value``, ``unit``, ``status`` (``paper``, ``restored``,
        ``adopted``) and ``meaning``. A shared dictionary, not to be changed.
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
        ``deposit(gas, header, **options)`` gives the extensive quantity of each gas element,
        (N,) float64, in `deposit_unit`; of the X-ray field erg/s, of HI Msun.
    per_area : callable
        ``per_area(header)`` gives the factor from a deposit per physical kpc2 to `unit`.
    floor : float
        Value of an empty pixel in an idealised map, in `unit`.
    survey_limit : float
        Sensitivity of the survey, in `unit`.
    survey : str
        Its name.
    colour_map : str
        Matplotlib's colour map for the field.
    options : tuple of str, optional
        Options that `deposit` takes.
    columns_with : dict of (str, object) to tuple of str, optional
        Columns that are read instead where an option has a value.
    title : str, optional
        Short name for headings, without a unit; `name` by default.
    deposit_unit : str, optional
        Unit of what `deposit` gives.
    dynamic_range : float, optional
        Highest over lowest value in the colours of an ideal map.
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
    options: tuple = ()
    columns_with: dict = dataclass_field(default_factory=dict, hash=False)
    title: str = ""
    deposit_unit: str = ""
    dynamic_range: float = 1e7

    def __post_init__(self):
        """Take the name for the title where none is given."""
        object.__setattr__(self, "title", self.title or self.name)

    def columns_for(self, **options):
        """Return the columns that `deposit` reads with the given options.

        Parameters
        ----------
        **options
            Options of any fields; those of others are ignored.

        Returns
        -------
        tuple of str
            Names of columns.
        """
        for (option, value), columns in self.columns_with.items():
            if options.get(option) == value:
                return columns
        return self.columns

    def limit(self, limits):
        """Return the value below which a map carries no information.

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
        if limits not in values:
            raise ParameterError(
                "Unknown limits of a map.", found=repr(limits), expected=" or ".join(values)
            )
        return values[limits]


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
    if name not in FIELDS:
        raise ParameterError(
            "Unknown field.", found=repr(name), expected="one of " + ", ".join(FIELDS)
        )
    return FIELDS[name]


def _declared(name, **declaration):
    """Return a field whose floor, limit and survey stand in ``adopted.yml``."""
    numbers = {key: adopted_value(name, key) for key in ("floor", "survey_limit", "survey")}
    return Field(name=name, **numbers, **declaration)


def _in_band(name):
    """Return what an X-ray field deposits: luminosity in its band, which options can override."""
    band = {edge: adopted_value(name, edge) for edge in ("emin", "emax")}
    return functools.partial(deposits.xray_luminosity, **band)


def _band_text(name):
    return f"{adopted_value(name, 'emin')}-{adopted_value(name, 'emax')} keV"


FIELDS = {
    field.name: field
    for field in (
        _declared(
            "xray",
            title="X-ray",
            label=f"X-ray surface brightness, {_band_text('xray')}",
            unit="erg s-1 cm-2 arcmin-2",
            columns=xray.COLUMNS,
            deposit=_in_band("xray"),
            deposit_unit="erg s-1",
            per_area=deposits.surface_brightness_per_area,
            colour_map="inferno",
            options=("emin", "emax"),
        ),
        _declared(
            "hi",
            title="HI",
            label=r"HI column density $N_\mathrm{HI}$",
            unit="cm-2",
            columns=hydrogen.COLUMNS,
            deposit=deposits.neutral_hydrogen_mass,
            deposit_unit="Msun",
            per_area=deposits.column_density_per_area,
            colour_map="viridis",
            dynamic_range=1e8,
            options=("hydrogen_method",),
            columns_with={("hydrogen_method", "snapshot"): hydrogen.SNAPSHOT_COLUMNS},
        ),
        # Two beyond the paper.
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
        # brightest lines of gas at 1e6 to 3e6 K, and what else the band holds.
        _declared(
            "oxygen",
            title="O VII/O VIII",
            label=f"X-ray surface brightness, {_band_text('oxygen')}",
            unit="erg s-1 cm-2 arcmin-2",
            columns=xray.COLUMNS,
            deposit=_in_band("oxygen"),
            deposit_unit="erg s-1",
            per_area=deposits.surface_brightness_per_area,
            colour_map="magma",
        ),
    )
}
