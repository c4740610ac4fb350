"""A simulation gives its gas, particles and halos in physical units."""

from contextlib import contextmanager
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from cgmhelpers.errors import FormatError, check_known
from cgmhelpers.halos.classes import halo_class
from cgmhelpers.simulations import catalogue, consistency, dialects, layout, sets
from cgmhelpers.simulations.locating import SimulationFiles
from cgmhelpers.simulations.particles import type_of
from cgmhelpers.simulations.parts import read_snapshot
from cgmhelpers.simulations.reading import ROWS, in_pieces, lacking

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


class Simulation(SimulationFiles):
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
        Number in the set, or what stands for it: ``"p1_n2"`` in the set 1P.
    snapshot : int
        Snapshot number, of 91; 90 is redshift 0. The header must have its redshift.
    volume : str, optional
        ``"L25n256"``, ``"L50n512"``, ``"zoom"``; by default the first that has the snapshot.
    electrons : {"per_hydrogen", "per_mass_without_dust"}, optional
        What the file's electrons and neutral atoms are counted per: see
        `cgmhelpers.simulations.dialects.ELECTRONS`. By default per hydrogen nucleus, with a
        warning where the numbers speak against it.

    Raises
    ------
    DataNotFoundError
        When a file is in none of the known places (on first use of that file).
    FormatError
        When a file doesn't hold what is needed.
    """

    def __init__(
        self,
        root,
        suite,
        set_name="CV",
        realisation=0,
        snapshot=90,
        volume=None,
        *,
        electrons=None,
    ):
        super().__init__(root, suite, set_name, realisation, snapshot, volume)
        self.electrons = _checked_electrons(electrons)
        self._cutout = False

    @classmethod
    def from_files(
        cls,
        snapshot_path,
        catalogue_path=None,
        suite="unknown",
        realisation=0,
        *,
        cutout=False,
        electrons=None,
    ):
        """Read files that lie anywhere.

        Parameters
        ----------
        snapshot_path : path or sequence of path
            The snapshot: a file, a folder with its parts, any part (the others lie beside it), or
            a list of all parts.
        catalogue_path : path or sequence of path, optional
            The group catalogue, likewise; without it there are no halos.
        suite : str
            A name for tables and labels.
        realisation : int or str
            A number for tables and labels.
        cutout : bool
            Whether the snapshot holds a region that was cut out of a simulation: its matter isn't
            held against the box. Files whose header says so don't need it.
        electrons : str, optional
            As for the class.

        Returns
        -------
        Simulation
        """
        given = [
            one if one is None or isinstance(one, (str, PathLike)) else tuple(one)
            for one in (snapshot_path, catalogue_path)
        ]
        first = Path(given[0][0] if isinstance(given[0], tuple) else given[0])
        volume = layout.DEFAULT_VOLUME
        self = cls(first.parent, suite, "file", realisation, None, volume, electrons=electrons)
        self._given = given
        self._cutout = cutout
        return self

    def __repr__(self):
        which = "of given files" if self._given else f"snapshot {self.snapshot}"
        return f"Simulation({self.name}, {which})"

    @property
    def choices(self):
        """How the files are read where there is a choice: plain values, empty by default."""
        return {} if self.electrons is None else {"electrons": self.electrons}

    @cached_property
    def _content(self):
        """Header, units and particle numbers of all files."""
        content = read_snapshot(self.snapshot_files, self._cutout)
        if not self._given and self.volume != "zoom":
            consistency.check_redshift(self, content.header.redshift)
        return content

    @property
    def header(self):
        """The snapshot's header, in physical units (`Header`)."""
        return self._content.header

    @cached_property
    def seed(self):
        """Seed of the initial conditions: see `cgmhelpers.simulations.sets.seed`."""
        return sets.UNKNOWN_SEED if self._given else sets.seed(*self._place)

    @cached_property
    def listed_parameters(self):
        """Parameters that the set's table lists: see `cgmhelpers.simulations.sets.parameters`."""
        return {} if self._given else sets.parameters(*self._place)

    @cached_property
    def labels(self):
        """Seed and parameters, which all halos of the simulation share.

        A dictionary: seed (`cgmhelpers.simulations.sets.UNKNOWN_SEED` if nothing tells it);
        Omega_m, h and, if the header has it, Omega_b of the snapshot; and the other parameters of
        the set's table, if it is in the data root.
        """
        header = self.header
        own = {"Omega_m": header.omega_matter, "h": header.hubble, "Omega_b": header.omega_baryon}
        own = {name: value for name, value in own.items() if np.isfinite(value)}
        return {"seed": self.seed} | self.listed_parameters | own

    @property
    def _place(self):
        """Arguments of `cgmhelpers.simulations.sets`."""
        return self.root, self.suite, self.set_name, self.realisation, self.volume

    def check(self):
        """Make sure, once, that masses, cosmology and suite of the snapshot belong together.

        Raises
        ------
        FormatError
            If they contradict each other; see `cgmhelpers.simulations.consistency`.
        """
        _ = self._checked

    def check_halos(self, table, mass):
        """Hold halos of the catalogue against the particles within R200c.

        Parameters
        ----------
        table : pandas.DataFrame
            Halos from `halos`.
        mass : array_like, shape (H,)
            Mass of all particles within R200c [Msun].

        Raises
        ------
        FormatError
            If they contradict each other; see `cgmhelpers.simulations.consistency`.
        """
        if not self.header.is_cutout:
            consistency.check_halos(self, table, mass)

    def absent_kinds(self):
        """Name the kinds of particle without which the mass of a halo isn't known.

        Returns
        -------
        list of str
            Dark matter, where the snapshot has none; of a region that was cut out also gas or
            stars, where it has the other of the two.
        """
        kinds = ("gas", "dark_matter", "stars")
        absent = [kind for kind in kinds if self.number(kind) == 0]
        if not self.header.is_cutout or {"gas", "stars"} <= set(absent):
            absent = [kind for kind in absent if kind == "dark_matter"]
        return absent

    @cached_property
    def _checked(self):
        consistency.check_cosmology(self)
        consistency.check_simulation(self)
        return True

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
        return self.header.particle_number[type_of(kind)]

    def lacks(self, kind, columns=("position", "mass")):
        """Name the columns that the snapshot doesn't have.

        Parameters
        ----------
        kind, columns
            As for `particles`.

        Returns
        -------
        list of str
            Those that neither `particles` nor `reading` can give.
        """
        return lacking(self.snapshot_files, self._content, kind, columns)

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
        with self.reading(kind, checked=False) as (read, _):
            return read(columns, slice(0, self.number(kind)))

    @contextmanager
    def reading(self, kind, rows=ROWS, *, checked=True):
        """Open the snapshot for reading particles piece by piece, from any number of threads.

        Parameters
        ----------
        kind : str
            As for `particles`.
        rows : int
            Least number of rows of a piece.
        checked : bool
            Whether to make sure first that the snapshot is consistent; see `check`.

        Yields
        ------
        read : callable
            ``read(columns, rows)`` gives the `Particles` of a slice of rows.
        pieces : list of slice
            All rows of all files, in pieces that cut no chunk and lie in one file.
        """
        if checked:
            self.check()
        files, content = self.snapshot_files, self._content
        with in_pieces(files, content, kind, rows, self.electrons) as (read, pieces):
            yield read, pieces

    def halos(self, minimum_mass=10**11.5):
        """Read the halos of the group catalogue.

        Parameters
        ----------
        minimum_mass : float
            Lower limit of M200c [Msun].

        Returns
        -------
        pandas.DataFrame
            One row a halo, in the catalogue's order: suite, set_name (with the volume, as of
            `set_label`), realisation, group (row in the catalogue), x, y, z [kpc, physical] of
            the potential minimum, m200c [Msun], r200c [kpc, physical], log_mass (log10 of m200c),
            halo_class, and the seed and parameters of the simulation (`labels`). Empty if the
            catalogue has no such halo.

        Raises
        ------
        FormatError
            When the catalogue lacks a data set, holds values that no halo has, contradicts itself,
            or isn't the snapshot's.
        """
        self.check()
        content = self._content
        position, mass, radius = catalogue.read(self.catalogue_files, content.header, content.units)
        chosen = np.flatnonzero((mass >= minimum_mass) & (radius > 0))
        return self.halos_at(position[chosen], mass[chosen], radius[chosen], chosen)

    def halos_at(self, position, mass, radius, group=None):
        """Return the table of halos that you know without the group catalogue.

        Parameters
        ----------
        position : array_like, shape (H, 3)
            Potential minima [kpc, physical].
        mass, radius : array_like, shape (H,)
            M200c [Msun] and R200c [kpc, physical].
        group : array_like of int, shape (H,), optional
            Their numbers; by default 0, 1, ...

        Returns
        -------
        pandas.DataFrame
            As of `halos`.
        """
        x, y, z = np.reshape(np.asarray(position, dtype=float), (-1, 3)).T
        log_mass = np.log10(np.asarray(mass, dtype=float))
        return pd.DataFrame(
            {
                "suite": self.suite,
                "set_name": self.set_label,
                "realisation": self.realisation,
                "group": np.arange(len(x)) if group is None else group,
                "x": x,
                "y": y,
                "z": z,
                "m200c": mass,
                "r200c": radius,
                "log_mass": log_mass,
                "halo_class": halo_class(log_mass),
                **self.labels,
            }
        )


def _checked_electrons(electrons):
    if electrons is not None:
        check_known(electrons, dialects.ELECTRONS, f"Electrons can't be counted {electrons!r}.")
    return electrons
