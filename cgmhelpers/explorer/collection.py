"""Halos of an explorer: labels and properties in memory, images read one by one."""

import functools
from pathlib import Path

import pandas as pd

from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.halos import twins
from cgmhelpers.halos.classes import HALO
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.maps import limits, store

LABELS = [*HALO, "log_mass", "halo_class", "r200c"]
HALOS_KEPT = 32
"""Halos whose images stay in memory, 13 MB of 128 x 128 pixels in two fields."""


class Collection:
    """Halos of any number of map stores, and networks that infer their properties.

    Labels and properties are read at once, the images of a halo when it is shown.

    Parameters
    ----------
    stores : path or sequence of paths
        Map stores with the same fields and pixels.
    halos : pandas.DataFrame, optional
        Halos with their positions (x, y, z in kpc), from ``Run.halos``, to find the same halo in
        other suites.
    box_size : float, optional
        Side of the periodic box of `halos` [kpc].
    networks : pandas.DataFrame, optional
        Columns suite, fields, limits, folder, from ``Run.networks``.
    source : str
        Name of the data.

    Attributes
    ----------
    table : pandas.DataFrame
        A row for each halo, numbered from 0: identifier, log_mass [log10 Msun], halo_class, r200c
        [kpc], the six properties, and x, y, z [kpc] if `halos` is given.
    fields : tuple of str
        Names of the fields.
    pixels : int
        Pixels along a side.
    pixel_size : float
        Side of a pixel [kpc].
    images : callable
        ``images(number, size=None)`` returns the images of a halo, (axis, field, y, x) in the
        fields' units, without limits, averaged to `size` pixels a side if it is given.
    twins : callable
        ``twins(number)`` finds the same halo in the other suites: suite -> row of `table`.
    predictor : callable
        ``predictor(folder)`` loads a network.

    Raises
    ------
    DataNotFoundError, FormatError
        If a store is missing or isn't a map store.
    """

    def __init__(self, stores, halos=None, box_size=None, networks=None, source=""):
        paths = [stores] if isinstance(stores, str | Path) else list(stores)
        if not paths:
            raise ParameterError("There are no maps to explore.", found="an empty list of stores")
        self._stores = [store.open(path) for path in paths]
        first = self._stores[0]
        self.fields = tuple(map(str, first["field"].values))
        self.pixels = first.sizes["x"]
        self.pixel_size = float(first.attrs["pixel_size_kpc"])
        self.attributes = first.attrs
        self.networks = networks
        self.box_size = box_size
        self.source = source
        tables = [_labels(ds).assign(store=n) for n, ds in enumerate(self._stores)]
        self.table = pd.concat(tables, ignore_index=True)
        if halos is not None:
            seed = halos.columns.intersection(["seed"])
            places = halos[[*HALO, "x", "y", "z", *seed]]
            self.table = self.table.merge(places, on=[*HALO], how="left", validate="1:1")
        # Caches belong to the collection and not to the class: another run has other networks.
        self._dataset = functools.lru_cache(HALOS_KEPT)(self._read)
        self.images = functools.lru_cache(HALOS_KEPT)(self._images)
        self.predictor = functools.lru_cache(_load)
        self.twins = functools.lru_cache(HALOS_KEPT)(self._twins)

    def __len__(self):
        return len(self.table)

    def _images(self, number, size=None):
        """Read the images of a halo, averaged to `size` pixels a side if it is given."""
        if not 0 <= number < len(self):
            raise ParameterError("No such halo.", found=number, expected=f"0 to {len(self) - 1}")
        if size not in (None, self.pixels):
            return limits.coarsen(self._dataset(number), size)["image"].values
        return self._dataset(number)["image"].values

    def _read(self, number):
        row = self.table.loc[number]
        return self._stores[row["store"]][["image"]].isel(halo=row["row"]).load()

    def name(self, number):
        """Name a halo for readers.

        Parameters
        ----------
        number : int
            Row of `table`.

        Returns
        -------
        str
            A name such as "SIMBA CV 3, group 17".
        """
        row = self.table.loc[number]
        return f"{row['suite']} {row['set_name']} {row['realisation']}, group {row['group']}"

    def _twins(self, number):
        """Find the same halo in the other suites, if positions are known."""
        if self.box_size is None or "x" not in self.table:
            return {}
        halo = self.table.loc[number]
        found = {}
        for suite in self.table["suite"].unique():
            if suite == halo["suite"]:
                continue
            pair = self.table[self.table["suite"].isin([suite, halo["suite"]])].reset_index()
            try:
                twin = twins.twins(pair, halo, self.box_size).set_index("suite")
            except ResultError:
                continue
            found[str(suite)] = int(twin.loc[suite, "index"])
        return found


def collect(run):
    """Collect the halos, maps and networks of a run, which makes missing ones.

    Parameters
    ----------
    run : cgmhelpers.runs.run.Run
        The run.

    Returns
    -------
    Collection
    """
    stores = [path for paths in run.maps().values() for path in paths]
    return Collection(stores, run.halos(), run.box_size, run.networks(), run.source)


def _load(folder):
    from cgmhelpers.inference import prediction

    return prediction.load(folder)


def _labels(ds):
    """Read the labels and properties of a store's halos, with their row in it."""
    table = pd.DataFrame({name: ds[name].values for name in LABELS})
    values = ds["properties"].sel(property=list(NAMES)).values
    table[list(NAMES)] = values
    return table.assign(row=range(len(table)))
