"""Neutral hydrogen of each gas element, by table look-up.

The table ships with the library in the format of Trident's ion tables; it holds the equilibrium of
`cgmhelpers.emission.ionisation` (Rahmati et al. 2013 with Haardt & Madau 2012), and
`neutral_fraction` equals Trident's interpolation in it.
"""

import functools
from importlib.resources import files
from pathlib import Path

import numba
import numpy as np

from cgmhelpers.emission.ionisation import tabulated_redshift
from cgmhelpers.errors import check_known
from cgmhelpers.system.compiling import compiled

TABLE_FILE = "hydrogen_rahmati2013_hm2012.h5"
METHODS = ("trident", "snapshot")
COLUMNS = ("mass", "density", "temperature", "hydrogen_fraction", "star_formation_rate")
SNAPSHOT_COLUMNS = ("mass", "hydrogen_fraction", "neutral_hydrogen_abundance")
# Kelvin: star-forming gas has the temperature of an effective equation of state; its neutral
# phase is warm.
STAR_FORMING_TEMPERATURE = 1e4
# Trident sets smaller fractions to zero, and writes them as 1e-30 in its table.
LOWEST_FRACTION = 1e-9
LN10 = np.log(10)


def neutral_fraction(hydrogen_density, temperature, redshift):
    """Look the neutral fraction up in the shipped table, as Trident does.

    Interpolation is linear in log density, log temperature and redshift. Its error against
    `cgmhelpers.emission.ionisation.neutral_fraction_exact` is below 1% at the table's redshifts (0,
    0.05, 0.1, 0.15, 0.2, 0.3, ...) and 3% between. Outside the table the nearest entry holds.
    Fractions below 1e-9 are 0.

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
    density, temperature = (
        np.array(values, dtype=float)
        for values in np.broadcast_arrays(hydrogen_density, temperature)
    )
    fraction = np.empty(density.size)
    _fill_fractions(density.ravel(), temperature.ravel(), *_plane(float(redshift)), fraction)
    return fraction.reshape(density.shape)


def neutral_mass(gas, redshift, method="trident"):
    """Return the mass of neutral hydrogen of each gas element.

    Parameters
    ----------
    gas : mapping
        Gas elements with the columns `COLUMNS`, or `SNAPSHOT_COLUMNS` for the method
        ``snapshot``.
    redshift : float
        Redshift of the background.
    method : {"trident", "snapshot"}, optional
        Neutral fractions from the table, or those that the simulation stored.

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
    """Refuse an unknown method for the neutral fraction.

    Parameters
    ----------
    method : str
        Name of the method.

    Raises
    ------
    ParameterError
        If it isn't one of `METHODS`.
    """
    check_known([method], METHODS, "Unknown method for the neutral fraction of hydrogen.")


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


def table_path():
    """Return the path of the shipped table, which Trident takes as ``ionization_table``.

    Returns
    -------
    pathlib.Path
        An HDF5 file in the format of Trident's ion tables.
    """
    return Path(files("cgmhelpers.emission") / "data" / TABLE_FILE)


@functools.cache
def table():
    """Read the shipped table.

    Returns
    -------
    log_fraction : (D, R, T) array
        log10 of n_HI / n_H; -30 for fractions below 1e-9, as in Trident.
    log_density, redshift, log_temperature : arrays
        Its axes: log10 of hydrogen nuclei per cm3, redshift, log10 K.
    """
    import h5py

    with h5py.File(table_path()) as file:
        log_fraction = file["H"][0].astype(float)
        axes = [file["H"].attrs[name] for name in ("Parameter1", "Parameter2", "Temperature")]
    log_fraction[log_fraction < np.log10(LOWEST_FRACTION)] = -30.0
    return log_fraction, *axes


@functools.lru_cache(maxsize=64)
def _plane(redshift):
    """Interpolate the table to a redshift, and prepare its two other axes for look-ups."""
    log_fraction, log_density, redshifts, log_temperature = table()
    redshift = tabulated_redshift(redshift, redshifts[-1])
    upper = min(np.searchsorted(redshifts, redshift, side="right"), len(redshifts) - 1)
    weight = (redshift - redshifts[upper - 1]) / (redshifts[upper] - redshifts[upper - 1])
    plane = (1 - weight) * log_fraction[:, upper - 1] + weight * log_fraction[:, upper]
    return np.ascontiguousarray(plane), _lattice(log_density), _lattice(log_temperature)


def _lattice(points):
    """Prepare an axis for look-ups without a search.

    All points lie on the lattice of the axis's finest step, so the interval that holds a value
    follows from its cell of the lattice. Returns the points, the inverse length of each interval,
    the number of cells per unit, and each cell's interval.
    """
    step = np.diff(points).min()
    cells = round((points[-1] - points[0]) / step)
    middles = points[0] + (np.arange(cells) + 0.5) * step
    return points, 1 / np.diff(points), 1 / step, np.searchsorted(points, middles) - 1


@numba.njit(nogil=True, inline="always")
def _locate(value, points, inverse_length, cells_per_unit, interval):
    """Find the interval of a value, and its place there from 0 to 1; ends hold beyond the axis."""
    position = (value - points[0]) * cells_per_unit
    cell = int(position) if position > 0 else 0
    if cell >= len(interval):
        cell = len(interval) - 1
    low = interval[cell]
    place = (value - points[low]) * inverse_length[low]
    return low, min(max(place, 0.0), 1.0)


@compiled
def _fill_fractions(density, temperature, plane, density_axis, temperature_axis, fraction):
    d_points, d_inverse, d_cells, d_interval = density_axis
    t_points, t_inverse, t_cells, t_interval = temperature_axis
    for n in range(len(fraction)):
        log_density = np.log10(density[n])
        log_temperature = np.log10(temperature[n])
        i, u = _locate(log_density, d_points, d_inverse, d_cells, d_interval)
        j, v = _locate(log_temperature, t_points, t_inverse, t_cells, t_interval)
        thin = plane[i, j] + v * (plane[i, j + 1] - plane[i, j])
        dense = plane[i + 1, j] + v * (plane[i + 1, j + 1] - plane[i + 1, j])
        value = np.exp(LN10 * (thin + u * (dense - thin)))
        fraction[n] = min(value, 1.0) if value > LOWEST_FRACTION else 0.0
