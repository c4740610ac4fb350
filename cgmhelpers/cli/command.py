"""The command ``cgm``: its commands, its log, and errors as messages."""

import logging
import shlex
import shutil
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from cgmhelpers import __version__
from cgmhelpers.cli import data_commands, run_commands, sky_commands
from cgmhelpers.errors import CGMError
from cgmhelpers.system import progress
from cgmhelpers.system.files import writable

INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C, as shells have it."""


class _Commands(TyperGroup):
    """Commands that an interruption ends with a line that says how to go on."""

    def invoke(self, ctx):
        """Invoke a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            if progress.close_all():
                typer.echo(err=True)
            again = shlex.join([*_called(sys.argv[0]), *sys.argv[1:]])
            typer.echo(f"Interrupted. What is finished stays; go on with: {again}", err=True)
            raise typer.Exit(INTERRUPTED) from None


def _called(program):
    """Return what starts this command again."""
    name = Path(program).name
    if name == "__main__.py":
        return [sys.executable, "-m", "cgmhelpers"]
    return [name if shutil.which(name) else program]


app = typer.Typer(
    cls=_Commands,
    help="Maps, networks and statistics of the circum-galactic medium in CAMELS simulations.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)

COMMANDS = (
    run_commands.init,
    run_commands.parameters,
    run_commands.status,
    data_commands.mock,
    data_commands.files,
    run_commands.maps,
    run_commands.train,
    run_commands.tune,
    run_commands.run,
    run_commands.book,
    run_commands.results,
    run_commands.robust,
    sky_commands.observe,
    sky_commands.prepare,
    sky_commands.infer,
    sky_commands.stack,
)
"""In the order of the help."""
for _command in COMMANDS:
    app.command()(_command)


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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as batch systems end a job
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
