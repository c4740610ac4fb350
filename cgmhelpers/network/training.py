"""Training of a moment network, from maps to a folder.

:func:`train` writes a folder with ``weights.safetensors`` (the weights of the lowest validation
loss), ``network.json`` (all that is needed to use them), ``history.csv`` (one row per epoch) and
``split.csv`` (the part of every halo). Interrupted, it goes on from its last epoch and ends with
the same weights: shuffling, augmentation and dropout draw from seeds derived from the epoch.

A `cgmhelpers.network.task.Task` holds everything that a training depends on. It is small and
plain, so that :func:`cgmhelpers.system.parallel.run_all` can train several networks side by side,
one thread each, which uses the cores better than one network on several threads. With
``TrainingSettings.devices`` several GPUs, or processes, train one network.
"""

import json
import logging
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cgmhelpers.errors import CGMError, ParameterError
from cgmhelpers.maps import lazy, summaries
from cgmhelpers.maps.store import HALOS_AT_ONCE
from cgmhelpers.network import apart, batches, checkpoint, samples, splits
from cgmhelpers.network.adaptation import PENALTIES, Adaptation, balanced
from cgmhelpers.network.calibration import Calibration
from cgmhelpers.network.fitting import fit, threads
from cgmhelpers.network.loop import (
    best_epoch,
)
from cgmhelpers.network.moment_network import MomentNetwork, moments
from cgmhelpers.network.scaling import Scaling, Unscaled
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.target import check_adaptation, given, joined, unlabelled_maps
from cgmhelpers.network.task import Task

log = logging.getLogger(__name__)
FAR = 0.01
"""Targets that leave their range by more than this share of it are worth a warning."""


def train(stores, fields, limits, folder, settings=None, *, progress=True, report=None, **options):
    """Train one network on one suite (or several), and write it to a folder.

    Parameters
    ----------
    stores, fields, limits
        As for `cgmhelpers.network.task.Task`.
    folder : path
        Where the network goes. See :func:`train_task`.
    settings : TrainingSettings, optional
        Hyperparameters.
    progress : bool
        Show a progress bar.
    report : callable, optional
        See :func:`train_task`.
    **options
        Further parameters of `Task`.

    Returns
    -------
    Path
        The folder.
    """
    task = Task(stores, fields, limits, settings or TrainingSettings(), **options)
    return train_task(task, folder, progress=progress, report=report)


def train_task(task, folder, *, progress=True, report=None):
    """Carry out a training, and write its network to a folder.

    Parameters
    ----------
    task : Task
        The training.
    folder : path
        Where the network goes. If it holds this very training, finished, nothing is done; if it
        holds it unfinished, training goes on.
    progress : bool
        Show a progress bar.
    report : callable, optional
        Called with the history, a list of one dictionary per epoch, after each epoch; what it
        raises ends the training. With several devices each calls it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        If the maps and the settings don't make a training (:func:`cgmhelpers.network.samples.load`,
        :func:`cgmhelpers.network.splits.split`, fewer training maps than `batch_size`, ...).
    ResultError
        If the loss stops being a number.
    """
    settings, folder = task.settings, Path(folder)
    if task.is_done(folder):
        log.info("%s: already trained.", folder)
        return folder
    if settings.devices > 1 and apart.is_needed():
        apart.train_apart(task, folder)
        return folder
    fingerprint = task.fingerprint()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / checkpoint.DESCRIPTION).unlink(missing_ok=True)

    limits = "ideal" if task.observation else task.limits
    ds = samples.load(task.stores, task.fields, limits, task.size)
    table = samples.halo_table(ds)
    split_seed = settings.seed if settings.split_seed is None else settings.split_seed
    table["part"] = splits.split(table, task.split_by, seed=split_seed)
    twins = splits.twins_of_simulations(table) if task.split_by == "halo" else []
    if twins:
        log.warning(
            "%s: %s have the same initial conditions, as others may. In a split by halo, the "
            "network learns from twins of validation and test halos, and its error bars come out "
            "too small. Split by seed or realisation, if there are three initial conditions.",
            folder,
            " and ".join(twins),
        )
    parts = _with_properties(ds, table)
    observed = _observed(task.observation, ds, parts, settings.seed)
    scaling = Scaling.fit(*observed["training"], task.properties, settings.ranges)
    outside = scaling.outside(ds, parts != "")
    far = {name: one for name, one in outside.items() if one["farthest"] > FAR}
    if far:
        log.warning(
            "%s: targets leave the ranges that they are scaled to: %s. The network learns them, "
            "beyond 0 to 1; the setting `ranges` widens a range.",
            folder,
            "; ".join(
                f"{name} in {one['halos']} of the halos ({one['lowest']:.4g} to "
                f"{one['highest']:.4g}, range {one['range'][0]:g} to {one['range'][1]:g})"
                for name, one in far.items()
            ),
        )
    suites = sorted(set(table["suite"]))
    idle = set(suites) - set(table["suite"][parts == "training"])
    if idle:
        raise ParameterError(
            "A suite has no halo to learn from.",
            found=f"no training halo of {', '.join(sorted(idle))} with all properties",
            expected="at least one of each suite",
            remedy="Leave the suite out, use more halos, or infer other properties.",
        )
    domains = np.searchsorted(suites, table["suite"].to_numpy(str))
    unlabelled = None
    if task.target is not None:
        shown = samples.load(task.target, task.fields, limits, task.size)
        unlabelled = unlabelled_maps(shown, ds, table, task.split_by, split_seed)
        ds, number = joined(ds, unlabelled), unlabelled.sizes["halo"]
        parts = np.append(parts, ["training"] * number)
        domains = np.append(domains, [len(suites)] * number)
    check_adaptation(settings, domains, task.target)
    of_training, of_validation = _batches(
        ds, parts, domains, scaling, settings, task.observation, observed["validation"]
    )

    with threads(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        architecture = {
            "in_channels": len(scaling.fields),
            "properties": len(scaling.properties),
            "channels": settings.channels,
            "size": ds.sizes["y"],
            "dropout": settings.dropout,
        }
        network = MomentNetwork(**architecture)
        network.to(memory_format=torch.channels_last)
        adaptation = None
        if settings.adaptation in PENALTIES:
            adaptation = Adaptation(
                network, settings.adaptation, settings.adaptation_features, domains.max() + 1
            )
        state, history = fit(
            network,
            adaptation,
            settings,
            of_training,
            of_validation,
            folder,
            fingerprint,
            progress,
            report,
        )
        if task.is_done(folder):  # another process, which began the same training, was faster
            return folder
        network.load_state_dict(state)
        seen, chosen = observed["validation"]
        calibration = _calibration(network, seen, np.flatnonzero(chosen), scaling)

    best = best_epoch(history)
    description = {
        "fingerprint": fingerprint,
        "suite_train": "+".join(suites),
        "fields": list(scaling.fields),
        "limits": task.limits or ds.attrs["limits"],
        "split": {"by": task.split_by, "seed": split_seed, "fractions": list(splits.FRACTIONS)},
        "halos": {name: int((parts[: len(table)] == name).sum()) for name in splits.PARTS},
        "evaluation_axis": summaries.EVALUATION_AXIS,
        "pixel_size_kpc": samples.side_of_pixel(ds),
        "network": architecture,
        "number_of_parameters": network.number_of_parameters,
        "scaling": scaling.to_dict(),
        "seen": summaries.extremes(lazy.with_halos(ds, np.flatnonzero(parts == "training"))),
        "outside_ranges": outside,
        "calibration": calibration.to_dict(),
        "settings": settings.model_dump(),
        "epochs": len(history),
        "best_epoch": best,
        "validation_loss": history[best]["validation_loss"],
    }
    if task.observation is not None:
        description["observation"] = task.observation.model_dump(mode="json")
        description["emitted_at"] = float(ds.attrs.get("redshift", 0.0))
    if unlabelled is not None:
        shown = samples.halo_table(unlabelled)
        description["target"] = {
            "suites": sorted(set(shown["suite"])),
            "sets": sorted(set(shown["set_name"])),
            "halos": len(shown),
            "labelled": given(shown, table)[0],
            "use": "maps of the training part, without properties",
        }
    checkpoint.write_network(folder, state, description, pd.DataFrame(history), table)
    return folder


def _with_properties(ds, table):
    """Return the part of each halo, empty where a property isn't finite (no gas)."""
    usable = np.isfinite(ds["properties"].values).all(axis=1)
    if not usable.all():
        log.warning(
            "%d of %d halos have a property that isn't finite and are left out of training.",
            (~usable).sum(),
            len(usable),
        )
    return table["part"].where(usable, "").to_numpy()


SCALED_ON = 512
"""Halos whose observation gives the scaling of observed maps."""


def _observed(observation, ds, parts, seed):
    """What scaling and validation see: maps and which halos of them, by part.

    With an observation these are halos of their part, observed once; without, all of `ds`.
    """
    found = {}
    for number, (part, most) in enumerate({"training": SCALED_ON, "validation": None}.items()):
        halos = np.flatnonzero(parts == part)
        if observation is None or len(halos) == 0:
            found[part] = (ds, parts == part)
            continue
        halos = halos[:: -(-len(halos) // (most or len(halos)))]
        seen = observation.observe(ds.isel(halo=halos), [seed, number])
        found[part] = (seen, np.ones(len(halos), dtype=bool))
    return found


def _batches(ds, parts, domains, scaling, settings, observation, validation):
    halos = {name: np.flatnonzero(parts == name) for name in ("training", "validation")}
    labels = dict.fromkeys(halos)
    if settings.adaptation != "none":
        for name, some in halos.items():
            if len(some):
                halos[name], labels[name] = balanced(some, domains[some])
        labels["training"] = torch.from_numpy(np.repeat(labels["training"], ds.sizes["axis"]))
    transform, stored = None, scaling
    if observation is not None:
        transform, stored = _observing(observation, ds, scaling)
    training = batches.source(ds, halos["training"], stored, memory=settings.memory)
    if len(training[0]) < settings.batch_size:
        raise ParameterError(
            "There are fewer training maps than a batch holds.",
            found=f"{len(training[0])} maps of {len(halos['training'])} halos",
            expected=f"at least batch_size = {settings.batch_size}",
            remedy="Lower batch_size, or use more halos.",
        )
    if len(halos["validation"]) == 0:
        raise ParameterError("No halo is left for validation.", remedy="Use more halos.")
    seen, shown = ds, halos["validation"]
    if observation is not None:
        seen = validation[0]
        shown = np.searchsorted(np.flatnonzero(parts == "validation"), shown)
    validation = batches.source(seen, shown, scaling, [summaries.EVALUATION_AXIS], settings.memory)
    return (
        batches.Batches(
            *training,
            settings.batch_size,
            settings.seed,
            settings.augmentation,
            labels["training"],
            transform,
        ),
        batches.Batches(*validation, settings.batch_size),
    )


def _observing(observation, ds, scaling):
    """Return what makes a batch of maps an observed one, and the scaling that leaves maps alone."""
    pixel, emitted_at = ds.attrs["pixel_size_kpc"], ds.attrs.get("redshift", 0.0)

    def transform(images, seed):
        drawn = observation.draw(images, pixel, seed, emitted_at)
        return torch.from_numpy(scaling.inputs(drawn.numpy()))

    fields = {"fields": tuple(observation.instruments)}
    return transform, Unscaled(**(scaling.to_dict() | fields))


def answer():
    """Train what another process asks for, and print the error as JSON, or an empty object."""
    task, folder = apart.asked()
    told = {}
    try:
        train_task(task, folder, progress=False)
    except CGMError as error:
        names = ("problem", "found", "expected", "remedy")
        told = {name: getattr(error, name) for name in names} | {"kind": type(error).__name__}
    sys.stdout.write(json.dumps(told, default=str) + "\n")


def _calibration(network, ds, halos, scaling):
    """Fit the posterior widths to all projections of the validation halos."""
    network.eval()
    found = []
    for some in np.array_split(halos, -(-len(halos) // HALOS_AT_ONCE)):
        images, targets = samples.samples(ds, some, scaling)
        found.append((targets.numpy(), *moments(network, images)))
    targets, mean, std = (np.concatenate(one) for one in zip(*found, strict=True))
    truth, _ = scaling.physical(targets, std)
    mean, std = scaling.physical(mean, std)
    halo = np.repeat(halos, len(truth) // len(halos))
    return Calibration.fit(truth, mean, std, halo, scaling.properties)
