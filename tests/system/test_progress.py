"""Progress bars that an error ends."""

import io
import time

import pytest

from cgmhelpers.system import progress


def fail(item):
    raise ValueError(item)


def stopped():
    return [fail(item) for item in progress.bar([1, 2], "work")]


def test_a_bar_that_an_error_leaves_open_is_closed_once(monkeypatch, capsys):
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("CGM_PROGRESS", "1")
    progress.close_all()
    with pytest.raises(ValueError, match="1") as caught:
        stopped()
    assert caught.traceback  # which keeps the frame of the comprehension, and its bar, alive
    assert progress.close_all()
    assert not progress.close_all()
    assert "work" in capsys.readouterr().err


def test_a_silent_bar_leaves_nothing(monkeypatch):
    monkeypatch.setenv("CGM_PROGRESS", "0")
    with pytest.raises(ValueError, match="1") as caught:
        stopped()
    assert caught.traceback
    assert not progress.close_all()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bars_of_another_process_are_shown_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("CGM_PROGRESS", "1")
    monkeypatch.setenv(progress.ELSEWHERE, str(tmp_path / "bars"))
    shown = Terminal()
    with progress.followed(tmp_path / "bars", "4 of 14: ", shown):
        list(progress.bar(range(3), "Networks"))
        until = time.monotonic() + 20
        while "Networks" not in shown.getvalue() and time.monotonic() < until:
            time.sleep(0.1)
    line = shown.getvalue().split("\r")[-2]
    assert line.startswith("4 of 14: Networks: 100%")
    assert "3/3" in line
    assert shown.getvalue().endswith("\x1b[K")  # which clears it


def test_a_file_gets_no_line_of_bars(tmp_path):
    shown = io.StringIO()
    with progress.followed(tmp_path / "bars", "4 of 14: ", shown):
        pass
    assert not shown.getvalue()
