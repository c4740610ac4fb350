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
# # 7. Are the error bars honest?
#
# **When a network says ±0.2 dex, do two thirds of the truths lie within?**
#
# In this notebook we test the error bars of the networks on halos that they have never seen: coverage in every class of halos, $\chi^2$, and whole posteriors. Then we ask
# which inferences not to trust at all.
#
# You need $\mu$ and $\sigma$ of [chapter 4](04_cnn.ipynb) and the metrics of [chapter 6](06_accuracy.ipynb).

# %% tags=["parameters"]
profile = "quick"
run = ...
suites = ...
realisations = ...
fields = ...
limits = ...
epochs = ...
seed = ...

# %%
from cgmhelpers.runs import start

this_run = start(globals())
print(this_run.source)

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from cgmhelpers import figures, network, paper, statistics

pd.set_option("display.precision", 3)

# %%
predictions = this_run.predictions()
same = predictions[predictions["suite_train"] == predictions["suite_test"]]
both = max(same["fields"].unique(), key=len)
last = this_run.parameters.limits[-1]
chosen = same[(same["fields"] == both) & (same["limits"] == last)]
note = (
    f"{this_run.source}; {figures.field_names(both)}, "
    f"{figures.limit_name(last)}"
)

# %% [markdown]
# ## Own widths and recalibrated ones
#
# The truth should lie within $\mu\pm\sigma$ in 68.3% of the halos, if posteriors are Gaussian. But the loss of a moment network hardly notices a $\sigma$ that is too small, so its claims need a test.
#
# The paper quotes three coverages of the halo mass from ideal maps. The paper's networks weren't recalibrated, so on CAMELS the column to compare with them is that of the networks' *own* widths. Numbers of a mock suite needn't agree with them:

# %%
figures.tabulate(
    paper.table_coverage(same).rename(columns={"paper": "paper (CAMELS)"}),
    "Coverage of one standard deviation, halo mass, ideal maps",
    this_run.source,
)

# %% [markdown]
# Each network is **recalibrated** after training. Its *validation* halos, seen from three sides, give two numbers per property, a floor $f$ and a scale $s$:
#
# $$ \sigma'^2 = s^2\left(\sigma^2+f^2\right) . $$
#
# The floor maximises the likelihood of the validation halos, and the scale makes $\mu\pm\sigma'$ hold 68.3% of them ({mod}`cgmhelpers.network.calibration` explains both). Each halo class has its own scale, which is closer to the common one the fewer validation halos the class has;
# classes are those of the *inferred* mass, since the true mass of an observed halo isn't known. Test halos take no part. The column `std` of the table is $\sigma'$, which the chapter on accuracy used.

# %%
in_classes = statistics.coverages(
    chosen,
    ["halo_class", "suite_test", "property"],
    [statistics.ONE_SIGMA],
)
counts = in_classes.groupby("halo_class", sort=False)["verdict"].agg(
    figures.tally
)
figures.tabulate(
    counts.rename("verdicts, suites and properties"),
    "Is 68% covered? Verdicts class by class",
    this_run.source,
)

# %% tags=["hide-output"]
validated = {
    row.suite: network.read_description(row.folder)["calibration"]["halos"]
    for row in this_run.networks().itertuples()
    if (row.fields, row.limits) == (both, last)
}
suspects = in_classes[~in_classes["coverage"].between(0.60, 0.76)].copy()
suspects["validation halos"] = [
    validated[row.suite_test].get(row.halo_class, 0)
    for row in suspects.itertuples()
]
noise = [network.coverage_noise(n) for n in suspects["validation halos"]]
suspects["known to ±"] = (
    2 * (0.22 / suspects["n"] + np.square(noise)) ** 0.5
).clip(upper=0.683)
off = (suspects["coverage"] - 0.683).abs()
suspects["more than chance"] = off > suspects["known to ±"]
figures.tabulate(
    suspects[
        ["suite_test", "halo_class", "property", "n", "validation halos"]
        + ["coverage", "known to ±", "more than chance"]
    ].reset_index(drop=True),
    "Coverages below 60% or above 76%, and how well 68% is known there",
    this_run.source,
    percent=["coverage", "known to ±"],
)

# %% [markdown]
# This is the strictest test of this page: recalibrated widths in each halo class (by true mass, which the recalibration never saw), from all fields together with the last limits. The same test judges every coverage in this book: errors are
# *as stated* unless right posteriors have such a coverage in less than 5% of all samples of as many halos (an exact binomial test, {func}`cgmhelpers.statistics.coverage.judge`). About one right posterior in twenty fails it by chance, and of those that were recalibrated more, as the validation halos are a sample, too: about one in six if they are as many as the test halos. Averages over
# classes hide the failure of a single class. Over all halos of each network, with the network's own widths and recalibrated ones:

# %%
widths = statistics.before_and_after(same)
every = statistics.examine(
    widths, ("width", *statistics.GROUPING), draws=0
)
for width, own in every.groupby("width", sort=False):
    stated = (own["verdict"] == statistics.VERDICTS[0]).sum()
    print(
        f"{width}: errors as stated for {stated} of {len(own)} networks "
        "and properties; "
        f"median chi2 {own['reduced_chi2'].median():.2f}, largest "
        f"{own['reduced_chi2'].max():.3g}"
    )

# %% [markdown]
# All properties from all fields together, with the last limits of this run: coverage of $\mu\pm\sigma$ with its exact 95% interval. The validation halos behind the recalibration add noise, about as much if there are as many of them.

# %%
by = ["width", "suite_test", "property"]
own_and_recalibrated = statistics.before_and_after(chosen)
examined = statistics.examine(own_and_recalibrated, by)


def side_by_side(column):
    texts = examined.assign(text=statistics.quote(examined, column))
    return texts.pivot(
        index=["suite_test", "property"], columns="width", values="text"
    )


figures.tabulate(
    side_by_side("coverage"), "Coverage of one standard deviation", note
)

# %%
of_last = examined[examined["width"] == statistics.WIDTHS[1]]
missed = of_last[of_last["verdict"] != statistics.VERDICTS[0]]
print(
    f"after recalibration as stated: {len(of_last) - len(missed)} of "
    f"{len(of_last)} properties and suites"
)
figures.tabulate(
    missed[
        ["verdict", "property", "suite_test", "coverage", "n"]
    ].reset_index(drop=True),
    "Not as stated",
    this_run.source,
    percent=["coverage"],
)

# %% [markdown]
# Reduced $\chi^2$ of the same, expected 1. A single halo with a $\sigma$ of nearly zero can dominate it.

# %%
figures.tabulate(side_by_side("reduced_chi2"), "Reduced chi2", note)

# %% [markdown]
# One interval isn't the whole posterior. Intervals of *every* probability hold their share of the truths if posteriors are Gaussian; lines below the diagonal mean errors that are too small, lines above it errors that are too large.

# %% tags=["cover"] mystnb={"figure": {"name": "fig-coverage", "caption": "Share of test halos whose truth lies in the central interval of each probability, with the networks' own widths (above) and recalibrated ones (below). Grey: the band of right posteriors in 95% of samples. Dotted: one standard deviation."}}
levels = statistics.coverages(own_and_recalibrated, by, statistics.LEVELS)
figure = figures.coverage_curves(levels, source=note)
one_sigma = examined[examined["width"] == statistics.WIDTHS[1]]
figures.caption(
    "Recalibrated, one standard deviation of this run holds "
    + figures.ends(
        one_sigma, "coverage", ["property", "suite_test"], this_run.source
    )
    + " of the truths."
)

# %% [markdown]
# The numbers behind the lower row, at ten levels:

# %% tags=["hide-output"]
after = levels[levels["width"] == statistics.WIDTHS[1]].round({"level": 3})
figures.tabulate(
    after.pivot(
        index=["suite_test", "property"],
        columns="level",
        values="coverage",
    ),
    "Share of truths inside, by the interval's probability",
    note,
)

# %% [markdown]
# The **PIT** (probability integral transform) shows how posteriors fail: it is the share of each posterior below the truth, and is uniform over the halos if posteriors are right. Truths beyond both ends of posteriors that are too narrow
# make a bowl, posteriors that are too wide a hill. A slope is a bias of the mean, which no width can mend.

# %% mystnb={"figure": {"name": "fig-pit", "caption": "Histograms of the PIT of all test halos. Band: the bins of right posteriors in 95% of samples of this size. Dashed bins that leave a panel are halos that the network excluded."}}
figure = figures.pit_histograms(
    statistics.pit_histogram(own_and_recalibrated, by), source=note
)
pit = chosen.assign(
    pit=statistics.pit(chosen["truth"], chosen["mean"], chosen["std"])
)
panels = pit.groupby(["property", "suite_test"], sort=False)["pit"]
figures.caption(
    "Share of truths above the middle of their posteriors, where half "
    "belong: "
    + figures.ends(
        panels.apply(lambda one: (one > 0.5).mean())
        .rename("share")
        .reset_index(),
        "share",
        ["property", "suite_test"],
        this_run.source,
    )
    + "."
)

# %% [markdown]
# The numbers behind the first test: coverage and $\chi^2$ after recalibration, for each halo class with enough test halos.

# %% tags=["hide-output"]
by_class = statistics.examine(
    chosen, ["suite_test", "halo_class", "property"]
)
by_class = by_class[by_class["n"] >= 10]
for metric in ("coverage", "reduced_chi2"):
    texts = by_class.assign(text=statistics.quote(by_class, metric))
    wide = texts.pivot(
        index=["suite_test", "property"],
        columns="halo_class",
        values="text",
    )
    display(figures.tabulate(wide, metric.replace("reduced_", ""), note))

# %% [markdown]
# ## What not to trust
#
# A network answers every map, even a map unlike all of its training, and a training may end before it is finished. {func}`cgmhelpers.statistics.quality.report` compares inferences with the range of the training halos (in properties,
# and in total, median and bright end of the maps), errors with the truth, and learning curves with those of converged trainings. The table lists the failures: their number over networks and properties, the values, and the range that passes.

# %%
_, problems = this_run.trust()
own = problems[
    (problems["suite_test"] == "")
    | (problems["suite_test"] == problems["suite_train"])
]
print(f"{len(own)} warnings for {len(this_run.networks())} networks")
warned = own.groupby(["problem", "limits", "suite_train"]).agg(
    number=("value", "size"),
    least=("value", "min"),
    most=("value", "max"),
    passes_from=("low", "min"),
    to=("high", "max"),
)
figures.tabulate(warned, "What failed a check", this_run.source)

# %% [markdown]
# ## What this run found

# %%
good = in_classes["verdict"] == statistics.VERDICTS[0]
where = figures.ends(
    in_classes,
    "coverage",
    ["property", "suite_test", "halo_class"],
    this_run.source,
)
Markdown(
    "- The strictest test first: in the classes of halos, "
    f"{good.sum()} of {len(in_classes)} recalibrated error bars are as "
    "stated; by the chances of test and validation halos together "
    "about one in six fails.\n"
    "- Over all halos of a suite, "
    f"{len(of_last) - len(missed)} of {len(of_last)} are as stated.\n"
    "- Coverage of one standard deviation runs "
    f"{where}.\n"
    f"- {len(own)} checks of {len(this_run.networks())} networks failed: "
    f"{figures.tally(own['problem']) or 'none'}."
)

# %% [markdown]
# - Claims of precision need a check on halos that the network hasn't learnt from. Validation halos mend widths; they don't mend a bias.
# - Averages over classes hide the failure of a single class.
# - Training and test had the same galaxy-formation model, and the Universe follows none of the models. [Later](11_cross_simulation.ipynb) the networks meet
#   suites that they don't know.
#
# ## Exercise
#
# Recalibration uses validation halos. Run this chapter with fewer of them (`-p realisations 3` on a larger profile). What happens to the recalibrated widths of groups?
#
# <details><summary>Answer</summary>
#
# Few groups are left to validate, so their scale is drawn towards the common one, which light halos dominate. If the network is too sure about groups, it stays too sure, and the test by class shows it while the average over all halos doesn't.
#
# </details>
