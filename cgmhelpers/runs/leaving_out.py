"""Leave one suite out: networks of several suites, tested on a suite that they never saw.

Two tracks, never in one table: ``blind``, in which nothing of the suite that is left out was seen
in any way, and ``unlabelled target``, in which the penalty of a training saw maps of it (those
whose initial conditions are in training), without properties. All networks of a run split halos
alike, take the same number of passes, and have the profile's hyperparameters; nothing is chosen by
looking at the suite that is left out.
"""

import logging
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.halos.classes import HALO
from cgmhelpers.inference import baselines
from cgmhelpers.network import checkpoint
from cgmhelpers.network.adaptation import ALIGNED
from cgmhelpers.runs import network_stages
from cgmhelpers.statistics import left_out as scores
from cgmhelpers.statistics.left_out import SINGLE

log = logging.getLogger(__name__)
BLIND, SHOWN = TRACKS = ("blind", "unlabelled target")
VARIED = "varied astrophysics"
KINDS = ("none", "pooled", "mmd", "coral", "dann", "bottleneck")
"""Ways to train on several suites, which are the values of the setting `adaptation`."""


class LeavingOut:
    """The experiment of a run.

    Parameters
    ----------
    run : cgmhelpers.runs.run.Run
        Its suites are left out in turn; or its `target` alone, if it has one. Networks learn from
        its `sources`, or from all other suites.
    seeds : int
        Networks of each kind, which differ in their random numbers.
    kinds : sequence of str
        Some of `KINDS`, for the blind track; ``"pooled"`` is always among them.
    shown : sequence of str, optional
        Penalties that compare suites, for the track of the unlabelled target; by default those
        among `kinds`.
    left_out : sequence of str, optional
        Suites to leave out, where the run has no target; by default each.
    """

    def __init__(self, run, seeds=1, kinds=KINDS, shown=None, left_out=None):
        self.run, self.seeds = run, seeds
        self.kinds = list(dict.fromkeys([*kinds, "pooled"]))
        self.shown = [one for one in kinds if one in ALIGNED] if shown is None else list(shown)
        check_known(self.kinds, KINDS, "Unknown ways to train on several suites.")
        check_known(self.shown, ALIGNED, "Unknown ways to train with maps of the target.")
        p = run.parameters
        self.left_out = [p.target] if p.target else list(left_out or p.suites)
        if len(p.suites) < 3 or seeds < 1:
            raise ParameterError(
                "One suite can't be left out.",
                found=f"suites = {p.suites}, seeds = {seeds}",
                expected="at least three: two to learn from, and one to test on; and a seed",
            )
        check_known(self.left_out, p.suites, "The run has no such suite to leave out.")
        alone = [one for one in self.left_out if len(self.sources(one)) < 2]
        if alone:
            raise ParameterError(
                "One suite alone can't tell how far another is.",
                found=f"sources {self.sources(alone[0])} when {alone[0]} is left out",
                expected="at least two sources for each suite that is left out",
                remedy="Name more sources, or a target that isn't among them.",
            )

    def sources(self, left_out):
        """Return the suites that networks learn from when one is left out.

        Parameters
        ----------
        left_out : str

        Returns
        -------
        tuple of str
        """
        p = self.run.parameters
        return tuple(one for one in p.sources or p.suites if one != left_out)

    def predictions(self):
        """Train what lacks, and test it on the test halos of every suite.

        Returns
        -------
        pandas.DataFrame
            As from ``Run.predictions``, with ``left_out``, ``track``, ``method`` and ``seed``.
            Methods are the kinds, ``"single suite"``, if the run has a second set
            ``"varied astrophysics"`` (pooled networks of that set), and the baselines.
        """
        chosen = self._of_predictions()
        tables = self.tested([one for one, _ in chosen])
        tables = [one.assign(**about) for one, (_, about) in zip(tables, chosen, strict=True)]
        tables += self._baselines()
        return self._same_halos(pd.concat(tables, ignore_index=True))

    def _of_predictions(self):
        """Trainings of :meth:`predictions`, and what they are."""
        chosen = []
        for seed in range(self.seeds):
            for left_out in self.left_out:
                sources = self.sources(left_out)
                about = {"left_out": left_out, "track": BLIND, "seed": seed}
                for source in sources:
                    one = self.training((source,), "none", seed)
                    chosen.append((one, about | {"method": SINGLE}))
                for kind in self.kinds:
                    one = self.training(sources, kind, seed)
                    chosen.append((one, about | {"method": kind}))
                if self.run.parameters.also:
                    one = self.training(sources, "pooled", seed, varied=True)
                    chosen.append((one, about | {"method": VARIED}))
                for kind in self.shown:
                    one = self.training(sources, kind, seed, target=left_out)
                    chosen.append((one, about | {"method": kind, "track": SHOWN}))
        return chosen

    def nested(self):
        """Leave out each source in turn, and test on it: errors between suites, blind.

        Returns
        -------
        pandas.DataFrame
            Validation halos of each source, by networks of the other sources, with ``left_out``
            (the suite that no network of these rows saw) and ``seed``.
        """
        chosen = self._of_nested()
        tables = self.tested([one for one, _, _ in chosen], ("validation",))
        return pd.concat(
            [
                table[table["suite_test"] == inner].assign(**about)
                for table, (_, inner, about) in zip(tables, chosen, strict=True)
            ],
            ignore_index=True,
        )

    def _of_nested(self):
        """Trainings of :meth:`nested`, the source that each leaves out, and what they are."""
        chosen = []
        for seed in range(self.seeds):
            for left_out in self.left_out:
                sources = self.sources(left_out)
                for inner in sources:
                    others = tuple(one for one in sources if one != inner)
                    one = self.training(others, "pooled" if len(others) > 1 else "none", seed)
                    chosen.append((one, inner, {"left_out": left_out, "seed": seed}))
        return chosen

    def trainings(self, part=(1, 1)):
        """List the trainings of the experiment, but for that of the control.

        Parameters
        ----------
        part : tuple of int
            (k, n): the k-th of n shares, which take turns in the list.

        Returns
        -------
        list of cgmhelpers.runs.network_stages.Training
            Each network once, whether it is there or not.

        Raises
        ------
        ParameterError
            If there is no such share.
        """
        number, parts = part
        if not 1 <= number <= parts:
            raise ParameterError(
                "There is no such share of the networks.",
                found=f"{number} of {parts}",
                expected="k of n, with k from 1 to n",
            )
        every = [one for one, *_ in (*self._of_predictions(), *self._of_nested())]
        return list({one.path: one for one in every}.values())[number - 1 :: parts]

    def train(self, part=(1, 1), tell=log.info):
        """Train the networks of a share that aren't there, and say beforehand how long it takes.

        Interrupted, call it again: networks that are there are kept, and one that was begun goes
        on from its last epoch.

        Parameters
        ----------
        part : tuple of int
            As for :meth:`trainings`.
        tell : callable
            Takes a sentence. The time is judged by networks that are there; without one, the first
            is trained before.

        Returns
        -------
        list of Path
            Folders of the networks.
        """
        chosen = self.trainings(part)
        self.stores()  # makes the maps
        lacking = [one for one in chosen if not one.is_done()]
        seconds = self._seconds_a_suite()
        if lacking and not np.isfinite(seconds):
            self.run.make(lacking[:1], "Networks of several suites")
            lacking, seconds = lacking[1:], self._seconds_a_suite()
        if lacking:
            suites = sum(_suites_of(one.task) for one in lacking)
            tell(
                f"{len(lacking)} of {len(chosen)} networks to train, "
                f"about {seconds * suites / 60:.1f} minutes of one process."
            )
        self.run.make(lacking, "Networks of several suites")
        return [one.path for one in chosen]

    def _seconds_a_suite(self):
        """Time of a training over the suites whose maps it sees; NaN if no network is there."""
        done = [one for one in self.trainings() if one.is_done()]
        seconds = [pd.read_csv(one.path / checkpoint.HISTORY)["seconds"].sum() for one in done]
        suites = sum(_suites_of(one.task) for one in done)
        return sum(seconds) / suites if suites else np.nan

    def training(self, sources, kind, seed, *, target=None, varied=False, control=None):
        """Return the training of a network of several suites, or of one.

        Parameters
        ----------
        sources : sequence of str
            Suites that it learns from.
        kind : str
            One of `KINDS`.
        seed : int
            Number of the network, from 0.
        target : str, optional
            Name of the suite whose maps the penalty sees, without properties.
        varied : bool
            Learn from the simulations of the run's other sets.
        control : Path, optional
            Map store to see in place of the target's.

        Returns
        -------
        cgmhelpers.runs.network_stages.Training
        """
        run, p = self.run, self.run.parameters
        stores = self._of_set(run.plan.stores(), varied)
        name = "+".join(sources)
        ending = {"none": ""}.get(kind, f"_{kind}") + ("_varied" if varied else "")
        ending += f"_shown_{target}" if target else ""
        ending += f"_member{seed + 1}" if seed else ""
        # A split by halo has twins of test halos in the training.
        split_by = "seed" if p.split_by == "halo" else p.split_by
        ending += "" if p.split_by == split_by else f"_{split_by}"
        changed = {"adaptation": kind, "adaptation_weight": p.adaptation_weight}
        # The first network of a single suite is the one of the run's other chapters.
        if seed or kind != "none":
            changed |= {"seed": p.seed + seed, "split_seed": p.seed}
        joined = [one for suite in sources for one in stores[suite]]
        return run.plan.training(
            name, stores=joined, ending=ending, changed=changed, split_by=split_by,
            target=[control] if control else stores[target] if target else None,
        )  # fmt: skip

    @cached_property
    def _maps(self):
        maps = self.run.maps()
        return {False: maps, True: self.run.seen(self.run.parameters.limits[-1])}

    def stores(self, varied=False, seen=False):
        """Make the maps that lack, and list their stores.

        Parameters
        ----------
        varied : bool
            Those of the run's other sets, rather than of its own.
        seen : bool
            As networks are tested on them.

        Returns
        -------
        dict of str to list of Path
            Suite -> map stores.
        """
        return self._of_set(self._maps[seen], varied)

    def _of_set(self, stores, varied):
        p = self.run.parameters
        own = [(volume, name) == (p.volume, p.set_name) for volume, name, _ in p.boxes]
        return {
            suite: [one for one, is_own in zip(some, own, strict=True) if is_own != varied]
            for suite, some in stores.items()
        }

    def tested(self, trainings, parts=("test",)):
        """Train networks that lack, and let each infer halos of every suite.

        Parameters
        ----------
        trainings : sequence of cgmhelpers.runs.network_stages.Training
            Of the networks.
        parts : tuple of str
            Parts of the halos.

        Returns
        -------
        list of pandas.DataFrame
            As from `cgmhelpers.inference.prediction.predict`, one a network.
        """
        run, stores = self.run, self.stores(seen=True)
        unique = {one.path: one for one in trainings}
        run.make(unique.values(), "Networks of several suites")
        ending = "" if parts == ("test",) else f"_{'_'.join(parts)}"
        tests = [
            network_stages.Predictions(
                one.path, stores,
                run.folder / "predictions" / f"{one.path.name}_left_out{ending}.parquet", parts,
            )
            for one in unique.values()
        ]  # fmt: skip
        tables = dict(zip(unique, run.tables(tests, "Predictions"), strict=True))
        return [tables[one.path] for one in trainings]

    def _baselines(self):
        tables, stores = [], self.stores(seen=True)
        for left_out in self.left_out:
            folder = self.training(self.sources(left_out), "pooled", 0).path
            table = baselines.predict([folder], stores)
            tables.append(table.assign(left_out=left_out, track=BLIND, seed=0))
        return tables

    def _same_halos(self, predictions):
        """Keep the halos that all networks tested: those whose initial conditions none learnt."""
        return tested_by_all(predictions, predictions["method"] != VARIED)


def _suites_of(task):
    """Number of suites whose maps a training sees."""
    maps = [*task.stores, *(task.target or [])]
    return len({Path(one).name.partition("_")[0] for one in maps})


def tested_by_all(predictions, asked):
    """Keep the halos that all networks for a suite left out have tested.

    Networks of other sources may split halos in another way, if suites differ in their initial
    conditions.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :meth:`LeavingOut.predictions`.
    asked : pandas.Series of bool
        Rows of the networks that count: those of another set have other halos.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ParameterError
        If no halo of a suite left out was tested by all.
    """
    keys = [*HALO, "left_out"]
    networks = [*scores.NETWORK, "suite_test"]
    rows = predictions[asked].drop_duplicates([*keys, *networks])
    counts = rows.groupby(keys, sort=False).size().rename("by").reset_index()
    most = rows.drop_duplicates([*networks]).groupby(["left_out", "suite_test"]).size()
    wanted = pd.MultiIndex.from_frame(counts[["left_out", "suite"]])
    known = counts[counts["by"].to_numpy() == most.loc[wanted].to_numpy()]
    kept = predictions.merge(known[keys], on=keys)
    lost = set(predictions["left_out"]) - set(scores.away(kept)["left_out"])
    if lost:
        raise ParameterError(
            "No halo was tested by all networks.",
            found=f"none of {', '.join(sorted(lost))}, which was left out",
            expected="suites that share initial conditions, or more realisations",
        )
    return kept
