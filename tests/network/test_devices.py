"""One training on two devices: here two processes that talk through gloo."""

import copy
import multiprocessing
import sys
from dataclasses import replace

import lightning.pytorch as lightning
import numpy as np
import pytest
import torch
from helpers.blobs import blobs
from helpers.on_devices import Telling, stop_after_two
from safetensors.torch import load_file

from cgmhelpers.errors import ParameterError
from cgmhelpers.inference import prediction
from cgmhelpers.maps import store as map_store
from cgmhelpers.network import apart, batches, checkpoint, fitting, training
from cgmhelpers.network.loss import moment_loss
from cgmhelpers.network.moment_network import MomentNetwork
from cgmhelpers.network.settings import TrainingSettings, learning_rate
from cgmhelpers.network.task import Task

pytestmark = pytest.mark.slow

TWO = TrainingSettings(
    epochs=3, batch_size=16, channels=2, learning_rate=3e-3, dropout=0, threads=1, devices=2,
    accelerator="cpu", schedule="one_cycle",
)  # fmt: skip


def test_two_processes_minimise_the_loss_of_the_whole_batch(tmp_path):
    """Against one process with one network for each half of a batch, and one loss."""
    torch.manual_seed(1)
    network = MomentNetwork(1, channels=2, size=8, dropout=0.0)
    images, truth = torch.randn(45, 1, 8, 8), torch.rand(45, 6)
    settings = TWO.model_copy(update={"epochs": 1})
    one, validation = (batches.Batches(images, truth, 16, seed) for seed in (1, None))
    expected = after_one_epoch(copy.deepcopy(network), one, settings)

    started = network.head.FC2.weight.detach().clone()
    module = Telling(network, settings, one, validation, history=[])
    module.folder = tmp_path
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    with fitting.quiet_lightning():
        lightning.Trainer(
            max_epochs=1, default_root_dir=tmp_path, num_sanity_val_steps=0,
            enable_model_summary=False, **options, **fitting.devices(settings),
        ).fit(module, one, validation)  # fmt: skip

    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    for name, weights in expected.items():
        assert torch.equal(first[name], second[name])
        if name.startswith("features.C") and name.endswith(".bias"):
            continue  # normalisation undoes it: its gradient is a rounding error, whatever it is
        # Adam divides by the gradient's size, so rounding errors of gradients near zero show.
        torch.testing.assert_close(first[name], weights, rtol=1e-3, atol=1e-4)
    # Each step moves a weight by about the learning rate: what agrees has moved.
    moved = (expected["head.FC2.weight"] - started).abs().max()
    assert moved > 1e-3


def after_one_epoch(network, loader, settings):
    """Train with the halves of a batch normalised apart, as on two processes."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=1.0, betas=(0.5, 0.999), weight_decay=settings.weight_decay
    )
    sizes = []
    for step, (images, targets) in enumerate(loader):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, step, settings.epochs * len(loader))
        halves = [images[: (len(images) + 1) // 2], images[(len(images) + 1) // 2 :]]
        sizes.append(tuple(map(len, halves)))
        mean, std = (torch.cat(one) for one in zip(*map(network, halves), strict=True))
        optimizer.zero_grad()
        moment_loss(targets, mean, std).backward()
        optimizer.step()
    assert sizes == [(8, 7)] * 3  # an odd batch: its shares differ
    return dict(network.named_parameters())


def fit(folder, report=None):
    return training.train(
        blobs(), ["xray", "hi"], "ideal", folder, TWO, progress=False, report=report
    )


def test_stopped_training_of_two_processes_goes_on_to_the_same_network(tmp_path):
    straight = fit(tmp_path / "straight")
    with pytest.raises(Exception, match="Stopped"):
        fit(tmp_path / "stopped", stop_after_two)
    assert not (tmp_path / "stopped" / checkpoint.WEIGHTS).exists()
    resumed = fit(tmp_path / "stopped", stop_after_two)
    histories = [np.loadtxt(one / checkpoint.HISTORY, delimiter=",", skiprows=1, usecols=range(6))
                 for one in (straight, resumed)]  # fmt: skip
    assert len(histories[0]) == 3
    np.testing.assert_allclose(*histories, rtol=1e-4)
    one, other = (load_file(folder / checkpoint.WEIGHTS) for folder in (straight, resumed))
    for name, weights in one.items():
        torch.testing.assert_close(other[name], weights, rtol=1e-5, atol=1e-6)
    maps = blobs(3)["image"].sel(axis="x").values
    mean, std = prediction.load(resumed)(maps)[:2]
    assert np.isfinite(mean).all()
    assert (std > 0).all()


def test_processes_are_started_whoever_asks(tmp_path, monkeypatch):
    """A notebook has no script to import; a worker of a run may have no children."""
    assert not apart.is_needed()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "ps1", ">>> ", raising=False)
        assert apart.is_needed()
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    store = tmp_path / "maps.zarr"
    map_store.write(blobs().assign_attrs(fingerprint="x"), store)
    task = Task([store], ["xray", "hi"], "ideal", TWO.model_copy(update={"epochs": 1}))
    assert task.is_done(training.train_task(task, tmp_path / "network", progress=False))
    wrong = replace(task, fields=["radio"])
    with pytest.raises(ParameterError, match="radio"):
        training.train_task(wrong, tmp_path / "wrong", progress=False)
    with pytest.raises(ParameterError, match="maps in memory"):
        fit(tmp_path / "memory")
