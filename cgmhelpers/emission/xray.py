"""X-ray luminosity of each gas element in an energy band, from pyXSIM's APEC model.

The emission of a plasma in collisional equilibrium in a band depends on its temperature alone, up
to two factors: the emission measure, and the metallicity. pyXSIM's spectra are therefore folded
once per band (`cgmhelpers.emission.tables.apec`), and an element costs one look-up::

    L = n_e n_H V [ Lambda_cosmic(T) + Z / Z_sun Lambda_metal(T) ]

The two coefficients are interpolated linearly in temperature between APEC's steps of 0.1 dex, as
pyXSIM does. Z_sun is pyXSIM's 0.01329, the sum of the elements of Asplund et al. (2009) that it
counts as metals (all metals: 0.0134). Star-forming gas emits nothing: its temperature is that of an
effective equation of state. Bands are in the rest frame of the gas, and lie in HDF5 files in the
package and in the cache.
"""

import functools
from dataclasses import dataclass

import astropy.constants
import astropy.units
import h5py
import numpy as np

from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.system import files
from cgmhelpers.system.compiling import compiled

COLUMNS = (
    "mass",
    "density",
    "temperature",
    "metallicity",
    "electron_abundance",
    "hydrogen_fraction",
    "star_formation_rate",
)
# Relative to the edge: no line is nearer to 0.5 or 2 keV than 3e-4 keV.
COVERED_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Band:
    """Emission of hot gas in an energy band, per temperature.

    Parameters
    ----------
    emin, emax : float
        Edges of the band in the rest frame of the gas, keV.
    thermal_energy : (T,) array
        k_B T of the table's rows, keV, increasing.
    cosmic : (T,) array
        Emission of hydrogen, helium and trace elements per n_e n_H, erg cm3/s.
    metal : (T,) array
        Emission of metals at solar metallicity per n_e n_H, erg cm3/s.
    solar_metallicity : float
        Mass fraction of metals of `metal`: pyXSIM's 0.01329.
    lowest, highest : float
        Gas with k_B T outside of these, keV, doesn't emit (pyXSIM's ``kT_min`` and ``kT_max``).
    covered : tuple of float
        Edges of the energy bins that were summed, keV.

    Raises
    ------
    FormatError
        If the summed bins don't cover the band.
    """

    emin: float
    emax: float
    thermal_energy: np.ndarray
    cosmic: np.ndarray
    metal: np.ndarray
    solar_metallicity: float
    lowest: float
    highest: float
    covered: tuple

    def __post_init__(self):
        """Refuse a table of another band than its name says."""
        asked = (self.emin, self.emax)
        if not np.allclose(self.covered, asked, rtol=COVERED_TOLERANCE, atol=0):
            raise FormatError(
                "The X-ray table doesn't cover the requested band.",
                found=f"{self.covered[0]}-{self.covered[1]} keV",
                expected=f"{self.emin}-{self.emax} keV",
                remedy="Choose energy bins whose edges fall on the band.",
            )

    def emission_coefficient(self, temperature, metallicity):
        """Return the emission per n_e n_H.

        Parameters
        ----------
        temperature : (N,) array
            Kelvin.
        metallicity : (N,) array
            Mass fraction of metals.

        Returns
        -------
        (N,) float64 array
            erg cm3/s; 0 outside the model's range of temperatures, below and above, as in pyXSIM.
        """
        temperature, metallicity = (
            np.array(values, dtype=float)
            for values in np.broadcast_arrays(temperature, metallicity)
        )
        coefficient = np.empty(temperature.size)
        _fill_coefficients(temperature.ravel(), metallicity.ravel(), self._table, coefficient)
        return coefficient.reshape(temperature.shape)

    def luminosity(self, gas, header=None):
        """Return the luminosity of each gas element.

        Parameters
        ----------
        gas : mapping
            Gas elements with the columns `COLUMNS`, in the library's units (Msun, g/cm3, K, mass
            fractions, n_e/n_H, Msun/yr).
        header : cgmhelpers.simulations.header.Header, optional
            Not used: a band is in the rest frame. All fields take it.

        Returns
        -------
        (N,) float64 array
            erg/s (which overflows single precision); 0 for star-forming gas.
        """
        luminosity = np.empty(len(gas["mass"]))
        columns = tuple(np.asarray(gas[name]) for name in COLUMNS)
        _fill_luminosities(columns, _measure_of_unit_gas(), self._table, luminosity)
        return luminosity

    @property
    def _table(self):
        """Return the table of the look-ups, with temperatures in kelvin."""
        kelvin = (astropy.units.keV / astropy.constants.k_B).to_value(astropy.units.K)
        return (
            self.thermal_energy * kelvin,
            self.cosmic,
            self.metal / self.solar_metallicity,
            self.lowest * kelvin,
            self.highest * kelvin,
        )


def check_limits(emin, emax):
    """Refuse the limits of a band that are invalid.

    Parameters
    ----------
    emin, emax : float
        Edges of the band, keV.

    Raises
    ------
    ParameterError
        If they aren't finite, positive and increasing.
    """
    if not 0 < emin < emax < np.inf:
        raise ParameterError(
            "An X-ray band needs two positive, increasing energies.",
            found=f"{emin}-{emax} keV",
            expected="0 < emin < emax, such as 0.5-2.0 keV",
        )


@functools.cache
def _measure_of_unit_gas():
    """n_e n_H V, in cm^-3, of 1 Msun at 1 g/cm3 of pure hydrogen with one electron each.

    The mass of a hydrogen atom, m_p + m_e, is within 1e-4 of the one that yt divides by.
    """
    atom = astropy.constants.m_p + astropy.constants.m_e
    density = astropy.units.g / astropy.units.cm**3
    return (1 * astropy.units.Msun * density / atom**2).to_value(astropy.units.cm**-3)


@compiled
def _coefficient(temperature, metallicity, table):
    """Emission per n_e n_H of one element: linear interpolation between the table's rows."""
    rows, cosmic, metal, lowest, highest = table
    if not lowest <= temperature <= highest:
        return 0.0
    low, high = 0, len(rows) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if rows[middle] <= temperature:
            low = middle
        else:
            high = middle
    weight = (temperature - rows[low]) / (rows[high] - rows[low])
    return (1 - weight) * (cosmic[low] + metallicity * metal[low]) + weight * (
        cosmic[high] + metallicity * metal[high]
    )


@compiled
def _fill_coefficients(temperature, metallicity, table, coefficient):
    for i in range(len(coefficient)):
        coefficient[i] = _coefficient(np.float64(temperature[i]), np.float64(metallicity[i]), table)


@compiled
def _fill_luminosities(columns, measure_of_unit_gas, table, luminosity):
    mass, density, temperature, metallicity, electrons, hydrogen, star_formation = columns
    for i in range(len(luminosity)):
        luminosity[i] = 0.0
        if star_formation[i] > 0:
            continue
        coefficient = _coefficient(np.float64(temperature[i]), np.float64(metallicity[i]), table)
        if coefficient > 0:
            # n_e n_H V = (n_e/n_H) (X_H rho / m)^2 M / rho, in double precision from here on.
            measure = measure_of_unit_gas * np.float64(mass[i]) * density[i]
            luminosity[i] = coefficient * measure * electrons[i] * hydrogen[i] ** 2


_DATASETS = {"thermal_energy": "keV", "cosmic": "erg cm**3/s", "metal": "erg cm**3/s"}
_ATTRIBUTES = ("emin", "emax", "solar_metallicity", "lowest", "highest", "covered")


def filename(emin, emax):
    """Return the name of the file of a band.

    Parameters
    ----------
    emin, emax : float
        Edges of the band, keV.

    Returns
    -------
    str
        The name, the same for the same band.
    """
    return f"apec_3.0.9_aspl_{float(emin)!r}_{float(emax)!r}_keV.h5"


def write(band, path):
    """Write a band to an HDF5 file, whole or not at all.

    Parameters
    ----------
    band : Band
        The band.
    path : path-like
        The file.
    """
    with files.whole(path) as temporary, h5py.File(temporary, "w") as file:
        for name, unit in _DATASETS.items():
            file[name] = getattr(band, name)
            file[name].attrs["unit"] = unit
        for name in _ATTRIBUTES:
            file.attrs[name] = getattr(band, name)
        file.attrs["model"] = "pyXSIM CIESourceModel, APEC 3.0.9, abundances aspl"


def read(path):
    """Read a band from an HDF5 file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Band
        The band.

    Raises
    ------
    FormatError
        If the file isn't an X-ray table, or is one of another band than it says.
    """
    try:
        with h5py.File(path, "r") as file:
            arrays = {name: file[name][()] for name in _DATASETS}
            values = {name: file.attrs[name] for name in _ATTRIBUTES}
    except (KeyError, OSError) as error:
        raise FormatError(
            f"{path} isn't an X-ray band table.",
            found=error,
            expected=f"an HDF5 file with {', '.join(_DATASETS)}",
            remedy="Delete it from the cache; it is made again.",
        ) from error
    covered = tuple(float(edge) for edge in values.pop("covered"))
    return Band(**arrays, **{name: float(v) for name, v in values.items()}, covered=covered)
