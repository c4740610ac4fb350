"""Splits without leaks, batches that are what they say, stores that are limited once."""

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.blobs import blobs

from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.maps import limits
from cgmhelpers.network import samples, splits
from cgmhelpers.network.scaling import Scaling

SUITES = ("IllustrisTNG", "SIMBA", "Astrid")


def halo_table(halos=1000, realisations=27, suites=SUITES, seed=1):
    """Halos of several suites with the paper's shares of the classes."""
    rng = np.random.default_rng(seed)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "suite": suite,
                    "set_name": "CV",
                    "realisation": np.arange(halos) % realisations,
                    "group": np.arange(halos) // realisations,
                    "log_mass": 12.0,
                    "halo_class": rng.choice(
                        ["sub_l_star", "l_star", "group"], halos, p=[0.63, 0.33, 0.04]
                    ),
                }
            )
            for suite in suites
        ],
        ignore_index=True,
    )


@pytest.mark.parametrize("by", ["halo", "realisation"])
def test_shares_are_60_20_20(by):
    table = halo_table()
    parts = splits.split(table, by, seed=3)
    assert parts.index.equals(table.index)
    shares = parts.value_counts(normalize=True)
    # By halo each of 9 strata rounds by half a halo; by realisation 16, 6, 5 of 27 realisations.
    tolerance = 9 * 0.5 / len(table) if by == "halo" else 0.6 / 27
    for part, share in zip(splits.PARTS, splits.FRACTIONS, strict=True):
        assert shares[part] == pytest.approx(share, abs=tolerance + 1e-3)


def test_split_by_halo_keeps_the_shares_of_each_class():
    table = halo_table()
    table["part"] = splits.split(table, seed=3)
    for _, group in table.groupby(["suite", "halo_class"]):
        counts = group["part"].value_counts()
        assert counts["training"] == pytest.approx(0.6 * len(group), abs=0.5)
        assert counts["test"] == pytest.approx(0.2 * len(group), abs=0.5)


def test_split_depends_on_seed_but_not_on_order_or_on_other_suites():
    table = halo_table()
    parts = splits.split(table, seed=3)
    assert (parts != splits.split(table, seed=4)).any()
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(splits.split(shuffled, seed=3).sort_index(), parts)
    alone = table[table["suite"] == "SIMBA"]
    pd.testing.assert_series_equal(splits.split(alone, seed=3), parts[alone.index])


def test_twins_share_their_part_by_realisation_and_not_by_halo():
    table = halo_table()
    for by, together in (("realisation", True), ("halo", False)):
        table["part"] = splits.split(table, by, seed=3)
        parts_of_twins = table.groupby(["realisation", "group"])["part"].nunique()
        assert len(parts_of_twins) == 1000
        assert (parts_of_twins == 1).all() == together
    parts_of_boxes = table.assign(part=splits.split(table, "realisation", seed=3))
    assert (parts_of_boxes.groupby(["set_name", "realisation"])["part"].nunique() == 1).all()


def test_three_realisations_make_three_parts():
    table = halo_table(halos=30, realisations=3)
    counts = splits.split(table, "realisation").value_counts()
    assert counts.to_dict() == {"training": 30, "validation": 30, "test": 30}


def boxes(*simulations, halos=4):
    """Halos of simulations: (suite, set_name, realisation, seed)."""
    names = ["suite", "set_name", "realisation", "seed"]
    table = pd.DataFrame([one for one in simulations for _ in range(halos)], columns=names)
    table["group"] = table.groupby(names[:3], sort=False).cumcount()
    return table.assign(log_mass=12.0, halo_class="l_star")


def mixed_sets():
    """CV of two suites, LH of both, and 1P: TNG's LH_1 to LH_5 have the seeds of CV_0 to CV_4."""
    return boxes(
        *[(suite, "CV", k, k + 1) for suite in SUITES[:2] for k in range(5)],
        *[("IllustrisTNG", "LH", k, k) for k in range(20)],
        *[("SIMBA", "LH", k, 5000 + k) for k in range(20)],
        *[(suite, "1P", name, 67) for suite in SUITES[:2] for name in ("p1_n2", "p1_2", "p2_n2")],
    )


@pytest.mark.parametrize("by", ["seed", "realisation"])
@pytest.mark.parametrize("seed", range(5))
def test_halos_of_one_seed_share_their_part(by, seed):
    table = mixed_sets()
    table["part"] = splits.split(table, by, seed=seed)
    assert (table.groupby("seed")["part"].nunique() == 1).all()
    assert table["part"].nunique() == 3
    # LH_k of two suites have nothing in common: only a split by realisation keeps them together.
    lh = table[table["set_name"] == "LH"].groupby("realisation")["part"].nunique()
    assert (lh == 1).all() == (by == "realisation")
    shuffled = table.drop(columns="part").sample(frac=1, random_state=1)
    again = splits.split(shuffled, by, seed=seed).sort_index()
    pd.testing.assert_series_equal(again, table["part"])


def test_numbers_and_seeds_join_simulations_step_by_step():
    table = boxes(
        ("SIMBA", "LH", 5, 5005), ("IllustrisTNG", "LH", 5, 5), ("SIMBA", "CV", 4, 5),
        ("Ramses", "CV", 4, 9), ("IllustrisTNG", "EX", 0, 9), ("SIMBA", "EX", 1, 77),
        ("SIMBA", "LH", 10, -1), ("Astrid", "LH", 10, -1), ("SIMBA", "LH", 6, -1), halos=1,
    )  # fmt: skip
    assert splits.together_in(table, "realisation").tolist() == [0, 0, 0, 0, 0, 1, 3, 3, 2]
    assert splits.together_in(table[:6], "seed").tolist() == [3, 0, 0, 1, 1, 2]
    with pytest.raises(ParameterError, match=r"seed.*3 of 9 halos.*SIMBA LH_10"):
        splits.split(table, "seed")


def test_one_initial_condition_cannot_be_split():
    table = boxes(*[("SIMBA", "1P", f"p{k}_n2", 67) for k in range(9)])
    for by in ("seed", "realisation"):
        with pytest.raises(ParameterError, match=r"initial conditions': 1.*1P, BE and EX"):
            splits.split(table, by)
    assert splits.split(table, "halo").nunique() == 3


@pytest.mark.parametrize("by", ["seed", "realisation"])
def test_a_network_knows_the_seeds_that_it_was_trained_on(by, tmp_path):
    table = mixed_sets()
    trained = table[table["suite"] == "IllustrisTNG"].copy()
    trained["part"] = splits.split(trained, by, seed=2)
    trained.to_csv(tmp_path / "split.csv", index=False)
    rule = {"by": by, "seed": 2, "fractions": list(splits.FRACTIONS)}
    parts = pd.Series(splits.assign_parts(table, tmp_path, rule), index=table.index)
    assert (parts[trained.index] == trained["part"]).all()
    of_seed = trained.drop_duplicates("seed").set_index("seed")["part"]
    shared = table["seed"].isin(of_seed.index)
    assert (parts[shared] == table["seed"][shared].map(of_seed)).all()
    if by == "seed":
        assert (parts[~shared] == "test").all()
    # Splits of earlier versions list no seeds: CAMELS' rules tell them.
    trained.drop(columns="seed").to_csv(tmp_path / "split.csv", index=False)
    of_cv = table[(table["set_name"] == "CV") & (table["suite"] == "SIMBA")]
    assert (splits.assign_parts(of_cv, tmp_path, rule) == parts[of_cv.index]).all()


def test_impossible_splits_are_refused():
    table = halo_table(halos=30, realisations=2, suites=["SIMBA"])
    with pytest.raises(ParameterError, match="without halos"):
        splits.split(table, "realisation")
    with pytest.raises(ParameterError, match="Unknown way"):
        splits.split(table, "group")
    with pytest.raises(ParameterError, match="fractions"):
        splits.split(table, fractions=(0.6, 0.6, -0.2))
    with pytest.raises(ParameterError, match="twice"):
        splits.split(pd.concat([table, table], ignore_index=True))


def test_load_chooses_orders_coarsens_and_limits():
    ds = blobs(6, size=32)
    loaded = samples.load(ds, ["hi", "xray"], "survey", size=16)
    assert loaded["field"].values.tolist() == ["hi", "xray"]
    assert loaded.sizes["y"] == 16
    assert loaded.attrs["limits"] == "survey"
    # Oracle: blocks of four pixels by hand, then the floor.
    xray = ds["image"].sel(field="xray").values
    coarse = xray.reshape(6, 3, 16, 2, 16, 2).mean(axis=(3, 5), dtype=np.float64)
    limit = loaded["image"].sel(field="xray").values.min()
    assert (coarse < limit).any()
    np.testing.assert_allclose(
        loaded["image"].sel(field="xray").values, np.maximum(coarse, limit), rtol=1e-6
    )


def test_load_applies_limits_once_and_refuses_what_cannot_be():
    limited = limits.apply_limits(blobs(6), "survey")
    assert samples.load(limited, ["xray"]).attrs["limits"] == "survey"
    with pytest.raises(ParameterError):
        samples.load(limited, ["xray"], "ideal")
    with pytest.raises(ParameterError, match="no limits"):
        samples.load(blobs(6), ["xray"])
    with pytest.raises(ParameterError, match="can't be chosen"):
        samples.load(blobs(6), ["xray", "radio"], "ideal")
    with pytest.raises(ParameterError, match="can't be chosen"):
        samples.load(blobs(6), ["xray", "xray"], "ideal")
    with pytest.raises(FormatError, match="coordinates"):
        samples.halo_table(limited.drop_vars("group"))


def test_load_joins_stores(tmp_path):
    paths = []
    for number in range(2):
        ds = blobs(4, seed=number).assign_attrs(fingerprint=str(number))
        paths.append(tmp_path / f"{number}.zarr")
        ds.to_zarr(paths[-1], consolidated=False, zarr_format=3)
    joined = samples.load(paths, ["hi"], "ideal")
    assert joined.sizes["halo"] == 8
    expected = np.maximum(blobs(4, seed=1)["image"].sel(field=["hi"]).values, 1.0)
    np.testing.assert_array_equal(joined["image"].values[4:], expected)


def test_samples_keep_projections_of_a_halo_together():
    ds = samples.load(blobs(10), ["xray", "hi"], "ideal")
    scaling = Scaling.fit(ds, np.ones(10, dtype=bool))
    images, targets = samples.samples(ds, [7, 2], scaling)
    assert images.shape == (6, 2, 16, 16)
    assert images.is_contiguous(memory_format=torch.channels_last)
    log = np.log10(ds["image"].isel(halo=2, axis=1).values.astype(float))
    expected = (log - np.reshape(scaling.mean, (2, 1, 1))) / np.reshape(scaling.std, (2, 1, 1))
    np.testing.assert_allclose(images[4], expected, atol=1e-5)  # float32 logarithms of 1e-14
    assert torch.equal(targets[0], targets[2])
    assert not torch.equal(targets[2], targets[3])
    one, _ = samples.samples(ds, [7, 2], scaling, axes=["y"])
    assert torch.equal(one, images[[1, 4]])


def test_symmetries_are_the_eight_of_the_square():
    image = np.arange(9.0).reshape(1, 1, 3, 3)
    found = {tuple(samples.symmetry(image, number).flatten().tolist()) for number in range(8)}
    rows = np.arange(9.0).reshape(3, 3)
    expected = set()
    for turned in (rows, rows[::-1], rows[:, ::-1], rows[::-1, ::-1]):
        expected |= {tuple(turned.ravel()), tuple(turned.T.ravel())}
    assert len(found) == 8
    assert found == expected
    np.testing.assert_array_equal(samples.symmetry(image, 0), image)
