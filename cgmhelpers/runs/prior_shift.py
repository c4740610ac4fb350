"""The control for a shift of the prior: a target with other halos, and the physics of a source."""

import numpy as np
import pandas as pd

from cgmhelpers.halos.classes import HALO
from cgmhelpers.maps import store
from cgmhelpers.network import samples


def control(experiment, kind="mmd"):
    """Show a network an unlabelled target of a known suite with another mix of halos.

    The target has those halos of the first source that have the larger f_cgm of their mass. Its
    physics is that of the source, so its maps mean the same, and a method that grows worse here
    invents a bias where only the prior has changed.

    Parameters
    ----------
    experiment : LeavingOut
        The experiment.
    kind : str
        A penalty that compares suites.

    Returns
    -------
    pandas.DataFrame
        Predictions for test halos of the control, of the pooled network (``method``
        ``"pooled"``) and of the one that saw the control.
    """
    sources = experiment.sources(experiment.left_out[-1])
    stores = experiment.stores()
    path = experiment.run.folder / "maps" / f"control_{sources[0]}_{sources[-1]}.zarr"
    ds = store.open(stores[sources[0]])
    resampled = ds.isel(halo=np.flatnonzero(gas_rich(ds)))
    source = store.stored_fingerprint(stores[sources[0]][0])
    store.write(resampled.assign_attrs(fingerprint=f"control of {source}").load(), path)
    shown = experiment.training(sources, kind, 0, target="control", control=path)
    trainings = [experiment.training(sources, "pooled", 0), shown]
    tables = experiment.tested(trainings)
    halos = samples.halo_table(resampled)[list(HALO)]
    return pd.concat([
        table.merge(halos).assign(method=method)
        for table, method in zip(tables, ("pooled", kind), strict=True)
    ])  # fmt: skip


def gas_rich(ds):
    """Mark the halos with more gas than others of their mass.

    Parameters
    ----------
    ds : xarray.Dataset
        A map store.

    Returns
    -------
    ndarray of bool, shape (halos,)
        Half of the halos: those above a straight line of f_cgm and log10 of the mass.
    """
    fraction = ds["properties"].sel(property="f_cgm").values
    mass, known = ds["log_mass"].values, np.isfinite(fraction)
    line = np.polynomial.Polynomial.fit(mass[known], fraction[known], 1)
    return np.where(known, fraction - line(mass) > 0, False)
