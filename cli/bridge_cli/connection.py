"""The handshake, and its failures in words: only this module knows websockets' and the socket's errors."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)

from bridge_cli import signing
from bridge_cli.errors import BridgeError, CannotConnect, ConnectionRefused

__all__ = ["ClientConnection", "ConnectionClosed", "close_quietly", "open_connection", "why_closed"]

_DOCTOR = "`bridge doctor` checks each step."
_UNAUTHORIZED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_CLOSE_TIMEOUT = 2  # seconds; nothing is waiting for what the other side still has to say


class _Handshake(connect):
    """websockets' handshake without redirects: a token goes to the endpoint that was named only."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_connection(
    url: str, token: str | None, *, timeout: float, signed: Mapping[str, str] | None = None
) -> ClientConnection:
    """Return an open connection; `timeout` in seconds is for DNS, TCP, TLS and the handshake together.

    `signed` are the headers of a signature in the place of a token. Raises CannotConnect, or
    ConnectionRefused where the endpoint refused the token or the signature.
    """
    headers = signed or ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        return await _Handshake(
            url,
            additional_headers=headers,
            compression=None,  # API Gateway speaks none, and a frame's size is then what it says
            open_timeout=timeout,
            close_timeout=_CLOSE_TIMEOUT,
            ping_timeout=None,  # not documented of API Gateway; Patience notices silence
            user_agent_header="claude-context-bridge",
        )
    except (OSError, InvalidHandshake, InvalidURI, InvalidProxy, EOFError, ValueError) as error:
        if signed and isinstance(error, InvalidStatus) and error.response.status_code in _UNAUTHORIZED:
            why = error.response.headers.get("x-amzn-errortype")
            raise signing.refused(error.response.status_code, why) from error
        raise in_words(error, url, has_token=bool(token), timeout=timeout) from error


def in_words(  # noqa: PLR0911 - a table, one line per failure
    error: Exception, url: str, *, has_token: bool, timeout: float
) -> BridgeError:
    """Return what a failed handshake is in words, with a next step."""
    host = urlsplit(url).hostname or url
    match error:
        case InvalidStatus():
            return _refused(error.response.status_code, url, has_token=has_token)
        case socket.gaierror():
            return CannotConnect(
                f"there is no host {host} (DNS: {error.strerror})", hint=f"Check the URL. {_DOCTOR}"
            )
        case ssl.SSLCertVerificationError():
            return CannotConnect(
                f"{host} has a certificate that is not trusted: {error.verify_message}",
                hint="Check the URL, the clock, and SSL_CERT_FILE if a proxy of your company's signs.",
            )
        case ssl.SSLError():
            return CannotConnect(
                f"TLS with {host} failed: {error.reason or error}",
                hint="Does it speak plain ws://? Check the URL.",
            )
        case TimeoutError():
            return CannotConnect(f"{host} did not answer within {timeout:g} s", hint=_DOCTOR)
        case ConnectionRefusedError():
            return CannotConnect(f"nothing listens at {_address(url)}", hint=_nothing_listens(host))
        case ProxyError() | InvalidProxy():
            return CannotConnect(
                f"the proxy did not connect to {host}: {error}", hint="Check HTTPS_PROXY, NO_PROXY."
            )
        case InvalidMessage() | EOFError():
            return CannotConnect(
                f"{_address(url)} is no WebSocket server", hint="Check the URL: ws:// or wss://?"
            )
        case ConnectionError():
            return CannotConnect(
                f"{_address(url)} closed the connection during the handshake",
                hint="Check the URL: ws:// or wss://?",
            )
        case OSError():
            return CannotConnect(
                f"{_address(url)} cannot be reached: {error.strerror or error}", hint=_DOCTOR
            )
        case _:
            return CannotConnect(f"the handshake with {host} failed: {error}", hint=_DOCTOR)


def why_closed(error: Exception) -> str:
    """Return why a connection ended, in a few words."""
    close: Any = getattr(error, "rcvd", None) or getattr(error, "sent", None)
    if close is None:
        return "closed without a reason"
    return f"{close.code} {close.reason}".strip()


def _refused(status: int, url: str, *, has_token: bool) -> BridgeError:
    if status in _UNAUTHORIZED:
        if not has_token:
            return ConnectionRefused(
                f"the bridge wants a token (HTTP {status})",
                hint="Put one into BRIDGE_TOKEN, or mint it: `bridge token create --help`. "
                "Where AWS identities are let in: BRIDGE_AUTH=iam.",
                status=status,
            )
        return ConnectionRefused(
            f"your token was refused (HTTP {status})",
            hint="It may be expired, revoked, or another environment's: `bridge doctor` reads yours, "
            "`bridge token revoked --owner O` tells what was revoked, `bridge token create` mints one.",
            status=status,
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return CannotConnect("the bridge is throttling (HTTP 429)", hint="Try again in a moment.")
    if status == HTTPStatus.NOT_FOUND or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return CannotConnect(
            f"there is no bridge at {url} (HTTP {status})",
            hint="Is the stage missing, as /prod at the URL's end?",
        )
    return CannotConnect(f"the handshake was answered with HTTP {status}", hint=_DOCTOR)


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'wss' else 80)}"


def _nothing_listens(host: str) -> str:
    local = "Is the local AWS down? `bridge local up` starts it."
    return local if host in {"localhost", "127.0.0.1", "::1"} else f"Check the URL. {_DOCTOR}"


async def close_quietly(connection: ClientConnection) -> None:
    """Close a connection; whatever goes wrong with that no longer matters."""
    try:
        with contextlib.suppress(TimeoutError, OSError, ConnectionClosed):
            async with asyncio.timeout(_CLOSE_TIMEOUT + 1):
                await connection.close()
    finally:
        connection.transport.abort()  # where nobody answers, or nobody waits any longer
