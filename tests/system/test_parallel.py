"""Tasks side by side give what they give one after another."""

import gc
import operator
import os
import subprocess
import sys
from pathlib import Path

import dask
import pytest
from distributed import Client

from cgmhelpers.emission import fields
from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.system import parallel

TASKS = [(2, n) for n in range(6)]


def test_in_this_process():
    assert parallel.run_all(operator.pow, TASKS, "powers", workers=1) == [2**n for n in range(6)]
    assert parallel.run_all(operator.pow, [], "nothing") == []


@pytest.mark.slow
def test_in_processes_and_on_a_running_cluster():
    expected = [2**n for n in range(6)]
    own = [os.environ.get(name) for name in parallel.LOCAL_ENVIRONMENT]
    assert parallel.run_all(operator.pow, TASKS, "powers", workers=2) == expected
    with parallel.client(workers=2) as running:
        # What processes start with isn't this process's: one thread, no progress bar.
        assert [os.environ.get(name) for name in parallel.LOCAL_ENVIRONMENT] == own
        address = running.scheduler.address
        assert parallel.run_all(operator.pow, TASKS, "powers", cluster=address) == expected
        # One thread a process, and an allocator that keeps its pages.
        for name, value in parallel.WORKER_ENVIRONMENT.items():
            assert running.submit(os.getenv, name).result() == value
    assert [os.environ.get(name) for name in parallel.LOCAL_ENVIRONMENT] == own


@pytest.mark.slow
def test_files_of_the_working_folder_are_not_taken_for_modules(tmp_path):
    """Processes that start look for modules in the working folder first, unlike a command."""
    for name in ("pickle", "selectors", "socket"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('of the working folder')")
    script = tmp_path / "scripts" / "work.py"
    script.parent.mkdir()
    script.write_text(
        "import operator\n"
        "from cgmhelpers.system import parallel\n"
        "if __name__ == '__main__':\n"
        "    print(parallel.run_all(operator.add, [(1, 1), (1, 2)], 'sums', workers=2))\n"
    )
    command = [sys.executable, str(script)]
    told = os.environ | {"PYTHONPATH": str(Path(parallel.__file__).parents[2])}
    done = subprocess.run(
        command, cwd=tmp_path, env=told, capture_output=True, text=True, check=False
    )
    assert done.stdout == "[2, 3]\n", done.stderr


@pytest.mark.slow
def test_lazy_arrays_in_a_task_are_not_tasks_of_the_cluster():
    """A cluster's only worker, busy with the task, would wait for itself or secede from it."""
    schedulers = parallel.run_all(
        dask.config.get, [("scheduler",), ("scheduler",)], "asking", workers=2
    )
    assert schedulers == ["synchronous", "synchronous"]


@pytest.mark.slow
def test_an_error_crosses_the_process_boundary():
    with pytest.raises(ParameterError, match="radio") as caught:
        parallel.run_all(fields.get, [("radio",), ("radio",)], "failing", workers=2)
    assert caught.value.expected


def test_names_of_clusters():
    assert parallel.run_all(os.getpid, [(), ()], "here", cluster="none") == [os.getpid()] * 2
    with pytest.raises(ParameterError, match="no such cluster"):
        parallel.run_all(os.getpid, [()], "nowhere", cluster="nowhere")


def test_threads(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    assert parallel.threads() == 3
    monkeypatch.delenv("NUMBA_NUM_THREADS")
    assert parallel.threads() == parallel.available_cores()
    for number in (1, 4):
        assert parallel.in_threads(lambda n: n**2, range(5), number) == [0, 1, 4, 9, 16]
        with pytest.raises(ZeroDivisionError):
            parallel.in_threads(lambda n: 1 / n, range(3), number)
    assert parallel.in_threads(str, []) == []


SBATCH = """#!/bin/sh
script=$(cat "$1")  # the file is removed as soon as this returns
setsid sh -c "$script" >"$0.log" 2>&1 &
echo "Submitted batch job $!"
"""


@pytest.mark.slow
def test_slurm_jobs_do_the_tasks(tmp_path, monkeypatch):
    """With an sbatch that runs the job's script here, as a compute node would."""
    (tmp_path / "sbatch").write_text(SBATCH)
    (tmp_path / "scancel").write_text(
        '#!/bin/sh\nkill -TERM -- -"$1" 2>/dev/null; touch "$0.done"\n'
    )
    for name in ("sbatch", "scancel"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ParameterError, match="doesn't describe a job"):
        parallel.run_all(os.getpid, [()], "no configuration", cluster="slurm")
    job = {"cores": 1, "processes": 1, "memory": "1GB", "job-script-prologue": ["export MINE=1"]}
    with dask.config.set({"jobqueue.slurm": dask.config.get("jobqueue.slurm", {}) | job}):
        tasks = [("NUMBA_NUM_THREADS",), ("MINE",), ("SLURM_NONE", "none")]
        found = parallel.run_all(os.getenv, tasks, "jobs", cluster="slurm", workers=1)
    assert found == ["1", "1", "none"]
    assert (tmp_path / "scancel.done").exists()


@pytest.mark.slow
def test_a_function_that_workers_lack_is_an_error_not_a_wait(tmp_path, monkeypatch):
    with parallel.client(workers=1) as running:
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / "lacking.py").write_text("def one():\n    return 1\n")
        import lacking

        with pytest.raises(ParameterError, match="can't import lacking"):
            parallel.run_all(lacking.one, [(), ()], "x", cluster=running.scheduler.address)


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_in_one_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import operator\n"
        "from cgmhelpers.system import parallel\n"
        "parallel.run_all(operator.add, [(1, 2), (3, 4)], 'adding', workers=2)\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    lines = [one for one in done.stderr.splitlines() if "cgmhelpers.errors.ParameterError" in one]
    assert lines
    assert all("if __name__ == '__main__':" in one for one in lines)


@pytest.mark.slow
def test_a_task_that_kills_its_process():
    with pytest.raises(ResultError, match="died twice"):
        parallel.run_all(os._exit, [(9,), (9,)], "dying", workers=2)


def test_a_scheduler_that_does_not_answer():
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(ParameterError, match="No scheduler"),
    ):
        parallel.run_all(os.getpid, [()], "nowhere", cluster="tcp://127.0.0.1:1")


def test_threads_that_are_no_number(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "many")
    with pytest.raises(ParameterError, match="NUMBA_NUM_THREADS"):
        parallel.threads()


@pytest.mark.slow
def test_processes_that_end_slowly_are_no_error(monkeypatch):
    """On a busy machine they take longer than Dask waits, when all results are there."""
    gc.collect()  # clients of other tests, which close when they are forgotten

    def slow(client):
        monkeypatch.undo()
        client.close()
        raise TimeoutError

    monkeypatch.setattr(Client, "close", slow)
    assert parallel.run_all(operator.pow, TASKS, "powers", workers=2) == [2**n for n in range(6)]
