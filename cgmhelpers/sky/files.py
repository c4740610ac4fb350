"""Halos observed at a position on the sky, in files as observatories deliver them.

X-rays: an event list, and images of counts, exposure and background with the names, extensions and
columns of eROSITA's first data release (erosita.mpe.mpg.de/dr1, "Data and source products
description", "File naming scheme", "Extensions description"). HI: a moment-0 map with the beam in
its header, as imaging and source-finding programs of radio interferometers write it. East is left
and north is up: a map's x points west, its y north.
"""

import json
from pathlib import Path

import numpy as np
import torch
from astropy.io import fits
from astropy.wcs import WCS

from cgmhelpers import __version__
from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO
from cgmhelpers.sky.hi_line import REST_FREQUENCY
from cgmhelpers.sky.views import View, angle
from cgmhelpers.system.files import whole

DESCRIPTION = "observation.json"
"""File that says how the others were made; it is written last."""
BANDS = {
    "1": (0.2, 0.6), "2": (0.6, 2.3), "3": (2.3, 5.0), "4": (0.2, 2.3),
    "5": (0.2, 0.5), "6": (0.5, 1.0), "7": (1.0, 2.0),
}  # fmt: skip
"""Energy bands of eROSITA's images [keV], by the digit in their names (eROSITA DR1 pages, file
naming scheme)."""
SKY_PIXEL = 0.05
"""Unit of X and Y in event lists of eROSITA [arcsec] (eROSITA DR1 pages, extensions)."""
CAMERAS = 7
_TIME = {"MJDREF": 51543.875, "TIMEUNIT": "s", "TIMEZERO": 0.0, "TIMESYS": "TT"}


def sky_wcs(ra, dec, pixel, pixels):
    """Return the coordinates of a square image around a position.

    Parameters
    ----------
    ra, dec : float
        Of the middle [deg, ICRS].
    pixel : float
        Side of a pixel [arcsec].
    pixels : int
        Along a side.

    Returns
    -------
    astropy.wcs.WCS
        In the orthographic projection (SIN) of eROSITA's images and of interferometers.

    Raises
    ------
    ParameterError
        If there is no such position.
    """
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        raise ParameterError(
            "There is no such position on the sky.",
            found=f"ra {ra}, dec {dec}",
            expected="degrees, 0 to 360 and -90 to 90",
        )
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---SIN", "DEC--SIN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(pixels + 1) / 2] * 2
    wcs.wcs.cdelt = [-pixel / 3600, pixel / 3600]
    wcs.wcs.radesys = "ICRS"
    wcs.wcs.set()
    wcs.array_shape = (pixels, pixels)
    return wcs


def resampled(image, pixel, new_pixel, new_pixels):
    """Average an image over the pixels of another grid with the same middle and axes.

    Parameters
    ----------
    image : (N, N) array
        A brightness: its sum times the pixels' area is kept.
    pixel, new_pixel : float
        Sides of the pixels, in one unit.
    new_pixels : int
        Along a side of the new image.

    Returns
    -------
    (new_pixels, new_pixels) float64 array
        Zero outside of the image.
    """
    edges, new = (
        (np.arange(number + 1) - number / 2) * side
        for number, side in ((len(image), pixel), (new_pixels, new_pixel))
    )
    overlap = np.minimum(new[1:, None], edges[1:]) - np.maximum(new[:-1, None], edges[:-1])
    share = np.maximum(overlap, 0) / new_pixel
    return share @ np.asarray(image, float) @ share.T


def products(dataset, observation, *, ra, dec, halo=0, axis="x", seed=1):
    """Observe one halo, and return the files of its observation as they would be written.

    Images reach beyond the halo's map as far as light is spread; there is nothing but background
    and noise there.

    Parameters
    ----------
    dataset : xarray.Dataset
        Maps as of `cgmhelpers.maps.make`, without limits, with the fields of `observation`.
    observation : Observation
        Of one redshift; depth and masks aren't used.
    ra, dec : float
        Where on the sky [deg, ICRS].
    halo : int
        Position along the halo dimension.
    axis : {"x", "y", "z"}
        Line of sight.
    seed : int
        Of all that is drawn; the same seed gives the same files.

    Returns
    -------
    dict of str to tuple
        Name of the file and its HDUs, by what they are: events, and counts, exposure and background
        by the band (such as ``"counts 0.5-1"``); moment0.

    Raises
    ------
    ParameterError
        If the maps, the halo, the redshift or the position can't be observed.
    """
    redshift, last = observation.redshift
    present = [str(name) for name in dataset["field"].values]
    missing = set(observation.instruments) - set(present)
    if redshift != last or missing or dataset.attrs.get("limits", "ideal") != "ideal":
        raise ParameterError(
            "This halo can't be observed.",
            found=f"{', '.join(present)} with {dataset.attrs.get('limits', 'no')} limits, "
            f"redshifts {redshift} to {last}",
            expected=f"{', '.join(observation.instruments)} without limits, and one redshift",
        )
    if not (0 <= halo < dataset.sizes["halo"] and axis in dataset["axis"].values):
        raise ParameterError(
            "There is no such map.",
            found=f"halo {halo}, axis {axis}",
            expected=f"0 to {dataset.sizes['halo'] - 1}, and x, y or z",
        )
    one = dataset.isel(halo=halo).sel(axis=axis)
    generator = torch.Generator().manual_seed(
        int(np.random.SeedSequence(seed).generate_state(1)[0])
    )
    random = np.random.default_rng(seed)
    made = {}
    for name, instrument in observation.instruments.items():
        image, side = one["image"].sel(field=name).values, dataset.attrs["pixel_size_kpc"]
        kpc = instrument.pixel / angle(1.0, redshift, observation.distance)
        reach = instrument.psf_radius if name == "xray" else 2.5 * instrument.beam_major
        pixels = int(np.ceil(len(image) * side / kpc + 2 * reach / instrument.pixel))
        wide = torch.from_numpy(resampled(image, side, kpc, pixels))[None]
        view = View(observation, redshift, kpc, pixels, dataset.attrs.get("redshift", 0.0))
        wcs = sky_wcs(ra, dec, instrument.pixel, pixels)
        if name == "xray":
            counts = view.counts(wide, generator)[0].numpy().astype(np.int32)
            made |= _xray(instrument, counts, view.background, wcs, random)
        else:
            made |= _hi(instrument, view.columns(wide, generator)[0].numpy(), wcs, redshift)
    return made


def write(dataset, observation, folder, *, ra, dec, halo=0, axis="x", seed=1):
    """Observe one halo, and write the files of its observation.

    Parameters
    ----------
    dataset, observation
        As for `products`.
    folder : path
        For the files; those of the same names are replaced.
    ra, dec, halo, axis, seed
        As for `products`.

    Returns
    -------
    dict of str to Path
        Files by what they are, as for `products`.

    Raises
    ------
    ParameterError
        If the maps, the halo, the redshift or the position can't be observed.
    StorageError
        If the folder can't be written to.
    """
    made = products(dataset, observation, ra=ra, dec=dec, halo=halo, axis=axis, seed=seed)
    folder, written = Path(folder), {}
    for label, (file, hdus) in made.items():
        written[label] = folder / file
        with whole(written[label]) as temporary:
            fits.HDUList(hdus).writeto(temporary)
    one = dataset.isel(halo=halo)
    identity = {key: one[key].item() for key in HALO if key in one.coords}
    told = {
        "halo": identity | {"axis": axis},
        "observation": observation.model_dump(mode="json"),
        "ra": ra, "dec": dec, "seed": seed, "pixel_size_kpc": dataset.attrs["pixel_size_kpc"],
        "files": {label: path.name for label, path in written.items()},
        "cgmhelpers": __version__,
    }  # fmt: skip
    with whole(folder / DESCRIPTION) as temporary:
        temporary.write_text(json.dumps(told, indent=1) + "\n")
    return written


def bands_of(instrument):
    """Return the images that an X-ray instrument's counts are divided among.

    Parameters
    ----------
    instrument : XrayInstrument
        Of any kind.

    Returns
    -------
    dict of str to tuple of float
        Bands [keV] by the digit that stands for them in eROSITA's names. ``""`` and the whole band
        where the instrument isn't eROSITA, or its band isn't made of eROSITA's.
    """
    whole_band = (instrument.emin, instrument.emax)
    if instrument.survey:
        for code, band in BANDS.items():
            if band == whole_band:
                return {code: band}
        if whole_band == (BANDS["6"][0], BANDS["7"][1]):
            return {code: BANDS[code] for code in "67"}
    return {"": whole_band}


def _xray(instrument, counts, background, wcs, random):
    """Event list, and images for each band, by label: (file name, HDUs)."""
    y, x = np.nonzero(counts)
    each = counts[y, x]
    y, x = (np.repeat(place, each) + random.uniform(-0.5, 0.5, each.sum()) for place in (y, x))
    # As PI has them, so that the bands of the images are those of the events.
    energy = (1000 * instrument.energies(random.random(len(x)))).astype(np.float32)
    energy = np.clip(
        energy,
        1000 * instrument.emin,
        np.nextafter(np.float32(1000 * instrument.emax), np.float32(0)),
    )
    bands = bands_of(instrument)
    tile = _tile(*wcs.wcs.crval)

    def file(code, product):  # numpydoc ignore=GL08
        if "" in bands:
            return f"{instrument.name}_{tile}_{product}.fits"
        return f"{instrument.survey}_{tile}_02{code}_{product}_c010.fits"

    made = {"events": (file("0", "EventList"), _events(instrument, wcs, x, y, energy, random))}
    for code, (low, high) in bands.items():
        chosen = (energy >= 1000 * low) & (energy < 1000 * high)
        image = np.zeros(counts.shape, np.int32)
        np.add.at(image, (np.rint(y[chosen]).astype(int), np.rint(x[chosen]).astype(int)), 1)
        share = share_of(instrument, low, high)
        label = f"{low:g}-{high:g}"
        for kind, product, unit, values in (
            ("counts", "Image", "count", image),
            ("exposure", "ExposureMap", "s", np.full(counts.shape, instrument.exposure)),
            ("background", "BackgrImage", "count", np.full(counts.shape, background * share)),
        ):
            hdu = fits.PrimaryHDU(values if kind == "counts" else values.astype(np.float32))
            hdu.header.update(wcs.to_header())
            hdu.header.update(_header(instrument, unit))
            hdu.header["E_MIN"] = (low, "[keV] lower end of the band")
            hdu.header["E_MAX"] = (high, "[keV] upper end of the band")
            hdu.header["EXPOSURE"] = (instrument.exposure, "[s] corrected for vignetting")
            made[f"{kind} {label}"] = (file(code, product), [hdu])
    return made


def share_of(instrument, low, high):
    """Return the share of an instrument's photons that fall into a part of its band.

    Parameters
    ----------
    instrument : XrayInstrument
        Whose spectrum is taken.
    low, high : float
        Ends of the part [keV].

    Returns
    -------
    float
        0 to 1, to a millionth.
    """
    if (low, high) == (instrument.emin, instrument.emax):
        return 1.0
    energy = instrument.energies((np.arange(1_000_000) + 0.5) / 1_000_000)
    return float(np.mean((energy >= low) & (energy < high)))


def _events(instrument, wcs, x, y, energy, random):
    """A primary HDU, EVENTS and the good-time intervals of each camera."""
    ra, dec = wcs.wcs_pix2world(x, y, 0)
    ratio = instrument.pixel / SKY_PIXEL
    centre = wcs.wcs.crpix[0] - 1  # zero-based
    number = 2 * (centre + 0.5) * ratio  # sky pixels along a side
    reference = (number + 1) / 2
    time = np.sort(random.uniform(0, instrument.exposure, len(x)))
    columns = [
        fits.Column("TIME", "D", unit="s", array=time),
        fits.Column("RA", "D", unit="deg", array=ra),
        fits.Column("DEC", "D", unit="deg", array=dec),
        fits.Column("X", "D", unit="pixel", array=(x - centre) * ratio + reference),
        fits.Column("Y", "D", unit="pixel", array=(y - centre) * ratio + reference),
        fits.Column("PI", "E", unit="eV", array=energy),
        fits.Column("EV_WEIGHT", "E", array=np.ones(len(x))),
        fits.Column("TM_NR", "B", array=random.integers(1, CAMERAS + 1, len(x))),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="EVENTS")
    header = table.header
    header.update(_header(instrument))
    header.update(_TIME)
    header["HDUCLASS"], header["HDUCLAS1"] = "OGIP", "EVENTS"
    header["TSTART"], header["TSTOP"] = 0.0, instrument.exposure
    for axis, name in enumerate(("X", "Y")):
        column = table.columns.names.index(name) + 1
        for key, value in (
            ("TCTYP", wcs.wcs.ctype[axis]), ("TCUNI", "deg"), ("TCRVL", wcs.wcs.crval[axis]),
            ("TCRPX", reference), ("TCDLT", np.sign(wcs.wcs.cdelt[axis]) * SKY_PIXEL / 3600),
            ("TLMIN", 0.5), ("TLMAX", number + 0.5),
        ):  # fmt: skip
            header[f"{key}{column}"] = value
    header["RADESYS"] = "ICRS"
    intervals = []
    for camera in range(1, CAMERAS + 1):
        start, stop = ([one] for one in (0.0, instrument.exposure))
        gti = fits.BinTableHDU.from_columns(
            [fits.Column("START", "D", unit="s", array=start),
             fits.Column("STOP", "D", unit="s", array=stop)], name=f"GTI{camera}",
        )  # fmt: skip
        gti.header.update(_TIME | {"HDUCLASS": "OGIP", "HDUCLAS1": "GTI"})
        intervals.append(gti)
    primary = fits.PrimaryHDU()
    primary.header.update(_header(instrument))
    return [primary, table, *intervals]


def _hi(instrument, columns, wcs, redshift):
    """A moment-0 map."""
    moment = columns / instrument.column_per_jansky(redshift)
    hdu = fits.PrimaryHDU(moment.astype(np.float32))
    hdu.header.update(wcs.to_header())
    # In the standard's form: "Jy/beam*m/s", which programs write, is read as Jy/(beam m s).
    hdu.header.update(_header(instrument, "Jy beam-1 km s-1"))
    hdu.header["BTYPE"] = "Moment0"
    hdu.header["BMAJ"] = (instrument.beam_major / 3600, "[deg]")
    hdu.header["BMIN"] = (instrument.beam_minor / 3600, "[deg]")
    hdu.header["BPA"] = (instrument.beam_angle, "[deg] from north to east")
    hdu.header["RESTFRQ"] = (REST_FREQUENCY, "[Hz]")
    tile = _tile(*wcs.wcs.crval)
    return {"moment0": (f"{instrument.name}_{tile}_mom0.fits", [hdu])}


def _header(instrument, unit=None):
    telescope = {"erosita": "eROSITA", "meerkat": "MeerKAT"}.get(instrument.name.split("_")[0])
    header = fits.Header()
    header["ORIGIN"] = ("cgmhelpers", "simulated, not observed")
    header["CREATOR"] = f"cgmhelpers {__version__}"
    header["TELESCOP"] = telescope or instrument.name
    header["INSTRUME"] = "MERGED" if telescope == "eROSITA" else instrument.name
    if unit:
        header["BUNIT"] = unit
    return header


def _tile(ra, dec):
    """Six digits: right ascension, and distance from the north pole, in whole degrees."""
    return f"{int(ra) % 360:03d}{int(90 - dec):03d}"
