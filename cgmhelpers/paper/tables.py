"""The tables of the paper, with the numbers of a run beside the printed ones."""

import numpy as np
import pandas as pd

from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.statistics import coverage, metrics

PAPER_REALISATIONS = 27

PAPER_COUNTS = pd.DataFrame(
    {
        "sub_l_star": {"IllustrisTNG": 3450, "SIMBA": 3397, "Astrid": 3262},
        "l_star": {"IllustrisTNG": 1812, "SIMBA": 1534, "Astrid": 1866},
        "group": {"IllustrisTNG": 192, "SIMBA": 170, "Astrid": 218},
    }
)
"""Halos per suite and class in 27 realisations (Gluck et al. 2024, Table 2)."""

PRINTED_SCATTER = {
    "first block": {
        "IllustrisTNG": (0.024, 0.013, 0.127, 0.074),
        "SIMBA": (0.099, 0.094, 0.129, 0.111),
        "Astrid": (0.026, 0.024, 0.038, 0.038),
    },
    "second block": {
        "IllustrisTNG": (0.072, 0.041, 0.078, 0.035),
        "SIMBA": (0.086, 0.060, 0.108, 0.052),
        "Astrid": (0.053, 0.033, 0.042, 0.035),
    },
}
"""Table 3 of the paper, with the scatter in Sub-L*, true and inferred, and in L*, true and
inferred. The names of the two properties are missing in the text that was available here."""

PRINTED_COVERAGES = pd.DataFrame(
    [("Astrid", "xray", 0.783), ("SIMBA", "xray", 0.689), ("SIMBA", "hi", 0.650)],
    columns=["suite_test", "fields", "paper"],
)
"""Share of error bars that overlap perfect inference of the halo mass, ideal maps (Section 3.1)."""

PRINTED_WIDTHS = (12, 24, 48, 96, 192, 384)
"""Channels of the six blocks in Table 4; the output of C52 is printed as 394, a misprint."""


def class_counts(halos, realisations):
    """Count halos of each suite and class, and scale the paper's counts to as many realisations.

    Parameters
    ----------
    halos : pandas.DataFrame
        With columns suite and halo_class.
    realisations : int
        Realisations per suite in `halos`; the paper's counts are scaled from 27 to these.

    Returns
    -------
    pandas.DataFrame
        A row for each suite. Columns have two levels: the class's label, or ``"Total"``; and
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


def table_properties(halos):
    """Make Table 1: the properties, their ranges, and the values of halos.

    Parameters
    ----------
    halos : pandas.DataFrame
        From ``Run.halos``.

    Returns
    -------
    pandas.DataFrame
        A row for each property: property, definition, range (the paper's), found (lowest and
        highest value of the halos) and inside (share of the halos in the range).
    """
    rows = []
    for one in PROPERTIES:
        values = halos[one.name].to_numpy()
        values = values[np.isfinite(values)]
        rows.append(
            {
                "property": one.name,
                "definition": one.definition,
                "range": _range(one.low, one.high),
                "found": _range(values.min(), values.max()),
                "inside": np.mean((values >= one.low) & (values <= one.high)),
            }
        )
    return pd.DataFrame(rows)


def _range(low, high):
    return f"{low:.3g} … {high:.3g}".replace("-", "−")


def table_counts(halos, realisations):
    """Make Table 2: halos per suite and class, beside the paper's for as many realisations.

    Parameters
    ----------
    halos : pandas.DataFrame
        From ``Run.halos``.
    realisations : int
        Realisations per suite.

    Returns
    -------
    pandas.DataFrame
        As from :func:`class_counts`; within each class also ``"deviation"``, the
        difference in units of the square root of the expected number. Halos cluster, so a few
        boxes deviate by more than one such unit.
    """
    counts = class_counts(halos, realisations)
    for kind in dict.fromkeys(counts.columns.get_level_values(0)):
        expected = counts[kind, "paper, scaled"]
        counts[kind, "deviation"] = (counts[kind, "found"] - expected) / np.sqrt(expected)
    return counts.sort_index(axis=1, level=0, sort_remaining=False, key=_KINDS.get_indexer)


def table_scatter(predictions):
    """Make Table 3: scatter at fixed halo mass, of truths and of inferences.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``, of one set of fields and limits, each suite by its own network.

    Returns
    -------
    pandas.DataFrame
        Rows: property and suite. Columns: Sub-L* and L*, each with true, inferred and their
        ratio, as in :func:`printed_scatter`.
    """
    table = metrics.scatter(predictions, ("property", "suite_test", "halo_class"))
    rows = {}
    for one in PROPERTIES[1:]:
        own = table[table["property"] == one.name]
        for suite, found in own.groupby("suite_test", sort=False):
            pairs = found.set_index("halo_class")[["truth", "mean"]].reindex(_CLASSES)
            rows[one.name, suite] = pairs.to_numpy().ravel()
    return _scatter_table(rows, "property")


def printed_scatter():
    """Return Table 3 as the paper prints it, for CAMELS.

    Returns
    -------
    pandas.DataFrame
        As from :func:`table_scatter`, with the two blocks of `PRINTED_SCATTER` in place of the
        properties.
    """
    rows = {
        (block, suite): values
        for block, printed in PRINTED_SCATTER.items()
        for suite, values in printed.items()
    }
    return _scatter_table(rows, "block")


def _scatter_table(rows, level):
    """Tabulate (level, suite) -> true and inferred of each class, and add their ratio."""
    labels = [one.label for one in HALO_CLASSES if one.name in _CLASSES]
    found = pd.DataFrame.from_dict(rows, orient="index", dtype=float)
    found.columns = pd.MultiIndex.from_product([labels, ["true", "inferred"]])
    for label in labels:
        found[label, "ratio"] = found[label, "inferred"] / found[label, "true"]
    found.index = pd.MultiIndex.from_tuples(found.index, names=[level, "suite"])
    return found[pd.MultiIndex.from_product([labels, ["true", "inferred", "ratio"]])]


def table_coverage(predictions):
    """Tabulate coverages of the halo mass from ideal maps beside the three in the paper.

    The paper's networks aren't recalibrated, so the networks' own widths are comparable with it.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``.

    Returns
    -------
    pandas.DataFrame
        A row for each coverage of Section 3.1: suite_test, fields, paper, and for each of
        `cgmhelpers.statistics.coverage.WIDTHS` the coverage of one standard deviation with its
        interval, as text; missing if the run has no such network.
    """
    chosen = predictions[
        (predictions["property"] == "log_m_halo")
        & (predictions["limits"] == "ideal")
        & (predictions["suite_train"] == predictions["suite_test"])
    ]
    table, keys = PRINTED_COVERAGES, ["suite_test", "fields"]
    wanted = chosen.merge(PRINTED_COVERAGES[keys])
    if np.isfinite(wanted["truth"]).any():
        both = coverage.before_and_after(wanted)
        found = coverage.coverages(both, ["width", *keys], [metrics.ONE_SIGMA])
        found = found.assign(text=coverage.quote(found, "coverage"))
        table = table.merge(
            found.pivot(index=keys, columns="width", values="text").reset_index(), how="left"
        )
    return table.reindex(columns=[*keys, "paper", *coverage.WIDTHS])


_CLASSES = ("sub_l_star", "l_star")
_KINDS = pd.Index([*(one.label for one in HALO_CLASSES), "Total"])


def table_layers(network):
    """Make Table 4: convolutions and normalisations of a network, beside the printed ones.

    Parameters
    ----------
    network : MomentNetwork
        The network, read layer by layer.

    Returns
    -------
    pandas.DataFrame
        A row for each layer: layer, type, input, output, kernel, stride, padding, or for
        BatchNorm2d eps, momentum, affine and tracking; and as_printed, true if the paper's table,
        which has one input channel, has the same numbers.
    """
    rows = []
    printed = _printed_layers()
    for name, layer in network.features.named_children():
        kind = type(layer).__name__
        row = {"layer": name, "type": kind}
        if kind == "Conv2d":
            row |= {"input": layer.in_channels, "output": layer.out_channels}
            row |= {key: getattr(layer, f"{key}_size" if key == "kernel" else key)[0]
                    for key in ("kernel", "stride", "padding")}  # fmt: skip
        elif kind == "BatchNorm2d":
            row |= {"input": layer.num_features, "output": layer.num_features, "eps": layer.eps}
            row |= {"momentum": layer.momentum, "affine": layer.affine}
            row |= {"tracking": layer.track_running_stats}
        else:
            continue
        values = {key: value for key, value in row.items() if key not in ("layer", "type")}
        rows.append(row | {"as_printed": values == printed.get(name)})
    return pd.DataFrame(rows)


def _printed_layers():
    """Return Table 4 as printed, without the misprint of C52: layer -> its numbers."""
    shapes = ((3, 1, 1), (3, 1, 1), (2, 2, 0))
    layers, width = {}, 1
    for block, wider in enumerate(PRINTED_WIDTHS):
        for step, (kernel, stride, padding) in enumerate(shapes, 1):
            layers[f"{block}{step}"] = (width, wider, kernel, stride, padding)
            width = wider
    layers[f"{len(PRINTED_WIDTHS)}1"] = (width, 2 * width, 2, 1, 0)
    printed = {}
    for name, (width, wider, kernel, stride, padding) in layers.items():
        sizes = {"input": width, "output": wider}
        printed[f"C{name}"] = sizes | {"kernel": kernel, "stride": stride, "padding": padding}
        printed[f"B{name}"] = {"input": wider, "output": wider, "eps": 1e-5} | {
            "momentum": 0.1, "affine": True, "tracking": True
        }  # fmt: skip
    return printed


def table_functions(network):
    """Make Table 5: layers after the convolutions and other functions, beside the printed ones.

    Parameters
    ----------
    network : MomentNetwork
        The network, read layer by layer.

    Returns
    -------
    pandas.DataFrame
        layer, this network, paper, and as_printed.
    """
    head = dict(network.head.named_children())
    slopes = {
        layer.negative_slope for layer in network.modules() if type(layer).__name__ == "LeakyReLU"
    }
    drops = {layer.p for layer in network.modules() if type(layer).__name__ == "Dropout"}
    linear = {
        name: f"{layer.in_features} to {layer.out_features}, {'no ' * (layer.bias is None)}bias"
        for name, layer in head.items()
        if type(layer).__name__ == "Linear"
    }
    kinds = {type(layer).__name__ for layer in network.modules()}
    rows = [
        ("FC1", linear.get("FC1"), "768 to 384, bias"),
        ("FC2", linear.get("FC2"), "384 to 12, bias"),
        ("Dropout", ", ".join(f"p {p:g}" for p in sorted(drops)), "p 0.3522"),
        ("LeakyReLU", ", ".join(f"slope {s:g}" for s in sorted(slopes)), "slope 0.2"),
    ]
    listed = (("P0", "AvgPool2d", "kernel 2, stride 2"), ("ReLU", "ReLU", ""), ("tanh", "Tanh", ""))
    rows += [
        (name, "used" if kind in kinds else "not used", f"listed {more}".rstrip())
        for name, kind, more in listed
    ]
    table = pd.DataFrame(rows, columns=["layer", "this network", "paper"])
    table["as_printed"] = table["this network"] == table["paper"]
    return table
