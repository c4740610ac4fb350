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
# # 2. From gas to maps
#
# **What would a telescope see of the gas around a halo, and is any gas lost on the way to the picture?**
#
# In this notebook we turn the gas around halos into X-ray surface brightness and the column
# density of neutral hydrogen. We follow one halo step by step, check that no gas is lost, then compare one halo in
# all suites (Figure 2 of {cite:t}`Gluck2024`), halos along the mass range (Figure 11), and the light that all of them emit (Figure 12).
#
# You need the halos of the [first chapter](01_simulations.ipynb).

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

# %%
import json

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cgmhelpers import emission, figures, maps, paper, simulations
from cgmhelpers.halos import in_frames
from cgmhelpers.halos import twins as halos_twins
from cgmhelpers.halos.classes import centres
from cgmhelpers.halos.measuring import APERTURE
from cgmhelpers.maps.projection.arriving import arriving_fraction
from cgmhelpers.paper.notation import html

pd.set_option("display.precision", 4)

# %% [markdown]
# ## Why two wavelengths
#
# The circum-galactic medium isn't one gas. Where a halo's gravity has shock-heated it to $10^6$ K or more, it shines in soft
# X-rays: collisions excite the inner electrons of oxygen, neon and iron, and free electrons radiate as they
# pass ions. Where it is cool, near $10^4$ K, and dense enough to shield itself from the ultraviolet background, its hydrogen
# is neutral and emits the 21-cm line. One picture shows the hot atmosphere, the other discs, satellites and clouds in it.
#
# A *field* of this library declares four things: the deposit of an element of gas, the unit of the map, the floor of its pixels, and
# the survey that sets the limit.

# %%
p = this_run.parameters
choice = {"hi": {"method": p.hydrogen_method}} if "hi" in p.fields else {}
chosen = emission.chosen(p.fields, choice)
rows = [
    (one.name, one.unit, one.floor, one.survey_limit, one.survey)
    for one in chosen
]
table = pd.DataFrame(
    rows, columns=["field", "unit", "floor", "survey limit", "surveyed by"]
)
figures.tabulate(table)

# %% [markdown]
# ## One halo, step by step
#
# Take the heaviest halo of the first simulation, and all gas whose kernel reaches into a frame of ±256 kpc on the sky and ±1000 kpc along
# the line of sight. The box is periodic, and positions come back relative to the halo's centre, the minimum of its potential.

# %%
halos = this_run.halos()
sim = this_run.simulations[0]
own = halos[
    (halos["suite"] == sim.suite)
    & (halos["realisation"] == sim.realisation)
]
halo = own.loc[own["log_mass"].idxmax()]
print(
    f"{sim.name}, group {halo['group']}: log M = {halo['log_mass']:.2f}, "
    f"R200c = {halo['r200c']:.0f} kpc"
)

# %%
frame = maps.Frame(p.pixels, p.pixel_size, p.depth)
columns = [name for one in chosen for name in one.columns]
gas = sim.gas(tuple(dict.fromkeys((*simulations.GAS_COLUMNS, *columns))))
position, radius = gas.position, gas.smoothing_length
centre, box = centres(halo.to_frame().T), sim.header.box_size
near = in_frames(position, radius, centre, frame.half_width, p.depth, box)
local = gas.select(near.index)
print(f"{len(local)} of {len(gas)} gas elements touch the frame.")

# %% [markdown]
# **Step 1, the deposit of each element.** In X-rays an element of volume $V$, with electron and hydrogen densities $n_\mathrm{e}$ and
# $n_\mathrm{H}$, has the luminosity
#
# $$
# L = n_\mathrm{e}\,n_\mathrm{H}\,V\left[\Lambda_\mathrm{primordial}(T)+\frac{Z}{Z_\odot}\Lambda_\mathrm{metal}(T)\right]
# $$
#
# between 0.5 and 2 keV, with APEC's emissivities $\Lambda$ {cite:p}`Smith2001,Foster2012` as in pyXSIM {cite:p}`ZuHoneHallman2016`. The square of
# the density makes the X-ray map a map of dense, central, hot gas. Star-forming gas doesn't count: its temperature belongs to an
# effective equation of state.
#
# The neutral mass of an element is $\eta\,X_\mathrm{H}\,m$, and its neutral fraction $\eta$ follows from
# ionisation equilibrium with the background of {cite:t}`HaardtMadau2012` and the self-shielding of {cite:t}`Rahmati2013`, as in Trident
# {cite:p}`Hummels2017`.

# %%
deposits = {one.name: one.deposit(local, sim.header) for one in chosen}
rows = [
    (name, given.sum(), one.deposit_unit, (given > 0).sum())
    for one, (name, given) in zip(chosen, deposits.items(), strict=True)
]
figures.tabulate(
    pd.DataFrame(rows, columns=["field", "sum", "unit", "elements"]),
    "Deposits in the frame",
    this_run.source,
)

# %% [markdown]
# Which density and temperature does it come from? The three panels share their axes. The dotted line is the $10^5$ K that divides
# cool gas from the rest in $f_\mathrm{cool}$.

# %% mystnb={"figure": {"name": "fig-phases", "caption": "Density and temperature of the gas of one halo: the distribution of its mass, and of the light of each map."}}
quiet = local.star_formation_rate <= 0
hydrogen_density = (
    local.density * local.hydrogen_fraction / emission.atom_mass()
)[quiet]
weights = {"mass": local.mass[quiet]}
weights |= {
    figures.field_names(name): deposit[quiet]
    for name, deposit in deposits.items()
}
figure = figures.phase_diagram(
    hydrogen_density, local.temperature[quiet], weights, this_run.source
)
cool = local.temperature[quiet] < 1e5
figures.caption(
    "Of the gas that forms no stars, that below 10^5 K has "
    + ", ".join(
        f"{weight[cool].sum() / weight.sum():.0%} of the {name}"
        for name, weight in weights.items()
    )
    + " in this halo."
)

# %% [markdown]
# **Step 2, projection.** An element isn't a point. It fills a kernel $W$, a cubic spline of radius $h$ {cite:p}`MonaghanLattanzio1985`, which spreads
# its deposit over pixels:
#
# $$
# \Sigma_\mathrm{pixel} = \frac{1}{A_\mathrm{pixel}} \sum_i d_i \int_\mathrm{pixel}\!\mathrm{d}x\,\mathrm{d}y \int_{-D}^{D}\! W(\mathbf r-\mathbf r_i, h_i)\,\mathrm{d}z .
# $$
#
# A pixel has the *mean* over its area, not a sample at its centre: a cell smaller than a pixel can't slip between two lines of sight,
# and nothing is lost. {func}`cgmhelpers.maps.projection.images.project` projects along all three axes of the box:

# %%
quantities = np.stack([local.mass, *deposits.values()], axis=1)
images = maps.project(
    near.displacement, local.smoothing_length, quantities, frame
)
print(
    f"{images.shape[0]} lines of sight, {images.shape[1]} quantities, "
    f"{images.shape[2]} x {images.shape[3]} pixels"
)

# %% [markdown]
# **Step 3, a test that nothing is lost.** Take the elements that lie inside the frame with their whole kernel, project them alone, and compare
# the map's sum times the pixel's area with the sum over the elements. They must agree to the accuracy of
# the kernel's integral, far better than a part in a million. (There is no such simple sum for elements that straddle the edge and
# deposit only a part.)

# %%
area = p.pixel_size**2
reach = np.abs(near.displacement) + local.smoothing_length[:, None]
limit = np.where(
    np.eye(3, dtype=bool), p.depth, frame.half_width
)  # one row per line of sight
inside = (reach[:, None] < limit).all(axis=(1, 2))
alone = maps.project(
    near.displacement[inside],
    local.smoothing_length[inside],
    quantities[inside],
    frame,
)
direct = quantities[inside].sum(axis=0)

# %%
error = pd.DataFrame(alone.sum(axis=(2, 3)) * area / direct - 1)
error.columns, error.index = (
    ["gas mass", *deposits],
    ["along x", "along y", "along z"],
)
figures.tabulate(
    error,
    f"Map minus sum, relative, for the {inside.sum()} elements that are "
    "wholly inside",
    this_run.source,
)

# %% [markdown]
# **Step 4, units.** Each field turns its deposit per area into the unit of its map. Luminosity per area becomes surface brightness, which at redshift zero doesn't depend on distance,
#
# $$
# S_X = \frac{1}{4\pi}\,\frac{L_\mathrm{pixel}}{A_\mathrm{pixel}}\,\frac{\Omega_{\mathrm{arcmin}^2}}{(1+z)^4},
# $$
#
# and neutral mass per area, over the mass of an atom, is a column density. Each field needs one factor:

# %%
rows = [
    (one.name, f"1 {one.deposit_unit} kpc-2",
     one.per_area(sim.header), one.unit)
    for one in chosen
]  # fmt: skip
figures.tabulate(
    pd.DataFrame(rows, columns=["field", "a deposit of", "is", "unit"])
)

# %% [markdown]
# ## Maps of every halo
#
# {func}`cgmhelpers.maps.making.make` does these steps for all halos of a simulation, along three lines of sight, and writes a labelled store (xarray on zarr).
# The run makes the stores that it lacks:

# %% tags=["hide-output"]
stores = this_run.maps()
maps.open(stores[sim.suite])

# %% [markdown]
# The step-by-step map and the stored map agree to the rounding of 32-bit numbers:

# %%
stored = maps.maps_of(maps.open(stores[sim.suite]), halo)["image"]
for number, one in enumerate(chosen, start=1):
    step_by_step = images[:, number] * one.per_area(sim.header)
    difference = np.abs(
        stored.sel(field=one.name).values - step_by_step
    ).max()
    print(
        f"{one.title:8s} {difference / step_by_step.max():.1e} of the "
        "brightest pixel, at most"
    )

# %% [markdown]
# ## One halo, three universes
#
# A massive halo has a twin in each suite, in the same realisation, at the same place and with nearly the same mass. Here are its X-ray and HI
# maps, ideal and with the limit of a survey. A limit is a floor: fainter pixels are set to it, since the survey would see noise there. X-ray maps get the
# depth of the eROSITA all-sky survey eRASS:4 {cite:p}`Predehl2021`, HI maps that of MHONGOOSE {cite:p}`deBlok2016`. (The text of the paper that we have lacks
# the numbers; those used here are adopted, see [](../book/science.md#maps-and-limits).)
#
# ### Figure 2: one massive halo in three universes
#
# The paper: the X-ray map is brightest in Astrid and dimmest in SIMBA, with and without limits; HI is less concentrated and often follows satellites.

# %%
twins = halos_twins.twins(halos, halo, sim.header.box_size)
columns = ["suite", "group", "log_mass", "distance", "f_cgm", "f_cool"]
figures.tabulate(
    twins[columns].set_index("suite"),
    "The halo and its twins; distance in kpc from the first",
    this_run.source,
)

# %% tags=["cover"] mystnb={"figure": {"name": "fig-2", "caption": "After Figure 2 of the paper, on {data}: the same massive halo in each suite, in X-ray and HI, ideal and at the depth of a survey. Colours are shared along a row."}}
pictures = {
    row["suite"]: maps.maps_of(maps.open(stores[row["suite"]]), row)
    for _, row in twins.iterrows()
}
figure = figures.halo_in_suites(
    pictures, p.drawn_limits, source=this_run.source
)
sums = pd.DataFrame(
    {
        "suite": list(pictures),
        "log flux": [
            float(np.log10(one["image"].isel(axis=0, field=0).sum()))
            for one in pictures.values()
        ],
    }
)
figures.caption(
    f"Log of the summed {figures.field_names(p.fields[0])} pixels in this "
    "run: "
    + figures.ends(sums, "log flux", ["suite"], this_run.source)
    + "."
)

# %% [markdown]
# The flux of each of these maps, and the order of the suites for all groups:

# %%
totals = maps.suite_totals(stores)
of_twins = totals.merge(twins[["suite", "realisation", "group"]])
figures.tabulate(
    of_twins.set_index("suite")[list(p.fields)].apply(np.log10),
    "Log of the summed pixels, ideal maps",
    this_run.source,
)

# %%
evidence = paper.Evidence(halos=halos, totals=totals)
Markdown(paper.beside(evidence, "Fig. 2", this_run.is_mock))

# %% [markdown]
# ## Along the mass range
#
# Four halos of one simulation, from its lightest to its heaviest.
#
# ### Figure 11: halos from light to heavy
#
# The paper: X-ray emission climbs steeply with halo mass, so that a survey's limit erases light halos altogether. HI doesn't climb that way: much of
# the gas of light halos is cool. The two fields are sensitive to opposite ends of the mass range, which is the reason for using both.
# ([The explorer](03_explorer.ipynb) has more halos.)

# %% mystnb={"figure": {"name": "fig-11", "caption": "After Figure 11 of the paper, on {data}: halos of rising mass in one suite, in X-ray and HI, ideal and at the depth of a survey. Dashed: R200c, where it fits into the frame."}}
steps = np.linspace(own["log_mass"].min(), own["log_mass"].max(), 4)
rows = [own.loc[(own["log_mass"] - step).abs().idxmin()] for step in steps]
figure = figures.halos_by_mass(
    [maps.maps_of(maps.open(stores[sim.suite]), row) for row in rows],
    p.drawn_limits,
    source=this_run.source,
)
figures.caption(
    "One box of "
    f"{figures.suite_name(sim.suite, this_run.source)}, "
    f"10^{rows[0]['log_mass']:.1f} to 10^{rows[-1]['log_mass']:.1f} Msun."
)

# %% [markdown]
# Over all halos of IllustrisTNG:

# %%
Markdown(paper.beside(evidence, "Fig. 11", this_run.is_mock))

# %% [markdown]
# ## Is the total flux enough?
#
# If the sum of a map's pixels gave the halo mass, nobody would need a network.
#
# ### Figure 12: mass against total flux
#
# The paper: it doesn't. X-ray sums climb with mass in IllustrisTNG and Astrid, but at a fixed sum the mass scatters more than the network errs, and in HI the two hardly correlate.
# For every halo, along one line of sight:

# %% mystnb={"figure": {"name": "fig-12", "caption": "After Figure 12 of the paper, on {data}: halo mass against the sum of the pixels of the ideal map. Black: mean and 16th to 84th percentile of each halo class. Dashed: the sum with every pixel at the survey's limit; halos right of it are surely observable. Dotted, where it is in the panel: one pixel at the limit; halos left of it aren't observable. (The paper doesn't say how it draws the limit.)"}}
baseline = maps.mass_from_total(totals, p.fields)
figure = figures.total_flux(totals, p.fields, this_run.source, p.pixels)
figures.caption(
    "Scatter of log_m_halo about a straight line in this run, in dex: "
    + figures.ends(
        baseline, "scatter", ["field", "suite"], this_run.source
    )
    + "."
)

# %%
Markdown(paper.beside(evidence, "Fig. 12", this_run.is_mock))

# %% [markdown]
# A straight line sets the scatter that a network has to beat: the standard deviation of $\log M_\mathrm{halo}$ about the best linear fit in the logarithm of
# the sum. The last column has the scatter about the mean, which uses no map.

# %%
figures.tabulate(baseline, "Scatter of log_m_halo in dex", this_run.source)

# %% [markdown]
# ## The picture of this book
#
# The same functions at four times the resolution make the picture of the [first page](../book/index.md):

# %% mystnb={"figure": {"name": "fig-hero", "caption": "A massive halo in all fields of this run, 512 kpc across. The dotted circle is the aperture of 200 kpc in which four of the six properties are measured."}}
one_halo = own.loc[[halo.name]]
fine = {
    "pixels": 512,
    "pixel_size": 2 * frame.half_width / 512,
    "depth": p.depth,
}
portrait = maps.make(
    sim,
    p.fields,
    options=choice,
    **fine,
    halos=one_halo,
    measured=one_halo,
    progress=False,
)
figure = figures.hero(portrait.isel(halo=0), source=this_run.source)
picture = this_run.save_figure(figure, "hero")
light = portrait["image"].isel(halo=0, axis=0)
near_enough = np.hypot(light["x"], light["y"]) < APERTURE
share = light.where(near_enough).sum(["x", "y"]) / light.sum(["x", "y"])
shares = ", ".join(
    f"{one.item():.0%} of the {emission.get(name).title}"
    for name, one in zip(p.fields, share, strict=True)
)
figures.caption(f"The circle holds {shares}.")

# %% [markdown]
# ## How a projection can lose gas
#
# yt {cite:p}`Turk2011` projects differently: its pixels have the kernel's column at their *centres*, along one line of sight each, a pencil beam. We give yt's pixeliser the
# same elements, and compare its sums with those of the maps above:

# %%
beams = maps.project(
    near.displacement,
    local.smoothing_length,
    quantities,
    frame,
    backend="yt",
)
difference = [
    beams.sum(axis=(2, 3)),
    np.abs(beams - images).sum(axis=(2, 3)),
]
off, moved = (
    pd.DataFrame(d / images.sum(axis=(2, 3))).set_axis(
        error.columns, axis=1
    )
    for d in difference
)
both = pd.concat(
    {"sum of the map": off - 1, "misplaced, L1": moved}, axis=1
)
figures.tabulate(
    both.set_index(error.index),
    "Pencil beams against means over pixels, relative",
    this_run.source,
)

# %% [markdown]
# The next figure shows the field that changes most. An element whose kernel is wider than a few pixels is sampled well. A smaller element
# counts too much if a pixel's centre lies on it, and is missing otherwise. On average over all places nothing is lost, but
# a map isn't an average: a few small, dense elements have much of its light. The lower panel shows the part of a single element that arrives on yt's map, against the
# radius of its kernel, and the radii of this halo's deposits.

# %% mystnb={"figure": {"name": "fig-beams", "caption": "Above: a map whose pixels are means, the map by yt's pencil beams, and their relative difference. Below: the part of a single element that arrives on yt's map, for random places, against the radius of its kernel; and the radii of this halo's deposits."}}
worst = moved[list(deposits)].mean().idxmax()
pair = [one[0, 1 + list(deposits).index(worst)] for one in (images, beams)]
pair = [one * emission.get(worst).per_area(sim.header) for one in pair]
radius = np.geomspace(0.1, 20, 41)
arriving = arriving_fraction(radius, elements=1000)
kernels = local.smoothing_length / p.pixel_size
shares = {
    figures.field_names(name): (kernels, deposit)
    for name, deposit in deposits.items()
}
figure = figures.pencil_beam_comparison(
    pair,
    frame.half_width,
    radius,
    arriving,
    shares,
    worst,
    this_run.source,
)
figures.caption(
    f"The two maps of {figures.field_names(worst)} differ by "
    f"{moved[worst].iloc[0]:.1%} of their sum, pixel by pixel."
)

# %% [markdown]
# The elements of the mock suite are far fewer and larger than those of CAMELS, and most of them span pixels. In finer simulations, or with coarser pixels,
# more dense gas falls between the beams.
#
# ## Two ways to neutral hydrogen
#
# Snapshots store a neutral fraction, and yt takes it without a warning instead of Trident's table. Here the method is a parameter, and
# every map store records it:

# %%
by_method = {
    method: maps.make(
        sim,
        ["hi"],
        options={"hi": {"method": method}},
        pixels=p.pixels,
        pixel_size=p.pixel_size,
        depth=p.depth,
        halos=own,
        measured=own,
        progress=False,
    )
    for method in emission.METHODS
}
for method, ds in by_method.items():
    recorded = json.loads(ds.attrs["options"])["hi"]["method"]
    print(f"asked for {method}: the store records {recorded}")

# %% mystnb={"figure": {"name": "fig-methods", "caption": "Neutral hydrogen from Trident's table and from the snapshot: one halo, the ratio of its maps, and the ratio of the sums for all halos of this simulation."}}
place = own.index.get_loc(halo.name)
pictures = {
    m: ds["image"].isel(halo=place, axis=0, field=0)
    for m, ds in by_method.items()
}
sums = {
    m: ds["image"].astype(float).sum(ds["image"].dims[1:])
    for m, ds in by_method.items()
}
both = own[["suite", "log_mass"]].assign(
    **{m: total.values for m, total in sums.items()}
)
pictures = {m: picture.values for m, picture in pictures.items()}
figure = figures.hydrogen_methods(
    pictures, both, frame.half_width, this_run.source
)
ratio = both["snapshot"] / both["trident"]
figures.caption(
    "Sums from the snapshot's fraction are "
    f"{ratio.min():.2f} to {ratio.max():.2f} times those from Trident's "
    "table in this run."
)

# %% [markdown]
# Hydrogen that shields itself is neutral by either method, so the sums differ little. The neutral fraction of thin gas depends on the ultraviolet
# background, which differs between codes.
#
# ## Two more fields
#
# A new wavelength is one more declaration. The library has two fields that the paper doesn't use: the Compton parameter $y$ of the thermal Sunyaev-Zel'dovich effect
# {cite:p}`SunyaevZeldovich1972`, and X-rays in the narrow band of O VII and O VIII ([how, and with which limits](../book/science.md#two-more-fields)). Put their
# names into `fields`, and all notebooks use them. The same halo in every field:

# %% mystnb={"figure": {"name": "fig-fields", "caption": "One halo in every field that the library declares, ideal and with the limit of a survey."}}
names = list(emission.FIELDS)
every = maps.make(
    sim,
    names,
    options={"hi": {"method": p.hydrogen_method}},
    pixels=p.pixels,
    pixel_size=p.pixel_size,
    depth=p.depth,
    halos=one_halo,
    measured=one_halo,
    progress=False,
)
figure = figures.every_field(
    every.isel(halo=0), p.drawn_limits, source=this_run.source
)
limit = [emission.get(name).limit("survey") for name in names]
seen = (every["image"] > np.reshape(limit, (-1, 1, 1))).mean(["x", "y"])
seen = seen.isel(halo=0).mean("axis")
figures.caption(
    "Above the survey's limit, over three lines of sight: "
    + ", ".join(
        f"{one.item():.0%} of the pixels in {emission.get(name).title}"
        for name, one in zip(names, seen, strict=True)
    )
    + "."
)

# %% [markdown]
# ## What this run found

# %%
best = baseline.loc[baseline["scatter"].idxmin()]
lost = html(f"{error.abs().max().max():.0e}")
Markdown(
    "- The maps hold the gas inside their frame: the largest relative "
    f"difference of map and sum is {lost}.\n"
    "- Pencil beams lose or add up to "
    f"{(off - 1).abs().max().max():.1%} of a map's sum and misplace up "
    f"to {moved.max().max():.0%}.\n"
    "- A straight line in the total flux gives the mass to "
    f"{best['scatter']:.2f} dex at best "
    f"({figures.field_names(best['field'])}, "
    f"{figures.suite_name(best['suite'], this_run.source)}), while "
    f"masses scatter by {best['scatter_of_mass']:.2f} dex."
)

# %% [markdown]
# - X-rays show the hot gas, HI the cool gas: in the phase diagram their regions hardly overlap.
# - A survey's limit removes most of the X-ray emission of light halos, and much less of their HI.
# - A network that does better than the straight line may use the *structure* of the map, or only a better curve: chapter 9 asks which. You can look at it yourself
#   in the [next chapter](03_explorer.ipynb), and [then](04_cnn.ipynb) we build a network.
#
# ## Exercise
#
# Make maps with pixels four times as wide (`-p pixels 32 -p pixel_size 16`, for the smoke profile). What happens to the sum of a map, and what to the gas that pencil beams misplace?
#
# <details><summary>Answer</summary>
#
# The sum stays: a pixel holds the mean over its area, whatever the area is. Pencil beams get worse, since more elements are smaller than a pixel and fall between the beams, or are hit and count for a whole pixel.
#
# </details>
