"""Locating a simulation tells which files belong to it."""

from functools import cached_property
from os import PathLike
from pathlib import Path

from cgmhelpers.errors import DataNotFoundError
from cgmhelpers.simulations import catalogue, layout
from cgmhelpers.simulations.parts import is_part


class SimulationFiles:
    """The files of one CAMELS simulation at one time.

    Parameters
    ----------
    root, suite, set_name, realisation, snapshot, volume
        As for `cgmhelpers.simulations.simulation.Simulation`.
    """

    def __init__(self, root, suite, set_name="CV", realisation=0, snapshot=90, volume=None):
        self.root = Path(root)
        self.suite = suite
        self.set_name = set_name
        self.realisation = realisation
        self.snapshot = snapshot
        self._volume = volume
        self._given = None

    @property
    def name(self):
        """Suite and folder: ``IllustrisTNG/CV_0``, or ``IllustrisTNG/L50n512/CV_0``."""
        folder = layout.simulation_name(self.set_name, self.realisation)
        level = [] if self.volume == layout.DEFAULT_VOLUME else [self.volume]
        return "/".join([self.suite, *level, folder])

    @property
    def set_label(self):
        """Set with its volume, where that isn't L25n256: ``CV``, or ``L50n512_CV``."""
        return layout.set_label(self.set_name, self.volume)

    @cached_property
    def volume(self):
        """Volume of the simulation: as asked for, or the first that has the snapshot."""
        if self._volume is not None:
            return self._volume
        stems = layout.file_stems(self.suite, self.snapshot)[0]
        for volume in layout.VOLUMES:
            if layout.find(self._folders("Sims", volume), stems):
                return volume
        return layout.DEFAULT_VOLUME

    def _folders(self, first, volume):
        """Folders in which a file may be, those below the top folder `first` before others."""
        name = layout.simulation_name(self.set_name, self.realisation)
        groups = layout.simulation_folders(self.root, self.suite, self.set_name, name, volume)
        order = sorted(groups, key=lambda top: top != first)
        return [folder for top in order for folder in groups[top]]

    @property
    def has_snapshot(self):
        """Whether the snapshot is in one of the known places."""
        stems = layout.file_stems(self.suite, self.snapshot)[0]
        return bool(layout.find(self._folders("Sims", self.volume), stems))

    @cached_property
    def snapshot_files(self):
        """Paths of the snapshot: one file, or all parts."""
        if self._given:
            return _given_files(self._given[0], is_catalogue=False)
        folders = self._folders("Sims", self.volume)
        stems = layout.file_stems(self.suite, self.snapshot)[0]
        if not (found := layout.find(folders, stems)):
            raise layout.missing(folders, stems, f"snapshot of {self.name}")
        return found

    @property
    def snapshot_path(self):
        """Path of the snapshot, or of its first part."""
        return self.snapshot_files[0]

    @cached_property
    def catalogue_files(self):
        """Paths of the group catalogue: one file, or all parts."""
        if self._given:
            if self._given[1] is None:
                raise DataNotFoundError(
                    f"{self.snapshot_path} was opened without a group catalogue.",
                    remedy="Give catalogue_path to Simulation.from_files, or the halos to "
                    "Simulation.halos_at.",
                )
            return _given_files(self._given[1], is_catalogue=True)
        folders = self._folders("FOF_Subfind", self.volume)
        stems = layout.file_stems(self.suite, self.snapshot)[1]
        if not (found := layout.find(folders, stems)):
            raise layout.missing(folders, stems, f"group catalogue of {self.name}")
        return found

    @property
    def catalogue_path(self):
        """Path of the group catalogue, or of its first part."""
        return self.catalogue_files[0]


def _given_files(given, is_catalogue):
    """Files that a user means: a file, a folder, any part, or a list."""
    if not isinstance(given, (str, PathLike)):
        return layout.in_order(map(Path, given))
    path = Path(given)
    if path.is_dir():
        return layout.files_in(path, is_catalogue)
    if not path.exists() and (found := layout.find([path.parent], [path.name])):
        return found  # the name of a snapshot without the number of a part and its ending
    others = layout.siblings(path) if path.is_file() else (path,)
    says_part = catalogue.is_part if is_catalogue else is_part
    return others if len(others) > 1 and says_part(path) else (path,)
