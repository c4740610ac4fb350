"""Search for the best hyperparameters with Optuna: resumable, by as many workers as you start.

Section 2.3 of the paper: maximum learning rate, weight decay, dropout and channels are chosen for
the lowest validation loss. The ranges of the first three are those of the CMD code.
"""

from functools import partial
from pathlib import Path

import numpy as np

from cgmhelpers import checkpoint
from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.training import TrainingSettings, train

JOURNAL = "study.log"
CHANNELS = (6, 16)
"""Range of the channels tried; it holds the paper's 12. The paper's own range isn't printed."""


def tune(
    stores,
    fields,
    limits,
    folder,
    settings=None,
    *,
    trials=50,
    size=None,
    split_by="halo",
    channels=CHANNELS,
    progress=True,
):
    """Try hyperparameters until a number of trials is finished.

    A study lives in its folder: interrupted, call this again; to go faster, call it from several
    processes at once with the same folder. Each trial is a training in a folder of its own.

    Parameters
    ----------
    stores, fields, limits
        As for :func:`cgmhelpers.training.train`.
    folder : path
        Of the study; ``study.log`` is Optuna's journal, ``trial_<n>`` the networks.
    settings : TrainingSettings, optional
        Whatever isn't tuned.
    trials : int
        Finished trials wanted altogether, those of earlier calls and other workers included.
    size, split_by
        As for :func:`cgmhelpers.training.train`.
    channels : tuple of int
        Least and most channels to try.
    progress : bool
        Show a progress bar for each training.

    Returns
    -------
    TrainingSettings
        `settings` with the best trial's hyperparameters.

    Raises
    ------
    ParameterError
        If `trials` or `channels` can't be used, or the training's arguments can't.
    ResultError
        If no trial finished.
    """
    import optuna

    if trials < 1 or not 1 <= channels[0] <= channels[1]:
        raise ParameterError(
            "The study can't be made.",
            found=f"{trials} trials, {channels} channels",
            expected="at least one trial, and a range of positive channels",
        )
    settings = settings or TrainingSettings()
    folder = Path(folder)

    arguments = (stores, fields, limits)
    options = {"size": size, "split_by": split_by, "progress": progress}
    objective = partial(_validation_loss, arguments, options, folder, settings, channels)
    study = open_study(folder, settings.seed)
    finished = optuna.trial.TrialState.COMPLETE
    enough = optuna.study.MaxTrialsCallback(trials, states=(finished,))
    if len(study.get_trials(states=(finished,))) < trials:
        # A training whose loss stops being a number is a bad trial, not the end of the study.
        study.optimize(objective, n_trials=2 * trials, callbacks=[enough], catch=(ResultError,))
    if not study.get_trials(states=(finished,)):
        raise ResultError(
            "No trial of the study finished.",
            found=f"{len(study.trials)} trials whose loss was no number",
            remedy="Check the maps and properties.",
        )
    return settings.model_copy(update=study.best_params)


def _validation_loss(arguments, options, folder, settings, channels, trial):
    chosen = settings.model_copy(update=_suggest(trial, channels))
    home = train(*arguments, folder / f"trial_{trial.number}", chosen, **options)
    return checkpoint.read_description(home)["validation_loss"]


def open_study(folder, seed=1):
    """Open a study, or begin it.

    Parameters
    ----------
    folder : path
        Of the study.
    seed : int
        Of Optuna's sampler, a tree-structured Parzen estimator.

    Returns
    -------
    optuna.Study
        ``trials_dataframe()`` is its table.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    journal = optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    done = len(optuna.get_all_study_names(journal)) and len(
        optuna.load_study(study_name="moment_network", storage=journal).trials
    )
    # Another call mustn't draw the numbers of the last one again.
    state = np.random.SeedSequence([seed, done]).generate_state(1)[0]
    return optuna.create_study(
        study_name="moment_network",
        storage=journal,
        sampler=optuna.samplers.TPESampler(seed=int(state)),
        direction="minimize",
        load_if_exists=True,
    )


def _suggest(trial, channels):
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-5, 5e-3, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-8, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.9),
        "channels": trial.suggest_int("channels", *channels),
    }
