"""AWS for one invocation: what the calls of a function's first event get, and those events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt

from bench.looped import LoopedServer, read_request

_KEY = "k" * 64
_CONNECTION = {"requestContext": {"connectionId": "bench", "requestId": "bench", "routeKey": "$default"}}


class AwsStandIn(LoopedServer):
    """DynamoDB with one connection in it, and secrets; enough for a handshake, a ping and a goodbye.

    Answering takes a model and a queue: `bench.turn` has both.
    """

    def event(self, function: str) -> dict[str, Any] | None:
        """Return an event that a function can deal with here, or None."""
        token = jwt.encode({"sub": "bench", "exp": int(time.time()) + 3600}, _KEY, algorithm="HS256")
        events: dict[str, dict[str, Any]] = {
            "connect": {**_CONNECTION, "headers": {"Authorization": f"Bearer {token}"}},
            "disconnect": _CONNECTION,
            "message": {**_CONNECTION, "body": '{"action":"ping"}', "isBase64Encoded": False},
        }
        return events.get(function)

    def variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return a function's variables with this in AWS's place."""
        return {**variables, "AWS_ENDPOINT_URL": self.url}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one call after the other."""
        while True:
            head, body = await read_request(reader)
            reply = json.dumps(_reply(head.decode(), json.loads(body))).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n"
                b"content-length: %d\r\n\r\n%b" % (len(reply), reply)
            )
            await writer.drain()


def _reply(head: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    if "GetSecretValue" in head:
        return {"ARN": asked["SecretId"], "Name": "bench", "SecretString": _KEY}
    if "AmazonSSM.GetParameter" in head:
        return {"Parameter": {"Name": asked["Name"], "Type": "SecureString", "Value": _KEY}}
    connection = {
        "session_id": {"S": "connection#bench"},
        "seq": {"N": "-1"},
        "owner": {"S": "bench"},
        "ttl": {"N": "9999999999"},
    }
    if "BatchGetItem" in head:
        tables = {name: [connection] for name in asked["RequestItems"]}
        return {"Responses": tables, "UnprocessedKeys": {}}
    if "GetItem" in head and asked["Key"].get("session_id", {}).get("S") == "connection#bench":
        return {"Item": connection}
    return {}
