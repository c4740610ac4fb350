"""Unlabelled maps of a target suite that a training sees beside those of its sources."""

import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO
from cgmhelpers.maps import lazy
from cgmhelpers.maps.store import HALOS_AT_ONCE, concatenated
from cgmhelpers.network import samples, splits
from cgmhelpers.network.adaptation import ALIGNED
from cgmhelpers.network.scaling import ends_of, warn_of_a_constant


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
        If the maps differ in fields, pixels or axes, no halo is in training, or the target is one
        of the sources.
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
    labelled, alike = given(samples.halo_table(chosen), table)
    if labelled and alike:
        raise ParameterError(
            "The target is one of the sources: there is nothing to adapt to.",
            found=f"{labelled} halos of {', '.join(sorted(set(chosen['suite'].values)))}, which "
            "are in training with their properties",
            expected="maps of another suite, or some of a source's",
        )
    if ds.attrs["limits"] != "observed":
        blocks = [
            slice(at, at + HALOS_AT_ONCE) for at in range(0, len(chosen["halo"]), HALOS_AT_ONCE)
        ]
        ends = np.concatenate([_ends(chosen, block) for block in blocks], axis=-1)
        for name, own in zip(ds["field"].values, ends, strict=True):
            warn_of_a_constant(f"{name} maps", own, chosen["suite"].values)
    return chosen.assign(
        properties=(ds["properties"].dims, np.full(chosen["properties"].shape, np.nan))
    )


def given(halos, table):
    """Count the halos of a target that a training is given with their properties, too.

    Parameters
    ----------
    halos, table : pandas.DataFrame
        Halos of the target, and of the sources with their part.

    Returns
    -------
    number : int
    alike : bool
        Whether they are all training halos of their suites.
    """
    known = table[(table["part"] == "training") & table["suite"].isin(halos["suite"])]
    number = len(halos.merge(known[[*HALO]], on=[*HALO]))
    return number, number == len(known)


def _ends(ds, block):
    """Least and greatest pixels, (fields, 2, halos), of a block of halos."""
    images = lazy.read(ds["image"], np.arange(ds.sizes["halo"])[block])  # halo, axis, field, y, x
    return np.stack([ends_of(images[:, :, number]) for number in range(images.shape[2])])


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
