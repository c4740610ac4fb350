"""The type of a parameter says what a text or a value means."""

import numpy as np
import pytest

from cgmhelpers.runs import core_schema, profiles
from cgmhelpers.runs.parameters import Simulations

ALSO = [Simulations(set_name="LH", realisations=2)]


@pytest.mark.parametrize(
    ("given", "meant"), [('["xray"]', ["xray"]), ("xray", ["xray"]), ("hi, xray", ["xray", "hi"])]
)
def test_lists_from_a_command_line(given, meant):
    assert profiles.read("quick", fields=given).fields == meant


def test_the_order_of_a_list_without_one_has_no_effect():
    orders = {"fields": "hi,xray", "limits": "survey,ideal", "realisations": [4, 0, 2]}
    other = {"fields": "xray,hi", "limits": "ideal,survey", "realisations": [0, 2, 4]}
    assert profiles.read("quick", **orders) == profiles.read("quick", **other)


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("seed", "010", 10),  # 8 in YAML 1.1
        ("seed", "0o10", 8),
        ("learning_rate", "1e-3", 1e-3),  # a text in YAML 1.1
        ("learning_rate", "3", 3.0),
        ("run", "2024", "2024"),
        ("run", "010", "010"),
        ("run", "1e5", "1e5"),
        ("run", "no", "no"),  # False in YAML 1.1
        ("run", "2024-01-01", "2024-01-01"),  # a date in YAML 1.1
        ("run", "true", "true"),
        ("set_name", "LH", "LH"),
        ("augmentation", "False", False),
        ("realisations", "3", 3),
        ("realisations", "0,2", [0, 2]),
        ("realisations", "[010, 02]", [2, 10]),
        ("cluster", "none", "none"),
        ("cluster", "null", None),
        ("cluster", "", None),
        ("cluster", "'null'", "null"),
        ("suites", "[SIMBA]", ["SIMBA"]),
        ("also", "[{set_name: LH, realisations: '2'}]", ALSO),
    ],
)
def test_texts_are_typed_by_the_parameter(name, text, meant, mine):
    assert getattr(profiles.read("quick", **{name: core_schema.parse(text, "")}), name) == meant
    lines = [one for one in mine.read_text().splitlines() if not one.startswith(f"{name}:")]
    mine.write_text("\n".join([*lines, f"{name}: {text}"]))
    assert getattr(profiles.read(mine), name) == meant


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("run", 2024, "2024"),
        ("epochs", "3", 3),
        ("epochs", np.int64(3), 3),
        ("depth", np.float32(8), 8.0),
        ("realisations", range(1, 3), [1, 2]),
        ("realisations", np.arange(2), [0, 1]),
        ("suites", ("SIMBA",), ["SIMBA"]),
        ("augmentation", "false", False),
    ],
)
def test_values_of_a_cell_are_typed_by_the_parameter(name, value, meant):
    assert getattr(profiles.read("quick", **{name: value}), name) == meant
