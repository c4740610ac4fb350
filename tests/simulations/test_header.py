"""Headers as codes and tools write them, and what the units become."""

import h5py
import numpy as np
import pytest
from helpers.camels_files import HUBBLE, KPC_IN_CM, gas_columns, write_snapshot

from cgmhelpers.errors import FormatError
from cgmhelpers.simulations.simulation import Simulation


@pytest.fixture
def path(tmp_path):
    write_snapshot(tmp_path / "snap.hdf5", {0: gas_columns(12)}, redshift=0.5)
    return tmp_path / "snap.hdf5"


def edit(path, **values):
    """Set attributes of the header; None removes one."""
    with h5py.File(path, "r+") as file:
        attributes = file["Header"].attrs
        for name, value in values.items():
            attributes.pop(name, None)
            if value is not None:
                attributes[name] = value


GIZMO = {"Omega_Matter": 0.3, "Omega_Lambda": 0.7, "Omega_Baryon": 0.049}
GADGET = ("Omega0", "OmegaLambda", "OmegaBaryon")
SPELLINGS = {
    "Gadget": {},
    "box of three sides": {"BoxSize": np.full(3, 25000.0)},
    "GIZMO since 2019": GIZMO | dict.fromkeys(GADGET),
    "a converter": {"OmegaM": 0.3, "OmegaB": 0.049, "h": HUBBLE, "HubbleParam": None}
    | dict.fromkeys(GADGET),
    "time alone": {"Redshift": None},
    "EAGLE": {"Redshift": None, "Time": None, "ExpansionFactor": 1 / 1.5},
    "seven types": {"NumPart_ThisFile": [12] + [0] * 6, "NumPart_Total": [12] + [0] * 6},
    "no totals": {"NumPart_Total": None, "NumFilesPerSnapshot": None},
    "totals of zero": {"NumPart_Total": [0] * 6},
    "no files at all": {"NumFilesPerSnapshot": 0},
    "text": {"HubbleParam": np.bytes_(str(HUBBLE)), "Redshift": np.bytes_("0.5")},
    "arrays": {"HubbleParam": [HUBBLE], "NumFilesPerSnapshot": [1], "Redshift": [[0.5]]},
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_one_header_in_many_spellings(path, case):
    expected = Simulation.from_files(path).header
    edit(path, **SPELLINGS[case])
    found = Simulation.from_files(path).header
    for name in ("box_size", "redshift", "hubble", "omega_matter", "omega_lambda", "omega_baryon"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name
    assert found.particle_number == expected.particle_number


def test_a_group_of_cosmology_beside_units_with_h(path):
    expected = Simulation.from_files(path).gas()
    edit(path, HubbleParam=None, Omega0=None, OmegaBaryon=None, Redshift=None, Time=None)
    with h5py.File(path, "r+") as file:
        values = {"h": [HUBBLE], "Omega_m": [0.3], "Omega_b": [0.049], "Redshift": [0.5]}
        file.create_group("Cosmology").attrs.update(values)
    sim = Simulation.from_files(path)
    np.testing.assert_array_equal(sim.gas().position, expected.position)
    assert sim.header.omega_baryon == 0.049


@pytest.mark.parametrize("name", ["UnitLength_in_cm", "UnitLength_In_CGS"])
def test_units_of_another_length(path, name):
    expected = Simulation.from_files(path).header.box_size
    edit(path, UnitLength_in_cm=None, BoxSize=25.0)
    edit(path, **{name: 1000 * KPC_IN_CM})
    assert Simulation.from_files(path).header.box_size == pytest.approx(expected)


def test_a_time_that_contradicts_the_redshift_is_said(path, caplog):
    edit(path, Time=0.5)
    assert Simulation.from_files(path).header.redshift == 0.5
    assert "Redshift 0.5 isn't that of its Time 0.5" in caplog.text


# --- regions that were cut out -------------------------------------------------------------------


def test_a_region_with_the_header_of_the_whole(path):
    """Tools copy the header: its numbers are those of the simulation, not of the region."""
    edit(path, NumPart_ThisFile=[10**6, 10**6, 0, 0, 9, 9], NumPart_Total=[10**7] * 6)
    with pytest.raises(FormatError, match="cutout=True"):
        Simulation.from_files(path).gas()
    sim = Simulation.from_files(path, cutout=True)
    assert (sim.number("gas"), sim.number("dark_matter")) == (12, 0)
    assert len(sim.gas()) == 12


def test_a_region_that_says_so(path):
    edit(path, CutoutType="Subhalo", CutoutID=3, NumPart_Total=[10**7] * 6)
    sim = Simulation.from_files(path, suite="IllustrisTNG")
    assert sim.header.is_cutout
    with h5py.File(path, "r+") as file:
        for name in ("GFM_Metallicity", "GFM_Metals", "Velocities"):
            del file["PartType0"][name]
    sim.check()  # some columns of TNG are enough
    assert sim.gas(["position", "mass", "temperature"]).mass.shape == (12,)


def test_a_file_without_black_holes_is_whole(path, caplog):
    edit(path, NumPart_Total=[12, 0, 0, 0, 0, 627])
    assert Simulation.from_files(path).number("gas") == 12
    assert "none of the types [5]" in caplog.text
