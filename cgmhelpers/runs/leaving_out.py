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
from scipy import stats

from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.halos.classes import HALO
from cgmhelpers.halos.measuring import APERTURE
from cgmhelpers.inference import attribution, baselines, distance, prediction, trusting, unseen
from cgmhelpers.maps import corruption, store
from cgmhelpers.maps.summaries import EVALUATION_AXIS
from cgmhelpers.network import checkpoint, samples
from cgmhelpers.network.adaptation import ALIGNED
from cgmhelpers.runs import network_stages
from cgmhelpers.statistics import conformal, metrics
from cgmhelpers.statistics import left_out as scores
from cgmhelpers.statistics.left_out import SINGLE
from cgmhelpers.statistics.metrics import ONE_SIGMA
from cgmhelpers.statistics.reliability import auc

log = logging.getLogger(__name__)
BLIND, SHOWN = TRACKS = ("blind", "unlabelled target")
VARIED = "varied astrophysics"
KINDS = ("none", "pooled", "mmd", "coral", "dann", "bottleneck")
"""Ways to train on several suites: the values of the setting `adaptation`."""
LOOKED_AT = 48
"""Test halos of each suite left out whose pixels are given their contributions."""


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
        tables = self._tested([one for one, _ in chosen])
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
                    one = self._training((source,), "none", seed)
                    chosen.append((one, about | {"method": SINGLE}))
                for kind in self.kinds:
                    one = self._training(sources, kind, seed)
                    chosen.append((one, about | {"method": kind}))
                if self.run.parameters.also:
                    one = self._training(sources, "pooled", seed, varied=True)
                    chosen.append((one, about | {"method": VARIED}))
                for kind in self.shown:
                    one = self._training(sources, kind, seed, target=left_out)
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
        tables = self._tested([one for one, _, _ in chosen], ("validation",))
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
                    one = self._training(others, "pooled" if len(others) > 1 else "none", seed)
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
        self._stores()  # makes the maps
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

    def widened(self, predictions, nested):
        """Give blind predictions the error bars for an unseen suite.

        Parameters
        ----------
        predictions, nested : pandas.DataFrame
            From :meth:`predictions` and :meth:`nested`.

        Returns
        -------
        pandas.DataFrame
            `predictions` of networks, with ``std`` as from `cgmhelpers.inference.unseen.widen`.
        """
        tables = []
        for left_out, own in predictions.groupby("left_out", sort=False):
            between = unseen.between_suites(nested[nested["left_out"] == left_out])
            tables.append(unseen.widen(own, between))
        return pd.concat(tables, ignore_index=True)

    def error_bars(self, predictions, nested):
        """Compare error bars in the suites that were left out, for one kind of network.

        Parameters
        ----------
        predictions : pandas.DataFrame
            From :meth:`predictions`: the blind, pooled networks.
        nested : pandas.DataFrame
            From :meth:`nested`.

        Returns
        -------
        pandas.DataFrame
            A row for each property and kind of error bars, ``in_domain`` and ``unseen_suite``:
            ``chi2`` and ``coverage_68``, means over the suites left out with ``chi2_worst``,
            ``coverage_68_low`` and ``coverage_68_high``; and ``coverage_95``.
        """
        own = predictions[(predictions["track"] == BLIND) & (predictions["method"] == "pooled")]
        found = {"in_domain": scores.away(scores.cells(own))}
        found["unseen_suite"] = scores.away(scores.cells(self.widened(own, nested)))
        table = pd.concat(found, names=["posterior"]).reset_index(level=0)
        groups = table.groupby(["property", "posterior"], sort=False)
        return groups.agg(
            chi2=("chi2", "mean"), chi2_worst=("chi2", "max"),
            coverage_68=("coverage_68", "mean"), coverage_68_low=("coverage_68", "min"),
            coverage_68_high=("coverage_68", "max"), coverage_95=("coverage_95", "mean"),
        ).reset_index()  # fmt: skip

    def conformal(self, predictions):
        """Cover the suites that were left out by weighted conformal intervals.

        Their weights need the maps of the suite, so this isn't blind.

        Parameters
        ----------
        predictions : pandas.DataFrame
            From :meth:`predictions`: the pooled networks.

        Returns
        -------
        pandas.DataFrame
            A row for each suite left out and property: ``coverage_68`` and ``coverage_95``; and
            ``unbounded_68`` and ``unbounded_95``, the shares of halos whose interval is infinite,
            as hardly a calibration halo looks like them: it covers and says nothing.
        """
        own = predictions[(predictions["track"] == BLIND) & (predictions["method"] == "pooled")]
        rows = []
        for suite in self.left_out:
            training = self._training(self.sources(suite), "pooled", 0)
            tested = own[(own["left_out"] == suite) & (own["suite_test"] == suite)]
            tested = tested[(tested["seed"] == 0) & np.isfinite(tested["truth"])]
            known = self._tested([training], ("validation",))[0]
            known = known[known["suite_test"].isin(self.sources(suite))]
            known = known[np.isfinite(known["truth"])]
            described = self._described(training)
            for name, test in tested.groupby("property", sort=False):
                calibration = known[known["property"] == name]
                numbers = [described.loc[pd.MultiIndex.from_frame(one[list(HALO)])].to_numpy()
                           for one in (calibration, test)]  # fmt: skip
                weights = conformal.density_ratio(*numbers)
                score = [np.abs(one["mean"] - one["truth"]) / one["std"]
                         for one in (calibration, test)]  # fmt: skip
                row = {"left_out": suite, "property": name}
                for level in (ONE_SIGMA, 0.95):
                    width = conformal.half_widths(score[0], *weights, level)
                    row[f"coverage_{round(100 * level)}"] = (score[1] <= width).mean()
                    row[f"unbounded_{round(100 * level)}"] = np.isinf(width).mean()
                rows.append(row)
        return pd.DataFrame(rows)

    def _described(self, training):
        """Numbers of the maps of all halos (:func:`cgmhelpers.inference.distance.numbers`)."""
        tables = []
        for ds, images in self._images(training.path, self._stores(seen=True)):
            floors = prediction.load(training.path).scaling.floors
            halos = pd.MultiIndex.from_frame(samples.halo_table(ds)[list(HALO)])
            tables.append(pd.DataFrame(distance.numbers(images, floors), halos))
        return pd.concat(tables)

    def _images(self, folder, stores):
        """Maps of suites as a network sees them, along the line of sight of tests."""
        predictor = prediction.load(folder)
        for paths in stores.values():
            ds = samples.load(
                paths, predictor.fields, predictor.limits, predictor.size, predictor.pixel_size
            )
            images = ds["image"].sel(axis=EVALUATION_AXIS, field=list(predictor.fields))
            yield ds, images.values

    def trust(self, predictions):
        """Judge every test halo by :func:`cgmhelpers.inference.trusting.trust`.

        Parameters
        ----------
        predictions : pandas.DataFrame
            From :meth:`predictions`.

        Returns
        -------
        pandas.DataFrame
            A row for each halo and suite left out, by its pooled network: identifiers, left_out,
            ``kind`` (``"own"``, ``"left out"``, or a corruption of the own suites' maps), score,
            word, reason, and ``error``, the root mean square over the properties in units of
            their ranges (NaN for corrupted maps).
        """
        tables = []
        for suite in self.left_out:
            sources, stores = self.sources(suite), self._stores(seen=True)
            folder = self._training(sources, "pooled", 0).path
            trusting.calibrate_trust([one for name in sources for one in stores[name]], folder)
            own = predictions[
                (predictions["method"] == "pooled") & (predictions["track"] == BLIND)
                & (predictions["left_out"] == suite) & (predictions["seed"] == 0)
            ]  # fmt: skip
            error = (own["mean"] - own["truth"]) / own["property"].map(scores.RANGES)
            error = (error**2).groupby([own[name] for name in HALO]).mean() ** 0.5
            wanted = {name: stores[name] for name in (*sources, suite)}
            for name, (ds, images) in zip(wanted, self._images(folder, wanted), strict=True):
                halos = samples.halo_table(ds)[list(HALO)]
                tested = pd.MultiIndex.from_frame(halos).isin(error.index)
                halos, images = halos[tested].reset_index(drop=True), images[tested]
                kinds = {"left out" if name == suite else "own": images}
                if name != suite:
                    kinds |= corruption.corrupted(images)
                for kind, some in kinds.items():
                    table = halos.join(trusting.trust(folder, some)[["score", "word", "reason"]])
                    table = table.assign(left_out=suite, kind=kind, error=np.nan)
                    if some is images:
                        table["error"] = error.loc[pd.MultiIndex.from_frame(halos)].to_numpy()
                    tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def attributions(self, predictions, name="log_m_halo"):
        """Attribute an inference in the suites that were left out to pixels, network by network.

        Parameters
        ----------
        predictions : pandas.DataFrame
            From :meth:`predictions`.
        name : str
            Property.

        Returns
        -------
        dict of str to tuple
            Suite left out -> up to `LOOKED_AT` of its test halos (xarray.Dataset, with maps), and
            for each network, ``(method, suite_train)``, their
            :class:`cgmhelpers.inference.attribution.Attribution`: the single-suite networks and
            those of `kinds`, of the first seed.
        """
        found = {}
        for suite in self.left_out:
            sources = self.sources(suite)
            trainings = {(SINGLE, one): self._training((one,), "none", 0) for one in sources}
            trainings |= {
                (kind, "+".join(sources)): self._training(sources, kind, 0) for kind in self.kinds
            }
            paths = {key: one.path for key, one in trainings.items()}
            stores = {suite: self._stores(seen=True)[suite]}
            ((ds, images),) = self._images(next(iter(paths.values())), stores)
            tested = predictions[
                (predictions["left_out"] == suite) & (predictions["suite_test"] == suite)
            ]
            halos = pd.MultiIndex.from_frame(samples.halo_table(ds)[list(HALO)])
            own = np.flatnonzero(halos.isin(pd.MultiIndex.from_frame(tested[list(HALO)])))
            # In the order of their masses, so that all classes are among them.
            own = own[np.argsort(ds["log_mass"].values[own], kind="stable")]
            own = own[np.unique(np.linspace(0, len(own) - 1, LOOKED_AT).astype(int))]
            maps = ds.isel(halo=own).sel(axis=EVALUATION_AXIS)
            found[suite] = (
                maps,
                {
                    key: attribution.deep_lift(prediction.load(path), images[own], name)
                    for key, path in paths.items()
                },
            )
        return found

    def control(self, kind="mmd"):
        """Show a network an unlabelled target of a known suite with another mix of halos.

        The target are halos of the first source with the larger f_cgm of their mass. Its physics
        is that of the source, so its maps mean the same, and a method that grows worse here
        invents a bias where only the prior has changed.

        Parameters
        ----------
        kind : str
            A penalty that compares suites.

        Returns
        -------
        pandas.DataFrame
            Predictions for test halos of the control, of the pooled network (``method``
            ``"pooled"``) and of the one that saw the control.
        """
        sources = self.sources(self.left_out[-1])
        stores = self._stores()
        path = self.run.folder / "maps" / f"control_{sources[0]}_{sources[-1]}.zarr"
        ds = store.open(stores[sources[0]])
        resampled = ds.isel(halo=np.flatnonzero(gas_rich(ds)))
        source = store.stored_fingerprint(stores[sources[0]][0])
        store.write(resampled.assign_attrs(fingerprint=f"control of {source}").load(), path)
        shown = self._training(sources, kind, 0, target="control", control=path)
        trainings = [self._training(sources, "pooled", 0), shown]
        tables = self._tested(trainings)
        halos = samples.halo_table(resampled)[list(HALO)]
        return pd.concat([
            table.merge(halos).assign(method=method)
            for table, method in zip(tables, ("pooled", kind), strict=True)
        ])  # fmt: skip

    def tables(self):
        """Gather all results.

        Returns
        -------
        dict of str to pandas.DataFrame
            ``"blind"`` and ``"unlabelled_target"``, as from
            `cgmhelpers.statistics.left_out.summary`; ``"error_bars"``; ``"conformal"``;
            ``"trust"``, as from :func:`judged`; ``"classes"``, the blind track as from
            `cgmhelpers.statistics.left_out.by_class`; ``"looks"``, as from
            `cgmhelpers.statistics.left_out.looks`; and ``"control"``.
        """
        predictions, nested = self.predictions(), self.nested()
        control = self.control(self.shown[0]) if self.shown else None
        blind, shown = (predictions[predictions["track"] == track] for track in TRACKS)
        single = blind[blind["method"] == SINGLE].assign(track=SHOWN)
        found = {
            "blind": scores.summary(blind),
            "error_bars": self.error_bars(predictions, nested),
            "conformal": self.conformal(predictions),
            "trust": judged(self.trust(predictions)),
            "classes": scores.by_class(blind),
            "looks": scores.looks(looks(self.attributions(predictions))),
        }
        if self.shown:
            keys = ["method", "property"]
            found["unlabelled_target"] = scores.summary(pd.concat([single, shown]))
            found["control"] = metrics.biases(control, keys)[[*keys, "n", "median"]]
        return found

    def _training(self, sources, kind, seed, *, target=None, varied=False, control=None):
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

    def _stores(self, varied=False, seen=False):
        """Map stores of the run's own set, or of all others, by suite; as tested, if `seen`."""
        return self._of_set(self._maps[seen], varied)

    def _of_set(self, stores, varied):
        p = self.run.parameters
        own = [(volume, name) == (p.volume, p.set_name) for volume, name, _ in p.boxes]
        return {
            suite: [one for one, is_own in zip(some, own, strict=True) if is_own != varied]
            for suite, some in stores.items()
        }

    def _tested(self, trainings, parts=("test",)):
        run, stores = self.run, self._stores(seen=True)
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
        tables, stores = [], self._stores(seen=True)
        for left_out in self.left_out:
            folder = self._training(self.sources(left_out), "pooled", 0).path
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


def gas_rich(ds):
    """Mark the halos with more gas than others of their mass.

    Parameters
    ----------
    ds : xarray.Dataset
        A map store.

    Returns
    -------
    ndarray of bool, shape (halos,)
        Half of the halos: those above a straight line of f_cgm and log10 of the mass.
    """
    fraction = ds["properties"].sel(property="f_cgm").values
    mass, known = ds["log_mass"].values, np.isfinite(fraction)
    line = np.polynomial.Polynomial.fit(mass[known], fraction[known], 1)
    return np.where(known, fraction - line(mass) > 0, False)


def looks(attributions):
    """Compare where networks look, halo by halo.

    Parameters
    ----------
    attributions : dict
        From :meth:`LeavingOut.attributions`.

    Returns
    -------
    pandas.DataFrame
        A row for each halo and network: identifiers, left_out, method, suite_train; ``alike``, the
        mean over the (other) single-suite networks of
        :func:`cgmhelpers.inference.attribution.agreement`; and ``inner``, the share of the
        attribution within 200 kpc. NaN for maps without light, and for the one single-suite
        network where there are no others.
    """
    tables = []
    for suite, (ds, networks) in attributions.items():
        halos = samples.halo_table(ds)[list(HALO)]
        for key, own in networks.items():
            others = [one for name, one in networks.items() if name[0] == SINGLE and name != key]
            alike = [attribution.agreement(own, one) for one in others]
            inner = attribution.radial_profile(own, ds, [0, APERTURE]).sum(axis=(1, 2))
            tables.append(
                halos.assign(
                    left_out=suite, method=key[0], suite_train=key[1],
                    alike=np.mean(alike, axis=0) if alike else np.nan, inner=inner,
                )
            )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def judged(halos):
    """Sum up how well scores flag what should be flagged.

    Parameters
    ----------
    halos : pandas.DataFrame
        From :meth:`LeavingOut.trust`.

    Returns
    -------
    pandas.DataFrame
        A row for each suite left out and kind: ``n``, ``flagged`` and ``refused`` (shares), ``auc``
        (the chance that a halo of the kind has a lower score than one of the own suites), and the
        mean ``error`` of halos that are usable and of those that are flagged, with ``p``, the
        probability of Mann & Whitney's test that usable halos err less by chance alone.
    """
    rows = []
    for suite, own in halos.groupby("left_out", sort=False):
        known = own.loc[own["kind"] == "own", "score"]
        for kind, some in own.groupby("kind", sort=False):
            which = np.repeat([False, True], [len(known), len(some)])
            flagged = some["word"] != trusting.WORDS[0]
            errors = [some.loc[one, "error"].dropna() for one in (~flagged, flagged)]
            told = all(map(len, errors))
            rows.append({
                "left_out": suite, "kind": kind, "n": len(some), "flagged": flagged.mean(),
                "refused": (some["word"] == trusting.WORDS[2]).mean(),
                "auc": auc(-np.append(known, some["score"]), which) if kind != "own" else np.nan,
                "error_usable": errors[0].mean(), "error_flagged": errors[1].mean(),
                "p": stats.mannwhitneyu(*errors, alternative="less").pvalue if told else np.nan,
            })  # fmt: skip
    return pd.DataFrame(rows)
