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
# # 11. Across simulations
#
# **What does a network say about a universe with other physics than that of its training?**
#
# In this notebook we train on one universe and test on another. The network of each suite infers the halo mass
# (Figures 8 and 9 of {cite:t}`Gluck2024`) and the mass of the CGM (Figure 10) from the maps of every suite. Then we measure the offsets, ask whether the brightness of the maps explains them, and find the most robust suite to train on.
#
# You need the accuracy within a suite, from [chapter 6](06_accuracy.ipynb).

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
import pandas as pd
from IPython.display import Markdown, display

from cgmhelpers import figures, paper, statistics
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.runs import results

pd.set_option("display.precision", 3)

# %% [markdown]
# ## Why this is the real test
#
# One day the maps come from telescopes, and the Universe has its own feedback, which none of the suites reproduces exactly. Testing a network on a suite that it wasn't trained on is a rehearsal for that day: the network doesn't know the physics
# of the test data, but we know the truth.
#
# Most of this page is about the networks of all fields of this run, with survey limits if it has them:

# %%
predictions = this_run.predictions()
both = max(predictions["fields"].unique(), key=len)
limit = this_run.parameters.limits[-1]
cross = predictions[
    (predictions["fields"] == both) & (predictions["limits"] == limit)
]
note = (
    f"{this_run.source}; {figures.field_names(both)}, "
    f"{figures.limit_name(limit)}"
)
print(f"{note}; split by {this_run.parameters.split_by}")

# %% [markdown]
# With a split by realisation the twin of a test halo is never in the training of any suite. With a split by halo it may be, and panels off the diagonal are then a little too optimistic.
#
# ## Halo mass
#
# Rows are the suites of the training, columns those of the test. On the framed diagonal both are the same suite, as in the [chapter on accuracy](06_accuracy.ipynb). Metrics in the panels are again those of the plotted halos, and the tables compare them with those of all.
#
# ### Figure 8: halo mass across suites, from X-rays
#
# The paper, from X-rays alone with survey limits: networks of IllustrisTNG do well on heavy halos of the other suites, those of SIMBA over-predict on brighter maps, and those of Astrid can't recover the others. $R^2$ is negative where IllustrisTNG or SIMBA
# are tested on Astrid.

# %% mystnb={"figure": {"name": "fig-8", "caption": "After Figure 8 of the paper, on {data}: halo mass across simulations, from X-rays with survey limits. Trained on the suite of the row, tested on that of the column; metrics are those of the plotted halos."}}
panels = ["property", "suite_train", "suite_test"]


def say(rows, name):
    """Put R2 of all halos in other suites into a caption."""
    rows = rows[rows["property"] == name]
    foreign = rows[rows["suite_train"] != rows["suite_test"]]
    if len(foreign):
        scores = statistics.summarise(
            foreign, ["suite_train", "suite_test"], draws=200
        )
        where = figures.ends(
            scores, "r2", ["suite_train", "suite_test"], this_run.source
        )
        figures.caption(
            "R2 of all test halos in other suites (trained, tested), "
            f"with 95% intervals: {where}."
        )


xray, said = figures.choose(
    predictions, "Figure 8", ["xray"], "survey", across=True
)
figures.caption(said)
if len(xray):
    figure = figures.cross_simulation(
        xray, "log_m_halo", f"{this_run.source}; X-ray, survey limits"
    )
    say(xray, "log_m_halo")

# %% tags=["hide-output"]
if len(xray):
    of_mass = xray[xray["property"] == "log_m_halo"]
    display(
        figures.tabulate(
            figures.panel_metrics(of_mass, panels).droplevel("property"),
            "Halo mass, plotted halos and all",
            this_run.source,
        )
    )

# %%
evidence = results.evidence(this_run)
Markdown(paper.beside(evidence, "Fig. 8", this_run.is_mock))

# %% [markdown]
# ### Figure 9: halo mass across suites, from X-ray and HI
#
# The paper, from both fields: inferences in another suite still *correlate* with the truth, but they are *offset*. A halo of given mass is dimmer in SIMBA than in IllustrisTNG, and brighter in Astrid. A network that takes brightness for mass
# then under-predicts in the dimmer suite and over-predicts in the brighter one. IllustrisTNG is the most robust training set, Astrid the least, and two fields beat X-rays alone.

# %% tags=["cover"] mystnb={"figure": {"name": "fig-9", "caption": "After Figure 9 of the paper, on {data}: halo mass across simulations, from X-ray and HI with survey limits. Trained on the suite of the row, tested on that of the column; metrics are those of the plotted halos."}}
multifield, said = figures.choose(
    predictions, "Figures 9 and 10", ["xray+hi"], "survey", across=True
)
figures.caption(said)
if len(multifield):
    source = f"{this_run.source}; X-ray + HI, survey limits"
    figure = figures.cross_simulation(multifield, "log_m_halo", source)
    say(multifield, "log_m_halo")

# %% tags=["hide-output"]
if len(multifield):
    of_mass = multifield[multifield["property"] == "log_m_halo"]
    display(
        figures.tabulate(
            figures.panel_metrics(of_mass, panels).droplevel("property"),
            "Halo mass, plotted halos and all",
            this_run.source,
        )
    )

# %%
Markdown(paper.beside(evidence, "Fig. 9", this_run.is_mock))

# %% [markdown]
# The same in numbers. $R^2$ punishes offsets, and is negative if they exceed the scatter of the sample; the correlation coefficient ignores them. A large $\chi^2$ means that the network underestimates its errors:

# %%
pairs = statistics.pairs(cross, "log_m_halo")
figures.tabulate(
    pairs.drop(columns=["n", "uncertainty"]),
    "Halo mass, pair by pair",
    this_run.source,
)

# %% [markdown]
# ## Mass of the CGM
#
# ### Figure 10: mass of the CGM across suites
#
# Our copy of the paper doesn't name the property of this figure. We infer $M_\mathrm{cgm}$: the paper's Appendix B shows the remaining properties and leaves out exactly two, "as similar panels are shown in the diagonal panels of" Figures 9 and 10, and
# the four that it has are the gas fraction, metallicity, cool fraction and temperature (our Figures 13 to 16). The paper: networks of IllustrisTNG over-predict in SIMBA and under-predict in Astrid, at low and intermediate mass, in the order of
# the suites in Figure 1.

# %% mystnb={"figure": {"name": "fig-10", "caption": "After Figure 10 of the paper, on {data}: mass of the CGM within 200 kpc across simulations, from X-ray and HI with survey limits. Trained on the suite of the row, tested on that of the column; metrics are those of the plotted halos."}}
if len(multifield):
    figure = figures.cross_simulation(multifield, "log_m_cgm", source)
    say(multifield, "log_m_cgm")
else:
    print(said)

# %%
Markdown(paper.beside(evidence, "Fig. 10", this_run.is_mock))

# %% [markdown]
# ## Offsets of all properties
#
# The median of inference minus truth, for all pairs of suites and all properties (the mean would depend on single outliers). Numbers are in the unit of the property, colours in units of its range, so that properties can be compared:

# %% mystnb={"figure": {"name": "fig-bias", "caption": "Median of inference minus truth for every pair of suites. Red: over-predicted, blue: under-predicted."}}
figure = figures.bias_matrix(cross, NAMES, note)
elsewhere = cross[
    (cross["property"] == "log_m_halo")
    & (cross["suite_train"] != cross["suite_test"])
]
if len(elsewhere):
    suites = ["suite_train", "suite_test"]
    figures.caption(
        "Offset of log_m_halo in other suites (trained, tested), dex: "
        + figures.ends(
            statistics.biases(elsewhere, suites),
            "median",
            suites,
            this_run.source,
        )
        + "."
    )

# %% [markdown]
# ## Does brightness explain the offsets?
#
# For each pair of suites, `brighter` is the difference in brightness, in dex, of the test suite and the training suite, from the summed pixels of ideal maps at equal halo class. If networks take brightness for mass, it has the sign of `offset`, the median of inference minus truth of $\log M_\mathrm{halo}$:

# %%
field = this_run.parameters.fields[0]
by_brightness = statistics.brightness_and_bias(
    cross, evidence.totals, "log_m_halo", field
)
agree = by_brightness["as_expected"].sum()
print(
    f"{figures.field_names(field)}: signs agree in {agree} of "
    f"{len(by_brightness)} pairs"
)
figures.tabulate(by_brightness, "Brightness and offset", this_run.source)

# %% [markdown]
# ## Which suite is best for training?
#
# A training set is robust if its network errs little *elsewhere*. The table compares, for every input and limit, the RMSE of $\log M_\mathrm{halo}$ in the suite of the training with that in the other suites (their geometric mean, as in the verdicts above), with
# the ratio of the two and the mean size of the offsets:

# %%
lost = statistics.robustness(
    predictions[predictions["property"] == "log_m_halo"],
    ("limits", "fields"),
)
figures.tabulate(
    lost.sort_values(["limits", "fields", "elsewhere"]).set_index(
        ["limits", "fields"]
    ),
    "RMSE of log_m_halo in dex, in the own suite and elsewhere",
    this_run.source,
)

# %%
ranking = lost[
    (lost["fields"] == both) & (lost["limits"] == limit)
].dropna()
order = " > ".join(
    figures.suite_name(name, this_run.source)
    for name in ranking.sort_values("elsewhere")["suite_train"]
)
print("most to least robust:", order or "this run has one suite only")
print("in the paper: IllustrisTNG most, Astrid least")

# %% [markdown]
# Does a second field help? The same numbers, averaged over the suites of the training:

# %%
by_fields = lost.groupby(["limits", "fields"]).agg(
    {
        "own": statistics.elsewhere,
        "elsewhere": statistics.elsewhere,
        "offset": "mean",
    }
)
figures.tabulate(by_fields, "Averages over the suites", this_run.source)

# %% [markdown]
# The paper finds that adding HI to X-rays improves the transfer. The row of HI alone shows whether it takes two fields for that. A small error in the suite of the training, by contrast, says nothing about robustness: in CAMELS, the network of Astrid has the smallest error on its own
# maps, and the largest on others.

# %% [markdown]
# ## What not to trust
#
# A map can be compared with the maps of the training, without any truth. The table has the share of test halos whose total, median or bright end lies outside of the range of the training, for all fields and the last limit, and names the statistics that do:

# %%
flagged, problems = this_run.trust()
halos = flagged[(flagged["fields"] == both) & (flagged["limits"] == limit)]
halos = halos.drop_duplicates(
    ["suite_train", "suite_test", "realisation", "group"]
)
strange = halos.assign(share=halos["unlike"] != "")
share = strange.pivot_table(
    index="suite_train", columns="suite_test", values="share"
)
figures.tabulate(
    share,
    "Test halos unlike those of the training",
    this_run.source,
    percent=list(share.columns),
)

# %%
unlike = halos["unlike"].str.split(", ").explode().replace("", "nothing")
figures.tabulate(
    unlike.value_counts().rename("halos").rename_axis("out of range"),
    "What is out of range",
    this_run.source,
)

# %% [markdown]
# With the truth, more checks fail across suites. Counted over networks and properties:

# %%
abroad = problems[
    (problems["suite_test"] != "")
    & (problems["suite_test"] != problems["suite_train"])
]
figures.tabulate(
    abroad.groupby(["problem", "suite_train"])["value"].agg(
        number="size", least="min", most="max"
    ),
    "What failed a check in other suites",
    this_run.source,
)

# %% [markdown]
# ## What this run found

# %%
foreign = pairs[pairs["suite_train"] != pairs["suite_test"]]
correlated = figures.ends(
    foreign, "correlation", ["suite_train", "suite_test"], this_run.source
)
Markdown(
    "- Inferences in other suites correlate with the truth: "
    f"{correlated}.\n"
    "- RMSE of the halo mass changes by a factor of "
    f"{ranking['factor'].min():.1f} to {ranking['factor'].max():.1f} "
    "outside of the suite of the training.\n"
    f"- The brightness of the maps has the sign of the offset in {agree} "
    f"of {len(by_brightness)} pairs.\n"
    f"- Most to least robust training set: {order or 'one suite only'}."
    if len(foreign)
    else "This run has one suite only."
)

# %% [markdown]
# - Order and level are two things. The correlation shows whether a network sorts halos of another suite by mass, the offset whether the
#   masses are right; an RMSE mixes the two.
# - Error bars can't warn of an offset, because the network never saw how wrong a model can be.
# - The best suite for training depends on feedback: a suite whose gas lies between that of the others is closest to both. In the paper this is IllustrisTNG.
# - The paper suggests two cures: training on many models at once with their parameters varied {cite:p}`VillaescusaNavarro2021b`, and domain adaptation {cite:p}`Ganin2016`. The [next chapter](12_robust.ipynb) tries them.
#
# ## Exercise
#
# Train on two suites and test on the third: `cgmhelpers.network.train` takes the map stores of several suites. Do you expect the offset to vanish?
#
# <details><summary>Answer</summary>
#
# It should shrink if the third suite's brightness lies between those of the two, since the network then has to use more than brightness, and hardly change if the third lies outside. The next chapter leaves each suite out.
#
# </details>
