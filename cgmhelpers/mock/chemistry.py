"""Elements and electrons of mock gas."""

import numpy as np

METAL_SHARES = {
    "C": 0.177,
    "N": 0.052,
    "O": 0.429,
    "Ne": 0.094,
    "Mg": 0.053,
    "Si": 0.050,
    "S": 0.023,
    "Ca": 0.005,
    "Fe": 0.097,
}
"""Share of each element in the metal mass of the Sun (Asplund et al. 2009, ARA&A 47, 481)."""
PRIMORDIAL_HELIUM = 0.24
"""Primordial mass fraction of helium."""


def helium_fraction(metallicity):
    """Return the mass fraction of helium: primordial, and what comes with the metals.

    Parameters
    ----------
    metallicity : array (N,)
        Mass fraction of metals.

    Returns
    -------
    array (N,)
    """
    return PRIMORDIAL_HELIUM + 1.4 * metallicity


def elements(metallicity, helium, names):
    """Return mass fractions of chosen elements.

    Parameters
    ----------
    metallicity, helium : array (N,)
        Mass fractions of all metals, of helium.
    names : sequence of str
        ``H``, ``He``, ``total`` (all metals), ``other`` (metals not named), or keys of
        `METAL_SHARES`.

    Returns
    -------
    array (N, len(names)), float32
    """
    table = np.empty((len(metallicity), len(names)), dtype=np.float32)
    rest = 1 - sum(METAL_SHARES[name] for name in names if name in METAL_SHARES)
    for column, name in enumerate(names):
        if name == "H":
            table[:, column] = 1 - helium - metallicity
        elif name == "He":
            table[:, column] = helium
        elif name == "total":
            table[:, column] = metallicity
        elif name == "other":
            table[:, column] = rest * metallicity
        else:
            table[:, column] = METAL_SHARES[name] * metallicity
    return table


def hydrogen_density(density, hydrogen_fraction=0.76):
    """Return the number density of hydrogen nuclei [1/cm^3].

    Parameters
    ----------
    density : array (N,)
        [g/cm^3].
    hydrogen_fraction : array or float
        Mass fraction of hydrogen.
    """
    from astropy import constants

    return density * (hydrogen_fraction / constants.m_p.cgs.value)


def electron_abundance(neutral, temperature):
    """Return the number of electrons per hydrogen nucleus.

    Hydrogen's electrons, and helium's: one where the background has ionised it once, two in hot
    gas.

    Parameters
    ----------
    neutral : array (N,)
        Neutral share of hydrogen.
    temperature : array (N,)
        [K].

    Returns
    -------
    array (N,)
    """
    helium = PRIMORDIAL_HELIUM / (4 * (1 - PRIMORDIAL_HELIUM))
    second = 1 / (1 + np.exp(-(np.log10(temperature) - 4.7) / 0.12))
    return (1 - neutral) * (1 + helium * (1 + second))
