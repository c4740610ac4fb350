"""The feedback models of the mock suites, as one table of numbers.

Each number sequence is given at the halo masses of `LOG_MASS` and interpolated between them. The
trends of three suites follow Fig. 1 of Gluck et al. (2024): the order Astrid > IllustrisTNG >
SIMBA, the dip of IllustrisTNG's gas fraction near 10^12.4 Msun, and who scatters most. The gas
fraction of Swift-EAGLE rises with mass all along (as in Davies et al. 2019, MNRAS 485, 3783); that
of Ramses has no model. How a model answers to the four strengths of feedback is a second table, of
powers. The numbers themselves are ours, in both: a mock moves smoothly, in each suite in another
way, and predicts nothing.
"""

from dataclasses import dataclass, replace

import numpy as np

from cgmhelpers.halos.cosmology import CV
from cgmhelpers.mock.initial import Halos
from cgmhelpers.mock.sets import FIDUCIAL

#: No halo keeps more gas than this, over the halo mass, in CAMELS' fiducial cosmology (the cosmic
#: baryon fraction is 0.163 there).
MAXIMUM_FRACTION = 0.19
#: log10 of the halo mass [Msun] at which the tables are given.
LOG_MASS = (10.5, 11.5, 11.8, 12.1, 12.4, 12.8, 13.2, 14.3)


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


@dataclass(frozen=True)
class Response:
    """Answer of a model to one strength A of feedback; each number is a power of A.

    Attributes
    ----------
    cgm : tuple of float
        Power of the odds of gas, f / (f_max - f), at the masses of `LOG_MASS`.
    metals, cool, stars, disc, support, core, wind : float
        Powers of the mass fraction of metals, the odds of cool gas, the masses of stars and of
        star-forming gas, the thermal support, the core of the atmosphere, the wind's temperature.
    """

    cgm: tuple[float, ...]
    metals: float = 0.0
    cool: float = 0.0
    stars: float = 0.0
    disc: float = 0.0
    support: float = 0.0
    core: float = 0.0
    wind: float = 0.0


#: Suite -> one response each to A_SN1, A_AGN1, A_SN2 and A_AGN2.
RESPONSES = {
    # Winds hold back the growth of black holes: groups keep more gas where they are strong.
    "IllustrisTNG": (
        Response(
            (-0.30, -0.22, -0.10, 0.05, 0.20, 0.22, 0.15, 0.05),
            metals=-0.12, cool=0.10, stars=-0.35, disc=-0.25, support=0.02, core=0.03, wind=0.05,
        ),
        Response(
            (0.00, 0.00, -0.03, -0.10, -0.16, -0.12, -0.08, -0.03),
            metals=0.03, cool=-0.08, stars=-0.04, disc=-0.10, support=0.02, core=0.06,
        ),
        Response(
            (-0.50, -0.42, -0.25, 0.00, 0.30, 0.38, 0.25, 0.08),
            metals=-0.20, cool=-0.15, stars=-0.50, disc=-0.35, support=0.04, core=0.05, wind=0.25,
        ),
        Response(
            (0.00, 0.00, -0.06, -0.25, -0.42, -0.30, -0.16, -0.05),
            metals=0.06, cool=-0.20, stars=-0.08, disc=-0.15, support=0.05, core=0.15,
        ),
    ),
    # Jets reach farthest: their speed empties halos of all masses above 10^11.5 Msun.
    "SIMBA": (
        Response(
            (-0.16, -0.12, -0.06, 0.02, 0.10, 0.12, 0.08, 0.03),
            metals=0.10, cool=0.15, stars=-0.40, disc=-0.20, core=0.02,
        ),
        Response(
            (0.00, -0.05, -0.12, -0.20, -0.24, -0.20, -0.14, -0.06),
            metals=0.05, cool=-0.12, stars=-0.08, disc=-0.12, support=0.03, core=0.08,
        ),
        Response(
            (-0.60, -0.48, -0.34, -0.20, -0.05, 0.05, 0.06, 0.03),
            metals=-0.25, cool=-0.10, stars=-0.45, disc=-0.30, support=0.03, core=0.04, wind=0.30,
        ),
        Response(
            (-0.05, -0.30, -0.55, -0.80, -0.95, -0.90, -0.70, -0.35),
            metals=-0.12, cool=-0.30, stars=-0.15, disc=-0.20, support=0.08, core=0.20,
        ),
    ),
    # Thermal feedback of black holes stops their growth, and with it their kinetic feedback.
    "Astrid": (
        Response(
            (-0.25, -0.20, -0.16, -0.12, -0.08, -0.04, -0.02, 0.00),
            metals=-0.08, cool=0.12, stars=-0.25, disc=-0.22, core=0.02, wind=0.03,
        ),
        Response(
            (0.00, 0.00, -0.02, -0.06, -0.12, -0.18, -0.16, -0.08),
            metals=0.02, cool=-0.05, stars=-0.05, disc=-0.08, support=0.02, core=0.05,
        ),
        Response(
            (-0.70, -0.60, -0.48, -0.34, -0.20, -0.10, -0.05, 0.00),
            metals=-0.30, cool=0.05, stars=-0.60, disc=-0.40, support=0.03, core=0.03, wind=0.20,
        ),
        Response(
            (0.00, 0.02, 0.06, 0.12, 0.20, 0.24, 0.20, 0.10),
            metals=-0.05, cool=0.10, stars=-0.15, disc=-0.05, support=-0.03, core=-0.06,
        ),
    ),
    # Rare hot events: the heating temperature (A_AGN2) throws gas out, the energy hardly matters.
    "Swift-EAGLE": (
        Response(
            (-0.45, -0.36, -0.25, -0.14, -0.05, 0.02, 0.04, 0.02),
            metals=-0.18, cool=-0.05, stars=-0.45, disc=-0.30, support=0.03, core=0.04, wind=0.10,
        ),
        Response(
            (0.00, 0.00, -0.01, -0.03, -0.05, -0.06, -0.05, -0.02),
            metals=0.01, cool=-0.03, stars=-0.03, disc=-0.04, core=0.03,
        ),
        Response(
            (0.30, 0.34, 0.30, 0.20, 0.10, 0.04, 0.02, 0.00),
            metals=0.15, cool=0.20, stars=0.35, disc=0.25, core=-0.03,
        ),
        Response(
            (0.00, -0.02, -0.06, -0.16, -0.30, -0.50, -0.55, -0.30),
            metals=-0.08, cool=-0.18, stars=0.05, disc=-0.06, support=0.06, core=0.12, wind=0.05,
        ),
    ),
    # Efficient star formation (A_SN2) uses up the gas; a larger region dilutes what black holes do.
    "Ramses": (
        Response(
            (-0.35, -0.32, -0.24, -0.16, -0.10, -0.05, -0.02, 0.00),
            metals=0.06, cool=-0.10, stars=-0.28, disc=-0.18, support=0.02, core=0.03, wind=0.08,
        ),
        Response(
            (0.02, 0.05, 0.10, 0.18, 0.22, 0.18, 0.12, 0.05),
            metals=-0.04, cool=0.12, stars=0.05, disc=0.06, core=-0.08,
        ),
        Response(
            (-0.12, -0.16, -0.18, -0.15, -0.10, -0.06, -0.03, -0.01),
            metals=0.20, cool=-0.12, stars=0.40, disc=-0.30, core=0.02,
        ),
        Response(
            (0.00, 0.00, 0.03, 0.07, 0.12, 0.14, 0.12, 0.06),
            metals=-0.03, cool=0.05, stars=0.10, disc=0.12, support=-0.02, core=-0.03,
        ),
    ),
}  # fmt: skip


def _odds_moved(fraction, factor, highest):
    """Multiply the odds of a fraction: it nears zero and the highest value, and never passes."""
    odds = np.asarray(fraction) / (highest - np.asarray(fraction)) * factor
    return tuple((highest * odds / (1 + odds)).tolist())


def respond(model: FeedbackModel, parameters) -> FeedbackModel:
    """Return the model of a suite at other strengths of feedback.

    Parameters
    ----------
    model : FeedbackModel
        The fiducial model of the suite.
    parameters : cgmhelpers.mock.sets.Parameters
        Strengths of feedback; the cosmology has no part in it (see `outcome`).

    Returns
    -------
    FeedbackModel
        The same to the last bit where all strengths are 1.
    """
    names = ("supernova_energy", "black_hole_energy", "supernova_speed", "black_hole_speed")
    strengths = [getattr(parameters, name) for name in names]
    if strengths == [getattr(FIDUCIAL, name) for name in names]:
        return model
    logs, responses = np.log(strengths), RESPONSES[model.suite]

    def _factor(name):
        """Return the product of all strengths to their powers; for ``cgm`` at each mass, (M,)."""
        return np.exp(sum(log * np.array(getattr(r, name)) for log, r in zip(logs, responses)))

    def _scaled(name, by):
        return tuple((np.array(getattr(model, name)) * _factor(by)).tolist())

    return replace(
        model,
        cgm_fraction=_odds_moved(model.cgm_fraction, _factor("cgm"), MAXIMUM_FRACTION),
        metallicity=tuple((np.array(model.metallicity) + np.log10(_factor("metals"))).tolist()),
        cool_fraction=_odds_moved(model.cool_fraction, _factor("cool"), 1.0),
        star_fraction=_scaled("star_fraction", "stars"),
        disc_fraction=_scaled("disc_fraction", "disc"),
        thermal_support=_scaled("thermal_support", "support"),
        core_radius=float(model.core_radius * _factor("core")),
        wind_temperature=float(model.wind_temperature + np.log10(_factor("wind"))),
    )


@dataclass(frozen=True)
class Outcome:
    """Halos of one suite after feedback; arrays (H,), masses in Msun.

    Attributes
    ----------
    activity : array
        Hidden feedback history, of zero mean and unit variance.
    hot, cool, disc, stars : array
        Mass inside R200c of the hot atmosphere, of non-star-forming gas at 10^4 K, of star-forming
        gas and of stars.
    metallicity : array
        log10 of the mean mass fraction of metals.
    core : array
        Core radius of the hot atmosphere over R200c.
    heating : array
        Factor on the hydrostatic temperature.
    bubble : array
        Radius of each of two cavities over R200c (zero: none).
    """

    activity: np.ndarray
    hot: np.ndarray
    cool: np.ndarray
    disc: np.ndarray
    stars: np.ndarray
    metallicity: np.ndarray
    core: np.ndarray
    heating: np.ndarray
    bubble: np.ndarray


#: Share of the scatter's variance that the hidden history explains; the rest is independent noise.
HISTORY_SHARE = 0.65
#: Correlation of a halo's history between any suite and the shared one: same mergers, other
#: physics.
SUITE_CORRELATION = 0.6


def outcome(model: FeedbackModel, halos: Halos, generator) -> Outcome:
    """Draw what one feedback model makes of each halo.

    One hidden activity moves the gas fraction down and the temperature, the metallicity, the core
    and the cavities up, so that an image tells more than the halo mass; independent noise hides
    part of it. Gas and stars are shares of the baryons: they follow the cosmic baryon fraction.

    Parameters
    ----------
    model : FeedbackModel
        Table of the suite.
    halos : Halos
        The shared initial conditions.
    generator : numpy.random.Generator
        Source of the suite's randomness.

    Returns
    -------
    Outcome
    """
    mass = halos.mass
    richness = halos.volume.cosmology.baryon_fraction / CV.baryon_fraction

    def noise():
        """Draw a standard normal deviate per halo."""
        # Truncated, so that no halo leaves the ranges of Table 1.
        return np.clip(generator.standard_normal(len(mass)), -2.2, 2.2)

    activity = SUITE_CORRELATION * halos.history + np.sqrt(1 - SUITE_CORRELATION**2) * noise()
    activity = np.clip(activity, -2.2, 2.2)
    mixed = np.sqrt(HISTORY_SHARE) * activity + np.sqrt(1 - HISTORY_SHARE) * noise()

    fraction = model.at("cgm_fraction", mass) * 10 ** (-model.at("cgm_scatter", mass) * mixed)
    fraction = np.minimum(fraction, MAXIMUM_FRACTION) * richness

    own_scatter = np.sqrt(
        np.maximum(model.at("metallicity_scatter", mass) ** 2 - model.metal_response**2, 0.0)
    )
    metallicity = (
        model.at("metallicity", mass) + model.metal_response * activity + own_scatter * noise()
    )

    median = model.at("cool_fraction", mass)
    own_scatter = np.sqrt(max(model.cool_scatter**2 - model.cool_response**2, 0.0))
    logit = np.log(median / (1 - median)) - model.cool_response * activity
    logit += own_scatter * (0.7 * halos.gas_supply + np.sqrt(1 - 0.7**2) * noise())
    cool_fraction = np.clip(1 / (1 + np.exp(-logit)), 0.005, 0.9)

    disc = model.at("disc_fraction", mass) * 10 ** (
        0.25 * halos.gas_supply - 0.15 * activity + 0.1 * noise()
    )
    stars = model.at("star_fraction", mass) * 10 ** (0.12 * noise())
    core = model.core_radius * 10 ** (model.core_response * activity + 0.08 * noise())
    heating = 10 ** (model.heat_response * activity + 0.03 * noise())
    bubble = model.bubble_radius * np.clip(0.5 + 0.5 * activity, 0, 1.4)
    return Outcome(
        activity=activity,
        hot=fraction * (1 - cool_fraction) * mass,
        cool=fraction * cool_fraction * mass,
        disc=np.minimum(disc, 0.04) * richness * mass,
        stars=stars * richness * mass,
        metallicity=np.clip(metallicity, -3.5, -1.4),  # inside the range of Table 1
        core=core,
        heating=heating,
        bubble=bubble,
    )
