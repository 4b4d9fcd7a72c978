"""Claude's Messages API over `requests`, streaming, and which failures may pass."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from bridge.adapters.attempts import Transient, tried
from bridge.adapters.breakable import breakable_session, breaking_off
from bridge.errors import BridgeError, UpstreamError, UpstreamOverloaded
from bridge.interruption import Interruption
from bridge.memory.prompt import Prompt
from bridge.ports.claude import Piece
from bridge.ports.secrets import UNSET, Secret
from bridge.protocol import sse

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 120.0
"""Seconds without a byte after which a stream counts as dead; Claude pings more often than that."""

CHUNK = 512
"""Bytes that are read at once at most; an event that comes alone is not kept waiting for more."""

MAX_ERROR_BYTES = 65_536
"""The longest error that is read: Claude's are some hundred bytes."""

MAX_RETRY_AFTER = 86_400.0
"""Seconds that a client is told to wait at most; who asks for more has not said when."""

_REQUEST_ID = re.compile("[!-~]{1,128}")
_OVERLOADED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, 529)
_RETRIED = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server of the Messages wire, and how it wants to be spoken to."""

    base_url: str
    version: str
    auth_header: str
    max_output_tokens: int


class MessagesApi:
    """The model, behind a server of the Messages wire."""

    def __init__(self, endpoint: Endpoint, key: Secret) -> None:
        self._endpoint = endpoint
        self._key = key
        self._http = breakable_session()
        # Not the environment's proxies and .netrc: nothing but the secret may end up in a header.
        self._http.trust_env = False

    @contextmanager
    def answer(self, prompt: Prompt, model: str, interruption: Interruption) -> Iterator[Iterable[Piece]]:
        """Ask Claude; leaving the context closes the call, and what was not said is not billed.

        An ``interruption`` breaks off whatever the call waits for: its headers, its next piece, or its
        next attempt. Only a connection that is still being opened is waited for.
        """
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": self._endpoint.max_output_tokens,
            "stream": True,
            "messages": prompt.messages,
        }
        if prompt.system:
            body["system"] = prompt.system
        pieces = tried(lambda: self._attempt(body, interruption), interruption)
        with breaking_off(interruption), contextlib.closing(pieces) as events:
            yield events

    def _attempt(self, body: dict[str, Any], interruption: Interruption) -> Iterator[Piece]:
        key = self._key.value()
        if _header_value(key) == UNSET:
            key = self._key.value(fresh=True)
        sent = _header_value(key)
        if sent == UNSET:
            raise UpstreamError("The bridge has no Anthropic key yet. Put one in with: bridge key set")
        named: str | None = None
        try:
            with (
                self._http.post(
                    f"{self._endpoint.base_url.rstrip('/')}/v1/messages",
                    json=body,
                    headers=self._headers(sent),
                    stream=True,
                    allow_redirects=False,  # the key goes to the configured server, and nowhere else
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                ) as response,
                interruption.breaking(response.raw.shutdown),
            ):
                named = request_id_of(response)
                if response.status_code != HTTPStatus.OK:
                    self._refuse(response, key)
                yield from self._read(response, body["model"])
        except (requests.RequestException, HTTPError, ValueError) as error:  # a chunk of -5 bytes: ValueError
            told = UpstreamError(
                "The connection to Claude's API failed. Send it again.",
                retryable=True,
                detail=type(error).__name__,
                claude_request_id=named,
            )
            raise Transient(told) from error

    def _read(self, response: requests.Response, model: str) -> Iterator[Piece]:
        # Bytes, decoded line by line: `decode_unicode` guesses the encoding from the headers.
        try:
            yield from sse.read(sse.lines_of(_arriving(response)), model, request_id_of(response))
        except BridgeError as error:
            error.claude_request_id = request_id_of(response)
            if error.retryable:
                raise Transient(error) from error
            raise

    def _headers(self, key: str) -> dict[str, str]:
        authorization = (
            {"authorization": f"Bearer {key}"}
            if self._endpoint.auth_header == "authorization"
            else {"x-api-key": key}
        )
        # Compressed events would wait for one another.
        return {
            "anthropic-version": self._endpoint.version,
            "accept": "text/event-stream",
            "accept-encoding": "identity",
            **authorization,
        }

    def _refuse(self, response: requests.Response, key: str) -> None:
        """Raise what a response other than 200 means."""
        error = error_of(response)
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            if self._key.value(fresh=True) != key:
                raise Transient(error, wait=0)
            raise error
        if _may_retry(response):
            raise Transient(error, wait=error.retry_after)
        raise error


def _arriving(response: requests.Response) -> Iterator[bytes]:
    """Yield the body as it arrives; `iter_content` waits for whole pieces where a server sends no chunks."""
    while data := response.raw.read1(CHUNK):
        yield data


def _header_value(key: str) -> str:
    """Return the key as a header carries it: files that it was read from end with a line break.

    One that no header can carry must not reach `requests`, whose error would quote it.
    """
    stripped = key.strip()
    if not (stripped.isascii() and stripped.isprintable() and stripped):
        raise UpstreamError(
            "What the bridge holds as its Anthropic key is no key. Put one in with: bridge key set",
            detail="malformed key",
        )
    return stripped


def request_id_of(response: requests.Response) -> str | None:
    """Return the name under which the server knows a call, for the log; None where it tells none."""
    told = response.headers.get("request-id", "")
    return told if _REQUEST_ID.fullmatch(told) else None


def error_of(response: requests.Response) -> BridgeError:
    """Return what the client is told of a response other than 200."""
    error = _error_of(response)
    error.claude_request_id = request_id_of(response)
    return error


def _error_of(response: requests.Response) -> BridgeError:
    status = response.status_code
    kind, message = _error_body(response)
    detail = f"status {status}, {kind}"
    if status in _OVERLOADED:
        return UpstreamOverloaded(
            "Claude is overloaded, or this key's rate limit is used up. Try again in a while.",
            retry_after=_retry_after(response),
            detail=detail,
        )
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return UpstreamError(
            f"Claude's API does not accept the bridge's key (status {status})."
            " Put a valid one in with: bridge key set",
            detail=detail,
        )
    return UpstreamError(
        f"Claude's API answered with status {status}" + (f": {message}" if message else "."),
        retryable=_may_retry(response),
        retry_after=_retry_after(response),
        detail=detail,
    )


def _error_body(response: requests.Response) -> tuple[str, str]:
    try:
        error = json.loads(_short(response))["error"]
        return sse.well_formed(str(error["type"]))[:64], sse.well_formed(str(error["message"]))[:500]
    except (requests.RequestException, HTTPError, ValueError, LookupError, TypeError, RecursionError):
        return "unknown", ""


def _short(response: requests.Response) -> bytes:
    """Return an error's body; nothing of one that is too long to be one."""
    body = bytearray()
    for data in _arriving(response):
        body += data
        if len(body) > MAX_ERROR_BYTES:
            return b""
    return bytes(body)


def _may_retry(response: requests.Response) -> bool:
    told = response.headers.get("x-should-retry")
    if told in ("true", "false"):
        return told == "true"
    return response.status_code in _RETRIED or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR


def _retry_after(response: requests.Response) -> float | None:
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with contextlib.suppress(KeyError, ValueError):
            seconds = float(response.headers[header]) * unit
            if 0 <= seconds <= MAX_RETRY_AFTER:
                return seconds
    return None
