"""Predictions: tidy, of the right halos, in physical units, without leaks between parts."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.blobs import HIGH, LOW, blobs

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.inference import prediction
from cgmhelpers.network import checkpoint, samples, splits
from cgmhelpers.network.calibration import inferred_class
from cgmhelpers.network.moment_network import MomentNetwork
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.training import train

SETTINGS = TrainingSettings(
    epochs=8, batch_size=16, channels=4, learning_rate=3e-3, schedule="one_cycle", dropout=0.05,
    threads=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network of two fields, split by halo."""
    path = tmp_path_factory.mktemp("network")
    return train(blobs(80), ["xray", "hi"], "ideal", path, SETTINGS, progress=False)


@pytest.fixture(scope="module")
def by_realisation(tmp_path_factory):
    """A network of one field, split by realisation."""
    path = tmp_path_factory.mktemp("network")
    settings = SETTINGS.model_copy(update={"epochs": 1})
    return train(
        blobs(80, realisations=5), ["hi"], "survey", path, settings,
        split_by="realisation", progress=False,
    )  # fmt: skip


def test_predictor_is_the_network_in_physical_units(folder):
    """Oracle: the network as trained, scaled by hand."""
    ds = blobs(80)
    images = ds["image"].values[:5, 0]
    mean, std = prediction.load(folder)(images, recalibrated=False)
    state, description = checkpoint.read_network(folder)
    network = MomentNetwork(**description["network"]).eval()
    network.load_state_dict(state)
    scaling = description["scaling"]
    standard = np.log10(images.astype(float)) - np.reshape(scaling["mean"], (2, 1, 1))
    standard /= np.reshape(scaling["std"], (2, 1, 1))
    with torch.no_grad():
        scaled_mean, scaled_std = network(torch.from_numpy(standard.astype(np.float32)))
    # Outputs are about 1; float32 through ten folded layers is good to 1e-5.
    np.testing.assert_allclose(mean, LOW + scaled_mean.numpy() * (HIGH - LOW), atol=1e-4)
    np.testing.assert_allclose(std, scaled_std.numpy() * (HIGH - LOW), atol=1e-4)
    assert (std > 0).all()


def test_std_is_recalibrated_unless_asked_otherwise(folder):
    predictor = prediction.load(folder)
    images = blobs(80)["image"].values[:5, 0]
    mean, std = predictor(images)
    same, of_network = predictor(images, recalibrated=False)
    np.testing.assert_array_equal(mean, same)
    calibration = checkpoint.read_description(folder)["calibration"]
    assert calibration["halos"]["all"] == 16
    scales = calibration["scale"]
    classes = inferred_class(mean, predictor.properties)
    scale = [scales.get(name, scales["all"]) for name in classes]
    expected = np.array(scale) * np.hypot(of_network, calibration["floor"])
    np.testing.assert_allclose(std, expected, rtol=1e-12)
    assert not np.allclose(std, of_network, rtol=0.01)


def test_calibrated_intervals_hold_the_validation_halos(folder):
    """68% of the projections of the validation halos, whatever the network believed."""
    ds = blobs(80)
    tables = [prediction.predict(folder, ds, "validation", axis) for axis in ("x", "y", "z")]
    table = pd.concat(tables)
    error = (table["truth"] - table["mean"]).abs()
    inside = (error <= table["std"]).groupby(table["property"]).mean()
    assert len(table) == 6 * 3 * 16
    # 33 of 48 maps; up to three more or less, as scales of classes lie between two quantiles.
    np.testing.assert_allclose(inside, 33 / 48, atol=3.1 / 48)


def test_network_without_a_calibration_keeps_its_std(folder, tmp_path):
    for name in (checkpoint.WEIGHTS, checkpoint.SPLIT):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    description = checkpoint.read_description(folder)
    del description["calibration"]
    (tmp_path / checkpoint.DESCRIPTION).write_text(json.dumps(description))
    table = prediction.predict(tmp_path, blobs(80))
    np.testing.assert_array_equal(table["std"], table["std_network"])
    recalibrated = prediction.predict(folder, blobs(80))
    np.testing.assert_array_equal(recalibrated["std_network"], table["std_network"])
    assert not np.allclose(recalibrated["std"], table["std"], rtol=0.01)


def test_predictor_answers_each_map_by_itself(folder):
    predictor = prediction.load(folder)
    images = blobs(80)["image"].values[:7, 0]
    together = predictor(images)
    in_pairs = predictor(images, batch_size=2)
    backwards = predictor(images[::-1])
    for one, other, reverse in zip(together, in_pairs, backwards, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
        np.testing.assert_allclose(one, reverse[::-1], atol=1e-4)
    assert predictor(images[:0])[0].shape == (0, 6)
    assert predictor.fields == ("xray", "hi")
    assert predictor.properties == tuple(one.name for one in PROPERTIES)


def test_predictor_applies_its_limits(folder):
    predictor = prediction.load(folder)
    images = blobs(80)["image"].values[:3, 0]
    dark = images.copy()
    images[:, 1, :4], dark[:, 1, :4] = 1e10, 0.0  # the floor of the logarithm, and no gas at all
    np.testing.assert_array_equal(predictor(images)[0], predictor(dark)[0])


def test_predictor_refuses_what_does_not_fit(folder):
    predictor = prediction.load(folder)
    for shape in ((2, 1, 16, 16), (2, 2, 32, 32), (2, 16, 16), (1, 2, 2, 16, 16)):
        with pytest.raises(ParameterError):
            predictor(np.ones(shape))
    with pytest.raises(FormatError):
        predictor(np.full((1, 2, 16, 16), np.nan))


def test_predictions_are_tidy(folder):
    ds = blobs(80)
    table = prediction.predict(folder, ds)
    assert list(table.columns) == prediction.COLUMNS
    parts = pd.read_csv(folder / checkpoint.SPLIT)
    tested = parts[parts["part"] == "test"]
    assert len(table) == 6 * len(tested) > 0
    assert set(table["fields"]) == {"xray+hi"}
    assert set(table["limits"]) == {"ideal"}
    assert set(table["suite_train"]) == set(table["suite_test"]) == {"IllustrisTNG"}
    assert set(table["part"]) == {"test"}
    halos = samples.halo_table(ds)
    for number, name in enumerate(one.name for one in PROPERTIES):
        rows = table[table["property"] == name]
        where = halos.merge(rows, on=["realisation", "group"], how="left")["truth"].notna()
        assert where.sum() == len(tested)
        np.testing.assert_array_equal(
            rows["truth"], ds["properties"].values[where.to_numpy(), number]
        )
        # Predictions belong to their halo: far from it on average if rows were permuted.
        shuffled = rows["mean"].sample(frac=1, random_state=1).to_numpy()
        error = (rows["mean"] - rows["truth"]).abs().mean()
        assert error < 0.6 * np.abs(shuffled - rows["truth"]).mean()


def test_all_parts_and_other_axes(folder):
    ds = blobs(80)
    everything = prediction.predict(folder, ds, parts=splits.PARTS)
    assert len(everything) == 6 * 80
    assert everything["part"].value_counts(normalize=True)["training"] == pytest.approx(0.6)
    test = prediction.predict(folder, ds, parts="test", axis="z")
    same = everything[everything["part"] == "test"].reset_index(drop=True)
    np.testing.assert_array_equal(test["truth"], same["truth"])
    assert not np.allclose(test["mean"], same["mean"], rtol=1e-6)
    with pytest.raises(ParameterError, match="Unknown parts"):
        prediction.predict(folder, ds, parts=("tests",))


def test_order_and_choice_of_halos_change_no_part(folder):
    """A store with some of the halos, in another order, gives the same rows."""
    ds = blobs(80)
    some = ds.isel(halo=np.random.default_rng(1).permutation(80)[:50])
    keys = ["realisation", "group", "property"]
    full = prediction.predict(folder, ds, parts=splits.PARTS).set_index(keys)
    few = prediction.predict(folder, some, parts=splits.PARTS).set_index(keys)
    assert (few["part"] == full.loc[few.index, "part"]).all()
    np.testing.assert_allclose(few["mean"], full.loc[few.index, "mean"], atol=1e-4)


def test_halos_that_training_did_not_know_are_in_test(folder):
    new = blobs(80)
    new = new.assign_coords(realisation=("halo", new["realisation"].values + 100))
    table = prediction.predict(folder, new, parts=splits.PARTS)
    assert set(table["part"]) == {"test"}


def test_another_suite_split_by_halo_gets_a_split_of_its_own(folder):
    other = blobs(80, suite="SIMBA", seed=5)
    table = prediction.predict(folder, other)
    assert set(table["suite_test"]) == {"SIMBA"}
    assert set(table["suite_train"]) == {"IllustrisTNG"}
    expected = splits.split(samples.halo_table(other), "halo", seed=SETTINGS.seed)
    assert len(table) == 6 * (expected == "test").sum()


def test_twins_in_another_suite_keep_their_part(by_realisation):
    """One realisation is missing in the other suite; the rest keep the part of their twins."""
    other = blobs(80, suite="SIMBA", seed=5, realisations=5)
    other = other.isel(halo=other["realisation"].values != 3)
    here = prediction.predict(by_realisation, blobs(80, realisations=5), parts=splits.PARTS)
    there = prediction.predict(by_realisation, other, parts=splits.PARTS)
    part = here.drop_duplicates("realisation").set_index("realisation")["part"]
    assert set(part) == set(splits.PARTS)
    assert (there["part"].to_numpy() == part[there["realisation"]].to_numpy()).all()
    assert set(there["limits"]) == {"survey"}
    assert set(there["fields"]) == {"hi"}


def test_broken_folders_are_refused(folder, by_realisation, tmp_path):
    with pytest.raises(DataNotFoundError, match="no trained network"):
        prediction.load(tmp_path)
    for name in (checkpoint.DESCRIPTION, checkpoint.WEIGHTS):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    prediction.load(tmp_path)  # alone, weights and description are enough
    whole = (folder / checkpoint.WEIGHTS).read_bytes()
    (tmp_path / checkpoint.WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match="can't be read"):
        prediction.load(tmp_path)
    (tmp_path / checkpoint.WEIGHTS).write_bytes((by_realisation / checkpoint.WEIGHTS).read_bytes())
    with pytest.raises(FormatError, match="SHA-256"):
        prediction.load(tmp_path)
    (tmp_path / checkpoint.DESCRIPTION).write_text('{"format": 99}')
    with pytest.raises(FormatError, match="another format"):
        prediction.load(tmp_path)
    (tmp_path / checkpoint.DESCRIPTION).write_text("weights")
    with pytest.raises(FormatError, match="isn't the description"):
        prediction.load(tmp_path)


def test_the_order_of_the_channels_is_no_part_of_the_name_of_an_input(tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 1})
    train(blobs(80), ["hi", "xray"], "ideal", tmp_path, settings, progress=False)
    assert set(prediction.predict(tmp_path, blobs(80))["fields"]) == {"xray+hi"}
