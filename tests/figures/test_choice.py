"""The choice of predictions for a figure of the paper, and the sentence that says what it is."""

import pytest
from helpers.drawings import crowd

from cgmhelpers.figures import choice


@pytest.fixture(scope="module")
def table():
    return crowd()


def test_choice_takes_what_a_figure_shows(table):
    rows, said = choice.choose(table, "Figure 3", ["xray", "hi"], "ideal")
    assert set(rows["fields"]) == {"xray", "hi"}
    assert set(rows["limits"]) == {"ideal"}
    assert (rows["suite_train"] == rows["suite_test"]).all()
    assert said == "Figure 3: X-ray, HI, ideal maps, 900 test halos."
    rows, said = choice.choose(table, "Figure 9", ["xray+hi"], "survey", across=True)
    assert len(rows) == 9 * 6 * 300
    rows, said = choice.choose(table, "Figure 6", ["hi"], "survey", suite="EAGLE")
    assert set(rows["suite_test"]) == {"IllustrisTNG"}
    assert said.endswith("300 test halos of IllustrisTNG.")
    _, said = choice.choose(table, "Figure 6", ["hi"], "survey", suite="SIMBA", source="mock")
    assert said.endswith("300 test halos of mock SIMBA.")


def test_choice_says_what_a_run_lacks(table):
    xray = table[(table["fields"] == "xray") & (table["limits"] == "ideal")]
    rows, said = choice.choose(xray, "Figure 3", ["xray", "hi"], "ideal")
    assert len(rows) == 900 * 6
    assert said.endswith("This run has no HI.")
    rows, said = choice.choose(xray, "Figure 9", ["xray+hi"], "survey", across=True)
    assert rows.empty
    assert said == (
        "Figure 9 is left out: it needs X-ray + HI with survey limits, and this run has X-ray with "
        "ideal maps."
    )
