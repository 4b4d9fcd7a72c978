"""A gateway in front of functions of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.backend import InProcess
from tests.gateway.model import Gateway


class Functions:
    """What is behind the routes: an echo, one that waits until it is let go, and one that fails."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.admit: dict[str, Any] = {"statusCode": 200}
        self.go_on = threading.Event()
        self.disconnected = threading.Event()

    def connect(self, event: dict[str, Any]) -> dict[str, Any]:
        self.events.append(event)
        return self.admit

    def disconnect(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self.disconnected.set()

    def echo(self, event: dict[str, Any]) -> dict[str, Any]:
        self.events.append(event)
        return {"statusCode": 200, "body": event["body"]}

    def wait(self, event: dict[str, Any]) -> dict[str, Any]:
        assert self.go_on.wait(60)
        return self.echo(event)

    def fail(self, event: dict[str, Any]) -> None:
        raise ValueError("as it was meant to")


@pytest.fixture
def functions() -> Iterator[Functions]:
    functions = Functions()
    yield functions
    functions.go_on.set()


@pytest.fixture
def gateway(functions: Functions) -> Iterator[Gateway]:
    with Gateway() as gateway:
        routes = {
            "$connect": functions.connect,
            "$disconnect": functions.disconnect,
            "$default": functions.echo,
            "wait": functions.wait,
            "fail": functions.fail,
            "silent": functions.echo,
        }
        gateway.attach(InProcess(routes, silent=("silent",)))
        yield gateway
