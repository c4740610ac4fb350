"""What is kept of a run can be read again, is small, and says what made it."""

import json

import numpy as np
import pandas as pd
import pytest

from cgmhelpers.halos.properties import NAMES
from cgmhelpers.paper import claims, statements
from cgmhelpers.runs import judging, results


class Run:
    """The tables of a run without the run."""

    source, is_mock = "mock suite, 3 realisations per suite", True

    class parameters:
        profile, limits = "smoke", ["ideal", "survey"]
        realisations, mock_cells, map_size, channels, epochs = 3, 60_000, 32, 4, 3
        split_by, seed = "realisation", 1

    def predictions(self):
        rng = np.random.default_rng(1)
        rows = []
        for test in ("SIMBA", "Astrid"):
            halos = pd.DataFrame({"group": range(20)})
            halos = halos.assign(suite=test, set_name="CV", realisation=2, suite_test=test)
            halos["log_mass"] = rng.uniform(11.5, 14, 20)
            halos["halo_class"] = "l_star"
            for train in ("SIMBA", "Astrid"):
                for limits in ("ideal", "survey"):
                    for name in NAMES:
                        truth = rng.uniform(0, 1, 20)
                        own = halos.assign(suite_train=train, limits=limits, fields="xray")
                        own = own.assign(property=name, part="test", truth=truth, std=0.1)
                        rows.append(own.assign(mean=truth + 0.1 * rng.standard_normal(20)))
        return pd.concat(rows, ignore_index=True)

    def halos(self):
        halos = self.predictions().drop_duplicates(["suite", "group"])
        return halos[["suite", "realisation", "group", "log_mass", "halo_class"]]

    def maps(self):
        return {}

    def histories(self):
        return {}


@pytest.fixture
def run(monkeypatch):
    one = Run()
    totals = one.halos().assign(xray=1e-12)
    monkeypatch.setattr(results.summaries, "suite_totals", lambda stores: totals)
    return one


def test_what_is_written_is_read_again(run, tmp_path):
    assert results.read(tmp_path) == ({}, {})
    results.write(run, "cgm results --profile smoke", tmp_path)
    note, tables = results.read(tmp_path)
    assert note["command"] == "cgm results --profile smoke"
    assert note["profile"] == "smoke"
    assert note["mock"] is True
    assert note["halos"] == 40
    assert note["parameters"]["realisations"] == 3
    assert note["made with"]["packages"]["numpy"] == np.__version__
    expected = results.summary(run)
    assert set(tables) == set(results.TABLES) == set(expected)
    for name, table in tables.items():
        assert list(table.columns) == list(expected[name].columns)
        assert len(table) == len(expected[name]) > 0
    np.testing.assert_allclose(tables["metrics"]["rmse"], expected["metrics"]["rmse"], rtol=1e-3)
    assert tables["claims"]["number"].tolist() == [one.number for one in statements.CLAIMS]
    assert not list(tmp_path.glob(".part*"))


def test_metrics_hold_every_network_at_home_and_the_masses_abroad(run):
    metrics = results.summary(run)["metrics"]
    home = metrics["suite_train"] == metrics["suite_test"]
    assert home.sum() == 2 * 2 * 6
    abroad = metrics[~home]
    assert set(abroad["property"]) == {"log_m_halo", "log_m_cgm"}
    assert set(abroad["limits"]) == {"survey"}


def test_the_note_is_plain_json(run, tmp_path):
    results.write(run, "cgm results", tmp_path)
    text = (tmp_path / "results.json").read_text()
    assert json.loads(text)["date"].count("-") == 2


def test_what_the_book_keeps_is_small_and_whole():
    note, tables = results.read()
    if not note:
        pytest.skip("no run was kept yet")
    folder = results._folder(None)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 60_000
    others = {path.name for path in folder.glob("left_out*")}  # of `judging`
    assert {path.name for path in folder.iterdir()} == others | {
        "results.json",
        *(f"{n}.csv" for n in tables),
    }
    assert set(tables["claims"]["verdict"]) <= set(claims.VERDICTS)
    assert tables["claims"]["number"].tolist() == [one.number for one in statements.CLAIMS]
    assert note["command"].startswith("cgm results")


def test_tables_of_a_suite_left_out_are_read_as_they_were_written(experiment, tmp_path):
    results.write_left_out(experiment, "cgm robust", tmp_path)
    note, tables = results.read_left_out(tmp_path)
    assert (note["command"], note["suites"], note["seeds"]) == ("cgm robust", ["Astrid"], 1)
    expected = judging.tables(experiment)
    assert set(tables) == set(expected)
    for name, table in tables.items():
        assert list(table.columns) == list(expected[name].columns)
        numbers = list(table.select_dtypes("number"))
        np.testing.assert_allclose(table[numbers], expected[name][numbers], rtol=1e-3)
