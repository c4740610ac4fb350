"""A small network for telescopes' files, which several files of tests use."""

import pytest
from helpers.skies import TRAINED_FOR, visible

from cgmhelpers.inference.posterior import PosteriorSettings
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.sky import preparing


@pytest.fixture(scope="session")
def visible_maps():
    return visible()


@pytest.fixture(scope="session")
def network(visible_maps, tmp_path_factory):
    settings = TrainingSettings(
        epochs=6, batch_size=24, channels=3, learning_rate=1e-2, schedule="one_cycle", threads=1
    )
    folder = tmp_path_factory.mktemp("sky") / "network"
    flow = PosteriorSettings(steps=200)
    return preparing.prepare(visible_maps, folder, TRAINED_FOR, settings, flow=flow, progress=False)
