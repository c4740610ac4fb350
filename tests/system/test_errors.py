"""Errors carry their operands, and an unknown name the known one that somebody meant."""

import pytest

from cgmhelpers.emission import fields
from cgmhelpers.errors import (
    LISTED,
    DataNotFoundError,
    ParameterError,
    check_known,
    nearest,
)
from cgmhelpers.maps import projection
from cgmhelpers.mock import writing
from cgmhelpers.runs import notebooks, parameters, profiles
from cgmhelpers.simulations import particles, simulation
from cgmhelpers.sky import instruments

PARAMETERS = list(parameters.Parameters.model_fields)


@pytest.mark.parametrize(
    ("typed", "known", "meant"),
    [
        ("epoch", PARAMETERS, "epochs"),
        ("learning-rate", PARAMETERS, "learning_rate"),
        ("Batch_Size", PARAMETERS, "batch_size"),
        ("rate", PARAMETERS, "learning_rate"),
        ("acelerator", PARAMETERS, "accelerator"),
        ("nworkers", PARAMETERS, "workers"),
        ("TNG", writing.SUITES, "IllustrisTNG"),
        ("eagle", writing.SUITES, "Swift-EAGLE"),
        ("x-ray", fields.FIELDS, "xray"),
        ("quikc", ["camels", "mock", "quick", "smoke"], "quick"),
        ("zzz", PARAMETERS, None),
        ("", PARAMETERS, None),
        (3, ["x", "y", "z"], None),
    ],
)
def test_the_nearest_name(typed, known, meant):
    assert nearest(typed, known) == meant


@pytest.mark.parametrize(
    ("call", "question"),
    [
        (lambda: fields.get("x-ray"), "xray"),
        (lambda: fields.get("hi").with_options(methods="trident"), "method"),
        (lambda: fields.get("hi").limit("surveys"), "survey"),
        (lambda: projection.images._backend("numbas"), "numba"),
        (lambda: writing.write("nowhere", suites=("Simba",)), "SIMBA"),
        (lambda: particles.type_of("star"), "stars"),
        (lambda: instruments.load("erosita"), "erosita"),
        (lambda: profiles.profile_path("quik"), "quick"),
        (lambda: profiles.read("smoke", suites=["Simba"]), "SIMBA"),
        (lambda: profiles.read("smoke", epoch=3), "epochs"),
        (lambda: profiles.read("smoke", limits=["surveys"]), "survey"),
        (lambda: profiles.read("smoke", schedule="onecycle"), "one_cycle"),
        (lambda: notebooks.run_notebooks("smoke", ["claims"]), "claims"),
    ],
)
def test_everywhere_the_nearest_name_and_no_list(call, question):
    with pytest.raises((ParameterError, DataNotFoundError), match="Did you mean") as error:
        call()
    assert question in error.value.remedy
    assert "one of" not in str(error.value)


def test_a_folder_of_nearly_that_name(tmp_path):
    (tmp_path / "Sims" / "IllustrisTNG" / "L25n256" / "CV" / "CV_1").mkdir(parents=True)
    with pytest.raises(DataNotFoundError, match="Did you mean IllustrisTNG"):
        _ = simulation.Simulation(tmp_path, "TNG", "CV", 1).snapshot_files
    with pytest.raises(DataNotFoundError, match="Check the data root"):
        _ = simulation.Simulation(tmp_path, "IllustrisTNG", "CV", 2).snapshot_files


def test_short_lists_are_shown_and_long_ones_are_not():
    check_known(["a", "b"], "abc", "Fine.")
    with pytest.raises(ParameterError, match=r"Found: 'zz', 'yy'. Expected: one of a, b.$"):
        check_known(["zz", "a", "yy"], "ab", "Unknown.")
    many = [f"name{number:02d}" for number in range(LISTED + 1)]
    with pytest.raises(ParameterError, match=r"Found: 'zz'. See the list.$"):
        check_known("zz", many, "Unknown.", remedy="See the list.")
