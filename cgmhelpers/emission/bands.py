"""X-ray bands: shipped with the library, cached, or folded from the APEC spectra."""

import functools
from importlib.resources import files

from cgmhelpers.emission.xray import check_limits


def load_band(emin, emax):
    """Return the emission of hot gas in a band.

    Tables of the paper's band and of the O VII-O VIII lines (0.55-0.68 keV) ship with the
    library. Any other band is folded from the APEC spectra, which are fetched once (36 MB), and is
    kept in the cache folder (``$CGM_CACHE``, or the user's cache).

    Parameters
    ----------
    emin, emax : float
        Edges of the band in the rest frame of the gas, keV.

    Returns
    -------
    Band
        The band, shared between callers.

    Raises
    ------
    ParameterError
        If the band is empty or not positive.
    DataNotFoundError
        If the band must be folded and the APEC files can't be fetched.
    """
    check_limits(emin, emax)
    return _load_band(float(emin), float(emax))


@functools.lru_cache(maxsize=32)
def _load_band(emin, emax):
    from cgmhelpers.emission import xray
    from cgmhelpers.system.files import cache_folder

    shipped = files("cgmhelpers.emission") / "data" / xray.filename(emin, emax)
    if shipped.is_file():
        return xray.read(shipped)
    cached = cache_folder() / "bands" / xray.filename(emin, emax)
    if not cached.is_file():
        from cgmhelpers.emission.tables import apec

        xray.write(apec.fold(emin, emax), cached)
    return xray.read(cached)
