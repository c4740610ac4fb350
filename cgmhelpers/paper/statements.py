"""The paper's statements, each with its measure and the threshold that decides it.

Claims have the numbers of the book's six claims; statements about a single figure or table have its
number. Section numbers are those of Gluck et al. (2024).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cgmhelpers.halos.properties import NAMES
from cgmhelpers.paper.gas_measures import (
    ORDER,
    depth_of_minimum,
    dimmest_step,
    mass_correlation,
    order_in_bins,
)
from cgmhelpers.paper.network_measures import (
    BOTH,
    HALO_MASS,
    SINGLE,
    against_others,
    correlation_elsewhere,
    error_elsewhere,
    explained,
    gain,
    gain_most_for_l_star,
    harder,
    line_against_network,
    offset_along_brightness,
    scatter_ratios,
    second_field_elsewhere,
    suite_claim,
    suite_error,
)

YES, PARTLY, NO = "yes", "in part", "no"


@dataclass(frozen=True)
class Claim:
    """A testable statement of the paper.

    Attributes
    ----------
    number : str
        Number such as ``"2a"``, or the figure or table of the statement.
    statement : str
        The statement.
    section : str
        Section of the paper.
    quantity : str
        The measured quantity.
    above : bool
        True if the statement says that the quantity is above the threshold.
    threshold : float
        The threshold.
    built_in : {"yes", "in part", "no"}
        Whether the mock suite was built to show it.
    items : tuple of str
        Figures and tables that show it.
    measure : callable
        ``measure(evidence)`` returns the quantity and its draws, array (1 + draws,).
    """

    number: str
    statement: str
    section: str
    quantity: str
    above: bool
    threshold: float
    built_in: str
    items: tuple[str, ...]
    measure: Callable


def _suite(suite, names, fields, limits, worst=False):
    """Return a measure of a suite's error relative to the others."""
    return lambda e: against_others(
        e, suite, lambda one: suite_error(e, one, names, fields, limits), worst
    )


def _tng_ratio(top, bottom, name, limits, where):
    """Return a measure of the RMSE of one input over that of another, IllustrisTNG."""
    return lambda e: (
        e.rmse("IllustrisTNG", top, limits, name, where=where)
        / e.rmse("IllustrisTNG", bottom, limits, name, where=where)
    )


def _tng_explained(fields, limits, where):
    return lambda e: explained(e, HALO_MASS, [fields], limits, where, ["IllustrisTNG"])


LIGHT, HEAVY = "log_mass < 12.5", "log_mass >= 12.5"
REST = tuple(name for name in NAMES if name != "f_cool")

CLAIMS = (
    Claim(
        "1a", "Ideal X-ray maps give the halo mass well above 10^12.5 Msun", "3.1",
        "R2 of log M_halo above 10^12.5 Msun, X-ray, mean over suites", True, 0.5,
        PARTLY, ("Fig. 3",),
        lambda e: explained(e, HALO_MASS, ["xray"], "ideal", HEAVY),
    ),
    Claim(
        "1b", "Ideal HI maps are better than X-ray at low mass (IllustrisTNG)", "3.1",
        "RMSE of log M_halo, HI / X-ray, Sub-L* of IllustrisTNG", False, 1,
        PARTLY, ("Fig. 3",),
        _tng_ratio("hi", "xray", HALO_MASS, "ideal", "halo_class == 'sub_l_star'"),
    ),
    Claim(
        "1c", "Astrid is inferred best", "3.1",
        "RMSE of log M_halo, Astrid / best other suite, single ideal fields", False, 1,
        PARTLY, ("Fig. 3",), _suite("Astrid", [HALO_MASS], SINGLE, "ideal"),
    ),
    Claim(
        "1d", "SIMBA is inferred worst", "3.1",
        "RMSE of log M_halo, SIMBA / worst other suite, single ideal fields", True, 1,
        PARTLY, ("Fig. 3",), _suite("SIMBA", [HALO_MASS], SINGLE, "ideal", worst=True),
    ),
    Claim(
        "2a", "With limits, X-rays alone can't give the mass below 10^12.5 Msun", "3.4",
        "R2 of log M_halo below 10^12.5 Msun, X-ray with limits, IllustrisTNG", False, 0.5,
        PARTLY, ("Fig. 6", "Fig. 8"), _tng_explained("xray", "survey", LIGHT),
    ),
    Claim(
        "2b", "With limits, HI alone gives the mass below 10^12.5 Msun", "3.4",
        "R2 of log M_halo below 10^12.5 Msun, HI with limits, IllustrisTNG", True, 0.5,
        PARTLY, ("Fig. 6",), _tng_explained("hi", "survey", LIGHT),
    ),
    Claim(
        "2c", "With limits, both fields beat either alone for L* halos", "3.4.1",
        "RMSE of log M_halo, better field / both, L* of IllustrisTNG", True, 1,
        NO, ("Fig. 6",), lambda e: gain(e.rmse, "IllustrisTNG", "survey", "l_star"),
    ),
    Claim(
        "2d", "With limits, the gain from both fields is largest for L* halos", "3.4.1",
        "gain in epsilon of log M_halo, L* / larger of Sub-L* and groups, IllustrisTNG", True, 1,
        NO, ("Fig. 7",), gain_most_for_l_star,
    ),
    Claim(
        "3a", "Gas fraction and metallicity are harder than the halo mass", "3.2, 3.3",
        "R2 of log M_halo minus the better of f_cgm and log Z_cgm, single ideal fields", True, 0,
        PARTLY, ("Fig. 4", "Fig. 5"),
        lambda e: harder(e, ["f_cgm", "log_z_cgm"], [HALO_MASS], SINGLE, "ideal"),
    ),
    Claim(
        "3b", "The cool fraction is hardest of all", "B",
        "lowest R2 of the other five minus that of f_cool, both fields with limits", True, 0,
        PARTLY, ("Fig. 15",), lambda e: harder(e, ["f_cool"], REST, [BOTH], "survey"),
    ),
    Claim(
        "4a", "Across suites, inference still correlates with truth", "3.5, 5",
        "rank correlation for log M_halo, both fields with limits, mean over pairs", True, 0.5,
        PARTLY, ("Fig. 9",), correlation_elsewhere,
    ),
    Claim(
        "4b", "Trained on dimmer maps, networks over-predict on brighter, and the reverse", "3.5",
        "smaller offset of log M_halo [dex] along the difference in X-ray brightness, in brighter "
        "and in dimmer suites", True, 0, PARTLY, ("Fig. 9",), offset_along_brightness,
    ),
    Claim(
        "4c", "IllustrisTNG is the most robust training set", "3.5, 4.1",
        "RMSE of log M_halo elsewhere, IllustrisTNG / best other, both fields with limits",
        False, 1, PARTLY, ("Fig. 9",),
        lambda e: against_others(e, "IllustrisTNG", lambda one: error_elsewhere(e, one, BOTH)),
    ),
    Claim(
        "4d", "Astrid is the least robust", "3.5, 4.1",
        "RMSE of log M_halo elsewhere, Astrid / worst other, both fields with limits",
        True, 1, PARTLY, ("Fig. 9",),
        lambda e: against_others(
            e, "Astrid", lambda one: error_elsewhere(e, one, BOTH), worst=True
        ),
    ),
    Claim(
        "4e", "Adding HI to X-rays improves the inference across suites", "3.5, 5",
        "RMSE of log M_halo elsewhere, both / X-ray, with limits", False, 1,
        NO, ("Fig. 9",), second_field_elsewhere,
    ),
    Claim(
        "5a", "Scatter at fixed mass is under-reproduced", "4.3",
        "median of inferred / true scatter, both ideal fields", False, 1,
        NO, ("Table 3",), lambda e: np.median(scatter_ratios(e), axis=0),
    ),
    Claim(
        "5b", "Scatter at fixed mass is often too small by a factor of two", "4.3",
        "lower quartile of inferred / true scatter (5 of the paper's 12 ratios are below 0.6)",
        False, 0.6, NO, ("Table 3",), lambda e: np.quantile(scatter_ratios(e), 0.25, axis=0),
    ),
    Claim(
        "6", "The total flux alone doesn't give the halo mass", "A",
        "RMSE of log M_halo, line in log total / network, better field, ideal", True, 1,
        NO, ("Fig. 12",), line_against_network,
    ),
)  # fmt: skip
"""The six claims, split into statements that a number can test."""

BESIDE = (
    Claim(
        "Fig. 1", "f_cgm, M_cgm and Z_cgm: Astrid > IllustrisTNG > SIMBA at most masses", "2.2",
        "share of bins in that order", True, 0.5, YES, ("Fig. 1",), order_in_bins,
    ),
    Claim(
        "Fig. 1", "f_cgm of IllustrisTNG falls and rises again with mass", "3.2",
        "depth of the minimum near 10^12.5 Msun, to the nearer side", True, 0, YES, ("Fig. 1",),
        depth_of_minimum,
    ),
    Claim(
        "Fig. 2", "X-ray maps of massive halos are brightest in Astrid, dimmest in SIMBA", "2.2",
        "smaller step in the log of the total [dex], groups", True, 0, YES, ("Fig. 2",),
        dimmest_step,
    ),
    Claim(
        "Fig. 4", "HI is the slightly better probe of f_cgm", "3.2",
        "R2 of f_cgm, HI minus X-ray, ideal, mean over suites", True, 0, PARTLY, ("Fig. 4",),
        lambda e: explained(e, "f_cgm", ["hi"], "ideal") - explained(e, "f_cgm", ["xray"], "ideal"),
    ),
    Claim(
        "Fig. 5", "Metallicity is inferred best in Astrid", "3.3",
        "RMSE of log Z_cgm, Astrid / best other suite, single ideal fields", False, 1,
        PARTLY, ("Fig. 5",), _suite("Astrid", ["log_z_cgm"], SINGLE, "ideal"),
    ),
    Claim(
        "Fig. 7", "SIMBA has the highest error over all properties", "3.4.1",
        "epsilon of six properties, SIMBA / worst other suite, both with limits", True, 1,
        PARTLY, ("Fig. 7",),
        lambda e: against_others(e, "SIMBA", lambda one: suite_claim(e, one, BOTH, "survey"), True),
    ),
    Claim(
        "Fig. 8", "IllustrisTNG and SIMBA fail on Astrid: negative R2", "3.5",
        "higher R2 of log M_halo of the two, X-ray with limits", False, 0, NO, ("Fig. 8",),
        lambda e: np.maximum(*(
            e.r2(one, "xray", "survey", HALO_MASS, "Astrid") for one in ("IllustrisTNG", "SIMBA")
        )),
    ),
    Claim(
        "Fig. 10", "IllustrisTNG over-predicts M_cgm in SIMBA and under-predicts it in Astrid",
        "3.5", "smaller of the two offsets [dex] below groups, both fields with limits", True, 0,
        PARTLY, ("Fig. 10",),
        lambda e: np.minimum(
            e.offset("IllustrisTNG", BOTH, "survey", "log_m_cgm", "SIMBA", "log_mass < 13"),
            -e.offset("IllustrisTNG", BOTH, "survey", "log_m_cgm", "Astrid", "log_mass < 13"),
        ),
    ),
    Claim(
        "Fig. 11", "X-ray emission climbs with halo mass, HI doesn't in the same way", "2.2",
        "correlation of log M_halo with the log of the total, X-ray minus HI", True, 0,
        PARTLY, ("Fig. 11",),
        lambda e: (
            mass_correlation(e, "xray", "IllustrisTNG") - mass_correlation(e, "hi", "IllustrisTNG")
        ),
    ),
    Claim(
        "Fig. 12", "X-ray totals follow the halo mass in IllustrisTNG and Astrid", "A",
        "lower correlation of log M_halo with the log of the total, X-ray", True, 0.5,
        PARTLY, ("Fig. 12",),
        lambda e: np.min([mass_correlation(e, "xray", s) for s in ("IllustrisTNG", "Astrid")], 0),
    ),
    Claim(
        "Fig. 12", "HI totals hardly follow the halo mass in any suite", "A",
        "highest correlation of log M_halo with the log of the total, HI", False, 0.5,
        PARTLY, ("Fig. 12",),
        lambda e: np.max([mass_correlation(e, "hi", s) for s in ORDER], 0),
    ),
    *(
        Claim(
            item, f"{label} is inferred best in Astrid", "B",
            f"RMSE of {name}, Astrid / best other suite, both fields with limits", False, 1,
            PARTLY, (item,), _suite("Astrid", [name], [BOTH], "survey"),
        )
        for item, name, label in (
            ("Fig. 13", "f_cgm", "The gas fraction"),
            ("Fig. 14", "log_z_cgm", "The metallicity"),
            ("Fig. 16", "log_t_cgm", "The temperature"),
        )
    ),
)  # fmt: skip
"""Statements of the paper about single figures, beyond the claims."""
