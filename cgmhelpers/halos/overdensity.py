"""Spherical-overdensity masses and radii of halos, from their particles."""

import logging

import numpy as np
from astropy.cosmology import FlatLambdaCDM

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import centres
from cgmhelpers.halos.selection import in_spheres

log = logging.getLogger(__name__)

OVERDENSITY = 200
CATALOGUE_TOLERANCE = 0.05
"""Relative difference of M200c above which a catalogue is called into doubt."""


def critical_density(header):
    """Critical density at a snapshot's time.

    Parameters
    ----------
    header : Header
        Of the snapshot.

    Returns
    -------
    float
        Msun / kpc^3, physical.
    """
    cosmology = FlatLambdaCDM(H0=100 * header.hubble, Om0=header.omega_matter)
    return cosmology.critical_density(header.redshift).to_value("Msun/kpc3")


def spherical_overdensity(sim, table, reach=1.3, bins=400):
    """Measure M200c and R200c of halos from all their particles.

    R200c is the largest radius within which the mean density of dark matter, gas, stars, wind
    and black holes is at least 200 times the critical density, found on a grid of radii and
    interpolated in log mass.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    table : pandas.DataFrame
        Halos from ``sim.halos()``.
    reach : float
        Largest radius tried, over the catalogue's R200c.
    bins : int
        Number of radii, linear up to the largest.

    Returns
    -------
    m200c, r200c : ndarray, shape (H,)
        [Msun] and [kpc]; NaN where the density is never that high or never that low.

    Notes
    -----
    Warns through ``logging`` when a catalogue's M200c differs by more than 5%: the catalogues
    of SIMBA's CV and 1P sets were wrong until they were replaced in July 2025.
    """
    if reach <= 1:
        raise ParameterError("reach must exceed 1.", found=reach, expected="for example 1.3")
    radius = table["r200c"].to_numpy()
    profile = np.zeros((len(table), bins))
    for kind in ("gas", "dark_matter", "stars", "wind", "black_holes"):
        with sim.reading(kind) as (read, pieces):
            for rows in pieces:
                part = read(("position", "mass"), rows)
                near = in_spheres(
                    part.position, centres(table), reach * radius, sim.header.box_size
                )
                distance = np.sqrt((near.displacement.astype(np.float64) ** 2).sum(axis=1))
                shell = (distance / (reach * radius[near.halo]) * bins).astype(np.int64)
                flat = near.halo * bins + np.minimum(shell, bins - 1)
                weights = part.mass[near.index]
                profile += np.bincount(flat, weights, profile.size).reshape(profile.shape)
    enclosed = profile.cumsum(axis=1)
    edges = reach * radius[:, None] * np.arange(1, bins + 1) / bins
    excess = enclosed / (4 / 3 * np.pi * edges**3) / (OVERDENSITY * critical_density(sim.header))
    m200c, r200c = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for row in range(len(table)):
        above = np.flatnonzero(excess[row] >= 1)
        if len(above) == 0 or above[-1] == bins - 1:
            continue
        inner = slice(above[-1], above[-1] + 2)
        # np.interp wants rising abscissae, and the density falls with radius.
        r200c[row] = np.exp(
            np.interp(0, np.log(excess[row, inner])[::-1], np.log(edges[row, inner])[::-1])
        )
        m200c[row] = np.interp(r200c[row], edges[row, inner], enclosed[row, inner])
    _warn_if_wrong(sim, table, m200c)
    return m200c, r200c


def _warn_if_wrong(sim, table, m200c):
    difference = np.abs(table["m200c"].to_numpy() / m200c - 1)
    wrong = ~(difference <= CATALOGUE_TOLERANCE)
    if wrong.any():
        log.warning(
            "%s: M200c of %d of %d halos differs by more than %d%% from the particles' (median "
            "difference %.1f%%). Catalogues of SIMBA's CV and 1P sets from before July 2025 "
            "are wrong: fetch them again.",
            sim.catalogue_path,
            wrong.sum(),
            len(table),
            100 * CATALOGUE_TOLERANCE,
            100 * np.nanmedian(difference),
        )
