"""Time the training of a network, and of a plain loop on the same maps.

Run ``make bench-training``; ``--quick`` takes a minute. The plain loop is what PyTorch's tutorials
would do with the published network: a DataLoader, the optimiser, a schedule. Each measurement is
a process of its own, and processes of both kinds alternate. The last line is one JSON object. See
benchmarks/README.md.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import nn

sys.path += [str(Path(__file__).parent / "peers"), str(Path(__file__).parents[1] / "tests")]

import plain_loop
from helpers.blobs import blobs
from maps import peak_memory

FIELDS = ("xray", "hi")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
BATCHES, SIZES = (32, 64, 128), (32, 64, 128)


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small maps and batches: a minute")
    parser.add_argument("--only", choices=("data",), help="one part: the data path")
    parser.add_argument("--repeats", type=int, default=3, help="processes of each kind")
    parser.add_argument("--child", nargs=2, metavar=("TASK", "OPTIONS"), help="internal")
    arguments = parser.parse_args()
    if arguments.child:
        task, options = arguments.child
        print(json.dumps(CHILDREN[task](**json.loads(options))))
    elif arguments.only:
        found = streaming(64 if arguments.quick else max(SIZES), repeats=arguments.repeats)
        print(json.dumps(found))
    elif arguments.quick:
        measure(batches=(32,), sizes=(64,), repeats=1)
    else:
        measure(BATCHES, SIZES, arguments.repeats)


def measure(batches, sizes, repeats):
    """Run all parts of the benchmark."""
    batch, size = max(batches), max(sizes)
    print(f"{CORES} cores; load average before: {os.getloadavg()[0]:.1f}\n", flush=True)
    equality(child("equal", size=min(sizes)))

    print("\n| maps | batch | plain, images/s | ours | ratio |\n|---|---|---|---|---|")
    plain, ours, peaks, many, half, many_half = [], [], [], [], [], []
    case = {"batch": batch, "size": size, "threads": CORES}
    for _ in range(repeats):
        peaks.append(child("peak", threads=CORES)["flops"])
        plain.append(child("plain", **case))
        ours.append(child("ours", **case))
        many.append(side_by_side(batch=batch, size=size, threads=1))
        half.append(child("ours", precision="bf16-mixed", **case))
        many_half.append(side_by_side(batch=batch, size=size, threads=1, precision="bf16-mixed"))
    row(size, batch, plain, ours)
    others = [(size, one) for one in batches if one != batch]
    others += [(one, batch) for one in sizes if one != size]
    for pixels, number in others:
        case = {"batch": number, "size": pixels, "threads": CORES}
        row(pixels, number, [child("plain", **case)], [child("ours", **case)])

    rate, plain_rate, rate_half = (
        median(one["training"] for one in runs) for runs in (ours, plain, half)
    )
    total, total_half = median(many), median(many_half)
    print(f"\n| {size} px, batch {batch} | images/s | over plain |\n|---|---|---|")
    print(f"| plain loop, {CORES} threads | {plain_rate:.1f} | 1 |")
    print(f"| ours, {CORES} threads | {rate:.1f} | {rate / plain_rate:.2f} |")
    print(f"| ours, {CORES} trainings, one thread each | {total:.1f} | {total / plain_rate:.2f} |")
    print(f"| the same in bf16, {CORES} threads | {rate_half:.1f} | {rate_half / plain_rate:.2f} |")
    print(
        f"| the same in bf16, {CORES} trainings, one thread each | {total_half:.1f} "
        f"| {total_half / plain_rate:.2f} |"
    )
    for name, options in TRIED.items():
        case = {"batch": batch, "size": size, "threads": CORES} | options
        value = child("tried", **case)["training"]
        print(f"| tried: {name} | {value:.1f} | {value / plain_rate:.2f} |", flush=True)
    inference = [median(one["inference"] for one in runs) for runs in (ours, plain)]
    print(f"| inference, plain, batch 64 | {inference[1]:.1f} | 1 |")
    print(f"| inference, ours, batch 64 | {inference[0]:.1f} | {inference[0] / inference[1]:.2f} |")

    flops = flops_per_image(size)
    peak = median(peaks)
    print(
        f"\n{flops / 1e9:.2f} GFLOP to train an image, {peak / 1e9:.0f} GFLOP/s in a matrix "
        f"product: at most {peak / flops:.0f} images/s"
    )
    data_path = streaming(size if len(sizes) > 1 else 32, repeats=repeats)
    print(
        json.dumps(
            data_path
            | {
                "ratio_plain": round(rate / plain_rate, 2),
                "ratio_many": round(total / plain_rate, 2),
                "ratio_plain_bf16": round(rate_half / plain_rate, 2),
                "ratio_many_bf16": round(total_half / plain_rate, 2),
                "fraction_of_peak": round(rate * flops / peak, 2),
                "fraction_of_peak_many": round(total * flops / peak, 2),
                "images_per_second": round(rate, 1),
                "images_per_second_many": round(total, 1),
                "images_per_second_plain": round(plain_rate, 1),
                "ratio_inference": round(inference[0] / inference[1], 2),
                "batch": batch,
                "size": size,
                "cores": CORES,
            }
        )
    )


def row(size, batch, plain, ours):
    """Print a row of the table."""
    rates = [median(one["training"] for one in runs) for runs in (plain, ours)]
    values = f"{rates[0]:.1f} | {rates[1]:.1f} | {rates[1] / rates[0]:.2f}"
    print(f"| {size} | {batch} | {values} |", flush=True)


def flops_per_image(size):
    """Floating-point operations of one training step for one image, as torch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    network = plain_loop.Network(size)
    counter = FlopCounterMode(display=False)
    with counter:
        mean, std = network(torch.randn(2, len(FIELDS), size, size))
        plain_loop.loss(torch.rand(2, plain_loop.PROPERTIES), mean, std).backward()
    return counter.get_total_flops() / 2


# --- processes ------------------------------------------------------------------------------


def child(task, **options):
    """Run one of CHILDREN in a new process, as a user would start it, and read what it prints."""
    return finished(start(task, **options))


def start(task, **options):
    """Start one of CHILDREN."""
    dropped = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items()
                   if name not in dropped and not name.startswith("MALLOC_")}  # fmt: skip
    command = [sys.executable, __file__, "--child", task, json.dumps(options)]
    return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment)


def finished(process):
    """Wait for a process and read what it printed."""
    printed, errors = process.communicate()
    if process.returncode:
        sys.exit(errors)
    return json.loads(printed.splitlines()[-1])


def side_by_side(**options):
    """Images per second of as many trainings as there are cores, together."""
    started = [start("ours", epochs=5, **options) for _ in range(CORES)]
    return sum(finished(one)["training"] for one in started)


# --- the plain loop, and ours ----------------------------------------------------------------


def plain(batch, size, threads, epochs=3):
    """Images per second of the plain loop: median of the epochs after the first."""
    torch.set_num_threads(threads)
    images, targets = training_maps(batch, size)
    images = images.contiguous()
    network, rates = plain_loop.train(images, targets, batch, epochs)
    seconds = timed(lambda: plain_loop.infer(network, images))
    return {"training": median(rates[1:]), "inference": len(images) / seconds}


def mock_maps(batch, size):
    """Maps of noise, as many as make two batches of training maps."""
    halos = int(np.ceil(2 * batch / 3 / 0.6))
    return blobs(max(halos, 30), size=size)


def training_maps(batch, size):
    """The maps that ours trains on, scaled; the plain loop gets the same."""
    from cgmhelpers.network import samples, splits
    from cgmhelpers.network.scaling import Scaling

    ds = samples.load(mock_maps(batch, size), FIELDS, "ideal")
    part = splits.split(samples.halo_table(ds)).to_numpy() == "training"
    return samples.samples(ds, np.flatnonzero(part), Scaling.fit(ds, part))


def architecture(size):
    """Arguments of our network that make it the plain one."""
    return {
        "in_channels": len(FIELDS),
        "properties": plain_loop.PROPERTIES,
        "channels": plain_loop.CHANNELS,
        "size": size,
        "dropout": plain_loop.DROPOUT,
    }


def settings(**changes):
    """The settings of the plain loop."""
    from cgmhelpers.network.settings import TrainingSettings

    return TrainingSettings(
        channels=plain_loop.CHANNELS, dropout=plain_loop.DROPOUT, learning_rate=plain_loop.RATE,
        weight_decay=plain_loop.DECAY,
        schedule="cyclic", augmentation=False, **changes,
    )  # fmt: skip


def ours(batch, size, threads, epochs=3, **options):
    """Images per second of training.train, and of a trained network."""
    import pandas as pd

    from cgmhelpers.inference import prediction
    from cgmhelpers.network import moment_network, training

    chosen = settings(batch_size=batch, epochs=epochs, threads=threads, **options)
    with tempfile.TemporaryDirectory() as folder:
        training.train(mock_maps(batch, size), FIELDS, "ideal", folder, chosen, progress=False)
        rates = pd.read_csv(Path(folder) / "history.csv")["images_per_second"]
        trained = prediction.load(folder).network
    torch.set_num_threads(threads)
    images, _ = training_maps(batch, size)
    seconds = timed(lambda: moment_network.moments(trained, images))
    return {"training": float(rates[1:].median()), "inference": len(images) / seconds}


def timed(function, repeats=3):
    """Median seconds of a function, after one call that doesn't count."""
    seconds = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return median(seconds[1:])


TRIED = {
    "ours, in a bare loop": {},
    "without keeping freed memory": {"keep": False},
    "channels first": {"channels_last": False},
    "activations not in place": {"in_place": False},
    "compiled (`TrainingSettings.compiled`)": {"compiled": True},
    "one thread: ours side by side": {"threads": 1},
    "one thread, compiled": {"threads": 1, "compiled": True},
}
"""What is and isn't in ours, each by itself."""


def tried(batch, size, threads, keep=True, channels_last=True, in_place=True, compiled=False):
    """Images per second of our network in a bare loop, with one thing changed."""
    from cgmhelpers.network.loop import keep_pages
    from cgmhelpers.network.loss import moment_loss
    from cgmhelpers.network.moment_network import MomentNetwork

    torch.set_num_threads(threads)
    if keep:
        keep_pages()
    images, targets = training_maps(batch, size)
    form = torch.channels_last if channels_last else torch.contiguous_format
    network = MomentNetwork(**architecture(size)).to(memory_format=form)
    for layer in network.modules():
        if isinstance(layer, nn.LeakyReLU):
            layer.inplace = in_place
    if compiled:
        network.compile()
    optimiser, _ = plain_loop.optimiser_and_schedule(network)
    seconds = []
    for _ in range(4):
        begun = time.perf_counter()
        optimiser.zero_grad()
        moment_loss(
            targets[:batch], *network(images[:batch].contiguous(memory_format=form))
        ).backward()
        optimiser.step()
        seconds.append(time.perf_counter() - begun)
    return {"training": batch / median(seconds[1:])}


def peak(threads, side=2048):
    """Floating-point operations per second of a large float32 matrix product."""
    torch.set_num_threads(threads)
    one = torch.randn(side, side)
    return {"flops": 2 * side**3 / timed(lambda: one @ one, 9)}


# --- equal results --------------------------------------------------------------------------


def equal(size, batch=16, steps=5):
    """Losses of the first steps of both, from the same weights on the same batches."""
    from cgmhelpers.network.batches import Batches
    from cgmhelpers.network.loop import MomentTraining
    from cgmhelpers.network.settings import learning_rate

    images, targets = training_maps(batch * steps, size)
    chosen = settings(batch_size=batch, epochs=1)
    losses = {}
    for precision in (torch.float32, torch.float64):
        torch.manual_seed(1)
        simple = plain_loop.Network(size).to(precision)
        own = our_twin(simple, size)
        optimiser, schedule = plain_loop.optimiser_and_schedule(simple)
        loader = Batches(images.to(precision), targets.to(precision), batch, seed=1)
        loop = MomentTraining(own, chosen, loader, loader, [])
        own_optimiser = loop.configure_optimizers()
        found = []
        for step, (one, truth) in zip(range(steps), loader, strict=False):
            torch.manual_seed(step)  # of dropout
            loss = plain_loop.loss(truth, *simple(one.contiguous()))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            torch.manual_seed(step)
            own_loss = loop.training_step((one, truth), step)
            for group in own_optimiser.param_groups:
                group["lr"] = learning_rate(chosen, step, steps)
            own_optimiser.zero_grad()
            own_loss.backward()
            own_optimiser.step()
            found.append((loss.item(), own_loss.item()))
        losses[str(precision)[-7:]] = found
    return losses


def our_twin(simple, size):
    """Our network with the weights of a plain one: the layers are in the same order."""
    from cgmhelpers.network.moment_network import MomentNetwork

    own = MomentNetwork(**architecture(size))
    own = own.to(next(simple.parameters()).dtype)
    state = zip(own.state_dict(), simple.state_dict().values(), strict=True)
    own.load_state_dict(dict(state))
    return own.to(memory_format=torch.channels_last)


def equality(losses):
    """Print how far the losses of both are apart."""
    for precision, found in losses.items():
        apart = [abs(one - other) / abs(one) for one, other in found]
        print(
            f"{precision}: losses of the first {len(found)} steps from the same weights differ by "
            f"{apart[0]:.0e} at first and at most {max(apart):.0e}, as a fraction"
        )


# --- data path ------------------------------------------------------------------------------


def stream(store, size, memory):
    """Images per second that the data path delivers, and the peak memory of the process [GB]."""
    from cgmhelpers.network import samples
    from cgmhelpers.network.batches import Batches, source
    from cgmhelpers.network.scaling import Scaling

    ds = samples.load(store, FIELDS, "survey", size)
    part = np.ones(ds.sizes["halo"], dtype=bool)
    scaling = Scaling.fit(ds, part)
    pair = source(ds, np.flatnonzero(part), scaling, memory=memory)
    loader = Batches(*pair, 128, seed=1, augmentation=True)
    begun, used = time.perf_counter(), time.process_time()
    total = sum(float(images[0, 0, 0, 0]) * 0 + len(images) for images, _ in loader)
    return {
        "rate": total / (time.perf_counter() - begun),
        "processor": total / (time.process_time() - used),
        "peak_gb": peak_memory(),
    }


def streaming(size, repeats, halos=3000):
    """Maps of 3000 halos (the training part of 5000), from memory and from their stores.

    Processes of both kinds alternate, and medians count.
    """
    from cgmhelpers.maps import store as map_store

    print(f"\nload average before: {os.getloadavg()[0]:.1f}")
    print(
        f"\n| {halos} halos x 3 axes x 2 fields, {size} px | images/s "
        "| images per second of processor time | peak memory, GB |"
    )
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        paths, seconds = [], 0.0
        for number in range(10):
            part = blobs(halos // 10, size=size, seed=number)
            part = part.assign_coords(realisation=("halo", np.full(halos // 10, number)))
            paths.append(f"{folder}/{number}.zarr")
            begun = time.perf_counter()
            map_store.write(part.assign_attrs(fingerprint=str(number)), Path(paths[-1]))
            seconds += time.perf_counter() - begun
        written = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        found = {name: [] for name in ("memory", "store")}
        for _ in range(repeats):
            for name, memory in (("memory", 1e9), ("store", 0.0)):
                found[name].append(child("stream", store=paths, size=size, memory=memory))
    rates = {}
    for name, runs in found.items():
        rate, processor, peak = (
            median(one[key] for one in runs) for key in ("rate", "processor", "peak_gb")
        )
        print(f"| from {name} | {rate:.0f} | {processor:.0f} | {peak:.2f} |", flush=True)
        rates |= {f"maps_per_second_{name}": round(rate), f"peak_gb_{name}": round(peak, 2)}
    ratio = rates["maps_per_second_store"] / rates["maps_per_second_memory"]
    print(f"\nstores of {written / 1e9:.2f} GB, written in {seconds:.1f} s; ratio {ratio:.2f}")
    return {"ratio_store": round(ratio, 2)} | rates


CHILDREN = {one.__name__: one for one in (plain, ours, tried, peak, equal, stream)}

if __name__ == "__main__":
    logging.getLogger().setLevel(logging.ERROR)
    main()
