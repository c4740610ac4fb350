"""Count what the maps of a snapshot cost at least, and compare it with what they cost.

Each stage of `maps.make` moves bytes and does operations, which are counted on the snapshot of
``maps.py``. Over the rates that this machine reaches at best they give the least time that one
thread could take. See benchmarks/README.md.
"""

import argparse
import cProfile
import json
import os
import pstats
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numba
import numpy as np
from maps import FIELDS, MINIMUM_MASS, floors, frame, gather, generated, simulation

from cgmhelpers.halos import cells, measuring, selection
from cgmhelpers.halos.reading import ROWS, read_once
from cgmhelpers.maps.projection import kernel, numba_backend, stamps
from cgmhelpers.simulations import hdf5

COMPARISON = 30
"""Operations to compare a particle with a halo: three distances in a periodic box, and a region."""
EMISSION = {"xray": 60, "hi": 150}
"""Operations for an element's deposit: look-ups in tables, and for HI exponentials."""


def main():
    """Count, time, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=2**24, help="gas cells of the snapshot")
    parser.add_argument("--folder", type=Path, help="keeps the snapshot there, and uses it again")
    arguments = parser.parse_args()
    os.environ |= {"CI": "1", "NUMBA_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sim = simulation(generated(folder, arguments.cells))
        compare(sim)


def compare(sim):
    """Print counts, rates, and the least and the measured seconds of each stage."""
    table = sim.halos(MINIMUM_MASS)
    rates = {"bytes": bandwidth(sim), "operations": vector_rate()}
    print(f"load average {os.getloadavg()[0]:.1f}; one thread")
    print(f"file in memory read at {rates['bytes'] / 1e9:.1f} GB/s")
    print(f"products and sums of float32 in the cache: {rates['operations'] / 1e9:.0f} GFLOP/s\n")
    spent = {"read, select, measure and emit": [], "project": []}
    for _ in range(3):
        begun = time.process_time()
        gathering, measure = gather(sim, table), measuring.Measuring(sim, table)
        read_once(sim, [measure, gathering])
        found = gathering.result()
        spent["read, select, measure and emit"].append(time.process_time() - begun)
        begun = time.process_time()
        numba_backend.project_many(
            found.offset, found.displacement, found.kernel_radius, found.quantities, frame(),
            floor=floors(), threads=1, dtype=np.float32,
        )  # fmt: skip
        spent["project"].append(time.process_time() - begun)
    functions(sim, table)
    counts = {
        "read, select, measure and emit": read_costs(sim, table),
        "project": {"operations": stamp_operations(found)},
    }
    print("| stage | counted | least, s | measured, s | measured over least |")
    print("|---|---|---|---|---|")
    result = {}
    for stage, seconds in spent.items():
        least = sum(number / rates[kind] for kind, number in counts[stage].items())
        told = ", ".join(f"{number / 1e9:.2f}e9 {kind}" for kind, number in counts[stage].items())
        ratio = min(seconds) / least
        print(f"| {stage} | {told} | {least:.2f} | {min(seconds):.2f} | {ratio:.1f} |")
        result[stage] = round(ratio, 1)
    print(json.dumps(result))


def functions(sim, table, most=7):
    """Print which functions the reading spends its time in, themselves."""
    profile = cProfile.Profile(time.process_time)
    gathering, measure = gather(sim, table), measuring.Measuring(sim, table)
    profile.runcall(read_once, sim, [measure, gathering])
    profile.runcall(gathering.result)
    spent = {}
    for (path, _, name), (_, _, own, *_) in pstats.Stats(profile).stats.items():
        where = f"{Path(path).stem}.{name}" if path != "~" else name
        spent[where] = spent.get(where, 0.0) + own
    largest = sorted(spent.items(), key=lambda item: -item[1])[:most]
    told = ", ".join(f"{name} {seconds:.2f}" for name, seconds in largest)
    print(
        f"reading, seconds of its functions under a profiler: {told}, all {sum(spent.values()):.2f}"
    )


# --- counts ---------------------------------------------------------------------------------


def read_costs(sim, table):
    """Bytes that are read, and operations of comparisons and emissions."""
    moved, original = [], hdf5._read_into

    def counting(file, part, dataset):
        moved.append(part.nbytes)
        original(file, part, dataset)

    hdf5._read_into = counting
    try:
        gathering, measure = gather(sim, table), measuring.Measuring(sim, table)
        read_once(sim, [measure, gathering])
    finally:
        hdf5._read_into = original
    frames, spheres = gathering._frames, measure._spheres
    compared = emitting = 0
    for kind in measure.kinds:
        with sim.reading(kind, ROWS) as (read, pieces):
            for rows in pieces:
                columns = read(("position",), rows)
                compared += candidates(
                    columns["position"], spheres.start, spheres.members, spheres.box_size
                )
                if kind == "gas":
                    radius = read(("smoothing_length",), rows)["smoothing_length"]
                    compared += framed(columns["position"], radius, frames._prepared)
                    found = frames.select(columns["position"], radius, threads=1)
                    emitting += len(np.unique(found.index))
    operations = compared * COMPARISON + emitting * sum(EMISSION[name] for name in FIELDS)
    print(f"{compared / 1e6:.0f} million comparisons of a particle with a halo, "
          f"{emitting / 1e6:.1f} million elements in maps\n")  # fmt: skip
    return {"bytes": sum(moved), "operations": operations}


@numba.njit
def candidates(position, start, members, box_size):
    """Comparisons of particles with the halos of their cells."""
    total = 0
    for row in range(len(position)):
        cell = cells.cell_of(position, row, box_size)
        total += start[cell + 1] - start[cell]
    return total


@numba.njit
def framed(position, radius, prepared):
    """Comparisons of elements with the frames of their cells."""
    _, _, _, box_size, margins, starts, _, everywhere = prepared
    total = 0
    for row in range(len(position)):
        level = selection._level(radius[row], margins)
        if level < len(starts):
            cell = cells.cell_of(position, row, box_size)
            total += starts[level, cell + 1] - starts[level, cell]
        else:
            total += everywhere[1] - everywhere[0]
    return total


def stamp_operations(found):
    """Products and sums of all stamps, and of the integrals that they are made from.

    Prints how long each step of the projection takes.
    """
    tables, shape, total = numba_backend.tabled(), frame(), 0
    pixels, size = shape.pixels, shape.pixel_size
    least = np.array(floors()) * size**2
    spent, kinds = dict.fromkeys(("choose elements", "stamp", "whole images"), 0.0), np.zeros(3)

    def timed(step, function, *arguments):
        begun = time.perf_counter()
        result = function(*arguments)
        spent[step] += time.perf_counter() - begun
        return result

    for first, last in pairwise(found.offset):
        own = slice(first, last)
        away, radius = found.displacement[own], found.kernel_radius[own]
        for axis in range(3):
            line, across, up = (away[:, (axis + turn) % 3] for turn in range(3))
            inside = timed(
                "choose elements", kernel.fraction_within_depth, line, radius, shape.depth
            )
            x, y, h, weight, scale = timed(
                "choose elements", numba_backend._touching,
                across, up, radius, found.quantities[own], inside, pixels, size,
            )  # fmt: skip
            elements = x, y, h, weight, pixels, least / scale
            kind = timed("stamp", numba_backend.stamped, *elements, *tables[:4])[2]
            timed("whole images", numba_backend._image, *elements, *tables)
            kinds += np.bincount(kind, minlength=3)
            total += operations(h[kind == 0], h[kind == 1], h[kind == 2])
    images = 3 * (len(found.offset) - 1)
    spent["faint pixels, and sums"] = spent.pop("whole images") - spent["stamp"]
    told = ", ".join(f"{step} {1e3 * seconds / images:.2f}" for step, seconds in spent.items())
    print(f"projection, ms for both fields of an axis: {told}")
    names = ("exact", "five products", "two products")
    told = ", ".join(f"{n / images:.0f} {name}" for name, n in zip(names, kinds, strict=True))
    print(f"stamps for both fields of an axis: {told}\n")
    return total


def operations(exact, wide, small):
    """Operations of exact, wide and small stamps of these radii in pixels."""
    grid = small / 2.0 ** np.maximum(np.ceil(np.log2(small / numba_backend.SMALL_BELOW)), 0)
    lines, block = 2 * stamps.WIDTH, stamps.WIDTH
    of_small = (2 * grid + 1) * lines * 2 * stamps.RANK
    of_small += 2 * 2 * (block + 8) * 14 + 3 * lines  # integrals, and their products with weights
    rows = 2 * wide + 1
    of_wide = rows * np.ceil(rows / block) * lines * 2 * stamps.WIDE_RANK
    of_wide += 2 * stamps.WIDE_RANK * rows * 20
    of_exact = (2 * exact + 2) ** 2 * 14
    return of_small.sum() + of_wide.sum() + of_exact.sum()


# --- rates ----------------------------------------------------------------------------------


def bandwidth(sim, piece=2**22):
    """Bytes per second that a file is read with, which the system has in memory."""
    buffer, best = bytearray(piece), 0.0
    for _ in range(3):
        begun, moved = time.perf_counter(), 0
        with open(sim.snapshot_files[0], "rb", buffering=0) as file:
            while number := file.readinto(buffer):
                moved += number
        best = max(best, moved / (time.perf_counter() - begun))
    return best


def vector_rate(size=2**11, rounds=20000):
    """Operations per second of products and sums in the processor's first cache."""
    one, other, total = (np.full(size, value, np.float32) for value in (0.5, 0.25, 0.0))
    _multiply(total, one, other, 1)
    best = 0.0
    for _ in range(5):
        begun = time.perf_counter()
        _multiply(total, one, other, rounds)
        best = max(best, 4.0 * size * rounds / (time.perf_counter() - begun))
    return best


@numba.njit(fastmath={"contract"}, error_model="numpy")
def _multiply(total, one, other, rounds):
    """Two products and sums for each number, as a small stamp has them."""
    for k in range(rounds):
        a, b = np.float32(k % 3), np.float32(k % 5)
        for i in range(len(total)):
            total[i] += a * one[i] + b * other[i]


if __name__ == "__main__":
    main()
