"""Group catalogues: positions, masses and radii of halos, checked against the snapshot's header."""

import numpy as np
from astropy.cosmology import FlatLambdaCDM

from cgmhelpers.errors import FormatError, IncompleteError
from cgmhelpers.simulations import hdf5
from cgmhelpers.simulations.opening import faults_named, opened

_NAMES = ("GroupPos", "Group_M_Crit200", "Group_R_Crit200")
_REMEDY = "Check that both files are in the same units (kpc/h) and of the same simulation."
DENSITY_TOLERANCE = 1e-3
"""Relative difference beyond which a halo's mass and radius contradict each other."""

_SAME = {"BoxSize": 1e-3, "Redshift": 1e-3, "HubbleParam": 1e-3, "Omega0": 1e-3}
"""Attributes that snapshot and catalogue share, and how far they may lie apart."""


def read(paths, header, units):
    """Read the halos of a catalogue.

    Parameters
    ----------
    paths : sequence of Path
        The catalogue: one file, or all parts.
    header : Header
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
        If a data set is missing or impossible, the files aren't the whole catalogue, contradict
        themselves, or belong to another snapshot.
    """
    units = units.of_subfind(header)
    parts, totals = [], []
    for path in paths:
        columns, total = _read_file(path, header, units)
        parts.append(columns)
        totals.append(total)
    number = sum(len(columns[0]) for columns in parts)
    total, number_of_files = totals[0]
    if number != total if total is not None else number_of_files not in (0, len(paths)):
        raise IncompleteError(
            f"{paths[0]} is one part of a catalogue."
            if len(paths) == 1
            else f"{paths[0]} and the other parts aren't a whole catalogue.",
            found=f"{number} groups in {len(paths)} file{'s' * (len(paths) != 1)}",
            expected=f"Ngroups_Total {total}, NumFiles {number_of_files}",
            remedy="Put all parts into one folder and give any of them, or the folder.",
        )
    position, mass, radius = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    _check_places(paths[0], position, header.box_size)
    return position, mass, radius


def is_part(path):
    """Whether a file says that it is one part of a catalogue.

    Parameters
    ----------
    path : Path
        A catalogue.

    Returns
    -------
    bool
    """
    with opened(path) as file, faults_named(path):
        own = file["Header"].attrs if "Header" in file else {}
        here, total = (_number(own, name) for name in ("Ngroups_ThisFile", "Ngroups_Total"))
        return (_number(own, "NumFiles") or 0) > 1 and (total is None or here != total)


def _read_file(path, header, units):
    """Positions, masses and radii of one file, and the groups and files that there are in all."""
    with opened(path) as file, faults_named(path):
        if "Group" not in file:
            raise FormatError(
                f"{path} isn't a group catalogue.", found=sorted(file), expected="a group 'Group'"
            )
        _check_header(path, file, header, units)
        own = file["Header"].attrs if "Header" in file else {}
        here, total = (_number(own, name) for name in ("Ngroups_ThisFile", "Ngroups_Total"))
        number_of_files = _number(own, "NumFiles") or 0
        group = file["Group"]
        absent = [name for name in _NAMES if name not in group]
        if absent and (len(group) or here):
            raise FormatError(
                f"{path}: the group catalogue lacks {absent}.",
                found=sorted(group),
                expected=_NAMES,
            )
        if absent:  # a catalogue without halos has an empty group
            return (np.empty((0, 3)), np.empty(0), np.empty(0)), (total, number_of_files)
        columns = [hdf5.read(group[name]).astype(float) for name in _NAMES]
        hdf5.check_places(group["GroupPos"])
        mean = [
            hdf5.read(group[name]).astype(float) if name in group else None
            for name in ("Group_M_Mean200", "Group_R_Mean200")
        ]
    position, mass, radius = columns
    shapes = {name: array.shape for name, array in zip(_NAMES, columns)}
    if mass.ndim != 1 or position.shape != (len(mass), 3) or radius.shape != mass.shape:
        raise FormatError(
            f"{path}: the data sets of the catalogue don't fit together.",
            found=shapes,
            expected="(groups, 3), (groups,) and (groups,)",
        )
    if here is not None and here != len(mass) and total != len(mass):
        raise (IncompleteError if len(mass) < here else FormatError)(
            f"{path} isn't as its header says.",
            found=f"{len(mass)} groups",
            expected=f"Ngroups_ThisFile: {here}",
            remedy="The file may have been cut off: fetch it again.",
        )
    _check_values(path, position * units.length, mass, radius, header.box_size)
    _check_density(path, "Crit200", mass * units.mass, radius * units.length, header)
    if all(values is not None and values.shape == mass.shape for values in mean):
        _check_density(path, "Mean200", mean[0] * units.mass, mean[1] * units.length, header)
    columns = position * units.length, mass * units.mass, radius * units.length
    return columns, (total, number_of_files)


def _number(attributes, name):
    """Whole number from a header, None where there is none."""
    value = np.ravel(attributes.get(name, np.nan)).astype(float)
    return int(value[0]) if value.size == 1 and np.isfinite(value[0]) else None


def _check_density(path, which, mass, radius, header):
    """Hold M200 against 200 rho V: they are one number, written twice.

    Subfind takes the radius from the mass, so real catalogues agree to 4e-4 (their constant of
    gravity differs from ours). Radiation, which some codes count, adds 1e-4 (1 + z) / Omega_m.
    """
    cosmology = FlatLambdaCDM(H0=100 * header.hubble, Om0=header.omega_matter)
    density = cosmology.critical_density(header.redshift).to_value("Msun/kpc3")
    if which == "Mean200":
        density *= cosmology.Om(header.redshift)
    some = (mass > 0) | (radius > 0)
    with np.errstate(divide="ignore"):
        ratio = mass[some] / (200 * density * 4 / 3 * np.pi * radius[some] ** 3)
    allowed = DENSITY_TOLERANCE + 1e-4 * header.redshift / header.omega_matter
    wrong = ~(np.abs(ratio - 1) <= allowed)
    if wrong.any():
        raise FormatError(
            f"{path} contradicts itself: Group_M_{which} and Group_R_{which} don't fit together.",
            found=f"M / (200 rho V) = {ratio[wrong][0]:.4g} in row "
            f"{np.flatnonzero(some)[wrong][0]}, and {wrong.sum()} of {some.sum()} halos are off",
            expected=f"1 within {allowed:.1e}",
            remedy="Catalogues of SIMBA's CV and 1P sets from before July 2025 are wrong: fetch "
            "them again. Else check the units and the cosmology of the snapshot's header.",
        )


def _check_header(path, file, header, units):
    """Catalogues that carry a header say from which snapshot they are."""
    own = file["Header"].attrs if "Header" in file else {}
    snapshot = {
        "BoxSize": header.box_size / units.length,
        "Redshift": header.redshift,
        "HubbleParam": header.hubble,
        "Omega0": header.omega_matter,
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
                f"{path}: Group/{name} holds values that no halo has.",
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


def _check_places(path, position, box_size):
    """Refuse many halos in a tenth of the volume: lengths in Mpc look like that."""
    low, high = (position.min(), position.max()) if len(position) else (0, box_size)
    if len(position) >= 20 and high < 0.46 * box_size:
        raise FormatError(
            f"{path}: all {len(position)} halos lie in one corner of the snapshot's box.",
            found=f"positions from {low:.6g} to {high:.6g} kpc",
            expected=f"0 to {box_size:.6g} kpc, from the snapshot's BoxSize",
            remedy=_REMEDY,
        )
