"""Figures of joint posteriors show what they are given."""

import numpy as np
import pandas as pd
import pytest
from helpers.drawings import every_text, inferred
from scipy import stats

from cgmhelpers.figures import posterior
from cgmhelpers.halos.properties import NAMES


def test_corner_shows_truth_regions_and_the_moments():
    one = inferred(draws=200).isel(halo=0)
    truth, mean, std = one["truth"].values, np.linspace(-1, 1, 6), np.full(6, 0.5)
    figure = posterior.corner(one["samples"], truth, mean, std, NAMES, "a halo", "the mock suite")
    figure.canvas.draw()
    assert {"a halo", "the mock suite", "flow", "moment network"} <= set(every_text(figure))
    axes = np.reshape(figure.axes, (6, 6))
    assert [axis.axison for axis in axes.ravel()] == np.tri(6, dtype=bool).ravel().tolist()
    larger, smaller, cross = axes[4, 2].lines
    assert cross.get_xydata().tolist() == [[truth[2], truth[4]]]
    # 68.3% and 95% of a normal distribution in two dimensions.
    for line, level in ((larger, 0.95), (smaller, 0.6827)):
        radius = np.sqrt(-2 * np.log(1 - level)) * 0.5
        assert line.get_xdata().max() == pytest.approx(mean[2] + radius, rel=1e-3)
    low, high = axes[4, 2].get_xlim()
    assert low < larger.get_xdata().min() < larger.get_xdata().max() < high


def test_filled_regions_hold_their_share_of_the_samples():
    generator = np.random.default_rng(2)
    root = np.linalg.cholesky([[1, 0.8], [0.8, 1]])
    samples = generator.standard_normal((1500, 2)) @ root.T
    zero = np.zeros(2)
    figure = posterior.corner(samples, zero, zero, np.ones(2), NAMES[:2])
    outer, inner = figure.axes[2].collections
    for region, level in ((outer, 0.95), (inner, 0.68)):
        inside = region.get_paths()[0].contains_points(samples)
        # Kernel smoothing widens regions slightly; the noise of 1500 samples is 0.012.
        assert inside.mean() == pytest.approx(level, abs=0.05)


def test_posteriors_of_fractions_end_at_their_bounds():
    """Half of a normal distribution: reflected at zero, its density is that of scipy."""
    generator = np.random.default_rng(5)
    names = ["log_m_halo", "f_cool"]
    samples = np.abs(generator.standard_normal((4000, 2))) * [1, 0.1]
    moments = np.array([0.8, 0.08]), np.array([0.6, 0.06])
    figure = posterior.corner(samples, np.array([0.5, 0.05]), *moments, names)
    axes = np.reshape(figure.axes, (2, 2))
    assert axes[1, 1].get_xlim()[0] == axes[1, 0].get_ylim()[0] == 0
    assert axes[0, 0].get_xlim()[0] < 0  # a mass has no such bound
    for region in axes[1, 0].collections:
        for path in region.get_paths():
            assert path.vertices[:, 1].min() >= 0
    (filled,) = axes[1, 1].collections
    vertices = filled.get_paths()[0].vertices
    expected = stats.halfnorm.pdf(0.02, scale=0.1)
    near = vertices[(np.abs(vertices[:, 0] - 0.02) < 2e-3) & (vertices[:, 1] > 0), 1]
    # Smoothing by 0.02 and 4000 samples: a few per cent; without the bound it would be half.
    assert near.max() == pytest.approx(expected, rel=0.1)


def test_learning_curves_mark_what_was_kept():
    history = pd.DataFrame(
        {"step": [20, 40, 60], "training_loss": [3, 2, 1], "validation_loss": [3, 2, 2.5]}
    )
    (axis,) = posterior.flow_training({"SIMBA": history}).axes
    (kept,) = [line for line in axis.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert kept.get_xydata().tolist() == [[40, 2]]


def test_matrices_show_the_lower_triangle():
    matrix = np.full((6, 6), -0.25)
    figure = posterior.correlation_matrices({"SIMBA": matrix, "Astrid": matrix}, NAMES)
    assert every_text(figure).count("−.25") == 2 * 15
