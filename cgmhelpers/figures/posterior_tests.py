"""Figures of the tests of joint posteriors, and of their scores."""

import matplotlib.pyplot as plt
import numpy as np

from cgmhelpers.figures.style import (
    note_source,
    property_named,
    styled,
    suite_colour,
    suite_marker,
    suite_name,
)
from cgmhelpers.statistics.coverage import allowed
from cgmhelpers.statistics.posterior_tests import ranks


@styled
def coverage_tests(tests, source=None):
    """Draw the expected coverage with random points of each test.

    Parameters
    ----------
    tests : dict of tuple to ExpectedCoverage
        (suite, references) -> from :func:`cgmhelpers.statistics.posterior_tests.expected_coverage`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A column for each suite, a row for each kind of reference points: coverage minus level.
        Grey: the band of 95% of calibrated posteriors, at each level.
    """
    suites, kinds = (list(dict.fromkeys(key[part] for key in tests)) for part in (0, 1))
    figure, axes = plt.subplots(
        len(kinds), len(suites), figsize=(2.7 * len(suites) + 0.5, 2.3 * len(kinds) + 0.2),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for (suite, kind), found in tests.items():
        axis, table = axes[kinds.index(kind), suites.index(suite)], found.table
        level = table["level"]
        axis.fill_between(level, table["low"] - level, table["high"] - level, color="0.85", lw=0)
        axis.axhline(0, color="k", lw=1)
        axis.plot(level, table["coverage"] - level, color=suite_colour(suite))
        axis.annotate(f"$p$ = {found.p_value:.2g}", (0.05, 0.06), xycoords="axes fraction", size=9)
    for axis, suite in zip(axes[0], suites, strict=True):
        axis.set_title(suite_name(suite))
    for row, kind in zip(axes, kinds, strict=True):
        row[0].set_ylabel(f"points of the {kind}\ncoverage − level")
    for axis in axes[-1]:
        axis.set_xlabel("level")
    return note_source(figure, source)


@styled
def rank_histograms(inferred, bins=10, source=None):
    """Draw histograms of the ranks of truths among the posterior samples of each property.

    Parameters
    ----------
    inferred : dict of str to xarray.Dataset
        Suite -> from :func:`cgmhelpers.inference.posterior.joint.infer`.
    bins : int
        Bins of each histogram.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each suite, a column for each property; flat if calibrated. Grey: the band of
        95% of the bins of calibrated posteriors.
    """
    suites, first = list(inferred), next(iter(inferred.values()))
    names = [str(name) for name in first["property"].values]
    figure, axes = plt.subplots(
        len(suites), len(names), figsize=(1.6 * len(names) + 0.4, 1.6 * len(suites) + 0.4),
        sharex=True, sharey="row", squeeze=False,
    )  # fmt: skip
    for row, suite in zip(axes, suites, strict=True):
        found = ranks(inferred[suite]["samples"].values, inferred[suite]["truth"].values)
        expected = len(found) / bins
        band = np.multiply(allowed(len(found), 1 / bins), len(found))
        for axis, one in zip(row, found.T, strict=True):
            axis.axhspan(*band, color="0.85", lw=0)
            axis.axhline(expected, color="k", lw=1)
            axis.hist(
                one, bins=bins, range=(0, 1), histtype="step", lw=1.6, color=suite_colour(suite)
            )
            axis.set_xlim(0, 1)
            axis.set_xticks([0, 0.5], ["0", "0.5"])
        row[0].set_ylim(0, 2.6 * expected)
        row[0].set_ylabel(f"{suite_name(suite)}\nhalos")
    for axis, name in zip(axes[0], names, strict=True):
        axis.set_title(property_named(name).label)
    figure.supxlabel("share of samples below the truth", size=9.5)
    return note_source(figure, source)


@styled
def score_gains(scores, source=None):
    """Draw the gain in CRPS of the flow over the moment network.

    Parameters
    ----------
    scores : dict of str to pandas.DataFrame
        Suite -> from :func:`cgmhelpers.statistics.scores.compare`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Share of each property's CRPS that the flow saves, with 95% intervals over halos; the flow
        is better right of zero.
    """
    figure, axis = plt.subplots(figsize=(5.6, 3.4))
    for number, (suite, table) in enumerate(scores.items()):
        own = table[table["property"] != "joint"]
        place = -np.arange(len(own)) + 0.2 * ((len(scores) - 1) / 2 - number)
        bars = np.abs(own[["low", "high"]].to_numpy().T - own["gain"].to_numpy())
        axis.errorbar(
            100 * own["gain"], place, xerr=100 * bars, fmt=suite_marker(suite), ms=5, capsize=2,
            lw=1.4, color=suite_colour(suite), label=suite_name(suite),
        )  # fmt: skip
    axis.axvline(0, color="k", lw=1)
    axis.set_yticks(-np.arange(len(own)), [property_named(one).label for one in own["property"]])
    axis.set_xlabel("CRPS saved by the flow [%]")
    figure.legend(loc="outside lower center", ncols=len(scores))
    return note_source(figure, source)
