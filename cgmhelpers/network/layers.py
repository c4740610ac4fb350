"""The layers of a network as a table, in the order in which they are executed."""

from functools import partial

import pandas as pd
import torch
from torch import nn


def summary(network):
    """Return the paper's Tables 4 and 5, measured on a live network.

    One map of zeros is sent through the network and each layer reports what it did.

    Parameters
    ----------
    network : MomentNetwork

    Returns
    -------
    pandas.DataFrame
        One row per layer in order of execution; columns ``layer`` (the paper's name),
        ``operation``, ``output_shape`` (without the batch axis) and ``parameters``.
        ``attrs["parameters"]`` is their total.
    """
    rows = []
    handles = [
        layer.register_forward_hook(partial(_record, rows, name))
        for part in (network.features, network.head)
        for name, layer in part.named_children()
    ]
    was_training = network.training
    try:
        like = next(network.parameters())
        shape = (1, network.in_channels, network.size, network.size)
        with torch.inference_mode():
            network.eval()(torch.zeros(shape, dtype=like.dtype, device=like.device))
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    table = pd.DataFrame(rows)
    table.attrs["parameters"] = int(table["parameters"].sum())
    return table


def _record(rows, name, layer, inputs, output):
    """Note what a layer did; a forward hook of torch."""
    rows.append(
        {
            "layer": name,
            "operation": _operation(layer),
            "output_shape": tuple(output.shape[1:]),
            "parameters": sum(parameter.numel() for parameter in layer.parameters()),
        }
    )


def _operation(layer):
    match layer:
        case nn.Conv2d():
            kernel, stride = layer.kernel_size[0], layer.stride[0]
            padding = f", padding {layer.padding[0]}" if layer.padding[0] else ""
            return f"Conv2d {kernel}x{kernel}, stride {stride}{padding}"
        case nn.BatchNorm2d():
            return f"BatchNorm2d eps {layer.eps:g}, momentum {layer.momentum:g}"
        case nn.LeakyReLU():
            return f"LeakyReLU slope {layer.negative_slope:g}"
        case nn.Dropout():
            return f"Dropout p {layer.p:g}"
        case nn.Linear():
            return f"Linear {layer.in_features}-{layer.out_features}"
    return type(layer).__name__
