"""Measures of statements about the gas: halos and their maps, without networks.

All return arrays of ``1 + draws`` values. `cgmhelpers.errors.ResultError` says that the run lacks
the data.
"""

import itertools

import numpy as np

from cgmhelpers.errors import ResultError
from cgmhelpers.halos.populations import FEW, MASS_EDGES
from cgmhelpers.paper.evidence import weighted_correlation, weighted_mean

ORDER = ("Astrid", "IllustrisTNG", "SIMBA")
"""Suites from weak feedback to strong."""
CLASSES = ("sub_l_star", "l_star", "group")


def of_class(name):
    """Write the condition that chooses a class of halos.

    Parameters
    ----------
    name : str
        Name of the class.

    Returns
    -------
    str
    """
    return f"halo_class == '{name}'"


def brightness(evidence, bright, faint, halo_class, field="xray"):
    """Compute the mean log of map sums in one suite minus that in another.

    Parameters
    ----------
    evidence : Evidence
        The run.
    bright, faint : str
        Suites.
    halo_class : str
        Class of the halos.
    field : str
        Field of the maps.

    Returns
    -------
    array (1 + draws,)
        [dex].
    """
    means = []
    for suite in (bright, faint):
        (total,), weights = evidence.population(suite).take(field, where=of_class(halo_class))
        means.append(weighted_mean(total, weights))
    return means[0] - means[1]


def order_in_bins(evidence, names=("f_cgm", "log_m_cgm", "log_z_cgm")):
    """Return the share of mass bins whose means have the order Astrid, IllustrisTNG, SIMBA.

    Parameters
    ----------
    evidence : Evidence
        The run.
    names : sequence of str
        Properties, with equal weights.

    Returns
    -------
    array (1 + draws,)
    """
    ordered = []
    for name in names:
        for low, high in itertools.pairwise(MASS_EDGES):
            where = f"{low} <= log_mass < {high}"
            counts = [len(evidence.population(one).halos.query(where)) for one in ORDER]
            if min(counts) < FEW:
                continue
            top, middle, bottom = (mean_of(evidence, one, name, where) for one in ORDER)
            ordered.append((top > middle) & (middle > bottom))
    if not ordered:
        raise ResultError(f"too few halos: no bin of mass with {FEW} in each suite")
    return np.mean(ordered, axis=0)


def depth_of_minimum(evidence, name="f_cgm", suite="IllustrisTNG"):
    """Compute how far the mean at 10^12.25-12.75 Msun is below those of both sides.

    Parameters
    ----------
    evidence, name, suite
        As for :func:`mean_of`.

    Returns
    -------
    array (1 + draws,)
        In the property's unit; the smaller of the two differences.
    """
    places = ("log_mass < 12", "12.25 <= log_mass < 12.75", "log_mass >= 13")
    light, middle, heavy = (mean_of(evidence, suite, name, where) for where in places)
    return np.minimum(light, heavy) - middle


def mean_of(evidence, suite, name, where):
    """Average a property of a suite's halos.

    Parameters
    ----------
    evidence : Evidence
        The run.
    suite, name : str
        Suite and property.
    where : str
        Condition on the halos.

    Returns
    -------
    array (1 + draws,)
    """
    (values,), weights = evidence.population(suite).take(name, where=where)
    return weighted_mean(values, weights)


def dimmest_step(evidence):
    """Return the smaller step in X-ray brightness of groups along `ORDER`.

    Parameters
    ----------
    evidence : Evidence
        The run.

    Returns
    -------
    array (1 + draws,)
        [dex].
    """
    steps = [brightness(evidence, a, b, "group") for a, b in itertools.pairwise(ORDER)]
    return np.min(steps, axis=0)


def mass_correlation(evidence, field, suite):
    """Correlate halo mass with the log of the sum of a map.

    Parameters
    ----------
    evidence : Evidence
        The run.
    field, suite : str
        Field and suite of the maps.

    Returns
    -------
    array (1 + draws,)
    """
    (log_mass, total), weights = evidence.population(suite).take("log_mass", field)
    return weighted_correlation(log_mass, total, weights)
