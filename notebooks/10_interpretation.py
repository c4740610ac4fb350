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
# # 10. What the network looks at
#
# **Which pixels does an inference rest on, and may the picture that shows them be believed?**
#
# In this notebook we ask which pixels an inference rests on, as the paper proposes for future work. Integrated gradients distribute a network's inference of halo mass and gas fraction
# over the pixels of a Sub-L\*, an L\* and a group-sized halo, in each field. Then two tests decide whether the pictures may be believed.
#
# You need the network of [chapter 4](04_cnn.ipynb), and to know what a gradient is.

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
from IPython.display import Markdown

from cgmhelpers import figures, inference, maps
from cgmhelpers.network import assign_parts, samples
from cgmhelpers.paper.notation import html

pd.set_option("display.precision", 3)
CHOSEN = ("log_m_halo", "f_cgm")
MOST = 12  # halos of a class

# %% [markdown]
# ## A fair share for every pixel
#
# A network $F$ infers something from a map $x$ and something else from a map without signal, $x'$. **Integrated gradients** {cite:p}`Sundararajan2017` walk from one to the other in a straight line and credit each pixel with the gradient that they meet on the way:
#
# $$
# A_j=(x_j-x'_j)\int_0^1\frac{\partial F}{\partial x_j}\big(x'+\alpha\,(x-x')\big)\,\mathrm{d}\alpha,\qquad \sum_jA_j=F(x)-F(x').
# $$
#
# The second equation, *completeness*, makes the shares add up to what there is to share. The result depends on the map without signal. Ours is the **blank map**, with every pixel at the limit, like
# regions where a survey sees nothing. Attribution therefore measures the effect of light; a pixel at the limit has none, although its emptiness may inform the network. With survey limits, blank maps
# occur in the training; ideal maps are nowhere blank, so there $x'$ is unlike all that the network has learnt.
#
# The network is one of all fields with the last limits of this run, and the halos are test halos with at least one pixel above the limit, up to twelve of each class. A second network, trained with another split of the halos, is needed below.

# %%
variants = this_run.variants()
splits = variants[variants["variant"].str.startswith("split by")]
suite = splits["suite_train"].iloc[0]
folders = (
    splits[splits["suite_train"] == suite]
    .drop_duplicates("variant")
    .set_index("variant")
)
folder = folders["folder"][f"split by {this_run.parameters.split_by}"]
predictor = inference.load(folder)
limits_name = figures.limit_name(predictor.limits)
note = (
    f"{this_run.source}; {figures.suite_name(suite, this_run.source)}, "
    f"{limits_name}"
)

# %%
ds = samples.load(
    this_run.maps(predictor.limits)[suite],
    predictor.fields,
    predictor.limits,
    predictor.size,
)
ds = ds.sel(axis=maps.EVALUATION_AXIS)
table = samples.halo_table(ds)
part = assign_parts(table, folder, predictor.description["split"])
ds = ds.isel(halo=np.flatnonzero(part == "test")).load()
floors = np.float32(predictor.scaling.floors)[:, None, None]
lit = (ds["image"].values > floors).any(axis=(1, 2, 3))
print(f"{lit.sum()} of {lit.size} test halos have a pixel above the limit")
shuffled = samples.halo_table(ds)[lit].sample(frac=1, random_state=1)
sample = shuffled.groupby("halo_class").head(MOST).sort_values("log_mass")
figures.tabulate(
    sample.groupby("halo_class", sort=False)["log_mass"].agg(
        halos="size", lightest="min", heaviest="max"
    ),
    "Halos of the sample and their log_m_halo",
    note,
)

# %% [markdown]
# ## Three halos
#
# The figures show the median halo of the sample of each class. Red pixels raise the inference above that of a blank map, blue pixels lower it; the dashed circle is $R_\mathrm{200c}$, the dotted one the aperture of 200 kpc.

# %%
middle = [
    own.index[len(own) // 2]
    for _, own in sample.groupby("halo_class", sort=False)
]
three = ds.isel(halo=middle)


def attribute(halos, name, network=predictor):
    return inference.integrated_gradients(
        network, halos["image"].values, name
    )


# %% tags=["cover"] mystnb={"figure": {"name": "fig-attribution-mass", "caption": "Contribution of each pixel to the inferred halo mass: a map and its attribution for every field, with a row for a halo of each class. Dashed: R200c, if it fits; dotted: 200 kpc."}}
of_mass = attribute(three, "log_m_halo")
figure = figures.attribution_maps(three, of_mass, note)
figures.caption(
    "Share of each field over the three halos: "
    + ", ".join(
        f"{figures.field_names(field)} {share:.0%}"
        for field, share in zip(
            of_mass.fields, of_mass.field_share.mean(axis=0), strict=True
        )
    )
    + "."
)

# %% mystnb={"figure": {"name": "fig-attribution-gas", "caption": "Contribution of each pixel to the inferred gas fraction, drawn as before."}}
of_gas = attribute(three, "f_cgm")
figure = figures.attribution_maps(three, of_gas, note)
figures.caption(
    "Share of each field over the three halos: "
    + ", ".join(
        f"{figures.field_names(field)} {share:.0%}"
        for field, share in zip(
            of_gas.fields, of_gas.field_share.mean(axis=0), strict=True
        )
    )
    + "."
)

# %% [markdown]
# ## Which field, and how far out?
#
# The next figure has the share of each field in all absolute attribution over the whole sample, in rings about the halo.

# %%
halos = ds.isel(halo=sample.index)
found = {name: attribute(halos, name) for name in CHOSEN}
shares = pd.concat(
    [
        pd.DataFrame(one.field_share, columns=list(one.fields)).assign(
            property=name, halo_class=halos["halo_class"].values
        )
        for name, one in found.items()
    ]
)
share = shares.groupby(["property", "halo_class"], sort=False).mean()
figures.tabulate(
    share, "Share of each field", note, percent=list(share.columns)
)

# %% mystnb={"figure": {"name": "fig-attribution-profile", "caption": "Share of the absolute attribution in rings of projected radius, per field: mean and 16th to 84th percentile over the halos of a class. Dotted: 200 kpc."}}
half_width = ds.sizes["x"] * ds.attrs["pixel_size_kpc"] / 2
edges = np.linspace(0, half_width, 9)
profiles = {
    name: inference.radial_profile(one, halos, edges)
    for name, one in found.items()
}
figure = figures.attribution_profiles(
    profiles, found[CHOSEN[0]].fields, edges, sample["halo_class"], note
)
within = {
    name: one[..., edges[1:] <= 200].sum(axis=(1, 2)).mean()
    for name, one in profiles.items()
}
figures.caption(
    "Within 200 kpc lie "
    + " and ".join(
        f"{share:.0%} of the attribution for {name}"
        for name, share in within.items()
    )
    + " in this run."
)

# %%
inner = pd.DataFrame(
    {
        name: one[..., edges[1:] <= 200].sum(axis=(1, 2))
        for name, one in profiles.items()
    }
)
inner = inner.groupby(sample["halo_class"].to_numpy(), sort=False).mean()
figures.tabulate(
    inner.rename_axis("halo_class"),
    "Share of the attribution within 200 kpc",
    note,
    percent=list(inner.columns),
)

# %% [markdown]
# Halo mass and gas fraction are defined within $R_\mathrm{200c}$, a sphere, and the map is a projection: light beyond the dashed circle can inform the network, since matter clusters, but belongs to other gas.
#
# ## May this be believed?
#
# **Completeness.** The attributions of a map must add up to the difference between its inference and that of the blank map. The difference, in units of all absolute attribution, comes from the finite number of steps of the integral:

# %%
TOLERANCE = 0.05
complete = pd.DataFrame(
    {
        "property": list(found),
        "halos": [len(one.gap) for one in found.values()],
        "largest gap": [one.gap.max() for one in found.values()],
    }
)
complete["passed"] = complete["largest gap"] < TOLERANCE
figures.tabulate(complete, "Completeness", note)

# %% [markdown]
# **Randomised weights.** An attribution that is the same for an untrained network shows the map and not the network {cite:p}`Adebayo2018`. So we draw all weights anew and
# compare the ranks of the pixels, signs included. For comparison, a network that was trained in the same way on other halos should agree with ours:

# %%
others = {"random weights": inference.randomised(predictor)}
for other in set(folders["folder"]) - {folder}:
    others["trained again"] = inference.load(other)
rows = []
for name, one in found.items():
    for kind, network in others.items():
        rank = inference.rank_correlation(
            one, attribute(halos, name, network)
        )
        for field, values in zip(one.fields, rank.T, strict=True):
            values = values[np.isfinite(values)]
            rows.append(
                (
                    name,
                    figures.field_names(field),
                    kind,
                    len(values),
                    np.median(values),
                )
            )
ranks = pd.DataFrame(
    rows,
    columns=["property", "field", "network", "halos", "rank correlation"],
)
ranks = ranks.pivot(
    index=["property", "field", "halos"],
    columns="network",
    values="rank correlation",
)
figures.tabulate(ranks, "Rank correlation, median over halos", note)

# %%
LOW = 0.3
random = ranks["random weights"]
again = ranks.get("trained again", pd.Series(0, ranks.index))
judged = pd.DataFrame(
    {
        "random weights differ": random < LOW,
        "a second training agrees": again > random.clip(lower=LOW),
    }
)
figures.tabulate(judged, "May it be believed?", note)

# %% [markdown]
# If random weights give a like attribution (a correlation above 0.3), the maps above show the halo and not the network's knowledge. If a second training doesn't confirm ours, single pixels belong to this network and not to halos in general: read only the shares and the profiles.

# %% [markdown]
# ## What this run found

# %%
Markdown(
    f"- {complete['passed'].sum()} of {len(complete)} integrals are "
    f"complete to {TOLERANCE:.0%}.\n"
    "- Random weights give another attribution in "
    f"{judged['random weights differ'].sum()} of {len(judged)} cases, and "
    "a second training confirms ours in "
    f"{judged['a second training agrees'].sum()}.\n"
    "- Within 200 kpc lie "
    + " and ".join(
        f"{share:.0%} of the attribution for {html(name)}"
        for name, share in within.items()
    )
    + "."
)

# %% [markdown]
# - Integrated gradients turn an inference into an image that adds up to it, relative to the choice of a blank map.
# - Field shares show the wavelength that an inference rests on, for each class; profiles show whether its pixels lie where the property is defined.
# - A picture of importance is a claim like any other. It has to pass tests that it could fail. [Chapter 12](12_robust.ipynb) asks of networks of several suites whether they look at other pixels.
#
# ## Exercise
#
# Explain ideal maps instead of limited ones (`-p limits '["ideal"]'`). Does the share of the outskirts grow, and do you believe it?
#
# <details><summary>Answer</summary>
#
# It grows, as faint pixels are no longer at the limit. Believe it less: an ideal map is nowhere blank, so that the starting point of the integral is unlike everything in the training, and the gradients along the first part of the way are extrapolated.
#
# </details>
