"""The batches of an epoch, cut from maps in memory or read ahead from their store.

An epoch goes through the maps in windows of at most `WINDOW_BYTES`. A window is made of random
blocks of neighbouring halos, and its maps are shuffled. The order depends on seed, epoch and shape
alone, so maps that stay on disk give the same batches as maps in memory. Maps that fit into one
window are shuffled as a whole.
"""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from cgmhelpers.errors import ParameterError
from cgmhelpers.network import samples

WINDOW_BYTES = 2**27
"""Bytes of float32 maps in a window. While a network trains on one window, the next is read."""
BLOCK = 96
"""Neighbouring maps that stay in one window, three axes of 32 halos in a few files of a store."""


class Stored:
    """Scaled maps of some halos that stay in their store until they are needed.

    Parameters
    ----------
    ds : xarray.Dataset
        From :func:`cgmhelpers.network.samples.load`, lazy.
    halos : array_like of int, shape (H,)
        Positions along the halo dimension.
    scaling : Scaling
    axes : sequence of str, optional
        Lines of sight; None takes all three.

    Attributes
    ----------
    shape : tuple of int
        (H * axes, fields, y, x), as :func:`cgmhelpers.network.samples.samples` would return.
    """

    def __init__(self, ds, halos, scaling, axes=None):
        self.ds = ds
        self.halos = np.asarray(halos, dtype=int)
        self.scaling = scaling
        self.axes = [str(name) for name in ds["axis"].values] if axes is None else list(axes)
        number = len(self.halos) * len(self.axes)
        self.shape = (number, len(scaling.fields), ds.sizes["y"], ds.sizes["x"])

    def __len__(self):
        return self.shape[0]

    def largest(self, windows):
        """Return how many numbers the images of the largest window have.

        Parameters
        ----------
        windows : list of ndarray of int
            Positions of maps along ``shape[0]``.

        Returns
        -------
        int
        """
        number = len(self.axes)
        halos = max(len(np.unique(rows // number)) for rows in windows)
        return halos * number * math.prod(self.shape[1:])

    def read(self, rows, memory=None):
        """Read all maps of the halos that some maps belong to.

        Parameters
        ----------
        rows : ndarray of int
            Positions of maps along ``shape[0]``.
        memory : ndarray of float32, optional
            Where to put the images, as for :func:`cgmhelpers.network.samples.samples`.

        Returns
        -------
        images : torch.Tensor, shape (maps, fields, y, x), float32, channels last
        places : ndarray of int, shape of `rows`
            Position in `images` of each map.
        """
        halo, axis = np.divmod(rows, len(self.axes))
        wanted, place = np.unique(halo, return_inverse=True)
        images, _ = samples.samples(self.ds, self.halos[wanted], self.scaling, self.axes, memory)
        return images, place * len(self.axes) + axis


def source(ds, halos, scaling, axes=None, memory=1.0):
    """Return maps and targets of some halos for `Batches`: in memory if they fit, or else stored.

    Parameters
    ----------
    ds, halos, scaling, axes
        As for :func:`cgmhelpers.network.samples.samples`.
    memory : float
        Largest size of the maps [GB] to hold in memory.

    Returns
    -------
    images : torch.Tensor or Stored
    targets : torch.Tensor, shape (maps, properties), float32
    """
    stored = Stored(ds, halos, scaling, axes)
    if 4 * math.prod(stored.shape) > memory * 1e9:
        return stored, samples.targets(ds, halos, scaling, len(stored.axes))
    return samples.samples(ds, halos, scaling, axes)


class Batches:
    """Give whole batches, in an order that depends on seed and epoch only.

    Lightning iterates over an instance as over a DataLoader, without touching single samples.
    Sizes of the batches of a window differ by at most one sample: a small last batch would be
    noise to batch normalisation and to the logarithms of the moment loss. Batch normalisation
    needs two samples, so a batch that is shuffled has at least two for each share: batches grow
    beyond `batch_size` rather than to have one less.

    Parameters
    ----------
    images : torch.Tensor or Stored, shape (samples, fields, y, x)
    targets : torch.Tensor, shape (samples, properties)
    batch_size : int
        Largest number of samples in a batch.
    seed : int, optional
        Seed of the shuffle and of the augmentation; None keeps the order.
    augmentation : bool
        Apply one of the eight symmetries of the square, drawn anew in each epoch, to each sample.
    domains : torch.Tensor of int, shape (samples,), optional
        Suite of each sample. Batches then have equal shares of all suites, where the samples of
        each window do, and come with their domains.
    transform : callable, optional
        ``transform(images, seed)`` makes what the network sees of each batch's images, after the
        augmentation; the seed, a list of int, is another one in each batch of each epoch.

    Attributes
    ----------
    epoch : int
        Number of the epoch; set it before each epoch.
    share : tuple of int
        (k, n): give the k-th of n shares of each batch's images, with the targets of the whole.
    """

    def __init__(
        self,
        images,
        targets,
        batch_size,
        seed=None,
        augmentation=False,
        domains=None,
        transform=None,
    ):
        if batch_size < 1 or len(images) != len(targets) or len(images) == 0:
            raise ParameterError(
                "No batches can be made.",
                found=f"{len(images)} images, {len(targets)} targets, batch size {batch_size}",
                expected="as many targets as images, at least one, and a positive batch size",
            )
        # As `samples` gives them, with the channels last in memory; others are copied, once.
        stored = isinstance(images, Stored)
        self.images = images if stored else _channels_first(_channels_last(images))
        self.targets = targets
        self.batch_size = batch_size
        self.seed = seed
        self.augmentation = augmentation
        self.domains = domains
        self.transform = transform
        self.epoch = 0
        self.share = (0, 1)
        self._size = max(BLOCK, WINDOW_BYTES // (4 * math.prod(images.shape[1:])))

    def __len__(self):
        return sum(self._count(one) for one in self._windows())

    def _windows(self):
        return windows(len(self.images), self._size, self.seed, self.epoch, self._least())

    def _least(self):
        return 1 if self.seed is None else 2 * self.share[1]

    def _count(self, window):
        return max(min(math.ceil(len(window) / self.batch_size), len(window) // self._least()), 1)

    def __iter__(self):
        part, parts = self.share
        order = self._windows()
        if self.domains is not None:
            order = [_in_turn(window, self.domains[window].numpy()) for window in order]
        number = 0
        for window, (images, places) in zip(order, self._read(order), strict=True):
            for rows in np.array_split(np.arange(len(window)), self._count(window)):
                own = places[np.array_split(rows, parts)[part]]
                cut = _cut(images, own, self.augmentation)
                if self.transform is not None:
                    cut = self.transform(cut, [self.seed or 0, self.epoch, number, part])
                number += 1
                # Channels are last in memory, and no other copy stays there.
                cut = cut.contiguous(memory_format=torch.channels_last)
                labels = () if self.domains is None else (self.domains[window[rows]],)
                yield cut, self.targets[window[rows]], *labels

    def _read(self, order):
        """Yield the images that hold each window, and the positions of its samples in them."""
        if not isinstance(self.images, Stored):
            yield from ((self.images, window) for window in order)
            return
        # Two windows, one to train on and one ahead; batches are copies.
        size = self.images.largest(order)
        memories = [np.empty(size, dtype=np.float32) for _ in order[:2]]
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self.images.read, order[0], memories[0])
            for number in range(1, len(order)):
                ready = ahead.result()
                ahead = reader.submit(self.images.read, order[number], memories[number % 2])
                yield ready
            yield ahead.result()


def windows(number, size, seed=None, epoch=0, least=1):
    """Divide the numbers of samples into windows, in the order of an epoch.

    Parameters
    ----------
    number : int
        Number of samples.
    size : int
        Approximate number of samples in a window.
    seed : int, optional
        Seed of the shuffle; None keeps the order.
    epoch : int
        Number of the epoch, which changes the order.
    least : int
        Least number of samples in a window, where there are so many.

    Returns
    -------
    list of ndarray of int
        Numbers of the samples of each window. Lengths are the same for all seeds and epochs.
    """
    blocks = [np.arange(start, min(start + BLOCK, number)) for start in range(0, number, BLOCK)]
    order = np.arange(len(blocks))
    # Derived, not carried on: a resumed run draws what an uninterrupted one would.
    rng = None if seed is None else np.random.default_rng([seed, epoch])
    if rng is not None:
        order[:-1] = rng.permutation(order[:-1])  # the last, which may be short, stays
    parts = np.array_split(order, min(math.ceil(number / size), len(blocks)))
    found = [np.concatenate([blocks[one] for one in part]) for part in parts]
    if len(found) > 1 and len(found[-1]) < least:  # the short last block is always in the last
        found[-2:] = [np.concatenate(found[-2:])]
    return found if rng is None else [rng.permutation(one) for one in found]


def _in_turn(window, domains):
    """Order the samples of a window so that their domains take turns."""
    rank = np.empty(len(window), dtype=int)
    for one in np.unique(domains):
        rank[domains == one] = np.arange((domains == one).sum())
    return window[np.lexsort((domains, rank))]


def _channels_last(images):
    """View maps with the channels last, (maps, y, x, fields); a copy where memory isn't so."""
    return images.permute(0, 2, 3, 1).contiguous()


def _channels_first(images):
    """View maps with the channels last as (maps, fields, y, x)."""
    return images.permute(0, 3, 1, 2)


def _cut(images, rows, augmentation):
    """Copy some maps, perhaps each in one of the symmetries of the square.

    Pixels are moved whole, with all their channels: five times as fast as torch moves numbers.
    """
    numbers = _channels_last(images).numpy()
    pixels = numbers.view(f"V{numbers.itemsize * numbers.shape[3]}")[..., 0]
    if augmentation:
        found = np.empty((len(rows), *pixels.shape[1:]), dtype=pixels.dtype)
        # The order is random, so eighths of a batch are random choices of samples.
        eighths = zip(np.array_split(found, 8), np.array_split(rows, 8), strict=True)
        for number, (places, some) in enumerate(eighths):
            for place, one in zip(places, some, strict=True):
                place[...] = samples.symmetry(pixels[one], number)
    else:
        found = pixels[rows]
    found = found.view(numbers.dtype).reshape(*found.shape, numbers.shape[3])
    return _channels_first(torch.from_numpy(found))
