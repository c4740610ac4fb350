"""Suites left out in turn, on map stores of blobs."""

import pandas as pd
import pytest
from helpers.three_suites import SUITES, opened

from cgmhelpers.errors import ParameterError
from cgmhelpers.network import checkpoint
from cgmhelpers.runs import leaving_out
from cgmhelpers.runs.leaving_out import LeavingOut
from cgmhelpers.runs.run import Run


def test_networks_learn_from_the_sources_and_are_tested_on_all(experiment):
    found = experiment.predictions()
    methods = {"single suite", "pooled", "mmd", "scaling relation", "boosted trees"}
    blind = found[found["track"] == leaving_out.BLIND]
    assert set(blind["method"]) == methods
    assert set(found[found["track"] == leaving_out.SHOWN]["method"]) == {"mmd"}
    assert set(found["left_out"]) == {"Astrid"}
    pooled = blind[blind["method"] == "pooled"]
    assert set(pooled["suite_train"]) == {"IllustrisTNG+SIMBA"}
    assert set(pooled["suite_test"]) == set(SUITES)
    halos = found.groupby(["track", "method", "suite_train"])["group"].count()
    assert halos.nunique() == 1  # the same halos for each network
    assert found["realisation"].nunique() == 1  # one box of three is of the test
    for folder in (experiment.run.folder / "networks").iterdir():
        description = checkpoint.read_description(folder)
        shown = "shown" in folder.name
        assert ("target" in description) == shown
        assert ("Astrid" in description["suite_train"]) is False
        parts = pd.read_csv(folder / checkpoint.SPLIT)
        tested = set(parts[parts["part"] == "test"]["realisation"])
        assert tested == set(found["realisation"])


def test_networks_of_one_suite_are_those_of_the_other_chapters(experiment):
    """Else each chapter would train the other's again, in the same folder."""
    run = experiment.run
    for suite in run.parameters.suites:
        one = run.plan.training(suite)
        assert experiment.training((suite,), "none", 0) == one
        more = experiment.training((suite,), "none", 1)
        assert more.path != one.path
        assert more in run.plan.ensembles()


def test_nested_networks_never_see_what_they_are_tested_on(experiment):
    nested = experiment.nested()
    assert set(nested["suite_test"]) == {"IllustrisTNG", "SIMBA"}
    for row in nested[["suite_train", "suite_test"]].drop_duplicates().itertuples():
        assert row.suite_test not in row.suite_train
        assert "Astrid" not in row.suite_train


def test_networks_are_trained_in_shares_and_their_time_is_told(experiment, tmp_path):
    every = [one.path.name for one in experiment.trainings()]
    shares = [[one.path.name for one in experiment.trainings((k, 3))] for k in (1, 2, 3)]
    assert len(set(every)) == len(every) == 5  # two single suites, pooled, mmd blind and shown
    assert sorted(name for share in shares for name in share) == sorted(every)
    for wrong in ((0, 3), (4, 3)):
        with pytest.raises(ParameterError, match="no such share"):
            experiment.trainings(wrong)
    for one in experiment.trainings():  # as if it had just begun
        (one.path / checkpoint.DESCRIPTION).unlink(missing_ok=True)
    told = []
    made = experiment.train((1, 3), tell=told.append)
    assert [one.name for one in made] == shares[0]
    assert len(told) == 1
    assert told[0].startswith("1 of 2 networks to train, about 0.")
    assert [one.path.name for one in experiment.trainings() if one.is_done()] == shares[0]
    assert experiment.train((1, 3), tell=told.append) == made
    assert len(told) == 1  # nothing is left to train


def test_only_halos_that_all_networks_tested_are_kept():
    def tested(method, trained, halos, left_out="C"):
        return pd.DataFrame({
            "track": "blind", "method": method, "left_out": left_out, "suite_train": trained,
            "seed": 0, "suite_test": "C", "suite": "C", "set_name": "LH", "realisation": halos,
            "group": 0, "property": "f_cgm",
        })  # fmt: skip

    rows = [tested("single suite", "A", [1, 2, 3]), tested("single suite", "B", [2, 3, 4]),
            tested("pooled", "A+B", [2, 3, 5]), tested("varied", "A+B", [3])]  # fmt: skip
    table = pd.concat(rows, ignore_index=True)
    kept = leaving_out.tested_by_all(table, table["method"] != "varied")
    assert kept.groupby(["method", "suite_train"])["realisation"].agg(list).to_dict() == {
        ("single suite", "A"): [2, 3], ("single suite", "B"): [2, 3], ("pooled", "A+B"): [2, 3],
        ("varied", "A+B"): [3],
    }  # fmt: skip
    apart = pd.concat([table, tested("pooled", "B+A", [9])], ignore_index=True)
    with pytest.raises(ParameterError, match="none of C"):
        leaving_out.tested_by_all(apart, apart["method"] != "varied")


def test_experiments_without_sense_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="Unknown ways"):
        LeavingOut(opened(tmp_path), kinds=["magic"])
    two = Run.from_profile("smoke", runs=str(tmp_path), suites=["SIMBA", "Astrid"])
    with pytest.raises(ParameterError, match="left out"):
        LeavingOut(two)
    with pytest.raises(ParameterError, match="left out"):
        LeavingOut(opened(tmp_path), seeds=0)
    with pytest.raises(ParameterError, match="no such suite"):
        LeavingOut(opened(tmp_path), left_out=["Swift-EAGLE"])
    with pytest.raises(ParameterError, match="One suite alone"):
        LeavingOut(opened(tmp_path, sources=["SIMBA"], target="Astrid"))
    with pytest.raises(ParameterError, match=r"Astrid.*SIMBA is left out"):
        LeavingOut(opened(tmp_path, sources=["SIMBA", "Astrid"]), left_out=["SIMBA"])
