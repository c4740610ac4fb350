"""The normalising flow of a posterior, and the scales on which it sees properties."""

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from scipy import special
from zuko.flows import NSF

FRACTIONS = ("f_cgm", "f_cool")
"""Properties between 0 and 1: the flow sees their logits, so that no sample leaves the range."""
EDGE = 1e-3
"""A fraction closer to 0 or 1 than this counts as this: the logit of 0 is infinite."""


class PosteriorSettings(BaseModel):
    """Hyperparameters of a flow and of its training. Unknown names are errors.

    Attributes
    ----------
    steps : int
        Steps of the training at most; the learning rate falls to zero along a half cosine.
    patience : int
        Looks at the validation halos, one every 20 steps, without improvement to stop after.
    batch_size : int
        Maps in a step.
    learning_rate : float
        Of AdamW, at the first step.
    transforms, hidden, bins : int
        Autoregressive spline layers, the width of their two hidden layers, and bins of a spline.
    symmetries : int
        How many of the eight symmetries of the square are applied to each training map.
    noise : float
        Scatter added to what the flow sees in training, in units of its own: without it, flows
        learn by heart which map is which.
    seed : int
        Of initial weights and batches.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(600, ge=1)
    patience: int = Field(15, ge=1)
    batch_size: int = Field(256, ge=2)
    learning_rate: float = Field(3e-3, gt=0)
    transforms: int = Field(1, ge=1)
    hidden: int = Field(64, ge=1)
    bins: int = Field(8, ge=2)
    symmetries: int = Field(4, ge=1, le=8)
    noise: float = Field(0.1, ge=0)
    seed: int = Field(1, ge=0)


def unbounded(properties, names):
    """Put properties on scales without bounds: logits of the fractions, others unchanged.

    Parameters
    ----------
    properties : array_like, shape (..., properties)
        In their units.
    names : sequence of str
        Names of the properties.

    Returns
    -------
    values : ndarray of float64, shape (..., properties)
        What the flow sees, before it is standardised.
    jacobian : ndarray of float64, shape (...)
        Logarithm of how much a volume grows.
    """
    values = np.array(properties, dtype=float)
    jacobian = np.zeros(values.shape[:-1])
    for index, name in enumerate(names):
        if name in FRACTIONS:
            fraction = np.clip(values[..., index], EDGE, 1 - EDGE)
            values[..., index] = special.logit(fraction)
            jacobian -= np.log(fraction * (1 - fraction))
    return values, jacobian


def standard(values, standards, name):
    """Standardise the inputs of the flow.

    Parameters
    ----------
    values : ndarray, shape (..., numbers)
        Outputs of the network, or unbounded properties.
    standards : dict of str to ndarray
        As for `Posterior`.
    name : {"context", "property"}
        Which of the two.

    Returns
    -------
    torch.Tensor of float32, same shape
    """
    scaled = (values - standards[f"{name}_centre"]) / standards[f"{name}_width"]
    return torch.from_numpy(scaled.astype(np.float32))


def build(properties, settings):
    """Make a flow with new weights.

    Parameters
    ----------
    properties : int
        How many.
    settings : PosteriorSettings
        Settings of its architecture.

    Returns
    -------
    zuko.flows.NSF
    """
    return NSF(
        properties,
        2 * properties,
        transforms=settings.transforms,
        hidden_features=[settings.hidden] * 2,
        bins=settings.bins,
    )
