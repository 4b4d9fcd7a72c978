"""The pure parts: a test that opens a socket, or counts on this machine's environment, fails."""

from __future__ import annotations

import os
import socket
from typing import Any, NoReturn

import pytest

_KEPT = ("PATH", "HOME", "TMPDIR", "PYTEST_", "COV_", "HYPOTHESIS_")


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("a unit test opened a socket")


@pytest.fixture(autouse=True)
def _no_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", _refuse)
    monkeypatch.setattr(socket.socket, "bind", _refuse)
    for name in list(os.environ):
        if not name.startswith(_KEPT):
            monkeypatch.delenv(name)
