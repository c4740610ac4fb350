"""Sets of mock simulations: the parameters, the seed and the box of each simulation.

The sets are those of CAMELS (Villaescusa-Navarro et al. 2023, ApJS 265, 54): CV has one set of
parameters and other initial conditions each time; 1P changes one parameter at a time; LH is a Latin
hypercube of all six, with other initial conditions in every suite.
"""

import functools
import re
from dataclasses import dataclass, replace

import numpy as np

from cgmhelpers.errors import ParameterError, check_known, meant
from cgmhelpers.halos.cosmology import CV, Volume, snapshot_redshift

SETS = ("CV", "LH", "1P")
VOLUMES = {"L25n256": 25.0, "L50n512": 50.0}
"""Sides of the boxes [comoving Mpc/h]."""
LH_NUMBER = 1000
"""Simulations of the LH set."""
LH_SEEDS = {
    "IllustrisTNG": 0,
    "SIMBA": 5000,
    "Astrid": 10000,
    "Swift-EAGLE": 30000,
    "Ramses": 45000,
}
"""Seed of the first LH simulation of each suite, as in CAMELS' tables. (Ramses has SB5 instead.)"""
ONE_PARAMETER_SEEDS = {"L25n256": 67, "L50n512": 18}
"""Seed of all 1P simulations of a box, as in CAMELS' tables."""
SEED_STEP = 100_000
"""Seeds of two mock trees (``seed`` of `write`) lie this far apart, so that none is in both."""
HIGHEST_REDSHIFT = 5.1
"""Earliest time of the mock."""
STEPS = {"n2": -2, "n1": -1, "0": 0, "1": 1, "2": 2}
"""Steps of a parameter in the 1P set, by name."""


@dataclass(frozen=True)
class Parameters:
    """Cosmology and strengths of feedback, in the order of CAMELS' tables.

    Attributes
    ----------
    omega_matter, sigma_8 : float
        Density of matter over the critical density, and amplitude of its fluctuations.
    supernova_energy, black_hole_energy, supernova_speed, black_hole_speed : float
        A_SN1, A_AGN1, A_SN2 and A_AGN2: multiples of the fiducial strength of feedback. A name
        means other physics in each suite.
    """

    omega_matter: float = CV.omega_matter
    sigma_8: float = CV.sigma_8
    supernova_energy: float = 1.0
    black_hole_energy: float = 1.0
    supernova_speed: float = 1.0
    black_hole_speed: float = 1.0


FIDUCIAL = Parameters()
NAMES = ("Omega_m", "sigma_8", "A_SN1", "A_AGN1", "A_SN2", "A_AGN2")
"""Names in CAMELS' tables, in the order of the fields of `Parameters`."""
_FIELDS = dict(zip(NAMES, Parameters.__dataclass_fields__, strict=True))


def ranges(suite):
    """Return the lowest and the highest value of each parameter, those of CAMELS' tables.

    Parameters
    ----------
    suite : str
        Name of the suite.

    Returns
    -------
    dict of str to (float, float)
        By the names of `NAMES`; strengths of feedback are multiples of the fiducial ones.
    """
    # EAGLE's Info table has 0.25 to 4 for A_AGN2; its simulations lie between 0.5 and 2.
    last = (0.25, 4.0) if suite == "Astrid" else (0.5, 2.0)
    values = ((0.1, 0.5), (0.6, 1.0), (0.25, 4.0), (0.25, 4.0), (0.5, 2.0), last)
    if suite == "Ramses":
        values = ((0.1, 0.5), (0.6, 1.0), (0.1, 10.0), (0.5, 2.0), (0.1, 10.0), (0.5, 2.0))
    return dict(zip(NAMES, values, strict=True))


def one_parameter(suite):
    """Return which parameters each number of the 1P set moves.

    Parameters
    ----------
    suite : str
        Name of the suite.

    Returns
    -------
    list of tuple of str
        Names of `NAMES`. Ramses has another order, and moves both of black holes at once.
    """
    if suite == "Ramses":
        return [("Omega_m",), ("sigma_8",), ("A_SN1",), ("A_SN2",), ("A_AGN1", "A_AGN2")]
    return [(name,) for name in NAMES]


def _between(suite, share):
    """Return parameters at shares of their ranges, of feedback in the logarithm."""
    values = []
    for name, x in zip(NAMES, share, strict=True):
        low, high = ranges(suite)[name]
        feedback = name.startswith("A_")
        values.append(low * (high / low) ** x if feedback else low + (high - low) * x)
    # Five digits, as the set's table has them: it says what the files were made with.
    return Parameters(*(round(float(value), 5) for value in values))


@functools.cache
def _hypercube(suite):
    """Draw the shares of the ranges of all LH simulations of a suite, (LH_NUMBER, 6)."""
    from scipy.stats import qmc

    sampler = qmc.LatinHypercube(len(NAMES), rng=np.random.default_rng(LH_SEEDS[suite]))
    return sampler.random(LH_NUMBER)


def parameters(suite, set_name, realisation):
    """Return the parameters of a simulation.

    Parameters
    ----------
    suite, set_name : str
        Names of the suite and of the set.
    realisation : int or str
        A number in CV and LH; ``"p3_n2"`` in 1P: the third of `NAMES`, two steps below its fiducial
        value.

    Returns
    -------
    Parameters

    Raises
    ------
    ParameterError
        If there is no such simulation.
    """
    if set_name == "1P":
        moved = one_parameter(suite)
        match = re.fullmatch(r"p(\d)_(n2|n1|0|1|2)", str(realisation))
        if match is None or not 1 <= int(match[1]) <= len(moved):
            expected = f"p1_n2, p1_n1, p1_0, p1_1, p1_2 ... p{len(moved)}_2"
            raise _no_simulation(set_name, realisation, expected)
        return replace(
            FIDUCIAL,
            **{
                _FIELDS[name]: _step(suite, name, STEPS[match[2]])
                for name in moved[int(match[1]) - 1]
            },
        )
    whole = isinstance(realisation, int | np.integer) and realisation >= 0
    if set_name == "CV":
        if not whole:
            raise _no_simulation(set_name, realisation, "whole numbers from 0")
        return FIDUCIAL
    if set_name == "LH":
        if not (whole and realisation < LH_NUMBER):
            raise _no_simulation(set_name, realisation, f"whole numbers from 0 to {LH_NUMBER - 1}")
        return _between(suite, _hypercube(suite)[realisation])
    raise ParameterError(
        f"The mock has no set {set_name!r}.",
        found=set_name,
        expected=f"set_name among {', '.join(SETS)}",
        remedy=meant([set_name], SETS)
        or "Name a data_root that has it: other sets are CAMELS' alone.",
    )


def _step(suite, name, step):
    """Return a parameter's value some steps from the fiducial one; its range has four."""
    low, high = ranges(suite)[name]
    if name.startswith("A_"):
        return float(high ** (step / 2))
    if suite == "Ramses" and name == "sigma_8":
        step = -step  # as the table has it: n2 is the highest value
    return round(getattr(FIDUCIAL, _FIELDS[name]) + step * (high - low) / 4, 10)


def _no_simulation(set_name, realisation, expected):
    return ParameterError(
        f"The mock's set {set_name} has no such simulation in `realisations`.",
        found=realisation,
        expected=expected,
        remedy="Choose one of these, or name a data_root that has it.",
    )


def seed(suite, set_name, realisation, tree=1, box="L25n256"):
    """Return the seed of a simulation's initial conditions, as the set's table lists it.

    Parameters
    ----------
    suite, set_name : str
        Names of the suite and of the set.
    realisation : int or str
        As in `parameters`.
    tree : int
        ``seed`` of `write`.
    box : str
        One of `VOLUMES`.

    Returns
    -------
    int
        CV's are shared by the suites, 1P has a single one, LH's are unique among LH. In CAMELS'
        tables the first LH simulations of IllustrisTNG have seeds of CV, and here, too.
    """
    if set_name == "CV":
        first = 1 + int(realisation)
    else:
        first = LH_SEEDS[suite] + int(realisation) if set_name == "LH" else ONE_PARAMETER_SEEDS[box]
    return (tree - 1) * SEED_STEP + first


def generators(suite_number, suite, set_name, realisation, tree, box="L25n256"):
    """Return the sources of a simulation's initial conditions and of its suite's randomness.

    Parameters
    ----------
    suite_number : int
        Place of the suite in `SUITES`.
    suite, set_name : str
        Names of the suite and of the set.
    realisation : int or str
        As in `parameters`.
    tree : int
        ``seed`` of `write`.
    box : str
        One of `VOLUMES`.

    Returns
    -------
    initial, own : numpy.random.Generator
        Simulations of one seed in one box have the same initial conditions, whatever their sets.
    """
    number = seed(suite, set_name, realisation, box=box)
    # CV_i has the seed i + 1 and draws from i. None of these is as high as a million.
    key = [tree, number - 1 if number else 10**6]
    if box != "L25n256":
        key.insert(1, round(VOLUMES[box]))
    return np.random.default_rng(key), np.random.default_rng([*key, 1 + suite_number])


def volume(parameters, snapshot=90, box="L25n256"):
    """Return the box of a simulation at one of its snapshots.

    Parameters
    ----------
    parameters : cgmhelpers.mock.sets.Parameters
        Parameters of the simulation.
    snapshot : int
        Number of the snapshot.
    box : str
        One of `VOLUMES`.

    Returns
    -------
    Volume

    Raises
    ------
    ParameterError
        If CAMELS has no such snapshot or box, or the mock has no gas at that time.
    """
    check_known(box, VOLUMES, f"The mock has no volume {box!r}.")
    redshift = snapshot_redshift(snapshot)
    if redshift > HIGHEST_REDSHIFT:
        raise ParameterError(
            "The mock has no halos so early: their gas is that of galaxies of today.",
            found=f"snapshot {snapshot}, z = {redshift:.2f}",
            expected=f"redshifts up to {HIGHEST_REDSHIFT:g}, snapshot 18 and later",
        )
    cosmology = replace(CV, omega_matter=parameters.omega_matter, sigma_8=parameters.sigma_8)
    return Volume(cosmology, redshift, VOLUMES[box])
