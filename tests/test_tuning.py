"""A study of a few trials: it resumes, keeps to its ranges, and returns the best."""

import optuna
import pytest
from blobs import blobs

from cgmhelpers import checkpoint, tuning
from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.training import TrainingSettings

SETTINGS = TrainingSettings(epochs=1, batch_size=32, threads=1)


@pytest.fixture(autouse=True)
def _quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def search(folder, trials, **options):
    return tuning.tune(
        blobs(), ["hi"], "ideal", folder, SETTINGS,
        trials=trials, channels=(2, 4), progress=False, **options,
    )  # fmt: skip


def test_study_resumes_and_returns_the_best(tmp_path):
    search(tmp_path, 2)
    best = search(tmp_path, 4)
    assert search(tmp_path, 4) == best  # nothing left to do
    trials = tuning.open_study(tmp_path).trials
    assert len(trials) == 4
    assert len({trial.params["dropout"] for trial in trials}) == 4  # none drawn twice
    losses = [
        checkpoint.read_description(tmp_path / f"trial_{number}")["validation_loss"]
        for number in range(4)
    ]
    assert [trial.value for trial in trials] == losses
    expected = trials[losses.index(min(losses))].params
    assert best == SETTINGS.model_copy(update=expected)
    assert best.epochs == SETTINGS.epochs
    for trial in trials:
        assert 1e-5 <= trial.params["learning_rate"] <= 5e-3
        assert 1e-8 <= trial.params["weight_decay"] <= 1e-1
        assert 0 <= trial.params["dropout"] <= 0.9
        assert 2 <= trial.params["channels"] <= 4


def test_diverged_training_is_a_failed_trial(tmp_path, monkeypatch):
    whole, calls = tuning.train, []

    def sometimes(*arguments, **options):
        calls.append(arguments)
        home = whole(*arguments, **options)
        if len(calls) == 1:
            raise ResultError("The training loss is no longer a number.")
        return home

    monkeypatch.setattr(tuning, "train", sometimes)
    search(tmp_path, 1)
    states = [trial.state.name for trial in tuning.open_study(tmp_path).trials]
    assert states == ["FAIL", "COMPLETE"]


def test_study_of_diverged_trainings_ends(tmp_path, monkeypatch):
    def never(*arguments, **options):
        raise ResultError("The training loss is no longer a number.")

    monkeypatch.setattr(tuning, "train", never)
    with pytest.raises(ResultError, match="No trial"):
        search(tmp_path, 2)


def test_impossible_studies_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="can't be made"):
        search(tmp_path, 0)
    with pytest.raises(ParameterError, match="can't be chosen"):
        tuning.tune(blobs(), ["radio"], "ideal", tmp_path, SETTINGS, trials=1, progress=False)
