"""Widgets that work without a kernel: what the page needs is in their state."""

import io

import ipywidgets
import matplotlib.image
import numpy as np
import pytest
from matplotlib import pyplot as plt

from cgmhelpers import explorer
from cgmhelpers.errors import ParameterError


def picture(colour):
    figure = plt.figure(figsize=(1, 1), facecolor=colour)
    figure.add_axes([0, 0, 1, 1]).set_axis_off()
    return figure


def test_every_step_shows_its_own_picture():
    box = explorer.leaf_through({"red": picture("red"), "blue": picture("blue")}, "colour")
    slider, stack = box.children
    assert slider.options == ("red", "blue")
    assert stack.selected_index == 0
    for image, channel in zip(stack.children, (0, 2), strict=True):
        pixels = matplotlib.image.imread(io.BytesIO(image.value))[..., :3].mean(axis=(0, 1))
        np.testing.assert_allclose(pixels, np.eye(3)[channel], atol=0.01)
    assert not plt.get_fignums()


def test_slider_and_pictures_are_linked_in_the_browser():
    before = set(ipywidgets.Widget._instances if hasattr(ipywidgets.Widget, "_instances") else ())
    box = explorer.leaf_through({"a": picture("red"), "b": picture("blue")}, "letter")
    slider, stack = box.children
    registry = ipywidgets.widgets.widget._instances
    links = [
        one
        for key, one in registry.items()
        if key not in before and isinstance(one, ipywidgets.widgets.widget_link.Link)
    ]
    pairs = [(one.source, one.target) for one in links]
    assert ((slider, "index"), (stack, "selected_index")) in pairs


def test_nothing_to_show_is_refused():
    with pytest.raises(ParameterError, match="nothing to leaf through"):
        explorer.leaf_through({}, "empty")
