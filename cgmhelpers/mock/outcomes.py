"""What a feedback model makes of each halo: gas, stars, metals, heat and cavities."""

from dataclasses import dataclass

import numpy as np

from cgmhelpers.halos.cosmology import CV
from cgmhelpers.mock.feedback import MAXIMUM_FRACTION, FeedbackModel
from cgmhelpers.mock.initial import Halos

HISTORY_SHARE = 0.65
"""Share of the scatter's variance that the hidden history explains; the rest is independent."""
SUITE_CORRELATION = 0.6
"""Correlation of a halo's history between any suite and the shared one, which have the same mergers
and other physics."""


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
