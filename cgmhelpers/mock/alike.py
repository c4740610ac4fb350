"""Two halos that look alike and have other masses: what no method can see."""

import numpy as np
from scipy.optimize import brentq

HYDROGEN = 0.76


def alike(band, metallicities=(0.3, 0.1), temperature=10**6.5, pixels=32, pixel_size=16.0):
    """Build two atmospheres with the same X-ray map and other gas masses.

    The second has fewer metals, which make most of the soft X-rays at such a temperature, and as
    much more gas as makes up for it.

    Parameters
    ----------
    band : cgmhelpers.emission.xray.Band
        The band of the map.
    metallicities : (float, float)
        In solar units.
    temperature : float
        K, the same everywhere.
    pixels : int
        Side of the maps.
    pixel_size : float
        Side of a pixel [kpc].

    Returns
    -------
    maps : ndarray, shape (2, pixels, pixels)
        Luminosity of each pixel's column [erg/s].
    mass : ndarray, shape (2,)
        Mass of the gas in the frame [Msun].
    """
    place = (np.arange(pixels) - (pixels - 1) / 2) * pixel_size
    radius2 = sum(np.square(one) for one in np.meshgrid(place, place, place, indexing="ij"))
    shape = (1 + radius2 / 50.0**2) ** -1.2  # a beta model with beta = 0.8 and a core of 50 kpc
    kpc3 = 2.937998e64  # cm3, for a density in g/cm3 and a mass in Msun
    volume, solar_mass = pixel_size**3 * kpc3, 1.98841e33

    def _observe(metallicity, density):
        gas = {
            "density": density * shape.ravel(),
            "mass": density * shape.ravel() * volume / solar_mass,
            "temperature": np.full(shape.size, temperature),
            "metallicity": np.full(shape.size, metallicity * band.solar_metallicity),
            "electron_abundance": np.full(shape.size, 1.16),
            "hydrogen_fraction": np.full(shape.size, HYDROGEN),
            "star_formation_rate": np.zeros(shape.size),
        }
        return band.luminosity(gas).reshape(shape.shape).sum(axis=0), gas["mass"].sum()

    density = 3e-27
    first, mass = _observe(metallicities[0], density)

    def _excess(factor):
        return np.log(_observe(metallicities[1], factor * density)[0].sum() / first.sum())

    factor = brentq(_excess, 0.01, 100, xtol=1e-12)
    second, other = _observe(metallicities[1], factor * density)
    return np.stack([first, second]), np.array([mass, other])
