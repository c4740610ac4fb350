"""Numbers of gas elements for each halo and each phase."""

from dataclasses import dataclass

import numpy as np

from cgmhelpers.mock.initial import Halos
from cgmhelpers.mock.outcomes import Outcome

PHASES = {
    "hot": 0.33,
    "wind": 0.04,
    "clouds": 0.33,
    "outer": 0.10,
    "disc": 0.06,
    "satellites": 0.14,
}
"""Phases of a halo's gas, and their shares of its elements where elements are scarce. Most are of
the cool phases, which fill little space and which maps of hydrogen show."""
WIND_LOADING = 1.0
"""Share of the hot gas inside R200c that a galaxy's wind holds, per share of the halo that forms
stars."""
ENOUGH = 1000
"""Elements of a halo of 10^11.5 Msun that suffice for its maps."""
HALO_SHARE = 0.7
"""No more than this share of all elements goes to halos for the sake of resolution."""


@dataclass(frozen=True)
class Budget:
    """Masses and element numbers of each phase, arrays (H,) by phase name.

    Attributes
    ----------
    mass : dict of str to array
        [Msun].
    number : dict of str to array of int
        Number of elements.
    boost : float
        0 where all elements have the same mass, 1 where halos are resolved far better than the
        mean.
    """

    mass: dict
    number: dict
    boost: float


def allot(halos: Halos, result: Outcome, hot_mass, cells, element_mass, generator) -> Budget:
    """Share a halo's gas among phases, and the elements among halos.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    result : Outcome
        Masses inside R200c.
    hot_mass : array (H,)
        All of the hot atmosphere, beyond R200c too [Msun].
    cells : int
        Elements of the whole volume.
    element_mass : float
        Mass of an element if all had the same [Msun].
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Budget
    """
    number = len(halos)
    galaxies = np.bincount(halos.satellites.host, minlength=number)
    weight = generator.gamma(4.0, size=(number, 3)) * np.array([0.5, 0.22, 0.28])
    weight[:, 2] *= galaxies > 0
    # The galaxies of groups have lost their neutral discs.
    weight[:, 1] *= np.minimum(1.0, (halos.mass / 10**12.2) ** -0.8)
    weight *= (result.cool / weight.sum(axis=1))[:, None]
    wind = np.minimum(WIND_LOADING * result.disc / halos.mass, 0.03) * result.hot
    mass = {
        "hot": hot_mass - wind,
        "wind": wind,
        "clouds": weight[:, 0],
        "outer": weight[:, 1],
        "disc": result.disc,
        "satellites": weight[:, 2],
    }
    total = sum(mass.values())
    relative = halos.mass / 10**11.5
    wish = np.where(relative > 1, relative**0.5, relative**2.5)
    enough = min(ENOUGH, HALO_SHARE * cells / wish.sum())
    elements = np.maximum(enough * wish, total / element_mass)
    uniform = np.clip(total / element_mass / elements, 0, 1) ** 2
    counts = {}
    for name, share in PHASES.items():
        # Shares follow the mass where elements abound, and the table above where they are scarce.
        part = (1 - uniform) * share + uniform * mass[name] / total
        # Cool gas is little of a group's mass, and all that its maps of hydrogen show.
        count = np.rint(np.maximum(elements * part, share * enough * wish))
        counts[name] = np.where(mass[name] > 0, np.maximum(count, 1), 0).astype(np.int64)
    typical = np.average(uniform, weights=wish)
    return Budget(mass=mass, number=counts, boost=float(1 - typical))
