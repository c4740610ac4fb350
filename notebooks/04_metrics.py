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
# scatter at fixed mass (Table 3). What the paper says stands beside each, with a verdict computed from this run. Each network is tested on its own suite here; other suites follow in the next notebook.

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
this_run

# %%
import pandas as pd
from IPython.display import Markdown, display

from cgmhelpers import figures, network, paper, statistics
from cgmhelpers.runs import results

pd.set_option("display.precision", 3)

# %% [markdown]
# ## One tidy table
#
# One row per network, halo and property, with the truth $\theta$, the posterior mean $\mu$ and standard deviation $\sigma$ in the property's unit. The network itself claims `std_network`; `std` is that width **recalibrated** on validation halos, as
# [explained below](#are-the-error-bars-honest), and is the $\sigma$ of all numbers and error bars on this page that don't say otherwise:

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
of_mass.style.format(precision=3).hide(axis="index").set_caption(
    f"Halo mass, recalibrated widths. {this_run.source}"
)

# %%
Markdown(
    "The paper's numbers aren't shown beside these: they were measured on CAMELS, and these on a mock suite that we built."
    if this_run.is_mock
    else "The paper quotes for ideal maps of IllustrisTNG $R^2(M_\\mathrm{halo})=0.918$ with X-ray and 0.938 with HI, and with survey limits, from X-ray and HI together, an RMSE of "
    "about 0.14 dex in $M_\\mathrm{halo}$; from 27 realisations and a tuned network."
)

# %% [markdown]
# ## Truth against inference: ideal maps
#
# Perfect inference is the diagonal, colour is the true halo mass. Two opposite failures to look for: points that run
# *along a horizontal band* mean that the map says nothing and the network answers with the mean of its sample; points *beside the diagonal with small bars* mean that it
# is confident and wrong.
#
# **Two kinds of metrics.** Like the paper, we plot a part of the halos: all groups, and a random choice of the lighter ones. The paper quotes the metrics *of the plotted points*, and so do our panels (how many of how many stands above them). The tables
# below each figure give the same metrics for *all* test halos beside them. Verdicts use all, and only networks that have finished learning: one whose training still gained at its end, or that errs more than a network with fewer fields does, decides nothing.
#
# ### Figure 3
#
# The paper, on the halo mass: X-rays give it well above $10^{12.5}\,\mathrm{M}_\odot$, HI is better at low mass in IllustrisTNG, Astrid is inferred best of all and SIMBA worst.

# %% mystnb={"figure": {"name": "fig-3", "caption": "After Figure 3 of the paper, on {data}: halo mass, truth against inference from ideal maps: one row per input, one column per suite. Metrics in the panels are those of the plotted halos."}}
evidence = results.evidence(this_run)
panels = ["property", "fields", "suite_test"]
ideal, said = figures.choose(predictions, "Figures 3 to 5", ["xray", "hi"], "ideal")
print(said)
if len(ideal):
    figure = figures.truth_inference(ideal, "log_m_halo", source=f"{this_run.source}; ideal maps")

# %%
if len(ideal):
    of_mass = ideal[ideal["property"] == "log_m_halo"]
    display(figures.panel_metrics(of_mass, panels).style.format(precision=3))

# %%
Markdown(paper.beside(evidence, "Fig. 3", this_run.is_mock))

# %% [markdown]
# ### Figure 4
#
# The paper: the gas fraction $f_\mathrm{cgm}$ is harder than the mass, HI is the slightly better probe, and Astrid gives the best inference.

# %% mystnb={"figure": {"name": "fig-4", "caption": "After Figure 4 of the paper, on {data}: gas fraction, truth against inference from ideal maps. Metrics in the panels are those of the plotted halos."}}
if len(ideal):
    figure = figures.truth_inference(ideal, "f_cgm", source=f"{this_run.source}; ideal maps")

# %%
Markdown(paper.beside(evidence, "Fig. 4", this_run.is_mock))

# %% [markdown]
# ### Figure 5
#
# The paper: metallicity scatters by up to 1 dex at fixed mass; neither field alone is powerful enough to infer it; Astrid is inferred best.

# %% mystnb={"figure": {"name": "fig-5", "caption": "After Figure 5 of the paper, on {data}: metallicity, truth against inference from ideal maps. Metrics in the panels are those of the plotted halos."}}
if len(ideal):
    figure = figures.truth_inference(ideal, "log_z_cgm", source=f"{this_run.source}; ideal maps")

# %%
Markdown(paper.beside(evidence, "Fig. 5", this_run.is_mock))

# %% [markdown]
# Metrics of Figures 4 and 5, plotted halos and all:

# %% tags=["hide-output"]
if len(ideal):
    of_gas = ideal[ideal["property"].isin(["f_cgm", "log_z_cgm"])]
    display(figures.panel_metrics(of_gas, panels).style.format(precision=3))

# %% [markdown]
# ## With survey limits
#
# Now with what a survey would leave of the maps. X-ray emission of light halos drops below the limit.
#
# ### Figure 6
#
# The paper, for IllustrisTNG: X-rays alone can't infer halos below about $10^{12.5}\,\mathrm{M}_\odot$ (points at low mass turn into a band), HI can, and the two together do best, for L\* halos above all.

# %% mystnb={"figure": {"name": "fig-6", "caption": "After Figure 6 of the paper, on {data}: mass of the halo and of its CGM in one suite with survey limits, from X-ray, HI, and both. Metrics in the panels are those of the plotted halos."}}
limited, said = figures.choose(
    predictions, "Figure 6", ["xray", "hi", "xray+hi"], "survey", suite="IllustrisTNG"
)
print(said)
if len(limited):
    note = f"{this_run.source}; {limited['suite_test'].iloc[0]}, survey limits"
    figure = figures.properties_inferred(limited, ["log_m_halo", "log_m_cgm"], "fields", note)

# %%
if len(limited):
    of_masses = limited[limited["property"].isin(["log_m_halo", "log_m_cgm"])]
    display(figures.panel_metrics(of_masses, panels).style.format(precision=3))

# %%
Markdown(paper.beside(evidence, "Fig. 6", this_run.is_mock))

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
# ## The other properties
#
# From X-ray and HI together with survey limits, as in the paper's Appendix B. It finds Astrid best, and all of them harder than the masses.

# %%
multifield, said = figures.choose(predictions, "Figures 13 to 16", ["xray+hi"], "survey")
note = f"{this_run.source}; X-ray + HI, survey limits"
print(said)

# %% [markdown]
# ### Figure 13
#
# The paper, on $f_\mathrm{cgm}$: large scatter in IllustrisTNG and SIMBA, little in Astrid, where values are highest.

# %% mystnb={"figure": {"name": "fig-13", "caption": "After Figure 13 of the paper, on {data}: gas fraction from X-ray and HI with survey limits. Metrics in the panels are those of the plotted halos."}}
if len(multifield):
    figure = figures.truth_inference(multifield, "f_cgm", source=note)

# %%
Markdown(paper.beside(evidence, "Fig. 13", this_run.is_mock))

# %% [markdown]
# ### Figure 14
#
# The paper, on $Z_\mathrm{cgm}$: much as with ideal maps (Figure 5), with the least scatter in Astrid.

# %% mystnb={"figure": {"name": "fig-14", "caption": "After Figure 14 of the paper, on {data}: metallicity from X-ray and HI with survey limits. Metrics in the panels are those of the plotted halos."}}
if len(multifield):
    figure = figures.truth_inference(multifield, "log_z_cgm", source=note)

# %%
Markdown(paper.beside(evidence, "Fig. 14", this_run.is_mock))

# %% [markdown]
# ### Figure 15
#
# The paper, on $f_\mathrm{cool}$: significant scatter and large error bars in all three suites; the property is the hardest.

# %% mystnb={"figure": {"name": "fig-15", "caption": "After Figure 15 of the paper, on {data}: cool fraction from X-ray and HI with survey limits. Metrics in the panels are those of the plotted halos."}}
if len(multifield):
    figure = figures.truth_inference(multifield, "f_cool", source=note)

# %%
Markdown(paper.beside(evidence, "Fig. 15", this_run.is_mock))

# %% [markdown]
# ### Figure 16
#
# The paper, on $T_\mathrm{cgm}$: Astrid has the least scatter and the smallest error bars, SIMBA the largest scatter.

# %% mystnb={"figure": {"name": "fig-16", "caption": "After Figure 16 of the paper, on {data}: temperature from X-ray and HI with survey limits. Metrics in the panels are those of the plotted halos."}}
if len(multifield):
    figure = figures.truth_inference(multifield, "log_t_cgm", source=note)

# %%
Markdown(paper.beside(evidence, "Fig. 16", this_run.is_mock))

# %% [markdown]
# Metrics of the four figures, plotted halos and all:

# %% tags=["hide-output"]
if len(multifield):
    rest = multifield[multifield["property"].isin(["f_cgm", "log_z_cgm", "f_cool", "log_t_cgm"])]
    display(figures.panel_metrics(rest, panels).style.format(precision=3))

# %% [markdown]
# $R^2$ of all six, per suite, from all fields of this run together, and the properties from easy to hard by their mean:

# %%
both = max(same["fields"].unique(), key=len)
last = this_run.parameters.limits[-1]
chosen = same[(same["fields"] == both) & (same["limits"] == last)]
note = f"{this_run.source}; {figures.field_names(both)}, {figures.limit_name(last)}"
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
# ### Figure 7
#
# The mean relative error $\epsilon$ by halo class, over *all* test halos, in the paper too; the verdicts below the figure judge the same $\epsilon$. The paper's reading, for IllustrisTNG: for Sub-L\* halos HI has the lowest error and X-rays alone the
# highest; for L\* halos the multifield gains most; for groups X-rays catch up. And comparing the suites, SIMBA has the highest errors and Astrid the lowest.

# %% mystnb={"figure": {"name": "fig-7", "caption": "After Figure 7 of the paper, on {data}, left: mean relative error of six properties by halo class for one suite, by input, with survey limits."}}
if len(limited):
    own = f"{this_run.source}; {limited['suite_test'].iloc[0]}, survey limits"
    figure = figures.error_by_class(limited, "fields", source=own)
else:
    print("Figure 7, left, is left out, for the same reason as Figure 6.")

# %% mystnb={"figure": {"name": "fig-7-right", "caption": "After Figure 7 of the paper, on {data}, right: the same for X-ray and HI together, by suite (for all fields and the last limits of this run, if it lacks those)."}}
figure = figures.error_by_class(chosen, "suite_test", source=note)

# %%
Markdown(paper.beside(evidence, "Fig. 7", this_run.is_mock))

# %% [markdown]
# $\epsilon$ is what the network *claims*, and it is relative: $\log M_\mathrm{halo}\approx12$ makes it small by construction, and $f_\mathrm{cgm}\approx0$ makes it large. The error it *makes*, in units of each property's range, compares
# the properties more fairly:

# %% mystnb={"figure": {"name": "fig-class-rmse", "caption": "RMSE by halo class in units of each property's range, for all fields together, by suite."}}
figure = figures.error_by_class(chosen, "suite_test", "rmse", source=note)

# %% [markdown]
# ## Are the error bars honest?
#
# In how many halos lies the truth within $\mu\pm\sigma$? 68.3% is expected of a Gaussian posterior. But the loss of a moment network hardly notices a $\sigma$ that is too small, so what a network claims isn't to be trusted unseen.
#
# The paper quotes three coverages of the halo mass from ideal maps. Networks of the paper weren't recalibrated, so the networks' *own* widths are what stands beside them here:

# %%
paper.table_coverage(same).style.format(precision=3, na_rep="–").hide(axis="index").set_caption(
    f"Coverage of one standard deviation, halo mass, ideal maps. {this_run.source}"
)

# %% [markdown]
# Each network is **recalibrated** after training. Its *validation* halos, seen from three sides, give two numbers per property, a floor $f$ and a scale $s$:
#
# $$ \sigma'^2 = s^2\left(\sigma^2+f^2\right) . $$
#
# The floor maximises the likelihood of the validation halos, and the scale makes $\mu\pm\sigma'$ hold 68.3% of them ({mod}`cgmhelpers.network.calibration` says why both). Each halo class has a scale of its own, the closer to the common one the fewer validation halos it has;
# the class is that of the mass that the network *infers*, since the true mass isn't known when a network is used. Test halos take no part. Column `std` of the table is $\sigma'$, and all above used it; `std_network` is what the network itself claims.

# %%
in_classes = statistics.coverages(
    chosen, ["halo_class", "suite_test", "property"], [statistics.ONE_SIGMA]
)
counts = in_classes.groupby(["halo_class", "verdict"], sort=False).size().unstack(fill_value=0)
for name, row in counts.reindex(columns=statistics.VERDICTS, fill_value=0).iterrows():
    print(
        f"{name}: " + ", ".join(f"{number} {verdict}" for verdict, number in row.items())
        + f" of {row.sum()} suites and properties"
    )  # fmt: skip

# %%
validated = {
    row.suite: network.read_description(row.folder)["calibration"]["halos"]
    for row in this_run.networks().itertuples()
    if (row.fields, row.limits) == (both, last)
}
for row in in_classes.itertuples():
    if not 0.60 <= row.coverage <= 0.76:
        halos_behind = validated[row.suite_test].get(row.halo_class, 0)
        noise = (0.22 / row.n + network.coverage_noise(halos_behind) ** 2) ** 0.5
        reason = "chance" if abs(row.coverage - 0.683) < 2 * noise else "more than chance"
        print(
            f"  {row.coverage:.0%} of {row.n} {row.halo_class} halos of {row.suite_test} for {row.property}: {reason}, "
            f"68% is known to ±{2 * noise:.0%} from them and {halos_behind} validation halos"
        )

# %% [markdown]
# That is the strictest statement of this page: recalibrated widths, halo class by halo class (by true mass, which the recalibration never saw), from all fields together with the last limits. One standard judges every coverage in this book: errors are
# *as stated* unless right posteriors would cover so few, or so many, of as many halos in less than 5% of all samples (an exact binomial test, {func}`cgmhelpers.statistics.coverage.judge`). About one right posterior in twenty fails it by chance. Averages over
# classes hide what fails in one of them. Over all halos of each network, with the network's own widths and recalibrated ones:

# %%
widths = statistics.before_and_after(same)
every = statistics.examine(widths, ("width", *statistics.GROUPING), draws=0)
for width, own in every.groupby("width", sort=False):
    stated = (own["verdict"] == statistics.VERDICTS[0]).sum()
    print(
        f"{width}: errors as stated for {stated} of {len(own)} networks and properties; "
        f"median chi2 {own['reduced_chi2'].median():.2f}, largest {own['reduced_chi2'].max():.3g}"
    )

# %% [markdown]
# All properties from all fields together, with the last limits of this run: coverage of $\mu\pm\sigma$ with its exact 95% interval. The validation halos behind the recalibration add noise of their own, about as much where they are as many.

# %%
by = ["width", "suite_test", "property"]
own_and_recalibrated = statistics.before_and_after(chosen)
examined = statistics.examine(own_and_recalibrated, by)


def side_by_side(column):
    texts = examined.assign(text=statistics.quote(examined, column))
    return texts.pivot(index=["suite_test", "property"], columns="width", values="text")


side_by_side("coverage")

# %%
of_last = examined[examined["width"] == statistics.WIDTHS[1]]
missed = of_last[of_last["verdict"] != statistics.VERDICTS[0]]
print(
    f"after recalibration as stated: {len(of_last) - len(missed)} of {len(of_last)} properties and suites"
)
for row in missed.itertuples():
    print(
        f"  {row.verdict} for {row.property} in {row.suite_test}: {row.coverage:.3f} of {row.n} test halos"
    )

# %% [markdown]
# Reduced $\chi^2$ of the same, expected 1. It has no upper bound: a single halo whose $\sigma$ is nearly zero can carry it away.

# %%
side_by_side("reduced_chi2")

# %% [markdown]
# One interval isn't the whole posterior. If it is Gaussian, intervals of *every* probability hold their share of the truths; lines below the diagonal mean errors that are too small, lines above it errors that are too large.

# %% mystnb={"figure": {"name": "fig-coverage", "caption": "Share of test halos whose truth lies in the central interval of each probability, with the networks' own widths (above) and recalibrated ones (below). Grey: what sampling noise allows right posteriors at 95%. Dotted: one standard deviation."}}
levels = statistics.coverages(own_and_recalibrated, by, statistics.LEVELS)
figure = figures.coverage_curves(levels, source=note)

# %% [markdown]
# The numbers behind the lower row, at ten levels, with their intervals:

# %% tags=["hide-output"]
after = levels[levels["width"] == statistics.WIDTHS[1]].round({"level": 3})
after.assign(text=statistics.quote(after, "coverage")).pivot(
    index=["suite_test", "property"], columns="level", values="text"
)

# %% [markdown]
# The **PIT** (probability integral transform) shows which way posteriors fail: it is the share of each posterior that lies below the truth, and is uniform over the halos if posteriors are right. Truths beyond both ends of posteriors that are too narrow
# make a bowl, posteriors that are too wide a hill. A slope is a bias of the mean, which no width can mend.

# %% mystnb={"figure": {"name": "fig-pit", "caption": "Histograms of the PIT of all test halos. Band: where the bins of right posteriors lie in 95% of samples of this size. Dashed bins beyond the panels are halos that the network excluded."}}
figure = figures.pit_histograms(statistics.pit_histogram(own_and_recalibrated, by), source=note)

# %% [markdown]
# The numbers behind the first statement: coverage and $\chi^2$ after recalibration, halo class by halo class, for the classes that have enough test halos to tell.

# %%
by_class = statistics.examine(chosen, ["suite_test", "halo_class", "property"])
by_class = by_class[by_class["n"] >= 10]
for metric in ("coverage", "reduced_chi2"):
    texts = by_class.assign(text=statistics.quote(by_class, metric))
    wide = texts.pivot(index="property", columns=["suite_test", "halo_class"], values="text")
    display(wide.style.set_caption(f"{metric}. {this_run.source}"))

# %% [markdown]
# ## Scatter at fixed mass
#
# A network could do well on average by learning a mean relation with halo mass and ignoring everything else. Then its inferences would scatter less at fixed mass than the truths do.
#
# ### Table 3
#
# The paper, from ideal maps of X-ray and HI together: scatter is reproduced for one property in SIMBA and Astrid, and too small, often by a factor of two, for the others. Our text lost which two properties its table shows, so
# here are all five. Ratios of inferred to true scatter: 1 is reproduced, below 1 too small.

# %%
ideal_both, said = figures.choose(predictions, "Table 3", ["xray+hi"], "ideal")
print(said)
if len(ideal_both):
    table = paper.table_scatter(ideal_both)
    display(
        table.style.format(precision=3, na_rep="–").set_caption(
            f"After Table 3 of the paper: scatter at fixed halo mass. {this_run.source}"
        )
    )

# %% [markdown]
# The paper's own table, of CAMELS. On a mock suite its ratios show how a printed table looks, not what ours should be:

# %%
paper.printed_scatter().style.format(precision=3).set_caption(
    "Table 3 as printed, CAMELS, two properties whose names are lost"
)

# %%
Markdown(paper.beside(evidence, "Table 3", this_run.is_mock))

# %% [markdown]
# ## What not to trust
#
# A network answers every map, also one like none that it was trained with, and a training may end before it is finished. {func}`cgmhelpers.statistics.quality.report` holds every network against the range of its training halos (in properties,
# and in total, median and bright end of the maps), its errors against the truth, and its learning curve against itself. Whatever doesn't pass is listed: how many properties it concerns, the values, and what would have passed.

# %%
_, problems = this_run.trust()
own = problems[(problems["suite_test"] == "") | (problems["suite_test"] == problems["suite_train"])]
print(f"{len(own)} warnings for {len(this_run.networks())} networks")
own.groupby(["problem", "limits", "suite_train"])[["value", "low", "high"]].agg(
    {"value": ["size", "min", "max"], "low": "min", "high": "max"}
)

# %% [markdown]
# ## What we learned
#
# - Accuracy ($R^2$, RMSE), claimed precision ($\epsilon$) and honesty ($\chi^2$, coverage) are different things, and a network may have one without the others.
# - Claims of precision need a check on halos that the network hasn't learnt from. Validation halos mend widths; they don't mend a bias.
# - The tables by class say which field is worth most for which halos. The paper's answer, HI for light halos and X-rays for heavy ones, is a statement about where cool and hot gas are found.
# - Some properties are read from the map, others are mostly guessed from the mass; the scatter at fixed mass tells the two apart.
# - All of this was measured within one galaxy-formation model. The real Universe wasn't made by any of them. [Next](05_cross_simulation.ipynb) the networks meet
#   suites that they don't know.
