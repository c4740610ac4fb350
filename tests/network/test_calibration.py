"""Recalibration against distributions whose widths are known, and scipy's likelihood."""

import json

import numpy as np
import pytest
from scipy import optimize, stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.network.calibration import Calibration, coverage_noise, inferred_class
from cgmhelpers.statistics.metrics import ONE_SIGMA, coverage, reduced_chi2

NAMES = ("log_m_halo", "f_cgm")
HALOS = 6000


def posteriors(scale=1.0, floor=0.0, halos=HALOS, seed=1):
    """Truths, means and claimed widths; true widths are scale * hypot(claim, floor)."""
    rng = np.random.default_rng(seed)
    std = 10 ** rng.uniform(-3, -1, size=(halos, 2))
    mean = np.stack([rng.uniform(11.5, 13.5, halos), rng.uniform(0, 0.2, halos)], axis=1)
    truth = mean + scale * np.hypot(std, floor) * rng.normal(size=(halos, 2))
    return truth, mean, std


def fit(truth, mean, std, **options):
    return Calibration.fit(truth, mean, std, np.arange(len(truth)), NAMES, **options)


@pytest.mark.parametrize("scale", [1.0, 0.5, 3.0])
@pytest.mark.parametrize("floor", [0.0, 0.02])
def test_known_scale_and_floor_are_found(scale, floor):
    found = fit(*posteriors(scale, floor), fewest=HALOS + 1)
    # Steps between floors are 12%, the scatter of a 68% quantile of 6000 halos is 1.3%.
    np.testing.assert_allclose(found.scale["all"], scale, rtol=0.08)
    if floor:
        np.testing.assert_allclose(found.floor, floor, rtol=0.2)
    else:
        assert max(found.floor) < 0.004  # of widths from 0.001 to 0.1
    other = posteriors(scale, floor, seed=2)
    std = found(other[1], other[2])
    inside = coverage(other[0], other[1], std)
    np.testing.assert_allclose(inside, ONE_SIGMA, atol=0.025)  # two binomials of 6000, 3 times
    np.testing.assert_allclose(reduced_chi2(other[0], other[1], std), 1, rtol=0.2)


def test_widths_of_nearly_zero_are_mended_and_a_scale_alone_would_not():
    truth, mean, std = posteriors()
    std = np.where(np.random.default_rng(3).uniform(size=std.shape) < 0.1, 1e-7, std)
    assert (reduced_chi2(truth, mean, std) > 1e6).all()
    found = fit(truth, mean, std)
    # Claims span two decades here, so that one floor can mend them only in part.
    assert (reduced_chi2(truth, mean, found(mean, std)) < 5).all()
    scaled = np.quantile(np.abs(truth - mean) / std, ONE_SIGMA, axis=0) * std
    assert (reduced_chi2(truth, mean, scaled) > 1e6).all()


def test_floor_has_the_highest_likelihood():
    """Against scipy's minimisation of its own normal density, over floor and scale together."""
    truth, mean, std = posteriors(1.7, 0.03, halos=500)
    found = fit(truth, mean, std)
    for number in range(2):
        error, width = truth[:, number] - mean[:, number], std[:, number]

        def cost(logs, error=error, width=width):
            scale, floor = np.exp(logs)
            return -stats.norm.logpdf(error, scale=scale * np.hypot(width, floor)).sum()

        best = optimize.minimize(cost, np.log([1, 0.01]), method="Nelder-Mead")
        assert found.floor[number] == pytest.approx(np.exp(best.x[1]), rel=0.07)  # half a step


def test_classes_are_those_of_the_inferred_mass():
    truth, mean, std = posteriors()
    light = mean[:, 0] < 12
    truth[light] = mean[light] + 3 * (truth - mean)[light]
    truth[:, 0] += 5.0 * (np.arange(HALOS) == 0)  # one halo's truth in another class than inferred
    found = fit(truth, mean, std)
    assert set(found.scale) == {"all", "sub_l_star", "l_star", "group"}
    assert found.scale["sub_l_star"][1] == pytest.approx(3, rel=0.1)
    assert found.scale["l_star"][1] == pytest.approx(1, rel=0.1)
    recalibrated = found(mean, std)
    for own in (light, ~light):
        inside = coverage(truth[own], mean[own], recalibrated[own])
        np.testing.assert_allclose(inside, ONE_SIGMA, atol=0.03)
    # One for all: too short for the light halos, too long for the others.
    alike = fit(truth, mean, std, fewest=HALOS + 1)(mean, std)
    assert coverage(truth[light], mean[light], alike[light])[1] < 0.6
    names = inferred_class([[11.0, 0], [11.7, 0], [12.0, 0], [15.0, 0]], NAMES)
    assert names.tolist() == ["sub_l_star", "sub_l_star", "l_star", "group"]
    assert set(inferred_class(mean, ["f_cgm", "f_cool"])) == {"all"}


def test_halos_count_and_not_their_projections():
    truth, mean, std = posteriors(halos=90)
    mean[:, 0] = np.where(np.arange(90) < 60, 11.7, 12.5)
    by_map = Calibration.fit(truth, mean, std, np.arange(90), NAMES, fewest=40)
    by_halo = Calibration.fit(truth, mean, std, np.arange(90) // 3, NAMES, fewest=40)
    assert by_map.halos == {"all": 90, "sub_l_star": 60}
    assert by_halo.halos == {"all": 30}


def population(counts, widths, rng):
    """Normal posteriors of each class, too narrow by a known factor of it."""
    masses = {"sub_l_star": 11.7, "l_star": 12.5, "group": 13.3}
    log_mass = np.repeat([masses[name] for name in counts], list(counts.values()))
    factor = np.repeat([widths[name] for name in counts], list(counts.values()))
    mean = np.stack([log_mass, np.full(len(log_mass), 0.1)], axis=1)
    std = 10 ** rng.uniform(-2, -1.5, mean.shape)
    return mean + factor[:, None] * std * rng.normal(size=mean.shape), mean, std


@pytest.mark.parametrize("groups", [8, 20, 50])
@pytest.mark.parametrize("width", [0.7, 1.0, 2.1])
def test_every_class_is_covered_however_few_its_validation_halos_are(groups, width):
    """Groups whose errors differ from those of all other halos, over many validation samples."""
    rng = np.random.default_rng(groups)
    widths = {"sub_l_star": 1.0, "l_star": 1.1, "group": width}
    few = {"sub_l_star": 300, "l_star": 100, "group": groups}
    many = dict.fromkeys(few, 3000)
    truth, mean, std = population(many, widths, rng)
    classes = inferred_class(mean, NAMES)
    found = {name: [] for name in few}
    for _ in range(60):
        calibration = fit(*population(few, widths, rng))
        assert calibration.halos == {"all": 400 + groups, **few}
        recalibrated = calibration(mean, std)
        for name, shares in found.items():
            own = classes == name
            shares += coverage(truth[own], mean[own], recalibrated[own]).tolist()
    for name, shares in found.items():
        # The common scale alone covers 35% of groups whose errors are twice as large.
        assert 0.6 < np.mean(shares) < 0.76, (name, np.mean(shares))
        # What a single calibration is off by is foretold.
        off = np.sqrt(np.mean((np.array(shares) - ONE_SIGMA) ** 2))
        assert off < 1.6 * np.hypot(coverage_noise(few[name]), np.sqrt(0.22 / 3000))


def test_noise_of_the_coverage_is_that_of_a_quantile():
    """500 halos know the coverage as well as a binomial draw of as many; none, to a third."""
    assert coverage_noise(500) == pytest.approx(
        np.sqrt(ONE_SIGMA * (1 - ONE_SIGMA) / 500), rel=0.01
    )
    assert coverage_noise(0) == pytest.approx(2 * stats.norm.pdf(1) * np.log(2))


def test_scales_of_classes_lie_between_their_own_and_the_common_one():
    truth, mean, std = population(
        {"sub_l_star": 300, "l_star": 4, "group": 10},
        {"sub_l_star": 1, "l_star": 3, "group": 3}, np.random.default_rng(2),
    )  # fmt: skip
    found = fit(truth, mean, std)
    assert set(found.scale) == {"all", "sub_l_star", "group"}  # four halos have the common one
    floored = np.hypot(std, found.floor)
    own = np.quantile(
        (np.abs(truth - mean) / floored)[inferred_class(mean, NAMES) == "group"],
        ONE_SIGMA, axis=0, method="weibull",
    )  # fmt: skip
    common, group = np.array(found.scale["all"]), np.array(found.scale["group"])
    assert (common < group).all()
    assert (group < own).all()
    weight = np.log(group / common) / np.log(own / common)
    # 0.925 / n is the variance of the quantile's logarithm, ln 2 the spread of the classes.
    np.testing.assert_allclose(weight, 10 / (10 + 0.925 / np.log(2) ** 2), rtol=1e-3)


def test_calibration_survives_json():
    found = fit(*posteriors(2.0, halos=300))
    again = Calibration.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    assert len(found.scale) > 1


def test_calibrations_of_earlier_networks_are_read_as_they_were():
    """Networks trained before scales were hierarchical lack those of classes with few halos."""
    written = {
        "properties": ["log_m_halo", "f_cgm"],
        "floor": [0.03, 0.04],
        "scale": {"all": [1.5, 2.0], "sub_l_star": [3.0, 0.5]},
        "halos": {"all": 120, "sub_l_star": 80},
    }
    found = Calibration.from_dict(written)
    mean = [[11.7, 0.1], [13.5, 0.1]]  # a light halo, and one of a class that has no scale
    std = found(np.array(mean), np.array([[0.04, 0.03], [0.04, 0.03]]))
    np.testing.assert_allclose(std, [[0.15, 0.025], [0.075, 0.1]])
    assert Calibration.from_dict(found.to_dict()) == found


def test_nothing_and_nonsense_are_refused():
    truth, mean, std = posteriors(halos=10)
    with pytest.raises(ParameterError, match="can't be calibrated"):
        fit(truth[:0], mean[:0], std[:0])
    truth[3, 1] = np.nan
    with pytest.raises(ParameterError, match="without a truth"):
        fit(truth, mean, std)
