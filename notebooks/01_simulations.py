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
# # 1. The simulations
#
# **Do three models of galaxy formation, started from the same initial conditions, end with the same halos and the same gas?**
#
# In this notebook we open the simulations, count their halos (Table 2 of {cite:t}`Gluck2024`), check the counts
# against what cosmology expects, and measure the six properties that a neural network will infer later on. We end with
# the paper's Figure 1: the same halos with very different gas.
#
# You need nothing but a rough idea of what a halo is; the [glossary](../book/glossary.md) explains the other words. Beside each figure and table you find the paper's statement about it, with a
# verdict from this run. An ellipsis (`...`) in the first cell leaves a parameter at the value of the profile, a file in `book/parameters`.

# %% tags=["parameters"]
profile = "quick"
run = ...
suites = ...
realisations = ...

# %%
from cgmhelpers.runs import start

this_run = start(globals())
print(this_run.source)

# %%
from dataclasses import asdict

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cgmhelpers import figures, paper
from cgmhelpers.halos import trend, verdicts
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.simulations import COLUMN_UNITS

pd.set_option("display.precision", 3)

# %% [markdown]
# ## Three universes from one beginning
#
# CAMELS {cite:p}`VillaescusaNavarro2021,Ni2023` is a set of thousands of simulated boxes, each $25\,h^{-1}$ Mpc wide. Its CV
# ("cosmic variance") set has 27 of them for each galaxy-formation model, all of one cosmology; they differ in the random
# phases of their initial conditions. The paper takes three models:
#
# - **IllustrisTNG** {cite:p}`Pillepich2018,Nelson2019`: black holes that accrete slowly drive kinetic winds
#   {cite:p}`Weinberger2017`;
# - **SIMBA** {cite:p}`Dave2019`: jets, X-ray feedback, and black holes fed by gravitational torques
#   {cite:p}`AnglesAlcazar2017`. Its feedback reaches farthest;
# - **Astrid** {cite:p}`Bird2022,Ni2022`: the gentlest feedback of the three.
#
# Realisation $k$ starts from the same initial conditions in every suite. Gravity puts the same halo at the same place in
# all three; stars and black holes then do different things to its gas. This makes the comparison clean, and it needs care
# when we split halos into training and test sets.
#
# Without CAMELS files a run first writes a **mock suite** in the same format. It isn't a simulation: its trends were put
# in by hand, and no number from it is a result on CAMELS. Every figure names its data.

# %%
simulations = this_run.simulations
kinds = ("gas", "dark_matter", "stars", "black_holes")
table = pd.DataFrame(
    [[one.number(kind) for kind in kinds] for one in simulations],
    columns=kinds,
)
table["snapshot [MB]"] = [
    one.snapshot_path.stat().st_size / 1e6 for one in simulations
]
suite = [one.suite for one in simulations]
mean = table.groupby(pd.Index(suite, name="suite"), sort=False).mean()
mean.insert(0, "snapshots", [suite.count(name) for name in mean.index])
figures.tabulate(mean, "Elements in a snapshot (mean)", this_run.source)

# %% [markdown]
# Each code has its own dialect: lengths in comoving kpc/$h$, masses in $10^{10}\,\mathrm{M}_\odot/h$, header values that are
# arrays in one and scalars in another. `cgmhelpers.Simulation` reads all of them into one set of **physical** columns. The first header,
# in kpc and solar masses:

# %%
header = simulations[0].header
figures.tabulate(
    pd.Series(asdict(header), name=simulations[0].name),
    "Header of the first simulation",
    this_run.source,
)

# %% [markdown]
# The gas is a list of elements: moving-mesh cells in IllustrisTNG, particles in the other two. Each has a position, a mass,
# a thermal state, and a size:

# %%
gas = simulations[0].gas()
columns = {name: gas[name] for name in gas if name != "position"}
summary = pd.DataFrame(columns).describe().loc[["min", "50%", "max"]].T
units = [COLUMN_UNITS[name].replace("**3", "³") for name in columns]
figures.tabulate(
    summary.assign(unit=units),
    "Gas of the first simulation",
    this_run.source,
    by_row=True,
)

# %% [markdown]
# ## Halos
#
# We take every halo of the friends-of-friends catalogue with $M_\mathrm{200c}\ge10^{11.5}\,\mathrm{M}_\odot$, the mass within the
# radius $R_\mathrm{200c}$ that encloses 200 times the critical density. The paper sorts them into three classes by
# $\log_{10}M/\mathrm{M}_\odot$: **Sub-L\*** (11.5–12), **L\*** (12–13, the hosts of galaxies like ours) and **groups** (13–14.3).

#
# ### Table 2: halos per suite and class
#
# The paper counts 5100 to 5450 halos in each suite; Astrid has the most groups, SIMBA the fewest.

# %%
halos = this_run.halos()
number = len(this_run.parameters.boxes)
counts = paper.table_counts(halos, number)
figures.tabulate(
    counts.stack(level=0, future_stack=True).rename_axis(
        ["suite", "class"]
    ),
    "After Table 2 of the paper: halos per suite and class",
    this_run.source,
)

# %%
deviation = (
    counts.xs("deviation", axis=1, level=1).drop(columns="Total").dropna()
)
within = (deviation.abs() < 2).sum().sum()
verdict = (
    "✔ **as counted**"
    if within == deviation.size
    else "✘ **some counts differ**"
)
Markdown(
    f"{verdict} on this run: {within} of {deviation.size} counts lie "
    "within two Poisson deviations of the paper's, "
    f"scaled from 27 realisations to {number}; the farthest is "
    f"{deviation.abs().max().max():.1f} deviations away."
)

# %% [markdown]
# *paper, scaled* are the paper's counts for 27 realisations, scaled to as many as this run has; *deviation* is the difference in units of
# the expected $\sqrt{N}$. With few realisations the scatter is larger, because halos cluster and a box of 37 Mpc samples few large structures.
#
# Steep counts are the first difficulty of the task: the paper's sample, and so the training of a network, has 15 (Astrid) to 20 (SIMBA) Sub-L\* halos for every
# group. They also test the reader, since a mistake of a factor $h$ in mass or length moves the whole mass function. Theory
# {cite:p}`Tinker2008`, computed with Colossus {cite:p}`Diemer2018`, predicts more halos than the paper's Table 2 counts, by about a fifth: the fit is for dark matter alone, while
# feedback makes halos lighter. (The mock suite draws its halos from a mass function that was lowered alike.)

# %% mystnb={"figure": {"name": "fig-mass-function", "caption": "Halo mass functions of the suites, with Poisson errors. The line is the expectation for CAMELS' cosmology after Tinker et al. (2008). It was not fitted."}}
volume = sum(
    (one.header.box_size / 1000) ** 3 for one in simulations[:number]
)
figure = figures.mass_functions(
    halos, volume, header.redshift, this_run.source
)
figures.caption(
    f"This run: {len(halos)} halos in {len(simulations)} boxes, the "
    f"heaviest of 10^{halos['log_mass'].max():.1f} Msun."
)

# %% [markdown]
# One more check before the gas. Property 1 is a sum over particles,
#
# $$
# \log M_\mathrm{halo} = \log_{10}\sum_{r_i<R_\mathrm{200c}} \left(m_{\mathrm{dm},i}+m_{\mathrm{gas},i}+m_{\mathrm{star},i}\right),
# $$
#
# and the catalogue's $M_\mathrm{200c}$ is the same mass, measured by another code. They ought to agree to the mass of the black
# holes, which the sum leaves out, and to the few particles at the edge of the sphere. Wrong positions, radii or units would show here:

# %%
difference = halos["log_m_halo"] - halos["log_mass"]
figures.tabulate(
    difference.groupby(halos["suite"], sort=False).agg(
        ["count", "mean", "min", "max"]
    ),
    "Mass summed from particles minus the catalogue's [dex]",
    this_run.source,
)

# %% [markdown]
# ## Six properties
#
# The other five describe the *circum-galactic* gas, which forms no stars. {func}`cgmhelpers.halos.measuring.measure`
# measures all six together (the equations are in [the science](../book/science.md#the-six-properties)).
#
# ### Table 1: the six properties and their ranges
#
# Each property has a fixed range, the same for every suite, which will scale the network's targets. The paper took it from its halos. Do those of this run fit?

# %%
ranges = paper.table_properties(halos)
figures.tabulate(
    ranges,
    "After Table 1 of the paper: the properties, and the values found",
    this_run.source,
    percent=["inside"],
)

# %%
least = ranges["inside"].min()
verdict = "✔ **they fit**" if least > 0.95 else "✘ **they don't fit**"
Markdown(
    f"{verdict} on this run: of each property the range holds at least "
    f"{int(1000 * least) / 10:g}% of the halos, rounded down."
)

# %%
names = [one.name for one in PROPERTIES]
figures.tabulate(
    halos.groupby(["suite", "halo_class"], sort=False)[names].median(),
    "Medians of the six properties",
    this_run.source,
)

# %% [markdown]
# The same halos have different gas:
#
# ### Figure 1: the same halos, other gas
#
# The paper shows four properties and reports:
#
# - $f_\mathrm{cgm}$, $M_\mathrm{cgm}$ and $Z_\mathrm{cgm}$ are highest in Astrid, then IllustrisTNG, then SIMBA, at most masses. The stronger
#   the feedback, the more gas and metals leave the halo.
# - $f_\mathrm{cgm}$ of IllustrisTNG isn't monotonic: it falls to a minimum near $10^{12.3-12.5}\,\mathrm{M}_\odot$, where kinetic AGN feedback
#   sets in, and rises again where halos are too massive to be emptied {cite:p}`Davies2020,Delgado2023`.
# - $f_\mathrm{cool}$ overlaps in all three suites, with a large scatter.
# - $Z_\mathrm{cgm}$ scatters by about 1 dex at fixed mass.

# %% tags=["cover"] mystnb={"figure": {"name": "fig-1", "caption": "After Figure 1 of the paper, on {data}: four properties of the circum-galactic medium against halo mass. Lines are means, bands the 16th to 84th percentile; where a bin holds fewer than ten halos, each is a point."}}
figure = figures.property_trends(
    halos, ["f_cgm", "log_m_cgm", "log_z_cgm", "f_cool"], this_run.source
)
medians = halos.groupby("suite", as_index=False)["f_cgm"].median()
figures.caption(
    "Median f_cgm in this run: "
    + figures.ends(medians, "f_cgm", ["suite"], this_run.source)
    + "."
)

# %%
Markdown(
    paper.beside(paper.Evidence(halos=halos), "Fig. 1", this_run.is_mock)
)

# %% [markdown]
# A verdict compares a number, with its 95% interval over resampled halos, with a threshold on one side of which the paper expects it. It can't be decided if the interval
# contains the threshold. [The last chapter](14_claims.ipynb) collects all verdicts. The paper's networks also infer the temperature of the gas, which this figure doesn't show:

# %% mystnb={"figure": {"name": "fig-temperature", "caption": "Mass-weighted temperature of the CGM against halo mass, drawn as Figure 1."}}
figure = figures.property_trends(halos, ["log_t_cgm"], this_run.source)
medians = halos.groupby("halo_class", as_index=False)["log_t_cgm"].median()
figures.caption(
    "Medians of log_t_cgm in K: "
    + figures.ends(medians, "log_t_cgm", ["halo_class"])
    + "."
)

# %% [markdown]
# ### What feedback does
#
# Other sets of CAMELS change two numbers of the cosmology and four strengths of feedback, whose names mean other physics in each suite. The mock has such sets too,
# LH and 1P (`mock.write(..., set_name="LH")`), and two more suites, Swift-EAGLE and Ramses. The response of its halos and their gas was put in by hand, like all of the mock: it is smooth,
# and different in each suite. The next figure shows it without a simulation. Networks can be tested on such sets; the figure says nothing about CAMELS.

# %% mystnb={"figure": {"name": "fig-parameters", "caption": "Effect of each parameter on the mock: numbers of halos, and medians of gas fraction, metallicity and cool fraction, relative to those of the fiducial model. Solid lines: the top of the parameter's range in CAMELS' LH set; dashed lines: its bottom."}}
figure = figures.parameter_effects(source="built into the mock suite")
most = {}  # of each gas property: the largest factor, and whose it is
for axis in figure.axes:
    name, _, parameter = axis.get_label().rpartition(" ")
    drawn = np.concatenate([one.get_ydata() for one in axis.lines])
    factor = float(10 ** np.abs(np.log10(drawn)).max())
    most[name] = max(most.get(name, (0, "")), (factor, parameter))
strongest = [
    f"{words} most with <i>A</i><sub>{most[name][1][2:]}</sub> "
    f"(by up to a factor of {most[name][0]:.1f})"
    for name, words in (
        ("cgm_fraction", "Gas fractions change"),
        ("metallicity", "metallicities"),
        ("cool_fraction", "cool fractions"),
    )
]
figures.caption(", ".join(strongest) + ".")

# %% [markdown]
# ### The order of the suites in Figure 1
#
# For each property, the table has the number of mass bins that every suite fills, and the number of those in which the means have the order
# Astrid > IllustrisTNG > SIMBA:

# %%
expected = ["Astrid", "IllustrisTNG", "SIMBA"]
figures.tabulate(
    verdicts(halos, expected, names[1:]),
    "Order of the means, bin by bin",
    this_run.source,
)

# %% [markdown]
# Then the minimum of $f_\mathrm{cgm}$, and the scatter (half the distance from the 16th to the 84th percentile, averaged over the bins):

# %%
trends = trend(halos, "f_cgm")
minimum = trends.loc[
    trends.groupby("suite")["mean"].idxmin(), ["suite", "log_mass", "mean"]
]
figures.tabulate(
    minimum.rename(columns={"mean": "lowest mean of f_cgm"}),
    "Halo mass at which f_cgm is lowest",
    this_run.source,
)

# %%
scatter = {
    name: trend(halos, name)
    .eval("scatter = (high - low) / 2")
    .groupby("suite")["scatter"]
    .mean()
    for name in names[1:]
}
scatter = pd.DataFrame(scatter)
figures.tabulate(scatter, "Scatter at fixed mass", this_run.source)

# %% [markdown]
# ## What this run found

# %%
offset = difference.abs().max()
ordered_bins = verdicts(halos, expected, ["f_cgm"]).iloc[0]
widest = scatter["log_z_cgm"]
Markdown(
    f"- {len(halos)} halos above 10<sup>"
    f"{this_run.parameters.minimum_log_mass:g}</sup> M<sub>☉</sub>; "
    f"{within} of {deviation.size} counts within two Poisson deviations "
    "of the paper's.\n"
    "- Masses summed from particles differ from the catalogue's by at "
    f"most {offset:.3f} dex.\n"
    "- The mean gas fraction follows the order Astrid, IllustrisTNG, "
    f"SIMBA in {ordered_bins['as_expected']:.0f} of "
    f"{ordered_bins['bins']:.0f} bins of mass.\n"
    "- At fixed mass the metallicity scatters by "
    f"{widest.min():.2f} to {widest.max():.2f} dex."
)

# %% [markdown]
# Halo mass alone doesn't fix the gas: at fixed mass, properties scatter. The rest of the information is in pictures of the gas, which the
# [next chapter](02_map_generation.ipynb) makes.
#
# ## Exercise
#
# Run this chapter with one realisation instead of all (`-p realisations 1`). Which numbers change most: the counts of Sub-L\* halos, or those of groups? And by how much do the masses summed from particles change?
#
# <details><summary>Answer</summary>
#
# Groups. Counts scatter as $\sqrt N$ at least, so a box with a handful of groups may have half as many or twice as many as the next, while hundreds of Sub-L\* halos change by a tenth. The sums of masses don't change at all: they are
# a check halo by halo, and don't depend on how many halos there are.
#
# </details>
