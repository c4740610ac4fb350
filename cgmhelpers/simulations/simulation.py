"""CAMELS simulations: where their files lie, and their content in physical units."""

import re
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.halos.classes import halo_class
from cgmhelpers.simulations import catalogue, dialects, layout
from cgmhelpers.simulations.hdf5 import faults_named, opened, whole_chunks
from cgmhelpers.simulations.header import read_header
from cgmhelpers.simulations.layout import first_existing
from cgmhelpers.simulations.particles import ParticleReader, particle_group

SUITES = ("IllustrisTNG", "SIMBA", "Astrid")
"""The suites of the paper."""

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

ROWS = 2**22
"""Least number of rows of a piece where a whole column isn't needed at once."""


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
        ``"IllustrisTNG"``, ``"SIMBA"``, ``"Astrid"``, ``"Swift-EAGLE"``, ``"Ramses"`` or another
        CAMELS suite.
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
            Names from `cgmhelpers.simulations.dialects.COLUMNS`; by default `GAS_COLUMNS`.

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
            Names from `cgmhelpers.simulations.dialects.COLUMNS`.

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
        with self.reading(kind) as (read, _):
            return read(columns, slice(0, self.number(kind)))

    @contextmanager
    def reading(self, kind, rows=ROWS):
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
            with faults_named(self.snapshot_path):
                group = particle_group(file, _particle_type(kind), number)
                step = whole_chunks(group, rows)
            pieces = [slice(start, min(start + step, number)) for start in range(0, number, step)]
            yield ParticleReader(group, *self._header_and_units, kind).read, pieces

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
            When the catalogue lacks a data set, holds what can't be, or isn't the snapshot's.
        """
        position, mass, radius = catalogue.read(self.catalogue_path, *self._header_and_units)
        chosen = np.flatnonzero((mass >= minimum_mass) & (radius > 0))
        x, y, z = position[chosen].T
        log_mass = np.log10(mass[chosen])
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
                "r200c": radius[chosen],
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
