r"""Weighted conformal intervals: coverage in a sample that differs in its maps alone.

Scores of calibration halos, :math:`|\theta-\mu|/\sigma`, have a quantile that the score of a
further halo exceeds with a known probability, whatever the distribution, if both are of one kind.
If the *maps* of the further halos are of another kind, but a map means the same, calibration halos
count with the ratio :math:`w` of the densities of their map in both samples (Tibshirani et al.
2019, arXiv:1904.06019). If a map means another thing there, no weight can mend it.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cgmhelpers.errors import ParameterError
from cgmhelpers.statistics.resampling import check_probability


def half_widths(scores, weights, own_weights, level):
    """Return the quantile of scores that each further halo exceeds with probability 1 - level.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Of calibration halos, not negative.
    weights : array_like, shape (n,)
        Ratio of densities at each of them, positive.
    own_weights : array_like, shape (halos,)
        The same at the further halos.
    level : float
        Probability of the interval.

    Returns
    -------
    ndarray, shape (halos,)
        In units of the posterior's width; infinite where the calibration halos weigh too little to
        tell.

    Raises
    ------
    ParameterError
        If `level` isn't a probability, or a weight or a score can't be used.
    """
    check_probability(level)
    scores, weights, own = (np.asarray(one, dtype=float) for one in (scores, weights, own_weights))
    usable = np.isfinite(scores).all() and all(
        np.isfinite(one).all() and (one > 0).all() for one in (weights, own)
    )
    usable = usable and (scores >= 0).all()
    if not usable or scores.shape != weights.shape or scores.ndim != 1 or len(scores) == 0:
        raise ParameterError(
            "Scores and weights don't make a conformal interval.",
            found=f"shapes {scores.shape} and {weights.shape}",
            expected="as many finite scores, not negative, as positive weights, at least one",
        )
    order = np.argsort(scores)
    mass = np.cumsum(weights[order])
    # Relative to the sum, rounding may miss a level that is met exactly.
    place = np.searchsorted(mass, level * (mass[-1] + own) * (1 - 1e-12))
    return np.append(scores[order], np.inf)[place]


def density_ratio(known, other, strength=1.0):
    """Estimate the ratio of the densities of two samples by a logistic regression.

    Parameters
    ----------
    known, other : array_like, shapes (n, numbers) and (m, numbers)
        Numbers that describe the maps of both samples.
    strength : float
        Inverse of the regularisation's strength.

    Returns
    -------
    of_known, of_other : ndarray, shapes (n,) and (m,)
        Density of `other` over that of `known`, at the rows of each. Samples that share no region
        have weights that leave `half_widths` infinite.

    Raises
    ------
    ParameterError
        If a sample is empty, the samples have other numbers, or one isn't finite.
    """
    known, other = (np.asarray(one, dtype=float) for one in (known, other))
    alike = known.ndim == other.ndim == 2 and known.shape[1] == other.shape[1]
    if not (alike and len(known) and len(other) and np.isfinite([known.sum(), other.sum()]).all()):
        raise ParameterError(
            "The densities of these samples can't be compared.",
            found=f"shapes {known.shape} and {other.shape}, "
            f"{sum((~np.isfinite(one)).sum() for one in (known, other))} numbers not finite",
            expected="rows of the same finite numbers, at least one in each",
        )
    rows = np.concatenate([known, other])
    which = np.repeat([0, 1], [len(known), len(other)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
    odds = np.exp(np.clip(model.fit(rows, which).decision_function(rows), -15, 15))
    odds *= len(known) / len(other)
    return odds[: len(known)], odds[len(known) :]
