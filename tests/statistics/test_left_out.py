"""Scores of suites that were left out, from predictions whose scores are known."""

import numpy as np
import pandas as pd
import pytest
import scoringrules

from cgmhelpers.errors import ParameterError
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


def test_methods_of_other_suites_arent_compared(table):
    elsewhere = table[table["method"] == "pooled"].assign(left_out="B")
    with pytest.raises(ParameterError, match="same suites and properties"):
        left_out.summary(pd.concat([table[table["method"] != "pooled"], elsewhere]), draws=5)
    fewer = (table["method"] == "pooled") & (table["property"] == "f_cgm")
    with pytest.raises(ParameterError, match="same suites and properties"):
        left_out.summary(table[~fewer], draws=5)


def test_classes_are_scored_by_themselves(table):
    heavy = table.assign(halo_class=np.where(table["group"] < 50, "group", "l_star"))
    shift = (heavy["method"] == "pooled") & (heavy["halo_class"] == "group")
    width = heavy["property"].map(WIDTH)
    heavy["mean"] += np.where(shift, 0.2 * width, 0)
    found = left_out.by_class(heavy).set_index(["method", "halo_class"])
    assert (found["n"] == 200).all()
    assert found.loc[("pooled", "group"), "bias"].to_numpy() == pytest.approx(0.25, abs=0.02)
    assert found.loc[("pooled", "l_star"), "bias"].to_numpy() == pytest.approx(0.05, abs=0.02)
    assert found.loc[("single suite", "l_star"), "bias"].to_numpy() == pytest.approx(0.2, abs=0.02)


def test_looks_are_compared_halo_by_halo():
    rng = np.random.default_rng(1)
    ids = pd.DataFrame({"left_out": "C", "suite": "C", "set_name": "CV", "realisation": 0,
                        "group": range(100)})  # fmt: skip
    common = rng.normal(0, 0.3, 100)  # halos differ much more than methods
    tables = [
        ids.assign(method=method, alike=common + level + rng.normal(0, 0.01, 100), inner=level)
        for method, level in (("single suite", 0.4), ("single suite", 0.6), ("pooled", 0.6))
    ]
    tables[0].loc[0, "alike"] = tables[1].loc[0, "alike"] = np.nan  # a map without light
    found = left_out.looks(pd.concat(tables)).set_index("method")
    assert (found["halos"] == 99).all()
    assert found.loc["pooled", "alike_change"] == pytest.approx(0.1, abs=0.005)
    low, high = found.loc["pooled", ["alike_change_low", "alike_change_high"]]
    assert 0.09 < low < high < 0.11
    assert found.loc["single suite", "alike_change"] == 0
    assert found.loc["single suite", "inner"] == pytest.approx(0.5)
    assert found.loc["pooled", "alike_high"] - found.loc["pooled", "alike_low"] > 0.08
    assert left_out.looks_elsewhere(found.reset_index(), "pooled") == "does not hold"
    assert left_out.looks_elsewhere(found.reset_index(), "single suite") == "can't be decided"
    turned = pd.concat(tables).assign(alike=lambda table: -table["alike"])
    assert left_out.looks_elsewhere(left_out.looks(turned), "pooled") == "holds"
    alone = left_out.looks(pd.concat(tables).assign(alike=np.nan))
    assert (alone["halos"] == 0).all()


@pytest.mark.parametrize(
    ("column", "value"), [("mean", np.nan), ("std", np.inf), ("std", 0.0), ("property", "sfr")]
)
def test_what_has_no_score_is_refused(table, column, value):
    with pytest.raises(ParameterError, match=r"invalid values|no width|Unknown properties"):
        left_out.cells(table.assign(**{column: table[column].where(table["group"] > 0, value)}))


def test_methods_that_the_table_lacks_have_no_verdict(table):
    with pytest.raises(ParameterError, match="lacks this method"):
        left_out.verdict(left_out.summary(table, draws=5), "coral")
