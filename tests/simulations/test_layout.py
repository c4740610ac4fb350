"""Where files lie: volumes, sets, parts, and numbers that mean a redshift."""

import shutil
from itertools import pairwise

import numpy as np
import pytest
from helpers.camels_files import gas_columns, write_catalogue, write_snapshot

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.simulations import layout
from cgmhelpers.simulations.discovery import discover
from cgmhelpers.simulations.simulation import Simulation

FIRST_RELEASE = {
    "IllustrisTNG": ("snap_033.hdf5", "fof_subhalo_tab_033.hdf5"),
    "SIMBA": ("snap_033.hdf5", "fof_subhalo_tab_033.hdf5"),
    "Astrid": ("snap_090.hdf5", "fof_subhalo_tab_090.hdf5"),
}


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize("suite", FIRST_RELEASE)
@pytest.mark.parametrize("level", ["", "L25n256/"])
def test_trees_without_a_folder_for_the_set(tmp_path, suite, level):
    snap, tab = FIRST_RELEASE[suite]
    snapshot = touch(tmp_path / f"Sims/{suite}/{level}LH_7/{snap}")
    catalogue = touch(tmp_path / f"FOF_Subfind/{suite}/{level}LH_7/{tab}")
    (sim,) = discover(tmp_path, (suite,), "LH")
    assert (sim.name, sim.snapshot_path, sim.catalogue_path) == (
        f"{suite}/LH_7",
        snapshot,
        catalogue,
    )


def test_the_twin_of_dark_matter_has_the_old_numbers_too(tmp_path):
    path = touch(tmp_path / "Sims/SIMBA_DM/CV_0/snap_033.hdf5")
    assert Simulation(tmp_path, "SIMBA_DM").snapshot_path == path


def test_volumes_are_told_apart(tmp_path):
    for volume in ("L50n512", "L25n256"):
        touch(tmp_path / f"Sims/SIMBA/{volume}/CV/CV_0/snapshot_090.hdf5")
    found = discover(tmp_path, ("SIMBA",))
    assert [sim.name for sim in found] == ["SIMBA/CV_0", "SIMBA/L50n512/CV_0"]
    assert [sim.set_label for sim in found] == ["CV", "L50n512_CV"]
    assert discover(tmp_path, ("SIMBA",), volume="L50n512")[0].name == "SIMBA/L50n512/CV_0"
    assert Simulation(tmp_path, "SIMBA").volume == "L25n256"
    large = Simulation(tmp_path, "SIMBA", volume="L50n512")
    assert "L50n512" in large.snapshot_path.parts
    # A catalogue of the other volume doesn't stand in for the one that lacks.
    touch(tmp_path / "FOF_Subfind/SIMBA/L25n256/CV/CV_0/groups_090.hdf5")
    with pytest.raises(DataNotFoundError, match=r"group catalogue of SIMBA/L50n512/CV_0"):
        _ = large.catalogue_path


def test_a_data_root_that_is_none(tmp_path):
    for root, found in ((tmp_path / "none", "nothing"), (touch(tmp_path / "file"), "a file")):
        with pytest.raises(DataNotFoundError, match=rf"isn't a folder.*{found}"):
            discover(root)


def test_a_folder_in_the_place_of_a_file_is_called_one(tmp_path):
    (tmp_path / "Sims/SIMBA/CV/CV_0/snapshot_090.hdf5").mkdir(parents=True)
    with pytest.raises(DataNotFoundError, match=r"snapshot_090\.hdf5 \(a folder\)"):
        _ = Simulation(tmp_path, "SIMBA").snapshot_path


def test_the_volume_that_is_there_names_the_simulation(tmp_path):
    touch(tmp_path / "Sims/SIMBA/L50n512/CV/CV_0/snapshot_090.hdf5")
    assert Simulation(tmp_path, "SIMBA").name == "SIMBA/L50n512/CV_0"
    with pytest.raises(DataNotFoundError, match="L25n256"):
        _ = Simulation(tmp_path, "SIMBA", volume="L25n256").snapshot_path


def test_spellings_of_the_set_1p_and_zooms(tmp_path):
    names = ["0", "10", "p1_n2", "p1_0", "p1_2", "p2_n1", "p11_1", "1_n5", "1_5"]
    for name in names:
        touch(tmp_path / f"Sims/IllustrisTNG/L25n256/1P/1P_{name}/snapshot_090.hdf5")
    touch(tmp_path / "Sims/IllustrisTNG/L25n256/1P/1P_notes/snapshot_090.hdf5")
    found = [sim.realisation for sim in discover(tmp_path, ("IllustrisTNG",), "1P")]
    assert [str(name) for name in found[:2]] == ["0", "10"]
    assert {str(name) for name in found} == set(names)
    assert found.index("p1_n2") < found.index("p1_0") < found.index("p2_n1") < found.index("p11_1")
    zoom = touch(tmp_path / "Sims/IllustrisTNG/zoom/GZ28/GZ28_3/snapdir_090/snap_090.0.hdf5")
    (sim,) = discover(tmp_path, ("IllustrisTNG",), "GZ28")
    assert (sim.snapshot_path, sim.name) == (zoom, "IllustrisTNG/zoom/GZ28_3")


@pytest.mark.parametrize(
    ("snapshots", "catalogues"),
    [
        ("snapdir_090/snap_090.{}.hdf5", "groups_090/fof_subhalo_tab_090.{}.hdf5"),
        ("snapdir_090/snapshot_090.{}.hdf5", "groups_090/groups_090.{}.hdf5"),
        ("snap_090.{}.hdf5", "fof_subhalo_tab_090.{}.hdf5"),
        ("snapshot_090/snapshot_090.{}.hdf5", "groups_090.{}.hdf5"),
    ],
)
def test_parts_are_found_in_the_order_of_their_numbers(tmp_path, snapshots, catalogues):
    folder = "IllustrisTNG/L50n512/CV/CV_0"
    expected = [touch(tmp_path / "Sims" / folder / snapshots.format(k)) for k in range(12)]
    groups = [touch(tmp_path / "FOF_Subfind" / folder / catalogues.format(k)) for k in range(11)]
    (sim,) = discover(tmp_path, ("IllustrisTNG",))
    assert list(sim.snapshot_files) == expected  # 10 after 9
    assert list(sim.catalogue_files) == groups


def test_a_folder_that_holds_more_than_one_snapshot(tmp_path):
    touch(tmp_path / "snap_032.hdf5")
    touch(tmp_path / "snap_033.hdf5")
    touch(tmp_path / "fof_subhalo_tab_033.hdf5")
    sim = Simulation.from_files(tmp_path, tmp_path)
    with pytest.raises(ParameterError, match=r"more than one snapshot.*snap_032, snap_033"):
        _ = sim.header
    assert sim.catalogue_files == (tmp_path / "fof_subhalo_tab_033.hdf5",)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataNotFoundError, match="holds no snapshot"):
        _ = Simulation.from_files(tmp_path / "none").header


# --- numbers and redshifts ---------------------------------------------------------------------


def at(root, name, redshift, suite="IllustrisTNG"):
    path = root / f"Sims/{suite}/CV/CV_0/{name}"
    write_snapshot(path, {0: gas_columns(10, suite)}, redshift=redshift)


@pytest.mark.parametrize(
    ("name", "snapshot", "redshift"),
    [
        ("snapshot_090.hdf5", 90, 0.0),
        ("snap_033.hdf5", 90, 2e-16),
        ("snap_024.hdf5", 72, 0.5377),
        ("snapshot_072.hdf5", 72, 0.5377),
        ("snap_019.hdf5", 62, 0.9496),
        ("snapshot_050.hdf5", 50, 1.604),
        ("snapshot_000.hdf5", 0, 15.0),
    ],
)
def test_the_number_means_a_redshift(tmp_path, name, snapshot, redshift):
    at(tmp_path, name, redshift)
    sim = Simulation(tmp_path, "IllustrisTNG", snapshot=snapshot)
    assert sim.header.redshift == redshift


@pytest.mark.parametrize(
    ("name", "snapshot", "redshift", "remedy"),
    [
        ("snap_033.hdf5", 90, 3.0, "ask for"),  # number 33 of 91
        ("snap_033.hdf5", 33, 0.0, "ask for 90"),  # number 33 of 34
        ("snap_024.hdf5", 24, 0.54, "ask for 72"),
        ("snapshot_090.hdf5", 90, 0.05, "ask for 88"),
        ("snapshot_050.hdf5", 50, 0.95, "ask for 62"),
        ("snapshot_050.hdf5", 50, 1.667, "ask for 49"),
    ],
)
def test_a_header_of_another_redshift(tmp_path, name, snapshot, redshift, remedy):
    at(tmp_path, name, redshift)
    sim = Simulation(tmp_path, "IllustrisTNG", snapshot=snapshot)
    with pytest.raises(FormatError, match=rf"{name} isn't snapshot {snapshot} .*{remedy}"):
        sim.gas()
    path = sim.snapshot_path
    assert Simulation.from_files(path).header.redshift == redshift  # here nothing was asked


PUBLISHED = {90: 0.0, 88: 0.05, 86: 0.10, 84: 0.15, 82: 0.21, 80: 0.27, 72: 0.54, 62: 0.95,
             44: 2.0, 0: 15.0}  # fmt: skip
"""Number among 91 -> redshift, rounded, as the documentation of CAMELS has them."""


def test_the_number_of_the_nearest_snapshot(tmp_path):
    for snapshot, redshift in PUBLISHED.items():
        assert layout.nearest_snapshot(redshift) == snapshot
    at(tmp_path, "snapshot_099.hdf5", 0.0)
    with pytest.raises(ParameterError, match="no such snapshot"):
        _ = Simulation(tmp_path, "IllustrisTNG", snapshot=99).header


def test_files_that_are_given_have_no_number(tmp_path):
    """A file at z = 0.54 isn't snapshot 90, whatever the number of a tree is by default."""
    write_snapshot(tmp_path / "s.hdf5", {0: gas_columns(10)}, redshift=0.54)
    sim = Simulation.from_files(tmp_path / "s.hdf5", suite="IllustrisTNG")
    assert sim.snapshot is None
    assert repr(sim) == "Simulation(IllustrisTNG/file_0, of given files)"


def test_old_numbers_are_for_suites_that_had_34_snapshots(tmp_path):
    at(tmp_path, "snap_033.hdf5", 0.0, "Astrid")
    with pytest.raises(DataNotFoundError, match=r"snap_033\.hdf5"):
        _ = Simulation(tmp_path, "Astrid").header


# --- parts -------------------------------------------------------------------------------------


def split(columns, number):
    """Rows of columns in parts of unequal size, the second one empty."""
    cuts = np.array([0, 0, *sorted(np.random.default_rng(2).integers(0, 90, number - 2))])
    edges = [0, *cuts[1:], len(columns["Coordinates"])]
    return [
        {name: values[low:high] for name, values in columns.items()}
        for low, high in pairwise(edges)
    ]


@pytest.fixture
def parts(tmp_path):
    """A snapshot and a catalogue, whole and in parts."""
    gas, dark = gas_columns(90, "SIMBA"), {"Coordinates": np.ones((7, 3)), "Masses": np.ones(7)}
    write_snapshot(tmp_path / "whole.hdf5", {0: gas, 1: dark})
    folder = tmp_path / "snapdir_090"
    for number, rows in enumerate(split(gas, 12)):
        types = {0: rows} | ({1: dark} if number == 3 else {})
        types = {kind: columns for kind, columns in types.items() if len(columns["Coordinates"])}
        total = {"number_of_files": 12, "total": [90, 7, 0, 0, 0, 0]}
        write_snapshot(folder / f"snap_090.{number}.hdf5", types, **total)
    places, radii = np.random.default_rng(1).uniform(0, 25e3, (30, 3)), np.linspace(400, 200, 30)
    write_catalogue(tmp_path / "groups.hdf5", places, radius=radii)
    for number, rows in enumerate((slice(0, 11), slice(11, 11), slice(11, 30))):
        path = tmp_path / "groups_090" / f"fof_subhalo_tab_090.{number}.hdf5"
        header = {"Ngroups_ThisFile": len(radii[rows]), "Ngroups_Total": 30, "NumFiles": 3}
        some = (places[rows], None, radii[rows]) if len(radii[rows]) else ()
        write_catalogue(path, *some, header=header)
    return tmp_path


def test_parts_read_as_the_whole(parts):
    whole = Simulation.from_files(parts / "whole.hdf5", parts / "groups.hdf5")
    folders = parts / "snapdir_090", parts / "groups_090"
    listed = [sorted(folder.iterdir(), reverse=True) for folder in folders]  # 9, 8, ..., 11, 10
    stems = parts / "snapdir_090/snap_090", parts / "groups_090/fof_subhalo_tab_090"
    globs = [folder.glob("*.hdf5") for folder in folders]
    for given in (folders, listed, globs, (listed[0][4], listed[1][2]), stems):
        sim = Simulation.from_files(*given)
        assert sim.number("gas") == 90
        for kind in ("gas", "dark_matter", "stars"):
            ours, theirs = sim.particles(kind), whole.particles(kind)
            np.testing.assert_array_equal(ours.position, theirs.position)
            np.testing.assert_array_equal(ours.mass, theirs.mass)
        assert sim.halos(1e11).equals(whole.halos(1e11).assign(suite="unknown"))
    with sim.reading("gas", rows=20) as (read, pieces):
        rows = [read(["mass"], piece) for piece in pieces]
        joined = np.concatenate([part.mass for part in rows])
        np.testing.assert_array_equal(joined, whole.gas(["mass"]).mass)
        np.testing.assert_array_equal(read(["mass"], slice(3, 77)).mass, joined[3:77])
        assert len(read(["mass"], slice(90, 90))) == 0


@pytest.mark.parametrize("kind", ["snapdir_090", "groups_090"])
def test_a_part_that_is_missing_or_foreign(parts, kind):
    folder = parts / kind
    files = sorted(folder.iterdir())

    def read():
        sim = Simulation.from_files(parts / "snapdir_090", parts / "groups_090")
        return sim.halos()

    shutil.move(files[-1], parts / "kept.hdf5")
    with pytest.raises(FormatError, match="aren't a whole"):
        read()
    shutil.copy(files[0], files[-1])  # a part twice in the place of another
    with pytest.raises(FormatError, match="aren't a whole"):
        read()
    shutil.move(parts / "kept.hdf5", files[-1])
    assert len(read())


def test_parts_of_two_snapshots(parts):
    path = parts / "snapdir_090" / "snap_090.1.hdf5"
    write_snapshot(path, {}, redshift=0.1, number_of_files=12, total=[90, 7, 0, 0, 0, 0])
    with pytest.raises(FormatError, match=r"snap_090.1.hdf5.*aren't parts of one.*redshift 0\.1"):
        _ = Simulation.from_files(parts / "snapdir_090").header


def test_a_whole_file_beside_others_with_numbers(tmp_path):
    """``run.1.hdf5`` and ``run.2.hdf5`` may be two snapshots."""
    for number in (1, 2):
        write_snapshot(tmp_path / f"run.{number}.hdf5", {0: gas_columns(10 * number)})
    assert Simulation.from_files(tmp_path / "run.2.hdf5").number("gas") == 20


def test_a_merged_file_keeps_its_number_of_files(tmp_path):
    write_snapshot(tmp_path / "s.hdf5", {0: gas_columns(10)}, number_of_files=16)
    header = {"Ngroups_ThisFile": 2, "Ngroups_Total": 2, "NumFiles": 16}
    write_catalogue(tmp_path / "g.hdf5", [[1, 2, 3], [4, 5, 6]], [300, 400], header=header)
    sim = Simulation.from_files(tmp_path / "s.hdf5", tmp_path / "g.hdf5")
    assert (sim.number("gas"), len(sim.halos())) == (10, 2)
