"""A run: its folder and its stages.

A stage whose output is whole and whose fingerprint (of what it depends on) is unchanged is
skipped. So an interrupted run goes on, and a notebook executed alone makes what it lacks through
the same functions.
"""

import dataclasses
import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.emission.fields import canonical
from cgmhelpers.errors import ParameterError, ResultError, check_known
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.runs import data_stages, network_stages, stage_kinds
from cgmhelpers.runs.profiles import read
from cgmhelpers.runs.stage_kinds import read_table
from cgmhelpers.simulations import layout, simulation
from cgmhelpers.simulations.sets import UNKNOWN_SEED, published_seed
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
        From `cgmhelpers.runs.profiles.read`.
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
        first = data_stages.HaloTable(self._maps()[0])
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
            data_stages.Mock(root, suite, *box, *files_of)
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
        tables = self._halo_tables()
        self._make_from_files(tables, "Halos and maps")
        table = pd.concat([read_table(one.path) for one in tables], ignore_index=True)
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
        self._make(self._observed(limits), "Observed maps")
        return self._stores(limits)

    def networks(self):
        """Train a network for every suite, input and limits.

        Returns
        -------
        pandas.DataFrame
            One row a network: suite, fields (joined by +), limits, folder.
        """
        self.maps()
        trainings = self._networks()
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
        self.networks()
        return pd.concat(self._tested(self._networks().values()), ignore_index=True)

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
        flagged = pd.concat(self._tables(self._flags(), "Trust"), ignore_index=True)
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
        self.networks()
        for limits in self.parameters.limits:
            self._seen(limits)
        return pd.concat(self._tables(self._baselines(), "Baselines"), ignore_index=True)

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
        self.maps()
        self._make(self._mocks(), "Mock simulations")  # which say their seeds
        variants = self._variants()
        self._make([one for _, one in variants], "Networks to compare with")
        tables = zip(self._tested([one for _, one in variants]), variants, strict=True)
        tables = [table.assign(variant=name, folder=str(one.path)) for table, (name, one) in tables]
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

        self.maps()
        trainings, members = self._ensembles(), self.parameters.members
        self._make(trainings, "Networks of the ensembles")
        tables = self._tested(trainings)
        groups = [tables[first : first + members] for first in range(0, len(tables), members)]
        return pd.concat(map(combine, groups), ignore_index=True)

    def posteriors(self):
        """Fit normalising flows to the networks of all fields, one in every suite.

        Returns
        -------
        dict of str to Path
            Suite -> folder of the network, for `cgmhelpers.inference.posterior.joint.load`; of the
            last limits.
        """
        self.maps()
        trainings = {suite: self._training(suite) for suite in self.parameters.suites}
        self._make(trainings.values(), "Networks")
        self._seen(self.parameters.limits[-1])
        self._make(self._flows(), "Posteriors")
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
        self.maps()
        training = self._sky_training()
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
        self.maps()
        tunings = self.tunings(suite, fields, limits)
        self._make(tunings, "Tuning")
        return tunings[0].path

    def tunings(self, suite=None, fields=None, limits=None):
        """List the workers on a study, which `study` lets work.

        Parameters
        ----------
        suite, fields, limits
            As for `study`.

        Returns
        -------
        list of cgmhelpers.runs.network_stages.Tuning
            Of one path.
        """
        p = self.parameters
        suite, limits = suite or p.suites[0], limits or p.limits[-1]
        check_known(suite, p.suites, "The run has no such suite.")
        check_known(limits, p.limits, "The run has no such limits.")
        fields = canonical(fields or p.fields)
        changed = {"epochs": p.trial_epochs, "devices": 1}
        task = self._training(suite, fields, limits, changed=changed, size=p.trial_map_size).task
        folder = self.folder / "studies" / f"{suite}_{'+'.join(fields)}_{limits}"
        workers = range(min(p.workers or parallel.available_cores(), p.trials))
        return [network_stages.Tuning(task, folder, p.trials, one) for one in workers]

    def plan(self):
        """List what the run makes for its book, in the order in which it is made.

        Reads the headers of simulations, if they are there, and writes nothing.

        Returns
        -------
        dict of str to list
            Name of a step -> its stages, each of which makes one file or folder; a network or a
            table that several steps take is in the first.
        """
        networks = list(self._networks().values())
        others = {
            "Networks to compare with": [one for _, one in self._variants()],
            "Networks of the ensembles": self._ensembles(),
        }
        sky = []
        with suppress(ParameterError):  # no instrument observes the fields
            sky.append(self._sky_training())
        trained = {one.path: one for some in (networks, *others.values()) for one in some}
        steps = {
            "Mock simulations": self._mocks(),
            "Halos": self._halo_tables(),
            "Maps": self._maps(),
            "Observed maps": [
                one for limits in self.parameters.limits for one in self._observed(limits)
            ],
            "Networks": networks,
            **others,
            "Posteriors": self._flows(),
            "Predictions": self._tests(trained.values()),
            "Trust": self._flags(),
            "Baselines": self._baselines(),
            "Tuning": self.tunings()[:1],
            "Network for telescopes' files": sky,
        }
        listed = set()
        for name, chosen in steps.items():
            steps[name] = [one for one in chosen if one.path not in listed]
            listed |= {one.path for one in chosen}
        return {name: chosen for name, chosen in steps.items() if chosen}

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
            data_stages.Maps(*of_one, tuple(p.map_fields), p.minimum_log_mass, options, source)
            for of_one in zip(self._simulations, tables, stores, strict=True)
        ]

    def _observed(self, limits):
        """Stages that observe the maps, one a simulation; none for other limits."""
        if limits != "observed":
            return []
        p = self.parameters
        how = p.observation(p.fields), p.map_size, p.seed
        files = zip(self._files("maps", "zarr"), self._files("observed", "zarr"), strict=True)
        return [data_stages.Observed(*pair, *how) for pair in files]

    def _stores(self, limits=None):
        """Map stores by suite, whether they are there or not; for observed limits, observed."""
        p = self.parameters
        kind = "observed" if limits == "observed" else "maps"
        rows = np.array_split(self._files(kind, "zarr"), len(p.suites))
        return dict(zip(p.suites, map(list, rows), strict=True))

    def _halo_tables(self):
        """Stages that measure halos, one a simulation."""
        return [data_stages.HaloTable(one) for one in self._maps()]

    def _training(
        self, suite, fields=None, limits=None, *, stores=None, ending="", changed=None, **task
    ):
        """Training of a suite's network; of all fields with the last limits, unless told.

        `changed` are settings, and `task` parts of the task, that differ from the run's.
        """
        from cgmhelpers.network.task import Task

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
        return network_stages.Training(
            Task(stores or self._stores()[suite], fields, limits, settings, **task), folder
        )

    def _sky_training(self):
        """Training of the network for telescopes' files."""
        p = self.parameters
        observation = p.observation(p.map_fields, all_of_them=False)
        changed = {"epochs": p.sky_epochs, "batch_size": max(p.batch_size, SKY_BATCH)}
        # Of all suites: in a split by halo it would learn from twins of its validation halos.
        parted = p.split_by == "halo" and self._has_three_initial_conditions()
        like = self._training(
            p.suites[0], changed=changed, size=p.sky_map_size,
            split_by="realisation" if parted else p.split_by,
        ).task  # fmt: skip
        stores = [one for some in self._stores().values() for one in some]
        task = dataclasses.replace(
            like, stores=stores, fields=tuple(observation.instruments), limits="observed",
            observation=observation,
        )  # fmt: skip
        flow = {"steps": p.posterior_steps, "seed": p.seed}
        return network_stages.SkyTraining(task, self.folder / "networks" / "sky", flow)

    def _has_three_initial_conditions(self):
        """Tell whether a split that keeps twins together leaves no part empty, by CAMELS' rules."""
        seeds = {}
        for suite in self.parameters.suites:
            for volume, name, number in self.parameters.boxes:
                seed = published_seed(suite, name, number, volume)
                known = seed != UNKNOWN_SEED
                seeds.setdefault(suite, set()).add(seed if known else (name, number))
        return min(map(len, seeds.values())) >= 3

    def _networks(self):
        """Training of each network, by suite, fields and limits."""
        p = self.parameters
        return {
            (suite, "+".join(fields), limits): self._training(suite, fields, limits)
            for limits in p.limits
            for fields in reversed(p.field_sets)  # the longest first
            for suite in p.suites
        }

    def _variants(self):
        """Trainings that differ in one thing from those of all fields, each with its name."""
        p = self.parameters
        changes = [("one property", "properties", [name]) for name in SINGLE_PROPERTIES]
        seeds = {suite: set() for suite in p.suites}
        for sim in self._simulations:
            seeds[sim.suite].add(data_stages.initial_conditions(sim))
        can_be_split = min(map(len, seeds.values())) >= 3
        ways = dict.fromkeys(["halo", "realisation", p.split_by] if can_be_split else ["halo"])
        changes += [(f"split by {way}", "split_by", way) for way in ways]
        trainings = []
        for suite in [one for one in p.suites if one in p.comparison_suites] or p.suites[:1]:
            for variant, name, value in changes:
                ending = "" if value == p.split_by else f"_{''.join(value)}"
                trainings.append((variant, self._training(suite, ending=ending, **{name: value})))
        return trainings

    def _ensembles(self):
        """Trainings of all members, one ensemble after another."""
        p, trainings = self.parameters, []
        for suite in p.suites:
            trainings.append(self._training(suite))
            for member in range(2, p.members + 1):
                seeds = {"seed": p.seed + member - 1, "split_seed": p.seed}
                trainings.append(self._training(suite, ending=f"_member{member}", changed=seeds))
        return trainings

    def _flows(self):
        """Stages that fit normalising flows, one a suite."""
        p = self.parameters
        stores, settings = self._stores(p.limits[-1]), {"steps": p.posterior_steps, "seed": p.seed}
        return [
            network_stages.Posterior(stores[suite], self._training(suite).path, settings)
            for suite in p.suites
        ]

    def _by_limits(self):
        """Folders of the networks of each limits."""
        networks = self._networks()
        return {
            limits: [one.path for (*_, own), one in networks.items() if own == limits]
            for limits in self.parameters.limits
        }

    def _flags(self):
        """Stages that mark strange halos, one for each limits."""
        return [
            network_stages.Flags(
                folders, self._stores(limits), [self._predictions(one) for one in folders],
                self.folder / "trust" / f"{limits}.parquet",
            )
            for limits, folders in self._by_limits().items()
        ]  # fmt: skip

    def _baselines(self):
        """Stages that infer from a few numbers per map, one for each limits."""
        return [
            network_stages.Baselines(
                folders, self._stores(limits), self.folder / "baselines" / f"{limits}.parquet"
            )
            for limits, folders in self._by_limits().items()
        ]

    def _predictions(self, network):
        return self.folder / "predictions" / f"{network.name}.parquet"

    def _tests(self, trainings):
        """Stages that let each network infer the test halos of every suite."""
        return [
            network_stages.Predictions(
                one.path, self._stores(one.task.limits), self._predictions(one.path)
            )
            for one in trainings
        ]

    def _tested(self, trainings):
        """Predictions of each network for the test halos of every suite."""
        trainings = list(trainings)
        for limits in dict.fromkeys(one.task.limits for one in trainings):
            self._seen(limits)
        return self._tables(self._tests(trainings), "Predictions")

    def _tables(self, tables, description):
        """Make tables, and read them."""
        self._make(tables, description)
        return [read_table(one.path) for one in tables]

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
            stage_kinds.run, waiting, description, cluster=p.cluster, workers=p.workers or None
        )
