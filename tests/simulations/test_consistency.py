"""Whether the parts of a simulation fit together: cosmology, masses, electrons, suites."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.blobs import blobs
from helpers.camels_files import gas_columns, write_catalogue, write_snapshot

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.halos import properties
from cgmhelpers.halos.measuring import measure
from cgmhelpers.maps import making, store
from cgmhelpers.mock import writing
from cgmhelpers.network import samples
from cgmhelpers.simulations.simulation import Simulation

SUITES = ("IllustrisTNG", "SIMBA")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("mock")
    writing.write(root, SUITES, cells=20_000, progress=False)
    return root


@pytest.fixture
def root(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "data"))


def change(root, suite, **columns):
    """Replace ``PartType0__Masses`` by what a function makes of it."""
    path = Simulation(root, suite).snapshot_path
    with h5py.File(path, "r+") as file:
        for name, function in columns.items():
            name = name.replace("__", "/")
            values = function(file[name][:])
            del file[name]
            file[name] = values


def cosmology(root, matter, baryons, named):
    """Change the cosmology of the mock SIMBA, its dark matter and gas with it."""
    sim = Simulation(root, "SIMBA")
    change(
        root,
        "SIMBA",
        PartType1__Masses=lambda m: m * (matter - baryons) / (0.3 - 0.049),
        PartType0__Masses=lambda m: m * baryons / 0.049,
        PartType4__Masses=lambda m: m * baryons / 0.049,
    )
    with h5py.File(sim.snapshot_path, "r+") as file:
        attributes = file["Header"].attrs
        attributes.update({"Omega0": matter, "OmegaLambda": 1 - matter, "OmegaBaryon": baryons})
        if not named:
            del attributes["OmegaBaryon"]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("matter", [0.1, 0.1198, 0.2, 0.3, 0.5])
def test_the_cosmologies_of_a_latin_hypercube(root, matter, named, caplog):
    cosmology(root, matter, 0.049, named)
    for table in root.rglob("CosmoAstroSeed*"):
        table.unlink()  # the mock's own, of another cosmology
    Simulation(root, "SIMBA").check()
    assert "off the" not in caplog.text


@pytest.mark.parametrize("baryons", [0.029, 0.069])
def test_baryon_fractions_of_other_sets(root, baryons):
    cosmology(root, 0.3, baryons, named=False)
    Simulation(root, "SIMBA").check()


H = 0.6711


def test_a_header_with_a_fraction_of_baryons_of_zero(root):
    """Omega_matter still tells how much gas there should be."""
    with h5py.File(Simulation(root, "SIMBA").snapshot_path, "r+") as file:
        file["Header"].attrs["OmegaBaryon"] = 0.0
    Simulation(root, "SIMBA").check()
    change(root, "SIMBA", PartType0__Masses=lambda m: m * H)
    with pytest.raises(FormatError, match="divided by h"):
        Simulation(root, "SIMBA").check()


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({"PartType0": H}, "gas.*multiplied by h|gas.*divided by h"),
        ({"PartType0": 1 / H}, "multiplied by h"),
        ({"PartType0": H, "PartType4": H}, "divided by h"),
        ({"PartType0": 0.5}, "gas and stars"),
        ({"PartType0": 1.4}, "gas and stars"),
        ({"PartType1": H}, "dark matter"),
        ({"PartType0": H, "PartType1": H, "PartType4": H}, "dark matter"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_masses_in_other_units(root, factors, words, named):
    columns = {f"{kind}__Masses": lambda m, f=factor: m * f for kind, factor in factors.items()}
    cosmology(root, 0.3, 0.049, named)
    change(root, "SIMBA", **columns)
    words = words if named or "dark" not in words else "matter"
    with pytest.raises(FormatError, match=rf"masses don't fit the box.*({words})"):
        Simulation(root, "SIMBA").halos()


def test_a_small_difference_is_said(root, caplog):
    change(root, "SIMBA", PartType0__Masses=lambda m: m * 1.1)
    Simulation(root, "SIMBA").halos()
    assert "gas and stars is 10% off" in caplog.text


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("factor", [H**2, H**-2])
def test_densities_in_other_units_are_said(root, suite, factor, caplog):
    Simulation(root, suite).halos()
    assert "Density" not in caplog.text
    change(root, suite, PartType0__Density=lambda density: density * factor)
    Simulation(root, suite).halos()
    assert "of the box, which gas fills. Check the unit of Density" in caplog.text


def test_a_region_and_a_twin_have_no_such_masses(tmp_path):
    gas = gas_columns(1500)
    write_snapshot(tmp_path / "s.hdf5", {0: gas})
    write_catalogue(tmp_path / "g.hdf5", [[1, 2, 3]], radius=[300])
    files = tmp_path / "s.hdf5", tmp_path / "g.hdf5"
    with pytest.raises(FormatError, match="cutout=True"):
        Simulation.from_files(*files).halos()
    assert len(Simulation.from_files(*files, cutout=True).halos()) == 1


# --- suites ------------------------------------------------------------------------------------


def scalar_metals(gas):
    gas["Metallicity"] = gas["Metallicity"][:, 0]


def with_kernels(gas):
    gas["SmoothingLength"] = np.full(len(gas["Masses"]), 5.0)


@pytest.mark.parametrize(
    ("suite", "written", "edit", "words"),
    [
        ("SIMBA", "SIMBA", scalar_metals, "without Metallicity of 11 columns"),  # Gadget-4's
        ("SIMBA", "SIMBA", lambda gas: gas.pop("SmoothingLength"), "without SmoothingLength"),
        ("SIMBA", "Astrid", None, "with GFM_Metallicity"),
        ("IllustrisTNG", "SIMBA", None, "with SmoothingLength"),
        ("IllustrisTNG", "IllustrisTNG", with_kernels, "with SmoothingLength"),
        ("IllustrisTNG", "IllustrisTNG", lambda gas: gas.pop("GFM_Metals"), "without GFM_Metals"),
        ("Astrid", "IllustrisTNG", None, "without SmoothingLength"),
        ("Swift-EAGLE", "SIMBA", None, "without SmoothingLengths"),
        ("Ramses", "SIMBA", None, "without AMR_level"),
    ],
)
def test_a_snapshot_in_the_folder_of_another_suite(tmp_path, suite, written, edit, words):
    gas = gas_columns(20, written)
    if edit:
        edit(gas)
    write_snapshot(tmp_path / f"Sims/{suite}/CV/CV_0/snapshot_090.hdf5", {0: gas})
    with pytest.raises(FormatError, match=rf"isn't a snapshot of {suite}.*{words}"):
        Simulation(tmp_path, suite).check()


@pytest.mark.parametrize("written", ["IllustrisTNG", "SIMBA", "Astrid"])
def test_a_snapshot_in_its_own_folder(tmp_path, written):
    path = tmp_path / f"Sims/{written}/CV/CV_0/snapshot_090.hdf5"
    write_snapshot(path, {0: gas_columns(20, written)})
    Simulation(tmp_path, written).check()


def test_a_table_of_elements_from_helium_on(tmp_path):
    """Hydrogen would be a quarter of the gas: columns of HI three times too low."""
    gas = gas_columns(20)
    gas["GFM_Metals"][:, :2] = gas["GFM_Metals"][:, 1::-1]
    write_snapshot(tmp_path / "s.hdf5", {0: gas})
    with pytest.raises(FormatError, match=r"GFM_Metals has unknown columns.*hydrogen, then helium"):
        Simulation.from_files(tmp_path / "s.hdf5").gas()


# --- electrons ---------------------------------------------------------------------------------


@pytest.fixture
def two_conventions(tmp_path):
    """Half of the gas has dust and counts electrons per nucleus, half has none and doesn't."""
    gas = gas_columns(400, "SIMBA")
    gas["InternalEnergy"][:] = 1e5  # 7e6 K
    right = np.full(400, 1.158, "f4")
    dust = np.where(np.arange(400) % 2, 1e-6, 0).astype("f4")
    gas["Dust_Masses"] = dust
    gas["ElectronAbundance"] = np.where(dust > 0, right, 0.76 * right).astype("f4")
    gas["NeutralHydrogenAbundance"] = np.where(dust > 0, 1, 0.76).astype("f4")
    write_snapshot(tmp_path / "s.hdf5", {0: gas})
    return tmp_path / "s.hdf5"


COLUMNS = ["temperature", "electron_abundance", "neutral_hydrogen_abundance"]


def test_electrons_of_two_conventions_are_said_once(two_conventions, caplog):
    sim = Simulation.from_files(two_conventions)
    for _ in range(2):
        stored = sim.gas(COLUMNS)
    assert caplog.text.count("200 hot elements") == 1
    assert "electrons='per_mass_without_dust'" in caplog.text
    assert stored.temperature.max() / stored.temperature.min() == pytest.approx(1.142, abs=0.002)


def test_electrons_of_two_conventions_are_corrected(two_conventions, caplog):
    sim = Simulation.from_files(two_conventions, electrons="per_mass_without_dust")
    gas = sim.gas(COLUMNS)
    np.testing.assert_allclose(gas.electron_abundance, 1.158, rtol=1e-6)
    np.testing.assert_allclose(gas.neutral_hydrogen_abundance, 1, rtol=1e-6)
    np.testing.assert_allclose(gas.temperature, gas.temperature[1], rtol=1e-6)
    Simulation.from_files(two_conventions, electrons="per_hydrogen").gas(COLUMNS)
    assert caplog.text == ""


def test_a_wrong_choice_is_said(two_conventions, caplog):
    with h5py.File(two_conventions, "r+") as file:
        file["PartType0/ElectronAbundance"][:] = 1.158
    Simulation.from_files(two_conventions).gas(COLUMNS)
    assert caplog.text == ""
    Simulation.from_files(two_conventions, electrons="per_mass_without_dust").gas(COLUMNS)
    assert "more than 1.35 electrons" in caplog.text
    with pytest.raises(ParameterError, match="per_hydrogen"):
        Simulation.from_files(two_conventions, electrons="per_helium")
    with h5py.File(two_conventions, "r+") as file:
        del file["PartType0/Dust_Masses"]
    sim = Simulation.from_files(two_conventions, electrons="per_mass_without_dust")
    with pytest.raises(FormatError, match="Dust_Masses"):
        sim.gas(COLUMNS)


def test_a_correction_that_does_not_help_is_said(two_conventions, caplog):
    """All gas has dust, so none of it is corrected."""
    with h5py.File(two_conventions, "r+") as file:
        file["PartType0/Dust_Masses"][:] = 1e-6
    Simulation.from_files(two_conventions, electrons="per_mass_without_dust").gas(COLUMNS)
    assert "200 hot elements" in caplog.text


# --- strange values that are let through ---------------------------------------------------------


def test_one_black_hole_without_mass_and_one_runaway_kernel(tmp_path, caplog):
    gas = gas_columns(300, "SIMBA")
    gas["SmoothingLength"][7] = 3e5
    holes = {"Coordinates": np.ones((4, 3)), "Masses": np.array([1.0, 0, 2, 3])}
    write_snapshot(tmp_path / "s.hdf5", {0: gas, 5: holes})
    sim = Simulation.from_files(tmp_path / "s.hdf5")
    for _ in range(2):
        read = sim.gas()
        assert (sim.particles("black_holes").mass == 0).sum() == 1
    assert read.smoothing_length[7] == pytest.approx(sim.header.box_size)
    assert caplog.text.count("1 of the black_holes have no mass") == 1
    assert caplog.text.count("1 elements of gas have kernels wider than the box") == 1


# --- the library's doors -------------------------------------------------------------------------

FRAME = {"pixels": 16, "pixel_size": 32.0}


def doors(sim, halos):
    """Calls of a user who has a table of halos already."""
    return {
        "measure": lambda: measure(sim, halos, progress=False),
        "maps.make": lambda: making.make(sim, ["hi"], halos=halos, **FRAME, progress=False),
        "halos": sim.halos,
    }


@pytest.mark.parametrize("door", ["measure", "maps.make", "halos"])
def test_every_door_is_guarded(root, door):
    halos = Simulation(root, "SIMBA").halos().head(3)
    change(root, "SIMBA", PartType0__Masses=lambda m: m * H)
    sim = Simulation(root, "SIMBA")
    with pytest.raises(FormatError, match="divided by h"):
        doors(sim, halos)[door]()
    assert len(sim.gas(["mass"])) >= 20_000  # who looks for the fault may look


@pytest.mark.parametrize("door", ["measure", "maps.make"])
def test_halos_of_another_simulation(root, door):
    halos = Simulation(root, "SIMBA").halos().head(9)
    halos[["x", "y", "z"]] = (halos[["x", "y", "z"]] + 9000) % 37000
    with pytest.raises(FormatError, match="doesn't belong to"):
        doors(Simulation(root, "SIMBA"), halos)[door]()


def region(root, folder, kinds, *columns):
    """Cut all particles of some kinds out of the mock TNG, gas with some columns alone."""
    sim = Simulation(root, "IllustrisTNG")
    path = folder / "cutout.hdf5"
    shutil.copy(sim.snapshot_path, path)
    with h5py.File(path, "r+") as file:
        for name in [name for name in file if name.startswith("PartType")]:
            if int(name[-1]) not in kinds:
                del file[name]
        for name in set(file["PartType0"]) - set(columns) if columns else ():
            del file["PartType0"][name]
    given = {"suite": "IllustrisTNG", "cutout": True}
    return Simulation.from_files(path, sim.catalogue_path, **given), sim


def test_what_is_absent_is_not_zero(root, tmp_path, caplog):
    gas, whole = region(root, tmp_path, {0})
    halos = whole.halos().head(5)
    expected = properties.compute(whole, halos, progress=False)
    found = measure(gas, halos, progress=False)
    of_gas = ["log_z_cgm", "log_m_cgm", "f_cool", "log_t_cgm"]
    np.testing.assert_array_equal(properties.from_sums(found.sums)[of_gas], expected[of_gas])
    assert properties.from_sums(found.sums)[["log_m_halo", "f_cgm"]].isna().all().all()
    assert np.isnan(found.m200c).all()
    assert "no dark_matter, stars: properties that need it are NaN" in caplog.text


def test_a_simulation_without_stars_is_said(root, caplog):
    sim = Simulation(root, "IllustrisTNG")
    halos = sim.halos().head(3)
    with h5py.File(sim.snapshot_path, "r+") as file:
        del file["PartType4"]
        for name in ("NumPart_ThisFile", "NumPart_Total"):
            file["Header"].attrs[name] = file["Header"].attrs[name] * (np.arange(6) != 4)
    found = properties.compute(Simulation(root, "IllustrisTNG"), halos, progress=False)
    assert np.isfinite(found["f_cgm"]).all()
    assert "has no stars: masses are without them" in caplog.text


@pytest.mark.parametrize("kinds", [{0, 1}, {1, 4}])
def test_gas_or_stars_that_are_absent(root, tmp_path, kinds):
    some, whole = region(root, tmp_path, kinds)
    found = properties.compute(some, whole.halos().head(3), progress=False)
    assert found[["log_m_halo", "f_cgm"]].isna().all().all()


def test_a_region_with_some_columns_is_mapped(root, tmp_path):
    """Positions, masses, densities, energies and electrons: maps of HI, no metals, no rates."""
    wanted = ["Coordinates", "Masses", "Density", "InternalEnergy", "ElectronAbundance"]
    some, whole = region(root, tmp_path, {0, 1, 4}, *wanted, "StarFormationRate")
    halos = whole.halos().head(3)
    found = properties.compute(some, halos, progress=False)
    expected = properties.compute(whole, halos, progress=False)
    assert found["log_z_cgm"].isna().all()
    rest = [name for name in found if name != "log_z_cgm"]
    np.testing.assert_array_equal(found[rest], expected[rest])
    made = making.make(some, ["hi"], halos=halos, **FRAME, progress=False)
    assert (made["image"] > 0).any()
    more, _ = region(root, tmp_path, {0, 1, 4}, *wanted)
    blank = properties.compute(more, halos, progress=False)
    assert blank.drop(columns="log_m_halo").isna().all().all()


def test_a_region_without_a_catalogue(root, tmp_path):
    some, whole = region(root, tmp_path, {0, 1, 4})
    alone = Simulation.from_files(some.snapshot_path, suite="IllustrisTNG", cutout=True)
    halos = whole.halos().head(2)
    known = alone.halos_at(halos[["x", "y", "z"]], halos["m200c"], halos["r200c"])
    expected = making.make(some, ["hi"], halos=halos, **FRAME, progress=False)
    found = making.make(alone, ["hi"], halos=known, **FRAME, progress=False)
    np.testing.assert_array_equal(found["image"], expected["image"])
    with pytest.raises(DataNotFoundError, match="halos_at"):
        alone.halos()


@pytest.mark.parametrize("door", ["measure", "maps.make"])
def test_a_table_of_halos_without_a_column(root, door):
    sim = Simulation(root, "SIMBA")
    halos = sim.halos().head(2).drop(columns="m200c")
    with pytest.raises(ParameterError, match=r"lacks m200c.*halos_at"):
        doors(sim, halos)[door]()


def test_the_choice_of_electrons_is_in_the_store(root):
    halos = Simulation(root, "SIMBA").halos().head(2)
    stores = []
    for electrons in (None, "per_hydrogen"):
        sim = Simulation(root, "SIMBA", electrons=electrons)
        stores.append(making.make(sim, ["hi"], halos=halos, **FRAME, progress=False).attrs)
    assert "electrons" not in stores[0]
    assert stores[1]["electrons"] == "per_hydrogen"
    assert stores[0]["fingerprint"] != stores[1]["fingerprint"]


def rewrite_table(root, **values):
    """Replace words in the table of the mock SIMBA's set CV."""
    path = next((root / "Sims/SIMBA").rglob("CosmoAstroSeed*"))
    header, row = path.read_text().splitlines()
    columns = header.lstrip("#").split()
    fields = dict(zip(columns, row.split(), strict=True)) | values
    path.write_text(f"{header}\n{' '.join(fields.values())}\n")


def test_parameters_and_seed_of_the_table_reach_halos_and_maps(root):
    rewrite_table(root, A_SN1="2.5", A_AGN2="0.75", seed="67", sigma_8="0.9")
    other = Simulation(root, "IllustrisTNG")
    next((root / "Sims/IllustrisTNG").rglob("CosmoAstroSeed*")).unlink()
    paths = []
    for sim in (Simulation(root, "SIMBA"), other):
        halos = sim.halos(10**12.5)
        assert len(halos) > 1
        paths.append(root / f"{sim.suite}.zarr")
        making.make(sim, ["hi"], paths[-1], pixels=8, halos=halos, backend="reference")
    own = Simulation(root, "SIMBA").halos()
    expected = {
        "seed": 67, "A_SN1": 2.5, "A_SN2": 1.0, "A_AGN1": 1.0, "A_AGN2": 0.75,
        "sigma_8": 0.9, "Omega_m": 0.3, "Omega_b": 0.049, "h": 0.6711,
    }  # fmt: skip
    assert own[list(expected)].drop_duplicates().to_dict("records") == [expected]
    maps = store.open(paths)
    first = maps["suite"] == "SIMBA"
    for name, value in expected.items():
        assert (maps[name][first.values] == value).all(), name
    assert np.isnan(maps["sigma_8"][~first.values]).all()  # no table tells it
    assert (maps["Omega_m"] == 0.3).all()
    assert set(maps["seed"].values[~first.values]) == {1}  # by CAMELS' rule
    # Another table makes other maps; the same one doesn't.
    sim = Simulation(root, "SIMBA")
    arguments = {"pixels": 8, "halos": sim.halos(10**12.5), "backend": "reference"}
    assert making.is_made(sim, ["hi"], paths[0], **arguments)
    rewrite_table(root, A_SN1="2.0", seed="67")
    assert not making.is_made(Simulation(root, "SIMBA"), ["hi"], paths[0], **arguments)


@pytest.mark.parametrize(
    "values", [{"Omega_m": "0.30040"}, {"Omega_m": "0.1"}, {"sigma_8": "0.7"}, {"seed": "9"}]
)
def test_the_header_is_held_against_the_row_of_the_table(root, values):
    rewrite_table(root, **values)
    sim = Simulation(root, "SIMBA")
    if "Omega_m" not in values:  # the header doesn't tell these
        assert len(sim.halos()) > 0
        return
    with pytest.raises(FormatError, match=r"SIMBA/CV_0 of the set's table.*Omega_m = 0.3 in its"):
        sim.halos()
    with pytest.raises(FormatError, match=r"CosmoAstroSeed_SIMBA_L25n256_CV.txt"):
        making.make(sim, ["hi"])


def test_stores_of_earlier_versions_have_the_seeds_of_the_rules(tmp_path):
    names = {"set_name": "CV", "pixel_size_kpc": 4.0}
    ds = blobs(8, realisations=3)
    expected = {0: [1, 2, 3999666], 1: [-1, -1, -1]}
    for mock, seeds in expected.items():
        path = tmp_path / f"{mock}.zarr"
        store.write(ds.assign_attrs(names, mock=mock, fingerprint="1"), path)
        found = store.open(path)
        assert found["seed"].values[:3].tolist() == seeds
        assert samples.halo_table(found)["seed"].tolist()[:3] == seeds
