"""Sums of the one pass against brute force, in a box of random particles and many halos."""

import numpy as np
import pandas as pd
from helpers.analytic_halos import BOX, directions, to_code_density, to_code_length, to_code_mass
from helpers.camels_files import write_catalogue, write_snapshot

from cgmhelpers.halos import properties, reading
from cgmhelpers.halos.classes import centres
from cgmhelpers.halos.measuring import REACH, measure
from cgmhelpers.simulations.simulation import Simulation


def write_box(folder, number=30_000, halos=25):
    """Particles of all kinds about halos that overlap, and that cross the edges of the box."""
    rng = np.random.default_rng(3)
    centre = rng.uniform(-2000, 2000, (halos, 3))  # kpc/h
    types = {}
    for kind in (0, 1, 4, 5):
        away = directions(number, seed=kind) * rng.uniform(0, 500, (number, 1))
        types[kind] = {
            "Coordinates": (centre[rng.integers(halos, size=number)] + away) % BOX,
            "Masses": rng.uniform(0.5, 1.5, number) * to_code_mass(1e9),
        }
    types[0] |= {
        "Density": np.full(number, to_code_density(1e-27)),
        "InternalEnergy": 10 ** rng.uniform(1, 4.5, number),
        "ElectronAbundance": np.ones(number),
        "StarFormationRate": np.where(rng.random(number) < 0.1, 1.0, 0.0),
        "GFM_Metallicity": rng.uniform(0, 0.03, number).astype("f4"),
    }
    types[4]["GFM_StellarFormationTime"] = rng.uniform(-0.2, 1, number)  # a sixth is wind
    write_snapshot(folder / "s.hdf5", types)
    radius = to_code_length(rng.uniform(100, 400, halos))
    write_catalogue(folder / "g.hdf5", centre % BOX, radius=radius)
    return Simulation.from_files(folder / "s.hdf5", folder / "g.hdf5", "IllustrisTNG", cutout=True)


def brute_force(sim, table):
    """The six properties, one halo at a time; and the mass of all kinds within radii."""
    gas = sim.particles("gas", ("position", "mass", "star_formation_rate", "metallicity",
                                "temperature"))  # fmt: skip
    others = [sim.particles(kind) for kind in ("dark_matter", "stars", "wind")]
    holes, rows, enclosed = sim.particles("black_holes"), [], []
    for centre, virial in zip(centres(table), table["r200c"], strict=True):

        def distance(particles, centre=centre):
            away = particles.position - centre
            return np.linalg.norm(away - sim.header.box_size * np.rint(away / sim.header.box_size),
                                  axis=1)  # fmt: skip

        far = distance(gas)
        mass = gas.mass.astype(float)
        quiet = gas.star_formation_rate == 0
        inner = quiet & (far < 200)
        total = mass[far < virial].sum() + sum(
            one.mass[distance(one) < virial].sum(dtype=float) for one in others
        )
        rows.append(
            {
                "log_m_halo": np.log10(total),
                "f_cgm": mass[quiet & (far < virial)].sum() / total,
                "log_z_cgm": np.log10(np.average(gas.metallicity[inner], weights=mass[inner])),
                "log_m_cgm": np.log10(mass[inner].sum()),
                "f_cool": mass[inner & (gas.temperature < 1e5)].sum() / mass[inner].sum(),
                "log_t_cgm": np.log10(np.average(gas.temperature[inner], weights=mass[inner])),
            }
        )
        kinds = [(distance(one), one.mass) for one in (gas, *others, holes)]
        enclosed.append(
            lambda r, kinds=kinds: sum(mass[far < r].sum(dtype=float) for far, mass in kinds)
        )
    return pd.DataFrame(rows), enclosed


def test_one_pass_equals_brute_force(tmp_path, monkeypatch):
    sim = write_box(tmp_path)
    table = sim.halos(1e10)
    assert len(table) == 25
    monkeypatch.setattr(reading, "ROWS", 7001)  # several pieces, the last of them short
    found = measure(sim, table, progress=False)
    expected, enclosed = brute_force(sim, table)
    assert expected["f_cool"].between(0.01, 0.99).all()
    # A particle within 1e-7 of an edge may fall to either side, but here there is none.
    np.testing.assert_allclose(
        properties.from_sums(found.sums), expected[list(properties.NAMES)], rtol=1e-6
    )
    known = np.flatnonzero(np.isfinite(found.m200c))
    assert len(known) > 5
    for halo in known:
        # Between two radii of the profile, which are this far apart, the mass is interpolated.
        step = REACH * table["r200c"][halo] / 400
        low, high = (enclosed[halo](found.r200c[halo] + side * step) for side in (-1, 1))
        assert low * 0.99 <= found.m200c[halo] <= high * 1.01
