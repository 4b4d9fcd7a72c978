"""Claude on Amazon Bedrock over boto3, streaming, and which failures may pass.

Bedrock carries the same events as Anthropic's API, each in a message of AWS's event stream. It knows the
functions by their roles: there is no key. boto3 signs a call and reads its answer; what it sends goes over a
session whose calls can be broken off, by boto3's own event ``before-send``.
"""

from __future__ import annotations

import contextlib
import contextvars
import copy
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import requests
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.eventstream import ParserError
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from bridge.adapters.attempts import Transient, tried
from bridge.adapters.breakable import breakable_session, breaking_off
from bridge.errors import BridgeError, UpstreamError, UpstreamOverloaded
from bridge.interruption import Interruption
from bridge.memory.prompt import Prompt
from bridge.ports.claude import Piece, Text
from bridge.protocol import sse

VERSION = "bedrock-2023-05-31"
"""The version of the Messages wire; Bedrock knows no other."""

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 120.0
"""Seconds without a byte after which a stream counts as dead, as with Anthropic's API."""

CHUNK = 65_536
"""Bytes that are read at once at most; an event that comes alone is not kept waiting for more."""

MAX_EVENT_BYTES = sse.MAX_LINE_BYTES

_BEFORE_SEND = "before-send.bedrock-runtime.InvokeModelWithResponseStream"
_REQUEST_ID = re.compile("[!-~]{1,128}")

_OVERLOADED = {
    "ThrottlingException",
    "ServiceQuotaExceededException",
    "ModelNotReadyException",
    "ServiceUnavailableException",
}
_DENIED = {"AccessDeniedException", "AccessDenied"}
_STRANGERS = {"UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"}
_MAY_PASS = {
    "InternalServerException",
    "InternalFailure",
    "ModelTimeoutException",
    "ModelErrorException",
    "ModelStreamErrorException",
}


@dataclass(frozen=True, slots=True)
class _Call:
    """A call under way: what breaks it off, and what is to be closed at its end."""

    interruption: Interruption
    closing: ExitStack


_current: contextvars.ContextVar[_Call] = contextvars.ContextVar("call")


class BedrockModels:
    """The models of Claude that Bedrock has, behind boto3's client ``bedrock-runtime``.

    The client must not try again by itself: a call is tried again here.
    """

    def __init__(self, client: Any, max_output_tokens: int) -> None:
        self._client = client
        self._max_output_tokens = max_output_tokens
        self._http = breakable_session()
        self._http.trust_env = False
        self._minutes_only: set[str] = set()
        client.meta.events.register(_BEFORE_SEND, self._send)

    @contextmanager
    def answer(self, prompt: Prompt, model: str, interruption: Interruption) -> Iterator[Iterable[Piece]]:
        """Ask Claude; see the port. ``model`` is an id, an inference profile's, or an ARN."""
        body: dict[str, Any] = {
            "anthropic_version": VERSION,
            "max_tokens": self._max_output_tokens,
            "messages": prompt.messages,
        }
        if prompt.system:
            body["system"] = prompt.system
        pieces = tried(lambda: self._attempt(body, model, interruption), interruption)
        with breaking_off(interruption), contextlib.closing(pieces) as events:
            yield events

    def _attempt(self, body: dict[str, Any], model: str, interruption: Interruption) -> Iterator[Piece]:
        """Ask once; or twice, where the model keeps its cache for minutes only and was asked for an hour.

        Models that know no hour refuse a question that names it, with the error of any bad question. The
        second asking costs nothing, since the first was answered with nothing.
        """
        hours = _names_hours(body)
        if hours and model in self._minutes_only:
            yield from self._ask(_without_hours(body), model, interruption)
            return
        try:
            yield from self._ask(body, model, interruption)
        except _Invalid:
            if not hours:
                raise
        else:
            return
        yield from self._ask(_without_hours(body), model, interruption)
        self._minutes_only.add(model)

    def _ask(self, body: dict[str, Any], model: str, interruption: Interruption) -> Iterator[Piece]:
        request_id: str | None = None
        with ExitStack() as closing:
            try:
                response = self._invoke(body, model, _Call(interruption, closing))
                request_id = _request_id(response)
                for piece in sse.interpret(_events(response["body"]), model, request_id):
                    # By the name that was asked for: a price may be named for a region or a profile.
                    yield piece if isinstance(piece, Text) else replace(piece, model=model)
            except BridgeError as error:
                raise _told(error, request_id) from error
            except (
                ClientError,  # also what an event of the stream tells of
                BotoCoreError,
                ParserError,
                requests.RequestException,
                HTTPError,
                ValueError,
            ) as error:
                raise _told(error_of(error, model), request_id or _request_id(error)) from error

    def _invoke(self, body: dict[str, Any], model: str, call: _Call) -> dict[str, Any]:
        token = _current.set(call)
        try:
            response: dict[str, Any] = self._client.invoke_model_with_response_stream(
                modelId=model,
                contentType="application/json",
                accept="application/json",
                body=json.dumps(body).encode(),
            )
        finally:
            _current.reset(token)
        return response

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Send what boto3 has signed, in its place."""
        call = _current.get()
        response = call.closing.enter_context(
            self._http.request(
                request.method,
                request.url,
                data=request.body,
                # Compressed events would wait for one another.
                headers={"accept-encoding": "identity", **_as_text(request.headers)},
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            )
        )
        call.closing.enter_context(call.interruption.breaking(response.raw.shutdown))
        return AWSResponse(request.url, response.status_code, response.headers, _Arriving(response))


class _Arriving:
    """A response's body as boto3 reads it: piece by piece as it comes, never waiting for whole ones."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response

    def stream(self) -> Iterator[bytes]:
        """Yield the body."""
        while data := self._response.raw.read1(CHUNK):
            yield data

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


class _Invalid(UpstreamError):
    """Bedrock takes the question for a bad one."""


def _events(stream: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the data of Claude's events; what else a stream may carry passes by."""
    for event in stream:
        data = event.get("chunk", {}).get("bytes")
        if data is None:
            continue
        if len(data) > MAX_EVENT_BYTES:
            raise UpstreamError("Claude's answer could not be understood.", detail="an event without an end")
        yield data.decode("utf-8", "replace")


def error_of(failed: Exception, model: str) -> BridgeError:  # noqa: PLR0911 - a table, one entry per error
    """Return what the client is told of a call to Bedrock that failed, however it did."""
    if not isinstance(failed, ClientError):
        return UpstreamError(
            "The connection to Amazon Bedrock failed. Send it again.",
            retryable=True,
            detail=type(failed).__name__,
        )
    told = failed.response.get("Error", {})
    code = str(told.get("Code", "unknown"))[:64]
    code = code[:1].upper() + code[1:]  # in the middle of a stream it begins with a small letter
    status = int(failed.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    detail = f"status {status}, {code}"
    if code in _OVERLOADED or status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return UpstreamOverloaded(
            "Amazon Bedrock is overloaded, or this account's quota for the model is used up. "
            "Try again in a while.",
            detail=detail,
        )
    if code in _DENIED:
        return UpstreamError(
            f"Amazon Bedrock does not let the bridge use {model}. Its AWS account needs access to the model "
            "(Bedrock's model catalog), and the function's role bedrock:InvokeModelWithResponseStream on it.",
            detail=detail,
        )
    if code in _STRANGERS:
        return UpstreamError("Amazon Bedrock does not take the function's credentials.", detail=detail)
    if code == "ResourceNotFoundException":
        return UpstreamError(
            f"Amazon Bedrock has no model {model} in this region: it is retired, or its name is wrong. "
            "`aws bedrock list-inference-profiles` lists what there is.",
            detail=detail,
        )
    if code == "ValidationException":
        message = sse.well_formed(str(told.get("Message", "")))[:500]
        return _Invalid(
            "Amazon Bedrock does not take the question" + (f": {message}" if message else "."), detail=detail
        )
    return UpstreamError(
        f"Amazon Bedrock answered with an error ({code}).",
        retryable=code in _MAY_PASS or status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        detail=detail,
    )


def _told(error: BridgeError, request_id: str | None) -> Exception:
    """Return an error as it is raised: one that may pass is tried again."""
    error.claude_request_id = request_id
    return Transient(error) if error.retryable else error


def _request_id(answered: object) -> str | None:
    """Return the name under which Bedrock knows a call, of its response or its error."""
    response = answered if isinstance(answered, dict) else getattr(answered, "response", None) or {}
    told = response.get("ResponseMetadata", {}).get("RequestId") or ""
    return told if _REQUEST_ID.fullmatch(told) else None


def _as_text(headers: Any) -> dict[str, str]:
    return {name: text.decode() if isinstance(text, bytes) else text for name, text in headers.items()}


def _blocks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from body.get("system", ())
    for message in body["messages"]:
        yield from message["content"]


def _names_hours(body: dict[str, Any]) -> bool:
    return any("ttl" in block.get("cache_control", ()) for block in _blocks(body))


def _without_hours(body: dict[str, Any]) -> dict[str, Any]:
    """Return the same question, whose cache is kept as long as the model keeps it by itself."""
    plain = copy.deepcopy(body)
    for block in _blocks(plain):
        block.get("cache_control", {}).pop("ttl", None)
    return plain
