"""Training: it learns, it resumes to the same weights, it describes itself, it refuses nonsense."""

import json
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.blobs import blobs
from safetensors.torch import load_file

from cgmhelpers.errors import ParameterError, ResultError, StorageError
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.network import checkpoint, loop
from cgmhelpers.network.settings import MAX_SEED, TrainingSettings
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


def test_targets_outside_the_ranges_are_counted_said_and_can_be_widened(trained, tmp_path, caplog):
    assert checkpoint.read_description(trained)["outside_ranges"] == {}
    ds = blobs()
    wide = ds.copy(deep=True)
    wide["properties"][:5, list(NAMES).index("f_cgm")] = 0.4  # as at a low Omega_m
    wide["properties"][0, list(NAMES).index("log_t_cgm")] = 3.0
    caplog.clear()
    folder = fit(tmp_path / "narrow", wide)
    found = checkpoint.read_description(folder)["outside_ranges"]
    halos_and_range = {name: (one["halos"], *one["range"]) for name, one in found.items()}
    assert halos_and_range == {"f_cgm": (5, 0.0, 0.23), "log_t_cgm": (1, 3.9, 7.6)}
    assert found["f_cgm"]["highest"] == 0.4
    assert found["log_t_cgm"]["lowest"] == 3.0
    assert "f_cgm in 5 of the halos (" in caplog.text
    assert found["f_cgm"]["farthest"] == pytest.approx(0.17 / 0.23)
    caplog.clear()
    slightly = ds.copy(deep=True)
    slightly["properties"][0, list(NAMES).index("f_cgm")] = 0.231  # recorded, not worth a warning
    folder = fit(tmp_path / "slightly", slightly)
    assert checkpoint.read_description(folder)["outside_ranges"]["f_cgm"]["halos"] == 1
    assert "leave the ranges" not in caplog.text
    ranges = {"f_cgm": (0.0, 0.5), "log_t_cgm": (3.0, 7.6)}
    wider = SHORT.model_copy(update={"ranges": ranges})
    folder = fit(tmp_path / "wide", wide, wider)
    description = checkpoint.read_description(folder)
    assert description["outside_ranges"] == {}
    assert description["scaling"]["high"][list(NAMES).index("f_cgm")] == 0.5
    assert "leave the ranges" not in caplog.text
    # Networks of the paper's ranges stay what they were; others aren't taken for them.
    task = Task(ds, ["xray", "hi"], "ideal", SHORT, 16)
    assert "ranges" not in SHORT.effective()
    assert replace(task, settings=wider).fingerprint() != task.fingerprint()


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


def test_another_process_finishes_the_same_training_first(trained, tmp_path):
    def others(history):
        if len(history) == SHORT.epochs:
            for path in trained.iterdir():
                shutil.copy(path, tmp_path)
            (tmp_path / checkpoint.RESUME).unlink()

    assert fit(tmp_path, report=others) == tmp_path
    for name in (checkpoint.DESCRIPTION, checkpoint.WEIGHTS):
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()


def test_another_process_is_behind_in_the_same_training(trained, tmp_path):
    """Its state of an earlier epoch isn't mistaken for ours."""
    early = tmp_path / "early"

    def others(history):
        if len(history) == 1:
            shutil.copy(tmp_path / checkpoint.RESUME, early)
        if len(history) == SHORT.epochs:
            shutil.copy(early, tmp_path / checkpoint.RESUME)

    fit(tmp_path, report=others)
    assert len(history_of(tmp_path)) == SHORT.epochs
    straight, ours = (load_file(one / checkpoint.WEIGHTS) for one in (trained, tmp_path))
    for name, weights in straight.items():
        torch.testing.assert_close(ours[name], weights, rtol=1e-5, atol=1e-6)


def test_weights_that_another_process_wrote_in_between(trained, tmp_path, monkeypatch):
    """Weights and description still belong together."""
    state, description = checkpoint.read_network(trained)
    history, parts = history_of(trained), pd.read_csv(trained / checkpoint.SPLIT)
    whole, left = checkpoint.whole, [1]

    @contextmanager
    def interleaved(path):
        with whole(path) as temporary:
            yield temporary
        if path.name == checkpoint.DESCRIPTION and left:
            left.pop()
            other = {name: one + 1 for name, one in state.items()}
            text = {"fingerprint": description["fingerprint"]}
            checkpoint.write_tensors(tmp_path / checkpoint.WEIGHTS, other, text)

    monkeypatch.setattr(checkpoint, "whole", interleaved)
    checkpoint.write_network(tmp_path, state, description, history, parts)
    assert not left
    read, _ = checkpoint.read_network(tmp_path)
    assert all(torch.equal(read[name], one) for name, one in state.items())


BATCH_JOBS = {
    "sbatch with several tasks, no srun": {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "train"},
    "srun": {
        "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "4", "SLURM_PROCID": "1",
        "SLURM_LOCALID": "1", "SLURM_NODEID": "0", "SLURM_NODELIST": "n1", "SLURM_JOB_ID": "7",
    },
    "torchrun": {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "TORCHELASTIC_RUN_ID": "7"},
    "LSF": {"LSB_JOBID": "7", "LSB_DJOB_RANKFILE": "nowhere", "JSM_NAMESPACE_RANK": "1"},
}  # fmt: skip


@pytest.mark.parametrize("job", BATCH_JOBS)
def test_batch_jobs_describe_processes_that_take_no_part(job, tmp_path, monkeypatch):
    for name, value in BATCH_JOBS[job].items():
        monkeypatch.setenv(name, value)
    fit(tmp_path, settings=SHORT.model_copy(update={"epochs": 1}))
    assert len(history_of(tmp_path)) == 1


@pytest.mark.parametrize("accelerator", ["gpu", "mps"])
def test_accelerator_that_is_not_there(accelerator, tmp_path):
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("there is one")
    with pytest.raises(ParameterError, match=f"accelerator = {accelerator}"):
        fit(tmp_path, settings=SHORT.model_copy(update={"accelerator": accelerator}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_memory_that_is_full(error, tmp_path):
    def full(history):
        raise error

    with pytest.raises(ParameterError, match="batch_size = 16"):
        fit(tmp_path, report=full)


def test_disk_that_is_full(trained, tmp_path):
    """Safetensors have an error of their own for it."""
    state, description = checkpoint.read_network(trained)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(StorageError, match=r"weights\.safetensors can't be written"):
            checkpoint.write_network(tmp_path, state, description, pd.DataFrame(), pd.DataFrame())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_seeds_have_one_bound():
    """The largest is one that every library takes."""
    settings = TrainingSettings(seed=MAX_SEED)
    np.random.RandomState(settings.seed)
    torch.manual_seed(settings.seed)
    with pytest.raises(ValueError, match="less than or equal"):
        TrainingSettings(seed=MAX_SEED + 1)
