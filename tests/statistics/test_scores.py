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


def test_scores_are_integrals_and_double_sums():
    inferred, table = halos(4, shown=0.7)
    found = scores.compare(inferred, table).set_index("property")
    expected = []
    for row in table[table["property"] == NAMES[1]].itertuples():

        def squared(x, row=row):
            return (stats.norm.cdf(x, row.mean, row.std) - (x >= row.truth)) ** 2

        edges = (row.mean - 20 * row.std, row.truth, row.mean + 20 * row.std)
        expected.append(sum(integrate.quad(squared, *pair)[0] for pair in pairwise(edges)))
    assert found.loc[NAMES[1], "moments"] == pytest.approx(np.mean(expected), rel=1e-6)
    samples, truth = inferred["samples"].values, inferred["truth"].values
    number = samples.shape[1]
    pairs = np.abs(samples[:, :, None] - samples[:, None]).sum(axis=(1, 2)) / number / (number - 1)
    expected = (np.abs(samples - truth[:, None]).mean(axis=1) - pairs / 2).mean(axis=0)
    np.testing.assert_allclose(found.loc[NAMES, "flow"], expected, rtol=1e-12)


def test_samples_of_the_normal_score_as_the_normal_does():
    found = scores.compare(*halos()).set_index("property").loc[NAMES]
    # The estimate has no bias; its noise is about 1 / sqrt(200), over 400 halos 0.0035.
    np.testing.assert_allclose(found["flow"], found["moments"], atol=0.015)


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
