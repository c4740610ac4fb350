"""Measure a network for telescopes' files: injected halos, wrong inputs, and stacks.

Test halos are observed, written as an observatory's files, read and inferred; the same arrays go
the same way without files. Then redshift, exposure and band are wrong on purpose.
"""

import argparse
import collections
import dataclasses
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from peers import set_network
from scipy import optimize, stats

from cgmhelpers import Run, sky
from cgmhelpers.errors import CGMError
from cgmhelpers.network import checkpoint, samples
from cgmhelpers.sky import files, images
from cgmhelpers.sky.preparing import REFERENCE
from cgmhelpers.sky.stacking import KNOWN_DRAWS
from cgmhelpers.statistics import posterior_tests

PLACE = {"ra": 187.7, "dec": 12.4}
LIGHT = 12.5
STACKED = (10, 40)
"""Halos of each population whose rank is taken."""
MEANS, SCATTERS = (0.2, 0.8), (0.4, 1.1)
"""Populations have means between these quantiles of the truths, and scatters between these shares
of the prior's."""
LEARNT = 2000
"""Populations that the network on sets learns from."""
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

    Where the error of one large stack leaves its width behind, model error rules.
    """
    known = sky.stacking.known(network, redshift, depth)
    held_out = Light.of(network, halos, redshift, depth, seed)
    learnt = Light.of(network, validation, redshift, depth, seed + 1)
    training = pd.read_parquet(Path(network) / REFERENCE)
    mass = (float(halos["log_mass"].min()), LIGHT)
    prior = training.loc[training["log_m_halo"].between(*mass), "f_cgm"].std()
    rng, rows = np.random.default_rng(seed), {}
    for number in (10, 30, 100, 300, 1000):
        some = rng.choice(len(held_out.truth), number, replace=number > len(held_out.truth))
        found = sky.stack([held_out.samples[one] for one in some], known, ["f_cgm"], mass)
        width = float(found["mean"].std())
        off = float(found["mean"].mean()) - held_out.truth[some].mean()
        rows[number] = {"width": width, "times tighter": prior / width, "error/width": off / width}
    # The peer learns from what the posteriors of validation halos are.
    region = np.quantile(learnt.truth, MEANS), np.array(SCATTERS) * prior
    shares = [population(learnt.truth, region, rng)[1] for _ in range(LEARNT)]
    calibrated, both = {}, learnt.beside(held_out)
    for number in STACKED:
        peer = set_network.train(learnt.summary, learnt.truth, number, np.array(shares), seed)
        calibrated[number] = {
            "priors of their own": populations(both, None, mass, region, number, seed),
            "the network's prior": populations(held_out, known, mass, region, number, seed, peer),
        }
    return {"prior": prior, "by number": rows, "populations": calibrated}


@dataclasses.dataclass
class Light:
    """Light halos, what was inferred of each, and the groups of related halos."""

    samples: list
    truth: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(cls, network, halos, redshift, depth, seed):
        halos = halos.isel(halo=np.flatnonzero(halos["log_mass"].values < LIGHT))
        drawn = sky.posteriors(network, halos, redshift, depth, 2000, seed)
        names = list(halos["property"].values)
        truth = halos["properties"].sel(property="f_cgm").values
        groups = sky.stacking.related(samples.halo_table(halos))
        return cls([pd.DataFrame(one, columns=names) for one in drawn], truth, groups)

    def beside(self, other):
        """Both, whose halos aren't related."""
        groups = np.concatenate([self.groups, other.groups + self.groups.max() + 1])
        truth = np.concatenate([self.truth, other.truth])
        return Light(self.samples + other.samples, truth, groups)

    @property
    def summary(self):
        """Means and log widths of the posteriors."""
        drawn = np.stack([one.to_numpy() for one in self.samples])
        return np.concatenate([drawn.mean(axis=1), np.log(drawn.std(axis=1))], axis=1)

    def prior(self, without, rng):
        """Draws from the posteriors of half of the groups, without those of some halos."""
        groups = np.setdiff1d(self.groups, self.groups[without])
        some = rng.choice(groups, len(groups) // 2, replace=False)
        return pd.concat(
            self.samples[one].iloc[:KNOWN_DRAWS].assign(related=self.groups[one])
            for one in np.flatnonzero(np.isin(self.groups, some))
        )


def population(truth, region, rng):
    """Draw mean and scatter of a population, and the halos' probabilities in it.

    The probabilities are the halos' own, tilted by a Gaussian: what a stack assumes.
    """
    centre, unit = truth.mean(), truth.std()
    scaled = (truth - centre) / unit
    powers = np.stack([scaled, scaled**2])

    def tilted(tilt):
        exponent = tilt @ powers
        share = np.exp(exponent - exponent.max())
        return share / share.sum()

    while True:
        mean, scatter = (rng.uniform(*one) for one in region)
        moments = [(mean - centre) / unit, ((mean - centre) ** 2 + scatter**2) / unit**2]
        start = [moments[0] * (unit / scatter) ** 2, (1 - (unit / scatter) ** 2) / 2]
        found = optimize.root(lambda tilt: powers @ tilted(tilt) - moments, start)  # noqa: B023
        if np.abs(found.fun).max() < 1e-6:
            return (mean, scatter), tilted(found.x)


def populations(light, known, mass, region, number, seed, peer=None):
    """Ranks of the true means and scatters of populations (SBC), which have no halo in common.

    Populations are drawn from the prior of means and scatters, uniform in a region, and judged by
    the draws in it: ranks are uniform for no other prior. Without `known` each population has a
    prior of its own, from a random half of the other halos: an error of one prior makes all ranks
    alike, and the p value of ranks that are alike means nothing.
    """
    rng, rows = np.random.default_rng(seed), []
    left = np.arange(len(light.truth))
    while len(left) >= max(2 * number, FEWEST_LEFT):
        truth, share = population(light.truth[left], region, rng)
        some = rng.choice(left, number, replace=False, p=share)
        prior = light.prior(some, rng) if known is None else known
        chosen = [light.samples[one] for one in some]
        found = sky.stack(chosen, prior, ["f_cgm"], mass, seed=len(rows))
        drawn = np.stack([found["mean"].values[:, 0], found["scatter"].values[:, 0]])
        inside = [
            (low < own) & (own < high) for own, (low, high) in zip(drawn, region, strict=True)
        ]
        drawn = drawn[:, np.all(inside, axis=0)]
        error = drawn[0].mean() - truth[0]
        peers = peer(light.summary[some])[0] - truth[0] if peer else np.nan
        rows.append((*(drawn < np.array(truth)[:, None]).mean(axis=1), error / drawn[0].std(),
                     error, peers))  # fmt: skip
        left = np.setdiff1d(left, some)
    rank, rank_of_scatter, apart, *errors = np.transpose(rows)
    found = {
        "populations": len(rows),
        "SBC p of the mean": stats.kstest(rank, "uniform").pvalue,
        "SBC p of the scatter": stats.kstest(rank_of_scatter, "uniform").pvalue,
        "offset/width": np.mean(apart), "its error": np.std(apart) / len(rows) ** 0.5,
        "scatter of offsets": np.std(apart),
    }  # fmt: skip
    if peer:
        found["rms error"], found["of a network on sets"] = (
            np.mean(np.square(errors), axis=1) ** 0.5
        )
        found["correlation of both errors"] = np.corrcoef(*errors)[0, 1]
    return found


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
