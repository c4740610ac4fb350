"""The loss of the moment network (Jeffrey & Wandelt 2020, arXiv:2011.05991)."""

import torch

from cgmhelpers.errors import ParameterError


def moment_loss(truth, mean, std):
    r"""Return the loss of a moment network.

    .. math::

        L = \sum_i \log\langle(\theta_i-\mu_i)^2\rangle
            + \log\langle[(\theta_i-\mu_i)^2-\sigma_i^2]^2\rangle

    with means over the batch, in the logarithmic form of the CMD code. That code takes the mean
    over the properties instead of the sum, which divides the loss by their number. The first term
    is smallest when
    the mean is that of the posterior, the second when the variance is (Jeffrey & Wandelt 2020,
    Eqs 5-7); the logarithms let properties of different accuracy weigh alike.

    Parameters
    ----------
    truth, mean, std : torch.Tensor, shape (maps, properties)
        In the scaled units of the targets.

    Returns
    -------
    torch.Tensor
        A scalar.

    Raises
    ------
    ParameterError
        If the shapes differ or the batch is empty.
    """
    if not truth.shape == mean.shape == std.shape or truth.ndim != 2 or len(truth) == 0:
        raise ParameterError(
            "truth, mean and std don't fit together.",
            found=f"shapes {tuple(truth.shape)}, {tuple(mean.shape)} and {tuple(std.shape)}",
            expected="three equal shapes (maps, properties), at least one map",
        )
    # A perfect batch has zero error: the smallest normal number keeps its logarithm finite.
    tiny = torch.finfo(mean.dtype).tiny
    squared_error = (truth - mean).square()
    mean_term = squared_error.mean(dim=0)
    variance_term = (squared_error - std.square()).square().mean(dim=0)
    return (mean_term.clamp_min(tiny).log() + variance_term.clamp_min(tiny).log()).sum()
