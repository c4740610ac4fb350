"""Memory doesn't grow with the number of simulations, nor with the size of a store."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "helpers" / "loads.py"


def measured(*arguments):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_eighty_one_simulations_on_two_workers(tmp_path):
    found = measured("simulations", tmp_path, 27)
    assert found["stores"] == 81
    # Megabytes of the larger worker: what is kept of each of 40 simulations would show.
    assert found["end"] < found["middle"] + 40


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_store_of_5000_halos_is_trained_from_disk(tmp_path):
    half, whole = (measured("store", tmp_path / str(halos), halos, 128) for halos in (2500, 5000))
    assert whole["store"] > 1800  # megabytes; training maps alone are three fifths of it
    grown = whole["largest"] - half["largest"]
    assert grown < 0.3 * (whole["store"] - half["store"])
    assert whole["largest"] - whole["before"] < 0.8 * whole["store"]
