"""Functions are compiled once for all processes, or for each run where nothing can be written."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from cgmhelpers.system import compiling


def double(number):
    return 2 * number


def test_compiled_with_a_cache(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert compiling.compiled(double)(21) == 42
    assert compiling.compiled(error_model="numpy")(double)(21) == 42
    assert list(tmp_path.rglob("*.nbi"))
    assert not caplog.records


def test_what_a_function_calls_is_compiled_anew_too(tmp_path, monkeypatch):
    """Numba itself would go on with the old code of a changed file that another one calls."""
    package = tmp_path / "library"
    package.mkdir()
    (package / "caller.py").write_text(
        "from library.called import number\n"
        "from cgmhelpers.system.compiling import compiled\n"
        "@compiled\ndef ask():\n    return number()\n"
    )
    code = (
        "from pathlib import Path; from cgmhelpers.system import compiling\n"
        f"compiling.__file__ = {str(package / 'system' / 'compiling.py')!r}\n"
        "from library.caller import ask; print(ask())"
    )
    told = []
    for number in (1, 2):
        (package / "called.py").write_text(
            "from cgmhelpers.system.compiling import compiled\n"
            f"@compiled\ndef number():\n    return {number}\n"
        )
        environment = os.environ | {"PYTHONPATH": ":".join([str(tmp_path), *sys.path])}
        environment |= {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
        told.append(
            subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True, text=True, check=True, env=environment,
            ).stdout.strip()
        )  # fmt: skip
    assert told == ["1", "2"]


@pytest.mark.slow
def test_home_and_library_that_cannot_be_written(tmp_path):
    """Nothing that the library compiles, or a package that it uses, needs either."""
    home = tmp_path / "a file, not a folder"
    home.touch()
    code = (
        "import os, numba.core.caching as caching\n"
        # Root may write everywhere, so the source's folder is refused here.
        "caching.InTreeCacheLocator.from_function = classmethod(lambda *_: None)\n"
        "import cgmhelpers.halos.selection, cgmhelpers.maps.projection.numba_backend\n"
        "from cgmhelpers.statistics import scores\n"
        "import numpy as np, scoringrules\n"
        "assert scoringrules.crps_normal(0.0, 0.0, 1.0) > 0\n"
        "print(os.environ['NUMBA_CACHE_DIR'])"
    )
    environment = {"PATH": "", "HOME": str(home), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("NUMBA_CACHE_DIR") == 1
    assert not Path(done.stdout.strip()).exists()  # it was temporary
