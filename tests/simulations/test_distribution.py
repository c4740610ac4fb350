"""Lists of the files to fetch: what is there, what is a part, what fails a check."""

import shlex
import shutil
from urllib.parse import urlsplit

import h5py
import pandas as pd
import pytest
from typer.testing import CliRunner

from cgmhelpers import cli
from cgmhelpers.errors import IncompleteError, ParameterError
from cgmhelpers.mock import writing
from cgmhelpers.simulations import distribution
from cgmhelpers.simulations.opening import opened
from cgmhelpers.simulations.simulation import Simulation

SUITE = "IllustrisTNG"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Seven simulations of which the first is whole, and the others are damaged one by one."""
    root = tmp_path_factory.mktemp("data")
    writing.write(root, (SUITE,), realisations=range(7), cells=20_000, progress=False)
    snapshots = [Simulation(root, SUITE, "CV", number).snapshot_path for number in range(7)]
    catalogues = [Simulation(root, SUITE, "CV", number).catalogue_path for number in range(7)]
    whole = snapshots[1].read_bytes()
    snapshots[1].write_bytes(whole[: len(whole) // 2])  # the connection broke
    snapshots[2].write_text("<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n")
    with h5py.File(snapshots[3], "r+") as file:  # one of two files
        file["Header"].attrs["NumPart_Total"] = 2 * file["Header"].attrs["NumPart_ThisFile"]
        file["Header"].attrs["NumFilesPerSnapshot"] = 2
    with h5py.File(snapshots[4], "r+") as file:  # another simulation's
        file["Header"].attrs["Redshift"] = 0.5
    with h5py.File(catalogues[5], "r+") as file:
        file["Group/Group_M_Crit200"][...] *= 0.8146  # as in the withdrawn catalogues of SIMBA
    catalogues[6].unlink()
    return root


def simulations(root, numbers):
    return [Simulation(root, SUITE, "CV", number) for number in numbers]


def test_states_of_files(root):
    table = distribution.survey(simulations(root, range(8)), progress=False)
    assert tuple(table.columns) == distribution.COLUMNS
    found = table.set_index("file")
    paths = [f"{SUITE}/L25n256/CV/CV_{number}" for number in range(8)]
    states = {kind: table[table["kind"] == kind]["state"].tolist() for kind in set(table["kind"])}
    assert states == {
        "snapshot": ["there", "part", "fails", "part", "fails", "there", "there", "absent"],
        "catalogue": ["there", "there", "there", "there", "there", "fails", "absent", "absent"],
        "table": ["part"],  # the mock's lists seven of these eight
    }
    notes = found["note"]
    assert "truncated file" in notes[f"Sims/{paths[1]}/snapshot_090.hdf5"]
    assert "NumFilesPerSnapshot = 2" in notes[f"Sims/{paths[3]}/snapshot_090.hdf5"]
    assert "redshift 0.5" in notes[f"Sims/{paths[4]}/snapshot_090.hdf5"]
    assert "Crit200" in notes[f"FOF_Subfind/{paths[5]}/groups_090.hdf5"]
    assert "not checked" in notes[f"FOF_Subfind/{paths[2]}/groups_090.hdf5"]
    assert "CV_7" in notes[f"Sims/{SUITE}/L25n256/CV/CosmoAstroSeed_{SUITE}_L25n256_CV.txt"]
    on_disk = root / f"Sims/{paths[0]}/snapshot_090.hdf5"
    assert found.loc[f"Sims/{paths[0]}/snapshot_090.hdf5", "bytes"] == on_disk.stat().st_size
    assert set(table[table["kind"] == "snapshot"]["expected_bytes"]) == {2.6e9}


def test_without_checks_files_are_only_opened(root):
    table = distribution.survey(simulations(root, range(7)), check=False, progress=False)
    states = table[table["kind"] != "table"].groupby("kind")["state"].apply(list)
    assert states["snapshot"] == ["there", "part", "fails", *["there"] * 4]
    assert states["catalogue"] == [*["there"] * 6, "absent"]


def test_lists_are_what_globus_and_wget_take(root, tmp_path):
    table = distribution.survey(simulations(root, (0, 1, 8)), progress=False)
    globus, urls, listing = distribution.write(table, tmp_path)
    wanted = [
        f"Sims/{SUITE}/L25n256/CV/CosmoAstroSeed_{SUITE}_L25n256_CV.txt",
        f"Sims/{SUITE}/L25n256/CV/CV_1/snapshot_090.hdf5",
        f"Sims/{SUITE}/L25n256/CV/CV_8/snapshot_090.hdf5",
        f"FOF_Subfind/{SUITE}/L25n256/CV/CV_8/groups_090.hdf5",
    ]
    # Globus splits each line as a shell does, into a source and a destination.
    assert [shlex.split(line) for line in globus.read_text().splitlines()] == [
        [file, file] for file in wanted
    ]
    server = "https://users.flatironinstitute.org/~camels/"
    assert urls.read_text().splitlines() == [server + file for file in wanted]
    # What wget -x -nH --cut-dirs=1 makes of them lies where the library looks.
    for url in urls.read_text().splitlines():
        cut, _, rest = urlsplit(url).path[1:].partition("/")
        assert (cut, rest in wanted) == ("~camels", True)
    read = pd.read_csv(listing, keep_default_na=False)
    assert read["state"].tolist() == table["state"].tolist()
    said = distribution.summary(table, root, globus, urls)
    assert "3 snapshots, 3 catalogues and 1 tables" in said
    assert (
        f"globus transfer {distribution.COLLECTION}:/ DESTINATION:{root} --batch {globus}" in said
    )
    assert "about 2.72 GB (estimate)" in said  # a snapshot and its catalogue
    assert "first move away" in said
    assert "truncated file" in said


def test_files_that_are_fetched_are_found(root, tmp_path):
    """Put a simulation where the lists say, and it is there."""
    (sim,) = simulations(root, (0,))
    elsewhere = Simulation(tmp_path, SUITE, "CV", 0)
    absent = distribution.survey([elsewhere], progress=False)
    assert set(absent["state"]) == {"absent"}
    sources = distribution.survey([sim], progress=False).set_index("file")["path"]
    for file in absent["file"]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sources[file], tmp_path / file)
    there = distribution.survey([Simulation(tmp_path, SUITE, "CV", 0)], progress=False)
    assert set(there["state"]) == {"there"}
    assert "DESTINATION" not in distribution.summary(there, tmp_path, "a", "b")


@pytest.mark.parametrize(
    ("suite", "set_name", "realisation", "volume", "files"),
    [
        ("Swift-EAGLE", "LH", 7, "L25n256", [
            "Sims/Swift-EAGLE/L25n256/LH/CosmoAstroSeed_SwiftEAGLE_L25n256_LH.txt",
            "Sims/Swift-EAGLE/L25n256/LH/LH_7/snapshot_090.hdf5",
            "FOF_Subfind/Swift-EAGLE/L25n256/LH/LH_7/groups_090.hdf5"]),
        ("IllustrisTNG", "1P", "p15_4", "L50n512", [
            "Sims/IllustrisTNG/L50n512/1P/CosmoAstroSeed_IllustrisTNG_L50n512_1P.txt",
            "Sims/IllustrisTNG/L50n512/1P/1P_p15_4/snapshot_090.hdf5",
            "FOF_Subfind/IllustrisTNG/L50n512/1P/1P_p15_4/groups_090.hdf5"]),
        ("SIMBA_DM", "EX", 3, "L25n256", [
            "Sims/SIMBA/L25n256/EX/CosmoAstroSeed_SIMBA_L25n256_EX.txt",
            "Sims/SIMBA_DM/L25n256/EX/EX_3/snapshot_090.hdf5",
            "FOF_Subfind/SIMBA_DM/L25n256/EX/EX_3/groups_090.hdf5"]),
    ],
)  # fmt: skip
def test_files_of_every_set_and_volume(tmp_path, suite, set_name, realisation, volume, files):
    sim = Simulation(tmp_path, suite, set_name, realisation, volume=volume)
    table = distribution.survey([sim], progress=False)
    assert table["file"].tolist() == files
    assert table["public"].all()
    if volume == "L50n512":  # eight times the volume at the same resolution
        assert table["expected_bytes"][1] == 8 * distribution.SNAPSHOT_BYTES["IllustrisTNG"]


@pytest.mark.parametrize(
    ("suite", "set_name", "realisation", "volume"),
    [
        ("IllustrisTNG", "CV", 27, "L25n256"), ("SIMBA", "SB28", 0, "L25n256"),
        ("SIMBA", "CV", 0, "L50n512"), ("Astrid", "1P", "p9_n2", "L25n256"),
        ("Mine", "CV", 0, "L25n256"), ("IllustrisTNG", "GZ28", 0, "zoom"),
    ],
)  # fmt: skip
def test_what_camels_lacks_is_refused(tmp_path, suite, set_name, realisation, volume):
    sim = Simulation(tmp_path, suite, set_name, realisation, volume=volume)
    with pytest.raises(ParameterError, match=f"CAMELS has no (simulation|{suite})"):
        distribution.survey([sim], progress=False)


def test_private_suites_are_named_and_not_listed(tmp_path):
    sims = [Simulation(tmp_path, suite) for suite in ("Ramses", "SIMBA")]
    table = distribution.survey(sims, progress=False)
    globus, urls, _ = distribution.write(table, tmp_path)
    assert "Ramses" not in globus.read_text() + urls.read_text()
    assert globus.read_text().count("SIMBA/L25n256/CV/CV_0") == 4
    assert "Ramses isn't public" in distribution.summary(table, tmp_path, globus, urls)


def test_the_command_lists_all_files_of_a_profile(tmp_path):
    arguments = ["files", "--set", f"runs={tmp_path}", "--set", f"data_root={tmp_path / 'none'}"]
    result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert "81 snapshots, 81 catalogues and 3 tables" in result.output
    lines = (tmp_path / "camels/files/globus.txt").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 165
    options = ["--set", "set_name=LH", "--set", "realisations=1000", "--out", str(tmp_path / "lh")]
    CliRunner().invoke(cli.app, [*arguments, *options], catch_exceptions=False)
    assert len((tmp_path / "lh/urls.txt").read_text().splitlines()) == 6003
    with pytest.raises(ParameterError, match="mock suite"):
        CliRunner().invoke(
            cli.app, ["files", "--profile", "smoke", "--set", f"runs={tmp_path}"],
            catch_exceptions=False,
        )  # fmt: skip


def test_a_file_that_was_cut_off_is_incomplete(root):
    with pytest.raises(IncompleteError), opened(Simulation(root, SUITE, "CV", 1).snapshot_path):
        pass
