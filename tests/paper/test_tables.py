"""The tables of the paper, against its printed numbers and halos that were made for them."""

import numpy as np
import pandas as pd
import pytest
from helpers.drawings import crowd

from cgmhelpers.figures import choice
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.network import moment_network
from cgmhelpers.paper import tables
from cgmhelpers.statistics import coverage


def test_table_1_measures_the_halos_against_the_ranges():
    halos = pd.DataFrame({one.name: np.linspace(one.low, one.high, 8) for one in PROPERTIES})
    halos.loc[0, "f_cgm"] = 0.3
    halos.loc[1, "f_cgm"] = np.nan
    found = tables.table_properties(halos).set_index("property")
    assert found.loc["log_m_halo", "range"] == "11.5 … 14.3"  # as printed
    assert found.loc["log_z_cgm", "range"] == "−3.6 … −1.3"
    assert found.loc["f_cgm", "inside"] == pytest.approx(6 / 7)
    assert (found["inside"].drop("f_cgm") == 1).all()


def test_table_2_has_the_printed_counts():
    rows = [("SIMBA", "sub_l_star")] * 3397 + [("SIMBA", "l_star")] * 1634
    rows += [("SIMBA", "group")] * 170
    found = tables.table_counts(pd.DataFrame(rows, columns=["suite", "halo_class"]), 27)
    row = found.loc["SIMBA"]
    assert row["Total", "paper, scaled"] == 5101  # printed, and the sum of the classes
    assert row["Sub-L*", "deviation"] == 0
    assert row["L*", "deviation"] == pytest.approx(100 / np.sqrt(1534))
    assert list(dict.fromkeys(found.columns.get_level_values(0))) == [
        "Sub-L*", "L*", "Group", "Total",
    ]  # fmt: skip


def test_table_3_finds_a_shrunken_scatter():
    rows, _ = choice.choose(crowd(), "Table 3", ["xray+hi"], "ideal")
    middle = rows.groupby(["suite_test", "property"])["truth"].transform("mean")
    half = rows.assign(mean=middle + 0.5 * (rows["truth"] - middle))
    found = tables.table_scatter(half)
    assert len(found) == 5 * 3
    np.testing.assert_allclose(found.xs("ratio", axis=1, level=1), 0.5)
    printed = tables.printed_scatter()
    assert printed.loc[("second block", "SIMBA"), ("L*", "inferred")] == 0.052
    ratios = printed.xs("ratio", axis=1, level=1)
    assert (ratios < 0.6).sum(axis=None) == 5  # of the 12 of claim 5b
    assert list(printed.columns) == list(found.columns)


def test_table_4_knows_the_papers_network_and_no_other():
    layers = tables.table_layers(moment_network.MomentNetwork(in_channels=1))
    assert len(layers) == 38  # the rows that are printed
    assert layers["as_printed"].all()
    other = tables.table_layers(moment_network.MomentNetwork(in_channels=1, channels=8))
    assert not other["as_printed"].any()
    two = tables.table_layers(moment_network.MomentNetwork(in_channels=2))
    assert two.loc[~two["as_printed"], "layer"].tolist() == ["C01"]


def test_table_5_says_what_is_used():
    table = tables.table_functions(moment_network.MomentNetwork(in_channels=1)).set_index("layer")
    assert table["as_printed"].tolist() == [True] * 4 + [False] * 3
    assert (table.loc[["P0", "ReLU", "tanh"], "this network"] == "not used").all()
    other = tables.table_functions(moment_network.MomentNetwork(in_channels=1, dropout=0.1))
    assert other.set_index("layer").loc["Dropout", "this network"] == "p 0.1"


def test_the_papers_coverages_stand_beside_the_networks_own_widths():
    """Right posteriors, of which the network itself claims half the width."""
    table = crowd()
    table = table.assign(std_network=0.5 * table["std"])
    found = tables.table_coverage(table[table["suite_test"] != "Astrid"])
    assert found["paper"].tolist() == [0.783, 0.689, 0.650]  # as printed in Section 3.1
    assert found.loc[0, coverage.WIDTHS].isna().all()  # no network of Astrid
    for row, fields in ((1, "xray"), (2, "hi")):
        own = table[
            (table["suite_train"] == "SIMBA")
            & (table["suite_test"] == "SIMBA")
            & (table["fields"] == fields)
            & (table["limits"] == "ideal")
            & (table["property"] == "log_m_halo")
        ]
        for width, factor in zip(coverage.WIDTHS, (0.5, 1.0), strict=True):
            share = ((own["truth"] - own["mean"]).abs() <= factor * own["std"]).mean()
            assert found.loc[row, width].startswith(f"{share:.2f} [")
    assert tables.table_coverage(table[:0])["paper"].notna().all()
