# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 8. Beyond moments
#
# **What is the shape of the joint posterior, and how much of the uncertainty comes from the training?**
#
# In this notebook we ask two questions that a moment network leaves open: the *shape* of the joint posterior of all six properties, and the part of the uncertainty that comes from the *training* and not from
# the map. A normalising flow answers the first, an ensemble of networks the second. Both are tested on halos that they have never seen.
#
# You need the moment network of [chapter 4](04_cnn.ipynb). No other chapter needs this one.

# %% tags=["parameters"]
profile = "quick"
run = ...
suites = ...
realisations = ...
fields = ...
limits = ...
epochs = ...
seed = ...
members = ...
posterior_steps = ...

# %%
from cgmhelpers.runs import start

this_run = start(globals())
print(this_run.source)

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown

from cgmhelpers import figures, inference, maps, statistics
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.inference.posterior import HISTORY

pd.set_option("display.precision", 3)

# %% [markdown]
# ## A flow behind the network
#
# The moment network reduces a map to twelve numbers, a mean and a width for each property. A **normalising flow** takes them as its condition and transforms six independent normal distributions into the distribution of the true properties of halos
# with such numbers ({cite:t}`Durkan2019`). The network itself doesn't change. The flow is trained on the network's training halos to give their
# true properties the highest density ({cite:t}`Papamakarios2016`), keeps the weights that are best for validation halos, and takes its overall width from them.
#
# It is trained for all fields of this run together with its last limits, as are the ensembles below:

# %% mystnb={"figure": {"name": "fig-flow-training", "caption": "Training of the flows, one for each suite: the negative log density of the true properties, in standardised units. Dots: the kept weights."}}
both, limit = (
    this_run.parameters.field_sets[-1],
    this_run.parameters.limits[-1],
)
folders, stores = this_run.posteriors(), this_run.maps(limit)
note = (
    f"{this_run.source}; {figures.field_names('+'.join(both))}, "
    f"{figures.limit_name(limit)}"
)
histories = {
    suite: pd.read_csv(folder / HISTORY)
    for suite, folder in folders.items()
}
figure = figures.flow_training(histories, source=note)
kept = pd.DataFrame(
    [
        (suite, one["validation_loss"].min())
        for suite, one in histories.items()
    ],
    columns=["suite", "loss"],
)
figures.caption(
    "Lowest validation loss in this run: "
    + figures.ends(kept, "loss", ["suite"], this_run.source)
    + "."
)

# %% [markdown]
# The next cell draws samples for every test halo, beside the moment network's inference for the same halos:

# %%
inferred = {
    suite: inference.infer(folder, stores[suite], number=300)
    for suite, folder in folders.items()
}
moments = {
    suite: inference.predict(folder, stores[suite])
    for suite, folder in folders.items()
}
for suite, one in inferred.items():
    print(
        f"{figures.suite_name(suite, this_run.source)}: "
        f"{one.sizes['halo']} test halos, {one.sizes['draw']} samples each"
    )

# %% [markdown]
# ## One halo
#
# The figure shows the test halo with the mass closest to $10^{12.3}\,\mathrm{M}_\odot$ in the first suite. A tilted region means correlated errors: whoever learns one of the properties knows more about the other. The
# lines of the moment network can't be tilted.

# %% tags=["cover"] mystnb={"figure": {"name": "fig-corner", "caption": "Joint posterior of one test halo: 68% and 95% regions of the flow (filled) and of the moment network taken as normal (lines), and the truth."}}
suite, one = next(iter(inferred.items()))
index = int(abs(one["log_mass"].values - 12.3).argmin())
halo = one.isel(halo=index)
of_halo = (
    moments[suite]
    .query(
        f"realisation == {int(halo['realisation'])} and group == "
        f"{int(halo['group'])}"
    )
    .set_index("property")
)
figure = figures.corner(
    halo["samples"],
    *(
        of_halo.loc[list(NAMES), name].to_numpy()
        for name in ("truth", "mean", "std")
    ),
    NAMES,
    title=f"{figures.suite_name(suite, note)}, "
    f"realisation {int(halo['realisation'])}, group {int(halo['group'])}",
    source=note,
)
inside = (of_halo["mean"] - of_halo["truth"]).abs() < of_halo["std"]
figures.caption(
    f"The moment network holds {inside.sum()} of {len(inside)} truths of "
    "this halo within one standard deviation."
)

# %% [markdown]
# ## Is it calibrated?
#
# One halo proves nothing. An exact posterior passes two tests over many halos:
#
# - **Expected coverage with random points** (TARP, {cite:t}`Lemos2023`) tests all properties at once. Choose a point independently of the truth, and count the share of the samples that are closer to it than the truth. Over halos, these shares must
#   be uniform. The points are samples of any halos, as in the paper, or of the halo itself, which reveals wrong correlations better.
# - **Ranks** (simulation-based calibration, {cite:t}`Talts2018`) test the properties one by one: the share of samples below the truth must be uniform.

# %% mystnb={"figure": {"name": "fig-tarp", "caption": "Expected coverage with random points: difference from the ideal, by level. Grey: 95% of calibrated posteriors. The p value is the chance of a calibrated posterior to deviate as much anywhere."}}
tests = {
    (suite, references): statistics.expected_coverage(
        one["samples"].values, one["truth"].values, references
    )
    for references in statistics.REFERENCES
    for suite, one in inferred.items()
}
figure = figures.coverage_tests(tests, source=note)
lowest = min(one.p_value for one in tests.values())
figures.caption(f"The lowest p value of this run is {lowest:.2g}.")

# %% mystnb={"figure": {"name": "fig-ranks", "caption": "Ranks of the truth among the samples: flat if calibrated; a slope is a bias, a valley a posterior that is too narrow, a hill one that is too wide. Grey: 95% of the bins of calibrated posteriors."}}
figure = figures.rank_histograms(inferred, source=note)
rank_tests = pd.concat(
    [
        statistics.rank_tests(
            one["samples"].values, one["truth"].values, NAMES
        ).assign(suite=suite)
        for suite, one in inferred.items()
    ]
)
figures.caption(
    "Mean rank in this run, 0.5 if the posterior has no bias: "
    + figures.ends(
        rank_tests, "mean", ["property", "suite"], this_run.source
    )
    + "."
)

# %% [markdown]
# Some of many tests fail by chance, so p values are adjusted for the number of tests (Holm): a posterior with a value below 0.05 deviates significantly. Several values of one kind just above it are a hint, too.

# %%
verdict = pd.DataFrame(
    [
        (*key, found.deviation, found.p_value)
        for key, found in tests.items()
    ],
    columns=["suite", "points of the", "largest deviation", "p value"],
)
verdict["adjusted"] = statistics.holm(verdict["p value"])
wrong = verdict[verdict["adjusted"] < 0.05]
print(
    f"expected coverage: {len(wrong)} of {len(verdict)} tests find a "
    "significant deviation"
)
figures.tabulate(verdict, "Expected coverage, tested", this_run.source)

# %%
rank_tests["p_adjusted"] = statistics.holm(rank_tests["p_value"])
wrong = rank_tests[rank_tests["p_adjusted"] < 0.05]
print(
    f"ranks: {len(wrong)} of {len(rank_tests)} tests find a significant "
    "deviation"
)
figures.tabulate(
    rank_tests[
        ["suite", "property", "mean", "spread", "p_value", "p_adjusted"]
    ]
    .sort_values(["p_adjusted", "p_value"])
    .head(6)
    .reset_index(drop=True),
    "The six worst ranks",
    this_run.source,
)

# %% [markdown]
# The mean rank is below 1/2 if the flow infers too high values; a spread above 1 means that it is too narrow.
#
# ## Is it better?
#
# A calibrated posterior can still be useless: the distribution of all halos passes every test above. So we score both with the **continuous ranked probability score** ({cite:t}`GneitingRaftery2007`), the distance between posterior and truth, which
# rewards sharpness and punishes false confidence. The moment network counts as a normal distribution with its recalibrated width.

# %% mystnb={"figure": {"name": "fig-crps", "caption": "Share of the continuous ranked probability score that the flow saves, with 95% intervals from resampled halos. Right of zero the flow is better."}}
scores = {
    suite: statistics.compare(one, moments[suite])
    for suite, one in inferred.items()
}
figure = figures.score_gains(scores, source=note)
gains = pd.concat(scores, names=["suite"]).reset_index("suite")
gains = gains[gains["property"] != "joint"]
percent = gains.assign(gain=100 * gains["gain"])
figures.caption(
    "The flow saves, in percent, "
    + figures.ends(
        percent, "gain", ["property", "suite"], this_run.source, 1
    )
    + "."
)

# %%
table = pd.concat(scores, names=["suite"]).reset_index("suite")
single_cases, joint = (
    table[table["property"] != "joint"],
    table[table["property"] == "joint"],
)
single = single_cases
better, worse = single[single["low"] > 0], single[single["high"] < 0]
print(
    f"the flow beats the moment network in {len(better)} of {len(single)} "
    f"cases, and loses in {len(worse)}"
)
figures.tabulate(
    joint[
        ["suite", "n", "moments", "flow", "gain", "low", "high"]
    ].reset_index(drop=True),
    "All six properties together [nats]",
    this_run.source,
)

# %% [markdown]
# The last table is about all six properties together: the mean negative logarithm of the density at the truth, in the units of the properties, and the gain of the flow in nats. One nat is a factor of 2.7 in the density. Most of
# the gain is the correlation of properties, some of which nearly follow from others (gas mass, gas fraction and halo mass): the moment network takes them as independent.
#
# ## Correlated errors
#
# Correlations *within* the posterior of a halo, averaged over halos. They differ from those of the population: both networks know that heavier halos have more gas, and these correlations are what remains uncertain.

# %% mystnb={"figure": {"name": "fig-correlations", "caption": "Mean correlation of the properties within the posteriors of test halos."}}
matrices = {
    suite: statistics.correlations(one["samples"].values)
    for suite, one in inferred.items()
}
figure = figures.correlation_matrices(matrices, NAMES, source=note)
pairs = pd.DataFrame(
    [
        (suite, f"{NAMES[a]} and {NAMES[b]}", matrix[a, b])
        for suite, matrix in matrices.items()
        for a in range(len(NAMES))
        for b in range(a)
    ],
    columns=["suite", "pair", "r"],
)
figures.caption(
    "Correlations of this run go "
    + figures.ends(pairs, "r", ["pair", "suite"], this_run.source)
    + "."
)

# %% [markdown]
# ## Several networks
#
# Flow and moment network have a common blind spot: they know only halos like those of their training. An **ensemble** may notice others. Its members have the same training halos and settings, but different random numbers. The
# variance of their mixture has two parts ({cite:t}`Lakshminarayanan2017`, {cite:t}`Kendall2017`):
#
# $$
# \sigma^2=\underbrace{\langle\sigma_k^2\rangle}_{\text{aleatoric: what the map leaves open}}+\underbrace{\langle(\mu_k-\bar\mu)^2\rangle}_{\text{epistemic: what the training leaves open}}
# $$
#
# Their medians over test halos, per property, in the suite of the training ("own") and in the others ("elsewhere"):

# %%
together = this_run.ensembles()
where = (
    together["suite_train"]
    .eq(together["suite_test"])
    .map({True: "own", False: "elsewhere"})
)
parts = together.groupby(["property", where.rename("suite")])[
    ["std_aleatoric", "std_epistemic"]
]
print(f"{this_run.parameters.members} members, {note}")
figures.tabulate(
    parts.median().unstack("suite").loc[list(NAMES)],
    "Median standard deviations, own suite and elsewhere",
    this_run.source,
)

# %% [markdown]
# Several networks may be better than one. RMSE of the single network and of the ensemble's mean, and coverage of $\mu\pm\sigma$, in the suite of the training:

# %%
own = together[where == "own"]
single = pd.concat(moments.values())
against = pd.concat(
    {
        name: statistics.summarise(rows, ["property"]).set_index(
            "property"
        )[["rmse", "coverage"]]
        for name, rows in (("one network", single), ("ensemble", own))
    },
    axis=1,
)
figures.tabulate(against, "One network and several", this_run.source)

# %% [markdown]
# ## A flag for unfamiliar halos
#
# The figure compares the error of the ensemble for each halo with the epistemic deviation, which needs no truth; both are over all properties in units of their ranges.

# %% mystnb={"figure": {"name": "fig-disagreement", "caption": "Error of the ensemble's mean against the disagreement of its members; large symbols are medians. Both are root mean squares over the properties, in units of their ranges."}}
halos = statistics.per_halo(together)
figure = figures.disagreement(halos, source=note)
figures.caption(
    "Rank correlation of error and disagreement in this run: "
    f"{halos['error'].corr(halos['epistemic'], method='spearman'):.2f}."
)

# %% [markdown]
# A flag has two tasks: to mark halos of another suite, and to mark halos with a large error (larger than nine in ten familiar halos have). The area under the curve is the chance that a halo of that kind has a higher flag than another halo:
# 0.5 is of no use, 1 is perfect. The widths of the members serve as a second flag.

# %% mystnb={"figure": {"name": "fig-flags", "caption": "Disagreement of the members (filled) and their own widths (open) as flags of halos of other suites, and of halos with large errors; 95% intervals from resampled halos."}}
flags = statistics.areas(halos)
figure = figures.reliability_flags(flags, source=note)
figures.caption(
    "Areas in this run: "
    + figures.ends(
        flags, "auc", ["task", "flag", "suite_train"], this_run.source
    )
    + "."
)

# %%
mean = flags.groupby(["task", "flag"])["auc"].mean().unstack("flag")
epistemic = flags[flags["flag"] == "epistemic"]
useful = (epistemic["low"] > 0.5).groupby(epistemic["task"]).sum()
for task, number in useful.items():
    print(
        f"{task}: disagreement tells in {number} of "
        f"{halos['suite_train'].nunique()} suites"
    )
figures.tabulate(mean, "Mean area under the curve", this_run.source)

# %% [markdown]
# If areas are near 0.5, halos of other suites don't *look* unfamiliar: with this run's limits their maps could be maps of other halos of the suite of the training, and no flag from maps can mark them. Maps that no
# suite contains are different. Here the same test halos are brighter wherever they are above the limits; the table has the chance that the members disagree more about the brighter map of a halo than about the true map of another:

# %%
brighter = {}
for suite, folder in folders.items():
    team = [folder, *sorted(folder.parent.glob(f"{folder.name}_member*"))]
    network = inference.load(folder)
    _, images = inference.halos_of(
        network, folder, stores[suite], ["test"], [maps.EVALUATION_AXIS]
    )
    floor = np.reshape(network.scaling.floors, (-1, 1, 1))
    above = np.maximum(
        images[:, 0] - floor, 0
    )  # what is below the limits stays there
    light = np.isin(network.fields, both)[:, None, None]
    maps_of = {
        factor: inference.epistemic(
            team, floor + np.where(light, factor, 1) * above
        )
        for factor in (1, 10, 100)
    }
    for factor, other in list(maps_of.items())[1:]:
        doubt = np.concatenate([maps_of[1], other])
        brighter[suite, factor] = statistics.auc(
            doubt, np.arange(len(doubt)) >= len(other)
        )
figures.tabulate(
    pd.Series(brighter)
    .unstack()
    .rename_axis(index="suite", columns="times as bright"),
    "Chance that a brighter map makes the members disagree more",
    this_run.source,
)

# %% [markdown]
# In practice a flag needs a threshold, such as the value that 95% of the familiar halos don't exceed. Share of flagged halos, and median error with and without the flag:

# %%
flagged = statistics.flag(halos)
by = flagged.groupby(["suite_train", "familiar"])
share = by["flagged"].mean().rename("share flagged")
error = (
    flagged.groupby(["suite_train", "familiar", "flagged"])["error"]
    .median()
    .unstack("flagged")
)
error.columns = [
    {True: "error, flagged", False: "error, not flagged"}[one]
    for one in error
]
figures.tabulate(
    pd.concat([share, error], axis=1),
    "Flagged halos",
    this_run.source,
    percent=["share flagged"],
)

# %% [markdown]
# ## What this run found

# %%
Markdown(
    f"- {(verdict['adjusted'] < 0.05).sum()} of {len(verdict)} tests of "
    f"the joint posterior and {len(wrong)} of {len(rank_tests)} of single "
    "properties find a significant deviation.\n"
    f"- The flow scores better than the moment network in {len(better)} "
    f"of {len(single_cases)} cases and worse in {len(worse)}; for all "
    f"properties together it gains {joint['gain'].median():.2f} nats in "
    "the median.\n"
    "- Areas under the curve of the members' disagreement (0.5 is no "
    "information): "
    f"{mean.loc['unfamiliar', 'epistemic']:.2f} for halos of other "
    f"suites, {mean.loc['large error', 'epistemic']:.2f} for halos with "
    "large errors."
)

# %% [markdown]
# - A flow turns the network's twelve numbers into a joint posterior in seconds: shapes, correlations, and fractions that stay between 0 and 1. The tests show whether to believe it.
# - Calibration within a suite says nothing about another. The disagreement of an ensemble may warn of maps unlike all of its training, without any truth. It doesn't detect halos of another
#   galaxy-formation model whose maps look familiar: all members agree, and are wrong alike.
#
# ## Exercise
#
# Add members to the ensemble (`-p members 3`, for the smoke profile). Which of the two parts of the variance changes, and which one can't?
#
# <details><summary>Answer</summary>
#
# The epistemic part is estimated from more members and becomes steadier. The aleatoric part is a mean over members of what the map leaves open; more members measure it better but don't reduce it. Only better maps do.
#
# </details>
