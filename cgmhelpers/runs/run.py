"""A run: its folder and its stages.

A stage whose output is whole and whose fingerprint (of what it depends on) is unchanged is
skipped. So an interrupted run goes on, and a notebook executed alone makes what it lacks through
the same functions.
"""

import os
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.emission.fields import canonical
from cgmhelpers.errors import ParameterError, ResultError, check_known
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.runs import stages
from cgmhelpers.runs.parameters import read
from cgmhelpers.simulations import layout, simulation
from cgmhelpers.simulations.sets import UNKNOWN_SEED
from cgmhelpers.system import files, parallel, provenance

SINGLE_PROPERTIES = ("log_m_halo", "f_cgm")
"""Properties that also get networks of their own."""
SKY_BATCH = 128
"""Least maps in a batch of the network for telescopes' files: a batch costs time by itself."""


class Run:
    """One run: parameters, folder and stages.

    To open a run reads nothing and writes nothing; stages do.

    Parameters
    ----------
    parameters : cgmhelpers.runs.parameters.Parameters
        From `cgmhelpers.runs.parameters.read`.
    """

    def __init__(self, parameters):
        self.parameters = parameters
        self.folder = Path(parameters.runs) / parameters.run

    @classmethod
    def from_profile(cls, profile, **overrides):
        """Open a run by the name of its profile.

        Parameters
        ----------
        profile : str
            A name in ``book/parameters``, or a path.
        **overrides
            Parameters that differ from the profile.

        Returns
        -------
        Run
        """
        return cls(read(profile, **overrides))

    def __repr__(self):
        p = self.parameters
        return f"Run({p.run}: {', '.join(p.suites)}; {', '.join(p.fields)}; {', '.join(p.limits)})"

    # --- what the run reads -------------------------------------------------------------

    @property
    def is_mock(self):
        """Whether the data are the mock suite (written here, or found in the data root)."""
        return self.parameters.data_root is None or self._about("mock")

    @property
    def box_size(self):
        """Side of the simulations' box, physical kpc."""
        return self._about("box_size")

    def _about(self, entry):
        """Tell something of the simulations, from a note where they aren't there any more."""
        first = stages.HaloTable(self._maps()[0])
        if entry not in first.note() or not first.is_done():
            self._make(self._mocks()[:1], "Mock simulations")
            return first.entries()[entry]
        return first.note()[entry]

    @property
    def source(self):
        """Where the data come from, for captions and titles."""
        boxes = self.parameters.boxes
        number, sets = len(boxes), " and ".join(dict.fromkeys(name for _, name, _ in boxes))
        name = "mock suite" if self.is_mock else f"CAMELS {sets} set"
        return f"{name}, {number} realisation{'s' if number > 1 else ''} per suite"

    @property
    def simulations(self):
        """The simulations, suite by suite; those of the mock suite are written if need be."""
        self._make(self._mocks(), "Mock simulations")
        return self._simulations

    @cached_property
    def _simulations(self):
        """The simulations, suite by suite, whether their files are there or not."""
        p = self.parameters
        root = self.folder / "mock" if p.data_root is None else Path(p.data_root)
        return [
            simulation.Simulation(
                root, suite, set_name, realisation, p.snapshot, volume, electrons=p.electrons
            )
            for suite in p.suites
            for volume, set_name, realisation in p.boxes
        ]

    def _mocks(self):
        """Stages that write the mock simulations, one each; none with a data root."""
        p = self.parameters
        root, files_of = self.folder / "mock", (p.mock_cells, p.mock_seed, p.snapshot)
        return [
            stages.Mock(root, suite, *box, *files_of)
            for suite in p.suites
            for box in p.boxes
            if p.data_root is None
        ]

    # --- stages -------------------------------------------------------------------------

    def halos(self):
        """Halos of all simulations with their six properties.

        A snapshot is read once for its halos and their maps together, so this makes both.

        Returns
        -------
        pandas.DataFrame
            Columns of ``Simulation.halos`` and the six properties.
        """
        tables = [stages.HaloTable(one) for one in self._maps()]
        self._make_from_files(tables, "Halos and maps")
        table = pd.concat([stages.read_table(one.path) for one in tables], ignore_index=True)
        if table.empty:
            raise ResultError(
                "The simulations have no halo in the sample.",
                found=f"none above 10^{self.parameters.minimum_log_mass} Msun",
                remedy="Lower minimum_log_mass, or check the catalogues.",
            )
        return table

    def maps(self, limits=None):
        """Make the maps of all simulations.

        Parameters
        ----------
        limits : str, optional
            ``"observed"`` returns the maps as networks with these limits are tested on them: seen
            once by the run's instruments. All others start from the same maps.

        Returns
        -------
        dict of str to list of Path
            Suite -> map stores, in the order of the realisations.
        """
        self.halos()
        self._make_from_files(self._maps(), "Maps")
        return self._seen(limits)

    def _seen(self, limits):
        """Map stores by suite; those of observed limits are made, as the maps are there."""
        stores = self._stores()
        if limits != "observed":
            return stores
        p = self.parameters
        how = p.observation(p.fields), p.map_size, p.seed
        observed = {
            suite: [stages.Observed(one, self.folder / "observed" / one.name, *how) for one in some]
            for suite, some in stores.items()
        }
        self._make([one for some in observed.values() for one in some], "Observed maps")
        return {suite: [one.path for one in some] for suite, some in observed.items()}

    def networks(self):
        """Train a network for every suite, input and limits.

        Returns
        -------
        pandas.DataFrame
            One row a network: suite, fields (joined by +), limits, folder.
        """
        p, stores = self.parameters, self.maps()
        trainings = {
            (suite, "+".join(fields), limits): self._training(stores, suite, fields, limits)
            for limits in p.limits
            for fields in reversed(p.field_sets)  # the longest first
            for suite in p.suites
        }
        self._make(trainings.values(), "Networks")
        rows = [(*key, training.path) for key, training in trainings.items()]
        return pd.DataFrame(rows, columns=["suite", "fields", "limits", "folder"])

    def predictions(self):
        """Test every network on the test halos of every suite.

        Returns
        -------
        pandas.DataFrame
            The tidy table of `cgmhelpers.inference.prediction.predict`.
        """
        networks = self.networks()
        by_limits = {limits: self._seen(limits) for limits in self.parameters.limits}
        stores = [by_limits[limits] for limits in networks["limits"]]
        return pd.concat(self._tested(networks["folder"], stores), ignore_index=True)

    def trust(self):
        """Hold predictions against what their networks were trained with, and against the truth.

        Returns
        -------
        flagged, problems : pandas.DataFrame
            As from `cgmhelpers.inference.unfamiliar.flag`, and what shouldn't be trusted, as from
            `cgmhelpers.statistics.quality.report`.
        """
        from cgmhelpers.statistics import quality

        self.predictions()
        networks = self.networks()
        flags = [
            stages.Flags(
                list(own["folder"]), self._seen(limits),
                [self._predictions(one) for one in own["folder"]],
                self.folder / "trust" / f"{limits}.parquet",
            )
            for limits, own in networks.groupby("limits", sort=False)
        ]  # fmt: skip
        flagged = pd.concat(self._tables(flags, "Trust"), ignore_index=True)
        return flagged, quality.report(flagged, self.histories())

    def histories(self):
        """Read the learning curves of all networks.

        Returns
        -------
        dict of tuple to pandas.DataFrame
            (suite_train, fields, limits) -> the network's ``history.csv``.
        """
        from cgmhelpers.network import checkpoint

        return {
            (row.suite, row.fields, row.limits): pd.read_csv(row.folder / checkpoint.HISTORY)
            for row in self.networks().itertuples()
        }

    def baselines(self):
        """Infer from a few numbers per map what every network infers from the map.

        Returns
        -------
        pandas.DataFrame
            As from `predictions`, with a column method.
        """
        networks, folder = self.networks(), self.folder / "baselines"
        fits = [
            stages.Baselines(list(own["folder"]), self._seen(limits), folder / f"{limits}.parquet")
            for limits, own in networks.groupby("limits", sort=False)
        ]
        return pd.concat(self._tables(fits, "Baselines"), ignore_index=True)

    def variants(self):
        """Train and test networks that differ in one thing from those of all fields together.

        Returns
        -------
        pandas.DataFrame
            As from `predictions`, of the last limits, with the columns folder (of the network)
            and variant: ``"one property"``, ``"split by halo"``, ``"split by realisation"``, and
            the run's own split if it is by seed. With fewer than three initial conditions in a
            suite there is the split by halo alone.
        """
        p, stores, trainings, names = self.parameters, self.maps(), [], []
        changes = [("one property", "properties", [name]) for name in SINGLE_PROPERTIES]
        seeds = {suite: set() for suite in p.suites}
        for sim in self.simulations:
            seeds[sim.suite].add(sim.seed if sim.seed != UNKNOWN_SEED else sim.name)
        can_be_split = min(map(len, seeds.values())) >= 3
        ways = dict.fromkeys(["halo", "realisation", p.split_by] if can_be_split else ["halo"])
        changes += [(f"split by {way}", "split_by", way) for way in ways]
        for suite in [one for one in p.suites if one in p.comparison_suites] or p.suites[:1]:
            for variant, name, value in changes:
                ending = "" if value == p.split_by else f"_{''.join(value)}"
                trainings.append(self._training(stores, suite, ending=ending, **{name: value}))
                names.append(variant)
        self._make(trainings, "Networks to compare with")
        folders = [one.path for one in trainings]
        tested = self._tested(folders, self._seen(p.limits[-1]))
        tables = zip(tested, names, folders, strict=True)
        tables = [one.assign(variant=name, folder=str(folder)) for one, name, folder in tables]
        return pd.concat(tables, ignore_index=True)

    def ensembles(self):
        """Train several networks of all fields in every suite, and test them together.

        The first of each is the run's own; the others differ in weights and batches alone.

        Returns
        -------
        pandas.DataFrame
            As from `cgmhelpers.inference.ensembles.combine`, of the last limits.
        """
        from cgmhelpers.inference.ensembles import combine

        p, stores, trainings = self.parameters, self.maps(), []
        for suite in p.suites:
            trainings.append(self._training(stores, suite))
            for member in range(2, p.members + 1):
                seeds = {"seed": p.seed + member - 1, "split_seed": p.seed}
                ending = f"_member{member}"
                trainings.append(self._training(stores, suite, ending=ending, changed=seeds))
        self._make(trainings, "Networks of the ensembles")
        folders = [one.path for one in trainings]
        tables = self._tested(folders, self._seen(p.limits[-1]))
        groups = [tables[first : first + p.members] for first in range(0, len(tables), p.members)]
        return pd.concat(map(combine, groups), ignore_index=True)

    def posteriors(self):
        """Fit normalising flows to the networks of all fields, one in every suite.

        Returns
        -------
        dict of str to Path
            Suite -> folder of the network, for `cgmhelpers.inference.posterior.joint.load`; of the
            last limits.
        """
        p, stores = self.parameters, self.maps()
        trainings = {suite: self._training(stores, suite) for suite in p.suites}
        self._make(trainings.values(), "Networks")
        settings = {"steps": p.posterior_steps, "seed": p.seed}
        stores = self._seen(p.limits[-1])
        flows = [
            stages.Posterior(stores[suite], one.path, settings) for suite, one in trainings.items()
        ]
        self._make(flows, "Posteriors")
        return {suite: one.path for suite, one in trainings.items()}

    def sky_network(self):
        """Train the network for telescopes' files, with halos of all suites.

        Nobody knows which suite the sky is like, so the network learns from all of them; fields
        that no instrument of the run observes are left out.

        Returns
        -------
        Path
            Its folder, for ``cgm infer`` and `cgmhelpers.sky.infer`.
        """
        p, stores = self.parameters, self.maps()
        observation = p.observation(p.map_fields, all_of_them=False)
        training = self._training(
            {"sky": [one for some in stores.values() for one in some]}, "sky",
            list(observation.instruments), "observed", observation=observation,
            size=p.sky_map_size,
            changed={"epochs": p.sky_epochs, "batch_size": max(p.batch_size, SKY_BATCH)},
        )  # fmt: skip
        flow = {"steps": p.posterior_steps, "seed": p.seed}
        training = stages.SkyTraining(training.task, self.folder / "networks" / "sky", flow)
        self._make([training], "Network for telescopes' files")
        return training.path

    def study(self, suite=None, fields=None, limits=None):
        """Tune the hyperparameters of one network, all fields of the first suite by default.

        Parameters
        ----------
        suite : str, optional
            That it learns from.
        fields : sequence of str, optional
            Its inputs.
        limits : str, optional
            Of its maps.

        Returns
        -------
        Path
            Folder of the study, for `cgmhelpers.network.tuning`.
        """
        p = self.parameters
        suite, limits = suite or p.suites[0], limits or p.limits[-1]
        check_known(suite, p.suites, "The run has no such suite.")
        check_known(limits, p.limits, "The run has no such limits.")
        fields = canonical(fields or p.fields)
        changed = {"epochs": p.trial_epochs, "devices": 1}
        task = self._training(
            self.maps(), suite, fields, limits, changed=changed, size=p.trial_map_size
        ).task
        folder = self.folder / "studies" / f"{suite}_{'+'.join(fields)}_{limits}"
        folder /= task.fingerprint()[:12]
        workers = range(min(p.workers or parallel.available_cores(), p.trials))
        self._make([stages.Tuning(task, folder, p.trials, one) for one in workers], "Tuning")
        return folder

    def save_figure(self, figure, name):
        """Save a figure in the run's folder, for the book's other pages.

        Parameters
        ----------
        figure : matplotlib.figure.Figure
            The figure.
        name : str
            File name without ending.

        Returns
        -------
        Path
            The PNG file.
        """
        if Path(name).name != name:
            raise ParameterError("A figure has a plain name.", found=name, expected="no folders")
        path = self.folder / "figures" / f"{name}.png"
        with files.whole(path) as temporary:
            figure.savefig(temporary, format="png", dpi=150, bbox_inches="tight")
        return path

    # --- how stages run -----------------------------------------------------------------

    def _files(self, kind, ending):
        """One file for each simulation, in their order."""
        p = self.parameters
        boxes = [(layout.set_label(name, volume), one) for volume, name, one in p.boxes]
        names = [f"{suite}_{label}_{one}" for suite in p.suites for label, one in boxes]
        return [self.folder / kind / f"{name}.{ending}" for name in names]

    def _maps(self):
        """Stages that make the maps, one a simulation."""
        p = self.parameters
        options = {
            "pixels": p.pixels,
            "pixel_size": p.pixel_size,
            "depth": p.depth,
            "options": {"hi": {"method": p.hydrogen_method}} if "hi" in p.map_fields else {},
        }
        tables, stores = self._files("halos", "parquet"), self._files("maps", "zarr")
        source = [p.mock_cells, p.mock_seed] if p.data_root is None else p.data_root
        return [
            stages.Maps(*of_one, tuple(p.map_fields), p.minimum_log_mass, options, source)
            for of_one in zip(self._simulations, tables, stores, strict=True)
        ]

    def _stores(self):
        """Map stores by suite, whether they are there or not."""
        p = self.parameters
        rows = np.array_split(self._files("maps", "zarr"), len(p.suites))
        return dict(zip(p.suites, map(list, rows), strict=True))

    def _training(
        self, stores, suite, fields=None, limits=None, *, ending="", changed=None, **task
    ):
        """Training of a suite's network; of all fields with the last limits, unless told.

        `changed` are settings, and `task` parts of the task, that differ from the run's.
        """
        from cgmhelpers.network.training import Task

        p = self.parameters
        fields, limits = tuple(fields or p.field_sets[-1]), limits or p.limits[-1]
        names = [name for name in TrainingSettings.model_fields if hasattr(p, name)]
        settings = {name: getattr(p, name) for name in names} | {"threads": 1}
        settings |= {"adaptation": "none"} | (changed or {})
        settings = TrainingSettings(**settings)
        task = {"size": p.map_size, "split_by": p.split_by} | task
        if limits == "observed":
            task = {"observation": p.observation(fields)} | task
        folder = self.folder / "networks" / f"{suite}_{'+'.join(fields)}_{limits}{ending}"
        return stages.Training(Task(stores[suite], fields, limits, settings, **task), folder)

    def _predictions(self, network):
        return self.folder / "predictions" / f"{network.name}.parquet"

    def _tested(self, folders, stores):
        """Predictions of each network for the test halos of every suite.

        `stores` are the map stores by suite, the same for all networks, or a list of such.
        """
        stores = [stores] * len(folders) if isinstance(stores, dict) else stores
        tests = [
            stages.Predictions(one, some, self._predictions(one))
            for one, some in zip(folders, stores, strict=True)
        ]
        return self._tables(tests, "Predictions")

    def _tables(self, tables, description):
        """Make tables, and read them."""
        self._make(tables, description)
        return [stages.read_table(one.path) for one in tables]

    def _make_from_files(self, chosen, description):
        """Run the stages that aren't done, once the mock simulations are written for them."""
        done = [one.is_done() for one in chosen]
        mocks = self._mocks() or [None] * len(chosen)
        lacking = [mock for mock, is_done in zip(mocks, done, strict=True) if not is_done]
        self._make(filter(None, lacking), "Mock simulations")
        self._make(chosen, description)

    def _make(self, chosen, description):
        """Run the stages that aren't done, side by side."""
        waiting = [(stage,) for stage in chosen if not stage.is_done()]
        if not waiting:
            return
        p = self.parameters
        provenance.record(
            self.folder / provenance.RECORD,
            stage=description,
            makes=[os.path.relpath(stage.path, self.folder) for (stage,) in waiting],
            parameters=p.model_dump(),
        )
        parallel.run_all(
            stages.run, waiting, description, cluster=p.cluster, workers=p.workers or None
        )
