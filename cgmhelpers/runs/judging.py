"""What networks of several suites are worth in the suite that was left out.

Error bars, trust, and the pixels that the networks look at, from the predictions of
`cgmhelpers.runs.leaving_out.LeavingOut`.
"""

import numpy as np
import pandas as pd
from scipy import stats

from cgmhelpers.halos.classes import HALO
from cgmhelpers.halos.measuring import APERTURE
from cgmhelpers.inference import attribution, distance, prediction, trusting, unseen
from cgmhelpers.maps import corruption
from cgmhelpers.maps.summaries import EVALUATION_AXIS
from cgmhelpers.network import samples
from cgmhelpers.runs import prior_shift
from cgmhelpers.runs.leaving_out import BLIND, SHOWN, TRACKS
from cgmhelpers.statistics import left_out as scores
from cgmhelpers.statistics import metrics
from cgmhelpers.statistics.conformal import density_ratio, half_widths
from cgmhelpers.statistics.left_out import SINGLE
from cgmhelpers.statistics.metrics import ONE_SIGMA
from cgmhelpers.statistics.reliability import auc

LOOKED_AT = 48
"""Test halos of each suite left out whose pixels are given their contributions."""


def widened(predictions, nested):
    """Give blind predictions the error bars for an unseen suite.

    Parameters
    ----------
    predictions, nested : pandas.DataFrame
        From ``LeavingOut.predictions`` and ``LeavingOut.nested``.

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


def error_bars(predictions, nested):
    """Compare error bars in the suites that were left out, for one kind of network.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``LeavingOut.predictions``: the blind, pooled networks.
    nested : pandas.DataFrame
        From ``LeavingOut.nested``.

    Returns
    -------
    pandas.DataFrame
        A row for each property and kind of error bars, ``in_domain`` and ``unseen_suite``:
        ``chi2`` and ``coverage_68``, means over the suites left out with ``chi2_worst``,
        ``coverage_68_low`` and ``coverage_68_high``; and ``coverage_95``.
    """
    own = predictions[(predictions["track"] == BLIND) & (predictions["method"] == "pooled")]
    found = {"in_domain": scores.away(scores.cells(own))}
    found["unseen_suite"] = scores.away(scores.cells(widened(own, nested)))
    table = pd.concat(found, names=["posterior"]).reset_index(level=0)
    groups = table.groupby(["property", "posterior"], sort=False)
    return groups.agg(
        chi2=("chi2", "mean"), chi2_worst=("chi2", "max"),
        coverage_68=("coverage_68", "mean"), coverage_68_low=("coverage_68", "min"),
        coverage_68_high=("coverage_68", "max"), coverage_95=("coverage_95", "mean"),
    ).reset_index()  # fmt: skip


def conformal(experiment, predictions):
    """Cover the suites that were left out by weighted conformal intervals.

    Their weights need the maps of the suite, so this isn't blind.

    Parameters
    ----------
    experiment : LeavingOut
        The experiment.
    predictions : pandas.DataFrame
        From ``LeavingOut.predictions``: the pooled networks.

    Returns
    -------
    pandas.DataFrame
        A row for each suite left out and property: ``coverage_68`` and ``coverage_95``; and
        ``unbounded_68`` and ``unbounded_95``, the shares of halos whose interval is infinite,
        as hardly a calibration halo looks like them: it covers and says nothing.
    """
    own = predictions[(predictions["track"] == BLIND) & (predictions["method"] == "pooled")]
    rows = []
    for suite in experiment.left_out:
        training = experiment.training(experiment.sources(suite), "pooled", 0)
        tested = own[(own["left_out"] == suite) & (own["suite_test"] == suite)]
        tested = tested[(tested["seed"] == 0) & np.isfinite(tested["truth"])]
        known = experiment.tested([training], ("validation",))[0]
        known = known[known["suite_test"].isin(experiment.sources(suite))]
        known = known[np.isfinite(known["truth"])]
        described = _described(experiment, training)
        for name, test in tested.groupby("property", sort=False):
            calibration = known[known["property"] == name]
            numbers = [described.loc[pd.MultiIndex.from_frame(one[list(HALO)])].to_numpy()
                       for one in (calibration, test)]  # fmt: skip
            weights = density_ratio(*numbers)
            score = [np.abs(one["mean"] - one["truth"]) / one["std"]
                     for one in (calibration, test)]  # fmt: skip
            row = {"left_out": suite, "property": name}
            for level in (ONE_SIGMA, 0.95):
                width = half_widths(score[0], *weights, level)
                row[f"coverage_{round(100 * level)}"] = (score[1] <= width).mean()
                row[f"unbounded_{round(100 * level)}"] = np.isinf(width).mean()
            rows.append(row)
    return pd.DataFrame(rows)


def trust(experiment, predictions):
    """Judge every test halo by :func:`cgmhelpers.inference.trusting.trust`.

    Parameters
    ----------
    experiment : LeavingOut
        The experiment.
    predictions : pandas.DataFrame
        From ``LeavingOut.predictions``.

    Returns
    -------
    pandas.DataFrame
        A row for each halo and suite left out, by its pooled network: identifiers, left_out,
        ``kind`` (``"own"``, ``"left out"``, or a corruption of the own suites' maps), score,
        word, reason, and ``error``, the root mean square over the properties in units of
        their ranges (NaN for corrupted maps).
    """
    tables = []
    for suite in experiment.left_out:
        sources, stores = experiment.sources(suite), experiment.stores(seen=True)
        folder = experiment.training(sources, "pooled", 0).path
        trusting.calibrate_trust([one for name in sources for one in stores[name]], folder)
        own = predictions[
            (predictions["method"] == "pooled") & (predictions["track"] == BLIND)
            & (predictions["left_out"] == suite) & (predictions["seed"] == 0)
        ]  # fmt: skip
        error = (own["mean"] - own["truth"]) / own["property"].map(scores.RANGES)
        error = (error**2).groupby([own[name] for name in HALO]).mean() ** 0.5
        wanted = {name: stores[name] for name in (*sources, suite)}
        for name, (ds, images) in zip(wanted, _images(folder, wanted), strict=True):
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


def judged(halos):
    """Sum up how well scores flag what should be flagged.

    Parameters
    ----------
    halos : pandas.DataFrame
        From :func:`trust`.

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


def attributions(experiment, predictions, name="log_m_halo"):
    """Attribute an inference in the suites that were left out to pixels, network by network.

    Parameters
    ----------
    experiment : LeavingOut
        The experiment.
    predictions : pandas.DataFrame
        From ``LeavingOut.predictions``.
    name : str
        Property.

    Returns
    -------
    dict of str to tuple
        Suite left out -> up to `LOOKED_AT` of its test halos (xarray.Dataset, with maps), and
        for each network, ``(method, suite_train)``, their
        :class:`cgmhelpers.inference.attribution.Attribution`: the single-suite networks and
        those of the experiment's kinds, of the first seed.
    """
    found = {}
    for suite in experiment.left_out:
        sources = experiment.sources(suite)
        trainings = {(SINGLE, one): experiment.training((one,), "none", 0) for one in sources}
        trainings |= {
            (kind, "+".join(sources)): experiment.training(sources, kind, 0)
            for kind in experiment.kinds
        }
        paths = {key: one.path for key, one in trainings.items()}
        stores = {suite: experiment.stores(seen=True)[suite]}
        ((ds, images),) = _images(next(iter(paths.values())), stores)
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


def looks(attributions):
    """Compare where networks look, halo by halo.

    Parameters
    ----------
    attributions : dict
        From :func:`attributions`.

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


def tables(experiment):
    """Gather all results.

    Parameters
    ----------
    experiment : LeavingOut
        Makes what it lacks.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``"blind"`` and ``"unlabelled_target"``, as from
        `cgmhelpers.statistics.left_out.summary`; ``"error_bars"``; ``"conformal"``;
        ``"trust"``, as from :func:`judged`; ``"classes"``, the blind track as from
        `cgmhelpers.statistics.left_out.by_class`; ``"looks"``, as from
        `cgmhelpers.statistics.left_out.looks`; and ``"control"``.
    """
    predictions, nested = experiment.predictions(), experiment.nested()
    control = prior_shift.control(experiment, experiment.shown[0]) if experiment.shown else None
    blind, shown = (predictions[predictions["track"] == track] for track in TRACKS)
    single = blind[blind["method"] == SINGLE].assign(track=SHOWN)
    found = {
        "blind": scores.summary(blind),
        "error_bars": error_bars(predictions, nested),
        "conformal": conformal(experiment, predictions),
        "trust": judged(trust(experiment, predictions)),
        "classes": scores.by_class(blind),
        "looks": scores.looks(looks(attributions(experiment, predictions))),
    }
    if experiment.shown:
        keys = ["method", "property"]
        found["unlabelled_target"] = scores.summary(pd.concat([single, shown]))
        found["control"] = metrics.biases(control, keys)[[*keys, "n", "median"]]
    return found


def _described(experiment, training):
    """Numbers of the maps of all halos (:func:`cgmhelpers.inference.distance.numbers`)."""
    tables = []
    for ds, images in _images(training.path, experiment.stores(seen=True)):
        floors = prediction.load(training.path).scaling.floors
        halos = pd.MultiIndex.from_frame(samples.halo_table(ds)[list(HALO)])
        tables.append(pd.DataFrame(distance.numbers(images, floors), halos))
    return pd.concat(tables)


def _images(folder, stores):
    """Maps of suites as a network sees them, along the line of sight of tests."""
    predictor = prediction.load(folder)
    for paths in stores.values():
        ds = samples.load(
            paths, predictor.fields, predictor.limits, predictor.size, predictor.pixel_size
        )
        images = ds["image"].sel(axis=EVALUATION_AXIS, field=list(predictor.fields))
        yield ds, images.values
