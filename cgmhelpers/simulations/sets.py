"""Sets of CAMELS: the simulations that each holds, their parameters and their seeds.

Parameters and seeds come from the set's table (`cgmhelpers.simulations.parameter_tables`).

Two simulations with the same seed have the same initial conditions, whichever their suites and
sets: the halos of one are twins of the halos of the other. CV, 1P and EX share their seeds between
suites; LH has none in common (Villaescusa-Navarro et al. 2021, arXiv:2010.00619; the tables
themselves are linked at https://camels.readthedocs.io/en/latest/parameters.html).
"""

import logging
import re
from functools import lru_cache

import pandas as pd

from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.simulations.parameter_tables import find, read, relative

log = logging.getLogger(__name__)

VOLUMES = ("L25n256", "L50n512")
"""Generations with boxes of (25 Mpc/h)^3 and 256^3 gas elements, and of (50 Mpc/h)^3 and 512^3."""

SETS = {
    ("IllustrisTNG", "L25n256"): {"CV": 27, "1P": 28, "EX": 4, "LH": 1000, "SB28": 2048, "BE": 27},
    ("IllustrisTNG", "L50n512"): {"CV": 27, "1P": 35, "SB35": 1024},
    ("SIMBA", "L25n256"): {"CV": 27, "1P": 28, "EX": 4, "LH": 1000, "BE": 27},
    ("Astrid", "L25n256"): {"CV": 27, "1P": 6, "EX": 4, "LH": 1000, "SB7": 1024},
    ("Swift-EAGLE", "L25n256"): {"CV": 27, "1P": 6, "LH": 1000},
    ("Magneticum", "L25n256"): {"CV": 27, "LH": 50},
    ("Ramses", "L25n256"): {"CV": 27, "1P": 5, "SB5": 256},
    ("CROCODILE", "L25n256"): {"CV": 27, "1P": 26, "SB26": 1024},
    ("Obsidian", "L25n256"): {"CV": 27},
}
"""Simulations of each set, or parameters of 1P. The documentation counts those in the public
suites, and the tables list those in the private ones (the last four)."""

_STEPS = ("n2", "n1", "1", "2")
_OTHER_STEPS = {
    # VariableWindSpecMomentum is 0 in the fiducial model, and can only grow.
    ("IllustrisTNG", 15): ("1", "2", "3", "4"),
    ("IllustrisTNG", 29): ("n1", "1", "2", "3"),
    ("IllustrisTNG", 30): ("n4", "n3", "n2", "n1"),
    ("IllustrisTNG", 32): ("n4", "n3", "n2", "n1"),
    ("CROCODILE", 12): ("n1", "1", "2"),
    ("CROCODILE", 16): ("n2", "2"),
    ("CROCODILE", 17): ("n1", "1", "2"),
    **{("Ramses", number): ("n2", "2") for number in range(1, 6)},
}
"""Steps, by (suite, number of the parameter), of those parameters of the 1P set that don't have the
steps -2, -1, 1 and 2."""

_FIRST_SEEDS = {
    ("IllustrisTNG", "LH"): 0, ("SIMBA", "LH"): 5000, ("Astrid", "LH"): 10000,
    ("Magneticum", "LH"): 15000, ("Swift-EAGLE", "LH"): 30000,
    ("IllustrisTNG", "SB28"): 20000, ("IllustrisTNG", "SB35"): 25000, ("Astrid", "SB7"): 12000,
    ("CROCODILE", "SB26"): 35000, ("Ramses", "SB5"): 45000,
}  # fmt: skip
"""Seed of the first simulation of a set whose seeds count on."""

_REPLACED_SEEDS = {
    "L25n256": {2: 3999666, 8: 9999666, 17: 18999666},
    "L50n512": {17: 18181818},
}
"""Seeds of the CV set that aren't the number plus one, in every suite but Ramses, by volume."""

FIDUCIAL_NAME = re.compile(r"1P_(p?\d+_)?0")
"""Names of the fiducial simulation of the 1P set, which tables list under one or some of them."""

UNKNOWN_SEED = -1
"""The seed of simulations whose seed isn't known."""


def names(suite, set_name, volume="L25n256"):
    """List the simulations of a set.

    Parameters
    ----------
    suite, set_name, volume : str
        For example ``"IllustrisTNG"``, ``"1P"`` and ``"L25n256"``.

    Returns
    -------
    list of str
        Names of folders: ``LH_0``, or ``1P_p1_n2``. Of 1P, the fiducial simulation comes first and
        once, as ``1P_p1_0``; its other names, ``1P_p2_0`` and so on, are copies of it.

    Raises
    ------
    ParameterError
        If CAMELS has no such set.
    """
    sets = SETS.get((suite, volume), {})
    suites = [name for name, _ in SETS]
    volumes = [box for name, box in SETS if name == suite]
    for name, known in ((suite, suites), (volume, volumes), (set_name, sets)):
        check_known(name, dict.fromkeys(known), f"CAMELS has no {suite} {volume} {set_name}.")
    if set_name != "1P":
        return [f"{set_name}_{number}" for number in range(sets[set_name])]
    changed = [
        f"1P_p{number}_{step}"
        for number in range(1, sets[set_name] + 1)
        for step in _OTHER_STEPS.get((suite, number), _STEPS)
    ]
    return ["1P_p1_0", *changed]


def first(set_name, number):
    """List the first simulations of a set, the same in every suite.

    Parameters
    ----------
    set_name : str
        Name of the set.
    number : int
        Number of simulations.

    Returns
    -------
    list of int or str
        0, 1, 2 ...; in 1P the fiducial simulation, ``"p1_0"``, then the steps of each of the six
        parameters that all suites have.

    Raises
    ------
    ParameterError
        If there are fewer in 1P.
    """
    if set_name != "1P":
        return list(range(number))
    named = ["p1_0", *(f"p{one}_{step}" for one in range(1, 7) for step in _STEPS)]
    if number > len(named):
        raise ParameterError(
            "The set 1P has fewer simulations in `realisations`.",
            found=number,
            expected=f"at most {len(named)}: six parameters in four steps, and the fiducial one",
            remedy="Name the simulations: [p7_n2, p7_n1].",
        )
    return named[:number]


def seed(root, suite, set_name, realisation, volume="L25n256"):
    """Return the seed of a simulation's initial conditions.

    Parameters
    ----------
    root : path
        Data root.
    suite, set_name : str
        Which set.
    realisation : int or str
        Number in the set.
    volume : str
        Volume of the set.

    Returns
    -------
    int
        The one that the set's table lists; without a table, the one that follows from the rules of
        CAMELS' tables (`published_seed`); else `UNKNOWN_SEED`, with a word in the log.

    Raises
    ------
    FormatError
        If the table is there and isn't valid.
    """
    listed = _row(root, suite, set_name, realisation, volume)
    if listed is not None:
        return listed[0]
    known = published_seed(suite, set_name, realisation, volume)
    if known == UNKNOWN_SEED:
        log.info(
            "%s %s_%s: no table tells the seed of its initial conditions; it is taken to share "
            "them with the same set and number in other suites.",
            suite, set_name, realisation,
        )  # fmt: skip
    return known


def parameters(root, suite, set_name, realisation, volume="L25n256"):
    """Return the parameters of a simulation that the set's table lists.

    Parameters
    ----------
    root, suite, set_name, realisation, volume
        As for `seed`.

    Returns
    -------
    dict of str to float
        Name -> value: the cosmology (`cgmhelpers.simulations.parameter_tables.COSMOLOGY`), A_SN1,
        A_SN2, A_AGN1 and A_AGN2 as multiples of the suite's fiducial values, and the other
        parameters that are varied, in the code's units. A parameter of one name means other physics
        in each suite. Empty, with a warning for sets that vary parameters, if no table lists the
        simulation.

    Raises
    ------
    FormatError
        If the table is there and isn't valid.
    """
    listed = _row(root, suite, set_name, realisation, volume)
    if listed is not None:
        return dict(listed[1])
    if (suite.removesuffix("_DM"), volume) in SETS and set_name not in ("CV", "BE"):
        path = find(root, suite, set_name, volume)
        if path is None:
            _warn_of_table(root, suite, set_name, volume)
        else:
            log.warning(
                "%s %s_%s: its parameters aren't known; %s doesn't list it.",
                suite, set_name, realisation, path,
            )  # fmt: skip
    return {}


def published_seed(suite, set_name, realisation, volume="L25n256"):
    """Return the seed that CAMELS' tables have for a simulation, by their rules.

    Parameters
    ----------
    suite, set_name : str
        Which set.
    realisation : int or str
        Number in the set.
    volume : str
        Volume of the set.

    Returns
    -------
    int
        `UNKNOWN_SEED` for sets without a known rule. 78 simulations of SIMBA's LH set break the
        rule, with seeds that no other simulation has.
    """
    suite = suite.removesuffix("_DM")
    fixed = {"1P": 18 if volume == "L50n512" else 67, "BE": 67, "EX": 13560}
    if set_name in fixed:
        return fixed[set_name]
    first = 1 if set_name == "CV" else _FIRST_SEEDS.get((suite, set_name))
    if first is None or not str(realisation).isdigit():
        return UNKNOWN_SEED
    replaced = _REPLACED_SEEDS.get(volume, {}) if set_name == "CV" and suite != "Ramses" else {}
    return replaced.get(int(realisation), first + int(realisation))


@lru_cache
def _warn_of_table(root, suite, set_name, volume):
    """Warn once a set, not once a simulation."""
    log.warning(
        "%s %s %s: the parameters of its simulations aren't known; the table of the set isn't in "
        "%s. Halos and maps go without; cgm files lists it for download.",
        suite, volume, set_name, root,
    )  # fmt: skip


def _row(root, suite, set_name, realisation, volume):
    """Seed and parameters of a simulation from the set's table, None if they aren't there."""
    path = find(root, suite, set_name, volume)
    if path is None:
        return None
    stamp = path.stat()
    rows = _rows(path, suite, stamp.st_mtime_ns, stamp.st_size)
    name = f"{set_name}_{realisation}"
    if name not in rows and FIDUCIAL_NAME.fullmatch(name):
        name = next(filter(FIDUCIAL_NAME.fullmatch, rows), name)
    return rows.get(name)


@lru_cache(maxsize=8)
def _rows(path, suite, modified, size):
    """Seed and parameters of each simulation that a table lists, read again if it changes."""
    table = read(path, suite)
    kept = table[~table["parameter"].str.startswith(("A_SN", "A_AGN"))]
    table = pd.concat([kept, relative(table).query("not cosmology")])
    return {
        name: (int(rows["seed"].iloc[0]), dict(zip(rows["parameter"], rows["value"], strict=True)))
        for name, rows in table.groupby("name", sort=False)
    }
