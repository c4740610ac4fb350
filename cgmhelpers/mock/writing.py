"""A mock CAMELS suite: statistical halos and gas in the files of the three simulation codes.

The mock isn't a simulation: nothing is evolved. Halos are drawn from a published mass function,
their gas from
profiles in hydrostatic equilibrium and from a table of numbers per feedback model
(`feedback`). It stands in for CAMELS where those files aren't at hand, in tests and for
scale measurements.
"""

import json
import logging
from pathlib import Path

import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.mock.files import SnapshotHeader
from cgmhelpers.system.files import whole
from cgmhelpers.system.progress import bar

SUITES = ("IllustrisTNG", "SIMBA", "Astrid")

#: Raise when the same settings give other files.
GENERATOR_VERSION = 2

logger = logging.getLogger(__name__)


def write(
    root,
    suites=SUITES,
    realisations=(0,),
    cells=300_000,
    seed=1,
    set_name="CV",
    snapshot=90,
    minimum_mass=10**10.5,
    compression=None,
    progress=True,
    overwrite=False,
):
    """Write a mock CAMELS tree.

    The same settings give the same files. Files that are whole and were written with the same
    settings are
    left as they are, so an interrupted call can be repeated.

    Parameters
    ----------
    root : path-like
        Data root; ``Sims`` and ``FOF_Subfind`` go below it.
    suites : sequence of str
        Of `SUITES`.
    realisations : sequence of int
        Numbers of the simulations; realisation i has the same halos in every suite.
    cells : int
        Gas elements per simulation, at least 20,000; CAMELS has 256^3.
    seed : int
        Seed of everything.
    set_name : str
        Simulation set, the folder's name.
    snapshot : int
        Number in the file names; the content is always at redshift zero.
    minimum_mass : float
        Least mass of a halo [Msun].
    compression : str or mapping, optional
        As `write_snapshot` takes it.
    progress : bool
        Show a progress bar.
    overwrite : bool
        Replace mock files that were written with other settings. Files that no mock wrote are
        never replaced.

    Returns
    -------
    list of Path
        The snapshots, suite by suite within each realisation.

    Raises
    ------
    ParameterError
        When a parameter has no meaning, or a file with other settings is in the way.
    """
    from cgmhelpers.mock import initial
    from cgmhelpers.mock import suite as mock_suite

    _check(suites, realisations, cells, minimum_mass)
    root = Path(root)
    jobs = []
    for number in realisations:
        for name in suites:
            settings = _settings(name, number, cells, seed, minimum_mass, compression)
            files = file_paths(root, name, number, set_name, snapshot)
            states = [_state(path, settings, overwrite) for path in files]
            jobs.append((number, name, settings, files, all(states)))
    # Before they are made: whenever we are killed, every simulation that is whole is listed.
    for name in suites:
        _list_simulations(root, name, set_name, realisations, seed)
    shared = {}
    for number, name, settings, files, done in bar(
        jobs, "Mock simulations", show=progress, unit="simulation"
    ):
        if done:
            logger.info("%s is there already", files[0])
            continue
        if number not in shared:
            # One realisation at a time is kept: its halos serve all suites.
            generator = np.random.default_rng([seed, number])
            shared = {number: initial.draw(generator, minimum_mass)}
        halos, web = shared[number]
        generator = np.random.default_rng([seed, number, 1 + SUITES.index(name)])
        realisation = mock_suite.build(name, halos, web, cells, generator)
        header = SnapshotHeader(settings=settings)
        mock_suite.write(name, halos, realisation, header, *files, compression, generator)
        del realisation
    # Another process may have listed its own at the same moment as we did, without ours.
    for name in suites:
        _list_simulations(root, name, set_name, realisations, seed)
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
):
    """Whether both files of a mock simulation are there, whole and of the same settings.

    Parameters
    ----------
    root : path-like
        Data root.
    suite : str
        Name of the suite.
    realisation : int
        Number of the simulation.
    cells, seed, set_name, snapshot, minimum_mass, compression
        As `write` takes them.

    Returns
    -------
    bool
    """
    from cgmhelpers.mock.files import is_whole

    settings = _settings(suite, realisation, cells, seed, minimum_mass, compression)
    paths = file_paths(root, suite, realisation, set_name, snapshot)
    return all(is_whole(path, settings) for path in paths)


def file_paths(root, suite, realisation, set_name="CV", snapshot=90):
    """Where a mock simulation's snapshot and group catalogue lie.

    Parameters
    ----------
    root : path-like
        Data root.
    suite : str
        Name of the suite.
    realisation : int
        Number of the simulation.
    set_name : str
        Simulation set.
    snapshot : int
        Number in the file names.

    Returns
    -------
    snapshot_path, catalogue_path : Path
    """
    folder = Path(suite) / "L25n256" / set_name / f"{set_name}_{realisation}"
    return (
        Path(root) / "Sims" / folder / f"snapshot_{snapshot:03d}.hdf5",
        Path(root) / "FOF_Subfind" / folder / f"groups_{snapshot:03d}.hdf5",
    )


def _settings(suite, realisation, cells, seed, minimum_mass, compression):
    named = compression is None or isinstance(compression, str)
    settings = {
        "generator": GENERATOR_VERSION,
        "suite": suite,
        "realisation": int(realisation),
        "cells": int(cells),
        "seed": int(seed),
        "minimum_mass": float(minimum_mass),
        "compression": compression if named else str(dict(compression)),
    }
    return json.dumps(settings, sort_keys=True)


def _check(suites, realisations, cells, minimum_mass):
    unknown = [name for name in suites if name not in SUITES]
    if unknown:
        raise ParameterError("suites", found=unknown, expected=", ".join(SUITES))
    if any(int(number) != number or number < 0 for number in realisations):
        raise ParameterError(
            "realisations", found=list(realisations), expected="whole numbers from 0"
        )
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
    """Whether a file is done; raises when something else is in its place."""
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


def _list_simulations(root, name, set_name, realisations, seed):
    """Keep the set's table of parameters and seeds, one row per simulation."""
    from cgmhelpers.halos import cosmology

    path = (
        root
        / "Sims"
        / name
        / "L25n256"
        / set_name
        / f"CosmoAstroSeed_{name}_L25n256_{set_name}.txt"
    )
    rows, before = {}, None
    if path.exists():
        before = path.read_text()
        lines = [line.split() for line in before.splitlines() if not line.startswith("#")]
        rows = {line[0]: line for line in lines if line}
    # Other processes may be writing other realisations: list what lies there, not only our own.
    there = {folder.name for folder in path.parent.glob(f"{set_name}_*") if folder.is_dir()}
    ours = {f"{set_name}_{number}" for number in realisations}
    for label in there | ours:
        number = label.rsplit("_", 1)[1]
        if not number.isdigit() or (label in rows and label not in ours):
            continue
        values = [cosmology.OMEGA_MATTER, cosmology.SIGMA_8, 1.0, 1.0, 1.0, 1.0]
        rows[label] = [label, *(f"{value:.5f}" for value in values), str(seed * 1000 + int(number))]
    ordered = sorted(rows.values(), key=lambda row: int(row[0].rsplit("_", 1)[1]))
    text = "#Name Omega_m sigma_8 A_SN1 A_AGN1 A_SN2 A_AGN2 seed\n"
    text += "".join(" ".join(row) + "\n" for row in ordered)
    if text != before:
        with whole(path) as temporary:
            temporary.write_text(text)
