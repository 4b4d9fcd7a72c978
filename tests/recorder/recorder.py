"""Stands between the functions and the emulator's AWS: records every call, and lets tests catch some.

The emulator hands its address to the functions where `BRIDGE_FUNCTIONS_ENDPOINT` names it.
"""

from __future__ import annotations

import asyncio
import json

from bench.looped import LoopedServer, read_request
from tests.gateway.traps import Traps
from tests.gateway.upstream import body_of, forwarded
from tests.recorder.calls import Call, parse


class Recorder(LoopedServer):
    """The recorder, in a thread of its own, in front of ``upstream``.

    `upstream` may change at any time, to something that fails between here and the emulator.
    """

    def __init__(self, upstream: str, port: int = 0) -> None:
        super().__init__(port)
        self.upstream = upstream
        self.traps: Traps[Call] = Traps()
        self.calls: list[Call] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one call: its answer ends the connection."""
        head, body = await read_request(reader)
        call = parse(head, body, writer.get_extra_info("peername")[1])
        self.calls.append(call)
        reply = await self.traps.spring("before", call)
        answer = reply.encoded() if reply else await forwarded(self.upstream, head, body)
        if reply is None and call.service == "sqs" and answer:
            call.effect = json.loads(body_of(answer) or b"{}")
        if reply is None and (instead := await self.traps.spring("after", call)):
            answer = instead.encoded()
        if answer:  # nothing, where what is behind broke the connection off
            call.status = int(answer.split(b" ", 2)[1])
            writer.write(answer)
            await writer.drain()
