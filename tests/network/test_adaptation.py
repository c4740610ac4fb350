"""Penalties against closed forms and finite differences, and trainings on several suites."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from helpers.blobs import blobs
from safetensors.torch import load_file

from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.inference import prediction
from cgmhelpers.maps import store
from cgmhelpers.network import adaptation, batches, checkpoint, samples, splits, tuning
from cgmhelpers.network.moment_network import MomentNetwork
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.task import Task
from cgmhelpers.network.training import train

SETTINGS = TrainingSettings(
    epochs=3, batch_size=16, channels=2, learning_rate=3e-3, schedule="one_cycle", threads=1,
    adaptation_weight=0.5,
)  # fmt: skip
FIELDS = ["xray", "hi"]


def normal(number, mean, std, seed, features=3):
    generator = torch.Generator().manual_seed(seed)
    return mean + std * torch.randn(number, features, generator=generator, dtype=torch.float64)


def test_mmd_of_normal_distributions_is_the_closed_form():
    """For N(m, s^2), E k = (h^2 / (h^2 + s1^2 + s2^2))^(d/2) exp(-|m1 - m2|^2 / 2(...))."""
    d, h, shift, s1, s2 = 3, 1.5, 0.7, 1.0, 1.6

    def mean_kernel(one, other, apart):
        total = h**2 + one**2 + other**2
        return (h**2 / total) ** (d / 2) * np.exp(-d * apart**2 / (2 * total))

    expected = mean_kernel(s1, s1, 0) + mean_kernel(s2, s2, 0) - 2 * mean_kernel(s1, s2, shift)
    found = [
        adaptation.mmd(normal(400, 0, s1, seed), normal(300, shift, s2, seed + 999), h).item()
        for seed in range(40)
    ]
    error = np.std(found, ddof=1) / 40**0.5
    assert np.mean(found) == pytest.approx(expected, abs=4 * error)
    assert error < expected / 20
    same = [
        adaptation.mmd(normal(30, 1, 2, seed), normal(20, 1, 2, seed + 999), h).item()
        for seed in range(200)
    ]
    # Without bias even for small samples; the biased estimate would be about 0.04.
    assert abs(np.mean(same)) < 4 * np.std(same) / 200**0.5 < 0.01


def test_mmd_doesnt_depend_on_units_by_default():
    one, other = normal(50, 0, 1, 1), normal(40, 1, 1, 2)
    assert adaptation.mmd(one, other) == pytest.approx(adaptation.mmd(9 * one, 9 * other).item())


def test_mmd_of_blank_maps_has_a_usable_gradient():
    """Suites of undetected halos: most features are the same, but for rounding errors."""
    other = normal(10, 2, 1, 1).float()
    for noise in (0.0, 1e-7, 1e-4):
        for number, rest in ((40, other), (40, torch.full((40, 3), 0.3))):
            blank = (0.3 + noise * normal(number, 0, 1, 2).float()).requires_grad_()
            found = adaptation.mmd(blank, rest)
            found.backward()
            assert abs(found.item()) < 2
            # The gradient of one of n rows is below about 1 / (n h), and h is a share of 0.05 of
            # their distances, about 4, or of rounding errors of 0.3: 0.3 * 1e-7 ** 0.5 = 1e-4.
            assert blank.grad.abs().max() < (0.1 if rest is other else 300)


@pytest.mark.parametrize("distance", [adaptation.mmd, adaptation.coral])
def test_a_sample_of_one_is_no_sample(distance):
    for one, other in ((1, 5), (5, 1), (0, 5)):
        with pytest.raises(ParameterError, match="too small"):
            distance(normal(one, 0, 1, 1), normal(other, 0, 1, 2))


def test_coral_of_normal_distributions_is_the_closed_form():
    one, other = normal(200_000, 0, 1, 1), normal(200_000, 5, 2, 2)
    # Covariances I and 4 I differ by 3 I: 3 * 9 / (4 * 9). A covariance is known to sqrt(2 / n).
    assert adaptation.coral(one, other).item() == pytest.approx(0.75, rel=0.02)
    assert adaptation.coral(one, one + 7).item() == pytest.approx(0, abs=1e-12)


def test_divergence_is_torchs_own():
    mean, logarithm = normal(50, 0.3, 1, 1), normal(50, -1, 1, 2)
    from torch.distributions import Normal, kl_divergence

    expected = kl_divergence(Normal(mean, (logarithm / 2).exp()), Normal(0.0, 1.0))
    found = adaptation.divergence_from_normal(mean, logarithm)
    torch.testing.assert_close(found, expected.double())


def test_reversed_gradient_against_finite_differences():
    features = normal(4, 0, 1, 1).requires_grad_()

    def function(x):
        return (x.sin() * x).sum()

    function(adaptation.reversed_gradient(features, 0.3)).backward()
    step = 1e-6
    for place in np.ndindex(4, 3):
        moved = torch.zeros(4, 3, dtype=torch.float64)
        moved[place] = step
        with torch.no_grad():
            slope = (function(features + moved) - function(features - moved)) / (2 * step)
        assert features.grad[place].item() == pytest.approx(-0.3 * slope.item(), rel=1e-6)


def test_distances_agree_with_skada():
    from skada.deep import losses

    one, other = normal(50, 0, 1, 1), normal(40, 1, 2, 2)
    expected = losses.deepcoral_loss(one, other).item()
    assert adaptation.coral(one, other).item() == pytest.approx(expected, rel=1e-12)

    def kernel(x, y):
        """Ours; a row isn't compared with itself, as in an estimate without bias."""
        found = torch.exp(-(torch.cdist(x, y) ** 2) / (2 * 1.5**2))
        number = len(x)
        return (found - torch.eye(number)) * number / (number - 1) if x is y else found

    expected = losses._maximum_mean_discrepancy(one, other, kernel).item()
    assert adaptation.mmd(one, other, 1.5).item() == pytest.approx(expected, rel=1e-10)


def test_adversary_agrees_with_skada():
    """Value and gradient of a balanced batch; skada adds the losses of both suites."""
    from skada.deep import DANNLoss
    from skada.deep.modules import GradientReversalLayer

    torch.manual_seed(1)
    network = MomentNetwork(1, channels=2, size=8, dropout=0)
    module = adaptation.Adaptation(network, "dann", "hidden", 2)
    domains, progress = torch.arange(2).repeat_interleave(20), 0.2
    features = torch.randn(40, network.width_of("hidden"), requires_grad=True)
    found = module.penalty(features, domains, progress)
    (slope,) = torch.autograd.grad(found, features)
    strength = 2 / (1 + np.exp(-10 * progress)) - 1
    reversed_ = GradientReversalLayer.apply(features, strength)
    share = module.classifier(reversed_).softmax(dim=1)[:, 1]
    expected = DANNLoss()(share[:20], share[20:]) / 2
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(slope, torch.autograd.grad(expected, features)[0])


@pytest.mark.parametrize("layer", ["convolutions", "hidden"])
def test_features_lead_to_the_networks_own_moments(layer):
    network = MomentNetwork(2, channels=2, size=16).eval()
    images = torch.randn(5, 2, 16, 16)
    features = network.embed(images, layer)
    assert features.shape == (5, network.width_of(layer))
    for one, other in zip(network.conclude(features, layer), network(images), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", ["mmd", "coral", "dann"])
def test_penalty_moves_the_features_of_suites_together(kind):
    """A linear layer, and nothing to learn but the penalty."""
    torch.manual_seed(1)
    network = MomentNetwork(1, channels=2, size=8, dropout=0)
    module = adaptation.Adaptation(network, kind, "hidden", 2)
    one, other = normal(64, 0, 1, 1, 16).float(), normal(64, 0, 1, 2, 16).float()
    other[:, :8] = 4 * other[:, :8] + 3  # half of the inputs tell the suites apart
    width = network.width_of("hidden")
    layer = torch.nn.Linear(16, width)
    domains = torch.arange(2).repeat_interleave(64)
    optimizer = torch.optim.Adam([*layer.parameters(), *module.parameters()], lr=1e-2)

    def embed():  # normalised, so that features of zero are no way out
        return torch.nn.functional.layer_norm(layer(torch.cat([one, other])), [width])

    def apart():
        first, second = embed().detach().tensor_split(2)
        return (first.std(dim=0) / second.std(dim=0)).log().abs().mean().item()

    before = apart()
    for _ in range(200):
        features = embed()
        optimizer.zero_grad()
        module.penalty(features, domains, 1.0).backward()
        optimizer.step()
    assert apart() < before / 2


def test_batches_have_equal_shares_of_all_suites():
    halos, domains = adaptation.balanced(np.arange(50), np.repeat([0, 1, 2], [30, 15, 5]))
    assert len(halos) == 90
    assert (np.bincount(domains) == 30).all()
    assert (np.bincount(halos)[30:45] == 2).all()
    assert (np.bincount(halos)[45:] == 6).all()
    labels = torch.from_numpy(np.repeat(domains, 3))
    images, targets = torch.randn(270, 1, 8, 8), torch.arange(270.0)[:, None]
    loader = batches.Batches(images, targets, 32, 1, augmentation=True, domains=labels)
    seen = []
    for maps, truth, some in loader:
        counts = np.bincount(some, minlength=3)
        assert counts.max() - counts.min() <= 1
        assert len(maps) == len(some)
        assert torch.equal(labels[truth[:, 0].long()], some)
        seen.append(truth)
    assert torch.equal(torch.cat(seen).sort(dim=0).values, targets)


def suites(size=16):
    """Two suites of unlike numbers of halos as one data set, and a brighter third."""
    first, second = blobs(60, size), blobs(30, size, suite="SIMBA", seed=1)
    target = blobs(45, size, suite="Astrid", seed=2)
    target["image"] = target["image"] * 3
    both = xr.concat(
        [first, second], "halo", data_vars="minimal", coords="minimal", compat="override",
        join="override", combine_attrs="drop_conflicts",
    )  # fmt: skip
    return both, target


def fit(folder, kind, target=None, ds=None, **options):
    settings = SETTINGS.model_copy(update={"adaptation": kind} | options.pop("settings", {}))
    ds = suites()[0] if ds is None else ds
    return train(
        ds, FIELDS, "ideal", folder, settings, target=target, progress=False, **options
    )  # fmt: skip


def weights_of(folder):
    return load_file(folder / checkpoint.WEIGHTS)


class StoppedError(Exception):
    """Ends a training after an epoch."""


def stop(history):
    raise StoppedError


@pytest.mark.parametrize("kind", ["pooled", "mmd", "coral", "dann", "bottleneck"])
def test_adapted_training_resumes_to_the_same_network_that_predicts(kind, tmp_path):
    straight = fit(tmp_path / "straight", kind)
    with pytest.raises(StoppedError):
        fit(tmp_path / "stopped", kind, report=stop)
    stopped = fit(tmp_path / "stopped", kind)
    one, other = weights_of(straight), weights_of(stopped)
    assert one.keys() == dict(MomentNetwork(2, channels=2, size=16).state_dict()).keys()
    for name, weights in one.items():
        torch.testing.assert_close(other[name], weights, rtol=1e-5, atol=1e-6)
    description = checkpoint.read_description(straight)
    assert description["suite_train"] == "IllustrisTNG+SIMBA"
    assert description["settings"]["adaptation"] == kind
    assert "target" not in description
    mean, std = prediction.load(straight)(blobs(3)["image"].sel(axis="x").values)[:2]
    assert np.isfinite(mean).all()
    assert (std > 0).all()


def test_each_way_gives_another_network_and_weight_zero_is_pooled(tmp_path):
    kinds = ("none", "pooled", "mmd", "coral", "dann", "bottleneck")
    first = {kind: weights_of(fit(tmp_path / kind, kind))["head.FC2.weight"] for kind in kinds}
    for one in kinds:
        for other in kinds[: kinds.index(one)]:
            assert not torch.allclose(first[one], first[other], rtol=1e-4), (one, other)
    zero = fit(tmp_path / "zero", "mmd", settings={"adaptation_weight": 0.0})
    torch.testing.assert_close(
        weights_of(zero)["head.FC2.weight"], first["pooled"], rtol=1e-4, atol=1e-6
    )


def test_target_shows_its_maps_and_never_its_properties(tmp_path):
    target = suites()[1]
    folder = fit(tmp_path / "shown", "mmd", target)
    told = checkpoint.read_description(folder)["target"]
    assert told["suites"] == ["Astrid"]
    assert told["halos"] == 27  # the training part of 45
    changed = target.copy(deep=True)
    changed["properties"][:] = np.random.default_rng(1).permutation(changed["properties"])
    other = weights_of(fit(tmp_path / "changed", "mmd", changed))
    for name, weights in weights_of(folder).items():
        assert torch.equal(weights, other[name]), name
    scaling = checkpoint.read_description(folder)["scaling"]
    blind = checkpoint.read_description(fit(tmp_path / "blind", "mmd"))
    assert blind["scaling"] == scaling  # a target three times as bright doesn't enter it
    assert blind["fingerprint"] != checkpoint.read_description(folder)["fingerprint"]
    assert set(pd.read_csv(folder / checkpoint.SPLIT)["suite"]) == {"IllustrisTNG", "SIMBA"}
    # Maps of its test part aren't looked at.
    parts = splits.split(samples.halo_table(target), "halo")
    dark = target.copy(deep=True)
    dark["image"][np.flatnonzero(parts != "training")] = 1e-9
    other = weights_of(fit(tmp_path / "dark", "mmd", dark))
    for name, weights in weights_of(folder).items():
        assert torch.equal(weights, other[name]), name


def test_one_suite_can_be_adapted_to_a_target(tmp_path):
    folder = fit(tmp_path, "dann", suites()[1], ds=blobs(), split_by="realisation")
    assert checkpoint.read_description(folder)["target"]["halos"] == 15  # one box of three


def test_stores_are_streamed_to_the_same_network(tmp_path):
    ds, target = suites()
    paths = {}
    for name in ("IllustrisTNG", "SIMBA", "Astrid"):
        some = target if name == "Astrid" else ds.isel(halo=ds["suite"].values == name)
        paths[name] = tmp_path / f"{name}.zarr"
        store.write(some.assign_attrs(fingerprint=name), paths[name])
    target = paths.pop("Astrid")
    found = []
    for memory in (1.0, 0.0):
        settings = {"memory": memory}
        folder = tmp_path / str(memory)
        found.append(fit(folder, "coral", target, [*paths.values()], settings=settings))
        settings = SETTINGS.model_copy(update={"adaptation": "coral"})
        task = Task([*paths.values()], FIELDS, "ideal", settings, target=target)
        assert task.is_done(folder)
    one, other = map(weights_of, found)
    for name, weights in one.items():
        torch.testing.assert_close(other[name], weights, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_two_devices_take_the_steps_of_one(tmp_path):
    """The penalty is that of the whole batch; batch normalisation is each process's own."""
    histories = []
    for devices in (1, 2):
        settings = {"devices": devices, "accelerator": "cpu", "dropout": 0.0, "epochs": 2}
        folder = fit(tmp_path / str(devices), "mmd", suites()[1], settings=settings)
        histories.append(pd.read_csv(folder / checkpoint.HISTORY))
    assert np.isfinite(histories[1]["validation_loss"]).all()
    first = [history["train_loss"][0] for history in histories]
    assert first[1] == pytest.approx(first[0], rel=0.2)


def test_adapted_trainings_are_tuned(tmp_path):
    settings = SETTINGS.model_copy(update={"adaptation": "mmd", "epochs": 1})
    ds, target = suites()
    task = Task(ds, FIELDS, "ideal", settings, target=target)
    best = tuning.tune(task, tmp_path, trials=1, progress=False)
    assert checkpoint.read_description(best)["target"]["suites"] == ["Astrid"]


def test_fingerprints_of_earlier_trainings_are_unchanged():
    settings = TrainingSettings()
    assert not any(name.startswith("adaptation") for name in settings.effective())
    pooled = settings.model_copy(update={"adaptation": "pooled", "adaptation_weight": 9.0})
    assert pooled.effective()["adaptation"] == "pooled"
    assert "adaptation_weight" not in pooled.effective()


def test_adaptations_without_sense_are_refused(tmp_path):
    target = suites()[1]
    with pytest.raises(ParameterError, match="nothing to adapt"):
        fit(tmp_path, "mmd", ds=blobs())
    with pytest.raises(ParameterError, match="no use"):
        fit(tmp_path, "pooled", target)
    with pytest.raises(ParameterError, match="too small"):
        fit(tmp_path, "mmd", target, settings={"batch_size": 8})
    with pytest.raises(ParameterError, match="don't fit"):
        fit(tmp_path, "mmd", blobs(45, 8, suite="Astrid"))
    elsewhere = target.assign_coords(realisation=target["realisation"] + 9)
    with pytest.raises(ParameterError, match="don't fit"):
        fit(tmp_path, "mmd", elsewhere, split_by="realisation")


def without(ds, suite, name):
    """Take a property from all halos of a suite."""
    ds = ds.copy(deep=True)
    number = list(ds["property"].values).index(name)
    ds["properties"][np.flatnonzero(ds["suite"].values == suite), number] = np.nan
    return ds


@pytest.mark.parametrize("kind", ["none", "pooled", "mmd"])
def test_a_suite_that_teaches_nothing_is_refused(kind, tmp_path):
    with pytest.raises(ParameterError, match="no training halo of SIMBA"):
        fit(tmp_path, kind, ds=without(suites()[0], "SIMBA", "f_cool"))


def test_suites_that_hardly_teach_are_told(tmp_path, caplog):
    both, target = suites()
    simba = np.flatnonzero(both["suite"].values == "SIMBA")
    dark = both.copy(deep=True)
    dark["image"][simba, :, 1] = 1e-30
    fit(tmp_path / "dark", "pooled", ds=dark)
    assert "hi maps of all 18 training halos of SIMBA are the same constant" in caplog.text
    caplog.clear()
    alike = both.copy(deep=True)
    alike["properties"][simba, 2] = -2.0
    fit(tmp_path / "alike", "pooled", ds=alike)
    assert "values of log_z_cgm of all 18 training halos of SIMBA" in caplog.text
    caplog.clear()
    target["image"][:] = 1e-30
    fit(tmp_path / "blank", "mmd", target)
    assert "xray maps of all 27 training halos of Astrid" in caplog.text
    caplog.clear()
    fit(tmp_path / "usual", "mmd", suites()[1])
    assert "constant" not in caplog.text


def test_twins_on_both_sides_are_told(tmp_path, caplog):
    """Suites share initial conditions, and so halos."""
    fit(tmp_path / "twins", "pooled")
    assert "IllustrisTNG CV_0 and SIMBA CV_0 have the same initial conditions" in caplog.text
    caplog.clear()
    fit(tmp_path / "together", "pooled", split_by="seed")
    fit(tmp_path / "alone", "none", ds=blobs())
    assert "initial conditions" not in caplog.text


def test_a_target_is_no_source(tmp_path):
    both = suites()[0]
    simba = both.isel(halo=both["suite"].values == "SIMBA")
    with pytest.raises(ParameterError, match="one of the sources"):
        fit(tmp_path, "mmd", simba)
    half = simba.isel(halo=slice(0, None, 2))  # another mix of halos, as of a control
    folder = fit(tmp_path / "half", "mmd", half)
    told = checkpoint.read_description(folder)["target"]
    assert 0 < told["labelled"] <= told["halos"]


def test_pixels_of_a_target_are_numbers(tmp_path):
    target = suites()[1]
    target["image"][:, 0, 0, 3, 3] = np.nan
    with pytest.raises(FormatError, match="without a logarithm"):
        fit(tmp_path, "mmd", target)
    assert not (tmp_path / checkpoint.DESCRIPTION).exists()


def test_an_interrupted_training_doesnt_go_on_with_other_sources(tmp_path):
    both = suites()[0]
    with pytest.raises(StoppedError):
        fit(tmp_path / "stopped", "mmd", report=stop)
    other = both.assign_coords(suite=both["suite"].where(both["suite"] != "SIMBA", "Astrid"))
    found = weights_of(fit(tmp_path / "stopped", "mmd", ds=other))
    for name, weights in weights_of(fit(tmp_path / "anew", "mmd", ds=other)).items():
        assert torch.equal(found[name], weights), name


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
@pytest.mark.parametrize("kind", ["mmd", "dann", "bottleneck"])
def test_compiled_adaptation_agrees_with_a_plain_one(kind, tmp_path):
    torch._dynamo.reset()
    losses = []
    for compiled in (False, True):
        folder = fit(tmp_path / str(compiled), kind, settings={"compiled": compiled, "epochs": 2})
        losses.append(pd.read_csv(folder / checkpoint.HISTORY)["train_loss"])
    # Rounding errors grow from step to step.
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
