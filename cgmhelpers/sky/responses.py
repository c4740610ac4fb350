"""What instruments do to light: absorption on the way, effective areas, point-spread functions.

Plain functions and the calibration files that they read; instruments put them to use.
"""

import functools
import gzip
import io
import re
import warnings
from pathlib import Path

import astropy.units
import numpy as np
from astropy.io import fits
from scipy import ndimage

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError

ENERGIES = 4000
"""Steps of the integrals over a band."""
GAUSSIAN_FWHM = float(np.sqrt(8 * np.log(2)))
"""Full width at half maximum of a Gaussian over its standard deviation."""


class opened:  # a context manager that reads like a function
    """Open a FITS file whatever state it is in.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    FormatError
        If it isn't a whole FITS file.
    """

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        """Return astropy's list of HDUs, all of them read."""
        if not Path(self.path).is_file():
            raise DataNotFoundError(f"There is no file {self.path}.", expected="a FITS file")
        try:
            # From memory: astropy leaves files open that it can't read.
            with warnings.catch_warnings():
                warnings.simplefilter("error", fits.verify.VerifyWarning)
                warnings.filterwarnings("error", "File may have been truncated")
                # Common in radio images, and without effect.
                warnings.filterwarnings("ignore", "(?s)Invalid 'BLANK' keyword")
                self.hdus = fits.open(self._content(), memmap=False, lazy_load_hdus=False)
                for hdu in self.hdus:
                    hdu.data  # noqa: B018 (read now: what is damaged shows here)
        except Exception as error:  # astropy raises many kinds on damaged files
            raise FormatError(
                f"{self.path} can't be read as FITS.",
                found=f"{type(error).__name__}: {error}",
                expected="a whole FITS file",
                remedy="Copy it again.",
            ) from error
        return self.hdus

    def _content(self):
        content = Path(self.path).read_bytes()
        return io.BytesIO(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)

    def __exit__(self, *exception):
        """Close it."""
        self.hdus.close()


# Morrison & McCammon (1983, ApJ 270, 119), Table 2: upper energies [keV], and coefficients of the
# cross section per hydrogen atom, (c0 + c1 E + c2 E^2) E^-3 1e-24 cm2.
_ABSORPTION = np.array(
    [
        (0.100, 17.3, 608.1, -2150.0),
        (0.284, 34.6, 267.9, -476.1),
        (0.400, 78.1, 18.8, 4.3),
        (0.532, 71.4, 66.8, -51.4),
        (0.707, 95.5, 145.8, -61.1),
        (0.867, 308.9, -380.6, 294.0),
        (1.303, 120.6, 169.3, -47.7),
        (1.840, 141.3, 146.8, -31.5),
        (2.471, 202.7, 104.7, -17.0),
        (3.210, 342.7, 18.7, 0.0),
        (4.038, 352.2, 18.7, 0.0),
        (7.111, 433.9, -2.4, 0.75),
        (8.331, 629.0, 30.9, 0.0),
        (10.00, 701.2, 25.2, 0.0),
    ]
)


def transmission(energy, column_density):
    """Return the share of photons that passes the gas of the Galaxy.

    Morrison & McCammon (1983, ApJ 270, 119), as XSPEC's ``wabs``.

    Parameters
    ----------
    energy : (N,) array
        [keV], 0.03 to 10.
    column_density : float
        Hydrogen [cm-2].

    Returns
    -------
    (N,) float64 array
        0 to 1.

    Raises
    ------
    ParameterError
        If an energy is outside the table.
    """
    energy = np.asarray(energy, float)
    if energy.size and not 0.03 <= energy.min() <= energy.max() <= _ABSORPTION[-1, 0]:
        raise ParameterError(
            "The absorption isn't tabulated at these energies.",
            found=f"{energy.min():g}-{energy.max():g} keV",
            expected="0.03-10 keV",
        )
    rows = _ABSORPTION[np.searchsorted(_ABSORPTION[:, 0], energy)]
    cross_section = (rows[..., 1] + rows[..., 2] * energy + rows[..., 3] * energy**2) / energy**3
    return np.exp(-1e-24 * cross_section * column_density)


@functools.lru_cache(maxsize=64)
def spectrum(path, index, emin, emax):
    """Return a spectrum in steps over a band.

    Parameters
    ----------
    path : path or None
        Two columns of text, keV and photons per keV; None for a power law.
    index : float
        Photon index of the power law.
    emin, emax : float
        Band [keV].

    Returns
    -------
    energy, photons : (N,) float64 arrays
        Middles of the steps [keV], and photons per keV in any normalisation.

    Raises
    ------
    FormatError
        If the file isn't a spectrum, or doesn't cover the band.
    """
    edges = np.linspace(emin, emax, ENERGIES + 1)
    energy = (edges[1:] + edges[:-1]) / 2
    if path is None:
        return energy, energy**-index
    try:
        given = np.loadtxt(path, ndmin=2)
        places, photons = given[:, 0], given[:, 1]
        if (np.diff(places) <= 0).any() or (photons < 0).any() or not np.isfinite(given).all():
            raise ValueError("energies must increase, and photons be positive")
        if places[0] > emin or places[-1] < emax:
            raise ValueError(f"it covers {places[0]:g}-{places[-1]:g} keV")
    except (OSError, ValueError, IndexError) as error:
        raise FormatError(
            f"{path} isn't a spectrum.",
            found=error,
            expected=f"two columns, keV and photons per keV, over {emin:g}-{emax:g} keV",
        ) from error
    return energy, np.interp(energy, places, photons)


def effective_area(path, energy):
    """Read an effective area from an OGIP ARF.

    Parameters
    ----------
    path : path
        A FITS file with a table SPECRESP (columns ENERG_LO, ENERG_HI, SPECRESP).
    energy : (N,) array
        Where [keV].

    Returns
    -------
    (N,) float64 array
        [cm2].

    Raises
    ------
    DataNotFoundError, FormatError
        If there is no such file, it isn't an ARF, or it doesn't cover the energies.
    """
    with opened(path) as hdus:
        tables = [one for one in hdus if isinstance(one, fits.BinTableHDU)]
        tables = [one for one in tables if "SPECRESP" in one.columns.names]
        try:
            (table,) = tables
            low, high = (
                _column(table, name, "keV", default="keV") for name in ("ENERG_LO", "ENERG_HI")
            )
            area = _column(table, "SPECRESP", "cm2", default="cm2")
            if not (np.isfinite(area).all() and (area >= 0).all() and (np.diff(low) > 0).all()):
                raise ValueError("areas must be positive, and energies increase")
        except (KeyError, ValueError, TypeError) as error:
            raise FormatError(
                f"{path} isn't an ARF.",
                found=error if tables else [one.name for one in hdus],
                expected="one table with ENERG_LO, ENERG_HI and SPECRESP",
            ) from error
    if energy[0] < low[0] or energy[-1] > high[-1]:
        raise FormatError(
            f"{path} doesn't cover the band.",
            found=f"{low[0]:g}-{high[-1]:g} keV",
            expected=f"{energy[0]:g}-{energy[-1]:g} keV",
        )
    return area[np.searchsorted(low, energy, side="right") - 1]


def _column(table, name, unit, default):
    column = table.columns[name]
    given = astropy.units.Unit(column.unit or default)
    return np.asarray(table.data[name], float) * given.to(unit)


def read_psf(path, energy):
    """Read a point-spread function from an OGIP PSF file.

    Parameters
    ----------
    path : path
        A FITS file with images of class PSF (George & Yusaf 1995, CAL/GEN/92-027), such as those
        of eROSITA's and XMM-Newton's calibration.
    energy : float
        The image of the nearest energy is taken, on axis where there are several angles [keV].

    Returns
    -------
    callable
        ``profile(y, x)``: light per area at offsets in arcsec, about the image's centroid.
    width : float
        Side of the image's pixels [arcsec].

    Raises
    ------
    DataNotFoundError, FormatError
        If there is no such file, or it has no such image.
    """
    with opened(path) as hdus:
        images = [one for one in hdus if one.data is not None and getattr(one, "is_image", False)]
        images = [one for one in images if one.header.get("HDUCLAS2", "PSF") == "PSF"]
        images = [one for one in images if one.data.ndim == 2]
        if not images:
            raise FormatError(
                f"{path} has no PSF image.",
                found=[one.name for one in hdus],
                expected="an image with HDUCLAS2 = PSF",
            )
        chosen = min(images, key=lambda one: _distance(one.header, energy))
        image, header = np.asarray(chosen.data, float), chosen.header
    unit = header.get("CUNIT1", "arcsec")
    try:
        pixel = abs(header["CDELT1"]) * astropy.units.Unit(unit).to("arcsec")
        if not (np.isfinite(image).all() and image.min() >= 0 < image.sum() and pixel > 0):
            raise ValueError("light must be positive and finite")
    except (KeyError, ValueError, TypeError) as error:
        raise FormatError(
            f"{path} isn't a PSF image.",
            found=f"CDELT1 in {unit}: {error}",
            expected="CDELT1 as an angle, and light that is positive",
        ) from error
    centre = ndimage.center_of_mass(image)

    def profile(y, x):  # numpydoc ignore=GL08
        places = [centre[0] + y / pixel, centre[1] + x / pixel]
        return ndimage.map_coordinates(image, np.broadcast_arrays(*places), order=1, cval=0.0)

    return profile, pixel


def _distance(header, energy):
    """How far a PSF image is from an energy [keV], then from the axis [arcmin]."""
    name = re.match(r"(\d+)EV_(\d+)ARCMIN", str(header.get("EXTNAME", "")).upper())
    electronvolt, angle = map(float, name.groups()) if name else (np.inf, 0.0)
    return abs(electronvolt / 1000 - energy), angle


@functools.lru_cache(maxsize=64)
def king_core(hew, slope, radius):
    """Return the core radius of a King profile, (1 + r2/c2) ** -slope.

    Parameters
    ----------
    hew : float
        Its half-energy width.
    slope : float
        Its slope, above 1.
    radius : float
        Where it ends.

    Returns
    -------
    float
        c, in the unit of both.

    Raises
    ------
    ParameterError
        If there is no such profile.
    """
    from scipy.optimize import brentq

    def excess(core):  # numpydoc ignore=GL08
        light = [1 - (1 + (r / core) ** 2) ** (1 - slope) for r in (hew / 2, radius)]
        return light[0] / light[1] - 0.5

    try:
        return brentq(excess, 1e-3 * hew, 1e3 * hew)
    except ValueError:
        raise ParameterError(
            "No King profile has this half-energy width.",
            found=f"hew {hew} arcsec, slope {slope}, radius {radius} arcsec",
            expected="a half-energy width well within the radius",
        ) from None


def pixelised(profile, pixel, radius, width):
    """Return the shares of a pixel's light that a point-spread function puts into its neighbours.

    Light is uniform over the pixel that it comes from and summed over those that it goes to, so
    the profile is convolved with the pixel twice, which along each axis is a triangle.

    Parameters
    ----------
    profile : callable
        ``profile(y, x)`` at offsets in arcsec.
    pixel : float
        Side of a pixel [arcsec].
    radius : float
        Where the profile ends [arcsec].
    width : float
        Scale over which it changes [arcsec]; it is sampled eight times finer,
        and pixels at least four times.

    Returns
    -------
    (2 r + 1, 2 r + 1) float64 array
        Along y and x; the sum is 1.
    """
    fine = max(4, int(np.ceil(8 * pixel / width)))
    reach = int(np.ceil(radius / pixel)) + 1
    place = np.arange(-reach * fine, reach * fine + 1) * pixel / fine
    light = profile(place[:, None], place[None, :])
    triangle = 1 - np.abs(np.arange(-fine + 1, fine)) / fine
    for axis in (0, 1):
        light = ndimage.convolve1d(light, triangle, axis=axis, mode="constant")
    kernel = light[::fine, ::fine]
    return kernel / kernel.sum()
