"""Progress bars, and the rule that decides whether they are shown."""

import os
import weakref

from tqdm.auto import tqdm

_BARS = weakref.WeakSet()


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
    shown = tqdm(iterable, desc=description, total=total, disable=silent, unit=unit)
    _BARS.add(shown)
    return shown


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
