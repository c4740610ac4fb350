"""What a run has and lacks, and why, from its stages and its record."""

from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from cgmhelpers.runs import notebooks, profiles, stage_kinds, status
from cgmhelpers.runs.plan import Plan
from cgmhelpers.runs.run import Run
from cgmhelpers.system import provenance

NONE = ("done", "")


@dataclass(frozen=True)
class Made(stage_kinds.Table):
    """A table of what it was asked for, made from other tables."""

    path: Path
    asked: list
    before: list

    def needs(self):
        return self.before

    def choices(self):
        return self.asked

    def parts(self):
        return {"asked": self.asked, "before": [one.read_bytes() for one in self.before]}

    def run(self):
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(str(self.asked))
        self.write_note(fingerprint=self.fingerprint())


class Tables(Plan):
    """Three tables: one of epochs, one of channels that is made from it, one of both."""

    def steps(self):
        p, folder = self.parameters, self.folder
        first = Made(folder / "a" / "a.parquet", [p.epochs], [])
        second = Made(folder / "b" / "b.parquet", [p.channels], [first.path])
        return {"First": [first], "Second": [second], "Third": [
            Made(folder / "c" / "c.parquet", [p.epochs, p.channels], [])
        ]}  # fmt: skip


class Small(Run):
    """A run of these tables."""

    def __init__(self, parameters):
        super().__init__(parameters)
        self.plan = Tables(parameters, self.folder)

    def made(self):
        for name, chosen in self.plan.steps().items():
            self.make(chosen, name)
        return self


@pytest.fixture
def opened(tmp_path, monkeypatch):
    monkeypatch.setattr(status, "Plan", Tables)

    def open_run(**given):
        given = {"runs": str(tmp_path), "workers": 1} | given
        return Small(profiles.read("smoke", **given))

    return open_run


def states(run):
    table = status.survey(run)
    return dict(zip(table["step"], zip(table["state"], table["why"], strict=True), strict=True))


def test_a_fresh_run_lacks_everything_and_a_made_one_nothing(opened, tmp_path):
    run = opened()
    assert states(run) == {
        "First": ("lacks", ""),
        "Second": ("lacks", "waits for First"),
        "Third": ("lacks", ""),
    }
    assert not list(tmp_path.iterdir())
    assert set(states(run.made()).values()) == {NONE}
    text = status.summary(status.survey(run))
    assert [line.split() for line in text.splitlines()] == [
        [name, "1", "of", "1"] for name in ("First", "Second", "Third")
    ]


def test_a_changed_parameter_is_named_where_it_matters_and_what_follows_waits(opened):
    opened().made()
    assert states(opened(epochs=7, members=5, workers=2)) == {
        "First": ("out of date", "epochs was 3, is 7"),
        "Second": ("out of date", "waits for First"),
        "Third": ("out of date", "epochs was 3, is 7"),
    }
    both = states(opened(epochs=7, channels=9))
    assert both["Second"] == ("out of date", "channels was 4, is 9")
    assert both["Third"] == ("out of date", "channels was 4, is 9; epochs was 3, is 7") or both[
        "Third"
    ] == ("out of date", "epochs was 3, is 7; channels was 4, is 9")


def test_what_was_lost_or_changed_is_said(opened):
    run = opened().made()
    (run.folder / "a" / "a.parquet").write_text("other")
    found = states(run)
    assert found["First"] == NONE  # its note says what it was made from, and that is the same
    assert found["Second"] == ("out of date", "not whole, or what it was made from has changed")
    (run.folder / "c" / "c.parquet").unlink()
    assert states(run)["Third"] == ("lacks", "")


def test_another_release_is_a_reason(opened, monkeypatch):
    monkeypatch.setattr(provenance, "__version__", "98.post1.dev3+g1a2b3c4")
    monkeypatch.setattr(provenance, "RELEASE", "98")
    run = opened().made()
    assert states(run)["First"] == NONE
    monkeypatch.setattr(provenance, "RELEASE", "99")
    assert states(run)["First"][1] == "made by release 98 of cgmhelpers"


def test_a_survey_writes_nothing(opened):
    run = opened().made()
    before = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}
    states(run)
    states(opened(epochs=9))
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")} == before


@pytest.fixture
def executing(tmp_path, monkeypatch):
    """Notebooks that execute at once, with the record of a run that makes what they ask for."""
    import papermill

    seen = []

    def execute(source, out, **options):
        seen.append(Path(source).stem)
        nbformat.write(nbformat.v4.new_notebook(), out)
        return nbformat.v4.new_notebook()

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    monkeypatch.setattr(notebooks, "Run", Small)
    monkeypatch.setattr(status, "Plan", Tables)

    def run(*chosen, again=False, **given):
        seen.clear()
        given = {"runs": str(tmp_path), "workers": 1} | given
        notebooks.run_notebooks("smoke", chosen or None, again=again, **given)
        return seen

    return run


def test_notebooks_are_executed_until_they_are_up_to_date(executing, opened, tmp_path):
    _, second, *rest = every = list(notebooks.names())
    assert executing() == every
    opened().made()
    assert executing() == []  # what was made after them was never made before
    assert executing(again=True) == every
    assert executing(second, again=True) == [second]
    assert executing(epochs=5) == every
    opened(epochs=5).made()
    assert executing(epochs=5) == every  # they showed what was made again
    assert executing(epochs=5) == []
    (tmp_path / "smoke" / "notebooks" / f"{second}.json").unlink()
    assert executing(epochs=5) == [second, *rest]
    (tmp_path / "smoke" / "c" / "c.parquet").unlink()
    assert executing(epochs=5) == every


def test_notebooks_say_why_they_are_executed(executing, opened, tmp_path):
    executing()
    run = opened()
    wanted = notebooks.plan("smoke", runs=str(tmp_path), workers=1)
    table = notebooks.survey(wanted, status.survey(run))
    assert set(table["state"]) == {"done"}
    wanted = notebooks.plan("smoke", runs=str(tmp_path), seed=3)
    table = notebooks.survey(wanted, status.survey(run))
    assert set(table["why"]) == {"notebook, parameters, library or kept results changed"}


def test_the_time_that_is_left(monkeypatch):
    known = {name.partition("_")[2] for name in notebooks.names()}
    assert set(notebooks.SECONDS) == known
    monkeypatch.setattr(notebooks, "SECONDS", {"a": 40, "b": 120})
    assert notebooks._left({}, ["1_a", "2_b"]) == ""
    assert notebooks._left({"1_a": 0.0}, ["2_b"]) == ""  # it was there before
    assert notebooks._left({"1_a": 120.0}, ["2_b", "3_other"]) == ", about 8 min left"
