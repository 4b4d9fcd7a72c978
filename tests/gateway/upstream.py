"""Passes an HTTP request on and returns the whole answer, for who stands between a client and a server."""

from __future__ import annotations

import asyncio
import http.client
import io
from urllib.parse import SplitResult, urlsplit

_HOP_BY_HOP = (b"host", b"connection", b"expect")


async def forwarded(url: str, head: bytes, body: bytes, *, path: str | None = None) -> bytes:
    """Send a request as `bench.looped.read_request` returned it to ``url``, and return what comes back.

    ``path`` stands in for the request's own, behind that of ``url``. The answer ends its connection: whoever
    passes it on has to end its own. Raises OSError.
    """
    target = urlsplit(url)
    there, onward = await asyncio.open_connection(target.hostname, target.port)
    try:
        onward.write(readdressed(head, target, path) + body)
        return await there.read(-1)
    finally:
        onward.close()


class _Received:
    """A socket on which a whole answer came already."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._answer)


def body_of(answer: bytes) -> bytes:
    """Return an answer's body, its chunks joined."""
    response = http.client.HTTPResponse(_Received(answer))  # type: ignore[arg-type]
    response.begin()
    return response.read()


def readdressed(head: bytes, target: SplitResult, path: str | None = None) -> bytes:
    """Return a request's head for another server, with the connection to end after its answer."""
    line, *headers = head.rstrip(b"\r\n").split(b"\r\n")
    method, own, version = line.split(b" ")
    to = target.path.rstrip("/").encode() + (own if path is None else path.encode())
    kept = [each for each in headers if each.split(b":")[0].lower() not in _HOP_BY_HOP]
    kept += [b"host: " + target.netloc.encode(), b"connection: close"]
    return b"\r\n".join([b" ".join([method, to, version]), *kept, b"", b""])
