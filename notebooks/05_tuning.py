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
# # 5. Tuning
#
# **Which hyperparameters matter, and how much does a search for them gain?**
#
# In this notebook we search for the hyperparameters of a network, as {cite:t}`Gluck2024` do: the maximum learning rate, the weight decay, the
# dropout, and the number of channels, chosen for the lowest validation loss. We look at the history of the search, the importance of the four, and the best trial.
#
# You need to know what a training is, from the [last chapter](04_cnn.ipynb). You can skip this one: later chapters use the profile's hyperparameters.

# %% tags=["parameters"]
profile = "quick"
run = ...
suites = ...
realisations = ...
fields = ...
limits = ...
trials = ...
trial_epochs = ...
trial_map_size = ...
seed = ...

# %%
from cgmhelpers.runs import start

this_run = start(globals())
print(this_run.source)

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown

from cgmhelpers import figures, inference, network

pd.set_option("display.precision", 3)
p = this_run.parameters
suite, limit = p.suites[0], p.limits[-1]

# %% [markdown]
# ## The study
#
# A trial is one training. Optuna's tree-structured Parzen estimator {cite:p}`Bergstra2011,Akiba2019` draws the next trial where earlier good ones were dense and bad ones
# rare. A trial whose validation loss is worse than the median of earlier trials at the same epoch is pruned. Trial 0 has the profile's hyperparameters, so
# the search can't end with a worse result.
#
# The study lies in the run's folder, in a journal that several processes, on several machines if need be, write to together. Another process
# resumes the trial of a killed one from its last epoch. Run this cell again and the search continues.

# %%
study = this_run.study(suite, limits=limit)
trials_tried = network.trials_table(study)
print(
    f"{figures.suite_name(suite, this_run.source)}, "
    f"{figures.field_names('+'.join(p.fields))}, "
    f"{figures.limit_name(limit)}:"
)
print(
    f"{len(trials_tried)} trials of up to {p.trial_epochs} epochs on "
    f"maps of {p.trial_map_size} pixels,"
    f" {trials_tried['seconds'].sum():.0f} s of work"
)
states = figures.tally(trials_tried["state"], {})
print(states)

# %% [markdown]
# ## How the search went

# %% mystnb={"figure": {"name": "fig-tuning-history", "caption": "Lowest validation loss of each trial (points), and the best so far (line). Trial 0 has the profile's hyperparameters; crosses were pruned."}}
figure = figures.tuning_history(trials_tried, this_run.source)
complete = trials_tried[trials_tried["state"] == "complete"]
first = complete.iloc[0]
best_loss = complete["validation_loss"].min()
gain = first["validation_loss"] - best_loss
figures.caption(
    f"This run: {len(trials_tried)} trials ({states}). "
    + (
        f"The loss falls from {first['validation_loss']:.2f} in trial "
        f"{first['number']} to {best_loss:.2f}."
        if gain > 0
        else f"No trial has a lower loss than trial {first['number']}, "
        f"{best_loss:.2f}."
    )
)

# %% [markdown]
# The best five:

# %%
shown = ["number", "validation_loss", "epochs", *network.TUNED]
leaders = complete.sort_values("validation_loss")[shown].head()
leaders = leaders.rename(columns={"number": "trial"})
figures.tabulate(leaders, "The best trials", this_run.source)

# %% [markdown]
# ## What matters
#
# A random forest is fitted to the losses as a function of the four hyperparameters, and the variance of the losses divided among them
# (functional ANOVA, {cite:t}`Hutter2014`). From fewer than ten trials for each hyperparameter, which is forty, the shares are mostly chance.

# %% mystnb={"figure": {"name": "fig-tuning-importances", "caption": "Share of each hyperparameter in the variance of the validation loss over the trials."}}
importances = network.importances(study)
figure = figures.tuning_importances(importances, this_run.source)
figures.caption(
    "Too few trials in this run to tell."
    if importances.empty
    else f"From {len(complete)} complete trials, the largest share "
    f"belongs to {str(importances.idxmax()).replace('_', ' ')}: "
    f"{importances.max():.0%}"
    + ("; too few trials to tell." if len(complete) < 40 else ".")
)

# %% [markdown]
# The next figure shows all complete trials at once:

# %% tags=["cover"] mystnb={"figure": {"name": "fig-tuning-parallel", "caption": "Every complete trial is a line through its four hyperparameters, from the least to the largest tried value; rates on a logarithmic axis. The best trial is black."}}
figure = figures.tuning_parallel(trials_tried, this_run.source)
figures.caption(
    f"{len(complete)} trials of this run have losses from "
    f"{best_loss:.2f} to {complete['validation_loss'].max():.2f}."
)

# %% [markdown]
# A hyperparameter matters if lines of a colour gather at the same height; it doesn't if colours mix.
#
# ## The best network
#
# The best network is kept, in a folder like that of any other network.

# %%
best = network.best(study)
description = network.read_description(best)
predictor = inference.load(best)
print(
    f"{description['number_of_parameters']:,} parameters, "
    f"{figures.field_names('+'.join(predictor.fields))}"
)
chosen = pd.Series(
    {name: description["settings"][name] for name in network.TUNED},
    name="best trial",
)
profiles_own = pd.Series(
    {name: getattr(p, name) for name in network.TUNED}, name="profile"
)
figures.tabulate(
    pd.concat([profiles_own, chosen], axis=1).T,
    "Hyperparameters of the profile and of the best trial",
)

# %% [markdown]
# To train all networks of a run with these values, override them: `cgm train --set learning_rate=...`, or write them into a profile. The command `cgm tune` does the
# search of this notebook.

# %% [markdown]
# ## What this run found

# %%
Markdown(
    f"- {len(trials_tried)} trials in "
    f"{trials_tried['seconds'].sum() / 60:.1f} minutes of work: "
    f"{states}.\n"
    + (
        f"- The best trial lowers the validation loss by {gain:.2f}: "
        "as much as mean squares smaller by "
        f"{1 - np.exp(-gain / 12):.0%} in each of the twelve terms of "
        "the loss.\n"
        if gain > 0
        else "- The search gained nothing: no trial was better than "
        "the hyperparameters of the profile.\n"
    )
)

# %% [markdown]
# - A study is a folder that any number of workers can share, that survives interruptions, and that ends with a trained network.
# - The validation loss chooses, so the best of many trials is a little better on validation halos than on others. Test halos take no part.
# - The best values depend on the length of a trial and the number of halos: few short trials on a small run show how tuning works, but don't give the values for
#   a full run.
#
# ## Exercise
#
# Run this chapter with twice as many trials (`-p trials 12`, for the quick profile). Does the second half find a better trial than the first?
#
# <details><summary>Answer</summary>
#
# Ever more rarely. Of $n$ random trials the best is in the second half with a probability of one half, but it gains less and less. The search continues where it stopped, so that the first trials aren't repeated. If the best trial is still the last one, search on.
#
# </details>
