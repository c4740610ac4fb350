"""Scores of posteriors. Oracles: integrals, double sums, and normal distributions."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate, stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.statistics import scores

NAMES = ["log_m_halo", "f_cgm"]


@pytest.mark.parametrize(("truth", "mean", "std"), [(0.0, 0.0, 1.0), (3.0, 1.0, 0.5), (-1, 2, 4)])
def test_crps_of_a_normal_is_its_integral(truth, mean, std):
    def squared(x):
        return (stats.norm.cdf(x, mean, std) - (x >= truth)) ** 2

    edges = (mean - 12 * std, truth, mean + 12 * std)
    expected = sum(integrate.quad(squared, *pair)[0] for pair in pairwise(edges))
    assert scores.crps_normal(truth, mean, std) == pytest.approx(expected, rel=1e-6)


def test_crps_of_samples_is_the_double_sum():
    generator = np.random.default_rng(1)
    samples, truth = generator.random((3, 7, 2)), generator.random((3, 2))
    found = scores.crps_samples(samples, truth)
    pairs = np.abs(samples[:, :, None] - samples[:, None]).sum(axis=(1, 2)) / (7 * 6)
    expected = np.abs(samples - truth[:, None]).mean(axis=1) - pairs / 2
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_crps_of_normal_samples_is_that_of_the_normal():
    generator = np.random.default_rng(2)
    mean, truth = generator.standard_normal((2, 300, 1))
    samples = mean[:, None] + 0.5 * generator.standard_normal((300, 400, 1))
    found = scores.crps_samples(samples, truth) - scores.crps_normal(
        truth, mean, np.full_like(mean, 0.5)
    )
    # The estimate has no bias; its noise is about 0.5 / sqrt(400), over 300 halos 0.0015.
    assert abs(found.mean()) < 5e-3


def halos(number=400, seed=3, shown=1.0):
    """Truths, right and correlated samples, and normal predictions of `shown` times the width."""
    generator = np.random.default_rng(seed)
    root = np.linalg.cholesky([[1, 0.9], [0.9, 1]])
    mean = generator.standard_normal((number, 2))
    truth = mean + generator.standard_normal((number, 2)) @ root.T
    samples = mean[:, None] + generator.standard_normal((number, 200, 2)) @ root.T
    log_prob = stats.multivariate_normal(cov=root @ root.T).logpdf(truth - mean)
    inferred = xr.Dataset(
        {
            "truth": (("halo", "property"), truth),
            "samples": (("halo", "draw", "property"), samples),
            "log_prob": ("halo", log_prob),
        },
        {
            "property": NAMES,
            "suite": ("halo", ["A"] * number),
            "set_name": ("halo", ["CV"] * number),
            "realisation": ("halo", [0] * number),
            "group": ("halo", np.arange(number)),
        },
    )
    table = pd.DataFrame(
        {
            "suite": "A",
            "set_name": "CV",
            "realisation": 0,
            "group": np.repeat(np.arange(number), 2),
            "property": np.tile(NAMES, number),
            "truth": truth.ravel(),
            "mean": mean.ravel(),
            "std": shown,
        }
    )
    return inferred, table


def test_the_flow_gains_nothing_on_single_properties_that_are_normal():
    found = scores.compare(*halos()).set_index("property")
    assert list(found.index) == [*NAMES, "joint"]
    assert (found["n"] == 400).all()
    assert (found.loc[NAMES, "low"] < 0.01).all()
    assert (found.loc[NAMES, "high"] > -0.01).all()
    # What two independent normals lose to the correlated one: -ln(1 - 0.81) / 2 nats.
    gain = found.loc["joint"]
    assert gain["low"] < -0.5 * np.log(0.19) < gain["high"]
    assert gain["low"] > 0


def test_the_flow_gains_where_the_widths_are_wrong():
    found = scores.compare(*halos(shown=2.0)).set_index("property")
    assert (found.loc[NAMES, "low"] > 0).all()
    assert (found["low"] < found["gain"]).all()
    assert (found["gain"] < found["high"]).all()
    expected = 1 - found.loc[NAMES, "flow"] / found.loc[NAMES, "moments"]
    np.testing.assert_allclose(found.loc[NAMES, "gain"], expected)


def test_halos_are_matched_by_their_names():
    inferred, table = halos(50)
    expected = scores.compare(inferred, table)
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(scores.compare(inferred, shuffled), expected)
    with pytest.raises(ParameterError, match="no prediction"):
        scores.compare(inferred, table[table["group"] > 0])


def test_correlations_within_halos_are_not_those_of_the_population():
    inferred, _ = halos()
    opposed = inferred["samples"].values + 100 * np.arange(400)[:, None, None] * [1, -1]
    found = scores.correlations(opposed)
    # 200 draws: 0.013 of noise per halo, and a bias of -0.0004.
    np.testing.assert_allclose(found, [[1, 0.9], [0.9, 1]], atol=0.005)
