"""A Claude stand-in on the Messages wire that says a given number of tokens at a given pace.

The model's name is the recipe: ``tokens-300-every-20ms`` says 300 tokens, 20 ms apart;
``tokens-12-every-0ms`` says 12 at once. It counts the requests that it saw.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

from bench.looped import LoopedServer, read_request

RECIPE = re.compile(r"tokens-(\d+)-every-(\d+)ms")
INSTANT = "tokens-12-every-0ms"
STEADY = "tokens-300-every-20ms"


class StandIn(LoopedServer):
    """The server, in a thread of its own; a context that ends with it stopped."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.requests: list[dict[str, Any]] = []
        self.on_request: Callable[[], object] = lambda: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other."""
        while True:
            _, text = await read_request(reader)
            body = json.loads(text)
            self.requests.append(body)
            self.on_request()
            await self._answer(writer, body)

    async def _answer(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        recipe = RECIPE.fullmatch(body["model"])
        if recipe is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        tokens, pace = int(recipe[1]), int(recipe[2]) / 1000
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        usage = {"input_tokens": len(json.dumps(body["messages"])) // 4, "output_tokens": 1}
        _send(writer, {"type": "message_start", "message": {"model": body["model"], "usage": usage}})
        text = {"type": "text", "text": ""}
        _send(writer, {"type": "content_block_start", "index": 0, "content_block": text})
        loop = asyncio.get_running_loop()
        due = loop.time()
        for number in range(tokens):
            if pace:
                due += pace
                await asyncio.sleep(max(0.0, due - loop.time()))
                await writer.drain()  # which ends it where nobody listens any more
            delta = {"type": "text_delta", "text": f"word{number} "}
            _send(writer, {"type": "content_block_delta", "index": 0, "delta": delta})
        _send(writer, {"type": "content_block_stop", "index": 0})
        end = {"stop_reason": "end_turn"}
        _send(writer, {"type": "message_delta", "delta": end, "usage": {"output_tokens": tokens}})
        _send(writer, {"type": "message_stop"})
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _send(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
