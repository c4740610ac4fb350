"""The six properties of halos that are known in closed form."""

import numpy as np
import pandas as pd
import pytest
from helpers.analytic_halos import (
    directions,
    isothermal_halo,
    place,
    to_code_length,
    to_code_mass,
)
from helpers.camels_files import write_catalogue, write_snapshot

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos import properties
from cgmhelpers.halos.measuring import APERTURE, SUMS
from cgmhelpers.simulations.discovery import SUITES
from cgmhelpers.simulations.simulation import Simulation

R200C = 350.0
CENTRES = {"inside": (9000.0, 8000.0, 7000.0), "across the edges": (2.0, 37249.0, 1.0)}
TEMPERATURES = 1e4, 1e6  # K, of the cool and of the hot gas
METALS = 1e-3, 1e-2
COOL = 0.25  # fraction of the gas that is cool


def internal_energy(temperature):
    """(km/s)^2 of neutral primordial gas, from T = (gamma - 1) u mu m_p / k_B."""
    from astropy import constants

    factor = 2 / 3 * (4 / (1 + 3 * 0.76)) * constants.m_p / constants.k_B
    return temperature / factor.cgs.value / 1e10


def write_halo(folder, dialect, centre, number=40_000):
    """Isothermal spheres out to 500 kpc: gas 1e12, dark matter 9e12, stars 1e11 Msun.

    Each fourth gas element is cool and metal poor, each tenth forms stars and is therefore no
    CGM gas. Ten percent of the mass in PartType4 of TNG is wind.
    """
    reach = 500.0
    displacement = isothermal_halo(number, reach)
    cool = np.arange(number) % 4 == 0
    forming = np.arange(number) % 10 == 3
    metals = np.where(cool, METALS[0], METALS[1]).astype("f4")
    gas = {
        "Coordinates": place(displacement, centre),
        "Masses": np.full(number, to_code_mass(1e12 / number)),
        "Density": np.full(number, 1e-6),
        "InternalEnergy": internal_energy(np.where(cool, *TEMPERATURES)),
        "ElectronAbundance": np.zeros(number),
        "StarFormationRate": np.where(forming, 0.3, 0.0),
    }
    dark = {
        "Coordinates": place(displacement[:, ::-1], centre),
        "Masses": np.full(number, to_code_mass(9e12 / number)),
    }
    stars = {
        "Coordinates": place(displacement[:, [1, 2, 0]], centre),
        "Masses": np.full(number, to_code_mass(1e11 / number)),
    }
    if dialect == "SIMBA":
        gas["Metallicity"] = np.zeros((number, 11), "f4")
        gas["Metallicity"][:, 0] = metals
        gas["Metallicity"][:, 1] = 0.24  # helium
        stars["StellarFormationTime"] = np.full(number, 0.5)
        gas["Coordinates"] = gas["Coordinates"].astype("f4")
    else:
        gas["GFM_Metallicity"] = metals
        stars["GFM_StellarFormationTime"] = np.where(np.arange(number) % 10 == 0, -0.5, 0.5)
    if dialect != "IllustrisTNG":
        gas["SmoothingLength"] = np.full(number, 5.0)
    holes = {"Coordinates": place(np.zeros((1, 3)), centre), "Masses": np.full(1, 1.0)}
    write_snapshot(
        folder / "snap.hdf5", {0: gas, 1: dark, 4: stars, 5: holes}, as_arrays=dialect == "Astrid"
    )
    empty = (15000.0, 15000.0, 15000.0)
    write_catalogue(
        folder / "tab.hdf5",
        to_code_length([centre, empty]),
        radius=to_code_length([R200C, R200C]),
    )
    return Simulation.from_files(folder / "snap.hdf5", folder / "tab.hdf5", dialect, cutout=True)


@pytest.mark.parametrize("where", CENTRES)
@pytest.mark.parametrize("dialect", SUITES)
def test_isothermal_halo(tmp_path, dialect, where):
    """M(<r) = M r / 500 kpc for each component, so every sum is a product of fractions."""
    sim = write_halo(tmp_path, dialect, CENTRES[where])
    table = sim.halos()
    row = properties.compute(sim, table, progress=False).iloc[0]
    total = (1e12 + 9e12 + 1e11) * R200C / 500
    # Cool elements have even numbers and star-forming ones odd: all cool gas is CGM gas.
    cgm = 0.9
    cool = COOL / cgm
    hot = 1 - cool
    inner = 1e12 * cgm * APERTURE / 500
    # Radii are spaced by 500/40000 kpc: counts within a radius are exact to one in 16000, and
    # float32 places of SIMBA move a few elements across the edge.
    tolerance = 2e-4
    assert 10**row.log_m_halo == pytest.approx(total, rel=tolerance)
    assert row.f_cgm == pytest.approx(1e12 * cgm * R200C / 500 / total, rel=tolerance)
    assert 10**row.log_m_cgm == pytest.approx(inner, rel=tolerance)
    assert row.f_cool == pytest.approx(cool, rel=tolerance)
    metals = cool * METALS[0] + hot * METALS[1]
    assert 10**row.log_z_cgm == pytest.approx(metals, rel=tolerance)
    heat = cool * TEMPERATURES[0] + hot * TEMPERATURES[1]
    assert 10**row.log_t_cgm == pytest.approx(heat, rel=tolerance)


def test_a_halo_without_gas_has_no_ratios(tmp_path):
    sim = write_halo(tmp_path, "SIMBA", CENTRES["inside"])
    empty = properties.compute(sim, sim.halos(), progress=False).iloc[1]
    assert empty.isna().all()


def test_star_forming_gas_would_change_the_answer(tmp_path):
    """Guard: the halo does hold star-forming gas, so leaving it out is being tested."""
    sim = write_halo(tmp_path, "IllustrisTNG", CENTRES["inside"])
    rate = sim.gas(["star_formation_rate"]).star_formation_rate
    assert (rate > 0).mean() == pytest.approx(0.1)


def test_aperture_counts_beyond_the_virial_radius(tmp_path):
    """A small halo's 200 kpc reach beyond its R200c."""
    number = 1000
    gas = {
        "Coordinates": place(150 * directions(number), CENTRES["inside"]),
        "Masses": np.full(number, to_code_mass(1e10 / number)),
        "Density": np.full(number, 1e-6),
        "InternalEnergy": np.full(number, internal_energy(1e6)),
        "ElectronAbundance": np.zeros(number),
        "StarFormationRate": np.zeros(number),
        "GFM_Metallicity": np.full(number, 0.01),
    }
    write_snapshot(tmp_path / "snap.hdf5", {0: gas})
    write_catalogue(
        tmp_path / "tab.hdf5",
        [to_code_length(CENTRES["inside"])],
        radius=to_code_length([100.0]),
    )
    sim = Simulation.from_files(tmp_path / "snap.hdf5", tmp_path / "tab.hdf5", cutout=True)
    row = properties.compute(sim, sim.halos(1e10), progress=False).iloc[0]
    assert np.isnan(row.log_m_halo)
    assert 10**row.log_m_cgm == pytest.approx(1e10, rel=1e-6)


def test_ranges_are_table_1():
    low, high = zip(*properties.ranges().values(), strict=True)
    np.testing.assert_array_equal(low, [11.5, 0.0, -3.6, 8.0, 0.0, 3.9])
    np.testing.assert_array_equal(high, [14.3, 0.23, -1.3, 12.5, 1.0, 7.6])


def test_ranges_can_be_widened_and_no_more():
    assert properties.ranges({"f_cgm": (0, 0.5)}) == properties.ranges() | {"f_cgm": (0.0, 0.5)}
    for wrong in (
        {"f_cgm": (0, 0.2)}, {"f_cgm": (0.1, 0.5)}, {"f_cgm": (0, np.inf)}, {"f_gas": (0, 1)},
        {"log_t_cgm": (np.nan, 9)},
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=r"range|no property"):
            properties.ranges(wrong)


def test_gas_without_metals_has_no_metallicity():
    sums = {name: np.array([2.0, 2.0, 0.0]) for name in SUMS}
    sums["metal"] = np.array([0.0, 1.0, 0.0])
    found = properties.from_sums(pd.DataFrame(sums))
    assert found.isna().to_numpy().tolist() == [
        [name == "log_z_cgm" for name in properties.NAMES],
        [False] * 6,
        [True] * 6,
    ]
