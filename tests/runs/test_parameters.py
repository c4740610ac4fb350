"""Profiles, overrides, and what a notebook's names mean."""

import pytest

from cgmhelpers.errors import DataNotFoundError, ParameterError
from cgmhelpers.runs import parameters

PROFILES = sorted(
    path.stem for path in (parameters.project_root() / "book" / "parameters").glob("*.yml")
)


def test_the_four_profiles_are_there():
    assert PROFILES == ["camels", "mock", "quick", "smoke"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_valid(profile):
    read = parameters.read(profile)
    assert read.run == read.profile == profile
    assert read.suites == ["IllustrisTNG", "SIMBA", "Astrid"]


def test_overrides_win_and_none_leaves_the_profile():
    read = parameters.read("quick", epochs=3, fields=None)
    assert read.epochs == 3
    assert read.fields == parameters.read("quick").fields


@pytest.mark.parametrize(
    ("given", "meant"), [('["xray"]', ["xray"]), ("xray", ["xray"]), ("hi, xray", ["xray", "hi"])]
)
def test_lists_from_a_command_line(given, meant):
    assert parameters.read("quick", fields=given).fields == meant


def test_field_sets_are_each_alone_and_all_together():
    assert parameters.read("quick").field_sets == [("xray",), ("hi",), ("xray", "hi")]
    assert parameters.read("quick", fields=["hi"]).field_sets == [("hi",)]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"epoch": 3}, "epoch"),
        ({"epochs": "three"}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"epochs": 0}, "epochs"),
        ({"fields": ["radio"]}, "radio"),
        ({"limits": ["none"]}, "limits"),
        ({"map_size": 48}, "map_size"),
        ({"split_by": "galaxy"}, "split_by"),
    ],
)
def test_unknown_and_wrong_parameters_are_named(wrong, named):
    with pytest.raises(ParameterError, match=named):
        parameters.read("quick", **wrong)


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(DataNotFoundError, match=r"quickly.*smoke"):
        parameters.read("quickly")


def test_a_profile_anywhere(tmp_path):
    text = (parameters.project_root() / "book/parameters/quick.yml").read_text()
    mine = tmp_path / "mine.yml"
    mine.write_text(text.replace("epochs:", "epochs: 7 #"))
    read = parameters.read(str(mine))
    assert (read.run, read.epochs) == ("mine", 7)


def test_a_notebooks_namespace():
    namespace = {"profile": "quick", "epochs": 4, "fields": None, "_hidden": 1, "module": pytest}
    assert parameters.from_namespace(namespace).epochs == 4
    with pytest.raises(ParameterError, match="epcohs"):
        parameters.from_namespace(namespace | {"epcohs": 4})
    with pytest.raises(ParameterError, match="profile"):
        parameters.from_namespace({"epochs": 4})
