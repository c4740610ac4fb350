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
# # 3. Explore the maps by hand
#
# **What does a single halo look like, and what would a survey miss of it?**
#
# In this notebook we look at single halos: their maps, the gas that a survey would miss, and the inference of a network from the rest. A table of
# errors shows how far off the networks are; an hour with the maps shows why.
#
# You need the maps of the [last chapter](02_map_generation.ipynb). The networks that answer here are trained first if the run lacks them; the [next chapter](04_cnn.ipynb) explains them.

# %% tags=["parameters"]
profile = "quick"
run = ...
suites = ...
realisations = ...
fields = ...
limits = ...

# %%
from cgmhelpers.runs import start

this_run = start(globals())
print(this_run.source)

# %% [markdown]
# {func}`cgmhelpers.explorer.collection.collect` gathers the halos of all suites. It reads their labels and properties only: the images of a halo are read when
# it is shown, so that a store of thousands of halos opens as fast as one of ten.

# %%
from IPython.display import Markdown

from cgmhelpers import explorer, figures

halos = explorer.collect(this_run)
figures.tabulate(
    halos.table.groupby("suite", sort=False)["log_mass"].agg(
        halos="size", lightest="min", heaviest="max"
    ),
    "Halos of this run and their log_m_halo",
    this_run.source,
)

# %% [markdown]
# ## On this page
#
# This page contains a few halos along the mass range, and the same halos in the other suites, and needs neither a kernel nor the internet.
# Choose a halo from the list or click it in the plane, turn the line of sight, raise the limit. Curves in the table are the posteriors of the network
# for the maps *with that limit*, ticks are the truth. "Side by side" adds the same halo in the other suites, in the same colours. Point at a map, or walk on it with
# the arrow keys, to read a pixel. The link below the explorer leads back to what you see.

# %% tags=["full-width"]
explorer.page(halos, folder=this_run.folder / "explorer")

# %% [markdown]
# Ideal maps go to the network that was trained on ideal maps, all others to the one trained at the survey's limits. The slider moves the limits of all
# fields together. To the left of the survey's limits only the picture changes, since the network applies the limits of its training. To
# the right of it, pixels between the survey's limit and yours count as not detected: they get the value that undetected pixels had in training, so that the network
# sees an emptier sky and not a brighter one. A warning in red marks maps, and answers, that lie outside of those of the training.
#
# ## The page computes
#
# Open "Change the maps" under the maps, and the page loads the network and runs it itself. Make a field brighter or fainter, add noise, move the limit to any depth, rub
# out a satellite, give the halo the gas of its twin in another suite, ask a network of another suite, or drop a FITS file of your own: a square about the halo, in
# kpc and in the field's unit, as the live explorer below writes it. A map for the networks should have no limit yet: limits come after the average over their
# coarser pixels. Weights are rounded to 16 bits, those of networks as large as the paper's to fewer, which moves means and widths, in units of the properties' ranges,
# by less than 0.001.
#
# "Why this" distributes the difference between the answer and that for a blank map over the pixels: orange pixels raise it, blue ones lower it. The sentence below the
# maps sums them up for each field. The method is DeepLIFT {cite:p}`Shrikumar2017`, whose parts add up to the difference exactly, at three times the cost of an answer. The [chapter on
# interpretation](10_interpretation.ipynb) has the time for integrated gradients, which follow the whole path between the two maps.
#
# ## Live, all halos
#
# With a kernel (`make lab`) the same explorer has every halo of the run, and exports: the map as FITS (units, and a
# coordinate system in kpc about the halo's centre) or PNG, the listed halos as CSV. Files go to the run's folder.

# %%
explorer.explore(halos, this_run.folder / "exports")

# %% [markdown]
# ## What to try
#
# - **Blind the survey.** Take a light halo, *survey* limits, and raise your own. Without bright pixels, the estimates must fall back on the
#   mean of halos that look blank, and the error bars should widen to match. Do they?
# - **Change the Universe.** "Same halo in" shows the twin that grew from the same initial conditions with other feedback. Tick "hold the colour scale" first.
# - **Ask the wrong network.** Choose a network trained on another suite. Where it is off by many σ, it is confidently wrong: the subject of
#   the [chapter on other suites](11_cross_simulation.ipynb).
# - **Ask why.** Let the page explain log M halo, then rub out the orange pixels. Does the mass fall by what they were said to add?
# - **Let it rain noise.** At which level does the posterior move, and at which does the red warning come? Networks never saw noise in training.
# - **Turn the halo.** Properties don't depend on the line of sight. Estimates do, and the difference is a lower limit on their error.

# %% [markdown]
# ## What this run found

# %%
masses = halos.table["log_mass"]
predictions = this_run.predictions()
same = predictions["suite_train"] == predictions["suite_test"]
mass = predictions[same & (predictions["property"] == "log_m_halo")]
limits = this_run.parameters.limits[-1]
both = max(mass["fields"].unique(), key=len)
mass = mass[(mass["limits"] == limits) & (mass["fields"] == both)]
error = (mass["mean"] - mass["truth"]).abs()
Markdown(
    f"- The explorer has {len(halos.table)} halos of "
    f"{halos.table['suite'].nunique()} suites, from 10<sup>"
    f"{masses.min():.1f}</sup> to 10<sup>{masses.max():.1f}</sup> "
    "M<sub>☉</sub>.\n"
    f"- With {figures.field_names(both)} and "
    f"{figures.limit_name(limits)}, half of the halo masses that networks "
    "infer in their own suite are off by more than "
    f"{error.median():.2f} dex, one in twenty by more than "
    f"{error.quantile(0.95):.2f} dex."
)

# %% [markdown]
# - The limit of a survey decides for which halos a map is informative.
# - Twins at equal colours show the effect of feedback on gas directly, without statistics.
# - One halo is an anecdote. The tables of the [chapter on accuracy](06_accuracy.ipynb) count.
#
# ## Exercise
#
# Take a light halo, choose *survey* limits, and raise your own limit until no pixel is left. What does the network answer then, and how wide is its error bar?
#
# <details><summary>Answer</summary>
#
# Without bright pixels the estimates fall back on the mean of the halos that look blank in training, mostly light ones, and the error bars widen to the scatter of those. A network that
# stays sure of itself on a blank map isn't to be trusted.
#
# </details>
