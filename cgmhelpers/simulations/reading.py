"""Particles of all files of a snapshot are read piece by piece, from any number of threads."""

from contextlib import ExitStack, contextmanager

from cgmhelpers.simulations.hdf5 import whole_chunks
from cgmhelpers.simulations.opening import faults_named, opened
from cgmhelpers.simulations.particle_reader import ParticleReader, particle_group
from cgmhelpers.simulations.particles import joined, type_of

ROWS = 2**22
"""Least number of rows of a piece where a whole column isn't needed at once."""


@contextmanager
def in_pieces(paths, snapshot, kind, rows=ROWS, electrons=None):
    """Open a snapshot for reading a kind of particle piece by piece.

    Parameters
    ----------
    paths : sequence of Path
        Its files.
    snapshot : Snapshot
        What they say together: see `cgmhelpers.simulations.parts.read_snapshot`.
    kind : str
        From `cgmhelpers.simulations.dialects.PARTICLE_TYPES`.
    rows : int
        Least number of rows of a piece.
    electrons : str, optional
        As for `cgmhelpers.simulations.particle_reader.ParticleReader`.

    Yields
    ------
    read : callable
        ``read(columns, rows)`` gives the `Particles` of a slice of rows.
    pieces : list of slice
        All rows of all files, in pieces that cut no chunk and lie in one file.
    """
    particle_type = type_of(kind)
    with ExitStack() as stack:
        readers, pieces, start = [], [], 0
        for path, numbers in zip(paths, snapshot.numbers, strict=True):
            file = stack.enter_context(opened(path))
            number = numbers[particle_type]
            with faults_named(path):
                group = particle_group(file, particle_type, number)
                step = whole_chunks(group, rows)
            reader = ParticleReader(group, snapshot.header, snapshot.units, kind, electrons)
            readers.append((start, reader))
            pieces += [
                slice(start + row, start + min(row + step, number))
                for row in range(0, number, step)
            ]
            start += number

        def read(columns, rows):
            parts = [
                reader.read(columns, slice(max(rows.start - first, 0), rows.stop - first))
                for first, reader in readers
                if max(rows.start, first) < min(rows.stop, first + reader.number)
            ]
            return joined(parts) if parts else readers[0][1].read(columns, slice(0, 0))

        yield read, pieces
        for _, reader in readers:
            reader.warn()


def lacking(paths, snapshot, kind, columns):
    """Name the columns that a snapshot doesn't have.

    Parameters
    ----------
    paths, snapshot, kind
        As for `in_pieces`.
    columns : sequence of str
        Names from `cgmhelpers.simulations.dialects.COLUMNS`.

    Returns
    -------
    list of str
        Those that one of the files can't give.
    """
    particle_type = type_of(kind)
    absent = set()
    for path, numbers in zip(paths, snapshot.numbers, strict=True):
        with opened(path) as file, faults_named(path):
            group = particle_group(file, particle_type, numbers[particle_type])
            reader = ParticleReader(group, snapshot.header, snapshot.units, kind)
            absent |= {name for name in columns if not reader.has(name)}
    return [name for name in columns if name in absent]
