"""Halos whose sums are known in closed form: shells at the quantiles of a mass profile."""

import numpy as np
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM
from helpers.camels_files import HUBBLE, KPC_IN_CM, MASS_IN_G, write_catalogue, write_snapshot

from cgmhelpers.simulations.simulation import Simulation

BOX = 25000.0  # ckpc/h


def directions(number, seed=5):
    """Unit vectors, shape (number, 3)."""
    vectors = np.random.default_rng(seed).normal(size=(number, 3))
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


def isothermal_halo(number, radius):
    """Displacements [kpc] of equal masses with M(<r) proportional to r up to `radius`."""
    quantiles = (np.arange(number) + 0.5) / number
    return directions(number) * (radius * quantiles)[:, None]


def to_code_length(kpc, redshift=0.0):
    """Physical kpc to ckpc/h."""
    return np.asarray(kpc) / (KPC_IN_CM * u.cm.to(u.kpc) / (1 + redshift) / HUBBLE)


def to_code_mass(msun):
    """Msun to 1e10 Msun/h."""
    return np.asarray(msun) / (MASS_IN_G * u.g.to(u.Msun) / HUBBLE)


def to_code_density(cgs):
    """g/cm^3 to (1e10 Msun/h) / (kpc/h)^3 at redshift 0."""
    return np.asarray(cgs) / (MASS_IN_G / HUBBLE / (KPC_IN_CM / HUBBLE) ** 3)


def place(displacement, centre, redshift=0.0):
    """Code coordinates of displacements about a centre [kpc], wrapped into the box."""
    return to_code_length(np.asarray(centre) + displacement, redshift) % BOX


def isothermal_m200c(mass, radius, redshift=0.0):
    """M200c of an isothermal sphere of the given mass [Msun] within the given radius [kpc]."""
    cosmology = FlatLambdaCDM(100 * HUBBLE, 0.3)
    rho = cosmology.critical_density(redshift).to_value("Msun/kpc3")
    return mass**1.5 / np.sqrt(4 / 3 * np.pi * 200 * rho * radius**3)


def write_dark_halo(
    folder, displacement, centre=(5e3, 5e3, 5e3), mass=1e13, r200c=450.0, m200c=None, redshift=0.0
):
    """Write a simulation of one halo of dark matter; `m200c` None gives the analytic one."""
    number = len(displacement)
    dark = {
        "Coordinates": place(displacement, centre, redshift),
        "Masses": np.full(number, to_code_mass(mass / number)),
    }
    write_snapshot(folder / "snapshot.hdf5", {1: dark}, redshift=redshift)
    outer = np.linalg.norm(displacement, axis=1).max()
    m200c = isothermal_m200c(mass, outer, redshift) if m200c is None else m200c
    write_catalogue(
        folder / "groups.hdf5",
        [to_code_length(centre, redshift)],
        [to_code_mass(m200c)],
        redshift=redshift,
    )
    return Simulation.from_files(
        folder / "snapshot.hdf5", folder / "groups.hdf5", "test", cutout=True
    )
