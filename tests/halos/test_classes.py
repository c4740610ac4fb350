"""Halo classes and spherical overdensities, against closed forms and astropy."""

import logging

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM
from helpers.analytic_halos import isothermal_halo, write_dark_halo

from cgmhelpers.halos.classes import halo_class
from cgmhelpers.halos.measuring import measure
from cgmhelpers.halos.overdensity import critical_density, spherical_overdensity


def test_classes_of_table_2():
    log_mass = [11.4, 11.5, 11.99, 12.0, 12.99, 13.0, 14.6]
    expected = ["below", *["sub_l_star"] * 2, *["l_star"] * 2, *["group"] * 2]
    assert list(halo_class(log_mass)) == expected
    assert halo_class([]).shape == (0,)


def test_critical_density_is_astropys(tmp_path):
    sim = write_dark_halo(tmp_path, isothermal_halo(10, 100.0), redshift=0.5)
    cosmology = FlatLambdaCDM(67.11, 0.3)
    expected = cosmology.critical_density(0.5).to(u.Msun / u.kpc**3).value
    assert critical_density(sim.header) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("centre", [(9000.0, 8000.0, 7000.0), (3.0, 37248.0, 1.0)])
def test_isothermal_sphere_has_its_analytic_mass(tmp_path, centre):
    """M(<r) = M r/R gives M200c = M^(3/2) (4/3 pi 200 rho_c R^3)^(-1/2), edge or no edge."""
    number, radius, mass = 20_000, 600.0, 2e13
    sim = write_dark_halo(tmp_path, isothermal_halo(number, radius), centre, mass, r200c=450.0)
    table = sim.halos(0)
    measured = measure(sim, table, progress=False)
    m200c, r200c = measured.m200c, measured.r200c
    expected = mass**1.5 / np.sqrt(4 / 3 * np.pi * 200 * critical_density(sim.header) * radius**3)
    # One particle is 5e-5 of the mass; the grid of radii and float32 places add about as much.
    assert m200c[0] == pytest.approx(expected, rel=1e-3)
    volume = 4 / 3 * np.pi * r200c[0] ** 3
    assert m200c[0] / volume == pytest.approx(200 * critical_density(sim.header), rel=2e-3)


def test_a_wrong_catalogue_is_called_into_doubt(tmp_path, caplog):
    halo = isothermal_halo(20_000, 600.0)
    right = write_dark_halo(tmp_path / "a", halo, mass=2e13, r200c=450.0, m200c=None)
    with caplog.at_level(logging.WARNING):
        measure(right, right.halos(0), progress=False)
    assert not caplog.records
    wrong = write_dark_halo(tmp_path / "b", halo, mass=2e13, r200c=450.0, m200c=2e13)
    with caplog.at_level(logging.WARNING):
        measure(wrong, wrong.halos(0), progress=False)
    assert "differs by more than 5%" in caplog.text
    assert str(wrong.catalogue_path) in caplog.text


def test_the_outermost_crossing_counts():
    """Power laws have their crossing in closed form; profiles without one have none."""
    radius = np.linspace(10, 1000, 500) * np.ones((5, 1))
    critical = 100.0
    limit = 4 / 3 * np.pi * 200 * critical * radius**3
    enclosed = limit * (radius / 300.0) ** -2.2  # crosses at 300 kpc
    enclosed[1] = limit[1] * 0.5
    enclosed[2] = limit[2] * 2
    enclosed[3] *= np.where(radius[3] > 600, 20, 1)  # a neighbour: dense again until 1170 kpc
    enclosed[4, radius[4] < 100] = 0  # a hole in the middle
    m200c, r200c = spherical_overdensity(radius, enclosed, critical)
    assert np.isnan(m200c[1:4]).all()
    assert np.isnan(r200c[1:4]).all()
    np.testing.assert_allclose(r200c[[0, 4]], 300.0, rtol=1e-12)
    np.testing.assert_allclose(m200c[[0, 4]], 4 / 3 * np.pi * 200 * critical * 300.0**3, rtol=1e-12)
    assert spherical_overdensity(np.empty((0, 5)), np.empty((0, 5)), 1.0)[0].shape == (0,)
