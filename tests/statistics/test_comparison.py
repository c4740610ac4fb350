"""Paired and unpaired comparisons against closed forms, and twins that were put there."""

import numpy as np
import pandas as pd
import pytest

from cgmhelpers.halos.classes import HALO
from cgmhelpers.statistics import comparison


def predictions(error, truth=None, suite="IllustrisTNG", start=0):
    """A table of one property whose errors are given."""
    error = np.asarray(error, dtype=float)
    truth = np.linspace(11.5, 14, len(error)) if truth is None else truth
    return pd.DataFrame(
        {
            "suite": suite, "set_name": "CV", "realisation": 0,
            "group": np.arange(start, start + len(error)), "suite_train": "IllustrisTNG",
            "suite_test": suite, "fields": "xray", "limits": "ideal", "property": "log_m_halo",
            "truth": truth, "mean": truth + error, "std": 1.0,
        }
    )  # fmt: skip


def verdicts(table):
    return table.set_index("metric")["verdict"].to_dict()


def test_values_and_difference_are_those_of_numpy_and_scikit_learn():
    from sklearn.metrics import r2_score, root_mean_squared_error

    rng = np.random.default_rng(1)
    ours, theirs = (predictions(scale * rng.normal(size=50)) for scale in (0.1, 0.3))
    found = comparison.paired(ours, theirs.sample(frac=1, random_state=1)).set_index("metric")
    for metric, function in (("rmse", root_mean_squared_error), ("r2", r2_score)):
        value, reference = (function(one["truth"], one["mean"]) for one in (ours, theirs))
        assert found.loc[metric, "value"] == pytest.approx(value)
        assert found.loc[metric, "reference"] == pytest.approx(reference)
        assert found.loc[metric, "difference"] == pytest.approx(value - reference)
    assert (found["n"] == 50).all()


def test_verdicts_know_which_way_is_better():
    rng = np.random.default_rng(1)
    good, bad = (predictions(scale * rng.normal(size=100)) for scale in (0.1, 0.3))
    assert verdicts(comparison.paired(good, bad)) == {"rmse": "better", "r2": "better"}
    assert verdicts(comparison.paired(bad, good)) == {"rmse": "worse", "r2": "worse"}
    assert verdicts(comparison.paired(good, good)) == {"rmse": "undecided", "r2": "undecided"}
    assert verdicts(comparison.unpaired(good, bad)) == {"rmse": "better", "r2": "better"}


def test_pairing_sees_what_resampling_apart_does_not():
    """Errors that halos share cancel in pairs: 5% more of each is seen through any scatter."""
    error = np.random.default_rng(1).standard_t(3, size=200)
    less, more = predictions(error), predictions(1.05 * error)
    assert verdicts(comparison.paired(less, more))["rmse"] == "better"
    assert verdicts(comparison.unpaired(less, more))["rmse"] == "undecided"
    interval = comparison.paired(less, more).iloc[0]
    assert interval["low"] <= interval["difference"] <= interval["high"] < 0


def test_interval_covers_a_known_difference_as_often_as_it_says():
    """RMSE of normal errors of 1 and 1.5: the difference is -0.5 for infinitely many halos."""
    rng, inside, trials = np.random.default_rng(5), 0, 60
    for _ in range(trials):
        sides = [predictions(scale * rng.normal(size=80)) for scale in (1, 1.5)]
        row = comparison.unpaired(*sides, draws=200).set_index("metric").loc["rmse"]
        inside += row["low"] < -0.5 < row["high"]
    # Binomial noise of 60 trials at 95% is 2.8%: four of it, percentile intervals being short.
    assert inside / trials > 0.84


def test_unpaired_needs_no_common_halos_and_paired_does():
    one, other = predictions(np.ones(10)), predictions(np.ones(20), start=100)
    assert comparison.paired(one, other).empty
    found = comparison.unpaired(one, other)
    assert (found["n"] == 10).all()
    assert list(found.columns) == list(comparison.paired(one, one).columns)


def test_halos_without_a_truth_do_not_count():
    one = predictions(np.arange(5.0))
    one.loc[0, "truth"] = np.nan
    assert (comparison.paired(one, one)["n"] == 4).all()


def box(suite, position, log_mass):
    number = len(position)
    return pd.DataFrame(position, columns=list("xyz")).assign(
        suite=suite, set_name="CV", realisation=0, group=np.arange(number), log_mass=log_mass,
        r200c=200.0,
    )  # fmt: skip


def test_twins_are_found_across_the_boundary_and_only_where_they_are_alike():
    side = 1000.0
    own = box("IllustrisTNG", [[5, 5, 5], [500, 500, 500], [300, 300, 300]], [12.0, 12.0, 12.0])
    # The first lies across the edge of the box, the second is too heavy, the third too far.
    other = box("SIMBA", [[995, 5, 5], [500, 500, 510], [300, 300, 550]], [12.1, 12.5, 12.0])
    parts = own[[*HALO]].assign(part=["training", "test", "validation"])
    found = comparison.twin_parts(pd.concat([own, other]), "IllustrisTNG", parts, side)
    assert found[["suite", "group", "twin_part"]].to_numpy().tolist() == [["SIMBA", 0, "training"]]


def test_a_suite_alone_has_no_twins():
    own = box("IllustrisTNG", [[5, 5, 5]], [12.0])
    parts = own[[*HALO]].assign(part="test")
    assert comparison.twin_parts(own, "IllustrisTNG", parts, 1000.0).empty
