"""The stages of a run: small objects that any process can run.

Each stage makes one thing at its ``path``. ``is_done()`` tells whether it is there and was made
from the same things; ``run()`` makes it. ``needs()`` lists the paths of stages that it is made
from, and ``choices()`` what it depends on beside them and the files of simulations, so that one can
say why it isn't done.
"""

import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from cgmhelpers.errors import DataNotFoundError
from cgmhelpers.halos import properties
from cgmhelpers.maps import making
from cgmhelpers.maps.store import stored_fingerprint, verify
from cgmhelpers.runs.stage_kinds import Noted, OfSimulation, Stage, Table, is_there, read_table
from cgmhelpers.simulations import layout
from cgmhelpers.simulations.sets import UNKNOWN_SEED
from cgmhelpers.simulations.simulation import Simulation
from cgmhelpers.system import provenance


def run(stage):
    """Run a stage, in whatever process.

    Parameters
    ----------
    stage : object
        One of this module's.
    """
    stage.run()


def initial_conditions(sim):
    """Tell simulations of the same initial conditions: by their seed.

    Parameters
    ----------
    sim : Simulation
        The simulation, whose files needn't be there.

    Returns
    -------
    int or str
        The seed, or the simulation's name where no file says it.
    """
    return sim.seed if is_there(sim) and sim.seed != UNKNOWN_SEED else sim.name


@dataclass(frozen=True)
class Mock(Stage):
    """Write one mock simulation; see :func:`cgmhelpers.mock.writing.write`."""

    root: Path
    suite: str
    volume: str
    set_name: str
    realisation: int | str
    cells: int
    seed: int
    snapshot: int

    @property
    def path(self):
        """Folder of the snapshots."""
        name = layout.simulation_name(self.set_name, self.realisation)
        folders = layout.simulation_folders(self.root, self.suite, self.set_name, name, self.volume)
        return folders["Sims"][0]

    def choices(self):
        """Return the settings of the file."""
        return [self.cells, self.seed, self.snapshot]

    def is_done(self):
        """Tell whether the files are there, of these settings."""
        from cgmhelpers.mock import writing

        return writing.is_written(
            self.root, self.suite, self.realisation, self.cells, self.seed, self.set_name,
            self.snapshot, volume=self.volume,
        )  # fmt: skip

    def run(self):
        """Write the files."""
        from cgmhelpers.mock import writing

        writing.write(
            self.root,
            suites=(self.suite,),
            realisations=(self.realisation,),
            cells=self.cells,
            seed=self.seed,
            set_name=self.set_name,
            snapshot=self.snapshot,
            volume=self.volume,
            progress=False,
            overwrite=True,  # the run's own folder: other settings mean that the user changed them
        )


class _Store(Noted):
    def is_done(self):
        """Tell whether the store is there and up to date."""
        return making.is_made(self.simulation, self.fields, self.path, **self._options())


@dataclass(frozen=True)
class Maps(OfSimulation, _Store):
    """Make the maps of a simulation's halos above a mass [log10 Msun].

    The `halos` are the table that `HaloTable` writes; `options` are those of
    `cgmhelpers.maps.making.make`; `source` says which data root or mock suite the simulation is in.
    """

    simulation: Simulation
    halos: Path
    path: Path
    fields: tuple
    minimum_log_mass: float
    options: dict
    source: object = None

    def settings(self):
        """Say what the store depends on beside the content of files."""
        return [self.source, self.fields, self._options(), self.simulation.choices]

    def run(self):
        """Write the store, with the properties that are in the table."""
        self.make(measured=read_table(self.halos))

    def make(self, **also):
        """Write the store.

        Parameters
        ----------
        **also
            Further arguments of `cgmhelpers.maps.making.make`.
        """
        entries = self.entries()
        making.make(
            self.simulation, self.fields, self.path, progress=False, **self._options(), **also
        )
        self.write_note(**entries)

    def _options(self):
        return self.options | {"minimum_mass": 10**self.minimum_log_mass}


@dataclass(frozen=True)
class Observed(Stage):
    """Observe the maps of a store, averaged to `size` pixels a side, with noise that stays."""

    store: Path
    path: Path
    observation: object
    size: int
    seed: int

    def needs(self):
        """List the store."""
        return [self.store]

    def choices(self):
        """Return instruments, size and seed."""
        return [self.observation.identity(), self.size, self.seed]

    def fingerprint(self):
        """Digest what the observed maps depend on."""
        return provenance.fingerprint(
            store=stored_fingerprint(self.store),
            observation=self.observation.identity(),
            size=self.size,
            seed=self.seed,
        )

    def is_done(self):
        """Tell whether they are there, of these maps and instruments."""
        return stored_fingerprint(self.path) == self.fingerprint()

    def run(self):
        """Observe, and write them as a store."""
        from cgmhelpers.maps import store
        from cgmhelpers.network import samples

        verify(self.store)
        maps = samples.load(self.store, list(self.observation.instruments), "ideal", self.size)
        seen = self.observation.observe(maps, [self.seed, zlib.crc32(self.path.name.encode())])
        store.write(seen.assign_attrs(fingerprint=self.fingerprint()), self.path)


@dataclass(frozen=True)
class HaloTable(OfSimulation, Table):
    """Measure the six properties of a simulation's halos, and make `maps` in the same pass."""

    maps: Maps

    @property
    def path(self):
        """Path of the table."""
        return self.maps.halos

    @property
    def simulation(self):
        """The simulation."""
        return self.maps.simulation

    @property
    def source(self):
        """Data root of the simulation, or what determines the mock suite."""
        return self.maps.source

    def settings(self):
        """Say what the table depends on beside the content of files."""
        return [self.source, self.maps.minimum_log_mass, self.simulation.choices]

    def parts(self):
        """Say what the table depends on."""
        written = {"mock": self.source} if isinstance(self.source, list) else {}
        return {
            "snapshot": provenance.file_identity(*self.simulation.snapshot_files),
            "catalogue": provenance.file_identity(*self.simulation.catalogue_files),
            "minimum_log_mass": self.maps.minimum_log_mass,
            "labels": self.simulation.labels,
            **self.simulation.choices,
            **written,
        }

    def run(self):
        """Measure, and make maps that lack."""
        note = {"fingerprint": self.fingerprint(), **self.entries()}
        table = self.simulation.halos(10**self.maps.minimum_log_mass)

        def _keep(measured):
            self.write(measured, **note)

        if table.empty or self.maps.is_done():
            _keep(table.join(properties.compute(self.simulation, table, progress=False)))
        else:
            self.maps.make(when_measured=_keep)


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

    See `cgmhelpers.sky.inferring.prepare`.
    """

    flow: dict

    def choices(self):
        """Return the task but for its stores, and the settings of the flow."""
        return [*super().choices(), self.flow]

    def is_done(self):
        """Tell whether the folder holds the network with its posterior and its halos."""
        from cgmhelpers.sky import inferring

        return super().is_done() and inferring.is_prepared(self.path, self._flow())

    def run(self):
        """Check the map stores to the last byte, and train."""
        from cgmhelpers.sky import inferring

        for store in self.task.stores:
            verify(store)
        inferring.prepare_task(self.task, self.path, self._flow(), progress=False)

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
