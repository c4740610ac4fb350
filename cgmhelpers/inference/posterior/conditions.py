r"""Calibration of a flow where observations differ: by noise, redshift, and what is inferred.

A flow turns truths into numbers :math:`z` that should be standard normal. On average over all
validation halos a common width makes them so; but a network may be too sure of a short exposure and
too shy of a long one. So mean and width of the numbers vary smoothly with what the network is told
of the observation and with the properties that it infers:

.. math:: z = a \cdot \phi(u) + s\, e^{b \cdot \phi(u)}\, \epsilon

where :math:`u` are the conditions, standardised, :math:`\phi` are one, the conditions, their
absolute values (so a slope may differ on either side of the mean) and the products of what the
network is told with every other condition (so a slope may depend on noise and redshift), and
:math:`\epsilon` is standard normal. The coefficients have the highest Gaussian likelihood of
validation halos that are observed several times. Every observation of a halo has a share of its
weight, as its truth is one, and all coefficients but the constants are normal about zero. Their
scatter is the one of `SPREADS` with which the coefficients of the other halos give a part of the
halos the highest likelihood: few halos take none, and posteriors then are moved and widened alike.

The factor s is such that 68.3% of the halos are within one width of their mean, as in
`cgmhelpers.network.calibration`, by coefficients of the other halos. It mends two faults of the
likelihood: coefficients that fit the noise of few halos make widths too small, and suites that a
network can't tell apart make the numbers flatter than normal.

References: Nix & Weigend (1994, Proc. IEEE ICNN 1, 55) for the Gaussian likelihood with a variance
that depends on the input; Hoerl & Kennard (1970, Technometrics 12, 55) for ridges.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy import linalg

from cgmhelpers.errors import ParameterError
from cgmhelpers.statistics.metrics import ONE_SIGMA

SPREADS = (0.0, 0.05, 0.1, 0.2)
"""Scatters of the coefficients that are tried. With 0.2, one standard deviation of a condition
moves a posterior by a fifth of its width, or widens it by a fifth."""
FEWEST = 50
"""Halos with which a scatter above zero is tried. The likelihood of fewer has no largest value."""
PARTS = 5
"""Parts of the halos, each of which is judged by the coefficients of the others."""
STEPS = 100
"""Steps of a fit at most; it needs about ten."""
REACH = 3.0
"""Standard deviations of a condition beyond which the calibration stays as it is there."""


@dataclass(frozen=True)
class Conditions:
    """How the base distribution of a flow depends on the conditions.

    Attributes
    ----------
    names : tuple of str
        Of the conditions.
    centre, width : tuple of float
        Mean and standard deviation of each condition on validation halos.
    shift, stretch : tuple of tuple of float, shape (features, numbers)
        Coefficients of the mean of each of the flow's numbers, and of the logarithm of its width.
    halos : int
        Validation halos behind them.
    told : int
        How many of the conditions, the first ones, the network is told of the observation.
    """

    names: tuple
    centre: tuple
    width: tuple
    shift: tuple
    stretch: tuple
    halos: int
    told: int

    @classmethod
    def fit(cls, normal, conditions, halo, names, told=0):
        """Fit to validation halos.

        Parameters
        ----------
        normal : array_like, shape (maps, numbers)
            What the flow makes of the truths; standard normal if it is calibrated.
        conditions : array_like, shape (maps, conditions)
            As for `__call__`.
        halo : array_like, shape (maps,)
            Which halo a map shows.
        names : sequence of str
            Of the conditions.
        told : int
            How many of them, the first ones, the network is told of the observation.

        Returns
        -------
        Conditions

        Raises
        ------
        ParameterError
            If there is no map, or a value isn't finite.
        """
        normal, conditions = (np.asarray(one, dtype=float) for one in (normal, conditions))
        if len(normal) == 0 or not all(np.isfinite(one).all() for one in (normal, conditions)):
            raise ParameterError(
                "The posterior can't be calibrated.",
                found=f"{len(normal)} maps, " + ("some" if len(normal) else "no") + " values",
                expected="at least one map, finite truths and conditions",
            )
        width = conditions.std(axis=0)
        found = cls(
            names=tuple(names),
            centre=tuple(conditions.mean(axis=0).tolist()),
            width=tuple(np.where(width > 1e-9, width, 1.0).tolist()),
            shift=(), stretch=(), halos=len(np.unique(halo)), told=told,
        )  # fmt: skip
        features = found.features(conditions)
        fitted = np.stack([_fitted(one, features, np.asarray(halo)) for one in normal.T], axis=-1)
        shift, stretch = (tuple(map(tuple, one.tolist())) for one in fitted)
        return replace(found, shift=shift, stretch=stretch)

    def features(self, conditions):
        """Return one, the standardised conditions, their absolute values, and products.

        Parameters
        ----------
        conditions : array_like, shape (maps, conditions)
            As for `__call__`.

        Returns
        -------
        ndarray, shape (maps, features)
        """
        scaled = (np.asarray(conditions, dtype=float) - self.centre) / self.width
        scaled = np.clip(scaled, -REACH, REACH)
        products = [scaled[:, [one]] * scaled[:, one + 1 :] for one in range(self.told)]
        ones = np.ones((len(scaled), 1))
        return np.concatenate([ones, scaled, np.abs(scaled), *products], axis=1)

    def __call__(self, conditions):
        """Return mean and width of the flow's numbers.

        Parameters
        ----------
        conditions : array_like, shape (maps, conditions)
            In the order of `names`.

        Returns
        -------
        mean, width : ndarray, shape (maps, numbers)
        """
        features = self.features(conditions)
        return features @ np.array(self.shift), np.exp(features @ np.array(self.stretch))

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
        Conditions
        """
        names, centre, width = (tuple(values[name]) for name in ("names", "centre", "width"))
        shift, stretch = (tuple(map(tuple, values[name])) for name in ("shift", "stretch"))
        # Conditions of earlier versions have no products.
        told = int(values.get("told", 0))
        return cls(names, centre, width, shift, stretch, int(values["halos"]), told)


def _fitted(normal, features, halo):
    """Coefficients of mean and log width of one number, shape (2, features)."""
    parts = np.unique(halo, return_inverse=True)[1] % PARTS
    best = np.inf, 0.0, None
    for spread in SPREADS if len(np.unique(halo)) >= FEWEST else SPREADS[:1]:
        deviation, log_width = np.empty((2, len(normal)))
        for part in np.unique(parts):
            own, others = parts == part, parts != part
            if not others.any():  # a single halo
                others = own
            shift, stretch = _likeliest(normal[others], features[others], halo[others], spread)
            log_width[own] = features[own] @ stretch
            deviation[own] = (normal[own] - features[own] @ shift) * np.exp(-log_width[own])
        cost = np.mean(deviation**2 / 2 + log_width)
        if cost < best[0]:
            best = cost, spread, np.quantile(np.abs(deviation), ONE_SIGMA, method="weibull")
    found = _likeliest(normal, features, halo, best[1])
    found[1, 0] += np.log(best[2])
    return found


def _likeliest(normal, features, halo, spread):
    """Coefficients of the highest likelihood for one scatter of them, shape (2, features).

    Means are weighted least squares for given widths, and widths take a step of Fisher's scoring
    for given means, in turn.
    """
    used = features if spread else features[:, :1]
    found = np.zeros((2, features.shape[1]))
    halos = len(np.unique(halo))
    if halos == 1:
        return found
    weight = halos / len(normal)
    ridge = np.full(used.shape[1], (spread or 1.0) ** -2)
    ridge[0] = 0.0
    information = linalg.cho_factor(2 * weight * used.T @ used + np.diag(ridge))
    shift, stretch = found[:, : used.shape[1]]
    stretch[0] = np.log(max(normal.std(), 1e-9))
    for _ in range(STEPS):
        width = np.exp(used @ stretch)
        weighted = weight * used.T / width**2
        shift[:] = linalg.solve(weighted @ used + np.diag(ridge), weighted @ normal, assume_a="pos")
        deviation = (normal - used @ shift) / width
        slope = ridge * stretch + weight * used.T @ (1 - deviation**2)
        step = linalg.cho_solve(information, slope)
        stretch -= step
        if np.abs(step).max() < 1e-6:
            break
    return found
