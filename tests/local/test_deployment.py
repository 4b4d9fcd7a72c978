from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bridge_local.aws import CallFailed, Connection
from bridge_local.deployment import expire
from bridge_local.errors import DeployFailed


class _Emulator(Connection):
    def __init__(self, refused: bool = False) -> None:
        self.calls: list[Any] = []
        self._refused = refused

    def call(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if self._refused:
            raise CallFailed("ResourceNotFoundException", "no such table")
        self.calls.append((service, operation, request))
        return {}


def test_what_is_past_its_time_expires_in_every_table() -> None:
    emulator = _Emulator()
    expire(emulator, ["sessions", "hashes"])
    on = {"AttributeName": "ttl", "Enabled": True}
    assert emulator.calls == [
        ("dynamodb", "UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": on})
        for name in ("sessions", "hashes")
    ]


def test_a_table_in_which_nothing_would_expire_is_no_deployment() -> None:
    with pytest.raises(DeployFailed, match="sessions: ResourceNotFoundException"):
        expire(_Emulator(refused=True), ["sessions"])
