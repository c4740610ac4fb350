"""What networks are worth in the suite that was left out, on map stores of blobs."""

from cgmhelpers.runs import judging


def test_all_tables_are_made(experiment):
    tables = judging.tables(experiment)
    assert set(tables) == {
        "blind",
        "unlabelled_target",
        "error_bars",
        "conformal",
        "trust",
        "classes",
        "looks",
        "control",
    }
    assert set(tables["classes"]["halo_class"]) == {"sub_l_star", "l_star", "group"}
    looks = tables["looks"].set_index("method")
    assert set(looks.index) == {"single suite", "mmd", "pooled"}
    assert (looks["halos"] > 10).all()
    assert looks["alike"].between(-1, 1).all()
    assert (looks["alike_change_low"] <= looks["alike_change"]).all()
    unbounded = tables["conformal"].filter(like="unbounded")
    assert (unbounded >= 0).all(axis=None)
    # An infinite interval covers.
    assert (tables["conformal"]["coverage_68"] >= tables["conformal"]["unbounded_68"]).all()
    assert set(tables["error_bars"]["posterior"]) == {"in_domain", "unseen_suite"}
    kinds = set(tables["trust"]["kind"])
    assert {"own", "left out", "shifted units", "blank", "noise"} <= kinds
    wide = tables["error_bars"].pivot(index="property", columns="posterior", values="chi2")
    assert (wide["unseen_suite"] <= wide["in_domain"]).all()
    assert set(tables["control"]["method"]) == {"pooled", "mmd"}
