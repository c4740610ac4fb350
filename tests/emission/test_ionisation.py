"""Ionisation equilibrium of hydrogen against published rates and closed forms."""

import numpy as np
import pytest

from cgmhelpers.emission import ionisation
from cgmhelpers.emission.tables import uvb
from cgmhelpers.errors import DataNotFoundError, ParameterError
from cgmhelpers.system import files


@pytest.mark.parametrize(
    ("temperature", "published"), [(1e4, 4.18e-13), (2e4, 2.51e-13)], ids=["1e4 K", "2e4 K"]
)
def test_case_a_recombination(temperature, published):
    """Osterbrock & Ferland (2006), Table 2.1; the fit of Hui & Gnedin is good to 2%."""
    assert ionisation.recombination_rate(temperature) == pytest.approx(published, rel=0.02)


def test_collisions_alone_give_the_coronal_balance():
    """Without light, n_HI / n_HII = alpha / Lambda at any density."""
    temperature = np.geomspace(8e3, 1e8, 60)
    fraction = ionisation.neutral_fraction_exact(
        np.geomspace(1e-6, 1e3, 5)[:, None], temperature, 0.0, background_rate=(0.0, 1e-18)
    )
    ratio = ionisation.recombination_rate(temperature) / ionisation.collisional_ionisation_rate(
        temperature
    )
    assert fraction.min() < 1e-8
    assert fraction.max() > 0.99
    # A few float64 roundings.
    assert np.allclose(fraction, np.broadcast_to(ratio / (1 + ratio), (5, 60)), rtol=1e-13, atol=0)


def test_thin_gas_is_in_photoionisation_balance():
    """Far below self-shielding, eta = alpha n_e / Gamma with n_e = n_H, up to terms of order eta.

    At 1e4 K collisions (1.6e-15 cm3/s of them) matter by n_H 7e-16 / Gamma ~ 1e-10.
    """
    density = np.array([1e-9, 1e-8, 1e-7])
    rate, section = ionisation.photoionisation_rate(0.0)
    expected = ionisation.recombination_rate(1e4) * density / rate
    fraction = ionisation.neutral_fraction_exact(density, 1e4, 0.0)
    shield = ionisation.self_shielding_density(1e4, rate, section)
    # Shielding takes 0.98 * 2.28 x^1.64 + 0.02 * 0.84 x off the light, x = n_H / n_ssh.
    x = density / shield
    tolerance = 4 * expected + 2.3 * x**1.64 + 0.017 * x
    assert (np.abs(fraction / expected - 1) < tolerance).all()
    assert tolerance.max() < 1e-3


def test_root_satisfies_the_equilibrium_where_the_textbook_form_fails():
    """Ionisations balance recombinations, and (B - sqrt(B^2 - 4AC)) / 2A has lost its digits."""
    density, temperature = 1e-8, 1e4
    rate, section = ionisation.photoionisation_rate(0.0)
    x = density / ionisation.self_shielding_density(temperature, rate, section)
    photons = rate * (0.98 * (1 + x**1.64) ** -2.28 + 0.02 * (1 + x) ** -0.84)
    alpha = ionisation.recombination_rate(temperature)
    collisions = ionisation.collisional_ionisation_rate(temperature)
    eta = ionisation.neutral_fraction_exact(density, temperature, 0.0)
    gains = alpha * (1 - eta) ** 2 * density
    losses = eta * photons + collisions * eta * (1 - eta) * density
    assert gains == pytest.approx(losses, rel=1e-13)
    a, b = alpha + collisions, 2 * alpha + photons / density + collisions
    naive = (b - np.sqrt(b**2 - 4 * a * alpha)) / (2 * a)
    assert abs(naive / eta - 1) > 1e-11


def test_dense_cold_gas_is_neutral_and_shields_itself():
    fraction = ionisation.neutral_fraction_exact([1e-5, 1e-3, 1e-1, 10.0], 1e4, 0.0)
    assert (np.diff(fraction) > 0).all()
    assert fraction[0] < 1e-3
    assert fraction[-1] > 0.99


@pytest.mark.parametrize(
    ("redshift", "published"), [(0.0, 5.1e-4)], ids=["Rahmati et al. 2013, Table 2"]
)
def test_self_shielding_density(redshift, published):
    density = ionisation.self_shielding_density(1e4, *ionisation.photoionisation_rate(redshift))
    # The table prints two digits.
    assert density == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize(
    ("redshift", "rate"),
    [
        (0.0, 2.255e-14),
        (0.1006, 3.510e-14),
        (0.2709, 6.685e-14),
        (0.6152, 1.829e-13),
        (0.8651, 3.152e-13),
        (1.609, 7.92e-13),
    ],
)
def test_background_rate(redshift, rate):
    """Haardt & Madau (2012) integrated independently; 0.2% is the choice of quadrature."""
    assert ionisation.photoionisation_rate(redshift)[0] == pytest.approx(rate, rel=0.002)


def test_background_now_is_the_published_one():
    """Rahmati et al. (2013), Table 2: 2.27e-14 1/s and 2.68e-18 cm2, three digits."""
    rate, section = ionisation.photoionisation_rate(0.0)
    assert rate == pytest.approx(2.27e-14, rel=0.01)
    assert section == pytest.approx(2.68e-18, rel=0.002)


@pytest.mark.parametrize(
    ("redshift", "section"), [(1.0, 2.62e-18), (2.0, 2.61e-18), (3.0, 2.61e-18), (4.0, 2.60e-18)]
)
def test_mean_cross_section(redshift, section):
    """Rahmati et al. (2013), Table 2, rounded to 0.2%; the same again for quadrature."""
    assert ionisation.photoionisation_rate(redshift)[1] == pytest.approx(section, rel=0.004)


@pytest.mark.parametrize("redshift", [-0.1, 9.0, np.nan])
def test_redshift_outside_the_background_is_refused(redshift):
    with pytest.raises(ParameterError, match="0 to"):
        ionisation.photoionisation_rate(redshift)


def test_cross_section_of_hydrogen():
    """6.30e-18 cm2 at threshold (Osterbrock & Ferland 2006), and close to E^-3 beyond."""
    section = uvb.cross_section(np.array([13.5, 13.6, 27.2]))
    assert section[0] == 0
    assert section[1] == pytest.approx(6.30e-18, rel=0.01)
    assert 2**2.7 < section[1] / section[2] < 2**3


def test_photoionisation_of_a_power_law():
    """A flat spectrum and sigma: Gamma / sigma and its mean follow from one quadrature."""
    from scipy.integrate import quad

    energy = np.geomspace(10, 100, 2000)
    wavelength = 12398.419843320026 / energy[::-1]
    intensity = 1e-22 * (energy[::-1, None] / 13.6) ** -1.5
    rate, section = uvb.photoionisation(wavelength, intensity)

    def photons(e, weight):
        return 4 * np.pi * 1e-22 * (e / 13.6) ** -1.5 / 6.62607015e-27 / e * weight(e)

    exact = quad(lambda e: photons(e, uvb.cross_section), *uvb.IONISING)[0]
    flux = quad(lambda e: photons(e, lambda e: 1.0), *uvb.IONISING)[0]
    # Trapezia in 20000 steps of 7e-5 dex: (d ln E)^2 / 12 of the curvature, ~1e-8.
    assert rate == pytest.approx([exact], rel=1e-6)
    assert section == pytest.approx([exact / flux], rel=1e-6)


@pytest.mark.network
def test_shipped_background_is_what_its_script_makes():
    try:
        remade = uvb.background_table()
    except DataNotFoundError as error:
        pytest.skip(f"the spectrum of Haardt & Madau can't be fetched here: {error.found}")
    shipped = ionisation.background()
    assert len(shipped) > 30
    # The CSV keeps six digits.
    assert np.allclose(shipped, remade, rtol=1e-5, atol=0)
    assert files.cache_folder().is_dir()
