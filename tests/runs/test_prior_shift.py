"""The control for a shift of the prior."""

import numpy as np
import pytest
from helpers.blobs import blobs

from cgmhelpers.runs import prior_shift


def test_the_control_keeps_the_halos_that_are_rich_for_their_mass():
    ds = blobs(300)
    rich = prior_shift.gas_rich(ds)
    fraction = ds["properties"].sel(property="f_cgm").values
    assert 0.3 < rich.mean() < 0.7
    assert np.corrcoef(ds["log_mass"], rich)[0, 1] == pytest.approx(0, abs=0.15)
    assert fraction[rich].mean() > fraction[~rich].mean() + 0.05
