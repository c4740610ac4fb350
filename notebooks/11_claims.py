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
# # The claims, one by one
#
# In this notebook we take the six claims of {cite:t}`Gluck2024`, split them into statements that a single number can test, and judge each on this run: it holds, it doesn't, or it can't be
# decided. The same cells judge CAMELS and the mock suite; what a verdict is worth depends on which of the two it is.

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

from cgmhelpers import figures, paper, statistics
from cgmhelpers.runs import results

# %% [markdown]
# ## The rule
#
# Each statement becomes a **quantity** and a **threshold**: "HI is better than X-ray" becomes a ratio of RMSE, HI over X-ray, below 1; a quantity can be "inferred" where a network explains more than half of its
# variance, $R^2>0.5$. The interval is the central 95% of 1000 bootstrap draws of the test halos of each suite; all networks are compared on the same draws. Then:
#
# - the statement **holds** if the whole interval lies on the claimed side of the threshold;
# - it **does not hold** if the whole interval lies on the other side;
# - it **can't be decided** if the interval contains the threshold, if a group has fewer than ten halos, if the run lacks the maps, or if a network behind it hasn't finished learning: its training still gained at its end, or it errs more than a network
#   that sees fewer of the same fields. Such a verdict would be about the training, not about the maps.
#
# The draws know about the chance in which halos were tested. They don't know about the chance in a training (another seed gives another network), nor about that in the boxes: halos of one box share their surroundings. With the few boxes of a small
# run the intervals are therefore too short, and a verdict close to its threshold means little.

# %%
said = (
    "**This run is on the mock suite, which we built.** Its gas follows recipes with the trends of the paper's Figure 1 put in by hand. A verdict on it says that the chain from gas to "
    "verdict works, and what networks do with such maps. It says nothing about CAMELS or the Universe: a statement that holds here isn't confirmed, one that fails isn't refuted. The column "
    "*built in* tells what was put in (**yes**), what follows from it to a part (**in part**), and what emerges from the networks alone (**no**)."
    if this_run.is_mock
    else f"**This run is on {this_run.source}.** The column *built in* concerns the mock suite only; here nothing was built in by us."
)
Markdown(said)

# %% [markdown]
# ## The verdicts

# %%
evidence = results.evidence(this_run)
verdicts = paper.judge(evidence)
kept = results.keep(verdicts, this_run.folder / "claims.csv")
counted = ", ".join(f"{n} {name}" for name, n in verdicts["verdict"].value_counts().items())
print(f"{len(verdicts)} statements: {counted}.")
print(f"Written to {kept.name} in the run's folder.")

# %%
paper.readable(verdicts).style.hide(axis="index").set_caption(
    f"The claims of the paper on this run: {this_run.source}"
)

# %% mystnb={"figure": {"name": "fig-verdicts", "caption": "Every statement with its 95% interval and its threshold. Statements have different units, so each row has a scale of its own: the threshold is in the middle, the claimed side on the right. Numbers are the value, its interval and what is claimed."}}
figure = figures.verdict_forest({"this run": verdicts}, this_run.source)

# %% [markdown]
# Beside single figures and tables the paper says more. These statements were judged where the figures are, and once more here:

# %%
beside = paper.judge(evidence, paper.BESIDE)
kept = results.keep(beside, this_run.folder / "claims_beside.csv")
paper.readable(beside).style.hide(axis="index").set_caption(
    f"Statements beside single figures, on this run: {this_run.source}"
)

# %% [markdown]
# Claim 6 compares the network with a straight line in the log of a map's sum, fitted to halos that aren't tested. Stronger rivals, with concentrations and boosted trees, have
# [a notebook of their own](09_baselines.ipynb).
#
# ## Beside the largest run
#
# The book keeps the numbers of the largest run that was made, with the command and the releases that made them:

# %%
note, published = results.read()
if note:
    size = ", ".join(f"{name} {value}" for name, value in note["parameters"].items())
    said = f"**The kept run:** {note['source']}, profile `{note['profile']}` ({size}), {note['halos']} halos, made on {note['date']} by `{note['command']}`."
else:
    said = (
        "No results are kept in `book/results` yet; `cgm results` writes those of a finished run."
    )
Markdown(said)

# %% mystnb={"figure": {"name": "fig-verdicts-beside", "caption": "The verdicts of this run (left) beside those of the kept run (right), drawn as before."}}
if note:
    tables = {"this run": verdicts, f"kept: {note['profile']}, {note['date']}": published["claims"]}
    figure = figures.verdict_forest(tables, f"left: {this_run.source}; right: {note['source']}")

# %% mystnb={"figure": {"name": "fig-metrics-beside", "caption": "R squared of every property from X-ray and HI with survey limits, networks in their own suite. Full symbols: this run; open: the kept run. Values below the panel are worse than the mean of the sample."}}
if note:
    tables = {
        f"this run: {this_run.source}": statistics.summarise(evidence.predictions),
        f"kept: {note['source']}, {note['date']}": published["metrics"],
    }
    alike = note["mock"] == this_run.is_mock
    figure = figures.metric_beside(tables, source=this_run.source if alike else None)

# %%
if note:
    pair = {"this run": verdicts, "kept run": published["claims"]}
    pair = {
        name: table.set_index(["number", "statement"])["verdict"] for name, table in pair.items()
    }
    display(pd.DataFrame(pair))

# %% [markdown]
# ## What we learned
#
# - A claim is testable once it is a number with a threshold, and a verdict is only as good as its interval. "Can't be decided" is an answer too: it asks for more halos.
# - On the mock suite the verdicts test this book, not the paper. On CAMELS the same cells test the paper.
# - An unfinished training shows up here as statements that can't be decided, with the reason. Train longer before you blame the physics.
