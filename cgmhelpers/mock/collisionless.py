"""Dark matter, stars, wind cells and black holes."""

import numpy as np

from cgmhelpers.mock import background, profiles
from cgmhelpers.mock.gas import assign, disc_scale, to_box
from cgmhelpers.mock.initial import random_directions

SATELLITE_SHARE = 0.10
"""Share of a halo's dark matter that its satellites hold at most."""


def _rounded(expected, generator):
    """Round to whole numbers at random, so that their mean is the expected one."""
    return np.floor(expected + generator.uniform(size=len(expected))).astype(np.int64)


def dark_matter(halos, web, mask, number, generator):
    """Make dark matter of equal masses: NFW halos, their satellites, and the web.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    web : Web
        The cosmic web.
    mask : array of bool
        Cells inside halos, of `halo_mask`.
    number : int
        Particles of the whole volume.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array
        ``halo`` (-1 in the web), ``satellite`` (-1: none), ``position`` kpc, ``velocity`` km/s,
        ``mass`` Msun.
    """
    volume, cosmology = halos.volume, halos.volume.cosmology
    fraction = cosmology.baryon_fraction
    particle = volume.matter_mass(cosmology.omega_matter - cosmology.omega_baryon) / number
    shape = profiles.nfw_density(halos.concentration)
    sampler = profiles.Sampler.of(shape)
    inside = sampler.inside(1.0)
    counts = _rounded((1 - fraction) * halos.mass / inside / particle, generator)

    galaxies = halos.satellites
    held = np.bincount(galaxies.host, galaxies.mass, len(halos)) / halos.mass
    scale = np.minimum(1.0, SATELLITE_SHARE / np.maximum(held, 1e-6))[galaxies.host]
    own = np.floor(scale * galaxies.mass * (1 - fraction) / particle).astype(np.int64)
    smooth = np.maximum(counts - np.bincount(galaxies.host, own, len(halos)).astype(np.int64), 0)

    halo, level = profiles.ordered_levels(smooth, generator)
    radius = sampler.radius(halo, level)
    position = radius[:, None] * random_directions(generator, len(halo)) * halos.shape[halo]
    position = to_box(halos, halo, position * halos.radius[halo][:, None])
    speed = halos.circular_velocity / np.sqrt(2) * 0.95
    velocity = speed[halo][:, None] * generator.standard_normal((len(halo), 3))

    galaxy = np.repeat(np.arange(len(own)), own)
    host = galaxies.host[galaxy]
    # Tides leave the inner third of a satellite's halo.
    spread = (
        0.3
        * volume.virial_radius(galaxies.mass)[galaxy]
        * generator.uniform(size=len(galaxy)) ** 0.7
    )
    clump = galaxies.position[galaxy] + spread[:, None] * random_directions(generator, len(galaxy))
    drift = galaxies.velocity[galaxy] + 0.2 * speed[host][:, None] * generator.standard_normal(
        (len(galaxy), 3)
    )
    field, flow, _ = background.scatter(
        web, mask, max(number - len(halo) - len(host), 0), generator
    )
    owner = np.concatenate([halo, host])
    # Sorted by halo, the satellites after the smooth part.
    order = np.argsort(owner, kind="stable")
    bound = (np.concatenate([position, clump]) + halos.position[owner])[order]
    speed = (np.concatenate([velocity, drift]) + halos.velocity[owner])[order].astype(np.float32)
    member = np.concatenate([np.full(len(halo), -1), galaxy])[order]
    return {
        "halo": np.concatenate([owner[order], np.full(len(field), -1)]),
        "satellite": np.concatenate([member, np.full(len(field), -1)]),
        "position": np.mod(np.concatenate([bound, field]), volume.box_size),
        "velocity": np.concatenate([speed, flow]),
        "mass": np.full(len(owner) + len(field), particle, dtype=np.float32),
    }


def stars(halos, result, number, generator):
    """Make stars: a central galaxy (Hernquist 1990), a faint outer halo, satellites.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    result : Outcome
        The halos after feedback.
    number : int
        Approximate number in the whole volume.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array
        As dark matter, with ``formation_time`` (scale factor) and ``metallicity``.
    """
    particle = result.stars.sum() / number
    counts = np.maximum(_rounded(result.stars / particle, generator), 1)
    element = result.stars / counts
    with_galaxies = np.bincount(halos.satellites.host, minlength=len(halos)) > 0
    outside = np.where(with_galaxies, _rounded(0.15 * counts, generator), 0)
    central = counts - outside

    halo = np.repeat(np.arange(len(halos)), central)
    level = np.sqrt(generator.uniform(0, 0.97, len(halo)))
    scale = 0.9 * disc_scale(halos)[halo]
    wide = generator.uniform(size=len(halo)) < 0.15
    radius = np.where(wide, 5.0, 0.6) * scale * level / (1 - level)
    radius = np.minimum(radius, 0.8 * halos.radius[halo])
    position = (
        radius[:, None] * random_directions(generator, len(halo)) * np.array([1.2, 1.2, 0.69])
    )
    position = to_box(halos, halo, position)
    velocity = (
        0.7 * halos.circular_velocity[halo][:, None] * generator.standard_normal((len(halo), 3))
    )

    galaxies = halos.satellites
    host, galaxy = assign(galaxies.mass**1.2, galaxies.host, outside, len(halos), generator)
    compact = 0.015 * halos.volume.virial_radius(galaxies.mass)[galaxy][:, None]
    clump = galaxies.position[galaxy] + compact * generator.standard_normal((len(host), 3))

    owner = np.concatenate([halo, host])
    order = np.argsort(owner, kind="stable")
    place = (np.concatenate([position, clump]) + halos.position[owner])[order]
    speed = np.concatenate([velocity, galaxies.velocity[galaxy]]) + halos.velocity[owner]
    member = np.concatenate([np.full(len(halo), -1), galaxy])[order]
    owner = owner[order]
    birth = 0.15 + 0.8 * generator.beta(2.0, 2.2, len(owner))
    metals = result.metallicity[owner] + 0.8 + 0.25 * generator.standard_normal(len(owner))
    return {
        "halo": owner,
        "satellite": member,
        "position": np.mod(place, halos.volume.box_size),
        "velocity": speed[order].astype(np.float32),
        "mass": element[owner].astype(np.float32),
        "formation_time": birth.astype(np.float32),
        "metallicity": np.clip(10**metals, 1e-5, 0.06).astype(np.float32),
    }


def wind(halos, model, result, disc_counts, generator):
    """Make wind cells: gas on its way out of the disc, which TNG stores among the stars.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    model : FeedbackModel
        The suite's feedback model.
    result : Outcome
        The halos after feedback.
    disc_counts : array (H,) of int
        Elements of each star-forming disc.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array
        As stars; ``formation_time`` is negative.
    """
    counts = _rounded(0.05 * disc_counts, generator)
    halo = np.repeat(np.arange(len(halos)), counts)
    scale = disc_scale(halos)[halo]
    side = np.sign(generator.uniform(-1, 1, len(halo)))
    position = np.stack(
        [
            scale * generator.standard_normal(len(halo)),
            scale * generator.standard_normal(len(halo)),
            side * scale * generator.exponential(1.0, len(halo)),
        ],
        axis=1,
    )
    velocity = np.zeros((len(halo), 3))
    velocity[:, 2] = side * model.outflow_speed * halos.circular_velocity[halo]
    place = to_box(halos, halo, position) + halos.position[halo]
    element = (result.disc / np.maximum(disc_counts, 1))[halo]
    return {
        "halo": halo,
        "satellite": np.full(len(halo), -1),
        "position": np.mod(place, halos.volume.box_size),
        "velocity": (to_box(halos, halo, velocity) + halos.velocity[halo]).astype(np.float32),
        "mass": element.astype(np.float32),
        "formation_time": -generator.uniform(0.01, 0.1, len(halo)).astype(np.float32),
        "metallicity": np.clip(10 ** (result.metallicity[halo] + 0.6), 1e-5, 0.06).astype(
            np.float32
        ),
    }


def black_holes(halos, result, generator, minimum_mass=1e11):
    """Put a black hole at the centre of every halo above a mass.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    result : Outcome
        The halos after feedback.
    generator : numpy.random.Generator
        Source of randomness.
    minimum_mass : float
        [Msun].

    Returns
    -------
    dict of str to array
    """
    halo = np.flatnonzero(halos.mass > minimum_mass)
    # An active history comes from a heavy black hole, on the relation with stellar mass.
    log_mass = 7.4 + 1.1 * (np.log10(result.stars[halo]) - 10) + 0.2 * result.activity[halo]
    mass = 10 ** np.clip(log_mass + 0.1 * generator.standard_normal(len(halo)), 5.5, 10)
    return {
        "halo": halo,
        "satellite": np.full(len(halo), -1),
        "position": halos.position[halo].copy(),
        "velocity": halos.velocity[halo].astype(np.float32),
        "mass": mass.astype(np.float32),
        "black_hole_mass": mass.astype(np.float32),
        "accretion_rate": (mass * 1e-10).astype(np.float32),
    }
