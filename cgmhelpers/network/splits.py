"""Split of the halos into training, validation and test: by halo, realisation or seed."""

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.halos.classes import HALO
from cgmhelpers.network import checkpoint
from cgmhelpers.simulations.sets import UNKNOWN_SEED, published_seed

PARTS = ("training", "validation", "test")
FRACTIONS = (0.6, 0.2, 0.2)
"""Shares of the parts (Section 2.3 of the paper)."""


BY = ("halo", "realisation", "seed")
"""Ways to split."""

_BOX = ["set_name", "realisation"]


def split(table, by="halo", fractions=FRACTIONS, seed=1):
    """Divide halos into training, validation and test parts.

    The result depends on which halos there are and on the seed, not on their order. The three
    projections of a halo always share its part, since the split is made before they are used.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per halo, columns as from :func:`cgmhelpers.network.samples.halo_table`. A column
        ``seed`` tells the seed of the initial conditions, `UNKNOWN_SEED` if nothing tells it.
    by : {"halo", "realisation", "seed"}
        ``"halo"`` (the paper's) splits each halo class of each suite by itself, so that the rare
        groups are in all parts; the twin of a training halo, the same halo in another simulation
        with the same initial conditions, may be in the test part.

        ``"seed"`` gives all simulations with the same initial conditions, whichever their suites,
        sets and numbers, to the same part, so that twins share it. This is the finest split
        without twins on both sides.

        ``"realisation"`` gives simulations of the same set and number in every suite to the same
        part, and joins those of them that share a seed. It needs no seeds; with them, twins share
        their part here as well.
    fractions : tuple of float
        Shares of training, validation and test: of the halos, or of the groups that share a part.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    pandas.Series of str
        "training", "validation" or "test", with the index of `table`.

    Raises
    ------
    ParameterError
        If `by` or `fractions` can't be used, a halo appears twice, a seed isn't known, or a part
        would be empty.
    """
    fractions = np.asarray(fractions, dtype=float)
    if fractions.shape != (3,) or (fractions <= 0).any() or not np.isclose(fractions.sum(), 1):
        raise ParameterError(
            "The fractions of the split can't be used.", found=fractions.tolist(),
            expected="three positive shares that add up to 1",
        )  # fmt: skip
    if table.duplicated([*HALO]).any():
        raise ParameterError(
            "A halo appears twice in the table.",
            found=table[table.duplicated([*HALO])][[*HALO]].iloc[0].to_dict(),
            remedy="Give each map store once.",
        )
    parts = pd.Series("", index=table.index, dtype=object, name="part")
    if by == "halo":
        ordered = table.sort_values([*HALO], key=_sortable)
        for stratum, group in ordered.groupby(["suite", "halo_class"]):
            # Its own stream for each stratum: another suite's halos don't change this one's.
            stream = zlib.crc32("/".join(stratum).encode())
            parts[group.index] = _shares(len(group), fractions, [seed, stream])
    else:
        check_known([by], BY, "Unknown way to split.")
        together = together_in(table, by)
        parts[:] = _shares(together.max() + 1, fractions, [seed])[together]
    counts = parts.value_counts().reindex(PARTS, fill_value=0)
    if (counts == 0).any():
        raise ParameterError(
            f"The split by {by} leaves a part without halos.",
            found=counts.to_dict()
            | ({} if by == "halo" else {"initial conditions": int(together.max() + 1)}),
            expected="at least one halo in each part",
            remedy="Use more halos, and simulations of at least three initial conditions (those of "
            "the sets 1P, BE and EX share theirs), or split by halo.",
        )
    return parts


def together_in(table, by):
    """Number the groups of halos that share a part in a split by realisation or by seed.

    Parameters
    ----------
    table : pandas.DataFrame, H rows
        As for `split`.
    by : {"realisation", "seed"}
        As for `split`.

    Returns
    -------
    ndarray of int, shape (H,)
        0, 1, ... in the order of sets and realisations, or of seeds.

    Raises
    ------
    ParameterError
        If the split is by seed, and one isn't known.
    """
    seed = _seeds(table)
    if by == "seed":
        unknown = seed == UNKNOWN_SEED
        if unknown.any():
            first = table[unknown.to_numpy()].iloc[0]
            raise ParameterError(
                "The seed of the initial conditions isn't known for all halos.",
                found=f"{unknown.sum()} of {len(table)} halos without, such as those of "
                f"{first['suite']} {first['set_name']}_{first['realisation']}",
                expected="a table of the set's parameters and seeds in the data root",
                remedy="Download the table (cgm files lists it) and make the maps again, or split "
                "by realisation.",
            )
        return pd.factorize(seed, sort=True)[0]
    boxes = table[_BOX].assign(seed=seed).drop_duplicates()
    boxes = boxes.sort_values(_BOX, key=_sortable)
    box = pd.Series(boxes.groupby(_BOX, sort=False).ngroup().to_numpy(), index=boxes.index)
    known = boxes["seed"] != UNKNOWN_SEED
    joined = box.copy()
    while True:  # each takes the lowest number among those of its seed, then of its box
        lowest = joined.copy()
        lowest[known] = joined[known].groupby(boxes["seed"][known]).transform("min")
        lowest = lowest.groupby(box).transform("min")
        if (lowest == joined).all():
            break
        joined = lowest
    numbers = boxes[_BOX].assign(number=pd.factorize(joined)[0]).drop_duplicates(_BOX)
    return table[_BOX].merge(numbers, on=_BOX, how="left")["number"].to_numpy()


def twins_of_simulations(table):
    """Name simulations that share initial conditions: a split by halo parts their twins.

    Parameters
    ----------
    table : pandas.DataFrame
        As for `split`.

    Returns
    -------
    list of str
        Two of them, such as "SIMBA CV_0"; empty if there are none.
    """
    boxes = table[["suite", *_BOX]].assign(seed=_seeds(table)).drop_duplicates()
    boxes = boxes[boxes["seed"] != UNKNOWN_SEED]
    shared = boxes[boxes.duplicated("seed", keep=False)].sort_values("seed", kind="stable")
    return [f"{one.suite} {one.set_name}_{one.realisation}" for one in shared[:2].itertuples()]


def _sortable(column):
    """Realisations as text that sorts as they do: 2 before 10, numbers before names."""
    if column.name != "realisation":
        return column
    return column.map(lambda one: f"{int(one):09d}" if str(one).isdigit() else f"p{one}")


def _seeds(table):
    """Seeds of the halos; those of tables without the column are of CAMELS' rules."""
    if "seed" in table:
        return table["seed"]
    rows = table[["suite", *_BOX]].itertuples(index=False)
    return pd.Series([published_seed(*row) for row in rows], index=table.index, dtype=int)


def _shares(number, fractions, seed):
    """Names of the parts of `number` members, shuffled."""
    edges = np.floor(number * np.cumsum(fractions) + 0.5).astype(int)
    if number >= 3:  # three members or more leave no part empty
        edges[0] = np.clip(edges[0], 1, number - 2)
        edges[1] = np.clip(edges[1], edges[0] + 1, number - 1)
    names = np.repeat(PARTS, np.diff([0, edges[0], edges[1], number]))
    return np.random.default_rng(seed).permutation(names)


def known_parts(table, known, by):
    """Look up the parts of halos in a split that was made before.

    Parameters
    ----------
    table, known : pandas.DataFrame
        Halos, and those that were split, with their ``part``.
    by : {"halo", "realisation", "seed"}
        How they were split.

    Returns
    -------
    pandas.Series of str
        With the index of `table`; NaN for halos that share nothing with those that were split.
    """

    def _looked_up(columns):
        wanted = table.assign(seed=_seeds(table))[columns].astype(str)
        listed = known.assign(seed=_seeds(known))
        listed = listed[listed["seed"] != UNKNOWN_SEED] if "seed" in columns else listed
        listed = listed[[*columns, "part"]].astype(dict.fromkeys(columns, str))
        parts = wanted.merge(listed.drop_duplicates(columns), on=columns, how="left")["part"]
        return parts.set_axis(table.index)

    if by == "halo":
        return _looked_up([*HALO])
    parts = _looked_up(["seed"])
    return parts if by == "seed" else parts.fillna(_looked_up(_BOX))


def assign_parts(table, folder, rule):
    """The part of each halo of a table for a trained network.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`cgmhelpers.network.samples.halo_table`.
    folder : path
        Of the network; its ``split.csv`` remembers the halos that it was trained with.
    rule : dict
        ``by`` and ``seed`` of the network's split.

    Returns
    -------
    ndarray of str
        A halo that shares neither itself, nor its seed or realisation, with those that the network
        was trained with is in "test": it can't have been learnt from. In a split by halo this
        holds within a suite; halos of other suites are split by themselves.
    """
    known = pd.read_csv(Path(folder) / checkpoint.SPLIT)
    parts = known_parts(table, known, rule["by"])
    if rule["by"] == "halo":
        foreign = ~table["suite"].isin(known["suite"])
        if foreign.any():
            parts[foreign] = split(table[foreign], "halo", rule["fractions"], rule["seed"])
    return parts.fillna("test").to_numpy()
