"""A training as an object: everything that its result depends on, and its fingerprint."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.maps import store as map_store
from cgmhelpers.network import checkpoint, samples
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.system import provenance


@dataclass(frozen=True)
class Task:
    """What a network learns from, and how.

    Parameters
    ----------
    stores : path, sequence of paths, or Dataset
        Map stores as :func:`cgmhelpers.maps.making.make` writes them.
    fields : sequence of str
        Names of the fields, one channel each.
    limits : {"ideal", "survey", "observed"}
        Which limits to apply; None if `stores` is a Dataset with limits already.
    settings : TrainingSettings, optional
        Hyperparameters.
    size : int, optional
        Pixels along a side; maps are coarsened to it. None keeps theirs.
    split_by : {"halo", "realisation", "seed"}
        See :func:`cgmhelpers.network.splits.split`.
    properties : sequence of str, optional
        Properties to infer; all by default.
    target : path, sequence of paths, or Dataset, optional
        Map stores of a suite that takes part in an adaptation without its properties: maps of
        the halos that the split puts into training. The network's description says so.
    observation : Observation, optional
        With limits "observed", a `cgmhelpers.sky.observing.Observation` of the fields: maps are
        observed anew, with other noise, in each epoch.

    Raises
    ------
    ParameterError
        If limits are "observed" without an observation of the fields, or the other way round.
    """

    stores: object
    fields: Sequence[str]
    limits: str | None
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    size: int | None = None
    split_by: str = "halo"
    properties: Sequence[str] | None = None
    target: object = None
    observation: object = None

    def __post_init__(self):
        """Check that limits and observation go together."""
        looked_at = list(self.observation.instruments) if self.observation else []
        if (self.limits == "observed") != bool(looked_at) or (
            looked_at and list(self.fields) != looked_at
        ):
            raise ParameterError(
                "Limits and observation don't go together.",
                found=f"limits {self.limits} of {self.fields}, an observation of {looked_at}",
                expected='limits "observed" with an observation of these fields in this order',
            )

    def fingerprint(self):
        """Digest everything that the training depends on.

        Returns
        -------
        str
        """
        chosen = {"properties": list(self.properties)} if self.properties else {}
        if self.target is not None:
            chosen["target"] = _identities(self.target)
        if self.observation is not None:
            chosen["observation"] = self.observation.identity()
        return provenance.fingerprint(
            **chosen,
            stores=_identities(self.stores),
            fields=[self.fields] if isinstance(self.fields, str) else list(self.fields),
            limits=self.limits,
            size=self.size,
            split_by=self.split_by,
            settings=self.settings.effective(),
        )

    def is_done(self, folder):
        """Tell whether a folder holds the network of this very training.

        Parameters
        ----------
        folder : path
            Of the network.

        Returns
        -------
        bool
        """
        try:
            return checkpoint.read_description(folder)["fingerprint"] == self.fingerprint()
        except (DataNotFoundError, FormatError):
            return False


def _identities(stores):
    alone = isinstance(stores, str | Path | xr.Dataset)
    return [_identity(one) for one in ([stores] if alone else stores)]


def _identity(store):
    """Tell one map store from another: by its fingerprint, or by a digest of its contents."""
    if isinstance(store, xr.Dataset):
        return _of_dataset(store)
    metadata = Path(store) / "zarr.json"
    return _of_store(store, metadata.stat().st_mtime_ns if metadata.is_file() else None)


@functools.lru_cache(maxsize=4096)
def _of_store(store, written):
    """Open a store once, as a run asks for all of its trainings again and again."""
    return _of_dataset(map_store.open(store))


def _of_dataset(ds):
    known = {name: ds.attrs.get(name) for name in ("fingerprint", "limits", "pixel_size_kpc")}
    # A selection of a store's halos carries its fingerprint, so count them and name them too.
    digest = hashlib.sha256(samples.halo_table(ds).to_csv().encode())
    if known["fingerprint"] is None:
        for name in ("properties", "image"):
            digest.update(np.ascontiguousarray(ds[name].values).tobytes())
    return known | {"digest": digest.hexdigest()}
