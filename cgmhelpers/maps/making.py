"""Maps of halos: made from a simulation, stored with their labels and units, limited, coarsened.

A map store is a zarr folder that xarray opens: images (halo, axis, field, y, x), the six properties
of each halo, and coordinates that say which halo, line of sight and field each image shows.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers import __version__
from cgmhelpers.emission import fields as known_fields
from cgmhelpers.emission.hydrogen import check_method
from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.halos import properties
from cgmhelpers.halos.classes import centres
from cgmhelpers.maps import store
from cgmhelpers.maps.gathering import gather
from cgmhelpers.maps.projection.images import check_frame, project_many
from cgmhelpers.maps.store import open
from cgmhelpers.system import provenance
from cgmhelpers.system.progress import bar

log = logging.getLogger(__name__)

HALOS_AT_ONCE = 256
"""Halos whose elements are held in memory together: about 4 million elements, 300 MB."""


def make(
    sim,
    fields=("xray", "hi"),
    out=None,
    *,
    halos=None,
    minimum_mass=10**11.5,
    pixels=128,
    pixel_size=4.0,
    depth=1000.0,
    backend="numba",
    hydrogen_method="trident",
    progress=True,
):
    """Make the maps of all halos of a simulation, along the three axes, in all fields.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    fields : sequence of str
        Names of fields, see `cgmhelpers.emission.fields.FIELDS`.
    out : path, optional
        Where to store the maps (a zarr folder). A store that was made from the same files with the
        same parameters is kept; any other is replaced, and only when the new one is whole.
    halos : pandas.DataFrame, optional
        Halos as of ``sim.halos()``; by default all above `minimum_mass`.
    minimum_mass : float
        Lower limit of M200c, Msun; without effect where `halos` is given.
    pixels : int
        Pixels along a side.
    pixel_size : float
        Side of a pixel, physical kpc.
    depth : float
        Half the depth along the line of sight, physical kpc.
    backend : {"numba", "reference", "yt"}
        Projection, see `cgmhelpers.maps.projection.images`.
    hydrogen_method : {"trident", "snapshot"}
        Neutral fraction of the field "hi": from Trident's table, or the snapshot's own.
    progress : bool
        Show progress bars.

    Returns
    -------
    xarray.Dataset
        ``image`` (halo, axis, field, y, x) float32, mean over each pixel in the field's unit, y
        up; the axis is the line of sight (see `cgmhelpers.maps.projection.images` for the other
        two). ``properties`` (halo, property) float64. Coordinates name halo, axis, field and
        property, and give x and y of the pixels' centres in physical kpc from the halo. Opened
        lazily from `out` where that is given, else in memory. No limit is applied: see
        `apply_limits`.

    Raises
    ------
    ParameterError
        For an unknown field, or a number that can't be used.
    FormatError
        If the snapshot holds no gas, or lacks what a field needs.
    ResultError
        If there are no halos, or gas emits what isn't a finite number >= 0.
    """
    arguments = {
        "halos": halos,
        "minimum_mass": minimum_mass,
        "pixels": pixels,
        "pixel_size": pixel_size,
        "depth": depth,
        "backend": backend,
        "hydrogen_method": hydrogen_method,
    }
    chosen = _chosen_fields(fields, hydrogen_method)
    check_frame(pixels, pixel_size, depth)
    fingerprint = _fingerprint(sim, chosen, **arguments)
    if out is not None:
        out = Path(out)
        if store.stored_fingerprint(out) == fingerprint:
            log.info("%s is up to date.", out)
            return open(out)
        if out.exists():
            log.warning("%s was made from other files or parameters: it is replaced.", out)
    table = sim.halos(minimum_mass) if halos is None else halos.reset_index(drop=True)
    if len(table) == 0:
        raise ResultError(
            f"{sim.name} has no halos to map.",
            expected=f"halos of at least {minimum_mass:.3g} Msun"
            if halos is None
            else "a table with at least one row",
            remedy="Lower minimum_mass.",
        )
    options = {"hydrogen_method": hydrogen_method}
    images = _images(sim, chosen, options, table, (pixels, pixel_size, depth), backend, progress)
    dataset = store.labelled(sim, chosen, table, images, pixel_size)
    values = properties.compute(sim, table, progress=progress)
    dataset["properties"] = (("halo", "property"), values[list(properties.NAMES)].to_numpy(float))
    dataset["properties"].attrs["long_name"] = "properties of the halo (Gluck et al. 2024, Table 1)"
    dataset.attrs |= {
        "depth_kpc": float(depth),
        "backend": backend,
        "hydrogen_method": hydrogen_method,
        "cgmhelpers": __version__,
        "fingerprint": fingerprint,
    }
    if out is None:
        return dataset
    store.write(dataset, out)
    return open(out)


def is_made(sim, fields, out, **options):
    """Whether `make` with these arguments would find its work done.

    Parameters
    ----------
    sim, fields, out
        As for `make`.
    **options
        Further arguments of `make`.

    Returns
    -------
    bool
    """
    options.pop("progress", None)
    chosen = _chosen_fields(fields, options.get("hydrogen_method", "trident"))
    return store.stored_fingerprint(Path(out)) == _fingerprint(sim, chosen, **options)


def _chosen_fields(fields, hydrogen_method):
    names = [fields] if isinstance(fields, str) else list(fields)
    if not names or len(set(names)) < len(names):
        raise ParameterError(
            "These fields can't be mapped.", found=names, expected="at least one, each once"
        )
    chosen = [known_fields.get(name) for name in names]
    check_method(hydrogen_method)
    return chosen


def _images(sim, fields, options, table, frame, backend, progress):
    """Images (halo, axis, field, row, column) in the fields' units, float32."""
    if sim.number("gas") == 0:
        sim.gas()  # says what is wrong
    pixels, pixel_size, depth = frame
    images = np.empty((len(table), 3, len(fields), pixels, pixels), dtype=np.float32)
    groups = range(0, len(table), HALOS_AT_ONCE)
    for start in bar(groups, f"Maps of {sim.name}", show=progress and len(groups) > 1):
        halos = slice(start, start + HALOS_AT_ONCE)
        centre = centres(table)[halos]
        gathered = gather(sim, fields, options, centre, 0.5 * pixels * pixel_size, depth)
        images[halos] = project_many(
            gathered.selection,
            gathered.kernel_radius,
            gathered.quantities,
            *frame,
            backend=backend,
            dtype=np.float32,
        )
    return images


def _fingerprint(
    sim,
    fields,
    halos=None,
    minimum_mass=10**11.5,
    pixels=128,
    pixel_size=4.0,
    depth=1000.0,
    backend="numba",
    hydrogen_method="trident",
):
    if halos is None:
        which = {"minimum_mass": minimum_mass} | provenance.file_identity(sim.catalogue_path)
    else:
        columns = halos[["group", "x", "y", "z", "m200c", "r200c"]]
        which = pd.util.hash_pandas_object(columns, index=False).tolist()
    return provenance.fingerprint(
        simulation=sim.name,
        snapshot=provenance.file_identity(sim.snapshot_path),
        halos=which,
        fields=[field.name for field in fields],
        frame=[pixels, pixel_size, depth],
        backend=backend,
        hydrogen_method=hydrogen_method,
    )
