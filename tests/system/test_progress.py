"""Progress bars that an error ends."""

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
