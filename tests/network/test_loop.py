"""The loop's own decisions; what it does to weights is in test_training."""

import pytest
import torch

from cgmhelpers.errors import ResultError
from cgmhelpers.network import batches, loop
from cgmhelpers.network.moment_network import MomentNetwork
from cgmhelpers.network.settings import TrainingSettings


def test_best_epoch_and_patience():
    history = [{"epoch": n, "validation_loss": loss} for n, loss in enumerate([3, 1, 2, 1])]
    assert loop.best_epoch(history) == 1
    assert loop.out_of_patience(history, 2)
    assert not loop.out_of_patience(history, 3)
    assert not loop.out_of_patience(history, None)
    assert not loop.out_of_patience([], 1)


@pytest.fixture
def module():
    torch.manual_seed(1)
    network = MomentNetwork(1, channels=2, size=8)
    own = batches.Batches(torch.randn(8, 1, 8, 8), torch.rand(8, 6), 4, seed=1)
    return loop.MomentTraining(network, TrainingSettings(), own, own, history=[])


def test_optimiser_is_the_cmd_codes(module):
    (group,) = module.configure_optimizers().param_groups
    assert group["betas"] == (0.5, 0.999)
    assert group["weight_decay"] == TrainingSettings().weight_decay


def test_batch_whose_loss_is_no_number_raises(module):
    images, targets = next(iter(module.batches))
    assert torch.isfinite(module.training_step((images, targets), 0))
    with pytest.raises(ResultError, match="batch 3"):
        module.training_step((images, targets * float("nan")), 3)
