"""Flags of halos unlike those of a network's training."""

import numpy as np
import pandas as pd

from cgmhelpers.emission.fields import label
from cgmhelpers.halos.classes import HALO
from cgmhelpers.inference.prediction import load_maps
from cgmhelpers.maps.summaries import map_statistics
from cgmhelpers.network import splits


def flag(predictions, folders, stores):
    """Mark predictions for halos unlike those of the network's training.

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
        outside of the range of the network's training halos, joined by commas; and ``beyond``, true
        if the inferred mean is outside of the range of the property in the training.

    Raises
    ------
    ParameterError
        If the networks differ in limits or size, or there is none.
    """
    networks, _, maps, halos = load_maps(folders, stores)
    measured = pd.concat([map_statistics(ds) for ds in maps], ignore_index=True)
    truth = pd.concat([ds["properties"].to_pandas() for ds in maps], ignore_index=True)
    flagged = [
        _flag_one(predictions, folder, one, halos, measured, truth)
        for folder, one in networks.items()
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
