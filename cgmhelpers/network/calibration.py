r"""Recalibration of posterior widths on validation halos, after training.

The loss of a moment network hardly notices a width that is too small: it compares squares of
squared errors, which the few large ones dominate. And nothing but the loss keeps a width from
nearly zero. Both make the network claim too much for the halos that it knows best. So once the
weights are final, widths of each property are corrected by two numbers,

.. math:: \sigma'^2 = s^2 (\sigma^2 + f^2) ,

a floor f that maximises the Gaussian likelihood of the validation halos, and a scale s such that
:math:`\mu \pm \sigma'` holds 68.3% of their truths. The order matters. A scale alone repairs the
coverage but leaves the widths of nearly zero, and with them a chi squared in the hundreds; a scale
from chi squared alone is ruled by those; a likelihood alone leaves the coverage to outliers. The
scale differs between halo classes, by the mass that the network *infers*: the true one isn't known
when a network is used.

Few validation halos are in the class of the groups. Their own quantile is noisy, and the common one
covered 32% of them. So scales are hierarchical: the logarithm of a class's scale is normal about
that of all halos, with a spread of `SPREAD`, and its estimate from :math:`n` halos is normal about
the truth, with the variance `VARIANCE` / n of a 68.3% quantile. The posterior mean is

.. math:: \ln s_c = (1-w) \ln q_\mathrm{all} + w \ln q_c, \quad
          w = \frac{n}{n + \mathrm{VARIANCE}/\mathrm{SPREAD}^2}

for quantiles :math:`q`. Six halos say three quarters of it; none leave the common scale. The spread
is fixed: three classes can't tell it, and properties that need no scale of their own would hide
those that do.

References: Kuleshov, Fenner & Ermon (2018, arXiv:1807.00263) for recalibration on held-out data;
Gneiting, Balabdaoui & Raftery (2007, J. R. Stat. Soc. B 69, 243) for sharpness and calibration.
"""

from dataclasses import asdict, dataclass

import numpy as np
from scipy import stats

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO_CLASSES, halo_class
from cgmhelpers.statistics.metrics import ONE_SIGMA

FEWEST = 5
"""Validation halos of a class for its scale to differ. The quantile of fewer is biased."""
SPREAD = np.log(2)
"""How much classes differ in the logarithm of their scale, here by a factor of two."""
DENSITY = 2 * stats.norm.pdf(1)
"""Of the absolute value of a standard normal number at one."""
VARIANCE = ONE_SIGMA * (1 - ONE_SIGMA) / DENSITY**2
"""Of the logarithm of the 68.3% quantile of such numbers, times how many there are."""
FLOORS = np.geomspace(1e-3, 10, 81)
"""Floors that are tried, in units of the error that 68% of the halos don't exceed."""
EVERY = "all"
"""Name of the scale for classes without one of their own."""


@dataclass(frozen=True)
class Calibration:
    """What turns a network's posterior widths into honest ones.

    Attributes
    ----------
    properties : tuple of str
        Names, in the order of the network's outputs.
    floor : tuple of float
        Of each property, in its unit.
    scale : dict of str to tuple of float
        For ``"all"`` halos, and for each class with some of them: a factor per property.
    halos : dict of str to int
        Validation halos behind each scale.
    """

    properties: tuple
    floor: tuple
    scale: dict
    halos: dict

    @classmethod
    def fit(cls, truth, mean, std, halo, properties, fewest=FEWEST):
        """Fit to validation halos.

        Parameters
        ----------
        truth, mean, std : array_like, shape (maps, properties)
            In the units of the properties; `std` as the network gives it.
        halo : array_like, shape (maps,)
            Which halo a map shows: its projections are several maps but one halo, and only
            halos count.
        properties : sequence of str
            Names; ``"log_m_halo"``, if it is there, makes the classes.
        fewest : int
            Halos of a class for its scale to differ from the common one.

        Returns
        -------
        Calibration

        Raises
        ------
        ParameterError
            If there is no map, or a value isn't finite.
        """
        truth, mean, std = (np.asarray(one, dtype=float) for one in (truth, mean, std))
        if len(truth) == 0 or not all(np.isfinite(one).all() for one in (truth, mean, std)):
            raise ParameterError(
                "Posterior widths can't be calibrated.",
                found=f"{len(truth)} maps, " + ("some" if len(truth) else "no") + " values",
                expected="at least one map, finite truths, means and deviations",
                remedy="Leave out the halos without a truth.",
            )
        error = np.abs(truth - mean)
        floor = _likeliest_floor(error, std)
        deviations = error / np.hypot(std, floor)
        groups = {EVERY: np.ones(len(truth), dtype=bool)}
        classes = inferred_class(mean, properties)
        groups |= {one.name: classes == one.name for one in HALO_CLASSES}
        halos = {name: len(np.unique(np.asarray(halo)[own])) for name, own in groups.items()}
        halos = {name: n for name, n in halos.items() if name == EVERY or n >= fewest}
        # Rank p (n + 1) holds a share p of further halos on average, however few there are.
        scale = {
            name: np.quantile(deviations[groups[name]], ONE_SIGMA, 0, method="weibull")
            for name in halos
        }
        common = scale[EVERY]
        for name in set(halos) - {EVERY}:
            weight = halos[name] / (halos[name] + VARIANCE / SPREAD**2)
            scale[name] = scale[name] ** weight * common ** (1 - weight)
        return cls(
            properties=tuple(properties),
            floor=tuple(floor.tolist()),
            scale={name: tuple(values.tolist()) for name, values in scale.items()},
            halos=halos,
        )

    def __call__(self, mean, std):
        """Recalibrate posterior widths.

        Parameters
        ----------
        mean, std : array_like, shape (maps, properties)
            As the network gives them, in the units of the properties.

        Returns
        -------
        ndarray, shape (maps, properties)
            Posterior standard deviation.
        """
        scale = np.tile(self.scale[EVERY], (len(mean), 1))
        classes = inferred_class(mean, self.properties)
        for name in set(self.scale) - {EVERY}:
            scale[classes == name] = self.scale[name]
        return scale * np.hypot(std, self.floor)

    def to_dict(self):
        """Plain lists and numbers, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values):
        """The inverse of :meth:`to_dict`, also of what JSON makes of it.

        Parameters
        ----------
        values : dict

        Returns
        -------
        Calibration
        """
        scale = {name: tuple(factors) for name, factors in values["scale"].items()}
        properties, floor = (tuple(values[name]) for name in ("properties", "floor"))
        return cls(properties, floor, scale, dict(values["halos"]))


def coverage_noise(halos):
    """Give the noise of a coverage that comes from the validation halos behind a scale.

    Parameters
    ----------
    halos : int or array_like
        Validation halos of the class.

    Returns
    -------
    float or ndarray
        Standard deviation of the share of further halos within one standard deviation; that of
        the test halos comes on top.
    """
    precision = np.asarray(halos) / VARIANCE + 1 / SPREAD**2
    return DENSITY / np.sqrt(precision)


def inferred_class(mean, properties):
    """Name the class of each halo by the mass that a network infers.

    Parameters
    ----------
    mean : array_like, shape (maps, properties)
        Posterior means; that of ``"log_m_halo"`` is used.
    properties : sequence of str

    Returns
    -------
    ndarray of str, shape (maps,)
        A name in `HALO_CLASSES`; inferences below the paper's range go with the lightest class.
        ``"all"`` for a network that doesn't infer the mass.
    """
    if "log_m_halo" not in properties:
        return np.full(len(mean), EVERY)
    log_mass = np.asarray(mean, dtype=float)[:, list(properties).index("log_m_halo")]
    return halo_class(np.maximum(log_mass, HALO_CLASSES[0].low))


def _likeliest_floor(error, std):
    """Floor of each property with the highest Gaussian likelihood, at its likeliest scale."""
    yardstick = np.quantile(error, ONE_SIGMA, axis=0)
    floors = np.maximum(np.multiply.outer(FLOORS, yardstick), np.finfo(float).tiny ** 0.25)
    variance = std**2 + floors[:, None] ** 2  # (floors, maps, properties)
    # -2 log L / maps, where the likeliest s^2 is the mean of (error^2 / variance).
    cost = np.log(np.mean(error**2 / variance, axis=1)) + np.mean(np.log(variance), axis=1)
    return np.take_along_axis(floors, cost.argmin(axis=0)[None], axis=0)[0]
