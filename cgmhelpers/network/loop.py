"""One training, epoch by epoch: the Lightning module, and the callback that keeps its results."""

import copy
import ctypes
import math
import sys
import time

import lightning.pytorch as lightning
import numpy as np
import torch

from cgmhelpers.errors import ResultError
from cgmhelpers.network import checkpoint
from cgmhelpers.network.loss import moment_loss
from cgmhelpers.network.settings import learning_rate
from cgmhelpers.statistics import metrics
from cgmhelpers.system.progress import bar

BETAS = (0.5, 0.999)
"""Decay rates of AdamW's running moments, those of the CMD code."""
SHOWN = ("train_loss", "validation_loss", "validation_r2")
"""Columns of the history that the progress bar shows."""
# M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD of malloc.h, and their values in bytes.
_ALLOCATOR = {-3: 2**31 - 1, -1: 2**31 - 1, -2: 2**28}


def keep_pages():
    """Let this process keep the memory that it frees, for the next buffers of the same sizes.

    By default glibc gives large buffers back to the system after each use. A network allocates
    buffers of the same sizes at every step, and would spend a third of its time on page faults.
    With another C library this does nothing.
    """
    library = _glibc()
    if library:
        for option, value in _ALLOCATOR.items():
            library.mallopt(option, value)


def release_pages():
    """Give unused memory that :func:`keep_pages` kept back to the system."""
    library = _glibc()
    if library:
        library.malloc_trim(0)


def _glibc():
    """Return the C library of this process if it has glibc's functions, or else None."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


class MomentTraining(lightning.LightningModule):
    """Train a moment network: loss, optimiser, schedule, and one row of history per epoch.

    Parameters
    ----------
    network : MomentNetwork
    settings : TrainingSettings
    batches, validation_batches : Batches
        Batches of the training and of the validation part.
    history : list of dict
        Rows of the epochs done before; each epoch appends one.
    optimizer_state : dict, optional
        State of the optimiser of a training to resume.
    adaptation : Adaptation, optional
        Of `network`, whose penalty is added to the loss.
    """

    def __init__(
        self,
        network,
        settings,
        batches,
        validation_batches,
        history,
        optimizer_state=None,
        adaptation=None,
    ):
        super().__init__()
        self.network = network
        self.adaptation = adaptation
        self.progress = 0.0
        self.settings = settings
        self.batches = batches
        self.validation_batches = validation_batches
        self.history = history
        self.done = len(history)
        self.optimizer_state = optimizer_state
        self.outputs = {"train": [], "validation": []}
        self.started = self.training_seconds = 0.0

    @property
    def learner(self):
        """The module whose weights are trained: the network, perhaps within its adaptation."""
        return self.network if self.adaptation is None else self.adaptation

    def configure_optimizers(self):
        """Return AdamW; its rate is set before each step as a function of the step's number."""
        optimizer = torch.optim.AdamW(
            self.learner.parameters(),
            lr=self.settings.learning_rate,
            betas=BETAS,
            weight_decay=self.settings.weight_decay,
        )
        if self.optimizer_state is not None:
            groups = optimizer.state_dict()["param_groups"]
            # A copy: the processes of several devices are given the same memory.
            own = copy.deepcopy(self.optimizer_state)
            optimizer.load_state_dict({"state": own, "param_groups": groups})
        return optimizer

    def on_fit_start(self):
        """Set up the process; each of several devices has a new one."""
        keep_pages()
        if self.settings.threads:
            torch.set_num_threads(self.settings.threads)
        for loader in (self.batches, self.validation_batches):
            loader.share = (self.global_rank, self.trainer.world_size)

    def on_train_epoch_start(self):
        """Seed the random numbers of this epoch and this device."""
        epoch = self.done + self.current_epoch
        self.batches.epoch = epoch
        entropy = [self.settings.seed, epoch, self.global_rank]
        seed = np.random.SeedSequence(entropy).generate_state(1)[0]
        torch.manual_seed(int(seed))
        self.started = time.perf_counter()

    def on_train_batch_start(self, batch, batch_index):
        """Set the learning rate."""
        steps = len(self.batches)
        step = (self.done + self.current_epoch) * steps + batch_index
        self.progress = step / (self.settings.epochs * steps)
        rate = learning_rate(self.settings, step, self.settings.epochs * steps)
        for group in self.optimizers().param_groups:
            group["lr"] = rate

    def training_step(self, batch, batch_index):
        """Return the moment loss of a batch; a loss that isn't a number ends the training."""
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

    def on_validation_epoch_start(self):
        """Give all devices the running moments of the first, whose network will be kept."""
        self.training_seconds = time.perf_counter() - self.started
        if torch.distributed.is_initialized():
            for running_moment in self.network.buffers():
                torch.distributed.broadcast(running_moment, 0)

    def _step(self, part, batch):
        images, targets, *domains = batch
        adapting = self.adaptation is not None and part == "train"
        outputs = torch.cat((self.adaptation if adapting else self.network)(images), dim=1)
        outputs = outputs.to(targets.dtype)
        if torch.distributed.is_initialized():
            outputs = self._gathered(outputs, len(targets))
        number = 2 * targets.shape[1]
        truth, moments = targets, outputs[:, :number]
        if adapting:  # the properties of a target suite aren't given
            labelled = ~targets.isnan().any(dim=1)
            truth, moments = truth[labelled], moments[labelled]
        mean, std = moments.tensor_split(2, dim=1)
        self.outputs[part].append([one.detach().cpu() for one in (truth, mean, std)])
        loss = moment_loss(truth, mean, std)
        if adapting:
            penalty = self.adaptation.penalty(outputs[:, number:], *domains, self.progress)
            loss = loss + self.settings.adaptation_weight * penalty
        return loss

    def _gathered(self, moments, number):
        """Gather the outputs of a whole batch, of which each device has seen a share.

        The loss isn't a mean over maps, so the loss of a batch isn't the mean of its shares'
        losses. Gradients flow back to each device; Lightning takes their mean over the devices,
        which is the gradient of the whole batch's loss.
        """
        sizes = [len(one) for one in np.array_split(range(number), self.trainer.world_size)]
        padded = torch.nn.functional.pad(moments, (0, 0, 0, sizes[0] - len(moments)))
        shares = self.all_gather(padded, sync_grads=True)  # (devices, maps, moments)
        return torch.cat([share[:size] for share, size in zip(shares, sizes, strict=True)])

    def on_validation_epoch_end(self):
        """Append the epoch's row: loss and R2 over all maps of each part.

        The row's numbers for the training part come from its steps, with dropout and with weights
        that change from step to step.
        """
        row = {"epoch": len(self.history)}
        row["learning_rate"] = self.optimizers().param_groups[0]["lr"]
        for part, outputs in self.outputs.items():
            # In double precision: after the first few steps the running moments of the batch
            # normalisation are far off, and the loss's fourth powers would overflow.
            truth, mean, std = (torch.cat(one).double() for one in zip(*outputs, strict=True))
            row[f"{part}_loss"] = moment_loss(truth, mean, std).item()
            row[f"{part}_r2"] = float(np.mean(metrics.r2(truth.numpy(), mean.numpy())))
            outputs.clear()
        row["seconds"] = time.perf_counter() - self.started
        row["images_per_second"] = len(self.batches.targets) / self.training_seconds
        if not math.isfinite(row["validation_loss"]):
            raise ResultError(
                "The validation loss isn't a number.",
                found=f"{row['validation_loss']} in epoch {row['epoch']}",
                remedy="Lower the learning rate, or check the maps and properties.",
            )
        self.history.append(row)


class Keeper(lightning.Callback):
    """Keep the best weights, save the state after each epoch, stop early, show progress.

    Parameters
    ----------
    folder : path
    fingerprint : str
        Fingerprint of the training.
    best : dict of str to torch.Tensor
        Best weights of the epochs done before.
    show : bool
        Show a progress bar.
    report : callable, optional
        Called with the history after each epoch that is saved; what it raises ends the training.
    """

    def __init__(self, folder, fingerprint, best, show, report=None):
        self.folder = folder
        self.fingerprint = fingerprint
        self.best = best
        self.show = show
        self.report = report
        self.bar = None

    def on_train_start(self, trainer, module):
        """Open the bar."""
        steps = len(module.batches)
        self.bar = bar(
            None, f"training {self.folder.name}", total=module.settings.epochs * steps,
            show=self.show and trainer.is_global_zero, unit="step",
        )  # fmt: skip
        self.bar.update(module.done * steps)

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
        """Move the bar."""
        self.bar.update()

    def on_train_epoch_end(self, trainer, module):
        """Keep the weights if they are the best, save the state, and stop if patience is over."""
        history = module.history
        if best_epoch(history) == history[-1]["epoch"]:
            self.best = {name: one.clone() for name, one in module.network.state_dict().items()}
        if trainer.is_global_zero:
            checkpoint.write_resume(
                self.folder, self.fingerprint, module.learner, self.best,
                trainer.optimizers[0], history,
            )  # fmt: skip
        self.bar.set_postfix({name: f"{history[-1][name]:.2f}" for name in SHOWN})
        if self.report:
            self.report(history)
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
    """Tell whether it is time to stop early.

    Parameters
    ----------
    history : list of dict
        One row per epoch.
    patience : int or None
        Most epochs without a lower validation loss; None never stops.

    Returns
    -------
    bool
    """
    if patience is None or not history:
        return False
    return history[-1]["epoch"] - best_epoch(history) >= patience
