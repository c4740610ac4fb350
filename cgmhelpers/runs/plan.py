"""The plan of a run: its stages in their order, listed before any of them is made.

A plan reads headers of simulations at most, and writes nothing.
"""

import dataclasses
from contextlib import suppress

from cgmhelpers.emission.fields import canonical
from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.runs import data_stages, network_stages
from cgmhelpers.runs.data_plan import DataPlan
from cgmhelpers.simulations.sets import UNKNOWN_SEED, published_seed
from cgmhelpers.system import parallel

SINGLE_PROPERTIES = ("log_m_halo", "f_cgm")
"""Properties that also get networks of their own."""
SKY_BATCH = 128
"""Least maps in a batch of the network for telescopes' files, as a batch costs time by itself."""


class Plan(DataPlan):
    """The stages of a run.

    Parameters
    ----------
    parameters : cgmhelpers.runs.parameters.Parameters
        The run's.
    folder : Path
        The run's.
    """

    def steps(self):
        """List what the run makes for its book, in the order in which it is made.

        Returns
        -------
        dict of str to list
            Name of a step -> its stages, each of which makes one file or folder; a network or a
            table that several steps take is in the first.
        """
        networks = list(self.networks().values())
        others = {
            "Networks to compare with": [one for _, one in self.variants()],
            "Networks of the ensembles": self.ensembles(),
        }
        sky = []
        with suppress(ParameterError):  # no instrument observes the fields
            sky.append(self.sky_training())
        trained = {one.path: one for some in (networks, *others.values()) for one in some}
        steps = {
            "Mock simulations": self.mocks(),
            "Halos": self.halo_tables(),
            "Maps": self.maps(),
            "Observed maps": [
                one for limits in self.parameters.limits for one in self.observed(limits)
            ],
            "Networks": networks,
            **others,
            "Posteriors": self.flows(),
            "Predictions": self.tests(trained.values()),
            "Trust": self.flags(),
            "Baselines": self.baselines(),
            "Tuning": self.tunings()[:1],
            "Network for telescopes' files": sky,
        }
        listed = set()
        for name, chosen in steps.items():
            steps[name] = [one for one in chosen if one.path not in listed]
            listed |= {one.path for one in chosen}
        return {name: chosen for name, chosen in steps.items() if chosen}

    # --- networks -----------------------------------------------------------------------

    def training(
        self, suite, fields=None, limits=None, *, stores=None, ending="", changed=None, **task
    ):
        """Return the training of a suite's network.

        Parameters
        ----------
        suite : str
            That it learns from; of several suites, the name of their folder.
        fields : sequence of str, optional
            Its inputs; all by default.
        limits : str, optional
            Of its maps; the last by default.
        stores : list of Path, optional
            Maps that it learns from; those of the suite by default.
        ending : str
            Of the folder's name.
        changed : dict, optional
            Settings that differ from the run's.
        **task
            Parts of the task that differ from the run's: see `cgmhelpers.network.task.Task`.

        Returns
        -------
        cgmhelpers.runs.network_stages.Training
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
            Task(stores or self.stores()[suite], fields, limits, settings, **task), folder
        )

    def networks(self):
        """List the trainings of a network for every suite, input and limits.

        Returns
        -------
        dict of tuple to cgmhelpers.runs.network_stages.Training
            By suite, fields (joined by +) and limits.
        """
        p = self.parameters
        return {
            (suite, "+".join(fields), limits): self.training(suite, fields, limits)
            for limits in p.limits
            for fields in reversed(p.field_sets)  # the longest first
            for suite in p.suites
        }

    def variants(self):
        """List trainings that differ in one thing from those of all fields.

        Returns
        -------
        list of tuple
            Name of the variant, as in :meth:`cgmhelpers.runs.run.Run.variants`, and the training.
        """
        p = self.parameters
        changes = [("one property", "properties", [name]) for name in SINGLE_PROPERTIES]
        seeds = {suite: set() for suite in p.suites}
        for sim in self.simulations:
            seeds[sim.suite].add(data_stages.initial_conditions(sim))
        can_be_split = min(map(len, seeds.values())) >= 3
        ways = dict.fromkeys(["halo", "realisation", p.split_by] if can_be_split else ["halo"])
        changes += [(f"split by {way}", "split_by", way) for way in ways]
        trainings = []
        for suite in [one for one in p.suites if one in p.comparison_suites] or p.suites[:1]:
            for variant, name, value in changes:
                ending = "" if value == p.split_by else f"_{''.join(value)}"
                trainings.append((variant, self.training(suite, ending=ending, **{name: value})))
        return trainings

    def ensembles(self):
        """List the trainings of all members, one ensemble after another.

        Returns
        -------
        list of cgmhelpers.runs.network_stages.Training
            As many for each suite as an ensemble has members; the first is the run's own.
        """
        p, trainings = self.parameters, []
        for suite in p.suites:
            trainings.append(self.training(suite))
            for member in range(2, p.members + 1):
                seeds = {"seed": p.seed + member - 1, "split_seed": p.seed}
                trainings.append(self.training(suite, ending=f"_member{member}", changed=seeds))
        return trainings

    def sky_training(self):
        """Return the training of the network for telescopes' files.

        Returns
        -------
        cgmhelpers.runs.network_stages.SkyTraining

        Raises
        ------
        ParameterError
            If no instrument of the run observes one of the fields.
        """
        p = self.parameters
        observation = p.observation(p.map_fields, all_of_them=False)
        changed = {"epochs": p.sky_epochs, "batch_size": max(p.batch_size, SKY_BATCH)}
        # Of all suites: in a split by halo it would learn from twins of its validation halos.
        parted = p.split_by == "halo" and self._has_three_initial_conditions()
        like = self.training(
            p.suites[0], changed=changed, size=p.sky_map_size,
            split_by="realisation" if parted else p.split_by,
        ).task  # fmt: skip
        stores = [one for some in self.stores().values() for one in some]
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

    def tunings(self, suite=None, fields=None, limits=None):
        """List the workers on a study of one network's hyperparameters.

        Parameters
        ----------
        suite : str, optional
            That the network learns from; the first by default.
        fields : sequence of str, optional
            Its inputs; all by default.
        limits : str, optional
            Of its maps; the last by default.

        Returns
        -------
        list of cgmhelpers.runs.network_stages.Tuning
            Of one path.

        Raises
        ------
        ParameterError
            If the run has no such suite or limits.
        """
        p = self.parameters
        suite, limits = suite or p.suites[0], limits or p.limits[-1]
        check_known(suite, p.suites, "The run has no such suite.")
        check_known(limits, p.limits, "The run has no such limits.")
        fields = canonical(fields or p.fields)
        changed = {"epochs": p.trial_epochs, "devices": 1}
        task = self.training(suite, fields, limits, changed=changed, size=p.trial_map_size).task
        folder = self.folder / "studies" / f"{suite}_{'+'.join(fields)}_{limits}"
        workers = range(min(p.workers or parallel.available_cores(), p.trials))
        return [network_stages.Tuning(task, folder, p.trials, one) for one in workers]

    # --- what networks say --------------------------------------------------------------

    def flows(self):
        """List the stages that fit normalising flows.

        Returns
        -------
        list of cgmhelpers.runs.network_stages.Posterior
            One a suite.
        """
        p = self.parameters
        stores, settings = self.stores(p.limits[-1]), {"steps": p.posterior_steps, "seed": p.seed}
        return [
            network_stages.Posterior(stores[suite], self.training(suite).path, settings)
            for suite in p.suites
        ]

    def tests(self, trainings):
        """List the stages that let networks infer the test halos of every suite.

        Parameters
        ----------
        trainings : iterable of cgmhelpers.runs.network_stages.Training
            Of the networks.

        Returns
        -------
        list of cgmhelpers.runs.network_stages.Predictions
            One a network.
        """
        return [
            network_stages.Predictions(
                one.path, self.stores(one.task.limits), self._tested(one.path)
            )
            for one in trainings
        ]

    def flags(self):
        """List the stages that mark strange halos.

        Returns
        -------
        list of cgmhelpers.runs.network_stages.Flags
            One for each limits.
        """
        return [
            network_stages.Flags(folders, stores, [self._tested(one) for one in folders], path)
            for folders, stores, path in self._by_limits("trust")
        ]

    def baselines(self):
        """List the stages that infer from a few numbers per map.

        Returns
        -------
        list of cgmhelpers.runs.network_stages.Baselines
            One for each limits.
        """
        return [network_stages.Baselines(*of_one) for of_one in self._by_limits("baselines")]

    def _by_limits(self, kind):
        """Folders of networks, map stores that test them, and a file of results, of each limits."""
        networks = self.networks()
        for limits in self.parameters.limits:
            folders = [one.path for (*_, own), one in networks.items() if own == limits]
            yield folders, self.stores(limits), self.folder / kind / f"{limits}.parquet"

    def _tested(self, network):
        return self.folder / "predictions" / f"{network.name}.parquet"
