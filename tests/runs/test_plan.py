"""Stages of a run are listed before any of them is made."""

import pytest

from cgmhelpers.runs import profiles
from cgmhelpers.runs.plan import Plan


def test_the_plan_of_each_profile_without_files(tmp_path):
    for profile in ("smoke", "quick", "mock"):
        p = profiles.read(profile)
        plan = Plan(p, tmp_path).steps()
        simulations = len(p.suites) * len(p.boxes)
        networks = len(p.suites) * len(p.field_sets) * len(p.limits)
        expected = {
            "Mock simulations": simulations, "Halos": simulations, "Maps": simulations,
            "Networks": networks, "Networks of the ensembles": len(p.suites) * (p.members - 1),
            "Posteriors": len(p.suites), "Trust": len(p.limits), "Tuning": 1,
        }  # fmt: skip
        assert {name: len(plan[name]) for name in expected} == expected
        paths = [one.path for chosen in plan.values() for one in chosen]
        assert len(set(paths)) == len(paths)
        trained = sum(len(one) for name, one in plan.items() if name.startswith("Networks"))
        assert len(plan["Predictions"]) == trained
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"realisations": 3}, "realisation"),
        ({"realisations": 2}, "halo"),
        ({"set_name": "1P", "realisations": 5}, "halo"),  # one seed
        ({"realisations": 5, "split_by": "seed"}, "seed"),
    ],
)
def test_the_network_of_all_suites_learns_from_no_twins(options, expected, tmp_path):
    options = {"split_by": "halo"} | options
    one = Plan(profiles.read("smoke", suites=["IllustrisTNG", "SIMBA"], **options), tmp_path)
    assert one.sky_training().task.split_by == expected
    assert one.training("SIMBA").task.split_by == options["split_by"]
