"""A network for telescopes' files is prepared with all that inferring and stacking need beside it.

`prepare` trains a network on observed maps, the joint posterior behind it, what its training looks
like (`cgmhelpers.inference.trusting`), and keeps tables and maps of its training and validation
halos.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cgmhelpers.inference import posterior, trusting
from cgmhelpers.maps.summaries import EVALUATION_AXIS, map_statistics
from cgmhelpers.network import checkpoint, samples, training
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.task import Task
from cgmhelpers.system import files

REFERENCE = "training_halos.parquet"
"""Table beside a network, of its training halos and the statistics of their observed maps."""
MAPS = "training_maps.safetensors"
"""File beside it with log10 of the maps of these halos, without limits, along one line of sight."""
VALIDATION = "validation_maps.safetensors"
"""File beside it with the maps of the validation halos, in the same form. Their posteriors together
are the prior of the network's posteriors, with its imperfections, which `stack` divides out.
Training halos won't do, as the network knows them by heart, and infers them better than halos on
the sky."""
MOST_VALIDATION = 4000
"""Validation halos whose maps are kept, at most."""
CALIBRATED_WITH = 4
"""Observations of each validation halo that the posterior is calibrated with, at redshifts, depths
and with noise of their own, along all lines of sight."""


def prepare(stores, folder, observation, settings=None, *, flow=None, progress=True, **options):
    """Train all that `infer` needs, and write it to a folder.

    Parameters
    ----------
    stores : path, sequence of paths, or Dataset
        Map stores as of `cgmhelpers.maps.make`, without limits.
    folder : path
        For the network; what is there of this very training is kept.
    observation : Observation
        Instruments, redshifts and depths to train for.
    settings : TrainingSettings, optional
        Hyperparameters of the network.
    flow : PosteriorSettings, optional
        Hyperparameters of the joint posterior.
    progress : bool
        Show a progress bar.
    **options
        Further parameters of `cgmhelpers.network.task.Task`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        If the maps and the settings don't make a training.
    ResultError
        If a loss stops being a number.
    """
    settings = settings or TrainingSettings()
    task = Task(
        stores, list(observation.instruments), "observed", settings,
        observation=observation, **options,
    )  # fmt: skip
    return prepare_task(task, folder, flow, progress=progress)


def prepare_task(task, folder, flow=None, *, progress=True):
    """Carry out a training of observed maps, and write all that `infer` needs to a folder.

    Parameters
    ----------
    task : Task
        The training.
    folder, flow, progress
        As for `prepare`.

    Returns
    -------
    Path
        The folder.
    """
    folder, observation = Path(folder), task.observation
    training.train_task(task, folder, progress=progress)
    if is_prepared(folder, flow):
        return folder
    description = checkpoint.read_description(folder)
    ds = samples.load(task.stores, task.fields, "ideal", description["network"]["size"])
    seen = observation.observe(ds, [description["settings"]["seed"], 2])
    posterior.train(seen, folder, flow)
    table = samples.halo_table(seen)
    table["part"] = pd.read_csv(folder / checkpoint.SPLIT)["part"].to_numpy()
    truth = seen["properties"].to_pandas().reset_index(drop=True)
    table = table.join(truth).join(map_statistics(seen))
    held_out = ds.isel(halo=np.flatnonzero(table["part"] == "validation"))
    again = [[description["settings"]["seed"], 3, number] for number in range(CALIBRATED_WITH)]
    posterior.calibrate(folder, (observation.observe(held_out, seed) for seed in again))
    table = table[(table["part"] == "training") & np.isfinite(truth).all(axis=1)]
    _write_maps(folder / MAPS, ds.isel(halo=table.index), description)
    every = -(-held_out.sizes["halo"] // MOST_VALIDATION)
    _write_maps(folder / VALIDATION, held_out.isel(halo=slice(None, None, every)), description)
    trusting.calibrate_trust(seen, folder)
    with files.whole(folder / REFERENCE) as temporary:
        table.assign(fingerprint=description["fingerprint"]).to_parquet(temporary, index=False)
    return folder


def _write_maps(path, ds, description):
    """Write log10 of the maps of halos along one line of sight."""
    maps = np.log10(ds["image"].sel(axis=EVALUATION_AXIS).values).astype(np.float16)
    about = {"fingerprint": description["fingerprint"]}
    checkpoint.write_tensors(path, {"maps": torch.from_numpy(maps)}, about)


def is_prepared(folder, flow=None):
    """Tell whether a folder holds all that `infer` needs beside the network.

    Parameters
    ----------
    folder : path
        Of the network.
    flow : PosteriorSettings, optional
        Settings of its posterior.

    Returns
    -------
    bool
    """
    description = checkpoint.read_description(folder)
    return (
        (Path(folder) / VALIDATION).is_file()
        and posterior.is_trained(folder, flow)
        and (calibration := posterior.load(folder).conditions) is not None
        and calibration.told > 0
        and trusting.is_calibrated(folder)
        and reference_is(Path(folder), description)
    )


def reference_is(folder, description):
    """Tell whether the table of training halos is that of a network.

    Parameters
    ----------
    folder : Path
        Of the network.
    description : dict
        Of the network.

    Returns
    -------
    bool
    """
    try:
        found = pd.read_parquet(folder / REFERENCE, columns=["fingerprint"])["fingerprint"]
    except (OSError, ValueError):
        return False
    return set(found) == {description["fingerprint"]}
