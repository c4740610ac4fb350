"""Maps of the halos of a simulation, stored with their labels and units.

A map store is a zarr folder that xarray opens: images (halo, axis, field, y, x), the six properties
of each halo, and coordinates that name the halo, line of sight and field of each image.
"""

import json
import logging
from pathlib import Path

import dask.array
import numpy as np
import pandas as pd

from cgmhelpers import __version__
from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.halos import properties
from cgmhelpers.halos.classes import centres, check_columns
from cgmhelpers.halos.measuring import Measuring
from cgmhelpers.halos.reading import read_once
from cgmhelpers.maps import store
from cgmhelpers.maps.gathering import Gathering
from cgmhelpers.maps.projection.frame import Frame
from cgmhelpers.maps.projection.images import project_many
from cgmhelpers.maps.store import open
from cgmhelpers.system import files, provenance
from cgmhelpers.system.progress import bar

log = logging.getLogger(__name__)

DEPOSIT = 2
"""Counts the changes of what the projection computes; a store of another count is out of date.
2: faint pixels are right to 0.02 dex."""

PROJECTED_AT_ONCE = 256
"""Halos that are projected together, and whose elements, about 4 million, are freed then."""


def make(
    sim,
    fields=("xray", "hi"),
    out=None,
    *,
    options=None,
    pixels=128,
    pixel_size=4.0,
    depth=1000.0,
    halos=None,
    minimum_mass=10**11.5,
    measured=None,
    when_measured=None,
    backend="numba",
    progress=True,
):
    """Make the maps of all halos of a simulation, along the three axes, in all fields.

    The snapshot is read once, for the maps and for the six properties of the halos together.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    fields : sequence of str
        Names of fields, see `cgmhelpers.emission.fields.FIELDS`.
    out : path, optional
        Zarr folder to store the maps in. A store from the same files, parameters and declarations
        of fields is kept; any other is replaced when the new one is whole.
    options : dict of str to dict, optional
        Options of some of the fields, such as
        ``{"hi": {"method": "snapshot"}, "xray": {"emin": 0.3, "emax": 1.0}}``.
    pixels : int
        Pixels along a side.
    pixel_size : float
        Side of a pixel, physical kpc.
    depth : float
        Half the depth along the line of sight, physical kpc.
    halos : pandas.DataFrame, optional
        Halos from ``sim.halos()``; by default all above `minimum_mass`.
    minimum_mass : float
        Lower limit of M200c, Msun; not used if `halos` is given.
    measured : pandas.DataFrame, optional
        The halos with their six properties. By default the pass that gathers the gas measures
        them.
    when_measured : callable, optional
        Called with the table of halos and their properties before the first map is projected; its
        errors end the making.
    backend : {"numba", "reference", "yt"}
        Projection, see `cgmhelpers.maps.projection.images`.
    progress : bool
        Show progress bars.

    Returns
    -------
    xarray.Dataset
        ``image`` (halo, axis, field, y, x) float32, mean over each pixel in the field's unit, y
        up; the axis is the line of sight (see `cgmhelpers.maps.projection.images` for the other
        two). ``properties`` (halo, property) float64. Coordinates name halo, axis, field and
        property, and give x and y of the pixels' centres in physical kpc from the halo. Opened
        lazily from `out` if it is given, else in memory. No limit is applied: see `apply_limits`.

    Raises
    ------
    ParameterError
        If a field or option is unknown, a number is invalid, a table of halos lacks a column, or
        the measured table has other halos.
    FormatError
        If the snapshot has no gas, or lacks columns of a field.
    ResultError
        If there are no halos, or a deposit isn't a finite number >= 0.
    StorageError
        If the folder of `out` can't be written to, or its disk is full.
    """
    frame, chosen = Frame(pixels, pixel_size, depth), known_fields.chosen(fields, options)
    fingerprint = _fingerprint(sim, chosen, frame, halos, minimum_mass, backend)
    if out is not None:
        out = Path(out)
        if store.stored_fingerprint(out) == fingerprint:
            log.info("%s is up to date.", out)
            return open(out)
        if out.exists():
            log.warning(
                "%s was made from other files, parameters or declarations of fields, or by a "
                "version that computed otherwise: it is replaced.",
                out,
            )
    table = sim.halos(minimum_mass) if halos is None else halos.reset_index(drop=True)
    if len(table) == 0:
        raise ResultError(
            f"{sim.name} has no halos to map.",
            expected=f"halos of at least {minimum_mass:.3g} Msun"
            if halos is None
            else "a table with at least one row",
            remedy="Lower minimum_mass.",
        )
    _check_measured(sim, table, measured)
    if sim.number("gas") == 0:
        sim.gas()  # raises the error that names the fault
    gatherings, values = _read(sim, chosen, frame, table, measured, out, progress)
    if measured is None and when_measured is not None:
        when_measured(table.join(values))
    shape = (len(table), 3, len(chosen), frame.pixels, frame.pixels)
    blocks = _images(sim, chosen, frame, table, gatherings, backend, progress)
    if out is None:
        images = np.empty(shape, dtype=np.float32)
        for rows, block in blocks:
            images[rows] = block
    else:
        # `store.write` has the values.
        images = dask.array.zeros(shape, dtype=np.float32, chunks=shape)
    dataset = store.labelled(sim, chosen, table, images, frame.pixel_size)
    dataset["properties"] = (("halo", "property"), values[list(properties.NAMES)].to_numpy(float))
    dataset["properties"].attrs["long_name"] = "properties of the halo (Gluck et al. 2024, Table 1)"
    dataset.attrs |= {
        "depth_kpc": frame.depth,
        "backend": backend,
        "options": json.dumps({one.name: one.options for one in chosen if one.options}),
        "cgmhelpers": __version__,
        "fingerprint": fingerprint,
    }
    if out is None:
        return dataset
    store.write(dataset, out, blocks)
    return open(out)


def is_made(
    sim, fields, out, *, options=None, pixels=128, pixel_size=4.0, depth=1000.0, halos=None,
    minimum_mass=10**11.5, backend="numba",
):  # fmt: skip
    """Tell whether `make` with these arguments has nothing to do.

    Parameters
    ----------
    sim, fields, out, options, pixels, pixel_size, depth, halos, minimum_mass, backend
        As for `make`.

    Returns
    -------
    bool
    """
    chosen = known_fields.chosen(fields, options)
    frame = Frame(pixels, pixel_size, depth)
    fingerprint = _fingerprint(sim, chosen, frame, halos, minimum_mass, backend)
    return store.stored_fingerprint(Path(out)) == fingerprint


def _check_measured(sim, table, measured):
    """Refuse a table of properties of other halos."""
    if measured is None:
        return
    absent = [name for name in ("group", *properties.NAMES) if name not in measured]
    if absent or measured["group"].tolist() != table["group"].tolist():
        raise ParameterError(
            f"The measured table isn't of the halos of {sim.name} that are to be mapped.",
            found=f"no {', '.join(absent)}" if absent else f"{len(measured)} halos",
            expected=f"{', '.join(properties.NAMES)} of the same {len(table)} groups",
            remedy="Leave it out: `make` then measures the properties.",
        )


def _read(sim, fields, frame, table, measured, out, progress):
    """Read the snapshot once: gas about groups of halos, and properties of all."""
    folder = None
    if out is not None:  # where there is room for the maps
        folder = out.absolute().parent
        with files.writable(folder):
            folder.mkdir(parents=True, exist_ok=True)
    gatherings = [
        Gathering(sim, fields, centres(table[first : first + PROJECTED_AT_ONCE]), frame, folder)
        for first in range(0, len(table), PROJECTED_AT_ONCE)
    ]
    if measured is not None:
        read_once(sim, gatherings, progress)
        return gatherings, measured[list(properties.NAMES)]
    measuring = Measuring(sim, table)
    read_once(sim, [measuring, *gatherings], progress)
    return gatherings, properties.from_sums(measuring.result().sums)


def _images(sim, fields, frame, table, gatherings, backend, progress):
    """Yield rows of the table and their images (halo, axis, field, row, column), float32."""
    groups = range(0, len(table), PROJECTED_AT_ONCE)
    for start in bar(groups, f"Maps of {sim.name}", show=progress and len(groups) > 1):
        gathered = gatherings.pop(0).result()
        block = project_many(
            gathered,
            gathered.kernel_radius,
            gathered.quantities,
            frame,
            backend=backend,
            floor=[field.floor for field in fields],
            dtype=np.float32,
        )
        yield slice(start, start + len(block)), block
        del gathered, block  # before the next ones are joined


def _fingerprint(sim, fields, frame, halos, minimum_mass, backend):
    """Digest the inputs of a store, with the declarations of its fields."""
    if halos is None:
        which = {"minimum_mass": minimum_mass} | provenance.file_identity(*sim.catalogue_files)
    else:
        check_columns(halos, (*store.HALO_COORDINATES, "x", "y", "z"))
        columns = halos[["group", "x", "y", "z", "m200c", "r200c"]]
        which = pd.util.hash_pandas_object(columns, index=False).tolist()
    return provenance.fingerprint(
        simulation=sim.name,
        snapshot=provenance.file_identity(*sim.snapshot_files),
        halos=which,
        fields=[field.declaration() for field in fields],
        frame=[frame.pixels, frame.pixel_size, frame.depth],
        backend=backend,
        deposit=DEPOSIT,
        labels=sim.labels,
        **sim.choices,
    )
