"""Tasks side by side give what they give one after another."""

import operator
import os

import pytest

from cgmhelpers import fields, parallel
from cgmhelpers.errors import ParameterError

TASKS = [(2, n) for n in range(6)]


def test_in_this_process():
    assert parallel.run_all(operator.pow, TASKS, "powers", workers=1) == [2**n for n in range(6)]
    assert parallel.run_all(operator.pow, [], "nothing") == []


@pytest.mark.slow
def test_in_processes_and_on_a_running_cluster():
    expected = [2**n for n in range(6)]
    assert parallel.run_all(operator.pow, TASKS, "powers", workers=2) == expected
    with parallel.client(workers=2) as running:
        address = running.scheduler.address
        assert parallel.run_all(operator.pow, TASKS, "powers", cluster=address) == expected
        # One thread a process, and an allocator that keeps its pages.
        for name, value in parallel.WORKER_ENVIRONMENT.items():
            assert running.submit(os.getenv, name).result() == value


@pytest.mark.slow
def test_an_error_crosses_the_process_boundary():
    with pytest.raises(ParameterError, match="radio") as caught:
        parallel.run_all(fields.get, [("radio",), ("radio",)], "failing", workers=2)
    assert caught.value.expected
