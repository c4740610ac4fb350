"""What the gas about each halo deposits, gathered in one pass over the file.

The file is taken in pieces of some hundred thousand elements, one thread a piece: it reads
positions and kernels, selects what a map can show, and reads the other columns only where that is
anything. Memory holds what was selected, and a piece a thread.
"""

from dataclasses import dataclass

import numpy as np

from cgmhelpers.errors import ResultError
from cgmhelpers.halos.selection import Selection, frames, places
from cgmhelpers.system import parallel

ROWS = 2**18
"""Least number of elements of a piece: 20 MB of columns."""


@dataclass(frozen=True)
class Gathered:
    """Pairs of an element and a halo, grouped by halo.

    Attributes
    ----------
    selection : Selection
        The pairs; its index counts the rows of the file.
    kernel_radius : ndarray, shape (P,)
        Support radius of each kernel, kpc.
    quantities : ndarray of float64, shape (P, F)
        What each element deposits in each field, in map units times kpc^2.
    """

    selection: Selection
    kernel_radius: np.ndarray
    quantities: np.ndarray


def gather(sim, fields, options, centre, half_width, depth):
    """Find the elements that maps of some halos show, and what each of them deposits.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    fields : sequence of Field
        Fields to map.
    options : dict
        Options of the fields' deposits; each field takes its own.
    centre : ndarray, shape (H, 3)
        Halo centres, kpc.
    half_width, depth : float
        Half the side of the maps, and half their depth along the line of sight, kpc.

    Returns
    -------
    Gathered
        The same for any number of threads and any size of the pieces.

    Raises
    ------
    ResultError
        If gas deposits what isn't a finite number >= 0.
    """
    regions = frames(centre, half_width, depth, sim.header.box_size)
    columns = tuple(dict.fromkeys(name for one in fields for name in one.columns_for(**options)))
    with sim.reading("gas", ROWS) as (read, pieces):

        def gathered(rows):
            place = read(("position", "smoothing_length"), rows)
            found = regions.select(place.position, place.smoothing_length, threads=1)
            used = np.zeros(len(place), dtype=bool)
            used[found.index] = True
            quantities = np.empty((0, len(fields)))
            if used.any():
                quantities = _quantities(sim, fields, options, read(columns, rows).select(used))
            row = np.cumsum(used) - 1  # of each element among the used ones
            return (
                found.offset,
                found.index + rows.start,
                found.displacement,
                place.smoothing_length[found.index],
                quantities[row[found.index]],
            )

        return _joined(parallel.in_threads(gathered, pieces))


def _quantities(sim, fields, options, gas):
    """What each element deposits, in map units times kpc^2; (elements, fields)."""
    quantities = np.empty((len(gas), len(fields)))
    for number, field in enumerate(fields):
        own = {name: options[name] for name in field.options if name in options}
        value = field.deposit(gas, sim.header, **own)
        if not (np.isfinite(value) & (value >= 0)).all():
            raise ResultError(
                f"Gas of {sim.name} can't be mapped in the field {field.name!r}.",
                found=f"{value[~(value >= 0) | np.isinf(value)][:3]} from an element",
                expected="finite numbers >= 0",
                remedy=f"Check the snapshot's columns {', '.join(field.columns_for(**options))}.",
            )
        quantities[:, number] = value * field.per_area(sim.header)
    return quantities


def _joined(parts):
    """Join the pairs of all pieces, halo by halo, in the order of the file."""
    count = np.stack([np.diff(offset) for offset, *_ in parts])
    offset, first = places(count)
    arrays = [np.empty((offset[-1], *array.shape[1:]), array.dtype) for array in parts[0][1:]]

    def put(number):
        own, *values = parts[number]
        parts[number] = None  # so that its memory is free for what follows
        for halo in np.flatnonzero(count[number]):
            size, here, there = count[number, halo], own[halo], first[number, halo]
            for array, value in zip(arrays, values, strict=True):
                array[there : there + size] = value[here : here + size]

    parallel.in_threads(put, range(len(parts)))
    index, displacement, radius, quantities = arrays
    return Gathered(Selection(offset, index, displacement), radius, quantities)
