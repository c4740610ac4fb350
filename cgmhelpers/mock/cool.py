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
    hydrogen_nuclei,
    neutral_scale,
    to_box,
)
from cgmhelpers.mock.initial import random_directions

DEPLETION_TIME = 2e9
"""Time in which star-forming gas turns into stars [yr]."""
STRANDS = 3
"""Most strands of a complex of clouds."""
FEW = 12
"""Elements of a strand at least, if its complex has more than one."""
SLENDERNESS = 13.0
"""Typical length of a strand over its radius."""
BENDS = (2.0, 4.7, 10.0)
"""Waves of a strand's path: radians per half of its length."""
SLOPE = 0.8
"""Steepness of each of these waves."""
KNOTS = 5.0
"""Wave of the density along a strand: radians per half of its length."""
TAPER = 0.9
"""Share of a strand's cross-section that its ends lack."""
FILLING = 1.5
"""Share of a strand that its elements fill."""
WITHOUT_GAPS = np.array([0.7548776662, 0.5698402910])
"""Steps of a sequence that fills a square evenly: powers of the plastic number's inverse."""
EDGE = 3.4
"""Edge of a neutral disc, in scale lengths: gas beyond it is ionised."""
OVERLAP = 0.4
"""Density of a disc's elements over the mean of the space that they share."""
THICKEST = 1.0
"""Most that a neutral disc's height may be, as a standard deviation [kpc]."""
TAIL = 0.3
"""Share of a satellite's gas in its tail."""
TWIST = 0.7
"""Angle by which gas that falls in turns about the halo's spin, per unit of ln(radius) [rad]."""


def clouds(halos, result, atmosphere, mass, counts, generator):
    """Make cool clouds in complexes, some along streams, near pressure balance with hot gas.

    A complex is a bundle of bent strands that leave its head, each as thick as its gas needs to
    fill it, densest along its spine. Streams curve about the halo's spin.

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
    expected = np.clip(5 * (halos.mass / 10**11.5) ** 0.3, 2, 20)
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

    slenderness = SLENDERNESS * generator.uniform(0.6, 1.4, total) * np.where(in_stream, 1.5, 1.0)
    # Clouds outside streams lie across their way as well as along it.
    axis = direction + np.where(in_stream, 0.2, 1.0)[:, None] * random_directions(generator, total)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)

    halo, complex_ = assign(weight, owner, counts, number, generator)
    element = (mass / np.maximum(counts, 1))[halo]
    temperature = 10 ** np.clip(4.15 + 0.13 * generator.standard_normal(len(halo)), 3.95, 4.7)
    # Each complex has one pressure.
    density = _cool_density(halo, distance[complex_], 10**4.15)
    density *= np.exp(0.1 * generator.standard_normal(len(halo)))
    share = weight / np.bincount(owner, weight, number)[owner]
    richness = np.cbrt(share * np.bincount(owner)[owner])
    contrast, offset = _strands(
        complex_, element / density * density_unit(), richness, axis, slenderness, generator
    )
    density = np.clip(density * contrast, gas_density(5e-4), gas_density(0.12))
    position = distance[complex_][:, None] * direction[complex_]
    position += offset / halos.radius[halo][:, None]
    radius = np.linalg.norm(position, axis=1)
    spin, angle = halos.frame[halo, 2], TWIST * np.log(np.clip(radius, 0.05, 2))
    position = _twist(position, spin, angle)

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
        element,
        density,
        temperature,
        10**log_metals,
    )


def _strands(complex_, volume, richness, axis, slenderness, generator):
    """Lay the elements of complexes along bent strands, which they fill evenly.

    Parameters
    ----------
    complex_ : array (N,) of int
        Complex of each element, rising.
    volume : array (N,)
        What each element would fill at the mean density of its complex [kpc^3].
    richness : array (K,)
        Size of each complex, over the mean of its halo.
    axis : array (K, 3)
        Unit vectors along the complexes; their heads lie inwards.
    slenderness : array (K,)
        Length of the strands of each complex over their radius.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    contrast : array (N,)
        Density over the mean one.
    offset : array (N, 3)
        Place relative to the complex [kpc].
    """
    from scipy.special import gammaincinv

    number = STRANDS * len(axis)
    used = np.minimum(np.rint(1.5 * richness), np.bincount(complex_, minlength=len(axis)) // FEW)
    used = np.clip(used, 1, STRANDS).astype(np.int64)
    strand = complex_ * STRANDS + generator.integers(0, used[complex_])
    order = np.argsort(strand, kind="stable")
    count = np.bincount(strand, minlength=number)
    # From the spine outwards.
    _, level = profiles.ordered_levels(count, generator)
    strand, volume = strand[order], volume[order]
    rank = np.arange(len(strand)) - (np.cumsum(count) - count)[strand]
    start = generator.uniform(size=(number, 2))[strand]
    along, around = np.mod(start + rank[:, None] * WITHOUT_GAPS, 1).T
    along = 2 * along - 1
    knots = 0.6 * np.sin(KNOTS * along + generator.uniform(0, 2 * np.pi, number)[strand])
    contrast = 2.8 * np.exp(-0.8 * np.sqrt(2 * gammaincinv(1.5, level)) + knots)
    volume = volume / contrast / FILLING
    total = np.bincount(strand, volume, number)
    inner = np.cumsum(volume) - volume / 2
    inner -= (np.cumsum(total) - total)[strand]
    own = np.repeat(np.arange(len(axis)), STRANDS)
    slenderness = np.clip(0.35 * count, 1.5, slenderness[own])
    section = np.cbrt(total / (np.pi * (1 - TAPER / 3) * slenderness))
    radius = section[strand] * np.sqrt(inner / total[strand] * (1 - TAPER * along**2))
    radius *= np.exp(-knots / 2)

    forward = axis[own] + 0.5 * random_directions(generator, number)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    side = np.cross(forward, random_directions(generator, number))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    waves = [
        (bend, generator.uniform(0, 2 * np.pi, number), random_directions(generator, number))
        for bend in BENDS
    ]

    def _path(place, chosen):
        """Return the spine of strands, whose heads are at the origin."""
        result = (place + 1)[..., None] * forward[chosen]
        for bend, phase, way in waves:
            wave = np.sin(bend * place + phase[chosen]) - np.sin(phase[chosen] - bend)
            result += SLOPE / bend * wave[..., None] * way[chosen]
        return result

    nodes = np.broadcast_to(np.linspace(-1, 1, 33), (number, 33))
    steps = np.diff(_path(nodes, np.arange(number)[:, None]), axis=1)
    length = np.linalg.norm(steps, axis=2).sum(axis=1)
    scale = slenderness * section / length
    angle = 2 * np.pi * around
    offset = scale[strand][:, None] * _path(along, strand)
    offset += (radius * np.cos(angle))[:, None] * side[strand]
    offset += (radius * np.sin(angle))[:, None] * np.cross(forward, side)[strand]
    # The middle of a complex is where it was put.
    offset -= (0.8 * scale[:, None] * forward)[strand]
    offset += (section[:, None] * random_directions(generator, number))[strand]
    back = np.argsort(order, kind="stable")
    return contrast[back], offset[back]


def _twist(vector, axis, angle):
    """Turn vectors (N, 3) about unit vectors (N, 3) by angles (N,) [rad]."""
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along = (vector * axis).sum(axis=1, keepdims=True) * axis
    return along + cosine * (vector - along) + sine * np.cross(axis, vector)


def _even_angles(number, generator):
    """Return angles [rad] that leave no gaps in a disc whose elements are in order of radius."""
    golden = np.pi * (3 - np.sqrt(5))
    return golden * np.arange(number) + 0.05 * generator.standard_normal(number)


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
    angle = _even_angles(len(halo), generator)
    height = np.minimum(thickness * scale, THICKEST)
    position = np.stack([plane * np.cos(angle), plane * np.sin(angle), 0 * plane], axis=1)
    position *= scale[halo][:, None]
    position[:, 2] = height[halo] * generator.standard_normal(len(halo))
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
    angle = _even_angles(len(halo), generator)
    share = weight / np.bincount(galaxies.host, weight, len(halos))[galaxies.host]
    own_mass = mass[galaxies.host] * share
    scale = 0.9 * neutral_scale(own_mass)
    height = np.minimum(0.25 * scale, THICKEST)
    flat = np.stack([plane * np.cos(angle), plane * np.sin(angle), 0 * plane], axis=1)
    flat *= scale[galaxy][:, None]
    flat[:, 2] = height[galaxy] * generator.standard_normal(len(halo))
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
