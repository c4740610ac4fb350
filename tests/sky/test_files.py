"""Files of observed halos: what eROSITA's and MeerKAT's users expect in them."""

import json

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from helpers.blobs import bright

from cgmhelpers.errors import ParameterError
from cgmhelpers.sky import files, instruments
from cgmhelpers.sky.observing import Observation
from cgmhelpers.sky.views import angle

RA, DEC, REDSHIFT = 187.7, 12.4, 0.05
XRAY, HI = (instruments.load(name) for name in ("erosita_erass4", "meerkat_mhongoose_30"))


def observation(redshift=REDSHIFT):
    return Observation(instruments={"xray": XRAY, "hi": HI}, redshift=(redshift, redshift))


@pytest.fixture(scope="module")
def maps():
    found = bright()
    found.coords["group"] = ("halo", [3, 4])
    return found


@pytest.fixture(scope="module")
def written(maps, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    return files.write(maps, observation(), folder, ra=RA, dec=DEC, halo=1, axis="y", seed=5)


def test_names_are_those_of_the_first_data_release(written):
    assert {label: path.name for label, path in written.items()} == {
        "events": "em04_187077_020_EventList_c010.fits",
        "counts 0.5-1": "em04_187077_026_Image_c010.fits",
        "exposure 0.5-1": "em04_187077_026_ExposureMap_c010.fits",
        "background 0.5-1": "em04_187077_026_BackgrImage_c010.fits",
        "counts 1-2": "em04_187077_027_Image_c010.fits",
        "exposure 1-2": "em04_187077_027_ExposureMap_c010.fits",
        "background 1-2": "em04_187077_027_BackgrImage_c010.fits",
        "moment0": "meerkat_mhongoose_30_187077_mom0.fits",
    }


def test_the_position_is_in_the_middle_east_left_and_north_up(written):
    for label, pixel in (("counts 1-2", 4), ("moment0", 7)):
        header = fits.getheader(written[label])
        wcs = WCS(header)
        middle = (header["NAXIS1"] - 1) / 2
        centre = SkyCoord(RA, DEC, unit="deg")
        assert wcs.pixel_to_world(middle, middle).separation(centre) < 1e-6 * units.arcsec
        east, north = wcs.pixel_to_world(middle - 1, middle), wcs.pixel_to_world(middle, middle + 1)
        assert centre.position_angle(east).deg == pytest.approx(90, abs=0.01)
        assert centre.position_angle(north).deg % 360 == pytest.approx(0, abs=0.01)
        assert centre.separation(east).arcsec == pytest.approx(pixel, rel=1e-6)


def test_events_bin_into_the_images_as_in_ds9(written):
    """By X and Y with their TLMIN, and by RA and DEC with the image's coordinates."""
    with fits.open(written["events"]) as hdus:
        assert [hdu.name for hdu in hdus] == [
            "PRIMARY",
            "EVENTS",
            *(f"GTI{n}" for n in range(1, 8)),
        ]
        header, events = hdus["EVENTS"].header, Table(hdus["EVENTS"].data)
        number = {name: hdus["EVENTS"].columns.names.index(name) + 1 for name in ("X", "Y")}
        exposure = hdus["GTI1"].data["STOP"] - hdus["GTI1"].data["START"]
    assert exposure.sum() == XRAY.exposure
    assert {"TIME", "RA", "DEC", "X", "Y", "PI", "EV_WEIGHT", "TM_NR"} <= set(events.colnames)
    total = 0
    for band, low, high in (("0.5-1", 500, 1000), ("1-2", 1000, 2000)):
        image = fits.getdata(written[f"counts {band}"])
        assert image.dtype.kind == "i"
        chosen = events[(events["PI"] >= low) & (events["PI"] < high)]
        total += len(chosen)
        edges = [
            np.linspace(header[f"TLMIN{number[name]}"], header[f"TLMAX{number[name]}"], side + 1)
            for name, side in (("Y", len(image)), ("X", len(image)))
        ]
        binned, *_ = np.histogram2d(chosen["Y"], chosen["X"], bins=edges)
        assert (binned == image).all()
        x, y = WCS(fits.getheader(written[f"counts {band}"])).wcs_world2pix(
            chosen["RA"], chosen["DEC"], 0
        )
        again, *_ = np.histogram2d(y, x, bins=[np.arange(side + 1) - 0.5 for side in image.shape])
        assert (again == image).all()
    assert total == len(events) > 500
    columns = WCS(naxis=2)
    columns.wcs.ctype = [header[f"TCTYP{number[name]}"] for name in "XY"]
    columns.wcs.crval = [header[f"TCRVL{number[name]}"] for name in "XY"]
    columns.wcs.crpix = [header[f"TCRPX{number[name]}"] for name in "XY"]
    columns.wcs.cdelt = [header[f"TCDLT{number[name]}"] for name in "XY"]
    sky = columns.wcs_pix2world(events["X"], events["Y"], 1)
    assert sky[0] == pytest.approx(np.array(events["RA"]), abs=1e-9)
    assert sky[1] == pytest.approx(np.array(events["DEC"]), abs=1e-9)


def test_counts_are_those_expected_of_map_and_background(written, maps):
    counts = sum(fits.getdata(written[f"counts {band}"]).sum() for band in ("0.5-1", "1-2"))
    background = sum(fits.getdata(written[f"background {one}"]).sum() for one in ("0.5-1", "1-2"))
    brightness = maps["image"].isel(halo=1).sel(axis="y", field="xray").values.astype(float)
    area = (angle(4.0, REDSHIFT) / 60) ** 2
    source = brightness.sum() * area * XRAY.counts_per_fluence() * XRAY.exposure / 1.05**4
    expected = source + background
    assert source > 300
    assert counts == pytest.approx(expected, abs=4 * expected**0.5)
    image = fits.getdata(written["background 1-2"])
    rate = XRAY.background() * XRAY.exposure * (4 / 60) ** 2
    assert fits.getdata(written["background 0.5-1"])[0, 0] + image[0, 0] == pytest.approx(rate)
    assert (fits.getdata(written["exposure 1-2"]) == XRAY.exposure).all()
    assert fits.getheader(written["exposure 1-2"])["BUNIT"] == "s"


def test_a_moment_map_holds_the_columns_and_the_beam(written, maps):
    header = fits.getheader(written["moment0"])
    assert [header[key] * 3600 for key in ("BMAJ", "BMIN")] == pytest.approx([30, 30])
    unit = units.Unit(header["BUNIT"], format="fits")
    assert unit == units.Jy / units.beam * units.km / units.s
    # Meyer et al. (2017, PASA 34, 52), Eq. 79: 1.10e24 (1+z)^2 S / (a b) for velocities of the
    # observed frame (optical), which are 1 + z times those at rest.
    moment = fits.getdata(written["moment0"]).astype(float)
    columns = moment * 1.10e24 * (1 + REDSHIFT) ** 3 / 30**2
    truth = maps["image"].isel(halo=1).sel(axis="y", field="hi").values.astype(float)
    area = angle(4.0, REDSHIFT) ** 2 / 7**2
    noise = HI.column_noise(REDSHIFT) * np.sqrt(columns.size * 2 * 1.133 * 30**2 / 7**2)
    assert truth.sum() * area > 20 * noise
    assert columns.sum() == pytest.approx(truth.sum() * area, rel=0.01, abs=4 * noise)


def test_a_grid_is_resampled_with_its_sum_kept_and_not_mirrored():
    image = np.zeros((8, 8))
    image[1, 6] = 3.0
    fine = files.resampled(image, 4.0, 1.7, 40)
    assert fine.sum() * 1.7**2 == pytest.approx(3.0 * 16)
    y, x = np.unravel_index(fine.argmax(), fine.shape)
    assert y < 20 < x
    same = files.resampled(image, 4.0, 4.0, 8)
    assert (same == image).all()


def test_the_same_seed_gives_the_same_files(maps, written, tmp_path):
    again = files.write(maps, observation(), tmp_path, ra=RA, dec=DEC, halo=1, axis="y", seed=5)
    for label, path in again.items():
        assert path.read_bytes() == written[label].read_bytes()
    told = json.loads((tmp_path / files.DESCRIPTION).read_text())
    assert told["halo"]["group"] == 4
    assert told["observation"]["redshift"] == [REDSHIFT, REDSHIFT]


def test_another_telescope_has_plain_names_and_one_band(maps, tmp_path):
    other = XRAY.model_copy(update={"survey": None, "name": "probe"})
    looks = Observation(instruments={"xray": other}, redshift=(REDSHIFT, REDSHIFT))
    found = files.write(maps, looks, tmp_path, ra=0.2, dec=-30, seed=1)
    assert sorted(path.name for path in found.values()) == [
        f"probe_000120_{kind}.fits" for kind in ("BackgrImage", "EventList", "ExposureMap", "Image")
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"ra": 400}, {"dec": -91}, {"halo": 2}, {"axis": "w"}, {"observation": (0.01, 0.1)}],
)
def test_a_halo_that_cannot_be_observed_is_refused(wrong, maps, tmp_path):
    given = {"ra": RA, "dec": DEC, "observation": (0.05, 0.05)} | wrong
    looks = Observation(instruments={"xray": XRAY}, redshift=given.pop("observation"))
    with pytest.raises(ParameterError):
        files.write(maps, looks, tmp_path / "none", **given)
    assert not (tmp_path / "none").exists()


def test_the_command_writes_them_from_a_store(maps, tmp_path):
    from typer.testing import CliRunner

    from cgmhelpers import cli
    from cgmhelpers.maps import store

    store.write(maps.assign_attrs(fingerprint="none"), tmp_path / "maps.zarr")
    where = ["--redshift", "0.05", "--ra", "10", "--dec", "-30", "--halo", "1", "--axis", "z"]
    options = [str(tmp_path / "maps.zarr"), "--out", str(tmp_path / "sky"), *where]
    done = CliRunner().invoke(cli.app, ["observe", *options], catch_exceptions=False)
    assert done.exit_code == 0
    assert "em04_010120_026_Image_c010.fits" in done.output
    again = [*options, "--instrument", "erosita_erass1", "--instrument", "erosita_erass4"]
    with pytest.raises(ParameterError, match="two instruments"):
        CliRunner().invoke(cli.app, ["observe", *again], catch_exceptions=False)
