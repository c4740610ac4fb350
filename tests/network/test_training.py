"""Training: it learns, it resumes to the same weights, it describes itself, it refuses nonsense."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.blobs import blobs
from safetensors.torch import load_file

from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.network import checkpoint, loop
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.task import Task
from cgmhelpers.network.training import train

SHORT = TrainingSettings(
    epochs=4, batch_size=16, channels=2, learning_rate=3e-3, schedule="one_cycle", threads=1
)


def fit(folder, ds=None, settings=SHORT, **options):
    ds = blobs() if ds is None else ds
    return train(ds, ["xray", "hi"], "ideal", folder, settings, progress=False, **options)


def history_of(folder):
    return pd.read_csv(folder / checkpoint.HISTORY)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return fit(tmp_path_factory.mktemp("networks") / "straight")


class Killed(Exception):
    """Stands for whatever ends a process."""


def killed_after(epochs, monkeypatch):
    """Let training die after it saved an epoch, as a kill between two epochs would."""
    whole = checkpoint.write_resume

    def write(folder, fingerprint, network, best, optimizer, history):
        whole(folder, fingerprint, network, best, optimizer, history)
        if len(history) == epochs:
            raise Killed

    monkeypatch.setattr(checkpoint, "write_resume", write)


@pytest.mark.parametrize("epochs", [1, 2, 4])
def test_killed_training_resumes_to_the_same_weights(epochs, trained, tmp_path, monkeypatch):
    with monkeypatch.context() as context:
        killed_after(epochs, context)
        with pytest.raises(Killed):
            fit(tmp_path)
    assert (tmp_path / checkpoint.RESUME).is_file()
    assert not (tmp_path / checkpoint.WEIGHTS).exists()
    fit(tmp_path)
    assert not (tmp_path / checkpoint.RESUME).exists()
    straight, resumed = (load_file(one / checkpoint.WEIGHTS) for one in (trained, tmp_path))
    assert straight.keys() == resumed.keys()
    for name, weights in straight.items():
        # One thread, the same operations on the same numbers: equal but for how memory is
        # aligned, which may change the order of float32 sums.
        torch.testing.assert_close(resumed[name], weights, rtol=1e-5, atol=1e-6)
    columns = ["epoch", "learning_rate", "train_loss", "validation_loss", "validation_r2"]
    np.testing.assert_allclose(
        history_of(tmp_path)[columns], history_of(trained)[columns], rtol=1e-4
    )


def test_killed_process_resumes_to_the_same_weights(trained, tmp_path):
    """The same with a real SIGKILL, as of a cluster that takes its node back."""
    code = f"""
import os, signal, sys
sys.path[:0] = {[str(Path(__file__).parents[depth]) for depth in (0, 1, 2)]!r}
import test_training
from cgmhelpers.network import checkpoint
whole = checkpoint.write_resume
def write(folder, fingerprint, network, best, optimizer, history):
    if len(history) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    whole(folder, fingerprint, network, best, optimizer, history)
checkpoint.write_resume = write
test_training.fit({str(tmp_path)!r})
"""
    code = code.replace("\nimport os", "import os", 1)
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert ended.returncode == -9, ended.stderr.decode()
    resumed = checkpoint.read_resume(
        tmp_path, json.loads((trained / checkpoint.DESCRIPTION).read_text())["fingerprint"]
    )
    assert len(resumed["history"]) == 2
    fit(tmp_path)
    straight, again = (load_file(one / checkpoint.WEIGHTS) for one in (trained, tmp_path))
    for name, weights in straight.items():
        torch.testing.assert_close(again[name], weights, rtol=1e-5, atol=1e-6)


def test_another_seed_gives_other_weights(trained, tmp_path):
    fit(tmp_path, settings=SHORT.model_copy(update={"seed": 2}))
    one, other = (load_file(folder / checkpoint.WEIGHTS) for folder in (trained, tmp_path))
    assert not torch.allclose(one["head.FC2.weight"], other["head.FC2.weight"], rtol=1e-3)


def test_training_leaves_torch_as_it_was(tmp_path):
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    fit(tmp_path, settings=SHORT.model_copy(update={"epochs": 1}))
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_network_learns(tmp_path):
    """R2 of blobs whose brightness and extent are the properties, to 1% of noise."""
    settings = SHORT.model_copy(update={"epochs": 12, "channels": 4, "dropout": 0.05})
    history = history_of(fit(tmp_path, blobs(100), settings))
    assert history["validation_loss"].iloc[-1] < history["validation_loss"].iloc[0] - 10
    assert history["validation_r2"].max() > 0.8
    assert history["train_r2"].iloc[-1] > history["train_r2"].iloc[0]


def test_folder_describes_itself(trained):
    assert {path.name for path in trained.iterdir()} == {
        "weights.safetensors", "network.json", "history.csv", "split.csv",
    }  # fmt: skip
    description = checkpoint.read_description(trained)
    assert description["fields"] == ["xray", "hi"]
    assert description["limits"] == "ideal"
    assert description["suite_train"] == "IllustrisTNG"
    assert description["split"] == {"by": "halo", "seed": 1, "fractions": [0.6, 0.2, 0.2]}
    assert description["settings"] == SHORT.model_dump()
    assert description["network"]["size"] == 16
    assert {"cgmhelpers", "torch", "lightning", "numpy"} <= set(description["versions"])
    history = history_of(trained)
    assert history["epoch"].tolist() == [0, 1, 2, 3]
    assert description["best_epoch"] == history["validation_loss"].idxmin()
    assert description["validation_loss"] == pytest.approx(history["validation_loss"].min())
    parts = pd.read_csv(trained / checkpoint.SPLIT)["part"].value_counts()
    assert parts.to_dict() == description["halos"]
    assert sum(description["halos"].values()) == 60


def test_finished_training_is_not_repeated_and_changed_one_is(trained, monkeypatch):
    before = (trained / checkpoint.WEIGHTS).stat().st_mtime_ns
    assert fit(trained) == trained
    assert (trained / checkpoint.WEIGHTS).stat().st_mtime_ns == before
    task = Task(blobs(), ["xray", "hi"], "ideal", SHORT)
    assert task.is_done(trained)
    threads = SHORT.model_copy(update={"threads": 2})
    assert replace(task, settings=threads).is_done(trained)  # which changes no result
    longer = SHORT.model_copy(update={"epochs": 5})
    changes = {"stores": blobs(seed=1), "split_by": "realisation", "settings": longer}
    changes |= {"fields": ["hi", "xray"], "size": 8, "properties": ["f_cgm"]}
    for changed in ({name: value} for name, value in changes.items()):
        assert not replace(task, **changed).is_done(trained)


def test_state_of_another_training_is_not_resumed(trained, tmp_path, monkeypatch):
    with monkeypatch.context() as context:
        killed_after(2, context)
        with pytest.raises(Killed):
            fit(tmp_path, settings=SHORT.model_copy(update={"seed": 9}))
    fit(tmp_path)
    assert history_of(tmp_path)["train_loss"].iloc[0] == pytest.approx(
        history_of(trained)["train_loss"].iloc[0], rel=1e-5
    )


def test_best_weights_are_kept_and_patience_ends(tmp_path):
    """With a rate that destroys what was learnt, the best epoch isn't the last."""
    settings = SHORT.model_copy(
        update={
            "epochs": 30, "patience": 2, "schedule": "cyclic",
            "steps_up": 1000, "learning_rate": 30.0,
        }
    )  # fmt: skip
    folder = fit(tmp_path, settings=settings)
    history = history_of(folder)
    best = checkpoint.read_description(folder)["best_epoch"]
    assert len(history) < 30
    assert len(history) - 1 - best == 2
    # The weights on disk give the best validation loss, measured afresh.
    from cgmhelpers.inference import prediction
    from cgmhelpers.network import samples
    from cgmhelpers.network.loss import moment_loss

    ds = samples.load(blobs(), ["xray", "hi"], "ideal")
    predictor = prediction.load(folder)
    chosen = np.flatnonzero(pd.read_csv(folder / checkpoint.SPLIT)["part"] == "validation")
    images, targets = samples.samples(ds, chosen, predictor.scaling, ["x"])
    with torch.no_grad():
        loss = moment_loss(targets, *predictor.network(images)).item()
    assert loss == pytest.approx(history["validation_loss"].min(), rel=1e-3)


def test_fields_size_and_split_are_free(tmp_path):
    ds = blobs(60, size=32)
    settings = SHORT.model_copy(update={"epochs": 1, "augmentation": False})
    train(ds, ["hi"], "survey", tmp_path, settings, size=16, split_by="realisation", progress=False)
    description = checkpoint.read_description(tmp_path)
    assert description["network"]["in_channels"] == 1
    assert description["network"]["size"] == 16
    assert description["pixel_size_kpc"] == 8.0
    parts = pd.read_csv(tmp_path / checkpoint.SPLIT)
    assert (parts.groupby("realisation")["part"].nunique() == 1).all()


def test_halos_without_gas_are_left_out_and_said_so(tmp_path, caplog):
    ds = blobs()
    ds["properties"][5, 2] = -np.inf
    fit(tmp_path, ds, SHORT.model_copy(update={"epochs": 1}))
    assert "1 of 60 halos" in caplog.text
    assert sum(checkpoint.read_description(tmp_path)["halos"].values()) == 59


def test_loss_that_is_no_number_raises(tmp_path, monkeypatch):
    def broken(truth, mean, std):
        return (mean * float("nan")).sum()

    monkeypatch.setattr(loop, "moment_loss", broken)
    with pytest.raises(ResultError, match="no longer a number"):
        fit(tmp_path)
    assert not (tmp_path / checkpoint.DESCRIPTION).exists()


def test_impossible_trainings_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="fewer training maps"):
        fit(tmp_path, settings=SHORT.model_copy(update={"batch_size": 1000}))
    with pytest.raises(ParameterError, match="map size"):
        fit(tmp_path, blobs(60, size=12))
    with pytest.raises(ParameterError, match="divisor"):
        fit(tmp_path, size=5)


def test_training_is_silent(tmp_path, capfd, recwarn):
    fit(tmp_path, settings=SHORT.model_copy(update={"epochs": 1}))
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
