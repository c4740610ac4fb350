"""What not to trust: halos unlike the training's, errors of a wrong size, unfinished networks.

A network answers every map, also one like none that it has seen. Each prediction is held against
what its network learnt from, and each network against what it claims of itself; what doesn't hold
comes out as a table.
"""

import numpy as np
import pandas as pd

from cgmhelpers import checkpoint, dataset, inference, statistics
from cgmhelpers.errors import ParameterError
from cgmhelpers.scaling import HALOS_AT_ONCE

QUANTILES = {"median": 0.5, "bright": 0.99}
COVERAGE = (statistics.ONE_SIGMA - 0.1, statistics.ONE_SIGMA + 0.1)
"""Coverage of one sigma that passes, but for the noise of few halos."""
CHI2 = (0.5, 2.0)
SHARE = 0.05
"""Share of halos outside of the training's range that passes: a range has two ends."""
LATE = 0.1
"""Last part of a training, in which it should gain no more than half of this share."""


def map_statistics(ds):
    """Total, median and bright end of every map, along the line of sight of the tests.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`cgmhelpers.dataset.load`.

    Returns
    -------
    pandas.DataFrame
        One row a halo, log10 in the field's unit; columns like ``"xray total"`` (mean over the
        pixels), ``"xray median"`` and ``"xray bright"`` (99th percentile of the pixels).
    """
    images, parts = ds["image"].sel(axis=dataset.EVALUATION_AXIS), []
    for start in range(0, ds.sizes["halo"], HALOS_AT_ONCE):
        pixels = images.isel(halo=slice(start, start + HALOS_AT_ONCE)).values
        pixels = pixels.reshape(*pixels.shape[:2], -1)  # (halo, field, pixel)
        found = [pixels.mean(axis=-1, dtype=np.float64)]
        found += [np.quantile(pixels, level, axis=-1) for level in QUANTILES.values()]
        parts.append(np.log10(np.stack(found, axis=-1)).reshape(len(pixels), -1))
    names = [f"{name} {one}" for name in ds["field"].values for one in ("total", *QUANTILES)]
    return pd.DataFrame(np.concatenate(parts), columns=names)


def flag(predictions, folders, stores):
    """Mark predictions for halos unlike those that the network was trained with.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.predict`, of the networks in `folders`.
    folders : sequence of path
        Of networks with the same limits and size.
    stores : dict of str to list of path
        Suite -> map stores.

    Returns
    -------
    pandas.DataFrame
        `predictions` with two more columns: ``unlike``, the map statistics (`map_statistics`)
        that lie outside the range of the network's training halos, joined by commas; and
        ``beyond``, whether the inferred mean lies outside the range of the property there.

    Raises
    ------
    ParameterError
        If the networks differ in limits or size, or there is none.
    """
    networks = [(folder, checkpoint.read_description(folder)) for folder in folders]
    kinds = {(one["limits"], one["network"]["size"]) for _, one in networks}
    if len(kinds) != 1:
        raise ParameterError(
            "These networks don't see the same maps.",
            found=f"limits and sizes {sorted(kinds)}",
            expected="one limit and one size",
        )
    fields = list(dict.fromkeys(name for _, one in networks for name in one["fields"]))
    maps = [dataset.load(paths, fields, *next(iter(kinds))) for paths in stores.values()]
    halos = pd.concat([dataset.halo_table(ds) for ds in maps], ignore_index=True)
    measured = pd.concat([map_statistics(ds) for ds in maps], ignore_index=True)
    truth = pd.concat([ds["properties"].to_pandas() for ds in maps], ignore_index=True)
    flagged = [
        _flag_one(predictions, folder, one, halos, measured, truth) for folder, one in networks
    ]
    return pd.concat(flagged, ignore_index=True)


def _flag_one(predictions, folder, description, halos, measured, truth):
    suites, fields = description["suite_train"].split("+"), description["fields"]
    part = inference.assign_parts(halos, folder, description["split"])
    learnt = (halos["suite"].isin(suites) & (part == "training")).to_numpy()
    measured = measured[[name for name in measured if name.split()[0] in fields]]
    low, high = measured[learnt].min(), measured[learnt].max()
    outside = (measured < low) | (measured > high)
    names = np.array(measured.columns, dtype=object)
    unlike = halos[dataset.IDENTIFIER].assign(
        unlike=[", ".join(names[row]) for row in outside.to_numpy()]
    )
    own = predictions[
        (predictions["suite_train"] == description["suite_train"])
        & (predictions["fields"] == "+".join(fields))
        & (predictions["limits"] == description["limits"])
    ]
    own = own.merge(unlike, on=dataset.IDENTIFIER, how="left", validate="many_to_one")
    ranges = truth[learnt].agg(["min", "max"])
    least, most = (own["property"].map(ranges.loc[end]) for end in ("min", "max"))
    return own.assign(beyond=~own["mean"].between(least, most))


def progress(history):
    """How much of its whole gain a training made in its last tenth.

    Parameters
    ----------
    history : pandas.DataFrame
        Learning curves, from ``history.csv``.

    Returns
    -------
    float
        0 for a training that was done before, 1 for one that learnt all at the end; NaN for one
        epoch. The validation loss counts, and its lowest value so far.
    """
    lowest = history["validation_loss"].cummin().to_numpy()
    if len(lowest) < 2:
        return np.nan
    if lowest[0] == lowest[-1]:
        return 0.0  # it never learnt: the place of its best epoch tells
    earlier = lowest[min(int(np.ceil(len(lowest) * (1 - LATE))), len(lowest) - 1) - 1]
    return float((earlier - lowest[-1]) / (lowest[0] - lowest[-1]))


def report(predictions, histories):
    """List what shouldn't be trusted in predictions, and why.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From `flag`.
    histories : dict of tuple to pandas.DataFrame
        (suite_train, fields, limits) -> learning curves of that network.

    Returns
    -------
    pandas.DataFrame
        One row a problem: suite_train, suite_test, fields, limits, property (the last four empty
        where all are meant), ``problem``, ``value`` and ``low`` and ``high``, what would pass.
        Empty where all is well.
    """
    rows = []
    keys = list(statistics.GROUPING)
    for key, group in predictions.groupby(keys, sort=False):
        judged = group[np.isfinite(group["truth"])]
        rows += [
            (*key, "inferred beyond the training's range", group["beyond"].mean(), 0, SHARE),
            (*key, "halos without a truth", 1 - len(judged) / len(group), 0, 0),
        ]
        if judged.empty:
            continue
        arrays = [judged[[name]].to_numpy() for name in ("truth", "mean", "std")]
        # Two standard errors of a share that few halos measure.
        noise = 2 * np.sqrt(statistics.ONE_SIGMA * (1 - statistics.ONE_SIGMA) / len(judged))
        covered = float(statistics.coverage(*arrays)[0])
        rows.append((*key, "coverage", covered, COVERAGE[0] - noise, COVERAGE[1] + noise))
        rows.append(
            (*key, "reduced chi squared", float(statistics.reduced_chi2(*arrays)[0]), *CHI2)
        )
    halo = [*keys[:-1], *dataset.IDENTIFIER]
    for key, group in predictions.drop_duplicates(halo).groupby(keys[:-1], sort=False):
        share = (group["unlike"] != "").mean()
        rows.append((*key, "", "maps unlike the training's", share, 0, SHARE))
    for (suite, fields, limits), history in histories.items():
        key = (suite, "", fields, limits, "")
        rows.append((*key, "gain in the last tenth of training", progress(history), 0, LATE / 2))
        first = float(history["validation_loss"].idxmin()) / max(len(history) - 1, 1)
        rows.append((*key, "place of the best epoch", first, LATE, 1))
    table = pd.DataFrame(rows, columns=[*keys, "problem", "value", "low", "high"])
    wrong = ~table["value"].between(table["low"], table["high"])  # NaN counts
    return table[wrong].reset_index(drop=True)
