"""Hyperparameters of a training, and the learning rate that follows from them."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cgmhelpers.halos import properties

NO_EFFECT = {"threads", "accelerator", "compiled", "memory"}
"""Settings that change the speed of a training, and its result only by rounding."""
MAX_SEED = 2**32 - 1
"""Largest seed that every library behind a training takes."""
LOWEST_RATE = 1e-9
"""Rate at which a cycle of the cyclic schedule starts and ends, that of the CMD code."""


class TrainingSettings(BaseModel):
    """Hyperparameters of a training. Unknown names are errors.

    The paper gives the defaults of `dropout` and `channels` (Tables 4, 5). The code of the CAMELS
    Multifield Dataset ("the CMD code"), which the paper modified, gives those of `epochs`,
    `batch_size`, `schedule`, `steps_up` and `steps_down`. We chose those of `learning_rate` and
    `weight_decay`, which the paper tuned and doesn't print, and of `augmentation`, which it
    doesn't mention.

    Attributes
    ----------
    epochs : int
        Passes over the training maps.
    batch_size : int
        Largest number of maps in a step.
    learning_rate : float
        The maximum of the schedule.
    weight_decay : float
        Weight decay of AdamW.
    dropout : float
        Probability of dropping a feature, before each fully connected layer.
    channels : int
        Channels after the first block.
    schedule : {"cyclic", "one_cycle"}
        "cyclic" climbs from 1e-9 to `learning_rate` in `steps_up` steps and falls in
        `steps_down`, over and over; "one_cycle" (Smith & Topin 2017, arXiv:1708.07120) does so
        once over the whole training, which suits trainings shorter than a few such cycles.
    steps_up, steps_down : int
        Steps of a rise and of a fall of the cyclic schedule.
    augmentation : bool
        Show each map in a random one of the eight symmetries of the square.
    patience : int, optional
        Stop after so many epochs without a lower validation loss; None never stops early.
    seed : int
        Seed of the split, of the initial weights, and of everything drawn in training.
    split_seed : int, optional
        Seed of the split; None takes `seed`. Members of an ensemble share it and differ in `seed`.
    ranges : dict of str to (float, float)
        Property -> lowest and highest value of its targets, if they leave the paper's range
        (Table 1), which the new one has to hold: see :func:`cgmhelpers.halos.properties.ranges`.
    adaptation : {"none", "pooled", "mmd", "coral", "dann", "bottleneck"}
        How a network learns from several suites (:mod:`cgmhelpers.network.adaptation`): "none"
        takes their halos as they come, "pooled" as many of each suite in every batch, and the
        others add a penalty to that.
    adaptation_weight : float
        Factor of the penalty. The moment loss is of order 1 for each property.
    adaptation_features : {"hidden", "convolutions"}
        Features that the penalty acts on: those before the last fully connected layer, or before
        the first.
    threads : int, optional
        Threads of torch; None leaves its choice.
    precision : {"32-true", "64-true", "bf16-mixed"}
        As Lightning names it. bf16 is for GPUs and for processors that compute in it (AVX512-BF16,
        AMX): those train 1.3 to 1.7 times as fast, others 15 times as slowly.
    accelerator : {"auto", "cpu", "gpu", "cuda", "mps", "tpu"}
        As Lightning names it.
    devices : int
        GPUs, or with ``accelerator="cpu"`` processes, that share each batch. The loss is that of
        the whole batch. GPUs normalise over the whole batch too, processes over their share.
    compiled : bool, optional
        Let torch compile the network, which needs a C++ compiler
        (:mod:`cgmhelpers.network.compilation`); None does so where there is one and it pays.
    memory : float
        Training maps of more than so many GB stay on disk and are read ahead, with equal results.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(200, ge=1)
    batch_size: int = Field(128, ge=2)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    dropout: float = Field(0.3522, ge=0, lt=1)
    channels: int = Field(12, ge=1)
    schedule: Literal["cyclic", "one_cycle"] = "cyclic"
    steps_up: int = Field(500, ge=1)
    steps_down: int = Field(500, ge=1)
    augmentation: bool = True
    patience: int | None = Field(None, ge=1)
    seed: int = Field(1, ge=0, le=MAX_SEED)
    split_seed: int | None = Field(None, ge=0, le=MAX_SEED)
    ranges: dict[str, tuple[float, float]] = {}
    adaptation: Literal["none", "pooled", "mmd", "coral", "dann", "bottleneck"] = "none"
    adaptation_weight: float = Field(0.5, ge=0)
    adaptation_features: Literal["hidden", "convolutions"] = "hidden"
    threads: int | None = Field(None, ge=1)
    precision: Literal["32-true", "64-true", "bf16-mixed"] = "32-true"
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"] = "auto"
    devices: int = Field(1, ge=1)
    compiled: bool | None = None
    memory: float = Field(1.0, ge=0)

    @model_validator(mode="after")
    def _check(self):
        if self.batch_size < 2 * self.devices:
            raise ValueError("batch_size must be at least twice the number of devices")
        properties.ranges(self.ranges)
        return self

    def effective(self):
        """Return the settings that a result depends on, beyond rounding.

        Returns
        -------
        dict
            Without adaptation its settings are left out, and so are ranges that are the paper's:
            networks that were trained before there was a choice stay what these settings make.
        """
        unused = {"none": ["", "_weight", "_features"], "pooled": ["_weight", "_features"]}
        left_out = {f"adaptation{end}" for end in unused.get(self.adaptation, [])}
        left_out |= set() if self.ranges else {"ranges"}
        return self.model_dump(exclude=NO_EFFECT | left_out)


def learning_rate(settings, step, total):
    """Return the learning rate of one step.

    Parameters
    ----------
    settings : TrainingSettings
    step : int
        Steps taken before.
    total : int
        Steps of the whole training.

    Returns
    -------
    float
        The rate of ``torch.optim.lr_scheduler.CyclicLR`` (triangular) or ``OneCycleLR`` (cosine),
        as a function of the step, so that there is no state to resume.
    """
    highest = settings.learning_rate
    if settings.schedule == "cyclic":
        up, down = settings.steps_up, settings.steps_down
        position = step % (up + down)
        share = position / up if position <= up else (up + down - position) / down
        return LOWEST_RATE + (highest - LOWEST_RATE) * share
    first, last = highest / 25, highest / 25 / 1e4
    peak = max(0.3 * total - 1, 1)
    if step <= peak:
        return _cosine(first, highest, step / peak)
    return _cosine(highest, last, min((step - peak) / (total - 1 - peak), 1))


def _cosine(start, end, share):
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
