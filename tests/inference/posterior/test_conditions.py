"""Calibration by conditions finds what was put in, and leaves alone what is right."""

import json

import numpy as np
import pytest
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.inference.posterior.conditions import REACH, Conditions
from cgmhelpers.statistics.metrics import ONE_SIGMA


def made(halos=4000, times=3, seed=1, shape=stats.norm):
    """Deviations whose mean and width are those of a closed form in the redshift, and halos."""
    generator = np.random.default_rng(seed)
    log_z = generator.uniform(-2, -1.3, halos * times)
    other = generator.standard_normal(halos * times)
    unit = (log_z - log_z.mean()) / log_z.std()
    own = np.repeat(shape.rvs(size=(halos, 2), random_state=generator), times, axis=0)
    mean = np.stack([0.2 - 0.3 * unit, np.zeros_like(unit)], axis=1)
    width = np.stack([np.exp(0.1 + 0.2 * unit), np.ones_like(unit)], axis=1)
    conditions = np.stack([log_z, other], axis=1)
    return mean + width * own, conditions, np.repeat(np.arange(halos), times), mean, width


def test_a_known_dependence_on_redshift_is_recovered():
    normal, conditions, halo, mean, width = made()
    found = Conditions.fit(normal, conditions, halo, ["redshift", "other"])
    shift, stretch = found(conditions)
    # 4000 halos: a mean is known to 0.016 widths, a width to 1.4%.
    assert abs(shift - mean).max(axis=0) == pytest.approx([0, 0], abs=0.12)
    assert abs(np.log(stretch / width)).max(axis=0) == pytest.approx([0, 0], abs=0.12)
    assert np.sqrt(np.mean((shift - mean) ** 2)) < 0.04
    assert np.sqrt(np.mean(np.log(stretch / width) ** 2)) < 0.04
    assert found.halos == 4000


def test_coverage_holds_where_deviations_are_not_normal():
    """Flat ones: at the likeliest width 58% of them are within it."""
    normal, conditions, halo, *_ = made(shape=stats.uniform(-(3**0.5), 2 * 3**0.5))
    shift, stretch = Conditions.fit(normal, conditions, halo, ["redshift", "other"])(conditions)
    inside = abs(normal - shift) < stretch
    assert inside.mean(axis=0) == pytest.approx([ONE_SIGMA] * 2, abs=0.01)
    low = conditions[:, 0] < -1.9
    assert inside[low].mean(axis=0) == pytest.approx([ONE_SIGMA] * 2, abs=0.03)


@pytest.mark.parametrize("halos", [12, 150])
def test_few_halos_make_no_posterior_too_narrow(halos):
    """Nothing is wrong, and nine conditions are noise: further halos are covered all the same.

    Coefficients without `SPREADS`, judged by their own halos, cover 4% and 61%.
    """
    generator, covered, names = np.random.default_rng(2), [], list("abcdefghi")
    for _ in range(240 // halos + 5):
        seen, further = (generator.standard_normal((number, 2)) for number in (halos, 1000))
        conditions, others = (generator.standard_normal((number, 9)) for number in (halos, 1000))
        shift, stretch = Conditions.fit(seen, conditions, np.arange(halos), names)(others)
        covered.append(np.mean(abs(further - shift) < stretch))
    assert np.mean(covered) == pytest.approx(ONE_SIGMA, abs=0.06)


def test_beyond_all_halos_it_stays_as_it_is():
    normal, conditions, halo, *_ = made(halos=300)
    found = Conditions.fit(normal, conditions, halo, ["redshift", "other"])
    edge = np.array([found.centre]) + REACH * np.array([found.width])
    np.testing.assert_allclose(found(np.full((1, 2), 1e6)), found(edge))
    assert found(edge)[0][0, 0] < found(conditions)[0][:, 0].max()


def test_a_slope_that_depends_on_redshift_is_recovered():
    normal, conditions, halo, mean, _ = made()
    unit = (conditions - conditions.mean(axis=0)) / conditions.std(axis=0)
    more = 0.2 * unit.prod(axis=1, keepdims=True)
    names, error = ["redshift", "other"], {}
    for told in (0, 1):
        shift, _ = Conditions.fit(normal + more, conditions, halo, names, told)(conditions)
        error[told] = np.sqrt(np.mean((shift - mean - more) ** 2))
    assert error[1] < 0.05 < 0.15 < error[0]


def test_json_keeps_it():
    normal, conditions, halo, *_ = made(halos=50)
    found = Conditions.fit(normal, conditions, halo, ["redshift", "other"], told=1)
    again = Conditions.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    np.testing.assert_array_equal(again(conditions), found(conditions))


@pytest.mark.parametrize("normal", [np.empty((0, 2)), np.full((4, 2), np.nan)])
def test_what_cannot_be_fitted_says_so(normal):
    with pytest.raises(ParameterError, match="can't be calibrated"):
        Conditions.fit(normal, np.zeros((len(normal), 1)), np.arange(len(normal)), ["a"])
