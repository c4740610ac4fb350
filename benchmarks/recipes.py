"""Compare two recipes of training, seed by seed: settings that differ, and all else alike.

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
COMMON = {
    "epochs": 20, "batch_size": 32, "channels": 8, "dropout": 0.2, "learning_rate": 2e-3,
    "weight_decay": 1e-3, "schedule": "one_cycle", "augmentation": True, "threads": 1,
}  # fmt: skip
MEASURES = ("loss", "r2", "epoch", "seconds")


def main():
    """Train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", help="map stores")
    parser.add_argument("--first", type=json.loads, default={"augmentation": False}, help="JSON")
    parser.add_argument("--second", type=json.loads, default={"augmentation": True}, help="JSON")
    parser.add_argument("--limits", default="survey", help="ideal or survey")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=32, help="side of the maps")
    arguments = parser.parse_args()
    recipes = arguments.first, arguments.second
    with tempfile.TemporaryDirectory() as folder:
        stores = arguments.stores or quick_maps(folder)
        compare(stores, arguments.limits, folder, recipes, arguments.seeds, arguments.size)


def quick_maps(folder):
    """Make the maps of one suite of the quick profile."""
    from cgmhelpers.runs.run import Run

    stores = Run.from_profile("quick", suites=[SUITE], runs=folder).maps()[SUITE]
    return [str(path) for path in stores]


def compare(stores, limits, folder, recipes, seeds, size):
    """Train each seed both ways and print how it ended."""
    cases = [(seed, which) for seed in range(1, seeds + 1) for which in (0, 1)]
    found = {}
    for seed, which in bar(cases, "Trainings"):
        settings = COMMON | recipes[which] | {"seed": seed}
        found[seed, which] = train(stores, limits, f"{folder}/{seed}_{which}", settings, size)
    for which, recipe in enumerate(recipes, 1):
        print(f"{which}: {json.dumps(recipe)}")
    print(f"{size} px, {limits} limits; lowest validation loss, R2 and number of its epoch, time\n")
    print("| seed | " + " | ".join(f"{name} {n}" for name in MEASURES for n in (1, 2)) + " |")
    print("|" + "---|" * (1 + 2 * len(MEASURES)))
    for seed in range(1, seeds + 1):
        pairs = zip(found[seed, 0], found[seed, 1], strict=True)
        print(
            f"| {seed} | " + " | ".join(f"{value:.3f}" for pair in pairs for value in pair) + " |"
        )
    changes = np.array([np.subtract(found[s, 1], found[s, 0]) for s in range(1, seeds + 1)])
    mean, error = changes.mean(axis=0), changes.std(axis=0, ddof=1) / seeds**0.5
    print(json.dumps({
        f"{name}_change{ending}": round(float(value), 3)
        for ending, row in (("", mean), ("_error", error))
        for name, value in zip(MEASURES, row, strict=True)
    }))  # fmt: skip


def train(stores, limits, folder, settings, size):
    """Train once; return the lowest validation loss, R2 and number of its epoch, and the time."""
    settings = TrainingSettings(**settings)
    training.train(stores, FIELDS, limits, folder, settings, size=size, progress=False)
    history = pd.read_csv(Path(folder) / "history.csv")
    best = history["validation_loss"].idxmin()
    lowest = history.loc[best, ["validation_loss", "validation_r2"]]
    return *lowest, best + 1, history["seconds"].sum()


if __name__ == "__main__":
    main()
