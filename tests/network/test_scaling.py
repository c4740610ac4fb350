"""Scaling from training halos alone, and back to physical units."""

import json

import numpy as np
import pytest
from helpers.blobs import blobs

from cgmhelpers.emission import fields
from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.network import samples
from cgmhelpers.network.scaling import SMALLEST_STD, Scaling


@pytest.fixture
def maps_of_ten():
    return samples.load(blobs(10), ["xray", "hi"], "ideal")


def test_only_training_halos_set_the_scaling(maps_of_ten):
    training = np.arange(10) < 6
    scaling = Scaling.fit(maps_of_ten, training)
    changed = maps_of_ten.copy(deep=True)
    changed["image"][6:] *= 1e6
    assert Scaling.fit(changed, training) == scaling
    assert Scaling.fit(changed, np.arange(10) < 7) != scaling
    log = np.log10(maps_of_ten["image"].values[:6].astype(float))
    np.testing.assert_allclose(scaling.mean, log.mean(axis=(0, 1, 3, 4)), rtol=1e-6)
    np.testing.assert_allclose(scaling.std, log.std(axis=(0, 1, 3, 4)), rtol=1e-6)


def test_inputs_of_training_halos_are_standard(maps_of_ten):
    scaling = Scaling.fit(maps_of_ten, np.ones(10))
    scaled = scaling.inputs(maps_of_ten["image"].values)
    assert scaled.dtype == np.float32
    # float32 logarithms near -14 are good to 1e-6.
    np.testing.assert_allclose(scaled.mean(axis=(0, 1, 3, 4), dtype=float), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=(0, 1, 3, 4), dtype=float), 1, atol=1e-5)


def test_inputs_are_floored_at_the_limits():
    for limits in ("ideal", "survey"):
        ds = samples.load(blobs(10), ["xray", "hi"], limits)
        scaling = Scaling.fit(ds, np.ones(10))
        assert scaling.floors == tuple(fields.get(name).limit(limits) for name in ("xray", "hi"))
        dark = scaling.inputs(np.zeros((2, 4, 4)))
        expected = (np.log10(scaling.floors) - scaling.mean) / scaling.std
        np.testing.assert_allclose(dark[:, 0, 0], expected, rtol=1e-5)


def test_targets_run_from_0_to_1_over_table_1(maps_of_ten):
    scaling = Scaling.fit(maps_of_ten, np.ones(10))
    low, high = np.array([[one.low, one.high] for one in PROPERTIES]).T
    np.testing.assert_allclose(scaling.targets([low, high, (low + high) / 2])[:, 0], [0, 1, 0.5])
    rng = np.random.default_rng(1)
    properties = rng.uniform(low, high, size=(5, 6))
    mean, std = scaling.physical(scaling.targets(properties), np.full((5, 6), 0.1))
    np.testing.assert_allclose(mean, properties, rtol=1e-12)
    np.testing.assert_allclose(std, np.tile(0.1 * (high - low), (5, 1)), rtol=1e-12)


def test_scaling_survives_json(maps_of_ten):
    scaling = Scaling.fit(maps_of_ten, np.ones(10))
    assert Scaling.from_dict(json.loads(json.dumps(scaling.to_dict()))) == scaling


def test_a_field_without_signal_is_called_out_and_not_blown_up(maps_of_ten, caplog):
    dark = maps_of_ten.copy(deep=True)
    dark["image"][:, :, 0] = 1e-22
    scaling = Scaling.fit(dark, np.ones(10, dtype=bool))
    assert "xray maps of all 10 training halos of IllustrisTNG are the same constant" in caplog.text
    assert scaling.std[0] == SMALLEST_STD
    # float32 holds -22 to 2e-6, which the division by 0.1 makes 2e-5.
    np.testing.assert_allclose(scaling.inputs(dark["image"].values)[..., 0, :, :], 0, atol=2e-5)
    brighter = scaling.inputs(10 * dark["image"].values)[..., 0, :, :]
    np.testing.assert_allclose(brighter, 1 / SMALLEST_STD, rtol=1e-5)


def test_what_cannot_be_scaled_is_refused(maps_of_ten):
    everything = np.ones(10, dtype=bool)
    with pytest.raises(ParameterError, match="no halo"):
        Scaling.fit(maps_of_ten, ~everything)
    with pytest.raises(FormatError, match="lack properties"):
        Scaling.fit(maps_of_ten.isel(property=slice(1, None)), everything)
    constant = maps_of_ten.copy(deep=True)
    constant["properties"][:, 2] = -2.0
    with pytest.raises(ParameterError, match="log_z_cgm"):
        Scaling.fit(constant, everything)
    broken = maps_of_ten.copy(deep=True)
    broken["image"][3, 0, 1, 2, 2] = np.nan
    with pytest.raises(FormatError, match="pixels without a logarithm"):
        Scaling.fit(broken, everything)
    scaling = Scaling.fit(maps_of_ten, everything)
    with pytest.raises(ParameterError, match="number of fields"):
        scaling.inputs(np.ones((4, 1, 16, 16)))


def test_some_properties_can_be_chosen_and_keep_their_ranges(maps_of_ten):
    scaling = Scaling.fit(maps_of_ten, np.ones(10, bool), ["f_cgm"])
    assert (scaling.properties, scaling.low, scaling.high) == (("f_cgm",), (0.0,), (0.23,))
    with pytest.raises(ParameterError, match="Unknown properties"):
        Scaling.fit(maps_of_ten, np.ones(10, bool), ["f_cgm", "age"])


def test_moments_of_many_blocks_are_those_of_all_pixels():
    ds = samples.load(blobs(300, size=8), ["xray", "hi"], "ideal")  # three blocks of halos
    scaling = Scaling.fit(ds, np.ones(300, dtype=bool))
    log = np.log10(ds["image"].values.astype(float)).swapaxes(0, 2).reshape(2, -1)
    # Sums of 6e4 numbers near 20 in float64.
    np.testing.assert_allclose(scaling.mean, log.mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(scaling.std, log.std(axis=1), rtol=1e-11)
