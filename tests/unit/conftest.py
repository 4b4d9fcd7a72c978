"""The pure parts: a test that opens a socket, or counts on this machine's environment, fails."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from tests.simulated.world import World

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


@pytest.fixture
def world() -> Iterator[World]:
    """A simulated world with one client, which holds what it claims at the test's end."""
    from tests.simulated.claims import Claims
    from tests.simulated.world import World

    with World() as world:
        world.connect("ada")
        yield world
        Claims(world).always()
