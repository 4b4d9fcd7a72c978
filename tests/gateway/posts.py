"""The gateway's @connections: what functions post to their clients."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bench.looped import read_request
from tests.gateway.traps import HttpReply, Traps, refusal
from tests.gateway.upstream import forwarded

POST_BYTES = 128 * 1024

Deliver = Callable[[str, str], Awaitable[bool]]


@dataclass(eq=False)
class Post:
    """A function's post to a connection; ``status`` is what it was answered, 0 where it was not."""

    connection_id: str
    text: str
    function: str
    peer_port: int
    status: int = 0


class Posts:
    """Serves `PostToConnection`; ``deliver`` brings a text to a client, and tells whether it is known."""

    def __init__(self, traps: Traps[Post], deliver: Deliver) -> None:
        self.made: list[Post] = []
        self.elsewhere = ""
        self._traps = traps
        self._deliver = deliver

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one post: each is answered with the end of its connection."""
        head, body = await read_request(reader)
        method, target, _ = head.split(b" ", 2)
        connection_id = unquote(urlsplit(target.decode()).path.rpartition("/@connections/")[2])
        peer = writer.get_extra_info("peername")[1]
        post = Post(connection_id, body.decode(errors="replace"), function_of(head), peer)
        if method != b"POST" or not connection_id:
            reply: HttpReply | bytes = refusal(403, "ForbiddenException", "only posts are modelled")
        else:
            self.made.append(post)
            reply = await self._answer(post, head, body)
        writer.write(reply if isinstance(reply, bytes) else reply.encoded())
        await writer.drain()

    async def _answer(self, post: Post, head: bytes, body: bytes) -> HttpReply | bytes:
        reply: HttpReply | bytes | None = await self._traps.spring("before", post)
        if reply is None and len(body) > POST_BYTES:
            reply = refusal(413, "PayloadTooLargeException")
        if reply is None:
            if await self._deliver(post.connection_id, post.text):
                reply = HttpReply(200, {}, b"")
            elif self.elsewhere:
                path = f"/@connections/{post.connection_id}"
                reply = await forwarded(self.elsewhere, head, body, path=path)
            else:
                reply = refusal(410, "GoneException")
            # The client has it, whatever the function is told.
            reply = await self._traps.spring("after", post) or reply
        post.status = reply.status if isinstance(reply, HttpReply) else int(reply.split(b" ", 2)[1])
        return reply


def function_of(head: bytes) -> str:
    """Return the function that a request's user agent names, cut as `bridge.adapters.aws` cuts it."""
    found = re.search(rb"(?im)^user-agent:.*?\bapp/(\S+)", head)
    return found[1].decode() if found else ""
