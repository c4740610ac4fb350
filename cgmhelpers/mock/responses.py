"""Answers of the feedback models to other strengths of feedback: a table of powers.

The numbers are ours: a mock moves smoothly, in each suite in another way, and predicts nothing.
"""

from dataclasses import dataclass, replace

import numpy as np

from cgmhelpers.mock.feedback import MAXIMUM_FRACTION, FeedbackModel
from cgmhelpers.mock.sets import FIDUCIAL


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
"""Suite -> one response each to A_SN1, A_AGN1, A_SN2 and A_AGN2."""


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
        Strengths of feedback; the cosmology has its part in `cgmhelpers.mock.outcomes`.

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
