"""HDF5 files damaged at random: a typed error or what the file says, never a crash or silence."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "helpers" / "mutations.py"


def fuzz(folder, seed, number):
    """Lines of the cases; the process must live to the end."""
    arguments = [sys.executable, str(SCRIPT), str(folder), str(seed), str(number)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=1200, check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"the process ended at {lines[-1:]}: {done.stderr[-2000:]}"
    assert len(lines) == number
    return lines


@pytest.mark.parametrize(
    "number", [200, pytest.param(4000, marks=[pytest.mark.slow, pytest.mark.long])]
)
def test_damaged_files(number, tmp_path):
    lines = fuzz(tmp_path, seed=7, number=number)
    wrong = [line for line in lines if "WRONG" in line]
    assert not wrong, "\n".join(wrong)
    # Both outcomes occur: damage that is noticed, and damage where nobody looks.
    found = Counter(line.split()[3].rstrip(":") for line in lines)
    assert found["error"] > 0.3 * number
    assert found["right"] > 0.05 * number
