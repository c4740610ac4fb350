"""The published network and its training in plain PyTorch, as its tutorials would have it.

What benchmarks/training.py compares with. Nothing here is from the library.
"""

import time

import torch
from torch import nn

CHANNELS, DROPOUT, PROPERTIES, FIELDS = 12, 0.3522, 6, 2
RATE, DECAY, STEPS_UP, BETAS = 1e-4, 1e-4, 500, (0.5, 0.999)


class Network(nn.Module):
    """The layers of Tables 4 and 5, written down one after another."""

    def __init__(self, size):
        super().__init__()
        layers, width, pixels, wider = [], FIELDS, size, CHANNELS
        while pixels > 2:
            for kernel, stride, padding in ((3, 1, 1), (3, 1, 1), (2, 2, 0)):
                layers += [
                    nn.Conv2d(width, wider, kernel, stride, padding),
                    nn.BatchNorm2d(wider),
                    nn.LeakyReLU(0.2),
                ]
                width = wider
            wider, pixels = 2 * wider, pixels // 2
        layers += [nn.Conv2d(width, 2 * width, 2), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(DROPOUT),
            nn.Linear(2 * width, width),
            nn.LeakyReLU(0.2),
            nn.Dropout(DROPOUT),
            nn.Linear(width, 2 * PROPERTIES),
        )

    def forward(self, images):
        """Mean and standard deviation of the posterior."""
        outputs = self.head(self.features(images))
        width = outputs[:, PROPERTIES:]
        return outputs[:, :PROPERTIES], (width + torch.sqrt(width**2 + 0.2**2)) / 2


def loss(truth, mean, std):
    """The loss of the CMD code, as a sum over the properties."""
    first = torch.mean((truth - mean) ** 2, dim=0)
    second = torch.mean(((truth - mean) ** 2 - std**2) ** 2, dim=0)
    return torch.sum(torch.log(first) + torch.log(second))


def optimiser_and_schedule(network):
    """AdamW and the cyclic schedule of the CMD code."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, betas=BETAS, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CyclicLR(
        optimiser, base_lr=1e-9, max_lr=RATE, step_size_up=STEPS_UP, step_size_down=STEPS_UP,
        cycle_momentum=False,
    )  # fmt: skip
    return optimiser, schedule


def train(images, targets, batch, epochs):
    """Train: the network, and images per second of each epoch."""
    data = torch.utils.data.TensorDataset(images, targets)
    loader = torch.utils.data.DataLoader(data, batch, shuffle=True)
    network = Network(images.shape[-1])
    optimiser, schedule = optimiser_and_schedule(network)
    rates = []
    for _ in range(epochs):
        begun = time.perf_counter()
        for maps, truth in loader:
            optimiser.zero_grad()
            mean, std = network(maps)
            step_loss = loss(truth, mean, std)
            step_loss.backward()
            optimiser.step()
            schedule.step()
        rates.append(len(images) / (time.perf_counter() - begun))
    return network, rates


def infer(network, images, batch=64):
    """Posterior moments of all images."""
    network.eval()
    with torch.no_grad():
        return [network(maps) for maps in images.split(batch)]
