"""Ultraviolet background and hydrogen table: ``python -m cgmhelpers.emission.tables.uvb``.

The background is that of Haardt & Madau (2012, ApJ 746, 125); the wheel of ``temet`` has its
spectrum. From it come the photoionisation rate and the mean cross-section per redshift
(a small CSV file), and with Rahmati et al. (2013) the table of neutral fractions in the format of
Trident's ion tables.
"""

import argparse
from pathlib import Path

import astropy.constants
import astropy.units
import numpy as np
import pandas as pd

from cgmhelpers.emission import hydrogen, ionisation
from cgmhelpers.emission.tables.archives import Archive, fetch
from cgmhelpers.system import files

SPECTRUM = Archive(
    project="temet",
    # Each of its wheels has the same spectrum.
    filename="temet-0.9.2-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    sha256="25cf04fb8272d4d119953a791f21c106dd555f2a4b7e87946a284b2855c12282",
    members={
        "temet/data/haardt.madau/hm2012.uvb.txt": (
            "91380626ae343db42d4fb9d50b52cb46355fcf499efe2762c21a7d2876ab83ce"
        )
    },
)
HIGHEST_REDSHIFT = 7.0
# eV. From the threshold of hydrogen to that of He+.
IONISING = (13.6, 54.4)
# The axes of the shipped table, dex. Fine where the neutral fraction bends: across the onset of
# self-shielding in density, and of collisional ionisation in temperature.
LOG_DENSITY = ((-9.0, -5.0, 0.2), (-5.0, -0.4, 0.04), (-0.4, 4.0, 0.2))
LOG_TEMPERATURE = ((2.0, 3.8, 0.1), (3.8, 4.4, 0.02), (4.4, 5.4, 0.04), (5.4, 9.0, 0.1))
REDSHIFTS = (
    *(0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8),
    *(2.0, 2.2, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0),
)
# Decimals of log10 of a fraction in the file: 1e-4 dex are 0.02%, and compress well.
LOG_FRACTION_DECIMALS = 4
CHUNKS = (1, 16, len(REDSHIFTS), 16)


def read_spectrum(path):
    """Read the spectrum of the background.

    Parameters
    ----------
    path : path-like
        The text file of Haardt & Madau (2012).

    Returns
    -------
    redshift : (R,) array
        Redshifts.
    wavelength : (L,) array
        Rest-frame wavelength, Angstrom, not decreasing: a step is two rows of the same wavelength.
    intensity : (L, R) array
        Mean intensity J, erg/s/cm2/Hz/sr.
    """
    with open(path, encoding="ascii") as stream:
        rows = [line.split() for line in stream if not line.startswith((" #", "#"))]
    table = np.array(rows[1:], dtype=float)
    # The row of redshifts ends with a filler for the column of wavelengths.
    return np.array(rows[0][:-1], dtype=float), table[:, 0], table[:, 1:]


def cross_section(energy):
    """Return the photoionisation cross-section of neutral hydrogen.

    Verner, Ferland, Korista & Yakovlev (1996, ApJ 465, 487), Eq. 1 and Table 1.

    Parameters
    ----------
    energy : array
        Photon energy, eV.

    Returns
    -------
    array
        cm2; 0 below the threshold of 13.6 eV.
    """
    e0, sigma0, ya, exponent = 0.4298, 5.475e-14, 32.88, 2.963
    x = np.maximum(energy, IONISING[0]) / e0
    shape = (x - 1) ** 2 * x ** (exponent / 2 - 5.5) * (1 + np.sqrt(x / ya)) ** -exponent
    return np.where(energy >= IONISING[0], sigma0 * shape, 0.0)


def photoionisation(wavelength, intensity):
    """Integrate a background over the cross-section of hydrogen.

    Rahmati et al. (2013), Eqs 2 and 3: Gamma = int 4 pi J / (h nu) sigma dnu, and sigma averaged
    over the photons, between the thresholds of hydrogen and of ionised helium (`IONISING`): harder
    photons hardly ionise hydrogen, and this range reproduces their Table 2.

    Parameters
    ----------
    wavelength : (L,) array
        Angstrom, not decreasing.
    intensity : (L, R) array
        Mean intensity, erg/s/cm2/Hz/sr.

    Returns
    -------
    rate : (R,) array
        Photoionisation rate, 1/s.
    mean_cross_section : (R,) array
        cm2.
    """
    photon = astropy.constants.h * astropy.constants.c / (wavelength * astropy.units.AA)
    tabulated = photon.to_value(astropy.units.eV)[::-1]
    energy = np.geomspace(*IONISING, 20001)
    section = cross_section(energy)
    rate, photons = np.empty((2, intensity.shape[1]))
    for k, column in enumerate(intensity.T):
        # Log-log: between two rows a spectrum is nearly a power law.
        log_column = np.log(np.maximum(column[::-1], np.finfo(float).tiny))
        spectrum = np.exp(np.interp(np.log(energy), np.log(tabulated), log_column))
        # dnu / (h nu) = dln(E) / h
        flux = 4 * np.pi * spectrum / astropy.constants.h.cgs.value
        rate[k] = np.trapezoid(flux * section, np.log(energy))
        photons[k] = np.trapezoid(flux, np.log(energy))
    return rate, rate / photons


def background_table(folder=None):
    """Compute photoionisation rate and mean cross-section of the background at each redshift.

    Parameters
    ----------
    folder : path-like, optional
        Folder of the spectrum; the cache by default.

    Returns
    -------
    pandas.DataFrame
        Columns redshift, photoionisation_rate (1/s), cross_section (cm2).
    """
    redshift, wavelength, intensity = read_spectrum(fetch(SPECTRUM, folder)[0])
    rate, section = photoionisation(wavelength, intensity)
    table = pd.DataFrame(
        {"redshift": redshift, "photoionisation_rate": rate, "cross_section": section}
    )
    return table[table.redshift <= HIGHEST_REDSHIFT]


def axis(pieces):
    """Return the points of an axis whose pieces have different steps.

    Parameters
    ----------
    pieces : sequence of (start, stop, step)
        Contiguous pieces.

    Returns
    -------
    (N,) array
        Increasing points, both ends included.
    """
    points = [
        np.arange(round((stop - start) / step)) * step + start for start, stop, step in pieces
    ]
    return np.round(np.concatenate([*points, [pieces[-1][1]]]), 6)


def hydrogen_table(densities=LOG_DENSITY, temperatures=LOG_TEMPERATURE, redshifts=REDSHIFTS):
    """Compute the neutral and ionised fractions of hydrogen on a grid.

    Parameters
    ----------
    densities, temperatures : sequence of (start, stop, step), optional
        Axes of log10 hydrogen density (cm^-3) and of log10 temperature (K), see `axis`.
    redshifts : sequence of float, optional
        Redshifts.

    Returns
    -------
    log_fraction : (2, D, R, T) array
        log10 of the fractions of HI and HII.
    log_density, redshift, log_temperature : arrays
        The axes.
    """
    log_density, log_temperature = axis(densities), axis(temperatures)
    redshift = np.array(redshifts, dtype=float)
    neutral = np.stack(
        [
            ionisation.neutral_fraction_exact(
                10 ** log_density[:, None], 10 ** log_temperature[None, :], z
            )
            for z in redshift
        ],
        axis=1,
    )
    # log1p: the neutral fraction is mostly far below the spacing of floats at 1. Where all is
    # neutral, the ionised fraction is floored and not -inf.
    ionised = np.log1p(-np.minimum(neutral, 1 - 1e-12)) / np.log(10)
    return np.stack([np.log10(neutral), ionised]), log_density, redshift, log_temperature


def write_hydrogen_table(path, log_fraction, log_density, redshift, log_temperature):
    """Write the table in the format of Trident's ion tables, whole or not at all.

    Parameters
    ----------
    path : path-like
        The HDF5 file.
    log_fraction : (2, D, R, T) array
        log10 of the fractions of HI and HII.
    log_density, redshift, log_temperature : arrays
        The axes.
    """
    import h5py

    with files.whole(path) as temporary, h5py.File(temporary, "w") as file:
        table = file.create_dataset(
            "H",
            data=np.round(log_fraction, LOG_FRACTION_DECIMALS).astype(np.float32),
            chunks=tuple(np.minimum(CHUNKS, log_fraction.shape)),
            scaleoffset=LOG_FRACTION_DECIMALS,
            shuffle=True,
            compression="gzip",
            compression_opts=9,
        )
        table.attrs["Parameter1"] = log_density
        table.attrs["Parameter2"] = redshift
        table.attrs["Temperature"] = log_temperature
        file.attrs["source"] = "Rahmati+ 2013, Haardt & Madau 2012"


def main(arguments=None):
    """Write the background's rates and the hydrogen table that ship with the library.

    Parameters
    ----------
    arguments : list of str, optional
        Command line; that of the process by default.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shipped = Path(__file__).parents[1] / "data"
    parser.add_argument("--out", type=Path, default=shipped, help="folder to write into")
    parser.add_argument("--spectrum", type=Path, help="folder of the spectrum (default: cache)")
    options = parser.parse_args(arguments)
    with files.whole(options.out / ionisation.BACKGROUND_FILE) as temporary:
        background_table(options.spectrum).to_csv(temporary, index=False, float_format="%.5e")
    ionisation.background.cache_clear()
    write_hydrogen_table(options.out / hydrogen.TABLE_FILE, *hydrogen_table())


if __name__ == "__main__":
    main()
