"""The deposits of the gas about each halo, gathered in one pass over the file.

Positions and kernels of each piece of the file are read first. They select the elements that maps
can show; other columns are read only if there are any. The selected elements wait in a temporary
file, so that memory holds a piece in each thread, and the elements of the halos that are projected.
"""

import math
import tempfile
import threading
import weakref
from dataclasses import dataclass

import numpy as np

from cgmhelpers.errors import ResultError
from cgmhelpers.halos.selection import Frames, places
from cgmhelpers.simulations.particles import Particles
from cgmhelpers.system import files, parallel
from cgmhelpers.system.compiling import compiled


@dataclass(frozen=True)
class Gathered:
    """Pairs of an element and a halo, grouped by halo.

    Attributes
    ----------
    offset : ndarray of int64, shape (H + 1,)
        Halo k has the pairs ``offset[k]:offset[k + 1]``, in the order of the file.
    displacement : ndarray of float32, shape (P, 3)
        Element minus halo centre [kpc].
    kernel_radius : ndarray, shape (P,)
        Support radius of each kernel, kpc.
    quantities : ndarray of float64, shape (P, F)
        Deposits of each element in each field, in map units times kpc^2.
    """

    offset: np.ndarray
    displacement: np.ndarray
    kernel_radius: np.ndarray
    quantities: np.ndarray


class Gathering:
    """Elements in the maps of halos; a taker of `cgmhelpers.halos.reading.read_once`.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    fields : sequence of Field
        Fields to map, with their options.
    centre : ndarray, shape (H, 3)
        Halo centres, kpc.
    frame : Frame
        Frame of the maps.
    folder : path, optional
        Where the temporary file is; by default where the system has its own.

    Raises
    ------
    ParameterError
        If the frame is wider than the box.
    StorageError
        If the folder can't be written to.
    """

    kinds = ("gas",)

    def __init__(self, sim, fields, centre, frame, folder=None):
        self._sim, self._fields = sim, fields
        self._frames = Frames(centre, frame.half_width, frame.depth, sim.header.box_size)
        self._columns = tuple(dict.fromkeys(name for one in fields for name in one.columns))
        self._parts = []
        self._folder = folder or tempfile.gettempdir()
        with files.writable(self._folder):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - until the last use
        weakref.finalize(self, self._file.close)

    def take(self, piece):
        """Find the elements of a piece that maps show, and their deposits.

        Parameters
        ----------
        piece : cgmhelpers.halos.reading.Piece
            A piece of gas.

        Returns
        -------
        tuple of ndarray
            Part of the result, for `add`.

        Raises
        ------
        ResultError
            If a deposit isn't a finite number >= 0.
        """
        position, radius = piece.columns(("position", "smoothing_length")).values()
        found = self._frames.select(position, radius, threads=1)
        used = np.zeros(len(position), dtype=bool)
        used[found.index] = True
        rows = np.flatnonzero(used)
        quantities = np.empty((0, len(self._fields)))
        if len(rows):
            gas = Particles(piece.columns(self._columns)).select(rows)
            quantities = _quantities(self._sim, self._fields, gas)
        row = np.cumsum(used) - 1  # place of each element among the used ones
        return (
            found.offset,
            found.displacement,
            radius[found.index],
            quantities[row[found.index]],
        )

    def add(self, part):
        """Keep the elements of a piece.

        Parameters
        ----------
        part : tuple of ndarray
            From `take`.

        Raises
        ------
        StorageError
            If the disk of the temporary file is full.
        """
        offset, *arrays = part
        position = self._file.tell()
        with files.writable(self._folder):
            for array in arrays:
                self._file.write(array.tobytes())
        kinds = [(array.dtype, array.shape) for array in arrays]
        self._parts.append((position, offset, kinds))

    def result(self):
        """Return all elements after all pieces are added, and empty the gathering.

        Returns
        -------
        Gathered
            The same for any number of threads and any size of the pieces.
        """
        offset, first = places(np.stack([np.diff(start) for _, start, _ in self._parts]))
        kinds = self._parts[0][2]
        joined = [np.empty((offset[-1], *shape[1:]), dtype) for dtype, shape in kinds]
        reading = threading.Lock()

        def put(part, there):  # numpydoc ignore=GL08
            position, start, kinds = part
            with reading:
                self._file.seek(position)
                found = [_read(self._file, dtype, shape) for dtype, shape in kinds]
            for whole, values in zip(joined, found, strict=True):
                _put(_flat(values), start, there, _flat(whole))

        parallel.in_threads(lambda one: put(*one), zip(self._parts, first, strict=True))
        self._file.close()
        return Gathered(offset, *joined)


def _read(file, dtype, shape):
    """Read an array from where the file stands."""
    values = np.empty(shape, dtype)
    file.readinto(values.reshape(-1).view(np.uint8))
    return values


def _flat(array):
    """View an array as rows and columns."""
    return array.reshape(len(array), math.prod(array.shape[1:]))


@compiled
def _put(values, start, there, whole):
    """Put the rows of each halo in their place."""
    for halo in range(len(there)):
        for row in range(start[halo], start[halo + 1]):
            for column in range(values.shape[1]):
                whole[there[halo] + row - start[halo], column] = values[row, column]


def _quantities(sim, fields, gas):
    """Compute the deposits of elements, in map units times kpc^2; (elements, fields)."""
    quantities = np.empty((len(gas), len(fields)))
    for number, field in enumerate(fields):
        value = field.deposit(gas, sim.header)
        if not (np.isfinite(value) & (value >= 0)).all():
            raise ResultError(
                f"Gas of {sim.name} can't be mapped in the field {field.name!r}.",
                found=f"{value[~(value >= 0) | np.isinf(value)][:3]} from an element",
                expected="finite numbers >= 0",
                remedy=f"Check the snapshot's columns {', '.join(field.columns)}.",
            )
        quantities[:, number] = value * field.per_area(sim.header)
    return quantities
