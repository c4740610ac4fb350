"""What all tests share: a headless browser, and one run of the whole book at smoke size."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

os.environ["MPLBACKEND"] = "Agg"  # no test may open a window

ROOT = Path(__file__).resolve().parents[1]
IN_CI = os.environ.get("CI", "") not in ("", "0", "false")
# Mock suite, training, notebooks, book: minutes on two cores, and CI has more than one task.
PATIENCE = 2400
NO_CHROMIUM = (
    "no Chromium here. Install one (Debian: apt-get install chromium; macOS: "
    "brew install --cask chromium) or set CHROMIUM to the path of its program"
)


def pytest_addoption(parser):
    """Add the folder for screenshots."""
    parser.addoption("--screenshots", metavar="FOLDER", help="keep a picture of every page there")


def pytest_collection_modifyitems(items):
    """Mark what needs the smoke run as slow, with a time limit of its own."""
    for item in items:
        if "smoke_run" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file in one process, and in one all that need the smoke run."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.partition("::")[0]
            return "tests/book" if path.startswith("tests/book/") else path

    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skipped browser test into a failed one in CI: there, a Chromium must be."""
    report = yield
    if IN_CI and report.skipped and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"a browser test was skipped in CI: {report.longrepr}"
    return report


def find_chromium():
    """Find a Chromium: the one that CHROMIUM names, or one in the path."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        return shutil.which(chosen)
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser():
    """Start a headless Chromium that asks nobody for anything."""
    program = find_chromium()
    if program is None:
        pytest.skip(NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory):
    """Run everything once at smoke size, as a user does: mock, maps, networks, notebooks, book.

    Returns the run's folder. While you work on the pages, CGM_SMOKE_RUN can name the folder of a
    run that is there already; CI doesn't listen to it.
    """
    reused = os.environ.get("CGM_SMOKE_RUN")
    if reused and not IN_CI:
        return Path(reused)
    runs = tmp_path_factory.mktemp("runs")
    start = "from cgmhelpers.cli import main; main()"
    options = ["--profile", "smoke", "--run", "smoke", "--set", f"runs={runs}"]
    before = _tracked_state()
    done = subprocess.run(
        [sys.executable, "-c", start, "book", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE - 60,
        check=False,
    )
    if done.returncode:
        pytest.fail(
            f"cgm book failed:\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}", pytrace=False
        )
    assert _tracked_state() == before, "cgm book wrote into the source tree"
    return runs / "smoke"


def _tracked_state():
    """List the source tree: names of files outside caches, with their sizes and times."""
    folders = ("assets", "book", "notebooks")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths += [path for path in ROOT.iterdir() if path.is_file()]
    return {
        str(path.relative_to(ROOT)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in paths
        if ".ipynb_checkpoints" not in path.parts
    }
