"""Calls to the emulator: AWS's JSON protocols over one kept connection, without the SDK's slow import.

The emulator checks no signature, and takes an unsigned call to be its default account's and region's.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

ACCOUNT = "000000000000"
REGION = "us-east-1"

_TARGETS = {
    "dynamodb": "DynamoDB_20120810",
    "secretsmanager": "secretsmanager",
    "sqs": "AmazonSQS",
    "streams": "DynamoDBStreams_20120810",
}
_KEPT_SECONDS = 30.0  # well under the emulator's keep-alive, so that a kept connection is never a closed one


class CallFailed(Exception):
    """The emulator refused the call; `code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Connection:
    """One HTTP connection to the emulator; not to be shared between threads."""

    def __init__(self, port: int, *, timeout: float = 60) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self._used = 0.0

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; the next call opens it again. Safe from another thread, whose call then fails."""
        sock = self._http.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # closing alone would not wake a thread that reads from it
        self._http.close()

    def call(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation of a service in `_TARGETS`. Raises CallFailed, OSError, HTTPException."""
        headers = {
            "X-Amz-Target": f"{_TARGETS[service]}.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
        }
        status, _, body = self._send("POST", "/", json.dumps(request).encode(), headers)
        answer: dict[str, Any] = json.loads(body) if body else {}
        if status >= 300:  # noqa: PLR2004
            code = str(answer.get("__type", status)).rpartition("#")[2]
            raise CallFailed(code, str(answer.get("message") or answer.get("Message") or ""))
        return answer

    def invoke(self, function: str, event: Mapping[str, Any]) -> tuple[bool, Any]:
        """Invoke a function and wait for it; returns whether it succeeded, and what it returned.

        Raises CallFailed, OSError, HTTPException.
        """
        path = f"/2015-03-31/functions/{quote(function)}/invocations"
        status, error, body = self._send(
            "POST", path, json.dumps(event).encode(), {"Content-Type": "application/json"}
        )
        if status >= 300:  # noqa: PLR2004
            raise CallFailed(str(status), body.decode(errors="replace")[:200])
        return not error, json.loads(body) if body else None

    def event_sources(self, function: str) -> list[dict[str, Any]]:
        """Return a function's event source mappings. Raises CallFailed, OSError, HTTPException."""
        path = f"/2015-03-31/event-source-mappings?FunctionName={quote(function)}"
        status, _, body = self._send("GET", path, b"", {})
        if status >= 300:  # noqa: PLR2004
            raise CallFailed(str(status), body.decode(errors="replace")[:200])
        mappings: list[dict[str, Any]] = json.loads(body)["EventSourceMappings"]
        return mappings

    def healthy(self) -> bool:
        """Tell whether the emulator answers."""
        try:
            return self._send("GET", "/_ministack/health", b"", {})[0] == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def _send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str | None, bytes]:
        if time.monotonic() - self._used > _KEPT_SECONDS:
            self._http.close()
        try:
            self._http.request(method, path, body or None, dict(headers))
            response = self._http.getresponse()
            answered = response.read()
        except AttributeError as error:  # another thread closed it in the middle of a read
            raise http.client.HTTPException("the connection was closed") from error
        except BaseException:
            with contextlib.suppress(OSError):
                self._http.close()
            raise
        self._used = time.monotonic()
        return response.status, response.getheader("X-Amz-Function-Error"), answered
