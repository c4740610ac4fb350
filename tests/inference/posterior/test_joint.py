"""The flow finds posteriors that are known in closed form, and its files tell what they are."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.blobs import HIGH, LOW, blobs
from scipy import stats

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError, ResultError
from cgmhelpers.halos.properties import NAMES
from cgmhelpers.inference.posterior import joint, training
from cgmhelpers.inference.posterior.flow import FRACTIONS, PosteriorSettings, build, unbounded
from cgmhelpers.network import checkpoint
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.training import train

SHORT = PosteriorSettings(steps=60, batch_size=64, symmetries=2, hidden=16)
TRAINING = TrainingSettings(
    epochs=2, batch_size=16, channels=2, learning_rate=3e-3, schedule="one_cycle", threads=1
)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network")
    return train(blobs(90), ["xray", "hi"], "ideal", path, TRAINING, progress=False)


@pytest.fixture(scope="module")
def folder(network):
    return training.train(blobs(90), network, SHORT)


def test_the_flow_finds_a_correlated_posterior_known_in_closed_form():
    """Two numbers with a normal prior, seen with correlated noise: a linear-Gaussian simulator."""
    generator = np.random.default_rng(1)
    noise = np.array([[0.25, 0.2], [0.2, 0.25]])
    gain = np.linalg.inv(np.eye(2) + noise)  # posterior: mean gain @ seen, covariance below
    covariance = np.eye(2) - gain
    truth = generator.standard_normal((8000, 2))
    seen = truth + generator.multivariate_normal([0, 0], noise, size=8000)
    # As many numbers as a network would give: the rest says nothing.
    context = np.concatenate([seen, generator.standard_normal((8000, 2))], axis=1)
    context, inner = (torch.from_numpy(one.astype(np.float32)) for one in (context, truth))
    settings = PosteriorSettings(steps=300, hidden=32, noise=0)
    torch.manual_seed(1)
    flow = build(2, settings)
    data = context[None, :7000], inner[:7000], context[None, 7000:], inner[7000:]
    training._fit(flow, *data, settings)
    exact = stats.multivariate_normal(cov=covariance)
    expected = exact.logpdf(truth[7000:] - seen[7000:] @ gain).mean()
    with torch.inference_mode():
        found = flow(context[7000:]).log_prob(inner[7000:]).mean().item()
        samples = flow(context[7000:7200]).sample((400,)).numpy()
    # The exact posterior has the highest expected density: 0.05 nats or so are
    # what a short training leaves, 0.38 what it would lose without correlations.
    assert expected - 0.08 < found < expected + 0.02
    found = np.cov((samples - samples.mean(axis=0)).reshape(-1, 2).T)
    np.testing.assert_allclose(found, covariance, atol=0.035)
    bias = samples.mean(axis=0) - seen[7000:7200] @ gain
    assert np.sqrt((bias**2).mean()) < 0.5 * np.sqrt(covariance[0, 0])
    # Far outside that: the prior, of variance 1, and no correlations.
    assert covariance[0, 1] > 3 * 0.035


def test_samples_are_in_the_units_and_bounds_of_the_properties(folder):
    images = blobs(90)["image"].values[:5, 0]
    drawn = joint.load(folder).sample(images, 300)
    assert drawn.shape == (5, 300, 6)
    for index, name in enumerate(NAMES):
        if name in FRACTIONS:
            assert (drawn[..., index] > 0).all()
            assert (drawn[..., index] < 1).all()
    middle = np.median(drawn, axis=(0, 1))
    assert (middle > LOW - 0.2 * (HIGH - LOW)).all()
    assert (middle < HIGH + 0.2 * (HIGH - LOW)).all()


def test_density_belongs_to_the_samples(folder):
    """The mean of 1 / density over samples in a box is its volume, per share of them in it."""
    one = joint.load(folder)
    image = blobs(90)["image"].values[:1, 0]
    drawn = one.sample(image, 4000, seed=3)[0]
    low, high = np.percentile(drawn, [20, 80], axis=0)
    inside = ((drawn > low) & (drawn < high)).all(axis=1)
    assert inside.sum() > 50
    density = np.exp(one.log_prob(np.repeat(image, inside.sum(), axis=0), drawn[inside]))
    volume = (1 / density).sum() / len(drawn)
    # The weights spread by a factor of about two over 100 samples or more.
    assert volume == pytest.approx(np.prod(high - low), rel=0.35)


def test_the_same_seed_gives_the_same_samples(folder):
    images = blobs(90)["image"].values[:3, 0]
    one = joint.load(folder)
    np.testing.assert_array_equal(one.sample(images, 10, seed=4), one.sample(images, 10, seed=4))
    assert (one.sample(images, 10, seed=4) != one.sample(images, 10, seed=5)).all()


def test_training_is_repeatable_and_done_once(network, folder):
    assert training.is_trained(folder, SHORT)
    before = (folder / joint.WEIGHTS).stat().st_mtime_ns
    weights = checkpoint.read_tensors(folder / joint.WEIGHTS)[0]
    training.train(blobs(90), network, SHORT)
    assert (folder / joint.WEIGHTS).stat().st_mtime_ns == before
    (folder / joint.DESCRIPTION).unlink()  # as an interrupted training leaves it
    assert not training.is_trained(folder, SHORT)
    training.train(blobs(90), network, SHORT)
    again = checkpoint.read_tensors(folder / joint.WEIGHTS)[0]
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_files_say_what_was_done(folder):
    description = json.loads((folder / joint.DESCRIPTION).read_text())
    assert description["properties"] == list(NAMES)
    parts = pd.read_csv(folder / checkpoint.SPLIT)["part"].value_counts()
    assert description["maps"] == {
        "training": 3 * parts["training"],
        "validation": parts["validation"],
    }
    history = pd.read_csv(folder / joint.HISTORY)
    assert history["step"].tolist() == [20, 40, 60]
    assert history["validation_loss"].iloc[-1] < history["validation_loss"].iloc[0]


def test_a_flow_of_another_network_is_refused(folder, tmp_path):
    other = train(
        blobs(90), ["xray", "hi"], "ideal", tmp_path,
        TRAINING.model_copy(update={"seed": 2}), progress=False,
    )  # fmt: skip
    with pytest.raises(DataNotFoundError):
        joint.load(other)
    (other / joint.WEIGHTS).write_bytes((folder / joint.WEIGHTS).read_bytes())
    with pytest.raises(FormatError, match="isn't whole"):
        joint.load(other)
    (other / joint.DESCRIPTION).write_bytes((folder / joint.DESCRIPTION).read_bytes())
    assert not training.is_trained(other, SHORT)
    with pytest.raises(FormatError, match="another network"):
        joint.load(other)


def test_infer_gives_the_halos_of_a_part(folder):
    ds = blobs(90)
    ds["properties"][7, 3] = np.nan  # a halo without gas
    parts = pd.read_csv(folder / checkpoint.SPLIT)["part"]
    found = joint.infer(folder, ds, ["test", "training"], number=7)
    kept = parts.isin(["test", "training"]) & (np.arange(90) != 7)
    assert found["samples"].shape == (kept.sum(), 7, 6)
    np.testing.assert_array_equal(found["truth"], ds["properties"].values[kept])
    np.testing.assert_array_equal(found["group"], ds["group"].values[kept])
    expected = joint.load(folder).log_prob(
        ds["image"].values[kept, 0], ds["properties"].values[kept]
    )
    np.testing.assert_allclose(found["log_prob"], expected)


def test_logits_and_their_volume():
    values = np.array([[12.0, 0.1, -2.0, 11.0, 0.7, 5.0], [13.0, 0.0, -2.0, 11.0, 1.0, 5.0]])
    inner, jacobian = unbounded(values, NAMES)
    step = 1e-6
    moved, _ = unbounded(values[0] + step, NAMES)
    assert jacobian[0] == pytest.approx(np.log((moved - inner[0]) / step).sum(), abs=1e-4)
    assert np.isfinite(inner).all()
    assert np.isfinite(jacobian).all()
    np.testing.assert_array_equal(inner[:, [0, 2, 3, 5]], values[:, [0, 2, 3, 5]])


def test_recalibration_widens_what_is_too_narrow():
    torch.manual_seed(1)
    flow = build(2, SHORT)
    context = torch.zeros(1, 500, 4)
    with torch.inference_mode():
        inner = flow(context[0]).sample()
        normal = flow.transform(context[0])(inner)
        wide = flow.transform(context[0]).inv(1.5 * normal)
        before = flow(context[0]).log_prob(wide).mean()
        width = training.recalibrate(flow, context, wide)
        after = flow(context[0]).log_prob(wide).mean()
    # 1000 numbers: the width is known to 1 / sqrt(2000).
    assert width == pytest.approx(1.5, rel=0.1)
    assert after > before + 0.1


def test_conditions_move_samples_and_density_together(folder, tmp_path):
    """The density of the samples' own histogram; and a network without conditions still loads."""
    copy = shutil.copytree(folder, tmp_path / "network")
    before = joint.load(copy)
    images = blobs(90)["image"].values[:3, 0]
    assert before.conditions is None
    truth = blobs(90)["properties"].values[:3]
    normal, conditions = before.normal(images, truth)
    assert conditions.shape == (3, len(joint.condition_names(before.predictor)))
    fitted = training.calibrate(copy, [blobs(90)])
    after = joint.load(copy)
    assert after.conditions == fitted
    shift, stretch = fitted(conditions)
    base = stats.norm.logpdf(normal).sum(axis=1)
    moved = stats.norm.logpdf(normal, shift, stretch).sum(axis=1)
    apart = after.log_prob(images, truth) - before.log_prob(images, truth)
    np.testing.assert_allclose(apart, moved - base, atol=1e-3)
    drawn = after.sample(images, 2000)
    again = np.stack([after.normal(images[[n]].repeat(2000, 0), drawn[n])[0] for n in range(3)])
    np.testing.assert_allclose(again.mean(axis=1), shift, atol=0.12)
    np.testing.assert_allclose(again.std(axis=1), stretch, rtol=0.08)


def test_what_cannot_be_trained_says_so(network):
    with pytest.raises(ParameterError, match="Too few halos"):
        training.train(blobs(90).isel(halo=[]), network, PosteriorSettings(steps=2))
    settings = PosteriorSettings(steps=2)
    nothing = torch.full((1, 8, 4), torch.nan), torch.zeros(8, 2)
    with pytest.raises(ResultError, match="isn't a number"):
        training._fit(build(2, settings), *nothing, *nothing, settings)
