"""Stages of a small run: made once, resumed, and remade when what they depend on changes."""

import os
import shutil

import numpy as np
import pytest

from cgmhelpers.errors import DataNotFoundError, ParameterError, ResultError
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.runs import data_plan, network_stages, notebooks
from cgmhelpers.runs.plan import SINGLE_PROPERTIES
from cgmhelpers.runs.run import Run


def open_run(folder, **overrides):
    return Run.from_profile(
        "smoke",
        **{
            "runs": str(folder),
            "suites": ["IllustrisTNG", "SIMBA"],
            "realisations": 1,
            "mock_cells": 20_000,
            "pixels": 32,
            "pixel_size": 16.0,
            "map_size": 32,
            "fields": ["xray"],
            "limits": ["ideal"],
            "split_by": "halo",
            "channels": 2,
            "epochs": 1,
            "batch_size": 16,
            "workers": 1,
            **overrides,
        },
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    one = open_run(tmp_path_factory.mktemp("runs"))
    one.predictions()
    return one


def times(folder):
    return {
        path.relative_to(folder): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name != "provenance.jsonl"
    }


def test_the_folder_holds_what_the_architecture_says(run):
    names = {path.name for path in run.folder.iterdir()}
    assert names == {
        "provenance.jsonl",
        "mock",
        "halos",
        "maps",
        "networks",
        "predictions",
    }
    assert not list(run.folder.rglob(".part-*"))


def test_halos_come_with_their_properties(run):
    table = run.halos()
    assert set(table["suite"]) == {"IllustrisTNG", "SIMBA"}
    assert np.isfinite(table[list(NAMES)]).all().all()
    assert (table["log_mass"] >= 11.5).all()


def test_every_network_is_tested_on_every_suite(run):
    table = run.predictions()
    pairs = set(zip(table["suite_train"], table["suite_test"], strict=True))
    assert len(pairs) == 4
    assert set(table["property"]) == set(NAMES)
    assert (table["std"] > 0).all()


def test_a_second_call_makes_nothing(run):
    before = times(run.folder)
    again = open_run(run.folder.parent)
    again.predictions()
    assert times(run.folder) == before


def test_touched_copied_and_archived_inputs_make_nothing_again(run, tmp_path):
    """The same with files of the run, and with a data root."""
    root, mock = tmp_path / "data", run.folder / "mock"
    shutil.copytree(mock, root)
    of_root = {"run": "archived", "data_root": str(root)}
    opened = open_run(run.folder.parent, **of_root)
    opened.maps()
    before = times(run.folder), times(opened.folder)
    for path in [*root.rglob("*.hdf5"), *mock.rglob("*.hdf5")]:
        os.utime(path, (1e9, 1e9))
    touched = times(run.folder)
    moved = root.rename(tmp_path / "moved")
    for options in ({}, of_root | {"data_root": str(moved)}):
        open_run(run.folder.parent, **options).maps()
    assert (times(run.folder), times(opened.folder)) == (touched, before[1])
    archived = mock.rename(tmp_path / "archive")
    for options in ({}, of_root):
        again = open_run(run.folder.parent, **options)
        again.maps()
        assert again.is_mock
        assert again.box_size == pytest.approx(25000 / 0.6711)  # kpc
    with pytest.raises(DataNotFoundError, match="data"):
        open_run(run.folder.parent, **of_root, minimum_log_mass=11.6).halos()
    with pytest.raises(DataNotFoundError, match="nowhere"):
        open_run(run.folder.parent, run="archived", data_root=str(tmp_path / "nowhere")).halos()
    assert times(opened.folder) == before[1]
    assert not mock.exists()
    archived.rename(mock)
    open_run(run.folder.parent).predictions()
    assert times(run.folder) == touched


def test_what_depends_on_a_changed_parameter_is_remade(run):
    before = times(run.folder)
    open_run(run.folder.parent, epochs=2).networks()
    after = times(run.folder)
    assert {path.parts[0] for path in after if before.get(path) != after[path]} == {"networks"}


def test_an_unfinished_stage_is_finished(run):
    lost = next((run.folder / "predictions").glob("SIMBA*.parquet"))
    kept = next((run.folder / "predictions").glob("IllustrisTNG*.parquet"))
    open_run(run.folder.parent).predictions()
    before = kept.stat().st_mtime_ns
    lost.unlink()
    open_run(run.folder.parent).predictions()
    assert lost.is_file()
    assert kept.stat().st_mtime_ns == before


def test_predictions_are_remade_when_another_suites_maps_changed(run, monkeypatch):
    """The network of IllustrisTNG is the same, but what it is tested on isn't."""
    again = open_run(run.folder.parent)
    again.predictions()
    tested = run.folder / "predictions" / "IllustrisTNG_xray_ideal.parquet"
    network = run.folder / "networks" / "IllustrisTNG_xray_ideal"
    stage = network_stages.Predictions(network, again.maps(), tested)
    assert stage.is_done()
    known = network_stages.stored_fingerprint
    monkeypatch.setattr(
        network_stages,
        "stored_fingerprint",
        lambda store: "remade" if "SIMBA" in store.name else known(store),
    )
    assert not stage.is_done()


def test_to_open_and_to_show_a_run_reads_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(data_plan.simulation, "Simulation", None)  # nobody may open one
    opened = open_run(tmp_path / "runs", data_root=str(tmp_path / "nowhere"))
    assert repr(opened) == "Run(smoke: IllustrisTNG, SIMBA; xray; ideal)"
    assert not (tmp_path / "runs").exists()


def test_maps_depend_on_the_parameters_alone(tmp_path):
    """A run of fewer fields than its profile says in its parameters which maps it uses."""
    given = {"fields": "hi", "runs": str(tmp_path)}
    opened = Run.from_profile("smoke", **given)
    assert opened.parameters.map_fields == ["xray", "hi"]
    assert opened.parameters.fields == ["hi"]
    alone = Run.from_profile("smoke", map_fields=["hi"], **given)
    assert alone.parameters.map_fields == ["hi"]
    with pytest.raises(ParameterError, match="maps must have all fields"):
        Run.from_profile("smoke", map_fields=["xray"], **given)


def test_results_on_the_mock_are_labelled(run):
    assert run.is_mock
    assert "mock" in run.source
    # The same files behind a data root are still the mock.
    elsewhere = open_run(run.folder.parent, run="root", data_root=str(run.folder / "mock"))
    assert elsewhere.is_mock
    assert "mock" in elsewhere.source


def test_a_run_without_halos_says_so(run):
    with pytest.raises(ResultError, match=r"no halo in the sample.*10\^16"):
        open_run(run.folder.parent, run="empty", minimum_log_mass=16.0).halos()


def test_baselines_are_tested_on_the_halos_that_networks_are_tested_on(run):
    networks, simple = run.predictions(), run.baselines()
    keys = ["suite_train", "suite_test", "realisation", "group", "property"]
    for _, own in simple.groupby("method"):
        assert set(map(tuple, own[keys].to_numpy())) == set(map(tuple, networks[keys].to_numpy()))
    before = times(run.folder)
    open_run(run.folder.parent).baselines()
    assert times(run.folder) == before


def test_variants_differ_in_one_thing_and_take_what_the_run_has(run):
    before = times(run.folder)
    table = run.variants()
    assert set(table["variant"]) == {"one property", "split by halo"}  # one realisation: no other
    alone = table[table["variant"] == "one property"]
    assert set(alone["property"]) == set(SINGLE_PROPERTIES)
    assert (alone.groupby("folder")["property"].nunique() == 1).all()
    own = table[table["variant"] == "split by halo"]
    expected = run.predictions()
    expected = expected[expected["suite_train"] == "IllustrisTNG"].reset_index(drop=True)
    assert own[expected.columns].reset_index(drop=True).equals(expected)
    after = times(run.folder)
    assert {path: after[path] for path in before} == before


def test_a_run_of_the_mock_in_another_volume(tmp_path):
    (sim,) = open_run(tmp_path, volume="L50n512", suites=["SIMBA"]).simulations
    assert "L50n512" in sim.snapshot_path.parts
    assert sim.header.box_size * sim.header.hubble == pytest.approx(50_000)
    with pytest.raises(ParameterError, match="no volume 'L100n1024'"):
        open_run(tmp_path, volume="L100n1024")


def test_an_unknown_notebook_is_refused():
    with pytest.raises(ParameterError, match="07_galaxies"):
        notebooks.run_notebooks("smoke", ["07_galaxies"])


def test_figures_are_saved_in_the_run(run):
    from matplotlib.figure import Figure

    path = run.save_figure(Figure(), "test")
    assert path == run.folder / "figures" / "test.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    path.unlink()
    path.parent.rmdir()


def test_a_notebook_shows_its_figures_whatever_the_environment_says(tmp_path):
    """With MPLBACKEND=Agg, as batch systems have it, a kernel shows none by itself."""
    import nbclient
    import nbformat

    cells = (
        f'profile, runs = "smoke", {str(tmp_path)!r}',
        "from cgmhelpers.runs import start\nthis_run = start(globals())",
        "from matplotlib import pyplot as plt\nfigure = plt.figure()\nfigure.add_subplot()",
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    nbclient.NotebookClient(notebook, kernel_name="python3").execute(
        env=os.environ | {"MPLBACKEND": "Agg"}
    )
    assert any("image/png" in output.get("data", {}) for output in notebook.cells[2].outputs)


def test_a_study_ends_with_a_network_and_is_made_once(run):
    from cgmhelpers.inference import prediction
    from cgmhelpers.network import studies

    options = {"trials": 2, "trial_epochs": 1, "trial_map_size": 16}
    study = open_run(run.folder.parent, **options).study("SIMBA")
    assert study.parent == run.folder / "studies" / "SIMBA_xray_ideal"
    best = prediction.load(studies.best(study))
    assert (best.fields, best.size, best.description["suite_train"]) == (("xray",), 16, "SIMBA")
    before = times(study)
    assert open_run(run.folder.parent, **options).study("SIMBA") == study
    assert times(study) == before
    with pytest.raises(ParameterError, match="no such suite"):
        open_run(run.folder.parent).study("EAGLE")


def test_members_and_flows_are_made_once_and_share_the_runs_networks(run):
    run.predictions()  # an earlier test changed them
    before = times(run.folder)
    table = run.ensembles()
    folders = run.posteriors()
    made = times(run.folder)
    assert all(made[path] == before[path] for path in before)
    assert set(table["suite_train"]) == set(folders) == {"IllustrisTNG", "SIMBA"}
    assert (table["std"] >= table["std_epistemic"]).all()
    for folder in folders.values():
        assert (folder / "posterior.json").is_file()
        splits = [(folder.parent / (folder.name + end) / "split.csv").read_text()
                  for end in ("", "_member2")]  # fmt: skip
        assert splits[0] == splits[1]
    again = open_run(run.folder.parent)
    again.ensembles()
    again.posteriors()
    assert times(run.folder) == made
