"""The moment network: the convolutional network of the paper's Tables 4 and 5, and its loss.

The network gives, for each property, the mean and the standard deviation of the posterior
(a "moment network", Jeffrey & Wandelt 2020, arXiv:2011.05991). The architecture is that of the
CAMELS Multifield Dataset (Villaescusa-Navarro et al. 2021, arXiv:2109.09747) as changed in
Gluck et al. (2024, arXiv:2309.07912), Section 2.3 and Appendix C. It differs from the public copies
of the code of that dataset ("the CMD code") where the paper says so, and in these choices:

- **B01** is applied, as Table 4 lists it. The CMD code defines it and never calls it.
- **Padding** is with zeros. The CMD code pads periodically, as maps of whole boxes need it; the map
  of a halo isn't periodic.
- **Initial weights** have He's variance for the slope 0.2 of the LeakyReLU, biases start at zero,
  and the last layer starts at the prior (:class:`MomentNetwork`). The CMD code takes He's variance
  for slope 0, keeps PyTorch's random biases, and treats the last layer as the others.
- **Standard deviations** come from :class:`Positive`; the CMD code squares the outputs.
- **The loss** is a sum over the properties; the CMD code takes their mean. The minimum is the same,
  and AdamW, which divides by the size of the gradient, takes nearly the same steps.
"""

from collections import OrderedDict
from copy import deepcopy

import torch
from torch import nn

from cgmhelpers.errors import ParameterError, ResultError

SIZES = tuple(2**power for power in range(3, 11))
"""Sides of the maps that a network can be built for, from 8 to 1024 pixels."""
LEAKY_SLOPE = 0.2
"""Slope of LeakyReLU for negative inputs (Table 5 prints -0.2, a misprint)."""
LAYERS = {"convolutions": "D1", "hidden": "D2"}
"""Names of the features before each fully connected layer, and the layer that takes them."""
KNEE = 0.2
"""Twice the standard deviation of an output of zero, in the scaled units of the targets."""


class Positive(nn.Module):
    r"""Turn the last outputs into standard deviations.

    .. math:: \sigma = (x + \sqrt{x^2 + c^2}) / 2

    with c = `KNEE` (Barron 2021, arXiv:2112.11687). The paper doesn't say how it makes them
    positive, and the CMD code squares the outputs. A square, or an absolute value, is zero at an
    output of zero, which the maps on either side of a change of sign come near: the loss hardly
    notices, but posteriors there have no width, and chi squared has no bound. This function is
    monotonic. For maps unlike those of the training, whose outputs may be anything, it falls only
    as 1/x, while an exponential or a softplus would vanish.
    """

    def forward(self, outputs):
        """Turn outputs into standard deviations.

        Parameters
        ----------
        outputs : torch.Tensor, any shape

        Returns
        -------
        torch.Tensor, same shape
        """
        larger = outputs.abs() + (outputs.square() + KNEE**2).sqrt()
        # Two forms of one function: the difference of large numbers would be zero in float32.
        return torch.where(outputs < 0, KNEE**2 / larger, larger) / 2


class MomentNetwork(nn.Module):
    """Convolutional network from maps to the mean and standard deviation of each property.

    Blocks of three convolutions (3x3, 3x3, and 2x2 with stride 2), each followed by batch
    normalisation and LeakyReLU, halve the map and double the channels until 2x2 pixels are left;
    a last 2x2 convolution leaves one pixel, and two fully connected layers end the network.
    Maps of 128 pixels take the six blocks of Table 4, and every factor of two in size is one
    block more or less. Layers carry the paper's names: C01, B01, ..., C61, B61, FC1, FC2.

    Parameters
    ----------
    in_channels : int
        Number of fields, one channel each.
    properties : int
        Number of properties to infer.
    channels : int
        Channels after the first block (12 in Table 4); block k has ``channels * 2**k``.
    size : int
        Pixels along a side of the map, a power of two.
    dropout : float
        Probability of dropping a feature before each fully connected layer, 0 <= dropout < 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """

    def __init__(self, in_channels, properties=6, channels=12, size=128, dropout=0.3522):
        super().__init__()
        for name, value in (
            ("in_channels", in_channels),
            ("properties", properties),
            ("channels", channels),
        ):
            if value < 1:
                raise ParameterError(f"{name} is out of range.", found=value, expected="at least 1")
        if not 0 <= dropout < 1:
            raise ParameterError("dropout is out of range.", found=dropout, expected="0 to 1")
        self.in_channels = in_channels
        self.properties = properties
        self.channels = channels
        self.size = size
        self.dropout = dropout

        layers = OrderedDict()
        width = in_channels
        blocks = number_of_blocks(size)
        for block in range(blocks):
            wider = channels * 2**block
            for step, (kernel, stride, padding) in enumerate(((3, 1, 1), (3, 1, 1), (2, 2, 0)), 1):
                _add_convolution(layers, f"{block}{step}", width, wider, kernel, stride, padding)
                width = wider
        _add_convolution(layers, f"{blocks}1", width, 2 * width, kernel=2, stride=1, padding=0)
        self.features = nn.Sequential(layers)
        self.head = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),
                D1=nn.Dropout(dropout),
                FC1=nn.Linear(2 * width, width),
                R1=nn.LeakyReLU(LEAKY_SLOPE),
                D2=nn.Dropout(dropout),
                FC2=nn.Linear(width, 2 * properties),
            )
        )
        self.positive = Positive()
        self._initialise()

    def _initialise(self):
        """Draw He's initial weights (2015, arXiv:1502.01852); start the last layer at the prior.

        Targets are scaled to 0-1, so an untrained network gives the moments of a flat prior: mean
        1/2 and standard deviation 1/sqrt(12).
        """
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=LEAKY_SLOPE)
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.head.FC2.weight *= 0.1
            self.head.FC2.bias[: self.properties] = 0.5
            self.head.FC2.bias[self.properties :] = 12**-0.5 - KNEE**2 / (4 * 12**-0.5)

    def forward(self, images):
        """Infer the posterior moments, in the scaled units of the targets.

        Parameters
        ----------
        images : torch.Tensor, shape (maps, fields, size, size)
            Standardised log10 maps; the last two axes are y (up) and x.

        Returns
        -------
        mean : torch.Tensor, shape (maps, properties)
        std : torch.Tensor, shape (maps, properties)
            Positive (:class:`Positive`); the square is a posterior variance.

        Raises
        ------
        ParameterError
            If the shape of `images` isn't the one that the network was made for.
        """
        self._check(images)
        return self._moments(self.head(self.features(images)))

    def embed(self, images, layer="hidden"):
        """Return features of maps, the inputs of a fully connected layer before its dropout.

        Parameters
        ----------
        images : torch.Tensor, shape (maps, fields, size, size)
        layer : {"convolutions", "hidden"}
            Outputs of the last convolution, or of the first fully connected layer.

        Returns
        -------
        torch.Tensor, shape (maps, width)
        """
        self._check(images)
        features = self.features(images)
        for name, step in self.head.named_children():
            if name == LAYERS[layer]:
                break
            features = step(features)
        return features

    def conclude(self, features, layer="hidden"):
        """Infer the posterior moments from features.

        Parameters
        ----------
        features : torch.Tensor, shape (maps, width)
            From :meth:`embed`.
        layer : {"convolutions", "hidden"}

        Returns
        -------
        mean, std : torch.Tensor, shape (maps, properties)
            As :meth:`forward` gives them.
        """
        names = list(self.head._modules)
        for name in names[names.index(LAYERS[layer]) :]:
            features = self.head.get_submodule(name)(features)
        return self._moments(features)

    def width_of(self, layer):
        """Return the number of features of :meth:`embed`.

        Parameters
        ----------
        layer : {"convolutions", "hidden"}

        Returns
        -------
        int
        """
        return {"convolutions": self.head.FC1, "hidden": self.head.FC2}[layer].in_features

    def _check(self, images):
        expected = (self.in_channels, self.size, self.size)
        if images.ndim != 4 or tuple(images.shape[1:]) != expected:
            raise ParameterError(
                "The images don't fit this network.",
                found=f"shape {tuple(images.shape)}",
                expected=f"shape (maps, {', '.join(map(str, expected))})",
                remedy="Coarsen the maps, or choose the fields, as in training.",
            )

    def _moments(self, outputs):
        return outputs[:, : self.properties], self.positive(outputs[:, self.properties :])

    @property
    def number_of_parameters(self):
        """Number of trainable parameters: 4.93 million for 2 fields, 12 channels, 128 pixels."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)


def _add_convolution(layers, name, width, wider, kernel, stride, padding):
    layers[f"C{name}"] = nn.Conv2d(width, wider, kernel, stride, padding, padding_mode="zeros")
    layers[f"B{name}"] = nn.BatchNorm2d(wider, eps=1e-5, momentum=0.1)
    layers[f"R{name}"] = nn.LeakyReLU(LEAKY_SLOPE, inplace=True)  # batch norm keeps its own input


def number_of_blocks(size):
    """Count the halving blocks for maps of `size` pixels: six for the paper's 128.

    Parameters
    ----------
    size : int
        Pixels along a side.

    Returns
    -------
    int

    Raises
    ------
    ParameterError
        If `size` isn't a power of two from 8 to 1024.
    """
    if size not in SIZES:
        raise ParameterError(
            "The network can't be built for this map size.",
            found=f"{size} pixels",
            expected=f"one of {SIZES}",
            remedy="Make the maps with such a size, or coarsen them with maps.coarsen.",
        )
    return int(size).bit_length() - 2


def moments(network, images, batch_size=64):
    """Infer the posterior moments of many maps, batch by batch.

    Parameters
    ----------
    network : MomentNetwork
        In evaluation mode.
    images : torch.Tensor, shape (maps, fields, y, x)
        Standardised log10 maps.
    batch_size : int
        Maps at once.

    Returns
    -------
    mean, std : ndarray, shape (maps, properties)
        In the scaled units of the targets.
    """
    empty = torch.zeros(0, network.properties)
    found = [(empty, empty)]
    with torch.inference_mode():
        for batch in images.split(batch_size):
            if len(batch):
                found.append(network(batch.contiguous(memory_format=torch.channels_last)))
    return tuple(torch.cat(one).numpy() for one in zip(*found, strict=True))


def folded(network):
    """Return a faster copy for inference, its batch normalisation folded into the convolutions.

    Parameters
    ----------
    network : MomentNetwork
        In evaluation mode.

    Returns
    -------
    MomentNetwork
        The same function to rounding error, channels last; not for training.

    Raises
    ------
    ResultError
        If `network` is in training mode, where it has no fixed batch statistics.
    """
    if network.training:
        raise ResultError(
            "A network in training mode can't be folded.", remedy="Call network.eval() first."
        )
    twin = deepcopy(network)
    layers = OrderedDict(twin.features.named_children())
    for name in [name for name in layers if name.startswith("B")]:
        convolution = f"C{name[1:]}"
        layers[convolution] = nn.utils.fuse_conv_bn_eval(layers[convolution], layers.pop(name))
    twin.features = nn.Sequential(layers)
    return twin.to(memory_format=torch.channels_last)
