"""A queue, a stream and a function behind HTTP, as the emulator has them, to be looked at by tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

QUEUE_ARN = "arn:aws:sqs:eu-west-1:000000000000:turns.fifo"
Function = Callable[[dict[str, Any]], tuple[int, dict[str, str], Any]]


def message(number: int) -> dict[str, Any]:
    return {
        "MessageId": f"id-{number}",
        "ReceiptHandle": f"receipt-{number}",
        "MD5OfBody": "md5",
        "Body": f"body-{number}",
        "Attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": "g", "SentTimestamp": "1"},
        "MessageAttributes": {"trace": {"DataType": "String", "StringValue": "t"}},
        "MD5OfMessageAttributes": "md5a",
    }


STREAM_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/sessions/stream/2026-11-22T00:00:00.000"
MAPPING: dict[str, Any] = {
    "EventSourceArn": STREAM_ARN,
    "BatchSize": 100,
    "MaximumRetryAttempts": 5,
    "FilterCriteria": {"Filters": [{"Pattern": '{"dynamodb": {"Keys": {"seq": {"N": ["0"]}}}}'}]},
}


def change(number: int, session: str = "a/s", *, seq: int = 0, name: str = "MODIFY") -> dict[str, Any]:
    return {
        "eventName": name,
        "dynamodb": {
            "Keys": {"session_id": {"S": session}, "seq": {"N": str(seq)}},
            "SequenceNumber": f"{number:05}",
        },
    }


class FakeEmulator:
    """Hands out what is in `messages` and `changes`; `function` answers invocations: status, headers, body.

    Of `changes`, those before `trimmed` are gone. A stream's operation in `refused` fails once.
    """

    def __init__(self, function: Function) -> None:
        self.messages: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.mappings: list[dict[str, Any]] = [MAPPING]
        self.trimmed = 0
        self.refused: set[str] = set()
        self.iterators: list[dict[str, Any]] = []
        self.function = function
        self._lock = threading.Lock()
        emulator = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(200, {}, {"EventSourceMappings": emulator.mappings})

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(*emulator.answer(self.path, self.headers.get("X-Amz-Target", ""), request))

            def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def answer(self, path: str, target: str, request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if path.startswith("/2015-03-31/functions/"):
            self.events.append(request)
            return self.function(request)
        with self._lock:
            if target.endswith("ReceiveMessage"):
                return 200, {}, {"Messages": [self.messages.pop(0)]} if self.messages else {}
            if target.startswith("DynamoDBStreams"):
                return self._stream(target.rpartition(".")[2], request)
            self.deleted.append(request["ReceiptHandle"])
        return 200, {}, {}

    def _stream(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if operation in self.refused:
            self.refused.remove(operation)
            return 400, {}, {"__type": "com.amazonaws#ExpiredIteratorException", "message": "expired"}
        if operation == "DescribeStream":
            return 200, {}, {"StreamDescription": {"Shards": [{"ShardId": "shard"}]}}
        if operation == "GetShardIterator":
            self.iterators.append(request)
            numbers = [it["dynamodb"]["SequenceNumber"] for it in self.changes]
            if request["ShardIteratorType"] == "TRIM_HORIZON":
                return 200, {}, {"ShardIterator": str(self.trimmed)}
            position = numbers.index(request["SequenceNumber"])
            if position < self.trimmed:
                return 400, {}, {"__type": "TrimmedDataAccessException", "message": "trimmed"}
            return 200, {}, {"ShardIterator": str(position + 1)}
        position = int(request["ShardIterator"])
        read = self.changes[position:]
        return 200, {}, {"Records": read, "NextShardIterator": str(position + len(read))}

    def __enter__(self) -> FakeEmulator:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
