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


def mean_error(table, unit=HALO, draws=1000, level=0.95, seed=1):
    """Interval of the mean of inference minus truth."""
    weights = resampling.resample(table, unit, draws, seed)
    error = (table["mean"] - table["truth"]).to_numpy()
    return resampling.interval(weights @ error / weights.sum(axis=1), level)


def test_interval_is_scipys(table):
    error = (table["mean"] - table["truth"]).to_numpy()
    expected = stats.bootstrap(
        (error,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    low, high = mean_error(table, draws=4000)
    assert low < error.mean() < high
    # A 2.5% quantile of 4000 normal draws scatters by 0.042 of their standard deviation, which
    # is a quarter of the interval; four times, for the difference of two such.
    allowed = 4 * np.sqrt(2) * 0.042 * (expected.high - expected.low) / 4
    assert low == pytest.approx(expected.low, abs=allowed)
    assert high == pytest.approx(expected.high, abs=allowed)
    narrow = mean_error(table, level=0.5)
    assert low < narrow[0] < narrow[1] < high


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
    one = mean_error(table)
    np.testing.assert_allclose(mean_error(copies), one, rtol=1e-9)
    alone = mean_error(copies.assign(group=np.arange(len(copies))))
    assert np.diff(alone) / np.diff(one) == pytest.approx(1 / 3, rel=0.2)


def test_boxes_with_errors_in_common_have_wide_intervals(table):
    """Six boxes of which each has an offset: the error of the mean is theirs, not the halos'."""
    offset = np.array([-3.0, -2, -1, 1, 2, 3])[table["realisation"]]
    table = table.assign(mean=table["truth"] + offset)
    boxes = np.diff(mean_error(table, resampling.REALISATION, level=0.683))
    halos = np.diff(mean_error(table, HALO, level=0.683))
    deviation = np.std([-3, -2, -1, 1, 2, 3])
    # The bootstrap's standard deviation of a mean of n units; six make the distribution coarse.
    assert boxes == pytest.approx(2 * deviation / np.sqrt(6), rel=0.15)
    assert halos == pytest.approx(2 * deviation / np.sqrt(HALOS), rel=0.15)


def test_draws_follow_the_seed_and_the_units_not_the_rows(table):
    weights = resampling.resample(table, draws=50)
    np.testing.assert_array_equal(weights, resampling.resample(table, draws=50))
    order = np.random.default_rng(1).permutation(len(table))
    shuffled = resampling.resample(table.iloc[order], draws=50)
    np.testing.assert_array_equal(shuffled, weights[:, order])
    assert not np.array_equal(weights, resampling.resample(table, draws=50, seed=2))


def test_infinite_and_missing_values_stay_where_they_are():
    low, high = resampling.interval([[1.0, np.nan], [np.inf, np.nan], [2.0, np.nan]], level=0.9)
    np.testing.assert_array_equal(low, [1.0, np.nan])
    np.testing.assert_array_equal(high, [np.inf, np.nan])


def test_nonsense_is_refused(table):
    assert np.isnan(resampling.resample(table[:1])).all()  # a single halo says nothing of others
    with pytest.raises(ParameterError, match="nothing to resample"):
        mean_error(table[:0])
    with pytest.raises(ParameterError, match="nothing to resample"):
        mean_error(table, draws=0)
    with pytest.raises(ParameterError, match="lacks columns"):
        mean_error(table.drop(columns="group"))
    with pytest.raises(ParameterError, match="probability"):
        mean_error(table, draws=2, level=95)
    alone = metrics.summarise(table[:1], ["property"], draws=10)
    assert alone[["rmse_low", "coverage_high"]].isna().all(axis=None)
