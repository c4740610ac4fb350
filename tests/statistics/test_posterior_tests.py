"""Right posteriors pass, wrong ones fail. Oracle: normal posteriors, known in closed form."""

import numpy as np
import pytest
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.statistics import posterior_tests

PROPERTIES, WIDTH = 4, 0.3
CORRELATED = np.linalg.cholesky(np.full((PROPERTIES, PROPERTIES), 0.8) + 0.2 * np.eye(PROPERTIES))


def posteriors(seed, halos=200, draws=150, shift=0.0, scale=1.0, root=CORRELATED):
    """Samples of a posterior, and truths from the right one: correlated, about random means."""
    generator = np.random.default_rng(seed)
    mean = generator.standard_normal((halos, PROPERTIES))
    truth = mean + WIDTH * generator.standard_normal((halos, PROPERTIES)) @ CORRELATED.T
    noise = generator.standard_normal((halos, draws, PROPERTIES)) @ root.T
    return mean[:, None] + WIDTH * (shift + scale * noise), truth


WRONG = {
    "biased": {"shift": 0.6},
    "too narrow": {"scale": 0.7},
    "too wide": {"scale": 1.4},
    "without correlations": {"root": np.eye(PROPERTIES)},
}


@pytest.mark.parametrize("references", posterior_tests.REFERENCES)
def test_p_values_of_right_posteriors_are_uniform(references):
    """Of 60 p values, 6 +- 2.3 should be below 0.1: 15 or more has a chance of 1e-3."""
    found = [
        posterior_tests.expected_coverage(
            *posteriors(seed, halos=60, draws=50), references, repeats=3, draws=99, seed=seed
        ).p_value
        for seed in range(60)
    ]
    assert sum(p <= 0.1 for p in found) < 15
    assert stats.kstest(found, "uniform").pvalue > 1e-3  # in both directions


@pytest.mark.parametrize("name", WRONG)
def test_wrong_posteriors_fail(name):
    samples, truth = posteriors(1, **WRONG[name])
    assert posterior_tests.expected_coverage(samples, truth, "posterior").p_value < 0.01


@pytest.mark.parametrize("name", ["too narrow", "too wide"])
def test_wrong_widths_fail_with_reference_points_of_the_population(name):
    samples, truth = posteriors(1, **WRONG[name])
    assert posterior_tests.expected_coverage(samples, truth).p_value < 0.01


def test_coverage_follows_from_the_normal_distribution():
    """One property: the share within |t - r| of r is a difference of normal probabilities."""
    generator = np.random.default_rng(1)
    halos, spread = 4000, 1.5
    samples = generator.standard_normal((halos, 200, 1))
    truth = spread * generator.standard_normal((halos, 1))
    found = posterior_tests.expected_coverage(samples, truth, "posterior", repeats=1, draws=9)
    reference, other = generator.standard_normal(200_000), generator.standard_normal(200_000)
    radius = np.abs(spread * other - reference)
    share = stats.norm.cdf(reference + radius) - stats.norm.cdf(reference - radius)
    expected = [(share < level).mean() for level in found.table["level"]]
    # 4000 halos: at most 0.5 / sqrt(4000) = 0.008 of noise, of which 39 values reach three.
    np.testing.assert_allclose(found.table["coverage"], expected, atol=0.026)
    assert found.deviation > 0.1


def test_the_band_is_that_of_independent_halos():
    """With one reference point, the number of halos below a level is binomial."""
    table = posterior_tests.expected_coverage(*posteriors(2), repeats=1).table
    low, high = stats.binom.ppf([[0.025], [0.975]], 200, table["level"]) / 200
    # Quantiles of 1000 draws of a deviation of up to 0.035: good to about 0.15 of that.
    np.testing.assert_allclose(table["low"], low, atol=0.011)
    np.testing.assert_allclose(table["high"], high, atol=0.011)


def test_ranks_see_what_is_wrong_with_one_property():
    names = list("abcd")
    right = posterior_tests.rank_tests(*posteriors(3), names)
    assert list(right["property"]) == names
    assert (right["p_adjusted"] > 0.01).all()
    # The noise of a mean of 200 uniform numbers is 0.02, that of their spread 0.03 (kurtosis 1.8).
    np.testing.assert_allclose(right["mean"], 0.5, atol=0.08)
    np.testing.assert_allclose(right["spread"], 1, atol=0.12)
    high = posterior_tests.rank_tests(*posteriors(3, shift=0.6), names)
    assert (high["p_adjusted"] < 0.01).all()
    assert (high["mean"] < 0.45).all()
    narrow = posterior_tests.rank_tests(*posteriors(3, scale=0.6), names)
    assert (narrow["p_adjusted"] < 0.01).all()
    assert (narrow["spread"] > 1.1).all()


def test_ranks_are_blind_to_correlations_and_coverage_is_not():
    samples, truth = posteriors(4, root=np.eye(PROPERTIES))
    assert (posterior_tests.rank_tests(samples, truth, list("abcd"))["p_adjusted"] > 0.01).all()
    assert posterior_tests.expected_coverage(samples, truth, "posterior").p_value < 0.01


def test_rank_is_the_share_of_samples_below():
    samples = np.arange(9.0).reshape(1, 9, 1)
    for truth, place in ((-1.0, 0), (3.5, 4), (99.0, 9)):
        (rank,) = posterior_tests.ranks(samples, [[truth]]).ravel()
        assert place / 10 <= rank <= (place + 1) / 10


def test_ranks_of_equal_values_are_uniform():
    """A fraction that is zero in truth and in all samples says nothing against the posterior."""
    found = posterior_tests.ranks(np.zeros((500, 20, 1)), np.zeros((500, 1)))
    assert stats.kstest(found.ravel(), "uniform").pvalue > 1e-3


def test_holm_by_hand():
    np.testing.assert_allclose(posterior_tests.holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(posterior_tests.holm([0.9, 0.8]), [1, 1])


def test_coverage_and_bias_are_those_of_the_closed_form():
    """A shift by 0.6 widths of posteriors that are 1.4 times as wide as they should be."""
    for wrong, coverage, bias in (
        ({}, 0.68, 0.0),
        ({"shift": 0.6}, stats.norm.cdf(1.594) - stats.norm.cdf(-0.394), 0.6),
        ({"scale": 1.4}, 1 - 2 * stats.norm.cdf(-1.4 * 0.9945), 0.0),
    ):
        samples, truth = posteriors(3, halos=2000, draws=400, **wrong)
        found = posterior_tests.offsets(samples, truth, list("abcd"))
        for name, expected in (("coverage", coverage), ("bias", bias)):
            values = found["coverage_68" if name == "coverage" else "bias"]
            assert (abs(values - expected) < 4 * found[f"{name}_error"] + 0.005).all()
    assert found["bias_error"].to_numpy() == pytest.approx(1 / 1.4 / 2000**0.5, rel=0.1)


def test_what_does_not_fit_is_refused():
    samples, truth = posteriors(1, halos=5, draws=11)
    with pytest.raises(ParameterError, match="fit together"):
        posterior_tests.ranks(samples, truth[:-1])
    with pytest.raises(ParameterError, match="fit together"):
        posterior_tests.expected_coverage(samples, truth, repeats=11)
    with pytest.raises(ParameterError, match="finite"):
        posterior_tests.ranks(samples, np.where(truth == truth[0, 0], np.nan, truth))
    with pytest.raises(ParameterError, match="references"):
        posterior_tests.expected_coverage(samples, truth, "anywhere")
