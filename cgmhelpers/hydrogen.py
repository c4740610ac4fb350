"""Neutral hydrogen of each gas element: Rahmati et al. (2013) with Haardt & Madau (2012).

Hydrogen is in equilibrium between recombination, collisional ionisation and photoionisation by the
ultraviolet background, which dense gas shields itself from. `neutral_fraction_exact` solves that
(Rahmati et al. 2013, MNRAS 430, 2427, Appendix A); `neutral_fraction` looks it up in a table that
ships with the library in the format of Trident's ion tables, and equals what Trident makes of it.
"""

import functools
from importlib.resources import as_file, files

import numba
import numpy as np

from cgmhelpers.errors import ParameterError

BACKGROUND_FILE = "uv_background_hm2012.csv"
TABLE_FILE = "hydrogen_rahmati2013_hm2012.h5"
METHODS = ("trident", "snapshot")
COLUMNS = ("mass", "density", "temperature", "hydrogen_fraction", "star_formation_rate")
# Kelvin: star-forming gas has the temperature of an effective equation of state; its neutral
# phase is warm gas.
STAR_FORMING_TEMPERATURE = 1e4
# Trident sets smaller fractions to zero, and their entries in its table to 1e-30.
LOWEST_FRACTION = 1e-9
# Baryon fraction of Rahmati et al. (2013); 0.163 in CAMELS moves the self-shielding density by 1%.
GAS_FRACTION = 0.17


def recombination_rate(temperature):
    """Return the case-A recombination rate of hydrogen (Hui & Gnedin 1997).

    Parameters
    ----------
    temperature : array
        Kelvin.

    Returns
    -------
    array
        cm3/s.
    """
    x = 315614.0 / np.asarray(temperature, dtype=float)
    return 1.269e-13 * x**1.503 / (1 + (x / 0.522) ** 0.47) ** 1.923


def collisional_ionisation_rate(temperature):
    """Return the collisional ionisation rate of hydrogen (Theuns et al. 1998).

    Parameters
    ----------
    temperature : array
        Kelvin.

    Returns
    -------
    array
        cm3/s.
    """
    t = np.asarray(temperature, dtype=float)
    return 1.17e-10 * np.sqrt(t) * np.exp(-157809.0 / t) / (1 + np.sqrt(t / 1e5))


@functools.cache
def background():
    """Return the background's rates per redshift.

    Returns
    -------
    pandas.DataFrame
        Columns redshift, photoionisation_rate (1/s), cross_section (cm2); a shared table, not to
        be changed.
    """
    import pandas as pd

    with (files("cgmhelpers") / "data" / BACKGROUND_FILE).open() as stream:
        return pd.read_csv(stream, comment="#")


def photoionisation_rate(redshift):
    """Return the hydrogen photoionisation rate of the background and its mean cross-section.

    Parameters
    ----------
    redshift : float
        Redshift, at most that of the table's end (7).

    Returns
    -------
    rate : float
        1/s, interpolated as a power law of 1 + z.
    cross_section : float
        cm2, averaged over the ionising photons.

    Raises
    ------
    ParameterError
        If the redshift lies outside the table.
    """
    table = background()
    highest = table.redshift.iloc[-1]
    if not 0 <= redshift <= highest:
        raise ParameterError(
            "The ultraviolet background isn't tabulated at this redshift.",
            found=redshift,
            expected=f"0 to {highest:g}",
        )
    position, nodes = np.log1p(redshift), np.log1p(table.redshift.to_numpy())
    rate = np.exp(np.interp(position, nodes, np.log(table.photoionisation_rate.to_numpy())))
    return float(rate), float(np.interp(position, nodes, table.cross_section.to_numpy()))


def self_shielding_density(temperature, rate, cross_section):
    """Return the hydrogen density above which gas shields itself (Rahmati et al. 2013, Eq. 13).

    Parameters
    ----------
    temperature : array
        Kelvin.
    rate : float
        Photoionisation rate of the background, 1/s.
    cross_section : float
        Its mean cross-section, cm2.

    Returns
    -------
    array
        cm^-3.
    """
    return (
        6.73e-3
        * (cross_section / 2.49e-18) ** (-2 / 3)
        * (np.asarray(temperature, dtype=float) / 1e4) ** 0.17
        * (rate / 1e-12) ** (2 / 3)
        * (GAS_FRACTION / 0.17) ** (-1 / 3)
    )


def neutral_fraction_exact(hydrogen_density, temperature, redshift, *, background_rate=None):
    """Solve the ionisation equilibrium of hydrogen (Rahmati et al. 2013, Appendix A and Eq. 14).

    Parameters
    ----------
    hydrogen_density : array
        Hydrogen nuclei, cm^-3 (physical).
    temperature : array
        Kelvin; broadcast against the density.
    redshift : float
        Redshift of the background.
    background_rate : tuple of float, optional
        Photoionisation rate (1/s) and mean cross-section (cm2) to use instead of Haardt & Madau's;
        a rate of 0 leaves collisions alone.

    Returns
    -------
    array
        n_HI / n_H, float64.

    Raises
    ------
    ParameterError
        If the redshift lies outside the background's table.
    """
    density = np.asarray(hydrogen_density, dtype=float)
    rate, section = background_rate or photoionisation_rate(redshift)
    recombination = recombination_rate(temperature)
    collisions = collisional_ionisation_rate(temperature)
    photons = 0.0
    if rate > 0:
        excess = density / self_shielding_density(temperature, rate, section)
        shielding = 0.98 * (1 + excess**1.64) ** -2.28 + 0.02 * (1 + excess) ** -0.84
        photons = rate * shielding / density
    # A eta^2 - B eta + C = 0. The root (B - sqrt(B^2 - 4AC)) / 2A loses all digits where eta is
    # small; multiplied by its conjugate it loses none.
    a = recombination + collisions
    b = 2 * recombination + photons + collisions
    c = recombination
    return 2 * c / (b + np.sqrt(b**2 - 4 * a * c))


def neutral_fraction(hydrogen_density, temperature, redshift):
    """Look the neutral fraction up in the shipped table, as Trident does.

    Linear in log density, log temperature and redshift; within LIMIT of
    `neutral_fraction_exact`. Outside the table the nearest entry holds. Fractions below 1e-9 are 0.

    Parameters
    ----------
    hydrogen_density : (N,) array
        Hydrogen nuclei, cm^-3 (physical).
    temperature : (N,) array
        Kelvin.
    redshift : float
        Redshift of the background.

    Returns
    -------
    (N,) float64 array
        n_HI / n_H.

    Raises
    ------
    ParameterError
        If the redshift lies outside the table.
    """
    density, temperature = np.broadcast_arrays(np.atleast_1d(hydrogen_density), temperature)
    fraction = np.empty(density.size)
    _fill_fractions(density.ravel(), temperature.ravel(), *_plane(float(redshift)), fraction)
    return fraction.reshape(density.shape)


def neutral_mass(gas, redshift, method="trident"):
    """Return the mass of neutral hydrogen of each gas element.

    Parameters
    ----------
    gas : mapping
        Gas elements with the columns `COLUMNS`; of the method ``snapshot``: mass,
        hydrogen_fraction and neutral_hydrogen_abundance.
    redshift : float
        Redshift of the background.
    method : {"trident", "snapshot"}, optional
        Ionisation from the table, or as the simulation stored it.

    Returns
    -------
    (N,) float64 array
        Msun of neutral hydrogen.

    Raises
    ------
    ParameterError
        If the method is unknown or the redshift lies outside the table.
    """
    check_method(method)
    hydrogen_mass = np.multiply(gas["mass"], gas["hydrogen_fraction"], dtype=float)
    if method == "snapshot":
        return hydrogen_mass * gas["neutral_hydrogen_abundance"]
    density = np.multiply(gas["density"], gas["hydrogen_fraction"], dtype=float)
    temperature = np.where(
        np.asarray(gas["star_formation_rate"]) > 0, STAR_FORMING_TEMPERATURE, gas["temperature"]
    )
    return hydrogen_mass * neutral_fraction(density / atom_mass(), temperature, redshift)


def check_method(method):
    """Refuse an unknown way of finding the neutral fraction.

    Parameters
    ----------
    method : str
        Its name.

    Raises
    ------
    ParameterError
        If it isn't one of `METHODS`.
    """
    if method not in METHODS:
        raise ParameterError(
            "Unknown way of finding the neutral fraction of hydrogen.",
            found=repr(method),
            expected=" or ".join(METHODS),
        )


@functools.cache
def atom_mass():
    """Return the mass of a hydrogen atom.

    Returns
    -------
    float
        g; m_p + m_e.
    """
    import astropy.constants

    return float((astropy.constants.m_p + astropy.constants.m_e).cgs.value)


@functools.cache
def table():
    """Read the shipped table.

    Returns
    -------
    log_fraction : (D, R, T) array
        log10 of n_HI / n_H, with Trident's -30 for what is below 1e-9.
    log_density, redshift, log_temperature : arrays
        Its axes: log10 of hydrogen nuclei per cm3, redshift, log10 K.
    """
    import h5py

    with as_file(files("cgmhelpers") / "data" / TABLE_FILE) as path, h5py.File(path) as file:
        log_fraction = file["H"][0].astype(float)
        axes = [file["H"].attrs[name] for name in ("Parameter1", "Parameter2", "Temperature")]
    log_fraction[log_fraction < np.log10(LOWEST_FRACTION)] = -30.0
    return log_fraction, *axes


@functools.lru_cache(maxsize=64)
def _plane(redshift):
    """The table at one redshift, and for each axis: first point, lattice and its intervals."""
    log_fraction, log_density, redshifts, log_temperature = table()
    if not redshifts[0] <= redshift <= redshifts[-1]:
        raise ParameterError(
            "The hydrogen table doesn't reach this redshift.",
            found=redshift,
            expected=f"{redshifts[0]:g} to {redshifts[-1]:g}",
        )
    upper = min(np.searchsorted(redshifts, redshift, side="right"), len(redshifts) - 1)
    weight = (redshift - redshifts[upper - 1]) / (redshifts[upper] - redshifts[upper - 1])
    plane = (1 - weight) * log_fraction[:, upper - 1] + weight * log_fraction[:, upper]
    return np.ascontiguousarray(plane), _lattice(log_density), _lattice(log_temperature)


def _lattice(points):
    """Return the axis with, for each cell of its finest step, the interval that holds the cell.

    All points lie on the lattice of the finest step, so an interval is found without a search.
    """
    step = np.diff(points).min()
    cells = round((points[-1] - points[0]) / step)
    middles = points[0] + (np.arange(cells) + 0.5) * step
    return points, 1 / step, np.searchsorted(points, middles) - 1


@numba.njit(nogil=True, cache=True)
def _locate(value, points, cells_per_dex, interval):
    """Interval of a value, and its place in it from 0 to 1; the ends hold beyond the axis."""
    cell = int(min(max((value - points[0]) * cells_per_dex, 0.0), len(interval) - 1.0))
    low = interval[cell]
    weight = (value - points[low]) / (points[low + 1] - points[low])
    return low, min(max(weight, 0.0), 1.0)


@numba.njit(nogil=True, cache=True)
def _fill_fractions(density, temperature, plane, density_axis, temperature_axis, fraction):
    for n in range(len(fraction)):
        i, u = _locate(np.log10(np.float64(density[n])), *density_axis)
        j, v = _locate(np.log10(np.float64(temperature[n])), *temperature_axis)
        log_fraction = (1 - u) * ((1 - v) * plane[i, j] + v * plane[i, j + 1]) + u * (
            (1 - v) * plane[i + 1, j] + v * plane[i + 1, j + 1]
        )
        value = 10.0**log_fraction
        fraction[n] = min(value, 1.0) if value > LOWEST_FRACTION else 0.0
