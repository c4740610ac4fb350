"""Compiled networks: the same losses, one cache, and a plain network where torch can't compile."""

import logging
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.blobs import blobs

from cgmhelpers.network import checkpoint, compilation
from cgmhelpers.network.loss import moment_loss
from cgmhelpers.network.moment_network import MomentNetwork
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.training import train

SETTINGS = TrainingSettings(
    epochs=2, batch_size=16, channels=2, learning_rate=1e-3, schedule="one_cycle", threads=1,
    compiled=True,
)  # fmt: skip
needs_compiler = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler"
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Give each test its cache folder, and its own look for a compiler."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("CGM_CACHE", str(folder))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")  # so that it is taken back afterwards
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setattr(compilation, "_fault", compilation._fault.__wrapped__)
    torch._dynamo.reset()
    yield folder
    os.environ.pop("TORCHINDUCTOR_CACHE_DIR", None)
    torch._dynamo.reset()


def losses(network, images, targets, steps=4):
    """Losses of a few steps, dropout included; batches of two sizes."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    found = []
    for step in range(steps):
        torch.manual_seed(step)
        number = len(images) - step % 2
        loss = moment_loss(targets[:number], *network(images[:number]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


@pytest.mark.slow
@needs_compiler
def test_compiled_network_takes_the_plain_ones_steps(own_cache):
    images, targets = torch.randn(17, 2, 8, 8), torch.rand(17, 6)
    networks = []
    for _ in range(2):
        torch.manual_seed(1)
        networks.append(MomentNetwork(2, channels=2, size=8))
    assert compilation.compile_network(networks[1], SETTINGS, 1)
    plain, compiled = (losses(network, images, targets) for network in networks)
    assert networks[1]._compiled_call_impl is not None
    np.testing.assert_allclose(compiled, plain, rtol=1e-5)
    assert len(set(plain)) == len(plain)
    assert any((own_cache / "inductor").rglob("*.so"))


@pytest.mark.long
@needs_compiler
def test_compiled_training_is_resumed_and_agrees_with_a_plain_one(tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    def kill(history):
        raise KilledError

    histories = []
    for name, compiled in (("plain", False), ("compiled", True), ("killed", True)):
        options = SETTINGS.model_copy(update={"compiled": compiled})
        arguments = (blobs(size=8), ["xray", "hi"], "ideal", tmp_path / name, options)
        if name == "killed":
            with pytest.raises(KilledError):
                train(*arguments, progress=False, report=kill)
        folder = train(*arguments, progress=False)
        histories.append(pd.read_csv(folder / checkpoint.HISTORY)["train_loss"])
    # Rounding errors grow from step to step.
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-3)
    np.testing.assert_allclose(histories[2], histories[1], rtol=1e-4)


def test_without_a_compiler_training_goes_on_plainly_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(torch, "compile", lambda function: _broken)
    network = MomentNetwork(2, channels=2, size=16)
    assert not compilation.compile_network(network, SETTINGS, 1)
    assert network._compiled_call_impl is None
    assert "isn't compiled" in caplog.text
    assert "No C++ compiler" in caplog.text


def _broken(argument):
    raise RuntimeError("No C++ compiler was found.\nAnd much more.")


def test_cache_folder_that_is_not_writable_is_left_alone(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CGM_CACHE", str(tmp_path / "file"))  # no folder can be made in a file
    compilation._use_cache()
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ
    assert "isn't writable" in caplog.text


def test_long_trainings_are_compiled_by_themselves_and_short_ones_are_not(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    network = MomentNetwork(2, channels=12, size=64)
    two, one = (TrainingSettings(threads=number) for number in (2, 1))
    assert two.compiled is None
    # 0.3 GFLOP an image, 120 GFLOP/s: 1e6 images take 2500 s, of which a fifth is saved.
    assert compilation.pays(network, two, 1_000_000)[0]
    assert not compilation.pays(network, two, 100_000)[0]
    assert not compilation.pays(network, one, 500_000)[0]
    assert not compilation.pays(network, two.model_copy(update={"devices": 2}), 10**9)[0]
    monkeypatch.setattr(compilation, "_fault", lambda: "none here")
    assert not compilation.compile_network(network, two, 1_000_000)
    assert "would save 500 s" in caplog.text
    caplog.clear()
    assert not compilation.compile_network(network, two, 1000)
    assert "does not pay" in caplog.text
