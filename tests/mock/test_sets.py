"""Sets of the mock: parameters, tables, other times and boxes, and what feedback does in each."""

import dataclasses
import itertools

import h5py
import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from helpers import with_yt

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos import cosmology, properties
from cgmhelpers.halos.measuring import measure
from cgmhelpers.mock import SUITES, feedback, initial, outcomes, responses, sets, tables, writing
from cgmhelpers.simulations import consistency, parameter_tables
from cgmhelpers.simulations.discovery import discover
from cgmhelpers.simulations.simulation import Simulation

STRENGTHS = ("supernova_energy", "black_hole_energy", "supernova_speed", "black_hole_speed")
GRID = np.geomspace(0.25, 4, 9)
MASSES = np.logspace(10.6, 14, 12)


@pytest.fixture(scope="module")
def shared():
    """Halos of one realisation."""
    return initial.draw(np.random.default_rng([1, 0]), 10**10.5)[0]


def medians(suite, **strengths):
    """Medians of the model of a suite, at other strengths of feedback."""
    model = responses.respond(feedback.MODELS[suite], sets.Parameters(**strengths))
    names = ("cgm_fraction", "metallicity", "cool_fraction", "star_fraction", "disc_fraction")
    return np.array([model.at(name, MASSES) for name in names])


# --- parameters ------------------------------------------------------------------------------


def test_redshifts_of_snapshots():
    """The numbers mean the redshifts that CAMELS' documentation lists."""
    listed = {90: 0.0, 88: 0.05, 86: 0.10, 84: 0.15, 82: 0.21, 80: 0.27, 72: 0.54, 62: 0.95}
    listed |= {44: 2.0, 18: 5.0, 0: 14.99}
    for number, redshift in listed.items():
        assert cosmology.snapshot_redshift(number) == pytest.approx(redshift, abs=0.006)
    assert np.all(np.diff(cosmology.SCALE_FACTORS) > 0)
    with pytest.raises(ParameterError, match="no such snapshot"):
        cosmology.snapshot_redshift(91)


@pytest.mark.parametrize("suite", SUITES)
def test_the_hypercube_fills_its_ranges(suite):
    """One simulation lies in each thousandth of each range: that is a Latin hypercube."""
    table = np.array(
        [dataclasses.astuple(sets.parameters(suite, "LH", i)) for i in range(sets.LH_NUMBER)]
    )
    for column, (name, (low, high)) in zip(table.T, sets.ranges(suite).items(), strict=True):
        place = (column - low) / (high - low)
        if name.startswith("A_"):
            place = np.log(column / low) / np.log(high / low)
        bins = np.floor(np.sort(place) * sets.LH_NUMBER + 0.02)  # rounded to five digits
        assert np.abs(bins - np.arange(sets.LH_NUMBER)).max() <= 1
    correlation = np.corrcoef(np.log(table).T) - np.eye(6)
    assert np.abs(correlation).max() < 0.15


def test_seeds():
    """CV's seeds are shared by the suites, all of 1P has one, LH's are unique."""
    assert [sets.seed(suite, "CV", 3) for suite in SUITES] == [4] * len(SUITES)
    assert {sets.seed(s, "1P", f"p{i}_n1") for s in SUITES for i in range(1, 6)} == {67}
    assert sets.seed("SIMBA", "1P", "p1_0", box="L50n512") == 18
    lh = [sets.seed(suite, "LH", number) for suite in SUITES for number in range(1000)]
    assert len(set(lh)) == len(lh)
    assert [sets.seed(suite, "LH", 7) for suite in SUITES[:4]] == [7, 5007, 10007, 30007]
    assert sets.seed("SIMBA", "LH", 0, tree=2) not in lh


def test_simulations_of_one_seed_have_the_same_initial_conditions():
    """CV_6 and LH_7 of TNG share their seed, as in CAMELS, and their initial conditions."""
    first, same, other, tree, box = (
        sets.generators(0, "IllustrisTNG", *which)[0].integers(2**62)
        for which in (
            ("CV", 6, 1), ("LH", 7, 1), ("LH", 0, 1), ("CV", 6, 2), ("CV", 6, 1, "L50n512"),
        )
    )  # fmt: skip
    assert first == same
    assert len({first, other, tree, box}) == 4
    own = [sets.generators(0, "IllustrisTNG", *which)[1].integers(2**62)
           for which in (("CV", 6, 1), ("LH", 7, 1))]  # fmt: skip
    assert own[0] == own[1]
    # As before there was a table of seeds: CV_i of tree t draws from (t, i).
    assert first == np.random.default_rng([1, 6]).integers(2**62)


# Lines of the tables in CAMELS' documentation: (suite, box, set) -> header and simulations.
_TNG = "2.27 0.3 -2.3 8 0.1 0 0.05 350 0.25 0.002 2 0.6 8e-05 1 1 0.1 0.2 0.002 2"
_SIMBA = "0.2 0.02 1000 0.02 0.01 1e-06 1 0.1 3 4 4 1 0.12 0.3 100 3e+05 2000 5 4.5e+07"
PUBLISHED = {
    ("IllustrisTNG", "L25n256", "1P"): (
        "#Name Omega0 sigma8 WindEnergyIn1e51erg RadioFeedbackFactor VariableWindVelFactor "
        "RadioFeedbackReiorientationFactor OmegaBaryon HubbleParam n_s MaxSfrTimescale",
        [
            f"1P_p1_n2 0.1 0.8 3.6 1 7.4 20 0.049 0.6711 0.9624 {_TNG} 67",
            f"1P_p3_2 0.3 0.8 14.4 1 7.4 20 0.049 0.6711 0.9624 {_TNG} 67",
            f"1P_p5_n1 0.3 0.8 3.6 1 5.233 20 0.049 0.6711 0.9624 {_TNG} 67",
            f"1P_p6_1 0.3 0.8 3.6 1 7.4 28.28 0.049 0.6711 0.9624 {_TNG} 67",
        ],
    ),
    ("IllustrisTNG", "L50n512", "CV"): (
        "#Name Omega0 sigma8 WindEnergyIn1e51erg",
        [f"CV_1 0.3 0.8 3.6 1 7.4 20 0.049 0.6711 0.9624 {_TNG} 1 0 1 0 0.0013 1.12 2 2"],
    ),
    ("IllustrisTNG", "L50n512", "1P"): (
        "#Name Omega0 sigma8 WindEnergyIn1e51erg",
        [f"1P_p4_n2 0.3 0.8 3.6 0.25 7.4 20 0.049 0.6711 0.9624 {_TNG} 1 0 1 0 0.0013 1.12 2 18"],
    ),
    ("IllustrisTNG", "L25n256", "CV"): (
        "#Name Omega_m sigma_8 A_SN1 A_AGN1 A_SN2 A_AGN2 seed",
        ["CV_1 0.30000 0.80000 1.00000 1.00000 1.00000 1.00000 2"],
    ),
    ("SIMBA", "L25n256", "1P"): (
        "# sim_name Omega0 sigma8 GALSF_SUBGRID_DAA_LOADFACTOR BH_BAL_KICK_MOMENTUM_FLUX "
        "GALSF_SUBGRID_FIREVEL BH_QUENCH_JET OmegaBaryon HubbleParam ns CritPhysDensity",
        [
            f"1P_p4_2 0.3 0.8 1 80 1.6 7000 0.049 0.6711 0.9624 {_SIMBA} 67",
            f"1P_p5_n1 0.3 0.8 1 20 1.131 7000 0.049 0.6711 0.9624 {_SIMBA} 67",
            f"1P_p6_2 0.3 0.8 1 20 1.6 1.4e+04 0.049 0.6711 0.9624 {_SIMBA} 67",
        ],
    ),
    ("Astrid", "L25n256", "1P"): (
        "#Name Omega_m sigma_8 A_SN1 A_AGN1 A_SN2 A_AGN2 Omega_b seed",
        [
            "1P_p2_1 0.30000 0.90000 1.00000 1.00000 1.00000 1.00000 0.049 67",
            "1P_p6_n2 0.30000 0.80000 1.00000 1.00000 1.00000 0.25000 0.049 67",
        ],
    ),
    ("Swift-EAGLE", "L25n256", "1P"): (
        "#Name Omega_m sigma_8 A_SN1 A_AGN1 A_SN2 A_AGN2 seed",
        [
            "1P_p4_2 0.30000 0.80000 1.00000 4.00000 1.00000 1.00000 67",
            "1P_p6_n2 0.30000 0.80000 1.00000 1.00000 1.00000 0.50000 67",
            "1P_p6_1 0.30000 0.80000 1.00000 1.00000 1.00000 1.41421356 67",
        ],
    ),
    ("Ramses", "L25n256", "1P"): (
        "# Name Omega_m sigma_8 ASN1 ASN2 AAGN1 AAGN2 seed",
        [
            "1P_p2_n2 0.3 1.0 1.0 0.5 4 2 67",
            "1P_p3_n2 0.3 0.8 0.1 0.5 4 2 67",
            "1P_p4_2 0.3 0.8 1.0 5.0 4 2 67",
            "1P_p5_n2 0.3 0.8 1.0 0.5 2 1 67",
        ],
    ),
}


@pytest.mark.parametrize("which", PUBLISHED)
def test_tables_are_camels(which):
    """Names, order, values and units of the lines are those of the published table."""
    suite, box, set_name = which
    header, lines = PUBLISHED[which]
    mine = tables.header(suite, set_name, box)
    assert mine.startswith(header)
    for line in lines:
        name, *expected = line.split()
        found = tables.row(suite, set_name, _number(name), box=box)
        assert found[0] == name
        assert len(found) == len(line.split()) == len(mine.split("#")[1].split())
        # The published ones have four digits.
        np.testing.assert_allclose(
            [float(x) for x in found[1:]], [float(x) for x in expected], 1e-4
        )


def _number(name):
    """The realisation of a simulation's name."""
    realisation = name.split("_", 1)[1]
    return int(realisation) if realisation.isdigit() else realisation


def test_the_reader_finds_the_parameters_in_every_table(tmp_path):
    """A table of any suite, set and box says what the mock was made with, and with which seed."""
    for suite, box, set_name in itertools.product(tables.LISTED, sets.VOLUMES, sets.SETS):
        names = ["p1_n2", "p4_2", "p5_n1"] if set_name == "1P" else [0, 26]
        path = tmp_path / tables.file_name(suite, set_name, box)
        rows = [tables.row(suite, set_name, name, box=box) for name in names]
        path.write_text("\n".join([tables.header(suite, set_name, box), *map(" ".join, rows)]))
        table = parameter_tables.read(path)
        assert set(table["suite"]) == {suite}
        wide = parameter_tables.relative(table).pivot(
            index="name", columns="parameter", values="value"
        )
        for name in names:
            own = sets.parameters(suite, set_name, name)
            found = wide.loc[f"{set_name}_{name}", list(sets.NAMES)]
            np.testing.assert_allclose(found, dataclasses.astuple(own), rtol=4e-4)
            listed = table.loc[table["name"] == f"{set_name}_{name}", "seed"]
            assert set(listed) == {sets.seed(suite, set_name, name, box=box)}


def test_one_parameter_at_a_time():
    """No other parameter than the step's moves, and it does so over its range."""
    for suite in tables.LISTED:
        for number, moved in enumerate(sets.one_parameter(suite), 1):
            steps = {
                step: dataclasses.asdict(sets.parameters(suite, "1P", f"p{number}_{step}"))
                for step in sets.STEPS
            }
            assert steps["0"] == dataclasses.asdict(sets.FIDUCIAL)
            for name, field in zip(sets.NAMES, steps["0"], strict=True):
                values = [steps[step][field] for step in sets.STEPS]
                if name not in moved:
                    assert set(values) == {steps["0"][field]}
                    continue
                assert (min(values), max(values)) == pytest.approx(sets.ranges(suite)[name])
                assert np.all(np.diff(values) > 0) or (suite, name) == ("Ramses", "sigma_8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"set_name": "SB28"}, "no set 'SB28'"),
        ({"set_name": "LH", "realisations": (1000,)}, "0 to 999"),
        ({"set_name": "LH", "realisations": ("p1_n2",)}, "0 to 999"),
        ({"set_name": "1P", "realisations": (3,)}, "p1_n2"),
        ({"set_name": "1P", "realisations": ("p7_1",)}, "p1_n2"),
        ({"set_name": "CV", "realisations": (-1,)}, "whole numbers"),
        ({"snapshot": 91}, "no such snapshot"),
        ({"snapshot": 2}, "snapshot 18"),
        ({"volume": "L100n1024"}, "L50n512"),
        ({"suites": ("Enzo",)}, "Swift-EAGLE"),
    ],
)
def test_bad_sets(tmp_path, change, message):
    """What the mock can't write is refused before a file is made."""
    with pytest.raises(ParameterError, match=message):
        writing.write(tmp_path, progress=False, **change)
    assert not list(tmp_path.iterdir())


# --- what feedback does ----------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_feedback_moves_smoothly(suite, strength):
    """Every property moves one way, without a jump, and stays a fraction."""
    rows = np.array([medians(suite, **{strength: value}) for value in GRID])
    assert np.array_equal(rows[4], medians(suite))  # 1 is the fiducial strength
    rows[:, 1] = 10 ** rows[:, 1]
    logs = np.log(rows)
    steps = np.diff(logs, axis=0)
    assert np.all((steps >= -1e-12).all(axis=0) | (steps <= 1e-12).all(axis=0))
    assert np.abs(logs[-1] - logs[0]).max() > 0.1
    # A power law, bent near the highest fraction: a step differs from the next by a part of it.
    assert np.abs(np.diff(steps, axis=0)).max() < 0.3 * np.abs(steps).max()
    assert rows[:, 0].max() < feedback.MAXIMUM_FRACTION
    assert rows[:, 2].max() < 1


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_each_halo_answers_smoothly(suite, strength, shared):
    """With the same randomness, each halo's gas and stars move one way, without a jump."""
    rows = []
    for value in GRID:
        model = responses.respond(feedback.MODELS[suite], sets.Parameters(**{strength: value}))
        result = outcomes.outcome(model, shared, np.random.default_rng(2))
        rows.append([result.hot + result.cool, 10**result.metallicity, result.stars, result.core])
    steps = np.diff(np.log(rows), axis=0)
    assert ((steps >= -1e-9).all(axis=0) | (steps <= 1e-9).all(axis=0)).all()
    assert np.abs(steps).max() > 0.01
    # No answer is steeper than in proportion.
    assert np.abs(steps).max() < np.log(GRID[1] / GRID[0])


@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_name_means_other_physics_in_each_suite(strength):
    """Doubling one strength moves no two suites in the same way."""
    moved = {
        suite: (medians(suite, **{strength: 2.0}) - medians(suite)) / np.abs(medians(suite))
        for suite in SUITES
    }
    for first, second in itertools.combinations(SUITES, 2):
        a, b = moved[first].ravel(), moved[second].ravel()
        # As vectors: neither equal nor one a multiple of the other.
        cosine = a @ b / np.sqrt((a @ a) * (b @ b))
        assert cosine < 0.995
        assert np.abs(a - b).max() > 0.02


def test_swift_eagle_is_no_average():
    """Its gas fraction rises all along, as that of no other suite, and lies below two of them."""
    rises = {s: np.diff(feedback.MODELS[s].cgm_fraction) for s in SUITES}
    assert np.all(rises["Swift-EAGLE"] > 0)
    assert all((rises[suite] < 0).any() for suite in SUITES if suite != "Swift-EAGLE")
    at = np.array([feedback.MODELS[s].at("cgm_fraction", MASSES) for s in SUITES])
    outside = (at[3] < at[:3].min(axis=0)) | (at[3] > at[:3].max(axis=0))
    assert outside.any()
    assert np.abs(at[3] / at[:3].mean(axis=0) - 1).max() > 0.3


def test_cosmology_moves_halos_smoothly():
    """More matter and larger fluctuations make the halo of each rank heavier, without a jump."""
    for name, values in (
        ("omega_matter", np.linspace(0.1, 0.5, 9)),
        ("sigma_8", np.linspace(0.6, 1, 9)),
    ):
        ranked, counts = [], []
        for value in values:
            box = sets.volume(sets.Parameters(**{name: value}))
            mass = initial.draw_masses(np.random.default_rng(3), 10**10.5, box)
            assert np.all(np.diff(mass) <= 0)
            ranked.append(np.log(mass[[0, 5, 30, 100]]))
            counts.append((mass > 10**11.5).sum())
        steps = np.diff(ranked, axis=0)
        assert np.all(steps[:, :2] > 0), name
        assert np.abs(np.diff(steps, axis=0)).max() < 0.25
        if name == "omega_matter":
            assert np.all(np.diff(counts) > 0)
    # The fiducial draw is in the middle of both.
    fiducial = initial.draw_masses(np.random.default_rng(3), 10**10.5)
    box = sets.volume(sets.Parameters(sigma_8=0.8 + 1e-9))
    near = initial.draw_masses(np.random.default_rng(3), 10**10.5, box)
    np.testing.assert_allclose(near[: len(fiducial) - 5], fiducial[:-5], rtol=1e-5)


def test_counts_follow_the_mass_function():
    """Halos of another cosmology, and at another time, are as many as published."""
    from colossus.lss import mass_function

    edges = np.array([10.5, 11.0, 11.5, 12.0, 13.0, 14.3])
    for parameters, snapshot in (
        (sets.Parameters(0.15, 0.9), 90),
        (sets.Parameters(0.45, 0.65), 90),
        (sets.FIDUCIAL, 44),
    ):
        box = sets.volume(parameters, snapshot)
        draws = [initial.draw_masses(np.random.default_rng(i), 10**10.5, box) for i in range(20)]
        counts = np.histogram(np.log10(np.concatenate(draws)), edges)[0]
        log_mass = np.linspace(10.5, 14.3, 2000)
        with cosmology.colossus_cosmology(box.cosmology):
            density = mass_function.massFunction(
                10**log_mass * 0.6711, box.redshift, mdef="200c", model="bocquet16",
                q_out="dndlnM", hydro=False,
            )  # fmt: skip
        density *= 25.0**3 * np.log(10)
        bins = np.digitize(log_mass, edges) - 1
        step = log_mass[1] - log_mass[0]
        expected = 20 * np.array([density[bins == i].sum() * step for i in range(5)])
        assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected) + 0.01 * expected)


# --- files -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Simulations of the LH set of all suites, at z = 0.54, with their tables."""
    folder = tmp_path_factory.mktemp("mock")
    writing.write(folder, SUITES, (0, 7), 20_000, set_name="LH", snapshot=72, progress=False)
    return folder


@pytest.mark.parametrize("suite", SUITES)
def test_simulations_at_another_time_and_cosmology(root, suite):
    """Header, masses, halos, properties and maps fit together at z > 0 in every dialect."""
    for number in (0, 7):
        sim = Simulation(root, suite, "LH", number, snapshot=72)
        parameters = sets.parameters(suite, "LH", number)
        assert sim.header.redshift == pytest.approx(0.539, abs=1e-3)
        assert sim.header.omega_matter == pytest.approx(parameters.omega_matter)
        assert sim.header.box_size == pytest.approx(25_000 / 0.6711 * 0.649738, rel=1e-4)
        consistency.check_simulation(sim)
        halos = sim.halos()
        # R200c encloses 200 times the critical density of that time, which astropy knows.
        universe = FlatLambdaCDM(H0=67.11, Om0=sim.header.omega_matter)
        density = universe.critical_density(sim.header.redshift).to_value("Msun/kpc3")
        mass = 4 / 3 * np.pi * 200 * density * halos["r200c"] ** 3
        np.testing.assert_allclose(halos["m200c"], mass, rtol=1e-3)
        measured = measure(sim, halos, progress=False).m200c
        good = np.abs(measured / halos["m200c"] - 1) < 0.05
        assert good.mean() > 0.95
        table = properties.compute(sim, halos, progress=False)
        assert np.isfinite(table["f_cgm"]).all()
        # Hardly more than the cosmic share of baryons, which low Omega_m makes large; but for a
        # halo in the outskirts of a group.
        cosmic = sim.header.omega_baryon / sim.header.omega_matter
        assert (table["f_cgm"] > 1.2 * cosmic).mean() < 0.01
        # All baryons of the box are there, whatever the cosmology.
        total = sum(
            sim.particles(kind, ("mass",)).mass.sum(dtype=float) for kind in ("gas", "stars")
        )
        today = universe.critical_density0.to_value("Msun/kpc3")
        expected = 0.049 * today * (25_000 / 0.6711) ** 3
        assert total == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("suite", SUITES)
def test_yt_finds_the_same_at_another_time_and_cosmology(root, suite, tmp_path):
    with_yt.assert_yt_agrees(Simulation(root, suite, "LH", 7, snapshot=72), tmp_path)


def test_tables_lie_beside_the_simulations(root):
    """The reader finds the set's table in its place, and its numbers are the headers'."""
    for suite in SUITES:
        table = parameter_tables.parameters(root, suite, "LH")
        assert table["name"].unique().tolist() == ["LH_0", "LH_7"]
        for name, values in table.groupby("name"):
            sim = Simulation(root, suite, "LH", _number(name), snapshot=72)
            value = values.set_index("parameter")["value"]
            assert value["Omega_m"] == sim.header.omega_matter


def test_one_parameter_files_share_their_halos(tmp_path):
    """1P moves gas at the same places; the gas of SIMBA's groups falls with the jets' speed."""
    steps = ("p6_n2", "p6_0", "p6_2")
    writing.write(tmp_path, ("SIMBA",), steps, 20_000, set_name="1P", progress=False)
    sims = discover(tmp_path, ("SIMBA",), "1P")
    assert sorted(sim.realisation for sim in sims) == sorted(steps)
    fractions, places = [], []
    for step in steps:
        sim = Simulation(tmp_path, "SIMBA", "1P", step)
        halos = sim.halos(0.0)
        places.append(halos[["x", "y", "z"]].to_numpy())
        heavy = halos[halos["m200c"] > 10**11.9]
        fractions.append(properties.compute(sim, heavy, progress=False)["f_cgm"].median())
    np.testing.assert_array_equal(places[0], places[1])
    np.testing.assert_array_equal(places[2], places[1])
    assert fractions[0] > 1.2 * fractions[1] > 1.2**2 * fractions[2]


def test_the_larger_box(tmp_path):
    """L50n512 has a folder of its own, eight times the volume and other halos."""
    (path,) = writing.write(
        tmp_path, ("IllustrisTNG",), cells=60_000, volume="L50n512", minimum_mass=10**11.5,
        progress=False,
    )  # fmt: skip
    assert path.parts[-4:-2] == ("L50n512", "CV")
    sim = Simulation.from_files(path, suite="IllustrisTNG")
    assert sim.header.box_size == pytest.approx(50_000 / 0.6711, rel=1e-4)
    consistency.check_simulation(sim)
    with h5py.File(path) as file:
        box = file["Header"].attrs["BoxSize"]
        assert file["PartType0/Coordinates"][:].max() > 0.98 * box
