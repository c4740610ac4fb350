"""Unlabelled maps of a target suite that a training sees beside those of its sources."""

import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.maps import lazy
from cgmhelpers.maps.store import concatenated
from cgmhelpers.network import samples, splits
from cgmhelpers.network.adaptation import ALIGNED


def unlabelled_maps(ds, sources, table, split_by, seed):
    """Return the maps of a target suite that are in training, with properties of NaN.

    Parameters
    ----------
    ds, sources : xarray.Dataset
        Maps of the target, and of the suites that it is trained on: as of
        `cgmhelpers.network.samples.load`.
    table : pandas.DataFrame
        Halos of the sources, with their part.
    split_by : {"halo", "realisation", "seed"}
        As for `cgmhelpers.network.splits.split`.
    seed : int
        Of the split.

    Returns
    -------
    xarray.Dataset
        Like `ds`, of the chosen halos.

    Raises
    ------
    ParameterError
        If the maps differ in fields, pixels or axes, or no halo is in training.
    """
    halos = samples.halo_table(ds)
    if split_by == "halo":
        parts = splits.split(halos, split_by, seed=seed)
    else:  # as the sources', so that no twin is on both sides
        parts = splits.known_parts(halos, table, split_by)
    chosen = lazy.with_halos(ds, np.flatnonzero(parts == "training"))
    same = all(
        np.array_equal(ds[name], sources[name]) for name in ("field", "x", "axis", "property")
    )
    if not same or chosen.sizes["halo"] == 0:
        raise ParameterError(
            "The maps of the target don't fit those of the sources.",
            found=f"{chosen.sizes['halo']} halos in training, {ds.sizes['x']} pixels",
            expected=f"at least one, and {sources.sizes['x']} pixels of the same size",
            remedy="Make maps of the same size, of initial conditions that the sources have too.",
        )
    return chosen.assign(
        properties=(ds["properties"].dims, np.full(chosen["properties"].shape, np.nan))
    )


def joined(ds, unlabelled):
    """Append maps of a target suite to those of the sources.

    Parameters
    ----------
    ds, unlabelled : xarray.Dataset
        Of the sources; from `unlabelled_maps`.

    Returns
    -------
    xarray.Dataset
        Along the dimension halo.
    """
    return concatenated([ds, unlabelled])


def check_adaptation(settings, domains, target):
    """Refuse an adaptation that has nothing to compare.

    Parameters
    ----------
    settings : TrainingSettings
        With the adaptation and the batch size.
    domains : ndarray of int, shape (H,)
        Number of the suite of each halo.
    target : path, sequence of paths, Dataset or None
        Unlabelled maps.

    Raises
    ------
    ParameterError
        If there is a target without a use, one suite alone, or a batch too small for all suites.
    """
    kind, number = settings.adaptation, int(domains.max()) + 1
    if target is not None and kind not in ALIGNED:
        raise ParameterError(
            "Maps of a target suite would have no use.",
            found=f"adaptation = {kind}",
            expected=f"one of {', '.join(ALIGNED)}",
            remedy="Choose one of these, or leave target out.",
        )
    if kind in ALIGNED and number < 2:
        raise ParameterError(
            "There is one suite alone, and nothing to adapt it to.",
            found=f"adaptation = {kind}",
            expected="stores of at least two suites, or a target",
        )
    if kind != "none" and settings.batch_size < 4 * number:
        raise ParameterError(
            "A batch is too small to hold maps of all suites.",
            found=f"batch_size = {settings.batch_size}",
            expected=f"at least {4 * number}: four of each of {number} suites",
        )
