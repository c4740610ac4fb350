"""One training, epoch by epoch: the Lightning module, and the callback that keeps its results."""

import math
import time

import lightning.pytorch as lightning
import numpy as np
import torch

from cgmhelpers import checkpoint, statistics
from cgmhelpers.errors import ResultError
from cgmhelpers.network import moment_loss
from cgmhelpers.progress import bar
from cgmhelpers.training_settings import learning_rate

BETAS = (0.5, 0.999)
"""Of AdamW, as in the CMD code."""


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
            # In double precision: after the first few steps the running moments of the batch
            # normalisation are far off, and the loss's fourth powers would overflow.
            truth, mean, std = (torch.cat(one).double() for one in zip(*outputs, strict=True))
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
        """Close the bar, whatever happened.

        Parameters
        ----------
        trainer, module, stage
            As Lightning gives them.
        """
        if self.bar is not None:
            self.bar.close()


def best_epoch(history):
    """Find the epoch of the lowest validation loss.

    Parameters
    ----------
    history : list of dict
        One row per epoch, at least one.

    Returns
    -------
    int
        Number of the epoch, the first of equals.
    """
    return min(history, key=lambda row: row["validation_loss"])["epoch"]


def out_of_patience(history, patience):
    """Whether it is time to stop early.

    Parameters
    ----------
    history : list of dict
        One row per epoch.
    patience : int or None
        How many epochs without a lower validation loss are borne; None bears all.

    Returns
    -------
    bool
    """
    if patience is None or not history:
        return False
    return history[-1]["epoch"] - best_epoch(history) >= patience
