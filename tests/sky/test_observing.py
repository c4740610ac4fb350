"""Observed maps: light is kept, and noise is what theory says."""

import numpy as np
import pytest
import torch
from helpers.blobs import blobs
from pydantic import ValidationError

from cgmhelpers.errors import ParameterError
from cgmhelpers.sky import instruments, observing, responses, views

XRAY, HI = (instruments.load(name) for name in ("erosita_erass4", "meerkat_mhongoose_30"))
BOTH = {"xray": XRAY, "hi": HI}


def view(redshift=0.03, pixels=64, **changes):
    observation = observing.Observation(instruments=BOTH, redshift=(redshift, redshift), **changes)
    return views.View(observation, redshift, 4.0, pixels)


def test_angles_are_those_of_the_teams_geometry():
    assert views.angle(4, 0, distance=55) == pytest.approx(15, rel=0.01)
    assert views.angle(4, 0.05) == pytest.approx(4, rel=0.02)
    with pytest.raises(ParameterError, match="distance"):
        views.angle(4, 0)


@pytest.mark.parametrize("redshift", [0.004, 0.03, 0.1])
@pytest.mark.parametrize("field", ["xray", "hi"])
def test_flux_is_kept_until_noise_comes(field, redshift):
    """All of the light of a map whose middle alone shines, wherever the kernel ends inside it."""
    one = view(redshift, pixels=256)
    image = torch.zeros(2, 256, 256, dtype=torch.float64)
    image[:, 120:136, 118:130] = torch.rand(2, 16, 12, generator=torch.Generator().manual_seed(1))
    blurred = one.blurred(field, image)
    assert blurred.sum((1, 2)) == pytest.approx(image.sum((1, 2)), rel=1e-6)
    assert blurred.max() < 0.95 * image.max()
    single = one.blurred(field, image.float())
    assert single.sum((1, 2)) == pytest.approx(image.sum((1, 2)).float(), rel=1e-5)


def test_a_convolution_is_that_of_scipy():
    from scipy.signal import fftconvolve

    one = view()
    image = torch.rand(1, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    expected = fftconvolve(image[0].numpy(), XRAY.kernel(one.pixel), mode="same")
    reach = len(XRAY.kernel(one.pixel)) // 2
    assert 0 < reach < 64
    assert one.blurred("xray", image)[0].numpy() == pytest.approx(expected, rel=1e-9)


def test_expected_counts_are_those_of_the_luminosity():
    """A source of luminosity L gives L / (4 pi d_L^2) of flux, whatever its pixels."""
    from astropy import units
    from astropy.cosmology import Planck18

    from cgmhelpers.emission import deposits

    luminosity, redshift = 1e42, 0.08
    one = view(redshift, pixels=256)

    class AtZero:
        redshift = 0.0

    brightness = torch.zeros(1, 256, 256, dtype=torch.float64)
    per_area = deposits.surface_brightness_per_area(AtZero)
    brightness[0, 128, 128] = luminosity / 16 * per_area  # a pixel has 16 kpc2
    distance = Planck18.luminosity_distance(redshift).to_value(units.cm)
    flux = luminosity / (4 * np.pi * distance**2)
    expected = flux * XRAY.counts_per_fluence() * XRAY.exposure
    assert one.expected_counts(brightness).sum().item() == pytest.approx(expected, rel=1e-5)


def test_counts_have_the_mean_and_the_variance_of_poisson():
    one = view(0.01)
    image = torch.full((200, 64, 64), 3e-14)
    counts = one.counts(image, torch.Generator().manual_seed(3), depth=2.0)
    inner = counts[:, 28:36, 28:36].double()  # away from edges, over which light is lost
    expected = (one.expected_counts(image[:1])[0, 28:36, 28:36] + one.background) * 2
    expected = expected.double()
    assert expected.min() > 3
    assert inner.mean() == pytest.approx(expected.mean().item(), rel=0.01)
    errors = (inner - expected).square() / expected
    assert errors.mean() == pytest.approx(1, rel=0.04)  # 12800 draws: 1.3% at one sigma
    assert torch.equal(counts, counts.round())


@pytest.mark.parametrize("redshift", [0.005, 0.03])
def test_noise_of_columns_has_its_rms_and_the_correlation_of_the_beam(redshift):
    one = view(redshift)
    noise = one.columns(torch.zeros(300, 64, 64), torch.Generator().manual_seed(4)).double()
    rms = noise.square().mean().sqrt().item()
    assert rms == pytest.approx(one.column_noise, rel=0.01)
    edge = noise[:, 0].square().mean().sqrt().item()
    assert edge == pytest.approx(rms, rel=0.05)  # as loud at the edge
    if one.pixel < 10:  # a beam of 30 arcsec spans pixels
        sigma = 30 / responses.GAUSSIAN_FWHM
        for lag in (1, 3, 5):
            found = (noise[..., lag:] * noise[..., :-lag]).mean().item() / rms**2
            expected = np.exp(-((lag * one.pixel) ** 2) / (4 * sigma**2))
            assert found == pytest.approx(expected, abs=0.03)


def test_columns_without_noise_are_smoothed_by_the_beam():
    quiet = HI.model_copy(update={"noise": 1e-12})
    one = view()
    one.instruments = BOTH | {"hi": quiet}
    image = torch.zeros(1, 64, 64)
    image[0, 32, 32] = 1e20
    found = one.columns(image, torch.Generator().manual_seed(1))
    assert found.sum().item() == pytest.approx(1e20, rel=1e-4)
    assert found.max().item() == pytest.approx(1e20 * HI.kernel(one.pixel).max(), rel=1e-4)


def test_an_estimate_of_brightness_is_unbiased_and_its_noise_is_said():
    one = view(0.01)
    image = torch.full((100, 64, 64), 1e-15)
    depth = torch.full((100, 1, 1), 1.7)
    value, noise = one.observe("xray", image, depth, torch.Generator().manual_seed(5))
    assert value[:, 24:40, 24:40].mean().item() == pytest.approx(1e-15, rel=0.1)
    empty, _ = one.observe("xray", 0 * image, depth, torch.Generator().manual_seed(6))
    assert empty.double().mean().item() == pytest.approx(0, abs=1e-2 * noise[0].item())
    expected = np.sqrt(1 + 1 / (one.background * 1.7))  # one count more than the background
    assert noise[0].item() == pytest.approx(empty.std().item() * expected, rel=0.02)


@pytest.mark.parametrize("field", ["xray", "hi"])
def test_noise_tells_the_depth(field):
    depth = torch.tensor([0.01, 0.3, 1.0, 20.0]).reshape(-1, 1, 1)
    one, generator = view(), torch.Generator().manual_seed(1)
    _, noise = one.observe(field, torch.zeros(4, 64, 64), depth, generator)
    found = [one.depth(field, float(own)) for own in noise.ravel()]
    assert found == pytest.approx(depth.ravel().tolist(), rel=1e-5)


def test_softened_values_are_positive_invertible_and_themselves_when_bright():
    value = torch.tensor([-1e22, -1e20, 0.0, 1e18, 1e22])
    noise = torch.tensor(1e18)
    soft = observing.softened(value, noise)
    assert (soft > 0).all()
    assert (soft.diff() > 0).all()
    assert soft[2] == noise
    assert soft[-1].item() == pytest.approx(1e22, rel=1e-6)
    assert (soft - noise**2 / soft).numpy() == pytest.approx(value.numpy(), rel=1e-3, abs=1e12)


def test_channels_tell_depth_and_redshift():
    observation = observing.Observation(
        instruments=BOTH, redshift=(0.01, 0.1), depth=(0.5, 2), sources=2
    )
    assert observation.channels == ["xray", "hi", "xray noise", "hi noise", "redshift"]
    images = torch.full((32, 2, 32, 32), 1e-16)
    images[:, 1] = 1e19
    first, again = (observation.draw(images, 4.0, 7) for _ in range(2))
    other = observation.draw(images, 4.0, [7, 1])
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first > 0).all()
    redshift = first[:, 4].amax((1, 2))
    assert torch.equal(redshift, first[:, 4].amin((1, 2)))
    assert 4 <= len(redshift.unique()) <= observing.GROUPS  # a batch is no one redshift
    assert 0.01 <= redshift.min() <= redshift.max() <= 0.1001
    first = observation.draw(images, 4.0, 7, redshift=0.03)
    assert first[:, 4].unique().tolist() == pytest.approx([0.03])
    noise = first[:, 2].amin((1, 2))
    assert 3 < noise.max() / noise.min() < 4.5  # exposures over a factor of four
    masked = first[:, 2] > 100 * noise[:, None, None]
    assert 0 < masked.float().mean() < 0.5
    least = noise[:, None, None].expand_as(masked)
    assert torch.equal(first[:, 0][masked], least[masked])  # at the floor, and marked


def test_a_data_set_is_observed_whole():
    maps = blobs(halos=5)
    maps["image"] = maps["image"] * 1e-3
    observation = observing.Observation(instruments=BOTH, redshift=(0.02, 0.02))
    observed = observation.observe(maps, seed=3)
    assert list(observed["field"].values) == observation.channels
    assert observed["image"].shape == (5, 3, 4, 16, 16)
    assert observed.attrs["limits"] == "observed"
    assert (observed["properties"] == maps["properties"]).all()
    for refused in (maps.sel(field=["hi"]), maps.assign_attrs(limits="survey")):
        with pytest.raises(ParameterError, match="can't be observed"):
            observation.observe(refused)


@pytest.mark.parametrize(
    "wrong",
    [
        {"redshift": (0.1, 0.01)}, {"redshift": (0.0, 0.1)}, {"depth": (0, 1)},
        {"instruments": {}}, {"instruments": {"hi": XRAY}}, {"sources": -1}, {"colour": 1},
    ],
)  # fmt: skip
def test_an_observation_that_is_none_is_refused(wrong):
    with pytest.raises(ValidationError):
        observing.Observation(**{"instruments": BOTH, "redshift": (0.01, 0.01)} | wrong)
