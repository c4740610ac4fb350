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
# # 6. How accurate is it?
#
# **What can be inferred from a map, for which halos, and from which field?**
#
# In this notebook we infer the properties of test halos that the networks have never seen, and measure the accuracy of the answers:
# truth against inference (Figures 3 to 6 and 13 to 16 of {cite:t}`Gluck2024`), errors by halo class (Figure 7), and the
# scatter at fixed mass (Table 3). Each has the paper's statement beside it, with a verdict from this run.
#
# You need the networks of [chapter 4](04_cnn.ipynb). Here each network is tested on its own suite; [a later chapter](11_cross_simulation.ipynb) has the other suites.

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
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.paper.notation import html
from cgmhelpers.runs import results

pd.set_option("display.precision", 3)

# %% [markdown]
# ## One tidy table
#
# The table has a row for each network, halo and property, with the truth $\theta$, the posterior mean $\mu$ and standard deviation $\sigma$ in the property's unit. `std_network` is the network's own width; `std` is this width **recalibrated** on validation halos, as
# [the next chapter](07_error_bars.ipynb) explains. Numbers and error bars on this page use `std` unless they say otherwise:

# %%
predictions = this_run.predictions()
same = predictions[predictions["suite_train"] == predictions["suite_test"]]
halos = same.drop_duplicates(["suite", "realisation", "group"])
print(
    f"{len(predictions)} rows, {len(same)} of them within one suite; "
    f"{len(halos)} test halos"
)
figures.tabulate(
    same.sample(min(5, len(same)), random_state=1)[
        ["suite_test", "group", "property", "fields", "limits"]
        + ["truth", "mean", "std"]
    ].reset_index(drop=True),
    "Five rows of the table, some of its columns",
    this_run.source,
)

# %% [markdown]
# ## Four numbers, and a fifth
#
# Over the halos, for property $i$ (Equations 7 to 10 of the paper):
#
# $$
# \begin{aligned}
# \mathrm{RMSE}_i&=\sqrt{\langle(\theta_i-\mu_i)^2\rangle}, &
# R^2_i&=1-\frac{\sum(\theta_i-\mu_i)^2}{\sum(\theta_i-\bar\theta_i)^2},\\
# \epsilon_i&=\left\langle\frac{\sigma_i}{|\mu_i|}\right\rangle, &
# \chi^2_i&=\left\langle\frac{(\theta_i-\mu_i)^2}{\sigma_i^2}\right\rangle .
# \end{aligned}
# $$
#
# RMSE and $R^2$ measure **accuracy**: $R^2=1$ is perfect, $R^2=0$ is the score of the sample's mean, which needs no map, and negative values are worse than that. $\epsilon$ is the
# **precision** that the network claims, and $\chi^2$ says whether the claim is **honest**: above 1 the claimed errors are too small. A single outlier can dominate $\chi^2$, so we add the
# **coverage**: the share of halos with $\theta$ within $\mu\pm\sigma$, 68% for a Gaussian posterior.

# %%
metrics = (
    statistics.summarise(same)
    .drop(columns="suite_test")
    .rename(columns={"suite_train": "suite"})
)
of_mass = metrics[metrics["property"] == "log_m_halo"].drop(
    columns="property"
)
figures.tabulate(
    of_mass, "Halo mass, recalibrated widths", this_run.source
)

# %%
Markdown(
    "The paper's numbers aren't shown beside these: they were measured "
    "on CAMELS, and these on a mock suite that we built."
    if this_run.is_mock
    else "The paper quotes for ideal maps of IllustrisTNG "
    "$R^2(M_\\mathrm{halo})=0.918$ with X-ray and 0.938 with HI, and with "
    "survey limits, from X-ray and HI together, an RMSE of about 0.14 dex "
    "in $M_\\mathrm{halo}$; from 27 realisations and a tuned network."
)

# %% [markdown]
# ## Truth against inference: ideal maps
#
# Perfect inference is the diagonal, colour is the true halo mass. Networks fail in two opposite ways: points
# *along a horizontal band* mean that the map says nothing and the network answers with the mean of its sample; points *beside the diagonal with small bars* mean that it
# is confident and wrong.
#
# **Two kinds of metrics.** Like the paper, we plot all groups and a random choice of the lighter halos. The paper quotes the metrics *of the plotted points*, and so do our panels, whose headings have the numbers of plotted and of all halos. The tables
# below the figures add the same metrics for *all* test halos. Verdicts use all halos, and only networks that have finished learning: a network whose training still gained at its end, or that errs more than a network with fewer fields or than the mean of all halos, decides nothing.
#
# ### Figure 3: halo mass from ideal maps
#
# The paper, on the halo mass: X-rays give it well above $10^{12.5}\,\mathrm{M}_\odot$, HI is better at low mass in IllustrisTNG, Astrid is inferred best of all and SIMBA worst.

# %% tags=["cover"] mystnb={"figure": {"name": "fig-3", "caption": "After Figure 3 of the paper, on {data}: halo mass, truth against inference from ideal maps: one row per input, one column per suite. Metrics in the panels are those of the plotted halos."}}
evidence = results.evidence(this_run)


def say(rows, name):
    """Put R2 of all halos of a figure's panels into its caption."""
    scores = statistics.summarise(
        rows[rows["property"] == name],
        ["fields", "suite_test"],
        draws=200,
    )
    where = figures.ends(
        scores, "r2", ["fields", "suite_test"], this_run.source
    )
    figures.caption(f"R2 of all test halos, with 95% intervals: {where}.")


panels = ["property", "fields", "suite_test"]
ideal, said = figures.choose(
    predictions, "Figures 3 to 5", ["xray", "hi"], "ideal"
)
figures.caption(said)
if len(ideal):
    figure = figures.truth_inference(
        ideal, "log_m_halo", source=f"{this_run.source}; ideal maps"
    )
    say(ideal, "log_m_halo")

# %% tags=["hide-output"]
if len(ideal):
    of_mass = ideal[ideal["property"] == "log_m_halo"]
    display(
        figures.tabulate(
            figures.panel_metrics(of_mass, panels),
            "Halo mass, plotted halos and all",
            this_run.source,
        )
    )

# %%
Markdown(paper.beside(evidence, "Fig. 3", this_run.is_mock))

# %% [markdown]
# ### Figure 4: gas fraction from ideal maps
#
# The paper: the gas fraction $f_\mathrm{cgm}$ is harder than the mass, HI is the slightly better probe, and Astrid gives the best inference.

# %% mystnb={"figure": {"name": "fig-4", "caption": "After Figure 4 of the paper, on {data}: gas fraction, truth against inference from ideal maps. Metrics in the panels are those of the plotted halos."}}
if len(ideal):
    figure = figures.truth_inference(
        ideal, "f_cgm", source=f"{this_run.source}; ideal maps"
    )
    say(ideal, "f_cgm")

# %%
Markdown(paper.beside(evidence, "Fig. 4", this_run.is_mock))

# %% [markdown]
# ### Figure 5: metallicity from ideal maps
#
# The paper: metallicity scatters by up to 1 dex at fixed mass; neither field alone is powerful enough to infer it; Astrid is inferred best.

# %% mystnb={"figure": {"name": "fig-5", "caption": "After Figure 5 of the paper, on {data}: metallicity, truth against inference from ideal maps. Metrics in the panels are those of the plotted halos."}}
if len(ideal):
    figure = figures.truth_inference(
        ideal, "log_z_cgm", source=f"{this_run.source}; ideal maps"
    )
    say(ideal, "log_z_cgm")

# %%
Markdown(paper.beside(evidence, "Fig. 5", this_run.is_mock))

# %% [markdown]
# Metrics of Figures 4 and 5, plotted halos and all:

# %% tags=["hide-output"]
if len(ideal):
    of_gas = ideal[ideal["property"].isin(["f_cgm", "log_z_cgm"])]
    display(
        figures.tabulate(
            figures.panel_metrics(of_gas, panels),
            "Gas fraction and metallicity, plotted halos and all",
            this_run.source,
        )
    )

# %% [markdown]
# ## With survey limits
#
# A survey sees less: the X-ray emission of light halos drops below its limit.
#
# ### Figure 6: two masses with survey limits, field by field
#
# The paper, for IllustrisTNG: X-rays alone can't infer halos below about $10^{12.5}\,\mathrm{M}_\odot$ (points at low mass turn into a band), HI can, and the two together do best, for L\* halos above all.

# %% mystnb={"figure": {"name": "fig-6", "caption": "After Figure 6 of the paper, on {data}: mass of the halo and of its CGM in one suite with survey limits, from X-ray, HI, and both. Metrics in the panels are those of the plotted halos."}}
limited, said = figures.choose(
    predictions,
    "Figure 6",
    ["xray", "hi", "xray+hi"],
    "survey",
    suite="IllustrisTNG",
    source=this_run.source,
)
figures.caption(said)
if len(limited):
    suite = figures.suite_name(
        limited["suite_test"].iloc[0], this_run.source
    )
    note = f"{this_run.source}; {suite}, survey limits"
    figure = figures.properties_inferred(
        limited, ["log_m_halo", "log_m_cgm"], "fields", note
    )
    say(limited, "log_m_halo")

# %% tags=["hide-output"]
if len(limited):
    of_masses = limited[
        limited["property"].isin(["log_m_halo", "log_m_cgm"])
    ]
    display(
        figures.tabulate(
            figures.panel_metrics(of_masses, panels),
            "Two masses, plotted halos and all",
            this_run.source,
        )
    )

# %%
Markdown(paper.beside(evidence, "Fig. 6", this_run.is_mock))

# %% [markdown]
# If nearly all training maps are blank, the network has hardly ever seen emission, and extrapolates far out of the panel ("outside") for the few bright test halos.
# One such halo is enough for a negative $R^2$, so look at the points before you believe the number. More halos help.
#
# The best input depends on the halos. RMSE of $\log M_\mathrm{halo}$ in dex by class, with the lowest of each row marked:

# %%
mass = same[same["property"] == "log_m_halo"]
by_class = statistics.summarise(
    mass, ("limits", "suite_test", "halo_class", "fields")
)
wide = by_class.pivot(
    index=["limits", "suite_test", "halo_class"],
    columns="fields",
    values="rmse",
)
figures.tabulate(
    wide, "RMSE of log_m_halo in dex", this_run.source
).highlight_min(
    axis=1, props="font-weight: bold; text-decoration: underline"
)

# %% [markdown]
# ## The other properties
#
# These figures show X-ray and HI together with survey limits, as the paper's Appendix B does. The paper finds Astrid best, and all four properties harder than the masses.

# %%
multifield, said = figures.choose(
    predictions, "Figures 13 to 16", ["xray+hi"], "survey"
)
note = f"{this_run.source}; X-ray + HI, survey limits"
print(said)

# %% [markdown]
# ### Figure 13: gas fraction with survey limits
#
# The paper, on $f_\mathrm{cgm}$: large scatter in IllustrisTNG and SIMBA, little in Astrid, where values are highest.

# %% mystnb={"figure": {"name": "fig-13", "caption": "After Figure 13 of the paper, on {data}: gas fraction from X-ray and HI with survey limits. Metrics in the panels are those of the plotted halos."}}
if len(multifield):
    figure = figures.truth_inference(multifield, "f_cgm", source=note)
    say(multifield, "f_cgm")

# %%
Markdown(paper.beside(evidence, "Fig. 13", this_run.is_mock))

# %% [markdown]
# ### Figure 14: metallicity with survey limits
#
# The paper, on $Z_\mathrm{cgm}$: much as with ideal maps (Figure 5), with the least scatter in Astrid.

# %% mystnb={"figure": {"name": "fig-14", "caption": "After Figure 14 of the paper, on {data}: metallicity from X-ray and HI with survey limits. Metrics in the panels are those of the plotted halos."}}
if len(multifield):
    figure = figures.truth_inference(multifield, "log_z_cgm", source=note)
    say(multifield, "log_z_cgm")

# %%
Markdown(paper.beside(evidence, "Fig. 14", this_run.is_mock))

# %% [markdown]
# ### Figure 15: cool fraction with survey limits
#
# The paper, on $f_\mathrm{cool}$: significant scatter and large error bars in all three suites; the property is the hardest.

# %% mystnb={"figure": {"name": "fig-15", "caption": "After Figure 15 of the paper, on {data}: cool fraction from X-ray and HI with survey limits. Metrics in the panels are those of the plotted halos."}}
if len(multifield):
    figure = figures.truth_inference(multifield, "f_cool", source=note)
    say(multifield, "f_cool")

# %%
Markdown(paper.beside(evidence, "Fig. 15", this_run.is_mock))

# %% [markdown]
# ### Figure 16: temperature with survey limits
#
# The paper, on $T_\mathrm{cgm}$: Astrid has the least scatter and the smallest error bars, SIMBA the largest scatter.

# %% mystnb={"figure": {"name": "fig-16", "caption": "After Figure 16 of the paper, on {data}: temperature from X-ray and HI with survey limits. Metrics in the panels are those of the plotted halos."}}
if len(multifield):
    figure = figures.truth_inference(multifield, "log_t_cgm", source=note)
    say(multifield, "log_t_cgm")

# %%
Markdown(paper.beside(evidence, "Fig. 16", this_run.is_mock))

# %% [markdown]
# Metrics of the four figures, plotted halos and all:

# %% tags=["hide-output"]
if len(multifield):
    rest = multifield[
        multifield["property"].isin(
            ["f_cgm", "log_z_cgm", "f_cool", "log_t_cgm"]
        )
    ]
    display(
        figures.tabulate(
            figures.panel_metrics(rest, panels),
            "Four properties, plotted halos and all",
            this_run.source,
        )
    )

# %% [markdown]
# $R^2$ of all six, per suite, from all fields of this run together, and the properties from easy to hard by their mean:

# %%
both = max(same["fields"].unique(), key=len)
last = this_run.parameters.limits[-1]
chosen = same[(same["fields"] == both) & (same["limits"] == last)]
note = (
    f"{this_run.source}; {figures.field_names(both)}, "
    f"{figures.limit_name(last)}"
)
score = metrics[metrics["fields"] == both].pivot(
    index=["limits", "property"], columns="suite", values="r2"
)
figures.tabulate(
    score.assign(mean=score.mean(axis=1)).sort_values(
        ["limits", "mean"], ascending=[True, False]
    ),
    f"R2, {figures.field_names(both)}",
    this_run.source,
)

# %%
order = (
    score.mean(axis=1)
    .groupby("property")
    .mean()
    .sort_values(ascending=False)
)
suites = score.mean().sort_values(ascending=False)
easy = " > ".join(html(name) for name in order.index)
best = " > ".join(
    figures.suite_name(name, this_run.source) for name in suites.index
)
Markdown(
    "Averaged over inputs and limits, from easy to hard: "
    f"{easy}. Suites, best first: {best}. "
    "In the paper Astrid is best and SIMBA worst, and "
    f"{html('f_cool')} is hardest."
)

# %% [markdown]
# ## Error by halo class
#
# ### Figure 7: relative error by halo class
#
# The figure shows the mean relative error $\epsilon$ by halo class, over *all* test halos as in the paper; the verdicts below the figure judge the same $\epsilon$. The paper, for IllustrisTNG: for Sub-L\* halos HI has the lowest error and X-rays alone the
# highest; for L\* halos both fields together gain most; for groups X-rays catch up. SIMBA has the highest errors of the suites, Astrid the lowest.

# %% mystnb={"figure": {"name": "fig-7", "caption": "After Figure 7 of the paper, on {data}, left: mean relative error of six properties by halo class for one suite, by input, with survey limits."}}
if len(limited):
    own = f"{this_run.source}; {suite}, survey limits"
    figure = figures.error_by_class(limited, "fields", source=own)
    classes = statistics.summarise(
        limited[limited["property"] == "log_m_halo"],
        ["fields", "halo_class"],
    )
    figures.caption(
        "Relative error of log_m_halo in this run: "
        + figures.ends(
            classes,
            "relative_error",
            ["fields", "halo_class"],
            this_run.source,
            4,
        )
        + "."
    )
else:
    print("Figure 7, left, is left out, for the same reason as Figure 6.")

# %% mystnb={"figure": {"name": "fig-7-right", "caption": "After Figure 7 of the paper, on {data}, right: mean relative error from X-ray and HI together, by suite."}}
figure = figures.error_by_class(chosen, "suite_test", source=note)
errors = statistics.summarise(chosen, ["suite_test", "property"])
errors = errors[errors["property"] != "f_cool"]
figures.caption(
    f"Relative error in this run ({figures.field_names(both)}, "
    f"{figures.limit_name(last)}), the cool fraction aside: "
    + figures.ends(
        errors,
        "relative_error",
        ["property", "suite_test"],
        this_run.source,
        3,
    )
    + "."
)

# %%
Markdown(paper.beside(evidence, "Fig. 7", this_run.is_mock))

# %% [markdown]
# $\epsilon$ is what the network *claims*, and it is relative: $\log M_\mathrm{halo}\approx12$ makes it small by construction, and a fraction near zero, of gas or of cool gas, makes it large. The error that it *makes*, in units of each property's range, compares
# the properties more fairly:

# %% mystnb={"figure": {"name": "fig-class-rmse", "caption": "RMSE by halo class in units of each property's range, for all fields together, by suite."}}
figure = figures.error_by_class(chosen, "suite_test", "rmse", source=note)
spans = {one.name: one.high - one.low for one in PROPERTIES}
errors = statistics.summarise(chosen, ["suite_test", "property"])
errors["share"] = errors["rmse"] / errors["property"].map(spans)
figures.caption(
    "RMSE over all classes in this run, in units of the range: "
    + figures.ends(
        errors, "share", ["property", "suite_test"], this_run.source, 3
    )
    + "."
)

# %% [markdown]
# ## Scatter at fixed mass
#
# A network could do well on average by learning only a mean relation with halo mass. Then its inferences scatter less at fixed mass than the truths.
#
# ### Table 3: scatter at fixed mass, true and inferred
#
# The paper, from ideal maps of X-ray and HI together: scatter is reproduced for one property in SIMBA and Astrid, and too small, often by a factor of two, for the others. Our copy of the paper doesn't name the two properties of its table, so
# here are all five. The ratio of inferred to true scatter is 1 if the scatter is reproduced, and below 1 if it is too small.

# %%
ideal_both, said = figures.choose(
    predictions, "Table 3", ["xray+hi"], "ideal"
)
print(said)
if len(ideal_both):
    table = paper.table_scatter(ideal_both)
    display(
        figures.tabulate(
            table,
            "After Table 3 of the paper: scatter at fixed halo mass",
            this_run.source,
        )
    )

# %% [markdown]
# The paper's table, measured on CAMELS. Results on a mock suite needn't agree with it:

# %%
figures.tabulate(
    paper.printed_scatter(),
    "Table 3 as printed, CAMELS, two properties whose names are lost",
)

# %%
Markdown(paper.beside(evidence, "Table 3", this_run.is_mock))

# %% [markdown]
# ## What this run found

# %%
of_all = statistics.summarise(
    chosen[chosen["property"] == "log_m_halo"], ["suite_test"], draws=1000
)
mean_r2 = score.loc[last].mean(axis=1).sort_values()
ratios = table.xs("ratio", axis=1, level=1) if len(ideal_both) else None
Markdown(
    f"- RMSE of {html('log_m_halo')} from {figures.field_names(both)}, "
    f"{figures.limit_name(last)}, in dex with 95% intervals: "
    f"{figures.ends(of_all, 'rmse', ['suite_test'], this_run.source)}.\n"
    f"- {html('R2')}, mean over the suites: "
    f"{figures.ends(mean_r2.reset_index(name='r2'), 'r2', ['property'])}"
    ".\n"
    + (
        ""
        if ratios is None
        else f"- Inferred scatter at fixed mass over the true one: "
        f"{ratios.stack().median():.2f} in the median, "
        f"{(ratios < 1).sum().sum()} of {ratios.notna().sum().sum()} "
        "ratios below 1.\n"
    )
)

# %% [markdown]
# - Accuracy ($R^2$, RMSE) and claimed precision ($\epsilon$) are different things; a network may have either without the other. The [next chapter](07_error_bars.ipynb) tests the claims.
# - The tables by class show the best field for each class of halos. The paper's answer, HI for light halos and X-rays for heavy ones, reflects the places of cool and hot gas.
# - A network that only guesses a property from the mass reproduces none of its scatter at fixed mass. Noise makes the ratio smaller, too: below 1 it doesn't prove a guess.
#
# ## Exercise
#
# Run this chapter with X-rays alone (`-p fields '["xray"]'`). Which class of halos loses most, and is it the class that the paper names?
#
# <details><summary>Answer</summary>
#
# The paper names halos below $10^{12.5}\,\mathrm{M}_\odot$: at a survey's depth most of their X-ray maps are blank, and the network answers with their mean. The tables by class above have X-rays alone beside both fields. On the mock suite groups lose in some suites, too: there are few of them, so a field that helps is missed.
#
# </details>
