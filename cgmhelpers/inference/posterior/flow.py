"""The normalising flow of a posterior, its settings, and the scales of its properties."""

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from scipy import special
from zuko.flows import NSF

FRACTIONS = ("f_cgm", "f_cool")
"""Properties between 0 and 1. The flow takes their logits, so no sample leaves the range."""
EDGE = 1e-3
"""Least distance of a fraction from 0 and 1 in the flow, as the logit of 0 is infinite."""


class PosteriorSettings(BaseModel):
    """Hyperparameters of a flow and of its training. Unknown names are errors.

    Attributes
    ----------
    steps : int
        Largest number of training steps; the learning rate falls to zero along a half cosine.
    patience : int
        Validations, one every 20 steps, without improvement before the training stops.
    batch_size : int
        Maps in a step.
    learning_rate : float
        Learning rate of AdamW at the first step.
    transforms, hidden, bins : int
        Autoregressive spline layers, the width of their two hidden layers, and bins of a spline.
    symmetries : int
        Number of the square's eight symmetries that are applied to each training map.
    noise : float
        Scatter added to the flow's inputs in training, in units of their scatter: without it,
        flows memorise the maps.
    seed : int
        Seed of initial weights and batches.
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
    """Transform properties to scales without bounds: fractions to logits, others unchanged.

    Parameters
    ----------
    properties : array_like, shape (..., properties)
        In their units.
    names : sequence of str
        Names of the properties.

    Returns
    -------
    values : ndarray of float64, shape (..., properties)
        Inputs of the flow, before they are standardised.
    jacobian : ndarray of float64, shape (...)
        Logarithm of the growth of a volume.
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
        Kind of the values.

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
        Number of properties.
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
