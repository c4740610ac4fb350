"""Right posteriors pass, biased and mis-dispersed ones fail; oracles are closed forms and scipy."""

import numpy as np
import pandas as pd
import pytest
from helpers.posteriors import posteriors
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.statistics import coverage, metrics

BY = ["suite_test", "property"]
HALOS = 4000


def expected_coverage(level, bias, dispersion):
    """The truth is normal about mean - bias * std, in units of the right width."""
    half = dispersion * stats.norm.ppf(0.5 + np.asarray(level) / 2)
    return stats.norm.cdf(half + bias) - stats.norm.cdf(-half + bias)


@pytest.mark.parametrize(
    ("bias", "dispersion"), [(0, 1), (0, 0.5), (0, 2), (0.5, 1), (-0.5, 1), (0.5, 0.7)]
)
def test_coverage_and_pit_are_those_of_the_closed_form(bias, dispersion):
    table = posteriors(HALOS, bias, dispersion)
    levels = coverage.coverages(table, BY, coverage.LEVELS)
    assert len(levels) == 10
    expected = expected_coverage(levels["level"], bias, dispersion)
    allowed = 4 * np.sqrt(expected * (1 - expected) / HALOS)  # binomial, four deviations
    assert (np.abs(levels["coverage"] - expected) < allowed).all()
    # PIT value below p: the truth below mean + dispersion * std * q(p).
    histogram = coverage.pit_histogram(table, BY)
    edges = np.linspace(0, 1, 11)
    share = np.diff(stats.norm.cdf(dispersion * stats.norm.ppf(edges) + bias))
    allowed = 4 * np.sqrt(share * (1 - share) / HALOS)
    assert (np.abs(histogram["density"] / 10 - share) < allowed).all()


def test_right_posteriors_pass():
    found = coverage.examine(posteriors(HALOS), BY, draws=500).iloc[0]
    assert found["verdict"] == "as stated"
    assert found["pit_probability"] > 0.01
    assert found["coverage_low"] < metrics.ONE_SIGMA < found["coverage_high"]
    assert found["reduced_chi2_low"] < 1 < found["reduced_chi2_high"]
    histogram = coverage.pit_histogram(posteriors(HALOS), BY)
    assert histogram["density"].between(histogram["low"], histogram["high"]).mean() >= 0.8


@pytest.mark.parametrize(
    ("bias", "dispersion", "too_small"), [(0, 0.7, True), (0, 1.4, False), (0.7, 1, True)]
)
def test_biased_and_dispersed_posteriors_fail(bias, dispersion, too_small):
    table = posteriors(HALOS, bias, dispersion)
    found = coverage.examine(table, BY, draws=500).iloc[0]
    assert found["verdict"] == ("errors too small" if too_small else "errors too large")
    assert found["pit_probability"] < 1e-6
    if too_small:
        assert found["coverage_high"] < metrics.ONE_SIGMA
        assert found["reduced_chi2_low"] > 1
    else:
        assert found["coverage_low"] > metrics.ONE_SIGMA
        assert found["reduced_chi2_high"] < 1
    histogram = coverage.pit_histogram(table, BY)
    assert histogram["density"].between(histogram["low"], histogram["high"]).mean() < 0.6


def test_coverage_has_the_exact_interval_and_the_right_verdict():
    truth, inside = np.zeros(100), np.where(np.arange(100) < 68, 0.5, 5.0)
    table = pd.DataFrame({"truth": truth, "mean": inside, "std": 1.0, "property": "f_cgm"})
    found = coverage.coverages(table, ["property"]).set_index("level")
    low, high = stats.beta.ppf(0.025, 68, 33), stats.beta.ppf(0.975, 69, 32)  # Clopper-Pearson
    row = found.loc[metrics.ONE_SIGMA, ["coverage", "coverage_low", "coverage_high"]]
    assert row.tolist() == pytest.approx([0.68, low, high])
    assert found["verdict"].tolist() == ["as stated", "errors too small"]
    wide = coverage.coverages(table.assign(mean=0.01), ["property"])
    assert set(wide["verdict"]) == {"errors too large"}


@pytest.mark.parametrize("level", [0.1, metrics.ONE_SIGMA, 0.95])
@pytest.mark.parametrize("number", [1, 7, 50, 333])
def test_one_standard_judges_as_the_exact_interval_does(number, level):
    count = np.arange(number + 1)
    low = np.where(count > 0, stats.beta.ppf(0.025, count, number - count + 1), 0)
    high = np.where(count < number, stats.beta.ppf(0.975, count + 1, number - count), 1)
    expected = np.select(
        [high < level, low > level], ["errors too small", "errors too large"], "as stated"
    )
    assert coverage.judge(count / number, number, level).tolist() == expected.tolist()
    least, most = coverage.allowed(number, level)
    passed = count[expected == "as stated"] / number
    assert [passed.min(), passed.max()] == pytest.approx([least, most])


def test_right_posteriors_are_as_stated_in_95_percent_of_samples():
    """1000 samples of 200 halos: binomial noise of the share is 0.7%, and counts are whole."""
    count = np.random.default_rng(4).binomial(200, metrics.ONE_SIGMA, size=1000)
    stated = coverage.judge(count / 200, 200) == "as stated"
    assert 0.93 < stated.mean() < 0.985


def test_band_of_the_histogram_holds_its_share_of_right_posteriors():
    inside = []
    for seed in range(40):
        one = coverage.pit_histogram(posteriors(300, seed=seed), BY)
        inside += one["density"].between(one["low"], one["high"]).tolist()
    # 400 bins, nearly independent; at least 95% by the definition of a discrete quantile.
    assert 0.93 < np.mean(inside) <= 1


def test_groups_are_kept_apart_and_halos_without_truth_left_out():
    table = posteriors(300, suites=("SIMBA", "Astrid"), names=("f_cgm", "f_cool"))
    table.loc[:9, "truth"] = np.nan
    wrong = (table["suite_test"] == "Astrid") & (table["property"] == "f_cool")
    table.loc[wrong, "std"] /= 3
    found = coverage.examine(table, BY, draws=50)
    assert found["n"].tolist() == [290, 300, 300, 300]
    assert found["verdict"].tolist() == ["as stated"] * 3 + ["errors too small"]
    assert found[BY].to_numpy().tolist()[3] == ["Astrid", "f_cool"]
    levels = coverage.coverages(table, BY, coverage.LEVELS)
    one = levels[(levels["level"] == metrics.ONE_SIGMA)].reset_index(drop=True)
    np.testing.assert_allclose(one["coverage"], found["coverage"])
    ends = ["coverage_low", "coverage_high"]
    np.testing.assert_allclose(one[ends], found[ends])


def test_a_metric_is_quoted_with_its_interval():
    found = coverage.examine(posteriors(HALOS), BY, draws=50)
    row = found.iloc[0]
    text = f"{row['coverage']:.2f} [{row['coverage_low']:.2f},\u00a0{row['coverage_high']:.2f}]"
    assert coverage.quote(found, "coverage").tolist() == [text]
    assert coverage.quote(found[:0], "coverage").empty


def test_before_and_after_differ_by_their_widths():
    table = posteriors(HALOS)
    both = coverage.before_and_after(table)
    found = coverage.examine(both, ["width", *BY], draws=50).set_index("width")
    assert found.loc["recalibrated", "verdict"] == "as stated"
    assert found.loc["network's own", "verdict"] == "errors too small"
    assert found.loc["network's own", "coverage"] == pytest.approx(
        expected_coverage(metrics.ONE_SIGMA, 0, 0.5), abs=0.03
    )


def test_nonsense_is_refused():
    table = posteriors(10)
    with pytest.raises(ParameterError, match="probability"):
        coverage.coverages(table, BY, levels=(0.5, 68))
    with pytest.raises(ParameterError, match="No prediction"):
        coverage.pit_histogram(table.assign(truth=np.nan), BY)
    with pytest.raises(ParameterError, match="lacks columns"):
        coverage.examine(table.drop(columns="std"), BY)
    alone = coverage.examine(table[:1], BY, draws=10)
    assert alone[["reduced_chi2_low", "reduced_chi2_high"]].isna().all(axis=None)
    assert alone["verdict"].tolist() == ["as stated"]  # one halo can't say otherwise
