"""Spherical-overdensity masses and radii from profiles of enclosed mass."""

import numpy as np
from astropy.cosmology import FlatLambdaCDM

OVERDENSITY = 200


def critical_density(header):
    """Return the critical density at the time of a snapshot.

    Parameters
    ----------
    header : Header
        Header of the snapshot.

    Returns
    -------
    float
        Msun / kpc^3, physical.
    """
    cosmology = FlatLambdaCDM(H0=100 * header.hubble, Om0=header.omega_matter)
    return cosmology.critical_density(header.redshift).to_value("Msun/kpc3")


def spherical_overdensity(radius, enclosed, critical):
    """Find M200c and R200c in profiles of enclosed mass.

    R200c is the largest radius within which the mean density is at least 200 times the critical
    one. The density between two radii is taken as a power law.

    Parameters
    ----------
    radius : ndarray, shape (H, R)
        Rising radii of each halo [kpc].
    enclosed : ndarray, shape (H, R)
        Mass within each of them [Msun].
    critical : float
        Critical density [Msun / kpc^3].

    Returns
    -------
    m200c, r200c : ndarray, shape (H,)
        [Msun] and [kpc]; NaN if the density is never that high, or still is at the largest radius.
    """
    excess = enclosed / (4 / 3 * np.pi * radius**3) / (OVERDENSITY * critical)
    above, bins = excess >= 1, radius.shape[1]
    inner = bins - 1 - above[:, ::-1].argmax(axis=1)  # the last radius that is dense enough
    crossed = above.any(axis=1) & (inner < bins - 1)
    row = np.flatnonzero(crossed)
    inner = inner[row]
    high = np.log(excess[row, inner])
    low = np.log(np.maximum(excess[row, inner + 1], 1e-12))
    share = high / np.maximum(high - low, 1e-12)
    r200c = np.full(len(radius), np.nan)
    r200c[row] = radius[row, inner] * (radius[row, inner + 1] / radius[row, inner]) ** share
    return 4 / 3 * np.pi * OVERDENSITY * critical * r200c**3, r200c
