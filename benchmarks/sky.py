"""Measure a network for telescopes' files: injected halos, wrong inputs, and stacks.

Test halos are observed, written as an observatory's files, read and inferred; the same arrays go
the same way without files. Then redshift, exposure and band are wrong on purpose.
"""

import argparse
import collections
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from cgmhelpers import Run, sky
from cgmhelpers.errors import CGMError
from cgmhelpers.network import checkpoint
from cgmhelpers.sky import files, images
from cgmhelpers.sky.inferring import REFERENCE

PLACE = {"ra": 187.7, "dec": 12.4}
LIGHT = 12.5
POPULATIONS = 60


def arguments(made):
    """Arguments of `infer` for what was written, or would have been."""
    of = {kind: [one for label, one in made.items() if label.startswith(kind)]
          for kind in ("counts", "exposure", "background")}  # fmt: skip
    return {
        "xray": of["counts"], "exposure": of["exposure"], "background": of["background"],
        "hi": made.get("moment0"),
    }  # fmt: skip


def injected(network, halos, observation, redshift, numbers, /, **wrong):
    """Infer halos through files: truths, samples, the largest difference to memory, refusals."""
    at_one = observation.model_copy(update={"redshift": (redshift, redshift)})
    truth, drawn, apart, refused, seconds = [], [], 0.0, collections.Counter(), []
    for number in numbers:
        told = PLACE | {"halo": int(number), "seed": int(number) + 1}
        with tempfile.TemporaryDirectory() as folder:
            given = arguments(files.write(halos, at_one, folder, **told))
            given |= {name: change(given) for name, change in wrong.items() if callable(change)}
            seen_at = wrong.get("redshift", redshift)
            try:
                start = time.perf_counter()
                found = sky.infer(network, **PLACE, redshift=seen_at, number=500, **given)
                seconds.append(time.perf_counter() - start)
            except CGMError as error:
                refused[type(error).__name__ + ": " + str(error).split(".")[0][:60]] += 1
                continue
        refused["with care"] += found.attrs["verdict"] != "usable"
        truth.append(halos["properties"].values[number])
        drawn.append(found["samples"].values)
        if not wrong:
            made = files.products(halos, at_one, **told)
            memory = {label: images.from_hdus(hdus, name)
                      for label, (name, hdus) in made.items() if label != "events"}  # fmt: skip
            same = sky.infer(network, **PLACE, redshift=redshift, number=500, **arguments(memory))
            apart = max(apart, float(np.abs(same["samples"] - found["samples"]).max()))
    return np.array(truth), np.array(drawn), apart, dict(refused), seconds


def judged(truth, drawn):
    """Coverage of 68% and mean deviation in widths, over halos, by property."""
    if not len(truth):
        return {"n": 0}
    low, high = np.quantile(drawn, [0.16, 0.84], axis=1)
    bias = (drawn.mean(axis=1) - truth) / drawn.std(axis=1)
    inside = (truth > low) & (truth < high)
    return {
        "n": len(truth), "coverage": inside.mean().round(3),
        "by property": inside.mean(axis=0).round(2).tolist(),
        "bias": bias.mean(axis=0).round(2).tolist(),
        "bias, f_cgm": bias.mean(axis=0)[1].round(3),
    }  # fmt: skip


def stacks(network, halos, redshift, depth, seed=1):
    """Width of the mean f_cgm of 1000 light halos over the prior's scatter; ranks of populations.

    Populations are test halos drawn with weights that give their f_cgm another mean and scatter.
    """
    drawn = sky.posteriors(network, halos, redshift, depth, 500, seed)
    names = list(halos["property"].values)
    known = sky.stacking.known(network)
    training = pd.read_parquet(Path(network) / REFERENCE)
    light = np.flatnonzero(halos["log_mass"].values < LIGHT)
    mass = (float(halos["log_mass"].min()), LIGHT)
    truth = halos["properties"].sel(property="f_cgm").values
    samples = [pd.DataFrame(drawn[one], columns=names) for one in light]
    rng = np.random.default_rng(seed)
    prior = training.loc[training["log_m_halo"].between(*mass), "f_cgm"].std()
    rows = {}
    for number in (10, 30, 100, 300, 1000):
        some = rng.choice(len(light), number, replace=number > len(light))
        found = sky.stack([samples[one] for one in some], known, ["f_cgm"], mass)
        width = float(found["mean"].std())
        off = float(found["mean"].mean()) - truth[light][some].mean()
        rows[number] = {"width": width, "times tighter": prior / width, "error/width": off / width}
    ranks = []
    for trial in range(POPULATIONS):
        centre = rng.uniform(*np.quantile(truth[light], [0.3, 0.7]))
        weight = np.exp(-(((truth[light] - centre) / prior) ** 2) / 2)
        some = rng.choice(len(light), 40, p=weight / weight.sum())
        found = sky.stack([samples[one] for one in some], known, ["f_cgm"], mass, seed=trial)
        expected = np.average(truth[light], weights=weight)
        ranks.append(float((found["mean"] < expected).mean()))
    return {"prior": prior, "by number": rows, "SBC p": stats.kstest(ranks, "uniform").pvalue}


def main():
    """Print the figures, and one JSON object in the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="smoke", help="Of the run, which is made if it lacks.")
    parser.add_argument("--halos", type=int, default=100, help="Injected at each redshift.")
    parser.add_argument("--wrong", type=int, default=20, help="Injected with each wrong input.")
    options = parser.parse_args()
    run = Run.from_profile(options.profile)
    network = run.sky_network()
    stores = [one for some in run.maps().values() for one in some]
    halos = sky.unseen_halos(network, stores)
    description = checkpoint.read_description(network)
    observation = sky.Observation.model_validate(description["observation"])
    low, high = observation.redshift
    numbers = np.random.default_rng(1).permutation(halos.sizes["halo"])
    middle, result = float(np.sqrt(low * high)), {}
    for redshift in (low, middle, high):
        chosen = numbers[: options.halos]
        *pairs, apart, refused, seconds = injected(network, halos, observation, redshift, chosen)
        own = dict.fromkeys(observation.instruments, 1.0)
        memory = sky.posteriors(network, halos, redshift, own, 300)
        result[f"z {redshift:.3g}"] = judged(*pairs) | {
            "files against memory": apart, "refused": refused, "median s": np.median(seconds),
            "all test halos in memory": judged(halos["properties"].values, memory),
        }  # fmt: skip
        print(json.dumps({redshift: result[f"z {redshift:.3g}"]}, default=float), flush=True)
    wrong = {
        "redshift x 1.5": {"redshift": min(1.5 * middle, high)},
        "redshift / 1.5": {"redshift": max(middle / 1.5, low)},
        "exposure x 2": {
            "exposure": lambda _: [2 * observation.instruments["xray"].exposure],
            "background": lambda _: [],
        },
        "one band of two": {
            name: (lambda given, name=name: given[name][:1])
            for name in ("xray", "exposure", "background")
        },
    }
    for name, change in wrong.items():
        *pairs, _, refused, _ = injected(
            network, halos, observation, middle, numbers[: options.wrong], **change
        )
        result[name] = judged(*pairs) | {"refused": refused}
        print(json.dumps({name: result[name]}, default=float), flush=True)
    result["stack"] = stacks(network, halos, middle, dict.fromkeys(observation.instruments, 1.0))
    print(json.dumps(result, default=float))


if __name__ == "__main__":
    main()
