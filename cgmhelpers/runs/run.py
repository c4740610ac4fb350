"""A run: its folder and its stages.

Every stage is skipped where its output is whole and its fingerprint (what it depends on) is
unchanged, so a run that was interrupted goes on, and a notebook executed alone makes what it
lacks through the same functions.
"""

import json
from functools import cached_property
from pathlib import Path

import pandas as pd
import yaml

from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.runs import stages
from cgmhelpers.runs.parameters import project_root, read
from cgmhelpers.simulations import simulation
from cgmhelpers.system import files, parallel, provenance

SINGLE_PROPERTIES = ("log_m_halo", "f_cgm")
"""Properties that also get networks of their own."""


class Run:
    """One run: parameters, folder and stages.

    Parameters
    ----------
    parameters : Parameters
        From `cgmhelpers.runs.parameters.read`.
    """

    def __init__(self, parameters):
        self.parameters = parameters
        runs = Path(parameters.runs).expanduser()
        self.folder = (runs if runs.is_absolute() else project_root() / runs) / parameters.run
        self._note("parameters.yml", yaml.safe_dump(parameters.model_dump(), sort_keys=False))
        self._note("manifest.json", json.dumps(provenance.manifest(), indent=1) + "\n")

    @classmethod
    def from_profile(cls, profile, **overrides):
        """Open a run by the name of its profile.

        Parameters
        ----------
        profile : str
            A name in ``book/parameters``, or a path.
        **overrides
            Parameters that shall differ from the profile.

        Returns
        -------
        Run
        """
        return cls(read(profile, **overrides))

    def __repr__(self):
        return f"Run({self.parameters.run}, {self.source})"

    # --- what the run reads -------------------------------------------------------------

    @property
    def is_mock(self):
        """Whether the data are the mock suite (written here, or found in the data root)."""
        return self.parameters.data_root is None or self.simulations[0].is_mock

    @property
    def source(self):
        """Where the data come from, for captions and titles."""
        number = len(self.parameters.realisation_list)
        name = "mock suite" if self.is_mock else f"CAMELS {self.parameters.set_name} set"
        return f"{name}, {number} realisation{'s' if number > 1 else ''} per suite"

    @cached_property
    def simulations(self):
        """The simulations, suite by suite; the mock suite is written first where it lacks."""
        p = self.parameters
        root = self.folder / "mock" if p.data_root is None else Path(p.data_root).expanduser()
        if p.data_root is None:
            tasks = [
                (root, (suite,), (realisation,), p.mock_cells, p.mock_seed, p.set_name, p.snapshot)
                for realisation in p.realisation_list
                for suite in p.suites
            ]
            self._spread(stages.write_mock, tasks, "Mock simulations")
        return [
            simulation.Simulation(root, suite, p.set_name, realisation, p.snapshot)
            for suite in p.suites
            for realisation in p.realisation_list
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
        p = self.parameters
        tasks = [
            (sim, self._halo_table(sim), p.minimum_log_mass, self._maps_of(sim))
            for sim in self.simulations
        ]
        self._spread(stages.measure_halos, tasks, "Halos and maps")
        table = pd.concat([pd.read_parquet(path) for _, path, *_ in tasks], ignore_index=True)
        if table.empty:
            raise ResultError(
                "The simulations have no halo in the sample.",
                found=f"none above 10^{p.minimum_log_mass} Msun",
                remedy="Lower minimum_log_mass, or check the catalogues.",
            )
        return table

    def maps(self):
        """Make the maps of all simulations.

        Returns
        -------
        dict of str to list of Path
            Suite -> map stores, in the order of the realisations.
        """
        self.halos()
        stores = {suite: [] for suite in self.parameters.suites}
        tasks = []
        for sim in self.simulations:
            fields, store, options = self._maps_of(sim)
            stores[sim.suite].append(store)
            tasks.append((sim, fields, store, options, self._halo_table(sim)))
        self._spread(stages.make_maps, tasks, "Maps")
        return stores

    def networks(self):
        """Train a network for every suite, input and limits.

        Returns
        -------
        pandas.DataFrame
            One row a network: suite, fields (joined by +), limits, folder.
        """
        stores = self.maps()
        rows, tasks = [], []
        for limits in self.parameters.limits:
            for fields in reversed(self.parameters.field_sets):  # the longest first
                for suite in self.parameters.suites:
                    folder = self._network_folder(suite, fields, limits)
                    rows.append((suite, "+".join(fields), limits, folder))
                    tasks.append((stores[suite], fields, limits, folder, self._training()))
        self._spread(stages.train, tasks, "Networks")
        return pd.DataFrame(rows, columns=["suite", "fields", "limits", "folder"])

    def predictions(self):
        """Test every network on the test halos of every suite.

        Returns
        -------
        pandas.DataFrame
            The tidy table of `cgmhelpers.inference.prediction.predict`.
        """
        return pd.concat(self._tested(self.networks()["folder"]), ignore_index=True)

    def trust(self):
        """Hold predictions against what their networks were trained with, and against the truth.

        Returns
        -------
        flagged, problems : pandas.DataFrame
            As from `cgmhelpers.inference.unfamiliar.flag`, and what shouldn't be trusted, as from
            `cgmhelpers.statistics.quality.report`.
        """
        from cgmhelpers.statistics import quality

        networks, stores, tasks = self.networks(), self.maps(), []
        self._tested(networks["folder"])
        for limits, own in networks.groupby("limits", sort=False):
            tables = [self.folder / "predictions" / f"{one.name}.parquet" for one in own["folder"]]
            path = self.folder / "trust" / f"{limits}.parquet"
            tasks.append((list(own["folder"]), stores, tables, path))
        self._spread(stages.flag, tasks, "Trust")
        flagged = pd.concat([pd.read_parquet(path) for *_, path in tasks], ignore_index=True)
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
        networks, stores = self.networks(), self.maps()
        tasks = [
            (list(own["folder"]), stores, self.folder / "baselines" / f"{limits}.parquet")
            for limits, own in networks.groupby("limits", sort=False)
        ]
        self._spread(stages.fit_baselines, tasks, "Baselines")
        return pd.concat([pd.read_parquet(path) for *_, path in tasks], ignore_index=True)

    def variants(self):
        """Train and test networks that differ in one thing from those of all fields together.

        Returns
        -------
        pandas.DataFrame
            As from `predictions`, of the last limits, with the columns folder (of the network)
            and variant: ``"one property"``, ``"split by halo"`` or ``"split by realisation"``,
            one of which is the run's own. Too few realisations to split are left out.
        """
        p, stores, tasks, names = self.parameters, self.maps(), [], []
        changes = [("one property", "properties", [name]) for name in SINGLE_PROPERTIES]
        ways = ("halo", "realisation") if len(p.realisation_list) >= 3 else ("halo",)
        changes += [(f"split by {way}", "split_by", way) for way in ways]
        for suite in [one for one in p.suites if one in p.comparison_suites] or p.suites[:1]:
            for variant, argument, value in changes:
                ending = "" if value == p.split_by else f"_{''.join(value)}"
                *task, arguments = self._joint_network(suite, stores, ending)
                tasks.append((*task, arguments | {argument: value}))
                names.append(variant)
        self._spread(stages.train, tasks, "Networks to compare with")
        folders = [task[3] for task in tasks]
        tables = zip(self._tested(folders), names, folders, strict=True)
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

        p, stores, tasks = self.parameters, self.maps(), []
        for suite in p.suites:
            tasks.append(self._joint_network(suite, stores))
            for member in range(2, p.members + 1):
                other = {"seed": p.seed + member - 1, "split_seed": p.seed}
                tasks.append(self._joint_network(suite, stores, f"_member{member}", **other))
        self._spread(stages.train, tasks, "Networks of the ensembles")
        tables = self._tested([task[3] for task in tasks])
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
        networks = {suite: self._joint_network(suite, stores) for suite in p.suites}
        self._spread(stages.train, list(networks.values()), "Networks")
        settings = {"steps": p.posterior_steps, "seed": p.seed}
        tasks = [(task[0], task[3], settings) for task in networks.values()]
        self._spread(stages.train_posterior, tasks, "Posteriors")
        return {suite: task[3] for suite, task in networks.items()}

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
        from cgmhelpers.network.identity import training_fingerprint

        p = self.parameters
        suite, limits = suite or p.suites[0], limits or p.limits[-1]
        fields, options = tuple(fields or p.fields), self._training()
        if suite not in p.suites:
            raise ParameterError("The run has no such suite.", found=suite, expected=p.suites)
        options["settings"] |= {"epochs": p.trial_epochs, "devices": 1}
        options["size"] = p.trial_map_size
        made_from = (self.maps()[suite], fields, limits, TrainingSettings(**options["settings"]))
        digest = training_fingerprint(*made_from, options["size"], options["split_by"])
        folder = self.folder / "studies" / f"{suite}_{'+'.join(fields)}_{limits}" / digest[:12]
        workers = min(p.workers or parallel.available_cores(), p.trials)
        each = [options | {"trials": p.trials, "worker": number} for number in range(workers)]
        self._spread(stages.tune, [(*made_from[:3], folder, one) for one in each], "Tuning")
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

    def _note(self, name, text):
        """Keep a text in the run's folder, untouched where it is there already."""
        path = self.folder / name
        if not path.is_file() or path.read_text() != text:
            with files.whole(path) as temporary:
                temporary.write_text(text)

    # --- how stages run -----------------------------------------------------------------

    def _halo_table(self, sim):
        """Where a simulation's halos and their properties are written."""
        return self.folder / "halos" / f"{stages.file_name(sim)}.parquet"

    def _maps_of(self, sim):
        """Fields, store and options of a simulation's maps."""
        p = self.parameters
        # A run that takes fewer fields than its profile uses the same stores.
        fields = tuple(dict.fromkeys((*read(p.profile).fields, *p.fields)))
        options = {
            "minimum_mass": 10**p.minimum_log_mass,
            "pixels": p.pixels,
            "pixel_size": p.pixel_size,
            "depth": p.depth,
            "options": {"hi": {"method": p.hydrogen_method}} if "hi" in fields else {},
        }
        return fields, self.folder / "maps" / f"{stages.file_name(sim)}.zarr", options

    def _network_folder(self, suite, fields, limits, ending=""):
        """Where a network lives."""
        return self.folder / "networks" / f"{suite}_{'+'.join(fields)}_{limits}{ending}"

    def _joint_network(self, suite, stores, ending="", **settings):
        """Task of a suite's network of all fields, with the last limits."""
        p, training = self.parameters, self._training()
        fields, limits = p.field_sets[-1], p.limits[-1]
        folder = self._network_folder(suite, fields, limits, ending)
        training["settings"] |= settings
        return stores[suite], fields, limits, folder, training

    def _tested(self, folders):
        """Predictions of each network for the test halos of every suite."""
        stores = self.maps()
        tasks = [
            (folder, stores, self.folder / "predictions" / f"{folder.name}.parquet")
            for folder in folders
        ]
        self._spread(stages.predict, tasks, "Predictions")
        return [pd.read_parquet(path) for *_, path in tasks]

    def _training(self):
        """Arguments of the training beyond stores, fields and limits."""
        p = self.parameters
        names = [name for name in TrainingSettings.model_fields if hasattr(p, name)]
        settings = {name: getattr(p, name) for name in names} | {"threads": 1}
        return {"settings": settings, "size": p.map_size, "split_by": p.split_by}

    def _spread(self, function, tasks, description):
        """Run the tasks that aren't done, side by side."""
        waiting = [task for task in tasks if not function(*task, check=True)]
        p = self.parameters
        parallel.run_all(
            function, waiting, description, cluster=p.cluster, workers=p.workers or None
        )
