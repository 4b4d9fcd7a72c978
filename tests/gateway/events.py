"""The events that API Gateway hands to the functions behind a WebSocket API, as AWS documents them.

`tests/contract/events/` has one of each.
"""

from __future__ import annotations

import base64
import os
import time
from typing import Any

Event = dict[str, Any]


def new_id() -> str:
    """Return an id as API Gateway makes them for connections and requests: ``UbDxSdYzFiACEZQ=``."""
    return base64.urlsafe_b64encode(os.urandom(11)).decode()


def connect(context: Event, headers: dict[str, str]) -> Event:
    """Return the event of a handshake."""
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {**context, "routeKey": "$connect", "eventType": "CONNECT"},
        "isBase64Encoded": False,
    }


def message(context: Event, route: str, body: str) -> Event:
    """Return the event of a client's message."""
    return {
        "requestContext": {**context, "routeKey": route, "eventType": "MESSAGE", "messageId": new_id()},
        "body": body,
        "isBase64Encoded": False,
    }


def disconnect(context: Event, code: int, reason: str) -> Event:
    """Return the event of a connection's end."""
    return {
        "headers": {"x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""},
        "requestContext": {
            **context,
            "routeKey": "$disconnect",
            "eventType": "DISCONNECT",
            "disconnectStatusCode": code,
            "disconnectReason": reason,
        },
        "isBase64Encoded": False,
    }


def context(api_id: str, stage: str, connection_id: str, connected_at: float, agent: str) -> Event:
    """Return what every event tells of its request; times are in milliseconds."""
    now = time.time()
    request_id = new_id()
    return {
        "extendedRequestId": request_id,
        "requestId": request_id,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "requestTimeEpoch": int(now * 1000),
        "messageDirection": "IN",
        "stage": stage,
        "connectedAt": int(connected_at * 1000),
        "identity": {"userAgent": agent, "sourceIp": "127.0.0.1"},
        "domainName": f"{api_id}.execute-api.local",
        "connectionId": connection_id,
        "apiId": api_id,
    }
