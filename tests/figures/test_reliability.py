"""Figures of ensembles show what they are given."""

import numpy as np
import pandas as pd
import pytest

from cgmhelpers.figures import reliability


def ensemble_halos():
    generator = np.random.default_rng(3)
    suites = np.repeat(["IllustrisTNG", "SIMBA"], 20)
    tables = [
        pd.DataFrame(
            {
                "suite": suites,
                "suite_train": trained,
                "epistemic": generator.random(40) + 0.1,
                "error": generator.random(40) + 0.1,
            }
        )
        for trained in ("IllustrisTNG", "SIMBA")
    ]
    return pd.concat(tables)


def test_disagreement_has_a_panel_per_training_and_a_median_per_suite():
    halos = ensemble_halos()
    figure = reliability.disagreement(halos, "mock")
    assert len(figure.axes) == 2
    own = halos[(halos["suite_train"] == "SIMBA") & (halos["suite"] == "SIMBA")]
    middle = figure.axes[1].collections[-1].get_offsets()[0]
    np.testing.assert_allclose(middle, own[["epistemic", "error"]].median())


@pytest.mark.parametrize("auc", [0.7, np.nan])
def test_flags_are_drawn_also_where_nothing_is_to_be_told(auc):
    rows = [
        (suite, flag, task, auc, auc - 0.1, auc + 0.1)
        for suite in ("SIMBA", "Astrid")
        for flag in ("epistemic", "aleatoric")
        for task in ("unfamiliar", "large error")
    ]
    table = pd.DataFrame(rows, columns=["suite_train", "flag", "task", "auc", "low", "high"])
    figure = reliability.reliability_flags(table)
    figure.canvas.draw()
    assert [len(axis.containers) for axis in figure.axes] == [4, 4]
    drawn = figure.axes[0].containers[0][0].get_ydata().astype(float)
    np.testing.assert_array_equal(drawn, [auc])
