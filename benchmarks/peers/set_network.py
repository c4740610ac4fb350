"""A permutation-invariant network on sets of halos (Zaheer et al. 2017, arXiv:1703.06114).

It infers the mean of a property in a population from what is known of each halo, without priors,
weights or densities: what `cgmhelpers.sky.stacking` is compared with.
"""

import numpy as np
import torch
from torch import nn

STEPS, SETS, WIDTH = 1500, 64, 64


class SetNetwork(nn.Module):
    """A network of each halo, their mean over the set, and a network of that."""

    def __init__(self, inputs):
        super().__init__()
        self.one = nn.Sequential(nn.Linear(inputs, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.all = nn.Sequential(nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, 2))

    def forward(self, sets):
        """Return mean and log width of the population's mean, for sets (sets, halos, inputs)."""
        return self.all(self.one(sets).mean(dim=1)).unbind(dim=-1)


def train(inputs, truth, number, populations, seed=1):
    """Train on sets of halos, and return what infers the mean of others.

    Parameters
    ----------
    inputs : ndarray, shape (halos, inputs)
        What is known of each halo.
    truth : ndarray, shape (halos,)
        Their property.
    number : int
        Halos of a set.
    populations : ndarray, shape (populations, halos)
        Probabilities of the halos in each population that it learns from.
    seed : int
        Of weights and sets.

    Returns
    -------
    callable
        From inputs (number, inputs) to the mean of the population and its error.
    """
    torch.manual_seed(seed)
    rng, network = np.random.default_rng(seed), SetNetwork(inputs.shape[1])
    middle, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scaled = torch.from_numpy(((inputs - middle) / scale).astype(np.float32))
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, STEPS)
    for _ in range(STEPS):
        shares = populations[rng.integers(len(populations), size=SETS)]
        rows = np.stack([rng.choice(len(truth), number, p=share) for share in shares])
        wanted = torch.from_numpy((shares @ truth - truth.mean()) / truth.std())
        mean, log_width = network(scaled[rows])
        loss = (((mean - wanted) / log_width.exp()) ** 2 / 2 + log_width).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()

    def infer(own):
        own = torch.from_numpy(((own - middle) / scale).astype(np.float32))
        with torch.inference_mode():
            mean, log_width = network(own[None])
        return truth.mean() + truth.std() * mean.item(), truth.std() * log_width.exp().item()

    return infer
