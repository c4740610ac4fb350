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
    neutral_scale,
    to_box,
)
from cgmhelpers.mock.initial import random_directions

DEPLETION_TIME = 2e9
"""Time in which star-forming gas turns into stars [yr]."""
STRANDS = 3
"""Most strands of a complex of clouds."""
THICKNESS = 0.22
"""Typical thickness of a strand over the size of its complex (standard deviations)."""
BENDS = (0.8, 1.9, 4.3)
"""Waves of a strand's path: radians per standard deviation of its length."""
KNOTS = 3.0
"""Wave of the density along a strand: radians per standard deviation of its length."""
EDGE = 0.85
"""Share of an exponential disc inside the edge of the neutral one: gas beyond it is ionised."""
TAIL = 0.3
"""Share of a satellite's gas in its tail."""
TWIST = 0.7
"""Angle by which gas that falls in turns about the halo's spin, per unit of ln(radius) [rad]."""


def clouds(halos, result, atmosphere, mass, counts, generator):
    """Make cool clouds in complexes, some along streams, near pressure balance with hot gas.

    A complex is a bundle of bent strands that leave its head and spread towards its tail, along
    which elements lie close enough to overlap. Streams curve about the halo's spin.

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
    size = 0.38 * np.cbrt(volume) / halos.radius[owner]
    stretch = generator.uniform(0.2, 1.6, total) + 1.3 * in_stream
    # Clouds outside streams lie across their way as well as along it.
    axis = direction + np.where(in_stream, 0.2, 1.0)[:, None] * random_directions(generator, total)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)

    halo, complex_ = assign(weight, owner, counts, number, generator)
    richness = np.cbrt(share * np.bincount(owner)[owner])
    spread, knots, offset = _strands(complex_, richness, axis, stretch, generator)
    position = distance[complex_][:, None] * direction[complex_] + size[complex_][:, None] * offset
    radius = np.linalg.norm(position, axis=1)
    spin, angle = halos.frame[halo, 2], TWIST * np.log(np.clip(radius, 0.05, 2))
    position = _twist(position, spin, angle)
    share = 1 / np.maximum(counts, 1)

    temperature = 10 ** np.clip(4.15 + 0.13 * generator.standard_normal(len(halo)), 3.95, 4.7)
    # Each complex has nearly one pressure, between those at its centre and at the element.
    density = _cool_density(halo, np.sqrt(radius * distance[complex_]), temperature)
    # Complexes are densest in the middle.
    depth = np.linalg.norm(spread, axis=1)
    density *= 1.8 * np.exp(-0.45 * depth + 0.6 * knots)
    density *= np.exp(0.1 * generator.standard_normal(len(halo)))
    density = np.clip(density, gas_density(5e-4), gas_density(0.12))

    speed = halos.circular_velocity
    bulk = 0.45 * generator.standard_normal((total, 3)) - 0.35 * direction
    velocity = (bulk[complex_] + 0.08 * generator.standard_normal((len(halo), 3))) * speed[halo][
        :, None
    ]
    velocity = _twist(velocity, spin, angle)
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


def _strands(complex_, richness, direction, stretch, generator):
    """Lay the elements of complexes along bent strands, evenly.

    Parameters
    ----------
    complex_ : array (N,) of int
        Complex of each element, rising.
    richness : array (K,)
        Size of each complex, over the mean of its halo.
    direction : array (K, 3)
        Unit vectors of the complexes from the centre: their heads lie inwards.
    stretch : array (K,)
        How much longer than wide each complex is, less one.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    spread : array (N, 3)
        Place in the strand, along and across: normal deviates.
    knots : array (N,)
        Wave of the density along the strand, within 1.
    offset : array (N, 3)
        Place relative to the complex, over its size.
    """
    from scipy.special import ndtri

    total = len(direction)
    strands = np.clip(np.rint(1.5 * richness), 1, STRANDS).astype(np.int64)
    strand = complex_ * STRANDS + generator.integers(0, strands[complex_])
    order = np.argsort(strand, kind="stable")
    _, level = profiles.ordered_levels(np.bincount(strand, minlength=STRANDS * total), generator)
    spread = generator.standard_normal((len(complex_), 3))
    spread[order, 0] = ndtri(np.clip(level, 1e-3, 1 - 1e-3))

    along = spread[:, :1]
    number = STRANDS * total
    width = THICKNESS * np.exp(0.4 * generator.standard_normal(number))[strand]
    offset = width[:, None] * np.exp(0.3 * along) * spread
    offset -= (offset * direction[complex_]).sum(axis=1, keepdims=True) * direction[complex_]
    offset += (1 + stretch[complex_])[:, None] * along * direction[complex_]
    # Strands leave the head of their complex and spread.
    fan = 0.6 * random_directions(generator, number)
    offset += np.exp(0.4 * along) * fan[strand]
    for bend in BENDS:
        phase = generator.uniform(0, 2 * np.pi, number)
        amplitude = random_directions(generator, number) / bend
        offset += np.sin(bend * along + phase[strand][:, None]) * amplitude[strand]
    phase = generator.uniform(0, 2 * np.pi, number)
    return spread, np.sin(KNOTS * along[:, 0] + phase[strand]), offset


def _twist(vector, axis, angle):
    """Turn vectors (N, 3) about unit vectors (N, 3) by angles (N,) [rad]."""
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along = (vector * axis).sum(axis=1, keepdims=True) * axis
    return along + cosine * (vector - along) + sine * np.cross(axis, vector)


def _even_angles(number, generator):
    """Return angles [rad] that leave no gaps in a disc whose elements are in order of radius."""
    golden = np.pi * (3 - np.sqrt(5))
    return golden * np.arange(number) + 0.2 * generator.standard_normal(number)


def _disc_plane(halos, counts, scale, thickness, edge, generator):
    """Draw an exponential disc.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    counts : array (H,) of int
        Elements of each halo.
    scale : array (H,)
        Scale lengths [kpc].
    thickness : float
        Standard deviation of the heights, over the scale length.
    edge : float
        Share of the disc's mass that is drawn, the innermost.
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
    """
    from scipy.special import gammaincinv

    halo, level = profiles.ordered_levels(counts, generator)
    # The mass per radius of a disc is R exp(-R).
    plane = gammaincinv(2, edge * level)
    angle = _even_angles(len(halo), generator)
    height = thickness * generator.standard_normal(len(halo))
    position = np.stack([plane * np.cos(angle), plane * np.sin(angle), height], axis=1)
    position *= scale[halo][:, None]
    speed = 1.15 * halos.circular_velocity[halo]
    velocity = np.stack([-speed * np.sin(angle), speed * np.cos(angle), 0.05 * speed], axis=1)
    velocity += 0.07 * speed[:, None] * generator.standard_normal((len(halo), 3))
    return halo, plane, position, velocity


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
    halo, plane, position, velocity = _disc_plane(
        halos, counts, disc_scale(halos), 0.12, 1.0, generator
    )
    hydrogen = 2.5 * np.exp(-plane) * np.exp(0.3 * generator.standard_normal(len(halo)))
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
    halo, plane, position, velocity = _disc_plane(
        halos, counts, neutral_scale(mass), 0.25, EDGE, generator
    )
    warp = (0.25 * generator.standard_normal((len(halos), 2)))[halo]
    position[:, 2] += (warp * position[:, :2]).sum(axis=1) * np.clip(plane - 1, 0, 2)
    hydrogen = 0.12 * np.exp(-0.5 * plane + 0.3 * generator.standard_normal(len(halo)))
    hydrogen = np.clip(hydrogen, 5e-3, 0.95 * STAR_FORMATION_DENSITY)
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
    angle = _even_angles(len(halo), generator)
    height = 0.25 * generator.standard_normal(len(halo))
    flat = np.stack([plane * np.cos(angle), plane * np.sin(angle), height], axis=1)
    share = weight / np.bincount(galaxies.host, weight, len(halos))[galaxies.host]
    scale = neutral_scale(mass[galaxies.host] * share)[galaxy]
    offset = 0.9 * scale[:, None] * np.einsum("ni,nij->nj", flat, frames)
    depth = np.linalg.norm(flat, axis=1)
    path = -galaxies.velocity[galaxy]
    path /= np.linalg.norm(path, axis=1, keepdims=True)
    length = 0.2 * own_radius * generator.exponential(size=len(halo)) * in_tail
    position = galaxies.position[galaxy] + offset + length[:, None] * path

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
