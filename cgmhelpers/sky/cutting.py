"""Point sources, regions and masks are cut out of the frame of a network."""

import warnings
from pathlib import Path

import numpy as np
from astropy import units
from astropy.io import fits

from cgmhelpers.errors import CGMError, DataNotFoundError, FormatError
from cgmhelpers.sky import responses
from cgmhelpers.sky.frames import observed, pixel_side
from cgmhelpers.sky.images import Image, read


def cut_out(paths, frame, image, radius):
    """Tell which pixels of a frame regions, catalogues and masks take out.

    Parameters
    ----------
    paths : sequence of path
        Region files of DS9 or CASA, whose regions are all cut out, with or without a minus sign;
        tables (FITS, CSV, ECSV) of point sources with columns RA and DEC in degrees and, perhaps,
        RADIUS in arcsec; or FITS images that are 0 where pixels aren't used, as eROSITA's
        detection masks.
    frame : astropy.wcs.WCS
        From `cgmhelpers.sky.files.sky_wcs`.
    image : Image
        Whose pixels region files in image coordinates mean.
    radius : float
        Of sources without a radius [arcsec].

    Returns
    -------
    (y, x) bool array
        Whether a pixel's middle is cut out.

    Raises
    ------
    DataNotFoundError
        If a file isn't there.
    FormatError
        If a file is none of these.
    """
    pixels = frame.array_shape[0]
    mask = np.zeros((pixels, pixels), bool)
    for path in map(Path, paths):
        if not path.is_file():
            raise DataNotFoundError(f"There is no file {path}.", expected="regions or sources")
        try:
            mask |= (
                _regions(path, frame, image, radius)
                if _is_text(path)
                else _fits(path, frame, radius)
            )
        except CGMError:
            raise
        except Exception as error:  # parsers raise many kinds
            raise FormatError(
                f"{path} can't be read as regions.",
                found=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
                expected="a region file of DS9 or CASA, a table with RA and DEC, or a mask",
            ) from error
    return mask


def _is_text(path):
    with open(path, "rb") as stream:
        head = stream.read(9)
    return not (head.startswith(b"SIMPLE  =") or head[:2] == b"\x1f\x8b")


def _fits(path, frame, radius):
    """Pixels taken out by a mask image or a table in a FITS file."""
    from astropy.table import Table

    with responses.opened(path) as hdus:
        tables = [one for one in hdus if isinstance(one, fits.BinTableHDU)]
        tables = [
            Table.read(one)
            for one in tables
            if {"RA", "DEC"} <= {n.upper() for n in one.columns.names}
        ]
    if tables:
        return _discs(tables[0], frame, radius)
    image = read(path)
    unused = Image(
        image.path, np.where(image.values == 0, 1.0, np.nan), image.wcs, "", image.header
    )
    return observed(unused, frame)


def _regions(path, frame, image, radius):
    """Pixels taken out by a region file or a table in a text file."""
    import regions
    from astropy.table import Table

    text = path.read_text(encoding="utf-8")
    if path.suffix.lower() in (".csv", ".ecsv"):
        form = "ascii.ecsv" if text.startswith("# %ECSV") else "ascii.csv"
        return _discs(Table.read(path, format=form), frame, radius)
    form = "crtf" if text.startswith("#CRTF") else "ds9"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a shape that is left out is a source that stays
        found = regions.Regions.parse(text, format=form)
    if not found:
        raise ValueError("no region in it")
    mask = np.zeros(frame.array_shape, bool)
    y, x = np.indices(mask.shape)
    for one in found:
        if isinstance(one, regions.PixelRegion):
            one = one.to_sky(image.wcs)
        if isinstance(one, regions.PointSkyRegion):
            one = regions.CircleSkyRegion(one.center, radius * units.arcsec)
        one = one.to_pixel(frame)
        one.meta.pop("include", None)
        mask |= one.contains(regions.PixCoord(x, y))
    return mask


def _discs(table, frame, radius):
    """Pixels within discs around the sources of a table."""
    columns = {name.upper(): name for name in table.colnames}
    ra, dec = (units.Quantity(table[columns[name]], "deg").value for name in ("RA", "DEC"))
    radii = np.full(len(ra), float(radius))
    if "RADIUS" in columns:
        radii = units.Quantity(table[columns["RADIUS"]], "arcsec").value
    pixels = frame.array_shape[0]
    mask = np.zeros((pixels, pixels), bool)
    x, y = frame.wcs_world2pix(ra, dec, 0)
    place = np.arange(pixels)
    for one_x, one_y, one in zip(x, y, radii / pixel_side(frame), strict=True):
        if np.isfinite(one_x + one_y):
            mask |= (place - one_x) ** 2 + (place[:, None] - one_y) ** 2 < one**2
    return mask
