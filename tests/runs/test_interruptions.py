"""Killed at random and started again, a run ends with the files of one that nobody disturbed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "helpers" / "interruptions.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    "kills", [7, pytest.param(30, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
def test_a_run_that_is_killed_again_and_again(kills, tmp_path):
    arguments = [sys.executable, str(SCRIPT), str(tmp_path), str(kills), "1"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    counts = json.loads(done.stdout.splitlines()[-1])["kills"]
    # A stage that ends before its moment of death gives the rest to the next.
    assert sum(counts.values()) >= 0.6 * kills
