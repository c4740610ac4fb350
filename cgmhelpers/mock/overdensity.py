"""Spherical overdensity masses of the particles that a mock snapshot holds."""

import numpy as np

from cgmhelpers.system.compiling import compiled

GRID = 64
"""Cells along one side of the grid that lists nearby halos."""
LOG_LOW, LOG_HIGH, BINS = np.log(0.4), np.log(1.35), 300
"""Range and number of bins in ln(r/R) within which the crossing is sought."""


def nearby(position, reach, box_size):
    """List, for each cell of a coarse grid, the halos whose spheres could touch it.

    Parameters
    ----------
    position : array (H, 3)
        [kpc].
    reach : array (H,)
        [kpc].
    box_size : float
        [kpc].

    Returns
    -------
    start : array (GRID**3 + 1,) of int
    halo : array of int
        The halos of cell c are ``halo[start[c]:start[c + 1]]``.
    """
    spacing = box_size / GRID
    cells, owners = [], []
    for index, (centre, radius) in enumerate(zip(position, reach, strict=True)):
        low = np.floor((centre - radius) / spacing).astype(int)
        high = np.floor((centre + radius) / spacing).astype(int)
        axes = [np.arange(low[i], high[i] + 1) % GRID for i in range(3)]
        block = (axes[0][:, None, None] * GRID + axes[1][:, None]) * GRID + axes[2]
        cells.append(block.ravel())
        owners.append(np.full(block.size, index))
    if not cells:
        return np.zeros(GRID**3 + 1, dtype=np.int64), np.zeros(0, dtype=np.int64)
    cells, owners = np.concatenate(cells), np.concatenate(owners)
    order = np.argsort(cells, kind="stable")
    start = np.searchsorted(cells[order], np.arange(GRID**3 + 1))
    return start, owners[order]


@compiled
def _deposit(position, mass, centre, radius, start, halo, box, grid, low, high, bins, table):
    scale = grid / box
    step = bins / (high - low)
    for i in range(len(mass)):
        x, y, z = position[i, 0], position[i, 1], position[i, 2]
        a = int(x * scale) % grid
        b = int(y * scale) % grid
        c = int(z * scale) % grid
        cell = (a * grid + b) * grid + c
        for k in range(start[cell], start[cell + 1]):
            h = halo[k]
            dx = abs(x - centre[h, 0])
            dy = abs(y - centre[h, 1])
            dz = abs(z - centre[h, 2])
            dx = min(dx, box - dx)
            dy = min(dy, box - dy)
            dz = min(dz, box - dz)
            square = (dx * dx + dy * dy + dz * dz) / (radius[h] * radius[h])
            if square <= 0.0:
                table[h, 0] += mass[i]
                continue
            level = (0.5 * np.log(square) - low) * step
            if level < bins:
                table[h, max(int(level) + 1, 0)] += mass[i]


def measure(halos, tables):
    """Measure M200c and R200c of the halos from all particles.

    Parameters
    ----------
    halos : Halos
        Their expected radii set where the crossing is sought.
    tables : sequence of mapping
        Particle columns with ``position`` and ``mass``.

    Returns
    -------
    m200c, r200c : array (H,)
        [Msun], [kpc]; the expected values where the particles never cross 200 times the critical
        density.
    """
    number, volume = len(halos), halos.volume
    start, halo = nearby(halos.position, halos.radius * np.exp(LOG_HIGH), volume.box_size)
    profile = np.zeros((number, BINS + 1))
    for table in tables:
        _deposit(
            np.ascontiguousarray(table["position"]),
            table["mass"],
            halos.position,
            halos.radius,
            start,
            halo,
            volume.box_size,
            GRID,
            LOG_LOW,
            LOG_HIGH,
            BINS,
            profile,
        )
    inside = np.cumsum(profile, axis=1)
    edges = np.exp(np.linspace(LOG_LOW, LOG_HIGH, BINS + 1))
    radius = halos.radius[:, None] * edges
    mean = inside / (4 / 3 * np.pi * radius**3) / (200 * volume.critical_density())
    below = (mean[:, 1:] < 1) & (mean[:, :-1] >= 1)
    row = np.arange(number)
    # The outermost crossing: the largest radius whose mean density is that high.
    right = BINS - np.argmax(below[:, ::-1], axis=1)
    crossed = below.any(axis=1)
    high, low = np.log(mean[row, right - 1]), np.log(np.maximum(mean[row, right], 1e-12))
    share = np.where(crossed, high / np.maximum(high - low, 1e-12), 0)
    r200c = radius[row, right - 1] * (edges[1] / edges[0]) ** share
    r200c = np.where(crossed, r200c, halos.radius)
    return 4 / 3 * np.pi * 200 * volume.critical_density() * r200c**3, r200c
