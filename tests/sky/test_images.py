"""Images in: coordinates, units, counts that stay counts, beams, regions."""

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from helpers.blobs import bright

from cgmhelpers.errors import DataNotFoundError, FormatError
from cgmhelpers.sky import (
    cutting,
    files,
    frames,
    image_metadata,
    images,
    instruments,
    responses,
)
from cgmhelpers.sky.observing import Observation
from cgmhelpers.sky.views import View, angle

RA, DEC = 187.7, 12.4
XRAY, HI = (instruments.load(name) for name in ("erosita_erass4", "meerkat_mhongoose_30"))


def saved(path, values, pixel=4.0, ra=RA, dec=DEC, **header):
    hdu = fits.PrimaryHDU(values)
    hdu.header.update(files.sky_wcs(ra, dec, pixel, values.shape[-1]).to_header())
    hdu.header.update(header)
    hdu.writeto(path)
    return path


@pytest.mark.parametrize("redshift", [0.01, 0.03, 0.08])
def test_a_halo_that_was_written_is_read_back_with_the_same_counts(redshift, tmp_path):
    """Counts to the last one; the flux within the statistics; the columns as the beam has them."""
    maps = bright()
    looks = Observation(instruments={"xray": XRAY, "hi": HI}, redshift=(redshift, redshift))
    written = files.write(maps, looks, tmp_path, ra=RA, dec=DEC, seed=3)
    side = angle(4.0, redshift)
    frame = files.sky_wcs(RA, DEC, side, 32)
    bands = [images.read(path) for label, path in written.items() if label.startswith("counts")]
    assert [image_metadata.band_of(one) for one in bands] == [(0.5, 1.0), (1.0, 2.0)]
    counts = sum(frames.scattered(one, frame, seed) for seed, one in enumerate(bands))
    events = Table.read(written["events"], hdu="EVENTS")
    x, y = frame.wcs_world2pix(events["RA"], events["DEC"], 0)
    inside = np.sum((abs(x - 15.5) < 16) & (abs(y - 15.5) < 16))
    edge = np.sum(np.minimum(abs(abs(x - 15.5) - 16), abs(abs(y - 15.5) - 16)) < 4 / side)
    assert abs(counts.sum() - inside) <= 4 * edge**0.5 + 1  # those of a pixel across the edge
    view = View(looks, redshift, 4.0, 32)
    import torch

    truth = torch.from_numpy(maps["image"].isel(halo=0).sel(axis="x").values.astype(float))
    expected = (view.expected_counts(truth[:1])[0] + view.background).numpy()
    assert counts.sum() == pytest.approx(expected.sum(), abs=4 * expected.sum() ** 0.5)
    chi2 = np.mean((counts - expected) ** 2 / expected)
    assert chi2 == pytest.approx(1, abs=0.35)
    moment = images.read(written["moment0"])
    beam = image_metadata.beam_of(moment)
    assert beam == pytest.approx((30, 30, 0))
    columns = frames.interpolated(moment, image_metadata.to_columns(moment, beam, redshift), frame)
    smooth = view.blurred("hi", truth[1:])[0].numpy()
    inner = slice(8, 24)
    apart = (columns - smooth)[inner, inner]
    assert np.std(apart) < 2 * view.column_noise + 0.02 * smooth.max()
    assert np.mean(smooth[inner, inner]) > view.column_noise


def test_every_count_arrives_wherever_it_was(tmp_path):
    """Larger and smaller pixels, turned and in galactic coordinates."""
    rng = np.random.default_rng(1)
    for number, (pixel, angle_) in enumerate([(11.0, 0.0), (1.3, 30.0), (4.0, 200.0)]):
        counts = rng.poisson(0.3, (60, 50)).astype(np.int32)
        place = SkyCoord(RA, DEC, unit="deg").galactic
        turn = np.deg2rad(angle_)
        header = {
            "CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "CRVAL1": place.l.deg,
            "CRVAL2": place.b.deg, "CRPIX1": 25.0, "CRPIX2": 31.0, "CUNIT1": "deg",
            "CUNIT2": "deg", "CD1_1": -pixel / 3600 * np.cos(turn),
            "CD1_2": pixel / 3600 * np.sin(turn), "CD2_1": pixel / 3600 * np.sin(turn),
            "CD2_2": pixel / 3600 * np.cos(turn),
        }  # fmt: skip
        hdu = fits.PrimaryHDU(counts)
        hdu.header.update(header)
        hdu.writeto(tmp_path / f"{number}.fits")
        image = images.read(tmp_path / f"{number}.fits")
        assert image.pixel == pytest.approx(pixel)
        frame = files.sky_wcs(RA, DEC, 4.0, 260)
        found = frames.scattered(image, frame, 1)
        assert found.sum() == counts.sum()
        assert (found == np.rint(found)).all()
        cut = files.sky_wcs(RA, DEC, 4.0, 8)
        assert 0 < frames.scattered(image, cut, 1).sum() < counts.sum() or number == 1


def test_a_count_is_where_it_was_on_the_sky(tmp_path):
    counts = np.zeros((41, 41), np.int16)
    counts[30, 8] = 50
    image = images.read(saved(tmp_path / "one.fits", counts))
    there = image.wcs.pixel_to_world(8, 30)
    frame = files.sky_wcs(RA + 0.002, DEC - 0.003, 2.5, 100)
    y, x = np.nonzero(frames.scattered(image, frame, 2))
    assert frame.pixel_to_world(x, y).separation(there).arcsec.max() < 6
    # Uniform over the pixel, whose corners are 2.8 arcsec from its middle.
    assert len(set(zip(x, y, strict=True))) >= 4


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("Jy/beam km/s", 1.10e24 / 900),
        ("JY/BEAM.KM/S", 1.10e24 / 900),
        ("Jy beam-1 km s-1", 1.10e24 / 900),
        ("Jy/beam*m/s", 1.10e21 / 900),
        ("JY/BEAM*M/S", 1.10e21 / 900),
        ("KM/S*JY/BEAM", 1.10e24 / 900),
        ("mJy/beam km/s", 1.10e21 / 900),
        ("Jy/beam*Hz", 2.33e20 / 900),
        ("K km/s", 1.823e18),
        ("K km s^-1", 1.823e18),
        ("K.km/s", 1.823e18),
        ("K*m/s", 1.823e15),
        ("mK km/s", 1.823e15),
        ("cm-2", 1),
        ("cm^-2", 1),
        ("1/cm^2", 1),
        ("atoms/cm2", 1),
        ("cm**(-2)", 1),
        ("1e20 cm-2", 1e20),
        ("10^19 cm^-2", 1e19),
        ("10**18/cm2", 1e18),
        ("m-2", 1e-4),
        ("Msun/pc^2", 1.249e20),
        ("Msun pc-2", 1.249e20),
        ("solMass / pc2", 1.249e20),
    ],
)
def test_units_of_hi_are_understood_however_they_are_written(unit, factor, tmp_path):
    """Meyer et al. (2017, PASA 34, 52), Eqs. 76 and 79, for Jy; Walter et al. (2008) for Msun."""
    image = images.read(saved(tmp_path / "m.fits", np.ones((5, 5)), BUNIT=unit))
    found = image_metadata.to_columns(image, (30.0, 30.0, 0.0))
    assert found[2, 2] == pytest.approx(factor, rel=0.01)


@pytest.mark.parametrize(
    "unit",
    [
        "",
        "Jy/beam",
        "Jy",
        "km/s",
        "m/s",
        "K",
        "cm",
        "count",
        "furlong",
        "erg/s/cm2",
        "MJy/sr",
        "Jy/beam km",
    ],
)
def test_units_that_are_no_moment_0_are_refused(unit, tmp_path):
    image = images.read(saved(tmp_path / "m.fits", np.ones((5, 5)), BUNIT=unit))
    with pytest.raises(FormatError, match=r"m\.fits.*moment-0"):
        image_metadata.to_columns(image, (30.0, 30.0, 0.0))


def test_a_unit_that_is_given_replaces_the_headers(tmp_path):
    path = saved(tmp_path / "m.fits", np.ones((5, 5)), BUNIT="furlong")
    assert image_metadata.to_columns(images.read(path, unit="cm-2"))[0, 0] == 1
    with pytest.raises(FormatError, match="beam isn't known"):
        image_metadata.to_columns(images.read(path, unit="Jy/beam km/s"))


def test_counts_are_refused_that_are_none(tmp_path):
    frame = files.sky_wcs(RA, DEC, 4.0, 8)
    for number, (value, match) in enumerate([(0.4, "whole numbers"), (-2.0, "negative")]):
        values = np.ones((9, 9))
        values[4, 4] = value
        with pytest.raises(FormatError, match=match):
            frames.scattered(images.read(saved(tmp_path / f"{number}.fits", values)), frame, 1)


def test_what_was_not_observed_is_marked_and_not_zero(tmp_path):
    values = np.ones((40, 40))
    values[:, 30:] = np.nan
    values[5, 5] = np.inf
    image = images.read(saved(tmp_path / "m.fits", values))
    frame = files.sky_wcs(RA, DEC, 4.0, 60)
    seen = frames.observed(image, frame)
    assert seen.sum() == 40 * 30 - 1
    assert seen[30, 30]
    assert not seen[30, 45]
    assert not seen[0, 0]
    found = frames.interpolated(image, image.values, frame)
    assert np.isnan(found[~seen]).all()
    assert found[np.isfinite(found)] == pytest.approx(1.0)
    assert np.isfinite(found).sum() > 0.9 * seen.sum()


def test_a_finer_beam_is_widened_with_its_sum_kept_and_a_coarser_one_refused(tmp_path):
    values = np.zeros((101, 101))
    values[50, 50] = 1e20
    image = images.read(saved(tmp_path / "m.fits", values))
    wide = frames.smoothed(image, values, (12.0, 9.0, 30.0), HI)
    assert wide.sum() == pytest.approx(1e20, rel=1e-6)
    y, x = np.indices(values.shape) - 50
    sigma = 4 * np.sqrt([(wide * y**2).sum() / 1e20, (wide * x**2).sum() / 1e20])
    assert np.sum(sigma**2) == pytest.approx(
        (2 * 30**2 - 12**2 - 9**2) / responses.GAUSSIAN_FWHM**2, rel=0.01
    )
    assert frames.smoothed(image, values, (30.1, 29.9, 0.0), HI) is values
    with pytest.raises(FormatError, match="coarser"):
        frames.smoothed(image, values, (60.0, 20.0, 0.0), HI)


REGIONS = {
    "ds9.reg": '# Region file format: DS9\nfk5\ncircle(187.7,12.4,20")\n'
    '-circle(187.71,12.4,8") # text={a}\n',
    "image.reg": "image\ncircle(20.5,20.5,5)\n",
    "casa.crtf": "#CRTFv0\ncircle[[187.7deg, 12.4deg], 20arcsec], coord=ICRS\n",
    "point.reg": "icrs\npoint(187.7,12.4)\n",
    "sources.csv": "RA,DEC,RADIUS\n187.7,12.4,20\n10,-70,20\n",
    "plain.csv": "name,ra,dec\nx,187.7,12.4\n",
}


@pytest.mark.parametrize("name", REGIONS)
def test_regions_and_sources_are_cut_out(name, tmp_path):
    image = images.read(saved(tmp_path / "m.fits", np.ones((40, 40))))
    (tmp_path / name).write_text(REGIONS[name])
    frame = files.sky_wcs(RA, DEC, 4.0, 40)
    mask = cutting.cut_out([tmp_path / name], frame, image, 20.0)
    expected = np.pi * 5**2 + (np.pi * 2**2 if name == "ds9.reg" else 0)
    assert mask.sum() == pytest.approx(expected, abs=6)
    assert mask[18:22, 18:22].all()
    if name == "ds9.reg":  # east is left
        assert mask[20, 20 - round(0.01 * 3600 * np.cos(np.deg2rad(DEC)) / 4)]


def test_a_mask_image_and_a_table_of_sources_cut_out(tmp_path):
    used = np.ones((40, 40), np.uint8)
    used[:, :10] = 0
    mask = saved(tmp_path / "DetMask.fits", used)
    Table({"RA": [RA] * units.deg, "DEC": [DEC] * units.deg}).write(tmp_path / "cat.fits")
    image = images.read(mask)
    frame = files.sky_wcs(RA, DEC, 4.0, 40)
    found = cutting.cut_out([mask, tmp_path / "cat.fits"], frame, image, 12.0)
    assert found[:, :10].all()
    assert found[20, 20]
    assert found.sum() == pytest.approx(400 + np.pi * 9, abs=5)


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.reg", ""), ("b.reg", "hello"), ("c.reg", "fk5\ncircle(187.7)\n"), ("d.csv", "x,y\n1,2\n")],
)
def test_regions_that_are_none_are_refused(name, text, tmp_path):
    image = images.read(saved(tmp_path / "m.fits", np.ones((4, 4))))
    (tmp_path / name).write_text(text)
    with pytest.raises(FormatError, match=name):
        cutting.cut_out([tmp_path / name], files.sky_wcs(RA, DEC, 4.0, 4), image, 20.0)
    with pytest.raises(DataNotFoundError):
        cutting.cut_out([tmp_path / "none.reg"], files.sky_wcs(RA, DEC, 4.0, 4), image, 20.0)


def broken(path, kind):
    """A FITS file that has no image with one place on the sky."""
    values = np.ones((6, 6), np.float32)
    wcs = files.sky_wcs(RA, DEC, 4.0, 6).to_header()
    if kind == "no coordinates":
        fits.PrimaryHDU(values).writeto(path)
    elif kind == "two images":
        pair = [fits.ImageHDU(values, wcs, name=name) for name in ("SCI", "ERR")]
        fits.HDUList([fits.PrimaryHDU(), *pair]).writeto(path)
    elif kind == "two systems":
        other = files.sky_wcs(RA + 1, DEC, 4.0, 6).to_header(key="A")
        hdu = fits.PrimaryHDU(values, wcs)
        hdu.header.update(other)
        hdu.writeto(path)
    elif kind == "cube":
        header = dict(wcs) | {"CTYPE3": "VRAD", "CRVAL3": 0.0, "CRPIX3": 1.0, "CDELT3": 1e3}
        fits.PrimaryHDU(np.ones((5, 6, 6), np.float32), fits.Header(header)).writeto(path)
    elif kind == "events":
        table = fits.BinTableHDU.from_columns([fits.Column("RA", "D", array=[RA])], name="EVENTS")
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    elif kind == "empty":
        fits.PrimaryHDU().writeto(path)
    elif kind == "bad projection":
        fits.PrimaryHDU(
            values, fits.Header(dict(wcs) | {"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"})
        ).writeto(path)
    elif kind == "no scale":
        fits.PrimaryHDU(values, fits.Header(dict(wcs) | {"CDELT1": 0.0})).writeto(path)
    elif kind == "truncated":
        saved(path, np.ones((200, 200)))
        path.write_bytes(path.read_bytes()[:20000])
    elif kind == "text":
        path.write_text("no FITS")


@pytest.mark.parametrize(
    "kind",
    ["no coordinates", "two images", "two systems", "cube", "events", "empty", "bad projection",
     "no scale", "truncated", "text"],
)  # fmt: skip
def test_a_file_without_one_image_of_the_sky_is_refused(kind, tmp_path):
    path = tmp_path / "stranger.fits"
    broken(path, kind)
    with pytest.raises(FormatError, match="stranger"):
        images.read(path)


def test_oddities_of_real_headers_are_read(tmp_path):
    """A BLANK of floats, AIPS' beam in the history, RADECSYS, and two equal systems."""
    values = np.ones((6, 6), np.float32)
    path = saved(tmp_path / "odd.fits", values, DUMMY=-1, RADECSYS="FK5", EQUINOX=2000.0)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["HISTORY"] = "AIPS   CLEAN BMAJ=  8.3333E-03 BMIN=  5.5556E-03 BPA=  30.00"
        hdus[0].header.update(files.sky_wcs(RA, DEC, 4.0, 6).to_header(key="A"))
    # Astropy doesn't write it, but other programs do.
    path.write_bytes(path.read_bytes().replace(b"DUMMY   =", b"BLANK   ="))
    image = images.read(path)
    assert image.values.shape == (6, 6)
    assert image_metadata.beam_of(image) == pytest.approx((30, 20, 30), rel=1e-3)


def test_an_extension_can_be_named_and_degenerate_axes_are_dropped(tmp_path):
    broken(tmp_path / "two.fits", "two images")
    assert images.read(f"{tmp_path}/two.fits[ERR]").values.shape == (6, 6)
    assert images.read(f"{tmp_path}/two.fits[1]").values.shape == (6, 6)
    header = dict(files.sky_wcs(RA, DEC, 4.0, 6).to_header())
    header |= {"CTYPE3": "FREQ", "CRVAL3": 1.42e9, "CTYPE4": "STOKES", "CRVAL4": 1.0}
    fits.CompImageHDU(
        np.ones((6, 6), np.int32), fits.Header(files.sky_wcs(RA, DEC, 4.0, 6).to_header())
    ).writeto(tmp_path / "c.fits")
    fits.PrimaryHDU(np.ones((1, 1, 6, 6)), fits.Header(header)).writeto(tmp_path / "four.fits.gz")
    for name in ("c.fits", "four.fits.gz"):
        assert images.read(tmp_path / name).values.shape == (6, 6)
    with pytest.raises(DataNotFoundError):
        images.read(tmp_path / "none.fits")


@pytest.mark.parametrize(
    ("name", "header", "band"),
    [
        ("a.fits", {"E_MIN": 0.5, "E_MAX": 2.0}, (0.5, 2.0)),
        ("a.fits", {"CHANMIN": 500, "CHANMAX": 2000}, (0.5, 2.0)),
        ("a.fits", {}, None),
        ("em01_134135_024_Image_c010.fits", {}, (0.2, 2.3)),
        ("eb01_134135_026_Image_c010.fits.gz", {}, (0.5, 1.0)),
    ],
)
def test_the_band_is_that_of_header_or_name(name, header, band, tmp_path):
    path = saved(tmp_path / name, np.ones((4, 4)), **header)
    assert image_metadata.band_of(images.read(path)) == band


@pytest.mark.parametrize(
    "header",
    [
        {"CTYPE1": "RA---NCP", "CTYPE2": "DEC--NCP"},  # astropy/astropy#6094, from Westerbork
        {"CTYPE1": "RA---GLS", "CTYPE2": "DEC--GLS"},  # CARTAvis/carta#58
        {"CUNIT1": "Degrees", "CUNIT2": "Degrees"},  # astropy/astropy#2977, from Herschel
        {"WCSAXES": 4, "CTYPE3": "FREQ", "CRVAL3": 1.42e9, "CDELT3": 1e4, "CRPIX3": 1.0,
         "CTYPE4": "STOKES", "CRVAL4": 1.0, "CDELT4": 1.0, "CRPIX4": 1.0},  # astropy/reproject#232
        {"RADESYS": "FK4", "EQUINOX": 1950.0},  # DavidT3/XGA#1542
    ],
)  # fmt: skip
def test_coordinates_that_other_programs_stumbled_over_are_read(header, tmp_path):
    values = np.zeros((41, 41))
    values[19:22, 19:22] = 1
    ra, dec = RA, DEC
    if "EQUINOX" in header:
        old = SkyCoord(RA, DEC, unit="deg").transform_to("fk4")
        ra, dec = old.ra.deg, old.dec.deg
    image = images.read(saved(tmp_path / "m.fits", values, ra=ra, dec=dec, **header))
    found = frames.interpolated(image, values, files.sky_wcs(RA, DEC, 4.0, 21))
    y, x = np.indices(found.shape) - 10
    assert image.pixel == pytest.approx(4.0)
    assert abs(np.average(x, weights=found)) < 0.6
    assert abs(np.average(y, weights=found)) < 0.6


def with_beams(path, majors):
    """An image with CASA's table of beams, and no beam in its header."""
    number = len(majors)
    columns = {"BMAJ": majors, "BMIN": [28.0] * number, "BPA": [10.0] * number}
    table = fits.BinTableHDU.from_columns(
        [fits.Column(name, "E", array=values) for name, values in columns.items()], name="BEAMS"
    )
    image = fits.PrimaryHDU(np.ones((6, 6)), files.sky_wcs(RA, DEC, 4.0, 6).to_header())
    image.header["CASAMBM"] = True
    fits.HDUList([image, table]).writeto(path)
    return path


def test_the_beam_is_taken_from_casas_table_where_channels_agree(tmp_path):
    """CARTAvis/carta-backend#1432; in arcsec without a unit, radio-astro-tools/spectral-cube#737"""
    one = images.read(with_beams(tmp_path / "one.fits", [30.0]))
    assert image_metadata.beam_of(one) == pytest.approx((30, 28, 10))
    same = images.read(with_beams(tmp_path / "same.fits", [30.0, 30.2, 30.1]))
    assert image_metadata.beam_of(same) == pytest.approx((30.1, 28, 10), rel=1e-5)
    varies = images.read(with_beams(tmp_path / "varies.fits", [30.0, 40.0]))
    assert image_metadata.beam_of(varies) is None
    assert image_metadata.beam_of(images.read(with_beams(tmp_path / "none.fits", []))) is None


def test_a_beam_in_arcsec_and_pixels_in_another_unit_are_refused_with_a_hint(tmp_path):
    image = images.read(saved(tmp_path / "m.fits", np.ones((9, 9)), BMAJ=30.0, BMIN=30.0))
    with pytest.raises(FormatError, match="BMAJ and BMIN are in degrees"):
        frames.smoothed(image, image.values, image_metadata.beam_of(image), HI)
    tiny = images.read(
        saved(tmp_path / "t.fits", np.ones((9, 9)), CUNIT1="arcsec", CUNIT2="arcsec")
    )
    with pytest.raises(FormatError, match="CUNIT"):
        frames.interpolated(tiny, tiny.values, files.sky_wcs(RA, DEC, 4.0, 21))


@pytest.mark.parametrize(
    ("unit", "seconds"), [("", 500), ("s", 500), ("sec", 500), ("ks", 5e5), ("KSEC", 5e5)]
)
def test_exposures_are_seconds(unit, seconds, tmp_path):
    image = images.read(saved(tmp_path / "e.fits", np.full((9, 9), 500.0), BUNIT=unit))
    assert image_metadata.exposure_of(image)[4, 4] == seconds


@pytest.mark.parametrize("unit", ["cm**2 s", "cm2 s", "s*cm^2*count/photon", "count", "h"])
def test_exposure_maps_times_an_area_are_refused(unit, tmp_path):
    """CIAO's (cxc.harvard.edu/ciao/dictionary/exposure.html) are an area times a time."""
    image = images.read(saved(tmp_path / "e.fits", np.full((9, 9), 500.0), BUNIT=unit))
    with pytest.raises(FormatError, match="that of an exposure"):
        image_metadata.exposure_of(image)


@pytest.mark.parametrize(
    ("energy", "unit", "counts"),
    [(800.0, "eV", 1), (800.0, None, 1), (0.8, "keV", 1), (3.0, "keV", 0), (60.0, "chan", None)],
)
def test_events_have_energies_and_not_channels(energy, unit, counts, tmp_path):
    """PI of Chandra is a channel of 14.6 eV (cxc.harvard.edu/ciao/dictionary/pi.html)."""
    columns = [("RA", RA, "deg"), ("DEC", DEC, "deg"), ("PI", energy, unit)]
    table = fits.BinTableHDU.from_columns(
        [fits.Column(name, "D", array=[one], unit=u) for name, one, u in columns], name="EVENTS"
    )
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "e.fits")
    frame = files.sky_wcs(RA, DEC, 4.0, 9)
    if counts is None:
        with pytest.raises(FormatError, match="without an energy"):
            frames.events_in(tmp_path / "e.fits", frame, (0.5, 2.0))
    else:
        assert frames.events_in(tmp_path / "e.fits", frame, (0.5, 2.0)).sum() == counts


@pytest.mark.parametrize("unit", ["beam-1 Jy km s-1", "Jy beam^-1 km s^-1"])
def test_units_in_astropys_order_are_understood(unit, tmp_path):
    """kmhess/SoFiA-image-pipeline#48"""
    image = images.read(saved(tmp_path / "m.fits", np.ones((5, 5)), BUNIT=unit))
    assert image_metadata.to_columns(image, (30.0, 30.0, 0.0))[2, 2] == pytest.approx(
        1.10e24 / 900, rel=0.01
    )


@pytest.mark.parametrize("unit", ["photon/cm**2/s", "count/s/deg^2", "cts/arcmin2"])
def test_a_flux_image_is_no_image_of_counts(unit, tmp_path):
    """Of CIAO's fluximage, and mosaics of XMM."""
    image = images.read(saved(tmp_path / "m.fits", np.ones((5, 5)), BUNIT=unit))
    with pytest.raises(FormatError, match="isn't that of counts"):
        image_metadata.counts_of(image)
