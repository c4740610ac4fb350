"""The built wheel, installed outside of the checkout, works in any folder and writes nowhere else.

Its environment takes the packages that it needs from the one that runs the tests.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(1800)]


def ran(*command, cwd, **environment):
    """Run a command with a HOME that can't be written, and return what it printed."""
    kept = {name: os.environ[name] for name in ("PATH", "CGM_CACHE") if name in os.environ}
    kept |= {"HOME": "/dev/null", "CGM_PROGRESS": "0", "XDG_CACHE_HOME": str(CACHE)}
    kept |= {name: str(value) for name, value in environment.items()}
    done = subprocess.run(
        [str(one) for one in command],
        cwd=cwd,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
"""What was compiled before is used again, as HOME's is what can't be written."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folder of the commands of an environment with the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, ROOT], check=True)
    (wheel,) = folder.glob("cgmhelpers-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    subprocess.run(
        [*pip, "--python", folder / "env/bin/python", "install", "--no-deps", wheel], check=True
    )
    (packages,) = folder.glob("env/lib/python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "env" / "bin"


def test_wheel_is_complete_and_small(installed):
    assert next(installed.parents[1].glob("*.whl")).stat().st_size < 5e6
    (package,) = installed.parent.glob("lib/python*/site-packages/cgmhelpers")
    tracked = subprocess.run(
        ["git", "ls-files", "cgmhelpers"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert [one for one in tracked if not (package.parent / one).is_file()] == []
    assert (package / "project/book/parameters/quick.yml").is_file()


def test_the_wheel_is_what_is_imported(installed, tmp_path):
    code = "import cgmhelpers; print(cgmhelpers.__file__)"
    assert str(installed.parent) in ran(installed / "python", "-c", code, cwd=tmp_path)


SMOKE = [
    "--profile", "smoke", "--set", "suites=IllustrisTNG", "--set", "fields=hi",
    "--set", "comparison_suites=IllustrisTNG", "--set", "workers=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def made(installed, tmp_path_factory):
    """Folder in which maps were made."""
    folder = tmp_path_factory.mktemp("made")
    told = ran(installed / "cgm", "maps", *SMOKE, cwd=folder)
    assert all(Path(one).is_relative_to(folder / "runs" / "smoke") for one in told.split())
    return folder


def test_commands_in_any_folder(installed, made, tmp_path):
    before = contents(installed.parent)
    cgm = installed / "cgm"
    (wheel,) = installed.parents[1].glob("*.whl")
    told = f"cgmhelpers {wheel.name.split('-')[1]}\n"
    assert ran(cgm, "--version", cwd=tmp_path) == told
    assert ran(installed / "python", "-m", "cgmhelpers", "--version", cwd=tmp_path) == told
    assert "Usage" in ran(cgm, "-h", cwd=tmp_path)
    ran(cgm, "mock", "data", "--suite", "IllustrisTNG", "--cells", "20000", cwd=tmp_path)
    told = ran(cgm, "train", *SMOKE, "-s", "limits=ideal", cwd=tmp_path, CGM_RUNS=made / "runs")
    assert all(Path(one).is_relative_to(made / "runs" / "smoke") for one in told.split())
    assert [one.name for one in tmp_path.iterdir()] == ["data"]
    assert contents(installed.parent) == before


def test_an_image_is_inferred_from_in_any_folder(installed, made, tmp_path):
    cgm, radio = installed / "cgm", ["--instrument", "meerkat_mhongoose_30"]
    stores = sorted(made.glob("runs/smoke/maps/*.zarr"))
    at = ["--ra", "187.7", "--dec", "12.4", "--redshift", "0.02"]
    ran(cgm, "observe", stores[0], "--out", "sky", *at, *radio, cwd=tmp_path)
    small = ["--redshift", "0.01", "0.05", "--epochs", "1", "--channels", "4", "--size", "16"]
    ran(cgm, "prepare", *stores, "--out", "network", *small, *radio, cwd=tmp_path)
    (image,) = (tmp_path / "sky").glob("*_mom0.fits")
    ran(cgm, "infer", "--hi", image, "--network", "network", "--out", "report", *at, cwd=tmp_path)
    assert (tmp_path / "report" / "report.html").is_file()


def test_a_project_is_unpacked_and_runs_there(installed, tmp_path):
    told = ran(installed / "cgm", "init", "mine", cwd=tmp_path)
    assert Path(told.strip()) == Path("mine")
    mine = tmp_path / "mine"
    assert {one.name for one in (ROOT / "notebooks").glob("*.py")} == {
        one.name for one in (mine / "notebooks").glob("*.py")
    }
    code = (
        "from cgmhelpers.runs import project; print(project.project_root(), project.runs_folder())"
    )
    told = ran(installed / "python", "-c", code, cwd=mine / "notebooks")
    assert told.split() == [str(mine), str(mine / "runs")]


def contents(folder):
    """Files of an environment, but for what Python compiles."""
    return sorted(one for one in folder.rglob("*") if "__pycache__" not in one.parts)
