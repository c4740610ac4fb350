"""Batches are what they say, from memory and from a store alike."""

import numpy as np
import pytest
import torch
from helpers.blobs import blobs

from cgmhelpers.errors import ParameterError
from cgmhelpers.maps import store
from cgmhelpers.network import batches as network_batches
from cgmhelpers.network import samples
from cgmhelpers.network.batches import Batches
from cgmhelpers.network.scaling import Scaling


@pytest.fixture
def numbered():
    """Images that carry their number in the corners' sum, and targets that are the number."""
    images = torch.zeros(50, 1, 4, 4)
    images[:, 0, 0, 1] = torch.arange(50.0)
    return images, torch.arange(50.0)[:, None]


@pytest.mark.parametrize("augmentation", [False, True])
def test_an_epoch_shows_each_sample_once_with_its_own_target(numbered, augmentation):
    batches = Batches(*numbered, batch_size=16, seed=1, augmentation=augmentation)
    drawn = list(batches)
    assert len(drawn) == len(batches) == 4
    assert sorted(len(images) for images, _ in drawn) == [12, 12, 13, 13]
    targets = torch.cat([target for _, target in drawn]).flatten()
    images = torch.cat([image for image, _ in drawn])
    assert sorted(targets.tolist()) == list(range(50))
    assert torch.equal(images.sum(dim=(1, 2, 3)), targets)
    places = {int(image.flatten().argmax()) for image in images if image.sum()}
    # The lit pixel has eight images under the symmetries.
    assert len(places) == (8 if augmentation else 1)


def test_order_depends_on_seed_and_epoch_only(numbered):
    def order(seed, epoch):
        batches = Batches(*numbered, batch_size=16, seed=seed)
        batches.epoch = epoch
        return torch.cat([target for _, target in batches]).flatten().tolist()

    assert order(1, 5) == order(1, 5)
    assert order(1, 5) != order(1, 6)
    assert order(1, 5) != order(2, 5)
    assert order(None, 5) == list(range(50))


def test_empty_batches_are_refused(numbered):
    images, targets = numbered
    for arguments in (
        (images[:0], targets[:0], 4),
        (images, targets[:-1], 4),
        (images, targets, 0),
    ):
        with pytest.raises(ParameterError, match="No batches"):
            Batches(*arguments)


def test_shares_of_a_batch_make_the_batch(numbered):
    whole = Batches(*numbered, batch_size=16, seed=1)
    shares = [Batches(*numbered, batch_size=16, seed=1) for _ in range(3)]
    for number, one in enumerate(shares):
        one.share = (number, 3)
    for (images, targets), *parts in zip(whole, *shares, strict=True):
        assert torch.equal(torch.cat([part for part, _ in parts]), images)
        assert all(torch.equal(of_whole, targets) for _, of_whole in parts)


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_no_share_of_a_batch_is_a_single_sample(parts):
    """Batch normalisation can't do with one, and numbers of halos are what they are."""
    for number in range(2 * parts, 60):
        for batch_size in range(2 * parts, 20):
            images = torch.arange(float(number)).reshape(-1, 1, 1, 1)
            found = []
            for part in range(parts):
                batches = Batches(images, images[:, 0, 0], batch_size, seed=1)
                batches.share = (part, parts)
                found += [images for images, _ in batches]
                assert len(batches) * parts == len(found) / (part + 1) * parts
            assert min(len(one) for one in found) >= 2
            assert sorted(torch.cat(found).flatten().tolist()) == list(range(number))


@pytest.mark.parametrize("number", [97, 98, 193, 289, 300])
def test_no_window_is_a_single_sample(number):
    """Windows of one block each, as large maps make them: the last block may be short."""
    found = network_batches.windows(number, network_batches.BLOCK, seed=1, least=4)
    assert min(len(one) for one in found) >= 4
    assert sorted(np.concatenate(found)) == list(range(number))


def test_windows_hold_each_sample_once_and_keep_their_lengths():
    first, second = (network_batches.windows(1000, 300, seed=1, epoch=epoch) for epoch in (0, 1))
    for found in (first, second):
        assert sorted(np.concatenate(found)) == list(range(1000))
    assert [len(one) for one in first] == [len(one) for one in second]
    assert len(first) == 4
    assert not np.array_equal(first[0], second[0])
    assert (np.diff(first[0]) < 0).any()
    np.testing.assert_array_equal(
        np.concatenate(network_batches.windows(1000, 300)), np.arange(1000)
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """150 halos on disk, 32 x 32 pixels: 3.7 MB of scaled maps."""
    path = tmp_path_factory.mktemp("maps") / "maps.zarr"
    store.write(blobs(150, size=32).assign_attrs(fingerprint="x"), path)
    return path


@pytest.mark.parametrize("seed", [None, 3])
def test_maps_read_from_their_store_give_the_same_batches(stored, seed, monkeypatch):
    monkeypatch.setattr(network_batches, "WINDOW_BYTES", 10**6)
    ds = samples.load(stored, ["hi", "xray"], "ideal", size=16)
    halos = np.flatnonzero(np.arange(150) % 3)
    scaling = Scaling.fit(ds, np.arange(150) % 3 > 0)
    pairs = [network_batches.source(ds, halos, scaling, memory=memory) for memory in (1.0, 0.0)]
    assert isinstance(pairs[0][0], torch.Tensor)
    assert isinstance(pairs[1][0], network_batches.Stored)
    in_memory, streamed = (Batches(*one, 32, seed, augmentation=True) for one in pairs)
    assert len(in_memory) == len(streamed) == 10
    for epoch in range(2):
        in_memory.epoch = streamed.epoch = epoch
        for one, other in zip(in_memory, streamed, strict=True):
            assert torch.equal(one[0], other[0])
            assert torch.equal(one[1], other[1])
            assert other[0].is_contiguous(memory_format=torch.channels_last)


def test_no_more_than_two_windows_are_in_memory(stored, monkeypatch):
    monkeypatch.setattr(network_batches, "WINDOW_BYTES", 10**6)
    ds = samples.load(stored, ["hi", "xray"], "ideal")
    scaling = Scaling.fit(ds, np.ones(150, dtype=bool))
    streamed = Batches(*network_batches.source(ds, np.arange(150), scaling, memory=0.0), 32, seed=1)
    places, sizes = [], []
    read = network_batches.Stored.read

    def watched(self, *arguments):
        found = read(self, *arguments)
        places.append(found[0].data_ptr())
        sizes.append(len(found[0]))
        return found

    monkeypatch.setattr(network_batches.Stored, "read", watched)
    assert sum(len(images) for images, _ in streamed) == 450
    assert places[:2] == places[2:]  # one to train on, one ahead
    assert len(set(places)) == 2
    assert max(sizes) < 200


def test_an_unreadable_store_ends_the_epoch(stored, monkeypatch):
    monkeypatch.setattr(network_batches, "WINDOW_BYTES", 10**6)
    ds = samples.load(stored, ["hi"], "ideal")
    scaling = Scaling.fit(ds, np.ones(150, dtype=bool))
    streamed = Batches(*network_batches.source(ds, np.arange(150), scaling, memory=0.0), 32)

    def broken(*arguments):
        raise OSError("the disk is gone")

    monkeypatch.setattr(samples, "samples", broken)
    with pytest.raises(OSError, match="disk is gone"):
        list(streamed)


def test_batches_mix_neighbours_over_their_window():
    """Each batch has its share of each block of its window, and other blocks meet in each epoch."""
    number, size, batch = 9000, 1024, 64
    together = []
    for epoch in range(3):
        found = network_batches.windows(number, size, seed=1, epoch=epoch)
        for window in found:
            blocks = np.unique(window // network_batches.BLOCK)
            assert len(blocks) >= size // network_batches.BLOCK
            for rows in np.array_split(window, len(window) // batch):
                assert len(np.unique(rows // network_batches.BLOCK)) >= 0.7 * len(blocks)
            # Neighbours of the store are as far apart in the epoch as chance puts them.
            place = np.argsort(window)
            apart = np.abs(np.diff(place)).mean()
            assert abs(apart / (len(window) / 3) - 1) < 0.1
        together.append({tuple(np.unique(one // network_batches.BLOCK)) for one in found})
    assert not together[0] & together[1]
    assert not together[1] & together[2]
