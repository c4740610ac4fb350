"""Options that commands share, and what they mean."""

import functools
import inspect
from dataclasses import dataclass
from typing import Annotated

import typer

from cgmhelpers.errors import ParameterError

DryRun = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Say what would be made and why; write nothing.")
]
_Pairs = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="Override a parameter: name=value. Can be repeated."),
]
_Profile = Annotated[
    str,
    typer.Option("--profile", "-p", help="A name in book/parameters, or a path to a .yml file."),
]
PARAMETERS = {
    "run": Annotated[str | None, typer.Option(help="Name of the run's folder.")],
    "workers": Annotated[
        int | None,
        typer.Option(help="Processes to start; 0 for one a core or, with slurm, a task."),
    ],
    "cluster": Annotated[
        str | None,
        typer.Option(
            help="none (this process and its threads), processes, slurm, or the address of a "
            "running Dask scheduler."
        ),
    ],
    "accelerator": Annotated[str | None, typer.Option(help="auto, cpu, gpu or mps.")],
    "epochs": Annotated[int | None, typer.Option(help="Epochs of each training.")],
    "seed": Annotated[int | None, typer.Option(help="Seed of splits and trainings.")],
}
"""Parameters of a run that have an option of their own; the profile's value by default."""


@dataclass(frozen=True)
class Asked:
    """What somebody asked for on the command line: a profile, and what differs from it.

    Parameters
    ----------
    profile : str
        A name, or a path.
    values : dict of str to object
        Overrides of parameters.
    """

    profile: str
    values: dict

    def open(self, **more):
        """Open the run.

        Parameters
        ----------
        **more
            Parameters with an option of their own; None where it wasn't given.

        Returns
        -------
        cgmhelpers.runs.run.Run
        """
        from cgmhelpers.runs.run import Run

        return Run.from_profile(self.profile, **overrides((), **more) | self.values)


def of_run(command=None, *, profile="quick", makes=None):
    """Give a command the options of a run.

    Parameters
    ----------
    command : callable
        Takes what was `Asked` first, and then options of its own.
    profile : str
        Profile by default.
    makes : callable, optional
        For a command that makes something, which gets ``--dry-run``: takes what was asked and the
        command's options, and says what would be made.

    Returns
    -------
    callable
        For typer.
    """
    if command is None:
        return functools.partial(of_run, profile=profile, makes=makes)

    @functools.wraps(command)
    def with_options(*, profile, pairs, dry_run=False, **given):  # numpydoc ignore=GL08
        options = {name: given.pop(name) for name in PARAMETERS}
        asked = Asked(profile, overrides(pairs, **options))
        if dry_run:
            typer.echo(makes(asked, **given))
        else:
            command(asked, **given)

    _, *own = inspect.signature(command).parameters.values()
    shared = {"profile": (_Profile, profile), "pairs": (_Pairs, None)}
    shared |= {name: (kind, None) for name, kind in PARAMETERS.items()}
    shared |= {"dry_run": (DryRun, False)} if makes else {}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in shared.items()
    ]
    own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    with_options.__signature__ = inspect.Signature([*own, *added])
    return with_options


def overrides(pairs, **options):
    """Read name=value pairs of YAML; of several the last wins.

    Parameters
    ----------
    pairs : sequence of str or None
        As typed after ``--set``.
    **options
        Parameters that have an option of their own; None where it wasn't given.

    Returns
    -------
    dict of str to object

    Raises
    ------
    ParameterError
        If an option and a pair give different values.
    """
    from cgmhelpers.runs.core_schema import parse, scalar

    values = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} isn't name=value")
        values[name] = parse(value, pair)
    for name, value in options.items():
        if value is not None and scalar(values.setdefault(name, value)) != scalar(value):
            raise ParameterError(
                f"The command gives {name} twice.",
                found=f"--{name} {value} and --set {name}={values[name]}",
                expected="one of them",
            )
    return values
