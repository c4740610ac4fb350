"""Conversions of what simulation codes store into physical columns."""

import numpy as np
from astropy import constants

from cgmhelpers.emission import ionisation

PRIMORDIAL_HYDROGEN_FRACTION = 0.76
ADIABATIC_INDEX = 5 / 3
SWIFT_TRANSITION = 1e4
"""Temperature below which SWIFT takes gas as neutral where it follows no electrons [K]."""

STAR_FORMING_NUCLEI = 0.1
"""Hydrogen nuclei per cm^3 above which gas counts as star-forming where a file has no rate."""

SECONDS_PER_YEAR = 365.25 * 86400
CELL_SMOOTHING_FACTOR = 2.0
"""Kernel support radius of a Voronoi cell over the radius of the sphere of its volume.

The default of yt's Arepo front end (``smoothing_factor``), so that maps can be compared.
"""


def temperature(internal_energy, electron_abundance):
    """Gas temperature from the specific internal energy.

    T = (gamma - 1) u mu m_p / k_B with mu = 4 / (1 + 3 X_H + 4 X_H x_e). The hydrogen fraction
    is the primordial 0.76, as in the data releases of the simulations and in yt: the codes
    themselves convert with it, whatever the metals of the element.

    Parameters
    ----------
    internal_energy : ndarray, shape (N,)
        Specific internal energy [(cm/s)^2].
    electron_abundance : ndarray, shape (N,)
        n_e / n_H.

    Returns
    -------
    ndarray, shape (N,)
        Temperature [K].
    """
    hydrogen = PRIMORDIAL_HYDROGEN_FRACTION
    molecular_weight = 4 / (1 + 3 * hydrogen + 4 * hydrogen * electron_abundance)
    factor = (ADIABATIC_INDEX - 1) * constants.m_p.cgs.value / constants.k_B.cgs.value
    return internal_energy * (molecular_weight * factor).astype(internal_energy.dtype)


def cell_support_radius(volume):
    """Kernel support radius of Voronoi cells.

    Parameters
    ----------
    volume : ndarray, shape (N,)
        Volumes of the cells [length^3].

    Returns
    -------
    ndarray, shape (N,)
        `CELL_SMOOTHING_FACTOR` times the radius of the sphere of that volume [length].
    """
    return CELL_SMOOTHING_FACTOR * np.cbrt(3 * volume / (4 * np.pi))


def swift_temperature(internal_energy):
    """Gas temperature of SWIFT from the specific internal energy alone.

    Gas is neutral below `SWIFT_TRANSITION` and fully ionised above, as SWIFT has it where its
    cooling doesn't follow electrons.

    Parameters
    ----------
    internal_energy : ndarray, shape (N,)
        Specific internal energy [(cm/s)^2].

    Returns
    -------
    ndarray, shape (N,)
        Temperature [K].
    """
    helium = (1 - PRIMORDIAL_HYDROGEN_FRACTION) / (4 * PRIMORDIAL_HYDROGEN_FRACTION)
    ionised = temperature(internal_energy, np.full(internal_energy.shape, 1 + 2 * helium))
    neutral = temperature(internal_energy, np.zeros(internal_energy.shape))
    return np.where(
        ionised > SWIFT_TRANSITION, ionised, np.minimum(neutral, SWIFT_TRANSITION)
    ).astype(internal_energy.dtype)


def equilibrium_electrons(density, temperature, hydrogen, helium, redshift):
    """Electrons per hydrogen nucleus where a file has none.

    Hydrogen is in ionisation equilibrium with the ultraviolet background
    (`cgmhelpers.emission.ionisation`); helium is doubly ionised where hydrogen is ionised. Part of
    the helium of photo-heated gas keeps one electron: there the result is up to 8% too high.

    Parameters
    ----------
    density : ndarray, shape (N,)
        [g/cm^3].
    temperature : ndarray, shape (N,)
        [K].
    hydrogen, helium : ndarray, shape (N,)
        Mass fractions.
    redshift : float
        Redshift of the background.

    Returns
    -------
    ndarray, shape (N,)
        n_e / n_H.

    Raises
    ------
    ParameterError
        If the background isn't tabulated at this redshift.
    """
    nuclei = density * (hydrogen / constants.m_p.cgs.value)
    neutral = ionisation.neutral_fraction_exact(nuclei, temperature, redshift)
    return ((1 - neutral) * (1 + helium / (2 * hydrogen))).astype(density.dtype)


def schmidt_rate(mass, density):
    """Star-formation rate of gas where a file has none.

    Gas of more than `STAR_FORMING_NUCLEI` hydrogen nuclei per cm^3 turns 1% of its mass into stars
    per free-fall time (Schmidt law; Krumholz & Tan 2007, ApJ 654, 304).

    Parameters
    ----------
    mass : ndarray, shape (N,)
        [Msun].
    density : ndarray, shape (N,)
        [g/cm^3].

    Returns
    -------
    ndarray, shape (N,)
        [Msun/yr].
    """
    nuclei = density * (PRIMORDIAL_HYDROGEN_FRACTION / constants.m_p.cgs.value)
    per_second = np.sqrt(32 * constants.G.cgs.value * density / (3 * np.pi))
    rate = 0.01 * SECONDS_PER_YEAR * mass * per_second
    return np.where(nuclei > STAR_FORMING_NUCLEI, rate, 0).astype(mass.dtype)
