"""Options that commands share, and what they mean."""

from typing import Annotated

import typer

Profile = Annotated[str, typer.Option(help="A name in book/parameters, or a path to a .yml file.")]
RunName = Annotated[str | None, typer.Option(help="Name of the run's folder.")]
Override = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="Override a parameter: name=value. Can be repeated."),
]


def overrides(pairs, **options):
    """Read name=value pairs of YAML; of several the last wins, and an option before them.

    Parameters
    ----------
    pairs : sequence of str or None
        As typed after ``--set``.
    **options
        Parameters that have an option of their own; None where it wasn't given.

    Returns
    -------
    dict of str to object
    """
    from cgmhelpers.runs.parameters import parse

    values = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} isn't name=value")
        values[name] = parse(value, pair)
    return values | {name: value for name, value in options.items() if value is not None}


def opened_run(profile, pairs, **options):
    """Open the run of a profile.

    Parameters
    ----------
    profile : str
        A name, or a path.
    pairs, **options
        As for `overrides`.

    Returns
    -------
    cgmhelpers.runs.run.Run
    """
    from cgmhelpers.runs.run import Run

    return Run.from_profile(profile, **overrides(pairs, **options))
