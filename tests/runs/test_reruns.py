"""Reruns in any order of changes, interruptions, losses and moves, held against fresh runs."""

import contextlib
import itertools
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cgmhelpers.maps import store as map_store
from cgmhelpers.mock import writing
from cgmhelpers.runs.run import Run
from cgmhelpers.system import files

SMALL = {
    "suites": ["SIMBA"], "realisations": 1, "limits": ["ideal"], "pixels": 8, "pixel_size": 64.0,
    "map_size": 8, "trial_map_size": 8, "sky_map_size": 8, "split_by": "halo",
    "channels": 1, "epochs": 1, "batch_size": 16, "workers": 1,
    "fields": "hi", "map_fields": "xray,hi", "cluster": "none",
}  # fmt: skip
CHOICES = {
    "epochs": [1, 2],
    "fields": ["hi", "xray,hi"],
    "map_fields": ["xray,hi", "hi,xray"],
    "minimum_log_mass": [11.5, 11.7],
    "depth": [1000.0, 500.0],
    "seed": [1, 2],
}


class Killed(BaseException):
    """No part of the library may catch it."""


def made(run):
    """Return what a run makes: arrays and tables by name."""
    predictions, found = run.predictions(), {}
    found["halos"] = run.halos().to_csv()
    found["predictions"] = predictions.to_csv()
    for path in itertools.chain(*run.maps().values()):
        ds = map_store.open(path)
        found[path.name] = ds["image"].values.tobytes() + ds["properties"].values.tobytes()
    for folder in run.networks()["folder"]:
        found[folder.name] = (folder / "weights.safetensors").read_bytes()
    return found


class Reruns(RuleBasedStateMachine):
    """One run folder, one data root, and a user who changes the mind."""

    shared = None
    """Folder with the data root that all have copies of, and with the fresh runs."""
    fresh = {}

    @initialize()
    def begin(self):
        self.folder = self.shared / f"user{len(list(self.shared.glob('user*')))}"
        self.root = self.folder / "data"
        shutil.copytree(self.shared / "data", self.root)
        self.given = {}

    def run(self):
        options = SMALL | self.given | {"runs": str(self.folder), "data_root": str(self.root)}
        return Run.from_profile("smoke", **options)

    @rule(names=st.sets(st.sampled_from(sorted(CHOICES)), min_size=1))
    def change(self, names):
        """Turn some knobs to their other position, and run."""
        for name in names:
            one, other = CHOICES[name]
            self.given[name] = other if self.given.get(name, one) == one else one
        self.again()

    @rule(time=st.integers(1, 2**31))
    def touch(self, time):
        for path in self.folder.rglob("*"):
            if path.is_file():
                os.utime(path, (time, time))

    @rule()
    def move(self):
        self.root = self.root.rename(self.folder / f"data{len(self.root.name)}")

    @rule(number=st.integers(0, 10**6))
    def lose(self, number):
        written = [*self.folder.glob("smoke/*/*"), *self.folder.glob("smoke/networks/*/*")]
        if written:
            lost = sorted(written)[number % len(written)]
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()

    @rule(after=st.integers(0, 12))
    def kill(self, after):
        """End a run when it begins to write its so many-th file."""
        left, replace = iter(range(after)), os.replace

        def dying(*names):
            if next(left, None) is None:
                raise Killed
            replace(*names)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files.os, "replace", dying)
            with contextlib.suppress(Killed):
                self.run().predictions()

    @rule()
    def again(self):
        before = made(self.run())
        written = {path: path.stat().st_mtime_ns for path in self.folder.rglob("*.*")}
        assert made(self.run()) == before
        assert {path: path.stat().st_mtime_ns for path in self.folder.rglob("*.*")} == written
        key = repr(sorted(self.run().parameters.model_dump(exclude={"runs", "data_root"}).items()))
        if key not in self.fresh:
            runs = self.shared / f"fresh{len(self.fresh)}"
            root = str(self.shared / "data")
            options = SMALL | self.given | {"runs": str(runs), "data_root": root}
            self.fresh[key] = made(Run.from_profile("smoke", **options))
        assert before == self.fresh[key]

    @invariant()
    def nothing_is_half_written(self):
        if hasattr(self, "folder"):
            assert not list(self.folder.rglob(".part-*"))


@pytest.fixture
def shared(tmp_path):
    """A data root of one mock simulation."""
    writing.write(
        tmp_path / "data", suites=("SIMBA",), realisations=(0,), cells=20_000, progress=False
    )
    return tmp_path


def check(shared, examples, steps):
    """Let users change their minds so often."""
    machine = type("Machine", (Reruns,), {"shared": Path(shared), "fresh": {}})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            database=None, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


@pytest.mark.slow
def test_each_change_alone_makes_what_a_fresh_run_makes(shared):
    user = type("Machine", (Reruns,), {"shared": shared, "fresh": {}})()
    user.begin()
    for name in CHOICES:
        user.change({name})


@pytest.mark.slow
def test_reruns_equal_fresh_runs(shared):
    check(shared, 1, 6)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_reruns_equal_fresh_runs_over_a_thousand_steps(shared):
    check(shared, 20, 50)
