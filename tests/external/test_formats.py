"""The same physical halo as each suite would write it: one set of properties and maps, and yt's."""

import json

import h5py
import hdf5plugin
import numpy as np
import pytest
from astropy import constants
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM

from cgmhelpers.emission import deposits, fields, hydrogen
from cgmhelpers.errors import FormatError, ResultError
from cgmhelpers.halos import properties
from cgmhelpers.halos.classes import centres
from cgmhelpers.halos.measuring import APERTURE
from cgmhelpers.maps import making
from cgmhelpers.maps.projection import images as projection_images
from cgmhelpers.maps.projection import kernel
from cgmhelpers.maps.projection.frame import Frame
from cgmhelpers.mock import files
from cgmhelpers.mock.catalogue import write_catalogue
from cgmhelpers.mock.snapshot import write_snapshot
from cgmhelpers.simulations import simulation
from cgmhelpers.simulations.discovery import SUITES

BOX = 37_252.0  # kpc, that of CAMELS
CENTRE = np.array([5.0, 20_000.0, BOX - 40])  # across two edges of the box
R200C = 300.0
NUMBER = 1500
FRAME = {"pixels": 32, "pixel_size": 16.0, "depth": 400.0}
# Half the spacing of float32 just below 25 000 kpc/h (2^14 to 2^15: 2^-9 apart), in kpc.
ROUNDING = 0.5 * 2.0**-9 / 0.6711
# Columns are float32: 6e-8 each, a few to a product.
SINGLE = 1e-6
UNITS = {
    "UnitLength_in_cm": files.UNIT_LENGTH,
    "UnitMass_in_g": files.UNIT_MASS,
    "UnitVelocity_in_cm_per_s": files.UNIT_VELOCITY,
}


def physical_halo():
    """Gas, dark matter and stars of a halo in physical units; no dialect is special."""
    rng = np.random.default_rng(12)
    direction = rng.normal(size=(NUMBER, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    # Shells of equal spacing, none of which is nearer to an aperture than SIMBA's rounding.
    radius = (np.arange(NUMBER) + 0.5) * 0.15
    for edge in (APERTURE, R200C):
        assert np.abs(radius - edge).min() > 3 * ROUNDING
    place = CENTRE + direction * radius[:, None]
    gas = {
        "position": place % BOX,
        "velocity": rng.normal(0, 100, (NUMBER, 3)),
        "mass": rng.uniform(1e6, 1e7, NUMBER),
        "density": 10 ** rng.uniform(-27.5, -25.5, NUMBER),
        "temperature": 10 ** rng.uniform(4, 7.3, NUMBER),
        "metallicity": 10 ** rng.uniform(-4, -2, NUMBER),
        "hydrogen_fraction": rng.uniform(0.70, 0.75, NUMBER),
        "electron_abundance": rng.uniform(0.1, 1.16, NUMBER),
        "star_formation_rate": np.where(np.arange(NUMBER) % 10 == 0, 0.3, 0.0),
        "neutral_hydrogen_abundance": 10 ** rng.uniform(-6, 0, NUMBER),
        "particle_id": 1 + rng.permutation(NUMBER),
    }
    dark = {"position": place[::-1] % BOX, "mass": np.full(NUMBER, 3e9)}
    stars = {
        "position": place[::15] % BOX,
        "mass": np.full(len(place[::15]), 2e8),
        "formation_time": np.full(len(place[::15]), 0.4),
    }
    return gas, dark, stars


def write(folder, dialect, changes=None, redshift=0.0, **options):
    """Write the halo in a dialect, with some of its gas columns changed, and open it."""
    folder.mkdir(parents=True, exist_ok=True)
    header = files.SnapshotHeader(box_size=BOX, redshift=redshift, mock="")
    gas, dark, stars = physical_halo()
    gas |= changes or {}
    snapshot = write_snapshot(
        folder / f"{dialect}.hdf5", dialect, header, gas, dark, stars, **options
    )
    cosmology = FlatLambdaCDM(H0=100 * header.hubble, Om0=header.omega_matter)
    density = 200 * cosmology.critical_density(redshift).to_value("Msun/kpc3")
    mass = density * 4 / 3 * np.pi * R200C**3
    groups = {"position": CENTRE[None], "m200c": np.array([mass]), "r200c": np.array([R200C])}
    catalogue = write_catalogue(folder / f"{dialect}_groups.hdf5", dialect, header, groups)
    return simulation.Simulation.from_files(snapshot, catalogue, dialect, cutout=True)


def images(sim, names=tuple(fields.FIELDS), **options):
    return making.make(sim, names, **FRAME, progress=False, **options)


@pytest.fixture(scope="module")
def simulations(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialects")
    return {dialect: write(folder, dialect) for dialect in SUITES}


@pytest.fixture(scope="module")
def made(simulations):
    return {dialect: images(sim) for dialect, sim in simulations.items()}


# --- the three dialects ------------------------------------------------------------------------


def test_the_files_are_as_different_as_the_suites(simulations):
    with (
        h5py.File(simulations["IllustrisTNG"].snapshot_path) as tng,
        h5py.File(simulations["SIMBA"].snapshot_path) as simba,
        h5py.File(simulations["Astrid"].snapshot_path) as astrid,
    ):
        assert np.shape(tng["Header"].attrs["BoxSize"]) == ()
        assert np.shape(astrid["Header"].attrs["BoxSize"]) == (1,)
        assert simba["PartType0/Coordinates"].dtype == np.float32
        assert simba["PartType0/Metallicity"].shape == (NUMBER, 11)
        assert tng["PartType0/Coordinates"].dtype == np.float64
        assert "SmoothingLength" in astrid["PartType0"]
        assert "SmoothingLength" not in tng["PartType0"]
        assert "Masses" in simba["PartType1"]
        assert "Masses" not in astrid["PartType1"]


def test_headers_with_arrays_of_length_one_say_the_same(simulations):
    tng, simba, astrid = (simulations[dialect].header for dialect in SUITES)
    assert tng == astrid
    assert tng.box_size == simba.box_size == pytest.approx(BOX)
    assert tng.particle_number == simba.particle_number
    assert all(isinstance(value, float) for value in (astrid.box_size, astrid.redshift))


def test_properties_are_the_same(simulations):
    # A temperature that float32 moves across 1e5 K would be no fault of the reader.
    assert np.abs(physical_halo()[0]["temperature"] / 1e5 - 1).min() > SINGLE
    found = {
        dialect: properties.compute(sim, sim.halos(), progress=False).to_numpy()
        for dialect, sim in simulations.items()
    }
    assert np.isfinite(found["IllustrisTNG"]).all()
    for dialect in ("SIMBA", "Astrid"):
        np.testing.assert_allclose(found[dialect], found["IllustrisTNG"], rtol=SINGLE)


def test_maps_are_the_same(simulations, made):
    tng, astrid = made["IllustrisTNG"]["image"], made["Astrid"]["image"]
    brightest = tng.max(("x", "y"))
    assert (brightest > 0).all()
    # Kernel radii differ in their last digit: cells' from the volume, Astrid's as stored.
    assert (np.abs(astrid - tng).max(("x", "y")) < 3 * SINGLE * brightest).all()


def test_single_precision_positions_lose_nothing_that_can_be_measured(simulations, made):
    """SIMBA's places are rounded to 1.5 pc at the far end of the box.

    Moving a kernel by s along an axis changes its image by at most s times the integral of its
    gradient, twice the central value of its marginal, 1.4 / h. There are two axes.
    """
    sim = simulations["IllustrisTNG"]
    gas = sim.gas()
    tng, simba = (made[dialect]["image"].astype(float) for dialect in ("IllustrisTNG", "SIMBA"))
    for name in tng["field"].values:
        deposit = fields.get(name).deposit(gas, sim.header)
        bound = 2 * 2 * 1.4 * ROUNDING * (deposit / gas.smoothing_length).sum() / deposit.sum()
        assert bound < 3e-3
        one, other = tng.sel(field=name), simba.sel(field=name)
        change = np.abs(other - one).sum(("x", "y")) / one.sum(("x", "y"))
        assert (change < bound).all()
        assert (change > 0).any()  # the files do differ
        # Nothing leaves the frame, so that sums are what the gas holds: not moved at all.
        np.testing.assert_allclose(other.sum(("x", "y")), one.sum(("x", "y")), rtol=SINGLE)


def test_sums_are_what_was_written(made):
    """From the written numbers alone: mass of neutral hydrogen as stored, and Compton's y."""
    gas, _, _ = physical_halo()
    area = FRAME["pixel_size"] ** 2
    electrons = gas["mass"] * u.Msun * gas["hydrogen_fraction"] * gas["electron_abundance"]
    electrons = electrons / (constants.m_p + constants.m_e)
    energy = electrons * constants.k_B * gas["temperature"] * u.K
    compton = (constants.sigma_T * energy / (constants.m_e * constants.c**2)).to_value(u.kpc**2)
    expected = compton[gas["star_formation_rate"] == 0].sum()
    for dialect in SUITES:
        seen = made[dialect]["image"].sel(field="compton_y").astype(float).sum(("x", "y")) * area
        np.testing.assert_allclose(seen.values, expected, rtol=SINGLE)


@pytest.mark.parametrize("dialect", SUITES)
def test_the_snapshots_own_neutral_hydrogen_is_read(simulations, dialect):
    gas, _, _ = physical_halo()
    neutral = (gas["mass"] * gas["hydrogen_fraction"] * gas["neutral_hydrogen_abundance"]).sum()
    ds = images(simulations[dialect], ("hi",), options={"hi": {"method": "snapshot"}})
    factor = deposits.column_density_per_area(simulations[dialect].header)
    seen = ds["image"].astype(float).sum(("field", "x", "y")) * FRAME["pixel_size"] ** 2 / factor
    np.testing.assert_allclose(seen.values, neutral, rtol=SINGLE)
    assert json.loads(ds.attrs["options"]) == {"hi": {"method": "snapshot"}}


@pytest.mark.parametrize("dialect", [*SUITES, "Swift-EAGLE"])
def test_the_same_halo_at_another_time(tmp_path, simulations, made, dialect):
    """Physical arrays at z = 1 give the properties and the maps of z = 0, but for the background.

    Swift-EAGLE has no electrons of its own: its X-rays are those of equilibrium.
    """
    sim = write(tmp_path, dialect, redshift=1.0)
    gas, _, _ = physical_halo()
    found = images(sim, ("hi",))
    np.testing.assert_allclose(
        found["properties"].isel(halo=0), made["IllustrisTNG"]["properties"].isel(halo=0), atol=1e-5
    )
    neutral = hydrogen.neutral_mass(gas, 1.0, "trident").sum()
    factor = deposits.column_density_per_area(sim.header)
    seen = found["image"].astype(float).sum(("field", "x", "y")) * FRAME["pixel_size"] ** 2 / factor
    # A neutral fraction follows the density's and the temperature's rounding, steeply.
    np.testing.assert_allclose(seen.values, neutral, rtol=1e-4)
    # The same kernels on the same pixels as at z = 0: the gas's own mass.
    flat = images(sim, ("compton_y",))["image"].sum("field")
    expected = made[dialect if dialect in made else "IllustrisTNG"]["image"].sel(field="compton_y")
    if dialect != "Swift-EAGLE":
        difference = np.abs(flat - expected).max(("x", "y"))
        tolerance = 20 * SINGLE if dialect != "SIMBA" else 1e-3
        assert (difference < tolerance * expected.max(("x", "y"))).all()


# --- what real files hold besides -----------------------------------------------------------------


@pytest.mark.parametrize("dialect", SUITES)
def test_any_order_and_duplicated_ids(tmp_path, made, dialect):
    """Elements are selected by place: neither their order nor their ids count (SIMBA repeats)."""
    shuffled = {"gas": np.random.default_rng(3).permutation(NUMBER)}
    sim = write(tmp_path, dialect, {"particle_id": np.full(NUMBER, 7)}, order=shuffled)
    assert (sim.gas(["particle_id"]).particle_id == 7).all()
    found, expected = images(sim), made[dialect]
    # Sums in another order, and float32 pixels.
    brightest = expected["image"].max(("x", "y"))
    difference = np.abs(found["image"] - expected["image"]).max(("x", "y"))
    assert (difference < SINGLE * brightest).all()
    np.testing.assert_allclose(found["properties"], expected["properties"], rtol=1e-12)


@pytest.mark.parametrize("dialect", SUITES)
@pytest.mark.parametrize(
    "compression",
    ["gzip", hdf5plugin.Blosc(), hdf5plugin.Zstd(), hdf5plugin.LZ4(), hdf5plugin.Bitshuffle()],
    ids=["gzip", "blosc", "zstd", "lz4", "bitshuffle"],
)
def test_compressed_files_give_the_same_maps(tmp_path, made, dialect, compression):
    sim = write(tmp_path, dialect, compression=compression)
    with h5py.File(sim.snapshot_path) as file:
        density = file["PartType0/Density"].id.get_create_plist()
        assert density.get_nfilters() > 0
    found, expected = images(sim), made[dialect]
    np.testing.assert_array_equal(found["image"], expected["image"])
    np.testing.assert_array_equal(found["properties"], expected["properties"])


@pytest.mark.parametrize("dialect", SUITES)
def test_star_forming_gas_is_dark_but_neutral(tmp_path, dialect):
    sim = write(tmp_path, dialect, {"star_formation_rate": np.full(NUMBER, 0.2)})
    total = images(sim)["image"].sum(("halo", "axis", "x", "y"))
    for name in ("xray", "oxygen", "compton_y"):
        assert total.sel(field=name) == 0
    # All of it is at 1e4 K, whatever temperature is stored.
    cold = write(
        tmp_path / "cold", dialect, {"temperature": np.full(NUMBER, 1e4),
                                     "star_formation_rate": np.zeros(NUMBER)},
    )  # fmt: skip
    expected = images(cold, ("hi",))["image"].sum()
    # Temperatures come back from float32 energies, and eta rises at most as T^-1 there.
    assert float(total.sel(field="hi")) == pytest.approx(float(expected), rel=1e-5)
    found = properties.compute(sim, sim.halos(), progress=False).iloc[0]
    assert found["f_cgm"] == 0
    assert np.isnan(found["log_t_cgm"])


def test_wind_cells_are_mass_but_neither_stars_nor_maps(tmp_path, simulations, made):
    gas, _, stars = physical_halo()
    wind = {
        "position": gas["position"][:40],
        "mass": np.full(40, 5e9),
        "formation_time": np.full(40, -0.3),
    }
    folder = tmp_path / "wind"
    sim = write(folder, "IllustrisTNG", wind=wind)
    assert len(sim.particles("stars")) == len(stars["mass"])
    assert len(sim.particles("wind")) == 40
    np.testing.assert_array_equal(images(sim)["image"], made["IllustrisTNG"]["image"])
    found = properties.compute(sim, sim.halos(), progress=False).iloc[0]
    without = simulations["IllustrisTNG"]
    before = properties.compute(without, without.halos(), progress=False).iloc[0]
    added = 10 ** found["log_m_halo"] - 10 ** before["log_m_halo"]
    # A difference of numbers 60 times as large, each of them to float32.
    assert added == pytest.approx(wind["mass"].sum(), rel=100 * SINGLE)
    assert found["log_m_cgm"] == before["log_m_cgm"]
    # In the file they are one list: who doesn't look at the birth time counts them as stars.
    with h5py.File(sim.snapshot_path) as file:
        assert len(file["PartType4/Masses"]) == len(stars["mass"]) + 40


@pytest.mark.parametrize("dialect", SUITES)
def test_no_halo(tmp_path, simulations, dialect):
    empty = write_catalogue(tmp_path / "groups.hdf5", dialect)
    sim = simulation.Simulation.from_files(
        simulations[dialect].snapshot_path, empty, dialect, cutout=True
    )
    halos = sim.halos()
    assert len(halos) == 0
    assert properties.compute(sim, halos, progress=False).shape == (0, 6)
    with pytest.raises(ResultError, match="no halos"):
        images(sim)


@pytest.mark.parametrize("dialect", SUITES)
def test_dark_matter_only(tmp_path, simulations, dialect):
    header = files.SnapshotHeader(box_size=BOX, mock="")
    _, dark, _ = physical_halo()
    path = write_snapshot(tmp_path / "dark.hdf5", dialect, header, dark_matter=dark)
    full = simulations[dialect]
    sim = simulation.Simulation.from_files(path, full.catalogue_path, dialect, cutout=True)
    found = properties.compute(sim, sim.halos(), progress=False).iloc[0]
    radius = np.linalg.norm(
        (dark["position"] - centres(sim.halos()) + BOX / 2) % BOX - BOX / 2, axis=1
    )
    expected = dark["mass"][radius < R200C].sum()
    assert 10 ** found["log_m_halo"] == pytest.approx(expected, rel=SINGLE)
    assert np.isnan(found["f_cgm"])
    with pytest.raises(FormatError, match="holds no gas"):
        images(sim)


# --- yt --------------------------------------------------------------------------------------


def opened_with_yt(sim):
    """Open a snapshot with the front end of its suite, never by yt's own detection.

    yt takes Astrid's files for AREPO's by their columns, and would ignore their kernels; its Gizmo
    and Gadget front ends don't read units from the header.
    """
    yt = pytest.importorskip("yt")
    from yt.frontends.arepo.api import ArepoHDF5Dataset
    from yt.frontends.gadget.api import GadgetHDF5Dataset
    from yt.frontends.gizmo.api import GizmoDataset

    yt.set_log_level("error")
    front_ends = {"arepo": ArepoHDF5Dataset, "gizmo": GizmoDataset, "gadget": GadgetHDF5Dataset}
    front_end = {"IllustrisTNG": "arepo", "SIMBA": "gizmo", "Astrid": "gadget"}[sim.suite]
    return front_ends[front_end](str(sim.snapshot_path), unit_base=dict(UNITS))


@pytest.mark.parametrize("dialect", SUITES)
def test_yts_fields_are_ours(simulations, dialect):
    from yt.utilities.chemical_formulas import ChemicalFormula
    from yt.utilities.physical_constants import mp

    sim = simulations[dialect]
    data = opened_with_yt(sim).all_data()
    gas = sim.gas((*simulation.GAS_COLUMNS, "particle_id"))
    rank = np.argsort(np.argsort(gas.particle_id))
    order = np.argsort(data["PartType0", "ParticleIDs"].v)[rank]

    def theirs(field, unit, kind="gas"):
        return data[kind, field].to_value(unit)[order]

    # yt's constants are those of CODATA 2014 and before, 2e-6 and 3e-6 (Msun) from ours.
    tolerance = 1e-5
    np.testing.assert_allclose(gas.density, theirs("density", "g/cm**3"), rtol=tolerance)
    np.testing.assert_allclose(gas.mass, theirs("mass", "Msun"), rtol=tolerance)
    np.testing.assert_allclose(
        gas.smoothing_length, theirs("smoothing_length", "kpc"), rtol=tolerance
    )
    # yt's "proton" is the mass of a hydrogen atom of standard weight, 6.7e-4 more.
    atom = mp.to_value("g") / constants.m_p.cgs.value
    temperature = theirs("temperature", "K") / atom
    np.testing.assert_allclose(gas.temperature, temperature, rtol=tolerance)

    electrons = gas.density.astype(float) * gas.hydrogen_fraction * gas.electron_abundance
    electrons /= hydrogen.atom_mass()
    if dialect == "Astrid":  # the Gadget front end has raw columns only
        metallicity = theirs("GFM_Metallicity", "", "PartType0")
        number = theirs("density", "g/cm**3") / mp.to_value("g")
        for column in ("GFM_Metals_00", "ElectronAbundance"):
            number = number * theirs(column, "", "PartType0")
        weight = mp.to_value("g")
    else:
        metallicity = theirs("metallicity", "dimensionless")
        number = theirs("El_number_density", "cm**-3")
        weight = ChemicalFormula("H").weight * constants.u.cgs.value
    np.testing.assert_allclose(gas.metallicity, metallicity, rtol=tolerance)
    # Standard weight: with the deuterium of the Earth, 1.1e-4 more than one atom of 1H.
    assert weight / hydrogen.atom_mass() == pytest.approx(1, abs=2e-4)
    number *= weight / hydrogen.atom_mass()
    np.testing.assert_allclose(electrons, number, rtol=tolerance)


@pytest.mark.parametrize("dialect", ["IllustrisTNG", "SIMBA"])
def test_yts_compton_parameter_is_ours(simulations, dialect):
    """yt's `szy` is the parameter per length: its integral over an element's volume is ours."""
    from yt.utilities.chemical_formulas import ChemicalFormula
    from yt.utilities.physical_constants import mp

    sim = simulations[dialect]
    data = opened_with_yt(sim).all_data()
    volume = data["gas", "mass"] / data["gas", "density"]
    theirs = (data["gas", "szy"] * volume).to_value("kpc**2")
    quiet = data["PartType0", "StarFormationRate"].v == 0
    assert 0 < quiet.sum() < len(quiet)
    # The same two conventions as above: temperature by yt's proton, electrons by its hydrogen.
    proton = constants.m_p.cgs.value / mp.to_value("g")
    weight = ChemicalFormula("H").weight * constants.u.cgs.value / hydrogen.atom_mass()
    expected = theirs[quiet].sum() * proton * weight
    ours = fields.get("compton_y").deposit(sim.gas(), sim.header).sum()
    assert ours == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dialect", SUITES)
def test_yts_own_projection_is_ours_where_kernels_span_pixels(tmp_path, dialect):
    """`ds.proj` of the file, all three axes: geometry, units, kernels and orientation at once."""
    rng = np.random.default_rng(5)
    centre, pixels, size = np.array([9_000.0, 20_000.0, 14_000.0]), 32, 4.0
    gas = {
        "position": centre + rng.uniform(-60, 60, (NUMBER, 3)) * [1.0, 0.7, 0.4],
        "mass": rng.uniform(5e6, 1e7, NUMBER),
        "density": 10 ** rng.uniform(-28.5, -28, NUMBER),
    }
    sim = write(tmp_path, dialect, gas)
    columns = sim.gas(("position", "mass", "smoothing_length"))
    displacement = columns.position - centre
    arrays = displacement, columns.smoothing_length, columns.mass[:, None].astype(float)
    ours = projection_images.project(*arrays, Frame(pixels, size, 1e4))[:, 0]
    ds = opened_with_yt(sim)
    width = ds.quan(pixels * size, "kpc")
    for axis, image in zip("xyz", ours, strict=True):
        source = ds.proj(("gas", "density"), axis)
        beam = source.to_frb(width, pixels, center=ds.arr(centre, "kpc"))
        theirs = beam["gas", "density"].to_value("Msun/kpc**2")
        # A beam at the pixel's centre, for the mean over it: laplacian / 24 of the narrowest
        # kernel's centre if all were like it, as in test_projection; h is above 4.5 pixels.
        assert columns.smoothing_length.min() > 4.5 * size
        change = 1 - kernel.column(0.02) / kernel.column(0)
        tolerance = 1.2 * 4 * change / 0.02**2 / 24 / 4.5**2
        assert tolerance < 0.08
        assert np.abs(theirs - image).max() < tolerance * image.max()
        # The sum has no such error, and no element is as narrow as a pixel.
        inside = theirs.sum() / image.sum()
        assert inside == pytest.approx(1, abs=3e-3)
        # It would be seen if an image were turned or mirrored.
        for other in (image.T, image[::-1], image[:, ::-1]):
            assert np.abs(theirs - other).max() > 2 * tolerance * image.max()


def test_yt_alone_would_take_astrid_for_arepo(simulations):
    """Why the front end is named: yt's own detection can't open the file."""
    yt = pytest.importorskip("yt")
    with pytest.raises(TypeError, match="0-dimensional"):
        yt.load(str(simulations["Astrid"].snapshot_path))


@pytest.mark.parametrize("dialect", SUITES)
def test_yt_keeps_the_snapshots_neutral_fraction(simulations, dialect):
    """The trap behind `hydrogen_method`: yt's H_p0 is the file's, not the background's."""
    sim = simulations[dialect]
    ds = opened_with_yt(sim)
    if dialect == "Astrid":
        assert ("gas", "H_p0_number_density") not in ds.derived_field_list
        return
    data = ds.all_data()
    volume = data["gas", "mass"] / data["gas", "density"]
    theirs = (data["gas", "H_p0_density"] * volume).sum().to_value("Msun")
    columns = (*hydrogen.COLUMNS, "neutral_hydrogen_abundance")
    gas = sim.gas(columns)
    stored = hydrogen.neutral_mass(gas, 0.0, "snapshot").sum()
    table = hydrogen.neutral_mass(gas, 0.0, "trident").sum()
    assert theirs == pytest.approx(stored, rel=1e-5)
    assert theirs != pytest.approx(table, rel=1e-2)
