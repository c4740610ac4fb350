"""Many simulations and a large store: is memory flat?

``python tests/loads.py simulations FOLDER NUMBER`` maps NUMBER realisations of each suite (copies
of one mock) with two workers; ``python tests/loads.py store FOLDER HALOS PIXELS`` trains one epoch
from a store that stays on disk. Each prints JSON with what it measured.
"""

import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil

MEGABYTE = 2**20


class Watch:
    """Largest resident memory of this process and of its children, sampled by a thread."""

    def __init__(self, children):
        self.children = children
        self.samples = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        own, began = psutil.Process(), time.monotonic()
        while not self._ended.wait(0.2):
            family = own.children(recursive=True) if self.children else [own]
            sizes = []
            for one in family:
                try:
                    sizes.append(one.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            if sizes:
                self.samples.append((time.monotonic() - began, max(sizes) / MEGABYTE))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()


def simulations(folder, number):
    """Map copies of one mock simulation of each suite, with two workers."""
    from cgmhelpers.mock import writing
    from cgmhelpers.runs.run import Run
    from cgmhelpers.simulations import discovery, simulation

    root = folder / "data"
    writing.write(root, discovery.SUITES, (0,), cells=20_000, progress=False)
    for suite in discovery.SUITES:
        first = simulation.Simulation(root, suite)
        for path in (first.snapshot_path, first.catalogue_path):
            for copy in range(1, number):
                target = path.parents[2] / f"CV_{copy}" / path.name
                target.parent.mkdir(exist_ok=True)
                os.link(path, target)
    run = Run.from_profile(
        "smoke", runs=str(folder), run="load", data_root=str(root), realisations=number,
        pixels=32, pixel_size=16.0, map_size=32, workers=2,
    )  # fmt: skip
    with Watch(children=True) as watch:
        stores = run.maps()
    made = sum(map(len, stores.values()))
    samples = np.array(watch.samples)
    # The pool of workers is started once for halos and once for maps: the maps' is the last.
    last = samples[samples[:, 0] > 0.5 * samples[-1, 0]]
    middle, end = (np.median(part[:, 1]) for part in np.array_split(last, 2))
    return {"stores": made, "largest": samples[:, 1].max(), "middle": middle, "end": end}


def store(folder, halos, pixels):
    """Write a store of random blobs piece by piece, and train from disk."""
    import dask.array as da
    from blobs import blobs

    from cgmhelpers.maps import store as map_store
    from cgmhelpers.network import batches, training
    from cgmhelpers.network.settings import TrainingSettings

    batches.WINDOW_BYTES = 2**26  # so that the window, which is constant, doesn't hide the rest

    pattern = blobs(200, size=pixels)
    rows = np.arange(halos) % 200
    ds = pattern.isel(halo=rows).drop_vars("image").assign_coords(group=("halo", np.arange(halos)))
    known = pattern["image"].values
    chunks = (map_store.HALOS_PER_CHUNK, *known.shape[1:])

    def part(block_info=None):
        low, high = block_info[None]["array-location"][0]
        return known[rows[low:high]]

    blocks = da.core.normalize_chunks(chunks, (halos, *known.shape[1:]), dtype="f4")
    images = da.map_blocks(part, chunks=blocks, dtype="f4")
    ds = ds.assign(image=(pattern["image"].dims, images)).assign_attrs(fingerprint="load")
    for name in ("image", "properties"):
        ds[name].encoding = {}
    path = folder / "large.zarr"
    map_store.write(ds, path)
    del ds, images
    size = halos * known[0].nbytes / MEGABYTE
    before = psutil.Process().memory_info().rss / MEGABYTE
    settings = TrainingSettings(
        epochs=1, batch_size=64, channels=2, schedule="one_cycle", threads=1, memory=0.0
    )
    began = time.monotonic()
    with Watch(children=False) as watch:
        training.train(path, ["xray", "hi"], "ideal", folder / "network", settings, progress=False)
    shutil.rmtree(path)
    largest = max(size for _, size in watch.samples)
    return {
        "store": size,
        "before": before,
        "largest": largest,
        "seconds": time.monotonic() - began,
    }


def main(what, folder, *numbers):
    """Measure, and print."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"simulations": simulations, "store": store}[what](folder, *numbers)
    print(json.dumps({name: round(float(value), 1) for name, value in found.items()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
