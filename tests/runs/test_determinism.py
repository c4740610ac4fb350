"""The same parameters and seed give the same files, whatever the number of threads."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from cgmhelpers.runs.run import Run
from cgmhelpers.system import provenance

RUN = """
import json, sys
from cgmhelpers import Run, mock
settings = json.loads(sys.argv[1])
mock.write(settings.pop("own"), ("SIMBA",), (0,), cells=20_000, progress=False)
Run.from_profile("smoke", **settings).predictions()
"""
SETTINGS = {
    "suites": ["SIMBA"], "realisations": 1, "pixels": 32, "pixel_size": 16.0, "map_size": 16,
    "fields": ["xray", "hi"], "limits": ["ideal"], "split_by": "halo", "channels": 2, "epochs": 2,
    "batch_size": 16, "workers": 1,
}  # fmt: skip
# Times of a training, where the run lies, and notes that hold the times of files.
LEFT_OUT = ("networks/*/history.csv", "provenance.jsonl", "predictions/*.json")


@dataclass(frozen=True)
class Nothing:
    """A stage that makes nothing."""

    path: Path
    done: bool = False

    def is_done(self):
        return self.done

    def run(self):
        pass


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.relative_to(folder).match(one) for one in LEFT_OUT)
    }


@pytest.mark.slow
def test_one_thread_and_two_give_the_same_files(tmp_path):
    from cgmhelpers.mock import writing

    writing.write(tmp_path / "data", ("SIMBA",), (0,), cells=20_000, progress=False)
    for threads in ("1", "2"):
        settings = SETTINGS | {"data_root": str(tmp_path / "data"), "own": str(tmp_path / threads)}
        settings |= {"runs": str(tmp_path), "run": f"run{threads}"}
        environment = os.environ | dict.fromkeys(
            ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads
        )
        subprocess.run(
            [sys.executable, "-c", RUN, json.dumps(settings)], env=environment, check=True
        )
    assert digests(tmp_path / "1") == digests(tmp_path / "2") != {}
    one, two = (digests(tmp_path / f"run{threads}") for threads in "12")
    assert len(one) > 30
    assert one == two
    histories = [
        pd.read_csv(next((tmp_path / f"run{threads}").rglob("SIMBA_hi_ideal/history.csv")))
        for threads in "12"
    ]
    columns = ["train_loss", "validation_loss", "learning_rate"]
    assert histories[0][columns].equals(histories[1][columns])


def test_the_record_says_what_made_the_files_and_grows_alone(tmp_path, monkeypatch):
    settings = {"runs": str(tmp_path), "run": "one"}
    run = Run.from_profile("smoke", **settings)
    path = run.folder / provenance.RECORD
    assert not path.exists()
    run.make([Nothing(run.folder / "it")], "nothing")
    (first,) = provenance.recorded(path)
    assert first["made_with"] == provenance.manifest()
    assert {"numpy", "torch", "numba"} <= set(first["made_with"]["packages"])
    assert len(first["made_with"]["may_differ"]) >= 2
    assert (first["stage"], first["makes"]) == ("nothing", ["it"])
    assert first["parameters"] == run.parameters.model_dump()
    before = path.read_bytes()
    # A reader on another machine, with other parameters, changes nothing that was made.
    monkeypatch.setattr(provenance, "manifest", lambda: {"machine": "another"})
    other = Run.from_profile("smoke", epochs=9, **settings)
    other.make([Nothing(run.folder / "it", done=True)], "nothing")
    assert path.read_bytes() == before
    path.write_bytes(before + b'{"torn": ')
    other.make([Nothing(run.folder / "more")], "more")
    assert path.read_bytes().startswith(before)
    _, last = provenance.recorded(path)
    assert (last["made_with"], last["parameters"]["epochs"]) == ({"machine": "another"}, 9)
