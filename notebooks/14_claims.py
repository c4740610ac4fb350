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
# # 14. The claims, one by one
#
# **Which statements of the paper hold on this run, and how sure is each verdict?**
#
# In this notebook we split the six claims of {cite:t}`Gluck2024` into statements that a single number can test, and judge each on this run: it holds, it doesn't, or it can't be
# decided. The same cells judge CAMELS and the mock suite; only verdicts on CAMELS concern the paper.
#
# You need chapters [6](06_accuracy.ipynb) and [11](11_cross_simulation.ipynb), which show the figures behind the verdicts.

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
from cgmhelpers.runs.pages import FIRST_NUMBERS

# %% [markdown]
# ## The rule
#
# Each statement becomes a **quantity** and a **threshold**: "HI is better than X-ray" becomes a ratio of RMSE, HI over X-ray, below 1; a network "infers" a quantity if it explains more than half of its
# variance, $R^2>0.5$. The interval is the central 95% of 1000 bootstrap draws of the test halos of each suite; all networks are compared on the same draws. Then:
#
# - the statement **holds** if the whole interval lies on the claimed side of the threshold;
# - it **does not hold** if the whole interval lies on the other side;
# - it **can't be decided** if the interval contains the threshold, if a group has fewer than ten halos, if the run lacks the maps, or if the training of a network behind it is unfinished: it still gained at its end, or the network errs more than one
#   that sees fewer of the same fields, or than the mean of all halos. Such a verdict would judge the training and not the maps.
#
# The comparison with the mean is over *all* test halos. Claim 2a only looks at those below $10^{12.5}\,\mathrm{M}_\odot$: there it can hold with a negative $R^2$.
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
    "confirmed, one that fails isn't refuted. The last column tells what "
    "we put in (*built in*), what partly follows from it (*partly built "
    "in*), and what emerges from the networks alone (*not built in*)."
    if this_run.is_mock
    else f"**This run is on {this_run.source}.** The last column "
    "concerns the mock suite only; nothing was built into these data."
)
Markdown(said)

# %% [markdown]
# ## The verdicts

# %%
evidence = results.evidence(this_run)
verdicts = paper.judge(evidence)
kept = results.keep(verdicts, this_run.folder / "claims.csv")
several = {"holds": "hold", "does not hold": "do not hold"}
counted = figures.tally(verdicts["verdict"], several)
print(f"{len(verdicts)} statements: {counted}.")
print(f"Written to {kept.name} in the run's folder.")

# %%
figures.tabulate(
    paper.readable(verdicts, this_run.is_mock),
    "The claims of the paper on this run",
    this_run.source,
)

# %% tags=["cover"] mystnb={"figure": {"name": "fig-verdicts", "caption": "Every statement with its 95% interval and its threshold. Statements have different units, so each row has its own scale: the threshold is in the middle, the claimed side on the right. Numbers are the value, its interval and the claim."}}
figure = figures.verdict_forest({"this run": verdicts}, this_run.source)
figures.caption(f"This run: {counted}.")

# %% [markdown]
# The paper makes further statements about single figures and tables, which are judged beside the figures and listed here:

# %% tags=["hide-output"]
beside = paper.judge(evidence, paper.BESIDE)
kept = results.keep(beside, this_run.folder / "claims_beside.csv")
figures.tabulate(
    paper.readable(beside, this_run.is_mock),
    "Statements beside single figures, on this run",
    this_run.source,
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
        f"{name.replace('_', ' ')} {value}"
        for name, value in note["parameters"].items()
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

# %% mystnb={"figure": {"name": "fig-verdicts-beside", "caption": "The verdicts of this run (left) beside those of the kept run (right), drawn as before. Statements whose measure or threshold has changed since the kept run are left out."}}
if note:
    old = published["claims"]
    # Verdicts can be compared if they are on the same test.
    test = ["number", "statement", "quantity", "claimed"]
    alike = verdicts[test].merge(old[test])["number"]
    pair = {
        "this run": verdicts[verdicts["number"].isin(alike)],
        "kept run": old[old["number"].isin(alike)],
    }
    changed = [one for one in verdicts["number"] if one not in set(alike)]
    left_out = (
        f"Left out, as the kept run tested them otherwise: "
        f"{', '.join(changed)}. "
        if changed
        else ""
    )
    figure = figures.verdict_forest(
        pair, f"left: {this_run.source}; right: {note['source']}"
    )
    figures.caption(
        f"{left_out}Kept run ({note['profile']}, {note['date']}): "
        f"{figures.tally(pair['kept run']['verdict'], several)}."
    )


# %% mystnb={"figure": {"name": "fig-metrics-beside", "caption": "R² of every property from X-ray and HI with survey limits, networks in their own suite. Full symbols: this run; open: the kept run. Below the line at 0 a network is worse than the sample's mean; values below −1 aren't shown."}}
def at_home(table):
    """Return R2 of each property from both fields with limits."""
    rows = table.query(
        "suite_train == suite_test and fields == 'xray+hi' "
        "and limits == 'survey'"
    )
    return rows.set_index(["suite_test", "property"])["r2"]


if note:
    both = f"{this_run.source}; kept run: {note['source']}"
    tables = {
        "this run": statistics.summarise(evidence.predictions),
        "kept run": published["metrics"],
    }
    figure = figures.metric_beside(tables, source=both)
    better = at_home(tables["kept run"]) - at_home(tables["this run"])
    better = better.dropna()
    figures.caption(
        f"The kept run has the higher R2 in {(better > 0).sum()} of "
        f"{len(better)} cases; the median difference, kept run minus this "
        f"run, is {better.median():.2f}."
        if len(better)
        else ""
    )

# %%
if note:
    shown = {
        name: table.set_index(["number", "statement"])["verdict"]
        for name, table in pair.items()
    }
    title = f"Verdicts side by side. {left_out}".strip()
    display(figures.tabulate(pd.DataFrame(shown), title, both))

# %% [markdown]
# ## What this run found

# %%
predictions = evidence.predictions
mass = predictions[
    (predictions["property"] == "log_m_halo")
    & (predictions["limits"] == this_run.parameters.limits[-1])
]
mass = mass[mass["fields"] == max(mass["fields"], key=len)]
same = mass["suite_train"] == mass["suite_test"]
models = {
    "same": "the galaxy-formation model of the training",
    "other": "other galaxy-formation models",
}
inputs = (
    f"{figures.field_names(mass['fields'].iloc[0])}, "
    f"{figures.limit_name(mass['limits'].iloc[0])}"
)
rows = []
for chosen, where in ((mass[same], "same"), (mass[~same], "other")):
    for one in (
        statistics.summarise(chosen, ["property"], draws=1000).itertuples()
        if len(chosen)
        else ()
    ):
        ends = one.rmse, one.rmse_low, one.rmse_high
        meaning = (
            "is the error of the inferred halo mass (RMSE) for halos of "
            f"{models[where]}, from {inputs}"
        )
        rows.append((*(f"{value:.2f}" for value in ends), "dex", meaning))
covered = statistics.coverages(
    mass[same], ["property"], [statistics.ONE_SIGMA]
).iloc[0]
ends = covered[["coverage", "coverage_low", "coverage_high"]]
meaning = (
    "of these true masses lie within one standard deviation of the "
    "inferred ones, after recalibration; 68% should"
)
rows.insert(1, (*(f"{100 * value:.0f}" for value in ends), "%", meaning))
first = pd.DataFrame(
    rows, columns=["value", "low", "high", "unit", "meaning"]
)
results.keep(first, this_run.folder / FIRST_NUMBERS)
Markdown(
    f"Of {len(verdicts)} statements, {counted}. The numbers "
    "of the first page, with 95% intervals:\n\n"
    + "\n".join(
        f"- **{row.value} {row.unit}** [{row.low}, {row.high}] "
        f"{row.meaning}."
        for row in first.itertuples()
    )
)

# %% [markdown]
# - A claim can be tested as a number with a threshold, and a verdict is only as good as its interval. "Can't be decided" is an answer too: more halos, or longer trainings, are needed.
# - On the mock suite the verdicts test this book, not the paper. On CAMELS the same cells test the paper.
# - Statements about networks with unfinished trainings can't be decided. Train longer before you blame the physics.
#
# ## Exercise
#
# Judge the claims with another seed (`-p seed 2`). A verdict that flips tells you something that its interval doesn't. What?
#
# <details><summary>Answer</summary>
#
# The intervals resample test halos and keep the networks. Another seed trains other networks on other halos, so a verdict that flips depends on the training: the scatter between trainings is larger than the distance to the threshold.
#
# </details>
