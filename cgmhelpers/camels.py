"""CAMELS simulations: where their files lie, and their content in physical units."""

import re
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers import dialects, layout
from cgmhelpers.columns import whole_chunks
from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.halos import halo_class
from cgmhelpers.header import opened, read_header
from cgmhelpers.layout import first_existing
from cgmhelpers.particles import Particles

SUITES = tuple(dialects.SUITES)
GAS_COLUMNS = (
    "position",
    "mass",
    "density",
    "temperature",
    "metallicity",
    "hydrogen_fraction",
    "electron_abundance",
    "star_formation_rate",
    "smoothing_length",
)
"""Columns of `Simulation.gas` when none are asked for."""

CHUNK = 2**22
"""Rows read at a time where a whole column isn't needed at once."""


def discover(root, suites=SUITES, set_name="CV", snapshot=90):
    """Find the simulations of a data root.

    Parameters
    ----------
    root : path
        Data root.
    suites : sequence of str
        Suites to look for.
    set_name : str
        Set of simulations.
    snapshot : int
        Snapshot number.

    Returns
    -------
    list of Simulation
        In the order of the suites, then of the realisations.
    """
    found = []
    for suite in suites:
        pattern = re.compile(rf"{re.escape(set_name)}_(\d+|p\w+_n?\d+)$")
        names = set()
        for path in layout.candidate_paths(root, suite, set_name, 0, snapshot)[0]:
            folder = path.parent.parent
            if folder.is_dir():
                names |= {m[1] for entry in folder.iterdir() if (m := pattern.match(entry.name))}
        for name in sorted(names, key=lambda n: (0, int(n), "") if n.isdigit() else (1, 0, n)):
            realisation = int(name) if name.isdigit() else name
            candidates, _ = layout.candidate_paths(root, suite, set_name, realisation, snapshot)
            if any(path.is_file() for path in candidates):
                found.append(Simulation(root, suite, set_name, realisation, snapshot))
    return found


class Simulation:
    """One CAMELS simulation at one time.

    Parameters
    ----------
    root : path
        Data root: the folder that holds ``Sims`` and ``FOF_Subfind``.
    suite : str
        ``"IllustrisTNG"``, ``"SIMBA"``, ``"Astrid"`` or another CAMELS suite.
    set_name : str
        Set of simulations, for example ``"CV"``.
    realisation : int or str
        Number in the set.
    snapshot : int
        Snapshot number; 90 is redshift 0.

    Raises
    ------
    DataNotFoundError
        When a file is in none of the known places (on first use of that file).
    FormatError
        When a file doesn't hold what is needed.
    """

    def __init__(self, root, suite, set_name="CV", realisation=0, snapshot=90):
        self.root = Path(root)
        self.suite = suite
        self.set_name = set_name
        self.realisation = realisation
        self.snapshot = snapshot
        self._paths = None

    @classmethod
    def from_files(cls, snapshot_path, catalogue_path=None, suite="unknown", realisation=0):
        """Read files that lie anywhere.

        Parameters
        ----------
        snapshot_path : path
            The snapshot.
        catalogue_path : path, optional
            The group catalogue; without it there are no halos.
        suite : str
            A name for tables and labels.
        realisation : int or str
            A number for tables and labels.

        Returns
        -------
        Simulation
        """
        self = cls(Path(snapshot_path).parent, suite, "file", realisation)
        self._paths = (Path(snapshot_path), catalogue_path and Path(catalogue_path))
        return self

    def __repr__(self):
        return f"Simulation({self.name}, snapshot {self.snapshot})"

    @property
    def name(self):
        """Suite and folder, for example ``IllustrisTNG/CV_0``."""
        return f"{self.suite}/{layout.simulation_name(self.set_name, self.realisation)}"

    def _candidates(self):
        return layout.candidate_paths(
            self.root, self.suite, self.set_name, self.realisation, self.snapshot
        )

    @cached_property
    def snapshot_path(self):
        """Path of the snapshot."""
        if self._paths:
            return self._paths[0]
        return first_existing(self._candidates()[0], f"snapshot of {self.name}")

    @cached_property
    def catalogue_path(self):
        """Path of the group catalogue."""
        if self._paths:
            if self._paths[1] is None:
                raise DataNotFoundError(
                    f"{self.snapshot_path} was opened without a group catalogue.",
                    remedy="Give catalogue_path to Simulation.from_files.",
                )
            return self._paths[1]
        return first_existing(self._candidates()[1], f"group catalogue of {self.name}")

    @cached_property
    def _header_and_units(self):
        with opened(self.snapshot_path) as file:
            return read_header(file)

    @property
    def header(self):
        """The snapshot's header, in physical units (`Header`)."""
        return self._header_and_units[0]

    @property
    def is_mock(self):
        """Whether the snapshot says that a mock generator wrote it."""
        return bool(self.header.mock)

    def number(self, kind):
        """Return how many particles of a kind the file lists.

        Parameters
        ----------
        kind : str
            See `particles`; wind and stars share one list.

        Returns
        -------
        int
        """
        return self.header.particle_number[_particle_type(kind)]

    def gas(self, columns=None):
        """Read gas cells or particles.

        Parameters
        ----------
        columns : sequence of str, optional
            Names from `cgmhelpers.dialects.COLUMNS`; by default `GAS_COLUMNS`.

        Returns
        -------
        Particles
            Physical units: position (N, 3) kpc, mass Msun, density g/cm^3, temperature K,
            metallicity and hydrogen_fraction (mass fractions), electron_abundance (n_e/n_H),
            star_formation_rate Msun/yr, smoothing_length kpc (support radius of the kernel).

        Raises
        ------
        FormatError
            When the snapshot has no gas, or lacks a data set that a column needs.
        """
        if self.number("gas") == 0:
            raise FormatError(
                f"{self.snapshot_path} holds no gas.",
                found=f"particle numbers {self.header.particle_number}",
                expected="PartType0",
                remedy="Use the suite itself, not its N-body twin (_DM).",
            )
        return self.particles("gas", GAS_COLUMNS if columns is None else columns)

    def particles(self, kind, columns=("position", "mass")):
        """Read all particles of a kind.

        Parameters
        ----------
        kind : str
            ``"gas"``, ``"dark_matter"``, ``"stars"``, ``"wind"`` or ``"black_holes"``. Wind
            cells are TNG's decoupled gas, stored among the stars with a birth time <= 0.
        columns : sequence of str
            Names from `cgmhelpers.dialects.COLUMNS`.

        Returns
        -------
        Particles
            Physical units; see `gas`.

        Raises
        ------
        ParameterError
            For an unknown kind or column.
        FormatError
            When the file lacks a data set that a column needs.
        """
        chunks = list(self.chunks(kind, columns, size=None))
        return chunks[0]

    def chunks(self, kind, columns=("position", "mass"), size=CHUNK):
        """Read particles in pieces, for a small memory.

        Parameters
        ----------
        kind, columns
            As for `particles`.
        size : int or None
            Rows of the file a piece; None reads all at once.

        Yields
        ------
        Particles
            At least one, which is empty where the file has none.
        """
        number = self.number(kind)
        size = number if size is None else size
        with self.reading(kind) as (read, _):
            for start in range(0, max(number, 1), max(size, 1)):
                yield read(columns, slice(start, min(start + size, number)))

    @contextmanager
    def reading(self, kind, rows=CHUNK):
        """Open the snapshot for reading particles piece by piece, from any number of threads.

        Parameters
        ----------
        kind : str
            As for `particles`.
        rows : int
            Least number of rows of a piece.

        Yields
        ------
        read : callable
            ``read(columns, rows)`` gives the `Particles` of a slice of rows.
        pieces : list of slice
            All rows, in pieces that cut no chunk of the file.
        """
        number = self.number(kind)
        with opened(self.snapshot_path) as file:
            group = file.get(f"PartType{_particle_type(kind)}", {})
            step = whole_chunks(group, rows)
            pieces = [slice(start, min(start + step, number)) for start in range(0, number, step)]
            yield (lambda names, chosen: self._read(group, kind, names, chosen)), pieces

    def _read(self, group, kind, columns, rows):
        """Read rows of an open group; wind and stars are told apart here."""
        stellar = kind in ("stars", "wind") and self.number(kind) > 0
        names = dict.fromkeys((*columns, "formation_time") if stellar else columns)
        table = Particles({name: self._column(group, kind, name, rows) for name in names})
        if not stellar:
            return table
        is_wind = table["formation_time"] <= 0
        chosen = table.select(is_wind if kind == "wind" else ~is_wind)
        return Particles({name: chosen[name] for name in columns})

    def _column(self, group, kind, name, rows):
        if name not in dialects.COLUMNS:
            raise ParameterError(
                f"There is no column {name!r}.", expected=f"one of {list(dialects.COLUMNS)}"
            )
        header, units = self._header_and_units
        number = self.number(kind)
        if number == 0:
            return np.empty((0, 3) if name in ("position", "velocity") else 0)
        common_mass = header.mass_table[_particle_type(kind)]
        if name == "mass" and common_mass > 0 and "Masses" not in group:
            return np.full(rows.stop - rows.start, common_mass)
        for recipe in dialects.COLUMNS[name]:
            if all(piece.found_in(group) for piece in recipe.pieces):
                self._check_length(group, recipe, number)
                arrays = [piece.read(group, rows) for piece in recipe.pieces]
                return recipe.convert(*arrays, units)
        wanted = [tuple(p.name for p in recipe.pieces) for recipe in dialects.COLUMNS[name]]
        raise FormatError(
            f"{self.snapshot_path}: no data set for {name!r} of {kind}.",
            found=sorted(group),
            expected="one of " + " or ".join(" with ".join(names) for names in wanted),
        )

    def _check_length(self, group, recipe, number):
        for piece in recipe.pieces:
            if len(group[piece.name]) != number:
                raise FormatError(
                    f"{self.snapshot_path}: {group.name}/{piece.name} has the wrong length.",
                    found=len(group[piece.name]),
                    expected=f"{number}, from the header",
                    remedy="The file may have been cut off: fetch it again.",
                )

    def halos(self, minimum_mass=10**11.5):
        """Read the halos of the group catalogue.

        Parameters
        ----------
        minimum_mass : float
            Lower limit of M200c [Msun].

        Returns
        -------
        pandas.DataFrame
            One row a halo, in the catalogue's order: suite, set_name, realisation, group (row
            in the catalogue), x, y, z [kpc, physical] of the potential minimum, m200c [Msun],
            r200c [kpc, physical], log_mass (log10 of m200c), halo_class. Empty where the
            catalogue has no such halo.

        Raises
        ------
        FormatError
            When the catalogue lacks a data set.
        """
        _, units = self._header_and_units
        names = ("GroupPos", "Group_M_Crit200", "Group_R_Crit200")
        with opened(self.catalogue_path) as file:
            group = file.get("Group", {})
            missing = [name for name in names if name not in group]
            if missing and len(group):
                raise FormatError(
                    f"{self.catalogue_path}: the group catalogue lacks {missing}.",
                    found=sorted(group),
                    expected=names,
                )
            if missing:  # a catalogue without halos has an empty group
                position, mass, radius = np.empty((0, 3)), np.empty(0), np.empty(0)
            else:
                position, mass, radius = (group[name][:].astype(np.float64) for name in names)
                position = position.reshape(-1, 3)
        mass = mass * units.mass
        chosen = np.flatnonzero((mass >= minimum_mass) & (radius > 0))
        log_mass = np.log10(mass[chosen])
        x, y, z = (position[chosen] * units.length).T
        return pd.DataFrame(
            {
                "suite": self.suite,
                "set_name": self.set_name,
                "realisation": self.realisation,
                "group": chosen,
                "x": x,
                "y": y,
                "z": z,
                "m200c": mass[chosen],
                "r200c": radius[chosen] * units.length,
                "log_mass": log_mass,
                "halo_class": halo_class(log_mass),
            }
        )


def _particle_type(kind):
    try:
        return dialects.PARTICLE_TYPES[kind]
    except KeyError:
        raise ParameterError(
            f"There is no particle kind {kind!r}.",
            expected=f"one of {list(dialects.PARTICLE_TYPES)}",
        ) from None
