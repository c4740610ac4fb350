"""Search for the best hyperparameters with Optuna: resumable, by as many workers as you start.

Section 2.3 of the paper chooses maximum learning rate, weight decay, dropout and channels for the
lowest validation loss. The ranges of the first three are those of the CMD code. The range of the
channels is ours: from half to four thirds of those in the settings, 6 to 16 for the paper's 12.

A study is a folder: ``study.log`` is Optuna's journal, and each trial is a training in its own
folder. The first trial takes the settings as they are, so the best trial is at least as good.
Optuna's journal doesn't notice that a worker was killed, so each worker writes a sign of life: a
trial without one is given up and queued again, and its training goes on from its last epoch.
"""

import logging
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError, ResultError
from cgmhelpers.network import checkpoint
from cgmhelpers.network.training import train_task
from cgmhelpers.system import heartbeat

log = logging.getLogger(__name__)

JOURNAL = "study.log"
NAME = "moment_network"
RANGES = {"learning_rate": (1e-5, 5e-3), "weight_decay": (1e-8, 1e-1), "dropout": (0.0, 0.9)}
TUNED = (*RANGES, "channels")
UNPRUNED = 4
"""Trials that run to their end before any is pruned against the median of those before."""
ALIVE = "alive"
POLL = 1.0
STALE = 30.0
"""Seconds after which a lock that leads nowhere is nobody's: Optuna writes in much less."""


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
            _retire(study, folder)
            count = _count(study)
            if count["finished"] + count["running"] >= trials:
                time.sleep(POLL)  # others have the last ones, and may yet die
                continue
            # Drawn from its place in the study, a trial is the same after an interruption.
            place = count["finished"] + count["diverged"] + count["running"]
            study.sampler = _sampler(settings.seed, place, worker)
            # A loss that stops being a number makes a bad trial, not the end of the study.
            study.optimize(objective, n_trials=1, catch=(ResultError,))
    return best(folder)


def is_tuned(folder, trials):
    """Tell whether :func:`tune` would find its work done.

    Parameters
    ----------
    folder : path
        Folder of the study.
    trials : int
        Trials in all.

    Returns
    -------
    bool
    """
    if not (Path(folder) / JOURNAL).is_file():
        return False
    count = _count(open_study(folder))
    return count["finished"] >= trials or count["diverged"] >= trials


def open_study(folder):
    """Open a study.

    Parameters
    ----------
    folder : path
        Folder of the study.

    Returns
    -------
    optuna.Study

    Raises
    ------
    DataNotFoundError
        If there is no study.
    """
    import optuna

    if not (Path(folder) / JOURNAL).is_file():
        raise DataNotFoundError(
            f"{folder} holds no study.", expected=f"a file {JOURNAL}", remedy="Tune first."
        )
    return optuna.load_study(study_name=NAME, storage=_journal(folder))


def trials_table(folder):
    """Return the trials of a study as a table.

    Parameters
    ----------
    folder : path
        Folder of the study.

    Returns
    -------
    pandas.DataFrame
        One row a trial: number, state (complete, pruned, fail, running, waiting),
        validation_loss (the lowest; of a pruned one, the lowest before its end), epochs,
        seconds, the tuned hyperparameters, and folder (of the training's files).
    """
    rows = []
    for one in open_study(folder).trials:
        values = list(one.intermediate_values.values())
        rows.append(
            {
                "number": one.number,
                "state": one.state.name.lower(),
                "validation_loss": min(values) if one.value is None and values else one.value,
                "epochs": len(values),
                "seconds": one.duration.total_seconds() if one.duration else np.nan,
                **{name: one.params.get(name) for name in TUNED},
                "folder": _home(folder, one),
            }
        )
    return pd.DataFrame(rows)


def best(folder):
    """Return the network of the best trial.

    Parameters
    ----------
    folder : path
        Folder of the study.

    Returns
    -------
    Path

    Raises
    ------
    ResultError
        If no trial finished.
    """
    study = open_study(folder)
    if not _count(study)["complete"]:
        raise ResultError(
            "No trial of the study finished.",
            found=f"{len(study.trials)} trials",
            expected="a trial whose losses are numbers",
            remedy="Check the maps and properties, or let the study go on.",
        )
    return _home(folder, study.best_trial)


def importances(folder, seed=1):
    """Return the share of each hyperparameter in the variance of the validation loss (fANOVA).

    Parameters
    ----------
    folder : path
        Folder of the study.
    seed : int
        Seed of the forest of trees that is fitted to the trials.

    Returns
    -------
    pandas.Series
        Largest first, of sum 1; empty if fewer than four trials finished, or all losses are equal.
    """
    import optuna

    study = open_study(folder)
    losses = [one.value for one in study.trials if one.state.name == "COMPLETE"]
    if len(losses) < UNPRUNED or np.ptp(losses) == 0:
        return pd.Series(dtype=float)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    return pd.Series(optuna.importance.get_param_importances(study, evaluator=evaluator))


def _validation_loss(task, folder, progress, trial):
    """Train with the trial's suggestions; Optuna hears of each epoch and may prune the trial."""
    import optuna

    home = _home(folder, trial)
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


def _journal(folder):
    import optuna
    from optuna.storages.journal import JournalFileBackend

    # Absolute: Optuna gives up a lock that a killed process left if it can follow the link that
    # the lock is, and the link is read from its own folder.
    path = Path(folder).resolve() / JOURNAL
    try:
        return optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    except ValueError as error:  # JSON's errors too
        raise FormatError(
            f"{path} isn't a journal of Optuna.",
            found=str(error),
            expected="one JSON object a line",
            remedy="Delete the folder of the study, or copy it again.",
        ) from error


def _mend(folder):
    """Remove what workers left that were killed while they wrote: a lock, and half a line."""
    from optuna.storages.journal import JournalFileSymlinkLock

    path = Path(folder).resolve() / JOURNAL
    link = path.with_name(f"{JOURNAL}.lock")
    # Optuna waits for ever for a lock whose link leads nowhere: from a folder that was moved.
    if link.is_symlink() and not link.exists() and time.time() - link.lstat().st_mtime > STALE:
        link.unlink(missing_ok=True)
    if not path.is_file() or not _torn(path):
        return
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        if _torn(path):  # nobody writes now
            text = path.read_bytes()
            log.warning("%s: its last line is torn, and is cut off.", path)
            os.truncate(path, text.rfind(b"\n") + 1)
    finally:
        lock.release()


def _torn(path):
    with path.open("rb") as stream:
        if not stream.seek(0, os.SEEK_END):
            return False
        stream.seek(-1, os.SEEK_END)
        return stream.read() != b"\n"


def _begin(folder, fingerprint, settings):
    """Open the study, or create it with the settings as its first trial."""
    import optuna

    folder.mkdir(parents=True, exist_ok=True)
    _mend(folder)
    storage = _journal(folder)
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


def _home(folder, trial):
    """Return the folder of a trial's training, which may be that of a killed trial it repeats."""
    return Path(folder) / trial.user_attrs.get("home", f"trial_{trial.number}")


def _count(study):
    trials = study.get_trials(deepcopy=False)
    states = [one.state.name for one in trials]
    complete, pruned = states.count("COMPLETE"), states.count("PRUNED")
    return {
        "complete": complete,
        "finished": complete + pruned,
        "running": states.count("RUNNING"),
        "diverged": sum("diverged" in one.user_attrs for one in trials),
    }


def _retire(study, folder):
    """Give up trials whose worker died, and queue them again."""
    from optuna.trial import TrialState

    for one in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if heartbeat.is_beating(folder / ALIVE / str(one.number), one.datetime_start.timestamp()):
            continue
        try:
            study.tell(one.number, state=TrialState.FAIL)
        except ValueError:
            continue  # another worker was faster
        if set(one.params) == set(TUNED):  # or else the same ones are drawn again
            study.enqueue_trial(one.params, user_attrs={"home": _home(folder, one).name})


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
