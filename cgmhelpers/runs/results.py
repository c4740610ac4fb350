"""What is kept of a run: a few small tables, and a note of what made them.

``cgm results`` writes them for the largest run that was made into ``book/results``, from where the
chapter on the claims shows them beside the reader's own run.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from cgmhelpers.errors import ParameterError
from cgmhelpers.maps import summaries
from cgmhelpers.paper import claims
from cgmhelpers.paper.evidence import Evidence
from cgmhelpers.runs.project import PACKAGED, project_root
from cgmhelpers.statistics import quality
from cgmhelpers.statistics.metrics import summarise
from cgmhelpers.system import files, provenance

TABLES = ("metrics", "counts", "claims")
NOTE = "results.json"
LEFT_OUT_NOTE = "left_out.json"
DIGITS = "%.4g"
SIZE = ("realisations", "mock_cells", "map_size", "channels", "epochs", "split_by", "seed")
"""Parameters that say how large a run is."""
RELEASES = ("cgmhelpers", "python", "packages")
"""Of the manifest, what is kept."""


def evidence(run):
    """Gather the tables of a run that statements are tested on.

    Parameters
    ----------
    run : Run
        Makes what it lacks.

    Returns
    -------
    Evidence
        Networks that haven't finished learning decide nothing.
    """
    predictions = run.predictions()
    unfinished = quality.unfinished(predictions, run.histories())
    return Evidence(predictions, run.halos(), summaries.suite_totals(run.maps()), unfinished)


def summary(run):
    """Sum up a run.

    Parameters
    ----------
    run : Run
        Makes what it lacks.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``"metrics"`` of every network in its own suite and, for the two masses, in the others;
        ``"counts"``, the halos of each suite, class and part; ``"claims"``.
    """
    predictions = run.predictions()
    metrics = summarise(predictions)
    own = metrics["suite_train"] == metrics["suite_test"]
    masses = metrics["property"].isin(["log_m_halo", "log_m_cgm"])
    last = metrics["limits"] == run.parameters.limits[-1]
    halos = run.halos()
    tested = predictions.drop_duplicates(["suite_test", "realisation", "group"])
    counts = {
        "halos": halos.groupby(["suite", "halo_class"], sort=False).size(),
        "tested": tested.groupby(["suite_test", "halo_class"], sort=False).size(),
    }
    counts["tested"].index.names = counts["halos"].index.names
    return {
        "metrics": metrics[own | (masses & last)],
        "counts": pd.DataFrame(counts).reset_index(),
        "claims": claims.judge(evidence(run)),
    }


def write(run, command, folder=None):
    """Write the summary of a run, with a note of what made it.

    Parameters
    ----------
    run : Run
        The run.
    command : str
        What made it.
    folder : path, optional
        Where; ``book/results`` of the project by default.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        Outside of a project, where no folder is named.
    """
    if folder is None and project_root() == PACKAGED:
        raise ParameterError(
            "An installed package keeps no results.",
            found=Path.cwd(),
            expected="to be in a project",
            remedy="Unpack one with `cgm init`, and work there.",
        )
    folder = _folder(folder)
    tables = summary(run)
    for name, table in tables.items():
        keep(table, folder / f"{name}.csv")
    _write_note(run, command, folder / NOTE, halos=int(tables["counts"]["halos"].sum()))
    return folder


def write_left_out(experiment, command, folder=None):
    """Write the tables of suites that were left out, with a note of what made them.

    Parameters
    ----------
    experiment : cgmhelpers.runs.leaving_out.LeavingOut
        Makes what it lacks.
    command : str
        What made it.
    folder : path, optional
        Where; ``book/results`` of the project by default.

    Returns
    -------
    Path
        The folder.
    """
    # Imported here: it imports PyTorch, which nothing else of this file needs.
    from cgmhelpers.runs import judging

    folder = _folder(folder)
    for name, table in judging.tables(experiment).items():
        keep(table, folder / f"left_out_{name}.csv")
    about = {"suites": experiment.left_out, "seeds": experiment.seeds}
    _write_note(experiment.run, command, folder / LEFT_OUT_NOTE, **about)
    return folder


def read_left_out(folder=None):
    """Read what :func:`write_left_out` kept.

    Parameters
    ----------
    folder : path, optional
        Where; ``book/results`` of the project by default.

    Returns
    -------
    note : dict
        Of what made it; empty where there is none.
    tables : dict of str to pandas.DataFrame
        By name; empty where there is none.
    """
    folder = _folder(folder)
    if not (folder / LEFT_OUT_NOTE).is_file():
        return {}, {}
    paths = sorted(folder.glob("left_out_*.csv"))
    tables = {path.stem.removeprefix("left_out_"): pd.read_csv(path) for path in paths}
    return json.loads((folder / LEFT_OUT_NOTE).read_text()), tables


def _write_note(run, command, path, **about):
    p = run.parameters
    note = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "profile": Path(p.profile).stem,
        "source": run.source,
        "mock": run.is_mock,
        "parameters": {name: getattr(p, name) for name in SIZE},
        **about,
        "made with": {name: provenance.manifest()[name] for name in RELEASES},
    }
    with files.whole(path) as temporary:
        temporary.write_text(json.dumps(note, indent=1) + "\n")


def read(folder=None):
    """Read a summary that was kept.

    Parameters
    ----------
    folder : path, optional
        Where; ``book/results`` of the project by default.

    Returns
    -------
    note : dict
        Of what made it; empty where there is none.
    tables : dict of str to pandas.DataFrame
        As from :func:`summary`; empty where there is none.
    """
    folder = _folder(folder)
    if not (folder / NOTE).is_file():
        return {}, {}
    texts = {"number": str, "reason": str}
    tables = {name: pd.read_csv(folder / f"{name}.csv", dtype=texts) for name in TABLES}
    tables["claims"] = tables["claims"].fillna({"reason": ""})
    return json.loads((folder / NOTE).read_text()), tables


def keep(table, path):
    """Write a table as CSV, whole or not at all.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    path : path
        The file.

    Returns
    -------
    Path
        The file.
    """
    path = Path(path)
    with files.whole(path) as temporary:
        table.to_csv(temporary, index=False, float_format=DIGITS)
    return path


def _folder(folder):
    return Path(folder) if folder is not None else project_root() / "book" / "results"
