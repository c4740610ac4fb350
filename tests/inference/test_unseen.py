"""Spread between suites: a random-effects model whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.inference import unseen


def suites(offsets, halos=200, scatter=0.1, seed=1, mass=12.5, std=None):
    """Predictions of the two masses in suites with given offsets."""
    rng, tables = np.random.default_rng(seed), []
    for number, offset in enumerate(offsets):
        truth = rng.normal(mass, 0.2, halos)
        for name, shift in (("log_m_halo", 0.0), ("log_m_cgm", -2.0)):
            mean = truth + shift + offset + rng.normal(0, scatter, halos)
            tables.append(
                pd.DataFrame(
                    {
                        "suite_test": f"S{number}", "suite": f"S{number}", "group": range(halos),
                        "property": name, "truth": truth + shift, "mean": mean,
                        "std": std or scatter, "std_network": scatter,
                    }
                )
            )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def test_spread_is_that_of_the_offsets():
    found = unseen.between_suites(suites([0.3, -0.3, 0.3]))
    common = found[found["halo_class"] == "all"].set_index("property")
    assert common["tau"].to_numpy() == pytest.approx([0.3, 0.3], rel=0.05)
    assert (common["suites"] == 3).all()
    assert common["factor"].to_numpy() == pytest.approx(stats.t.ppf(0.841345, 3), abs=1e-4)


def test_noise_of_offsets_isnt_taken_for_a_spread():
    taus = [
        unseen.between_suites(suites([0.0] * 4, halos=50, scatter=1.0, seed=seed))["tau"].iloc[0]
        for seed in range(30)
    ]
    # Uncorrected, the root mean square would be 1 / sqrt(50) = 0.14.
    assert np.median(taus) < 0.1


def test_estimate_of_the_variance_is_that_of_random_effects():
    rng = np.random.default_rng(3)
    found = [
        unseen.between_suites(suites(rng.normal(0, 0.5, 3), 60, seed=seed))["tau"].iloc[0] ** 2
        for seed in range(150)
    ]
    # The variance of tau^2 is 2 * 0.25^2 / 3.
    assert np.mean(found) == pytest.approx(0.25, abs=4 * 0.25 * (2 / 3 / 150) ** 0.5)


def test_widened_posteriors_cover_an_unseen_suite_as_stated():
    """Over many universes of three sources, 68% of new suites lie within the new error bar."""
    rng, inside = np.random.default_rng(4), []
    for seed in range(150):
        offsets = rng.normal(0, 0.5, 4)
        between = unseen.between_suites(suites(offsets[:3], halos=20, seed=seed))
        new = suites(offsets[3:], halos=20, seed=10_000 + seed)
        wide = unseen.widen(new, between)
        inside.append((np.abs(wide["mean"] - wide["truth"]) < wide["std"]).mean())
    assert np.mean(inside) == pytest.approx(0.683, abs=4 * 0.45 / 150**0.5)


def test_classes_have_their_own_spread_where_there_are_halos():
    light, heavy = suites([0.1, -0.1], mass=12.5), suites([0.6, -0.6], mass=14.2, seed=2)
    found = unseen.between_suites(pd.concat([light, heavy.assign(group=heavy["group"] + 1000)]))
    tau = found[found["property"] == "log_m_halo"].set_index("halo_class")["tau"]
    assert tau["group"] > 3 * tau["l_star"] > 0
    wide = unseen.widen(heavy, found)
    few = unseen.between_suites(pd.concat([light, heavy.iloc[:5].assign(suite="few")]))
    assert "group" not in set(few["halo_class"])
    narrow = unseen.widen(heavy, few)  # the common spread
    assert (wide["std"] > narrow["std"]).mean() > 0.95
    assert narrow["std"].nunique() == 2  # properties; nothing falls through


def test_suites_without_a_property_or_with_one_halo_dont_count():
    whole = suites([0.3, -0.3, 0.3])
    gas = whole["property"] == "log_m_cgm"
    lacking = whole.assign(truth=whole["truth"].where(~gas | (whole["suite"] != "S1")))
    found = unseen.between_suites(lacking)
    found = found[found["halo_class"] == "all"].set_index("property")
    assert found["suites"].to_dict() == {"log_m_halo": 3, "log_m_cgm": 2}
    assert found.loc["log_m_cgm", "factor"] == pytest.approx(stats.t.ppf(0.841345, 2), abs=1e-4)
    assert found.loc["log_m_cgm", "tau"] == pytest.approx(0.3, rel=0.1)
    single = whole[(whole["suite"] != "S1") | (whole["group"] == 0)]
    assert (unseen.between_suites(single)["suites"] == 2).all()
    for few in (whole[whole["group"] == 0], single[single["suite"] != "S2"]):
        with pytest.raises(ParameterError, match="log_m_halo between suites takes several"):
            unseen.between_suites(few)


def test_one_suite_and_unknown_properties_are_refused():
    with pytest.raises(ParameterError, match="several"):
        unseen.between_suites(suites([0.1]))
    between = unseen.between_suites(suites([0.1, 0.2]))
    other = suites([0.1]).assign(property="z_cgm")
    with pytest.raises(ParameterError, match="z_cgm"):
        unseen.widen(other, between)
    with pytest.raises(ParameterError, match="isn't a number"):
        unseen.widen(suites([0.1]), between.assign(tau=np.nan))
