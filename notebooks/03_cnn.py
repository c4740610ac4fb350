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
# # The network
#
# In this notebook we build the convolutional network of {cite:t}`Gluck2024`, look at the loss that makes its outputs a posterior mean and
# a standard deviation, divide the halos into training, validation and test sets, and train a network for every suite, input and limit of
# this run. At the end we ask one of them about one halo.

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
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from cgmhelpers import figures, inference, maps, network
from cgmhelpers.paper import table_functions, table_layers

pd.set_option("display.precision", 3)

# %% [markdown]
# ## The task
#
# Given the map of a halo, in X-ray, in HI or in both, infer six numbers: the mass of the halo, and the gas fraction, metallicity, mass, cool fraction
# and temperature of its CGM. And, as an inference without an error bar is worth little, say for each how sure you are.
#
# Nobody can write down the likelihood of an image given these numbers, but simulations draw from it. That is enough. A **moment
# network** {cite:p}`JeffreyWandelt2020` learns from pairs of maps $d$ and properties $\theta$ two moments of the posterior $p(\theta_i\,|\,d)$, its mean
# $\mu_i$ and its variance $\sigma_i^2$, without ever forming the posterior itself. The trick is in the loss, in the form of the CAMELS Multifield
# Dataset {cite:p}`VillaescusaNavarro2022`, with means $\langle\cdot\rangle$ over a batch:
#
# $$
# \mathcal{L} = \sum_{i=1}^{6}\Big\{\log\big\langle(\theta_i-\mu_i)^2\big\rangle
# + \log\big\langle\big[(\theta_i-\mu_i)^2-\sigma_i^2\big]^2\big\rangle\Big\}.
# $$
#
# The mean squared error is least when $\mu_i$ is the mean of the posterior, and then the second term is least when
# $\sigma_i^2$ is its variance. The logarithms make properties that are easy and those that are hard count alike. Let's try it: draw "truths" with a scatter of 0.3 about a known
# mean, and let $\sigma$ run.

# %%
truth = 0.3 * torch.randn(100_000, 1, generator=torch.Generator().manual_seed(1))
mean = torch.zeros_like(truth)
sigmas = np.linspace(0.1, 0.6, 501)
losses = [network.moment_loss(truth, mean, mean + sigma).item() for sigma in sigmas]
best = sigmas[np.argmin(losses)]
print(f"least loss at sigma = {best:.3f}, scatter of the truths {truth.std().item():.3f}")

# %% [markdown]
# ## Training what the run lacks
#
# Each suite, each field alone and all together, each limit: that makes one network each. This is the long step of the book. It resumes where it was
# interrupted, and networks that are there already are left alone.

# %%
networks = this_run.networks()
networks.assign(folder=[folder.name for folder in networks["folder"]])

# %% [markdown]
# ## The architecture
#
# Blocks of three convolutions halve the map and double the channels, until a last convolution leaves a single pixel; two linear layers with dropout turn it into
# twelve numbers.
#
# ### Table 4
#
# Not typed but read from a live network: first that of the paper, with 12 channels in the first block and maps of 128 pixels, beside the layers as printed. (The paper's table says 394 once where all else needs 384.)

# %% tags=["hide-output"]
paper = network.MomentNetwork(in_channels=1)
layers = table_layers(paper)
layers.style.format(precision=5, na_rep="").hide(axis="index").set_caption(
    "After Table 4 of the paper: convolutions and normalisations"
)

# %%
agree = layers["as_printed"].sum()
verdict = "✔ **the same**" if agree == len(layers) else "✘ **not the same**"
Markdown(f"{verdict}: {agree} of {len(layers)} layers are as printed.")

# %% [markdown]
# ### Table 5
#
# What follows the convolutions. The paper's table also lists a pooling layer, ReLU and tanh; with a map of one pixel left there is nothing to pool, and nothing in its text uses the other two.

# %%
functions = table_functions(paper)
functions.style.hide(axis="index").set_caption(
    "After Table 5 of the paper: fully connected layers and functions"
)

# %%
needed = functions[~functions["paper"].str.startswith("listed")]
verdict = "✔ **the same**" if needed["as_printed"].all() else "✘ **not the same**"
Markdown(
    f"{verdict}: {needed['as_printed'].sum()} of {len(needed)} that the paper's network uses are as printed."
)

# %% [markdown]
# The networks of this run have the same blocks, as many as halve their maps down to one pixel. One of them, layer by layer in the order of execution:

# %% tags=["hide-output"]
description = network.read_description(networks["folder"][0])
model = network.MomentNetwork(**description["network"])
network.summary(model).style.format({"parameters": "{:,}"}).hide(axis="index")

# %%
for name, one in (("this run", model), ("the paper", paper)):
    print(f"{name:9s} {one.size} x {one.size} pixels, {one.channels} channels in the first block:")
    print(f"          {one.number_of_parameters:,} parameters, {one.in_channels} field(s)")

# %% [markdown]
# The number of halos is far below the number of parameters. What keeps the network from learning them by heart is
# regularisation: dropout, weight decay, and weights that are kept from the epoch of the lowest *validation* loss.
#
# ## Who trains, who tests
#
# 60% of the halos train the network, 20% validate it and 20% test it. A halo in training is seen along three lines of sight, a halo in validation or
# test along one; all views of a halo share its part.
#
# There is a trap. Halo $k$ exists in every suite, so a split *by halo* within each suite puts twins of training halos into the test set of
# another one, and the cross-simulation test of notebook 5 may then recognise what it has seen. A split *by realisation* keeps twins together. The
# paper splits by halo with one seed; the profile decides here:

# %%
one_per_suite = networks.drop_duplicates("suite")["folder"]
splits = pd.concat([pd.read_csv(folder / network.SPLIT) for folder in one_per_suite])
print(f"split by {this_run.parameters.split_by}, seed {this_run.parameters.seed}")
counts = splits.groupby(["suite", "halo_class", "part"], sort=False).size()
counts.unstack("part", fill_value=0)[list(network.PARTS)]

# %%
boxes = splits.groupby(["realisation", "part"])["group"].count().unstack("part", fill_value=0)
boxes.reindex(columns=network.PARTS, fill_value=0).rename_axis(
    columns="halos of the realisation, all suites"
)

# %% [markdown]
# ## What the network sees
#
# Surface brightness spans many decades, so the input is the logarithm of the floored map, standardised with mean and standard deviation over the pixels of
# the **training** halos alone. (A mean over all halos would leak test data into training.) The targets are the six properties, scaled with the ranges of
# Table 1, which are the same for all suites.

# %%
rows = []
for one in networks.itertuples():
    scaling = network.read_description(one.folder)["scaling"]
    rows += [
        (one.suite, one.fields, one.limits, *values)
        for values in zip(scaling["fields"], scaling["mean"], scaling["std"], strict=True)
    ]
pd.DataFrame(rows, columns=["suite", "network", "limits", "field", "mean of log10", "std of log10"])

# %% [markdown]
# With survey limits the X-ray mean sits close to the floor: most pixels of most halos hold nothing but the limit. Suites also differ in these numbers, a
# first hint of what a network will meet when it is shown another suite's maps.
#
# ## Learning curves

# %% mystnb={"figure": {"name": "fig-learning", "caption": "Loss of training (dashed) and validation (solid) for every network of this run. A point marks the epoch whose weights were kept. The training loss is measured with dropout, so it may lie above that of validation."}}
histories = {
    (one.suite, one.fields, one.limits): pd.read_csv(one.folder / network.HISTORY)
    for one in networks.itertuples()
}
figure = figures.learning_curves(histories, this_run.source)

# %% [markdown]
# The loss is a sum of logarithms and may be negative; two networks can be compared by it, but a value means nothing by itself. A fall of 1 in one
# property's first term is a fall of its mean squared error by a factor $e$. Where the solid line turns up while the dashed one falls, the network has begun to learn its training halos by heart.
#
# How it ended, the best network first:

# %%
names = ("epochs", "best_epoch", "validation_loss")
descriptions = [network.read_description(folder) for folder in networks["folder"]]
ends = networks[["suite", "fields", "limits"]].copy()
ends[list(names)] = [[one[name] for name in names] for one in descriptions]
ends["seconds"] = [history["seconds"].sum() for history in histories.values()]
ends.sort_values("validation_loss").style.format(precision=1).hide(axis="index")

# %% [markdown]
# The paper expects networks that see both fields to do better than those that see one, and Astrid to be inferred best and SIMBA worst. The mean of the
# validation loss says what this run finds:

# %%
for key in ("fields", "suite", "limits"):
    means = ends.groupby(key)["validation_loss"].mean().sort_values()
    print(f"{key:7s}", " < ".join(f"{name} ({loss:.1f})" for name, loss in means.items()))

# %% [markdown]
# ## One halo
#
# A trained network is a folder: weights, and a description with everything needed to use them, the scaling included. `inference.load` makes a predictor of it that takes maps in their
# units. Ask the first network about the heaviest test halo of its own suite:

# %%
first = networks.iloc[0]
predictor = inference.load(first["folder"])
maps_of_suite = network.load(
    this_run.maps()[first["suite"]], predictor.fields, predictor.limits, predictor.size
)
table = network.halo_table(maps_of_suite)
part = network.assign_parts(table, first["folder"], predictor.description["split"])
number = table["log_mass"].where(part == "test").idxmax()

# %%
one = maps_of_suite.isel(halo=number).sel(axis=maps.EVALUATION_AXIS)
images = one["image"].values
mean, std = predictor(images[None])
prediction = pd.DataFrame(
    {"property": predictor.properties, "truth": one["properties"], "mean": mean[0], "std": std[0]}
)
prediction.assign(deviations=(prediction["mean"] - prediction["truth"]) / prediction["std"])

# %% mystnb={"figure": {"name": "fig-one-halo", "caption": "What a network sees of one halo (left, standardised), and what it infers: posterior mean and standard deviation beside the truth, each property in its range of Table 1."}}
inputs = dict(zip(predictor.fields, predictor.scaling.inputs(images), strict=True))
half_width = maps_of_suite.sizes["x"] * maps_of_suite.attrs["pixel_size_kpc"] / 2
title = f"{first['suite']}, log M = {one['log_mass'].item():.2f}"
figure = figures.one_prediction(inputs, prediction, half_width, title, this_run.source)

# %% [markdown]
# `deviations` counts the posterior standard deviations between inference and truth. One halo proves nothing; of many, two thirds should lie within ±1.
#
# ## What we learned
#
# - A loss of two logarithms turns a plain regression into the mean and the standard deviation of a posterior.
# - The network is that of the paper, layer by layer, and adapts its number of blocks to the size of the map.
# - Scaling and split use training halos alone, and the split decides whether twins can leak from one suite's training into another's test.
# - The tables above rank this run's networks. How accurate they are, for which halos, and whether their error bars can be trusted,
#   is measured [next](04_metrics.ipynb), on halos that none of them has seen.
