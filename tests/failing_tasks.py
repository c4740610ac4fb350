"""Tasks for workers that die; in a module of their own, which a worker can import."""

import os
import signal

from cgmhelpers import pipeline


def make_maps_after_a_kill(marker, *task):
    """Kill the process that runs this the first time, make maps the second time."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return pipeline._make_maps(*task)
