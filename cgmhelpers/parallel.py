"""The one place that spreads tasks over processes: a local Dask cluster, or one that runs."""

import logging
import os
from contextlib import contextmanager

from cgmhelpers.progress import bar

# glibc gives large buffers back to the system after each use; a network allocates the same ones
# at every step, and half of its time would go into page faults. Read at the start of a process.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "16000000000",
    "MALLOC_TOP_PAD_": "268435456",
    "CGM_PROGRESS": "0",
}


def available_cores():
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@contextmanager
def client(cluster=None, workers=None):
    """Connect to a Dask cluster.

    Parameters
    ----------
    cluster : str, optional
        Address of a running scheduler; by default processes of one thread are started here.
    workers : int, optional
        Number of local processes, by default one a core.

    Yields
    ------
    distributed.Client
    """
    import dask
    from distributed import Client

    if cluster:
        with Client(cluster) as connected:
            yield connected
        return
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT}),
        Client(
            n_workers=workers or available_cores(),
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            memory_limit=0,
            silence_logs=logging.ERROR,
        ) as connected,
    ):
        yield connected


def run_all(function, tasks, description, *, cluster=None, workers=None, show=True):
    """Call a function once a task, side by side.

    Parameters
    ----------
    function : callable
        Importable by name; each task is unpacked into its arguments.
    tasks : list of tuple
        Arguments, small and plain.
    description : str
        Text of the progress bar.
    cluster : str, optional
        Address of a running Dask scheduler.
    workers : int, optional
        Number of local processes; 1 runs the tasks here, one after another.
    show : bool
        Show a progress bar.

    Returns
    -------
    list
        Results in the order of the tasks. The first task that fails raises its own error.
    """
    tasks = list(tasks)
    if not tasks:
        return []
    if cluster is None and (workers == 1 or len(tasks) == 1):
        return [function(*task) for task in bar(tasks, description, show=show)]
    from distributed import as_completed

    with client(cluster, min(workers or available_cores(), len(tasks))) as connected:
        futures = [connected.submit(function, *task, pure=False, retries=1) for task in tasks]
        done = bar(as_completed(futures), description, total=len(futures), show=show)
        for future in done:
            future.result()
        return connected.gather(futures)
