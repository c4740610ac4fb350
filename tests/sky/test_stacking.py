"""Stacks against populations whose posterior is known in closed form."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

from cgmhelpers import cli
from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError, ResultError
from cgmhelpers.network import checkpoint
from cgmhelpers.sky import stacking

PRIOR, NOISE = (0.12, 0.05), 0.04
"""Mean and scatter of the training halos, and the noise of a measurement."""


def objects(number, mean, scatter, seed, samples=800):
    """Posterior samples under the training prior of objects of a Gaussian population."""
    rng = np.random.default_rng(seed)
    measured = rng.normal(mean, np.hypot(scatter, NOISE), number)
    precision = 1 / PRIOR[1] ** 2 + 1 / NOISE**2
    centre = (PRIOR[0] / PRIOR[1] ** 2 + measured / NOISE**2) / precision
    drawn = rng.normal(centre[:, None], precision**-0.5, (number, samples))
    return [pd.DataFrame({"f_cgm": one}) for one in drawn]


@pytest.fixture(scope="module")
def training():
    return pd.DataFrame({"f_cgm": np.random.default_rng(0).normal(*PRIOR, 2000)})


def test_mean_and_width_are_those_of_the_closed_form(training):
    """With the population's scatter known, the mean's error is sqrt((scatter2 + noise2) / N)."""
    found = stacking.stack(objects(300, 0.15, 0.03, seed=1), training)
    error = np.sqrt((0.03**2 + NOISE**2) / 300)
    assert found["mean"].mean().item() == pytest.approx(0.15, abs=3 * error)
    assert found["mean"].std().item() == pytest.approx(error, rel=0.25)
    assert found["scatter"].mean().item() == pytest.approx(0.03, abs=0.01)
    # The posteriors' own mean is drawn towards the training's.
    naive = np.mean([one["f_cgm"].mean() for one in objects(300, 0.15, 0.03, seed=1)])
    assert abs(naive - 0.15) > 3 * error


def test_the_width_falls_with_the_root_of_the_number(training):
    widths = [
        stacking.stack(objects(number, 0.13, 0.03, seed=2), training)["mean"].std().item()
        for number in (30, 120, 480)
    ]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.35)
    assert widths[1] / widths[2] == pytest.approx(2, rel=0.35)


def test_stacks_are_calibrated(training):
    """Ranks of truths among the draws are uniform (Talts et al. 2018, arXiv:1804.06788)."""
    rng = np.random.default_rng(3)
    ranks = []
    for seed in range(80):
        truth = rng.uniform([0.08, 0.02], [0.16, 0.05])
        found = stacking.stack(objects(24, *truth, seed), training, seed=seed)
        draws = np.stack([found["mean"].values[:, 0], found["scatter"].values[:, 0]], axis=1)
        # The posterior for a prior that is uniform where the truths are from.
        inside = ((draws > [0.08, 0.02]) & (draws < [0.16, 0.05])).all(axis=1)
        ranks.append((draws[inside] < truth).mean(axis=0))
    for one in np.transpose(ranks):
        assert stats.kstest(one, "uniform").pvalue > 0.05


def test_a_range_of_mass_is_a_population_of_its_own():
    """Where the property follows mass, halos outside of the range don't count."""
    rng = np.random.default_rng(4)
    mass = rng.uniform(11.5, 14, 6000)
    training = pd.DataFrame(
        {"log_m_halo": mass, "f_cgm": 0.05 + 0.04 * (mass - 11.5) + rng.normal(0, 0.01, 6000)}
    )
    samples = []
    for _ in range(80):
        halo = rng.uniform(12, 12.5)
        truth = 0.05 + 0.04 * (halo - 11.5) + rng.normal(0, 0.01) + 0.01  # above the training's
        near = rng.choice(6000, 3000)
        weight = np.exp(
            -(((training["f_cgm"].to_numpy()[near] - truth - rng.normal(0, 0.02)) / 0.02) ** 2) / 2
            - ((mass[near] - halo - rng.normal(0, 0.3)) / 0.3) ** 2 / 2
        )
        chosen = rng.choice(near, 400, p=weight / weight.sum())
        samples.append(training.iloc[chosen].reset_index(drop=True))
    found = stacking.stack(samples, training, ["f_cgm"], mass=(12, 12.5))
    expected = 0.05 + 0.04 * 0.75 + 0.01
    assert found["mean"].mean().item() == pytest.approx(expected, abs=0.008)
    assert found.attrs["objects"] == 80


def test_few_validation_halos_limit_the_stack(training):
    """The prior's mean is known to its scatter over the root of the halos, and no better."""
    some = objects(900, *PRIOR, seed=6)  # as wide as the prior
    widths = [
        stacking.stack(some, training.iloc[:number])["mean"].std().item() for number in (100, 2000)
    ]
    assert widths[0] > PRIOR[1] / 100**0.5
    assert widths[1] < 0.7 * widths[0]
    # Draws of one halo don't make more halos.
    table = training.iloc[np.repeat(np.arange(100), 20)].assign(related=np.arange(2000) // 20)
    assert stacking.stack(some, table)["mean"].std().item() > 1.5 * widths[1]


def test_a_population_may_have_the_shape_of_the_prior():
    """A skewed prior, and objects that are known the better the more gas they have."""
    rng = np.random.default_rng(7)
    prior = rng.gamma(2.0, 0.04, 40_000)
    truths, samples = rng.gamma(2.0, 0.04, 600), []
    for truth in truths:
        noise = 0.15 * np.exp(-truth / 0.05) + 0.01
        measured = truth + rng.normal(0, noise)
        weight = np.exp(-(((prior - measured) / (0.15 * np.exp(-prior / 0.05) + 0.01)) ** 2) / 2)
        weight /= 0.15 * np.exp(-prior / 0.05) + 0.01
        chosen = rng.choice(prior, 400, p=weight / weight.sum())
        samples.append(pd.DataFrame({"f_cgm": chosen}))
    found = stacking.stack(samples, pd.DataFrame({"f_cgm": prior}))
    off = found["mean"].mean().item() - truths.mean()
    assert abs(off) < 2 * found["mean"].std().item()
    assert found["scatter"].mean().item() == pytest.approx(truths.std(), rel=0.15)


def test_the_prior_is_that_of_halos_observed_like_the_objects(network):
    depth = {"xray": 1.0, "hi": 1.0}
    known = stacking.known(network, 0.03, depth, number=10)
    validation = (pd.read_csv(network / checkpoint.SPLIT)["part"] == "validation").sum()
    assert len(known) == 10 * validation
    # Halos of a box are related to those of neighbouring masses, and to no halo of another box.
    halos = pd.read_csv(network / checkpoint.SPLIT)
    halos = halos[halos["part"] == "validation"].reset_index(drop=True)
    halos["related"] = known["related"].to_numpy()[::10]
    assert halos["related"].value_counts().max() <= stacking.RELATIVES
    assert (halos.groupby("related")[["set_name", "realisation"]].nunique() == 1).all(axis=None)
    for _, box in halos.groupby(["set_name", "realisation"]):
        ranges = box.groupby("related")["log_mass"].agg(["min", "max"]).sort_values("min")
        assert (ranges["max"].to_numpy()[:-1] <= ranges["min"].to_numpy()[1:]).all()
    pd.testing.assert_frame_equal(known, stacking.known(network, 0.03, depth, number=10))
    deeper = stacking.known(network, 0.03, {"xray": 2.0, "hi": 2.0}, number=10)
    assert not known.equals(deeper)
    # Half of the objects are nearer: half of the draws are of halos that are, too.
    near = stacking.known(network, 0.025, depth, number=5)
    both = stacking.known(network, [0.025, 0.03], depth, number=10)
    pd.testing.assert_frame_equal(both.iloc[: len(near)], near)
    many = np.random.default_rng(1).uniform(0.021, 0.039, 40)
    assert len(stacking.known(network, many, depth, number=60)) >= 54 * validation
    with pytest.raises(ParameterError, match="depth of each field"):
        stacking.known(network, 0.03, {"xray": 1.0})
    with pytest.raises(DataNotFoundError):
        stacking.known(network / "none", 0.03, depth)


def test_what_is_no_stack_is_refused(training):
    some = objects(3, 0.1, 0.03, seed=1)
    for wrong in (
        {"samples": some[:1]}, {"properties": ["colour"]}, {"mass": (13, 12)}, {"mass": (12, 13)},
    ):  # fmt: skip
        with pytest.raises(ParameterError, match="isn't a stack"):
            stacking.stack(**({"samples": some, "prior": training} | wrong))
    with pytest.raises(ParameterError, match="has no width"):
        stacking.stack(some, training.assign(f_cgm=0.1))
    massive = [one.assign(log_m_halo=12.0) for one in some]
    known = training.assign(log_m_halo=np.random.default_rng(1).uniform(11.5, 14, len(training)))
    with pytest.raises(ResultError, match="3 of 3 objects: number 1, 2, 3"):
        stacking.stack(massive, known, ["f_cgm"], mass=(13, 14))
    few = [one.assign(log_m_halo=np.where(one.index < 5, 13.5, 12.0)) for one in some]
    with pytest.raises(ResultError, match="too few samples"):
        stacking.stack(few, known, ["f_cgm"], mass=(13, 14))
    for wrong in (np.nan, np.inf, "much"):
        with pytest.raises(ParameterError, match="of object 2 can't be used"):
            stacking.stack([some[0], some[1].assign(f_cgm=wrong), some[2]], training)
    with pytest.raises(ParameterError, match="draws from the prior can't be used"):
        stacking.stack(some, training.mask(training.index.to_numpy()[:, None] < 5))


def test_objects_may_have_any_number_of_samples(training):
    """Few samples of one object don't cost those of the others."""
    some = objects(60, 0.15, 0.03, seed=1)
    every = stacking.stack(some, training)
    found = stacking.stack([some[0].iloc[:30], *some[1:]], training)
    assert found["effective"].item() > 0.9 * every["effective"].item()
    assert found["mean"].mean().item() == pytest.approx(every["mean"].mean().item(), abs=1e-3)


def test_the_command_reads_what_infer_wrote(network, tmp_path):
    halos = stacking.known(network, 0.03, {"xray": 1.0, "hi": 1.0}, number=400)
    halos["object"] = np.arange(len(halos)) // 400
    names = halos.columns.drop(["related", "object"])
    fingerprint = checkpoint.read_description(network)["fingerprint"]
    inputs = {"network": fingerprint, "redshift": 0.03, "depth": {"hi": 1.0, "xray": 1.1}}
    folders = []
    for number, one in halos.groupby("object"):
        folders.append(tmp_path / str(number))
        folders[-1].mkdir()
        one[names].to_parquet(folders[-1] / "samples.parquet")
        (folders[-1] / "inputs.json").write_text(json.dumps(inputs))
    command = ["stack", *map(str, folders), "--network", str(network)]
    done = CliRunner().invoke(cli.app, command, catch_exceptions=False)
    assert done.exit_code == 0
    assert f"{len(folders)} objects" in done.output
    mean, width = map(float, re.search(r"f_cgm: mean (\S+) \+- ([^,]+),", done.output).groups())
    assert mean == pytest.approx(halos["f_cgm"].mean(), abs=3 * width)
    with pytest.raises(ParameterError, match="would count twice"):
        stacking.read([*folders, folders[0]], network)
    for number, folder in enumerate(folders):  # the same files, other places in them
        told = inputs | {"ra": 10.0 + number, "dec": 1.0, "sha256": {"a.fits": "abc"}}
        (folder / "inputs.json").write_text(json.dumps(told))
    assert len(stacking.read(folders, network)[0]) == len(folders)
    (folders[1] / "inputs.json").write_text((folders[0] / "inputs.json").read_text())
    with pytest.raises(ParameterError, match="would count twice"):
        stacking.read(folders, network)
    (folders[0] / "inputs.json").write_text(json.dumps({**inputs, "network": "other"}))
    with pytest.raises(FormatError, match="another network"):
        stacking.read(folders, network)
    (folders[0] / "inputs.json").write_text(json.dumps({"network": fingerprint}))
    with pytest.raises(FormatError, match="how deep"):
        stacking.read(folders, network)
    with pytest.raises(DataNotFoundError):
        stacking.read([tmp_path / "none"], network)
