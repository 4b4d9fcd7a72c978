from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from bridge_local.child import Child

LIVES = "import sys; print('lives', flush=True); sys.stdin.read()"


def child(tmp_path: Path, code: str) -> Child:
    log = tmp_path / "child.log"
    return Child("child", [sys.executable, "-c", code], environment={}, log=log, port=1, answers=lambda: True)


def checked(minded: Child, seconds: float = 5, *, restarts: int = 0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        minded.check()
        if minded.vitals.ready and minded.vitals.restarts >= restarts:
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_started_found_ready_and_stopped(tmp_path: Path) -> None:
    minded = child(tmp_path, LIVES)
    minded.start()
    checked(minded)
    pid = minded.vitals.pid
    os.kill(pid, 0)
    minded.stop(5)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_is_started_again_when_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minded = child(tmp_path, LIVES)
    monkeypatch.setattr(minded, "_pause", 0.1)
    minded.start()
    checked(minded)
    before = minded.vitals.pid
    os.kill(before, 9)
    time.sleep(0.2)
    minded.check()
    checked(minded, restarts=1)
    assert minded.vitals.pid != before
    assert minded.vitals.trouble == ""
    minded.stop(5)


def test_one_that_keeps_dying_says_why_and_is_started_ever_more_slowly(tmp_path: Path) -> None:
    minded = child(tmp_path, "import sys; sys.exit('no such thing')")
    minded.start()
    deadline = time.monotonic() + 5
    while not minded.vitals.trouble:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        minded.check()
    assert minded.vitals.trouble == "the child ended with 1: no such thing"
    assert minded.vitals.pid == 0
    minded.stop(1)


def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('on', flush=True); time.sleep(60)"
    )
    minded = child(tmp_path, stubborn)
    minded.start()
    pid = minded.vitals.pid
    deadline = time.monotonic() + 5
    while not (tmp_path / "child.log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    minded.stop(0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
