"""Group catalogues: positions, masses and radii of halos, checked against the snapshot's header."""

import numpy as np

from cgmhelpers.errors import FormatError
from cgmhelpers.simulations import hdf5
from cgmhelpers.simulations.hdf5 import faults_named, opened

_NAMES = ("GroupPos", "Group_M_Crit200", "Group_R_Crit200")
_REMEDY = "Check that both files are in the same units (kpc/h) and of the same simulation."
_SAME = {"BoxSize": 1e-3, "Redshift": 1e-3, "HubbleParam": 1e-3, "Omega0": 1e-3}
"""Attributes that snapshot and catalogue share, and how far they may lie apart."""


def read(path, values, units):
    """Read the halos of a catalogue.

    Parameters
    ----------
    path : path
        Of the catalogue.
    values : Header
        Of the snapshot that the catalogue belongs to.
    units : CodeUnits
        Of that snapshot.

    Returns
    -------
    position : ndarray of float64, shape (G, 3)
        Potential minima [kpc, physical].
    mass, radius : ndarray of float64, shape (G,)
        M200c [Msun] and R200c [kpc, physical]; 0 for groups that have none.

    Raises
    ------
    FormatError
        If a data set is missing or impossible, or the catalogue belongs to another snapshot.
    """
    units = units.of_subfind(values)
    with opened(path) as file, faults_named(path):
        if "Group" not in file:
            raise FormatError(
                f"{path} isn't a group catalogue.", found=sorted(file), expected="a group 'Group'"
            )
        _check_header(path, file, values, units)
        group = file["Group"]
        missing = [name for name in _NAMES if name not in group]
        if missing and len(group):
            raise FormatError(
                f"{path}: the group catalogue lacks {missing}.",
                found=sorted(group),
                expected=_NAMES,
            )
        if missing:  # a catalogue without halos has an empty group
            return np.empty((0, 3)), np.empty(0), np.empty(0)
        position, mass, radius = (hdf5.read(group[name]).astype(float) for name in _NAMES)
    shapes = {name: array.shape for name, array in zip(_NAMES, (position, mass, radius))}
    if mass.ndim != 1 or position.shape != (len(mass), 3) or radius.shape != mass.shape:
        raise FormatError(
            f"{path}: the data sets of the catalogue don't fit together.",
            found=shapes,
            expected="(groups, 3), (groups,) and (groups,)",
        )
    _check_values(path, position * units.length, mass, radius, values.box_size)
    return position * units.length, mass * units.mass, radius * units.length


def _check_header(path, file, values, units):
    """Catalogues that carry a header say from which snapshot they are."""
    own = file["Header"].attrs if "Header" in file else {}
    snapshot = {
        "BoxSize": values.box_size / units.length,
        "Redshift": values.redshift,
        "HubbleParam": values.hubble,
        "Omega0": values.omega_matter,
    }
    for name, tolerance in _SAME.items():
        if name not in own:
            continue
        found = float(np.ravel(own[name])[0])
        if not abs(found - snapshot[name]) <= tolerance * max(abs(snapshot[name]), 1):
            raise FormatError(
                f"{path} belongs to another snapshot.",
                found=f"{name} {found:g}",
                expected=f"{snapshot[name]:g}, as in the snapshot",
                remedy="Give the catalogue of the same simulation, time and units.",
            )


def _check_values(path, position, mass, radius, box_size):
    wrong = {
        "GroupPos": ~np.isfinite(position).all(axis=1),
        "Group_M_Crit200": ~(np.isfinite(mass) & (mass >= 0)),
        "Group_R_Crit200": ~(np.isfinite(radius) & (radius >= 0)),
    }
    for name, bad in wrong.items():
        if bad.any():
            raise FormatError(
                f"{path}: Group/{name} holds values that can't be.",
                found=f"{bad.sum()} of {len(bad)}, the first in row {np.flatnonzero(bad)[0]}",
                expected="finite numbers, masses and radii not negative",
            )
    if len(position) == 0:
        return
    low, high = position.min(), position.max()
    if low < -1e-3 * box_size or high > 1.001 * box_size:
        raise FormatError(
            f"{path}: halos lie outside the snapshot's box.",
            found=f"positions from {low:.6g} to {high:.6g} kpc",
            expected=f"0 to {box_size:.6g} kpc, from the snapshot's BoxSize",
            remedy=_REMEDY,
        )
    # Of so many halos, all in a tenth of the volume: that doesn't happen; lengths in Mpc do.
    if len(position) >= 20 and high < 0.46 * box_size:
        raise FormatError(
            f"{path}: all {len(position)} halos lie in one corner of the snapshot's box.",
            found=f"positions from {low:.6g} to {high:.6g} kpc",
            expected=f"0 to {box_size:.6g} kpc, from the snapshot's BoxSize",
            remedy=_REMEDY,
        )
