"""What a run has, what it lacks, and why: from its stages and its record, writing nothing.

Of files of simulations, those that kept size and time aren't read again.
"""

import functools
import json
import os

import pandas as pd

from cgmhelpers.errors import CGMError
from cgmhelpers.runs.plan import Plan
from cgmhelpers.system import provenance

DONE, LACKS, UNFINISHED, OUTDATED = "done", "lacks", "unfinished", "out of date"
NO_CHOICE = {"profile", "run", "runs", "workers", "cluster"}
"""Parameters that no result depends on."""


def survey(run, steps=None):
    """Tell the state of each stage.

    Parameters
    ----------
    run : cgmhelpers.runs.run.Run
        The run.
    steps : dict of str to list, optional
        Stages of some steps; :meth:`cgmhelpers.runs.plan.Plan.steps` by default.

    Returns
    -------
    pandas.DataFrame
        One row a stage in the order in which they are made: step, path (below the run's folder),
        state (done, lacks, unfinished, out of date) and why it isn't done.
    """
    made = {}
    for line in provenance.recorded(run.folder / provenance.RECORD):
        made |= dict.fromkeys(line.get("makes", ()), line)
    before = functools.cache(functools.partial(_choices, run))
    rows, waiting = [], {}
    for step, chosen in (run.plan.steps() if steps is None else steps).items():
        for stage in chosen:
            path = os.path.relpath(stage.path, run.folder)
            upstream = dict.fromkeys(waiting[one] for one in stage.needs() if one in waiting)
            done, why = _is_done(stage)
            if done and not upstream:
                rows.append((step, path, DONE, ""))
                continue
            waiting[stage.path] = step
            line, begun = made.get(path, {}), "" if upstream else _begun(stage)
            changes = _changes(run, stage, line, before) if stage.path.exists() else []
            state = OUTDATED if stage.path.exists() else LACKS
            if begun and not changes:
                state, changes = UNFINISHED, [begun]
            if not changes and upstream:
                changes = [f"waits for {', '.join(upstream)}"]
            if not changes and state == OUTDATED:
                changes = [why or "not whole, or what it was made from has changed"]
            rows.append((step, path, state, "; ".join(changes) or why))
    return pd.DataFrame(rows, columns=["step", "path", "state", "why"])


def _is_done(stage):
    """Tell whether a stage is done, and what keeps one from saying."""
    try:
        return stage.is_done(), ""
    except (CGMError, FileNotFoundError) as error:  # what it is made from isn't there
        return False, getattr(error, "problem", "")


def _begun(stage):
    try:
        return stage.begun()
    except CGMError:
        return ""


def _changes(run, stage, line, before):
    """Name the parameters, or the release, that changed since a stage was made."""
    now, told = run.parameters, []
    text = json.dumps(line.get("parameters", {}))
    then = _then(now, text)
    for name in type(now).model_fields:
        old, new = getattr(then, name), getattr(now, name)
        if name in NO_CHOICE or old == new:
            continue
        if before(name, text).get(_key(stage)) != stage.choices():
            told.append(f"{name} was {old}, is {new}")
    version = line.get("made_with", {}).get("cgmhelpers", provenance.RELEASE)
    if provenance.release(version) != provenance.RELEASE:
        told.append(f"made by release {provenance.release(version)} of cgmhelpers")
    return told


def _then(now, text):
    """Return the parameters that a line of the record has; those of now if they don't hold now."""
    try:
        return type(now).model_validate(now.model_dump() | json.loads(text))
    except ValueError:
        return now


def _choices(run, name, text):
    """Return what each stage would depend on if a parameter still had its old value."""
    now = run.parameters
    same = Plan(now.model_copy(update={name: getattr(_then(now, text), name)}), run.folder)
    return {_key(one): one.choices() for chosen in same.steps().values() for one in chosen}


def _key(stage):
    # The path of a study depends on its choices.
    return getattr(stage, "studies", None) or stage.path


def summary(table):
    """Sum up a survey: a line for each step, and one for each reason.

    Parameters
    ----------
    table : pandas.DataFrame
        From `survey`.

    Returns
    -------
    str
    """
    lines = []
    for step, rows in table.groupby("step", sort=False):
        left = rows[rows["state"] != DONE]
        lines.append(f"{step:26}{len(rows) - len(left):4} of {len(rows)}")
        for (state, why), some in left.groupby(["state", "why"], sort=False):
            first, more = some["path"].iloc[0], f" and {len(some) - 1} more" * (len(some) > 1)
            lines.append(f"  {state}: {first}{more}" + f" ({why})" * bool(why))
    return "\n".join(lines)
