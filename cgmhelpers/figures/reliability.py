"""Figures of ensembles: whether the disagreement of their members tells errors."""

import matplotlib.pyplot as plt
import numpy as np

from cgmhelpers.figures.style import note_source, styled, suite_colour, suite_marker, suite_name

FLAGS = {"epistemic": "members' disagreement", "aleatoric": "their own widths"}


@styled
def disagreement(halos, source=None):
    """Draw the error of each halo against the members' disagreement.

    Parameters
    ----------
    halos : pandas.DataFrame
        From :func:`cgmhelpers.statistics.reliability.per_halo`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each suite of the training; colours and markers are the suites of the test,
        small symbols their halos and large ones their medians. Root mean squares over the
        properties, in units of their ranges.
    """
    trained = list(dict.fromkeys(halos["suite_train"]))
    figure, axes = plt.subplots(
        1, len(trained), figsize=(2.9 * len(trained) + 0.4, 3.3), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    suites = list(dict.fromkeys(halos["suite"]))
    for axis, suite_train in zip(axes[0], trained, strict=True):
        for suite in suites:
            own = halos[(halos["suite_train"] == suite_train) & (halos["suite"] == suite)]
            look = {"color": suite_colour(suite), "marker": suite_marker(suite)}
            axis.scatter(own["epistemic"], own["error"], s=5, alpha=0.3, linewidth=0, **look)
            middle = own[["epistemic", "error"]].median()
            axis.scatter(*middle, s=75, edgecolor="k", linewidth=1.2, zorder=3, **look)
        axis.set_title(f"trained on {suite_name(suite_train)}")
        axis.set_xlabel("epistemic deviation")
    axes[0, 0].set_ylabel("error of the mean")
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_yscale("log")
    key = [
        plt.Line2D(
            [], [], ls="none", color=suite_colour(one), marker=suite_marker(one), mec="k", ms=8,
            label=f"tested on {suite_name(one)}",
        )
        for one in suites
    ]  # fmt: skip
    figure.legend(handles=key, loc="outside lower center", ncols=len(key))
    return note_source(figure, source)


@styled
def reliability_flags(table, source=None):
    """Draw how well each part of the variance flags halos with large errors.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`cgmhelpers.statistics.reliability.areas`.
    source : str, optional
        Name of the data, written on the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each task: the area under the curve with its 95% interval; 0.5 is no use.
    """
    tasks, suites, flags = (
        list(dict.fromkeys(table[key])) for key in ("task", "suite_train", "flag")
    )
    names = {"unfamiliar": "halos of other suites", "large error": "halos with large errors"}
    figure, axes = plt.subplots(1, len(tasks), figsize=(3.3 * len(tasks) + 0.6, 3), sharey=True)
    for axis, task in zip(np.atleast_1d(axes), tasks, strict=True):
        for shift, flag in zip((-0.12, 0.12), flags, strict=True):
            own = table[(table["task"] == task) & (table["flag"] == flag)]
            for place, row in zip(range(len(suites)), own.itertuples(), strict=True):
                axis.errorbar(
                    place + shift, row.auc, [[row.auc - row.low], [row.high - row.auc]],
                    fmt=suite_marker(row.suite_train), color=suite_colour(row.suite_train),
                    mfc=suite_colour(row.suite_train) if flag == "epistemic" else "w",
                    ms=6, capsize=2, lw=1.4,
                )  # fmt: skip
        axis.axhline(0.5, color="k", lw=1, ls=":")
        axis.set_title(names.get(task, task))
        axis.set_xticks(range(len(suites)), list(map(suite_name, suites)))
        axis.set_xlim(-0.5, len(suites) - 0.5)
    np.atleast_1d(axes)[0].set_ylabel("area under the curve")
    key = [
        plt.Line2D([], [], ls="none", marker="o", color="0.3", ms=6,
                   mfc="0.3" if flag == "epistemic" else "w", label=FLAGS[flag])
        for flag in flags
    ]  # fmt: skip
    figure.legend(handles=key, loc="outside lower center", ncols=len(key))
    return note_source(figure, source)
