"""Summaries of maps are those of numpy."""

import numpy as np
import pytest
from helpers.blobs import blobs

from cgmhelpers.maps import summaries
from cgmhelpers.network import samples


def test_statistics_of_a_map_are_numpys():
    ds = samples.load(blobs(5), ["xray", "hi"], "ideal")
    table = summaries.map_statistics(ds)
    image = ds["image"].sel(axis="x", field="hi").values[3].astype(float)
    assert table["hi total"][3] == pytest.approx(np.log10(image.mean()), rel=1e-6)
    assert table["hi bright"][3] == pytest.approx(np.log10(np.quantile(image, 0.99)), rel=1e-6)
