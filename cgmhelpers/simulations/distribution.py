"""Files that simulations need from the public distribution of CAMELS, and which of them are here.

The distribution is a tree of files (``Sims/<Suite>/<Volume>/<Set>/<Simulation>/...``) that a Globus
collection and a web server share (https://camels.readthedocs.io/en/latest/data_access.html).
Nothing is downloaded here: `write` makes the lists that Globus and wget take.
"""

from pathlib import Path

import pandas as pd

from cgmhelpers.errors import CGMError, DataNotFoundError, IncompleteError, ParameterError
from cgmhelpers.simulations import layout, parameter_tables, sets
from cgmhelpers.simulations.opening import opened
from cgmhelpers.system import files
from cgmhelpers.system.progress import bar

COLLECTION = "58bdcd24-6590-11ec-9b60-f9dfb1abb183"
"""Globus collection of CAMELS."""

URL = "https://users.flatironinstitute.org/~camels"
"""Web server of CAMELS."""

ACCESS = "https://camels.readthedocs.io/en/latest/data_access.html"
"""Page that tells how to reach the data, and how to ask for suites that aren't public."""

PRIVATE = ("Magneticum", "Ramses", "CROCODILE", "Obsidian", "Enzo")
"""Suites that aren't public (June 2026); their N-body twins are."""

SNAPSHOT_BYTES = {"IllustrisTNG": 2.6e9, "SIMBA": 1.8e9}
"""Sizes of compressed snapshots of CV_0, z < 0.5, that a user reported in 2026."""

OTHER_SNAPSHOT_BYTES = 3e9
"""Estimate for other suites, whose snapshots have 2 to 4 GB."""

CATALOGUE_BYTES = 0.12e9
"""Estimate for 14.6 million identifiers of 8 bytes (the documentation lists one of SIMBA)."""

ROW_BYTES = 300
"""Estimate of a row of a table. Rows of LH have 60 bytes, of SB35 300."""

STATES = ("there", "absent", "part", "fails")
"""States of a file (whole and checked, not there, a part of a file or of several, refused)."""

COLUMNS = (
    "file", "kind", "simulation", "state", "bytes", "expected_bytes", "public", "path", "note",
)  # fmt: skip


def survey(simulations, check=True, progress=True):
    """List the files that simulations need, and look for each of them.

    Parameters
    ----------
    simulations : sequence of Simulation
        Simulations of CAMELS below one data root or several.
    check : bool
        Whether to hold the files that are there against their headers, each other and the set's
        table, which reads a few columns of each. Otherwise they are only opened.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pandas.DataFrame
        One row a file: ``file`` (its path in the distribution), ``kind`` (snapshot, catalogue or
        table), ``simulation``, ``state`` (of `STATES`), ``bytes`` on disk, ``expected_bytes`` (an
        estimate), ``public``, ``path`` (of the file, or of the first of its parts, that is here),
        and ``note`` (why it isn't "there", or wasn't checked).

    Raises
    ------
    ParameterError
        If CAMELS has no such simulation.
    """
    rows, wanted = [], {}
    for sim in bar(list(simulations), "Files", show=progress):
        _check_name(sim)
        suite = sim.suite.removesuffix("_DM")
        wanted.setdefault((sim.root, suite, sim.set_name, sim.volume), []).append(sim)
        folder = f"{sim.suite}/{sim.volume}/{sim.set_name}/{_name(sim)}"
        larger = 8 if sim.volume == "L50n512" else 1
        snapshot = _looked_at(sim, "snapshot_files", sim.check if check else None)
        works = snapshot["state"] == "there"
        found = _looked_at(sim, "catalogue_files", sim.halos if check and works else None)
        if check and not works and found["state"] == "there":
            found["note"] = "not checked: that takes its snapshot"
        rows += [
            snapshot
            | {
                "file": f"Sims/{folder}/snapshot_{sim.snapshot:03d}.hdf5",
                "kind": "snapshot",
                "simulation": sim.name,
                "expected_bytes": SNAPSHOT_BYTES.get(suite, OTHER_SNAPSHOT_BYTES) * larger,
            },
            found
            | {
                "file": f"FOF_Subfind/{folder}/groups_{sim.snapshot:03d}.hdf5",
                "kind": "catalogue",
                "simulation": sim.name,
                "expected_bytes": CATALOGUE_BYTES * larger,
            },
        ]
    tables = [_table(*key, sims, check) for key, sims in wanted.items()]
    table = pd.DataFrame(tables + rows, columns=list(COLUMNS))
    return table.assign(public=[one.split("/")[0] not in PRIVATE for one in table["simulation"]])


def write(table, folder):
    """Write the files that have to be fetched as lists for Globus and wget.

    Parameters
    ----------
    table : pandas.DataFrame
        As of `survey`.
    folder : path
        Where to: ``globus.txt`` (lines ``source destination``, relative to the root of the
        collection and to the data root), ``urls.txt``, and ``files.csv``, the whole table.

    Returns
    -------
    globus, urls, listing : Path
        The files.
    """
    folder = Path(folder)
    wanted = table[table["public"] & (table["state"] != "there")]["file"]
    texts = {
        "globus.txt": "".join(f"{file} {file}\n" for file in wanted),
        "urls.txt": "".join(f"{URL}/{file}\n" for file in wanted),
        "files.csv": table.to_csv(index=False),
    }
    for name, text in texts.items():
        with files.whole(folder / name) as temporary:
            temporary.write_text(text)
    return tuple(folder / name for name in texts)


def summary(table, root, globus, urls):
    """Describe the result of a survey, and the commands that fetch the files that lack.

    Parameters
    ----------
    table : pandas.DataFrame
        As of `survey`.
    root : path
        Data root.
    globus, urls : path
        As of `write`.

    Returns
    -------
    str
        Several lines.
    """
    said = {
        "there": "there",
        "absent": "absent",
        "part": "a part of what it should be",
        "fails": "fails a check",
    }
    counts = table["kind"].value_counts()
    lines = [
        f"{counts.get('snapshot', 0)} snapshots, {counts.get('catalogue', 0)} catalogues and "
        f"{counts.get('table', 0)} tables of parameters are needed below {root}:"
    ]
    for state, words in said.items():
        rows = table[table["state"] == state]
        expected = f"about {_size(rows['expected_bytes'].sum())} (estimate)"
        size = _size(rows["bytes"].sum()) if state == "there" else expected
        lines.append(f"  {len(rows):5d} {words}" + (f", {size}" if len(rows) else ""))
        if state in ("part", "fails"):
            lines += [f"        {row.path}: {_short(row)}" for row in rows.itertuples()]
    lines += [
        f"  {row.path}: {row.note}" for row in table.itertuples()
        if row.state == "there" and row.note
    ]  # fmt: skip
    wanted = table[table["state"] != "there"]
    closed = sorted({name.split("/")[0] for name in wanted[~wanted["public"]]["simulation"]})
    if closed:
        lines.append(f"{', '.join(closed)} isn't public and isn't in the lists. Ask: {ACCESS}")
    if wanted["public"].any():
        lines += [
            "To fetch the others with Globus (DESTINATION is your collection), or one by one:",
            f"  globus transfer {COLLECTION}:/ DESTINATION:{root} --batch {globus}",
            f"  wget -c -x -nH --cut-dirs=1 -P {root} -i {urls}",
        ]
        if wanted["state"].isin(["part", "fails"]).any():
            lines.append(
                "With wget, first move away files that fail a check or are one of several: it keeps"
                " them, and adds to them. It completes only files that were cut off."
            )
    return "\n".join(lines)


def _size(number):
    """Write a number of bytes for readers."""
    power = next(power for power in (4, 3, 2, 1, 0) if number >= 1000**power or power == 0)
    return f"{number / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def _short(row):
    """Return what is wrong with a file, without its path once more."""
    return row.note.replace(f"{row.path}: ", "").replace(f"{row.path} ", "it ")


def _check_name(sim):
    """Refuse simulations that CAMELS doesn't have."""
    names = sets.names(sim.suite.removesuffix("_DM"), sim.set_name, sim.volume)
    if _name(sim) not in names and not sets.FIDUCIAL_NAME.fullmatch(_name(sim)):
        raise ParameterError(
            f"CAMELS has no simulation {_name(sim)} of {sim.suite} {sim.volume}.",
            found=_name(sim),
            expected=f"one of {len(names)}, {names[0]} to {names[-1]}",
        )


def _name(sim):
    return layout.simulation_name(sim.set_name, sim.realisation)


def _table(root, suite, set_name, volume, simulations, check):
    """Row of the table of a set's parameters."""
    path = parameter_tables.find(root, suite, set_name, volume)

    def complete():
        listed = set(parameter_tables.parameters(root, suite, set_name, volume)["name"])
        lacking = [sim for sim in simulations if not sim.listed_parameters]
        if lacking:
            raise IncompleteError(
                f"{path} doesn't list all simulations.",
                found=f"{len(listed)} simulations, and not {', '.join(map(_name, lacking[:3]))}",
                expected=f"{len(sets.names(suite, set_name, volume))} simulations",
                remedy="Download it again.",
            )

    return {
        "file": f"Sims/{suite}/{volume}/{set_name}/"
        + parameter_tables.file_name(suite, set_name, volume),
        "kind": "table",
        "simulation": f"{suite}/{set_name}",
        "expected_bytes": ROW_BYTES * len(sets.names(suite, set_name, volume)),
    } | _state(() if path is None else (path,), complete if check else None)


def _looked_at(sim, which, check):
    """State of a simulation's snapshot or catalogue."""
    try:
        paths = getattr(sim, which)
    except DataNotFoundError:
        return _state((), check)
    return _state(paths, check or (lambda: [_open(path) for path in paths]))


def _open(path):
    with opened(path):
        pass


def _state(paths, check):
    """State, size, first path and note of a file, or of its parts."""
    if not paths:
        return {"state": "absent", "bytes": 0, "path": "", "note": ""}
    found = {"state": "there", "path": str(paths[0]), "note": ""}
    try:
        if check is not None:
            check()
    except CGMError as error:
        found["state"] = "part" if isinstance(error, IncompleteError) else "fails"
        found["note"] = str(error)
    return found | {"bytes": sum(path.stat().st_size for path in paths)}
