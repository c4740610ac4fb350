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
# # 12. Robust
#
# **Can a network be made to work in a universe that nobody trained it on?**
#
# In this notebook we close the gap that the paper leaves open, as far as it can be closed: networks of several suites, made to ignore which suite a map comes from; error bars that know of universes nobody trained on; and, for each halo, a word on whether
# to believe the answer.

# %% tags=["parameters"]
profile = "quick"
run = ...
suites = ...
realisations = ...
fields = ...
limits = ...
epochs = ...
seed = ...
sources = ...
target = ...
adaptation = ...
adaptation_weight = ...
posterior = ...

# %%
from cgmhelpers.runs import start

this_run = start(globals())
print(this_run.source)

# %%
import numpy as np
import pandas as pd
from IPython.display import display

from cgmhelpers import figures, inference, statistics
from cgmhelpers.emission.bands import load_band
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.mock import alike
from cgmhelpers.runs import leaving_out, results

pd.set_option("display.precision", 3)

# %% [markdown]
# ## The rules
#
# One suite is **left out**; networks learn from the others and are tested on it. Halos are split so that no twin of a test halo, the same halo in another suite, was trained on. All networks take the same number of epochs, with the hyperparameters of the
# profile, and nothing is chosen by looking at the suite that is left out. There are two tracks, which no table mixes:
#
# - **blind**: nothing of the suite was seen in any way;
# - **unlabelled target**: the training saw maps of it, without properties.
#
# A penalty on the network's features makes those of two suites alike: their maximum mean discrepancy, their covariances {cite:p}`Sun2016`, or a classifier of suites whose gradient is reversed {cite:p}`Ganin2016`; a bottleneck lets little information pass at all. Alignment helps
# when suites differ in how gas shines, and may hurt when they differ in which halos there are; that has a control below.

# %%
p = this_run.parameters
can_leave_out = len(p.suites) >= 3
if can_leave_out:
    experiment = leaving_out.LeavingOut(
        this_run,
        kinds=["pooled", p.adaptation],
        left_out=p.suites[-1:],
    )
    kinds, shown = experiment.kinds, experiment.shown
    predictions = experiment.predictions()
    nested = experiment.nested()
    for suite in experiment.left_out:
        print(f"{suite} left out of", *experiment.sources(suite))
else:
    print("no suite can be left out: this run has fewer than three")
note = (
    f"{this_run.source}; {figures.field_names('+'.join(p.fields))}, "
    f"{figures.limit_name(p.limits[-1])}"
)

# %% [markdown]
# ## Bias, before and after
#
# The table has means over suites, properties and networks: `bias` is the mean *size* of the median of inference minus truth, in units of the property's range, with a 95% interval from resampled realisations, `change` that of the bias relative to networks of a
# single suite, `rmse_home` the price paid at home, in the suites of the training. The best single suite is known only to who knows the truth. A scaling relation and boosted trees learn from the same halos of the same sources.

# %%
if can_leave_out:
    blind = predictions[predictions["track"] == leaving_out.BLIND]
    table = statistics.summary(blind)
    display(
        table.drop(columns="track")
        .style.format(precision=3)
        .hide(axis="index")
        .set_caption(f"Blind. {note}")
    )

# %%
if can_leave_out:
    single = blind[blind["method"] == leaving_out.SINGLE]
    if shown:
        with_target = predictions[
            predictions["track"] == leaving_out.SHOWN
        ]
        with_target = pd.concat(
            [single.assign(track=leaving_out.SHOWN), with_target]
        )
        target_table = statistics.summary(with_target)
        display(
            target_table.drop(columns="track")
            .style.format(precision=3)
            .hide(axis="index")
            .set_caption(f"Unlabelled target. {note}")
        )

# %% mystnb={"figure": {"name": "fig-robust-bias", "caption": "Bias of each property in each suite that was left out, blind: networks of single suites (mean over the sources), of all sources together, and with the penalty. Above each panel: the mean size of the bias of its networks."}}
if can_leave_out:
    cells = statistics.away(statistics.cells(blind))
    titles = {leaving_out.SINGLE: "single suite"}
    titles |= {kind: kind for kind in kinds}
    figure = figures.left_out_biases(cells, titles, note)

# %%
if can_leave_out:
    for method in (*kinds, *inference.METHODS):
        said = statistics.verdict(table, method)
        print(
            f"blind, {method}: that the bias is at least 31% below that "
            f"of single-suite networks {said}"
        )
    network = table.set_index("method")["rmse"]
    for method in inference.METHODS:
        better = (
            "errs less"
            if network["pooled"] < network[method]
            else "errs more"
        )
        print(
            f"RMSE: the pooled network {better} than {method} "
            f"({network['pooled']:.3f} and {network[method]:.3f})"
        )

# %% [markdown]
# ## Error bars for a universe that nobody trained on
#
# A network's errors on validation halos of its own suites can't know how far the next suite is. Leaving out each *source* in turn can: the offsets there have a spread $\tau$ between suites, which the posterior must carry, and with a handful of suites it is badly known, so
# that Student's distribution widens it. Beside it stand weighted conformal intervals {cite:p}`Tibshirani2019`, which hold if maps are of another kind but mean the same. They need the maps of the suite, so they aren't blind.

# %%
if can_leave_out:
    bars = experiment.error_bars(predictions, nested)
    display(
        bars.style.format(precision=2)
        .hide(axis="index")
        .set_caption(f"Blind. {note}")
    )
    display(
        experiment.conformal(predictions)
        .style.format(precision=2)
        .hide(axis="index")
        .set_caption(f"Conformal, with the target's maps. {note}")
    )

# %% mystnb={"figure": {"name": "fig-robust-coverage", "caption": "Coverage of 68% intervals in the suites that were left out, by the pooled networks: error bars of the training (open), those for an unseen suite (full). Grey: 0.60 to 0.75."}}
if can_leave_out:
    pooled = blind[blind["method"] == "pooled"]
    chosen = (
        experiment.widened(pooled, nested)
        if p.posterior == "unseen_suite"
        else pooled
    )
    both = {"in_domain": pooled, p.posterior: chosen}
    covered = pd.concat(
        statistics.away(statistics.cells(one)).assign(posterior=kind)
        for kind, one in both.items()
    )
    figure = figures.left_out_coverage(covered, note)

# %%
if can_leave_out:
    for name in ("log_m_halo", "log_m_cgm"):
        row = bars[
            (bars["property"] == name) & (bars["posterior"] == p.posterior)
        ]
        row = row.iloc[0]
        inside = (
            row["coverage_68_low"] >= 0.60
            and row["coverage_68_high"] <= 0.75
        )
        print(
            f"{name}, {p.posterior}: chi2 at worst "
            f"{row['chi2_worst']:.2f} "
            f"({'holds' if row['chi2_worst'] <= 2 else 'does not hold'}: "
            f"at most 2); coverage {row['coverage_68_low']:.2f} "
            f"to {row['coverage_68_high']:.2f} "
            f"({'holds' if inside else 'does not hold'}: 0.60 to 0.75)"
        )

# %% [markdown]
# ## Can this one be trusted?
#
# {func}`cgmhelpers.inference.trusting.trust` compares a map with those of the training, by its brightness, rings and roughness and by the network's features, and gives a score that is spread evenly from 0 to 1 over halos of the own suites. Below 0.05 it calls for care, far below it refuses. Here it judges test halos
# of the own suites, of the suite left out, and maps that are spoilt on purpose:

# %%
if can_leave_out:
    trusted = experiment.trust(predictions)
    judged = leaving_out.judged(trusted)
    display(
        judged.groupby("kind", sort=False)[["flagged", "refused", "auc"]]
        .mean()
        .style.format(precision=3)
        .set_caption(note)
    )

# %%
if can_leave_out:
    told = trusted[trusted["word"] != "usable"].drop_duplicates("kind")
    for row in told.itertuples():
        print(f"{row.kind}: {row.word}. {row.reason}")

# %% mystnb={"figure": {"name": "fig-robust-trust", "caption": "Root mean square error of each test halo, over the properties, against its trust score. Large symbols: running medians. Left of the dotted line scores call for care."}}
if can_leave_out:
    figure = figures.trust_and_error(trusted, note)

# %%
if can_leave_out:
    for row in judged[
        judged["kind"].isin(["own", "left out"])
    ].itertuples():
        if np.isnan(row.p):
            said = "can't be decided: no halo of one kind"
        else:
            said = (
                "err less"
                if row.p < 0.05
                else "don't err less, significantly"
            )
            said += f" ({row.error_usable:.3f}, {row.error_flagged:.3f})"
        print(
            f"{row.left_out} left out, {row.kind}: "
            f"halos not flagged {said}"
        )

# %% [markdown]
# ## What no method can see
#
# Two atmospheres of $10^{6.5}$ K, one with 0.3 solar metals and one with 0.1 and more gas to make up for it. Their X-ray maps are the same, pixel by pixel, and their masses are not:

# %%
maps, mass = alike.alike(load_band(0.5, 2.0))
apart = np.abs(maps[1] / maps[0] - 1).max()
print(f"largest difference of the maps: {apart:.0e}")
dex = np.log10(mass[1] / mass[0])
print(f"log10 of the ratio of the masses: {dex:.2f} dex")

# %% [markdown]
# No network, penalty or score tells them apart; only other data do (spectra, a Sunyaev-Zel'dovich map). A suite whose halos of a given look have more metals is as invisible.
#
# ### The control
#
# The unlabelled target is now made of halos of a *source* with more gas than others of their mass. Their maps mean what they meant; only the mix of halos has changed. A network that is forced to see no difference may invent one:

# %%
if can_leave_out and shown:
    control = experiment.control(p.adaptation)
    biased = statistics.biases(control, ["method", "property"])
    display(
        biased.pivot(index="property", columns="method", values="median")
        .reindex(NAMES)
        .style.format("{:+.3f}")
        .set_caption(f"Median of inference minus truth. {note}")
    )
elif can_leave_out:
    print("this adaptation compares no suites; it takes no target")

# %% [markdown]
# ## The largest run
#
# Tables of the largest run that was made, kept with the book. With few realisations the intervals are too short.

# %%
kept_note, kept = results.read_left_out()
if kept:
    print(kept_note["command"])
    print(kept_note["source"], kept_note["parameters"], sep="\n")
    for name, one in kept.items():
        display(
            one.style.format(precision=3)
            .hide(axis="index")
            .set_caption(name)
        )

# %% [markdown]
# ## What we learned
#
# - A network of several suites is tested on another one, blind, beside single-suite networks and a scaling relation. The verdicts above say how much it gains on this run, and what it costs at home.
# - Error bars of the training are too small elsewhere, by a spread that the sources themselves can measure. With two or three of them it is badly known.
# - A score without the truth finds spoilt maps. Of a suite's shift it finds what shows in maps, and some of it doesn't.
