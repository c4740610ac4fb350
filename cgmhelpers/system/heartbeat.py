"""Signs of life of a process, for others that share a folder with it."""

import os
import socket
import time
from contextlib import contextmanager
from threading import Event, Thread

from cgmhelpers.system import files

HEARTBEAT = 10.0
"""Seconds between two signs of life of a process."""
SILENCE = 120.0
"""Seconds of silence after which a process counts as dead, as network file systems are slow."""


@contextmanager
def beating(path):
    """Write which process works, and touch the file while it does, inside a ``with`` block.

    Parameters
    ----------
    path : Path
        A small file. It stays: its readers may not know of the end yet.

    Yields
    ------
    None
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{socket.gethostname()} {os.getpid()}")
    done = Event()

    def beat():  # numpydoc ignore=GL08
        while not done.wait(HEARTBEAT):
            path.touch()

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def is_beating(path, started):
    """Tell whether a process still works: by its last sign of life or, on this machine, its id.

    Parameters
    ----------
    path : Path
        As for :func:`beating`.
    started : float
        Time [s since 1970] at which it began: its last sign of life before there is a file.

    Returns
    -------
    bool
    """
    try:
        host, process = path.read_text().split()
        process = int(process)
        last = path.stat().st_mtime
    except (OSError, ValueError):
        host, process, last = "", 0, started  # it hasn't written yet, or never will
    if host == socket.gethostname() and not files.lives(process):
        return False
    return time.time() - last < SILENCE
