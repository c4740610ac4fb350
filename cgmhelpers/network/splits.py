"""Split of the halos into training, validation and test, by halo or by realisation."""

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO
from cgmhelpers.network import checkpoint

PARTS = ("training", "validation", "test")
FRACTIONS = (0.6, 0.2, 0.2)
"""Shares of the parts (Section 2.3 of the paper)."""


def split(table, by="halo", fractions=FRACTIONS, seed=1):
    """Divide halos into training, validation and test parts.

    The result depends on which halos there are and on the seed, not on their order. The three
    projections of a halo always share its part, since the split is made before they are used.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per halo, columns as from :func:`halo_table`.
    by : {"halo", "realisation"}
        ``"halo"`` (the paper's) splits each halo class of each suite by itself, so that the rare
        groups are in all parts; the twin of a training halo, the same halo in another suite with
        the same initial conditions, may be in the test part of that other suite.
        ``"realisation"`` gives whole realisations to the parts, the same ones in every suite, so
        that twins share their part.
    fractions : tuple of float
        Shares of training, validation and test.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    pandas.Series of str
        "training", "validation" or "test", with the index of `table`.

    Raises
    ------
    ParameterError
        If `by` or `fractions` can't be used, a halo appears twice, or a part would be empty.
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
        ordered = table.sort_values([*HALO])
        for stratum, group in ordered.groupby(["suite", "halo_class"]):
            # Its own stream for each stratum: another suite's halos don't change this one's.
            stream = zlib.crc32("/".join(stratum).encode())
            parts[group.index] = _shares(len(group), fractions, [seed, stream])
    elif by == "realisation":
        box = ["set_name", "realisation"]
        boxes = table[box].drop_duplicates().sort_values(box)
        boxes["part"] = _shares(len(boxes), fractions, [seed])
        parts[:] = table[box].merge(boxes, on=box, how="left")["part"].to_numpy()
    else:
        raise ParameterError("Unknown way to split.", found=by, expected='"halo" or "realisation"')
    counts = parts.value_counts().reindex(PARTS, fill_value=0)
    if (counts == 0).any():
        raise ParameterError(
            f"The split by {by} leaves a part without halos.",
            found=counts.to_dict(),
            expected="at least one halo in each part",
            remedy="Use more halos or realisations (at least three), or split by halo.",
        )
    return parts


def _shares(number, fractions, seed):
    """Names of the parts of `number` members, shuffled."""
    edges = np.floor(number * np.cumsum(fractions) + 0.5).astype(int)
    if number >= 3:  # three members or more leave no part empty
        edges[0] = np.clip(edges[0], 1, number - 2)
        edges[1] = np.clip(edges[1], edges[0] + 1, number - 1)
    names = np.repeat(PARTS, np.diff([0, edges[0], edges[1], number]))
    return np.random.default_rng(seed).permutation(names)


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
        A halo, or a realisation, that the network didn't know is in "test" if others of its
        suite, or of its set, were known: it can't have been learnt from.
    """
    known = pd.read_csv(Path(folder) / checkpoint.SPLIT)
    if rule["by"] == "realisation":
        keys = ["set_name", "realisation"]
    else:
        keys = [*HALO]
    parts = table[keys].merge(known[[*keys, "part"]].drop_duplicates(), on=keys, how="left")["part"]
    parts.index = table.index
    if rule["by"] == "halo":
        foreign = ~table["suite"].isin(known["suite"])
        if foreign.any():
            parts[foreign] = split(table[foreign], "halo", rule["fractions"], rule["seed"])
    return parts.fillna("test").to_numpy()
