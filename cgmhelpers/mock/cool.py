"""Cool gas of the halos: clouds, discs, satellites.

Columns are those of `cgmhelpers.mock.gas`.
"""

import numpy as np

from cgmhelpers.mock import profiles
from cgmhelpers.mock.gas import (
    STAR_FORMATION_DENSITY,
    assign,
    columns,
    density_unit,
    disc_scale,
    gas_density,
    to_box,
)
from cgmhelpers.mock.initial import random_directions

DEPLETION_TIME = 2e9
"""Time in which star-forming gas turns into stars [yr]."""


def clouds(halos, result, atmosphere, mass, counts, generator):
    """Make cool clouds in complexes, some along streams, near pressure balance with hot gas.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    result : Outcome
        The halos after feedback.
    atmosphere : Atmosphere
        Their hot atmospheres.
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
    number = len(halos)
    expected = np.clip(5 * (halos.mass / 10**11.5) ** 0.4, 2, 40)
    owner = np.repeat(np.arange(number), 2 + generator.poisson(expected))
    total = len(owner)
    weight = np.exp(1.0 * generator.standard_normal(total))
    distance = 0.28 * 10 ** (
        0.12 * result.activity[owner] + 0.28 * generator.standard_normal(total)
    )
    distance = np.clip(distance, 0.05, 1.2)
    streams = random_directions(generator, 3 * number).reshape(number, 3, 3)
    along = streams[owner, generator.integers(0, 3, total)]
    along = along + 0.15 * generator.standard_normal((total, 3))
    in_stream = generator.uniform(size=total) < 0.45
    direction = np.where(in_stream[:, None], along, random_directions(generator, total))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)

    # Turbulence and magnetic fields support clouds: the same cool mass is more or less neutral.
    compactness = np.exp(0.8 * np.clip(generator.standard_normal(number), -2, 2))

    def _cool_density(host, radius, temperature):
        """Return the density [g/cm^3] of gas in pressure balance with the atmosphere."""
        pressure = profiles.look_up(atmosphere.density * atmosphere.temperature, host, radius)
        balanced = 0.45 * compactness[host] * pressure / temperature
        least = gas_density(3e-3) * np.minimum(compactness, 1.5)
        return np.clip(balanced, least[host], gas_density(0.10))

    # Clouds fill a third of their complex, whatever its mass.
    share = weight / np.bincount(owner, weight, number)[owner]
    volume = (
        mass[owner] * share * density_unit() / (0.35 * _cool_density(owner, distance, 10**4.15))
    )
    size = 0.45 * np.cbrt(volume) / halos.radius[owner]
    stretch = generator.uniform(0.3, 2.2, total) + 1.0 * in_stream

    halo, complex_ = assign(weight, owner, counts, number, generator)
    spread = generator.standard_normal((len(halo), 3)) * size[complex_][:, None]
    radial = (spread * direction[complex_]).sum(axis=1, keepdims=True) * direction[complex_]
    position = distance[complex_][:, None] * direction[complex_] + spread
    position += stretch[complex_][:, None] * radial
    radius = np.linalg.norm(position, axis=1)
    share = 1 / np.maximum(counts, 1)

    temperature = 10 ** np.clip(4.15 + 0.13 * generator.standard_normal(len(halo)), 3.95, 4.7)
    density = _cool_density(halo, radius, temperature)
    # Complexes are densest in the middle.
    depth = np.linalg.norm(spread, axis=1) / np.maximum(size[complex_], 1e-9)
    density *= 1.8 * np.exp(-0.45 * depth + 0.4 * generator.standard_normal(len(halo)))
    density = np.clip(density, gas_density(5e-4), gas_density(0.12))

    speed = halos.circular_velocity
    bulk = 0.45 * generator.standard_normal((total, 3)) - 0.35 * direction
    velocity = (bulk[complex_] + 0.08 * generator.standard_normal((len(halo), 3))) * speed[halo][
        :, None
    ]
    # Some complexes are fresh from the web, others were thrown out of the galaxy.
    origin = np.where(in_stream, -0.35, 0.15) + 0.25 * generator.standard_normal(total)
    log_metals = origin[complex_] - 0.3 * np.log10(np.clip(radius, 0.05, 2) / 0.5)
    return columns(
        halo,
        position * halos.radius[halo][:, None],
        velocity,
        (mass * share)[halo],
        density,
        temperature,
        10**log_metals,
    )


def _disc_plane(halos, halo, scale, thickness, generator):
    """Draw positions (in halo frames, kpc) and the rotation of an exponential disc."""
    # The sum of two exponential deviates follows R exp(-R), a disc's mass per radius.
    plane = scale * (generator.exponential(size=len(halo)) + generator.exponential(size=len(halo)))
    angle = generator.uniform(0, 2 * np.pi, len(halo))
    height = thickness * generator.standard_normal(len(halo))
    position = np.stack([plane * np.cos(angle), plane * np.sin(angle), height], axis=1)
    speed = 1.15 * halos.circular_velocity[halo]
    velocity = np.stack([-speed * np.sin(angle), speed * np.cos(angle), 0.05 * speed], axis=1)
    velocity += 0.07 * speed[:, None] * generator.standard_normal((len(halo), 3))
    return plane, position, velocity


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
    halo = np.repeat(np.arange(len(halos)), counts)
    scale = disc_scale(halos)[halo]
    plane, position, velocity = _disc_plane(halos, halo, scale, 0.12 * scale, generator)
    hydrogen = 2.5 * np.exp(-plane / scale) * np.exp(0.3 * generator.standard_normal(len(halo)))
    hydrogen = np.clip(hydrogen, 1.05 * STAR_FORMATION_DENSITY, 30)
    element = (mass / np.maximum(counts, 1))[halo]
    # Pressure of the unresolved hot phase: stiffer than isothermal (Springel & Hernquist 2003).
    temperature = 1e4 * (hydrogen / STAR_FORMATION_DENSITY) ** 0.6
    rate = element / DEPLETION_TIME * (hydrogen / 1.0) ** 0.5
    log_metals = 0.9 - 0.15 * plane / scale + 0.1 * generator.standard_normal(len(halo))
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
    halo = np.repeat(np.arange(len(halos)), counts)
    scale = 2.2 * disc_scale(halos)[halo]
    plane, position, velocity = _disc_plane(halos, halo, scale, 0.25 * scale, generator)
    warp = (0.25 * generator.standard_normal((len(halos), 2)))[halo]
    position[:, 2] += (warp * position[:, :2]).sum(axis=1) * np.clip(plane / scale - 1, 0, 2)
    hydrogen = 0.11 * np.exp(-0.35 * plane / scale + 0.3 * generator.standard_normal(len(halo)))
    hydrogen = np.clip(hydrogen, 5e-3, 0.95 * STAR_FORMATION_DENSITY)
    temperature = 10 ** (4.03 + 0.08 * generator.standard_normal(len(halo)))
    log_metals = 0.5 - 0.15 * plane / scale + 0.15 * generator.standard_normal(len(halo))
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

    flat = generator.standard_normal((len(halo), 3)) * np.array([1.0, 1.0, 0.25])
    offset = 0.055 * own_radius[:, None] * np.einsum("ni,nij->nj", flat, frames)
    depth = np.linalg.norm(flat, axis=1)
    in_tail = generator.uniform(size=len(halo)) < 0.3
    path = -galaxies.velocity[galaxy]
    path /= np.linalg.norm(path, axis=1, keepdims=True)
    length = 0.3 * own_radius * generator.exponential(size=len(halo)) * in_tail
    position = (
        galaxies.position[galaxy] + offset * (1 + 0.8 * in_tail)[:, None] + length[:, None] * path
    )

    hydrogen = 0.3 * np.exp(-0.9 * depth + 0.3 * generator.standard_normal(len(halo)))
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
