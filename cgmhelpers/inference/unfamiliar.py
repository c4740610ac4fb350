"""Flags for halos unlike those that a network was trained with."""

import numpy as np
import pandas as pd

from cgmhelpers.emission.fields import label
from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO
from cgmhelpers.maps.summaries import map_statistics
from cgmhelpers.network import checkpoint, samples, splits


def flag(predictions, folders, stores):
    """Mark predictions for halos unlike those that the network was trained with.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From :func:`cgmhelpers.inference.prediction.predict`, of the networks in `folders`.
    folders : sequence of path
        Folders of networks with the same limits and size.
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
    maps = [samples.load(paths, fields, *next(iter(kinds))) for paths in stores.values()]
    halos = pd.concat([samples.halo_table(ds) for ds in maps], ignore_index=True)
    measured = pd.concat([map_statistics(ds) for ds in maps], ignore_index=True)
    truth = pd.concat([ds["properties"].to_pandas() for ds in maps], ignore_index=True)
    flagged = [
        _flag_one(predictions, folder, one, halos, measured, truth) for folder, one in networks
    ]
    return pd.concat(flagged, ignore_index=True)


def _flag_one(predictions, folder, description, halos, measured, truth):
    suites, fields = description["suite_train"].split("+"), description["fields"]
    part = splits.assign_parts(halos, folder, description["split"])
    learnt = (halos["suite"].isin(suites) & (part == "training")).to_numpy()
    measured = measured[[name for name in measured if name.split()[0] in fields]]
    low, high = measured[learnt].min(), measured[learnt].max()
    outside = (measured < low) | (measured > high)
    names = np.array(measured.columns, dtype=object)
    unlike = halos[[*HALO]].assign(unlike=[", ".join(names[row]) for row in outside.to_numpy()])
    own = predictions[
        (predictions["suite_train"] == description["suite_train"])
        & (predictions["fields"] == label(fields))
        & (predictions["limits"] == description["limits"])
    ]
    own = own.merge(unlike, on=[*HALO], how="left", validate="many_to_one")
    ranges = truth[learnt].agg(["min", "max"])
    least, most = (own["property"].map(ranges.loc[end]) for end in ("min", "max"))
    return own.assign(beyond=~own["mean"].between(least, most))
