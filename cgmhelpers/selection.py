"""Which particles lie near which halo, for all halos at once, in a periodic box.

A coarse grid of cells lists for each cell the halos whose region could touch it. Each particle
looks only at the list of its own cell: one pass counts the (particle, halo) pairs, a second
writes them, grouped by halo. Nothing is sorted and no loop runs over all particles per halo.
"""

from dataclasses import dataclass

import numba
import numpy as np

from cgmhelpers.errors import ParameterError

GRID = 48
BLOCKS = 64  # fixed, so that the result doesn't depend on the number of threads
MARGINS = (0.0, 100.0, 300.0, 1000.0, 3000.0)
"""Kernel radii [kpc] up to which an element uses a grid of its own.

A grid's regions grow by its margin; with one grid for all, a few large elements would make
every particle look at every halo.
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
        """Row of the halo of each pair, shape (P,)."""
        return np.repeat(np.arange(len(self.offset) - 1), np.diff(self.offset))


def in_spheres(position, centre, radius, box_size):
    """Select the particles inside a sphere about each halo.

    Parameters
    ----------
    position : ndarray, shape (N, 3)
        Particles [kpc].
    centre : ndarray, shape (H, 3)
        Halo centres [kpc].
    radius : float or ndarray, shape (H,)
        Radii [kpc]; a particle at exactly this distance is outside.
    box_size : float
        Side of the periodic box [kpc].

    Returns
    -------
    Selection

    Raises
    ------
    ParameterError
        For shapes that don't fit, or a sphere that is wider than the box.
    """
    radius = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(centre))
    extent = np.column_stack([radius, radius])
    return _select(position, np.zeros(1, np.float32), centre, extent, box_size, True)


def in_frames(position, kernel_radius, centre, half_width, depth, box_size):
    """Select the elements whose kernel can touch a halo's map along any of the three axes.

    A map along z shows abs(x), abs(y) < half_width and abs(z) < depth about the halo; an
    element is kept where its kernel's cube touches that region for z, y or x.

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
        For shapes that don't fit, or a region that is wider than the box.
    """
    if len(kernel_radius) != len(position):
        raise ParameterError(
            "kernel_radius must have one value an element.",
            found=len(kernel_radius),
            expected=len(position),
        )
    extent = np.tile([float(half_width), float(depth)], (len(centre), 1))
    return _select(position, kernel_radius, centre, extent, box_size, False)


def _select(position, kernel_radius, centre, extent, box_size, spherical):
    position, centre = np.asarray(position), np.asarray(centre, dtype=np.float64)
    for name, array in (("position", position), ("centre", centre)):
        if array.ndim != 2 or array.shape[1] != 3:
            raise ParameterError(f"{name} has a wrong shape.", found=array.shape, expected="(…, 3)")
    if len(extent) and extent.max() > box_size / 2:
        raise ParameterError(
            "A region about a halo is wider than the periodic box.",
            found=f"half width {extent.max():g} kpc",
            expected=f"at most {box_size / 2:g} kpc",
        )
    margins = np.zeros(1) if spherical else np.asarray(MARGINS)
    reach = extent.max(axis=1, initial=0)
    begin, end, members = _halo_lists(centre, [reach + margin for margin in margins], box_size)
    arguments = (
        np.ascontiguousarray(position),
        np.ascontiguousarray(kernel_radius),
        np.ascontiguousarray(centre),
        np.ascontiguousarray(extent),
        float(box_size),
        spherical,
        margins,
        begin,
        end,
        members,
    )
    count = _count(*arguments)
    offset = np.concatenate([[0], count.sum(axis=0).cumsum()]).astype(np.int64)
    first = offset[:-1] + np.vstack([np.zeros_like(count[:1]), count.cumsum(axis=0)[:-1]])
    index = np.empty(offset[-1], np.int64)
    displacement = np.empty((offset[-1], 3), np.float32)
    _fill(*arguments, first, index, displacement)
    return Selection(offset, index, displacement)


def _halo_lists(centre, reaches, box_size):
    """List the halos of each cell, for each reach; the last list has all halos in every cell."""
    begin, end, members, used = [], [], [], 0
    for reach in reaches:
        start, halos = _halos_of_cells(centre, reach, box_size)
        begin.append(start[:-1] + used)
        end.append(start[1:] + used)
        members.append(halos)
        used += len(halos)
    begin.append(np.full(GRID**3, used))
    end.append(np.full(GRID**3, used + len(centre)))
    members.append(np.arange(len(centre)))
    return np.stack(begin), np.stack(end), np.concatenate(members)


def _halos_of_cells(centre, reach, box_size):
    """List for each grid cell the halos whose cube of half width `reach` touches it (CSR)."""
    side = box_size / GRID
    cells, halos = [], []
    for halo, (place, half) in enumerate(zip(centre, reach, strict=True)):
        low = np.floor((place - half) / side).astype(int)
        high = np.floor((place + half) / side).astype(int)
        high = np.minimum(high, low + GRID - 1)
        axes = [np.arange(a, b + 1) % GRID for a, b in zip(low, high, strict=True)]
        block = (axes[0][:, None, None] * GRID + axes[1][:, None]) * GRID + axes[2]
        cells.append(block.ravel())
        halos.append(np.full(block.size, halo))
    cells = np.concatenate(cells) if cells else np.empty(0, int)
    halos = np.concatenate(halos) if halos else np.empty(0, int)
    order = np.argsort(cells, kind="stable")
    start = np.concatenate([[0], np.bincount(cells, minlength=GRID**3).cumsum()])
    return start.astype(np.int64), halos[order].astype(np.int64)


@numba.njit(inline="always")
def _wrapped(difference, box_size):
    return difference - box_size * np.rint(difference / box_size)


@numba.njit(inline="always")
def _cell(position, row, box_size):
    cell = 0
    for axis in range(3):
        inside = int(np.floor(position[row, axis] / box_size * GRID)) % GRID
        cell = cell * GRID + inside
    return cell


@numba.njit(inline="always")
def _is_inside(x, y, z, h, width, depth, spherical):
    if spherical:
        return x * x + y * y + z * z < width * width
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


@numba.njit(parallel=True, cache=True)
def _count(position, radius, centre, extent, box_size, spherical, margins, begin, end, members):
    number = len(position)
    count = np.zeros((BLOCKS, len(centre)), np.int64)
    for block in numba.prange(BLOCKS):
        for row in range(number * block // BLOCKS, number * (block + 1) // BLOCKS):
            h = 0.0 if spherical else radius[row]
            level = _level(h, margins)
            cell = _cell(position, row, box_size)
            for k in range(begin[level, cell], end[level, cell]):
                halo = members[k]
                x = _wrapped(position[row, 0] - centre[halo, 0], box_size)
                y = _wrapped(position[row, 1] - centre[halo, 1], box_size)
                z = _wrapped(position[row, 2] - centre[halo, 2], box_size)
                if _is_inside(x, y, z, h, extent[halo, 0], extent[halo, 1], spherical):
                    count[block, halo] += 1
    return count


@numba.njit(parallel=True, cache=True)
def _fill(
    position,
    radius,
    centre,
    extent,
    box_size,
    spherical,
    margins,
    begin,
    end,
    members,
    first,
    index,
    displacement,
):
    number = len(position)
    for block in numba.prange(BLOCKS):
        place = first[block].copy()
        for row in range(number * block // BLOCKS, number * (block + 1) // BLOCKS):
            h = 0.0 if spherical else radius[row]
            level = _level(h, margins)
            cell = _cell(position, row, box_size)
            for k in range(begin[level, cell], end[level, cell]):
                halo = members[k]
                x = _wrapped(position[row, 0] - centre[halo, 0], box_size)
                y = _wrapped(position[row, 1] - centre[halo, 1], box_size)
                z = _wrapped(position[row, 2] - centre[halo, 2], box_size)
                if _is_inside(x, y, z, h, extent[halo, 0], extent[halo, 1], spherical):
                    pair = place[halo]
                    index[pair] = row
                    displacement[pair, 0] = x
                    displacement[pair, 1] = y
                    displacement[pair, 2] = z
                    place[halo] += 1
