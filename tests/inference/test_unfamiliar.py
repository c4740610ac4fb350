"""Halos unlike those of the training are flagged."""

import numpy as np
import pandas as pd
import pytest
from helpers.blobs import blobs

from cgmhelpers.errors import ParameterError
from cgmhelpers.inference import prediction, unfamiliar
from cgmhelpers.network import splits
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.training import train
from cgmhelpers.statistics import quality


def test_halos_unlike_the_training_are_flagged(tmp_path):
    """A suite three times as bright as any map of the training."""
    known = blobs()
    settings = TrainingSettings(
        epochs=1, batch_size=16, channels=2, schedule="one_cycle", threads=1
    )
    folder = train(known, ["xray", "hi"], "ideal", tmp_path, settings, progress=False)
    brighter = blobs(suite="Astrid")
    brightest = float(known["image"].max())
    brighter["image"] = brighter["image"] * 0 + np.float32(3 * brightest)
    stores = {"IllustrisTNG": known, "Astrid": brighter}
    predictions = pd.concat([prediction.predict(folder, ds) for ds in stores.values()])
    flagged = unfamiliar.flag(predictions, [folder], stores)
    assert len(flagged) == len(predictions)
    foreign = flagged["suite_test"] == "Astrid"
    assert flagged[foreign]["unlike"].str.contains("xray total, xray median").all()
    assert (flagged[~foreign]["unlike"] != "").mean() < 0.3  # 36 halos trained, 12 are tested
    truth = known["properties"].values
    beyond = (flagged["mean"] < truth.min()) | (flagged["mean"] > truth.max())
    assert flagged["beyond"][beyond].all()
    everything = prediction.predict(folder, known, splits.PARTS)
    trained = unfamiliar.flag(everything, [folder], {"IllustrisTNG": known})
    assert (trained[trained["part"] == "training"]["unlike"] == "").all()
    assert "maps unlike the training's" in set(quality.report(flagged, {})["problem"])
    with pytest.raises(ParameterError, match="same maps"):
        unfamiliar.flag(predictions, [], stores)
