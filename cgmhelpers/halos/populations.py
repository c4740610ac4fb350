"""Populations of halos: mass functions, trends with mass, and the order of suites."""

import numpy as np
import pandas as pd

from cgmhelpers.errors import ParameterError

MASS_EDGES = np.arange(11.5, 14.51, 0.25)
"""Edges of the bins in log10 halo mass."""

FEW = 10
"""Fewest halos of a mean and a scatter."""


def mass_function(log_mass, volume, edges=MASS_EDGES):
    """Measure the number density of halos per decade of mass.

    Parameters
    ----------
    log_mass : array_like, shape (H,)
        log10 of the halo mass [Msun].
    volume : float
        Volume of the halos [Mpc^3].
    edges : array_like, shape (B + 1,)
        Edges of the bins in log10 mass.

    Returns
    -------
    pandas.DataFrame, B rows
        log_mass (middle of the bin), n (halos), density [Mpc^-3 dex^-1] and error, its Poisson
        uncertainty.
    """
    number, edges = np.histogram(log_mass, edges)
    per_halo = 1 / (volume * np.diff(edges))
    return pd.DataFrame(
        {
            "log_mass": 0.5 * (edges[1:] + edges[:-1]),
            "n": number,
            "density": number * per_halo,
            "error": np.sqrt(number) * per_halo,
        }
    )


def expected_mass_function(log_mass, redshift=0.0):
    """Return the mass function of the CV set's cosmology after Tinker et al. (2008), by Colossus.

    Parameters
    ----------
    log_mass : array_like, shape (N,)
        log10 M200c [Msun].
    redshift : float
        Redshift.

    Returns
    -------
    ndarray, shape (N,)
        Number density per decade of mass [Mpc^-3 dex^-1], comoving.
    """
    from colossus.lss import mass_function as colossus

    from cgmhelpers.halos.cosmology import colossus_cosmology

    with colossus_cosmology() as cosmology:
        h = cosmology.H0 / 100
        mass = 10 ** np.asarray(log_mass, dtype=float) * h  # Colossus takes Msun/h
        per_log = colossus.massFunction(
            mass, redshift, mdef="200c", model="tinker08", q_in="M", q_out="dndlnM"
        )
    return per_log * h**3 * np.log(10)


def trend(halos, name, edges=MASS_EDGES, few=FEW):
    """Measure mean and scatter of a property in bins of halo mass, for each suite.

    Parameters
    ----------
    halos : pandas.DataFrame
        Table with columns suite, log_mass and `name`.
    name : str
        Column to average; values that aren't finite don't count.
    edges : array_like
        Edges of the bins in log10 halo mass.
    few : int
        Fewest halos of a bin.

    Returns
    -------
    pandas.DataFrame
        suite, log_mass (mean of the bin's halos), n, mean, low and high (16th and 84th
        percentile), and bin (its number, the same for all suites).
    """
    missing = {"suite", "log_mass", name} - set(halos.columns)
    if missing:
        raise ParameterError(
            "The table of halos lacks columns.", found=list(halos.columns), expected=missing
        )
    table = halos[["suite", "log_mass"]].assign(value=halos[name])
    table = table[np.isfinite(table["value"])]
    table["bin"] = np.digitize(table["log_mass"], edges) - 1
    table = table[table["bin"].between(0, len(edges) - 2)]
    groups = table.groupby(["suite", "bin"], sort=False)
    found = groups.agg(log_mass=("log_mass", "mean"), n=("value", "size"), mean=("value", "mean"))
    found["low"] = groups["value"].quantile(0.16)
    found["high"] = groups["value"].quantile(0.84)
    found = found[found["n"] >= few].reset_index()
    return found.sort_values(["suite", "bin"]).reset_index(drop=True)


def ranking(trends, column="mean"):
    """Order the suites in every bin of halo mass.

    Parameters
    ----------
    trends : pandas.DataFrame
        From :func:`trend`.
    column : str
        Column to rank by, the highest first.

    Returns
    -------
    pandas.DataFrame
        Indexed by bin: log_mass (mean over the suites) and order, such as
        ``"Astrid > IllustrisTNG > SIMBA"``, for the bins that every suite has.
    """
    wide = trends.pivot(index="bin", columns="suite", values=column).dropna()
    order = [" > ".join(row.sort_values(ascending=False).index) for _, row in wide.iterrows()]
    log_mass = trends.groupby("bin")["log_mass"].mean().reindex(wide.index)
    return pd.DataFrame({"log_mass": log_mass, "order": order}, index=wide.index)


def verdicts(halos, expected, names, **options):
    """Count the bins of halo mass in which an order of the suites holds, for each property.

    Parameters
    ----------
    halos : pandas.DataFrame
        As for :func:`trend`.
    expected : sequence of str
        Suites, the highest first; suites that `halos` lacks don't count.
    names : sequence of str
        Properties.
    **options
        Arguments of :func:`trend`.

    Returns
    -------
    pandas.DataFrame
        A row for each property: bins (of all suites), as_expected (bins in that order),
        most_frequent (the order; None without bins).
    """
    suites = [suite for suite in expected if suite in set(halos["suite"])]
    wanted = " > ".join(suites)
    rows = []
    for name in names:
        orders = ranking(trend(halos[halos["suite"].isin(suites)], name, **options))["order"]
        rows.append(
            {
                "property": name,
                "bins": len(orders),
                "as_expected": int((orders == wanted).sum()),
                "most_frequent": orders.mode().iloc[0] if len(orders) else None,
            }
        )
    return pd.DataFrame(rows)
