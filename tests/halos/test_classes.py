"""Halo classes and spherical overdensities, against closed forms and astropy."""

import logging

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM
from helpers.analytic_halos import isothermal_halo, write_dark_halo

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import halo_class
from cgmhelpers.halos.overdensity import critical_density, spherical_overdensity
from cgmhelpers.simulations import simulation


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
    m200c, r200c = spherical_overdensity(sim, table)
    expected = mass**1.5 / np.sqrt(4 / 3 * np.pi * 200 * critical_density(sim.header) * radius**3)
    # One particle is 5e-5 of the mass; the grid of radii and float32 places add about as much.
    assert m200c[0] == pytest.approx(expected, rel=1e-3)
    volume = 4 / 3 * np.pi * r200c[0] ** 3
    assert m200c[0] / volume == pytest.approx(200 * critical_density(sim.header), rel=2e-3)


def test_a_wrong_catalogue_is_called_into_doubt(tmp_path, caplog):
    halo = isothermal_halo(20_000, 600.0)
    right = write_dark_halo(tmp_path / "a", halo, mass=2e13, r200c=450.0, m200c=None)
    with caplog.at_level(logging.WARNING):
        spherical_overdensity(right, right.halos(0))
    assert not caplog.records
    wrong = write_dark_halo(tmp_path / "b", halo, mass=2e13, r200c=450.0, m200c=2e13)
    with caplog.at_level(logging.WARNING):
        spherical_overdensity(wrong, wrong.halos(0))
    assert "differs by more than 5%" in caplog.text
    assert str(wrong.catalogue_path) in caplog.text


def test_too_small_a_reach_is_refused(tmp_path):
    sim = write_dark_halo(tmp_path, isothermal_halo(10, 100.0))
    assert isinstance(sim, simulation.Simulation)
    with pytest.raises(ParameterError, match="reach"):
        spherical_overdensity(sim, sim.halos(0), reach=1.0)
