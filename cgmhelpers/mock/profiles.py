"""Radial profiles of many halos at once: NFW mass, hot gas, hydrostatic temperature.

Tables have one row per halo over the radii of `RADII`, in units of R200c.
"""

from dataclasses import dataclass

import numpy as np

RADII = np.geomspace(1e-3, 2.5, 120)
"""Radii over R200c at which profiles are tabulated (equal steps in the logarithm)."""
SHELL = 40
"""Elements of consecutive radii whose directions are spread evenly."""
MOLECULAR_WEIGHT = 0.59
"""Mean molecular weight of ionised primordial gas."""
EDGE_TEMPERATURE = 0.25
"""Temperature of the gas that falls in at the last radius, over the virial temperature."""


def nfw_mass(concentration, radii=RADII):
    """Return the mass of an NFW halo inside each radius, over that inside R200c.

    Parameters
    ----------
    concentration : array (H,)
        NFW concentrations.
    radii : array (R,)
        Over R200c.

    Returns
    -------
    array (H, R)
        Navarro, Frenk & White (1997, ApJ 490, 493).
    """

    def _shape(x):
        """Enclosed mass of an NFW halo over 4 pi rho_s r_s^3."""
        return np.log1p(x) - x / (1 + x)

    c = np.asarray(concentration)[:, None]
    return _shape(c * radii) / _shape(c)


def virial_temperature(mass, radius):
    """Return the virial temperature, mu m_p G M / (2 k_B R).

    Parameters
    ----------
    mass, radius : array (H,)
        M200c [Msun], R200c [kpc].

    Returns
    -------
    array (H,)
        [K].
    """
    from astropy import constants, units

    scale = MOLECULAR_WEIGHT * constants.m_p * constants.G / (2 * constants.k_B)
    return mass / radius * scale.to_value(units.K * units.kpc / units.Msun)


def cumulative(density, radii=RADII):
    """Integrate a spherical density profile to the mass inside each radius, in any unit.

    Parameters
    ----------
    density : array (H, R)
        Density tables.
    radii : array (R,)
        Radii over R200c.

    Returns
    -------
    array (H, R)
    """
    # Integrate over ln r, where the profile is smooth; the core is taken as flat.
    integrand = 4 * np.pi * density * radii**3
    step = np.diff(np.log(radii)) * 0.5 * (integrand[:, 1:] + integrand[:, :-1])
    core = integrand[:, :1] / 3
    return np.concatenate([core, core + np.cumsum(step, axis=1)], axis=1)


def nfw_density(concentration, radii=RADII):
    """Return the shape of a dark matter density that ends softly beyond R200c.

    Parameters
    ----------
    concentration : array (H,)
        NFW concentrations.
    radii : array (R,)
        Radii over R200c.

    Returns
    -------
    array (H, R)
        Arbitrary unit.
    """
    x = np.asarray(concentration)[:, None] * radii
    edge = np.exp(-((np.maximum(radii - 1.0, 0) / 0.5) ** 2))
    return edge / (x * (1 + x) ** 2)


def hot_density(core, slope, radii=RADII):
    """Return the shape of the hot gas density: a beta model that steepens beyond R200c.

    Parameters
    ----------
    core : array (H,)
        Core radius over R200c.
    slope : array (H,)
        The beta of the model (Cavaliere & Fusco-Femiano 1976, A&A 49, 137).
    radii : array (R,)
        Radii over R200c.

    Returns
    -------
    array (H, R)
        Arbitrary unit.
    """
    inner = (1 + (radii / core[:, None]) ** 2) ** (-1.5 * slope[:, None])
    return inner / (1 + radii**2) ** 0.75


def hydrostatic_temperature(density, mass, radii=RADII):
    """Return the temperature that balances gravity, over the virial temperature.

    dP/dr = -rho G M(<r) / r^2, integrated inwards from the last radius.

    Parameters
    ----------
    density : array (H, R)
        Gas density, arbitrary unit.
    mass : array (H, R)
        Total mass inside each radius over that inside R200c.
    radii : array (R,)
        Over R200c.

    Returns
    -------
    array (H, R)
    """
    # With T in units of mu m_p G M / (2 k R), P = rho T and dP/dx = -2 rho m / x^2.
    integrand = 2 * density * mass / radii
    step = np.diff(np.log(radii)) * 0.5 * (integrand[:, 1:] + integrand[:, :-1])
    inwards = np.cumsum(step[:, ::-1], axis=1)[:, ::-1]
    pressure = np.concatenate([inwards, np.zeros((len(density), 1))], axis=1)
    pressure += EDGE_TEMPERATURE * density[:, -1:]
    return pressure / density


@dataclass(frozen=True)
class Sampler:
    """Source of radii that follow tabulated mass profiles.

    Attributes
    ----------
    mass : array (H, R)
        Mass inside each of `RADII`, over the total.
    """

    mass: np.ndarray

    @classmethod
    def of(cls, density):
        """Make the sampler of density tables.

        Parameters
        ----------
        density : array (H, R)
            Over `RADII`, arbitrary unit.
        """
        mass = cumulative(density)
        mass[:, 0] = 0.0
        return cls(mass / mass[:, -1:])

    def radius(self, halo, level):
        """Return the radii that enclose given shares of the mass.

        Parameters
        ----------
        halo : array (N,) of int
            Row of each draw.
        level : array (N,)
            Share in [0, 1).

        Returns
        -------
        array (N,)
            Over R200c.
        """
        rows, columns = self.mass.shape
        flat = (self.mass + np.arange(rows)[:, None]).ravel()
        right = np.searchsorted(flat, halo + level, side="right")
        right = np.clip(right, halo * columns + 1, halo * columns + columns - 1)
        low, high = flat[right - 1], flat[right]
        share = np.clip((halo + level - low) / np.maximum(high - low, 1e-300), 0, 1)
        log_radii = np.log(RADII)
        left = right - 1 - halo * columns
        return np.exp(log_radii[left] + share * (log_radii[1] - log_radii[0]))

    def inside(self, radius=1.0):
        """Return the share of the mass inside one radius, (H,).

        Parameters
        ----------
        radius : float
            Over R200c.
        """
        position = np.interp(np.log(radius), np.log(RADII), np.arange(len(RADII)))
        left = min(int(position), len(RADII) - 2)
        share = position - left
        return (1 - share) * self.mass[:, left] + share * self.mass[:, left + 1]


def look_up(table, halo, radius):
    """Interpolate tables of positive values, in logarithms.

    Parameters
    ----------
    table : array (H, R)
        Values over `RADII`.
    halo : array (N,) of int
        Halo of each element.
    radius : array (N,)
        Over R200c.

    Returns
    -------
    array (N,)
    """
    step = np.log(RADII[1] / RADII[0])
    position = np.clip(np.log(radius / RADII[0]) / step, 0, len(RADII) - 1.001)
    left = position.astype(np.int64)
    share = position - left
    logs = np.log(table)
    return np.exp((1 - share) * logs[halo, left] + share * logs[halo, left + 1])


def ordered_levels(counts, generator):
    """Draw evenly spread random levels in [0, 1) for each halo.

    One draw per equal step makes the mass inside a radius far less noisy than independent draws.

    Parameters
    ----------
    counts : array (H,) of int
        Elements of each halo.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    halo : array (N,) of int
        Halo of each element.
    level : array (N,)
        Share of the mass.
    """
    halo = np.repeat(np.arange(len(counts)), counts)
    start = np.cumsum(counts) - counts
    rank = np.arange(len(halo)) - start[halo]
    return halo, (rank + generator.uniform(size=len(halo))) / counts[halo]


def even_directions(counts, generator):
    """Draw directions for each halo's elements that leave no gaps, in order of `ordered_levels`.

    Each thin shell of `SHELL` elements is a Fibonacci lattice on the sphere (Gonzalez 2010,
    Math. Geosci. 42, 49), shuffled and turned at random: one lattice for all would show as spokes.

    Parameters
    ----------
    counts : array (H,) of int
        Elements of each halo.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    array (N, 3)
        Unit vectors.
    """
    from scipy.spatial.transform import Rotation

    halo = np.repeat(np.arange(len(counts)), counts)
    rank = np.arange(len(halo)) - (np.cumsum(counts) - counts)[halo]
    shell = rank // SHELL
    rank = rank[np.lexsort((generator.uniform(size=len(halo)), shell, halo))]
    size = np.minimum(SHELL, counts[halo] - shell * SHELL)
    height = 1 - (2 * (rank % SHELL) + 1) / size
    angle = np.pi * (3 - np.sqrt(5)) * rank
    width = np.sqrt(np.maximum(1 - height**2, 0))
    lattice = np.stack([width * np.cos(angle), width * np.sin(angle), height], axis=1)
    shells = -(-counts // SHELL)
    which = (np.cumsum(shells) - shells)[halo] + shell
    turn = Rotation.random(int(shells.sum()), rng=generator).as_matrix()
    return np.einsum("nij,nj->ni", turn[which], lattice)
