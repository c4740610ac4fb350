"""The cosmology of CAMELS' CV set, and what colossus tells about its halos."""

from contextlib import contextmanager

import numpy as np

HUBBLE = 0.6711
OMEGA_MATTER = 0.3
OMEGA_BARYON = 0.049
SIGMA_8 = 0.8
SPECTRAL_INDEX = 0.9624
#: Side of the volume [kpc], 25 Mpc/h, at redshift zero.
BOX_SIZE = 25000.0 / HUBBLE


def critical_density() -> float:
    """Critical density of the universe at redshift zero [Msun/kpc^3]."""
    from astropy import constants, units

    rate = 100 * HUBBLE * units.km / units.s / units.Mpc
    density = 3 * rate**2 / (8 * np.pi * constants.G)
    return float(density.to_value(units.Msun / units.kpc**3))


def gravitational_constant() -> float:
    """Newton's constant [kpc (km/s)^2 / Msun]."""
    from astropy import constants, units

    return float(constants.G.to_value(units.kpc * units.km**2 / units.s**2 / units.Msun))


@contextmanager
def colossus_cosmology():
    """Colossus with the CV cosmology, nothing written to disk, its former state put back.

    Yields
    ------
    colossus.cosmology.cosmology.Cosmology
    """
    from colossus.cosmology import cosmology

    former = cosmology.current_cosmo
    current = cosmology.Cosmology(
        name="CAMELS-CV",
        flat=True,
        H0=100 * HUBBLE,
        Om0=OMEGA_MATTER,
        Ob0=OMEGA_BARYON,
        sigma8=SIGMA_8,
        ns=SPECTRAL_INDEX,
        # Colossus keeps a cache in the home folder unless persistence is off.
        persistence="",
    )
    cosmology.setCurrent(current)
    try:
        yield current
    finally:
        cosmology.current_cosmo = former


def halo_number(log_mass):
    """Expected number of halos in the volume, per natural logarithm of mass.

    Parameters
    ----------
    log_mass : array (N,)
        log10 M200c [Msun].

    Returns
    -------
    array (N,)
        dN/dlnM for M200c at z = 0, of Bocquet et al. (2016, MNRAS 456, 2361), fitted to dark matter
        alone: what feedback takes from a halo comes on top of it, suite by suite.
    """
    from colossus.lss import mass_function

    with colossus_cosmology():
        density = mass_function.massFunction(
            10**log_mass * HUBBLE,
            0.0,
            mdef="200c",
            model="bocquet16",
            q_in="M",
            q_out="dndlnM",
            hydro=False,
        )
    return density * (BOX_SIZE * HUBBLE / 1000) ** 3


def median_concentration(mass):
    """Median NFW concentration c200c (Diemer & Joyce 2019, ApJ 871, 168) at z = 0.

    Parameters
    ----------
    mass : array (N,)
        M200c [Msun].

    Returns
    -------
    array (N,)
    """
    from colossus.halo import concentration

    with colossus_cosmology():
        grid = np.logspace(9, 15.5, 40)
        value = concentration.concentration(grid * HUBBLE, "200c", 0.0, model="diemer19")
    return np.interp(np.log10(mass), np.log10(grid), value)


def power_spectrum(wavenumber):
    """Linear matter power spectrum at z = 0.

    Parameters
    ----------
    wavenumber : array
        [1/kpc], comoving.

    Returns
    -------
    array
        Power [kpc^3].
    """
    unit = 1000 * HUBBLE
    with colossus_cosmology() as current:
        power = current.matterPowerSpectrum(np.maximum(wavenumber, 1e-12) * 1000 / HUBBLE, 0.0)
    return power * unit**3 / HUBBLE**6
