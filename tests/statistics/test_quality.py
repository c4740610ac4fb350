"""What shouldn't be trusted is found, and what should be isn't complained about."""

import numpy as np
import pandas as pd
import pytest

from cgmhelpers.statistics import quality

KEYS = {"suite_train": "SIMBA", "suite_test": "SIMBA", "fields": "hi", "limits": "ideal",
        "property": "f_cool"}  # fmt: skip


def answers(error=1.0, halos=500, **columns):
    """Predictions with Gaussian errors `error` times as large as their std."""
    rng = np.random.default_rng(4)
    truth = rng.uniform(0, 1, halos)
    table = pd.DataFrame({"truth": truth, "std": 0.1, "unlike": "", "beyond": False})
    table["mean"] = truth + 0.1 * error * rng.standard_normal(halos)
    table = table.assign(set_name="CV", realisation=0, group=np.arange(halos), **KEYS)
    return table.assign(suite="SIMBA", **columns)


def curve(*losses):
    return pd.DataFrame({"validation_loss": losses})


FINE = {("SIMBA", "hi", "ideal"): curve(*10.0 * 0.5 ** np.arange(30))}


def problems(predictions, histories=FINE):
    return set(quality.report(predictions, histories)["problem"])


def test_a_good_network_has_no_problems():
    assert problems(answers()) == set()


@pytest.mark.parametrize(("error", "found"), [(2.0, "too small"), (0.3, "too large")])
def test_errors_of_a_wrong_size(error, found):
    assert problems(answers(error)) == {"coverage", "reduced chi squared"}, found


def test_few_halos_are_given_their_noise():
    """9 of 10 within one sigma: 1.5 standard errors of a share of 0.68."""
    table = answers(halos=10)
    table["mean"] = table["truth"] + 0.1 * np.r_[[0.9] * 9, 1.2]
    assert problems(table) == set()


def test_what_is_flagged_is_counted():
    rare = np.arange(500) < 10
    assert problems(answers(beyond=rare, unlike=np.where(rare, "hi total", ""))) == set()
    many = np.arange(500) < 100
    table = quality.report(answers(beyond=many, unlike=np.where(many, "hi total", "")), FINE)
    np.testing.assert_allclose(table["value"], 0.2)
    assert set(table["problem"]) == {
        "inferred beyond the training's range", "maps unlike the training's"}  # fmt: skip


def test_a_truth_that_is_missing_is_reported_not_dropped():
    table = answers()
    table.loc[:4, "truth"] = np.nan
    found = quality.report(table, FINE)
    assert list(found["problem"]) == ["halos without a truth"]
    assert found["value"][0] == pytest.approx(0.01)
    table["truth"] = np.nan
    assert list(quality.report(table, FINE)["value"]) == [1.0]


@pytest.mark.parametrize(
    ("losses", "found"),
    [
        (np.linspace(10, 0, 30), {"gain in the last tenth of training"}),
        (np.r_[5.0, 4.0, 4.5 * np.ones(38)], {"place of the best epoch"}),
        ([3.0], {"gain in the last tenth of training", "place of the best epoch"}),
    ],
)
def test_a_training_that_did_not_converge(losses, found):
    assert problems(answers(), {("SIMBA", "hi", "ideal"): curve(*losses)}) == found


def networks(sizes, halos=300):
    """Predictions of networks of one suite that err by so much, on the same halos."""
    rng = np.random.default_rng(6)
    tables = [
        answers(halos=halos, fields=fields, std=size).assign(
            mean=lambda one, size=size: one["truth"] + size * rng.standard_normal(halos)
        )
        for fields, size in sizes.items()
    ]
    return pd.concat(tables, ignore_index=True)


def test_finished_networks_decide():
    table = networks({"hi": 0.1, "xray": 0.2, "xray+hi": 0.09})
    assert quality.unfinished(table, FINE, draws=200).empty


def test_a_superset_that_loses_is_not_finished():
    table = networks({"hi": 0.1, "xray": 0.2, "xray+hi": 0.15})
    found = quality.unfinished(table, FINE, draws=200)
    assert found.to_dict("records") == [
        {"suite_train": "SIMBA", "fields": "xray+hi", "limits": "ideal", "property": "f_cool",
         "reason": "errs more on f_cool than the network for hi alone does"}
    ]  # fmt: skip


def test_a_network_that_loses_to_the_mean_is_not_finished():
    scatter = networks({"hi": 0.1})["truth"].std()
    found = quality.unfinished(networks({"hi": 1.3 * scatter}), FINE, draws=200)
    assert list(found["reason"]) == ["errs more on f_cool than the mean of all halos does"]
    assert quality.unfinished(networks({"hi": scatter}), FINE, draws=200).empty


def test_a_superset_that_differs_by_chance_is_finished():
    table = networks({"hi": 0.1, "xray+hi": 0.1})
    assert quality.unfinished(table, FINE, draws=200).empty


def test_one_of_many_comparisons_that_goes_wrong_by_chance_decides_nothing():
    one = networks({"hi": 0.1, "xray+hi": 0.1}, halos=100)
    rng = np.random.default_rng(7)
    tables = [
        one.assign(property=f"{number}", mean=one["truth"] + 0.1 * rng.standard_normal(len(one)))
        for number in range(100)
    ]
    assert quality.unfinished(pd.concat(tables), FINE, draws=200).empty


def test_a_training_that_still_gains_is_not_finished():
    histories = {("SIMBA", "hi", "ideal"): curve(*np.linspace(10, 0, 30))}
    found = quality.unfinished(networks({"hi": 0.1}), histories, draws=200)
    assert found[["fields", "property"]].to_numpy().tolist() == [["hi", "f_cool"]]
    assert found["reason"][0].startswith("gain in the last tenth of training 10%,")
