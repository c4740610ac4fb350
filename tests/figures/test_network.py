"""Figures of a training, a study and a prediction show their numbers."""

import numpy as np
import pandas as pd
import pytest
from helpers.drawings import SOURCE, SUITES, panels

from cgmhelpers.figures import network
from cgmhelpers.halos.properties import NAMES, PROPERTIES


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


def test_learning_curves_show_the_histories():
    histories = {}
    for number, suite in enumerate(SUITES):
        for fields in ("xray+hi", "xray"):
            loss = np.array([3.0, 1.0, 2.0]) + number
            histories[suite, fields, "ideal"] = pd.DataFrame(
                {"epoch": [0, 1, 2], "train_loss": loss + 1, "validation_loss": loss}
            )
    figure = network.learning_curves(histories, SOURCE)
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == ["X-ray, ideal maps", "X-ray + HI, ideal maps"]
    for axis in shown:
        training, validation, best = axis.lines[:3]
        np.testing.assert_array_equal(training.get_xydata(), [[1, 4], [2, 2], [3, 3]])
        np.testing.assert_array_equal(validation.get_xydata(), [[1, 3], [2, 1], [3, 2]])
        np.testing.assert_array_equal(best.get_xydata(), [[2, 1]])
        assert axis.get_xlabel() == "epoch"


def test_a_failed_training_doesnt_flatten_the_others():
    steps = pd.DataFrame({"epoch": range(5), "train_loss": [5.0, 4, 3, 2, 1]})
    steps["validation_loss"] = steps["train_loss"]
    failed = steps.assign(validation_loss=1e3)
    histories = {(suite, "xray", "ideal"): steps for suite in SUITES[:2]}
    axis = panels(network.learning_curves(histories | {("Astrid", "xray", "ideal"): failed}))[0]
    assert axis.get_ylim()[1] < 100
    assert [text.get_text() for text in axis.texts] == ["Astrid lies above"]


def test_one_prediction_shows_inputs_and_posteriors():
    images = {"xray": np.arange(16.0).reshape(4, 4), "hi": np.eye(4)}
    prediction = pd.DataFrame(
        {
            "property": NAMES,
            "truth": [0.5 * (one.low + one.high) for one in PROPERTIES],
            "mean": [one.high for one in PROPERTIES],
            "std": [0.1 * (one.high - one.low) for one in PROPERTIES],
        }
    )
    shown = panels(network.one_prediction(images, prediction, 256.0, source=SOURCE))
    assert len(shown) == 3
    np.testing.assert_array_equal(shown[1].images[0].get_array(), np.eye(4))
    posterior = shown[2].containers[0]
    np.testing.assert_allclose(posterior.lines[0].get_xdata(), 1)
    half = [np.ptp(segment[:, 0]) / 2 for segment in posterior.lines[2][0].get_segments()]
    np.testing.assert_allclose(half, 0.1)
    truths = next(line for line in shown[2].lines if line.get_label() == "truth")
    np.testing.assert_allclose(truths.get_xdata(), 0.5)
    assert shown[0].get_xlabel() == "kpc"
