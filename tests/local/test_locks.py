from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge_local import locks


def test_whoever_takes_it_is_named_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert locks.holder(path) is None
    held = locks.take(path)
    assert locks.holder(path) == os.getpid()
    with pytest.raises(locks.Held) as caught:
        locks.take(path, patience=0)
    assert caught.value.pid == os.getpid()
    os.close(held)
    assert locks.holder(path) is None


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import pathlib, sys, time; from bridge_local import locks; "
        "locks.take(pathlib.Path(sys.argv[1])); print(1, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert locks.holder(path) == process.pid
        process.kill()
        process.wait()
        assert locks.holder(path) is None


def test_a_child_that_inherits_it_holds_it_too(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locks.held(path, patience=0, waiting=lambda _: None) as descriptor:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[descriptor])
    try:
        assert locks.holder(path) == os.getpid()
    finally:
        child.kill()
        child.wait()
    assert locks.holder(path) is None


def test_waiting_is_told_once_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    told: list[int] = []
    other = locks.take(path)
    with pytest.raises(locks.Held), locks.held(path, patience=0.5, waiting=told.append):
        raise AssertionError("it is held")
    assert told == [os.getpid()]
    os.close(other)
    with locks.held(path, patience=0, waiting=told.append):
        pass
