"""Hot gas of the halos: the atmosphere in hydrostatic equilibrium, and the galaxies' winds.

Columns are those of `cgmhelpers.mock.gas`.
"""

from dataclasses import dataclass

import numpy as np

from cgmhelpers.mock import profiles
from cgmhelpers.mock.feedback import FeedbackModel
from cgmhelpers.mock.gas import columns, density_unit, disc_scale, gas_density, to_box
from cgmhelpers.mock.initial import Halos, random_directions
from cgmhelpers.mock.outcomes import Outcome


@dataclass(frozen=True)
class Atmosphere:
    """Radial tables of the hot gas, (H, R) over `profiles.RADII`.

    Attributes
    ----------
    density : array
        [g/cm^3].
    temperature : array
        [K].
    sampler : profiles.Sampler
        Draws radii by mass.
    mass : array (H,)
        Whole mass [Msun], beyond R200c too.
    """

    density: np.ndarray
    temperature: np.ndarray
    sampler: profiles.Sampler
    mass: np.ndarray

    @classmethod
    def of(cls, halos: Halos, model: FeedbackModel, result: Outcome):
        """Build the atmospheres in hydrostatic equilibrium of all halos.

        Parameters
        ----------
        halos : Halos
            The shared halos.
        model : FeedbackModel
            The suite's feedback model.
        result : Outcome
            The halos after feedback.
        """
        slope = np.clip(0.60 + 0.05 * (np.log10(halos.mass) - 13), 0.50, 0.68)
        shape = profiles.hot_density(result.core, slope)
        sampler = profiles.Sampler.of(shape)
        whole = result.hot / sampler.inside(1.0)
        scale = whole / (profiles.cumulative(shape)[:, -1] * halos.radius**3)
        balance = profiles.hydrostatic_temperature(shape, profiles.nfw_mass(halos.concentration))
        virial = profiles.virial_temperature(halos.mass, halos.radius)
        support = model.at("thermal_support", halos.mass) * result.heating
        return cls(
            density=shape * scale[:, None] * density_unit(),
            temperature=balance * (virial * support)[:, None],
            sampler=sampler,
            mass=whole,
        )


def hot(halos, model, result, atmosphere, whole, counts, boost, generator):
    """Make hot atmospheres with clumps, merging blobs, a pair of cavities, a polar outflow.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    model : FeedbackModel
        The suite's feedback model.
    result : Outcome
        The halos after feedback.
    atmosphere : Atmosphere
        Their hot atmospheres.
    whole : array (H,)
        Mass, beyond R200c too [Msun].
    counts : array (H,) of int
        Elements of each halo.
    boost : float
        0: elements of one mass; 1: finer ones near the centre, where the emission comes from.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array
    """
    refinement = 0.8 * boost
    sampler = profiles.Sampler.of(atmosphere.density * profiles.RADII**-refinement)
    halo, level = profiles.ordered_levels(counts, generator)
    radius = sampler.radius(halo, level)
    mass = radius**refinement
    mass *= (whole / np.bincount(halo, mass, len(halos)))[halo]

    scale = halos.radius[halo][:, None]
    position = radius[:, None] * profiles.even_directions(counts, generator) * halos.shape[halo]
    clump = _turbulence(result, halo, position, generator)
    clump += 0.08 * generator.standard_normal(len(halo))
    density = profiles.look_up(atmosphere.density, halo, radius) * np.exp(clump)
    temperature = profiles.look_up(atmosphere.temperature, halo, radius) * np.exp(-0.8 * clump)
    # Small halos are far from one temperature per radius: cooling and heating meet in them.
    width = np.interp(np.log10(halos.mass), (11.0, 12.0, 13.0), (0.60, 0.40, 0.15))[halo]
    temperature *= np.exp(width * generator.standard_normal(len(halo)) - 0.5 * width**2)

    _merge_blobs(halos, atmosphere, halo, radius, position, density, temperature, generator)
    _blow_cavities(halos, result, halo, position, density, temperature, generator)
    # Sloshing: the dense core lies off the centre of the potential.
    distance = np.linalg.norm(position, axis=1)
    slosh = 0.03 * halos.gas_supply[halo] * np.exp(-distance / 0.25)
    position[:, 0] += slosh

    polar = (np.abs(position[:, 2]) > 0.8 * distance) & (distance < 0.6)
    gradient = -0.45 + 0.12 * result.activity[halo]
    log_metals = gradient * np.log10(np.clip(distance, 0.03, 2.5) / 0.5)
    log_metals += 0.25 * generator.standard_normal(len(halo)) + 0.3 * polar

    speed = halos.circular_velocity[halo][:, None]
    velocity = 0.25 * speed * generator.standard_normal((len(halo), 3))
    velocity[:, 0] -= 0.25 * speed[:, 0] * position[:, 1] / np.maximum(distance, 0.05)
    velocity[:, 1] += 0.25 * speed[:, 0] * position[:, 0] / np.maximum(distance, 0.05)
    outwards = position / np.maximum(distance, 1e-6)[:, None]
    velocity += np.where(polar, model.outflow_speed, 0.0)[:, None] * speed * outwards
    return columns(
        halo,
        to_box(halos, halo, position * scale),
        to_box(halos, halo, velocity),
        mass,
        density,
        temperature,
        10**log_metals,
    )


def wind(halos, model, result, mass, counts, generator):
    """Make hot winds of the galaxies: two cones above the disc, bright in X-rays.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    model : FeedbackModel
        The suite's feedback model.
    result : Outcome
        The halos after feedback.
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
    reach = disc_scale(halos) * 3.6 * 10 ** (0.10 * result.activity)
    height = generator.gamma(1.5, 1.0, len(halo))
    side = np.sign(generator.uniform(-1, 1, len(halo)))
    opening = 0.35 * (0.5 + height)
    across = opening[:, None] * generator.standard_normal((len(halo), 2))
    position = np.concatenate([across, (side * height)[:, None]], axis=1)
    # Mean density of the cones out to each height, as the mass is spread.
    volume = np.pi * (0.6 * (0.5 + height)) ** 2 * 2
    profile = np.exp(-height) * height**0.5 / volume
    scale = (mass / reach**3)[halo] * density_unit()
    density = scale * profile * np.exp(0.3 * generator.standard_normal(len(halo)))
    density = np.clip(density, gas_density(1e-5), gas_density(0.03))
    log_temperature = model.wind_temperature + 0.05 * result.activity[halo] - 0.06 * height
    log_temperature += 0.1 * generator.standard_normal(len(halo))
    outwards = position / np.linalg.norm(position, axis=1, keepdims=True)
    velocity = model.outflow_speed * halos.circular_velocity[halo][:, None] * outwards
    log_metals = 0.7 + 0.2 * generator.standard_normal(len(halo))
    return columns(
        halo,
        to_box(halos, halo, position * reach[halo][:, None]),
        to_box(halos, halo, velocity),
        (mass / np.maximum(counts, 1))[halo],
        density,
        10**log_temperature,
        10**log_metals,
        delay_time=0.01 * (height < 0.7),
    )


def _turbulence(result, halo, position, generator):
    """Return fluctuations of ln(density): a few waves per halo, and a spiral of sloshing gas."""
    number, waves = len(result.activity), 6
    scale = generator.uniform(0.25, 0.8, (number, waves))
    vector = (2 * np.pi / scale)[..., None] * random_directions(generator, number * waves).reshape(
        number, waves, 3
    )
    phase = generator.uniform(0, 2 * np.pi, (number, waves))
    strength = 0.12 * np.exp(0.25 * result.activity)
    total = np.zeros(len(halo))
    for wave in range(waves):
        angle = np.einsum("ni,ni->n", position, vector[halo, wave]) + phase[halo, wave]
        total += np.cos(angle)
    plane = np.hypot(position[:, 0], position[:, 1])
    azimuth = np.arctan2(position[:, 1], position[:, 0])
    spiral = np.cos(azimuth - 3.5 * np.log(np.maximum(plane, 0.01)) + phase[halo, 0])
    flat = np.exp(-((position[:, 2] / np.maximum(0.6 * plane, 0.02)) ** 2)) * np.exp(-plane / 0.6)
    return strength[halo] * (total + 2.0 * spiral * flat)


def _merge_blobs(halos, atmosphere, halo, radius, position, density, temperature, generator):
    """Gather part of the outer gas in two blobs per halo: groups that fall in."""
    number = len(halos)
    place = generator.uniform(0.35, 0.95, (number, 2))
    centre = place[..., None] * random_directions(generator, 2 * number).reshape(number, 2, 3)
    share = 0.06 * np.exp(0.5 * halos.gas_supply)
    chosen = (radius > 0.3) & (radius < 1.0)
    chosen &= generator.uniform(size=len(halo)) < share[halo]
    which = generator.integers(0, 2, len(halo))[chosen]
    host = halo[chosen]
    spread = generator.standard_normal((len(host), 3))
    position[chosen] = centre[host, which] + 0.07 * spread
    crowded = 1 + 2.5 * np.exp(-0.5 * (spread**2).sum(axis=1))
    there = profiles.look_up(atmosphere.density, host, place[host, which])
    density[chosen] = there * crowded
    warm = profiles.look_up(atmosphere.temperature, host, place[host, which])
    temperature[chosen] = warm * crowded**-0.4


def _blow_cavities(halos, result, halo, position, density, temperature, generator):
    """Push gas out of two bubbles along the spin axis, onto their rims."""
    # Jets of the most massive halos are confined: no cavity is wider than this.
    size = np.minimum(result.bubble, 55.0 / halos.radius)[halo]
    leak = generator.uniform(size=len(halo)) < 0.06
    for side in (-1, 1):
        offset = position - np.array([0.0, 0.0, side]) * (1.15 * size)[:, None]
        distance = np.linalg.norm(offset, axis=1)
        inside = distance < size
        stay = inside & leak
        density[stay] *= 0.1
        temperature[stay] *= 6.0
        move = inside & ~leak
        # Maps the ball onto the shell between 0.75 and 1 of its radius, keeping shells in order.
        hollow = 0.75
        new = np.cbrt(hollow**3 + (distance[move] / size[move]) ** 3 * (1 - hollow**3)) * size[move]
        factor = new / np.maximum(distance[move], 1e-6)
        position[move] += offset[move] * (factor - 1)[:, None]
        density[move] *= 1.4
        temperature[move] *= 1.1
