"""Discs hold the cool gas of galaxies: of those in the middle of halos, and of satellites.

Columns are those of `cgmhelpers.mock.gas`.
"""

import numpy as np

from cgmhelpers.mock import profiles
from cgmhelpers.mock.gas import (
    STAR_FORMATION_DENSITY,
    assign,
    columns,
    disc_scale,
    gas_density,
    hydrogen_nuclei,
    neutral_scale,
    to_box,
)

DEPLETION_TIME = 2e9
"""Time in which star-forming gas turns into stars [yr]."""
EDGE = 3.4
"""Edge of a neutral disc, in scale lengths. Gas beyond it is ionised."""
OVERLAP = 0.4
"""Density of a disc's elements over the mean of the space that they share."""
THICKEST = 1.0
"""Most that a neutral disc's height may be, as a standard deviation [kpc]."""
TAIL = 0.3
"""Share of a satellite's gas in its tail."""


def _laid_out(plane, scale, height, generator):
    """Return places [kpc] and angles [rad] that leave no gaps in discs, from radii in order."""
    golden, number = np.pi * (3 - np.sqrt(5)), len(plane)
    angle = golden * np.arange(number) + 0.05 * generator.standard_normal(number)
    position = np.stack([plane * np.cos(angle), plane * np.sin(angle), 0 * plane], axis=1)
    position *= scale[:, None]
    position[:, 2] = height * generator.standard_normal(number)
    return position, angle


def _disc_plane(halos, mass, counts, scale, thickness, edge, generator):
    """Draw an exponential disc.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    mass : array (H,)
        [Msun].
    counts : array (H,) of int
        Elements of each halo.
    scale : array (H,)
        Scale lengths [kpc].
    thickness : float
        Standard deviation of the heights, over the scale length, up to `THICKEST`.
    edge : float or array (H,)
        Radius where it ends, over the scale length.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    halo : array (N,) of int
        Halo of each element.
    plane : array (N,)
        Radius in the plane, over the scale length.
    position, velocity : array (N, 3)
        Relative to the halo, in its own frame [kpc, km/s].
    hydrogen : array (N,)
        Nuclei of a disc of this mass at that radius [1/cm^3].
    """
    from scipy.special import gammainc, gammaincinv

    halo, level = profiles.ordered_levels(counts, generator)
    # The mass per radius of a disc is R exp(-R).
    inside = np.broadcast_to(gammainc(2, edge), len(halos))
    plane = gammaincinv(2, inside[halo] * level)
    plane *= np.exp(0.04 * generator.standard_normal(len(halo)))
    height = np.minimum(thickness * scale, THICKEST)
    position, angle = _laid_out(plane, scale[halo], height[halo], generator)
    speed = 1.15 * halos.circular_velocity[halo]
    velocity = np.stack([-speed * np.sin(angle), speed * np.cos(angle), 0.05 * speed], axis=1)
    velocity += 0.07 * speed[:, None] * generator.standard_normal((len(halo), 3))
    central = _central_hydrogen(mass / inside, scale, height)
    return halo, plane, position, velocity, central[halo] * np.exp(-plane)


def _central_hydrogen(mass, scale, height):
    """Return the nuclei in the middle of discs, less what lets neighbours overlap [1/cm^3]."""
    return OVERLAP * hydrogen_nuclei(mass / (2 * np.pi * scale**2 * np.sqrt(2 * np.pi) * height))


def disc(halos, mass, counts, generator):
    """Make star-forming discs on an effective equation of state.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    mass : array (H,)
        [Msun].
    counts : array (H,) of int
        Elements of each halo.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array
    """
    scale = disc_scale(halos)
    central = _central_hydrogen(mass, scale, np.minimum(0.12 * scale, THICKEST))
    edge = np.log(np.maximum(central, 1e-3) / STAR_FORMATION_DENSITY)
    halo, plane, position, velocity, hydrogen = _disc_plane(
        halos, mass, counts, scale, 0.12, np.clip(edge, 1.5, 8), generator
    )
    hydrogen = hydrogen * np.exp(0.3 * generator.standard_normal(len(halo)))
    hydrogen = np.clip(hydrogen, 1.05 * STAR_FORMATION_DENSITY, 30)
    element = (mass / np.maximum(counts, 1))[halo]
    # Pressure of the unresolved hot phase: stiffer than isothermal (Springel & Hernquist 2003).
    temperature = 1e4 * (hydrogen / STAR_FORMATION_DENSITY) ** 0.6
    rate = element / DEPLETION_TIME * (hydrogen / 1.0) ** 0.5
    log_metals = 0.9 - 0.15 * plane + 0.1 * generator.standard_normal(len(halo))
    return columns(
        halo,
        to_box(halos, halo, position),
        to_box(halos, halo, velocity),
        element,
        gas_density(hydrogen),
        temperature,
        10**log_metals,
        star_formation_rate=rate,
    )


def outer_disc(halos, mass, counts, generator):
    """Make neutral gas around the star-forming discs, too thin to form stars, in a warped plane.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    mass : array (H,)
        [Msun].
    counts : array (H,) of int
        Elements of each halo.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array
    """
    halo, plane, position, velocity, hydrogen = _disc_plane(
        halos, mass, counts, neutral_scale(mass), 0.25, EDGE, generator
    )
    warp = (0.25 * generator.standard_normal((len(halos), 2)))[halo]
    position[:, 2] += (warp * position[:, :2]).sum(axis=1) * np.clip(plane - 1, 0, 2)
    hydrogen = hydrogen * np.exp(0.1 * generator.standard_normal(len(halo)))
    hydrogen = np.clip(hydrogen, 3e-3, 0.95 * STAR_FORMATION_DENSITY)
    temperature = 10 ** (4.03 + 0.08 * generator.standard_normal(len(halo)))
    log_metals = 0.5 - 0.15 * plane + 0.15 * generator.standard_normal(len(halo))
    return columns(
        halo,
        to_box(halos, halo, position),
        to_box(halos, halo, velocity),
        (mass / np.maximum(counts, 1))[halo],
        gas_density(hydrogen),
        temperature,
        10**log_metals,
    )


def satellites(halos, mass, counts, generator):
    """Make the gas of satellites: a small disc, and a tail that the hot gas has stripped.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    mass : array (H,)
        Gas mass of all satellites of each halo [Msun].
    counts : array (H,) of int
        Elements of each halo.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array
    """
    galaxies = halos.satellites
    distance = np.linalg.norm(galaxies.position, axis=1) / halos.radius[galaxies.host]
    weight = galaxies.mass**0.8 * np.clip(distance, 0.2, 1.0)
    weight *= np.exp(0.7 * generator.standard_normal(len(weight)))
    halo, galaxy = assign(weight, galaxies.host, counts, len(halos), generator)
    own_radius = halos.volume.virial_radius(galaxies.mass)[galaxy]
    frames = halos.frame[(galaxy * 7 + 3) % len(halos)]  # any other orientation than the host's

    _, level = profiles.ordered_levels(np.bincount(galaxy, minlength=len(weight)), generator)
    in_tail = level < TAIL
    plane = np.sqrt(-2 * np.log(np.where(in_tail, 1 - level / TAIL, (1 - level) / (1 - TAIL))))
    share = weight / np.bincount(galaxies.host, weight, len(halos))[galaxies.host]
    own_mass = mass[galaxies.host] * share
    scale = 0.9 * neutral_scale(own_mass)
    height = np.minimum(0.25 * scale, THICKEST)
    flat, _ = _laid_out(plane, scale[galaxy], height[galaxy], generator)
    offset = np.einsum("ni,nij->nj", flat, frames)
    path = -galaxies.velocity[galaxy]
    path /= np.linalg.norm(path, axis=1, keepdims=True)
    length = 0.2 * own_radius * generator.exponential(size=len(halo)) * in_tail
    position = galaxies.position[galaxy] + offset + length[:, None] * path

    central = _central_hydrogen(own_mass, scale, height)
    hydrogen = central[galaxy] * np.exp(-(plane**2) / 2)
    hydrogen *= np.exp(0.1 * generator.standard_normal(len(halo)))
    hydrogen = np.where(in_tail, 0.06 * hydrogen, hydrogen)
    hydrogen = np.clip(hydrogen, 3e-3, 2.0)
    # Only satellites above 10^10.3 Msun still form stars.
    forming = (hydrogen > STAR_FORMATION_DENSITY) & (galaxies.mass[galaxy] > 10**10.3)
    hydrogen = np.where(forming, hydrogen, np.minimum(hydrogen, 0.95 * STAR_FORMATION_DENSITY))
    temperature = 10 ** (4.05 + 0.1 * generator.standard_normal(len(halo)) + 0.3 * in_tail)
    element = (mass / np.maximum(counts, 1))[halo]
    rate = np.where(forming, element / DEPLETION_TIME, 0.0)
    speed = (
        np.sqrt(galaxies.mass[galaxy] / halos.mass[halo]) ** 0.67 * halos.circular_velocity[halo]
    )
    velocity = galaxies.velocity[galaxy] * (1 - 0.4 * in_tail)[:, None]
    velocity = velocity + 0.3 * speed[:, None] * generator.standard_normal((len(halo), 3))
    log_metals = 0.2 + 0.2 * generator.standard_normal(len(weight))[galaxy]
    return columns(
        halo,
        position,
        velocity,
        element,
        gas_density(hydrogen),
        temperature,
        10**log_metals,
        star_formation_rate=rate,
        satellite=galaxy,
    )
