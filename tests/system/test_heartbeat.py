"""Who is alive, and who isn't."""

import os
import socket
import time

from cgmhelpers.system import heartbeat


def test_worker_of_another_machine_is_dead_after_a_long_silence(tmp_path):
    sign = tmp_path / "0"
    sign.write_text("another-machine 1")
    assert heartbeat.is_beating(sign, started=0.0)
    silent = time.time() - heartbeat.SILENCE - 1
    os.utime(sign, (silent, silent))
    assert not heartbeat.is_beating(sign, started=0.0)
    assert heartbeat.is_beating(tmp_path / "not begun", started=time.time())
    with heartbeat.beating(sign):
        assert heartbeat.is_beating(sign, started=0.0)


def test_process_of_somebody_else_may_live(tmp_path, monkeypatch):
    def forbidden(number, signal):
        raise PermissionError(1, "Operation not permitted")

    sign = tmp_path / "0"
    sign.write_text(f"{socket.gethostname()} 1")
    with monkeypatch.context() as context:
        context.setattr(os, "kill", forbidden)
        assert heartbeat.is_beating(sign, started=0.0)
    for text in ("", "a b", f"{socket.gethostname()} many", f"{socket.gethostname()} {10**30}"):
        sign.write_text(text)
        assert not heartbeat.is_beating(sign, started=0.0)
