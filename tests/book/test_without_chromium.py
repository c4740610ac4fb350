"""Without a Chromium the browser tests skip and say how to get one; in CI they fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("in_ci", "code", "outcome"), [("", 0, "skipped"), ("true", 1, "error")])
def test_a_machine_without_chromium(in_ci, code, outcome):
    environment = {**os.environ, "CHROMIUM": "/nowhere/chromium", "CI": in_ci}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/book/test_visit.py"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert f"2 {outcome}" in done.stdout
    assert "apt-get install chromium" in done.stdout
