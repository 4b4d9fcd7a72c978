"""Asking the Messages API's adapter, against the test's own server."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from bridge.adapters.claude import Endpoint, MessagesApi
from bridge.conversation import Usage
from bridge.errors import BridgeError
from bridge.interruption import Interruption
from bridge.memory import prompt
from bridge.memory.prompt import Parts
from bridge.memory.window import Window
from bridge.ports.claude import Completed, Piece, Started, Text
from tests.fakes import START, FakeSecret, an_exchange
from tests.messages_server import KEY, MessagesServer

ANSWERED: list[Piece] = [
    Started(Usage(7), "claude-real"),
    Text("Hel"),
    Text("lo 中😀"),
    Completed("end_turn", Usage(7, 3), "claude-real"),
]


def api(server: MessagesServer, secret: FakeSecret | None = None, **changes: Any) -> MessagesApi:
    settings: dict[str, Any] = {
        "base_url": server.url,
        "version": "2023-06-01",
        "auth_header": "x-api-key",
        "max_output_tokens": 99,
    }
    return MessagesApi(Endpoint(**(settings | changes)), secret or FakeSecret(KEY))


def ask(claude: MessagesApi) -> list[Piece]:
    told = prompt.build(Parts("Be kind.", Window((an_exchange(),)), "And now?", START))
    with claude.answer(told, "claude-asked", Interruption()) as events:
        return list(events)


def listen(claude: MessagesApi, heard: list[Piece]) -> None:
    """Put what Claude says into ``heard`` as it comes, also where it breaks off."""
    with claude.answer(prompt.build(Parts("", Window(), "Hi", START)), "m", Interruption()) as events:
        for event_heard in events:
            heard.append(event_heard)


def fails(claude: MessagesApi) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        ask(claude)
    told = "".join(traceback.format_exception(caught.value))
    assert "marker" not in told + str(caught.value.detail)
    return caught.value
