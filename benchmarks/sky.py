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
from peers import set_network
from scipy import stats

from cgmhelpers import Run, sky
from cgmhelpers.errors import CGMError
from cgmhelpers.network import checkpoint
from cgmhelpers.sky import files, images
from cgmhelpers.sky.inferring import REFERENCE
from cgmhelpers.statistics import posterior_tests

PLACE = {"ra": 187.7, "dec": 12.4}
LIGHT = 12.5
STACKED = (10, 40)
"""Halos of each population whose rank is taken."""
CENTRES = (0.1, 0.9)
"""Quantiles of the truths between which populations are that the network on sets learns from."""
FEWEST_LEFT = 250
"""Halos that a population is chosen from, at least."""


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
                words = [word for word in str(error).split() if "/" not in word]
                refused[type(error).__name__ + ": " + " ".join(words).split(".")[0]] += 1
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


def judged(truth, drawn, names):
    """Coverage of 68% and mean deviation in widths, over halos, by property, with their errors."""
    if len(truth) < 2:
        return {"n": len(truth)}
    found = posterior_tests.offsets(drawn, truth, names).set_index("property")
    return {"n": len(truth), "coverage": found["coverage_68"].mean().round(3)} | {
        name: found[name].round(3).to_dict() for name in found
    }


def stacks(network, halos, validation, redshift, depth, seed=1):
    """Width of the mean f_cgm of 1000 light halos over the prior's scatter; ranks of populations.

    Populations are test halos drawn with weights that give their f_cgm another mean and scatter.
    Where the error of one large stack leaves its width behind, model error rules.
    """
    drawn = sky.posteriors(network, halos, redshift, depth, 500, seed)
    names = list(halos["property"].values)
    known = sky.stacking.known(network, redshift, depth)
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
    # The peer learns from what the posteriors of validation halos are.
    learnt = sky.posteriors(network, validation, redshift, depth, 500, seed + 1)
    those = np.flatnonzero(validation["log_mass"].values < LIGHT)
    truths = validation["properties"].sel(property="f_cgm").values[those]
    centres = np.quantile(truths, CENTRES)
    calibrated = {}
    for number in STACKED:
        peer = set_network.train(_summary(learnt[those]), truths, number, centres, prior, seed)
        calibrated[number] = populations(
            samples, truth[light], known, mass, prior, number, seed, peer
        )
    return {"prior": prior, "by number": rows, "populations": calibrated}


def _summary(drawn):
    """Means and log widths of posteriors (halos, draws, properties)."""
    return np.concatenate([drawn.mean(axis=1), np.log(drawn.std(axis=1))], axis=1)


def populations(samples, truth, known, mass, prior, number, seed, peer):
    """Ranks of the true means of populations (SBC), which have no halo in common.

    A halo in two populations makes their ranks alike, and the p value of ranks that are alike means
    nothing.
    """
    rng, ranks, apart, errors = np.random.default_rng(seed), [], [], []
    summary = _summary(np.stack([one.to_numpy() for one in samples]))
    left = np.arange(len(truth))
    while len(left) >= max(2 * number, FEWEST_LEFT):
        centre = rng.uniform(*np.quantile(truth, [0.3, 0.7]))
        share = set_network.population(truth[left], centre, prior)
        some = rng.choice(left, number, replace=False, p=share)
        found = sky.stack([samples[one] for one in some], known, ["f_cgm"], mass, seed=len(ranks))
        expected = share @ truth[left]
        mean = found["mean"].values
        ranks.append(float((mean < expected).mean()))
        apart.append((mean.mean() - expected) / mean.std())
        errors.append((mean.mean() - expected, peer(summary[some])[0] - expected))
        left = np.setdiff1d(left, some)
    rms, peers = np.sqrt(np.mean(np.square(errors), axis=0)) / prior
    return {
        "populations": len(ranks), "SBC p": stats.kstest(ranks, "uniform").pvalue,
        "offset/width": np.mean(apart), "its error": np.std(apart) / len(apart) ** 0.5,
        "scatter of offsets": np.std(apart), "rms error / prior": rms,
        "of a network on sets": peers,
        "correlation of both errors": np.corrcoef(*np.transpose(errors))[0, 1],
    }  # fmt: skip


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
    halos, validation = (sky.unseen_halos(network, stores, part) for part in ("test", "validation"))
    description = checkpoint.read_description(network)
    observation = sky.Observation.model_validate(description["observation"])
    low, high = observation.redshift
    numbers = np.random.default_rng(1).permutation(halos.sizes["halo"])
    names = [str(one) for one in halos["property"].values]
    middle, result = float(np.sqrt(low * high)), {}
    for redshift in (low, middle, high):
        chosen = numbers[: options.halos]
        *pairs, apart, refused, seconds = injected(network, halos, observation, redshift, chosen)
        own = dict.fromkeys(observation.instruments, 1.0)
        memory = sky.posteriors(network, halos, redshift, own, 300)
        result[f"z {redshift:.3g}"] = judged(*pairs, names) | {
            "files against memory": apart, "refused": refused, "median s": np.median(seconds),
            "all test halos in memory": judged(halos["properties"].values, memory, names),
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
        result[name] = judged(*pairs, names) | {"refused": refused}
        print(json.dumps({name: result[name]}, default=float), flush=True)
    own = dict.fromkeys(observation.instruments, 1.0)
    result["stack"] = stacks(network, halos, validation, middle, own)
    print(json.dumps(result, default=float))


if __name__ == "__main__":
    main()
