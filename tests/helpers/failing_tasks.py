"""Tasks for workers that die or wait; in a module of their own, which a worker can import."""

import os
import signal
import time

from cgmhelpers.runs import stages


def die_once(marker, value):
    """Kill the process that runs this the first time, return the value the second time."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def make_maps_after_a_kill(marker, *task):
    """Make maps, but only the second time."""
    die_once(marker, None)
    return stages.make_maps(*task)


def tune_together(number, *task):
    """Work on a study as soon as so many processes are there."""
    folder = task[3].with_name("arrived")
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < number:
        time.sleep(0.1)
    return stages.tune(*task)
