"""A study of a few trials: it resumes, is shared, prunes, keeps to its ranges, finds the best."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from helpers.blobs import blobs
from helpers.failing_tasks import tune_together

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError, ResultError
from cgmhelpers.inference import prediction
from cgmhelpers.maps import store as map_store
from cgmhelpers.network import checkpoint, studies, tuning
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.task import Task
from cgmhelpers.runs import network_stages
from cgmhelpers.system import heartbeat, parallel

SETTINGS = TrainingSettings(epochs=1, batch_size=32, threads=1, channels=3)


def search(folder, trials, settings=SETTINGS, **options):
    task = Task(blobs(), ["hi"], "ideal", settings)
    return tuning.tune(task, folder, trials=trials, progress=False, **options)


def test_study_resumes_and_returns_the_best(tmp_path, capfd):
    search(tmp_path, 2)
    assert capfd.readouterr() == ("", "")
    assert studies.is_tuned(tmp_path, 2)
    assert not studies.is_tuned(tmp_path, 4)
    best = search(tmp_path, 4)
    assert search(tmp_path, 4) == best  # nothing left to do
    table = studies.trials_table(tmp_path)
    assert table["state"].tolist() == ["complete"] * 4
    assert table["dropout"].nunique() == 4  # none drawn twice
    losses = [checkpoint.read_description(one)["validation_loss"] for one in table["folder"]]
    assert table["validation_loss"].tolist() == losses
    assert best == tmp_path / f"trial_{np.argmin(losses)}"
    assert prediction.load(best).fields == ("hi",)
    first = table.iloc[0]
    for name in studies.TUNED:  # begins with what it was given
        assert first[name] == getattr(SETTINGS, name)
    assert table["learning_rate"].between(1e-5, 5e-3).all()
    assert table["weight_decay"].between(1e-8, 1e-1).all()
    assert table["dropout"].between(0, 0.9).all()
    assert table["channels"].between(2, 4).all()


def losses_that_are_told(monkeypatch, losses, epochs=4):
    """Let a trial's training be as good as this list says, without training."""
    left = iter(losses)

    def train(task, folder, *, report, progress):
        loss = next(left)
        if loss is None:
            raise ResultError("The training loss is no longer a number.")
        folder.mkdir(parents=True, exist_ok=True)
        for epoch in range(epochs):
            report([{"epoch": n, "validation_loss": loss - 0.1 * n} for n in range(epoch + 1)])
        description = {"format": checkpoint.FORMAT, "validation_loss": loss - 0.1 * (epochs - 1)}
        (folder / checkpoint.DESCRIPTION).write_text(json.dumps(description))
        return folder

    monkeypatch.setattr(tuning, "train_task", train)


def test_hopeless_trials_are_pruned(tmp_path, monkeypatch):
    """Against the rule: after four trials, worse than the median at an epoch after warm-up."""
    losses_that_are_told(monkeypatch, [3, 9, 1, 2, 2.7, 1.5])
    best = search(tmp_path, 6, SETTINGS.model_copy(update={"epochs": 4}))
    table = studies.trials_table(tmp_path)
    assert best.name == "trial_2"
    expected = ["complete"] * 4 + ["pruned", "complete"]  # 2.7 > median(3, 9, 1, 2) = 2.5 > 1.5
    assert table["state"].tolist() == expected
    assert table["epochs"].tolist() == [4, 4, 4, 4, 2, 4]  # the first epoch is warm-up
    assert table["validation_loss"][4] == pytest.approx(2.6)
    assert not table["folder"][4].exists()


def test_diverged_training_is_a_failed_trial(tmp_path, monkeypatch):
    losses_that_are_told(monkeypatch, [None, 1.0, 2.0])
    search(tmp_path, 2)
    assert studies.trials_table(tmp_path)["state"].tolist() == ["fail", "complete", "complete"]


def test_study_of_diverged_trainings_ends(tmp_path, monkeypatch):
    losses_that_are_told(monkeypatch, [None] * 9)
    with pytest.raises(ResultError, match="No trial"):
        search(tmp_path, 2)


def test_importances_name_what_the_loss_depends_on(tmp_path, monkeypatch):
    losses_that_are_told(monkeypatch, [1.0, 2.0])
    search(tmp_path, 2)
    assert studies.importances(tmp_path).empty
    study = studies.open_study(tmp_path)
    log_uniform = optuna.distributions.FloatDistribution(1e-5, 5e-3, log=True)
    uniform = optuna.distributions.FloatDistribution(0.0, 0.9)
    for rate, dropout in np.random.default_rng(1).uniform(size=(30, 2)):
        study.add_trial(
            optuna.trial.create_trial(
                value=np.log10(rate),
                params={"learning_rate": 1e-5 * 500**rate, "dropout": 0.9 * dropout},
                distributions={"learning_rate": log_uniform, "dropout": uniform},
            )
        )
    found = studies.importances(tmp_path)
    assert found.index[0] == "learning_rate"
    assert found["learning_rate"] > 0.8
    assert found.sum() == pytest.approx(1)


KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
import test_tuning
from cgmhelpers.network import checkpoint
whole = checkpoint.write_resume
def write(folder, fingerprint, network, best, optimizer, history):
    whole(folder, fingerprint, network, best, optimizer, history)
    if folder.name == "trial_1" and len(history) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.write_resume = write
test_tuning.search({folder!r}, 3, test_tuning.SETTINGS.model_copy(update={{"epochs": 2}}))
"""


@pytest.mark.slow
def test_killed_trial_is_repeated_and_goes_on_from_its_last_epoch(tmp_path, monkeypatch):
    paths = [str(Path(__file__).parents[depth]) for depth in (0, 1, 2)]
    code = KILLED.format(paths=paths, folder=str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert ended.returncode == -9, ended.stderr.decode()
    assert studies.trials_table(tmp_path)["state"].tolist() == ["complete", "running"]
    assert (tmp_path / "trial_1" / checkpoint.RESUME).is_file()
    begun = time.perf_counter()
    search(tmp_path, 3, SETTINGS.model_copy(update={"epochs": 2}))
    assert time.perf_counter() - begun < heartbeat.SILENCE  # its process is known to be gone
    table = studies.trials_table(tmp_path)
    assert table["state"].tolist() == ["complete", "fail", "complete", "complete"]
    again = table.iloc[2]
    assert again["folder"] == tmp_path / "trial_1"
    assert again[list(studies.TUNED)].equals(table.iloc[1][list(studies.TUNED)])
    assert again["epochs"] == 2
    assert len(pd.read_csv(again["folder"] / checkpoint.HISTORY)) == 2


@pytest.mark.slow
def test_two_workers_share_a_study(tmp_path):
    store = tmp_path / "maps.zarr"
    map_store.write(blobs().assign_attrs(fingerprint="x"), store)
    task = Task([store], ["hi"], "ideal", SETTINGS, 16)
    study = tmp_path / "study"
    workers = [network_stages.Tuning(task, study, 4, worker) for worker in range(2)]
    assert not workers[0].is_done()
    parallel.run_all(tune_together, [(2, one) for one in workers], "trials", workers=2)
    assert workers[0].is_done()
    table = studies.trials_table(workers[0].path)
    assert (table["state"] == "complete").all()
    assert len(table) in (4, 5)  # both may begin the last one
    assert table["learning_rate"].nunique() >= len(table) - 1  # both may begin with the settings
    writers = {path.read_text() for path in (workers[0].path / studies.ALIVE).iterdir()}
    assert len(writers) == 2


def test_impossible_studies_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="can't be made"):
        search(tmp_path, 0)
    task = Task(blobs(), ["radio"], "ideal", SETTINGS)
    with pytest.raises(ParameterError, match="can't be chosen"):
        tuning.tune(task, tmp_path, trials=1, progress=False)
    with pytest.raises(DataNotFoundError, match="no study"):
        studies.best(tmp_path / "elsewhere")


def test_study_of_other_settings_is_not_mixed_with_this(tmp_path, monkeypatch):
    losses_that_are_told(monkeypatch, [1.0, 2.0])
    search(tmp_path, 1)
    with pytest.raises(ParameterError, match="other maps or settings"):
        search(tmp_path, 1, SETTINGS.model_copy(update={"epochs": 9}))


def test_torn_last_line_of_the_journal_is_cut_off(tmp_path, caplog):
    """A worker was killed while it wrote: Optuna would never read the journal again."""
    search(tmp_path, 1)
    journal = tmp_path / studies.JOURNAL
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole.splitlines()[-1][:20])
    assert studies.is_tuned(tmp_path, 1)  # readers don't write
    search(tmp_path, 2)
    assert journal.read_bytes().startswith(whole)
    assert len(studies.trials_table(tmp_path)) == 2
    assert "torn" in caplog.text


def test_journal_that_is_none_is_named(tmp_path):
    search(tmp_path, 1)
    journal = tmp_path / studies.JOURNAL
    journal.write_bytes(b"not JSON\n" + journal.read_bytes())
    for act in (studies.trials_table, lambda folder: search(folder, 2)):
        with pytest.raises(FormatError, match=r"study\.log isn't a journal"):
            act(tmp_path)


def test_stale_locks_of_relative_and_of_moved_folders(tmp_path, monkeypatch):
    """Optuna waits for ever for a lock whose link leads nowhere."""
    monkeypatch.chdir(tmp_path)
    search(Path("study"), 1)
    lock = Path("study") / f"{studies.JOURNAL}.lock"
    lock.symlink_to("study/study.log")
    monkeypatch.setattr(studies, "STALE", 0.0)
    search(Path("study"), 2)
    assert not lock.is_symlink()
    # Its own locks can be followed, so Optuna gives them up by itself.
    targets = []
    symlink = os.symlink
    monkeypatch.setattr(
        os, "symlink", lambda to, *a, **k: (targets.append(to), symlink(to, *a, **k))
    )
    search(Path("study"), 3)
    assert targets
    assert all(os.path.isabs(one) for one in targets)
