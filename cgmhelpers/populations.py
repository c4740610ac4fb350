"""The halos of several suites side by side: counts, mass function, mean trends, twins."""

import numpy as np
import pandas as pd

from cgmhelpers import map_store
from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.halos import HALO_CLASSES, centres

PAPER_REALISATIONS = 27

PAPER_COUNTS = pd.DataFrame(
    {
        "sub_l_star": {"IllustrisTNG": 3450, "SIMBA": 3397, "Astrid": 3262},
        "l_star": {"IllustrisTNG": 1812, "SIMBA": 1534, "Astrid": 1866},
        "group": {"IllustrisTNG": 192, "SIMBA": 170, "Astrid": 218},
    }
)
"""Halos per suite and class in 27 realisations (Gluck et al. 2024, Table 2)."""

MASS_EDGES = np.arange(11.5, 14.51, 0.25)
"""Edges of the bins in log10 halo mass of means and scatters."""

FEW = 10
"""Fewest halos from which a mean and a scatter are quoted."""


def class_counts(halos, realisations):
    """Halos per suite and class, beside the paper's counts for as many realisations (Table 2).

    Parameters
    ----------
    halos : pandas.DataFrame
        With columns suite and halo_class.
    realisations : int
        Realisations per suite in `halos`; the paper's counts are scaled from 27 to these.

    Returns
    -------
    pandas.DataFrame
        One row a suite. Columns have two levels: the class's label, or ``"Total"``; and
        ``"found"`` (int) or ``"paper, scaled"`` (NaN for a suite that isn't in the paper).
    """
    found = halos.groupby(["suite", "halo_class"], sort=False).size().unstack(fill_value=0)
    suites = list(dict.fromkeys(halos["suite"]))
    names = [one.name for one in HALO_CLASSES]
    found = found.reindex(index=suites, columns=names, fill_value=0)
    paper = PAPER_COUNTS.reindex(suites)[names] * realisations / PAPER_REALISATIONS
    columns = {}
    for one in HALO_CLASSES:
        columns[(one.label, "found")] = found[one.name]
        columns[(one.label, "paper, scaled")] = paper[one.name].round(1)
    columns[("Total", "found")] = found.sum(axis=1)
    columns[("Total", "paper, scaled")] = paper.sum(axis=1, min_count=1).round(1)
    return pd.DataFrame(columns).rename_axis(index="suite")


def mass_function(log_mass, volume, edges=MASS_EDGES):
    """Number density of halos per decade of mass.

    Parameters
    ----------
    log_mass : array_like, shape (H,)
        log10 of the halo mass [Msun].
    volume : float
        Volume that the halos are from [Mpc^3].
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
    """Mass function of the CV set's cosmology after Tinker et al. (2008), by colossus.

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

    from cgmhelpers.mock.cosmology import colossus_cosmology

    with colossus_cosmology() as cosmology:
        h = cosmology.H0 / 100
        mass = 10 ** np.asarray(log_mass, dtype=float) * h  # colossus wants Msun/h
        per_log = colossus.massFunction(
            mass, redshift, mdef="200c", model="tinker08", q_in="M", q_out="dndlnM"
        )
    return per_log * h**3 * np.log(10)


def trend(halos, name, edges=MASS_EDGES, few=FEW):
    """Mean and scatter of a property against halo mass, suite by suite.

    Parameters
    ----------
    halos : pandas.DataFrame
        With columns suite, log_mass and `name`.
    name : str
        Column to average; values that aren't finite are left out.
    edges : array_like
        Edges of the bins in log10 halo mass.
    few : int
        Bins with fewer halos are left out.

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
    """Order of the suites in every bin of halo mass.

    Parameters
    ----------
    trends : pandas.DataFrame
        From :func:`trend`.
    column : str
        What to rank by, the highest first.

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
    """In how many bins of halo mass an order of the suites holds, property by property.

    Parameters
    ----------
    halos : pandas.DataFrame
        As for :func:`trend`.
    expected : sequence of str
        Suites, the highest first; those that `halos` lacks are left out.
    names : sequence of str
        Properties.
    **options
        Of :func:`trend`.

    Returns
    -------
    pandas.DataFrame
        One row a property: bins (that every suite has), as_expected (bins in that order),
        most_frequent (order). No bins, no order: None.
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


def twins(halos, halo, box_size):
    """The same halo in every suite: the nearest of similar mass in the same realisation.

    Suites share their initial conditions, so a halo forms at nearly the same place in each.

    Parameters
    ----------
    halos : pandas.DataFrame
        Halos of all suites.
    halo : pandas.Series
        A row of `halos`.
    box_size : float
        Side of the periodic box [kpc].

    Returns
    -------
    pandas.DataFrame
        One row a suite, in the order of `halos`, with a column distance [kpc]; `halo` itself is
        among them.

    Raises
    ------
    ResultError
        If a suite has no halo of a mass within a factor of two in that realisation.
    """
    same = halos[
        (halos["set_name"] == halo["set_name"])
        & (halos["realisation"] == halo["realisation"])
        & (np.abs(halos["log_mass"] - halo["log_mass"]) < np.log10(2))
    ]
    step = centres(same) - halo[["x", "y", "z"]].to_numpy(dtype=float)
    step -= box_size * np.round(step / box_size)
    same = same.assign(distance=np.sqrt((step**2).sum(axis=1)))
    suites = list(dict.fromkeys(halos["suite"]))
    missing = sorted(set(suites) - set(same["suite"]))
    if missing:
        raise ResultError(
            "The halo has no twin in every suite.",
            found=f"none of a similar mass in {missing}, realisation {halo['realisation']}",
            remedy="Choose another halo, or suites that share initial conditions.",
        )
    nearest = same.loc[same.groupby("suite")["distance"].idxmin()]
    return nearest.set_index("suite", drop=False).loc[suites].reset_index(drop=True)


def maps_of(dataset, halo):
    """Take the maps of one halo out of a data set of maps.

    Parameters
    ----------
    dataset : xarray.Dataset
        From ``maps.open``.
    halo : pandas.Series
        A row of ``Run.halos``.

    Returns
    -------
    xarray.Dataset
        Without the halo dimension.

    Raises
    ------
    ResultError
        If the data set doesn't have the halo, or has it twice.
    """
    identifier = ("suite", "set_name", "realisation", "group")
    same = np.all([dataset[key].values == halo[key] for key in identifier], axis=0)
    if same.sum() != 1:
        raise ResultError(
            "The maps don't have this halo once.",
            found=f"{same.sum()} times {halo[list(identifier)].to_dict()}",
            remedy="Open the stores of the halo's suite, each once.",
        )
    return dataset.isel(halo=int(np.flatnonzero(same)[0]))


def map_totals(dataset, axis="x"):
    """Add up the pixels of every map along one line of sight.

    Parameters
    ----------
    dataset : xarray.Dataset
        From ``maps.open``.
    axis : {"x", "y", "z"}
        Line of sight.

    Returns
    -------
    pandas.DataFrame
        One row a halo: suite, realisation, group, log_mass, halo_class, and for each field the
        sum of the pixels in the field's unit.
    """
    columns = ("suite", "realisation", "group", "log_mass", "halo_class")
    table = pd.DataFrame({name: dataset[name].values for name in columns})
    totals = dataset["image"].sel(axis=axis).sum(("y", "x"), dtype=np.float64)
    for name in dataset["field"].values:
        table[str(name)] = totals.sel(field=name).values
    return table


def mass_from_total(totals, fields):
    """How well a straight line from the log of a map's sum gives the halo mass.

    Parameters
    ----------
    totals : pandas.DataFrame
        From :func:`map_totals`, of one or several suites.
    fields : sequence of str
        Columns of `totals`; halos whose sum is zero don't count.

    Returns
    -------
    pandas.DataFrame
        One row per suite and field: n, correlation (Pearson, of the logarithms), scatter of
        log10 mass about the linear fit, and scatter_of_mass about the mean [dex].
    """
    rows = []
    for suite, own in totals.groupby("suite", sort=False):
        for name in fields:
            used = own[own[name] > 0]
            total, log_mass = np.log10(used[name]), used["log_mass"]
            fit = np.polynomial.Polynomial.fit(total, log_mass, 1)
            rows.append(
                {
                    "suite": suite,
                    "field": name,
                    "n": len(used),
                    "correlation": np.corrcoef(total, log_mass)[0, 1],
                    "scatter": float(np.std(log_mass - fit(total))),
                    "scatter_of_mass": float(np.std(log_mass)),
                }
            )
    return pd.DataFrame(rows)


def suite_totals(stores, axis="x"):
    """Add up the pixels of every map of every suite.

    Parameters
    ----------
    stores : dict of str to list of paths
        From ``Run.maps``.
    axis : {"x", "y", "z"}
        Line of sight.

    Returns
    -------
    pandas.DataFrame
        The tables of :func:`map_totals`, suite after suite.
    """
    tables = [map_totals(map_store.open(paths), axis) for paths in stores.values()]
    return pd.concat(tables, ignore_index=True)
