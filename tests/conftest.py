"""What all tests share: a headless browser, and one run of the whole book at smoke size."""

import fcntl
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
BOOK = ROOT / "tests" / "book"
FIRST = BOOK / "test_readme.py"
NO_CHROMIUM = (
    "no Chromium here. Install one (Debian: apt-get install chromium; macOS: "
    "brew install --cask chromium) or set CHROMIUM to the path of its program"
)


def pytest_addoption(parser):
    """Add the folder for screenshots."""
    parser.addoption("--screenshots", metavar="FOLDER", help="keep a picture of every page there")


def pytest_collection_modifyitems(items):
    """Mark what needs the smoke run as slow, with a time limit of its own.

    One file that needs it comes first, the others last: a process makes the run while another
    does the rest, and then both look at its pages.
    """
    for item in items:
        if "smoke_run" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(PATIENCE))
    items.sort(key=lambda item: (item.path != FIRST, item.path.parent == BOOK))


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
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    failed = shared / "cgm_book_failed"
    with (shared / "smoke.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the processes of the tests share one run
        if not (shared / "runs").exists():
            _make_smoke_run(shared / "runs", failed)
    if failed.exists():
        pytest.fail(failed.read_text(), pytrace=False)
    return shared / "runs" / "smoke"


def _make_smoke_run(runs, failed):
    """Make the book at smoke size; a file says what failed."""
    runs.mkdir()
    start = "from cgmhelpers.cli import main; main()"
    # One process: to start two takes longer than most stages do at this size.
    options = ["--profile", "smoke", "--run", "smoke", "--set", f"runs={runs}", "--workers", "1"]
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
        failed.write_text(f"cgm book failed:\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}")
    elif _tracked_state() != before:
        failed.write_text("cgm book wrote into the source tree")


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
