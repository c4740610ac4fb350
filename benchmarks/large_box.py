"""Time properties and maps of a box of eight times the volume, against the box itself.

A mock snapshot of TNG's dialect, gzip-compressed, is laid side by side eight times, as L50n512 is
eight times L25n256: once in one file, once in eight parts. Each is read to properties and maps in
a process of its own. The last line is one JSON object: the ratio of the times, and the peak memory.

``python benchmarks/large_box.py`` takes 16.8 million cells and 134 million; ``--cells 300000`` half
a minute.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import h5py
import numpy as np

SUITE, SIDE = "IllustrisTNG", 2
FIELDS = ("xray", "hi")
PARTS = "parts"


def main():
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=2**24, help="gas cells of the small box")
    parser.add_argument("--folder", type=Path, help="keeps the snapshots there")
    parser.add_argument("--child", nargs=2, metavar=("ROOT", "VOLUME"), help="internal")
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measured(*arguments.child)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        compare(arguments.folder or Path(temporary), arguments.cells)


def compare(folder, cells):
    """Measure the small box twice, for compiled code, and the large one in both forms."""
    os.environ["CI"] = "1"  # no progress bars
    small = generated(folder / f"{cells}", cells)
    large = {form: tiled(small, folder / f"{cells}_{form}", form) for form in ("file", PARTS)}
    child(small, "L25n256")
    first = child(small, "L25n256")
    result = {"cells": first["cells"], "seconds": first["seconds"], "peak_gb": first["peak_gb"]}
    print(f"{first['cells']} cells, {first['halos']} halos: {first['seconds']:.1f} s, "
          f"{first['peak_gb']:.2f} GB", flush=True)  # fmt: skip
    for form, root in large.items():
        one = child(root, "L50n512")
        result |= {
            f"ratio_{form}": round(one["seconds"] / first["seconds"], 2),
            f"peak_gb_{form}": one["peak_gb"],
        }
        print(f"{one['cells']} cells in one {form}, {one['halos']} halos: {one['seconds']:.1f} s, "
              f"{one['peak_gb']:.2f} GB", flush=True)  # fmt: skip
    print(json.dumps(result))


def generated(root, cells):
    """Write the small box, unless it is there."""
    from cgmhelpers.mock import writing

    writing.write(root, suites=(SUITE,), cells=cells, compression="gzip", progress=False)
    return root


def tiled(small, root, form):
    """Lay the small box side by side, chunk by chunk."""
    from cgmhelpers.simulations.simulation import Simulation

    sim = Simulation(small, SUITE)
    paths = {"Sims": sim.snapshot_path, "FOF_Subfind": sim.catalogue_path}
    for top, path in paths.items():
        stem = "snap_090" if top == "Sims" else "fof_subhalo_tab_090"
        folder = root / top / SUITE / "L50n512/CV/CV_0"
        folder.mkdir(parents=True, exist_ok=True)
        places = [np.array(place) for place in product(range(SIDE), repeat=3)]
        if form == PARTS:
            for number, place in enumerate(places):
                with h5py.File(folder / f"{stem}.{number}.hdf5", "w") as file:
                    copy(path, file, [place], len(places))
        else:
            with h5py.File(folder / f"{stem}.hdf5", "w") as file:
                copy(path, file, places, 1)
    return root


def copy(path, target, places, files):
    """Write copies of a file, each moved to its place."""
    with h5py.File(path) as source:
        header = dict(source["Header"].attrs)
        box = float(header["BoxSize"])
        for name, group in source.items():
            for column, values in group.items():
                if isinstance(values, h5py.Dataset):
                    moved = column in ("Coordinates", "GroupPos", "SubhaloPos", "GroupCM")
                    copy_column(values, target, f"{name}/{column}", places, box * moved)
            target.require_group(name).attrs.update(dict(group.attrs))
    whole = SIDE**3
    changed = {"BoxSize": SIDE * box, "NumFilesPerSnapshot": files, "NumFiles": files}
    for name, value in header.items():
        if name.endswith("_Total"):
            changed[name] = value * whole
        if name.endswith("_ThisFile"):
            changed[name] = value * len(places)
    target["Header"].attrs.update({k: v for k, v in changed.items() if k in header})


def copy_column(values, target, name, places, box):
    """Append the values once a place; compressed chunks are copied as they are."""
    number = len(values)
    whole_chunks = values.chunks and number % values.chunks[0] == 0 and not box
    rows = values.chunks[0] * 16 if values.chunks else max(number, 1)
    made = target.create_dataset(
        name,
        (number * len(places), *values.shape[1:]),
        values.dtype,
        chunks=values.chunks,
        compression=values.compression,
        compression_opts=values.compression_opts,
        shuffle=values.shuffle,
    )
    if whole_chunks:
        for index in range(values.id.get_num_chunks()):
            offset = values.id.get_chunk_info(index).chunk_offset
            mask, piece = values.id.read_direct_chunk(offset)
            for tile in range(len(places)):
                moved = (tile * number + offset[0], *offset[1:])
                made.id.write_direct_chunk(moved, piece, filter_mask=mask)
        return
    for start in range(0, number, rows):
        piece = values[start : start + rows]
        for tile, place in enumerate(places):
            first = tile * number + start
            moved = piece + (box * place).astype(piece.dtype) if box else piece
            made[first : first + len(piece)] = moved


# --- one measurement, in a process of its own -----------------------------------------------


def child(root, volume):
    """Run `measured` in a new process and read what it prints."""
    command = [sys.executable, __file__, "--child", str(root), volume]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measured(root, volume):
    """Properties and maps of all halos of a box."""
    from cgmhelpers import Simulation, maps

    sim = Simulation(root, SUITE, volume=volume)
    with tempfile.TemporaryDirectory() as temporary:
        start = time.perf_counter()
        made = maps.make(sim, FIELDS, Path(temporary) / "maps.zarr", progress=False)
        seconds = time.perf_counter() - start
        halos = made.sizes["halo"]
    return {
        "seconds": round(seconds, 2),
        "cells": sim.number("gas"),
        "halos": halos,
        "peak_gb": peak_memory(),
    }


def peak_memory():
    """Greatest memory of this process so far [GB], without what its parent had."""
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in status if line.startswith("VmHWM"))
    return round(int(peak.split()[1]) * 1024 / 1e9, 2)


if __name__ == "__main__":
    main()
