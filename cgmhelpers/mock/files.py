"""HDF5 files of the mock: headers, units, whole files only."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from cgmhelpers.errors import check_known
from cgmhelpers.halos.cosmology import CV, Volume
from cgmhelpers.system.files import whole

UNIT_LENGTH = 3.085678e21
"""Units of CAMELS files, which are kpc/h, 10^10 Msun/h and km/s."""
UNIT_MASS = 1.989e43
UNIT_VELOCITY = 1e5
MOCK = "cgmhelpers.mock: a statistical mock, not a simulation"
DIALECTS = {
    "IllustrisTNG": np.float64,
    "SIMBA": np.float32,
    "Astrid": np.float64,
    "Swift-EAGLE": np.float64,
    "Ramses": np.float32,
}
"""Type of ``Coordinates`` in each dialect."""


@dataclass(frozen=True)
class SnapshotHeader:
    """Box, time and cosmology of a snapshot, in CAMELS' usual units.

    Attributes
    ----------
    box_size : float
        Side of the volume, physical [kpc].
    redshift : float
    hubble, omega_matter, omega_lambda, omega_baryon : float
    mock : str
        Written to the attribute ``Mock``, which no simulation code writes; empty: not written.
    settings : str
        Written to the attribute ``MockSettings`` when not empty.
    """

    box_size: float = Volume().box_size
    redshift: float = 0.0
    hubble: float = CV.hubble
    omega_matter: float = CV.omega_matter
    omega_lambda: float = 1 - CV.omega_matter
    omega_baryon: float = CV.omega_baryon
    mock: str = MOCK
    settings: str = ""

    @classmethod
    def of(cls, volume, **others):
        """Make the header of a box.

        Parameters
        ----------
        volume : Volume
            The box.
        **others
            ``mock`` and ``settings``.

        Returns
        -------
        SnapshotHeader
        """
        cosmology = volume.cosmology
        return cls(
            box_size=volume.box_size,
            redshift=volume.redshift,
            hubble=cosmology.hubble,
            omega_matter=cosmology.omega_matter,
            omega_lambda=1 - cosmology.omega_matter,
            omega_baryon=cosmology.omega_baryon,
            **others,
        )

    @property
    def scale_factor(self):
        """1 / (1 + z)."""
        return 1 / (1 + self.redshift)

    @property
    def length(self):
        """Code lengths (ckpc/h) per physical kpc."""
        from astropy import constants

        return self.hubble / self.scale_factor * constants.kpc.cgs.value / UNIT_LENGTH

    @property
    def mass(self):
        """Code masses (10^10 Msun/h) per Msun."""
        from astropy import constants

        return self.hubble * constants.M_sun.cgs.value / UNIT_MASS

    @property
    def density(self):
        """Code densities per g/cm^3."""
        return self.hubble / UNIT_MASS / (self.hubble / self.scale_factor / UNIT_LENGTH) ** 3

    @property
    def velocity(self):
        """Code velocities per peculiar km/s."""
        return 1 / np.sqrt(self.scale_factor)

    @property
    def specific_energy(self):
        """Code energies per (km/s)^2."""
        return 1.0

    @property
    def rate(self):
        """Code star-formation rates per Msun/yr."""
        return 1.0


@contextmanager
def whole_file(path):
    """Open an HDF5 file for writing under a temporary name and rename it when it is whole.

    Parameters
    ----------
    path : path-like
        The file.

    Yields
    ------
    h5py.File
    """
    import h5py

    with whole(path) as temporary, h5py.File(temporary, "w") as file:
        yield file


def write_attributes(group, attributes, arrays):
    """Write attributes of a header.

    Parameters
    ----------
    group : h5py.Group
        Group that gets them.
    attributes : dict
        Names and values.
    arrays : bool
        Whether numbers become arrays of length 1, as Astrid's files have them.
    """
    for name, value in attributes.items():
        if arrays and not isinstance(value, str):
            value = np.atleast_1d(value)
        group.attrs[name] = value


def check_dialect(dialect):
    """Refuse a dialect that the mock doesn't know.

    Parameters
    ----------
    dialect : str
        Name of a suite.

    Raises
    ------
    ParameterError
        If it is none of `DIALECTS`.
    """
    check_known(dialect, DIALECTS, "The mock has no suite of this name.")


def read_settings(path):
    """Return the settings with which the mock wrote a file; empty if it has none.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    str
    """
    return _attribute(path, "MockSettings")


def is_whole(path, settings):
    """Tell whether a file exists that was written with the same settings.

    Parameters
    ----------
    path : path-like
        The file.
    settings : str
        The settings, as text.

    Returns
    -------
    bool
    """
    return read_settings(path) == settings


def is_mock(path):
    """Tell whether a file says that the mock wrote it.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    bool
        False also if it isn't a readable HDF5 file.
    """
    return bool(_attribute(path, "Mock"))


def _attribute(path, name):
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return str(file["Header"].attrs.get(name, ""))
    except (OSError, KeyError):
        return ""
