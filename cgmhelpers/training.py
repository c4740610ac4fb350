"""Training of a moment network: settings, the Lightning module, and one plain function.

:func:`train` writes a folder with ``weights.safetensors`` (the weights of the lowest validation
loss), ``network.json`` (all that is needed to use them), ``history.csv`` (one row per epoch) and
``split.csv`` (the part of every halo). Interrupted, it goes on from its last epoch and ends with
the same weights: shuffling, augmentation and dropout draw from seeds derived from the epoch.

Its arguments are small and plain, so that :func:`cgmhelpers.parallel.run_all` can train several
networks side by side, one thread each, which uses the cores better than one network on several
threads. ``parallel.WORKER_ENVIRONMENT`` says what the environment of a process that trains
should hold before it starts.
"""

import hashlib
import logging
import math
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import lightning.pytorch as lightning
import numpy as np
import torch
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field

from cgmhelpers import checkpoint, dataset, maps, provenance, statistics
from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError, ResultError
from cgmhelpers.network import MomentNetwork, moment_loss
from cgmhelpers.progress import bar

log = logging.getLogger(__name__)

LOWEST_RATE = 1e-9
BETAS = (0.5, 0.999)
"""Of AdamW, as in the CMD code."""


class TrainingSettings(BaseModel):
    """Hyperparameters of a training. Unknown names are errors.

    The defaults of `dropout` and `channels` are the paper's (Tables 4, 5); those of `epochs`,
    `batch_size`, `schedule`, `steps_up` and `steps_down` are those of the CMD code that it
    modified; `learning_rate`, `weight_decay` and `augmentation` are ours: the paper tuned the
    first two without printing them, and doesn't mention the last.

    Attributes
    ----------
    epochs : int
        Passes over the training maps.
    batch_size : int
        Largest number of maps in a step.
    learning_rate : float
        The maximum of the schedule.
    weight_decay : float
        Of AdamW.
    dropout : float
        Probability, before each fully connected layer.
    channels : int
        Channels of the first block.
    schedule : {"cyclic", "one_cycle"}
        "cyclic" climbs from 1e-9 to `learning_rate` in `steps_up` steps and falls in
        `steps_down`, over and over; "one_cycle" (Smith & Topin 2017, arXiv:1708.07120) does so
        once over the whole training, which suits trainings shorter than a few such cycles.
    steps_up, steps_down : int
        Of the cyclic schedule.
    augmentation : bool
        Show each map in a random one of the eight symmetries of the square.
    patience : int, optional
        Stop after so many epochs without a lower validation loss; None never stops early.
    seed : int
        Of the split, the initial weights, and all that is drawn.
    threads : int, optional
        Threads of torch; None leaves its choice.
    precision : {"32-true", "64-true", "bf16-mixed"}
        As Lightning names it. bf16 is for GPUs: processors without it are 15 times slower.
    accelerator : str
        As Lightning names it.
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
    seed: int = Field(1, ge=0)
    threads: int | None = Field(None, ge=1)
    precision: Literal["32-true", "64-true", "bf16-mixed"] = "32-true"
    accelerator: str = "auto"


def learning_rate(settings, step, total):
    """Learning rate of one step.

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
        As ``torch.optim.lr_scheduler.CyclicLR`` (triangular) and ``OneCycleLR`` (cosine) have
        it, but as a function of the step, so that there is no state to resume.
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


class MomentTraining(lightning.LightningModule):
    """How a moment network learns: loss, optimiser, schedule, and one record per epoch.

    Parameters
    ----------
    network : MomentNetwork
    settings : TrainingSettings
    batches : Batches
        Of the training part.
    history : list of dict
        Rows of the epochs done before, to which this appends.
    optimizer_state : dict, optional
        Of a training to resume.
    """

    def __init__(self, network, settings, batches, history, optimizer_state=None):
        super().__init__()
        self.network = network
        self.settings = settings
        self.batches = batches
        self.history = history
        self.done = len(history)
        self.optimizer_state = optimizer_state
        self.outputs = {"train": [], "validation": []}
        self.started = 0.0

    def configure_optimizers(self):
        """AdamW, whose rate is set before each step as a function of the step's number."""
        optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=self.settings.learning_rate,
            betas=BETAS,
            weight_decay=self.settings.weight_decay,
        )
        if self.optimizer_state is not None:
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": self.optimizer_state, "param_groups": groups})
        return optimizer

    def on_train_epoch_start(self):
        """Give the epoch its own random numbers."""
        epoch = self.done + self.current_epoch
        self.batches.epoch = epoch
        seed = np.random.SeedSequence([self.settings.seed, epoch]).generate_state(1)[0]
        torch.manual_seed(int(seed))
        self.started = time.perf_counter()

    def on_train_batch_start(self, batch, batch_index):
        """Set the learning rate."""
        steps = len(self.batches)
        step = (self.done + self.current_epoch) * steps + batch_index
        rate = learning_rate(self.settings, step, self.settings.epochs * steps)
        for group in self.optimizers().param_groups:
            group["lr"] = rate

    def training_step(self, batch, batch_index):
        """Moment loss of a batch; a loss that isn't a number ends the training."""
        loss = self._step("train", batch)
        if not torch.isfinite(loss):
            raise ResultError(
                "The training loss is no longer a number.",
                found=f"{loss.item()} in epoch {len(self.history)}, batch {batch_index}",
                remedy="Lower the learning rate, or check the maps and properties.",
            )
        return loss

    def validation_step(self, batch, batch_index):
        """Collect the moments of a batch."""
        self._step("validation", batch)

    def _step(self, part, batch):
        images, targets = batch
        mean, std = self.network(images)
        self.outputs[part].append([one.detach().cpu() for one in (targets, mean, std)])
        return moment_loss(targets, mean, std)

    def on_validation_epoch_end(self):
        """Append the epoch's row: losses and R2 over all of a part's maps at once.

        Those of the training part are from its steps, with dropout and changing weights.
        """
        row = {"epoch": len(self.history)}
        row["learning_rate"] = self.optimizers().param_groups[0]["lr"]
        for part, outputs in self.outputs.items():
            truth, mean, std = (torch.cat(one) for one in zip(*outputs, strict=True))
            row[f"{part}_loss"] = moment_loss(truth, mean, std).item()
            row[f"{part}_r2"] = float(np.mean(statistics.r2(truth.numpy(), mean.numpy())))
            outputs.clear()
        row["seconds"] = time.perf_counter() - self.started
        if not math.isfinite(row["validation_loss"]):
            raise ResultError(
                "The validation loss isn't a number.",
                found=f"{row['validation_loss']} in epoch {row['epoch']}",
                remedy="Lower the learning rate, or check the maps and properties.",
            )
        self.history.append(row)


class Keeper(lightning.Callback):
    """Keeps the best weights, saves the state after each epoch, stops early, shows progress.

    Parameters
    ----------
    folder : path
    fingerprint : str
        Of the training.
    best : dict of str to torch.Tensor
        Best weights of the epochs done before.
    show : bool
        Show a progress bar.
    """

    def __init__(self, folder, fingerprint, best, show):
        self.folder = folder
        self.fingerprint = fingerprint
        self.best = best
        self.show = show
        self.bar = None

    def on_train_start(self, trainer, module):
        """Open the bar."""
        steps = len(module.batches)
        self.bar = bar(
            None, f"training {self.folder.name}", total=module.settings.epochs * steps,
            show=self.show, unit="step",
        )  # fmt: skip
        self.bar.update(module.done * steps)

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
        """Move the bar."""
        self.bar.update()

    def on_train_epoch_end(self, trainer, module):
        """Keep, save, and stop if it is time."""
        history = module.history
        if best_epoch(history) == history[-1]["epoch"]:
            self.best = {name: one.clone() for name, one in module.network.state_dict().items()}
        checkpoint.write_resume(
            self.folder, self.fingerprint, module.network, self.best,
            trainer.optimizers[0], history,
        )  # fmt: skip
        self.bar.set_postfix(
            {name: f"{history[-1][name]:.2f}" for name in ("train_loss", "validation_loss")}
        )
        trainer.should_stop = out_of_patience(history, module.settings.patience)

    def teardown(self, trainer, module, stage):
        """Close the bar, whatever happened."""
        if self.bar is not None:
            self.bar.close()


def best_epoch(history):
    """Number of the first epoch of the lowest validation loss."""
    return min(history, key=lambda row: row["validation_loss"])["epoch"]


def out_of_patience(history, patience):
    """Whether the last `patience` epochs brought no lower validation loss."""
    if patience is None or not history:
        return False
    return history[-1]["epoch"] - best_epoch(history) >= patience


def train(
    stores,
    fields,
    limits,
    folder,
    settings=None,
    *,
    size=None,
    split_by="halo",
    progress=True,
):
    """Train one network on one suite (or several), and write it to a folder.

    Parameters
    ----------
    stores : sequence of paths or Datasets
        Map stores as :func:`cgmhelpers.maps.make` writes them.
    fields : sequence of str
        Names of the fields, one channel each.
    limits : {"ideal", "survey"}
        Which limits to apply; None if the stores are Datasets with limits already.
    folder : path
        Where the network goes. If it holds this very training, finished, nothing is done; if it
        holds it unfinished, training goes on.
    settings : TrainingSettings, optional
    size : int, optional
        Pixels along a side; maps are coarsened to it. None keeps theirs.
    split_by : {"halo", "realisation"}
        See :func:`cgmhelpers.dataset.split`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        If the maps and the settings don't make a training (:func:`cgmhelpers.dataset.load`,
        :func:`cgmhelpers.dataset.split`, fewer training maps than `batch_size`, ...).
    ResultError
        If the loss stops being a number.
    """
    settings = settings or TrainingSettings()
    stores = [stores] if isinstance(stores, str | Path | xr.Dataset) else list(stores)
    folder = Path(folder)
    fingerprint = provenance.fingerprint(
        stores=[_identity(store) for store in stores],
        fields=list(fields),
        limits=limits,
        size=size,
        split_by=split_by,
        settings=settings.model_dump(exclude={"threads", "accelerator"}),
    )
    if is_complete(folder, fingerprint):
        log.info("%s: already trained.", folder)
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / checkpoint.DESCRIPTION).unlink(missing_ok=True)

    ds = dataset.load(stores, fields, limits, size)
    table = dataset.halo_table(ds)
    table["part"] = dataset.split(table, split_by, seed=settings.seed)
    parts = _with_properties(ds, table)
    scaling = dataset.Scaling.fit(ds, parts == "training")
    of_training, of_validation = _batches(ds, parts, scaling, settings)

    with _threads(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        architecture = {
            "in_channels": len(scaling.fields),
            "properties": len(scaling.properties),
            "channels": settings.channels,
            "size": ds.sizes["y"],
            "dropout": settings.dropout,
        }
        network = MomentNetwork(**architecture).to(memory_format=torch.channels_last)
        state, history = _fit(
            network, settings, of_training, of_validation, folder, fingerprint, progress
        )

    best = best_epoch(history)
    description = {
        "fingerprint": fingerprint,
        "suite_train": "+".join(sorted(set(table["suite"]))),
        "fields": list(scaling.fields),
        "limits": ds.attrs["limits"],
        "split": {"by": split_by, "seed": settings.seed, "fractions": list(dataset.FRACTIONS)},
        "halos": {name: int((parts == name).sum()) for name in dataset.PARTS},
        "evaluation_axis": dataset.EVALUATION_AXIS,
        "pixel_size_kpc": float(np.diff(ds["x"].values[:2])[0]),
        "network": architecture,
        "number_of_parameters": network.number_of_parameters,
        "scaling": scaling.to_dict(),
        "settings": settings.model_dump(),
        "epochs": len(history),
        "best_epoch": best,
        "validation_loss": history[best]["validation_loss"],
    }
    checkpoint.write_network(folder, state, description, _table(history), table)
    return folder
