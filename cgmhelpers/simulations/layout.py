"""Where the files of CAMELS lie below a data root, in today's and in older layouts."""

from pathlib import Path

from cgmhelpers.errors import DataNotFoundError
from cgmhelpers.simulations import dialects


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


def candidate_paths(root, suite, set_name, realisation, snapshot=90):
    """List the places where a simulation's files may lie, the present layout first.

    Parameters
    ----------
    root : path
        Data root: the folder that holds ``Sims`` and ``FOF_Subfind``.
    suite, set_name : str
        For example ``"IllustrisTNG"`` and ``"CV"``.
    realisation : int or str
        For example 3, or ``"p1_2"`` in the 1P set.
    snapshot : int
        90 is redshift 0; its old name, 033 in TNG and SIMBA, is looked for too.

    Returns
    -------
    snapshots, catalogues : list of Path
        Candidates in the order of preference.
    """
    root = Path(root)
    name = simulation_name(set_name, realisation)
    snapshots = [f"snapshot_{snapshot:03d}.hdf5", f"snap_{snapshot:03d}.hdf5"]
    catalogues = [f"groups_{snapshot:03d}.hdf5", f"fof_subhalo_tab_{snapshot:03d}.hdf5"]
    old = dialects.SUITES.get(suite)
    if snapshot == 90 and old:
        snapshots += [old.old_snapshot] if old.old_snapshot not in snapshots else []
        catalogues += [old.old_catalogue] if old.old_catalogue not in catalogues else []
    volumes = ("L25n256", "L50n512", "")
    folders = [Path(suite) / volume / set_name / name for volume in volumes]
    tops = ("Sims", "FOF_Subfind", "")

    def _places(first, files):
        order = (first, *(top for top in tops if top != first))
        return [root / top / folder / file for top in order for folder in folders for file in files]

    return _places("Sims", snapshots), _places("FOF_Subfind", catalogues)


def first_existing(candidates, what):
    """Return the first path that is a file, or say what was looked for and what is there.

    Parameters
    ----------
    candidates : list of Path
        From `candidate_paths`.
    what : str
        What the file is, for the message.

    Returns
    -------
    Path

    Raises
    ------
    DataNotFoundError
        If none is a file.
    """
    for path in candidates:
        if path.is_file():
            return path
    folders = dict.fromkeys(path.parent for path in candidates)
    present = [file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir())]
    names = list(dict.fromkeys(path.name for path in candidates))
    raise DataNotFoundError(
        f"The {what} isn't there.",
        found=", ".join(map(str, present)) or f"none of the {len(folders)} folders it may be in",
        expected=f"{candidates[0]}, or another of the known places with the names {names}",
        remedy="Check the data root, the suite, the set and the realisation; the book's page on "
        "data lists the known layouts.",
    )
