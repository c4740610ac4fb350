"""Trainings on maps that are observed anew, with other noise, in each epoch."""

import numpy as np
import pytest
import torch
from helpers.blobs import blobs
from safetensors.torch import load_file

from cgmhelpers.errors import ParameterError
from cgmhelpers.inference import prediction
from cgmhelpers.network import checkpoint, scaling
from cgmhelpers.network.batches import Batches
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.task import Task
from cgmhelpers.network.training import train
from cgmhelpers.sky import instruments
from cgmhelpers.sky.observing import Observation

FIELDS = ["xray", "hi"]
LOOKS = Observation(
    instruments={
        name: instruments.load(one)
        for name, one in zip(FIELDS, ("erosita_erass4", "meerkat_mhongoose_30"), strict=True)
    },
    redshift=(0.01, 0.03),
    depth=(0.5, 2),
    sources=0.5,
)
SHORT = TrainingSettings(
    epochs=15, batch_size=16, channels=3, learning_rate=1e-2, schedule="one_cycle", threads=1
)


@pytest.fixture(scope="module")
def maps():
    return blobs(halos=90)


def fit(folder, maps, settings=SHORT, **options):
    given = {"observation": LOOKS} | options
    return train(maps, FIELDS, "observed", folder, settings, progress=False, **given)


@pytest.fixture(scope="module")
def trained(maps, tmp_path_factory):
    return fit(tmp_path_factory.mktemp("observed") / "network", maps)


def test_the_network_sees_fields_noise_and_redshift_and_says_so(trained):
    description = checkpoint.read_description(trained)
    assert description["limits"] == "observed"
    assert description["fields"] == ["xray", "hi", "xray noise", "hi noise", "redshift"]
    assert description["network"]["in_channels"] == 5
    assert Observation.model_validate(description["observation"]) == LOOKS
    floors = scaling.Scaling.from_dict(description["scaling"]).floors
    assert floors == (float(np.finfo(np.float32).tiny),) * 5


def test_it_learns_and_infers_maps_that_are_observed(trained, maps):
    history = np.genfromtxt(trained / checkpoint.HISTORY, delimiter=",", names=True)
    assert history["validation_r2"].max() > 0.3
    table = prediction.predict(trained, LOOKS.observe(maps, seed=9))
    assert set(table["limits"]) == {"observed"}
    assert np.isfinite(table[["mean", "std"]]).all(axis=None)
    bright = table[table["property"] == "log_m_halo"]
    assert np.corrcoef(bright["truth"], bright["mean"])[0, 1] > 0.5


def test_a_killed_training_resumes_to_the_same_weights(trained, maps, tmp_path, monkeypatch):
    whole = checkpoint.write_resume

    def write(folder, fingerprint, network, best, optimizer, history):
        whole(folder, fingerprint, network, best, optimizer, history)
        if len(history) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(checkpoint, "write_resume", write)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            fit(tmp_path, maps)
    fit(tmp_path, maps)
    straight, resumed = (load_file(one / checkpoint.WEIGHTS) for one in (trained, tmp_path))
    for name, weights in straight.items():
        torch.testing.assert_close(resumed[name], weights, rtol=1e-4, atol=1e-5)


def test_noise_is_another_in_each_batch_and_epoch_and_the_same_again():
    images = torch.zeros(40, 1, 4, 4)
    seeds = []

    def transform(some, seed):
        seeds.append(tuple(seed))
        return some + len(seeds)

    loader = Batches(images, torch.zeros(40, 2), 16, 3, transform=transform)
    first = [batch for batch, _ in loader]
    assert [one.unique().tolist() for one in first] == [[1.0], [2.0], [3.0]]
    loader.epoch = 1
    list(loader)
    assert len(set(seeds)) == 6
    again = seeds.copy()
    seeds.clear()
    list(loader)
    assert seeds == again[3:]


def test_a_training_depends_on_its_observation(maps):
    tasks = [Task(maps, FIELDS, "observed", SHORT, observation=one) for one in
             (LOOKS, LOOKS.model_copy(update={"redshift": (0.01, 0.04)}))]  # fmt: skip
    assert tasks[0].fingerprint() != tasks[1].fingerprint()


@pytest.mark.parametrize(
    ("fields", "limits", "observation"),
    [(FIELDS, "observed", None), (FIELDS, "ideal", LOOKS), (["hi", "xray"], "observed", LOOKS)],
)
def test_limits_and_observation_go_together(fields, limits, observation, maps):
    with pytest.raises(ParameterError, match="don't go together"):
        Task(maps, fields, limits, SHORT, observation=observation)
