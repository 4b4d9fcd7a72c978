"""A server of the Messages wire that does what a test tells it, over real HTTP on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-ant-marker-0123456789"


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def text(said: str) -> bytes:
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": said})


START = event("message_start", message={"model": "claude-real", "usage": {"input_tokens": 7}})
END = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
STOP = event("message_stop")
ANSWER = (START, text("Hel"), text("lo 中😀"), END, STOP)
RESET = b"<reset>"


@dataclass
class Reply:
    """One response: chunks of a stream, or a status with a body; `RESET` in a stream cuts the connection."""

    chunks: Sequence[bytes] = ANSWER
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = True


def failing(status: int, kind: str = "api_error", message: str = "No.", **headers: str) -> Reply:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply((body,), status, {"request-id": "req_1", **named}, chunked=False)


@dataclass
class Asked:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class MessagesServer:
    """Its replies, one after the other, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.replies: list[Reply] = []
        self.asked: list[Asked] = []

    def reply(self, *replies: Reply) -> None:
        self.replies.extend(replies)


@contextmanager
def messages_server() -> Iterator[MessagesServer]:
    """Serve until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.asked.append(Asked(self.path, headers, json.loads(self.rfile.read(length))))
            self._send(server.replies.pop(0))

        def _send(self, reply: Reply) -> None:
            if reply.chunks[:1] == (RESET,):
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(reply.status)
            self.send_header("content-type", "text/event-stream")
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header(
                *(("transfer-encoding", "chunked") if reply.chunked else ("connection", "close"))
            )
            self.end_headers()
            for chunk in reply.chunks:
                if chunk == RESET:
                    self.close_connection = True
                    return
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if reply.chunked else chunk)
                self.wfile.flush()
            if reply.chunked:
                self.wfile.write(b"0\r\n\r\n")

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                self.close_connection = True

        def finish(self) -> None:
            try:
                super().finish()
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Stay silent."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = MessagesServer(httpd.server_address[1])
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()
