"""A score, a word and a reason for each map, judged on strange maps and on familiar ones."""

import shutil

import numpy as np
import pytest
import torch
from helpers.blobs import UNIT, blobs
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.inference import distance, posterior, prediction, trusting
from cgmhelpers.network import adaptation, samples, splits
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.training import train
from cgmhelpers.statistics.reliability import auc

FIELDS = ["xray", "hi"]
SETTINGS = TrainingSettings(
    epochs=2, batch_size=32, channels=2, learning_rate=3e-3, schedule="one_cycle", threads=1
)


@pytest.fixture(scope="module")
def known():
    return blobs(halos=450)


@pytest.fixture(scope="module")
def folder(known, tmp_path_factory):
    """A network with a member and a flow, calibrated."""
    folders = []
    for seed in (1, 2):
        settings = SETTINGS.model_copy(update={"seed": seed, "split_seed": 1})
        path = tmp_path_factory.mktemp("network")
        folders.append(train(known, FIELDS, "ideal", path, settings, progress=False))
    posterior.train(known, folders[0], posterior.PosteriorSettings(steps=20, symmetries=1))
    return trusting.calibrate_trust(known, folders[0], folders[1:])


@pytest.fixture(scope="module")
def tested(known):
    """Maps of the test halos; blobs have one noise for each line of sight."""
    part = splits.split(samples.halo_table(known), "halo")
    return known["image"].values[np.flatnonzero(part == "test"), 0]


def strange(images, rng):
    """Maps as no observation of a known halo gives them."""
    return {
        "shifted units": images * np.float32(1e5),
        "other unit of one field": images * np.array([1, 30], np.float32)[:, None, None],
        "swapped fields": images[:, ::-1],
        "blank": np.full_like(images, 1e-30),
        "noise": images * rng.lognormal(sigma=0.5, size=images.shape).astype(np.float32),
        "shuffled pixels": rng.permuted(images.reshape(len(images), 2, -1), axis=-1).reshape(
            images.shape
        ),
        "another field's background": images + np.float32(UNIT["hi"]),
    }


def test_own_halos_are_flagged_as_often_as_said(folder, tested):
    table = trusting.trust(folder, tested)
    assert {"map", "features", "flow", "spread"} < set(table.columns)
    assert len(table) == len(tested)
    flagged = (table["word"] != "usable").mean()
    # The noise of a share of 5% is 2.3% of 90 halos, and as much of the validation halos.
    assert 0.0 <= flagged < 0.05 + 3 * 0.033
    assert 0.35 < table["score"].median() < 0.65
    assert table["score"].between(0, 1).all()
    usable = table[table["word"] == "usable"]
    assert set(usable["reason"]) == {"It looks like the halos of the training."}


def test_strange_maps_are_flagged_and_told_apart(folder, tested):
    own = trusting.trust(folder, tested)
    for name, images in strange(tested, np.random.default_rng(1)).items():
        table = trusting.trust(folder, images)
        which = np.repeat([False, True], [len(own), len(table)])
        assert auc(-np.append(own["score"], table["score"]), which) > 0.95, name
        assert (table["word"] != "usable").mean() > 0.9, name
    table = trusting.trust(folder, tested * np.float32(1e6))
    assert (table["word"] == "refused").all()
    assert table["reason"].str.contains("standard deviations above|features|members").all()


def test_a_map_is_judged_by_itself(folder, tested):
    together = trusting.trust(folder, tested[:7])
    alone = trusting.trust(folder, tested[3:4])
    np.testing.assert_allclose(alone["score"], together["score"][3:4], rtol=0.5)
    np.testing.assert_allclose(alone["map"], together["map"][3:4])
    assert len(trusting.trust(folder, tested[:0])) == 0


def test_a_sample_is_told_from_the_training_where_single_maps_arent(folder, tested):
    same = trusting.sample_discrepancy(folder, tested, draws=200)
    assert (same["p"] > 0.01).all()
    brightness = tested[:, 0].mean(axis=(1, 2))
    half = tested[brightness > np.median(brightness)]
    assert (trusting.trust(folder, half)["word"] != "usable").mean() < 0.2
    assert (trusting.sample_discrepancy(folder, half, draws=200)["p"] < 0.01).all()
    with pytest.raises(ParameterError, match="several maps"):
        trusting.sample_discrepancy(folder, tested[:1])


def test_discrepancy_of_a_permutation_is_that_of_the_penalty():
    rows = np.random.default_rng(1).normal(size=(30, 4))
    kernel = adaptation.gaussian_kernel(torch.from_numpy(rows)).numpy()
    member = np.random.default_rng(2).permutation(np.arange(30) < 12)
    found = trusting._discrepancies(kernel, member[None].astype(float))[0]
    one, other = (torch.from_numpy(rows[chosen]) for chosen in (member, ~member))
    assert found == pytest.approx(adaptation.mmd(one, other).item(), rel=1e-10)


def test_distance_is_scipys_of_the_shrunk_covariance():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 3)) + [0, 5, -3]
    cloud = distance.Cloud.fit(rows)
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    inverse = np.linalg.inv(LedoitWolf(assume_centered=True).fit(standard).covariance_)
    expected = [mahalanobis(one, np.zeros(3), inverse) for one in standard]
    np.testing.assert_allclose(cloud.distance(rows), expected)


def test_a_constant_number_gives_no_infinite_distance():
    rows = np.random.default_rng(1).normal(size=(200, 2))
    rows = np.column_stack([rows, np.full(200, -17.0)])
    found = distance.Cloud.fit(rows).distance(rows + [0, 0, 1e-6])
    assert np.median(found) == pytest.approx(np.median(np.hypot(*rows[:, :2].T)), rel=0.3)


def test_tail_is_the_power_law_of_its_values():
    rng = np.random.default_rng(1)
    values = rng.pareto(3, 20_000)  # P(> x) = (1 + x)^-3
    tail = distance.Tail(np.sort(values))
    x = np.array([0.1, 0.5, 2.0, 5.0, 20.0])
    truth = (1 + x) ** -3
    found = tail(x)
    np.testing.assert_allclose(found[:2], truth[:2], rtol=0.03)
    # The law holds from the lowest value on, so the tail is right to a factor, over four decades.
    assert np.all(np.abs(np.log(found[2:] / truth[2:])) < np.log(5))
    fresh = rng.pareto(3, 20_000)
    assert (tail(fresh) < 0.05).mean() == pytest.approx(0.05, abs=0.006)
    assert (tail(fresh) < 0.5).mean() == pytest.approx(0.5, abs=0.02)
    assert tail(np.full(3, 1.0)).shape == (3,)
    one, two = distance.Tail(np.ones(30))(np.array([1.0, 2.0]))
    assert one == 1
    assert two < 0.01


def test_a_calibration_belongs_to_its_network(folder, known, tested, tmp_path):
    path = folder / trusting.REFERENCE
    before = path.read_bytes()
    text = (folder / posterior.DESCRIPTION).read_text()
    assert not trusting.is_calibrated(folder)  # without its member
    (folder / posterior.DESCRIPTION).unlink()
    with pytest.raises(FormatError, match="another network"):
        trusting.trust(folder, tested[:2])
    (folder / posterior.DESCRIPTION).write_text(text)
    trusting.trust(folder, tested[:2])
    assert path.read_bytes() == before
    other = train(known, FIELDS, "ideal", tmp_path, SETTINGS, progress=False)
    with pytest.raises(DataNotFoundError, match="calibrate_trust"):
        trusting.trust(other, tested[:2])
    with pytest.raises(ParameterError, match="SIMBA"):
        trusting.calibrate_trust(blobs(halos=100, suite="SIMBA"), other)
    with pytest.raises(ParameterError, match="at least 20"):
        trusting.calibrate_trust(blobs(halos=20), other)
    assert not (other / trusting.REFERENCE).exists()
    with pytest.raises(FormatError, match="without a logarithm"):
        trusting.trust(folder, np.full((1, 2, 16, 16), np.nan, np.float32))
    with pytest.raises(ParameterError, match="wrong number of fields"):
        trusting.trust(folder, tested[:2, :1])
    with pytest.raises(ParameterError, match="don't fit"):
        trusting.trust(folder, tested[:2, :, :8, :8])


def test_maps_of_other_pixels_are_refused(folder, known, tmp_path):
    """The network would take a halo for one four times as large."""
    other = known.assign_coords(x=4 * known["x"], y=4 * known["y"]).assign_attrs(pixel_size_kpc=16)
    for look in (
        lambda: trusting.calibrate_trust(other, train_copy(folder, tmp_path)),
        lambda: prediction.predict(folder, other),
        lambda: prediction.load_maps([folder], {"IllustrisTNG": other}),
    ):
        with pytest.raises(ParameterError, match="16 kpc"):
            look()


def train_copy(folder, place):
    """Copy a network without its calibration."""
    shutil.copytree(folder, place / "copy", ignore=shutil.ignore_patterns(trusting.REFERENCE))
    return place / "copy"


def test_numbers_of_another_kind_are_refused():
    cloud = distance.Cloud.fit(np.random.default_rng(1).normal(size=(50, 3)))
    for rows in (np.zeros((4, 1)), np.zeros((4, 4)), np.zeros(3), np.full((4, 3), np.nan)):
        with pytest.raises(ParameterError, match="kind"):
            cloud.distance(rows)
    for images in (np.ones((2, 1, 8, 8)), np.ones((2, 8, 8))):
        with pytest.raises(ParameterError, match="number of fields"):
            distance.numbers(images, [1e-3, 1e-3])
