"""Tables for the tests of figures, and the parts of a drawn figure."""

import matplotlib
import numpy as np
import pandas as pd
import xarray as xr

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.halos.properties import NAMES, PROPERTIES

SUITES = ("IllustrisTNG", "SIMBA", "Astrid")
FIELD_SETS = ("xray+hi", "hi", "xray")
SOURCE = "CAMELS CV set, 3 realisations per suite"


def halo_table(number=120, seed=3):
    """Halos of three suites whose properties are linear in mass, with known offsets."""
    rng = np.random.default_rng(seed)
    rows = []
    for step, suite in enumerate(SUITES):
        log_mass = rng.uniform(11.5, 13.9, number)
        table = pd.DataFrame({"suite": suite, "log_mass": log_mass})
        for one in PROPERTIES:
            share = (log_mass - 11.5) / 2.8 + 0.05 * step + 0.01 * rng.standard_normal(number)
            table[one.name] = one.low + share * (one.high - one.low)
        rows.append(table)
    table = pd.concat(rows, ignore_index=True)
    classes = np.select(
        [table["log_mass"] < 12, table["log_mass"] < 13], ["sub_l_star", "l_star"], "group"
    )
    return table.assign(halo_class=classes)


def predictions(halos=60, limits=("survey",), bias=0.0, seed=5):
    """A tidy table of every suite, set of fields and property, in the order of a run."""
    rng = np.random.default_rng(seed)
    names = np.array(["sub_l_star", "l_star", "group"])
    rows = []
    for limit in limits:
        for fields in FIELD_SETS:
            for train in SUITES:
                for test in SUITES:
                    log_mass = rng.uniform(11.5, 14, halos)
                    classes = np.digitize(log_mass, [12, 13])
                    for one in PROPERTIES:
                        span = one.high - one.low
                        truth = one.low + span * rng.uniform(0.1, 0.9, halos)
                        std = span * rng.uniform(0.05, 0.1, halos)
                        offset = bias * span * (SUITES.index(test) - SUITES.index(train))
                        rows.append(
                            pd.DataFrame(
                                {
                                    "suite": test, "set_name": "CV", "realisation": 0,
                                    "group": np.arange(halos), "log_mass": log_mass,
                                    "halo_class": names[classes],
                                    "suite_train": train, "suite_test": test, "fields": fields,
                                    "limits": limit, "part": "test", "property": one.name,
                                    "truth": truth, "std": std,
                                    "mean": truth + offset + std * rng.standard_normal(halos),
                                }
                            )
                        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def crowd():
    """Predictions of all suites on all suites, more halos than a panel shows."""
    rng = np.random.default_rng(1)
    rows = []
    for test in SUITES:
        log_mass = rng.uniform(11.5, 14, 300)
        halos = pd.DataFrame(
            {
                "suite": test,
                "set_name": "CV",
                "realisation": 0,
                "group": range(300),
                "log_mass": log_mass,
                "halo_class": np.digitize(log_mass, [12, 13]),
            }
        ).replace({"halo_class": dict(enumerate(("sub_l_star", "l_star", "group")))})
        for train in SUITES:
            for fields in ("xray+hi", "hi", "xray"):
                for limits in ("ideal", "survey"):
                    for one in PROPERTIES:
                        truth = log_mass if one.name == "log_m_halo" else rng.uniform(1, 2, 300)
                        rows.append(
                            halos.assign(
                                suite_train=train,
                                suite_test=test,
                                fields=fields,
                                limits=limits,
                                part="test",
                                property=one.name,
                                truth=truth,
                                mean=truth + 0.1 * rng.standard_normal(300),
                                std=0.1,
                            )
                        )
    return pd.concat(rows, ignore_index=True)


def single_halo(pixels=8, seed=1, r200c=20.0):
    """Maps of one halo in two fields: positive everywhere, different in each."""
    rng = np.random.default_rng(seed)
    names = ("xray", "hi")
    image = np.empty((3, 2, pixels, pixels))
    for number, name in enumerate(names):
        field = known_fields.get(name)
        decades = rng.uniform(-2, 2, (3, pixels, pixels))
        image[:, number] = field.survey_limit * 10**decades
    place = (np.arange(pixels) + 0.5 - pixels / 2) * 8.0
    return xr.Dataset(
        {"image": (("axis", "field", "y", "x"), image)},
        coords={"axis": list("xyz"), "field": list(names), "y": place, "x": place,
                "r200c": r200c, "log_mass": 12.34, "suite": "SIMBA"},
    )  # fmt: skip


def panels(figure):
    """Axes that aren't colour bars and that are shown."""
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>" and axis.axison]


def offsets(axis):
    return np.concatenate([np.asarray(one.get_offsets()) for one in axis.collections
                           if isinstance(one, matplotlib.collections.PathCollection)])  # fmt: skip


def texts(figure):
    return [text.get_text() for text in figure.texts]


def every_text(figure):
    """Return the texts of a figure and of all that is in it."""
    return [one.get_text() for one in figure.findobj(matplotlib.text.Text)]


def inferred(halos=40, draws=60):
    """Return posterior samples of six properties, and truths."""
    generator = np.random.default_rng(1)
    return xr.Dataset(
        {
            "truth": (("halo", "property"), generator.standard_normal((halos, 6))),
            "samples": (("halo", "draw", "property"), generator.standard_normal((halos, draws, 6))),
        },
        {"property": list(NAMES)},
    )
