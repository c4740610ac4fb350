"""Search for the best hyperparameters with Optuna: resumable, by as many workers as you start.

Section 2.3 of the paper chooses maximum learning rate, weight decay, dropout and channels for the
lowest validation loss. The ranges of the first three are those of the CMD code. The range of the
channels is ours: from half to four thirds of those in the settings, 6 to 16 for the paper's 12.

A study is a folder: ``study.log`` is Optuna's journal, and each trial is a training in its own
folder. The first trial takes the settings as they are, so the best trial is at least as good. A
trial whose worker was killed is queued again, and its training goes on from its last epoch.
"""

import shutil
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.network import checkpoint
from cgmhelpers.network.studies import (
    ALIVE,
    NAME,
    RANGES,
    TUNED,
    UNPRUNED,
    best,
    counts,
    home_of,
    is_tuned,
    journal,
    mend,
    retire,
)
from cgmhelpers.network.training import train_task
from cgmhelpers.system import heartbeat

POLL = 1.0


def tune(task, folder, *, trials=50, worker=0, progress=True):
    """Try hyperparameters until a number of trials is finished.

    Interrupted, call this again; to go faster, call it from several processes at once with the
    same folder.

    Parameters
    ----------
    task : Task
        The training to tune. The first trial has its settings, and every trial those that aren't
        tuned.
    folder : path
        Folder of the study.
    trials : int
        Trials in all, including pruned ones, those of earlier calls and of other workers.
    worker : int
        Number of this process among those that work on the study: each draws other trials.
    progress : bool
        Show a progress bar for each training.

    Returns
    -------
    Path
        The best trial's network, for :func:`cgmhelpers.inference.prediction.load`.

    Raises
    ------
    ParameterError
        If the study or its trainings can't be made, or the folder holds a study of other things.
    ResultError
        If no trial finished.
    """
    settings, folder = task.settings, Path(folder)
    if trials < 1 or settings.devices > 1:
        raise ParameterError(
            "The study can't be made.",
            found=f"{trials} trials on {settings.devices} devices each",
            expected="at least one trial, and one device each",
            remedy="To use several devices, start several workers.",
        )
    objective = partial(_validation_loss, task, folder, progress)
    with _quiet_optuna():
        study = _begin(folder, task.fingerprint(), settings)
        while not is_tuned(folder, trials):
            retire(study, folder)
            found = counts(study)
            if found["finished"] + found["running"] >= trials:
                time.sleep(POLL)  # others have the last ones, and may yet die
                continue
            # Drawn from its place in the study, a trial is the same after an interruption.
            place = found["finished"] + found["diverged"] + found["running"]
            study.sampler = _sampler(settings.seed, place, worker)
            # A loss that stops being a number makes a bad trial, not the end of the study.
            study.optimize(objective, n_trials=1, catch=(ResultError,))
    return best(folder)


def _validation_loss(task, folder, progress, trial):
    """Train with the trial's suggestions; Optuna hears of each epoch and may prune the trial."""
    import optuna

    home = home_of(folder, trial)
    suggested = _suggest(trial, task.settings.channels)
    chosen = replace(task, settings=task.settings.model_copy(update=suggested))
    told = 0

    def report(history):
        nonlocal told
        for row in history[told:]:  # a training that goes on has several
            trial.report(row["validation_loss"], row["epoch"])
        told = len(history)
        if trial.should_prune():
            raise optuna.TrialPruned

    try:
        with heartbeat.beating(folder / ALIVE / str(trial.number)):
            train_task(chosen, home, report=report, progress=progress)
    except optuna.TrialPruned:
        shutil.rmtree(home)
        raise
    except ResultError:
        trial.set_user_attr("diverged", True)
        raise
    return checkpoint.read_description(home)["validation_loss"]


def _suggest(trial, channels):
    low, high = _channel_range(channels)
    return {
        "learning_rate": trial.suggest_float("learning_rate", *RANGES["learning_rate"], log=True),
        "weight_decay": trial.suggest_float("weight_decay", *RANGES["weight_decay"], log=True),
        "dropout": trial.suggest_float("dropout", *RANGES["dropout"]),
        "channels": trial.suggest_int("channels", low, high),
    }


def _channel_range(channels):
    return (channels + 1) // 2, 4 * channels // 3


def _begin(folder, fingerprint, settings):
    """Open the study, or create it with the settings as its first trial."""
    import optuna

    folder.mkdir(parents=True, exist_ok=True)
    mend(folder)
    storage = journal(folder)
    study = optuna.create_study(
        study_name=NAME,
        storage=storage,
        pruner=optuna.pruners.MedianPruner(UNPRUNED, n_warmup_steps=settings.epochs // 4),
        direction="minimize",
        load_if_exists=True,
    )
    made_from = study.user_attrs.get("fingerprint", fingerprint)
    if made_from != fingerprint:
        raise ParameterError(
            f"{folder} holds a study of other maps or settings.",
            found=made_from[:12],
            expected=fingerprint[:12],
            remedy="Choose another folder, or delete this one.",
        )
    study.set_user_attr("fingerprint", fingerprint)
    if not study.trials:
        ranges = {**RANGES, "channels": _channel_range(settings.channels)}
        values = {name: getattr(settings, name) for name in TUNED}
        first = {
            name: value
            for name, value in values.items()
            if ranges[name][0] <= value <= ranges[name][1]
        }
        study.enqueue_trial(first, skip_if_exists=True)
    return study


def _sampler(*seeds):
    import optuna

    state = np.random.SeedSequence(seeds).generate_state(1)[0]
    return optuna.samplers.TPESampler(seed=int(state))


@contextmanager
def _quiet_optuna():
    """Silence Optuna, which prints a line on the standard error for each trial."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
