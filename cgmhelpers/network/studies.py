"""The folder of a study: Optuna's journal, signs of life, and the trials as a table.

Optuna's journal doesn't notice that a worker was killed, so each worker writes a sign of life: a
trial without one is given up and queued again. A lock or half a line that a killed worker left is
removed.
"""

import logging
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.errors import DataNotFoundError, FormatError, ResultError
from cgmhelpers.system import heartbeat

log = logging.getLogger(__name__)

JOURNAL = "study.log"
NAME = "moment_network"
RANGES = {"learning_rate": (1e-5, 5e-3), "weight_decay": (1e-8, 1e-1), "dropout": (0.0, 0.9)}
TUNED = (*RANGES, "channels")
UNPRUNED = 4
"""Trials that run to their end before any is pruned against the median of those before."""
ALIVE = "alive"
STALE = 30.0
"""Seconds after which a lock that leads nowhere is nobody's. Optuna writes in much less."""


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
    found = counts(open_study(folder))
    return found["finished"] >= trials or found["diverged"] >= trials


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
    return optuna.load_study(study_name=NAME, storage=journal(folder))


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
                "folder": home_of(folder, one),
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
    if not counts(study)["complete"]:
        raise ResultError(
            "No trial of the study finished.",
            found=f"{len(study.trials)} trials",
            expected="a trial whose losses are numbers",
            remedy="Check the maps and properties, or let the study go on.",
        )
    return home_of(folder, study.best_trial)


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


def journal(folder):
    """Open the journal of a study, for Optuna.

    Parameters
    ----------
    folder : path
        Folder of the study.

    Returns
    -------
    optuna.storages.JournalStorage

    Raises
    ------
    FormatError
        If the file isn't a journal.
    """
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


def mend(folder):
    """Remove what workers left that were killed while they wrote: a lock, and half a line.

    Parameters
    ----------
    folder : path
        Folder of the study.
    """
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


def home_of(folder, trial):
    """Return the folder of a trial's training, which may be that of a killed trial it repeats.

    Parameters
    ----------
    folder : path
        Folder of the study.
    trial : optuna.trial.Trial or optuna.trial.FrozenTrial
        The trial.

    Returns
    -------
    Path
    """
    return Path(folder) / trial.user_attrs.get("home", f"trial_{trial.number}")


def counts(study):
    """Count the trials of a study.

    Parameters
    ----------
    study : optuna.Study
        The study.

    Returns
    -------
    dict of str to int
        ``complete``; ``finished``, pruned ones included; ``running``; ``diverged``.
    """
    trials = study.get_trials(deepcopy=False)
    states = [one.state.name for one in trials]
    complete, pruned = states.count("COMPLETE"), states.count("PRUNED")
    return {
        "complete": complete,
        "finished": complete + pruned,
        "running": states.count("RUNNING"),
        "diverged": sum("diverged" in one.user_attrs for one in trials),
    }


def retire(study, folder):
    """Give up trials whose worker died, and queue them again.

    Parameters
    ----------
    study : optuna.Study
        The study.
    folder : Path
        Its folder, with the signs of life.
    """
    from optuna.trial import TrialState

    for one in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if heartbeat.is_beating(folder / ALIVE / str(one.number), one.datetime_start.timestamp()):
            continue
        try:
            study.tell(one.number, state=TrialState.FAIL)
        except ValueError:
            continue  # another worker was faster
        if set(one.params) == set(TUNED):  # or else the same ones are drawn again
            study.enqueue_trial(one.params, user_attrs={"home": home_of(folder, one).name})
