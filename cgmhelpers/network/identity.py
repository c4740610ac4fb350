"""The fingerprint of a training: everything that its result depends on."""

import hashlib
from pathlib import Path

import numpy as np
import xarray as xr

from cgmhelpers.maps import store as map_store
from cgmhelpers.network import samples
from cgmhelpers.system import provenance


def training_fingerprint(
    stores, fields, limits, settings, size=None, split_by="halo", properties=None, target=None
):
    """Digest everything that a training depends on.

    Parameters
    ----------
    stores, fields, limits, settings, size, split_by, properties, target
        As for :func:`train`.

    Returns
    -------
    str
    """
    chosen = {"properties": list(properties)} if properties else {}
    if target is not None:
        chosen["target"] = _identities(target)
    return provenance.fingerprint(
        **chosen,
        stores=_identities(stores),
        fields=[fields] if isinstance(fields, str) else list(fields),
        limits=limits,
        size=size,
        split_by=split_by,
        settings=settings.effective(),
    )


def _identities(stores):
    return [
        _identity(one)
        for one in ([stores] if isinstance(stores, str | Path | xr.Dataset) else stores)
    ]


def _identity(store):
    """Tell one map store from another: by its fingerprint, or by a digest of its contents."""
    ds = store if isinstance(store, xr.Dataset) else map_store.open(store)
    known = {name: ds.attrs.get(name) for name in ("fingerprint", "limits", "pixel_size_kpc")}
    # A selection of a store's halos carries its fingerprint, so count them and name them too.
    digest = hashlib.sha256(samples.halo_table(ds).to_csv().encode())
    if known["fingerprint"] is None:
        for name in ("properties", "image"):
            digest.update(np.ascontiguousarray(ds[name].values).tobytes())
    return known | {"digest": digest.hexdigest()}
