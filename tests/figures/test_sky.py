"""Figures of telescopes' maps, of depth, and of stacks."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cgmhelpers import figures
from cgmhelpers.halos.classes import HALO_CLASSES


def halo(fields):
    rng = np.random.default_rng(1)
    shape, place = (len(fields), 8, 8), np.arange(8.0)
    unit = np.array([{"xray": 1e-16, "hi": 1e19}[name] for name in fields])[:, None, None]
    nature = xr.DataArray(unit * rng.lognormal(size=shape), dims=("field", "y", "x"))
    value = unit * rng.normal(size=shape)
    found = xr.Dataset(
        {
            "value": (("field", "y", "x"), value),
            "noise": (("field", "y", "x"), unit * np.ones(shape)),
            "seen": (("field", "y", "x"), rng.random(shape) > 0.1),
            "input": (("channel", "y", "x"), abs(value)),
        },
        coords={"field": fields, "channel": fields},
        attrs={"pixel_size_kpc": 4.0},
    )
    if "xray" in fields:
        found["counts"] = (("y", "x"), rng.poisson(2.0, (8, 8)).astype(float))
    return nature.assign_coords(field=fields, y=place, x=place), found


@pytest.mark.parametrize("fields", [["xray", "hi"], ["hi"], ["xray"]])
def test_a_halo_is_drawn_in_three_ways(fields):
    figure = figures.seen_by(*halo(fields), source="mock suite")
    images = [axis for axis in figure.axes if axis.images]
    assert len(images) == 3 * len(fields)
    assert any("mock" in text.get_text() for text in figure.texts)
    if "xray" in fields:
        assert np.asarray(images[1].images[0].get_array()).max() >= 1  # counts


@pytest.mark.parametrize("across", ["hi", None])
def test_widths_are_medians_over_halos(across):
    kinds = [one.name for one in HALO_CLASSES[:2]]
    rows = [
        {"halo_class": kind, "xray": depth, "hi": line, "relative": 0.5 / depth + number / 100}
        for kind in kinds for depth in (1.0, 2.0) for line in (1.0, 4.0) for number in range(3)
    ]  # fmt: skip
    figure = figures.width_by_depth(pd.DataFrame(rows), "xray", across)
    panels = [axis for axis in figure.axes if axis.get_title()]
    assert len(panels) == 2
    line = panels[0].lines[0]
    assert line.get_xdata().tolist() == [1.0, 2.0]
    assert line.get_ydata() == pytest.approx([0.51, 0.26])


def test_a_stack_has_a_line_and_crosses_for_each_suite():
    table = pd.DataFrame(
        {"suite": ["all"] * 2 + ["SIMBA"] * 2, "objects": [10, 100] * 2,
         "width": [0.02, 0.006, 0.03, 0.01], "error": [0.01, 0.01, 0.02, 0.02]}
    )  # fmt: skip
    figure = figures.width_by_number(table, 0.03, source="mock suite")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [
        "all suites",
        "mock SIMBA",
        "scatter of the training halos",
        "root of the number",
        "distance from the truth",
    ]
