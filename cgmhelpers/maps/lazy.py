"""Images that stay in their stores until they are read.

The stores of a set of simulations are many, and dask spends seconds on a look at a few halos of
them. So the images of all stores are one object, `Images`, which notes what shall be done with them
(a choice of halos or fields, coarser pixels, limits) and does it when it reads. xarray sees a dask
array of the same images. dask gives each array a name of its own, and whatever changes the array
changes the name: `read` finds the images behind an array by its name, and asks dask for any other.
"""

import weakref
from dataclasses import dataclass, replace
from functools import cached_property, partial
from numbers import Integral

import numpy as np

from cgmhelpers.maps import decoding

HALOS_IN_TASK = 16
"""Halos that a task of dask reads, as many as a file of a store has."""

_BEHIND = weakref.WeakValueDictionary()
"""`Images` by the name of their dask array."""


@dataclass(frozen=True)
class Part:
    """The images of a store.

    Attributes
    ----------
    array : zarr.Array, shape (halos, axes, fields, y, x)
        As stored, float32.
    fields : ndarray of int
        Positions of the fields to read.
    steps : tuple of callables
        What is done to images (halo, axis, field, y, x), one after the other. A step may change
        the images that it is given.
    """

    array: object
    fields: np.ndarray
    steps: tuple = ()

    def read(self, rows):
        """Read the images of some halos, and do the steps.

        Parameters
        ----------
        rows : ndarray of int, shape (H,)
            Positions along the store's halos.

        Returns
        -------
        ndarray of float32, shape (H, axes, fields, y, x)
        """
        _, axes, _, *pixels = self.array.shape
        halos, _, fields, *_ = self.array.chunks
        # Field by field in memory, as in files and as all that follows goes through them.
        images = np.empty((len(self.fields), len(rows), axes, *pixels), dtype=np.float32)
        for column in np.unique(self.fields // fields):
            of_field = np.flatnonzero(self.fields // fields == column)
            for row in np.unique(rows // halos):
                of_halo = np.flatnonzero(rows // halos == row)
                stored = decoding.decoded(self.array, (row, 0, column, 0, 0))
                for one in of_field:
                    field = stored[:, :, self.fields[one] % fields]
                    images[one, of_halo] = field[rows[of_halo] % halos]
        return self.stepped(np.moveaxis(images, 0, 2))

    def stepped(self, images):
        """Do the steps.

        Parameters
        ----------
        images : ndarray of float32, shape (H, axes, fields, y, x)
            As stored. They may be changed.

        Returns
        -------
        ndarray of float32, shape (H, axes, fields, y, x)
            After the steps.
        """
        for step in self.steps:
            images = step(images)
        return images


@dataclass(frozen=True)
class Images:
    """The images of some halos of some stores, as an array that is read from disk.

    Attributes
    ----------
    parts : tuple of Part
        Stores, joined along the halos.
    halos : ndarray of int, shape (H,)
        Positions of the halos along the joined stores.
    """

    parts: tuple
    halos: np.ndarray
    dtype = np.dtype(np.float32)
    ndim = 5

    @classmethod
    def of(cls, array):
        """Return the images of a store.

        Parameters
        ----------
        array : zarr.Array, shape (halos, axes, fields, y, x)

        Returns
        -------
        Images
        """
        return cls((Part(array, np.arange(array.shape[2])),), np.arange(array.shape[0]))

    @cached_property
    def shape(self):
        """Lengths along halo, axis, field, y and x."""
        _, axes, _, y, x = self.parts[0].array.shape
        none = np.empty((0, axes, len(self.parts[0].fields), y, x), dtype=self.dtype)
        return (len(self.halos), *self.parts[0].stepped(none).shape[1:])

    @cached_property
    def ends(self):
        """Number of halos of all stores up to each, itself included."""
        return np.cumsum([part.array.shape[0] for part in self.parts])

    def read(self, halos):
        """Read the images of some halos.

        Parameters
        ----------
        halos : array_like of int, shape (H,)
            Positions along `shape`.

        Returns
        -------
        ndarray of float32, shape (H, axes, fields, y, x)
        """
        where = self.halos[halos]
        number = np.searchsorted(self.ends, where, side="right")
        rows = where - np.append(0, self.ends)[number]
        stores = np.unique(number)
        if len(stores) == 1:
            return self.parts[stores[0]].read(rows)
        images = np.empty((len(rows), *self.shape[1:]), dtype=self.dtype)
        for one in stores:
            images[number == one] = self.parts[one].read(rows[number == one])
        return images

    def __getitem__(self, key):
        first, *others = key if isinstance(key, tuple) else (key,)
        images = self.read(np.atleast_1d(np.arange(len(self.halos))[first]))
        return images[(0 if isinstance(first, Integral) else slice(None), *others)]

    def then(self, step):
        """Note a step to do after the others.

        Parameters
        ----------
        step : callable
            From images (halo, axis, field, y, x) to those of the same halos.

        Returns
        -------
        Images
        """
        return replace(
            self, parts=tuple(replace(part, steps=(*part.steps, step)) for part in self.parts)
        )

    def chosen(self, fields):
        """Choose fields. Before any step, only these are read.

        Parameters
        ----------
        fields : ndarray of int
            Their positions.

        Returns
        -------
        Images
        """
        if any(part.steps for part in self.parts):
            return self.then(partial(taken, places=fields, axis=2))
        return replace(
            self, parts=tuple(replace(part, fields=part.fields[fields]) for part in self.parts)
        )

    def lazy(self):
        """Return the images as a dask array, for xarray.

        Returns
        -------
        dask.array.Array
        """
        import dask.array

        data = dask.array.from_array(
            self,
            chunks=(HALOS_IN_TASK, -1, -1, -1, -1),
            name=False,  # a random one
            asarray=False,
            fancy=False,
            meta=np.empty((0,) * self.ndim, dtype=self.dtype),
        )
        _BEHIND[data.name] = self
        return data


def behind(image):
    """Return the images of stores that a data array shows.

    Parameters
    ----------
    image : xarray.DataArray

    Returns
    -------
    Images or None
        None if the array is in memory, or was changed since it was opened by other functions than
        those of this file.
    """
    return None if image.chunks is None else _BEHIND.get(image.data.name)


def read(image, halos):
    """Read the images of some halos.

    Parameters
    ----------
    image : xarray.DataArray
        Dimensions (halo, axis, field, y, x).
    halos : ndarray of int, shape (H,), or slice
        Positions along the halos.

    Returns
    -------
    ndarray, shape (H, axes, fields, y, x)
    """
    images = behind(image)
    if images is None:
        return image.isel(halo=halos).values
    return images.read(halos)


def noted(changed, image, step):
    """Give a changed data array the images of the original, with the change as a step.

    Parameters
    ----------
    changed, image : xarray.DataArray
        After and before the change.
    step : callable
        Makes ``image.values`` those of `changed`, for any halos.

    Returns
    -------
    xarray.DataArray
        `changed`, unless its images are in memory or of unknown origin with lazy images.
    """
    images = behind(image)
    return changed if images is None else changed.copy(data=images.then(step).lazy())


def with_halos(ds, halos):
    """Choose halos of a data set of maps.

    Parameters
    ----------
    ds : xarray.Dataset
    halos : ndarray of int
        Positions along the halos.

    Returns
    -------
    xarray.Dataset
        As ``ds.isel(halo=halos)``.
    """
    images, chosen = behind(ds["image"]), ds.isel(halo=halos)
    if images is None:
        return chosen
    return _showing(chosen, replace(images, halos=images.halos[halos]))


def with_fields(ds, names):
    """Choose fields of a data set of maps.

    Parameters
    ----------
    ds : xarray.Dataset
    names : list of str

    Returns
    -------
    xarray.Dataset
        As ``ds.sel(field=names)``.
    """
    images, chosen = behind(ds["image"]), ds.sel(field=names)
    if images is None:
        return chosen
    return _showing(chosen, images.chosen(ds.get_index("field").get_indexer(names)))


def joined(whole, datasets):
    """Give data sets that xarray joined along the halos the images of all of them.

    Parameters
    ----------
    whole : xarray.Dataset
        Of all halos.
    datasets : sequence of xarray.Dataset
        What was joined.

    Returns
    -------
    xarray.Dataset
        `whole`, with lazy images if those of all data sets are.
    """
    all_images = [behind(one["image"]) for one in datasets]
    if any(one is None for one in all_images):
        return whole
    sizes = [one.ends[-1] for one in all_images]
    starts = np.cumsum([0, *sizes[:-1]])
    parts = sum((one.parts for one in all_images), ())
    halos = [one.halos + start for one, start in zip(all_images, starts, strict=True)]
    return _showing(whole, Images(parts, np.concatenate(halos)))


def taken(images, places, axis):
    """Take some of the images along a dimension, and all of them without a copy.

    Parameters
    ----------
    images : ndarray
    places : ndarray of int
        Positions along the dimension.
    axis : int
        Number of the dimension.

    Returns
    -------
    ndarray
    """
    if np.array_equal(places, np.arange(images.shape[axis])):
        return images
    return images.take(places, axis=axis)


def _showing(ds, images):
    return ds.assign(image=ds["image"].copy(data=images.lazy()))
