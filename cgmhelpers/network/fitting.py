"""One training by Lightning: on this machine's devices, from its last epoch on, with our errors."""

import logging
import warnings
from contextlib import contextmanager

import lightning.pytorch as lightning
import torch
from lightning.fabric.plugins.environments import LightningEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.network import checkpoint, compilation
from cgmhelpers.network.loop import Keeper, MomentTraining, out_of_patience, release_pages

log = logging.getLogger(__name__)


def fit(
    network, adaptation, settings, of_training, of_validation, folder, fingerprint, show, report
):
    """Train up to the last epoch, from the last one that an interrupted training kept.

    Parameters
    ----------
    network : MomentNetwork
        The network.
    adaptation : Adaptation or None
        The network with what a penalty adds to it.
    settings : TrainingSettings
        Hyperparameters, and devices.
    of_training, of_validation : Batches
        Batches of maps and targets.
    folder : Path
        Keeps the state after each epoch.
    fingerprint : str
        Of the training; another one's state isn't taken.
    show : bool
        Show a progress bar.
    report : callable or None
        Called with the history after each epoch.

    Returns
    -------
    best : dict of str to Tensor
        Weights of the lowest validation loss.
    history : list of dict
        One for each epoch.

    Raises
    ------
    ParameterError
        If the machine lacks the accelerator, the devices or the memory.
    ResultError
        If a process of the training fails.
    """
    learner = adaptation or network
    resumed = checkpoint.read_resume(folder, fingerprint)
    if resumed is None:
        resumed = {"history": [], "best": {}, "optimizer": None}
    else:
        learner.load_state_dict(resumed["network"])
        log.info("%s: going on after %d epochs.", folder, len(resumed["history"]))
    history = resumed["history"]
    if len(history) < settings.epochs and not out_of_patience(history, settings.patience):
        module = MomentTraining(
            network, settings, of_training, of_validation, history, resumed["optimizer"], adaptation
        )
        left = (settings.epochs - len(history)) * len(of_training.targets)
        compilation.compile_network(learner, settings, left)
        keeper = Keeper(folder, fingerprint, resumed["best"], show, report)
        with quiet_lightning(), _device_faults(settings):
            trainer = lightning.Trainer(
                max_epochs=settings.epochs - len(history),
                precision=settings.precision,
                callbacks=[keeper],
                # Without it Lightning asks the environment: that of a batch job (SLURM_NTASKS,
                # RANK, ...) describes processes that take no part in this training.
                plugins=[LightningEnvironment()],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
                default_root_dir=folder,
                **devices(settings),
            )
            try:
                trainer.fit(module, of_training, of_validation)
            finally:
                release_pages()
        if settings.devices == 1:
            return {name: one.cpu() for name, one in keeper.best.items()}, module.history
        # The processes of the devices kept the state of the last epoch for us in a file.
        resumed = checkpoint.read_resume(folder, fingerprint) or resumed
    return resumed["best"], resumed["history"]


@contextmanager
def _device_faults(settings):
    """Turn what Lightning and torch say of a machine into errors of ours."""
    asked = f"accelerator = {settings.accelerator}, devices = {settings.devices}"
    try:
        yield
    except MisconfigurationException as error:
        raise ParameterError(
            "The machine lacks what the training asks for.",
            found=f"{asked}: {_first_line(error)}",
            expected="an accelerator of this machine, and no more devices than it has",
            remedy="Set accelerator to auto, or to cpu, and devices to 1.",
        ) from error
    except (MemoryError, RuntimeError) as error:
        full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not full and "can't allocate memory" not in str(error):
            raise
        raise ParameterError(
            "The training needs more memory than there is.",
            found=f"batch_size = {settings.batch_size}, channels = {settings.channels}, {asked}",
            expected="a batch that fits",
            remedy="Lower batch_size, or the size of the maps; what is trained stays.",
        ) from error
    except ProcessRaisedException as error:
        raise ResultError(
            "A process of the training failed.",
            found=str(error).strip().splitlines()[-1],
            remedy="Mend the cause and start again: finished epochs stay.",
        ) from error
    except ProcessExitedException as error:
        raise ResultError(
            "A process of the training was killed.",
            found=_first_line(error),
            expected="memory for each device's process",
            remedy="Use fewer devices, or a machine with more memory; finished epochs stay.",
        ) from error


def _first_line(error):
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def devices(settings):
    """Return Lightning's arguments for one device, or for several with a process each.

    Parameters
    ----------
    settings : TrainingSettings
        With ``accelerator`` and ``devices``.

    Returns
    -------
    dict
    """
    if settings.devices == 1:
        return {"accelerator": settings.accelerator, "devices": 1}
    processor = settings.accelerator == "cpu" or not torch.cuda.is_available()
    return {
        "accelerator": settings.accelerator,
        "devices": settings.devices,
        "strategy": "ddp_spawn",
        "sync_batchnorm": not processor,  # torch has it for GPUs only
    }


@contextmanager
def threads(number):
    """Let torch use so many threads inside a ``with`` block.

    Parameters
    ----------
    number : int
        Threads; 0 leaves them.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet_lightning():
    """Silence Lightning's advertisements, and its advice on loaders that we don't use."""
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\.")
        try:
            yield
        finally:
            for one, level in zip(loggers, levels, strict=True):
                one.setLevel(level)
