"""Every parameter through every door: what is typed means the same, or is refused by its name."""

import copy
import functools

import papermill.cli
import pytest
from click.testing import CliRunner

from cgmhelpers import cli
from cgmhelpers.errors import ParameterError
from cgmhelpers.runs import core_schema, notebooks, parameters, profiles

FIELDS = parameters.Parameters.model_fields
PATHS = {"profile", "runs", "data_root"}
"""Any text is a path, that of a list too."""

# Of each parameter a right value as YAML, its meaning, and a value out of range.
TABLE = {
    "run": ("r2", "r2", "../up"),
    "runs": ("/r", "/r", "''"),
    "data_root": ("/data", "/data", "''"),
    "suites": ("[SIMBA]", ["SIMBA"], "[]"),
    "set_name": ("LH", "LH", "a/b"),
    "realisations": ("[0, 2]", [0, 2], "-1"),
    "snapshot": ("90", 90, "1000"),
    "volume": ("L25n256", "L25n256", ".."),
    "also": ("[]", [], "[{set_name: LH, realisations: 0}]"),
    "electrons": ("per_hydrogen", "per_hydrogen", "per_helium"),
    "minimum_log_mass": ("12", 12.0, "7.5"),
    "mock_cells": ("30000", 30000, "10"),
    "mock_seed": ("010", 10, "-1"),
    "fields": ("[hi, xray]", ["xray", "hi"], "[radio]"),
    "map_fields": ("[hi, xray]", ["xray", "hi"], "[xray]"),
    "limits": ("[survey, observed]", ["observed", "survey"], "[none]"),
    "instruments": ("[erosita_erass1]", ["erosita_erass1"], "[]"),
    "redshifts": ("[0.02, 0.1]", [0.02, 0.1], "[0.1, 0.02]"),
    "exposures": ("[1, 2]", [1.0, 2.0], "[0, 1]"),
    "sky_map_size": ("16", 16, "48"),
    "sky_epochs": ("2", 2, "0"),
    "pixels": ("128", 128, "4"),
    "pixel_size": ("1e1", 10.0, "0"),
    "depth": ("500.5", 500.5, "-1"),
    "hydrogen_method": ("snapshot", "snapshot", "magic"),
    "map_size": ("16", 16, "48"),
    "split_by": ("halo", "halo", "galaxy"),
    "seed": ("1732870000", 1732870000, "20241129093000"),
    "channels": ("3", 3, "0"),
    "epochs": ("2", 2, "0"),
    "batch_size": ("64", 64, "1"),
    "learning_rate": ("1e-3", 1e-3, "0"),
    "weight_decay": ("0", 0.0, "-1e-3"),
    "dropout": (".5", 0.5, "1"),
    "schedule": ("cyclic", "cyclic", "square"),
    "augmentation": ("false", False, "maybe"),
    "trials": ("4", 4, "0"),
    "trial_epochs": ("4", 4, "0"),
    "trial_map_size": ("32", 32, "7"),
    "comparison_suites": ("[SIMBA]", ["SIMBA"], "[]"),
    "members": ("3", 3, "1"),
    "posterior_steps": ("9", 9, "0"),
    "sources": ("[SIMBA]", ["SIMBA"], "[]"),
    "target": ("SIMBA", "SIMBA", "Eagle"),
    "adaptation": ("dann", "dann", "magic"),
    "adaptation_weight": ("1", 1.0, "-1"),
    "posterior": ("in_domain", "in_domain", "wide"),
    "workers": ("0", 0, "-1"),
    "ranges": ("{f_cgm: [0, .5]}", {"f_cgm": [0.0, 0.5]}, "{f_cgm: [0.1, 0.5]}"),
    "accelerator": ("cpu", "cpu", "abacus"),
    "devices": ("2", 2, "0"),
    "precision": ("64-true", "64-true", "8-false"),
    "cluster": ("none", "none", "''"),
}
NULLABLE = {"data_root", "electrons", "cluster", "sources", "target"}
REFUSED = "refused"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Read each YAML once: the profile's takes longest."""
    parse = functools.cache(core_schema.parse)
    monkeypatch.setattr(profiles, "parse", lambda *given: copy.deepcopy(parse(*given)))


def outcome(name, profile="smoke", **given):
    try:
        return getattr(profiles.read(profile, **given), name)
    except ParameterError as error:
        told = str(error)
        assert name.removesuffix("s") in told or "mock" in told, told
        assert told.count("Found:") == 1, told
        assert "pydantic" not in told, told
        return REFUSED


def through_set(name, text, folder):
    return outcome(name, **cli.options.overrides([f"{name}={text}"]))


def through_profile(name, text, folder):
    lines = (profiles.profile_path("smoke")).read_text().splitlines()
    path = folder / "mine.yml"
    lines = [one for one in lines if not one.startswith(f"{name}:")]
    path.write_text("\n".join([*lines, f"{name}: {text}"]))
    return outcome(name, path)


def through_papermill(options, name):
    """Let papermill read its options, and inject what it read into a cell that is then read."""
    seen = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(papermill.cli, "execute_notebook", lambda **given: seen.update(given))
        done = CliRunner().invoke(papermill.cli.papermill, ["in.ipynb", "out.ipynb", *options])
    if done.exit_code:
        return REFUSED  # papermill's own YAML
    cell = "\n".join(f"{key} = {value!r}" for key, value in seen["parameters"].items())
    return through_cell(name, cell)


def through_cell(name, cell):
    cells = ["profile = 'smoke'", cell, "start(globals())"]
    namespace = {}
    exec("\n".join(cells[:2]), namespace)
    names = notebooks._parameter_names(cells)
    return outcome(name, **{one: namespace[one] for one in names - {"profile"}})


def through_p(name, text, folder):
    text = "None" if text == "null" else text.strip("'\"") or text
    return through_papermill(["-p", name, text], name)


def through_y(name, text, folder):
    return through_papermill(["-y", f"{name}: {text}"], name)


def through_f(name, text, folder):
    (folder / "given.yml").write_text(f"{name}: {text}")
    return through_papermill(["-f", str(folder / "given.yml")], name)


def as_python(name, text, folder):
    return through_cell(name, f"{name} = {core_schema.YAML(typ='safe', pure=True).load(text)!r}")


DOORS = [through_set, through_profile, through_p, through_y, through_f, as_python]


def test_the_table_has_every_parameter():
    assert set(TABLE) == set(FIELDS) - {"profile"}


@pytest.mark.parametrize("name", TABLE)
def test_a_value_means_the_same_through_every_door(name, tmp_path):
    right, meaning, out_of_range = TABLE[name]
    listed = isinstance(meaning, list)
    number = isinstance(meaning, int | float) and not isinstance(meaning, bool)
    cases = {right: meaning, out_of_range: REFUSED, "null": None if name in NULLABLE else REFUSED}
    if name not in {*PATHS, "cluster"}:
        cases["{a: 1}"] = REFUSED  # of a wrong type
    if listed and name != "also":
        cases[f'"{right}"'] = meaning  # a list as a text
        cases[f"'{right[1:-1]}'"] = meaning
    elif name not in {*PATHS, "cluster", "also", "realisations"}:
        cases["'[a, b]'"] = REFUSED
    if number:
        cases[f"'{right}'"] = meaning  # a number as a text
    for text, expected in cases.items():
        for door in DOORS:
            if (name, door) == ("mock_seed", through_y) or (name, door) == ("mock_seed", through_f):
                continue  # papermill reads 010 as YAML 1.1 does, which the book says
            if text == "''" and door is through_p:
                continue  # a shell's empty word
            assert door(name, text, tmp_path) == expected, (door.__name__, text)
