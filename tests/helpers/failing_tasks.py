"""Tasks for workers that die or wait; in a module of their own, which a worker can import."""

import os
import signal
import time

from cgmhelpers.network import tuning


def die_once(marker, value):
    """Kill the process that runs this the first time, return the value the second time."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def run_after_a_kill(marker, stage):
    """Run a stage, but only the second time."""
    die_once(marker, None)
    stage.run()


def tune_together(number, stage):
    """Work on a study; no process ends its first trial before so many have begun one."""
    folder = stage.studies.with_name("arrived")
    folder.mkdir(exist_ok=True)
    train = tuning.train_task

    def train_together(*arguments, **options):
        (folder / str(os.getpid())).touch()
        while len(list(folder.iterdir())) < number:
            time.sleep(0.1)
        return train(*arguments, **options)

    tuning.train_task = train_together
    try:
        stage.run()
    finally:
        tuning.train_task = train
