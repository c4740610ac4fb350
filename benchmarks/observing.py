"""Time noisy observed maps of two fields against the training of the paper's network on them."""

import argparse
import json
import statistics
import time

import torch

from cgmhelpers.network.loop import keep_pages
from cgmhelpers.network.loss import moment_loss
from cgmhelpers.network.moment_network import MomentNetwork
from cgmhelpers.sky import instruments
from cgmhelpers.sky.observing import Observation

BATCH, PIXELS, PIXEL_KPC = 128, 128, 4.0


def seconds(work, repeats):
    """Return the median time of a call; the first one warms up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main():
    """Print a table, and one JSON object in the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redshift", type=float, default=0.03)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    keep_pages()
    names = {"xray": "erosita_erass4", "hi": "meerkat_mhongoose_30"}
    observation = Observation(
        instruments={field: instruments.load(name) for field, name in names.items()},
        redshift=(options.redshift, options.redshift),
        depth=(0.5, 2),
        sources=2,
    )
    generator = torch.Generator().manual_seed(1)
    maps = 10 ** torch.randn(BATCH, 2, PIXELS, PIXELS, generator=generator)
    maps *= torch.tensor([1e-16, 1e18])[:, None, None]
    drawing = seconds(lambda: observation.draw(maps, PIXEL_KPC, 1), options.repeats)

    network = MomentNetwork(in_channels=len(observation.channels))
    optimizer = torch.optim.AdamW(network.parameters())
    images = observation.draw(maps, PIXEL_KPC, 1).log10()
    images = (images - images.mean((0, 2, 3), keepdim=True)) / 2
    targets = torch.rand(BATCH, 6, generator=generator)

    def step():
        optimizer.zero_grad()
        moment_loss(targets, *network(images)).backward()
        optimizer.step()

    training = seconds(step, max(2, options.repeats // 2))
    rates = {"observed": BATCH / drawing, "trained": BATCH / training}
    for name, rate in rates.items():
        print(f"{name:10} {rate:8.0f} pairs of maps/s")
    print(json.dumps(rates | {"ratio": training / drawing, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
