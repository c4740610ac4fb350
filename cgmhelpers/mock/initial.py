"""Initial conditions that the suites share: halos, satellites and hidden histories."""

from dataclasses import dataclass

import numpy as np

from cgmhelpers.halos.cosmology import Volume, gravitational_constant
from cgmhelpers.mock.web import Web

LOG_MAXIMUM_MASS = 14.3
"""No halo is more massive (the CV set's largest is 10^14.3 Msun)."""
CANDIDATES = 3.84
"""Places tried for halos, per (comoving Mpc/h)^3."""


@dataclass(frozen=True)
class Satellites:
    """Galaxies inside larger halos.

    Attributes
    ----------
    host : array (S,)
        Index of the halo.
    mass : array (S,)
        Total mass [Msun].
    position, velocity : array (S, 3)
        Relative to the halo's centre [kpc, km/s].
    """

    host: np.ndarray
    mass: np.ndarray
    position: np.ndarray
    velocity: np.ndarray


@dataclass(frozen=True)
class Halos:
    """Halos of one realisation, in order of falling mass.

    Attributes
    ----------
    mass, radius : array (H,)
        M200c [Msun] and R200c [kpc] of a halo that kept all its baryons.
    concentration : array (H,)
        NFW concentration.
    position, velocity : array (H, 3)
        [kpc] and peculiar [km/s].
    history, gas_supply : array (H,)
        Hidden variables of zero mean and unit variance: feedback history and supply of cool gas.
    frame : array (H, 3, 3)
        Rotation to the halo's own axes; the last row is the spin, the axis of its disc and outflow.
    shape : array (H, 3)
        Axis ratios, of unit product.
    satellites : Satellites
        Galaxies inside them.
    volume : Volume
        The box.
    """

    mass: np.ndarray
    radius: np.ndarray
    concentration: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    history: np.ndarray
    gas_supply: np.ndarray
    frame: np.ndarray
    shape: np.ndarray
    satellites: Satellites
    volume: Volume

    def __len__(self):
        return len(self.mass)

    @property
    def circular_velocity(self):
        """Circular velocity at R200c [km/s], (H,)."""
        return np.sqrt(gravitational_constant() * self.mass / self.radius)


def draw(generator, minimum_mass, volume=None) -> tuple[Halos, Web]:
    """Draw the halos of one realisation and the web in which they lie.

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of the shared randomness.
    minimum_mass : float
        Least M200c [Msun].
    volume : Volume, optional
        The box; by default that of the CV set today.

    Returns
    -------
    halos : Halos
        The shared halos.
    web : Web
        The cosmic web.
    """
    volume = volume or Volume()
    web = Web(generator, volume)
    mass = draw_masses(generator, minimum_mass, volume)
    number = len(mass)
    radius = volume.virial_radius(mass)
    position, velocity = place_halos(generator, web, mass, radius)
    # Scatter of 0.12 dex: Diemer & Joyce (2019) find 0.11-0.16.
    concentration = volume.median_concentration(mass) * 10 ** (
        0.12 * generator.standard_normal(number)
    )
    ratios = np.stack(
        [
            generator.uniform(1.0, 1.2, number),
            generator.uniform(0.88, 1.0, number),
            np.ones(number),
        ],
        axis=1,
    )
    ratios[:, 2] = 1 / (ratios[:, 0] * ratios[:, 1])
    halos = Halos(
        mass=mass,
        radius=radius,
        concentration=concentration,
        position=position,
        velocity=velocity,
        history=np.clip(generator.standard_normal(number), -2.2, 2.2),
        gas_supply=np.clip(generator.standard_normal(number), -2.2, 2.2),
        frame=random_frames(generator, number),
        shape=ratios,
        satellites=draw_satellites(generator, mass, radius),
        volume=volume,
    )
    return halos, web


def draw_masses(generator, minimum_mass, volume=None):
    """Draw the masses of the volume's halos from the mass function.

    The draw is that of the CV set's box today. In another cosmology, or at another time, the halo
    of each rank gets the mass above which as many are expected there, so that the same halo becomes
    heavier or lighter smoothly. A richer box has more halos, which another generator draws.

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of randomness.
    minimum_mass : float
        [Msun].
    volume : Volume, optional
        The box; by default that of the CV set today.

    Returns
    -------
    array (H,)
        M200c [Msun], falling.
    """
    volume = volume or Volume()
    fiducial = Volume(side=volume.side)
    log_mass, cumulative = _expected(fiducial, minimum_mass)
    number = generator.poisson(cumulative[-1])
    drawn = np.interp(generator.uniform(0, cumulative[-1], number), cumulative, log_mass)
    if volume == fiducial:
        return 10 ** np.sort(drawn)[::-1]
    rank = np.sort(cumulative[-1] - np.interp(drawn, log_mass, cumulative))
    log_mass, other = _expected(volume, minimum_mass)
    # Another generator: their number doesn't change what is drawn after the masses.
    (apart,) = generator.spawn(1)
    more = other[-1] - cumulative[-1]
    gaps = apart.exponential(size=int(max(more, 0) + 10 * np.sqrt(max(more, 0)) + 10))
    rank = np.concatenate([rank, cumulative[-1] + np.cumsum(gaps)])
    rank = rank[rank < other[-1]]
    return 10 ** np.interp(other[-1] - rank, other, log_mass)


def _expected(volume, minimum_mass):
    """Return the expected number of halos from the least mass up to each of some log masses."""
    log_mass = np.linspace(np.log10(minimum_mass), LOG_MAXIMUM_MASS, 400)
    per_log = volume.halo_number(log_mass) * np.log(10)
    step = np.diff(log_mass) * 0.5 * (per_log[1:] + per_log[:-1])
    return log_mass, np.concatenate([[0.0], np.cumsum(step)])


def place_halos(generator, web, mass, radius):
    """Place the halos at dense spots of the web, without overlap, the massive first.

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of randomness.
    web : Web
        The cosmic web.
    mass, radius : array (H,)
        [Msun], [kpc].

    Returns
    -------
    position, velocity : array (H, 3)
        [kpc], [km/s].
    """
    box = web.volume.box_size
    number = round(CANDIDATES * web.volume.side**3)
    candidates = generator.uniform(0, box, (number, 3))
    contrast = web.sample(web.contrast, candidates)
    peak = contrast / contrast.std()
    moved, flow = web.move(candidates)
    # Massive halos prefer the highest peaks.
    preference = np.clip(0.7 + 0.45 * (np.log10(mass) - 10.5), 0.7, 2.4)
    levels = np.unique(np.round(preference, 1))
    weights = {level: np.cumsum(np.exp(level * peak)) for level in levels}

    position = np.empty((len(mass), 3))
    velocity = np.empty((len(mass), 3))
    for i, level in enumerate(np.round(preference, 1)):
        cumulative = weights[level]
        for _ in range(200):
            choice = np.searchsorted(cumulative, generator.uniform(0, cumulative[-1]))
            choice = min(choice, len(cumulative) - 1)
            apart = np.abs(position[:i] - moved[choice])
            apart = np.minimum(apart, box - apart)
            if np.all((apart**2).sum(axis=1) > (1.2 * (radius[:i] + radius[i])) ** 2):
                break
        position[i], velocity[i] = moved[choice], flow[choice]
    return position, velocity + 60 * generator.standard_normal((len(mass), 3))


def random_frames(generator, number):
    """Draw uniformly random rotations.

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of randomness.
    number : int
        Number of rotations.

    Returns
    -------
    array (number, 3, 3)
    """
    from scipy.spatial.transform import Rotation

    return Rotation.random(number, rng=generator).as_matrix()


def random_directions(generator, number):
    """Draw uniformly random unit vectors.

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of randomness.
    number : int
        Number of vectors.

    Returns
    -------
    array (number, 3), float32
        Unit vectors.
    """
    vector = generator.standard_normal((number, 3), dtype=np.float32)
    return vector / np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-6)


def draw_satellites(generator, mass, radius) -> Satellites:
    """Draw the satellites of halos above 10^11.2 Msun.

    Their numbers follow N(>m/M) = 0.06 (m/M)^-0.9 above one hundredth of the host, close to subhalo
    mass functions of cold dark matter (e.g. Jiang & van den Bosch 2016, MNRAS 458, 2848).

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of randomness.
    mass, radius : array (H,)
        Hosts: [Msun], [kpc].

    Returns
    -------
    Satellites
    """
    least = np.maximum(0.01, 10**9.6 / mass)
    expected = np.where(mass > 10**11.2, 0.06 * (least**-0.9 - 0.25**-0.9), 0.0)
    # Groups keep more of their small satellites.
    expected *= np.clip((mass / 1e13) ** 0.3, 1.0, 2.5)
    host = np.repeat(np.arange(len(mass)), generator.poisson(np.maximum(expected, 0)))
    number = len(host)
    low, high = least[host] ** -0.9, 0.25**-0.9
    ratio = (low + generator.uniform(size=number) * (high - low)) ** (-1 / 0.9)
    distance = radius[host] * generator.uniform(0.15**1.5, 1.15**1.5, number) ** (1 / 1.5)
    speed = np.sqrt(gravitational_constant() * mass / radius)[host]
    return Satellites(
        host=host,
        mass=ratio * mass[host],
        position=distance[:, None] * random_directions(generator, number),
        velocity=0.75 * speed[:, None] * generator.standard_normal((number, 3)),
    )
