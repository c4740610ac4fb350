"""What elements deposit, on closed forms by astropy's units."""

import types

import astropy.units as u
import numpy as np
import pytest
from astropy import constants
from helpers.camels_files import gas_columns, write_catalogue, write_snapshot

from cgmhelpers.emission import bands, deposits, fields
from cgmhelpers.maps import making
from cgmhelpers.maps.projection.frame import Frame
from cgmhelpers.maps.projection.images import project

NOW, EARLIER = (types.SimpleNamespace(redshift=z) for z in (0.0, 1.0))
ATOM = constants.m_p + constants.m_e
SINGLE = 1e-6  # float32 columns


def hot_gas(number=1, **changes):
    """Equal elements of fully ionised gas of a group's atmosphere."""
    columns = {
        "mass": 1e7,
        "density": 1e-27,
        "temperature": 1e7,
        "metallicity": 0.004,
        "electron_abundance": 1.16,
        "hydrogen_fraction": 0.75,
        "star_formation_rate": 0.0,
    } | changes
    return {name: np.full(number, value, dtype=np.float32) for name, value in columns.items()}


def compton_of_pressure(electron_pressure, length):
    """Compton's y along a path of uniform electron pressure."""
    y = constants.sigma_T / (constants.m_e * constants.c**2) * electron_pressure * length
    return y.to_value(u.dimensionless_unscaled)


def electron_pressure(gas):
    density = float(gas["density"][0]) * u.g / u.cm**3
    electrons = density * float(gas["hydrogen_fraction"][0]) / ATOM
    electrons *= float(gas["electron_abundance"][0])
    return electrons * constants.k_B * float(gas["temperature"][0]) * u.K


def test_compton_parameter_of_an_element_of_uniform_pressure():
    """Seen as a cube of side L, it has y = sigma_T P_e L / (m_e c^2) on an area of L^2."""
    gas = hot_gas()
    volume = float(gas["mass"][0]) * u.Msun / (float(gas["density"][0]) * u.g / u.cm**3)
    side = np.cbrt(volume)
    expected = compton_of_pressure(electron_pressure(gas), side) * (side**2).to_value(u.kpc**2)
    found = deposits.compton_area(gas, NOW)
    assert found == pytest.approx([expected], rel=SINGLE)
    assert 1e-8 < expected < 1e-3  # kpc2: such an element over its 60 kpc2 is y of 1e-8
    # Neither redshift nor the shape of the element counts, but its heat does.
    assert deposits.compton_area(gas, EARLIER) == found
    assert deposits.compton_area(hot_gas(density=1e-25), NOW) == found
    for name, factor in (("mass", 2), ("temperature", 3), ("electron_abundance", 0.5)):
        more = hot_gas(**{name: float(gas[name][0]) * factor})
        assert deposits.compton_area(more, NOW) == pytest.approx(factor * found, rel=SINGLE)


def test_compton_parameter_of_coma():
    """A beta model like Coma's, in closed form: y0 of a few 1e-5, at the right order of units.

    n_e(r) = n0 (1 + r^2/rc^2)^(-3 beta / 2); Birkinshaw (1999, Phys. Rep. 310, 97):
    y0 = n0 rc sqrt(pi) Gamma(3 beta / 2 - 1/2) / Gamma(3 beta / 2) sigma_T k T / (m_e c^2).
    """
    from scipy.special import gamma

    core, beta, edge, shells = 290.0, 0.75, 6000.0, 200_000
    r = (np.arange(shells) + 0.5) * edge / shells
    electrons = 3.4e-3 * (1 + (r / core) ** 2) ** (-1.5 * beta) / u.cm**3
    density = (electrons * ATOM / 1.16).to_value(u.Msun / u.kpc**3)  # of hydrogen alone
    temperature = (8.2 * u.keV / constants.k_B).to_value(u.K)
    # A sight line through the centre: elements in a column of 1 kpc2.
    gas = {
        "mass": 2 * density * edge / shells,
        "temperature": np.full(shells, temperature),
        "electron_abundance": np.full(shells, 1.16),
        "hydrogen_fraction": np.ones(shells),
        "star_formation_rate": np.zeros(shells),
    }
    found = deposits.compton_area(gas, NOW).sum()
    central = 3.4e-3 / u.cm**3 * core * u.kpc * constants.sigma_T * 8.2 * u.keV
    central /= constants.m_e * constants.c**2
    expected = central.to_value(u.dimensionless_unscaled) * np.sqrt(np.pi)
    expected *= gamma(1.5 * beta - 0.5) / gamma(1.5 * beta)
    # The edge cuts (rc / edge)^(3 beta - 1) = 2% of the integral's scale.
    assert found == pytest.approx(expected, rel=0.03)
    assert 5e-5 < found < 2e-4


def test_star_forming_gas_has_no_pressure_of_its_own():
    gas = hot_gas(3)
    gas["star_formation_rate"][1] = 0.1
    found = deposits.compton_area(gas, NOW)
    assert found[1] == 0
    assert found[0] == found[2] > 0


def test_compton_map_of_a_uniform_medium(tmp_path):
    """From file to map: a lattice of equal cells has y = sigma_T P_e 2 D / (m_e c^2) everywhere."""
    spacing, reach, depth = 24.0, 192.0, 96.0  # kpc/h
    line = np.arange(-reach, reach, spacing) + spacing / 2
    centre = np.array([12000.0, 9000.0, 20.0])  # across an edge of the box
    lattice = np.stack(np.meshgrid(line, line, line), axis=-1).reshape(-1, 3)
    columns = gas_columns(len(lattice))
    columns["Coordinates"] = (centre + lattice) % 25000.0
    columns["StarFormationRate"][:] = 0
    columns["Masses"][:] = 1e-3
    columns["Density"] = np.full(len(lattice), 1e-3 / spacing**3, "f4")
    columns["InternalEnergy"][:] = 1e5
    columns["ElectronAbundance"][:] = 1.1
    columns["GFM_Metals"][:, 0] = 0.75
    # Kernels of three spacings, so that the lattice hardly shows.
    columns["SmoothingLength"] = np.full(len(lattice), 3 * spacing, "f4")
    write_snapshot(tmp_path / "s.hdf5", {0: columns})
    write_catalogue(tmp_path / "g.hdf5", [centre], radius=[200.0])
    from cgmhelpers.simulations.simulation import Simulation

    sim = Simulation.from_files(tmp_path / "s.hdf5", tmp_path / "g.hdf5", cutout=True)
    per_kpc = 0.6711  # kpc/h in a kpc, but for the file's own kpc, 1e-7 from the IAU's
    frame = {"pixels": 16, "pixel_size": 8.0, "depth": depth / per_kpc}
    ds = making.make(sim, ("compton_y",), **frame, progress=False)
    gas = sim.gas()
    expected = compton_of_pressure(electron_pressure(gas), 2 * depth / per_kpc * u.kpc)
    assert ds["image"].size == 3 * 16 * 16
    # Ripple of the lattice, and pixels to 8e-4 (both as for the uniform slab of test_projection).
    np.testing.assert_allclose(ds["image"], expected, rtol=3e-3)
    assert ds.attrs["units"] == '{"compton_y": ""}'
    assert 1e-9 < expected < 1e-4


def test_compton_map_keeps_the_sum():
    gas = hot_gas(20)
    rng = np.random.default_rng(4)
    area = deposits.compton_area(gas, NOW)
    field = fields.get("compton_y")
    image = project(rng.uniform(-40, 40, (20, 3)), np.full(20, 9.0), area[:, None], Frame(32, 4.0))
    image = image * field.per_area(NOW)
    # To float32's rounding of a stamp.
    np.testing.assert_allclose(image.sum((2, 3)) * 16, area.sum(), rtol=2e-7)


def test_oxygen_band_is_the_part_of_the_soft_band_that_its_name_says():
    oxygen, broad = fields.get("oxygen"), fields.get("xray")
    temperature = 10 ** np.array([5.7, 6.2, 6.5, 7.0, 7.5])
    gas = hot_gas(5) | {"temperature": temperature}
    narrow, soft = oxygen.deposit(gas, NOW), broad.deposit(gas, NOW)
    assert (narrow > 0).all()
    assert (narrow < soft).all()
    assert np.array_equal(narrow, bands.load_band(0.55, 0.68).luminosity(gas))
    # Half and more of the soft band at 1.5e6 K, where O VII and O VIII peak; little at 1e7 K.
    share = narrow / soft
    assert share.argmax() in (0, 1)
    assert share[1] > 0.5
    assert share[3] < 0.15
    # Of lines of a metal: without metals little of it is left there.
    poor = hot_gas(5, metallicity=0.0) | {"temperature": temperature}
    assert oxygen.deposit(poor, NOW)[1] < 0.1 * narrow[1]
    assert oxygen.per_area(EARLIER) == broad.per_area(EARLIER)


def test_limits_of_the_new_fields_are_of_the_order_that_they_are_cited_for():
    """The adopted numbers, from the instruments' own."""
    # White noise of 6.3 uK arcmin (goal at 145 GHz) in a beam of 1.4 arcmin, as y: the spectral
    # function of the effect is x coth(x/2) - 4.
    noise = 6.3e-6 * u.K / 1.4
    background = 2.7255 * u.K
    x = (constants.h * 145 * u.GHz / (constants.k_B * background)).to_value("")
    y = (noise / background).to_value("") / abs(x / np.tanh(x / 2) - 4)
    assert fields.get("compton_y").survey_limit == pytest.approx(y, rel=1)
    # Ten photons of 0.6 keV in 1 Ms, 1500 cm2, and 15 arcsec squared.
    brightness = 10 * 0.6 * u.keV / (1 * u.Ms * 1500 * u.cm**2 * (15 * u.arcsec) ** 2)
    limit = u.Quantity(fields.get("oxygen").survey_limit, fields.get("oxygen").unit)
    assert limit.to_value(u.erg / u.s / u.cm**2 / u.arcmin**2) == pytest.approx(
        brightness.to_value(u.erg / u.s / u.cm**2 / u.arcmin**2), rel=0.1
    )
