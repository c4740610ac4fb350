"""Learning rates against torch's schedulers, and settings that refuse mistakes."""

import warnings

import pydantic
import pytest
import torch

from cgmhelpers.network.settings import LOWEST_RATE, TrainingSettings, learning_rate


def rates(make, steps):
    """What a scheduler of torch would do."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = make(optimizer)
        found = []
        for _ in range(steps):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return found


def test_cyclic_rate_is_torchs():
    settings = TrainingSettings(learning_rate=2e-3, steps_up=5, steps_down=8)
    expected = rates(
        lambda optimizer: torch.optim.lr_scheduler.CyclicLR(
            optimizer, LOWEST_RATE, 2e-3, step_size_up=5, step_size_down=8, cycle_momentum=False
        ),
        40,
    )
    found = [learning_rate(settings, step, 40) for step in range(40)]
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-15)
    assert max(found) == pytest.approx(2e-3)


def test_one_cycle_rate_is_torchs():
    settings = TrainingSettings(learning_rate=2e-3, schedule="one_cycle")
    expected = rates(
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 2e-3, total_steps=100, cycle_momentum=False
        ),
        99,
    )
    found = [learning_rate(settings, step, 100) for step in range(99)]
    assert found == pytest.approx(expected, rel=1e-6)
    for total in (1, 2, 3, 4):  # too short for both slopes, but numbers nonetheless
        assert all(0 < learning_rate(settings, step, total) <= 2e-3 for step in range(total))


def test_defaults_are_the_papers_and_the_cmd_codes():
    settings = TrainingSettings()
    assert (settings.dropout, settings.channels) == (0.3522, 12)
    assert (settings.epochs, settings.batch_size) == (200, 128)
    assert (settings.schedule, settings.steps_up, settings.steps_down) == ("cyclic", 500, 500)


@pytest.mark.parametrize(
    "mistake",
    [{"epoch": 3}, {"epochs": 0}, {"dropout": 1.0}, {"learning_rate": -1}, {"schedule": "step"}],
)
def test_mistakes_are_refused(mistake):
    with pytest.raises(pydantic.ValidationError):
        TrainingSettings(**mistake)
