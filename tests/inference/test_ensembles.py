"""Ensembles: variances of a mixture, equal splits, and doubt about what is unlike the training."""

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.blobs import blobs

from cgmhelpers.errors import ParameterError
from cgmhelpers.inference import ensembles, prediction
from cgmhelpers.network import checkpoint
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.training import train
from cgmhelpers.statistics import reliability

SETTINGS = TrainingSettings(
    epochs=4, batch_size=16, channels=3, learning_rate=3e-3, schedule="one_cycle", dropout=0.05,
    threads=1,
)  # fmt: skip
MEMBERS = 3


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Members that differ in their seeds, trained on the fainter half of the blobs."""
    ds = faint()
    made = []
    for member in range(MEMBERS):
        other = {"seed": 1 + member, "split_seed": 1} if member else {}
        path = tmp_path_factory.mktemp("networks") / str(member)
        settings = SETTINGS.model_copy(update=other)
        made.append(train(ds, ["xray", "hi"], "ideal", path, settings, progress=False))
    return made


def faint():
    ds = blobs(160)
    return ds.isel(halo=np.flatnonzero(ds["log_mass"].values < 12.5))


def test_members_share_the_split_and_nothing_else(folders):
    tables = [pd.read_csv(folder / checkpoint.SPLIT) for folder in folders]
    assert set(tables[0]["part"]) == {"training", "validation", "test"}
    for other in tables[1:]:
        pd.testing.assert_frame_equal(other, tables[0])
    for folder in folders:
        assert checkpoint.read_description(folder)["split"]["seed"] == 1
    states = [checkpoint.read_network(folder)[0] for folder in folders]
    assert not any(
        torch.equal(states[0]["features.C01.weight"], other["features.C01.weight"])
        for other in states[1:]
    )


def test_variance_is_that_of_the_mixture(folders):
    """Oracle: draws from the equal mixture of the members' normal distributions."""
    tables = [prediction.predict(folder, faint()).head(30) for folder in folders]
    found = ensembles.combine(tables)
    assert list(found.columns) == ensembles.COLUMNS
    generator = np.random.default_rng(1)
    drawn = np.concatenate(
        [generator.normal(table["mean"], table["std"], size=(40_000, 30)) for table in tables]
    )
    # 120,000 draws: the deviation is known to 0.2%, the mean to 0.3% of it; five times that.
    np.testing.assert_allclose(found["std"], drawn.std(axis=0), rtol=0.015)
    assert (np.abs(found["mean"] - drawn.mean(axis=0)) < 0.015 * found["std"]).all()
    total = np.hypot(found["std_aleatoric"], found["std_epistemic"])
    np.testing.assert_allclose(found["std"], total)
    assert (found["std_epistemic"] > 0).all()


def test_members_that_agree_leave_no_epistemic_part(folders):
    table = prediction.predict(folders[0], faint())
    found = ensembles.combine([table, table])
    np.testing.assert_allclose(found["std_epistemic"], 0, atol=1e-12)
    np.testing.assert_allclose(found["std"], table["std"])
    np.testing.assert_allclose(found["mean"], table["mean"])


def test_members_doubt_what_they_have_not_seen(folders):
    """Blobs brighter than any of the training, up to 40 times."""
    ds = blobs(160, suite="Bright")
    bright = ds.isel(halo=np.flatnonzero(ds["log_mass"].values > 12.9))
    pairs = [
        pd.concat([prediction.predict(folder, faint()),
                   prediction.predict(folder, bright, parts=("training", "validation", "test"))])
        for folder in folders
    ]  # fmt: skip
    halos = reliability.per_halo(ensembles.combine(pairs))
    assert halos["familiar"].sum() > 5
    middle = halos.groupby("familiar")["epistemic"].median()
    assert middle[False] > 1.5 * middle[True]
    found = reliability.areas(halos, draws=50).set_index(["flag", "task"])
    assert found.loc[("epistemic", "unfamiliar"), "low"] > 0.6


def test_disagreement_about_maps_is_that_of_the_table(folders):
    ds = faint()
    halos = reliability.per_halo(
        ensembles.combine([prediction.predict(folder, ds) for folder in folders])
    )
    chosen = ds.isel(halo=pd.read_csv(folders[0] / checkpoint.SPLIT)["part"].to_numpy() == "test")
    found = ensembles.epistemic(folders, chosen["image"].sel(axis="x").values)
    np.testing.assert_allclose(found, halos["epistemic"], rtol=1e-5)


def test_members_of_different_halos_are_refused(folders):
    table = prediction.predict(folders[0], faint())
    with pytest.raises(ParameterError, match="different halos"):
        ensembles.combine([table, table.iloc[::-1]])
    with pytest.raises(ParameterError, match="several members"):
        ensembles.combine([table])
