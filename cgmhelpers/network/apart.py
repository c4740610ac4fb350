"""A training in a process of its own, for callers that can't start the processes of its devices."""

import json
import multiprocessing
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import xarray as xr

from cgmhelpers import errors
from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.network.settings import TrainingSettings
from cgmhelpers.network.task import Task

_CHILD = "from cgmhelpers.network.training import answer; answer()"


def is_needed():
    """Tell whether this process can't start others that import its script.

    Returns
    -------
    bool
        True in a notebook, at a prompt, and in a process that shares the tasks of a run.
    """
    return hasattr(sys, "ps1") or multiprocessing.current_process().daemon


def train_apart(task, folder):
    """Carry out a training in a new process, and wait for it.

    Parameters
    ----------
    task : Task
        The training, of map stores.
    folder : Path
        Where the network goes.

    Raises
    ------
    CGMError
        What the training raises.
    ParameterError
        If the maps are in memory.
    ResultError
        If the process dies.
    """
    plain = asdict(task) | {"settings": task.settings.model_dump(mode="json")}
    for name in ("stores", "target"):
        plain[name] = _paths(getattr(task, name))
    request = json.dumps({"task": plain, "folder": str(folder.absolute())})
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, "-P", "-c", _CHILD]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
        )
        try:
            answer, _ = child.communicate(request)
        except BaseException:
            child.terminate()
            child.wait()
            raise
        said.seek(0)
        lines = said.read().strip().splitlines()
    if child.returncode:
        raise ResultError(
            "The process of the training died.",
            found=f"exit code {child.returncode}: {lines[-1] if lines else 'nothing said'}",
            remedy="Mend the cause and start again: finished epochs stay.",
        )
    told = json.loads(answer.splitlines()[-1])
    if told:
        raise getattr(errors, told.pop("kind"))(**told)


def _paths(stores):
    if stores is None:
        return None
    listed = [stores] if isinstance(stores, str | Path | xr.Dataset) else list(stores)
    if any(isinstance(one, xr.Dataset) for one in listed):
        raise ParameterError(
            "Several devices can't train on maps in memory from a notebook or a prompt.",
            found="a Dataset",
            expected="paths of map stores, which a process of its own opens",
            remedy="Write the maps, or train from a script, behind `if __name__ == '__main__':`.",
        )
    return [str(Path(one).absolute()) for one in listed]


def asked():
    """Read what `train_apart` asks for.

    Returns
    -------
    task : Task
        The training.
    folder : Path
        Where the network goes.
    """
    request = json.load(sys.stdin)
    plain = request["task"]
    plain["settings"] = TrainingSettings(**plain["settings"])
    return Task(**plain), Path(request["folder"])
