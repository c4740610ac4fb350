"""The parts of a snapshot are its files, which must agree and be whole together."""

import logging
from dataclasses import dataclass, replace

import numpy as np

from cgmhelpers.errors import DataNotFoundError, FormatError, IncompleteError
from cgmhelpers.simulations.header import CodeUnits, Header, read_header
from cgmhelpers.simulations.opening import opened

log = logging.getLogger(__name__)

_COUNTED = (0, 1, 4)
"""Types of particles without which neither maps nor properties are whole (not the black holes)."""


@dataclass(frozen=True)
class Snapshot:
    """What the files of one snapshot say together.

    Attributes
    ----------
    header : Header
        In physical units; its particle numbers are those of all files.
    units : CodeUnits
        Factors from the files' units to ours.
    numbers : tuple of tuple of int
        Particles of each type in each file.
    """

    header: Header
    units: CodeUnits
    numbers: tuple


def read_snapshot(paths, cutout=False):
    """Read the headers of all files of a snapshot, and make sure that they are all of it.

    Parameters
    ----------
    paths : sequence of Path
        One file, or all parts.
    cutout : bool
        Whether the files hold a region of a simulation, whose header may be that of the whole. A
        file whose header has an attribute ``CutoutType`` or alike is one anyway.

    Returns
    -------
    Snapshot

    Raises
    ------
    FormatError
        If an attribute is missing or impossible, or the files aren't one whole snapshot.
    """
    headers, totals = [], []
    for path in paths:
        with opened(path) as file:
            header, units, total = read_header(file, cutout)
        if headers and _differs(header, headers[0]):
            raise FormatError(
                f"{path} and {paths[0]} aren't parts of one snapshot.",
                found=_differs(header, headers[0]),
                expected="the same in all parts",
                remedy="Give the parts of one simulation at one time.",
            )
        headers.append(header)
        totals.append(total)
    numbers = tuple(header.particle_number for header in headers)
    if not headers[0].is_cutout:
        _check_whole(paths, numbers, totals)
    whole = replace(headers[0], particle_number=tuple(map(sum, zip(*numbers, strict=True))))
    return Snapshot(whole, units, numbers)


def _differs(header, first):
    """Name what differs between the headers of two parts, empty where nothing does."""
    names = ("box_size", "redshift", "hubble", "omega_matter", "mass_table", "is_cutout")
    return ", ".join(
        f"{name} {getattr(header, name)} and {getattr(first, name)}"
        for name in names
        if not np.allclose(getattr(header, name), getattr(first, name), rtol=1e-6, atol=1e-9)
    )


def _check_whole(paths, numbers, totals):
    """Hold the particles that are listed in the files against those that the snapshot has."""
    listed = np.sum(numbers, axis=0, dtype=np.int64)
    expected, number_of_files = totals[0]
    if expected is None and number_of_files in (0, len(paths)):
        return
    if expected is not None:
        absent = (listed == 0) & (expected > 0)
        if not (listed - expected)[~absent].any() and not absent[list(_COUNTED)].any():
            if absent.any():
                log.warning(
                    "%s: the snapshot had %s particles, and this file has none of the types %s.",
                    paths[0], expected.tolist(), np.flatnonzero(absent).tolist(),
                )  # fmt: skip
            return
    found = f"{len(paths)} file{'s' * (len(paths) != 1)} with {listed.tolist()} particles"
    whole = [f"NumFilesPerSnapshot = {number_of_files}"] * (number_of_files > 0)
    whole += [] if expected is None else [f"NumPart_Total = {expected.tolist()}"]
    raise IncompleteError(
        f"{paths[0]} is one part of a snapshot."
        if len(paths) == 1
        else f"{paths[0]} and the other parts aren't a whole snapshot.",
        found=found,
        expected=" and ".join(whole),
        remedy="Put all parts into one folder and give any of them, or the folder. For a region "
        "that was cut out of a simulation, give cutout=True to Simulation.from_files.",
    )


def is_part(path):
    """Whether a file says that it is one part of a snapshot.

    Parameters
    ----------
    path : Path
        A snapshot.

    Returns
    -------
    bool
        False also for a file that can't be read, which others say with its reason.
    """
    try:
        read_snapshot([path])
    except FormatError as error:
        return "one part of a snapshot" in error.problem
    except DataNotFoundError:
        return False
    return False
