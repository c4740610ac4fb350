"""The stages that learn and infer: trainings, tuning, predictions, baselines and posteriors."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from cgmhelpers.errors import DataNotFoundError
from cgmhelpers.maps.store import stored_fingerprint, verify
from cgmhelpers.runs.stage_kinds import Stage, Table, read_table
from cgmhelpers.system import provenance


class OfTask(Stage):
    """A stage that carries out a `cgmhelpers.network.task.Task`."""

    def needs(self):
        """List the map stores."""
        return list(self.task.stores)

    def choices(self):
        """Return the task but for its stores."""
        task = self.task
        seen = task.observation.identity() if task.observation else None
        return [task.fields, task.limits, task.size, task.split_by, task.properties, seen,
                task.settings.effective()]  # fmt: skip


@dataclass(frozen=True)
class Training(OfTask):
    """Train a network in a folder."""

    task: object
    path: Path

    def begun(self):
        """Say after how many epochs an interrupted training goes on."""
        from cgmhelpers.network import checkpoint

        resumed = checkpoint.read_resume(self.path, self.task.fingerprint())
        epochs = self.task.settings.epochs
        return f"goes on after {len(resumed['history'])} of {epochs} epochs" if resumed else ""

    def is_done(self):
        """Tell whether the folder holds the network, from these maps and settings."""
        return self.task.is_done(self.path)

    def run(self):
        """Check the map stores to the last byte, and train."""
        from cgmhelpers.network.training import train_task

        for store in self.task.stores:
            verify(store)
        train_task(self.task, self.path, progress=False)


@dataclass(frozen=True)
class SkyTraining(Training):
    """Train a network, and all else that telescopes' files need; `flow` are settings of its flow.

    See `cgmhelpers.sky.preparing.prepare`.
    """

    flow: dict

    def choices(self):
        """Return the task but for its stores, and the settings of the flow."""
        return [*super().choices(), self.flow]

    def is_done(self):
        """Tell whether the folder holds the network with its posterior and its halos."""
        from cgmhelpers.sky import preparing

        return super().is_done() and preparing.is_prepared(self.path, self._flow())

    def run(self):
        """Check the map stores to the last byte, and train."""
        from cgmhelpers.sky import preparing

        for store in self.task.stores:
            verify(store)
        preparing.prepare_task(self.task, self.path, self._flow(), progress=False)

    def _flow(self):
        from cgmhelpers.inference import posterior

        return posterior.PosteriorSettings(**self.flow)


@dataclass(frozen=True)
class Tuning(OfTask):
    """Work on a study until it has its trials; several workers may, each with its number.

    Each task has a folder of its own among the `studies`.
    """

    task: object
    studies: Path
    trials: int
    worker: int

    @cached_property
    def path(self):
        """Folder of the study."""
        try:
            return self.studies / self.task.fingerprint()[:12]
        except DataNotFoundError:  # before there are maps to learn from
            return self.studies / "new"

    def choices(self):
        """Return the task but for its stores, and the number of trials."""
        return [*super().choices(), self.trials]

    def is_done(self):
        """Tell whether the study has its trials."""
        from cgmhelpers.network import studies

        return studies.is_tuned(self.path, self.trials)

    def run(self):
        """Take part in the study."""
        from cgmhelpers.network import tuning

        tuning.tune(self.task, self.path, trials=self.trials, worker=self.worker, progress=False)


@dataclass(frozen=True)
class Predictions(Table):
    """Let a network infer halos of every suite, `of` some parts; `stores` are by suite."""

    folder: Path
    stores: dict
    path: Path
    of: tuple = ("test",)

    def needs(self):
        """List network and stores."""
        return [self.folder, *_paths(self.stores)]

    def parts(self):
        """Say what the table depends on."""
        from cgmhelpers.inference import prediction

        return {
            # Written last, with the calibration that the widths get.
            "network": provenance.file_identity(self.folder / "network.json"),
            "columns": prediction.COLUMNS,
            "stores": _fingerprints(self.stores),
        }

    def table(self):
        """Infer."""
        from cgmhelpers.inference import prediction

        tables = [prediction.predict(self.folder, one, self.of) for one in self.stores.values()]
        return pd.concat(tables)


@dataclass(frozen=True)
class Baselines(Table):
    """Fit what networks of the same limits are compared with, and infer; `stores` by suite."""

    folders: list
    stores: dict
    path: Path

    def needs(self):
        """List networks and stores."""
        return [*self.folders, *_paths(self.stores)]

    def parts(self):
        """Say what the table depends on."""
        from cgmhelpers.network import checkpoint

        networks = [checkpoint.read_description(one)["fingerprint"] for one in self.folders]
        return {"networks": networks, "stores": _fingerprints(self.stores)}

    def table(self):
        """Fit and infer."""
        from cgmhelpers.inference import baselines

        return baselines.predict(self.folders, self.stores)


@dataclass(frozen=True)
class Flags(Table):
    """Mark the predictions of networks of the same limits for halos unlike their training's."""

    folders: list
    stores: dict
    predictions: list
    path: Path

    def needs(self):
        """List the tables of predictions."""
        return self.predictions

    def parts(self):
        """Say what the table depends on."""
        return {"predictions": [one.with_suffix(".json").read_text() for one in self.predictions]}

    def table(self):
        """Compare with the halos of the trainings."""
        from cgmhelpers.inference import unfamiliar

        tables = pd.concat(map(read_table, self.predictions), ignore_index=True)
        return unfamiliar.flag(tables, self.folders, self.stores)


@dataclass(frozen=True)
class Posterior(Stage):
    """Fit the normalising flow of a trained network, from the stores of its suite.

    The settings are those of `cgmhelpers.inference.posterior.flow.PosteriorSettings`.
    """

    stores: list
    network: Path
    settings: dict

    @property
    def path(self):
        """File that says what the flow is."""
        from cgmhelpers.inference.posterior import joint

        return self.network / joint.DESCRIPTION

    def needs(self):
        """List network and stores."""
        return [self.network, *self.stores]

    def choices(self):
        """Return the settings."""
        return [self.settings]

    def is_done(self):
        """Tell whether the flow is there, of this network and these settings."""
        from cgmhelpers.inference import posterior

        return posterior.is_trained(self.network, posterior.PosteriorSettings(**self.settings))

    def run(self):
        """Fit."""
        from cgmhelpers.inference import posterior

        posterior.train(self.stores, self.network, posterior.PosteriorSettings(**self.settings))


def _fingerprints(stores):
    return {suite: [stored_fingerprint(one) for one in some] for suite, some in stores.items()}


def _paths(stores):
    return [one for some in stores.values() for one in some]
