"""Kill a run again and again, and compare what it ends with to a run that nobody disturbed.

``python tests/interruptions.py FOLDER KILLS SEED`` goes through the stages of a small run: mock,
halos, maps, training, predictions, tuning, one notebook. Each is killed (SIGKILL, with all of its
processes) at random moments and started again, until it ends. Stages run in forks of one process
that has imported everything, so that a kill hits work and not imports.
"""

import json
import os
import signal
import sys
import time
from importlib import import_module
from itertools import cycle
from pathlib import Path

import nbformat
import numpy as np
import optuna
import pandas as pd
import psutil
from safetensors.numpy import load_file

from cgmhelpers.network import checkpoint, studies, tuning
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.task import Task
from cgmhelpers.runs import notebooks
from cgmhelpers.runs.run import Run

SETTINGS = {
    "suites": ["SIMBA"],
    "realisations": 1,
    "mock_cells": 20_000,
    "pixels": 32,
    "pixel_size": 16.0,
    "map_size": 16,
    "fields": ["xray", "hi"],
    "limits": ["survey"],
    "split_by": "halo",
    "channels": 2,
    "epochs": 6,
    "batch_size": 16,
    "workers": 1,
}
TRIALS = 3
NOTEBOOK = "01_simulations"


def run_in(folder):
    """Open the run."""
    return Run.from_profile("smoke", run="run", runs=str(folder), **SETTINGS)


def tune(folder):
    """Search for hyperparameters on the run's maps."""
    settings = TrainingSettings(
        epochs=2, batch_size=16, channels=2, schedule="one_cycle", threads=1
    )
    stores = sorted((folder / "run" / "maps").glob("*.zarr"))
    task = Task(stores, ["hi"], "survey", settings, 16)
    tuning.tune(task, folder / "run" / "tuning", trials=TRIALS, progress=False)


def execute(folder):
    """Execute a notebook."""
    notebooks.run_notebooks("smoke", [NOTEBOOK], run="run", runs=str(folder), **SETTINGS)


STAGES = {
    "mock": lambda folder: run_in(folder).simulations,
    "halos": lambda folder: run_in(folder).halos(),
    "maps": lambda folder: run_in(folder).maps(),
    "training": lambda folder: run_in(folder).networks(),
    "predictions": lambda folder: run_in(folder).predictions(),
    "tuning": tune,
    "notebook": execute,
}


def start(stage, folder):
    """Start a stage in a fork, in a process group of its own."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    status = 1
    try:
        STAGES[stage](folder)
        status = 0
    finally:
        os._exit(status)


def finish(stage, folder):
    """Run a stage to its end; the seconds that it took."""
    began = time.monotonic()
    _, status = os.waitpid(start(stage, folder), 0)
    if status:
        raise RuntimeError(f"{stage} failed with status {status}")
    return time.monotonic() - began


def kill_after(seconds, stage, folder):
    """Start a stage and kill it and all that it started; whether it was still running."""
    child = start(stage, folder)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if status:
                raise RuntimeError(f"{stage} failed with status {status} after a kill")
            return False
        time.sleep(0.005)
    family = [psutil.Process(child), *psutil.Process(child).children(recursive=True)]
    for one in family:
        try:
            one.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    os.waitpid(child, 0)
    return True


def disturb(folder, seconds, kills, seed):
    """Run all stages with kills spread over them; the kills that each one got."""
    rng = np.random.default_rng(seed)
    counts = dict.fromkeys(STAGES, 0)
    shares = dict.fromkeys(STAGES, 0)
    for _, stage in zip(range(kills), cycle(STAGES), strict=False):
        shares[stage] += 1
    spare = 0
    for stage in STAGES:
        for _ in range(shares[stage] + spare):
            if not kill_after(rng.uniform(0, 0.9) * seconds[stage], stage, folder):
                break  # done before its time: the next stage gets the rest
            counts[stage] += 1
        spare = max(shares[stage] + spare - counts[stage], 0)
        finish(stage, folder)
    return counts


# --- comparison -----------------------------------------------------------------------------


def _same(what, condition):
    if not condition:
        raise AssertionError(f"{what} differs from that of the undisturbed run")


def _files(folder, pattern):
    return sorted(path.relative_to(folder) for path in folder.rglob(pattern) if path.is_file())


def compare(straight, killed):
    """Hold the files of two runs against each other; raises where they differ."""
    left = list(killed.rglob(".part-*"))
    _same(f"what is left lying about ({left})", not left)
    for pattern in ("*.hdf5", "halos/*.parquet", "predictions/*.parquet", "maps/*/image/c/**/*",
                    "maps/*/properties/c/**/*"):  # fmt: skip
        names = _files(straight, pattern)
        _same(f"the list of {pattern}", names and names == _files(killed, pattern))
        for name in names:
            _same(name, (straight / name).read_bytes() == (killed / name).read_bytes())
    for name in _files(straight / "networks", checkpoint.WEIGHTS):
        one, other = (load_file(folder / "networks" / name) for folder in (straight, killed))
        _same(name, all(np.array_equal(one[key], other[key]) for key in one.keys() | other.keys()))
        curves = [
            pd.read_csv(folder / "networks" / name.parent / checkpoint.HISTORY)
            for folder in (straight, killed)
        ]
        one, other = (curve.drop(columns=["seconds", "images_per_second"]) for curve in curves)
        _same(f"the learning curve of {name.parent}", one.equals(other))
    tables = [
        studies.trials_table(run / "tuning").query("state in ('complete', 'pruned')")
        for run in (straight, killed)
    ]
    values = ["validation_loss", *studies.TUNED]
    one, other = (table[values].reset_index(drop=True) for table in tables)
    _same("the study", len(one) == TRIALS and one.equals(other))
    books = [
        nbformat.read(run / "notebooks" / f"{NOTEBOOK}.ipynb", 4) for run in (straight, killed)
    ]
    pictures = [
        [out["data"].get("image/png") for cell in book.cells for out in cell.get("outputs", ())
         if "data" in out]
        for book in books
    ]  # fmt: skip
    _same("the notebook's pictures", pictures[0] == pictures[1] and any(pictures[0]))


def main(folder, kills, seed):
    """Run undisturbed, run disturbed, compare; prints the kills of each stage as JSON."""
    for name in ("lightning.pytorch", "optuna", "papermill", "cgmhelpers.inference.prediction",
                 "zarr", "cgmhelpers.mock.writing", "astropy.cosmology"):  # fmt: skip
        import_module(name)  # what the stages import by themselves, before the first fork
    seconds = {stage: finish(stage, folder) for stage in STAGES}
    (folder / "run").rename(folder / "straight")
    counts = disturb(folder, seconds, kills, seed)
    compare(folder / "straight", folder / "run")
    print(json.dumps({"kills": counts, "seconds": {k: round(v, 2) for k, v in seconds.items()}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
