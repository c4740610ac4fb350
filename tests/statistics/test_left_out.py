"""Scores of suites that were left out, from predictions whose scores are known."""

import numpy as np
import pandas as pd
import pytest
import scoringrules

from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.statistics import left_out

WIDTH = {one.name: one.high - one.low for one in PROPERTIES}


def predictions(method, offsets, trained, halos=400, track="blind", seed=1):
    """Halos of four boxes in each suite; offsets are in units of the ranges."""
    rng, tables = np.random.default_rng(seed), []
    for suite, offset in offsets.items():
        for name, width in WIDTH.items():
            error = width * (offset + rng.normal(0, 0.05, halos))
            tables.append(
                pd.DataFrame(
                    {
                        "track": track, "method": method, "left_out": "C", "suite_train": trained,
                        "seed": 0, "suite_test": suite, "suite": suite, "set_name": "CV",
                        "realisation": np.arange(halos) % 4, "group": np.arange(halos) // 4,
                        "property": name, "truth": 1.0, "mean": 1.0 + error, "std": 0.05 * width,
                    }
                )
            )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def table():
    return pd.concat(
        [
            predictions("single suite", {"A": 0.0, "C": 0.3}, "A"),
            predictions("single suite", {"B": 0.0, "C": -0.1}, "B", seed=2),
            predictions("pooled", {"A": 0.01, "B": 0.02, "C": 0.05}, "A+B", seed=3),
        ],
        ignore_index=True,
    )


def test_cells_are_the_closed_forms_of_a_normal_error(table):
    found = left_out.cells(table)
    pooled = left_out.away(found)[lambda some: some["method"] == "pooled"]
    assert len(pooled) == len(WIDTH)
    assert (pooled["n"] == 400).all()
    noise = 0.05 / 20
    assert pooled["bias"].to_numpy() == pytest.approx(0.05, abs=5 * noise)
    assert pooled["rmse"].to_numpy() == pytest.approx(0.05 * 2**0.5, abs=5 * noise)
    assert pooled["chi2"].to_numpy() == pytest.approx(2, abs=0.6)
    # |x| < 1 for x normal about 1: Phi(0) - Phi(-2).
    assert pooled["coverage_68"].to_numpy() == pytest.approx(0.4772, abs=0.1)
    own = table[(table["method"] == "pooled") & (table["suite_test"] == "C")]
    one = own[own["property"] == "log_m_halo"]
    expected = scoringrules.crps_normal(one["truth"], one["mean"], one["std"]).mean()
    row = pooled[pooled["property"] == "log_m_halo"]
    assert row["crps"].item() == pytest.approx(expected / WIDTH["log_m_halo"])


def test_summary_compares_with_single_suites_and_says_what_home_costs(table):
    found = left_out.summary(table, draws=50).set_index("method")
    assert found.loc["single suite", "bias"] == pytest.approx(0.2, abs=0.01)
    assert found.loc["single suite, best", "bias"] == pytest.approx(0.1, abs=0.01)
    assert found.loc["single suite, worst", "bias"] == pytest.approx(0.3, abs=0.01)
    assert found.loc["pooled", "bias"] == pytest.approx(0.05, abs=0.01)
    assert found.loc["pooled", "change"] == pytest.approx(-0.75, abs=0.05)
    low, high = found.loc["pooled", ["change_low", "change_high"]]
    assert low <= found.loc["pooled", "change"] <= high < -0.6
    assert found.loc["single suite", "rmse_home"] == pytest.approx(0.05, abs=0.005)
    assert found.loc["pooled", "rmse_home"] == pytest.approx(0.0525, abs=0.005)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.5, -0.32, "holds"),
        (-0.4, -0.2, "can't be decided"),
        (-0.2, 0.1, "does not hold"),
        (np.nan, np.nan, "can't be decided"),
    ],
)
def test_verdict_follows_the_interval(low, high, expected):
    row = pd.DataFrame([{"method": "mmd", "change_low": low, "change_high": high}])
    assert left_out.verdict(row, "mmd") == expected


def test_a_single_box_has_no_interval(table):
    found = left_out.summary(table[table["realisation"] == 0], draws=5)
    assert found["bias_low"].isna().all()
    assert left_out.verdict(found, "pooled") == "can't be decided"
