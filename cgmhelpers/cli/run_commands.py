"""Commands that make a run: its maps, networks, notebooks and book; and that look at one."""

import json
import logging
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from cgmhelpers.cli.options import of_run

log = logging.getLogger(__name__)
MAPS = ("Mock simulations", "Halos", "Maps")


def init(
    folder: Annotated[Path, typer.Argument(help="A new folder.")] = Path("cgm"),
):
    """Unpack notebooks, profiles and the book's sources into a folder, to change and run them."""
    from cgmhelpers.runs.project import unpack

    typer.echo(unpack(folder))


@of_run
def parameters(
    asked,
    name: Annotated[list[str] | None, typer.Argument(help="Parameter; all by default.")] = None,
):
    """Describe parameters: the profile's value, type and meaning."""
    from cgmhelpers.errors import check_known
    from cgmhelpers.runs.described import describe

    told = describe(asked.open().parameters)
    check_known(name or (), told, "There is no such parameter.")
    for one in name or told:
        value, kind, meaning = told[one]
        shown = json.dumps(value, default=dict).replace('"', "")
        typer.secho(f"{one} = {shown}", bold=True, nl=False)
        typer.echo(f"  ({kind})\n    {meaning}")


@of_run
def status(
    asked,
    every: Annotated[bool, typer.Option("--all", help="List each file and folder.")] = False,
):
    """Say what a run has, what it lacks, and what is out of date and why. Writes nothing."""
    typer.echo(_state(asked, notebooks=_all_notebooks(), book=True, every=every))


def _state(asked, steps=None, *, notebooks=(), book=False, every=False, more=(), **options):
    """Describe the state of a run's steps (all by default), of notebooks and of the book."""
    import pandas as pd

    from cgmhelpers.runs import notebooks as runs_notebooks
    from cgmhelpers.runs import status as runs_status
    from cgmhelpers.runs.book import is_built

    run = asked.open(**options)
    chosen = {k: one for k, one in run.plan.steps().items() if steps is None or k in steps}
    table = runs_status.survey(run, chosen | dict(more(run) if more else {}))
    if notebooks:
        wanted = runs_notebooks.plan(asked.profile, notebooks, **asked.values)
        table = pd.concat([table, runs_notebooks.survey(wanted, table)], ignore_index=True)
    if book:
        ready = is_built(run.folder) and (table["state"] == runs_status.DONE).all()
        state = (runs_status.DONE, "") if ready else (runs_status.LACKS, "older than its sources")
        table.loc[len(table)] = ("Book", "book/_build/html/index.html", *state)
    text = table.to_string(index=False) if every else runs_status.summary(table)
    left = int((table["state"] != runs_status.DONE).sum())
    return f"{run.folder}\n{text}\n{left or 'Nothing'} to make."


def _makes(*steps):
    return lambda asked, **options: _state(asked, steps)


def _all_notebooks():
    from cgmhelpers.runs.notebooks import names

    return names()


@of_run(makes=_makes(*MAPS))
def maps(asked):
    """Make the maps of a run (and the mock suite and properties that they need).

    One task a simulation. A store that is there and up to date is kept.
    """
    for stores in asked.open().maps().values():
        for store in stores:
            typer.echo(store)


@of_run(makes=_makes(*MAPS, "Networks"))
def train(asked):
    """Train the networks of a run."""
    for folder in asked.open().networks()["folder"]:
        typer.echo(folder)


def _study(asked, suite, field, limits, trials):
    def tuning(run):
        return {"Tuning": run.plan.tunings(suite, field, limits)[:1]}

    return _state(asked, MAPS, more=tuning, trials=trials)


@of_run(makes=_study)
def tune(
    asked,
    suite: Annotated[str | None, typer.Option(help="Suite; the run's first by default.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="Field; all by default.")] = None,
    limits: Annotated[str | None, typer.Option(help="ideal or survey (the default).")] = None,
    trials: Annotated[int | None, typer.Option(help="Trials; by default the profile's.")] = None,
):
    """Tune the hyperparameters of one network, and name the best one's folder and values.

    Interrupted, call it again; it counts the trials that are there.
    """
    from cgmhelpers.network import studies

    study = asked.open(trials=trials).study(suite, field, limits)
    table = studies.trials_table(study)
    typer.echo(table.drop(columns="folder").to_string(index=False))
    best = studies.best(study)
    values = table[table["folder"] == best].iloc[-1]
    typer.echo(f"\nThe best network is in {best}. For a profile:")
    for name in studies.TUNED:
        typer.echo(f"{name}: {values[name]:.6g}")


Again = Annotated[bool, typer.Option("--again", help="Execute notebooks that are up to date too.")]


def _executes(asked, notebook=None, again=False):
    return _state(asked, notebooks=notebook or _all_notebooks())


def _builds(asked, **options):
    return _state(asked, notebooks=_all_notebooks(), book=True)


@of_run(makes=_executes)
def run(
    asked,
    notebook: Annotated[list[str] | None, typer.Option(help="Notebook; all by default.")] = None,
    again: Again = False,
):
    """Execute notebooks with the parameters of a profile; without names, those not up to date."""
    from cgmhelpers.runs.notebooks import run_notebooks

    again = again or bool(notebook)
    typer.echo(run_notebooks(asked.profile, notebook, again=again, **asked.values))


@of_run(makes=_makes(*MAPS, "Networks", "Observed maps", "Predictions"))
def results(asked):
    """Keep the metrics, counts and claims of a run in book/results; make what it lacks for them."""
    from cgmhelpers.runs import results as runs_results

    typer.echo(runs_results.write(asked.open(), _command("results", asked)))


def _command(name, asked):
    """Say what was typed."""
    plain = {k: v if isinstance(v, str) else json.dumps(v) for k, v in asked.values.items()}
    words = [f"--set={name}={value}" for name, value in plain.items()]
    return shlex.join(["cgm", name, "--profile", asked.profile, *words])


def _leaves_out(asked, seeds, kind=None, part=None):
    from cgmhelpers.runs.leaving_out import KINDS, LeavingOut

    def networks(run):
        experiment = LeavingOut(run, seeds, kind or KINDS)
        return {"Networks": experiment.trainings(_share(part))}

    return _state(asked, MAPS, more=networks)


def _share(part):
    """Read "2/3" as (2, 3)."""
    numbers = (part or "1/1").split("/")
    if len(numbers) != 2 or not all(one.isdecimal() for one in numbers):
        raise typer.BadParameter(f"{part!r} isn't k/n, such as 2/3")
    return tuple(map(int, numbers))


@of_run(profile="robust", makes=_leaves_out)
def robust(
    asked,
    seeds: Annotated[int, typer.Option(help="Networks of each kind.", min=1)] = 3,
    kind: Annotated[list[str] | None, typer.Option(help="Adaptation; all by default.")] = None,
    part: Annotated[
        str | None,
        typer.Option(help="Train the k-th of n shares of the networks, k/n, and keep no tables."),
    ] = None,
):
    """Leave each suite out in turn, and keep the tables in book/results; make what it lacks.

    Interrupted, call it again: what is there is kept. It says how long the networks take.
    """
    from cgmhelpers.runs import results as runs_results
    from cgmhelpers.runs.leaving_out import KINDS, LeavingOut

    experiment = LeavingOut(asked.open(), seeds, kind or KINDS)
    folders = experiment.train(_share(part), tell=typer.echo)
    if part:
        for folder in folders:
            typer.echo(folder)
        return
    command = _command("robust", asked) + f" --seeds {seeds}"
    command += "".join(f" --kind {one}" for one in kind or ())
    typer.echo(runs_results.write_left_out(experiment, command))


@of_run(makes=_builds)
def book(
    asked,
    again: Again = False,
    preview: Annotated[
        bool | None,
        typer.Option(help="Build pages of chapters as they are done; by default in a terminal."),
    ] = None,
):
    """Execute the notebooks that aren't up to date, and build the book from all of them."""
    from cgmhelpers.runs import notebooks
    from cgmhelpers.runs.book import INDEX, assemble, build, is_built
    from cgmhelpers.runs.preview import previewed

    folder = asked.open().folder
    shown = sys.stderr.isatty() if preview is None else preview
    with previewed(folder, notebooks.names(), shown) as after:
        executed = notebooks.run_notebooks(asked.profile, again=again, after=after, **asked.values)
        if not is_built(folder):
            log.info("building the book")
            build(assemble(folder, executed))
    typer.echo(folder / "book" / INDEX)
