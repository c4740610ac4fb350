"""Ionisation equilibrium of hydrogen: Rahmati et al. (2013) with Haardt & Madau (2012).

Hydrogen is in equilibrium between recombination, collisional ionisation and photoionisation by the
ultraviolet background, which dense gas shields itself from (Rahmati et al. 2013, MNRAS 430, 2427,
Appendix A).
"""

import functools
from importlib.resources import files

import numpy as np

from cgmhelpers.errors import ParameterError

BACKGROUND_FILE = "uv_background_hm2012.csv"
# Baryon fraction of Rahmati et al. (2013); 0.163 in CAMELS moves the self-shielding density by 1%.
GAS_FRACTION = 0.17
# Redshifts so little below 0 are 1 / a - 1 in single precision, and mean 0.
ROUNDING = 1e-6


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
    """Read the rates of the background at each redshift.

    Returns
    -------
    pandas.DataFrame
        Columns redshift, photoionisation_rate (1/s), cross_section (cm2). All callers share it:
        don't change it.
    """
    import pandas as pd

    with (files("cgmhelpers.emission") / "data" / BACKGROUND_FILE).open() as stream:
        return pd.read_csv(stream, comment="#")


def photoionisation_rate(redshift):
    """Return the hydrogen photoionisation rate of the background and its mean cross-section.

    Parameters
    ----------
    redshift : float
        Redshift, at most 7, the table's last.

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
    redshift = tabulated_redshift(redshift, table.redshift.iloc[-1])
    position, nodes = np.log1p(redshift), np.log1p(table.redshift.to_numpy())
    rate = np.exp(np.interp(position, nodes, np.log(table.photoionisation_rate.to_numpy())))
    return float(rate), float(np.interp(position, nodes, table.cross_section.to_numpy()))


def tabulated_redshift(redshift, highest):
    """Return a redshift within the range of a table, or refuse it.

    Parameters
    ----------
    redshift : float
        Redshift; snapshots at z = 0 may have -1e-16.
    highest : float
        Last redshift of the table, which begins at 0.

    Returns
    -------
    float
        From 0 to `highest`.

    Raises
    ------
    ParameterError
        If the redshift lies outside the table.
    """
    if not -ROUNDING <= redshift <= highest:
        raise ParameterError(
            "The ultraviolet background isn't tabulated at this redshift.",
            found=redshift,
            expected=f"0 to {highest:g}",
        )
    return max(float(redshift), 0.0)


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
        Photoionisation rate (1/s) and mean cross-section (cm2) instead of Haardt & Madau's; with
        a rate of 0 only collisions ionise.

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
    photons = np.zeros_like(density)
    if rate > 0:
        excess = density / self_shielding_density(temperature, rate, section)
        shielding = 0.98 * (1 + excess**1.64) ** -2.28 + 0.02 * (1 + excess) ** -0.84
        photons = rate * shielding / density
    # A eta^2 - B eta + C = 0 with A = alpha + Lambda, B = 2 alpha + Gamma/n + Lambda, C = alpha.
    # The root (B - sqrt(B^2 - 4AC)) / 2A loses all digits for small eta. The same root written with
    # its conjugate loses none, nor does B^2 - 4AC once the squares of alpha have cancelled.
    ionisation = photons + collisions
    root = np.sqrt(ionisation**2 + 4 * recombination * photons)
    return 2 * recombination / (2 * recombination + ionisation + root)
