"""Matter between the halos."""

import numpy as np

from cgmhelpers.mock.gas import density_unit

MASK_CELLS = 6.4
"""Cells per comoving Mpc/h of the grid on which places inside halos are looked up."""
MASK_RADIUS = 1.6
"""Halos are empty of background out to this radius over R200c."""


def halo_mask(halos):
    """Mark the grid cells that lie in halos.

    Parameters
    ----------
    halos : Halos
        The shared halos.

    Returns
    -------
    array (G, G, G) of bool
    """
    grid = round(MASK_CELLS * halos.volume.side)
    spacing = halos.volume.box_size / grid
    mask = np.zeros((grid,) * 3, dtype=bool)
    # The half diagonal of a cell, so that small halos mark at least their own cell.
    reaches = MASK_RADIUS * halos.radius + 0.5 * spacing
    for position, reach in zip(halos.position, reaches, strict=True):
        span = int(np.ceil(reach / spacing)) + 1
        steps = np.arange(-span, span + 1)
        centre = np.floor(position / spacing).astype(int)
        axes = [centre[i] + steps for i in range(3)]
        apart = [((axes[i] + 0.5) * spacing - position[i]) ** 2 for i in range(3)]
        inside = apart[0][:, None, None] + apart[1][:, None] + apart[2] < reach**2
        mask[np.ix_(*(axis % grid for axis in axes))] |= inside
    return mask


def scatter(web, mask, number, generator):
    """Draw places of elements between the halos, in the web.

    Parameters
    ----------
    web : Web
        The cosmic web.
    mask : array of bool
        Cells inside halos, from `halo_mask`.
    number : int
        Number of elements.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    position, velocity : array (number, 3)
        [kpc], [km/s].
    overdensity : array (number,)
    """
    found = []
    missing = number
    box, grid = web.volume.box_size, len(mask)
    while missing > 0:
        places = generator.uniform(0, box, (int(missing * 1.15) + 10, 3))
        position, velocity = web.move(places)
        cell = (position * (grid / box)).astype(np.int32) % grid
        keep = np.flatnonzero(~mask[tuple(cell.T)])[:missing]
        found.append((position[keep], velocity[keep], web.overdensity(places)[keep]))
        missing -= len(keep)
    if not found:
        return np.empty((0, 3)), np.empty((0, 3), np.float32), np.empty(0, np.float32)
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def gas(web, mask, number, mass, model, generator):
    """Make the diffuse gas of the web: photo-heated in voids, shocked at high density.

    Parameters
    ----------
    web : Web
        The cosmic web.
    mask : array of bool
        Cells inside halos, from `halo_mask`.
    number : int
        Number of elements.
    mass : float
        Mass of all the diffuse gas [Msun].
    model : FeedbackModel
        The suite's feedback model.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to array
        As in `gas`, with absolute positions, absolute metallicities and ``halo`` = -1.
    """
    position, velocity, overdensity = scatter(web, mask, number, generator)
    mean = web.volume.matter_density(web.volume.cosmology.omega_baryon) * density_unit()
    # The temperature-density relation of the photo-heated intergalactic medium (Hui & Gnedin 1997).
    log_temperature = 3.75 + 0.55 * np.log10(overdensity)
    heat = 1 / (1 + np.exp(-3 * (np.log10(overdensity) - 0.7)))
    log_temperature += (1.0 + model.web_heating) * heat * generator.uniform(size=number)
    log_temperature += 0.1 * generator.standard_normal(number)
    log_metals = (
        -4.3 + 0.5 * heat * (1 + model.web_heating) + 0.4 * generator.standard_normal(number)
    )
    zeros = np.zeros(number, dtype=np.float32)
    return {
        "halo": np.full(number, -1),
        "satellite": np.full(number, -1),
        "position": position,
        "velocity": velocity,
        "mass": np.full(number, mass / max(number, 1), dtype=np.float32),
        "density": (mean * overdensity).astype(np.float32),
        "temperature": 10 ** np.clip(log_temperature, 3.2, 6.8).astype(np.float32),
        "metallicity": 10 ** log_metals.astype(np.float32),
        "star_formation_rate": zeros,
        "delay_time": zeros,
    }
