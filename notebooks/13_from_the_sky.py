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
# # 13. From the sky
#
# **What do posteriors look like when the maps come from a telescope?**
#
# In this notebook we observe halos as telescopes do: with a point-spread function or a beam, photons that can be counted, background, and noise. We look at one halo through two instruments, infer its properties from the files that an
# observatory would deliver, ask how deep one must look, and add up many halos that nobody could study alone. [Bring your own image](../book/own_image.md) does the same with your files.
#
# You need maps ([chapter 2](02_map_generation.ipynb)) and what a posterior is ([chapter 4](04_cnn.ipynb)).

# %% tags=["parameters"]
profile = "quick"
run = ...
suites = ...
realisations = ...
limits = ...
instruments = ...
redshifts = ...
exposures = ...
sky_epochs = ...
seed = ...

# %%
from cgmhelpers.runs import start

this_run = start(globals())
print(this_run.source)

# %%
import tempfile

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from cgmhelpers import figures, maps, sky, statistics
from cgmhelpers.emission import fields as known_fields
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.paper.notation import html

p = this_run.parameters

# %% [markdown]
# ## A network for these instruments
#
# Limits are a caricature of a survey: every pixel below the limit gets its value. An **observed** map is what an instrument measures. The halo is put at a redshift, where its pixels have an angle and its light is dimmed by $(1+z)^4$. X-rays are spread by the
# point-spread function, multiplied by exposure and effective area, joined by the background, and drawn from a Poisson distribution. HI is smoothed by the beam, and its noise is correlated by the same beam. Discs around point sources are masked.
#
# The network is trained on such maps, observed anew with other noise, exposures and redshifts in each epoch. Beside the maps it is given the noise of each pixel and the redshift, so that one network serves all depths. Nobody knows which
# simulation the sky is like: this network learns from the halos of *all* suites of the run.

# %%
network = this_run.sky_network()
stores = [one for some in this_run.maps().values() for one in some]
halos = sky.unseen_halos(network, stores)
observation = p.observation(p.map_fields, all_of_them=False)
for one in observation.instruments.values():
    print(one.title)
print(
    f"z = {p.redshifts[0]:g} to {p.redshifts[1]:g}, exposures "
    f"{p.exposures[0]:g} to {p.exposures[1]:g} times the instruments'; "
    f"{halos.sizes['halo']} test halos"
)

# %% [markdown]
# ## One halo: the input map, and what telescopes see
#
# The heaviest test halo, at a redshift in the middle of the range. `sky.files.write` writes what an observatory would deliver, with the names, extensions and units of eROSITA's first data release and of a moment-0 map; `cgm observe` is the same as a command.

# %%
redshift = float(np.sqrt(p.redshifts[0] * p.redshifts[1]))
at_one = observation.model_copy(update={"redshift": (redshift,) * 2})
number = int(np.argmax(halos["log_mass"].values))
where = {"ra": 187.7, "dec": 12.4}
folder = tempfile.TemporaryDirectory()
written = sky.files.write(halos, at_one, folder.name, halo=number, **where)
for label, path in written.items():
    print(f"{label:20s} {path.name}")

# %% [markdown]
# `sky.infer` (`cgm infer` as a command) reads them back like any user's files. It checks units, coordinates, bands, coverage, exposure and noise, and refuses what the network can't know.

# %%
given = {
    kind: [
        path for label, path in written.items() if label.startswith(key)
    ]
    for kind, key in (
        ("xray", "counts"),
        ("exposure", "exposure"),
        ("background", "background"),
    )
} | {"hi": written.get("moment0")}
found = sky.infer(network, **where, redshift=redshift, **given)
cautions = "".join(f"\n- {one}" for one in found.attrs["cautions"])
display(Markdown(f"**Verdict: {found.attrs['verdict']}**\n{cautions}"))
truth = halos["properties"].isel(halo=number).to_pandas()
answer = sky.summary(found).set_index("property").assign(truth=truth)
figures.tabulate(
    answer[["unit", "mean", "std", "q16", "q50", "q84", "truth"]],
    "What the network infers from the files",
    this_run.source,
)

# %% mystnb={"figure": {"name": "fig-seen-by", "caption": "The heaviest test halo of {data}: its input map without a telescope, as an X-ray telescope counts its photons and an interferometer measures its HI, and as the network is given it (background subtracted, softened within the noise)."}}
nature = halos["image"].isel(halo=number).sel(axis=maps.EVALUATION_AXIS)
figure = figures.seen_by(
    nature, found, f"{this_run.source}; z = {redshift:.3f}"
)
one = {"property": "log_m_halo"}
masses = found["samples"].sel(one).values
truth = halos["properties"].isel(halo=number).sel(one).item()
arcsec = 1 / sky.views.angle(1.0, redshift)  # in kpc
blurs = [
    f"{getattr(one, width) * arcsec:.0f} kpc ({one.title})"
    for one in observation.instruments.values()
    for width in ("hew", "beam_major")
    if getattr(one, width, None)
]
figures.caption(
    f"From these images log_m_halo = {masses.mean():.2f} ± "
    f"{masses.std():.2f}; the truth is {truth:.2f}. Point-spread function "
    f"and beam are as wide as {' and '.join(blurs)} at this redshift, a "
    f"pixel of the network is {found.attrs['pixel_size_kpc']:g} kpc wide."
)

# %% [markdown]
# The counts are those of halo *and* background.
#
# ## What depth buys
#
# The network knows the noise of each map, so the width of its posterior answers the question of a proposal before any photon is collected: **how deep must I look for the gas fraction to 20%?** At most `MOST` test halos of each class,
# drawn at random, are observed at all exposures of the run's range. Lines are integration times of the interferometer.

# %%
GOAL, MOST = 0.2, 60
rng = np.random.default_rng(p.seed)
kinds = pd.Series(halos["halo_class"].values)
chosen = np.concatenate(
    [
        rng.permutation(own.index)[:MOST]
        for _, own in kinds.groupby(kinds, sort=False)
    ]
)
fields = list(observation.instruments)
steps = np.geomspace(*p.exposures, 5)
lines = [p.exposures[0], 1.0, p.exposures[1]] if len(fields) > 1 else [1.0]
depths = [
    dict(zip(fields, (along, line), strict=False))
    for along in steps
    for line in lines
]
table = sky.widths(
    network, halos.isel(halo=chosen), "f_cgm", redshift, depths, 100
)

# %% mystnb={"figure": {"name": "fig-depth", "caption": "Relative width of the posterior of the gas fraction against exposure, for randomly drawn test halos of {data}, by class (titles have their numbers); lines are integration times of the second instrument. Median over halos, band: 16th to 84th percentile at the longest. Dotted: 20%."}}
figure = figures.width_by_depth(
    table, *fields[:2], goal=GOAL, source=this_run.source
)
typical = table.groupby("halo_class", as_index=False)["relative"].median()
figures.caption(
    "Median relative width over all depths of this run: "
    + figures.ends(typical, "relative", ["halo_class"], this_run.source)
    + "."
)

# %%
titles = {name: known_fields.get(name).title for name in fields}
other = table[fields[1]] if len(fields) > 1 else 1.0
needed = []
for (kind, line), own in table.assign(other=other).groupby(
    ["halo_class", "other"], sort=False
):
    best = own.groupby(fields[0])["relative"].median().min()
    needed.append((kind, line, sky.depth_for(own, fields[0], GOAL), best))
columns = [
    "halo_class",
    f"{titles[fields[1]]} time" if len(fields) > 1 else "time",
    f"{titles[fields[0]]} exposure needed",
    "best relative width",
]
needed = pd.DataFrame(needed, columns=columns)
figures.tabulate(
    needed,
    f"Exposures for {GOAL:.0%}, in units of the instruments' own; "
    "– where none suffices",
    this_run.source,
    percent=columns[3:],
)

# %% [markdown]
# A width that stops falling isn't limited by photons any more. It may be limited by the scatter of halos that look alike, which no telescope reduces, or by the network: its large pixels and its few epochs. This figure can't tell the two apart.
#
# A width is honest only if the posterior is calibrated. The table gives the share of the truths within the central 68% of their posteriors, and
# the mean deviation in units of the posterior's width, over all test halos at the instruments' own exposures. Each has a standard error: 1000 halos fix the bias to 0.03 widths.
#
# Mean and width of these posteriors are calibrated on validation halos, by redshift, noise and what the network infers ({mod}`cgmhelpers.inference.posterior.conditions`); test halos had no part in it.

# %%
own = dict.fromkeys(fields, 1.0)
drawn = sky.posteriors(network, halos, redshift, own, 400)
truths = halos["properties"].values
names = list(halos["property"].values)
honest = statistics.offsets(drawn, truths, names)
display(
    figures.tabulate(
        honest,
        f"{len(truths)} test halos at z = {redshift:.3f}",
        this_run.source,
    )
)
apart = (honest["bias"] / honest["bias_error"]).abs()
worst = honest.loc[honest["bias"].abs().idxmax()]
largest = (
    f"{abs(worst['bias']):.3f} ± {worst['bias_error']:.3f} widths, of "
    f"{html(worst['property'])}"
)
Markdown(
    f"Of {len(honest)} biases, {(apart > 2).sum()} are more than twice "
    f"their standard error from zero, and {(apart > 3).sum()} more than "
    f"three times. The largest is {largest}. Of calibrated posteriors, "
    "one bias in twenty is beyond two errors."
)

# %% [markdown]
# ## A stack
#
# At these redshifts eROSITA detects hardly any single halo below $10^{12.5}\,\mathrm{M}_\odot$ ({cite:t}`Zhang2024` average 85,222 galaxies). Each posterior is then nearly the prior, but a thousand of them, with their common prior divided out, measure the mean and the scatter of the population ({cite:t}`Hogg2010`). The prior is the mean of
# the posteriors of validation halos, which no training has seen, observed as these halos are: their number limits the result, however many objects there are ({mod}`cgmhelpers.sky.stacking`).
#
# The figure shows the width of the mean against the number of halos, for random test halos of all suites together and of each suite. The
# crosses are distances from the true mean. Where they stay above the line, the stack is more confident than right: **model error** doesn't fall with the number.

# %%
RANGE = (p.minimum_log_mass, 12.5)
inside = halos["log_mass"].values < RANGE[1]
known = sky.stacking.known(network, redshift, own)
samples = [pd.DataFrame(one, columns=names) for one in drawn[inside]]
suite_of = halos["suite"].values[inside]
true = halos["properties"].sel(property="f_cgm").values[inside]
rows = []
for suite in ("all", *dict.fromkeys(suite_of)):
    order = rng.permutation(
        np.flatnonzero((suite_of == suite) | (suite == "all"))
    )
    numbers = np.unique(
        np.geomspace(10, min(len(order), 1000), 5).astype(int)
    )
    for count in numbers:
        some = order[:count]
        stack = sky.stack(
            [samples[one] for one in some], known, ["f_cgm"], RANGE
        )
        mean = stack["mean"].values
        rows.append(
            (
                suite,
                count,
                mean.std(),
                abs(mean.mean() - true[some].mean()),
            )
        )
stacks = pd.DataFrame(rows, columns=["suite", "objects", "width", "error"])

# %% mystnb={"figure": {"name": "fig-stack", "caption": "Width of the mean gas fraction of stacked halos below $10^{12.5}$ solar masses of {data}, against their number: all suites together, and each alone. Crosses: distance from the true mean. Dashed: a fall with the root of the number; dotted: scatter of the training halos."}}
training = pd.read_parquet(network / sky.preparing.REFERENCE)
light = training["log_m_halo"].between(*RANGE)
prior = training.loc[light, "f_cgm"].std()
figure = figures.width_by_number(stacks, prior, this_run.source)
together = stacks[stacks["suite"] == "all"].iloc[-1]
figures.caption(
    f"In this run {together['objects']} halos of all suites give the mean "
    f"to {together['width']:.4f}, and are off by {together['error']:.4f}."
)

# %%
last = stacks.groupby("suite", sort=False).last()
last["times tighter"] = prior / last["width"]
last["error / width"] = last["error"] / last["width"]
figures.tabulate(
    last,
    "Largest stacks: width and error of the mean gas fraction, and the "
    "width against the scatter of the training halos",
    this_run.source,
)

# %% [markdown]
# ## What this run found

# %%
labels = {one.name: one.label for one in HALO_CLASSES}
first = titles[fields[0]]


def answered(kind, own):
    """Say what exposure reaches the goal, or how near one comes."""
    reached = own[np.isfinite(own[columns[2]].astype(float))]
    if len(reached):
        least = reached[columns[2]].astype(float).min()
        return (
            f"{labels[kind]}: {GOAL:.0%} with {least:.2g} times "
            "the exposure"
        )
    return (
        f"{labels[kind]}: {GOAL:.0%} isn't reached at the largest "
        f"exposure, {p.exposures[1]:g} times the instruments' own; "
        f"the best is {own[columns[3]].min():.0%}"
    )


stack = last.iloc[0]
answers = "".join(
    f"- {answered(kind, own)}.\n"
    for kind, own in needed.groupby("halo_class", sort=False)
)
Markdown(
    f"What {first} exposure gives the gas fraction to {GOAL:.0%}, "
    "whatever the time of the other instrument?\n\n" + answers + "\n"
    "- Posteriors of single halos cover the truth in "
    f"{honest['coverage_68'].min():.0%} to "
    f"{honest['coverage_68'].max():.0%} of cases at a nominal 68%; "
    f"their largest bias is {largest}.\n"
    f"- A stack of {stack['objects']:.0f} halos is "
    f"{stack['times tighter']:.1f} times tighter than the scatter of the "
    f"training (the root of the number alone gives "
    f"{np.sqrt(stack['objects']):.0f} times), and off by "
    f"{stack['error / width']:.1f} of its widths."
)

# %% [markdown]
# - The files of an observed halo pass the same checks as any user's files, and meet the same network.
# - Depth narrows posteriors until something else limits them: the variety of halos that look alike, or the network.
# - A stack inherits what all its objects share: an error of the simulations isn't averaged away.
# - A wrong redshift inside the network's range mostly isn't noticed: [Bring your own image](../book/own_image.md) shows what it does.
#
# ## Exercise
#
# Put the halos ten times further away, and let the network train on these redshifts: which of the two fields is lost first, and what does the posterior become?
#
# ```
# papermill notebooks/13_from_the_sky.ipynb out.ipynb -p redshifts '[0.1, 0.5]'
# ```
#
# <details><summary>Answer</summary>
#
# HI: at $z = 0.1$ a beam of 30 arcsec is nearly 60 kpc wide: it averages the clumps of cool gas with the space between them, below the noise. X-rays lose a factor $(1+z)^4$ in surface brightness and most of their pixels, though the total flux of a group
# still stands out. Posteriors of light halos become the prior of the training; only stacks say anything about them.
#
# </details>
