"""Neutral hydrogen: the look-up against Trident and the exact solution, and Trident's import."""

import os
import subprocess
import sys

import astropy.units as u
import numpy as np
import pytest
from helpers import tridents
from helpers.tridents import import_trident

from cgmhelpers.emission import hydrogen, ionisation
from cgmhelpers.emission.tables import uvb
from cgmhelpers.errors import ParameterError


@pytest.fixture(scope="module")
def samples():
    """Densities and temperatures inside the table, evenly in their logarithms."""
    random = np.random.default_rng(20)
    return 10 ** random.uniform(-8.9, 3.9, 200_000), 10 ** random.uniform(2.1, 8.9, 200_000)


@pytest.fixture
def gas():
    columns = {
        "mass": [1e7, 2e7, 5e6, 1e7],
        "density": [1e-28, 1e-26, 1e-24, 1e-22],
        "temperature": [1e6, 2e4, 1e4, 1e7],
        "hydrogen_fraction": [0.76, 0.75, 0.74, 0.73],
        "star_formation_rate": [0.0, 0.0, 0.0, 1.0],
        "neutral_hydrogen_abundance": [1e-7, 1e-3, 0.9, 0.8],
    }
    return {name: np.array(values, dtype=np.float32) for name, values in columns.items()}


@pytest.mark.parametrize("redshift", [0.0, 0.234, 2.0, 5.9])
def test_equals_trident(samples, redshift):
    trident = import_trident()
    density, temperature = samples
    theirs = trident.calculate_ion_fraction(
        "H I",
        density,
        temperature,
        np.full_like(density, redshift),
        ionization_table=str(hydrogen.table_path()),
    )
    # `calculate_ion_fraction` leaves what Trident's fields set to zero.
    theirs = np.where(theirs > hydrogen.LOWEST_FRACTION, theirs, 0)
    ours = hydrogen.neutral_fraction(density, temperature, redshift)
    assert (ours > 0).mean() > 0.5
    # The logarithm of a fraction of 1e-9 is 20, rounded at 4e-15, times a few operations.
    assert np.allclose(ours, theirs, rtol=1e-12, atol=0)


def test_equals_trident_through_a_yt_field(samples):
    """The path that a user of yt takes: a field on a data set."""
    trident = import_trident()
    import yt

    yt.set_log_level("error")
    shape = (10, 10, 10)
    density, temperature = (values[:1000].reshape(shape) for values in samples)
    # Without H_nuclei_density, Trident takes hydrogen to be 0.76 of the density.
    per_gram = trident.ion_balance.to_nH.to_value("1/g")
    grid = yt.load_uniform_grid(
        {"density": (density / per_gram, "g/cm**3"), "temperature": (temperature, "K")}, shape
    )
    trident.add_ion_fraction_field("H", 1, grid, ionization_table=str(hydrogen.table_path()))
    data = grid.all_data()
    theirs = data["gas", "H_p0_ion_fraction"].d
    hydrogen_density = 10 ** data["gas", "log_nH"].d
    ours = hydrogen.neutral_fraction(hydrogen_density, data["gas", "temperature"].d, 0.0)
    assert (ours > 0).mean() > 0.2
    assert np.allclose(ours, theirs, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("redshift", "tolerance"),
    # Linear interpolation between the table's points: a bend of c per dex^2 costs c h^2 / 8 dex.
    # At 1e4 K, where collisions set in, c is ~70 (exp(-157809 K / T)) and h is 0.02: 0.8%.
    # Between two redshifts the onset of self-shielding moves: 3%.
    [(0.0, 0.01), (0.5, 0.01), (2.0, 0.01), (0.25, 0.03), (1.1, 0.03)],
)
def test_table_is_fine_enough(samples, redshift, tolerance):
    density, temperature = samples
    exact = ionisation.neutral_fraction_exact(density, temperature, redshift)
    found = hydrogen.neutral_fraction(density, temperature, redshift)
    # Below 1e-7 the table's cut at 1e-9 comes near; such gas is never seen in a map.
    seen = exact > 1e-7
    assert seen.mean() > 0.5
    assert np.abs(found / exact - 1)[seen].max() < tolerance


def test_shipped_table_is_what_its_script_makes():
    log_fraction, *axes = hydrogen.table()
    remade, *remade_axes = uvb.hydrogen_table()
    for axis, remade_axis in zip(axes, remade_axes, strict=True):
        assert np.array_equal(axis, remade_axis)
    kept = log_fraction > -30
    assert kept.mean() > 0.7
    # HDF5's packing keeps four decimals of each fraction, cut or rounded.
    decimal = 10.0**-uvb.LOG_FRACTION_DECIMALS
    assert np.abs(log_fraction - remade[0])[kept].max() < 2 * decimal
    assert (remade[0][~kept] < np.log10(hydrogen.LOWEST_FRACTION) + 2 * decimal).all()


def test_table_round_trip_through_the_script(tmp_path):
    """A small table: written in Trident's format, read by Trident."""
    trident = import_trident()
    made = uvb.hydrogen_table([(-4, 0, 1.0)], [(4, 5, 0.5)], [0.0, 1.0])
    assert made[0].shape == (2, 5, 2, 3)
    assert np.allclose((10.0 ** made[0]).sum(axis=0), 1.0, rtol=1e-12)
    uvb.write_hydrogen_table(tmp_path / "small.h5", *made)
    read = trident.ion_balance.IonBalanceTable(str(tmp_path / "small.h5"), "H")
    assert np.abs(read.ion_fraction[0] - made[0][0]).max() < 2e-4
    for axis, parameter in zip(made[1:], read.parameters, strict=True):
        assert np.array_equal(axis, parameter)
    assert [path.name for path in tmp_path.iterdir()] == ["small.h5"]


def test_ends_of_the_table_hold_beyond():
    inside = hydrogen.neutral_fraction([1e4, 1e-3], [1e2, 1e2], 0.0)
    beyond = hydrogen.neutral_fraction([1e7, 1e-3], [1e2, 3.0], 0.0)
    assert np.array_equal(inside, beyond)
    assert hydrogen.neutral_fraction(0.0, 1e4, 0.0) == hydrogen.neutral_fraction(1e-9, 1e4, 0.0)
    assert hydrogen.neutral_fraction(1e-8, 1e9, 0.0) == 0
    now = hydrogen.neutral_fraction(1e-3, 1e4, 0.0)
    assert hydrogen.neutral_fraction(1e-3, 1e4, -1e-16) == now
    with pytest.raises(ParameterError, match="0 to 6"):
        hydrogen.neutral_fraction(1e-3, 1e4, 6.5)


def test_precision_of_the_columns_does_not_matter():
    density, temperature = np.float32([1e-5, 1e-2]), np.float32([3e4, 1e4])
    single = hydrogen.neutral_fraction(density, temperature, 0.0)
    double = hydrogen.neutral_fraction(density.astype(float), temperature.astype(float), 0.0)
    assert np.array_equal(single, double)


def test_neutral_mass_by_hand(gas):
    mass = hydrogen.neutral_mass(gas, 0.0)
    assert mass.dtype == np.float64
    nuclei = gas["density"].astype(float) * gas["hydrogen_fraction"] * u.g / u.cm**3
    density = (nuclei / (1.00782503 * u.u)).to_value(u.cm**-3)
    # The last element forms stars: it counts as warm gas and not as gas of 1e7 K.
    temperature = np.where(gas["star_formation_rate"] > 0, 1e4, gas["temperature"])
    exact = ionisation.neutral_fraction_exact(density, temperature, 0.0)
    expected = gas["mass"] * gas["hydrogen_fraction"] * exact
    assert mass == pytest.approx(expected, rel=0.01)
    assert mass[3] > 0.9 * gas["mass"][3] * gas["hydrogen_fraction"][3]


def test_neutral_mass_as_the_snapshot_has_it(gas):
    expected = gas["mass"] * gas["hydrogen_fraction"] * gas["neutral_hydrogen_abundance"]
    assert hydrogen.neutral_mass(gas, 0.0, "snapshot") == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ParameterError, match="one of trident, snapshot"):
        hydrogen.neutral_mass(gas, 0.0, "cloudy")


IMPORT = (
    "from helpers.tridents import import_trident; import numpy as np; t = import_trident();"
    "print(t.calculate_ion_fraction('H I', *np.full((3, 1), [[1e-3], [2e4], [0.0]]))[0])"
)


def run_trident(home, folder):
    """Import Trident in a process of its own, with another home and nobody at the keyboard."""
    environment = {**os.environ, "HOME": str(home), "MPLCONFIGDIR": str(folder)}
    environment.pop("READTHEDOCS", None)
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", IMPORT],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_without_a_configuration_asks_nothing_and_writes_nothing(tmp_path):
    home, folder = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    folder.mkdir()
    done = run_trident(home, folder)
    assert done.returncode == 0, done.stderr
    # Trident's default table is now ours.
    assert float(done.stdout) == pytest.approx(hydrogen.neutral_fraction(1e-3, 2e4, 0.0), rel=1e-9)
    assert not (home / ".trident").exists()
    assert not (folder / "config.tri").exists()


@pytest.mark.parametrize("table_is_there", [True, False], ids=["complete", "table missing"])
def test_import_leaves_a_users_configuration_as_it_is(tmp_path, table_is_there):
    home, folder = tmp_path / "home", tmp_path / "elsewhere"
    tables = home / ".trident"
    tables.mkdir(parents=True)
    folder.mkdir()
    # A table with one value everywhere, to see which one Trident takes.
    made = uvb.hydrogen_table([(-4, 0, 1.0)], [(4, 5, 0.5)], [0.0, 1.0])
    flat = np.full_like(made[0], -1.0)
    if table_is_there:
        uvb.write_hydrogen_table(tables / "theirs.h5", flat, *made[1:])
    configuration = tables / "config.tri"
    content = "[Trident]\nion_table_dir = ~/.trident\nion_table_file = theirs.h5\n# mine\n"
    configuration.write_text(content)
    done = run_trident(home, folder)
    assert done.returncode == 0, done.stderr
    expected = 0.1 if table_is_there else float(hydrogen.neutral_fraction(1e-3, 2e4, 0.0))
    assert float(done.stdout) == pytest.approx(expected, rel=1e-6)
    assert configuration.read_text() == content
    names = {path.name for path in tables.iterdir()}
    assert names == ({"config.tri", "theirs.h5"} if table_is_there else {"config.tri"})


@pytest.mark.parametrize("content", ["", "[Trident]\n", "nonsense", "[Other]\na = 1\n"])
def test_a_broken_configuration_is_not_taken_for_one(tmp_path, monkeypatch, content):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".trident").mkdir()
    (tmp_path / ".trident" / "config.tri").write_text(content)
    assert not tridents.is_configured()
