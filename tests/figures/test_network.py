"""Figures of a study show its numbers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cgmhelpers.figures import network


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def trials():
    return pd.DataFrame(
        {
            "number": range(4),
            "state": ["complete", "complete", "pruned", "complete"],
            "validation_loss": [2.0, 3.0, 4.0, 1.0],
            "learning_rate": [1e-5, 1e-4, 1e-3, 1e-3],
            "weight_decay": [1e-8, 1e-6, 1e-5, 1e-4],
            "dropout": [0.0, 0.1, 0.9, 0.4],
            "channels": [6, 8, 12, 10],
        }
    )


def test_history_holds_every_trial_and_the_best_so_far(trials):
    line, complete, pruned = network.tuning_history(trials).axes[0].lines
    np.testing.assert_array_equal(line.get_xydata(), [[0, 2], [1, 2], [3, 1]])
    np.testing.assert_array_equal(complete.get_xydata(), [[0, 2], [1, 3], [3, 1]])
    np.testing.assert_array_equal(pruned.get_xydata(), [[2, 4]])


def test_importances_are_bars_or_words():
    figure = network.tuning_importances(pd.Series({"dropout": 0.7, "channels": 0.3}))
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0.3, 0.7]
    few = network.tuning_importances(pd.Series(dtype=float)).axes[0]
    assert [text.get_text() for text in few.texts] == ["too few trials to tell"]


def test_parallel_coordinates_end_with_the_best_trial_in_black(trials):
    axis = network.tuning_parallel(trials).axes[0]
    lines = [line for line in axis.lines if len(line.get_xdata()) == 4]
    assert len(lines) == 3  # the pruned one isn't among them
    assert lines[-1].get_color() == "black"
    np.testing.assert_allclose(lines[-1].get_ydata(), 1)  # the largest of each
    # Trial 1 is half way in the logarithm of its rates, and in channels.
    np.testing.assert_allclose(lines[0].get_ydata(), [0.5, 0.5, 0.25, 0.5])
    assert len(network.tuning_parallel(trials[:1]).axes[0].lines) == 5
