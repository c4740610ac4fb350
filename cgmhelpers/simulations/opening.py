"""HDF5 files opened for reading: what is wrong with one has a name, and none leads to another."""

from contextlib import contextmanager
from pathlib import Path

import h5py

from cgmhelpers.errors import CGMError, DataNotFoundError, FormatError, IncompleteError


@contextmanager
def opened(path):
    """Open an HDF5 file for reading.

    Parameters
    ----------
    path : path
        The file.

    Yields
    ------
    h5py.File

    Raises
    ------
    DataNotFoundError
        If there is no file.
    FormatError
        If it isn't a whole HDF5 file, may not be read, or holds links to other files.
    """
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise DataNotFoundError(
            f"{path} isn't there.", expected="an HDF5 file", remedy="Check the path."
        ) from None
    except (PermissionError, BlockingIOError) as error:
        raise FormatError(
            f"{path} can't be opened.",
            found=error.strerror or error,
            expected="a file that you may read and that nothing is writing",
            remedy="Change its permissions, or wait for its writer; where the file system knows no "
            "locks, set HDF5_USE_FILE_LOCKING=FALSE.",
        ) from error
    except OSError as error:
        if Path(path).is_dir():
            raise FormatError(
                f"{path} can't be opened: it is a folder.",
                found=", ".join(sorted(entry.name for entry in Path(path).iterdir())[:9])
                or "nothing",
                expected="an HDF5 file",
                remedy="Name the file in it. Simulation.from_files takes a folder that holds one "
                "snapshot, or all parts of one.",
            ) from error
        if "lock file" in str(error):
            raise FormatError(
                f"{path} can't be opened: the file system refuses to lock it.",
                found=error,
                expected="a file system with locks, as HDF5 wants them",
                remedy="Set HDF5_USE_FILE_LOCKING=FALSE in the environment; nothing may write the "
                "file while it is read.",
            ) from error
        kind = IncompleteError if "truncated file" in str(error) else FormatError
        raise kind(
            f"{path} can't be opened as HDF5.",
            found=error,
            expected="a whole HDF5 file",
            remedy="The download may have been cut off: compare its size, and fetch it again.",
        ) from error
    with file:
        with faults_named(path):
            _refuse_links(file)
        yield file


@contextmanager
def faults_named(path):
    """Turn whatever a broken file makes h5py and NumPy raise into one typed error.

    Parameters
    ----------
    path : path
        The file that the body reads from, and does nothing else.

    Raises
    ------
    FormatError
        Instead of the body's error, unless that is one of ours.
    """
    try:
        yield
    except CGMError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError,
            SystemError, TypeError, ValueError) as error:  # fmt: skip
        raise FormatError(
            f"{path} can't be read.",
            found=f"{type(error).__name__}: {error}",
            expected="a whole file that holds what its header says",
            remedy="It may be damaged: compare its size or checksum, and fetch it again.",
        ) from error


def _refuse_links(file):
    """Stop at links to other files: an input must not make us read what nobody named."""

    # What the function returns ends the visit; an error inside of it would break h5py's lock.
    linked = file.visititems_links(
        lambda name, link: (name, link) if isinstance(link, h5py.ExternalLink) else None
    )
    if linked:
        raise FormatError(
            f"{file.filename}: {linked[0]} is a link to another file.",
            found=linked[1].filename,
            expected="data in the file itself",
            remedy="Copy the data into one file, for example with h5copy.",
        )
