"""Instruments: their numbers, what they are held against, and files that are refused."""

import numpy as np
import pytest
import yaml
from astropy import units
from astropy.io import fits

from cgmhelpers.errors import CGMError, DataNotFoundError, FormatError, ParameterError
from cgmhelpers.sky import instruments, responses
from cgmhelpers.sky.hi_instruments import HIInstrument
from cgmhelpers.sky.hi_line import REST_FREQUENCY, kelvin_per_jansky
from cgmhelpers.sky.xray_instruments import XrayInstrument

XRAY = {
    "kind": "xray", "name": "mine", "title": "Mine", "emin": 0.5, "emax": 2.0, "exposure": 1e3,
    "conversion": 1e12, "hew": 20.0,
}  # fmt: skip
HI = {
    "kind": "hi", "name": "dish", "title": "Dish", "beam_major": 60.0, "beam_minor": 40.0,
    "channel_width": 5.0, "noise": 0.1, "line_width": 20.0, "pixel": 10.0,
}  # fmt: skip


def written(tmp_path, entries):
    path = tmp_path / "mine.yml"
    path.write_text(yaml.safe_dump(entries))
    return path


def write_arf(path, area=300.0, unit="cm2", columns=("ENERG_LO", "ENERG_HI", "SPECRESP")):
    edges = np.linspace(0.1, 5, 491)
    low, high = edges[:-1], edges[1:]
    response = area * low**0.7 * np.exp(-(low**2) / 6)
    data = dict(zip(("ENERG_LO", "ENERG_HI", "SPECRESP"), (low, high, response), strict=True))
    table = fits.BinTableHDU.from_columns(
        [fits.Column(name, "D", unit=unit if name == "SPECRESP" else "keV", array=data[name])
         for name in columns],
        name="SPECRESP",
    )  # fmt: skip
    table.header["TELESCOP"], table.header["INSTRUME"] = "NONE", "NONE"
    table.header["HDUCLAS1"], table.header["HDUCLAS2"] = "RESPONSE", "SPECRESP"
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    return path


@pytest.mark.parametrize("name", instruments.SHIPPED)
def test_every_number_of_a_shipped_instrument_has_a_source(name):
    given = instruments.load(name)
    numbers = {key for key, value in given.model_dump().items() if isinstance(value, float)}
    set_by_file = numbers & given.model_fields_set
    assert len(set_by_file) > 5
    assert set_by_file <= set(given.notes)
    assert {note.status for note in given.notes.values()} <= {"published", "derived", "adopted"}


def test_column_densities_that_mhongoose_was_designed_for():
    """5 sigma and 3 sigma over 16 km/s, as its pages print them."""
    fine, coarse = (instruments.load(f"meerkat_mhongoose_{beam}") for beam in (30, 90))
    assert 5 * fine.column_noise() == pytest.approx(1.25e19, rel=0.01)
    assert 3 * coarse.column_noise() == pytest.approx(5e17, rel=0.01)
    assert coarse.column_noise(0.1) == pytest.approx(1.1 * coarse.column_noise())


def test_kelvins_of_a_jansky_are_those_of_the_textbook():
    """T = 6.06e5 K (S / Jy) / (major minor / arcsec2), Walter et al. 2008, AJ 136, 2563."""
    assert kelvin_per_jansky(30, 20) == pytest.approx(6.06e5 / 600, rel=2e-3)
    higher = kelvin_per_jansky(30, 20, redshift=0.1)
    assert higher == pytest.approx(1.21 * kelvin_per_jansky(30, 20))


def test_noise_in_jansky_per_beam_becomes_kelvin(tmp_path):
    noise = {"value": 0.2, "unit": "mJy/beam"}
    found = instruments.load(written(tmp_path, HI | {"noise": noise}))
    assert found.noise == pytest.approx(2e-4 * kelvin_per_jansky(60, 40))


def test_units_are_converted_and_wrong_ones_refused(tmp_path):
    path = written(tmp_path, XRAY | {"exposure": {"value": 2, "unit": "ks"}})
    assert instruments.load(path).exposure == 2000
    with pytest.raises(FormatError, match=r"mine\.yml"):
        instruments.load(written(tmp_path, XRAY | {"exposure": {"value": 2, "unit": "arcsec"}}))


def test_absorption_is_that_of_soxs():
    """Whose wabs is XSPEC's."""
    from soxs.spectra import Spectrum

    flat = Spectrum.from_constant(1.0, emin=0.3, emax=5.0, nbins=500)
    flat.apply_foreground_absorption(0.05, model="wabs")
    energy = flat.emid.value
    ours = responses.transmission(energy, 5e20)
    assert ours.min() < 0.6 < 0.99 < ours.max()
    assert ours == pytest.approx(flat.flux.value, rel=1e-3)


def test_absorption_outside_its_table_is_refused():
    with pytest.raises(ParameterError, match=r"0\.03-10 keV"):
        responses.transmission([12.0], 1e20)


def test_counts_are_those_of_soxs_for_the_same_effective_area(tmp_path, monkeypatch):
    """Photon index 1.7 behind 4e20 cm-2, 0.5 to 2 keV."""
    monkeypatch.chdir(tmp_path)  # where SOXS looks for files that aren't its own
    from soxs import AuxiliaryResponseFile, ConvolvedSpectrum, Spectrum

    arf = write_arf(tmp_path / "mine.arf")
    entries = XRAY | {"arf": "mine.arf", "spectral_index": 1.7, "column_density": 4e20}
    del entries["conversion"]
    ours = instruments.load(written(tmp_path, entries)).counts_per_fluence()
    spectrum = Spectrum.from_powerlaw(1.7, 0.0, 1e-3, emin=0.5, emax=2.0, nbins=3000)
    emitted = spectrum.get_flux_in_band(0.5, 2.0)[1].value  # erg/s/cm2, before absorption
    spectrum.apply_foreground_absorption(0.04, model="wabs")
    convolved = ConvolvedSpectrum.convolve(spectrum, AuxiliaryResponseFile(str(arf)))
    theirs = convolved.total_rate.value / emitted
    assert ours == pytest.approx(theirs, rel=0.02)


def test_a_conversion_factor_is_lowered_by_what_the_galaxy_absorbs():
    bare = XrayInstrument(**XRAY)
    behind = XrayInstrument(**XRAY, column_density=3e20)
    assert bare.counts_per_fluence() == pytest.approx(1e12)
    assert 0.85 < behind.counts_per_fluence() / bare.counts_per_fluence() < 0.95


def test_a_spectrum_of_the_users_replaces_the_power_law(tmp_path):
    energy = np.linspace(0.4, 3, 300)
    np.savetxt(tmp_path / "spectrum.txt", np.stack([energy, energy**-2.0], axis=1))
    write_arf(tmp_path / "mine.arf")
    entries = XRAY | {"arf": "mine.arf"}
    del entries["conversion"]
    analytic = instruments.load(written(tmp_path, entries)).counts_per_fluence()
    path = written(tmp_path, entries | {"spectrum": "spectrum.txt"})
    assert instruments.load(path).counts_per_fluence() == pytest.approx(analytic, rel=1e-3)
    (tmp_path / "spectrum.txt").write_text("0.6 1\n0.7 1\n")
    responses.spectrum.cache_clear()
    with pytest.raises(FormatError, match="covers"):
        instruments.load(path).counts_per_fluence()


@pytest.mark.parametrize("pixel", [1.0, 4.0, 15.0, 160.0])
@pytest.mark.parametrize("shape", ["gaussian", "king"])
def test_half_of_the_light_is_within_the_half_energy_width(shape, pixel):
    given = XrayInstrument(**XRAY | {"hew": 30.0, "psf": shape, "psf_radius": 120.0})
    kernel = given.kernel(pixel)
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    assert kernel == pytest.approx(kernel.T)
    assert kernel == pytest.approx(kernel[::-1])
    if pixel <= 4:
        reach = len(kernel) // 2
        distance = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) * pixel
        order = np.argsort(distance, axis=None)
        light = np.cumsum(kernel.ravel()[order])
        half = distance.ravel()[order][np.searchsorted(light, 0.5)]
        assert 2 * half == pytest.approx(30, abs=1.5 * pixel)
    if pixel == 160:  # light stays where it is, but for what crosses the pixel's edges
        assert kernel.max() > 0.7


def test_a_beam_is_an_ellipse_along_its_position_angle():
    given = HIInstrument(**HI, beam_angle=90.0)
    kernel = given.kernel(5.0)
    reach = len(kernel) // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1] * 5.0
    widths = [np.sqrt((kernel * one**2).sum() - 5.0**2 / 6) for one in (x, y)]
    fwhm = responses.GAUSSIAN_FWHM * np.array(widths)
    assert fwhm == pytest.approx([60, 40], rel=0.02)  # 90 degrees: east-west


@pytest.mark.parametrize("pixel", [4.0, 60.0, 600.0])
def test_noise_averaged_over_a_pixel_is_that_of_the_closed_form(pixel):
    given = HIInstrument(**HI | {"beam_minor": 60.0})
    sigma = 60 / responses.GAUSSIAN_FWHM
    places = (np.arange(400) + 0.5) / 400 * pixel
    pairs = np.exp(-((places[:, None] - places) ** 2) / (4 * sigma**2)).mean()  # an axis
    assert given.noise_on_pixels(pixel) == pytest.approx(pairs, rel=5e-3)


def write_psf(path, sigma=20.0, **changes):
    y, x = np.mgrid[-30:31, -30:31] * 4.0
    hdus = [fits.PrimaryHDU()]
    for energy, width in ((277, 3 * sigma), (1486, sigma)):
        image = np.exp(-(x**2 + y**2) / (2 * width**2))
        hdu = fits.ImageHDU(image, name=f"{energy}eV_0arcmin")
        hdu.header.update(
            {"HDUCLASS": "OGIP", "HDUCLAS1": "IMAGE", "HDUCLAS2": "PSF", "CDELT1": 4.0,
             "CDELT2": 4.0, "CUNIT1": "arcsec", "CUNIT2": "arcsec"} | changes
        )  # fmt: skip
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(path)
    return path


def test_an_ogip_psf_of_the_nearest_energy_is_used(tmp_path):
    write_psf(tmp_path / "psf.fits")
    entries = XRAY | {"psf": "image", "psf_file": "psf.fits", "hew": None, "psf_radius": 100.0}
    kernel = instruments.load(written(tmp_path, entries)).kernel(4.0)
    gaussian = XRAY | {"hew": 20 * responses.GAUSSIAN_FWHM, "psf_radius": 100.0}
    expected = XrayInstrument(**gaussian).kernel(4.0)
    assert kernel == pytest.approx(expected, abs=0.015 * expected.max())


@pytest.mark.parametrize(
    "change",
    [
        {"emin": 3.0}, {"exposure": 0}, {"exposure": "long"}, {"conversion": None},
        {"arf": "absent.arf"}, {"psf": "moffat"}, {"hew": None}, {"psf": "image"}, {"kind": "sz"},
        {"colour": 1}, {"hew": 500.0}, {"king_slope": 1.0}, {"background_sky": -1},
        {"exposure": {"value": 1, "unit": "furlong"}},
        {"exposure": {"value": 1, "status": "guess"}},
    ],
)  # fmt: skip
def test_an_instrument_that_is_none_is_refused_with_its_file_named(change, tmp_path):
    with pytest.raises(CGMError, match=r"mine\.yml"):
        instruments.load(written(tmp_path, XRAY | change))


@pytest.mark.parametrize("text", ["", "[1, 2]", "kind: [", "kind: xray", "\x00"])
def test_a_file_that_is_no_instrument_is_refused(text, tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"mine\.yml"):
        instruments.load(path)


def test_an_unknown_name_is_told_which_there_are():
    with pytest.raises(DataNotFoundError, match="erosita_erass4"):
        instruments.load("rosat")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:3000]),
        lambda path: path.write_text("no FITS"),
        lambda path: (path.unlink(), write_arf(path, unit="s")),
        lambda path: (path.unlink(), write_arf(path, area=-1.0)),
        lambda path: (path.unlink(), write_arf(path, columns=("ENERG_LO", "SPECRESP"))),
        lambda path: (path.unlink(), write_psf(path)),
    ],
)
def test_a_damaged_effective_area_is_refused(damage, tmp_path):
    path = write_arf(tmp_path / "mine.arf")
    damage(path)
    entries = {key: value for key, value in XRAY.items() if key != "conversion"}
    given = instruments.load(written(tmp_path, entries | {"arf": "mine.arf"}))
    with pytest.raises(FormatError, match=r"mine\.arf"):
        given.counts_per_fluence()


def test_an_effective_area_that_ends_inside_the_band_is_refused(tmp_path):
    path = write_arf(tmp_path / "mine.arf")
    with pytest.raises(FormatError, match="doesn't cover"):
        responses.effective_area(path, np.array([1.0, 7.0]))


@pytest.mark.parametrize("changes", [{"HDUCLAS2": "BKG"}, {"CUNIT1": "mm"}, {"CDELT1": 0.0}])
def test_a_psf_file_without_a_psf_is_refused(changes, tmp_path):
    with pytest.raises(FormatError, match=r"psf\.fits"):
        responses.read_psf(write_psf(tmp_path / "psf.fits", **changes), 1.0)


def test_the_frequency_is_that_of_the_21_cm_line():
    wavelength = (REST_FREQUENCY * units.Hz).to("cm", equivalencies=units.spectral())
    assert wavelength.value == pytest.approx(21.106, abs=1e-3)
