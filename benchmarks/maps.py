"""Time the maps of a snapshot, and of its peers on the same snapshot and the same arrays.

Run ``make bench-maps``. A mock snapshot is generated (plain and gzip-compressed); the last line is
one JSON object. See benchmarks/README.md for what is compared with what.
"""

import argparse
import functools
import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np

SUITE = "IllustrisTNG"
PIXELS, PIXEL_SIZE, DEPTH = 128, 4.0, 1000.0
HALF_WIDTH = 0.5 * PIXELS * PIXEL_SIZE
FIELDS = ("xray", "hi")
MINIMUM_MASS = 10**11.5
AXES = range(3)
REPEATS = 3
PATIENCE = 240  # seconds after which yt gets no further halo
ALONE, TOGETHER = "cgmhelpers, 1 thread", "cgmhelpers, all threads"


def main():
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=2**24, help="gas cells of the snapshot")
    parser.add_argument("--sample", type=int, default=12, help="halos that the peers map")
    parser.add_argument(
        "--folder", type=Path, help="keeps the snapshots there, and uses them again"
    )
    parser.add_argument(
        "--against", type=Path, help="another checkout with its .venv: time both in turn, only that"
    )
    parser.add_argument("--only", choices=("arrays",), help="one part: peers on the same arrays")
    parser.add_argument("--child", nargs=3, metavar=("TASK", "ROOT", "ARGUMENT"), help="internal")
    arguments = parser.parse_args()
    if arguments.child:
        task, root, argument = arguments.child
        print(json.dumps(CHILDREN[task](simulation(root), argument)))
        return
    os.environ["CI"] = "1"  # no progress bars
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if arguments.against:
            compare(folder, arguments.cells, arguments.against)
        elif arguments.only:
            plain = generated(folder, arguments.cells)
            same_arrays(plain, simulation(plain).halos(MINIMUM_MASS), arguments.sample)
        else:
            measure(folder, arguments.cells, arguments.sample)


def compare(folder, cells, other):
    """Time maps.make of this checkout and another in turn, on the same snapshots."""
    here = Path(__file__).parents[1]
    checkouts = {"this": (sys.executable, here), "other": (other / ".venv/bin/python", other)}
    for name, compression in (("plain", None), ("gzip", "gzip")):
        root = generated(folder, cells, compression)
        load = os.getloadavg()[0]
        found = {checkout: [] for checkout in checkouts}
        for _ in range(REPEATS):
            for checkout, (python, place) in checkouts.items():
                told = {"PYTHONPATH": str(place)}
                script = place / "benchmarks" / "maps.py"
                found[checkout].append(child("make", root, REPEATS, told, python, script))
        best = {}
        for checkout, runs in found.items():
            best[checkout] = min(second for run in runs for second in run["seconds"])
            used = min(second for run in runs for second in run["processor"])
            peak = max(run["peak_gb"] for run in runs)
            print(
                f"  {name:6} {checkout:6} {best[checkout]:6.2f} s, {used:6.2f} s of processors, "
                f"peak memory {peak:.2f} GB"
            )
        ratio = best["other"] / best["this"]
        print(f"  {name:6} the other takes {ratio:.2f} times as long (load before: {load:.1f})")


def measure(folder, cells, sample):
    """Run all parts of the benchmark."""
    plain, gzip = generated(folder, cells), generated(folder, cells, "gzip")
    halos = simulation(plain).halos(MINIMUM_MASS)
    maps = len(halos) * 3 * len(FIELDS)
    print(f"{cells / 1e6:.1f} million gas cells, {len(halos)} halos, {maps} maps of {PIXELS} px")
    print(f"{os.cpu_count()} cores; load average before: {os.getloadavg()[0]:.1f}\n")

    print(f"Whole snapshot, seconds of maps.make (warm: best of {REPEATS})")
    seconds, peak = {}, 0.0
    for name, root in (("plain", plain), ("gzip", gzip)):
        cold, warm = cold_run(folder, root), child("make", root, REPEATS)
        seconds[name] = min(warm["seconds"])
        peak = max(peak, cold["peak_gb"], warm["peak_gb"])
        print(
            f"  {name:6} cold {cold['process']:6.1f} (whole process, caches and file cold)"
            f"   first call of a process {warm['seconds'][0]:5.2f}   warm {seconds[name]:5.2f}"
            f" ({min(warm['processor']):.2f} of processors)"
            f"   peak memory {warm['peak_gb']:.2f} GB"
        )
    for name, root in (("plain", plain), ("gzip", gzip)):
        stages = child("stages", root, 0)
        text = ", ".join(f"{stage} {value:.2f}" for stage, value in stages.items())
        print(f"  stages, {name}: {text}")
    print("\nCost against the number of halos (plain, warm; no store written)")
    for number, value in child("halos", plain, 400).items():
        print(f"  {number:>4} halos: {value:5.2f} s")
    sys.stdout.flush()
    print("\nCost against the number of gas cells (plain, warm, all halos of the mass limit)")
    for power in range(20, int(np.log2(cells)) + 1, 2):
        value = child("make", generated(folder, 2**power), REPEATS)
        print(
            f"  {2**power / 1e6:5.1f} million: {min(value['seconds']):5.2f} s, "
            f"{value['peak_gb']:.2f} GB"
        )

    chosen, table = same_arrays(plain, halos, sample)
    ours, default = table[ALONE], table[TOGETHER]
    print("\nyt with pyXSIM and Trident (plain file)", flush=True)
    per_map, setup, difference = yt_path(simulation(plain), chosen[1::3])
    own = seconds["plain"] / maps

    def ratio(peer, of):
        return round(table[f"swiftsimio {peer}, 1 thread"][0] / of[0], 1)

    print(f"  set-up {setup:.1f} s, then {per_map:.2f} s a map; ours {1e3 * own:.2f} ms a map")
    for field, value in difference.items():
        print(f"  {field}: its map totals differ from ours by up to {value:.1%}")
    print(
        json.dumps(
            {
                "ratio_yt": round(per_map / own, 1),
                "ratio_swiftsimio_fast": ratio("fast", default),
                "ratio_swiftsimio_subsampled": ratio("subsampled", default),
                "ratio_swiftsimio_fast_one_thread": ratio("fast", ours),
                "ratio_swiftsimio_subsampled_one_thread": ratio("subsampled", ours),
                "mass_error": float(f"{ours[1]:.2e}"),
                "snapshot_seconds": round(seconds["plain"], 2),
                "peak_memory_gb": round(peak, 2),
                "snapshot_seconds_gzip": round(seconds["gzip"], 2),
                "cells": cells,
                "halos": len(halos),
            }
        )
    )


def same_arrays(plain, halos, sample):
    """Print what each peer takes for the same arrays; return the halos, and the table."""
    chosen = halos.sort_values("m200c").iloc[
        np.round(np.linspace(0, len(halos) - 1, sample + 2)[1:-1]).astype(int)
    ]
    print(f"\nThe same arrays, {sample} halos x 3 axes, milliseconds for both fields")
    table = projections(simulation(plain), chosen)
    for name, (per_image, error) in table.items():
        print(
            f"  {name:36} {1e3 * per_image:8.2f}   x {per_image / table[ALONE][0]:6.2f}"
            f"   worst error of a map's total {error:.1e}",
            flush=True,
        )
    return chosen, table


# --- snapshots ------------------------------------------------------------------------------


def generated(folder, cells, compression=None):
    """Data root of a mock snapshot, written unless it is there."""
    from cgmhelpers.mock import writing

    root = folder / f"{cells}_{compression or 'plain'}"
    start = time.perf_counter()
    writing.write(root, suites=(SUITE,), cells=cells, compression=compression, progress=False)
    print(f"snapshot {root.name}: generated in {time.perf_counter() - start:.0f} s", flush=True)
    return root


def simulation(root):
    """The one simulation of a data root."""
    from cgmhelpers.simulations.simulation import Simulation

    return Simulation(root, SUITE)


# --- ours, each measurement in a process of its own -----------------------------------------


def child(task, root, argument, environment=(), python=sys.executable, script=__file__):
    """Run one of CHILDREN in a new process and read what it prints."""
    command = [str(python), str(script), "--child", task, str(root), str(argument)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **dict(environment)},
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def cold_run(folder, root):
    """Run once with empty caches and without the file in memory."""
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        for path in root.rglob("*.hdf5"):
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        start = time.perf_counter()
        caches = {"CGM_CACHE": f"{empty}/cgm", "NUMBA_CACHE_DIR": f"{empty}/numba"}
        measured = child("make", root, 1, caches)
        return measured | {"process": time.perf_counter() - start}


def make_maps(sim, repeats):
    """Seconds of each call of maps.make, of all processors too, and the peak memory."""
    from cgmhelpers.maps import making

    seconds, processor = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(int(repeats)):
            start, used = time.perf_counter(), time.process_time()
            making.make(sim, FIELDS, Path(folder) / f"{number}.zarr", progress=False)
            seconds.append(time.perf_counter() - start)
            processor.append(time.process_time() - used)
            shutil.rmtree(Path(folder) / f"{number}.zarr")
    return {"seconds": seconds, "processor": processor, "peak_gb": peak_memory()}


def stages(sim, _):
    """Seconds of each stage of maps.make, of the second round."""
    from cgmhelpers.emission import fields as known_fields
    from cgmhelpers.halos import measuring, properties
    from cgmhelpers.halos.reading import read_once
    from cgmhelpers.maps import store
    from cgmhelpers.maps.projection import images as projection_images

    chosen = known_fields.chosen(FIELDS)
    table = sim.halos(MINIMUM_MASS)
    for _ in range(2):
        clock = [time.perf_counter()]
        gathering, measure = gather(sim, table), measuring.Measuring(sim, table)
        read_once(sim, [measure, gathering])
        found, values = (
            gathering.result(),
            properties.from_sums(measure.result().sums)[list(properties.NAMES)],
        )
        clock.append(time.perf_counter())
        images = projection_images.project_many(
            found, found.kernel_radius, found.quantities, floor=floors(), dtype=np.float32
        )
        clock.append(time.perf_counter())
        dataset = store.labelled(sim, chosen, table, images, PIXEL_SIZE)
        dataset["properties"] = (("halo", "property"), values.to_numpy(float))
        with tempfile.TemporaryDirectory() as folder:
            store.write(dataset, Path(folder) / "maps.zarr")
            clock.append(time.perf_counter())
    names = ("read, measure, select and emit", "project", "write")
    return dict(zip(names, np.diff(clock).tolist(), strict=True))


def gather(sim, table):
    """Taker of the gas that the maps of these halos show."""
    from cgmhelpers.emission import fields as known_fields
    from cgmhelpers.halos.classes import centres
    from cgmhelpers.maps.gathering import Gathering

    return Gathering(sim, known_fields.chosen(FIELDS), centres(table), frame())


def frame():
    """Frame of the maps."""
    from cgmhelpers.maps.projection.frame import Frame

    return Frame(PIXELS, PIXEL_SIZE, DEPTH)


def floors():
    """Return the floors of the maps, above which every pixel is right."""
    from cgmhelpers.emission import fields as known_fields

    return [one.floor for one in known_fields.chosen(FIELDS)]


def cost_of_halos(sim, most):
    """Seconds of maps.make for growing random sets of halos; all but the first call are warm."""
    from cgmhelpers.maps import making

    table = sim.halos(10**11.0).sample(frac=1, random_state=1).reset_index(drop=True)
    numbers = [n for n in (10, 30, 100, 200, 400) if n <= min(int(most), len(table))]
    making.make(sim, FIELDS, halos=table[:2], progress=False)
    seconds = {}
    for number in numbers:
        start = time.perf_counter()
        making.make(sim, FIELDS, halos=table[:number], progress=False)
        seconds[number] = time.perf_counter() - start
    return seconds


def peak_memory():
    """Largest resident size of this process, GB."""
    status = Path("/proc/self/status")
    if status.exists():  # what the system counts otherwise includes the parent's, before exec
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024 / 1e9
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes * (1 if sys.platform == "darwin" else 1024) / 1e9


CHILDREN = {"make": make_maps, "stages": stages, "halos": cost_of_halos}


# --- peers on the same arrays ---------------------------------------------------------------


def projections(sim, table):
    """Seconds per (halo, axis) with both fields, and worst error of a total, of each peer."""
    from cgmhelpers.halos.reading import read_once

    gathering = gather(sim, table)
    read_once(sim, [gathering])
    found = gathering.result()
    offset = found.offset
    arrays = [
        (found.displacement[a:b], found.kernel_radius[a:b], found.quantities[a:b])
        for a, b in pairwise(offset)
    ]
    methods = {
        ALONE: functools.partial(ours, threads=1),
        "yt pixelizer, 1 thread": yt_pixelizer,
        **swiftsimio_methods(),
        **sphviewer_methods(),
    }
    result = {}
    for name, method in methods.items():
        method(*(part[:50] for part in arrays[0]))  # compiles
        seconds, worst = 0.0, 0.0
        for one in arrays:
            seconds += min(method(*one)[0] for _ in range(2))
            # Of elements wholly inside the frame, along all axes, the total is known.
            away, radius, _ = one
            inside = (np.abs(away).max(axis=1) + radius) < HALF_WIDTH
            parts = tuple(part[inside] for part in one)
            _, images = method(*parts)
            total = images.sum(axis=(2, 3), dtype=float) * PIXEL_SIZE**2
            worst = max(worst, np.abs(total / parts[2].sum(axis=0) - 1).max())
        result[name] = seconds / (3 * len(arrays)), worst
    # Threads share halos out among each other, so all go into one call, as in maps.make.
    seconds = min(together(found) for _ in range(REPEATS))
    shared = {TOGETHER: (seconds / (3 * len(arrays)), result[ALONE][1])}
    return {ALONE: result[ALONE]} | shared | result


def together(found):
    """Seconds of our projection of all halos of a sample."""
    from cgmhelpers.maps.projection.images import project_many

    start = time.perf_counter()
    project_many(
        found, found.kernel_radius, found.quantities, frame(),
        floor=floors(), dtype=np.float32,
    )  # fmt: skip
    return time.perf_counter() - start


def ours(away, radius, quantities, threads):
    """Project as maps.make does, images rounded to float32 as in a store."""
    from cgmhelpers.maps.projection.images import project

    start = time.perf_counter()
    images = project(away, radius, quantities, frame(), threads=threads, floor=floors())
    return time.perf_counter() - start, images.astype(np.float32)


def yt_pixelizer(away, radius, quantities):
    """Call yt's pixeliser on the arrays."""
    from cgmhelpers.maps.projection.images import project

    start = time.perf_counter()
    images = project(away, radius, quantities, frame(), backend="yt")
    return time.perf_counter() - start, images


def swiftsimio_methods():
    """Functions that call swiftsimio's back ends: in one thread, which is its default, and all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from swiftsimio.visualisation.projection_backends import backends, backends_parallel
        from swiftsimio.visualisation.projection_backends.kernels import kernel_gamma
    names = [name for name in ("fast", "nested", "subsampled") if name in backends]

    def method(backend):
        def call(away, radius, quantities):
            from cgmhelpers.maps.projection.kernel import fraction_within_depth

            side = PIXELS * PIXEL_SIZE
            scale = quantities.max(axis=0)  # luminosities overflow its float32
            images = np.zeros((3, quantities.shape[1], PIXELS, PIXELS))
            seconds = 0.0
            for axis in AXES:
                fraction = fraction_within_depth(away[:, axis], radius, DEPTH)
                kept = fraction > 0
                x, y = (
                    away[kept, (axis + turn) % 3].astype(np.float64) / side + 0.5 for turn in (1, 2)
                )
                h = (radius[kept] / side / kernel_gamma).astype(np.float32)
                for field in range(quantities.shape[1]):
                    m = (quantities[kept, field] / scale[field] * fraction[kept]).astype("f4")
                    start = time.perf_counter()
                    image = backend(x=x, y=y, m=m, h=h, res=PIXELS)
                    seconds += time.perf_counter() - start
                    images[axis, field] = image.T * (scale[field] / side**2)
            return seconds, images

        return call

    alone = {f"swiftsimio {name}, 1 thread": method(backends[name]) for name in names}
    together = {
        f"swiftsimio {name}, all threads": method(backends_parallel[name]) for name in names
    }
    return alone | together


def sphviewer_methods():
    """Return a function that calls py-sphviewer2 in one thread, where it is installed."""
    try:
        import sphviewer2
    except ImportError:
        return {}
    from cgmhelpers.maps.projection.kernel import fraction_within_depth

    def call(away, radius, quantities):
        box = 1e5  # far from its edges
        place = away.astype(np.float64) + 0.5 * box
        images, seconds = np.zeros((3, quantities.shape[1], PIXELS, PIXELS)), 0.0
        for axis in AXES:
            weight = quantities * fraction_within_depth(away[:, axis], radius, DEPTH)[:, None]
            turned = [place[:, (axis + turn) % 3] for turn in (1, 2, 0)]
            for field in range(quantities.shape[1]):
                start = time.perf_counter()
                image, _ = sphviewer2.render(
                    *turned, radius, weight[:, field], Lbox=box, extent=2 * HALF_WIDTH,
                    periodic=False, r_max=int(np.log2(PIXELS)), num_threads=1,
                )  # fmt: skip
                seconds += time.perf_counter() - start
                images[axis, field] = image
        return seconds, images

    return {"py-sphviewer2, 1 thread": call}


# --- the yt path ----------------------------------------------------------------------------


def yt_path(sim, table):
    """Seconds per map, seconds of set-up, and how far the map totals are from ours."""
    import yt

    from cgmhelpers.emission import hydrogen
    from cgmhelpers.emission.tables import apec
    from cgmhelpers.maps import making

    yt.set_log_level("error")
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from helpers.tridents import import_trident

    trident = import_trident()
    ds = yt.load(str(sim.snapshot_path))
    ds.index  # noqa: B018  builds it
    source, request, _ = apec.source_model(0.5, 2.0, metallicity=("gas", "metallicity"))
    names = source.make_source_fields(ds, *request, band_name="band")
    xray = next(name for name in names if "emissivity" in name[1] and "photon" not in name[1])
    trident.add_ion_fields(ds, ["H I"], ionization_table=str(hydrogen.table_path()))
    fields = {"xray": xray, "hi": ("gas", "H_p0_number_density")}
    setup = time.perf_counter() - start

    totals = {name: [] for name in fields}
    start = time.perf_counter()
    for halo in table.itertuples():
        centre = ds.arr([halo.x, halo.y, halo.z], "kpc")
        if time.perf_counter() - start > PATIENCE:
            break
        for axis in AXES:
            half = np.full(3, HALF_WIDTH)
            half[axis] = DEPTH
            half = ds.arr(half, "kpc")
            region = ds.region(centre, centre - half, centre + half)
            for name, field in fields.items():
                projected = ds.proj(field, axis, data_source=region)
                image = projected.to_frb((2 * HALF_WIDTH, "kpc"), PIXELS, center=centre)[field]
                totals[name].append(float(image.sum().in_cgs()))
    per_map = (time.perf_counter() - start) / sum(map(len, totals.values()))
    apec.close(source)

    made = making.make(sim, FIELDS, halos=table, progress=False)["image"].sum(
        ("y", "x"), dtype=float
    )
    difference = {}
    for name, values in totals.items():
        own = made.sel(field=name).values.ravel()[: len(values)]
        if name == "xray":  # erg/s/cm2 to erg/s/cm2/arcmin2
            values = np.array(values) / (4 * np.pi) * np.radians(1 / 60) ** 2
        difference[name] = float(np.abs(values / own - 1).max())
    return per_map, setup, difference


if __name__ == "__main__":
    main()
