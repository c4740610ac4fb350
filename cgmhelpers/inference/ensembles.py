"""Ensembles: networks that differ only in their random numbers, and their disagreement.

Members have the same training halos and settings, but other initial weights and batches. They agree
on halos like those of the training, and may disagree on others, which no single network can tell.
The variance of the equal mixture of their posteriors is

.. math::

    \\sigma^2 = \\langle\\sigma_k^2\\rangle_k + \\langle(\\mu_k-\\bar\\mu)^2\\rangle_k ,

aleatoric (left open by the maps) plus epistemic (left open by the training); see
Lakshminarayanan, Pritzel & Blundell (2017, arXiv:1612.01474) and Kendall & Gal (2017,
arXiv:1703.04977).
"""

import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.inference import prediction

MOMENTS = ["mean", "std", "std_network"]
COLUMNS = [*prediction.COLUMNS, "std_aleatoric", "std_epistemic"]
"""Columns of a table of an ensemble's predictions."""


def combine(predictions):
    """Merge the predictions of an ensemble's members.

    Parameters
    ----------
    predictions : sequence of pandas.DataFrame
        Each from :func:`cgmhelpers.inference.prediction.predict`, of the same halos in the same
        order.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`: ``mean`` is the mean of the members' means, ``std`` the total, ``std_aleatoric``
        and ``std_epistemic`` its parts (their squares add up), ``std_network`` the root mean square
        of the members'; all in the property's unit.

    Raises
    ------
    ParameterError
        If there are fewer than two members, or their halos differ.
    """
    if len(predictions) < 2:
        raise ParameterError(
            "An ensemble needs several members.", found=len(predictions), expected="2 or more"
        )
    first = predictions[0].reset_index(drop=True)
    same = first.drop(columns=MOMENTS)
    for other in predictions[1:]:
        if not same.equals(other.reset_index(drop=True).drop(columns=MOMENTS)):
            raise ParameterError(
                "The members' predictions are about different halos or networks.",
                found=f"{len(first)} and {len(other)} rows",
                expected="rows that differ in mean and std only",
                remedy="Infer them from the same maps, with the same split and settings.",
            )
    mean, std, network = (np.stack([one[name] for one in predictions]) for name in MOMENTS)
    aleatoric, epistemic = (std**2).mean(axis=0), mean.var(axis=0)
    return first.assign(
        mean=mean.mean(axis=0),
        std=np.sqrt(aleatoric + epistemic),
        std_network=np.sqrt((network**2).mean(axis=0)),
        std_aleatoric=np.sqrt(aleatoric),
        std_epistemic=np.sqrt(epistemic),
    )[COLUMNS]


def epistemic(folders, images):
    """Measure the disagreement of the members of an ensemble on maps.

    Parameters
    ----------
    folders : sequence of path
        Folders of the members.
    images : array_like, shape (maps, fields, y, x)
        In the units of the fields.

    Returns
    -------
    ndarray, shape (maps,)
        Root mean square over the properties of the standard deviation of the members' means, in
        units of the properties' ranges: the ``epistemic`` of
        :func:`cgmhelpers.statistics.reliability.per_halo`.
    """
    predictors = [prediction.load(folder) for folder in folders]
    scaling = predictors[0].scaling
    variance = np.var([one(images)[0] for one in predictors], axis=0)
    return np.sqrt((variance / np.subtract(scaling.high, scaling.low) ** 2).mean(axis=1))
