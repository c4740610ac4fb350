"""Compare trainings with and without the eight symmetries of the square, seed by seed.

Takes map stores of one suite, such as ``runs/quick/maps/SIMBA_CV_*.zarr``; without any it makes
those of the quick profile first. Prints a table and, as the last line, one JSON object.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.network import training
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.system.progress import bar

SUITE, FIELDS = "SIMBA", ("xray", "hi")


def main():
    """Train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", help="map stores")
    parser.add_argument("--limits", default="survey", help="ideal or survey")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=32, help="side of the maps")
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stores = arguments.stores or quick_maps(folder)
        compare(stores, arguments.limits, folder, arguments.seeds, arguments.size, arguments.epochs)


def quick_maps(folder):
    """Make the maps of one suite of the quick profile."""
    from cgmhelpers.runs.run import Run

    stores = Run.from_profile("quick", suites=[SUITE], runs=folder).maps()[SUITE]
    return [str(path) for path in stores]


def compare(stores, limits, folder, seeds, size, epochs):
    """Train each seed both ways and print how it ended."""
    cases = [(seed, augmented) for seed in range(1, seeds + 1) for augmented in (False, True)]
    tasks = [(stores, limits, f"{folder}/{n}", *case, size, epochs) for n, case in enumerate(cases)]
    found = {case: train(*task) for case, task in zip(cases, bar(tasks, "Trainings"), strict=True)}
    print(f"{size} px, {epochs} epochs; lowest validation loss, and R2 of its epoch\n")
    print("| seed | loss without | loss with | R2 without | R2 with |\n|---|---|---|---|---|")
    for seed in range(1, seeds + 1):
        without, with_it = found[seed, False], found[seed, True]
        values = (without[0], with_it[0], without[1], with_it[1])
        print(f"| {seed} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    changes = np.array([np.subtract(found[s, True], found[s, False]) for s in range(1, seeds + 1)])
    mean, error = changes.mean(axis=0), changes.std(axis=0, ddof=1) / seeds**0.5
    names = ("loss_change", "r2_change")
    print(json.dumps({name: round(float(one), 3) for name, one in zip(names, mean, strict=True)}
                     | {f"{name}_error": round(float(one), 3)
                        for name, one in zip(names, error, strict=True)}))  # fmt: skip


def train(stores, limits, folder, seed, augmented, size, epochs):
    """Train once; return the lowest validation loss and the R2 of its epoch."""
    settings = TrainingSettings(
        augmentation=augmented, seed=seed, epochs=epochs, batch_size=32, channels=8, dropout=0.2,
        learning_rate=2e-3, weight_decay=1e-3, schedule="one_cycle",
    )  # fmt: skip
    training.train(stores, FIELDS, limits, folder, settings, size=size, progress=False)
    history = pd.read_csv(Path(folder) / "history.csv")
    best = history.loc[history["validation_loss"].idxmin()]
    return best["validation_loss"], best["validation_r2"]


if __name__ == "__main__":
    main()
