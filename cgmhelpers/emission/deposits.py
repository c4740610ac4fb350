"""Deposits of gas elements on maps, and the factors from deposits per area to units of maps.

A deposit is an extensive quantity, one number for each element. `cgmhelpers.maps.projection.images`
spreads it over pixels; `cgmhelpers.emission.fields` declares which field deposits which quantity.
"""

import functools

import astropy.constants
import astropy.units
import numpy as np

from cgmhelpers.emission import bands, hydrogen

COMPTON_COLUMNS = (
    "mass",
    "temperature",
    "electron_abundance",
    "hydrogen_fraction",
    "star_formation_rate",
)


def xray_luminosity(gas, header, emin, emax):
    """Return the X-ray luminosity of each gas element.

    Parameters
    ----------
    gas : mapping
        Gas elements with the columns `cgmhelpers.emission.xray.COLUMNS`.
    header : cgmhelpers.simulations.header.Header
        The snapshot's header.
    emin, emax : float
        Band in the rest frame of the gas, keV.

    Returns
    -------
    (N,) float64 array
        erg/s; 0 for star-forming gas.
    """
    return bands.load_band(emin, emax).luminosity(gas, header)


def neutral_hydrogen_mass(gas, header, method="trident"):
    """Return the mass of neutral hydrogen of each gas element.

    Parameters
    ----------
    gas : mapping
        Gas elements with the columns `cgmhelpers.emission.hydrogen.COLUMNS`.
    header : cgmhelpers.simulations.header.Header
        The snapshot's header.
    method : {"trident", "snapshot"}, optional
        See `cgmhelpers.emission.hydrogen.neutral_mass`.

    Returns
    -------
    (N,) float64 array
        Msun.
    """
    return hydrogen.neutral_mass(gas, header.redshift, method)


def compton_area(gas, header):
    """Return the Compton parameter of each gas element, integrated over its area.

    An element of any shape with N_e free electrons adds sigma_T / (m_e c^2) N_e k_B T to the
    integral of y over the area (Sunyaev & Zel'dovich 1972, Comments Astrophys. Space Phys. 4, 173;
    non-relativistic). Star-forming gas adds nothing: its temperature is that of an effective
    equation of state, and most of its mass is cold.

    Parameters
    ----------
    gas : mapping
        Gas elements with the columns `COMPTON_COLUMNS`.
    header : cgmhelpers.simulations.header.Header
        Not used: the parameter doesn't depend on redshift.

    Returns
    -------
    (N,) float64 array
        Physical kpc2.
    """
    per_unit_gas = _compton_of_unit_gas()
    electrons = np.multiply(gas["mass"], gas["hydrogen_fraction"], dtype=float)
    electrons *= gas["electron_abundance"]
    area = electrons * gas["temperature"] * per_unit_gas
    return np.where(np.asarray(gas["star_formation_rate"]) > 0, 0.0, area)


@functools.cache
def _compton_of_unit_gas():
    """Compton parameter times area, kpc2, of 1 Msun of ionised hydrogen at 1 K."""
    constants, units = astropy.constants, astropy.units
    electrons = 1 * units.Msun / (hydrogen.atom_mass() * units.g)
    pressure = constants.k_B * units.K / (constants.m_e * constants.c**2)
    return float((constants.sigma_T * electrons * pressure).to_value(units.kpc**2))


def unchanged_per_area(header):
    """Return 1: an area per area is the map's value.

    Parameters
    ----------
    header : cgmhelpers.simulations.header.Header
        Not used.

    Returns
    -------
    float
        1 per kpc2/kpc2.
    """
    return 1.0


def surface_brightness_per_area(header):
    """Return the factor from erg/s per physical kpc2 to surface brightness.

    S = L / (4 pi A) per steradian, at any distance, dimmed by (1 + z)^4.

    Parameters
    ----------
    header : cgmhelpers.simulations.header.Header
        The snapshot's header, for its redshift.

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
    header : cgmhelpers.simulations.header.Header
        Not used.

    Returns
    -------
    float
        cm^-2 per Msun/kpc2.
    """
    units = astropy.units
    mass = (1 * units.Msun / units.kpc**2).to_value(units.g / units.cm**2)
    return float(mass / hydrogen.atom_mass())
