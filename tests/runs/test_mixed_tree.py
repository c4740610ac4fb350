"""A run over a tree that mixes sets, suites and volumes."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cgmhelpers import cli
from cgmhelpers.errors import ParameterError
from cgmhelpers.maps import making, store
from cgmhelpers.mock import sets, web, writing
from cgmhelpers.runs import parameters, profiles
from cgmhelpers.simulations.simulation import Simulation

SUITES = ("IllustrisTNG", "SIMBA", "Astrid", "Swift-EAGLE")
BOXES = (("L25n256", "CV", 0), ("L25n256", "LH", 3), ("L50n512", "1P", "p6_2"))
ALSO = "[{set_name: LH, realisations: [3]}, {set_name: 1P, volume: L50n512, realisations: [p6_2]}]"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web, "GRID_CELLS", 1.28)  # a coarse web costs a tenth
        for volume, set_name, number in BOXES:
            writing.write(
                root, SUITES, (number,), 20_000, set_name=set_name, volume=volume,
                minimum_mass=10**11.5, progress=False,
            )  # fmt: skip
    return root


def test_cgm_maps_of_a_tree_that_mixes_sets_suites_and_volumes(tree, tmp_path):
    """One command maps them all, each simulation in a store of its own, by its own header."""
    options = {
        "data_root": tree, "runs": tmp_path, "suites": f"[{', '.join(SUITES)}]", "also": ALSO,
        "realisations": "[0]", "minimum_log_mass": 13.0, "pixels": 32, "map_size": 16,
    }  # fmt: skip
    pairs = [word for pair in options.items() for word in ("--set", "=".join(map(str, pair)))]
    arguments = ["maps", "--profile", "smoke", "--run", "mix", "--cluster", "none", *pairs]
    result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    stores = sorted((tmp_path / "mix" / "maps").glob("*.zarr"))
    labels = ("CV_0", "LH_3", "L50n512_1P_p6_2")
    names = sorted(f"{suite}_{label}.zarr" for suite in SUITES for label in labels)
    assert [one.name for one in stores] == names
    assert all(name in result.output.replace("\n", "") for name in names)

    tables = [pd.read_parquet(one) for one in (tmp_path / "mix" / "halos").glob("*.parquet")]
    halos = pd.concat(tables)
    assert not halos.duplicated(["suite", "set_name", "realisation", "group"]).any()
    assert set(halos["set_name"]) == {"CV", "LH", "L50n512_1P"}
    numbers = halos.groupby(["suite", "set_name"]).size().unstack()
    assert (numbers["L50n512_1P"] > 3 * numbers["CV"]).all()  # eight times the volume
    assert not halos["f_cgm"].isna().any()
    # The highest A_AGN2 takes gas from SIMBA's groups, and leaves Astrid's theirs.
    gas = halos.groupby(["suite", "set_name"])["f_cgm"].median().unstack()
    change = gas["L50n512_1P"] / gas["CV"]
    assert change["SIMBA"] < 0.95 < change["Astrid"]
    for suite in SUITES:
        for volume, set_name, number in BOXES:
            sim = Simulation(tree, suite, set_name, number, volume=volume)
            drawn = sets.parameters(suite, set_name, number)
            assert sim.header.omega_matter == pytest.approx(drawn.omega_matter)
            assert sim.header.box_size == pytest.approx(1000 * sets.VOLUMES[volume] / 0.6711, 1e-4)
    # A store is that of the simulation alone.
    sim = Simulation(tree, "Swift-EAGLE", "1P", "p6_2", volume="L50n512")
    alone = making.make(
        sim, ("xray", "hi"), minimum_mass=1e13, pixels=32, pixel_size=8.0, depth=1000.0,
        options={"hi": {"method": "trident"}}, progress=False,
    )  # fmt: skip
    mixed = store.open(tmp_path / "mix" / "maps" / "Swift-EAGLE_L50n512_1P_p6_2.zarr")
    np.testing.assert_array_equal(mixed["image"], alone["image"])

    before = {one: one.stat().st_mtime_ns for one in stores}
    CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert {one: one.stat().st_mtime_ns for one in stores} == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"also": [{"set_name": "LH"}]}, "realisations of entry 0"),
        ({"also": [{"set_name": "LH", "realisations": 2, "box": "L50n512"}]}, "box"),
        ({"also": [{"set_name": "../LH", "realisations": 2}]}, "set_name"),
        ({"also": [{"set_name": "CV", "realisations": 0}]}, "also"),
        ({"also": [{"set_name": "1P", "realisations": 30}]}, "at most 25"),
        ({"also": [{"set_name": "SB28", "realisations": 1}]}, "no set 'SB28'"),
        ({"also": [{"set_name": "LH", "realisations": 1, "volume": "L9n9"}]}, "no volume 'L9n9'"),
        ({"also": [{"set_name": "CV", "realisations": [0]}]}, "twice.*CV_0"),
    ],
)
def test_simulations_that_are_none_are_refused(change, message):
    with pytest.raises(ParameterError, match=message):
        profiles.read("smoke", **change)


def test_simulations_of_several_sets_in_one_run():
    chosen = profiles.read(
        "smoke", suites=["SIMBA", "Swift-EAGLE"], set_name="1P", realisations=3,
        also=[{"set_name": "LH", "realisations": [5], "volume": "L50n512"}],
    )  # fmt: skip
    assert chosen.boxes == [
        ("L25n256", "1P", "p1_0"), ("L25n256", "1P", "p1_n2"), ("L25n256", "1P", "p1_n1"),
        ("L50n512", "LH", 5),
    ]  # fmt: skip
    # As the run writes them down.
    again = parameters.Parameters.model_validate(chosen.model_dump())
    assert again == chosen
