"""Map data sets of random blobs whose brightness and extent encode the properties."""

import numpy as np
import xarray as xr

from cgmhelpers.halos.properties import PROPERTIES

LOW = np.array([one.low for one in PROPERTIES])
HIGH = np.array([one.high for one in PROPERTIES])
UNIT = {"xray": 1e-14, "hi": 1e18}


def blobs(halos=60, size=16, fields=("xray", "hi"), suite="IllustrisTNG", realisations=3, seed=0):
    """A Dataset as of maps.make: blobs along three axes, with 1% noise.

    Scaled to 0..1, the properties are (a, b, b, a, b, a) of two numbers per halo: a sets the
    brightness (over three decades) and b the extent of its blob.
    """
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(size=(2, halos))
    scaled = np.stack([a, b, b, a, b, a], axis=1)
    place = (np.arange(size) + 0.5 - size / 2) * 4.0
    y, x = np.meshgrid(place, place, indexing="ij")
    extent = (0.1 + 0.3 * b)[:, None, None] * 4.0 * size
    blob = 10 ** (3 * a[:, None, None]) * np.exp(-(x**2 + y**2) / (2 * extent**2))
    image = np.stack([blob * UNIT[name] for name in fields], axis=1)[:, None]
    image = image * rng.lognormal(sigma=0.01, size=(halos, 3, len(fields), size, size))
    log_mass = 11.5 + 2.5 * a
    classes = np.array(["sub_l_star", "l_star", "group"], dtype=object)
    return xr.Dataset(
        {
            "image": (("halo", "axis", "field", "y", "x"), image.astype(np.float32)),
            "properties": (("halo", "property"), LOW + scaled * (HIGH - LOW)),
        },
        coords={
            "suite": ("halo", np.full(halos, suite, dtype=object)),
            "set_name": ("halo", np.full(halos, "CV", dtype=object)),
            "realisation": ("halo", np.arange(halos) % realisations),
            "group": ("halo", np.arange(halos) // realisations),
            "log_mass": ("halo", log_mass),
            "halo_class": ("halo", classes[np.digitize(log_mass, [12, 13])]),
            "m200c": ("halo", 10**log_mass),
            "r200c": ("halo", 200 * 10 ** ((log_mass - 12) / 3)),
            "axis": np.array(["x", "y", "z"], dtype=object),
            "field": np.array(fields, dtype=object),
            "property": np.array([one.name for one in PROPERTIES], dtype=object),
            "y": place,
            "x": place,
        },
        attrs={"suite": suite, "set_name": "CV", "pixel_size_kpc": 4.0, "mock": 1},
    )


def bright(halos=2, size=32):
    """Blobs whose brightest pixels any instrument sees: 4e-12 erg/s/cm2/arcmin2 and 1e21 cm-2."""
    maps = blobs(halos=halos, size=size)
    peak = maps["image"].max(("y", "x"))
    wanted = np.array([4e-12, 1e21], dtype=np.float32)
    maps["image"] = maps["image"] / peak * wanted[:, None, None]
    return maps
