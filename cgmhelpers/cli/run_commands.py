"""Commands that make a run: its maps, networks, notebooks and book."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cgmhelpers.cli.options import Override, Profile, RunName, opened_run, overrides


def init(
    folder: Annotated[Path, typer.Argument(help="A new folder.")] = Path("cgm"),
):
    """Unpack notebooks, profiles and the book's sources into a folder, to change and run them."""
    from cgmhelpers.runs.project import unpack

    typer.echo(unpack(folder))


def maps(
    profile: Profile = "quick",
    run: RunName = None,
    override: Override = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="none (this process and its threads), processes, slurm, or the address of a "
            "running Dask scheduler; by default the profile's."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes to start; 0 for one a core or, with slurm, a task."),
    ] = None,
):
    """Make the maps of a run (and the mock suite and properties that they need).

    One task a simulation. A store that is there and up to date is kept.
    """
    opened = opened_run(profile, override, run=run, cluster=cluster, workers=workers)
    for stores in opened.maps().values():
        for store in stores:
            typer.echo(store)


def train(profile: Profile = "quick", run: RunName = None, override: Override = None):
    """Train the networks of a run."""
    for folder in opened_run(profile, override, run=run).networks()["folder"]:
        typer.echo(folder)


def tune(
    profile: Profile = "quick",
    run: RunName = None,
    override: Override = None,
    suite: Annotated[str | None, typer.Option(help="Suite; the run's first by default.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="Field; all by default.")] = None,
    limits: Annotated[str | None, typer.Option(help="ideal or survey (the default).")] = None,
    trials: Annotated[int | None, typer.Option(help="Trials; by default the profile's.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 0 for one a core.")] = None,
):
    """Tune the hyperparameters of one network, and name the best one's folder and values.

    Interrupted, call it again; it counts the trials that are there.
    """
    from cgmhelpers.network import tuning

    opened = opened_run(profile, override, run=run, trials=trials, workers=workers)
    study = opened.study(suite, field, limits)
    table = tuning.trials_table(study)
    typer.echo(table.drop(columns="folder").to_string(index=False))
    best = tuning.best(study)
    values = table[table["folder"] == best].iloc[-1]
    typer.echo(f"\nThe best network is in {best}. For a profile:")
    for name in tuning.TUNED:
        typer.echo(f"{name}: {values[name]:.6g}")


def run(
    profile: Profile = "quick",
    run: RunName = None,
    override: Override = None,
    notebook: Annotated[list[str] | None, typer.Option(help="Notebook; all by default.")] = None,
):
    """Execute notebooks with the parameters of a profile."""
    from cgmhelpers.runs.notebooks import run_notebooks

    typer.echo(run_notebooks(profile, notebook, **overrides(override, run=run)))


def results(profile: Profile = "quick", run: RunName = None, override: Override = None):
    """Keep the metrics, counts and claims of a run in book/results; make what it lacks for them."""
    from cgmhelpers.runs import results as runs_results

    command = _command("results", profile, run, override)
    typer.echo(runs_results.write(opened_run(profile, override, run=run), command))


def _command(name, profile, run, override):
    """Say what was typed."""
    chosen = [f"--run {run}"] if run else []
    chosen += [f"--set {shlex.quote(pair)}" for pair in override or ()]
    return " ".join([f"cgm {name}", f"--profile {profile}", *chosen])


def robust(
    profile: Profile = "robust",
    run: RunName = None,
    override: Override = None,
    seeds: Annotated[int, typer.Option(help="Networks of each kind.", min=1)] = 3,
    kind: Annotated[list[str] | None, typer.Option(help="Adaptation; all by default.")] = None,
):
    """Leave each suite out in turn, and keep the tables in book/results; make what it lacks."""
    from cgmhelpers.runs import results as runs_results
    from cgmhelpers.runs.leaving_out import KINDS, LeavingOut

    experiment = LeavingOut(opened_run(profile, override, run=run), seeds, kind or KINDS)
    command = _command("robust", profile, run, override) + f" --seeds {seeds}"
    command += "".join(f" --kind {one}" for one in kind or ())
    typer.echo(runs_results.write_left_out(experiment, command))


def book(profile: Profile = "quick", run: RunName = None, override: Override = None):
    """Execute all notebooks and build the book from them."""
    from cgmhelpers.runs.book import assemble, build
    from cgmhelpers.runs.notebooks import run_notebooks

    executed = run_notebooks(profile, **overrides(override, run=run))
    typer.echo(build(assemble(executed.parent, executed)))
