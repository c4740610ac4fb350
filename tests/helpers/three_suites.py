"""A run of three suites whose maps are blobs, and the experiment that leaves out the last."""

import numpy as np
from helpers.blobs import blobs

from cgmhelpers.maps import store
from cgmhelpers.runs.leaving_out import LeavingOut
from cgmhelpers.runs.run import Run

SUITES = ["IllustrisTNG", "SIMBA", "Astrid"]


def opened(folder, **options):
    return Run.from_profile(
        "smoke", runs=str(folder), run="r", suites=SUITES, epochs=1, map_size=16, trial_map_size=16,
        sky_map_size=16,
        pixels=16, channels=2, batch_size=16, limits=["ideal"], cluster="none", **options,
    )  # fmt: skip


def experiment(folder):
    """Leave out the last of three suites, whose maps are there; it is brighter."""
    run = opened(folder, target="Astrid", realisations=3)
    stores = {}
    for number, suite in enumerate(SUITES):
        whole = blobs(120, suite=suite, seed=number)
        whole["image"] = whole["image"] * np.float32(3 ** (number == 2))
        stores[suite] = run.plan.stores()[suite]
        for box, path in enumerate(stores[suite]):
            path.parent.mkdir(parents=True, exist_ok=True)
            some = whole.isel(halo=whole["realisation"].values == box)
            store.write(some.assign_attrs(fingerprint=path.name), path)
    run.maps = lambda: stores
    return LeavingOut(run, kinds=["mmd"])
