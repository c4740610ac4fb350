"""Where the files of CAMELS lie below a data root, in today's and in older layouts.

A snapshot, or a catalogue, is one file or a set of numbered parts (``snap_090.0.hdf5``,
``snap_090.1.hdf5``, ...), perhaps in a folder of its own (``snapdir_090``).
"""

import re
from pathlib import Path

import numpy as np

from cgmhelpers.errors import DataNotFoundError, ParameterError, nearest
from cgmhelpers.halos.cosmology import SCALE_FACTORS
from cgmhelpers.simulations import dialects

VOLUMES = ("L25n256", "L50n512", "zoom")
"""Levels of the folders below a suite, in the order in which they are looked for. They are boxes of
25 and 50 Mpc/h, and zooms. Where the level is missing, the box is the first."""

DEFAULT_VOLUME = VOLUMES[0]

OLD_NUMBERS = {90: 33, 88: 32, 86: 31, 84: 30, 82: 29, 80: 28, 72: 24, 62: 19, 44: 10}
"""Numbers, among 91, of some snapshots -> their numbers where a simulation has 34, as TNG and SIMBA
had before March 2024."""

REDSHIFT_TOLERANCE = 0.009
"""Difference of ln(1 + z) that two snapshots don't have, below half of their least distance."""

_PART = re.compile(r"(.+)\.(\d+)\.(hdf5|h5)$")
_CATALOGUES = ("fof_subhalo_tab", "groups", "fof_tab")


def simulation_name(set_name, realisation):
    """Folder name of a simulation.

    Parameters
    ----------
    set_name : str
        For example ``"CV"``.
    realisation : int or str
        For example 3, or ``"p1_2"`` in the 1P set.

    Returns
    -------
    str
        For example ``CV_3`` or ``1P_p1_2``.
    """
    return f"{set_name}_{realisation}"


def set_label(set_name, volume):
    """Name a set in tables and files.

    Parameters
    ----------
    set_name, volume : str
        For example ``"CV"`` and ``"L50n512"``.

    Returns
    -------
    str
        With its volume, if that isn't L25n256: ``CV``, or ``L50n512_CV``.
    """
    return set_name if volume == DEFAULT_VOLUME else f"{volume}_{set_name}"


def realisation_pattern(set_name):
    """Pattern of the folder names of a set's simulations.

    Parameters
    ----------
    set_name : str
        For example ``"1P"``.

    Returns
    -------
    re.Pattern
        Its first group is the realisation: ``3``, ``p1_n2``, ``1_n5``.
    """
    return re.compile(rf"{re.escape(set_name)}_(\d+|p?\d+_n?\d+)$")


def nearest_snapshot(redshift):
    """Return the number, among 91, of the snapshot nearest to a redshift.

    Parameters
    ----------
    redshift : float
        The redshift.

    Returns
    -------
    int
    """
    distance = np.abs(np.log(SCALE_FACTORS) + np.log1p(redshift))
    return int(distance.argmin())


def simulation_folders(root, suite, set_name, name, volume=DEFAULT_VOLUME):
    """List the folders that may hold a simulation's files, the present layout first.

    Parameters
    ----------
    root : path
        Data root: the folder that holds ``Sims`` and ``FOF_Subfind``.
    suite, set_name, name : str
        For example ``"IllustrisTNG"``, ``"CV"`` and ``"CV_3"``.
    volume : str
        For example ``"L25n256"``.

    Returns
    -------
    dict of str to list of Path
        Top folder (``Sims``, ``FOF_Subfind``, or none) -> folders below it.
    """
    levels = (volume, "") if volume == DEFAULT_VOLUME else (volume,)
    below = [Path(suite) / level / parent / name for level in levels for parent in (set_name, "")]
    return {top: [Path(root) / top / folder for folder in below] for top in _TOPS}


_TOPS = ("Sims", "FOF_Subfind", "")


def file_stems(suite, snapshot):
    """Names of files without their endings, the present ones first.

    Parameters
    ----------
    suite : str
        For example ``"SIMBA"``.
    snapshot : int
        Number of the snapshot, of 91.

    Returns
    -------
    snapshots, catalogues : list of str
        ``snapshot_090``, ``snap_090``, perhaps ``snap_033``; ``groups_090`` and so on.
    """
    known = dialects.SUITES.get(suite.removesuffix("_DM"))
    numbers = [snapshot]
    if known and known.had_34 and snapshot in OLD_NUMBERS:
        numbers.append(OLD_NUMBERS[snapshot])
    snapshots = [f"snapshot_{snapshot:03d}", *(f"snap_{number:03d}" for number in numbers)]
    catalogues = [f"groups_{snapshot:03d}", *(f"fof_subhalo_tab_{n:03d}" for n in numbers)]
    return snapshots, catalogues


def find(folders, stems):
    """Find a file, or all its parts, in the first folder that has it.

    Parameters
    ----------
    folders : list of Path
        Where to look, and in which order.
    stems : list of str
        From `file_stems`.

    Returns
    -------
    tuple of Path
        One file, or parts by their numbers; empty where there is none.
    """
    for folder in folders:
        if not folder.is_dir():
            continue
        for stem in stems:
            number = stem.rpartition("_")[2]
            own = ("", f"snapdir_{number}", f"groups_{number}", stem)
            for place in (folder / name for name in own):
                for ending in ("hdf5", "h5"):
                    if (place / f"{stem}.{ending}").is_file():
                        return (place / f"{stem}.{ending}",)
                # TNG keeps parts of other stems in such a folder: groups_099/fof_subhalo_tab_099.0
                if found := _parts(place, stem):
                    return found
    return ()


def _parts(folder, stem):
    """Numbered files of a stem in the order of their numbers."""
    if not folder.is_dir():
        return ()
    found = {}
    for path in folder.iterdir():
        match = _PART.match(path.name)
        if match and match[1] == stem and path.is_file():
            found[int(match[2])] = path
    return tuple(found[number] for number in sorted(found))


def siblings(path):
    """List all parts of the set that a file is one of.

    Parameters
    ----------
    path : Path
        A file.

    Returns
    -------
    tuple of Path
        The file alone where its name has no number of a part.
    """
    match = _PART.match(path.name)
    return _parts(path.parent, match[1]) if match else (path,)


def in_order(paths):
    """Put the parts of one set in the order of their numbers.

    Parameters
    ----------
    paths : iterable of Path
        Files, in any order.

    Returns
    -------
    tuple of Path
        As they come, unless each name has the number of a part.
    """
    paths = tuple(paths)
    matches = [_PART.match(path.name) for path in paths]
    if not all(matches) or len({match[1] for match in matches}) > 1:
        return paths
    return tuple(path for _, path in sorted(zip((int(m[2]) for m in matches), paths, strict=True)))


def files_in(folder, is_catalogue):
    """List the parts that a folder holds.

    Parameters
    ----------
    folder : Path
        A folder.
    is_catalogue : bool
        Whether a group catalogue is meant, or a snapshot.

    Returns
    -------
    tuple of Path
        Files by the numbers of the parts.

    Raises
    ------
    DataNotFoundError
        If the folder holds no such file.
    ParameterError
        If it holds several snapshots or catalogues.
    """
    what = "catalogue" if is_catalogue else "snapshot"
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in (".hdf5", ".h5")]
    paths = [path for path in paths if path.name.startswith(_CATALOGUES) == is_catalogue]
    if not paths:
        raise DataNotFoundError(
            f"The folder {folder} holds no {what}.",
            found=", ".join(sorted(path.name for path in folder.iterdir())) or "an empty folder",
            expected="HDF5 files, such as "
            + ("fof_subhalo_tab_090.0.hdf5" if is_catalogue else "snap_090.0.hdf5"),
        )
    stems = {(match[1] if (match := _PART.match(path.name)) else path.stem) for path in paths}
    if len(stems) > 1:
        raise ParameterError(
            f"The folder {folder} holds more than one {what}.",
            found=", ".join(sorted(stems)),
            expected="one file, or the parts of one",
            remedy="Name the file, or list the parts.",
        )
    return siblings(paths[0])


def missing(folders, stems, what):
    """Say what was looked for, and what is there.

    Parameters
    ----------
    folders : list of Path
        Where it was looked for.
    stems : list of str
        Names that it may have.
    what : str
        What it is, for the message.

    Returns
    -------
    DataNotFoundError
        To be raised.
    """
    present = [file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir())]
    names = [f"{stem}.hdf5" for stem in stems]
    return DataNotFoundError(
        f"The {what} isn't there.",
        found=", ".join(f"{path} (a folder)" if path.is_dir() else str(path) for path in present)
        or f"none of the {len(folders)} folders it may be in",
        expected=f"{folders[0] / names[0]}, or another of the known places with the names {names}, "
        "in one file or in parts",
        remedy=_meant_folder(folders[0])
        or "Check the data root, the suite, the volume, the set and the realisation; the "
        "book's page on data lists the known layouts.",
    )


def _meant_folder(folder):
    """Say which folder has nearly the name of the first that isn't there, such as a suite's."""
    path = next((one for one in (*reversed(folder.parents), folder) if not one.is_dir()), None)
    if path is None or not path.parent.is_dir():
        return ""
    near = nearest(path.name, [one.name for one in path.parent.iterdir() if one.is_dir()])
    letters = [re.sub(r"\d", "", str(name)) for name in (near, path.name)]
    # Another number is another simulation.
    return f"Did you mean {near}? {path.parent} has it." if near and len(set(letters)) > 1 else ""
