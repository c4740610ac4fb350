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
# # 4. The network
#
# **How does a network learn an error bar as well as an answer?**
#
# In this notebook we build the convolutional network of {cite:t}`Gluck2024`, look at the loss that makes its outputs a posterior mean and
# a standard deviation, divide the halos into training, validation and test sets, and train a network for every suite, input and limit of
# this run. At the end one of them infers the properties of one halo.
#
# You need the maps of [chapter 2](02_map_generation.ipynb), and to have seen a convolution before. Training is the longest step of the book.

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
import torch
from IPython.display import Markdown

from cgmhelpers import figures, inference, maps, network
from cgmhelpers.paper import table_functions, table_layers
from cgmhelpers.statistics import quality

pd.set_option("display.precision", 3)

# %% [markdown]
# ## The task
#
# Given the map of a halo, in X-ray, in HI or in both, infer six numbers: the mass of the halo, and the gas fraction, metallicity, mass, cool fraction
# and temperature of its CGM. Each needs an error bar, as an inference without one is worth little.
#
# Nobody can write down the likelihood of an image given these numbers, but simulations draw from it, which is enough. A **moment
# network** {cite:p}`JeffreyWandelt2020` learns from pairs of maps $d$ and properties $\theta$ two moments of the posterior $p(\theta_i\,|\,d)$, its mean
# $\mu_i$ and its variance $\sigma_i^2$, without the posterior itself. Its loss has the form of the CAMELS Multifield
# Dataset {cite:p}`VillaescusaNavarro2022`, with means $\langle\cdot\rangle$ over a batch:
#
# $$
# \mathcal{L} = \sum_{i=1}^{6}\Big\{\log\big\langle(\theta_i-\mu_i)^2\big\rangle
# + \log\big\langle\big[(\theta_i-\mu_i)^2-\sigma_i^2\big]^2\big\rangle\Big\}.
# $$
#
# The mean squared error is least when $\mu_i$ is the mean of the posterior, and then the second term is least when
# $\sigma_i^2$ is its variance. The logarithms give easy and hard properties equal weight. As a test, draw "truths" with a scatter of 0.3 about a known
# mean, and vary $\sigma$.

# %%
truth = 0.3 * torch.randn(
    100_000, 1, generator=torch.Generator().manual_seed(1)
)
mean = torch.zeros_like(truth)
sigmas = np.linspace(0.1, 0.6, 501)
losses = [
    network.moment_loss(truth, mean, mean + sigma).item()
    for sigma in sigmas
]
best = sigmas[np.argmin(losses)]
print(
    f"least loss at sigma = {best:.3f}, scatter of the truths "
    f"{truth.std().item():.3f}"
)

# %% [markdown]
# ## Training what the run lacks
#
# There is a network for each suite, each limit, and each field alone as well as all together. This is the long step of the book. It resumes after an
# interruption, and keeps networks that are trained already.

# %%
networks = this_run.networks()
figures.tabulate(
    networks.drop(columns="folder"), "The networks", this_run.source
)

# %% [markdown]
# ## The architecture
#
# Blocks of three convolutions halve the map and double the channels, until a last convolution leaves a single pixel; two linear layers with dropout turn it into
# twelve numbers.
#
# ### Table 4: convolutions
#
# The next cell reads the table from a network: first that of the paper, with 12 channels in the first block and maps of 128 pixels, beside the layers as printed, but for one misprint in the paper's table, 394 for 384.

# %% tags=["hide-output"]
paper = network.MomentNetwork(in_channels=1)
layers = table_layers(paper)
figures.tabulate(
    layers.drop(columns=["eps", "momentum", "affine", "tracking"]),
    "After Table 4 of the paper: convolutions and normalisations",
)

# %%
agree = layers["as_printed"].sum()
verdict = (
    "✔ **the same**" if agree == len(layers) else "✘ **not the same**"
)
Markdown(f"{verdict}: {agree} of {len(layers)} layers are as printed.")

# %% [markdown]
# ### Table 5: the other layers
#
# The table has the layers after the convolutions. The paper also lists a pooling layer, ReLU and tanh; the last map has one pixel, so there is nothing to pool, and the text doesn't use the other two.

# %%
functions = table_functions(paper)
figures.tabulate(
    functions,
    "After Table 5 of the paper: fully connected layers and functions",
)

# %%
needed = functions[~functions["paper"].str.startswith("listed")]
verdict = (
    "✔ **the same**"
    if needed["as_printed"].all()
    else "✘ **not the same**"
)
Markdown(
    f"{verdict}: {needed['as_printed'].sum()} of {len(needed)} layers and "
    "functions that the paper's network uses are as printed."
)

# %% [markdown]
# The networks of this run have the same blocks, as many as halve their maps down to one pixel. One of them, layer by layer in the order of execution:

# %% tags=["hide-output"]
description = network.read_description(networks["folder"][0])
model = network.MomentNetwork(**description["network"])
figures.tabulate(network.summary(model))

# %%
for name, one in (("this run", model), ("the paper", paper)):
    print(
        f"{name:9s} {one.size} x {one.size} pixels, {one.channels} "
        "channels in the first block:"
    )
    print(
        f"          {one.number_of_parameters:,} parameters, "
        f"{one.in_channels} field(s)"
    )

# %% [markdown]
# A network has far more parameters than there are halos. Regularisation keeps it from learning them by heart (overfitting): dropout, weight
# decay, and the weights of the epoch with the lowest *validation* loss.
#
# ## Training, validation and test halos
#
# 60% of the halos train the network, 20% validate it and 20% test it. A halo in training is seen along three lines of sight, a halo in validation or
# test along one; all views of a halo share its part.
#
# There is a trap. Halo $k$ exists in every suite, so a split *by halo* puts twins of training halos into the test sets of other suites, and networks
# may recognise them across simulations. A split *by realisation* keeps twins together. The paper splits by halo with one
# seed; here the profile chooses:

# %%
one_per_suite = networks.drop_duplicates("suite")["folder"]
splits = pd.concat(
    [pd.read_csv(folder / network.SPLIT) for folder in one_per_suite]
)
print(
    f"split by {this_run.parameters.split_by}, seed "
    f"{this_run.parameters.seed}"
)
counts = splits.groupby(["suite", "halo_class", "part"], sort=False).size()
figures.tabulate(
    counts.unstack("part", fill_value=0)[list(network.PARTS)],
    "Halos in each part",
    this_run.source,
)

# %%
boxes = (
    splits.groupby(["realisation", "part"])["group"]
    .count()
    .unstack("part", fill_value=0)
)
figures.tabulate(
    boxes.reindex(columns=network.PARTS, fill_value=0),
    "Halos of each realisation, all suites",
    this_run.source,
)

# %% [markdown]
# ## What the network sees
#
# Surface brightness spans many decades, so the input is the logarithm of the map with its floor, standardised with mean and standard deviation over the pixels of
# the **training** halos alone. (A mean over all halos would leak test data into training.) The targets are the six properties, scaled with the ranges of
# Table 1, which are the same for all suites.

# %%
rows = []
for one in networks.itertuples():
    scaling = network.read_description(one.folder)["scaling"]
    rows += [
        (one.suite, one.fields, one.limits, *values)
        for values in zip(
            scaling["fields"], scaling["mean"], scaling["std"], strict=True
        )
    ]
scaling = pd.DataFrame(
    rows, columns=["suite", "inputs", "limits", "field", "mean", "std"]
)
figures.tabulate(
    scaling.drop_duplicates(["suite", "limits", "field"])
    .drop(columns="inputs")
    .rename(columns={"std": "standard deviation"}),
    "log10 of the pixels of training halos",
    this_run.source,
)

# %% [markdown]
# With survey limits the X-ray mean is close to the floor: most pixels of most halos are at the limit. On ideal maps these numbers also differ between suites, a
# first hint of how unfamiliar the maps of another suite are to a network.
#
# ## Learning curves

# %% mystnb={"figure": {"name": "fig-learning", "caption": "Loss of training (dashed) and validation (solid) for every network of this run. A point marks the epoch of the kept weights. The training loss is measured with dropout, so it may lie above the validation loss."}}
histories = this_run.histories()
figure = figures.learning_curves(histories, this_run.source)
unfinished = quality.unfinished(
    this_run.predictions(), histories
).drop_duplicates(["suite_train", "fields", "limits"])
open_ends = f"{len(unfinished) or 'none'} of the {len(networks)} trainings"
figures.caption(
    f"In this run {open_ends} still improved at the end, or did worse "
    "than a network with fewer inputs."
)

# %% [markdown]
# The loss is a sum of logarithms and may be negative; it compares two networks, but a value alone means nothing. A fall of 1 in one
# property's first term is a fall of its mean squared error by a factor $e$. Where the solid line turns up while the dashed line falls, the network begins to learn its training halos by heart.
#
# The results, the best network first:

# %%
names = ("epochs", "best_epoch", "validation_loss")
descriptions = [
    network.read_description(folder) for folder in networks["folder"]
]
ends = networks[["suite", "fields", "limits"]].copy()
ends[list(names)] = [[one[name] for name in names] for one in descriptions]
ends["best_epoch"] += 1  # counted from 1, as in the figure
ends["seconds"] = [
    history["seconds"].sum() for history in histories.values()
]
figures.tabulate(
    ends.sort_values("validation_loss"), "Trainings", this_run.source
)

# %% [markdown]
# The paper expects networks of both fields to be better than those of one, and Astrid to be inferred best and SIMBA worst. In this run the means of the
# validation loss are:

# %%
for key in ("fields", "suite", "limits"):
    means = ends.groupby(key, as_index=False)["validation_loss"].mean()
    said = figures.ends(
        means, "validation_loss", [key], this_run.source, 1
    )
    print(f"by {key}: {said}")

# %% [markdown]
# ## One halo
#
# A trained network is a folder with weights and a description, which includes the scaling. `inference.load` makes a predictor of it that takes maps in their
# units. The first network infers the heaviest test halo of its suite:

# %%
first = networks.iloc[0]
predictor = inference.load(first["folder"])
maps_of_suite = network.load(
    this_run.maps(first["limits"])[first["suite"]],
    predictor.fields,
    predictor.limits,
    predictor.size,
)
table = network.halo_table(maps_of_suite)
part = network.assign_parts(
    table, first["folder"], predictor.description["split"]
)
number = table["log_mass"].where(part == "test").idxmax()

# %%
one = maps_of_suite.isel(halo=number).sel(axis=maps.EVALUATION_AXIS)
images = one["image"].values
mean, std = predictor(images[None])
prediction = pd.DataFrame(
    {
        "property": predictor.properties,
        "truth": one["properties"],
        "mean": mean[0],
        "std": std[0],
    }
)
figures.tabulate(
    prediction.assign(
        deviations=(prediction["mean"] - prediction["truth"])
        / prediction["std"]
    ),
    "One halo",
    this_run.source,
)

# %% tags=["cover"] mystnb={"figure": {"name": "fig-one-halo", "caption": "The input of a network for one halo (left, standardised), and its inference: posterior mean and standard deviation beside the truth, each property in its range of Table 1."}}
inputs = dict(
    zip(predictor.fields, predictor.scaling.inputs(images), strict=True)
)
half_width = (
    maps_of_suite.sizes["x"] * maps_of_suite.attrs["pixel_size_kpc"] / 2
)
name = figures.suite_name(first["suite"], this_run.source)
title = f"{name}, log M = {one['log_mass'].item():.2f}"
figure = figures.one_prediction(
    inputs, prediction, half_width, title, this_run.source
)
off = (prediction["mean"] - prediction["truth"]) / prediction["std"]
figures.caption(
    f"For this halo {(off.abs() < 1).sum()} of {len(off)} truths lie "
    "within one standard deviation."
)

# %% [markdown]
# The column of deviations is the difference of inference and truth in posterior standard deviations. One halo proves nothing; two thirds of many halos should lie within ±1.

# %% [markdown]
# ## What this run found

# %%
best_network = ends.loc[ends["validation_loss"].idxmin()]
Markdown(
    f"- The paper's network has {paper.number_of_parameters:,} "
    f"parameters, one of this run {model.number_of_parameters:,}, for "
    f"{(splits['part'] == network.PARTS[0]).sum():,} training halos of "
    f"{splits['suite'].nunique()} suites.\n"
    f"- {len(networks)} trainings took {ends['seconds'].sum() / 60:.1f} "
    f"minutes. Unfinished, and without a say in later verdicts: "
    f"{open_ends}.\n"
    "- The lowest validation loss is that of "
    f"{figures.field_names(best_network['fields'])} in "
    f"{figures.suite_name(best_network['suite'], this_run.source)}, "
    f"{figures.limit_name(best_network['limits'])}."
)

# %% [markdown]
# - A loss of two logarithms turns a plain regression into the mean and the standard deviation of a posterior.
# - The scaling uses training halos alone, and the split decides whether twins can leak from the training in one suite into the test in another.
# - The [chapter on accuracy](06_accuracy.ipynb) measures how good the networks are on halos that none of them has seen.
#
# ## Exercise
#
# Train for a third of the epochs (`-p epochs 1`, for the smoke profile). Which networks suffer most, and where do you see it in the learning curves?
#
# <details><summary>Answer</summary>
#
# Those with most to learn: X-ray and HI together. Their validation loss still falls steeply at the last epoch, and the kept weights are the last ones. They may even lose to a network with fewer fields: then
# they haven't learned to use what they see.
#
# </details>
