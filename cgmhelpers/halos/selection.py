"""The particles near each of many halos, in a periodic box.

A coarse grid lists for each cell the halos whose region could touch it. A particle is compared only
with the list of its cell: one pass finds the (particle, halo) pairs, which are then put in place,
grouped by halo. Nothing is sorted, and no loop over all particles runs for each halo.
"""

from dataclasses import dataclass
from itertools import pairwise

import numba
import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.cells import (
    cell_of,
    check_shape,
    checked_centres,
    halos_of_cells,
    wrapped,
)
from cgmhelpers.system import parallel
from cgmhelpers.system.compiling import compiled

BLOCKS = 64  # of rows, for the threads
MARGINS = (0.0, 100.0, 300.0, 1000.0, 3000.0)
"""Largest kernel radii [kpc] of the elements of each grid.

The regions of a grid grow by its margin. In a single grid, a few large elements would compare every
particle with every halo.
"""


@dataclass(frozen=True)
class Selection:
    """Pairs of a particle and a halo, grouped by halo.

    Attributes
    ----------
    offset : ndarray of int64, shape (H + 1,)
        Halo k has the pairs ``offset[k]:offset[k + 1]``, in the order of the particles.
    index : ndarray of int64, shape (P,)
        Row of the particle.
    displacement : ndarray of float32, shape (P, 3)
        Particle minus halo centre [kpc], the nearest periodic image.
    """

    offset: np.ndarray
    index: np.ndarray
    displacement: np.ndarray

    @property
    def halo(self):
        """Return the row of the halo of each pair, shape (P,)."""
        return np.repeat(np.arange(len(self.offset) - 1), np.diff(self.offset))


def in_frames(position, kernel_radius, centre, half_width, depth, box_size):
    """Select the elements whose kernel can touch a halo's map along any of the three axes.

    A map along z shows abs(x), abs(y) < half_width and abs(z) < depth about the halo; an
    element is kept if its kernel's cube touches that region for z, y or x.

    Parameters
    ----------
    position : ndarray, shape (N, 3)
        Elements [kpc].
    kernel_radius : ndarray, shape (N,)
        Support radius of each kernel [kpc].
    centre : ndarray, shape (H, 3)
        Halo centres [kpc].
    half_width, depth : float
        Half the side of the map, and half its depth along the line of sight [kpc].
    box_size : float
        Side of the periodic box [kpc].

    Returns
    -------
    Selection

    Raises
    ------
    ParameterError
        If shapes don't fit, or a region is wider than the box.
    """
    return Frames(centre, half_width, depth, box_size).select(position, kernel_radius)


class Frames:
    """Frames of maps about halos, for elements that are read piece by piece.

    Parameters
    ----------
    centre : ndarray, shape (H, 3)
        Halo centres [kpc].
    half_width, depth, box_size : float
        As for `in_frames`.

    Raises
    ------
    ParameterError
        If centres have the wrong shape, or a region is wider than the box.
    """

    def __init__(self, centre, half_width, depth, box_size):
        frame = float(half_width), float(depth), float(box_size)
        centre = checked_centres(centre, max(frame[:2]), box_size)
        lists = [_lists_of_frames(centre, *frame, margin) for margin in MARGINS]
        starts, members, used = _joined(lists)
        everywhere = used, used + len(centre)
        members = np.append(members, np.arange(len(centre), dtype=np.int32))
        self._halos = len(centre)
        self._prepared = centre, *frame, np.asarray(MARGINS), starts, members, everywhere

    def select(self, position, kernel_radius, threads=None):
        """Select the elements whose kernel can touch each frame.

        Parameters
        ----------
        position : ndarray, shape (N, 3)
            Elements [kpc].
        kernel_radius : ndarray, shape (N,)
            Support radius of each kernel [kpc].
        threads : int, optional
            Number of threads, `cgmhelpers.system.parallel.threads` by default. The result doesn't
            depend on it, and several threads may call this at the same time.

        Returns
        -------
        Selection

        Raises
        ------
        ParameterError
            If shapes don't fit.
        """
        position = np.asarray(position)
        check_shape("position", position)
        if len(kernel_radius) != len(position):
            raise ParameterError(
                "kernel_radius must have a value for each element.",
                found=len(kernel_radius),
                expected=len(position),
            )
        arguments = (
            np.ascontiguousarray(position),
            np.ascontiguousarray(kernel_radius),
            *self._prepared,
        )
        threads = threads or parallel.threads()
        edges = np.linspace(0, len(position), (BLOCKS if threads > 1 else 1) + 1).astype(int)
        found = parallel.in_threads(
            lambda block: _find(*arguments, *block), pairwise(edges.tolist()), threads
        )
        count = np.stack([np.bincount(halo, minlength=self._halos) for _, halo, _ in found])
        offset, first = places(count)
        index = np.empty(offset[-1], np.int64)
        displacement = np.empty((offset[-1], 3), np.float32)
        for (row, halo, away), place in zip(found, first, strict=True):
            _put(row, halo, away, place, index, displacement)
        return Selection(offset, index, displacement)


def places(count):
    """Compute the places of the pairs of each block, grouped by halo.

    Parameters
    ----------
    count : ndarray of int, shape (B, H)
        Pairs of each block of rows with each halo.

    Returns
    -------
    offset : ndarray of int64, shape (H + 1,)
        As in `Selection`.
    first : ndarray of int64, shape (B, H)
        Place of the first pair of each block with each halo.
    """
    offset = np.concatenate([[0], count.sum(axis=0).cumsum()]).astype(np.int64)
    before = count.cumsum(axis=0) - count
    return offset, offset[:-1] + before


def _lists_of_frames(centre, width, depth, box_size, margin):
    """List for each cell the halos whose frame an element of radius `margin` there may touch."""

    def touches(halo, distances):
        wide, deep = ([d < side + margin for d in distances] for side in (width, depth))
        return (
            (deep[0] & wide[1] & wide[2])
            | (wide[0] & deep[1] & wide[2])
            | (wide[0] & wide[1] & deep[2])
        )

    reach = np.full(len(centre), max(width, depth) + margin)
    return halos_of_cells(centre, reach, box_size, touches)


def _joined(lists):
    """Join lists of halos by cell: starts of each, all members, and their number."""
    starts, used = [], 0
    for start, members in lists:
        starts.append(start + used)
        used += len(members)
    members = np.concatenate([members for _, members in lists])
    return np.stack(starts), members, used


@numba.njit(inline="always")
def _is_inside(x, y, z, h, width, depth):
    x, y, z = abs(x) - h, abs(y) - h, abs(z) - h
    wide = (x < width) + (y < width) + (z < width)
    if wide == 3:
        return min(x, y, z) < depth
    return wide == 2 and max(x, y, z) < depth


@numba.njit(inline="always")
def _level(h, margins):
    level = 0
    while level < len(margins) and h > margins[level]:
        level += 1
    return level


@compiled
def _find(
    position,
    radius,
    centre,
    width,
    depth,
    box_size,
    margins,
    starts,
    members,
    everywhere,
    start,
    stop,
):
    """Find the pairs of the rows from start to stop: row, halo and displacement."""
    size, pair = max((stop - start) // 4, 1024), 0
    rows, halos = np.empty(size, np.int64), np.empty(size, np.int64)
    away = np.empty((size, 3), np.float32)
    for row in range(start, stop):
        h = radius[row]
        level = _level(h, margins)
        first, last = everywhere
        if level < len(starts):
            cell = cell_of(position, row, box_size)
            first, last = starts[level, cell], starts[level, cell + 1]
        for k in range(first, last):
            halo = members[k]
            x = wrapped(position[row, 0] - centre[halo, 0], box_size)
            y = wrapped(position[row, 1] - centre[halo, 1], box_size)
            z = wrapped(position[row, 2] - centre[halo, 2], box_size)
            if _is_inside(x, y, z, h, width, depth):
                if pair == size:
                    size *= 2
                    rows = np.concatenate((rows, np.empty_like(rows)))
                    halos = np.concatenate((halos, np.empty_like(halos)))
                    away = np.concatenate((away, np.empty_like(away)))
                rows[pair] = row
                halos[pair] = halo
                away[pair, 0] = x
                away[pair, 1] = y
                away[pair, 2] = z
                pair += 1
    return rows[:pair], halos[:pair], away[:pair]


@compiled
def _put(rows, halos, away, first, index, displacement):
    """Put the pairs of a block in their places."""
    place = first.copy()
    for pair in range(len(rows)):
        target = place[halos[pair]]
        index[target] = rows[pair]
        for axis in range(3):
            displacement[target, axis] = away[pair, axis]
        place[halos[pair]] += 1
