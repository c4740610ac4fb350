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

import astropy.units
import numpy as np
import yaml

from cgmhelpers import hydrogen, xray
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
    return yaml.safe_load((files("cgmhelpers") / "data" / "adopted.yml").read_text())


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
        (N,) float64; of the X-ray field erg/s, of HI Msun.
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


def xray_luminosity(gas, header, emin=None, emax=None):
    """Return the X-ray luminosity of each gas element.

    Parameters
    ----------
    gas : mapping
        Gas elements with the columns `cgmhelpers.xray.COLUMNS`.
    header : cgmhelpers.header.Header
        The snapshot's header.
    emin, emax : float, optional
        Band in the rest frame of the gas, keV; default is the paper's.

    Returns
    -------
    (N,) float64 array
        erg/s.
    """
    emin = adopted_value("xray", "emin") if emin is None else emin
    emax = adopted_value("xray", "emax") if emax is None else emax
    return xray.load_band(emin, emax).luminosity(gas, header)


def neutral_hydrogen_mass(gas, header, hydrogen_method="trident"):
    """Return the mass of neutral hydrogen of each gas element.

    Parameters
    ----------
    gas : mapping
        Gas elements with the columns `cgmhelpers.hydrogen.COLUMNS`.
    header : cgmhelpers.header.Header
        The snapshot's header.
    hydrogen_method : {"trident", "snapshot"}, optional
        See `cgmhelpers.hydrogen.neutral_mass`.

    Returns
    -------
    (N,) float64 array
        Msun.
    """
    return hydrogen.neutral_mass(gas, header.redshift, hydrogen_method)


def surface_brightness_per_area(header):
    """Return the factor from erg/s per physical kpc2 to surface brightness.

    S = L / (4 pi A) per steradian, whatever the distance, dimmed by (1 + z)^4.

    Parameters
    ----------
    header : cgmhelpers.header.Header
        The snapshot's header; its redshift counts.

    Returns
    -------
    float
        erg/s/cm2/arcmin2 per erg/s/kpc2.
    """
    units = astropy.units
    per_steradian = 1 / (4 * np.pi * units.sr * units.kpc**2)
    factor = per_steradian.to_value(units.cm**-2 * units.arcmin**-2)
    return float(factor * (1 + header.redshift) ** -4)


def column_density_per_area(header):
    """Return the factor from Msun of hydrogen per physical kpc2 to atoms per cm2.

    Parameters
    ----------
    header : cgmhelpers.header.Header
        The snapshot's header; not used.

    Returns
    -------
    float
        cm^-2 per Msun/kpc2.
    """
    units = astropy.units
    mass = (1 * units.Msun / units.kpc**2).to_value(units.g / units.cm**2)
    return float(mass / hydrogen.atom_mass())


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


FIELDS = {
    field.name: field
    for field in (
        Field(
            name="xray",
            label="X-ray surface brightness, {}-{} keV".format(
                adopted_value("xray", "emin"), adopted_value("xray", "emax")
            ),
            unit="erg s-1 cm-2 arcmin-2",
            columns=xray.COLUMNS,
            deposit=xray_luminosity,
            per_area=surface_brightness_per_area,
            floor=adopted_value("xray", "floor"),
            survey_limit=adopted_value("xray", "survey_limit"),
            survey=adopted_value("xray", "survey"),
            colour_map="inferno",
            options=("emin", "emax"),
        ),
        Field(
            name="hi",
            label=r"HI column density $N_\mathrm{HI}$",
            unit="cm-2",
            columns=hydrogen.COLUMNS,
            deposit=neutral_hydrogen_mass,
            per_area=column_density_per_area,
            floor=adopted_value("hi", "floor"),
            survey_limit=adopted_value("hi", "survey_limit"),
            survey=adopted_value("hi", "survey"),
            colour_map="viridis",
            options=("hydrogen_method",),
            columns_with={("hydrogen_method", "snapshot"): hydrogen.SNAPSHOT_COLUMNS},
        ),
    )
}
