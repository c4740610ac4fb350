"""Measures of statements about the inferences of networks.

All return arrays of ``1 + draws`` values. `cgmhelpers.errors.ResultError` says that the run lacks
the data.
"""

import numpy as np
from scipy.stats import gmean

from cgmhelpers.errors import ResultError
from cgmhelpers.halos.properties import NAMES, PROPERTIES
from cgmhelpers.paper.gas_measures import CLASSES, brightness, of_class
from cgmhelpers.statistics.transfer import elsewhere

SINGLE, BOTH = ("xray", "hi"), "xray+hi"
HALO_MASS = "log_m_halo"


def explained(evidence, name, fields, limits, where=None, suites=None):
    """Average R2 of a property over suites and inputs.

    Parameters
    ----------
    evidence : Evidence
        The run.
    name : str
        Property.
    fields : sequence of str
        Inputs.
    limits : str
        Limits of the maps.
    where : str, optional
        Condition on the halos.
    suites : sequence of str, optional
        All suites of the run by default.

    Returns
    -------
    array (1 + draws,)
    """
    values = [
        evidence.r2(suite, one, limits, name, where=where)
        for suite in suites or evidence.suites
        for one in fields
    ]
    return np.mean(values, axis=0)


def suite_claim(evidence, suite, fields, limits):
    """Average the relative error that a network claims over the properties (Fig. 7).

    Parameters
    ----------
    evidence : Evidence
        The run.
    suite, fields, limits : str
        The network, in its own suite.

    Returns
    -------
    array (1 + draws,)
    """
    errors = [evidence.relative_error(suite, fields, limits, name) for name in NAMES]
    return gmean(errors, axis=0)


def suite_error(evidence, suite, names, fields, limits):
    """Average RMSE in units of the range over properties and inputs.

    Parameters
    ----------
    evidence : Evidence
        The run.
    suite : str
        Suite of training and test.
    names : sequence of str
        Properties.
    fields, limits
        As for :func:`explained`.

    Returns
    -------
    array (1 + draws,)
    """
    span = {one.name: one.high - one.low for one in PROPERTIES}
    errors = [
        evidence.rmse(suite, one, limits, name) / span[name] for name in names for one in fields
    ]
    return gmean(errors, axis=0)


def against_others(evidence, suite, measure, worst=False):
    """Divide a number of a suite by the best, or the worst, of the others.

    Parameters
    ----------
    evidence : Evidence
        The run.
    suite : str
        The suite.
    measure : callable
        ``measure(suite)`` returns an array (1 + draws,); small is good.
    worst : bool
        Compare with the largest of the others.

    Returns
    -------
    array (1 + draws,)
        Below 1 if the suite is better, above 1 for `worst` if it is worse, than all others.
    """
    others = [measure(one) for one in evidence.suites if one != suite]
    if suite not in evidence.suites or len(others) < 2:
        raise ResultError(f"{suite} has to be compared with two other suites")
    return measure(suite) / (np.max if worst else np.min)(others, axis=0)


def gain(error, suite, limits, halo_class):
    """Divide the error of the halo mass with the better of two fields by that with both.

    Parameters
    ----------
    error : callable
        ``Evidence.rmse``, or ``Evidence.relative_error`` for what networks claim.
    suite, limits, halo_class : str
        The networks and the halos.

    Returns
    -------
    array (1 + draws,)
        Above 1 if both fields are better than either.
    """
    where = of_class(halo_class)
    single = [error(suite, one, limits, HALO_MASS, where=where) for one in SINGLE]
    return np.min(single, axis=0) / error(suite, BOTH, limits, HALO_MASS, where=where)


def gain_most_for_l_star(evidence):
    """Divide the claimed gain of L* halos by the larger one of the other classes.

    Parameters
    ----------
    evidence : Evidence
        The run.

    Returns
    -------
    array (1 + draws,)
    """
    gains = {one: gain(evidence.relative_error, "IllustrisTNG", "survey", one) for one in CLASSES}
    return gains["l_star"] / np.maximum(gains["sub_l_star"], gains["group"])


def harder(evidence, names, easy, fields, limits):
    """Compute how far R2 of the easiest of some properties is below that of others.

    Parameters
    ----------
    evidence : Evidence
        The run.
    names : sequence of str
        The hard properties.
    easy : sequence of str
        The easier properties; the lowest R2 of them counts.
    fields, limits
        As for :func:`explained`.

    Returns
    -------
    array (1 + draws,)
    """
    hard = [explained(evidence, name, fields, limits) for name in names]
    rest = [explained(evidence, name, fields, limits) for name in easy]
    return np.min(rest, axis=0) - np.max(hard, axis=0)


def pairs(evidence):
    """List the pairs of different suites.

    Parameters
    ----------
    evidence : Evidence
        The run.

    Returns
    -------
    list of tuple of str
        Suites of training and test.

    Raises
    ------
    ResultError
        If there is only one suite.
    """
    found = [(a, b) for a in evidence.suites for b in evidence.suites if a != b]
    if not found:
        raise ResultError("the run has only one suite")
    return found


def correlation_elsewhere(evidence, name=HALO_MASS, fields=BOTH, limits="survey"):
    """Average the rank correlation of truth and inference over pairs of different suites.

    Parameters
    ----------
    evidence : Evidence
        The run.
    name, fields, limits : str
        Property, input and limits.

    Returns
    -------
    array (1 + draws,)
    """
    values = [evidence.correlation(a, fields, limits, name, b) for a, b in pairs(evidence)]
    return np.mean(values, axis=0)


def offset_along_brightness(evidence, name=HALO_MASS, fields=BOTH, limits="survey"):
    """Average offsets in brighter and in dimmer suites, and return the smaller of the two.

    Parameters
    ----------
    evidence, name, fields, limits
        As for :func:`correlation_elsewhere`.

    Returns
    -------
    array (1 + draws,)
        In the property's unit, positive if it has the sign of the brightness: averaged over the
        pairs whose test suite is the brighter one, and over those in which it is the dimmer one.
    """
    values = {1: [], -1: []}
    for train, test in pairs(evidence):
        brighter = np.mean([brightness(evidence, test, train, one)[0] for one in CLASSES])
        sign = 1 if brighter > 0 else -1
        values[sign].append(sign * evidence.offset(train, fields, limits, name, test))
    return np.minimum(*(np.mean(one, axis=0) for one in values.values()))


def error_elsewhere(evidence, suite, fields, limits="survey", name=HALO_MASS):
    """Average the RMSE of a suite's network over the other suites.

    Parameters
    ----------
    evidence : Evidence
        The run.
    suite, fields, limits : str
        The network.
    name : str
        Property.

    Returns
    -------
    array (1 + draws,)
        As from :func:`cgmhelpers.statistics.transfer.elsewhere`.
    """
    others = [b for a, b in pairs(evidence) if a == suite]
    return elsewhere([evidence.rmse(suite, fields, limits, name, test) for test in others])


def second_field_elsewhere(evidence):
    """Divide the error elsewhere with both fields by that with X-rays alone, limited maps.

    Parameters
    ----------
    evidence : Evidence
        The run.

    Returns
    -------
    array (1 + draws,)
        Geometric mean over the suites of the training.
    """
    ratios = [
        error_elsewhere(evidence, suite, BOTH) / error_elsewhere(evidence, suite, "xray")
        for suite in evidence.suites
    ]
    return gmean(ratios, axis=0)


def scatter_ratios(evidence, fields=BOTH, limits="ideal"):
    """Divide inferred by true scatter at fixed mass, for all cases of Table 3.

    Parameters
    ----------
    evidence : Evidence
        The run.
    fields, limits : str
        Input and limits.

    Returns
    -------
    array (cases, 1 + draws)
        The cases are all properties but the mass, all suites, Sub-L* and L*.
    """
    return np.array(
        [
            evidence.scatter_ratio(suite, fields, limits, name, of_class(one))
            for suite in evidence.suites
            for name in NAMES
            if name != HALO_MASS
            for one in CLASSES[:2]
        ]
    )


def line_against_network(evidence):
    """Divide the RMSE of the halo mass by a line in log total by that of the network.

    Parameters
    ----------
    evidence : Evidence
        The run.

    Returns
    -------
    array (1 + draws,)
        Geometric mean over the suites, ideal maps, for the field with the better line.
    """
    ratios = []
    for field in SINGLE:
        of_suites = []
        for suite in evidence.suites:
            network = (suite, field, "ideal", HALO_MASS)
            (truth, line, mean), weights = evidence.tested[suite].take(
                HALO_MASS, ("line", field), network
            )
            squares = [weights @ (one - truth) ** 2 for one in (line, mean)]
            of_suites.append(np.sqrt(squares[0] / squares[1]))
        ratios.append(gmean(of_suites, axis=0))
    return np.min(ratios, axis=0)
