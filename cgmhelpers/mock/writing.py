"""A mock CAMELS suite: statistical halos and gas in the files of the simulation codes.

The mock isn't a simulation: nothing is evolved. Halos are drawn from a published mass function,
their gas from profiles in hydrostatic equilibrium and from a table of numbers per feedback model
(`feedback`). It stands in for CAMELS where those files aren't at hand, in tests and for scale
measurements.
"""

import json
import logging
from pathlib import Path

from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.mock import sets, tables
from cgmhelpers.mock.files import SnapshotHeader
from cgmhelpers.simulations import discovery
from cgmhelpers.system.files import whole
from cgmhelpers.system.progress import bar

SUITES = (*discovery.SUITES, "Swift-EAGLE", "Ramses")
"""Suites that the mock can write; without a choice it writes those of the paper."""

GENERATOR_VERSION = 5
"""Raise when the same settings give other files. Since 4, cool gas has more and smaller elements,
which overlap along strands (`cgmhelpers.mock.clouds`)."""

logger = logging.getLogger(__name__)


def write(
    root,
    suites=discovery.SUITES,
    realisations=(0,),
    cells=300_000,
    seed=1,
    set_name="CV",
    snapshot=90,
    minimum_mass=10**10.5,
    compression=None,
    progress=True,
    overwrite=False,
    volume="L25n256",
):
    """Write a mock CAMELS tree.

    The same settings give the same files. Files that are whole and were written with the same
    settings are left as they are, so an interrupted call can be repeated.

    Parameters
    ----------
    root : path-like
        Data root; ``Sims`` and ``FOF_Subfind`` go below it.
    suites : sequence of str
        Names among `SUITES`.
    realisations : sequence of int or str
        Simulations of the set: whole numbers in CV and LH, ``"p1_n2"`` to ``"p6_2"`` in 1P.
        Realisation i of CV and all of 1P have the same halos in every suite; LH has none in common.
    cells : int
        Gas elements per simulation, at least 20,000; CAMELS has 256^3.
    seed : int
        Seed of everything.
    set_name : str
        ``CV``, ``LH`` or ``1P``.
    snapshot : int
        Number of the snapshot, which sets the redshift: 90 is today, as in CAMELS' list of 91
        (`cgmhelpers.halos.cosmology.snapshot_redshift`).
    minimum_mass : float
        Least mass of a halo [Msun].
    compression : str or mapping, optional
        As `write_snapshot` takes it.
    progress : bool
        Show a progress bar.
    overwrite : bool
        Replace mock files that were written with other settings. Files that no mock wrote are
        never replaced.
    volume : str
        ``L25n256`` or ``L50n512``: the box has a side of 25 or 50 comoving Mpc/h.

    Returns
    -------
    list of Path
        The snapshots, suite by suite within each realisation.

    Raises
    ------
    ParameterError
        If a parameter has no meaning, or a file with other settings is in the way.
    """
    from cgmhelpers.mock import initial
    from cgmhelpers.mock import suite as mock_suite

    _check(suites, realisations, cells, minimum_mass, set_name, snapshot, volume)
    root = Path(root)
    jobs = []
    for number in realisations:
        for name in suites:
            settings = _settings(
                name, number, cells, seed, minimum_mass, compression, set_name, snapshot, volume
            )
            files = file_paths(root, name, number, set_name, snapshot, volume)
            states = [_state(path, settings, overwrite) for path in files]
            jobs.append((number, name, settings, files, all(states)))
    # Before they are made: whenever we are killed, every simulation that is whole is listed.
    for name in suites:
        _list_simulations(root, name, set_name, realisations, seed, volume)
    shared = {}
    for number, name, settings, files, done in bar(
        jobs, "Mock simulations", show=progress, unit="simulation"
    ):
        if done:
            logger.info("%s is there already", files[0])
            continue
        parameters = sets.parameters(name, set_name, number)
        box = sets.volume(parameters, snapshot, volume)
        start, own = sets.generators(SUITES.index(name), name, set_name, number, seed, volume)
        key = (str(start.bit_generator.state), box)
        if key not in shared:
            # One draw at a time is kept: its halos serve all suites of a realisation.
            shared = {key: initial.draw(start, minimum_mass, box)}
        halos, web = shared[key]
        realisation = mock_suite.build(name, halos, web, cells, own, parameters)
        header = SnapshotHeader.of(box, settings=settings)
        mock_suite.write(name, halos, realisation, header, *files, compression, own)
        del realisation
    # Another process may have written the table at the same moment, without these simulations.
    for name in suites:
        _list_simulations(root, name, set_name, realisations, seed, volume)
    return [files[0] for _, _, _, files, _ in jobs]


def is_written(
    root,
    suite,
    realisation=0,
    cells=300_000,
    seed=1,
    set_name="CV",
    snapshot=90,
    minimum_mass=10**10.5,
    compression=None,
    volume="L25n256",
):
    """Tell whether both files of a mock simulation are there, whole and of the same settings.

    Parameters
    ----------
    root : path-like
        Data root.
    suite : str
        Name of the suite.
    realisation : int or str
        Number of the simulation.
    cells, seed, set_name, snapshot, minimum_mass, compression, volume
        As `write` takes them.

    Returns
    -------
    bool
    """
    from cgmhelpers.mock.files import is_whole

    settings = _settings(
        suite, realisation, cells, seed, minimum_mass, compression, set_name, snapshot, volume
    )
    paths = file_paths(root, suite, realisation, set_name, snapshot, volume)
    return all(is_whole(path, settings) for path in paths)


def file_paths(root, suite, realisation, set_name="CV", snapshot=90, volume="L25n256"):
    """Return the paths of a mock simulation's snapshot and group catalogue.

    Parameters
    ----------
    root : path-like
        Data root.
    suite : str
        Name of the suite.
    realisation : int or str
        Number of the simulation.
    set_name : str
        Simulation set.
    snapshot : int
        Number in the file names.
    volume : str
        Folder of the box.

    Returns
    -------
    snapshot_path, catalogue_path : Path
    """
    folder = Path(suite) / volume / set_name / f"{set_name}_{realisation}"
    return (
        Path(root) / "Sims" / folder / f"snapshot_{snapshot:03d}.hdf5",
        Path(root) / "FOF_Subfind" / folder / f"groups_{snapshot:03d}.hdf5",
    )


def _settings(
    suite, realisation, cells, seed, minimum_mass, compression, set_name, snapshot, volume
):
    named = compression is None or isinstance(compression, str)
    settings = {
        "generator": GENERATOR_VERSION,
        "suite": suite,
        "set": set_name,
        "realisation": realisation if isinstance(realisation, str) else int(realisation),
        "snapshot": int(snapshot),
        "volume": volume,
        "cells": int(cells),
        "seed": int(seed),
        "minimum_mass": float(minimum_mass),
        "compression": compression if named else str(dict(compression)),
    }
    return json.dumps(settings, sort_keys=True)


def _check(suites, realisations, cells, minimum_mass, set_name, snapshot, volume):
    check_known(suites, SUITES, "The mock can't have these suites.")
    for name in suites:
        for number in realisations:
            sets.volume(sets.parameters(name, set_name, number), snapshot, volume)
    if cells < 20_000:
        raise ParameterError(
            "cells", found=cells, expected="20000 or more", remedy="Halos need some elements each."
        )
    if not 1e9 <= minimum_mass <= 10**11.5:
        raise ParameterError(
            "minimum_mass",
            found=minimum_mass,
            expected="between 1e9 and 10^11.5 Msun",
            remedy="The halo sample starts at 10^11.5 Msun.",
        )


def _state(path, settings, overwrite):
    """Tell whether a file is done; raise if another file is in its place."""
    from cgmhelpers.mock.files import is_mock, is_whole, read_settings

    if not path.exists():
        return False
    if is_whole(path, settings):
        return True
    if not is_mock(path):
        raise ParameterError(
            f"{path} wasn't written by the mock",
            found="another file",
            expected="no file",
            remedy="Choose another data root: simulations are never overwritten.",
        )
    if not overwrite:
        raise ParameterError(
            f"{path} was written with other settings",
            found=read_settings(path),
            expected=settings,
            remedy="Choose another data root, or pass overwrite=True.",
        )
    return False


def _list_simulations(root, name, set_name, realisations, seed, volume):
    """Keep the set's table of parameters and seeds, one row per simulation."""
    folder = root / "Sims" / name / volume / set_name
    path = folder / tables.file_name(name, set_name, volume)
    rows, before = {}, None
    if path.exists():
        before = path.read_text()
        lines = [line.split() for line in before.splitlines() if not line.startswith("#")]
        rows = {line[0]: line for line in lines if line}
    # Other processes may be writing other realisations: list all that are there.
    there = {one.name.removeprefix(f"{set_name}_") for one in folder.glob(f"{set_name}_*")}
    there = {int(one) if one.isdigit() else one for one in there}
    for realisation in there | set(realisations):
        if f"{set_name}_{realisation}" in rows and realisation not in realisations:
            continue
        try:
            row = tables.row(name, set_name, realisation, seed, volume)
        except ParameterError:  # a folder that isn't a simulation's
            continue
        rows[row[0]] = row
    ordered = sorted(rows.values(), key=lambda row: _order(row[0]))
    text = tables.header(name, set_name, volume) + "\n"
    text += "".join(" ".join(row) + "\n" for row in ordered)
    if text != before:
        with whole(path) as temporary:
            temporary.write_text(text)


def _order(name):
    """Sort CV_2 before CV_10, and 1P_p1_n2 before 1P_p1_1."""
    first, *rest = name.split("_")[1:]
    return int(first.lstrip("p")), sets.STEPS[rest[0]] if rest else 0
