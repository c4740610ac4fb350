"""The reader, on files written by hand in the units and names of each code."""

import h5py
import hdf5plugin
import numpy as np
import pytest
from astropy import constants
from astropy import units as u
from helpers.camels_files import (
    HUBBLE,
    KPC_IN_CM,
    MASS_IN_G,
    gas_columns,
    radius_of,
    write_catalogue,
    write_snapshot,
)

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.simulations.discovery import SUITES, discover
from cgmhelpers.simulations.simulation import GAS_COLUMNS, Simulation

LAYOUTS = {
    "present": (
        "Sims/{s}/L25n256/CV/CV_3/snapshot_090.hdf5",
        "FOF_Subfind/{s}/L25n256/CV/CV_3/groups_090.hdf5",
    ),
    "no volume": (
        "Sims/{s}/CV/CV_3/snapshot_090.hdf5",
        "FOF_Subfind/{s}/CV/CV_3/groups_090.hdf5",
    ),
    "before 2024": (
        "Sims/{s}/CV/CV_3/{snap}",
        "FOF_Subfind/{s}/CV/CV_3/{tab}",
    ),
    "one folder": (
        "Sims/{s}/L25n256/CV/CV_3/snapshot_090.hdf5",
        "Sims/{s}/L25n256/CV/CV_3/groups_090.hdf5",
    ),
    "one folder before 2024": ("{s}/CV/CV_3/{snap}", "{s}/CV/CV_3/{tab}"),
    "second volume": (
        "Sims/{s}/L50n512/CV/CV_3/snapshot_090.hdf5",
        "FOF_Subfind/{s}/L50n512/CV/CV_3/groups_090.hdf5",
    ),
}
OLD_NAMES = {
    "IllustrisTNG": ("snap_033.hdf5", "fof_subhalo_tab_033.hdf5"),
    "SIMBA": ("snap_033.hdf5", "fof_subhalo_tab_033.hdf5"),
    "Astrid": ("snap_090.hdf5", "fof_subhalo_tab_090.hdf5"),
}


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_are_found_in_every_layout(tmp_path, suite, layout):
    snap, tab = OLD_NAMES[suite]
    paths = [tmp_path / part.format(s=suite, snap=snap, tab=tab) for part in LAYOUTS[layout]]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    sim = Simulation(tmp_path, suite, "CV", 3)
    assert [sim.snapshot_path, sim.catalogue_path] == paths
    level = "L50n512/" if layout == "second volume" else ""
    assert [found.name for found in discover(tmp_path, (suite,))] == [f"{suite}/{level}CV_3"]


def test_named_realisations_and_other_suites(tmp_path):
    path = tmp_path / "Sims/Swift-EAGLE/L25n256/1P/1P_p1_n2/snapshot_090.hdf5"
    path.parent.mkdir(parents=True)
    path.touch()
    sim = Simulation(tmp_path, "Swift-EAGLE", "1P", "p1_n2")
    assert sim.snapshot_path == path
    assert discover(tmp_path, ("Swift-EAGLE",), "1P")[0].realisation == "p1_n2"


def test_a_missing_file_says_what_was_there(tmp_path):
    folder = tmp_path / "Sims/SIMBA/L25n256/CV/CV_0"
    folder.mkdir(parents=True)
    (folder / "snapshot_014.hdf5").touch()
    with pytest.raises(DataNotFoundError, match=r"snapshot_014.*expected|Expected") as caught:
        _ = Simulation(tmp_path, "SIMBA").header
    assert "snapshot_090.hdf5" in str(caught.value)


def simulation(tmp_path, dialect, number=400, **options):
    columns = gas_columns(number, dialect)
    path = tmp_path / f"{dialect}.hdf5"
    write_snapshot(path, {0: columns}, as_arrays=dialect == "Astrid", **options)
    return Simulation.from_files(path, suite=dialect), columns


@pytest.mark.parametrize("dialect", SUITES)
@pytest.mark.parametrize("redshift", [0.0, 1.0])
def test_gas_in_physical_units(tmp_path, dialect, redshift):
    sim, raw = simulation(tmp_path, dialect, redshift=redshift)
    gas = sim.gas()
    assert len(gas) == 400
    assert set(gas) == set(GAS_COLUMNS)
    a = 1 / (1 + redshift)
    length = KPC_IN_CM * u.cm.to(u.kpc) * a / HUBBLE
    mass = MASS_IN_G * u.g.to(u.Msun) / HUBBLE
    density = MASS_IN_G / HUBBLE / (KPC_IN_CM * a / HUBBLE) ** 3
    single = 1e-6  # float32 columns: a few roundings of 6e-8
    np.testing.assert_allclose(gas.position, raw["Coordinates"] * length, rtol=single)
    np.testing.assert_allclose(gas.mass, raw["Masses"] * mass, rtol=single)
    np.testing.assert_allclose(gas.density, raw["Density"] * density, rtol=single)
    assert sim.header.box_size == pytest.approx(25000 * length)
    assert sim.header.redshift == redshift

    x_e = raw["ElectronAbundance"].astype(float)
    mu = 4 / (1 + 3 * 0.76 + 4 * 0.76 * x_e)
    energy = raw["InternalEnergy"].astype(float) * (u.km / u.s) ** 2
    expected = (2 / 3 * energy * mu * constants.m_p / constants.k_B).to_value(u.K)
    np.testing.assert_allclose(gas.temperature, expected, rtol=single)

    velocity = sim.gas(["velocity"]).velocity
    np.testing.assert_allclose(velocity, raw["Velocities"] * np.sqrt(a), rtol=single)
    if dialect == "SIMBA":
        np.testing.assert_array_equal(gas.metallicity, raw["Metallicity"][:, 0])
        hydrogen = 1 - raw["Metallicity"][:, 0] - raw["Metallicity"][:, 1]
    else:
        np.testing.assert_array_equal(gas.metallicity, raw["GFM_Metallicity"])
        hydrogen = raw["GFM_Metals"][:, 0]
    np.testing.assert_allclose(gas.hydrogen_fraction, hydrogen, rtol=single)
    if dialect == "IllustrisTNG":
        volume = raw["Masses"].astype(float) / raw["Density"] * length**3
        kernel = 2 * (3 * volume / (4 * np.pi)) ** (1 / 3)
    else:
        kernel = raw["SmoothingLength"] * length
    np.testing.assert_allclose(gas.smoothing_length, kernel, rtol=single)


@pytest.mark.parametrize(("dialect", "front_end"), [("IllustrisTNG", "arepo"), ("SIMBA", "gizmo")])
def test_gas_equals_yts(tmp_path, dialect, front_end):
    yt = pytest.importorskip("yt")
    yt.set_log_level("error")
    sim, _ = simulation(tmp_path, dialect)
    # yt's Gizmo front end doesn't read the units from the header.
    units = {
        "UnitLength_in_cm": KPC_IN_CM,
        "UnitMass_in_g": MASS_IN_G,
        "UnitVelocity_in_cm_per_s": 1e5,
    }
    ds = yt.load(str(sim.snapshot_path), unit_base=units)
    assert front_end in type(ds).__name__.lower()
    assert float(ds.domain_width[0].to("kpc")) == pytest.approx(sim.header.box_size, rel=1e-6)
    data = ds.all_data()
    gas = sim.gas((*GAS_COLUMNS, "particle_id"))
    order = np.argsort(data["PartType0", "ParticleIDs"].v)
    tolerance = 1e-5  # float32 columns, and yt's constants differ from CODATA's by 2e-6
    pairs = {
        "mass": (("gas", "mass"), "Msun"),
        "density": (("gas", "density"), "g/cm**3"),
        "temperature": (("gas", "temperature"), "K"),
        "metallicity": (("gas", "metallicity"), "dimensionless"),
        "smoothing_length": (("gas", "smoothing_length"), "kpc"),
    }
    # yt's "proton mass" is that of the hydrogen atom, 6.7e-4 more.
    from yt.utilities.physical_constants import mp

    atom = mp.to_value("g") / constants.m_p.cgs.value
    for name, (field, unit) in pairs.items():
        theirs = data[field].to_value(unit)[order] / (atom if name == "temperature" else 1)
        np.testing.assert_allclose(gas[name], theirs, rtol=tolerance, err_msg=name)
    position = data["gas", "position"].to_value("kpc")[order]
    np.testing.assert_allclose(gas.position, position, rtol=tolerance, atol=0.01)


def test_wind_cells_are_not_stars(tmp_path):
    path = tmp_path / "snapshot.hdf5"
    born = np.array([0.5, -0.2, 0.0, 0.9], "f4")
    stars = {
        "Coordinates": np.arange(12.0).reshape(4, 3),
        "Masses": np.array([1, 2, 3, 4], "f4"),
        "GFM_StellarFormationTime": born,
    }
    write_snapshot(path, {4: stars})
    sim = Simulation.from_files(path)
    unit = MASS_IN_G * u.g.to(u.Msun) / HUBBLE
    np.testing.assert_allclose(sim.particles("stars").mass, np.array([1, 4]) * unit, rtol=1e-6)
    np.testing.assert_allclose(sim.particles("wind").mass, np.array([2, 3]) * unit, rtol=1e-6)


def test_dark_matter_masses_from_the_table_or_from_a_list(tmp_path):
    place = {"Coordinates": np.ones((3, 3))}
    write_snapshot(tmp_path / "a.hdf5", {1: place}, mass_table=[0, 0.00649, 0, 0, 0, 0])
    listed = place | {"Masses": np.full(3, 0.00649, "f4")}
    write_snapshot(tmp_path / "b.hdf5", {1: listed})
    masses = [
        Simulation.from_files(tmp_path / name).particles("dark_matter").mass
        for name in ("a.hdf5", "b.hdf5")
    ]
    expected = 0.00649 * MASS_IN_G * u.g.to(u.Msun) / HUBBLE
    np.testing.assert_allclose(masses, np.full((2, 3), expected), rtol=1e-6)


def test_gas_of_one_mass_that_stands_in_the_header(tmp_path):
    columns = gas_columns(10, "SIMBA")
    columns["Masses"][:] = 2e-3
    write_snapshot(tmp_path / "a.hdf5", {0: columns})
    for name in ("Masses", "SmoothingLength", "Metallicity"):
        columns.pop(name)
    write_snapshot(tmp_path / "b.hdf5", {0: columns}, mass_table=[2e-3, 0, 0, 0, 0, 0])
    sim = Simulation.from_files(tmp_path / "b.hdf5")
    wanted = ["mass", "hydrogen_fraction", "smoothing_length"]
    assert sim.lacks("gas", [*wanted, "metallicity"]) == ["metallicity"]
    found = sim.gas(wanted)
    expected = Simulation.from_files(tmp_path / "a.hdf5").gas(["mass"])
    np.testing.assert_allclose(found.mass, expected.mass, rtol=1e-6)
    assert (found.hydrogen_fraction == 0.76).all()


def test_gadget4_names(tmp_path):
    """Cosmology and units in ``Parameters``, a scalar metallicity, no group without particles."""
    columns = gas_columns(10, "Astrid")
    columns["Metallicity"] = columns.pop("GFM_Metallicity")
    del columns["GFM_Metals"]
    path = tmp_path / "gadget4.hdf5"
    write_snapshot(path, {0: columns})
    with h5py.File(path, "r+") as file:
        moved = file.create_group("Parameters").attrs
        for name in ("HubbleParam", "Omega0", "OmegaLambda", "UnitLength_in_cm", "UnitMass_in_g"):
            moved[name] = file["Header"].attrs[name]
            del file["Header"].attrs[name]
    sim = Simulation.from_files(path)
    gas = sim.gas()
    np.testing.assert_array_equal(gas.metallicity, columns["Metallicity"])
    assert (gas.hydrogen_fraction == np.float32(0.76)).all()
    assert sim.header.hubble == HUBBLE
    assert len(sim.particles("stars")) == 0


@pytest.mark.parametrize(
    "filters",
    [{"compression": "gzip", "chunks": True}, dict(hdf5plugin.Blosc()), dict(hdf5plugin.Zstd())],
    ids=["gzip", "blosc", "zstd"],
)
def test_compressed_files_read_the_same(tmp_path, filters):
    plain, _ = simulation(tmp_path / "plain", "SIMBA")
    packed, _ = simulation(tmp_path / "packed", "SIMBA", filters=filters)
    for name, column in plain.gas().items():
        np.testing.assert_array_equal(column, packed.gas()[name])


def test_pieces_join_to_the_whole(tmp_path):
    sim, _ = simulation(tmp_path, "Astrid")
    with sim.reading("gas", rows=150) as (read, pieces):
        parts = [read(("mass", "position"), rows) for rows in pieces]
    assert [len(part) for part in parts] == [150, 150, 100]
    whole = sim.gas(("mass", "position"))
    np.testing.assert_array_equal(np.concatenate([p.position for p in parts]), whole.position)


def test_only_the_columns_asked_for_are_read(tmp_path):
    sim, _ = simulation(tmp_path, "IllustrisTNG")
    with h5py.File(sim.snapshot_path, "r+") as file:
        del file["PartType0/InternalEnergy"]  # would fail if it were touched
    assert set(sim.gas(["mass"])) == {"mass"}
    with pytest.raises(FormatError, match="InternalEnergy"):
        sim.gas()


def test_halos_in_physical_units(tmp_path):
    sim, _ = simulation(tmp_path, "IllustrisTNG", redshift=1.0)
    catalogue = tmp_path / "groups.hdf5"
    places, masses = [[1, 2, 3], [4, 5, 6], [7, 8, 9]], [0.1, 300, 3000]
    write_catalogue(catalogue, places, masses, redshift=1.0)
    sim = Simulation.from_files(sim.snapshot_path, catalogue, "IllustrisTNG")
    table = sim.halos(minimum_mass=1e11)
    unit = MASS_IN_G * u.g.to(u.Msun) / HUBBLE
    length = KPC_IN_CM * u.cm.to(u.kpc) / 2 / HUBBLE
    assert list(table["group"]) == [1, 2]
    np.testing.assert_allclose(table["m200c"], np.array([300, 3000]) * unit, rtol=1e-6)
    np.testing.assert_allclose(table["r200c"], radius_of([300, 3000], 1.0) * length, rtol=1e-6)
    np.testing.assert_allclose(table[["x", "y", "z"]], np.array([[4, 5, 6], [7, 8, 9]]) * length)
    assert list(table["halo_class"]) == ["l_star", "group"]


def test_a_catalogue_without_halos_is_an_empty_table(tmp_path):
    sim, _ = simulation(tmp_path, "SIMBA")
    write_catalogue(tmp_path / "groups.hdf5")
    sim = Simulation.from_files(sim.snapshot_path, tmp_path / "groups.hdf5")
    table = sim.halos()
    assert len(table) == 0
    assert {"x", "m200c", "halo_class"} <= set(table)


def test_dark_matter_only_snapshots_have_no_gas(tmp_path):
    path = tmp_path / "dark.hdf5"
    write_snapshot(path, {1: {"Coordinates": np.ones((3, 3))}}, mass_table=[0, 1, 0, 0, 0, 0])
    with pytest.raises(FormatError, match=r"holds no gas.*_DM"):
        Simulation.from_files(path).gas()


def test_broken_files_are_named(tmp_path):
    path = tmp_path / "cut.hdf5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n then nothing")
    with pytest.raises(FormatError, match=r"cut\.hdf5 can't be opened as HDF5"):
        _ = Simulation.from_files(path).header

    sim, _ = simulation(tmp_path, "SIMBA")
    with h5py.File(sim.snapshot_path, "r+") as file:
        del file["PartType0/Masses"]
        file["PartType0/Masses"] = np.ones(7)
    with pytest.raises(FormatError, match=r"Masses has the wrong shape.*Found: \(7,\).*400"):
        sim.gas()
    with pytest.raises(ParameterError, match="no column 'colour'"):
        sim.gas(["colour"])
    with pytest.raises(ParameterError, match="no particle kind 'neutrinos'"):
        sim.particles("neutrinos")


def test_a_part_of_a_snapshot_is_refused(tmp_path):
    sim, _ = simulation(tmp_path, "IllustrisTNG")
    with h5py.File(sim.snapshot_path, "r+") as file:
        file["Header"].attrs["NumFilesPerSnapshot"] = 8
        file["Header"].attrs["NumPart_Total"] = [3200, 0, 0, 0, 0, 0]
    with pytest.raises(FormatError, match="NumFilesPerSnapshot = 8"):
        _ = sim.header
