"""Gas of the halos: what its phases share.

Phases are dictionaries of columns relative to the halo centres: ``halo`` and ``satellite`` (N,),
the latter -1 outside satellites; ``position`` (N, 3) kpc, ``velocity`` (N, 3) km/s, ``mass`` Msun,
``density`` g/cm^3, ``temperature`` K, ``metallicity`` (relative to the halo's mean),
``star_formation_rate`` Msun/yr, ``delay_time``.
"""

import numpy as np

from cgmhelpers.mock import profiles
from cgmhelpers.mock.initial import Halos

APERTURE = 200.0
"""Radius inside which the mean metallicity is set [kpc], that of property 3 in Table 1."""
STAR_FORMATION_DENSITY = 0.13
"""Hydrogen density above which gas forms stars [1/cm^3]."""


def density_unit():
    """Return one Msun/kpc^3 in g/cm^3."""
    from astropy import units

    return (units.Msun / units.kpc**3).to(units.g / units.cm**3)


def gas_density(hydrogen_density):
    """Return the density of gas of 76% hydrogen.

    Parameters
    ----------
    hydrogen_density : array or float
        Hydrogen nuclei [1/cm^3].

    Returns
    -------
    array or float
        [g/cm^3].
    """
    from astropy import constants

    return hydrogen_density * (constants.m_p.cgs.value / 0.76)


def hydrogen_nuclei(density):
    """Return the hydrogen nuclei of gas of 76% hydrogen, the reverse of `gas_density`.

    Parameters
    ----------
    density : array or float
        [Msun/kpc^3].

    Returns
    -------
    array or float
        [1/cm^3].
    """
    return density * density_unit() / gas_density(1.0)


def to_box(halos: Halos, halo, vector):
    """Rotate vectors from the frames of the halos to the axes of the volume.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    halo : array (N,) of int
        Halo of each vector.
    vector : array (N, 3)
        Components along the halo's axes.

    Returns
    -------
    array (N, 3)
        Components along x, y, z.
    """
    return np.einsum("ni,nij->nj", vector, halos.frame[halo])


def columns(halo, position, velocity, mass, density, temperature, metallicity, **others):
    """Gather the columns of one phase in float32.

    Parameters
    ----------
    halo : array (N,) of int
        Halo of each element.
    position, velocity : array (N, 3)
        Relative to the halo [kpc, km/s].
    mass, density, temperature, metallicity : array (N,)
        [Msun], [g/cm^3], [K], relative to the halo's mean.
    **others : array (N,)
        ``star_formation_rate``, ``delay_time`` (zero by default), ``satellite`` (-1 by default).

    Returns
    -------
    dict of str to array
        All columns.
    """
    number = len(halo)
    table = {
        "position": position,
        "velocity": velocity,
        "mass": mass,
        "density": density,
        "temperature": temperature,
        "metallicity": metallicity,
        "star_formation_rate": others.get("star_formation_rate", np.zeros(number)),
        "delay_time": others.get("delay_time", np.zeros(number)),
    }
    table = {name: values.astype(np.float32) for name, values in table.items()}
    return {"halo": halo, "satellite": others.get("satellite", np.full(number, -1)), **table}


def disc_scale(halos):
    """Return the scale length of the galaxies' discs: a share of R200c, capped in groups.

    Parameters
    ----------
    halos : Halos
        The shared halos.

    Returns
    -------
    array (H,)
        [kpc]; close to the sizes that Kravtsov (2013, ApJ 764, L31) finds.
    """
    return 0.018 * np.minimum(halos.radius, 280.0)


def neutral_scale(mass):
    """Return the scale length of neutral discs, all of which have about one surface density.

    Parameters
    ----------
    mass : array (N,)
        Gas of each disc [Msun].

    Returns
    -------
    array (N,)
        [kpc]; a sixth of the diameter that Wang et al. (2016, MNRAS 460, 2143) find.
    """
    return 10 ** (0.506 * np.log10(np.maximum(mass, 1.0)) - 3.293) / 6


def settle_metals(halos, result, table):
    """Scale metallicities so that each halo's mean is the one that feedback has set.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    result : Outcome
        The halos after feedback.
    table : dict of str to array
        All gas of the halos; its ``metallicity`` is changed in place.
    """
    inside = (table["position"] ** 2).sum(axis=1) < APERTURE**2
    inside &= table["star_formation_rate"] == 0
    halo = table["halo"]
    weight = np.where(inside, table["mass"], 0.0).astype(np.float64)
    mean = np.bincount(halo, weight * table["metallicity"], len(halos))
    mean /= np.maximum(np.bincount(halo, weight, len(halos)), 1e-30)
    factor = 10**result.metallicity / np.maximum(mean, 1e-3)
    table["metallicity"] = np.clip(table["metallicity"] * factor[halo], 1e-6, 0.06).astype(
        np.float32
    )


def assign(weight, owner, counts, number, generator):
    """Give elements to objects of their halo in proportion to weights.

    Parameters
    ----------
    weight : array (K,)
        Weights of the objects.
    owner : array (K,) of int
        Halo of each object, rising.
    counts : array (H,) of int
        Elements of each halo; none are given where a halo has no object.
    number : int
        Halos.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    halo, chosen : array (N,) of int
        Halo and object of each element.
    """
    cumulative = np.cumsum(weight)
    before = np.concatenate([[0.0], cumulative])
    first = np.searchsorted(owner, np.arange(number), side="left")
    last = np.searchsorted(owner, np.arange(number), side="right")
    low, high = before[first], before[last]
    halo, level = profiles.ordered_levels(np.where(last > first, counts, 0), generator)
    target = low[halo] + level * (high - low)[halo]
    chosen = np.clip(np.searchsorted(cumulative, target, side="right"), first[halo], last[halo] - 1)
    return halo, chosen
