"""Networks tested on suites that they weren't trained on."""

import numpy as np
import pandas as pd
import pytest

from cgmhelpers.errors import ParameterError
from cgmhelpers.statistics import transfer

LEVEL = {"IllustrisTNG": 0.0, "SIMBA": -1.0, "Astrid": 2.0}
"""Brightness of each suite [dex]; networks here take it for mass, one for one."""


def predictions(suites=tuple(LEVEL), halos=50):
    rng = np.random.default_rng(1)
    rows = []
    for train in suites:
        for test in suites:
            truth = rng.uniform(11.5, 14, halos)
            mean = truth + LEVEL[test] - LEVEL[train] + 0.01 * rng.choice([-1, 1], halos)
            table = pd.DataFrame({"truth": truth, "mean": mean, "std": 0.1})
            table = table.assign(suite_train=train, suite_test=test, property="log_m_halo")
            rows.append(table.assign(fields="xray", limits="ideal"))
    return pd.concat(rows, ignore_index=True)


def totals():
    rows = [
        {"suite": suite, "halo_class": name, "xray": 10 ** (level + step)}
        for suite, level in LEVEL.items()
        for step, name in enumerate(("sub_l_star", "l_star"))
        for _ in range(1 + 5 * (suite == "SIMBA") * step)  # another mix of classes is no brightness
    ]
    return pd.DataFrame(rows)


def test_robustness_measures_own_and_foreign_suites():
    found = transfer.robustness(predictions()).set_index("suite_train")
    np.testing.assert_allclose(found["own"], 0.01)
    # Offsets are whole numbers, errors about them 0.01.
    np.testing.assert_allclose(found["offset"], [1.5, 2.0, 2.5], atol=0.011)
    # The offsets of each are 1 and 2, 1 and 3, 2 and 3.
    np.testing.assert_allclose(found["elsewhere"], np.sqrt([2, 3, 6]), atol=0.02)
    np.testing.assert_allclose(found["factor"], found["elsewhere"] / found["own"])
    assert found["elsewhere"].idxmin() == "IllustrisTNG"  # the one in the middle


def test_robustness_of_one_suite_has_no_elsewhere():
    found = transfer.robustness(predictions(("SIMBA",)))
    assert len(found) == 1
    assert np.isnan(found.loc[0, "elsewhere"])


def test_elsewhere_of_ratios_is_the_ratio_of_elsewhere():
    one, other = np.random.default_rng(1).uniform(0.1, 3, (2, 4, 5))
    ratio = transfer.elsewhere(one) / transfer.elsewhere(other)
    np.testing.assert_allclose(transfer.elsewhere(one / other), ratio)
    assert transfer.elsewhere([2.0, 8.0]) == pytest.approx(4)


def test_brightness_explains_offsets_that_it_made():
    found = transfer.brightness_and_bias(predictions(), totals(), "log_m_halo", "xray")
    assert len(found) == 6
    assert found["as_expected"].all()
    np.testing.assert_allclose(found["brighter"], found["offset"], atol=0.011)
    swapped = totals().replace({"suite": {"SIMBA": "Astrid", "Astrid": "SIMBA"}})
    wrong = transfer.brightness_and_bias(predictions(), swapped, "log_m_halo", "xray")
    assert not wrong["as_expected"].all()


def test_brightness_needs_the_field():
    with pytest.raises(ParameterError, match="totals"):
        transfer.brightness_and_bias(predictions(), totals(), "log_m_halo", "hi")


def test_pairs_have_the_correlation_of_numpy():
    found = transfer.pairs(predictions(), "log_m_halo").set_index(["suite_train", "suite_test"])
    assert len(found) == 9
    own = predictions()
    own = own[(own["suite_train"] == "SIMBA") & (own["suite_test"] == "Astrid")]
    row = found.loc[("SIMBA", "Astrid")]
    assert row["correlation"] == pytest.approx(np.corrcoef(own["truth"], own["mean"])[0, 1])
    assert row["bias"] == pytest.approx(3.0, abs=0.011)
    assert row["r2"] < 0 < row["correlation"]  # in order, but at the wrong level
