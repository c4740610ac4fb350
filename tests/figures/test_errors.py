"""Figures of errors and biases show those of the predictions they are given."""

import numpy as np
import pytest
from helpers.drawings import SOURCE, panels, predictions

from cgmhelpers.figures import errors
from cgmhelpers.halos.properties import NAMES, PROPERTIES


@pytest.fixture(scope="module")
def table():
    return predictions()


def test_error_by_class_shows_the_mean_relative_error(table):
    own = table[(table["suite_train"] == "SIMBA") & (table["suite_test"] == "SIMBA")]
    figure = errors.error_by_class(own, "fields", source=SOURCE)
    shown = panels(figure)
    assert len(shown) == 3
    for axis, name in zip(shown, ("sub_l_star", "l_star", "group"), strict=True):
        lines = {line.get_label(): line.get_ydata() for line in axis.lines}
        for fields, label in (("hi", "HI"), ("xray+hi", "X-ray + HI")):
            panel = own[(own["halo_class"] == name) & (own["fields"] == fields)]
            ratio = (panel["std"] / panel["mean"].abs()).groupby(panel["property"]).mean()
            np.testing.assert_allclose(lines[label], ratio.loc[list(NAMES)])
    assert len(figure.legends[0].texts) == 3
    assert r"\epsilon" in shown[0].get_ylabel()


def test_error_by_class_shows_rmse_in_units_of_the_range(table):
    own = table[(table["suite_train"] == table["suite_test"]) & (table["fields"] == "hi")]
    axis = panels(errors.error_by_class(own, "suite_test", "rmse"))[2]
    lines = {line.get_label(): line.get_ydata() for line in axis.lines}
    panel = own[(own["halo_class"] == "group") & (own["suite_test"] == "Astrid")]
    squared = ((panel["truth"] - panel["mean"]) ** 2).groupby(panel["property"]).mean()
    spans = [one.high - one.low for one in PROPERTIES]
    np.testing.assert_allclose(lines["Astrid"], np.sqrt(squared.loc[list(NAMES)]) / spans)


def test_bias_matrix_shows_the_offsets_that_were_put_in():
    own = predictions(halos=200, bias=0.2)
    own = own[own["fields"] == "xray"]
    figure = errors.bias_matrix(own, NAMES, SOURCE)
    shown = panels(figure)
    assert len(shown) == 6
    for axis, one in zip(shown, PROPERTIES, strict=True):
        share = np.asarray(axis.images[0].get_array())  # rows: trained on, columns: tested on
        expected = 0.2 * (np.arange(3) - np.arange(3)[:, None])
        # The median of 200 errors of at most a tenth of the range scatters by 0.01.
        np.testing.assert_allclose(share, expected, atol=0.045)
        assert axis.get_title() == one.axis_label
        assert len(axis.texts) == 9
