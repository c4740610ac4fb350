"""Widths of posteriors against depth."""

import numpy as np
import pandas as pd
import pytest

from cgmhelpers.errors import ParameterError
from cgmhelpers.network import checkpoint
from cgmhelpers.sky import planning


@pytest.fixture(scope="module")
def halos(network, visible_maps):
    return planning.unseen_halos(network, visible_maps)


def test_only_halos_that_the_training_did_not_see_are_taken(halos, network):
    split = pd.read_csv(network / checkpoint.SPLIT)
    assert halos.sizes["halo"] == (split["part"] == "test").sum() > 5
    assert set(halos["group"].values) == set(split.loc[split["part"] == "test", "group"])


def test_a_table_has_each_halo_at_each_depth(halos, network):
    depths = [{"xray": one, "hi": 1.0} for one in (0.7, 1.5)]
    table = planning.widths(network, halos, "f_cgm", 0.03, depths, number=50)
    assert table.groupby("xray").size().tolist() == [halos.sizes["halo"]] * 2
    assert (table["relative"] == table["std"] / table["mean"]).all()
    again = planning.widths(network, halos, "f_cgm", 0.03, depths, number=50)
    pd.testing.assert_frame_equal(table, again)


@pytest.mark.parametrize(("redshift", "depth"), [(0.05, 1.0), (0.03, 4.0)])
def test_what_the_network_was_not_trained_for_is_refused(redshift, depth, halos, network):
    with pytest.raises(ParameterError, match="outside of the network's training"):
        planning.posteriors(network, halos, redshift, {"xray": depth, "hi": 1.0})


def test_the_depth_for_a_goal_is_interpolated():
    """Widths that fall with the root of the exposure: 20% are 4 times the exposure of 40%."""
    depths = np.array([1.0, 2.0, 8.0, 16.0])
    table = pd.DataFrame({"xray": depths, "relative": 0.4 - 0.1 * np.log2(depths) / 1.0})
    assert planning.depth_for(table, "xray", 0.2) == pytest.approx(4)
    assert planning.depth_for(table, "xray", 0.5) == 1
    assert np.isnan(planning.depth_for(table, "xray", -1))
