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
# # How good is it?
#
# In this notebook we let every network infer the properties of test halos that it has never seen, and measure accuracy, precision and honesty of the answers:
# truth against inference (Figures 3 to 6 and 13 to 16 of {cite:t}`Gluck2024`), errors by halo class (Figure 7), coverage, and the
# scatter at fixed mass (Table 3). Each network is tested on its own suite here; other suites follow in the next notebook.

# %% tags=["parameters"]
profile = "quick"
run = None
suites = None
realisations = None
fields = None
limits = None
epochs = None
seed = None

# %%
from cgmhelpers import pipeline

this_run = pipeline.start(globals())
this_run

# %%
import pandas as pd

from cgmhelpers import figures, statistics

pd.set_option("display.precision", 3)

# %% [markdown]
# ## One tidy table
#
# One row per network, halo and property, with the truth $\theta$, the posterior mean $\mu$ and standard deviation $\sigma$ in the property's unit:

# %%
predictions = this_run.predictions()
same = predictions[predictions["suite_train"] == predictions["suite_test"]]
halos = same.drop_duplicates(["suite", "realisation", "group"])
print(f"{len(predictions)} rows, {len(same)} of them within one suite; {len(halos)} test halos")
same.sample(min(5, len(same)), random_state=1)

# %% [markdown]
# ## Four numbers, and a fifth
#
# Over the halos, for property $i$ (Equations 7 to 10 of the paper):
#
# $$
# \mathrm{RMSE}_i=\sqrt{\langle(\theta_i-\mu_i)^2\rangle},\qquad
# R^2_i=1-\frac{\sum(\theta_i-\mu_i)^2}{\sum(\theta_i-\bar\theta_i)^2},\qquad
# \epsilon_i=\left\langle\frac{\sigma_i}{|\mu_i|}\right\rangle,\qquad
# \chi^2_i=\left\langle\frac{(\theta_i-\mu_i)^2}{\sigma_i^2}\right\rangle .
# $$
#
# RMSE and $R^2$ measure **accuracy**: $R^2=1$ is perfect, $R^2=0$ is what the mean of the sample gives without looking at a map, and negative values are worse than that. $\epsilon$ is the
# **precision** that the network claims, and $\chi^2$ says whether the claim is **honest**: above 1 its errors are too small. A single outlier can spoil $\chi^2$, so we add the
# **coverage**: the share of halos with $\theta$ within $\mu\pm\sigma$, 68% for a Gaussian posterior.

# %%
metrics = (
    statistics.summarise(same).drop(columns="suite_test").rename(columns={"suite_train": "suite"})
)
of_mass = metrics[metrics["property"] == "log_m_halo"].drop(columns="property")
of_mass.style.format(precision=3).hide(axis="index").set_caption(f"Halo mass. {this_run.source}")

# %% [markdown]
# For comparison, the paper quotes for ideal maps of IllustrisTNG $R^2(M_\mathrm{halo})=0.918$ with X-ray and 0.938 with HI; coverages of 78.3% (Astrid, X-ray), 68.9% (SIMBA, X-ray) and
# 65.0% (SIMBA, HI); and with survey limits, from X-ray and HI together, an RMSE of about 0.14 dex in $M_\mathrm{halo}$ for IllustrisTNG. Those come from 27 CAMELS realisations and
# a tuned network. This run's sample and training are as its profile says, and its numbers are comparable with the paper's only if its data are.
#
# ## Halo mass: truth against inference
#
# Perfect inference is the diagonal, colour is the true halo mass. The metrics in a panel are those of the plotted halos. Two opposite failures to look for: points that run
# *along a horizontal band* mean that the map says nothing and the network answers with the mean of its sample; points *beside the diagonal with small bars* mean that it
# is confident and wrong.

# %% mystnb={"figure": {"name": "fig-mass-first", "caption": "Halo mass, truth against inference, with the first limits of this run (ideal, unless it has survey limits only): one row per input, one column per suite (Figure 3 of the paper)."}}
first, last = this_run.parameters.limits[0], this_run.parameters.limits[-1]
figure = figures.truth_inference(
    same[same["limits"] == first],
    "log_m_halo",
    source=f"{this_run.source}; {figures.limit_name(first)}",
)

# %% [markdown]
# Now with what a survey would leave of the maps. X-ray emission of light halos drops below the limit, and the paper finds that X-rays alone can't infer halos below about
# $10^{12.5}\,\mathrm{M}_\odot$: in the upper row the points at low mass should then turn into a band. HI still can, and the two together do best.

# %% mystnb={"figure": {"name": "fig-mass-last", "caption": "As before, with the last limits of this run (survey limits, if it has them; compare Figure 6 of the paper, upper row)."}}
figure = figures.truth_inference(
    same[same["limits"] == last],
    "log_m_halo",
    source=f"{this_run.source}; {figures.limit_name(last)}",
)

# %% [markdown]
# Where nearly all training maps are blank, the network has hardly ever seen emission, and the few bright test halos make it extrapolate far out of the panel ("outside").
# One such halo is enough for a negative $R^2$, so look at the points before you believe the number. More halos are the cure.
#
# Which input is best for which halos? RMSE of $\log M_\mathrm{halo}$ in dex by class, the lowest of each row marked:

# %%
mass = same[same["property"] == "log_m_halo"]
by_class = statistics.summarise(mass, ("limits", "suite_test", "halo_class", "fields"))
wide = by_class.pivot(index=["limits", "suite_test", "halo_class"], columns="fields", values="rmse")
wide.style.format(precision=3).highlight_min(
    axis=1, props="font-weight: bold; text-decoration: underline"
)

# %% [markdown]
# ## The other five properties
#
# From all fields of this run together, with its last limits. The paper finds $f_\mathrm{cgm}$ and $Z_\mathrm{cgm}$ harder than the halo mass, and $f_\mathrm{cool}$ hardest.

# %% mystnb={"figure": {"name": "fig-properties-1", "caption": "Gas fraction and metallicity, truth against inference (compare Figures 4, 5, 13 and 14 of the paper)."}}
both = max(same["fields"].unique(), key=len)
chosen = same[(same["fields"] == both) & (same["limits"] == last)]
note = f"{this_run.source}; {figures.field_names(both)}, {figures.limit_name(last)}"
figure = figures.properties_inferred(chosen, ["f_cgm", "log_z_cgm"], source=note)

# %% mystnb={"figure": {"name": "fig-properties-2", "caption": "Mass, cool fraction and temperature of the CGM, truth against inference (compare Figures 6, 15 and 16 of the paper)."}}
figure = figures.properties_inferred(chosen, ["log_m_cgm", "f_cool", "log_t_cgm"], source=note)

# %% [markdown]
# $R^2$ of all six, per suite, and the properties from easy to hard by their mean:

# %%
score = metrics[metrics["fields"] == both].pivot(
    index=["limits", "property"], columns="suite", values="r2"
)
score.assign(mean=score.mean(axis=1)).sort_values(["limits", "mean"], ascending=[True, False])

# %%
order = score.mean(axis=1).groupby("property").mean().sort_values(ascending=False)
print("from easy to hard:", " > ".join(order.index))
print("suites, best first:", " > ".join(score.mean().sort_values(ascending=False).index))
print("in the paper Astrid is best and SIMBA worst, f_cool hardest")

# %% [markdown]
# ## Error by halo class
#
# The paper's Figure 7 splits the mean relative error $\epsilon$ by halo class, over all test halos. First for one suite, comparing the inputs. The paper's reading: for Sub-L\* halos HI has the lowest error and X-rays alone the
# highest; for L\* halos the multifield gains most; for groups X-rays catch up.

# %% mystnb={"figure": {"name": "fig-class-fields", "caption": "Mean relative error by halo class for one suite, by input (Figure 7 of the paper, left)."}}
suite = same["suite"].iloc[0]
one_suite = same[(same["suite"] == suite) & (same["limits"] == last)]
figure = figures.error_by_class(
    one_suite, "fields", source=f"{this_run.source}; {suite}, {figures.limit_name(last)}"
)

# %% [markdown]
# Then for all fields together, comparing the suites.

# %% mystnb={"figure": {"name": "fig-class-suites", "caption": "Mean relative error by halo class for all fields together, by suite (Figure 7 of the paper, right)."}}
figure = figures.error_by_class(chosen, "suite_test", source=note)

# %% [markdown]
# $\epsilon$ is what the network *claims*, and it is relative: $\log M_\mathrm{halo}\approx12$ makes it small by construction, and $f_\mathrm{cgm}\approx0$ makes it large. The error it *makes*, in units of each property's range, compares
# the properties more fairly:

# %% mystnb={"figure": {"name": "fig-class-rmse", "caption": "RMSE by halo class in units of each property's range, for all fields together, by suite."}}
figure = figures.error_by_class(chosen, "suite_test", "rmse", source=note)

# %% [markdown]
# ## Are the error bars honest?
#
# In how many halos lies the truth within $\mu\pm\sigma$? A table for all properties, expected 0.683, with the sampling noise of the smallest group for a yardstick:

# %%
expected, number = statistics.ONE_SIGMA, metrics["n"].min()
noise = (expected * (1 - expected) / number) ** 0.5
print(f"expected {expected:.3f} +- {noise:.3f} (one standard deviation, {number} halos)")
covered = metrics[metrics["fields"] == both]
covered.pivot(index=["limits", "property"], columns="suite", values="coverage")

# %% [markdown]
# One interval isn't the whole posterior. If it is Gaussian, intervals of every probability hold their share of the truths; lines below the diagonal mean errors that are too small, lines above it errors that are too large.

# %% mystnb={"figure": {"name": "fig-calibration", "caption": "Share of test halos whose truth lies in the central interval of each probability. Grey: what sampling noise allows a calibrated network at 95%. Dotted: one standard deviation."}}
figure = figures.calibration(chosen, source=note)

# %% [markdown]
# ## Scatter at fixed mass
#
# A network could do well on average by learning a mean relation with halo mass and ignoring everything else. Then its inferences would scatter less at fixed mass than the truths do. The paper's Table 3 finds just that for
# several properties, often by a factor of two. Ratio of inferred to true scatter (1: reproduced, below 1: too small):

# %%
scatter = statistics.scatter(chosen, ("property", "suite_test", "halo_class"))
scatter = scatter[(scatter["property"] != "log_m_halo") & (scatter["halo_class"] != "group")]
scatter.pivot(index=["property", "halo_class"], columns="suite_test", values="ratio")

# %%
ratio = scatter["ratio"].dropna()
print(f"median ratio {ratio.median():.2f}, of {len(ratio)} cases")
print(f"below 1 in {(ratio < 1).sum()}, below 1/2 in {(ratio < 0.5).sum()}")

# %% [markdown]
# ## What we learned
#
# - Accuracy ($R^2$, RMSE), claimed precision ($\epsilon$) and honesty ($\chi^2$, coverage) are different things, and a network may have one without the others.
# - The tables by class say which field is worth most for which halos. The paper's answer, HI for light halos and X-rays for heavy ones, is a statement about where cool and hot gas are found.
# - Some properties are read from the map, others are mostly guessed from the mass; the scatter at fixed mass tells the two apart.
# - All of this was measured within one galaxy-formation model. The real Universe wasn't made by any of them. [Next](05_cross_simulation.ipynb) the networks meet
#   suites that they don't know.
