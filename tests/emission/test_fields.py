"""Fields: what they deposit, and the factors to the units of maps."""

import dataclasses
import types

import astropy.constants
import astropy.units as u
import matplotlib
import numpy as np
import pytest

from cgmhelpers.emission import bands, deposits, fields, hydrogen
from cgmhelpers.errors import ParameterError
from cgmhelpers.runs import profiles

NOW, EARLIER = (types.SimpleNamespace(redshift=z) for z in (0.0, 1.0))


@pytest.fixture
def gas():
    """Four elements: hot, warm, star-forming, and cold dense gas (float32 as files have it)."""
    columns = {
        "mass": [1e7, 2e7, 1e7, 3e6],
        "density": [1e-27, 1e-28, 1e-24, 1e-24],
        "temperature": [1e7, 1e5, 1e7, 9e3],
        "metallicity": [0.003, 0.001, 0.02, 0.02],
        "electron_abundance": [1.16, 1.16, 1.0, 0.1],
        "hydrogen_fraction": [0.76, 0.75, 0.74, 0.73],
        "star_formation_rate": [0.0, 0.0, 0.5, 0.0],
        "neutral_hydrogen_abundance": [1e-8, 1e-5, 0.9, 0.8],
    }
    return {name: np.array(values, dtype=np.float32) for name, values in columns.items()}


def test_every_field_is_complete():
    assert list(fields.FIELDS)[:2] == ["xray", "hi"]
    assert {"compton_y", "oxygen"} < set(fields.FIELDS)
    for name, field in fields.FIELDS.items():
        assert field.name == name
        u.Unit(field.unit)
        # What is deposited per area is in the map's unit, up to a constant of the right kind.
        assert u.Unit(field.deposit_unit) != u.dimensionless_unscaled
        assert field.title
        assert field.dynamic_range > 10
        assert 0 < field.floor < field.survey_limit
        assert (field.limit("ideal"), field.limit("survey")) == (field.floor, field.survey_limit)
        assert field.colour_map in matplotlib.colormaps
        assert fields.get(name) is field
        assert len({field, fields.get(name)}) == 1


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ParameterError, match="xray, hi"):
        fields.get("gamma")
    with pytest.raises(ParameterError, match="one of ideal, survey"):
        fields.get("hi").limit("perfect")


@pytest.mark.parametrize("name", fields.FIELDS)
def test_deposit_reads_only_its_columns(gas, name):
    field = fields.get(name)
    needed = {column: gas[column] for column in field.columns}
    deposit = field.deposit(needed, NOW)
    assert deposit.shape == (4,)
    assert deposit.dtype == np.float64
    assert (deposit >= 0).all()
    assert deposit.max() > 0


def test_deposits_are_those_of_the_physics_modules(gas):
    luminosity = bands.load_band(0.5, 2.0).luminosity(gas)
    assert np.array_equal(fields.get("xray").deposit(gas, NOW), luminosity)
    narrow = fields.get("xray").deposit(gas, NOW, emin=0.55, emax=0.68)
    assert 0 < narrow[0] < luminosity[0]
    hi = fields.get("hi")
    assert np.array_equal(hi.deposit(gas, EARLIER), hydrogen.neutral_mass(gas, 1.0))
    assert not np.array_equal(hi.deposit(gas, EARLIER), hi.deposit(gas, NOW))
    by_snapshot = hi.with_options(method="snapshot")
    stored = {column: gas[column] for column in by_snapshot.columns}
    expected = gas["mass"] * gas["hydrogen_fraction"] * gas["neutral_hydrogen_abundance"]
    # float32 products on the one side, float64 on the other.
    assert by_snapshot.deposit(stored, NOW) == pytest.approx(expected, rel=1e-6)


def test_surface_brightness_of_a_luminous_slab():
    """A slab of 1e36 erg/s/kpc2 radiates evenly into 4 pi; counted at any distance, by hand."""
    factor = fields.get("xray").per_area(NOW)
    distance, side = 1 * u.Mpc, 1 * u.kpc
    flux = 1e36 * u.erg / u.s / (4 * np.pi * distance**2)
    solid_angle = ((side / distance).to(u.dimensionless_unscaled) * u.rad) ** 2
    expected = (flux / solid_angle).to_value(fields.get("xray").unit)
    assert factor * 1e36 == pytest.approx(expected, rel=1e-12)
    # The arcmin2 in sr that the literature quotes, to its five digits.
    sterad = factor * 4 * np.pi * (1 * u.kpc).to_value(u.cm) ** 2
    assert sterad == pytest.approx(8.4616e-8, rel=1e-5)


def test_surface_brightness_dims_with_the_fourth_power_of_redshift():
    """Tolman (1930): equals L / (4 pi d_L^2) over A / d_A^2 in any expanding universe."""
    from astropy.cosmology import FlatLambdaCDM

    cosmology = FlatLambdaCDM(H0=67.11, Om0=0.3)
    per_area = fields.get("xray").per_area
    dimming = (cosmology.angular_diameter_distance(1) / cosmology.luminosity_distance(1)) ** 2
    assert per_area(EARLIER) / per_area(NOW) == pytest.approx(dimming.value, rel=1e-12)


def test_column_density_counts_atoms():
    factor = fields.get("hi").per_area(NOW)
    surface = (1 * u.Msun / u.kpc**2).to_value(u.g / u.cm**2)
    # Hydrogen's atomic weight; the binding energy, 1e-8 of it, isn't subtracted in m_p + m_e.
    atom = 1.00782503 * astropy.constants.u.cgs.value
    assert factor == pytest.approx(surface / atom, rel=1e-7)
    assert fields.get("hi").per_area(EARLIER) == factor


def test_adopted_numbers_say_where_they_come_from():
    known = {"paper", "restored", "adopted"}
    for group in fields.adopted().values():
        for entry in group.values():
            assert set(entry) == {"value", "unit", "status", "meaning"}
            assert entry["status"] in known
    assert fields.adopted_value("frame", "depth") == 1000.0
    for name in fields.FIELDS:
        for number in ("floor", "survey_limit"):
            # A number that the paper doesn't print is never passed off as the paper's.
            assert fields.adopted()[name][number]["status"] == "adopted"
            assert fields.adopted()[name][number]["unit"] == fields.get(name).unit
        assert fields.adopted_value(name, "survey_limit") == fields.get(name).survey_limit


def test_a_new_field_is_one_declaration(gas):
    field = fields.Field(
        name="gas",
        label="Gas",
        unit="cm-2",
        columns=("mass",),
        deposit=lambda gas, header: np.asarray(gas["mass"], dtype=float),
        per_area=deposits.column_density_per_area,
        floor=1.0,
        survey_limit=2.0,
        survey="none",
        colour_map="gray",
    )
    assert field.with_options() is field
    assert field.title == "gas"
    assert field.deposit(gas, NOW).sum() == pytest.approx(float(gas["mass"].sum()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        field.floor = 0.0


def test_every_field_can_be_chosen_for_a_run():
    """In each notebook `fields` is a parameter of this model; text is what papermill gives."""
    names = list(fields.FIELDS)
    for given in (names, ",".join(names), str(names)):
        assert profiles.read("smoke", fields=given).fields == names
    chosen = profiles.read("smoke", fields="compton_y,oxygen")
    assert chosen.field_sets == [("compton_y",), ("oxygen",), ("compton_y", "oxygen")]
