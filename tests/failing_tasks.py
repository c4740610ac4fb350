"""Tasks for workers that die; in a module of their own, which a worker can import."""

import os
import signal

from cgmhelpers import stages


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
