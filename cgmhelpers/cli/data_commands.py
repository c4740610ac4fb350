"""Commands for files of simulations: mock ones, and those of CAMELS that a profile needs."""

import itertools
from pathlib import Path
from typing import Annotated

import typer

from cgmhelpers.cli.options import DryRun, of_run
from cgmhelpers.errors import ParameterError


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
    dry_run: DryRun = False,
):
    """Write mock simulations in CAMELS' formats."""
    from cgmhelpers.mock import writing
    from cgmhelpers.simulations import discovery, sets

    suites, numbers = tuple(suite or discovery.SUITES), sets.first(set_name, realisations)
    options = {
        "cells": cells, "seed": seed, "compression": compression, "set_name": set_name,
        "snapshot": snapshot, "volume": volume,
    }  # fmt: skip
    if dry_run:
        for one, number in itertools.product(suites, numbers):
            there = writing.is_written(root, one, number, **options)
            for path in writing.file_paths(root, one, number, set_name, snapshot, volume):
                typer.echo(f"{path}: {'is there' if there else 'would be written'}")
        return
    for path in writing.write(root, suites=suites, realisations=numbers, **options):
        typer.echo(path)


@of_run(profile="camels")
def files(
    asked,
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

    this_run = asked.open()
    root = this_run.parameters.data_root
    if root is None:
        raise ParameterError(
            f"The profile {asked.profile} needs no files of CAMELS: it writes the mock suite.",
            remedy="Take another profile, or --set data_root=FOLDER, which needn't exist.",
        )
    table = distribution.survey(this_run.simulations, check)
    globus, urls, listing = distribution.write(table, out or this_run.folder / "files")
    typer.echo(distribution.summary(table, Path(root).expanduser(), globus, urls))
    typer.echo(f"All files: {listing}")
