"""The mock suite: the codes' files, the paper's trends, the physics of the halos."""

import h5py
import hdf5plugin
import numpy as np
import pytest
from astropy import constants
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM
from helpers import with_yt
from scipy import spatial

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos import classes, cosmology, properties
from cgmhelpers.halos.measuring import measure
from cgmhelpers.maps.projection import kernel
from cgmhelpers.mock import columns as mock_columns
from cgmhelpers.mock import feedback, files, hot, initial, outcomes, profiles, snapshot, writing
from cgmhelpers.mock import suite as mock_suite
from cgmhelpers.mock.catalogue import write_catalogue
from cgmhelpers.simulations import discovery, simulation

SUITES = discovery.SUITES
EVERY_SUITE = writing.SUITES
CELLS = 60_000
GAS = {"Coordinates", "Velocities", "ParticleIDs", "Masses", "Density", "InternalEnergy"}
GAS |= {"ElectronAbundance", "NeutralHydrogenAbundance", "StarFormationRate"}
GAS_OF = {
    "IllustrisTNG": GAS | {"GFM_Metallicity", "GFM_Metals", "MagneticField"},
    "SIMBA": GAS
    | {"Metallicity", "SmoothingLength", "FractionH2", "Dust_Masses", "Dust_Metallicity"}
    | {"DelayTime"},
    "Astrid": GAS | {"GFM_Metallicity", "GFM_Metals", "SmoothingLength", "DelayTime"},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Data root with one small realisation of the three suites."""
    folder = tmp_path_factory.mktemp("mock")
    paths = writing.write(folder, cells=CELLS, seed=1, progress=False)
    assert [path.parts[-5] for path in paths] == list(SUITES)
    return folder


@pytest.fixture(scope="module")
def tables(root):
    """Halos and their measured properties, by suite."""
    found = {}
    for suite in SUITES:
        sim = simulation.Simulation(root, suite)
        table = sim.halos()
        found[suite] = table.join(properties.compute(sim, table, progress=False))
    return found


@pytest.fixture(scope="module")
def shared():
    """Halos and web of one realisation."""
    return initial.draw(np.random.default_rng([1, 0]), 10**10.5)


# --- files ------------------------------------------------------------------------------


def test_same_seed_same_bytes(root, tmp_path):
    """Suites written elsewhere, in another order, are the same files; another seed is another."""
    again = writing.write(
        tmp_path / "a", ("Astrid", "IllustrisTNG"), cells=CELLS, seed=1, progress=False
    )
    for path in again:
        first = root / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == first.read_bytes()
    (other,) = writing.write(tmp_path / "b", ("SIMBA",), cells=CELLS, seed=4, progress=False)
    assert other.read_bytes() != writing.file_paths(root, "SIMBA", 0)[0].read_bytes()


def test_resumes_and_protects(tmp_path):
    """A whole file stays, other settings are an error, a real file is never replaced."""
    call = {"suites": ("SIMBA",), "cells": 20_000, "progress": False}
    (path,) = writing.write(tmp_path, **call)
    before = path.stat().st_mtime_ns
    writing.write(tmp_path, **call)
    assert path.stat().st_mtime_ns == before
    assert writing.is_written(tmp_path, "SIMBA", cells=20_000)
    assert not writing.is_written(tmp_path, "SIMBA", cells=30_000)
    with pytest.raises(ParameterError, match="other settings"):
        writing.write(tmp_path, **call, seed=2)
    writing.write(tmp_path, **call, seed=2, overwrite=True)
    assert path.stat().st_mtime_ns > before
    assert not list(tmp_path.rglob(".part-*"))

    with h5py.File(path, "r+") as file:
        del file["Header"].attrs["Mock"], file["Header"].attrs["MockSettings"]
    with pytest.raises(ParameterError, match="never overwritten"):
        writing.write(tmp_path, **call, overwrite=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("suites", ("Illustris",)), ("cells", 10), ("minimum_mass", 1.0), ("realisations", (-1,))],
)
def test_bad_parameters(tmp_path, name, value):
    """Parameters without a meaning are named in the error."""
    with pytest.raises(ParameterError, match=name):
        writing.write(tmp_path, **{name: value})


@pytest.mark.parametrize("suite", SUITES)
def test_dialect(root, suite):
    """Data sets, shapes, types and attributes are those of the format's description."""
    arrays = suite == "Astrid"
    path, catalogue = writing.file_paths(root, suite, 0)
    with h5py.File(path) as file:
        header = file["Header"].attrs
        number = header["NumPart_ThisFile"]
        assert number[0] == CELLS
        gas = file["PartType0"]
        assert set(gas) == GAS_OF[suite]
        assert all(len(gas[name]) == CELLS for name in gas)
        assert gas["Coordinates"].dtype == (np.float32 if suite == "SIMBA" else np.float64)
        metals = "Metallicity" if suite == "SIMBA" else "GFM_Metals"
        assert gas[metals].shape == (CELLS, 11 if suite == "SIMBA" else 10)
        for name in ("BoxSize", "Redshift", "Time", "HubbleParam", "Omega0", "UnitLength_in_cm"):
            assert np.shape(header[name]) == ((1,) if arrays else ())
        assert np.asarray(header["BoxSize"]).item() == pytest.approx(25000, rel=1e-4)
        assert ("Masses" in file["PartType1"]) == (header["MassTable"][1] == 0)
        assert ("Masses" in file["PartType1"]) == (suite == "SIMBA")
        star = "StellarFormationTime" if suite == "SIMBA" else "GFM_StellarFormationTime"
        birth = file["PartType4"][star][:]
        assert (birth <= 0).any() == (suite == "IllustrisTNG")
        assert ("Config" in file) == (suite == "IllustrisTNG")
        identifiers = [file[f"PartType{kind}/ParticleIDs"][:] for kind in (0, 1, 4, 5)]
        identifiers = np.concatenate(identifiers)
        repeated = len(identifiers) - len(np.unique(identifiers))
        assert (repeated > 0) == (suite == "SIMBA")
        box = np.asarray(header["BoxSize"]).item()
        position = gas["Coordinates"][:]
        assert position.min() >= 0
        assert position.max() < box
    with h5py.File(catalogue) as file:
        assert ("IDs" in file) == (suite != "IllustrisTNG")
        group, subhalo = file["Group"], file["Subhalo"]
        lengths = group["GroupLenType"][:]
        assert np.all(lengths.sum(axis=0) <= number)
        first, owner = group["GroupFirstSub"][:], subhalo["SubhaloGrNr"][:]
        assert (first == -1).any()
        chosen = np.flatnonzero(first >= 0)
        np.testing.assert_array_equal(owner[first[chosen]], chosen)
        np.testing.assert_array_equal(
            subhalo["SubhaloPos"][:][first[chosen]], group["GroupPos"][:][chosen]
        )
        if suite != "IllustrisTNG":
            assert len(file["IDs/ID"]) == lengths.sum()


def test_only_tng_is_sorted_by_halo(root):
    """The first GroupLenType gas cells lie about the first group in TNG, and nowhere else."""
    for suite in SUITES:
        path, catalogue = writing.file_paths(root, suite, 0)
        with h5py.File(catalogue) as file:
            length = file["Group/GroupLenType"][0, 0]
            centre, radius = file["Group/GroupPos"][0], file["Group/Group_R_Crit200"][0]
        with h5py.File(path) as file:
            apart = np.abs(file["PartType0/Coordinates"][:length] - centre)
        apart = np.minimum(apart, 25000 - apart)
        near = np.mean(np.linalg.norm(apart, axis=1) < 4 * radius)
        assert (near > 0.99) == (suite == "IllustrisTNG")


def test_simulation_list(tmp_path):
    """The set's table has a row per simulation, and keeps those of earlier calls."""
    for number in (2, 0):
        writing.write(tmp_path, ("Astrid",), (number,), cells=20_000, progress=False)
    path = tmp_path / "Sims/Astrid/L25n256/CV/CosmoAstroSeed_Astrid_L25n256_CV.txt"
    names = [line.split()[0] for line in path.read_text().splitlines()[1:]]
    assert names == ["CV_0", "CV_2"]
    assert [sim.realisation for sim in discovery.discover(tmp_path, ("Astrid",))] == [0, 2]


def test_a_simulation_that_is_whole_is_listed_when_the_writer_is_killed(tmp_path, monkeypatch):
    def write_and_die(*arguments):
        write(*arguments)
        raise KeyboardInterrupt

    write = mock_suite.write
    monkeypatch.setattr(mock_suite, "write", write_and_die)
    with pytest.raises(KeyboardInterrupt):
        writing.write(tmp_path, ("Astrid",), (0,), cells=20_000, progress=False)
    assert writing.is_written(tmp_path, "Astrid", 0, cells=20_000)
    path = tmp_path / "Sims/Astrid/L25n256/CV/CosmoAstroSeed_Astrid_L25n256_CV.txt"
    assert path.read_text().splitlines()[1].startswith("CV_0 ")


# --- yt ---------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", EVERY_SUITE)
def test_yt(root, suite, tmp_path):
    """The front end of each suite opens its files, and finds our reader's gas."""
    writing.write(root, (suite,), cells=CELLS, progress=False)
    with_yt.assert_yt_agrees(simulation.Simulation(root, suite), tmp_path)


def test_cells_of_ramses(root):
    """Cells have the density of their level, and the reader finds the gas that forms stars."""
    writing.write(root, ("Ramses",), cells=CELLS, progress=False)
    sim = simulation.Simulation(root, "Ramses")
    gas = sim.gas(("mass", "density", "star_formation_rate"))
    with h5py.File(sim.snapshot_path) as file:
        # The names of CAMELS' converter, camels_library/ramses.py.
        gas_columns = {"Coordinates", "Masses", "Velocities", "InternalEnergy", "Density", "TKED"}
        gas_columns |= {"Metallicity", "AMR_level", "NeutralHydrogenAbundance"}
        assert set(file["PartType0"]) == gas_columns | {"ElectronAbundance", "Temperature"}
        stars = {"Coordinates", "Masses", "Velocities", "ParticleIDs", "AMR_level", "Metallicity"}
        assert set(file["PartType4"]) == stars | {"FormationTime"}
        times = file["PartType4/FormationTime"][:]
        universe = FlatLambdaCDM(H0=67.11, Om0=0.3)
        assert 0 < times.min() < times.max() <= universe.age(0).to_value("Gyr")
        assert (file["Header"].attrs["MassTable"] == 0).all()
    assert len(sim.particles("stars")) == len(times)
    assert len(sim.particles("wind")) == 0
    with h5py.File(sim.snapshot_path) as file:
        level = file["PartType0/AMR_level"][:]
    side = 25_000 / 0.6711 / 2.0**level
    expected = gas.mass / side**3 * (u.Msun / u.kpc**3).to(u.g / u.cm**3)
    np.testing.assert_allclose(gas.density, expected, rtol=1e-4)
    halos, web = initial.draw(np.random.default_rng([1, 0]), 10**10.5)
    made = mock_suite.build("Ramses", halos, web, CELLS, np.random.default_rng([1, 0, 5])).gas
    forming = made["star_formation_rate"] > 0
    assert forming.any()
    assert (gas.star_formation_rate > 0).sum() == forming.sum()
    found = gas.mass[gas.star_formation_rate > 0].sum()
    assert found == pytest.approx(made["mass"][forming].sum(), rel=1e-5)


# --- halos ------------------------------------------------------------------------------


def test_shared_halos(root):
    """Halo k lies at the same place in the three suites, and its mass differs by baryons only."""
    every = [simulation.Simulation(root, suite).halos(0.0) for suite in SUITES]
    assert len(every[0]) > 1000
    for table in every[1:]:
        np.testing.assert_array_equal(classes.centres(table), classes.centres(every[0]))
    # A halo that lost all its baryons has 84% of the mass inside a slightly smaller radius.
    big = every[0]["m200c"].to_numpy() > 1e12
    for table in every[1:]:
        ratio = np.log10(table["m200c"] / every[0]["m200c"])[big]
        assert np.abs(ratio).max() < 0.12
    assert np.mean(every[1]["m200c"] / every[2]["m200c"]) < 0.97


def test_mass_function():
    """Numbers of halos follow the published mass function within Poisson noise."""
    from colossus.lss import mass_function

    edges = np.array([10.5, 11.0, 11.5, 12.0, 13.0, 14.3])
    draws = [initial.draw_masses(np.random.default_rng(i), 10**10.5) for i in range(20)]
    counts = np.histogram(np.log10(np.concatenate(draws)), edges)[0]
    log_mass = np.linspace(10.5, 14.3, 2000)
    with cosmology.colossus_cosmology():
        density = mass_function.massFunction(
            10**log_mass * 0.6711,
            0.0,
            mdef="200c",
            model="bocquet16",
            q_out="dndlnM",
            hydro=False,
        )
    density *= 25.0**3 * np.log(10)
    bins = np.digitize(log_mass, edges) - 1
    step = log_mass[1] - log_mass[0]
    expected = 20 * np.array([density[bins == i].sum() * step for i in range(5)])
    # Five standard deviations of a Poisson number, and 1% for the sum over the table.
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected) + 0.01 * expected)


def test_counts_near_table_2(tables):
    """One volume has about as many halos as one of CAMELS (Table 2, over 27 volumes)."""
    totals = {"IllustrisTNG": 5454, "SIMBA": 5101, "Astrid": 5346}
    for suite, total in totals.items():
        # Haloes are clustered: twice the Poisson noise, at four standard deviations.
        assert abs(len(tables[suite]) - total / 27) < 8 * np.sqrt(total / 27)
        assert (tables[suite]["halo_class"] == "group").sum() > 1


def test_catalogue_masses(root):
    """The catalogue's M200c is that of the particles."""
    for suite in SUITES:
        sim = simulation.Simulation(root, suite)
        table = sim.halos()
        assert len(table) > 100
        mass = measure(sim, table, progress=False).m200c
        # One dark matter particle is up to 0.9% of the mass, and either side may count a few more.
        np.testing.assert_allclose(mass, table["m200c"], rtol=0.045)


# --- trends -----------------------------------------------------------------------------


def test_order_of_suites(tables):
    """Fig. 1: Astrid above TNG above SIMBA in gas fraction, metallicity and gas mass."""
    for name in ("f_cgm", "log_z_cgm", "log_m_cgm"):
        median = {suite: tables[suite][name].median() for suite in SUITES}
        assert median["Astrid"] > median["IllustrisTNG"] > median["SIMBA"], name


def test_dip_of_tng(tables):
    """TNG's gas fraction falls to a minimum near 10^12.4 Msun and rises again."""
    table = tables["IllustrisTNG"]

    def median(low, high):
        chosen = table["log_mass"].between(low, high)
        assert chosen.sum() >= 4
        return table["f_cgm"][chosen].median()

    low, dip, high = median(11.5, 12.0), median(12.25, 12.6), median(13.0, 14.3)
    assert dip < 0.7 * low
    assert dip < 0.8 * high
    astrid = tables["Astrid"]
    flat = [
        astrid["f_cgm"][astrid["log_mass"].between(*edge)].median()
        for edge in ((11.5, 12.0), (12.25, 12.6))
    ]
    assert flat[1] > 0.75 * flat[0]


def test_scatter(tables):
    """SIMBA scatters most in gas fraction; metallicity spans about 1 dex at fixed mass."""
    for name in ("sub_l_star", "l_star"):
        spread = {
            s: np.std(np.log10(t["f_cgm"][t["halo_class"] == name])) for s, t in tables.items()
        }
        assert spread["SIMBA"] > spread["IllustrisTNG"] > spread["Astrid"]
        for table in tables.values():
            chosen = table[table["halo_class"] == name]
            low, high = np.percentile(chosen["log_z_cgm"], [5, 95])
            assert 0.6 < high - low < 1.6
            assert np.std(chosen["f_cool"]) > 0.08


def test_ranges(tables):
    """Hardly any property leaves the range that scales the network's targets."""
    for suite, table in tables.items():
        for one in properties.PROPERTIES[1:]:
            outside = ~table[one.name].between(one.low, one.high)
            assert outside.mean() < 0.01, (suite, one.name)


def test_history_moves_all(shared):
    """A strong feedback history empties, heats, enriches and spreads, at fixed mass."""
    sample, _ = shared
    for model in feedback.MODELS.values():
        result = outcomes.outcome(model, sample, np.random.default_rng(5))
        log_fraction = np.log10((result.hot + result.cool) / sample.mass)
        log_fraction -= np.log10(model.at("cgm_fraction", sample.mass))
        metals = result.metallicity - model.at("metallicity", sample.mass)

        def correlation(values, activity=result.activity):
            return np.corrcoef(values, activity)[0, 1]

        assert -0.95 < correlation(log_fraction) < -0.5
        assert correlation(np.log10(result.core)) > 0.5
        assert correlation(np.log10(result.heating)) > 0.5
        assert 0.1 < correlation(metals) < 0.9
        assert 0.4 < np.corrcoef(result.activity, sample.history)[0, 1] < 0.8


# --- gas --------------------------------------------------------------------------------


def test_hydrostatic(shared):
    """Pressure gradients of the atmospheres balance gravity times the thermal support."""
    sample, _ = shared
    model = feedback.MODELS["IllustrisTNG"]
    result = outcomes.outcome(model, sample, np.random.default_rng(1))
    atmosphere = hot.Atmosphere.of(sample, model, result)
    support = model.at("thermal_support", sample.mass) * result.heating
    for i in (0, 50, 200):
        radius = profiles.RADII * sample.radius[i] * u.kpc
        x = profiles.RADII * sample.concentration[i]
        c = sample.concentration[i]
        shape = (np.log1p(x) - x / (1 + x)) / (np.log1p(c) - c / (1 + c))
        gravity = constants.G * sample.mass[i] * u.Msun * shape / radius**2
        density = atmosphere.density[i] * u.g / u.cm**3
        weight = profiles.MOLECULAR_WEIGHT * constants.m_p
        pressure = density / weight * constants.k_B * atmosphere.temperature[i] * u.K
        slope = np.gradient(pressure.cgs.value, radius.cgs.value) * u.dyne / u.cm**3
        ratio = (-slope / (density * gravity)).cgs.value / support[i]
        inner = slice(20, -5)
        # Tables of 7% steps in radius: the slope of a power law r^-3 is then off by some percent.
        np.testing.assert_allclose(ratio[inner], 1, rtol=0.05)


def test_group_temperature(tables, root):
    """Mean temperature of hot gas in groups is near the virial temperature of the NFW halo."""
    table = tables["Astrid"]
    groups = table[table["halo_class"] == "group"]
    virial = (0.59 * constants.m_p * constants.G / (2 * constants.k_B) * u.Msun / u.kpc).to_value(
        u.K
    )
    expected = np.log10(virial * groups["m200c"] / groups["r200c"])
    assert len(groups) > 1
    # Within 200 kpc, inside the halo, atmospheres are hotter than average; clouds cool the mean.
    assert np.abs(groups["log_t_cgm"] - expected).max() < 0.4


@pytest.mark.parametrize("suite", SUITES)
def test_metals_sum_to_one(root, suite):
    """The mass fractions of the elements add up."""
    with h5py.File(writing.file_paths(root, suite, 0)[0]) as file:
        gas = file["PartType0"]
        if suite == "SIMBA":
            metals = gas["Metallicity"][:]
            named = metals[:, 2:].sum(axis=1)
            assert np.all(named <= metals[:, 0] * (1 + 1e-5))
            assert np.all(named > 0.9 * metals[:, 0])
            hydrogen = 1 - metals[:, 0] - metals[:, 1]
        else:
            metals = gas["GFM_Metals"][:]
            # Ten float32 numbers of size one.
            np.testing.assert_allclose(metals.sum(axis=1), 1, atol=1e-6)
            np.testing.assert_allclose(metals[:, 2:].sum(axis=1), gas["GFM_Metallicity"], rtol=1e-4)
            hydrogen = metals[:, 0]
        assert hydrogen.min() > 0.6
        assert hydrogen.max() < 0.77


@pytest.mark.parametrize("suite", SUITES)
def test_gas_fills_the_volume(root, suite):
    """Baryons have the cosmic density, and cells' volumes add up to about the box."""
    sim = simulation.Simulation(root, suite)
    gas = sim.gas(("mass", "density", "star_formation_rate", "temperature"))
    stars = sum(sim.particles(kind, ("mass",)).mass.sum() for kind in ("stars", "wind"))
    volume = cosmology.Volume().box_size ** 3
    baryons = 0.049 * cosmology.CV.critical_density() * volume
    # Wind cells come on top: a few thousandths of the star-forming gas.
    assert gas.mass.sum(dtype=np.float64) + stars == pytest.approx(baryons, rel=1e-3)
    density = gas.density.astype(np.float64) * (u.g / u.cm**3).to(u.Msun / u.kpc**3)
    # A Zel'dovich web isn't a mass-conserving fluid where streams cross.
    assert 0.5 < (gas.mass / density).sum() / volume < 1.5
    forming = gas.star_formation_rate > 0
    hydrogen = 0.76 * gas.density[forming] / constants.m_p.cgs.value
    assert hydrogen.min() > 0.12
    assert (~forming & (gas.temperature < 2e4)).any()
    assert (gas.temperature > 1e6).any()


@pytest.mark.parametrize("suite", SUITES)
def test_cool_gas_is_continuous(shared, suite):
    """At the quick profile's resolution, neutral gas isn't a scatter of single elements.

    Where an element stands alone it makes nearly all of the column, and maps show its round kernel.
    """
    sample, web = shared
    gas = mock_suite.build(suite, sample, web, 300_000, np.random.default_rng(5)).gas
    fraction = gas["neutral_hydrogen_abundance"]
    hydrogen = 0.76 * gas["mass"] * fraction
    support = mock_columns.kernel_support(gas["mass"], gas["density"])
    box, pixel, half = sample.volume.box_size, 4.0, 200.0
    centres = np.arange(-half + pixel / 2, half, pixel)
    pixels = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    tree = spatial.cKDTree(pixels)
    threshold = 1e19 * (constants.m_p / u.cm**2).to_value("Msun/kpc2")
    detected = alone = 0
    for halo in range(0, 120, 6):
        offset = gas["position"] - sample.position[halo]
        offset -= box * np.round(offset / box)
        near = np.flatnonzero((np.abs(offset).max(axis=1) < half) & (fraction > 1e-3))
        reach = np.maximum(support[near], pixel)
        reached = tree.query_ball_point(offset[near, :2], reach)
        element = np.repeat(np.arange(len(near)), [len(one) for one in reached])
        place = np.concatenate(reached).astype(int)
        apart = np.linalg.norm(offset[near[element], :2] - pixels[place], axis=1) / reach[element]
        column = hydrogen[near[element]] * kernel.column(apart) / reach[element] ** 2
        total = np.bincount(place, column, len(pixels))
        largest = np.zeros(len(pixels))
        np.maximum.at(largest, place, column)
        bright = total > threshold
        detected += bright.sum()
        alone += (largest > 0.8 * total)[bright].sum()
    # Edges of clouds have one element on the line of sight at any resolution.
    assert detected > 5000
    assert alone / detected < 0.32


# --- writing arrays ---------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "gzip", "blosc", "zstd"])
@pytest.mark.parametrize("suite", files.DIALECTS)
def test_arrays_come_back(tmp_path, suite, compression):
    """Physical arrays written in any dialect, at z > 0 too, are read back by the reader."""
    filters = {"blosc": hdf5plugin.Blosc(), "zstd": hdf5plugin.Zstd()}
    generator = np.random.default_rng(8)
    number = 500
    header = files.SnapshotHeader(redshift=0.5, box_size=20_000.0)
    gas = {
        "position": generator.uniform(0, 20_000, (number, 3)),
        "velocity": generator.normal(0, 100, (number, 3)),
        "mass": generator.uniform(1e6, 1e7, number),
        "density": 10 ** generator.uniform(-30, -24, number),
        "temperature": 10 ** generator.uniform(4, 7, number),
        "metallicity": 10 ** generator.uniform(-4, -2, number),
        "hydrogen_fraction": generator.uniform(0.70, 0.75, number),
        "electron_abundance": generator.uniform(0.1, 1.16, number),
        "star_formation_rate": generator.uniform(0, 1, number),
        "neutral_hydrogen_abundance": generator.uniform(0, 1, number),
        "particle_id": generator.integers(1, 100, number),
    }
    dark = {"position": gas["position"][:100], "mass": np.full(100, 1e8)}
    wind = None
    if suite == "IllustrisTNG":
        wind = {
            "position": gas["position"][:3],
            "mass": np.full(3, 2e6),
            "formation_time": -np.ones(3),
        }
    stars = {
        "position": gas["position"][:7],
        "mass": np.full(7, 3e6),
        "formation_time": np.full(7, 0.4),
    }
    groups = {"position": gas["position"][:2], "m200c": np.array([1e13, 1e12])}
    cosmology = FlatLambdaCDM(H0=100 * header.hubble, Om0=header.omega_matter)
    density = 200 * cosmology.critical_density(0.5).to_value("Msun/kpc3")
    groups["r200c"] = np.cbrt(groups["m200c"] / (4 / 3 * np.pi * density))
    path = snapshot.write_snapshot(
        tmp_path / "s.hdf5",
        suite,
        header,
        gas,
        dark,
        stars,
        wind,
        compression=filters.get(compression, compression),
    )
    catalogue = write_catalogue(tmp_path / "g.hdf5", suite, header, groups)
    sim = simulation.Simulation.from_files(path, catalogue, suite=suite)
    assert sim.is_mock
    assert sim.header.redshift == pytest.approx(0.5)
    assert sim.header.box_size == pytest.approx(20_000)
    lacks = {
        "Swift-EAGLE": {"electron_abundance", "neutral_hydrogen_abundance"},
        # Cells have the density that their size gives them; no rate and no elements are stored.
        "Ramses": {"density", "star_formation_rate", "hydrogen_fraction", "particle_id"},
    }.get(suite, set())
    names = [name for name in gas if name not in lacks]
    read = sim.gas((*names, "density", "smoothing_length"))
    # float32 positions of a 20 Mpc box are good to a pc, the other columns to 1e-6.
    np.testing.assert_allclose(read.position, gas["position"], atol=0.005)
    for name in names[1:]:
        np.testing.assert_allclose(read[name], gas[name], rtol=3e-6, err_msg=name)
    volume = gas["mass"] / (gas["density"] * (u.g / u.cm**3).to(u.Msun / u.kpc**3))
    support = 2 * np.cbrt(3 * volume / (4 * np.pi))
    if suite == "Ramses":
        level = np.log2(20_000 / np.cbrt(volume))
        assert np.abs(np.log2(read.smoothing_length / support)).max() <= 0.5 + 1e-5
        level = np.rint(level)
        support = 2 * np.cbrt(3 / (4 * np.pi)) * 20_000 / 2**level
        cell = (20_000 / 2**level) ** 3 * (u.kpc**3 / u.Msun).to(u.cm**3 / u.g)
        np.testing.assert_allclose(read.density, gas["mass"] / cell, rtol=1e-5)
    np.testing.assert_allclose(read.smoothing_length, support, rtol=1e-5)
    np.testing.assert_allclose(sim.particles("dark_matter").mass, 1e8, rtol=1e-6)
    assert len(sim.particles("stars")) == 7
    assert len(sim.particles("wind")) == (3 if wind else 0)
    found = sim.halos()
    # Subfind's unit of mass isn't in its files: beside SWIFT's snapshot 1e10 Msun/h are meant.
    rtol = 4e-4 if suite == "Swift-EAGLE" else 1e-6
    np.testing.assert_allclose(found["m200c"], [1e13, 1e12], rtol=rtol)
    np.testing.assert_allclose(found["r200c"], groups["r200c"], rtol=1e-6)


def test_dark_matter_only_and_no_halo(tmp_path):
    """An N-body twin has dark matter alone; a catalogue may be empty."""
    dark = {"position": np.ones((5, 3)), "mass": np.full(5, 1e8)}
    path = snapshot.write_snapshot(tmp_path / "s.hdf5", "IllustrisTNG", dark_matter=dark)
    catalogue = write_catalogue(tmp_path / "g.hdf5", "IllustrisTNG")
    with h5py.File(path) as file:
        assert [name for name in file if name.startswith("PartType")] == ["PartType1"]
    sim = simulation.Simulation.from_files(path, catalogue)
    assert len(sim.halos()) == 0
    assert len(sim.particles("dark_matter")) == 5


def test_wind_belongs_to_tng(tmp_path):
    """No other suite stores wind among the stars."""
    wind = {"position": np.ones((1, 3)), "mass": np.ones(1), "formation_time": -np.ones(1)}
    with pytest.raises(ParameterError, match="wind"):
        snapshot.write_snapshot(tmp_path / "s.hdf5", "SIMBA", stars=wind, wind=wind)
    with pytest.raises(ParameterError, match="no suite"):
        snapshot.write_snapshot(tmp_path / "s.hdf5", "Enzo", stars=wind)
