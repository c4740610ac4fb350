"""The disagreement of an ensemble as a flag, on halos whose errors are known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cgmhelpers.statistics import reliability


def test_auc_is_that_of_mann_and_whitney():
    generator = np.random.default_rng(1)
    flag = generator.integers(0, 6, size=80)  # with ties
    wanted = generator.random(80) < 0.3
    weights = generator.integers(0, 4, size=80)
    copies = np.repeat(np.arange(80), weights)
    for weight, rows in ((None, np.arange(80)), (weights, copies)):
        yes, no = flag[rows][wanted[rows]], flag[rows][~wanted[rows]]
        expected = stats.mannwhitneyu(yes, no).statistic / (len(yes) * len(no))
        assert reliability.auc(flag, wanted, weight) == pytest.approx(expected)
    assert np.isnan(reliability.auc(flag, np.zeros(80, bool)))
    assert np.isnan(reliability.auc(flag, wanted, wanted.astype(int)))


def test_areas_find_what_a_flag_tells():
    """A flag that is the error tells large errors perfectly; noise tells nothing."""
    generator = np.random.default_rng(2)
    halos = pd.DataFrame(
        {
            "suite": np.repeat(["A", "B"], 300),
            "set_name": "CV",
            "realisation": 0,
            "group": np.arange(600),
            "suite_train": "A",
            "familiar": np.repeat([True, False], 300),
            "error": generator.random(600),
            "aleatoric": generator.random(600),
        }
    )
    halos["epistemic"] = halos["error"]
    found = reliability.areas(halos, draws=200).set_index(["flag", "task"])
    assert found.loc[("epistemic", "large error"), "auc"] == 1
    for key in (("epistemic", "unfamiliar"), ("aleatoric", "unfamiliar"),
                ("aleatoric", "large error")):  # fmt: skip
        assert found.loc[key, "low"] < 0.5 < found.loc[key, "high"]


def test_errors_are_in_units_of_the_ranges():
    keys = {"suite": "A", "set_name": "CV", "realisation": 0, "suite_train": "A",
            "log_mass": 12.0, "halo_class": "l_star"}  # fmt: skip
    table = pd.DataFrame(
        [
            {**keys, "group": 1, "property": "f_cool", "truth": 0.5, "mean": 0.8},
            {**keys, "group": 1, "property": "log_m_halo", "truth": 12.0, "mean": 12 + 0.4 * 2.8},
            {**keys, "group": 2, "property": "f_cool", "truth": np.nan, "mean": 0.8},
            {**keys, "group": 2, "property": "log_m_halo", "truth": 12.0, "mean": 12.0},
        ]
    ).assign(std_aleatoric=0.1, std_epistemic=0.2)
    found = reliability.per_halo(table)
    assert found["group"].tolist() == [1]  # the other has no truth for f_cool
    assert found["error"][0] == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2))
    assert found["epistemic"][0] == pytest.approx(0.2 * np.sqrt((1 + 1 / 2.8**2) / 2))


def test_halos_of_each_suite_of_a_training_are_familiar():
    table = pd.DataFrame({
        "suite": ["A", "B", "C"], "set_name": "CV", "realisation": 0, "group": 0, "log_mass": 12.0,
        "halo_class": "l_star", "suite_train": "A+B", "property": "log_m_halo", "truth": 12.0,
        "mean": 12.1, "std_aleatoric": 0.1, "std_epistemic": 0.1,
    })  # fmt: skip
    assert reliability.per_halo(table)["familiar"].tolist() == [True, True, False]
