"""Cosmologies of CAMELS' boxes, and the statistics of their halos from Colossus."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.system import files

SCALE_FACTORS = (
    0.0625423207, 0.0697435265, 0.0770403364, 0.0819350757, 0.0871408012, 0.0935597132,
    0.0999766069, 0.10532572, 0.110961031, 0.116345263, 0.121414094, 0.126703761, 0.132223883,
    0.137332233, 0.142637941, 0.14814863, 0.153872219, 0.160575993, 0.166779702, 0.172404243,
    0.178218468, 0.183357906, 0.188645553, 0.194085686, 0.1996827, 0.20544112, 0.2113656,
    0.216432969, 0.222674431, 0.229095883, 0.235702516, 0.24249967, 0.249492839, 0.256687676,
    0.262841616, 0.269143094, 0.275595646, 0.282202894, 0.288968547, 0.295896403, 0.30299035,
    0.31025437, 0.317692541, 0.325309039, 0.333108137, 0.341094214, 0.349271753, 0.357645343,
    0.366219686, 0.374999594, 0.383989995, 0.393195935, 0.402622583, 0.412275229, 0.422159292,
    0.434333459, 0.442643994, 0.455408895, 0.466327063, 0.477506988, 0.488954945, 0.50067736,
    0.512680813, 0.524972043, 0.537557948, 0.550445592, 0.56364221, 0.57715521, 0.590992177,
    0.605160876, 0.619669262, 0.634525479, 0.649737864, 0.665314958, 0.681265504, 0.697598455,
    0.714322979, 0.731448464, 0.748984523, 0.770583627, 0.789057929, 0.807975142, 0.827345884,
    0.847181028, 0.867491709, 0.888289327, 0.909585556, 0.93139235, 0.953721949, 0.976586888,
    1.0,
)  # fmt: skip
"""Scale factors of CAMELS' 91 snapshots, from ``times_extended.txt`` of its documentation."""


def snapshot_redshift(number):
    """Return the redshift of one of CAMELS' 91 snapshots.

    Parameters
    ----------
    number : int
        From 0 to 90, which is z = 0.

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        If CAMELS has no such snapshot.
    """
    if number not in range(len(SCALE_FACTORS)):
        raise ParameterError(
            "CAMELS has no such snapshot.",
            found=number,
            expected=f"a whole number from 0 (z = 15) to {len(SCALE_FACTORS) - 1} (z = 0)",
        )
    return 1 / SCALE_FACTORS[number] - 1


@dataclass(frozen=True)
class Cosmology:
    """A flat cosmology; the defaults are those of the CV set.

    Attributes
    ----------
    hubble : float
        H0 over 100 km/s/Mpc.
    omega_matter, omega_baryon : float
        Density of all matter and of the baryons over the critical density, today.
    sigma_8, spectral_index : float
        Amplitude and slope of the linear power spectrum.
    """

    hubble: float = 0.6711
    omega_matter: float = 0.3
    omega_baryon: float = 0.049
    sigma_8: float = 0.8
    spectral_index: float = 0.9624

    @property
    def baryon_fraction(self):
        """Return the cosmic mean mass of baryons over that of all matter."""
        return self.omega_baryon / self.omega_matter

    def expansion(self, redshift):
        """Return H(z) / H0.

        Parameters
        ----------
        redshift : float
            Redshift.

        Returns
        -------
        float
        """
        return float(np.sqrt(self.omega_matter * (1 + redshift) ** 3 + (1 - self.omega_matter)))

    def critical_density(self, redshift=0.0):
        """Return the critical density [Msun/kpc^3, physical].

        Parameters
        ----------
        redshift : float
            Redshift.

        Returns
        -------
        float
        """
        from astropy import constants, units

        rate = 100 * self.hubble * units.km / units.s / units.Mpc
        density = 3 * rate**2 / (8 * np.pi * constants.G)
        return float(density.to_value(units.Msun / units.kpc**3)) * self.expansion(redshift) ** 2


CV = Cosmology()
"""Cosmology of the CV set."""


@dataclass(frozen=True)
class Volume:
    """A periodic box at one time.

    Attributes
    ----------
    cosmology : Cosmology
        Cosmology of the box.
    redshift : float
        Redshift of the box.
    side : float
        Side of the box [comoving Mpc/h].
    """

    cosmology: Cosmology = CV
    redshift: float = 0.0
    side: float = 25.0

    @property
    def scale_factor(self):
        """Return 1 / (1 + z)."""
        return 1 / (1 + self.redshift)

    @property
    def box_size(self):
        """Return the side of the box [kpc, physical]."""
        return self._comoving_side * self.scale_factor

    @property
    def _comoving_side(self):
        return self.side * 1000 / self.cosmology.hubble

    def critical_density(self):
        """Return the critical density at this time [Msun/kpc^3, physical]."""
        return self.cosmology.critical_density(self.redshift)

    def matter_density(self, omega):
        """Return the mean density of a kind of matter.

        Parameters
        ----------
        omega : float
            Its share of the critical density today, such as ``cosmology.omega_baryon``.

        Returns
        -------
        float
            Msun/kpc^3, physical.
        """
        return omega * self.cosmology.critical_density() * (1 + self.redshift) ** 3

    def matter_mass(self, omega):
        """Return the mass of a kind of matter in the box [Msun].

        Parameters
        ----------
        omega : float
            As in `matter_density`.

        Returns
        -------
        float
        """
        return omega * self.cosmology.critical_density() * self._comoving_side**3

    def virial_radius(self, mass):
        """Return R200c of halos of a mass M200c.

        Parameters
        ----------
        mass : array
            [Msun].

        Returns
        -------
        array
            [kpc, physical].
        """
        return np.cbrt(3 * mass / (4 * np.pi * 200 * self.critical_density()))

    def flow_rate(self):
        """Return the peculiar velocity per displacement of linear theory, H f [km/s/kpc]."""
        growing = self.cosmology.omega_matter * (1 + self.redshift) ** 3
        growth_rate = (growing / self.cosmology.expansion(self.redshift) ** 2) ** 0.55
        hubble_rate = growth_rate * 100 * self.cosmology.hubble / 1000
        return hubble_rate * self.cosmology.expansion(self.redshift)

    def halo_number(self, log_mass):
        """Return the expected number of halos in the box, per natural logarithm of mass.

        Parameters
        ----------
        log_mass : array (N,)
            log10 M200c [Msun].

        Returns
        -------
        array (N,)
            dN/dlnM for M200c (Bocquet et al. 2016, MNRAS 456, 2361), fitted to dark matter alone:
            it doesn't include the mass that feedback removes, which depends on the suite.
        """
        from colossus.lss import mass_function

        hubble = self.cosmology.hubble
        with colossus_cosmology(self.cosmology):
            density = mass_function.massFunction(
                10**log_mass * hubble,
                self.redshift,
                mdef="200c",
                model="bocquet16",
                q_in="M",
                q_out="dndlnM",
                hydro=False,
            )
        return density * (self._comoving_side * hubble / 1000) ** 3

    def median_concentration(self, mass):
        """Return the median NFW concentration c200c (Diemer & Joyce 2019, ApJ 871, 168).

        Parameters
        ----------
        mass : array (N,)
            M200c [Msun].

        Returns
        -------
        array (N,)
        """
        from colossus.halo import concentration

        with colossus_cosmology(self.cosmology):
            grid = np.logspace(9, 15.5, 40)
            value = concentration.concentration(
                grid * self.cosmology.hubble, "200c", self.redshift, model="diemer19"
            )
        return np.interp(np.log10(mass), np.log10(grid), value)

    def power_spectrum(self, wavenumber):
        """Return the linear matter power spectrum.

        Parameters
        ----------
        wavenumber : array
            [1/kpc, physical].

        Returns
        -------
        array
            Power [kpc^3, physical].
        """
        hubble = self.cosmology.hubble
        comoving = wavenumber * self.scale_factor
        with colossus_cosmology(self.cosmology) as current:
            power = current.matterPowerSpectrum(
                np.maximum(comoving, 1e-12) * 1000 / hubble, self.redshift
            )
        return power * (1000 * hubble) ** 3 / hubble**6 * self.scale_factor**3


def gravitational_constant() -> float:
    """Return Newton's constant [kpc (km/s)^2 / Msun]."""
    from astropy import constants, units

    return float(constants.G.to_value(units.kpc * units.km**2 / units.s**2 / units.Msun))


@contextmanager
def colossus_cosmology(parameters=CV):
    """Set a cosmology in Colossus inside a ``with`` block, and restore its state.

    Parameters
    ----------
    parameters : Cosmology
        The cosmology.

    Yields
    ------
    colossus.cosmology.cosmology.Cosmology
    """
    from colossus import settings
    from colossus.cosmology import cosmology

    # Its models of concentrations keep tables on disk, in HOME by default.
    settings.BASE_DIR = str(files.scratch_folder())
    former = cosmology.current_cosmo
    current = cosmology.Cosmology(
        name="CAMELS",
        flat=True,
        H0=100 * parameters.hubble,
        Om0=parameters.omega_matter,
        Ob0=parameters.omega_baryon,
        sigma8=parameters.sigma_8,
        ns=parameters.spectral_index,
        persistence="",  # each realisation of LH has a cosmology of its own
    )
    cosmology.setCurrent(current)
    try:
        yield current
    finally:
        cosmology.current_cosmo = former
