"""A run: makes what a user asks for, with all that it is made from.

A stage whose output is whole and whose fingerprint (of what it depends on) is unchanged is
skipped. So an interrupted run goes on, and a notebook executed alone makes what it lacks through
the same functions.
"""

import os
from pathlib import Path

import pandas as pd

from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.runs import stage_kinds
from cgmhelpers.runs.plan import Plan
from cgmhelpers.runs.profiles import read
from cgmhelpers.system import files, parallel, provenance


class Run:
    """One run: parameters, folder and stages.

    To open a run reads nothing and writes nothing; stages do.

    Parameters
    ----------
    parameters : cgmhelpers.runs.parameters.Parameters
        From `cgmhelpers.runs.profiles.read`.

    Attributes
    ----------
    plan : cgmhelpers.runs.plan.Plan
        Its stages.
    """

    def __init__(self, parameters):
        self.parameters = parameters
        self.folder = Path(parameters.runs) / parameters.run
        self.plan = Plan(parameters, self.folder)

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
        first = self.plan.halo_tables()[0]
        if entry not in first.note() or not first.is_done():
            self.make(self.plan.mocks()[:1], "Mock simulations")
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
        self.make(self.plan.mocks(), "Mock simulations")
        return self.plan.simulations

    # --- stages -------------------------------------------------------------------------

    def halos(self):
        """Halos of all simulations with their six properties.

        A snapshot is read once for its halos and their maps together, so this makes both.

        Returns
        -------
        pandas.DataFrame
            Columns of ``Simulation.halos`` and the six properties.
        """
        tables = self.plan.halo_tables()
        self._make_from_files(tables, "Halos and maps")
        table = pd.concat([stage_kinds.read_table(one.path) for one in tables], ignore_index=True)
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
        self._make_from_files(self.plan.maps(), "Maps")
        return self.seen(limits)

    def networks(self):
        """Train a network for every suite, input and limits.

        Returns
        -------
        pandas.DataFrame
            One row a network: suite, fields (joined by +), limits, folder.
        """
        self.maps()
        trainings = self.plan.networks()
        self.make(trainings.values(), "Networks")
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
        return pd.concat(self._tested(self.plan.networks().values()), ignore_index=True)

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
        flagged = pd.concat(self.tables(self.plan.flags(), "Trust"), ignore_index=True)
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
            self.seen(limits)
        return pd.concat(self.tables(self.plan.baselines(), "Baselines"), ignore_index=True)

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
        self.make(self.plan.mocks(), "Mock simulations")  # which say their seeds
        variants = self.plan.variants()
        self.make([one for _, one in variants], "Networks to compare with")
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
        trainings, members = self.plan.ensembles(), self.parameters.members
        self.make(trainings, "Networks of the ensembles")
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
        trainings = {suite: self.plan.training(suite) for suite in self.parameters.suites}
        self.make(trainings.values(), "Networks")
        self.seen(self.parameters.limits[-1])
        self.make(self.plan.flows(), "Posteriors")
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
        training = self.plan.sky_training()
        self.make([training], "Network for telescopes' files")
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
        tunings = self.plan.tunings(suite, fields, limits)
        self.make(tunings, "Tuning")
        return tunings[0].path

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

    def make(self, stages, description):
        """Run the stages that aren't done, side by side, and record what they make.

        Parameters
        ----------
        stages : iterable of cgmhelpers.runs.stage_kinds.Stage
            None of them is made from another.
        description : str
            For the progress bar and the record.
        """
        waiting = [(stage,) for stage in stages if not stage.is_done()]
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

    def tables(self, stages, description):
        """Make tables that lack, and read all.

        Parameters
        ----------
        stages : list of cgmhelpers.runs.stage_kinds.Table
            Their stages.
        description : str
            As for :meth:`make`.

        Returns
        -------
        list of pandas.DataFrame
        """
        self.make(stages, description)
        return [stage_kinds.read_table(one.path) for one in stages]

    def seen(self, limits):
        """Observe maps that are there, if networks of some limits are tested on observed ones.

        Parameters
        ----------
        limits : str or None
            As for :meth:`maps`, which makes the maps first.

        Returns
        -------
        dict of str to list of Path
            Suite -> map stores, in the order of the realisations.
        """
        self.make(self.plan.observed(limits), "Observed maps")
        return self.plan.stores(limits)

    def _tested(self, trainings):
        """Predictions of each network for the test halos of every suite."""
        trainings = list(trainings)
        for limits in dict.fromkeys(one.task.limits for one in trainings):
            self.seen(limits)
        return self.tables(self.plan.tests(trainings), "Predictions")

    def _make_from_files(self, stages, description):
        """Run the stages that aren't done, once the mock simulations are written for them."""
        done = [one.is_done() for one in stages]
        mocks = self.plan.mocks() or [None] * len(stages)
        lacking = [mock for mock, is_done in zip(mocks, done, strict=True) if not is_done]
        self.make(filter(None, lacking), "Mock simulations")
        self.make(stages, description)
