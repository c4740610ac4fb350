"""Training of a moment network as one plain function.

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
import warnings
from contextlib import contextmanager
from pathlib import Path

import lightning.pytorch as lightning
import numpy as np
import pandas as pd
import torch
import xarray as xr

from cgmhelpers import checkpoint, dataset, maps, provenance
from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.network import MomentNetwork
from cgmhelpers.training_loop import Keeper, MomentTraining, best_epoch, out_of_patience
from cgmhelpers.training_settings import TrainingSettings

__all__ = ["TrainingSettings", "is_trained", "train"]

log = logging.getLogger(__name__)


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
    stores : path, sequence of paths, or Dataset
        Map stores as :func:`cgmhelpers.maps.make` writes them.
    fields : sequence of str
        Names of the fields, one channel each.
    limits : {"ideal", "survey"}
        Which limits to apply; None if `stores` is a Dataset with limits already.
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
    folder = Path(folder)
    fingerprint = _fingerprint(stores, fields, limits, settings, size, split_by)
    if _is_complete(folder, fingerprint):
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
    checkpoint.write_network(folder, state, description, pd.DataFrame(history), table)
    return folder


def is_trained(stores, fields, limits, folder, settings=None, *, size=None, split_by="halo"):
    """Whether :func:`train` with these arguments would find its work done.

    Parameters
    ----------
    stores, fields, limits, folder, settings, size, split_by
        As for :func:`train`.

    Returns
    -------
    bool
    """
    settings = settings or TrainingSettings()
    return _is_complete(folder, _fingerprint(stores, fields, limits, settings, size, split_by))


def _is_complete(folder, fingerprint):
    try:
        return checkpoint.read_description(folder)["fingerprint"] == fingerprint
    except (DataNotFoundError, FormatError):
        return False


def _fingerprint(stores, fields, limits, settings, size, split_by):
    if isinstance(stores, str | Path | xr.Dataset):
        stores = [stores]
    return provenance.fingerprint(
        stores=[_identity(store) for store in stores],
        fields=[fields] if isinstance(fields, str) else list(fields),
        limits=limits,
        size=size,
        split_by=split_by,
        settings=settings.model_dump(exclude={"threads", "accelerator"}),
    )


def _identity(store):
    """What tells one map store from another: its fingerprint, or a digest of what it holds."""
    ds = store if isinstance(store, xr.Dataset) else maps.open(store)
    known = {name: ds.attrs.get(name) for name in ("fingerprint", "limits", "pixel_size_kpc")}
    # A selection of a store's halos carries its fingerprint, so count them and name them too.
    digest = hashlib.sha256(dataset.halo_table(ds).to_csv().encode())
    if known["fingerprint"] is None:
        for name in ("properties", "image"):
            digest.update(np.ascontiguousarray(ds[name].values).tobytes())
    return known | {"digest": digest.hexdigest()}


def _with_properties(ds, table):
    """The part of each halo, empty where a property isn't finite (no gas): nothing to learn."""
    usable = np.isfinite(ds["properties"].values).all(axis=1)
    if not usable.all():
        log.warning(
            "%d of %d halos have a property that isn't finite and are left out of training.",
            (~usable).sum(),
            len(usable),
        )
    return table["part"].where(usable, "").to_numpy()


def _batches(ds, parts, scaling, settings):
    halos = {name: np.flatnonzero(parts == name) for name in ("training", "validation")}
    training = dataset.samples(ds, halos["training"], scaling)
    if len(training[0]) < settings.batch_size:
        raise ParameterError(
            "There are fewer training maps than a batch holds.",
            found=f"{len(training[0])} maps of {len(halos['training'])} halos",
            expected=f"at least batch_size = {settings.batch_size}",
            remedy="Lower batch_size, or use more halos.",
        )
    if len(halos["validation"]) == 0:
        raise ParameterError("No halo is left for validation.", remedy="Use more halos.")
    validation = dataset.samples(ds, halos["validation"], scaling, [dataset.EVALUATION_AXIS])
    return (
        dataset.Batches(*training, settings.batch_size, settings.seed, settings.augmentation),
        dataset.Batches(*validation, settings.batch_size),
    )


def _fit(network, settings, of_training, of_validation, folder, fingerprint, show):
    """Train up to the last epoch; the best weights and one row per epoch."""
    resumed = checkpoint.read_resume(folder, fingerprint)
    if resumed is None:
        resumed = {"history": [], "best": {}, "optimizer": None}
    else:
        network.load_state_dict(resumed["network"])
        log.info("%s: going on after %d epochs.", folder, len(resumed["history"]))
    history = resumed["history"]
    keeper = Keeper(folder, fingerprint, resumed["best"], show)
    if len(history) < settings.epochs and not out_of_patience(history, settings.patience):
        module = MomentTraining(network, settings, of_training, history, resumed["optimizer"])
        with _quiet_lightning():
            trainer = lightning.Trainer(
                max_epochs=settings.epochs - len(history),
                accelerator=settings.accelerator,
                devices=1,
                precision=settings.precision,
                callbacks=[keeper],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
                default_root_dir=folder,
            )
            trainer.fit(module, of_training, of_validation)
    return keeper.best, history


@contextmanager
def _threads(number):
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_lightning():
    """Without Lightning's advertisements, and its advice on loaders that we don't use."""
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
