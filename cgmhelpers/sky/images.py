"""Images of observatories say what they show: any FITS image with celestial coordinates.

`read` takes an image whose unit is known or given.
"""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy import units
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs import utils as wcs_utils

from cgmhelpers.errors import FormatError
from cgmhelpers.sky import responses

SAME_BEAM = 0.02
"""Relative difference of beams that count as equal."""


@dataclass(frozen=True)
class Image:
    """An image with what its header says.

    Attributes
    ----------
    path : Path
        Its file.
    values : (y, x) float64 array
        NaN where nothing was observed.
    wcs : astropy.wcs.WCS
        Celestial coordinates of the pixels.
    unit : str
        As in the header, or as given; "" where there is none.
    header : astropy.io.fits.Header
        Of the image.
    """

    path: Path
    values: np.ndarray
    wcs: WCS
    unit: str
    header: fits.Header

    @property
    def pixel(self):
        """Side of a square of a pixel's area [arcsec]."""
        return float(np.sqrt(wcs_utils.proj_plane_pixel_area(self.wcs))) * 3600

    def refusal(self, problem, **operands):
        """Return an error that names the file.

        Parameters
        ----------
        problem : str
            What is wrong with it.
        **operands
            As for `CGMError`.

        Returns
        -------
        FormatError
        """
        return FormatError(f"{self.path}: {problem}", **operands)


def read(path, unit=None):
    """Read an image with celestial coordinates.

    Parameters
    ----------
    path : path or str
        A FITS file, compressed or not; ``file.fits[NAME]`` or ``file.fits[2]`` takes one of its
        extensions.
    unit : str, optional
        Of the values, where the header has none or a wrong one.

    Returns
    -------
    Image
        Of the one image with celestial coordinates in the file.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    FormatError
        If it isn't FITS, or doesn't have one image with one system of coordinates.
    """
    with responses.opened(Path(str(path).partition("[")[0])) as hdus:
        return from_hdus(hdus, path, unit)


def from_hdus(hdus, path, unit=None):
    """Take the image with celestial coordinates from the HDUs of a file.

    Parameters
    ----------
    hdus : sequence of HDUs
        As astropy opens them.
    path, unit
        As for `read`.

    Returns
    -------
    Image

    Raises
    ------
    FormatError
        As for `read`.
    """
    file, _, extension = str(path).partition("[")
    extension = extension.rstrip("]")
    images = {}
    for number, hdu in enumerate(hdus):
        wanted = not extension or extension.upper() in (hdu.name, str(number))
        if wanted and getattr(hdu, "is_image", False) and hdu.data is not None:
            images[hdu.name or str(number)] = (np.array(hdu.data), hdu.header.copy())
    names = [hdu.name or str(number) for number, hdu in enumerate(hdus)]
    if not images:
        raise FormatError(
            f"{path} has no image.",
            found=f"extensions {', '.join(names)}",
            expected="a two-dimensional image",
            remedy="Bin an event list into an image first, or give it as events."
            if "EVENTS" in names
            else None,
        )
    celestial = {}
    for name, (values, header) in images.items():
        wcs = _celestial(path, header)
        if wcs is not None:
            celestial[name] = (values, wcs, header)
    if len(celestial) != 1:
        raise FormatError(
            f"{path} doesn't have one image with coordinates on the sky.",
            found=f"{', '.join(celestial) or 'none'} of the images {', '.join(images)}",
            expected="one image whose header has CTYPE1, CRVAL1, CRPIX1 and CDELT1 of a sky",
            remedy=f"Name the one to take, as in '{Path(file).name}[{next(iter(celestial))}]'."
            if celestial
            else "Write the coordinates into the header with the program that made the image.",
        )
    ((values, wcs, header),) = celestial.values()
    _add_beam(header, hdus)
    planes = values.shape[:-2]
    if values.ndim < 2 or np.prod(planes, dtype=int) != 1:
        raise FormatError(
            f"{path} holds a cube, not an image.",
            found=f"{' x '.join(map(str, values.shape))} values",
            expected="one plane",
            remedy="Sum the channels of the line into a moment-0 map, or the bands into one image.",
        )
    values = values.reshape(values.shape[-2:]).astype(float)
    values[~np.isfinite(values)] = np.nan
    found = header.get("BUNIT", "") if unit is None else unit
    return Image(Path(file), values, wcs, str(found).strip(), header)


def image_of(given, unit=None):
    """Return the image that is given, or read it.

    Parameters
    ----------
    given : Image or path
        As for `read`, if it isn't an image already.
    unit : str, optional
        That replaces the header's, for a path.

    Returns
    -------
    Image

    Raises
    ------
    DataNotFoundError, FormatError
        As `read`.
    """
    return given if isinstance(given, Image) else read(given, unit)


def path_of(given):
    """Return the file of what is given.

    Parameters
    ----------
    given : Image, path or float
        A path may name an extension in brackets.

    Returns
    -------
    Path or None
        None for a number.
    """
    if isinstance(given, int | float):
        return None
    return given.path if isinstance(given, Image) else Path(str(given).partition("[")[0])


def _add_beam(header, hdus):
    """Write the beam of CASA's table into a header without one, where all channels have the same.

    The table is an extension BEAMS with columns BMAJ, BMIN [arcsec] and BPA [deg].
    """
    tables = [one for one in hdus if one.name == "BEAMS" and hasattr(one, "columns")]
    if "BMAJ" in header or not tables:
        return
    table = tables[0]
    beams = {}
    for name, unit in (("BMAJ", "arcsec"), ("BMIN", "arcsec"), ("BPA", "deg")):
        if name not in table.columns.names or not len(table.data):
            return
        values = np.array(table.data[name], float)
        beams[name] = units.Quantity(values, table.columns[name].unit or unit).to_value("deg")
    if all(np.allclose(beams[name], beams[name][0], rtol=SAME_BEAM) for name in ("BMAJ", "BMIN")):
        header.update({name: float(np.median(values)) for name, values in beams.items()})


def _celestial(path, header):
    """Celestial part of a header's coordinates, None where it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old keywords, which astropy mends
        try:
            systems = [WCS(header, key=key).celestial for key in _keys(header)]
        except Exception as error:  # wcslib raises many kinds
            raise FormatError(
                f"{path} has coordinates that can't be understood.",
                found=" ".join(str(error).split()),
                expected="coordinates by the FITS standard",
                remedy="Mend the header with the program that made the image.",
            ) from error
        systems = [one for one in systems if one.has_celestial]
        if not systems:
            return None
        first, *others = systems
        middle = [header["NAXIS1"] / 2, header["NAXIS2"] / 2]
        place = first.pixel_to_world(*middle)
        for other in others:
            apart = other.pixel_to_world(*middle).separation(place).arcsec
            if not apart < np.sqrt(wcs_utils.proj_plane_pixel_area(first)) * 3600:
                raise FormatError(
                    f"{path} has two systems of coordinates that contradict each other.",
                    found=f"middles {apart:.0f} arcsec apart",
                    expected="one, or several that agree",
                    remedy="Delete the wrong one from the header.",
                )
    return first


def _keys(header):
    """Letters of the systems of coordinates of a header, the first one blank."""
    letters = {
        match[1] for match in (re.fullmatch(r"CTYPE1([A-Z]?)", key) for key in header) if match
    }
    return [letter or " " for letter in sorted(letters)]
