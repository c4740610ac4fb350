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
# In this notebook we split the six claims of {cite:t}`Gluck2024` into statements that a single number can test, and judge each on this run: it holds, it doesn't, or it can't be
# decided. The same cells judge CAMELS and the mock suite; only verdicts on CAMELS concern the paper.

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
import pandas as pd
from IPython.display import Markdown, display

from cgmhelpers import figures, paper, statistics
from cgmhelpers.runs import results

# %% [markdown]
# ## The rule
#
# Each statement becomes a **quantity** and a **threshold**: "HI is better than X-ray" becomes a ratio of RMSE, HI over X-ray, below 1; a network "infers" a quantity if it explains more than half of its
# variance, $R^2>0.5$. The interval is the central 95% of 1000 bootstrap draws of the test halos of each suite; all networks are compared on the same draws. Then:
#
# - the statement **holds** if the whole interval lies on the claimed side of the threshold;
# - it **does not hold** if the whole interval lies on the other side;
# - it **can't be decided** if the interval contains the threshold, if a group has fewer than ten halos, if the run lacks the maps, or if the training of a network behind it is unfinished: it still gained at its end, or the network errs more than one
#   that sees fewer of the same fields. Such a verdict would judge the training and not the maps.
#
# The draws have the scatter between samples of test halos. They lack the scatter between trainings (another seed gives another network) and between boxes, as halos of a box share their surroundings. With the few boxes of a small
# run the intervals are therefore too short, and a verdict close to its threshold means little.

# %%
said = (
    "**This run is on the mock suite, which we built.** Its gas follows "
    "recipes with the trends of the paper's Figure 1 put in by hand. A "
    "verdict on it says that the chain from gas to "
    "verdict works, and what networks do with such maps. It says nothing "
    "about CAMELS or the Universe: a statement that holds here isn't "
    "confirmed, one that fails isn't refuted. The column "
    "*built in* tells what was put in (**yes**), what partly follows from "
    "it (**in part**), and what emerges from the networks alone (**no**)."
    if this_run.is_mock
    else f"**This run is on {this_run.source}.** The column *built in* "
    "concerns the mock suite only; nothing was built into these data."
)
Markdown(said)

# %% [markdown]
# ## The verdicts

# %%
evidence = results.evidence(this_run)
verdicts = paper.judge(evidence)
kept = results.keep(verdicts, this_run.folder / "claims.csv")
counted = ", ".join(
    f"{n} {name}" for name, n in verdicts["verdict"].value_counts().items()
)
print(f"{len(verdicts)} statements: {counted}.")
print(f"Written to {kept.name} in the run's folder.")

# %%
paper.readable(verdicts).style.hide(axis="index").set_caption(
    f"The claims of the paper on this run: {this_run.source}"
)

# %% mystnb={"figure": {"name": "fig-verdicts", "caption": "Every statement with its 95% interval and its threshold. Statements have different units, so each row has its own scale: the threshold is in the middle, the claimed side on the right. Numbers are the value, its interval and the claim."}}
figure = figures.verdict_forest({"this run": verdicts}, this_run.source)

# %% [markdown]
# The paper makes further statements about single figures and tables, which are judged beside the figures and listed here:

# %%
beside = paper.judge(evidence, paper.BESIDE)
kept = results.keep(beside, this_run.folder / "claims_beside.csv")
paper.readable(beside).style.hide(axis="index").set_caption(
    f"Statements beside single figures, on this run: {this_run.source}"
)

# %% [markdown]
# Claim 6 compares the network with a straight line in the log of a map's sum, fitted to other halos than those of the test. [Another notebook](09_baselines.ipynb) has stronger
# baselines, with concentrations and boosted trees.
#
# ## Beside the largest run
#
# The book keeps the numbers of its largest run, with the command and the releases behind them:

# %%
note, published = results.read()
if note:
    size = ", ".join(
        f"{name} {value}" for name, value in note["parameters"].items()
    )
    said = (
        f"**The kept run:** {note['source']}, profile `{note['profile']}` "
        f"({size}), {note['halos']} halos, made on {note['date']} by "
        f"`{note['command']}`."
    )
else:
    said = (
        "No results are kept in `book/results` yet; `cgm results` writes "
        "those of a finished run."
    )
Markdown(said)

# %% mystnb={"figure": {"name": "fig-verdicts-beside", "caption": "The verdicts of this run (left) beside those of the kept run (right), drawn as before."}}
if note:
    tables = {
        "this run": verdicts,
        f"kept: {note['profile']}, {note['date']}": published["claims"],
    }
    figure = figures.verdict_forest(
        tables, f"left: {this_run.source}; right: {note['source']}"
    )

# %% mystnb={"figure": {"name": "fig-metrics-beside", "caption": "R squared of every property from X-ray and HI with survey limits, networks in their own suite. Full symbols: this run; open: the kept run. Values below the panel are worse than the sample's mean."}}
if note:
    tables = {
        f"this run: {this_run.source}": statistics.summarise(
            evidence.predictions
        ),
        f"kept: {note['source']}, {note['date']}": published["metrics"],
    }
    alike = note["mock"] == this_run.is_mock
    figure = figures.metric_beside(
        tables, source=this_run.source if alike else None
    )

# %%
if note:
    pair = {"this run": verdicts, "kept run": published["claims"]}
    pair = {
        name: table.set_index(["number", "statement"])["verdict"]
        for name, table in pair.items()
    }
    display(pd.DataFrame(pair))

# %% [markdown]
# ## What we learned
#
# - A claim can be tested as a number with a threshold, and a verdict is only as good as its interval. "Can't be decided" is an answer too: more halos, or longer trainings, are needed.
# - On the mock suite the verdicts test this book, not the paper. On CAMELS the same cells test the paper.
# - Statements about networks with unfinished trainings can't be decided. Train longer before you blame the physics.
