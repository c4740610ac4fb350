"""A coarse grid in a periodic box, whose cells list the halos that are near.

A particle is compared only with the list of its cell.
"""

import numba
import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.system.compiling import compiled

GRID = 64
"""Cells of the coarse grid along each axis: so many that the lists of all stay in a cache."""


class Spheres:
    """Spheres about halos, and lists of those that could reach each cell of the coarse grid.

    Parameters
    ----------
    centre : ndarray, shape (H, 3)
        Halo centres [kpc].
    radius : ndarray, shape (H,)
        Radii [kpc].
    box_size : float
        Side of the periodic box [kpc].

    Attributes
    ----------
    centre, radius, box_size
        The arguments.
    start, members : ndarray
        The spheres of the halos ``members[start[c]:start[c + 1]]`` could reach cell c; `cell_of`
        numbers the cells.

    Raises
    ------
    ParameterError
        If centres have the wrong shape, or a sphere is wider than the box.
    """

    def __init__(self, centre, radius, box_size):
        self.centre = checked_centres(centre, radius, box_size)
        self.radius, self.box_size = np.asarray(radius, dtype=np.float64), float(box_size)
        self.start, self.members = _lists_of_spheres(self.centre, self.radius, self.box_size)


def checked_centres(centre, reach, box_size):
    """Return centres as contiguous float64; refuse regions wider than the box.

    Parameters
    ----------
    centre : array_like, shape (H, 3)
        Halo centres [kpc].
    reach : float or ndarray, shape (H,)
        Half the width of each region [kpc].
    box_size : float
        Side of the periodic box [kpc].

    Returns
    -------
    ndarray of float64, shape (H, 3)

    Raises
    ------
    ParameterError
        If the shape is another one, or a region is wider than the box.
    """
    centre = np.ascontiguousarray(centre, dtype=np.float64)
    check_shape("centre", centre)
    widest = np.max(reach, initial=0)
    if len(centre) and widest > box_size / 2:
        raise ParameterError(
            "A region about a halo is wider than the periodic box.",
            found=f"half width {widest:g} kpc",
            expected=f"at most {box_size / 2:g} kpc",
        )
    return centre


def check_shape(name, array):
    """Refuse what isn't a table of places.

    Parameters
    ----------
    name : str
        Its name in the error.
    array : ndarray
        Three coordinates a row.

    Raises
    ------
    ParameterError
        If it has another shape.
    """
    if array.ndim != 2 or array.shape[1] != 3:
        raise ParameterError(f"{name} has a wrong shape.", found=array.shape, expected="(…, 3)")


def _lists_of_spheres(centre, radius, box_size):
    """List for each cell the halos whose sphere touches it."""

    def touches(halo, distances):
        x, y, z = distances
        return x**2 + y**2 + z**2 < radius[halo] ** 2

    return halos_of_cells(centre, radius, box_size, touches)


def halos_of_cells(centre, reach, box_size, touches):
    """List for each grid cell the halos whose region touches it.

    Parameters
    ----------
    centre : ndarray, shape (H, 3)
        Halo centres [kpc].
    reach : ndarray, shape (H,)
        Distance along an axis beyond which no cell touches the region [kpc].
    box_size : float
        Side of the periodic box [kpc].
    touches : callable
        ``touches(halo, distances)`` tells it from the least distances [kpc] of cells to the halo
        along each axis, three arrays that broadcast.

    Returns
    -------
    start : ndarray of int32, shape (GRID**3 + 1,)
        The cell c has ``members[start[c]:start[c + 1]]``.
    members : ndarray of int32
        Rows of halos.
    """
    side = box_size / GRID
    slack = 1e-9 * box_size  # rounding may move a particle into the next cell
    cells, halos = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for halo, (place, half) in enumerate(zip(centre, reach + slack, strict=True)):
        low = np.floor((place - half) / side).astype(int)
        high = np.minimum(np.floor((place + half) / side).astype(int), low + GRID - 1)
        axes = np.ix_(*(np.arange(a, b + 1) for a, b in zip(low, high, strict=True)))
        away = [(axis + 0.5) * side - one for axis, one in zip(axes, place, strict=True)]
        away = [np.abs(d - box_size * np.rint(d / box_size)) - 0.5 * side for d in away]
        inside = touches(halo, [np.maximum(d - slack, 0.0) for d in away])
        x, y, z = (axis % GRID for axis in axes)
        cells.append(((x * GRID + y) * GRID + z)[inside])
        halos.append(np.full(len(cells[-1]), halo))
    cells, halos = np.concatenate(cells), np.concatenate(halos)
    # 32 bits, so that the lists stay in a processor's cache.
    start = np.append(0, np.bincount(cells, minlength=GRID**3).cumsum()).astype(np.int32)
    members = np.empty(len(cells), np.int32)
    _put_members(cells, halos, start[:-1].copy(), members)
    return start, members


@compiled
def _put_members(cells, halos, place, members):
    """Put each halo into the list of its cell."""
    for k in range(len(cells)):
        members[place[cells[k]]] = halos[k]
        place[cells[k]] += 1


@numba.njit(inline="always")
def wrapped(difference, box_size):
    """Return the difference of two coordinates to the nearest periodic image (compiled).

    Parameters
    ----------
    difference : float
        Difference of two coordinates [kpc].
    box_size : float
        Side of the periodic box [kpc].

    Returns
    -------
    float
        From minus half a box to half a box.
    """
    if abs(difference) > 0.5 * box_size:
        difference -= box_size * np.rint(difference / box_size)
    return difference


@numba.njit(inline="always")
def cell_of(position, row, box_size):
    """Return the cell of the coarse grid that a particle lies in (compiled).

    Parameters
    ----------
    position : ndarray, shape (N, 3)
        Particles [kpc].
    row : int
        Row of the particle.
    box_size : float
        Side of the periodic box [kpc].

    Returns
    -------
    int
        Number of the cell, from 0 to ``GRID**3 - 1``.
    """
    cell = 0
    for axis in range(3):
        place = position[row, axis] * (GRID / box_size)
        if not 0 <= place < GRID:
            place = np.floor(place) % GRID
        cell = cell * GRID + int(place)
    return cell
