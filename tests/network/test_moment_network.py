"""The network against the paper's tables, the loss against arithmetic and closed forms."""

import numpy as np
import pytest
import torch
from scipy import stats

from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.network.layers import summary
from cgmhelpers.network.loss import moment_loss
from cgmhelpers.network.moment_network import (
    MomentNetwork,
    Positive,
    folded,
    moments,
    number_of_blocks,
)


def test_number_of_parameters_is_the_papers():
    """4.93 million, counted from Tables 4 and 5 by hand rather than by torch."""
    count = 0
    width = 2
    for wider in (12, 24, 48, 96, 192, 384):
        for kernel in (3, 3, 2):
            count += kernel**2 * width * wider + wider + 2 * wider  # weights, bias, batch norm
            width = wider
    count += 2**2 * 384 * 768 + 768 + 2 * 768
    count += 768 * 384 + 384 + 384 * 12 + 12
    assert MomentNetwork(2).number_of_parameters == count == 4_928_040


def test_summary_is_the_papers_table():
    network = MomentNetwork(1)
    table = summary(network).set_index("layer")
    assert table.attrs["parameters"] == network.number_of_parameters
    convolutions = [name for name in table.index if name.startswith("C")]
    blocks = [f"C{block}{step}" for block in range(6) for step in (1, 2, 3)]
    assert convolutions == [*blocks, "C61"]
    assert [name for name in table.index if name.startswith("B")] == [
        name.replace("C", "B") for name in convolutions
    ]
    expected = {
        "C01": ("Conv2d 3x3, stride 1, padding 1", (12, 128, 128)),
        "C03": ("Conv2d 2x2, stride 2", (12, 64, 64)),
        "C13": ("Conv2d 2x2, stride 2", (24, 32, 32)),
        "C52": ("Conv2d 3x3, stride 1, padding 1", (384, 4, 4)),
        "C53": ("Conv2d 2x2, stride 2", (384, 2, 2)),
        "C61": ("Conv2d 2x2, stride 1", (768, 1, 1)),
        "B61": ("BatchNorm2d eps 1e-05, momentum 0.1", (768, 1, 1)),
        "R61": ("LeakyReLU slope 0.2", (768, 1, 1)),
        "D1": ("Dropout p 0.3522", (768,)),
        "FC1": ("Linear 768-384", (384,)),
        "FC2": ("Linear 384-12", (12,)),
    }
    for layer, (operation, shape) in expected.items():
        assert tuple(table.loc[layer, ["operation", "output_shape"]]) == (operation, shape)
    assert network.training  # as it was before


@pytest.mark.parametrize(("size", "blocks"), [(32, 4), (64, 5), (128, 6), (256, 7)])
def test_sizes_fields_channels_and_properties_are_free(size, blocks):
    torch.manual_seed(1)
    network = MomentNetwork(3, properties=2, channels=2, size=size).eval()
    assert number_of_blocks(size) == blocks
    table = summary(network).set_index("layer")
    assert table.loc[f"R{blocks}1", "output_shape"] == (2 * 2**blocks, 1, 1)
    mean, std = network(torch.randn(2, 3, size, size))
    assert mean.shape == std.shape == (2, 2)


def test_std_is_positive_and_monotonic_in_the_output():
    """Half of x + sqrt(x^2 + 0.04), in numpy and double precision."""
    torch.manual_seed(1)
    network = MomentNetwork(1, channels=2, size=16).eval()
    with torch.no_grad():
        network.head.FC2.bias.zero_()  # so that outputs of both signs occur
        network.head.FC2.weight *= 10
        images = torch.randn(64, 1, 16, 16)
        outputs = network.head(network.features(images))
        mean, std = network(images)
    assert (outputs[:, 6:] < 0).any()
    assert (outputs[:, 6:] > 0).any()
    assert (std > 0).all()
    assert torch.equal(mean, outputs[:, :6])
    x = outputs[:, 6:].double().numpy()
    np.testing.assert_allclose(std, (x + np.sqrt(x**2 + 0.04)) / 2, rtol=1e-5)
    far = torch.tensor([-1e6, -1e3, -1.0, -0.1, 0.0, 0.1, 1.0, 1e6], requires_grad=True)
    positive = Positive()(far)
    assert (positive.diff() > 0).all()
    np.testing.assert_allclose(positive[:2].detach(), 0.01 / far[:2].abs().detach(), rtol=1e-5)
    positive.sum().backward()
    assert torch.isfinite(far.grad).all()


def test_untrained_network_answers_with_the_flat_prior():
    """Mean 1/2 and std 1/sqrt(12), to the scatter that the small last weights add."""
    torch.manual_seed(1)
    network = MomentNetwork(2, channels=4, size=32).eval()
    mean, std = network(torch.randn(32, 2, 32, 32))
    assert torch.allclose(mean.mean(), torch.tensor(0.5), atol=0.1)
    assert torch.allclose(std.mean(), torch.tensor(12**-0.5), atol=0.1)


def test_loss_of_a_case_done_by_hand():
    truth = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    mean = torch.tensor([[0.0, 2.0], [1.0, 2.0]])
    std = torch.tensor([[1.0, 1.0], [1.0, 3.0]])
    # Property 0: errors squared 1 and 4, mean 5/2; minus variances 0 and 3, squared 0 and 9,
    # mean 9/2. Property 1: 4 and 4, mean 4; minus variances 3 and -5, squared 9 and 25, mean 17.
    expected = np.log(5 / 2) + np.log(9 / 2) + np.log(4) + np.log(17)
    assert moment_loss(truth, mean, std).item() == pytest.approx(expected, rel=1e-6)
    assert moment_loss(truth, mean, -std) == moment_loss(truth, mean, std)


def test_gradient_of_the_loss_agrees_with_differences():
    generator = torch.Generator().manual_seed(1)
    truth, mean, std = torch.rand(3, 5, 2, generator=generator, dtype=torch.float64)
    mean.requires_grad_()
    std.requires_grad_()
    assert torch.autograd.gradcheck(lambda m, s: moment_loss(truth, m, s), (mean, std))


def test_perfect_batch_has_a_finite_loss_and_gradient():
    truth = torch.full((4, 6), 0.25)
    mean = truth.clone().requires_grad_()
    std = torch.zeros(4, 6, requires_grad=True)
    loss = moment_loss(truth, mean, std)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(mean.grad).all()
    assert torch.isfinite(std.grad).all()


def test_loss_is_least_at_the_true_moments():
    """For theta ~ N(0.3, 0.1^2) no constant mean and std do better than these."""
    generator = torch.Generator().manual_seed(1)
    truth = 0.3 + 0.1 * torch.randn(20000, 1, generator=generator)

    def loss(mean, std):
        return moment_loss(truth, torch.full_like(truth, mean), torch.full_like(truth, std)).item()

    best = loss(0.3, 0.1)
    for mean, std in ((0.29, 0.1), (0.31, 0.1), (0.3, 0.095), (0.3, 0.105)):
        assert loss(mean, std) > best


def check_recovery(truth, mean, std, expected_mean, expected_std):
    """Fail unless moments are those of a posterior that is known in closed form."""
    error = mean - expected_mean
    # A network that only knew the prior would err by the spread of the posterior means, as wide
    # as the posterior itself here: 15% of that is allowed, and a third of it for the offset.
    assert (error**2).mean() ** 0.5 < 0.15 * expected_std
    assert abs(error.mean()) < 0.05 * expected_std
    assert std.mean() == pytest.approx(expected_std, rel=0.05)
    assert std.std() < 0.1 * expected_std  # it doesn't depend on the image
    # Against the truths alone, as for simulations: 4000 normal deviates have a KS distance below
    # 0.026 in 99% of draws; the 5% and 15% above add up to 0.02 and 0.005.
    assert stats.kstest((truth - mean) / std, "norm").statistic < 0.05


@pytest.fixture(scope="module")
def linear_gaussian():
    """Truths and moments of a network, and the closed form.

    n pixels a + N(0, s^2) with a ~ N(m, t^2); Bishop (2006), Eqs 2.141-2.142.
    """
    torch.manual_seed(1)
    size, noise, prior_mean, prior_std = 8, 4.0, 0.5, 0.5
    variance = 1 / (1 / prior_std**2 + size**2 / noise**2)

    def draw(number):
        truth = prior_mean + prior_std * torch.randn(number, 1)
        images = truth[:, :, None, None] + noise * torch.randn(number, 1, size, size)
        mean = variance * (prior_mean / prior_std**2 + images.sum(dim=(2, 3)) / noise**2)
        return images, truth, mean

    network = MomentNetwork(1, properties=1, channels=4, size=size, dropout=0.0)
    steps = 2000
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        images, truth, _ = draw(128)
        optimizer.zero_grad()
        moment_loss(truth, *network(images / noise)).backward()
        optimizer.step()
        schedule.step()
    images, truth, expected = draw(4000)
    mean, std = moments(network.eval(), images / noise)
    return truth.numpy()[:, 0], mean[:, 0], std[:, 0], expected.numpy()[:, 0], variance**0.5


@pytest.mark.slow
def test_network_learns_the_posterior_of_a_linear_gaussian_model(linear_gaussian):
    check_recovery(*linear_gaussian)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("offset", "factor"), [(0.2, 1), (-0.2, 1), (0, 1.2), (0, 0.8), (0, 2), (0, 0.5)]
)
def test_biased_or_dispersed_moments_fail_the_same_check(linear_gaussian, offset, factor):
    truth, mean, std, expected_mean, expected_std = linear_gaussian
    with pytest.raises(AssertionError):
        check_recovery(
            truth, mean + offset * expected_std, factor * std, expected_mean, expected_std
        )
    # Without the closed form too: the truths alone must tell, at least the coarser failures.
    if abs(offset) or factor in (2, 0.5):
        deviations = (truth - mean - offset * expected_std) / (factor * std)
        assert stats.kstest(deviations, "norm").statistic > 0.05


def test_folding_changes_nothing_but_rounding():
    torch.manual_seed(1)
    network = MomentNetwork(2, channels=4, size=32)
    images = torch.randn(16, 2, 32, 32)
    for _ in range(3):
        network(images)  # gives batch normalisation statistics that aren't 0 and 1
    with pytest.raises(ResultError, match="eval"):
        folded(network)
    network.eval()
    twin = folded(network)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in twin.modules())
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in network.modules())
    with torch.no_grad():
        # float32: 1e-7 a layer, 17 layers of sums over up to 500 terms.
        for one, other in zip(network(images), twin(images), strict=True):
            assert torch.allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [{"size": 100}, {"size": 4}, {"channels": 0}, {"in_channels": 0}, {"dropout": 1.0}],
)
def test_impossible_networks_are_refused(arguments):
    with pytest.raises(ParameterError, match=r"Found|found"):
        MomentNetwork(**{"in_channels": 1} | arguments)


def test_wrong_shapes_are_refused():
    network = MomentNetwork(2, channels=2, size=16)
    for shape in ((1, 1, 16, 16), (1, 2, 32, 32), (2, 16, 16)):
        with pytest.raises(ParameterError, match="don't fit this network"):
            network(torch.zeros(shape))
    with pytest.raises(ParameterError, match="don't fit together"):
        moment_loss(torch.zeros(2, 6), torch.zeros(2, 6), torch.zeros(2, 5))
    with pytest.raises(ParameterError, match="don't fit together"):
        moment_loss(*torch.zeros(3, 0, 6))
