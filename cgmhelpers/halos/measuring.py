"""Sums over the particles of halos, and their spherical overdensity, in one pass.

Every particle is compared with the halos whose sphere could reach its cell, and added to their
sums. Distances have single precision, 1e-7 of a halo's radius.
"""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgmhelpers.halos.cells import Spheres, cell_of, wrapped
from cgmhelpers.halos.classes import centres, check_columns
from cgmhelpers.halos.overdensity import critical_density, spherical_overdensity
from cgmhelpers.halos.reading import KINDS, read_once
from cgmhelpers.system.compiling import compiled

log = logging.getLogger(__name__)

SUMS = ("total", "cgm", "inner", "metal", "cool", "heat")
"""Sums over particles (see `Measured.sums`)."""

APERTURE = 200.0
"""Radius of properties 3 to 6 about the halo centre [kpc, physical]."""

COOL_TEMPERATURE = 1e5
"""Temperature below which gas counts as cool [K]."""

REACH = 1.3
"""Largest radius of the profiles of enclosed mass, in units of the catalogue's R200c."""

BINS = 400
"""Number of radii of a profile, in equal steps up to the largest."""

CATALOGUE_TOLERANCE = 0.05
"""Relative difference of M200c above which a warning doubts the catalogue."""

_GAS_COLUMNS = ("star_formation_rate", "metallicity", "temperature")

_NEEDED_FOR = {
    "star_formation_rate": ("cgm", "inner", "metal", "cool", "heat"),
    "metallicity": ("metal",),
    "temperature": ("cool", "heat"),
}
"""Column of gas -> sums that need it."""


@dataclass(frozen=True)
class Measured:
    """Measurements of halos from particles.

    Attributes
    ----------
    sums : pandas.DataFrame, H rows
        ``total``, mass of gas, dark matter, stars and wind within R200c (Eq. 1 leaves black holes
        out); ``cgm``, CGM gas within R200c [Msun]. Of CGM gas within `APERTURE`: ``inner``, mass
        [Msun]; ``metal``, mass of metals [Msun]; ``cool``, mass below `COOL_TEMPERATURE` [Msun];
        ``heat``, mass times temperature [Msun K].
    m200c, r200c : ndarray, shape (H,)
        Spherical-overdensity mass [Msun] and radius [kpc] of dark matter, gas, stars, wind and
        black holes, from `cgmhelpers.halos.overdensity.spherical_overdensity`.
    """

    sums: pd.DataFrame
    m200c: np.ndarray
    r200c: np.ndarray


class Measuring:
    """Sums over the particles of halos; a taker of `cgmhelpers.halos.reading.read_once`.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    table : pandas.DataFrame, H rows
        Halos from ``sim.halos()``.

    Raises
    ------
    ParameterError
        If a halo is wider than the box.
    """

    kinds = KINDS

    def __init__(self, sim, table):
        check_columns(table, ("x", "y", "z", "m200c", "r200c"))
        self._sim, self._table = sim, table
        self._radius = table["r200c"].to_numpy(dtype=np.float64)
        reach = np.maximum(REACH * self._radius, APERTURE)
        self._spheres = Spheres(centres(table), reach, sim.header.box_size)
        # A region that was cut out may have some columns only; a simulation has them all.
        self._lacking = sim.lacks("gas", _GAS_COLUMNS) if sim.header.is_cutout else []
        self._sums = np.zeros((len(table), len(SUMS)))
        self._profile = np.zeros((len(table), BINS))

    def take(self, piece):
        """Sum over the particles of a piece.

        Parameters
        ----------
        piece : cgmhelpers.halos.reading.Piece
            Particles of any kind.

        Returns
        -------
        tuple of ndarray
            Part of the result, for `add`.
        """
        is_gas = piece.kind == "gas"
        wanted = [name for name in _GAS_COLUMNS if is_gas and name not in self._lacking]
        columns = piece.columns(("position", "mass", *wanted))
        mass = columns["mass"]
        gas = tuple(columns.get(name, mass) for name in _GAS_COLUMNS)  # blank in the result
        sums, profile = np.zeros_like(self._sums), np.zeros_like(self._profile)
        one = self._spheres
        spheres = one.centre, one.radius, one.start, one.members, one.box_size
        # Arguments and not globals: cached compiled code wouldn't notice that a global changed.
        limits = REACH, APERTURE, COOL_TEMPERATURE
        _add(columns["position"], mass, gas, is_gas, self._radius, spheres, limits, sums, profile)
        if piece.kind == "black_holes":
            sums[:] = 0  # Eq. 1 leaves them out
        touched = np.flatnonzero(profile.any(axis=1))  # keeps waiting parts small
        return sums, touched, profile[touched]

    def add(self, part):
        """Add the sums of a piece.

        Parameters
        ----------
        part : tuple of ndarray
            From `take`.
        """
        sums, touched, profile = part
        self._sums += sums
        self._profile[touched] += profile

    def result(self):
        """Return the measurements after all pieces are added.

        Returns
        -------
        Measured

        Notes
        -----
        Logs a warning if a catalogue's M200c differs by more than 5% from that of the particles:
        the catalogues of SIMBA's CV and 1P sets were wrong until July 2025. Without dark matter (in
        a region that was cut out, also without gas or stars) masses and f_cgm are NaN, with a
        warning.
        """
        radius = REACH * self._radius[:, None] * np.arange(1, BINS + 1) / BINS
        critical = critical_density(self._sim.header)
        m200c, r200c = spherical_overdensity(radius, self._profile.cumsum(axis=1), critical)
        absent = self._sim.absent_kinds()
        sums = pd.DataFrame(self._sums, index=self._table.index, columns=list(SUMS))
        if absent:
            m200c[:], r200c[:] = np.nan, np.nan
        else:
            self._sim.check_halos(self._table, sums["total"])
            _warn_if_wrong(self._sim, self._table, m200c)
        self._blank(sums, absent)
        return Measured(sums, m200c, r200c)

    def _blank(self, sums, absent):
        """Set sums to NaN that need particles or columns that aren't there."""
        needs = dict.fromkeys(absent, ("total",)) | {
            name: _NEEDED_FOR[name] for name in self._lacking
        }
        sums[list({name for wanted in needs.values() for name in wanted})] = np.nan
        if self._sim.number("gas") == 0:  # an N-body twin, of which nobody expects any
            sums["cgm"] = np.nan
        elif self._sim.number("stars") == 0 and "stars" not in absent and len(sums):
            log.warning("%s has no stars: masses are without them.", self._sim.snapshot_path)
        if needs and len(sums):
            log.warning(
                "%s has no %s: properties that need it are NaN.",
                self._sim.snapshot_path,
                ", ".join(needs),
            )


def measure(sim, table, progress=True):
    """Measure sums, M200c and R200c of all halos of a table.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    table : pandas.DataFrame, H rows
        Halos from ``sim.halos()``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Measured
        Measurements in the order of `table`.

    Raises
    ------
    ParameterError
        If a halo is wider than the box.
    FormatError
        If the snapshot lacks a column or has impossible values.
    """
    measuring = Measuring(sim, table)
    read_once(sim, [measuring], progress)
    return measuring.result()


@compiled
def _add(position, mass, gas, is_gas, virial_radius, spheres, limits, sums, profile):
    """Add the particles of a piece to sums (halo, one of `SUMS`) and profiles."""
    centre, radius, start, members, box_size = spheres
    reach_of_virial, aperture, cool_temperature = limits
    bins = profile.shape[1]
    star_formation, metallicity, temperature = gas
    for row in range(len(mass)):
        cell = cell_of(position, row, box_size)
        for k in range(start[cell], start[cell + 1]):
            halo = members[k]
            x = wrapped(position[row, 0] - centre[halo, 0], box_size)
            y = wrapped(position[row, 1] - centre[halo, 1], box_size)
            z = wrapped(position[row, 2] - centre[halo, 2], box_size)
            square = x * x + y * y + z * z
            if not square < radius[halo] * radius[halo]:
                continue
            virial = virial_radius[halo]
            reach, outer = reach_of_virial * virial, max(virial, aperture)
            a, b, c = np.float32(x), np.float32(y), np.float32(z)
            distance = np.sqrt(np.float64(a) ** 2 + np.float64(b) ** 2 + np.float64(c) ** 2)
            m = np.float64(mass[row])
            if square < reach * reach:
                profile[halo, min(int(distance / reach * bins), bins - 1)] += m
            if not square < outer * outer:
                continue
            if distance < virial:
                sums[halo, 0] += m
            if not is_gas or star_formation[row] > 0:
                continue
            if distance < virial:
                sums[halo, 1] += m
            if distance < aperture:
                heat = np.float64(temperature[row])
                sums[halo, 2] += m
                sums[halo, 3] += m * metallicity[row]
                if heat < cool_temperature:
                    sums[halo, 4] += m
                sums[halo, 5] += m * heat


def _warn_if_wrong(sim, table, m200c):
    difference = np.abs(table["m200c"].to_numpy() / m200c - 1)
    wrong = ~(difference <= CATALOGUE_TOLERANCE)
    if wrong.any():
        known = difference[np.isfinite(difference)]
        typical = np.median(known) if len(known) else np.inf
        log.warning(
            "%s: M200c of %d of %d halos differs by more than %d%% from the particles' (median "
            "difference %s). %s",
            sim.catalogue_path,
            wrong.sum(),
            len(table),
            100 * CATALOGUE_TOLERANCE,
            f"{100 * typical:.1f}%" if len(known) else "unknown",
            "Catalogues of SIMBA's CV and 1P sets from before July 2025 are wrong: fetch them "
            "again."
            if typical > CATALOGUE_TOLERANCE
            else "The catalogue as a whole agrees with the particles; look at these halos.",
        )
