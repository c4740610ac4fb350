"""Progress bars, and the rule that decides whether they are shown, and where."""

import os
import shutil
import sys
import weakref
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from tqdm import tqdm as plain_tqdm
from tqdm.auto import tqdm

_BARS = weakref.WeakSet()
ELSEWHERE = "CGM_PROGRESS_FILE"
"""Name in the environment of a file that the bars of a notebook's kernel go to, which a terminal
then shows."""


def bar(iterable=None, description="", *, total=None, show=True, unit="it"):
    """Wrap an iterable in a progress bar.

    Parameters
    ----------
    iterable : iterable, optional
        Items to go through; without it, call ``update`` on the bar.
    description : str
        Text beside the bar.
    total : int, optional
        Number of items, if the iterable doesn't know it.
    show : bool
        Show the bar; ``CI`` and ``CGM_PROGRESS=0`` in the environment hide it anyway.
    unit : str
        Name of an item.

    Returns
    -------
    tqdm.tqdm
    """
    silent = not show or bool(os.environ.get("CI")) or os.environ.get("CGM_PROGRESS") == "0"
    options = {"desc": description, "total": total, "disable": silent, "unit": unit}
    if ELSEWHERE in os.environ and not silent:
        stream = _Appended(os.environ[ELSEWHERE])
        return plain_tqdm(iterable, file=stream, ncols=60, mininterval=1, ascii=True, **options)
    shown = tqdm(iterable, **options)
    _BARS.add(shown)
    return shown


class _Appended:
    """A stream that keeps no file open, as nobody closes a bar's."""

    def __init__(self, path):
        self.path = path

    def write(self, text):
        with open(self.path, "a") as stream:
            stream.write(text)

    def flush(self):
        pass


@contextmanager
def followed(path, text, stream=None):
    """Show the bars of other processes in one line of a terminal, inside a ``with`` block.

    Parameters
    ----------
    path : Path
        File that `ELSEWHERE` names to the others.
    text : str
        Begin of the line.
    stream : file, optional
        Where to; standard error by default. Nothing is shown if it isn't a terminal.

    Yields
    ------
    None
    """
    stream = stream or sys.stderr
    done = Event()

    def show():  # numpydoc ignore=GL08
        while not done.wait(1):
            width = shutil.get_terminal_size().columns - 1
            stream.write(f"\r{f'{text}{_last_line(path)}'[:width]:{width}}")
            stream.flush()
        stream.write("\r\x1b[K")

    watched = stream.isatty() and not os.environ.get("CI")
    thread = Thread(target=show, daemon=True)
    if watched:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if watched:
            thread.join()


def _last_line(path):
    """Return what the last bar shows, empty before there is one."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, Path(path).stat().st_size - 2000))
            lines = stream.read().decode(errors="replace").replace("\r", "\n").split("\n")
    except OSError:
        return ""
    return next((one.strip() for one in reversed(lines) if one.strip()), "")


def close_all():
    """Close the bars that an error left open.

    Returns
    -------
    bool
        Whether any was shown.
    """
    left = [one for one in _BARS if not one.disable]
    for one in left:
        one.close()
    return bool(left)
