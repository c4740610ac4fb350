"""Weighted conformal intervals against closed forms."""

import numpy as np
import pytest
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.statistics import conformal


def test_equal_weights_are_the_rank_of_split_conformal():
    """The ceil((n + 1) level)-th smallest score; infinite if there are too few."""
    scores = np.random.default_rng(1).permutation(np.arange(1.0, 20.0))
    ones = np.ones(19)
    assert conformal.half_widths(scores, ones, [1.0], 0.68) == [14]  # ceil(13.6)
    assert conformal.half_widths(scores, ones, [1.0], 0.95) == [19]  # exactly 19 of 20
    assert conformal.half_widths(scores, ones, [1.0], 0.96) == [np.inf]
    scaled = conformal.half_widths(scores, 7 * ones, [7.0], 0.68)
    assert scaled == [14]


def test_weights_move_the_quantile_and_a_heavy_halo_has_no_bound():
    scores, weights = [1.0, 2.0, 3.0], [1.0, 1.0, 6.0]
    found = conformal.half_widths(scores, weights, [2.0, 1e-9, 100.0], 0.2)
    assert found.tolist() == [2.0, 2.0, np.inf]


@pytest.mark.parametrize("level", [0.68, 0.95])
def test_intervals_cover_under_a_known_shift_of_the_maps(level):
    """Errors grow with x, and x is normal about 0 in one sample and about 1 in the other."""
    rng = np.random.default_rng(1)
    x, shifted = rng.normal(0, 1, 4000), rng.normal(1, 1, 4000)
    scores, others = (np.abs(rng.normal(0, np.exp(0.7 * one))) for one in (x, shifted))
    plain = conformal.half_widths(scores, np.ones(4000), np.ones(4000), level)
    assert (others <= plain).mean() < level - 0.03
    right = [np.exp(one - 0.5) for one in (x, shifted)]
    found = conformal.half_widths(scores, *right, level)
    assert (others <= found).mean() == pytest.approx(level, abs=0.025)
    estimated = conformal.density_ratio(x[:, None], shifted[:, None])
    for one, other in zip(estimated, right, strict=True):
        np.testing.assert_allclose(np.log(one), np.log(other), atol=0.35)
    found = conformal.half_widths(scores, *estimated, level)
    assert (others <= found).mean() == pytest.approx(level, abs=0.03)


def test_one_calibration_sample_is_right_on_average():
    """Coverage over many small calibrations is between level and level + 1 / (n + 1)."""
    rng, n, level = np.random.default_rng(2), 15, 0.68
    scores = np.abs(rng.normal(size=(4000, n)))
    widths = [conformal.half_widths(one, np.ones(n), [1.0], level)[0] for one in scores]
    covered = 2 * stats.norm.cdf(widths) - 1
    assert level - 0.005 < np.mean(covered) < level + 1 / (n + 1) + 0.005


@pytest.mark.parametrize(
    ("scores", "weights", "own"),
    [
        ([], [], [1.0]),
        ([1.0], [1.0, 1.0], [1.0]),
        ([1.0], [-1.0], [1.0]),
        ([1.0], [0.0], [1.0]),
        ([np.nan], [1.0], [1.0]),
        ([-1.0], [1.0], [1.0]),
    ],
)
def test_what_is_no_calibration_is_refused(scores, weights, own):
    with pytest.raises(ParameterError, match="conformal"):
        conformal.half_widths(scores, weights, own, 0.68)
    with pytest.raises(ParameterError, match="probability"):
        conformal.half_widths([1.0], [1.0], [1.0], 1.5)


@pytest.mark.parametrize(
    ("known", "other"),
    [
        (np.ones((0, 2)), np.ones((3, 2))),
        (np.ones((3, 2)), np.ones((0, 2))),
        (np.ones((3, 2)), np.ones((3, 1))),
        (np.ones(3), np.ones(3)),
        ([[np.nan], [1.0]], [[1.0], [2.0]]),
    ],
)
def test_samples_without_a_density_ratio_are_refused(known, other):
    with pytest.raises(ParameterError, match="densities"):
        conformal.density_ratio(known, other)


def test_samples_that_share_nothing_have_no_bound():
    rng = np.random.default_rng(1)
    weights = conformal.density_ratio(rng.normal(0, 1, (200, 3)), rng.normal(50, 1, (200, 3)))
    scores = np.abs(rng.normal(size=200))
    assert np.isinf(conformal.half_widths(scores, *weights, 0.68)).all()


@pytest.mark.parametrize("level", [0.3, 0.68, 0.95])
def test_half_widths_agree_with_crepes_weighted(level):
    """Its plain intervals are ours; its weighted ones take the next larger score."""
    from crepes_weighted.base import ConformalRegressor

    rng = np.random.default_rng(1)
    errors, weights = rng.normal(size=200), rng.lognormal(size=200)
    own = np.array([1e-3, 0.5, 1.0, 4.0])
    widths = conformal.half_widths(np.abs(errors), np.ones(200), np.ones(4), level)
    plain = ConformalRegressor().fit(errors).predict(np.zeros(4), confidence=level)
    np.testing.assert_allclose(widths, plain[:, 1])
    widths = conformal.half_widths(np.abs(errors), weights, own, level)
    other = ConformalRegressor().fit(errors, likelihood_ratios=weights)
    theirs = other.predict(np.zeros(4), likelihood_ratios=own, confidence=level)[:, 1]
    order = np.sort(np.abs(errors))
    np.testing.assert_array_equal(
        np.searchsorted(order, widths), np.searchsorted(order, theirs) - 1
    )
