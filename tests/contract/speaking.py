"""Owners who speak with a deployment, each on a connection of their own."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import boto3

from bridge.adapters import items, memory_items
from bridge.memory.head import Head
from bridge.memory.recall import unpack
from tests import aws
from tests.contract.conftest import Deployment, bearer, golden
from tests.messages_server import STOP, Reply, event, text

SONNET = "claude-sonnet-5-5"


def reply(
    answer: str, *, model: str = SONNET, read: int = 1000, written: int = 100, end: str = "end_turn"
) -> Reply:
    """Return what Claude says, and how many tokens it reads and writes."""
    start = event("message_start", message={"model": model, "usage": {"input_tokens": read}})
    end_of_it = event("message_delta", delta={"stop_reason": end}, usage={"output_tokens": written})
    return Reply((start, text(answer), end_of_it, STOP))


@dataclass
class Speaker:
    """Someone who is connected."""

    deployment: Deployment
    owner: str

    @classmethod
    def of(cls, deployment: Deployment, owner: str) -> Speaker:
        speaker = cls(deployment, owner)
        assert deployment.connect(bearer(owner), speaker.connection_id) == {"statusCode": 200}
        return speaker

    @property
    def connection_id(self) -> str:
        return f"{self.owner}="

    def act(self, action: str, **fields: Any) -> dict[str, Any]:
        """Send a frame; return the frame that comes back at once."""
        context = golden("message")["requestContext"] | {"connectionId": self.connection_id}
        frame = {"action": action, "request_id": str(uuid.uuid4()), **fields}
        returned = self.deployment.receive(json.dumps(frame), requestContext=context)
        told: dict[str, Any] = json.loads(returned["body"])
        assert told["request_id"] == frame["request_id"]
        return told

    def say(
        self, message: str, session_id: str = "travel", answer: str = "Noted.", **fields: Any
    ) -> dict[str, Any]:
        """Send a message, and let it be answered; return the turn's last frame."""
        self.deployment.claude.reply(reply(answer))
        accepted = self.act("query", message=message, session_id=session_id, **fields)
        assert accepted["type"] == "accepted"
        closing: dict[str, Any] = json.loads(self.deployment.work()[-1])
        assert closing["type"] == "answer"
        return closing

    def recall(self, words: str, **fields: Any) -> list[str]:
        """Return the memories that bear on words, as texts."""
        told = self.act("recall", text=words, **fields)
        assert told["type"] == "memories"
        return [memory["text"] for memory in told["memories"]]

    def prompt(self) -> str:
        """Return all that Claude was told last."""
        return json.dumps(self.deployment.claude.asked[-1].body, ensure_ascii=False)

    def head(self) -> Head:
        """Return the head of the owner's memory."""
        client = boto3.client("dynamodb", region_name=aws.REGION)
        found = client.get_item(TableName=aws.SESSIONS_TABLE, Key=memory_items.head_key(self.owner))
        return memory_items.head_of(found.get("Item"))


def stored(table: str = aws.SESSIONS_TABLE) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return all of a table's items by their keys, as plain values."""
    client = boto3.client("dynamodb", region_name=aws.REGION)
    pages = client.get_paginator("scan").paginate(TableName=table)
    plain = [items.from_item(item) for page in pages for item in page["Items"]]
    keys = ("hash",) if table == aws.HASHES_TABLE else ("session_id", "seq")
    return {tuple(str(item[key]) for key in keys): item for item in plain}


def told_by(item: dict[str, Any]) -> str:
    """Return all that can be read of an item, a segment's names and words included."""
    words = []
    if "packed" in item:
        owner = item["session_id"].removeprefix("memory#")
        for each in unpack(memory_items.packed_of(items.to_item(item), owner)):
            words += [each.id, each.session_id, each.speaker]
            words += [term for passage in each.passages for term in passage.counts]
    return repr(item) + " ".join(words)
