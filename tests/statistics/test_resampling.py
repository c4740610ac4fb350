"""Bootstrap intervals against scipy's, and against closed forms where rows go together."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO
from cgmhelpers.statistics import metrics, resampling

HALOS = 300


@pytest.fixture
def table():
    """Predictions of one property for halos of six boxes."""
    rng = np.random.default_rng(1)
    truth = rng.normal(size=HALOS)
    std = rng.uniform(0.1, 2.0, size=HALOS)
    return pd.DataFrame(
        {
            "suite": "SIMBA",
            "set_name": "CV",
            "realisation": np.arange(HALOS) % 6,
            "group": np.arange(HALOS) // 6,
            "property": "f_cgm",
            "truth": truth,
            "mean": 1.0 + truth + std * rng.normal(size=HALOS),
            "std": std,
        }
    )


def mean_error(table):
    return float((table["mean"] - table["truth"]).mean())


def test_interval_is_scipys(table):
    error = (table["mean"] - table["truth"]).to_numpy()
    expected = stats.bootstrap(
        (error,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    found = resampling.bootstrap(table, mean_error, draws=4000)
    assert found["value"] == pytest.approx(error.mean())
    # A 2.5% quantile of 4000 normal draws scatters by 0.042 of their standard deviation, which
    # is a quarter of the interval; four times, for the difference of two such.
    allowed = 4 * np.sqrt(2) * 0.042 * (expected.high - expected.low) / 4
    assert found["low"] == pytest.approx(expected.low, abs=allowed)
    assert found["high"] == pytest.approx(expected.high, abs=allowed)
    narrow = resampling.bootstrap(table, mean_error, level=0.5)
    assert found["low"] < narrow["low"] < narrow["high"] < found["high"]


@pytest.mark.parametrize("name", metrics.METRICS)
def test_intervals_of_the_summary_are_scipys(table, name):
    """All metrics, from weights, against scipy's loop over drawn halos."""
    function = getattr(metrics, name)
    columns = ["mean", "std"] if name == "relative_error" else ["truth", "mean", "std"]
    columns = columns[:2] if name in ("rmse", "r2") else columns

    def metric(*arrays):
        return function(*(np.reshape(array, (-1, 1)) for array in arrays))[0]

    expected = stats.bootstrap(
        [table[column] for column in columns], metric, n_resamples=1000, method="percentile",
        paired=True, vectorized=False, rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    found = metrics.summarise(table, ["property"], draws=1000).iloc[0]
    assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]
    # As above; 0.085 for 1000 draws, and twice that for the longer tails of a chi squared.
    allowed = 8 * np.sqrt(2) * 0.085 * (expected.high - expected.low) / 4
    assert found[f"{name}_low"] == pytest.approx(expected.low, abs=allowed)
    assert found[f"{name}_high"] == pytest.approx(expected.high, abs=allowed)


def test_weights_are_copies_of_halos(table):
    truth, mean, std = (table[[name]].to_numpy() for name in ("truth", "mean", "std"))
    weights = resampling.resample(table, draws=5)
    for draw, weight in enumerate(weights.astype(int)):
        t, m, s = (np.repeat(array, weight, axis=0) for array in (truth, mean, std))
        assert len(t) == HALOS
        for one, given, copied in (
            (metrics.rmse, (truth, mean), (t, m)),
            (metrics.r2, (truth, mean), (t, m)),
            (metrics.relative_error, (mean, std), (m, s)),
            (metrics.reduced_chi2, (truth, mean, std), (t, m, s)),
            (metrics.coverage, (truth, mean, std), (t, m, s)),
        ):
            drawn = one(*given, weights=weights)
            assert drawn.shape == (5, 1)
            np.testing.assert_allclose(drawn[draw], one(*copied), rtol=1e-9)


def test_rows_of_a_unit_go_together(table):
    """Nine copies of each halo say no more than one: the interval must not shrink by three."""
    copies = pd.concat([table] * 9, ignore_index=True)
    one = resampling.bootstrap(table, mean_error)
    nine = resampling.bootstrap(copies, mean_error)
    np.testing.assert_allclose(nine, one, rtol=1e-9)
    alone = resampling.bootstrap(copies.assign(group=np.arange(len(copies))), mean_error)
    width = (alone["high"] - alone["low"]) / (one["high"] - one["low"])
    assert width == pytest.approx(1 / 3, rel=0.2)


def test_boxes_with_errors_in_common_have_wide_intervals(table):
    """Six boxes of which each has an offset: the error of the mean is theirs, not the halos'."""
    offset = np.array([-3.0, -2, -1, 1, 2, 3])[table["realisation"]]
    table = table.assign(mean=table["truth"] + offset)
    boxes = resampling.bootstrap(table, mean_error, resampling.REALISATION, level=0.683)
    halos = resampling.bootstrap(table, mean_error, HALO, level=0.683)
    deviation = np.std([-3, -2, -1, 1, 2, 3])
    # The bootstrap's standard deviation of a mean of n units; six make the distribution coarse.
    assert boxes["high"] - boxes["low"] == pytest.approx(2 * deviation / np.sqrt(6), rel=0.15)
    assert halos["high"] - halos["low"] == pytest.approx(2 * deviation / np.sqrt(HALOS), rel=0.15)


def test_several_numbers_at_once_and_the_seed(table):
    def both(one):
        return pd.Series({"bias": mean_error(one), "median": one["mean"].median()})

    found = resampling.bootstrap(table, both, draws=50)
    assert found.index.tolist() == ["bias", "median"]
    pd.testing.assert_frame_equal(found, resampling.bootstrap(table, both, draws=50))
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(found, resampling.bootstrap(shuffled, both, draws=50))
    assert not found.equals(resampling.bootstrap(table, both, draws=50, seed=2))


def test_infinite_and_missing_values_stay_where_they_are():
    low, high = resampling.interval([[1.0, np.nan], [np.inf, np.nan], [2.0, np.nan]], level=0.9)
    np.testing.assert_array_equal(low, [1.0, np.nan])
    np.testing.assert_array_equal(high, [np.inf, np.nan])


def test_nonsense_is_refused(table):
    with pytest.raises(ParameterError, match="single unit"):
        resampling.bootstrap(table[:1], mean_error)
    with pytest.raises(ParameterError, match="nothing to resample"):
        resampling.bootstrap(table[:0], mean_error)
    with pytest.raises(ParameterError, match="nothing to resample"):
        resampling.bootstrap(table, mean_error, draws=0)
    with pytest.raises(ParameterError, match="lacks columns"):
        resampling.bootstrap(table.drop(columns="group"), mean_error)
    with pytest.raises(ParameterError, match="probability"):
        resampling.bootstrap(table, mean_error, draws=2, level=95)
    alone = metrics.summarise(table[:1], ["property"], draws=10)
    assert alone[["rmse_low", "coverage_high"]].isna().all(axis=None)
