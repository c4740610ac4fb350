"""Two maps that are the same, of other masses: by the definition of the emission measure."""

import numpy as np
import pytest

from cgmhelpers.emission.bands import load_band
from cgmhelpers.mock.alike import alike


def test_maps_are_the_same_and_masses_are_not():
    band = load_band(0.5, 2.0)
    maps, mass = alike(band, (0.3, 0.1), 10**6.5, pixels=16)
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-6)
    # L goes with the square of the density, so the masses differ by the root of the emissivities.
    solar = np.array([0.3, 0.1]) * band.solar_metallicity
    bright = band.emission_coefficient(np.full(2, 10**6.5), solar)
    assert mass[1] / mass[0] == pytest.approx((bright[0] / bright[1]) ** 0.5, rel=1e-6)
    assert np.log10(mass[1] / mass[0]) > 0.15
