"""Spread tasks over processes and machines, and work over threads.

A cluster is named by one word: ``none`` runs tasks one after another in this process, each with all
threads; ``processes`` starts one process a core; ``slurm`` submits jobs as Dask's own configuration
describes them (``jobqueue.slurm``); an address joins a running scheduler. A task gives the same
result on each of them, and another worker repeats the task of a worker that died.
"""

import logging
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module

from cgmhelpers.errors import ParameterError, ResultError, meant
from cgmhelpers.system.progress import bar

# Read at the start of a process: one thread each.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "CGM_PROGRESS": "0",
    "DASK_LOGGING__DISTRIBUTED": "critical",  # errors are raised here, without a traceback there
}
# Of processes that start here: no file of the working folder, such as a random.py, is taken for a
# module of the library.
LOCAL_ENVIRONMENT = WORKER_ENVIRONMENT | {"PYTHONSAFEPATH": "1"}
CLUSTERS = ("none", "processes", "slurm")
RESTART = 10.0
"""Seconds for a process that died to be there again."""


def available_cores():
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def threads():
    """Count the threads to compute with.

    Returns
    -------
    int
        ``NUMBA_NUM_THREADS``, which the processes started here have, or one a core.

    Raises
    ------
    ParameterError
        If ``NUMBA_NUM_THREADS`` isn't a number.
    """
    told = os.environ.get("NUMBA_NUM_THREADS") or "0"
    if not told.isdigit():
        raise ParameterError(
            "NUMBA_NUM_THREADS isn't a number of threads.", found=told, expected="1, 2, ..."
        )
    return int(told) or available_cores()


def in_threads(function, items, number=None):
    """Call a function for each item, in threads; it should release the interpreter's lock.

    Parameters
    ----------
    function : callable
        Takes an item.
    items : iterable
        Its arguments.
    number : int, optional
        Threads, `threads` by default. 1 calls the function in this thread, item after item.

    Returns
    -------
    list
        Results in the order of the items. An item that fails raises its own error.
    """
    return list(each_in_threads(function, items, number))


def each_in_threads(function, items, number=None):
    """Call a function as `in_threads` does, and yield each result when its turn comes.

    Parameters
    ----------
    function, items, number
        As for `in_threads`.

    Yields
    ------
    object
        Results in the order of the items; only those that wait for their turn are kept.
    """
    items = list(items)
    number = min(number or threads(), len(items))
    if number <= 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(number) as pool:
        yield from pool.map(function, items)


@contextmanager
def client(cluster=None, workers=None):
    """Connect to a Dask cluster.

    Parameters
    ----------
    cluster : str, optional
        ``slurm``, or the address of a running scheduler; by default processes of one thread are
        started here.
    workers : int, optional
        Number of processes to start, by default one a core, or one job.

    Yields
    ------
    distributed.Client

    Raises
    ------
    ParameterError
        If there is no such cluster, or Dask's configuration doesn't describe a job.
    """
    from distributed import Client

    if cluster == "slurm":
        with _slurm(workers or 1) as jobs, Client(jobs) as connected:
            yield connected
        return
    if cluster and cluster != "processes":
        if "://" not in cluster:
            raise ParameterError(
                "There is no such cluster.",
                found=repr(cluster),
                expected="none, processes, slurm or an address such as tcp://10.0.0.1:8786",
                remedy=meant([cluster], CLUSTERS) or None,
            )
        try:
            connected = Client(cluster)
        except (OSError, ValueError) as error:
            raise ParameterError(
                "No scheduler answers there.",
                found=f"cluster = {cluster}: {error}",
                expected="the address that `dask scheduler` printed when it started",
            ) from error
        with connected:
            yield connected
        return
    # A process that is started again, for one that died, has Dask do so once more.
    with _environment_kept(LOCAL_ENVIRONMENT), _processes(workers or available_cores()) as started:
        yield started


@contextmanager
def _environment_kept(names):
    """Undo what Dask does to this process's own environment before it starts another."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _processes(workers):
    """Start processes of one thread each, with a client."""
    import dask
    from distributed import Client

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # A process that starts imports the script that asked for it, and comes here again.
        raise SystemExit(1)
    # A process that doesn't start is an error of ours, without a traceback from each process.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    told = {"distributed.nanny.pre-spawn-environ": LOCAL_ENVIRONMENT}
    try:
        # This process goes on with its own threads, and shows its bars.
        with _environment_kept(LOCAL_ENVIRONMENT), dask.config.set(told):
            connected = Client(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
    except RuntimeError as error:
        raise ParameterError(
            "The processes that share the work didn't start.",
            found=str(error).rstrip("."),
            expected="a script whose work stands behind `if __name__ == '__main__':`, as each "
            "process imports the script",
            remedy="Put it there, or work in this process alone: cluster=none.",
        ) from None
    try:
        yield connected
    except Exception:
        # Dask stumbles over processes that it is starting again when it ends them.
        with suppress(TimeoutError):
            connected.wait_for_workers(workers, timeout=RESTART)
        raise
    finally:
        # On a busy machine processes that have been told to end may take longer than Dask waits.
        with suppress(TimeoutError):
            connected.close()


@contextmanager
def _slurm(workers):
    """Submit jobs; cancel them at the end."""
    import dask
    from dask_jobqueue import SLURMCluster

    settings = dask.config.get("jobqueue.slurm")  # dask_jobqueue has filled in the defaults
    missing = [name for name in ("cores", "memory") if not settings.get(name)]
    if missing:
        raise ParameterError(
            "Dask's configuration doesn't describe a job.",
            found=f"no {' and no '.join(missing)} in jobqueue.slurm",
            expected="cores, processes and memory",
            remedy="Write them to ~/.config/dask/jobqueue.yaml, as the book says.",
        )
    exports = [f"export {name}={value}" for name, value in WORKER_ENVIRONMENT.items()]
    prologue = [*exports, *(settings.get("job-script-prologue") or ())]
    with SLURMCluster(job_script_prologue=prologue) as cluster:
        cluster.scale(workers)
        yield cluster


def run_all(function, tasks, description, *, cluster=None, workers=None, show=True):
    """Call a function for each task, in parallel.

    Parameters
    ----------
    function : callable
        Importable by name; each task is unpacked into its arguments.
    tasks : list of tuple
        Arguments, small and plain.
    description : str
        Text of the progress bar.
    cluster : str, optional
        ``none``, ``processes`` (default), ``slurm`` or the address of a running scheduler.
    workers : int, optional
        Number of processes to start, by default one a core, or with ``slurm`` one a task. With 1
        local process, this process runs the tasks one after another.
    show : bool
        Show a progress bar.

    Returns
    -------
    list
        Results in the order of the tasks. The first task that fails raises its own error.

    Raises
    ------
    ParameterError
        If there is no such cluster, or its processes don't start.
    ResultError
        If a task kills its process.
    """
    tasks = list(tasks)
    if not tasks:
        return []
    local = cluster in (None, "processes")
    if cluster == "none" or (local and (workers == 1 or len(tasks) == 1)):
        return [function(*task) for task in bar(tasks, description, show=show)]
    from distributed import KilledWorker, as_completed

    workers = min(workers or (available_cores() if local else len(tasks)), len(tasks))
    with client(cluster, workers) as connected:
        _check_import(connected, function)
        futures = [
            connected.submit(_call, function, *task, pure=False, retries=1) for task in tasks
        ]
        done = bar(as_completed(futures), description, total=len(futures), show=show)
        try:
            for future in done:
                future.result()
        except KilledWorker as error:
            raise ResultError(
                "A process died twice over the same task.",
                found=str(error).split(". ")[0],
                expected="memory for each process",
                remedy="Use fewer workers, or a machine with more memory; what is finished stays.",
            ) from error
        return connected.gather(futures)


def _call(function, *arguments):
    """Run a task, and evaluate its lazy arrays in this process.

    By default they would be tasks of the same cluster, and wait for workers that are busy.
    """
    import dask

    with dask.config.set(scheduler="synchronous"):
        return function(*arguments)


def _check_import(connected, function):
    """Refuse workers that lack the function: Dask would wait for ever for another worker."""
    try:
        connected.submit(import_module, function.__module__, pure=False).result()
    except ImportError as error:
        raise ParameterError(
            f"The cluster's workers can't import {function.__module__}.",
            found=str(error),
            expected="the library of this process on the workers too",
            remedy="Start the workers in an environment that has it.",
        ) from None
