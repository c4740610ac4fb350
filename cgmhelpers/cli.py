"""The command line: ``cgm``."""

import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cgmhelpers import __version__
from cgmhelpers.errors import CGMError, ParameterError
from cgmhelpers.system import progress
from cgmhelpers.system.files import writable

app = typer.Typer(
    help="Maps, networks and statistics of the circum-galactic medium in CAMELS simulations.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)


def _version(asked):
    if asked:
        typer.echo(f"cgmhelpers {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show the lines of code that raised an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the release."),
    ] = False,
):
    """Options of all commands; `main` looks for them itself, as an error ends the command."""


Profile = Annotated[str, typer.Option(help="A name in book/parameters, or a path to a .yml file.")]
RunName = Annotated[str | None, typer.Option(help="Name of the run's folder.")]
Override = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="Override a parameter: name=value. Can be repeated."),
]


def _overrides(pairs, **options):
    """Read name=value pairs of YAML; of several the last wins, and an option before them."""
    from cgmhelpers.runs.parameters import parse

    values = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} isn't name=value")
        values[name] = parse(value, pair)
    return values | {name: value for name, value in options.items() if value is not None}


def _open(profile, pairs, **options):
    from cgmhelpers.runs.run import Run

    return Run.from_profile(profile, **_overrides(pairs, **options))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new folder.")] = Path("cgm"),
):
    """Unpack notebooks, profiles and the book's sources into a folder, to change and run them."""
    from cgmhelpers.runs.project import unpack

    typer.echo(unpack(folder))


@app.command()
def mock(
    root: Annotated[Path, typer.Argument(help="Data root to write Sims and FOF_Subfind into.")],
    suite: Annotated[list[str] | None, typer.Option(help="Suite; else the paper's three.")] = None,
    realisations: Annotated[int, typer.Option(help="Number of simulations per suite.")] = 1,
    cells: Annotated[int, typer.Option(help="Gas elements per simulation.")] = 300_000,
    seed: Annotated[int, typer.Option(help="Seed of the suite.")] = 1,
    compression: Annotated[str | None, typer.Option(help="Compression of the files: gzip.")] = None,
    set_name: Annotated[str, typer.Option(help="Set: CV, LH or 1P.")] = "CV",
    snapshot: Annotated[int, typer.Option(help="Number of the snapshot; 90 is redshift 0.")] = 90,
    volume: Annotated[str, typer.Option(help="Box: L25n256 or L50n512.")] = "L25n256",
):
    """Write mock simulations in CAMELS' formats."""
    from cgmhelpers.mock import writing
    from cgmhelpers.simulations import sets, simulation

    for path in writing.write(
        root,
        suites=tuple(suite or simulation.SUITES),
        realisations=sets.first(set_name, realisations),
        cells=cells,
        seed=seed,
        compression=compression,
        set_name=set_name,
        snapshot=snapshot,
        volume=volume,
    ):
        typer.echo(path)


@app.command()
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
    opened = _open(profile, override, run=run, cluster=cluster, workers=workers)
    for stores in opened.maps().values():
        for store in stores:
            typer.echo(store)


@app.command()
def files(
    profile: Profile = "camels",
    run: RunName = None,
    override: Override = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the lists; by default the folder files of the run."),
    ] = None,
    check: Annotated[
        bool, typer.Option(help="Check what is there, beyond opening it: seconds a snapshot.")
    ] = True,
):
    """List the CAMELS files that a profile needs, and say which are there, whole and right.

    Writes globus.txt, a batch file for Globus; urls.txt, for wget; and files.csv, the whole table.
    Downloads nothing.
    """
    from cgmhelpers.simulations import distribution

    this_run = _open(profile, override, run=run)
    root = this_run.parameters.data_root
    if root is None:
        raise ParameterError(
            f"The profile {profile} needs no files of CAMELS: it writes the mock suite.",
            remedy="Take another profile, or --set data_root=FOLDER, which needn't exist.",
        )
    table = distribution.survey(this_run.simulations, check)
    globus, urls, listing = distribution.write(table, out or this_run.folder / "files")
    typer.echo(distribution.summary(table, Path(root).expanduser(), globus, urls))
    typer.echo(f"All files: {listing}")


@app.command()
def train(profile: Profile = "quick", run: RunName = None, override: Override = None):
    """Train the networks of a run."""
    for folder in _open(profile, override, run=run).networks()["folder"]:
        typer.echo(folder)


@app.command()
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

    opened = _open(profile, override, run=run, trials=trials, workers=workers)
    study = opened.study(suite, field, limits)
    table = tuning.trials_table(study)
    typer.echo(table.drop(columns="folder").to_string(index=False))
    best = tuning.best(study)
    values = table[table["folder"] == best].iloc[-1]
    typer.echo(f"\nThe best network is in {best}. For a profile:")
    for name in tuning.TUNED:
        typer.echo(f"{name}: {values[name]:.6g}")


@app.command()
def observe(
    store: Annotated[Path, typer.Argument(help="Map store with the halo.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    redshift: Annotated[float, typer.Option(help="Of the halo.")],
    ra: Annotated[float, typer.Option(help="Right ascension of the halo [deg].")],
    dec: Annotated[float, typer.Option(help="Declination of the halo [deg].")],
    instrument: Annotated[
        list[str] | None,
        typer.Option(help="Name or YAML file; one for X-rays, one for HI. Can be repeated."),
    ] = None,
    halo: Annotated[int, typer.Option(help="Number of the halo in the store.")] = 0,
    axis: Annotated[str, typer.Option(help="Line of sight.")] = "x",
    distance: Annotated[
        float | None, typer.Option(help="Angular-diameter distance [Mpc] instead of redshift's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 1,
):
    """Observe a halo: write the files that an X-ray telescope and a radio interferometer give."""
    from cgmhelpers import maps
    from cgmhelpers.sky import files, instruments, observing

    looks = observing.observation(
        [instruments.load(name) for name in instrument or instruments.DEFAULT], redshift, distance
    )
    written = files.write(
        maps.open(store), looks, out, ra=ra, dec=dec, halo=halo, axis=axis, seed=seed
    )
    for path in written.values():
        typer.echo(path)


@app.command()
def prepare(
    stores: Annotated[list[Path], typer.Argument(help="Map stores to learn from.")],
    out: Annotated[Path, typer.Option(help="Folder for the network.")],
    redshift: Annotated[tuple[float, float], typer.Option(help="Lowest and highest.")],
    instrument: Annotated[
        list[str] | None,
        typer.Option(help="Name or YAML file; one for X-rays, one for HI. Can be repeated."),
    ] = None,
    depth: Annotated[
        tuple[float, float], typer.Option(help="Range of exposures, in those of the instrument.")
    ] = (0.5, 2.0),
    sources: Annotated[float, typer.Option(help="Masked point sources in a map, on average.")] = 1,
    distance: Annotated[
        float | None, typer.Option(help="Angular-diameter distance [Mpc] instead of redshift's.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Pixels along a side; all by default.")] = None,
    epochs: Annotated[int, typer.Option(help="Epochs of the training.")] = 100,
    channels: Annotated[int, typer.Option(help="Width of the network.")] = 12,
):
    """Train a network for files of these instruments, at these redshifts and depths."""
    from cgmhelpers.network.settings import TrainingSettings
    from cgmhelpers.sky import inferring, instruments, observing

    looks = observing.observation(
        [instruments.load(name) for name in instrument or instruments.DEFAULT],
        redshift, distance, depth=depth, sources=sources,
    )  # fmt: skip
    settings = TrainingSettings(epochs=epochs, channels=channels)
    typer.echo(inferring.prepare(stores, out, looks, settings, size=size))


@app.command()
def infer(
    network: Annotated[Path, typer.Option(help="Folder that cgm prepare wrote.")],
    ra: Annotated[float, typer.Option(help="Right ascension of the object [deg].")],
    dec: Annotated[float, typer.Option(help="Declination of the object [deg].")],
    redshift: Annotated[float, typer.Option(help="Of the object.")],
    out: Annotated[Path, typer.Option(help="Folder for samples, table and report.")],
    xray: Annotated[
        list[str] | None,
        typer.Argument(help="Images of X-ray counts, one for each band, or an event list."),
    ] = None,
    exposure: Annotated[
        list[str] | None, typer.Option(help="Exposure maps in the same order, or seconds.")
    ] = None,
    background: Annotated[
        list[str] | None,
        typer.Option(help="Background maps in the same order, or counts/s/arcmin2."),
    ] = None,
    hi: Annotated[str | None, typer.Option(help="Moment-0 map.")] = None,
    cut: Annotated[
        list[Path] | None, typer.Option(help="Regions, sources or masks to cut out.")
    ] = None,
    column_density: Annotated[
        float | None, typer.Option(help="Galactic hydrogen in front of the object [cm-2].")
    ] = None,
    xray_unit: Annotated[str | None, typer.Option(help="Replaces the header's.")] = None,
    hi_unit: Annotated[str | None, typer.Option(help="Replaces the header's.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 1,
):
    """Infer the properties of an object from its images, or say why that can't be done."""
    from cgmhelpers.sky import inferring

    found = inferring.infer(
        network, ra=ra, dec=dec, redshift=redshift, xray=xray, hi=hi, cut=cut or (),
        exposure=_numbers(exposure), background=_numbers(background), seed=seed,
        column_density=column_density, xray_unit=xray_unit, hi_unit=hi_unit,
    )  # fmt: skip
    typer.echo(inferring.summary(found).to_string(index=False, float_format="{:.3g}".format))
    for caution in found.attrs["cautions"]:
        typer.echo(caution)
    typer.echo(f"Verdict: {found.attrs['verdict']}. See {inferring.write(found, out)}.")


@app.command()
def stack(
    folders: Annotated[list[Path], typer.Argument(help="Folders that cgm infer wrote.")],
    network: Annotated[Path, typer.Option(help="Network of all of them.")],
    mass: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Range of log10 halo mass [Msun] that the objects are known to be in."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 1,
):
    """Infer the mean and the scatter of each property in the population of many objects."""
    from cgmhelpers.sky import stacking

    samples, training = stacking.read(folders, network)
    found = stacking.stack(samples, training, mass=mass, seed=seed)
    typer.echo(f"{found.attrs['objects']} objects")
    for name in found["property"].values:
        one = found.sel(property=name)
        told = [
            f"{kind} {one[kind].mean():.3g} +- {one[kind].std():.2g}"
            for kind in ("mean", "scatter")
        ]
        typer.echo(f"{name}: {', '.join(told)}")


def _numbers(given):
    """Take words that are numbers as numbers, and others as paths."""
    found = []
    for one in given or ():
        try:
            found.append(float(one))
        except ValueError:
            found.append(one)
    return found


@app.command()
def run(
    profile: Profile = "quick",
    run: RunName = None,
    override: Override = None,
    notebook: Annotated[list[str] | None, typer.Option(help="Notebook; all by default.")] = None,
):
    """Execute notebooks with the parameters of a profile."""
    from cgmhelpers.runs.notebooks import NOTEBOOKS, run_notebooks

    names = tuple(notebook or NOTEBOOKS)
    typer.echo(run_notebooks(profile, names, **_overrides(override, run=run)))


@app.command()
def results(profile: Profile = "quick", run: RunName = None, override: Override = None):
    """Keep the metrics, counts and claims of a run in book/results; make what it lacks for them."""
    from cgmhelpers.runs import results as runs_results

    chosen = [f"--run {run}"] if run else []
    chosen += [f"--set {pair}" for pair in override or ()]
    command = " ".join(["cgm results", f"--profile {profile}", *chosen])
    typer.echo(runs_results.write(_open(profile, override, run=run), command))


@app.command()
def book(profile: Profile = "quick", run: RunName = None, override: Override = None):
    """Execute all notebooks and build the book from them."""
    from cgmhelpers.runs.book import assemble, build
    from cgmhelpers.runs.notebooks import run_notebooks

    executed = run_notebooks(profile, **_overrides(override, run=run))
    typer.echo(build(assemble(executed.parent, executed)))


@contextmanager
def _shown_log():
    """Show the log of cgmhelpers, and other libraries' warnings alone: Dask reports connections."""
    log = logging.getLogger("cgmhelpers")
    log.setLevel(logging.INFO)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def main():
    """Run the command line; an error of ours is a message, not a traceback."""
    try:
        with _shown_log(), writable("The result"):
            app()
    except CGMError as error:
        if "--traceback" in sys.argv:
            raise
        if progress.close_all():
            typer.echo(err=True)  # the cursor may stand in the line of a bar
        typer.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from None
