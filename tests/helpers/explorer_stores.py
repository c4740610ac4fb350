"""Map stores of made-up halos, with positions, for the explorer's tests."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from cgmhelpers.emission import fields
from cgmhelpers.halos.classes import halo_class
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.maps import store

BOX = 37_000.0
SUITES = ("IllustrisTNG", "SIMBA", "Astrid")


def write_store(path, suite, halos=6, pixels=32, realisation=0, seed=0):
    """Write a store of halos of rising mass, whose maps fade outwards; give the halos' table."""
    random = np.random.default_rng([seed, realisation, SUITES.index(suite)])
    log_mass = np.linspace(11.6, 13.9, halos)
    table = pd.DataFrame(
        {
            "suite": suite,
            "set_name": "CV",
            "realisation": realisation,
            "group": random.permutation(halos),
            "log_mass": log_mass,
            "halo_class": halo_class(log_mass),
            "m200c": 10**log_mass,
            "r200c": 250 * 10 ** ((log_mass - 12) / 3),
        }
    )
    # The same places in all suites, but for a few kpc.
    places = np.random.default_rng(realisation).uniform(0, BOX, (halos, 3))
    table[["x", "y", "z"]] = (places + random.normal(0, 5, places.shape)) % BOX
    radius = np.hypot(*np.meshgrid(*2 * [np.arange(pixels) - pixels / 2 + 0.5]))
    fading = np.exp(-radius / (pixels / 8)) * random.lognormal(
        0, 0.5, (halos, 3, 2, pixels, pixels)
    )
    peak = 10.0 ** np.stack([log_mass - 23.5, log_mass + 8], axis=1)
    images = (fading * peak[:, None, :, None, None]).astype(np.float32)
    header = SimpleNamespace(redshift=0.0, mock=True)
    sim = SimpleNamespace(
        suite=suite,
        set_name="CV",
        realisation=realisation,
        snapshot=90,
        header=header,
        choices={},
        labels={"seed": realisation},
    )
    chosen = [fields.get("xray"), fields.get("hi")]
    dataset = store.labelled(sim, chosen, table, images, 512 / pixels)
    share = random.uniform(0.1, 0.9, (halos, len(PROPERTIES)))
    low, high = np.array([(one.low, one.high) for one in PROPERTIES]).T
    share[:, 0] = (log_mass - low[0]) / (high[0] - low[0])
    dataset["properties"] = (("halo", "property"), low + share * (high - low))
    dataset.attrs["fingerprint"] = f"{suite} {realisation} {seed}"
    store.write(dataset, path)
    return table
