"""Baselines recover relations that were put into the maps, from the halos that they may see."""

import numpy as np
import pandas as pd
import pytest
from helpers.blobs import HIGH, LOW, blobs

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.inference import baselines, prediction
from cgmhelpers.maps import summaries
from cgmhelpers.network import checkpoint, samples
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.training import train

SETTINGS = TrainingSettings(epochs=1, batch_size=32, channels=2, threads=1)
LIMITS = {"xray": 2.0e-13, "hi": 1.0e19}  # of surveys, as the science page has them


@pytest.fixture(scope="module")
def stores():
    return {
        "IllustrisTNG": blobs(150, realisations=5),
        "SIMBA": blobs(90, suite="SIMBA", realisations=5, seed=1),
    }


@pytest.fixture(scope="module")
def folders(stores, tmp_path_factory):
    """Networks of one field and of two; one epoch, since only what they learn from counts."""
    path = tmp_path_factory.mktemp("networks")
    return [
        train(
            stores["IllustrisTNG"], fields, "ideal", path / "+".join(fields), SETTINGS,
            split_by="realisation", progress=False,
        )
        for fields in (["xray"], ["xray", "hi"])
    ]  # fmt: skip


@pytest.fixture(scope="module")
def table(folders, stores):
    return baselines.predict(folders, stores)


def flat(values, limits="ideal"):
    """One halo whose pixels (y, x) are given, the same along all axes and in both fields."""
    ds = blobs(1, size=len(values))
    ds["image"][:] = np.asarray(values)
    return samples.load(ds, ["xray", "hi"], limits)


def test_features_of_a_map_made_by_hand():
    """16 x 16 pixels of 4 kpc: the corners lie 42 kpc out, so give the map pixels of 8 kpc."""
    values = np.zeros((16, 16))
    values[8, 8] = 3e20  # 5.7 kpc from the centre
    values[0, 0] = 1e20  # 85 kpc
    ds = flat(values, "survey")
    ds = ds.assign_coords(x=2 * ds["x"], y=2 * ds["y"])
    found = summaries.features(ds)
    assert found.shape == (1, 3, 2, 2)
    assert found[0, :, :, 0] == pytest.approx(np.log10(4e20))
    assert found[0, :, :, 1] == pytest.approx(0.75)


def test_a_map_below_the_limit_says_so_without_infinities():
    found = summaries.features(flat(np.full((16, 16), 1e-16), "survey"))
    assert found[0, 0, :, 0] == pytest.approx([np.log10(LIMITS["xray"]), np.log10(LIMITS["hi"])])
    assert (found[..., 1] == 0).all()


def test_brightness_is_recovered_by_both(table):
    """A blob's log total is linear in a but for its extent, which concentration tells."""
    own = table[(table["suite_test"] == "IllustrisTNG") & (table["property"] == "log_m_halo")]
    for _, rows in own.groupby(["method", "fields"]):
        residual = (rows["mean"] - rows["truth"]) / (HIGH[0] - LOW[0])
        assert residual.std() < 0.1  # of a uniform prior it is 0.29
        assert 0.3 < rows["std"].iloc[0] / (residual * (HIGH[0] - LOW[0])).std() < 3


def test_trees_follow_what_a_line_cannot():
    """A parabola of the only feature: no line through it explains anything."""
    x = np.linspace(-1, 1, 400)[:, None]
    known, unseen = (x[::2], x[::2, 0] ** 2), (x[1::2], x[1::2, 0] ** 2)
    errors = {
        name: np.std(fit(known, unseen, 1).predict(unseen[0]) - unseen[1])
        for name, fit in baselines.METHODS.items()
    }
    assert errors["scaling relation"] == pytest.approx(np.std(unseen[1]), rel=0.01)
    # A leaf holds at least 20 of 200 points, so the steep ends are averaged over 0.2 in x, and in
    # x^2 over 0.36: an RMS of a tenth of that there, less in between.
    assert errors["boosted trees"] < 0.25 * errors["scaling relation"]


def test_a_line_is_least_squares():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    design = np.column_stack([np.ones(50), x])
    expected = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    assert baselines.scaling_relation((x, y), None, 1).predict(x) == pytest.approx(expected)


def test_the_table_is_that_of_the_network_with_another_inference(folders, stores, table):
    """Same halos, same truths, same columns: the splits are the same."""
    keys = [name for name in prediction.COLUMNS if name not in ("mean", "std", "std_network")]
    for folder in folders:
        expected = pd.concat([prediction.predict(folder, one) for one in stores.values()])
        fields = expected["fields"].iloc[0]
        for method in baselines.METHODS:
            own = table[(table["fields"] == fields) & (table["method"] == method)]
            both = [one[keys].sort_values(keys).reset_index(drop=True) for one in (own, expected)]
            pd.testing.assert_frame_equal(*both)
    assert list(table.columns) == [*prediction.COLUMNS, "method"]
    assert (table["std"] == table["std_network"]).all()
    assert set(table["property"]) == set(NAMES)


def test_only_training_and_validation_halos_are_learnt_from(folders, stores, table):
    """Ruined truths of test halos and of the other suite don't change a single inference."""
    parts = pd.read_csv(folders[0] / checkpoint.SPLIT)["part"].to_numpy()
    ruined = {suite: one.copy(deep=True) for suite, one in stores.items()}
    ruined["IllustrisTNG"]["properties"][parts == "test"] = 1e3
    ruined["SIMBA"]["properties"][:] = -1e3
    again = baselines.predict(folders, ruined)
    pd.testing.assert_frame_equal(again[["mean", "std"]], table[["mean", "std"]])
    # And it would show: training halos do matter.
    ruined["IllustrisTNG"]["properties"][parts == "training"] += 1
    assert not np.allclose(
        baselines.predict(folders[:1], ruined)["mean"].mean(), again["mean"].mean()
    )


def test_halos_without_gas_are_not_learnt_from(folders, stores):
    """As in training: a property that isn't finite leaves its halo out."""
    parts = pd.read_csv(folders[0] / checkpoint.SPLIT)["part"].to_numpy()
    holed = {suite: one.copy(deep=True) for suite, one in stores.items()}
    holed["IllustrisTNG"]["properties"][np.flatnonzero(parts == "training")[:3], 2] = np.nan
    assert np.isfinite(baselines.predict(folders[:1], holed)["mean"]).all()


def test_networks_of_different_maps_are_refused(folders, stores, tmp_path):
    other = train(
        stores["IllustrisTNG"], ["hi"], "survey", tmp_path, SETTINGS, split_by="realisation",
        progress=False,
    )  # fmt: skip
    with pytest.raises(ParameterError, match="don't see the same maps"):
        baselines.predict([folders[0], other], stores)
