"""Attributions against networks where they are known in closed form, and against Captum."""

import copy

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.inference import attribution
from cgmhelpers.inference.prediction import Predictor
from cgmhelpers.network.moment_network import MomentNetwork
from cgmhelpers.network.scaling import Scaling

SIZE = 8
FLOORS = (1e-22, 1e10)
NAMES = tuple(one.name for one in PROPERTIES)


def scaling():
    return Scaling(
        fields=("xray", "hi"), floors=FLOORS, mean=(-18.0, 14.0), std=(2.0, 3.0),
        properties=NAMES,
        low=tuple(one.low for one in PROPERTIES), high=tuple(one.high for one in PROPERTIES),
    )  # fmt: skip


class Known(torch.nn.Module):
    """Property i is (weight[i] . x) ** power; a network of one formula."""

    def __init__(self, power):
        super().__init__()
        self.properties = 6
        generator = torch.Generator().manual_seed(1)
        self.weight = torch.randn(6, 2, SIZE, SIZE, generator=generator, dtype=torch.float64) / 50
        self.power = power

    def forward(self, images):
        mean = torch.einsum("nfyx,pfyx->np", images.double(), self.weight) ** self.power
        return mean, torch.ones_like(mean)


def known_predictor(power):
    """A real predictor, but for its network."""
    predictor = trained_predictor()
    predictor.network = Known(power)
    predictor.calibration = None
    return predictor


def trained_predictor(seed=3):
    torch.manual_seed(seed)
    architecture = {"in_channels": 2, "channels": 2, "size": SIZE, "dropout": 0.1}
    description = {
        "scaling": scaling().to_dict(), "limits": "ideal", "network": architecture,
        "pixel_size_kpc": 4.0,
    }  # fmt: skip
    network = MomentNetwork(**architecture)
    # Statistics of the batch normalisation that aren't those of a new network.
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(generator=torch.Generator().manual_seed(seed))
            layer.running_var.uniform_(0.5, 2, generator=torch.Generator().manual_seed(seed))
    return Predictor(network, description)


@pytest.fixture
def images():
    """Maps over all decades above the floor, with a blank corner."""
    rng = np.random.default_rng(2)
    logarithm = rng.uniform((-22, 10), (-14, 18), size=(5, SIZE, SIZE, 2))
    found = 10 ** np.moveaxis(logarithm, -1, 1)
    found[..., :2, :2] = 0
    return found


def inputs(images):
    """Standardised log10 of the images, by hand."""
    floors, mean, std = (np.reshape(one, (2, 1, 1)) for one in (FLOORS, (-18, 14), (2, 3)))
    return (np.log10(np.maximum(images, floors)) - mean) / std


@pytest.mark.parametrize("name", ["log_m_halo", "f_cgm"])
def test_linear_network_is_credited_weight_times_input(images, name):
    number = NAMES.index(name)
    predictor = known_predictor(power=1)
    found = attribution.integrated_gradients(predictor, images, name)
    weight = predictor.network.weight[number].numpy()
    width = PROPERTIES[number].high - PROPERTIES[number].low
    expected = width * weight * (inputs(images) - inputs(np.zeros_like(images)))
    # Inputs are float32, of order 10.
    assert found.values == pytest.approx(expected, abs=1e-5 * np.abs(expected).max())
    assert found.values.shape == images.shape
    assert (found.values[..., :2, :2] == 0).all()  # pixels at the limit
    assert found.gap.max() < 1e-5


def test_quadratic_network_is_credited_the_mean_gradient(images):
    """F = s^2 with s linear: A_j = w_j (x_j - x'_j) (s + s'), exact for Gauss-Legendre."""
    predictor = known_predictor(power=2)
    found = attribution.integrated_gradients(predictor, images, "log_m_halo", steps=4)
    weight = predictor.network.weight[0].numpy()
    x, blank = inputs(images), inputs(np.zeros_like(images))
    s, s_blank = ((weight * one).sum(axis=(1, 2, 3)) for one in (x, blank))
    width = PROPERTIES[0].high - PROPERTIES[0].low
    expected = width * weight * (x - blank) * (s + s_blank)[:, None, None, None]
    assert found.values == pytest.approx(expected, abs=1e-5 * np.abs(expected).max())


def test_attributions_of_a_network_add_up_to_its_difference(images):
    predictor = trained_predictor()
    found = attribution.integrated_gradients(predictor, images, "f_cgm")
    mean = predictor(images)[0][:, 1]
    blank = predictor(np.zeros_like(images[:1]))[0][0, 1]
    assert np.ptp(found.inferred) > 0  # something to attribute
    absolute = np.abs(found.values).sum(axis=(1, 2, 3))
    gap = np.abs(found.values.sum(axis=(1, 2, 3)) - (mean - blank)) / absolute
    assert gap == pytest.approx(found.gap, abs=1e-6)
    # Kinks of LeakyReLU leave an error of the order of one step of the integral.
    assert found.gap.max() < 1 / attribution.STEPS
    half = attribution.integrated_gradients(predictor, 10 * images, "f_cgm")
    assert np.abs(half.values.sum(axis=(1, 2, 3)) - (mean - blank)).max() > 1e-3  # it can fail


@pytest.mark.filterwarnings("ignore:Setting forward, backward hooks")
def test_single_step_is_captums_deep_lift(images):
    from captum.attr import DeepLift

    predictor = trained_predictor()
    found = attribution.deep_lift(predictor, images, "f_cgm", batch_size=3)
    mean = predictor(images)[0][:, 1]
    assert np.ptp(mean) > 0
    assert found.inferred == pytest.approx(mean)
    assert found.values.sum(axis=(1, 2, 3)) == pytest.approx(mean - found.blank, abs=1e-6)

    class Mean(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, batch):
            return self.network(batch)[0]

    network = copy.deepcopy(predictor.network)
    for layer in network.modules():
        if isinstance(layer, torch.nn.LeakyReLU):
            layer.inplace = False  # Captum reads what came in
    batch, blank = (
        torch.from_numpy(predictor.scaling.inputs(one)) for one in (images, np.zeros_like(images))
    )
    known = DeepLift(Mean(network)).attribute(batch.requires_grad_(), blank, target=1)
    known = known.detach().numpy() * (PROPERTIES[1].high - PROPERTIES[1].low)
    np.testing.assert_allclose(found.values, known, atol=1e-5 * np.abs(known).max())
    gradients = attribution.integrated_gradients(predictor, images, "f_cgm")
    assert np.abs(gradients.values - known).max() > 1e-2 * np.abs(known).max()  # it can fail
    nothing = attribution.deep_lift(predictor, np.zeros_like(images), "f_cgm")
    assert (nothing.values == 0).all()


def test_share_of_a_field_without_light_is_zero(images):
    images[:, 0] = 0
    found = attribution.integrated_gradients(trained_predictor(), images, "f_cgm")
    assert found.field_share == pytest.approx(np.tile([0.0, 1.0], (5, 1)))


def test_a_blank_map_has_nothing_to_share():
    found = attribution.integrated_gradients(
        trained_predictor(), np.zeros((1, 2, SIZE, SIZE)), "f_cgm"
    )
    assert (found.values == 0).all()
    assert np.isnan(found.field_share).all()
    assert found.gap == pytest.approx(0)


def test_random_weights_rank_pixels_otherwise_and_the_same_weights_do_not(images):
    predictor = trained_predictor()
    found = attribution.integrated_gradients(predictor, images, "f_cgm")
    again = attribution.integrated_gradients(trained_predictor(), images, "f_cgm")
    assert attribution.rank_correlation(found, again) == pytest.approx(1)
    others = [
        attribution.integrated_gradients(attribution.randomised(predictor, seed), images, "f_cgm")
        for seed in range(4)
    ]
    ranks = [attribution.rank_correlation(found, other) for other in others]
    assert np.abs(np.mean(ranks)) < 0.2
    assert np.abs(attribution.rank_correlation(others[0], others[1])).max() < 0.95


def test_randomised_weights_are_seeded_and_leave_the_global_state_alone():
    predictor = trained_predictor()
    state = torch.get_rng_state()
    weights = [
        next(attribution.randomised(predictor, seed).network.parameters()) for seed in (1, 1, 2)
    ]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_rank_correlation_is_spearmans_over_the_pixels_that_have_any():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(2, 1, 2, 4, 4))
    values[:, :, 0, :2] = 0
    values[:, :, 1] = 0
    first, second = (attribution.Attribution(one, 0, 0, ("xray", "hi"), "f_cgm") for one in values)
    found = attribution.rank_correlation(first, second)
    expected = stats.spearmanr(values[0, 0, 0, 2:].ravel(), values[1, 0, 0, 2:].ravel()).statistic
    assert found[0, 0] == pytest.approx(expected)
    assert np.isnan(found[0, 1])
    with pytest.raises(ParameterError, match="same maps"):
        attribution.rank_correlation(
            first, attribution.Attribution(values[0, :, :1], 0, 0, ("xray",), "f_cgm")
        )


def test_profile_puts_absolute_attribution_into_its_ring():
    place = (np.arange(4) - 1.5) * 10.0  # pixels at 7.1, 15.8 and 21.2 kpc
    maps = xr.Dataset(coords={"y": place, "x": place})
    values = np.zeros((2, 2, 4, 4))
    values[0, 0, 1, 1] = -3
    values[0, 1, 0, 1] = 2
    values[0, 1, 0, 0] = 5
    one = attribution.Attribution(values, 0, 0, ("xray", "hi"), "f_cgm")
    found = attribution.radial_profile(one, maps, [0, 10, 20, 30])
    assert found[0] == pytest.approx(np.array([[0.3, 0, 0], [0, 0.2, 0.5]]))
    assert np.isnan(found[1]).all()
    assert attribution.radial_profile(one, maps, [0, 10])[0].sum() == pytest.approx(0.3)


@pytest.mark.parametrize("method", [attribution.integrated_gradients, attribution.deep_lift])
def test_a_property_that_the_network_does_not_infer_is_refused(images, method):
    with pytest.raises(ParameterError, match="doesn't infer"):
        method(trained_predictor(), images, "age")


def test_agreement_is_the_mean_over_fields_with_light():
    values = np.random.default_rng(1).normal(size=(2, 2, SIZE, SIZE))
    values[1, 1] = 0
    one = attribution.Attribution(values, np.zeros(2), 0.0, ("xray", "hi"), "log_m_halo")
    turned = attribution.Attribution(
        values * np.array([1, -1])[:, None, None], *list(vars(one).values())[1:]
    )
    np.testing.assert_allclose(attribution.agreement(one, turned), [0, 1], atol=1e-12)
    dark = attribution.Attribution(0 * values, *list(vars(one).values())[1:])
    assert np.isnan(attribution.agreement(dark, dark)).all()
