"""The stages that make data: mock simulations, halos, maps and observed maps."""

import zlib
from dataclasses import dataclass
from pathlib import Path

from cgmhelpers.halos import properties
from cgmhelpers.maps import making
from cgmhelpers.maps.store import stored_fingerprint, verify
from cgmhelpers.runs.stage_kinds import Noted, OfSimulation, Stage, Table, is_there, read_table
from cgmhelpers.simulations import layout
from cgmhelpers.simulations.sets import UNKNOWN_SEED
from cgmhelpers.simulations.simulation import Simulation
from cgmhelpers.system import provenance


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
