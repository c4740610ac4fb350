"""The feedback models of the mock suites, as one table of numbers.

Each number sequence is given at the halo masses of `LOG_MASS` and interpolated between them. The
trends of three suites follow Fig. 1 of Gluck et al. (2024): the order Astrid > IllustrisTNG >
SIMBA, the dip of IllustrisTNG's gas fraction near 10^12.4 Msun, and who scatters most. The gas
fraction of Swift-EAGLE rises with mass all along (as in Davies et al. 2019, MNRAS 485, 3783); that
of Ramses has no model. The numbers themselves are ours: a mock predicts nothing.
"""

from dataclasses import dataclass

import numpy as np

MAXIMUM_FRACTION = 0.19
"""No halo keeps more gas than this, over the halo mass, in CAMELS' fiducial cosmology (the cosmic
baryon fraction is 0.163 there)."""
LOG_MASS = (10.5, 11.5, 11.8, 12.1, 12.4, 12.8, 13.2, 14.3)
"""log10 of the halo mass [Msun] at which the tables are given."""


@dataclass(frozen=True)
class FeedbackModel:
    """Effects of a suite's galaxy formation model on the gas of its halos.

    Attributes
    ----------
    suite : str
        Name of the suite.
    cgm_fraction : tuple of float
        Median mass of gas that does not form stars inside R200c, over the halo mass.
    cgm_scatter : tuple of float
        Scatter of it [dex].
    metallicity, metallicity_scatter : tuple of float
        Median log10 mass fraction of metals in that gas, and its scatter [dex].
    cool_fraction : tuple of float
        Median fraction of that gas in clouds, satellites and outer discs at 10^4 K.
    cool_scatter : float
        Scatter of its logit.
    star_fraction : tuple of float
        Stellar mass over halo mass.
    disc_fraction : tuple of float
        Star-forming gas over halo mass.
    thermal_support : tuple of float
        Thermal share of the pressure that balances gravity.
    core_radius : float
        Core of the hot atmosphere over R200c.
    core_response, heat_response, metal_response, cool_response : float
        Answers to one standard deviation of feedback activity: growth of the core [dex], heating
        [dex], enrichment [dex], loss of cool gas [logit].
    bubble_radius : float
        Radius of the pair of cavities over R200c at an activity of one.
    wind_temperature : float
        log10 of the temperature of the galaxy's hot wind [K].
    outflow_speed : float
        Speed of the polar outflow over the circular velocity.
    web_heating : float
        Heating of the gas around the halos at high density [dex].
    photoionisation : float
        Hydrogen photoionisation rate of the code's ultraviolet background at z = 0 [1/s].
    """

    suite: str
    cgm_fraction: tuple[float, ...]
    cgm_scatter: tuple[float, ...]
    metallicity: tuple[float, ...]
    metallicity_scatter: tuple[float, ...]
    cool_fraction: tuple[float, ...]
    cool_scatter: float
    star_fraction: tuple[float, ...]
    disc_fraction: tuple[float, ...]
    thermal_support: tuple[float, ...]
    core_radius: float
    core_response: float
    heat_response: float
    metal_response: float
    cool_response: float
    bubble_radius: float
    wind_temperature: float
    outflow_speed: float
    web_heating: float
    photoionisation: float

    def at(self, name, mass):
        """Interpolate one row of the table.

        Parameters
        ----------
        name : str
            Name of a sequence in this table.
        mass : array (H,)
            Halo masses [Msun].

        Returns
        -------
        array (H,)
        """
        return np.interp(np.log10(mass), LOG_MASS, getattr(self, name))


#                    log M =  10.5   11.5   11.8   12.1   12.4   12.8   13.2   14.3
MODELS = {
    "IllustrisTNG": FeedbackModel(
        suite="IllustrisTNG",
        cgm_fraction=(0.070, 0.105, 0.100, 0.075, 0.042, 0.055, 0.075, 0.110),
        cgm_scatter=(0.150, 0.100, 0.120, 0.170, 0.200, 0.150, 0.100, 0.050),
        metallicity=(-3.05, -2.70, -2.55, -2.40, -2.30, -2.30, -2.35, -2.40),
        metallicity_scatter=(0.30, 0.30, 0.28, 0.26, 0.24, 0.20, 0.16, 0.10),
        cool_fraction=(0.50, 0.40, 0.34, 0.26, 0.17, 0.09, 0.05, 0.02),
        cool_scatter=0.90,
        star_fraction=(0.003, 0.010, 0.016, 0.022, 0.024, 0.022, 0.018, 0.014),
        disc_fraction=(0.004, 0.014, 0.014, 0.012, 0.005, 0.0015, 0.0008, 0.0003),
        thermal_support=(0.42, 0.48, 0.56, 0.70, 0.78, 0.82, 0.84, 0.85),
        core_radius=0.045,
        core_response=0.20,
        heat_response=0.06,
        metal_response=0.17,
        cool_response=0.45,
        bubble_radius=0.18,
        wind_temperature=6.50,
        outflow_speed=1.6,
        web_heating=0.8,
        photoionisation=3.6e-14,
    ),
    "SIMBA": FeedbackModel(
        suite="SIMBA",
        cgm_fraction=(0.040, 0.052, 0.047, 0.038, 0.030, 0.032, 0.040, 0.065),
        cgm_scatter=(0.280, 0.270, 0.270, 0.270, 0.270, 0.230, 0.180, 0.090),
        metallicity=(-3.25, -2.95, -2.82, -2.68, -2.55, -2.52, -2.55, -2.55),
        metallicity_scatter=(0.32, 0.32, 0.30, 0.28, 0.26, 0.22, 0.18, 0.12),
        cool_fraction=(0.45, 0.36, 0.32, 0.26, 0.18, 0.09, 0.05, 0.02),
        cool_scatter=1.10,
        star_fraction=(0.003, 0.009, 0.015, 0.022, 0.024, 0.020, 0.016, 0.012),
        disc_fraction=(0.004, 0.012, 0.012, 0.010, 0.005, 0.0015, 0.0008, 0.0003),
        thermal_support=(0.45, 0.52, 0.60, 0.74, 0.82, 0.86, 0.88, 0.90),
        core_radius=0.06,
        core_response=0.20,
        heat_response=0.07,
        metal_response=0.17,
        cool_response=0.50,
        bubble_radius=0.24,
        wind_temperature=6.35,
        outflow_speed=2.2,
        web_heating=1.3,
        photoionisation=2.3e-14,
    ),
    "Astrid": FeedbackModel(
        suite="Astrid",
        cgm_fraction=(0.100, 0.132, 0.135, 0.135, 0.128, 0.122, 0.125, 0.138),
        cgm_scatter=(0.100, 0.100, 0.110, 0.120, 0.120, 0.100, 0.080, 0.040),
        metallicity=(-2.75, -2.45, -2.33, -2.20, -2.10, -2.08, -2.10, -2.12),
        metallicity_scatter=(0.36, 0.36, 0.34, 0.33, 0.32, 0.30, 0.26, 0.20),
        cool_fraction=(0.52, 0.42, 0.36, 0.28, 0.18, 0.10, 0.06, 0.02),
        cool_scatter=0.85,
        star_fraction=(0.002, 0.008, 0.012, 0.018, 0.022, 0.022, 0.020, 0.016),
        disc_fraction=(0.004, 0.013, 0.013, 0.012, 0.008, 0.0030, 0.0015, 0.0005),
        thermal_support=(0.40, 0.45, 0.54, 0.68, 0.75, 0.80, 0.82, 0.84),
        core_radius=0.040,
        core_response=0.14,
        heat_response=0.04,
        metal_response=0.15,
        cool_response=0.35,
        bubble_radius=0.12,
        wind_temperature=6.55,
        outflow_speed=1.2,
        web_heating=0.6,
        photoionisation=3.9e-14,
    ),
    "Swift-EAGLE": FeedbackModel(
        suite="Swift-EAGLE",
        cgm_fraction=(0.030, 0.046, 0.058, 0.068, 0.077, 0.094, 0.112, 0.140),
        cgm_scatter=(0.200, 0.170, 0.160, 0.150, 0.140, 0.110, 0.080, 0.040),
        metallicity=(-2.95, -2.62, -2.50, -2.38, -2.30, -2.34, -2.42, -2.50),
        metallicity_scatter=(0.30, 0.28, 0.26, 0.24, 0.22, 0.18, 0.15, 0.10),
        cool_fraction=(0.46, 0.44, 0.40, 0.30, 0.19, 0.09, 0.05, 0.02),
        cool_scatter=0.95,
        star_fraction=(0.002, 0.008, 0.014, 0.019, 0.020, 0.018, 0.015, 0.012),
        disc_fraction=(0.003, 0.011, 0.012, 0.011, 0.007, 0.0025, 0.0012, 0.0004),
        thermal_support=(0.44, 0.52, 0.60, 0.72, 0.79, 0.83, 0.86, 0.88),
        core_radius=0.055,
        core_response=0.17,
        heat_response=0.08,
        metal_response=0.14,
        cool_response=0.40,
        bubble_radius=0.08,
        wind_temperature=6.65,
        outflow_speed=1.9,
        web_heating=0.9,
        photoionisation=6.0e-14,
    ),
    "Ramses": FeedbackModel(
        suite="Ramses",
        cgm_fraction=(0.090, 0.078, 0.070, 0.068, 0.074, 0.090, 0.105, 0.128),
        cgm_scatter=(0.120, 0.130, 0.150, 0.160, 0.150, 0.120, 0.090, 0.040),
        metallicity=(-2.85, -2.58, -2.45, -2.28, -2.18, -2.20, -2.25, -2.30),
        metallicity_scatter=(0.32, 0.30, 0.30, 0.28, 0.26, 0.22, 0.18, 0.12),
        cool_fraction=(0.56, 0.46, 0.38, 0.30, 0.22, 0.12, 0.07, 0.03),
        cool_scatter=0.80,
        star_fraction=(0.003, 0.012, 0.020, 0.026, 0.028, 0.026, 0.022, 0.018),
        disc_fraction=(0.005, 0.015, 0.016, 0.014, 0.009, 0.0035, 0.0018, 0.0006),
        thermal_support=(0.38, 0.44, 0.52, 0.66, 0.76, 0.81, 0.83, 0.86),
        core_radius=0.035,
        core_response=0.16,
        heat_response=0.05,
        metal_response=0.16,
        cool_response=0.38,
        bubble_radius=0.10,
        wind_temperature=6.45,
        outflow_speed=1.4,
        web_heating=0.5,
        photoionisation=5.0e-14,
    ),
}
