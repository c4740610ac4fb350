"""Metrics against scikit-learn, scipy and an analysis of variance."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import mean_squared_error, r2_score

from cgmhelpers.errors import ParameterError
from cgmhelpers.statistics import metrics


@pytest.fixture
def moments():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(50, 6))
    std = rng.uniform(0.1, 2.0, size=(50, 6))
    return truth, truth + std * rng.normal(size=(50, 6)), std


def test_rmse_and_r2_are_scikit_learns(moments):
    truth, mean, _ = moments
    expected = np.sqrt(mean_squared_error(truth, mean, multioutput="raw_values"))
    np.testing.assert_allclose(metrics.rmse(truth, mean), expected, rtol=1e-12)
    expected = r2_score(truth, mean, multioutput="raw_values")
    np.testing.assert_allclose(metrics.r2(truth, mean), expected, rtol=1e-12)
    assert not np.allclose(metrics.r2(mean, truth), expected)  # the order matters


def test_metrics_of_a_case_done_by_hand():
    truth = [[1.0], [2.0], [3.0]]
    mean = [[2.0], [2.0], [5.0]]
    std = [[0.5], [1.0], [4.0]]
    assert metrics.rmse(truth, mean) == pytest.approx(np.sqrt(5 / 3))
    assert metrics.r2(truth, mean) == pytest.approx(1 - 5 / 2)
    assert metrics.relative_error(mean, std) == pytest.approx((0.25 + 0.5 + 0.8) / 3)
    assert metrics.reduced_chi2(truth, mean, std) == pytest.approx((4 + 0 + 0.25) / 3)
    assert metrics.coverage(truth, mean, std) == pytest.approx(2 / 3)
    assert metrics.relative_error(-np.array(mean), std) == pytest.approx(1.55 / 3)


def test_results_are_one_per_property(moments):
    truth, mean, std = moments
    for result in (
        metrics.rmse(truth, mean),
        metrics.r2(truth, mean),
        metrics.relative_error(mean, std),
        metrics.reduced_chi2(truth, mean, std),
        metrics.coverage(truth, mean, std),
    ):
        assert result.shape == (6,)
        assert len(set(result)) > 1


@pytest.mark.parametrize("level", [0.5, metrics.ONE_SIGMA, 0.95])
def test_calibrated_posteriors_are_covered_as_often_as_they_say(level):
    rng = np.random.default_rng(2)
    halos = 20000
    std = rng.uniform(0.1, 2.0, size=(halos, 2))
    truth = std * rng.normal(size=std.shape)
    zero = np.zeros_like(std)
    found = metrics.coverage(truth, zero, std, level)
    # Four standard deviations of a binomial share.
    assert np.abs(found - level).max() < 4 * np.sqrt(level * (1 - level) / halos)
    # Errors believed to be half of what they are: scipy's probability of the narrower interval.
    deviations = stats.norm.ppf(0.5 + level / 2) / 2
    expected = stats.norm.cdf(deviations) - stats.norm.cdf(-deviations)
    found = metrics.coverage(truth, zero, std / 2, level)
    assert np.abs(found - expected).max() < 4 * np.sqrt(expected * (1 - expected) / halos)
    # <chi^2> of a normal is 1, its standard deviation sqrt(2 / halos).
    chi2 = metrics.reduced_chi2(truth, zero, std)
    assert np.abs(chi2 - 1).max() < 4 * np.sqrt(2 / halos)


def test_default_coverage_is_one_sigma(moments):
    truth, mean, std = moments
    expected = (np.abs(truth - mean) <= std).mean(axis=0)
    np.testing.assert_array_equal(metrics.coverage(truth, mean, std), expected)
    assert pytest.approx(stats.norm.cdf(1) - stats.norm.cdf(-1)) == metrics.ONE_SIGMA


def test_divisions_by_zero_are_answered():
    one, two = np.array([[1.0], [1.0]]), np.array([[1.0], [2.0]])
    zero = np.zeros((2, 1))
    assert np.isnan(metrics.r2(np.full((3, 1), 0.1), np.zeros((3, 1)))).all()
    assert np.isinf(metrics.relative_error(zero, one)).all()
    assert np.isinf(metrics.reduced_chi2(one, two, zero)).all()
    assert metrics.reduced_chi2(one, one, zero) == [0.0]


def test_bad_arrays_are_refused(moments):
    truth, mean, std = moments
    for bad in (mean[:-1], mean[:, :-1], mean.ravel(), mean[:0]):
        with pytest.raises(ParameterError, match="don't fit together"):
            metrics.rmse(truth, bad)
    with pytest.raises(ParameterError, match="at least one halo"):
        metrics.rmse(truth[:0], mean[:0])
    with pytest.raises(ParameterError, match="std has invalid values"):
        metrics.coverage(truth, mean, -std)
    truth[3, 2] = np.nan
    with pytest.raises(ParameterError, match="truth has invalid values"):
        metrics.reduced_chi2(truth, mean, std)
    with pytest.raises(ParameterError, match="probability"):
        metrics.coverage(mean, mean, std, level=68)


@pytest.fixture
def predictions(moments):
    """A table of two test suites and two properties, in two mass classes."""
    truth, mean, std = (array[:40] for array in moments)
    rng = np.random.default_rng(3)
    log_mass = rng.uniform(11.5, 13, size=40)
    tables = [
        pd.DataFrame(
            {
                "suite_train": "SIMBA",
                "suite_test": suite,
                "fields": "xray",
                "limits": "ideal",
                "property": name,
                "log_mass": log_mass,
                "halo_class": np.where(log_mass < 12, "sub_l_star", "l_star"),
                "truth": truth[:, column],
                "mean": mean[:, column],
                "std": std[:, column],
            }
        )
        for suite, column, name in (
            ("SIMBA", 0, "f_cgm"),
            ("SIMBA", 1, "f_cool"),
            ("Astrid", 2, "f_cgm"),
            ("Astrid", 3, "f_cool"),
        )
    ]
    return pd.concat(tables, ignore_index=True)


def test_summary_holds_the_metrics_of_each_group(predictions, moments):
    truth, mean, std = (array[:40] for array in moments)
    table = metrics.summarise(predictions)
    assert table["n"].tolist() == [40] * 4
    assert list(zip(table["suite_test"], table["property"], strict=True)) == [
        ("SIMBA", "f_cgm"), ("SIMBA", "f_cool"), ("Astrid", "f_cgm"), ("Astrid", "f_cool"),
    ]  # fmt: skip
    np.testing.assert_allclose(table["rmse"], metrics.rmse(truth, mean)[:4])
    np.testing.assert_allclose(table["coverage"], metrics.coverage(truth, mean, std)[:4])
    by_class = metrics.summarise(predictions, (*metrics.GROUPING, "halo_class"))
    assert len(by_class) == 8
    assert by_class["n"].sum() == 160
    assert (by_class["n"] > 5).all()


def test_summary_leaves_out_halos_without_truth(predictions):
    predictions.loc[[0, 1], "truth"] = np.nan
    assert metrics.summarise(predictions, ["suite_test", "property"])["n"].tolist() == [
        38, 40, 40, 40,
    ]  # fmt: skip
    with pytest.raises(ParameterError, match="No prediction"):
        metrics.summarise(predictions.assign(truth=np.nan))
    with pytest.raises(ParameterError, match="lacks columns"):
        metrics.summarise(predictions.drop(columns="std"))


def test_scatter_is_the_within_group_mean_square_of_an_analysis_of_variance(predictions):
    """F = between / within, so within follows from scipy's F and the group means."""
    group = predictions[:40]
    table = metrics.scatter(group, by=["property"], bin_width=0.5)
    bins = [part for _, part in group.groupby(np.floor(group["log_mass"] / 0.5))]
    assert len(bins) == 3
    for name in ("truth", "mean"):
        values = [part[name].to_numpy() for part in bins]
        grand = group[name].mean()
        between = sum(len(v) * (v.mean() - grand) ** 2 for v in values) / (len(bins) - 1)
        within = between / stats.f_oneway(*values).statistic
        assert table[name].item() == pytest.approx(np.sqrt(within), rel=1e-9)
    assert table["ratio"].item() == pytest.approx(table["mean"].item() / table["truth"].item())


def test_scatter_ignores_the_trend_with_mass():
    rng = np.random.default_rng(4)
    halos, slope, sigma, width = 20000, 2.0, 0.1, 0.05
    log_mass = rng.uniform(11.5, 13, size=halos)
    trend = slope * log_mass
    table = pd.DataFrame(
        {
            "property": "log_m_cgm",
            "log_mass": log_mass,
            "truth": trend + sigma * rng.normal(size=halos),
            "mean": trend + sigma / 2 * rng.normal(size=halos),
            "std": 1.0,
        }
    )
    found = metrics.scatter(table, by=["property"], bin_width=width)
    leak = slope**2 * width**2 / 12  # the variance of the trend within a bin
    # Relative error of a standard deviation: 1 / sqrt(2 n), four times.
    assert found["truth"].item() == pytest.approx(np.sqrt(sigma**2 + leak), rel=0.02)
    assert found["mean"].item() == pytest.approx(np.sqrt(sigma**2 / 4 + leak), rel=0.02)
    assert table["truth"].std() > 5 * found["truth"].item()  # the trend was there
    with pytest.raises(ParameterError, match="bin_width"):
        metrics.scatter(table, by=["property"], bin_width=0)


def test_scatter_of_lonely_halos_is_unknown(predictions):
    one = predictions[:1]
    assert metrics.scatter(one, by=["property"])[["truth", "mean", "ratio"]].isna().all(axis=None)


def test_biases_are_means_and_medians_of_the_errors():
    rng = np.random.default_rng(1)
    truth = rng.uniform(11.5, 14, 100)
    error = 0.01 * rng.choice([-1, 1], 100)
    error[0] = 1e9
    table = pd.DataFrame({"truth": truth, "mean": truth + error, "std": 0.1})
    table["suite_test"] = np.repeat(["SIMBA", "Astrid"], 50)
    found = metrics.biases(table, ["suite_test"]).iloc[0]
    assert found["n"] == 50
    assert found["bias"] == pytest.approx(error[:50].mean())
    assert found["uncertainty"] == pytest.approx(error[:50].std(ddof=1) / 50**0.5)
    assert abs(found["median"]) < 0.011


def test_scatter_with_weights_is_that_of_copies():
    rng = np.random.default_rng(3)
    values, log_mass = rng.standard_normal((60, 2)), rng.uniform(11.5, 13, 60)
    weights = rng.multinomial(60, np.full(60, 1 / 60), size=7)
    drawn = metrics.scatter_at_fixed_mass(values, log_mass, weights)
    assert drawn.shape == (7, 2)
    for weight, found in zip(weights, drawn, strict=True):
        copies = np.repeat(np.arange(60), weight)
        expected = metrics.scatter_at_fixed_mass(values[copies], log_mass[copies])
        np.testing.assert_allclose(found, expected)


def test_statistics_doesnt_import_torch():
    import subprocess
    import sys

    code = "import sys, cgmhelpers.statistics.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
