"""Discovery finds the simulations that a data root holds."""

import re
from pathlib import Path

from cgmhelpers.errors import DataNotFoundError
from cgmhelpers.simulations import layout
from cgmhelpers.simulations.simulation import Simulation

SUITES = ("IllustrisTNG", "SIMBA", "Astrid")
"""The suites of the paper."""


def discover(root, suites=SUITES, set_name="CV", snapshot=90, volume=None):
    """Find the simulations of a data root.

    Parameters
    ----------
    root : path
        Data root.
    suites : sequence of str
        Suites to look for.
    set_name : str
        Set of simulations.
    snapshot : int
        Snapshot number, of 91.
    volume : str, optional
        ``"L25n256"``, ``"L50n512"``, ``"zoom"``; by default all of them.

    Returns
    -------
    list of Simulation
        In the order of the suites, then of the volumes, then of the realisations.

    Raises
    ------
    DataNotFoundError
        If the data root isn't a folder.
    """
    if not Path(root).is_dir():
        raise DataNotFoundError(
            f"The data root {root} isn't a folder.",
            found="a file" if Path(root).exists() else "nothing",
            expected="the folder that holds Sims and FOF_Subfind",
        )
    found = []
    pattern = layout.realisation_pattern(set_name)
    for suite in suites:
        for level in layout.VOLUMES if volume is None else (volume,):
            names = set()
            folders = layout.simulation_folders(root, suite, set_name, "", level)
            for parent in {folder for group in folders.values() for folder in group}:
                if parent.is_dir():
                    entries = (pattern.match(entry.name) for entry in parent.iterdir())
                    names |= {match[1] for match in entries if match}
            for name in sorted(names, key=_as_numbers):
                realisation = int(name) if name.isdigit() else name
                sim = Simulation(root, suite, set_name, realisation, snapshot, level)
                if sim.has_snapshot:
                    found.append(sim)
    return found


def _as_numbers(name):
    """Sort ``p2_n1`` between ``p1_2`` and ``p2_0``, and numbers before names."""
    numbers = [int(text.replace("n", "-")) for text in re.findall(r"n?\d+", name)]
    return not name.isdigit(), numbers
