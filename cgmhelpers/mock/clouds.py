"""Clouds hold the cool gas around galaxies, in bent strands, some of them along streams.

Columns are those of `cgmhelpers.mock.gas`.
"""

import numpy as np

from cgmhelpers.mock import profiles
from cgmhelpers.mock.gas import assign, columns, density_unit, gas_density
from cgmhelpers.mock.initial import random_directions

STRANDS = 3
"""Most strands of a complex of clouds."""
FEW = 12
"""Elements of a strand at least, if its complex has more than one."""
SLENDERNESS = 13.0
"""Typical length of a strand over its radius."""
BENDS = (2.0, 4.7, 10.0)
"""Waves of a strand's path, in radians per half of its length."""
SLOPE = 0.8
"""Steepness of each of these waves."""
KNOTS = 5.0
"""Wave of the density along a strand, in radians per half of its length."""
TAPER = 0.9
"""Share of a strand's cross-section that its ends lack."""
FILLING = 1.5
"""Share of a strand that its elements fill."""
WITHOUT_GAPS = np.array([0.7548776662, 0.5698402910])
"""Steps of a sequence that fills a square evenly, powers of the plastic number's inverse."""
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
