"""What an attacker sees: whole replies, and every call to AWS, with nothing left in but what matters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from botocore.client import BaseClient
from moto.apigatewaymanagementapi.models import apigatewaymanagementapi_backends

from tests import aws
from tests.contract.speaking import Speaker

_CHANCE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9]{9,}\b|\b[0-9a-f]{12,}\b")
"""Ids, times in seconds or milliseconds, and digests: two calls never have the same."""

_VERSION = re.compile(r'":(?:next|read)": \{"N": "[0-9]+"\}')
"""How often an owner's own memory was rewritten."""

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z?")


class Recorder:
    """Every call to AWS of this process, as text in which chance and time are left out."""

    def __init__(self, monkeypatch: Any) -> None:
        self.calls: list[str] = []
        call = BaseClient._make_api_call

        def record(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            self.calls.append(f"{operation} {json.dumps(parameters, sort_keys=True, default=str)}")
            return call(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", record)

    @contextmanager
    def recording(self) -> Iterator[list[str]]:
        """Gather the calls that are made meanwhile."""
        self.calls.clear()
        made: list[str] = []
        yield made
        made += [_told(call) for call in self.calls]


def _told(call: str) -> str:
    return _VERSION.sub("<version>", _TIME.sub("<time>", _CHANCE.sub("<chance>", call)))


def seen(
    speaker: Speaker, recorder: Recorder, asked: str, action: str, **fields: Any
) -> tuple[str, list[str]]:
    """Return all that an action shows and does, with ``asked`` taken out: the reply, and the calls."""
    with recorder.recording() as calls:
        reply = json.dumps(speaker.act(action, **fields), sort_keys=True)
    shown = _CHANCE.sub("<chance>", reply.replace(asked, "<asked>"))
    return shown, [call.replace(asked, "<asked>") for call in calls]


def posted_to() -> dict[str, str]:
    """Return what was posted to each connection since this was last asked, as text."""
    connections = apigatewaymanagementapi_backends[aws.ACCOUNT][aws.REGION].connections
    texts = {unquote(name): connection.data.decode() for name, connection in connections.items()}
    connections.clear()
    return texts
