"""`bridge doctor` on models: which are there, and until when, as the provider tells."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.conftest import Run
from tests.cli.fake_aws import STACK, FakeAws
from tests.cli.fake_bridge import FakeBridge

KEY = "sk-ant-api03-" + "k" * 90
TODAY = datetime.now(UTC).date()


class Provider:
    """A server of the wire that lists models, a page at a time; `status` other than 200 is all it says."""

    def __init__(self) -> None:
        self.pages: list[Any] = []
        self.status = 200
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    def lists(self, *rows: dict[str, Any]) -> None:
        self.pages = [{"data": list(rows), "has_more": False}]


@contextmanager
def serving() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            after = parse_qs(urlsplit(self.path).query).get("after_id", ["0"])[0]
            page = provider.pages[int(after)] if provider.status == 200 else {}
            body = page if isinstance(page, bytes) else json.dumps(page).encode()
            self.send_response(provider.status)
            if provider.status in {301, 302, 307}:
                self.send_header("location", f"{provider.url}/elsewhere")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving() as running:
        yield running


@pytest.fixture
def stack(
    aws: FakeAws, bridge: FakeBridge, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    monkeypatch.delenv("BRIDGE_URL")
    deployed = aws.deploy(bridge.url)
    aws.secrets.put_secret_value(SecretId=deployed.anthropic, SecretString=f"{KEY}\n")
    aws.stacks[STACK] |= {
        "Provider": "anthropic",
        "Model": "claude-sonnet-5-5",
        "AllowedModels": "claude-sonnet-5-5,claude-haiku-5-5",
        "SummaryModel": "claude-haiku-5-5",
        "AnthropicUrl": provider.url,
        "AnthropicAuthHeader": "x-api-key",
    }
    return aws.stacks[STACK]


def row(name: str, lifecycle: str | None = "active", days: int | None = None) -> dict[str, Any]:
    ends = None if days is None else f"{TODAY + timedelta(days=days)}T00:00:00Z"
    return {"type": "model", "id": name, "lifecycle": lifecycle, "retires_at": ends}


HAIKU, SONNET = row("claude-haiku-5-5"), row("claude-sonnet-5-5")


def models(run: Run) -> dict[str, Any]:
    told = run("doctor", "--json", "--stack", STACK)
    assert KEY not in told.output
    (check,) = (it for it in json.loads(told.stdout)["checks"] if it["name"] == "models")
    return dict(check)


def test_models_that_are_there(stack: dict[str, str], provider: Provider, run: Run) -> None:
    provider.lists(HAIKU, row("claude-sonnet-5-5-20261001"), row("claude-other"))
    assert models(run)["ok"] is True
    ((path, headers),) = provider.asked
    assert path.startswith("/v1/models?")
    assert headers["x-api-key"] == KEY
    assert "authorization" not in headers


def test_every_page_is_read(stack: dict[str, str], provider: Provider, run: Run) -> None:
    provider.pages = [
        {"data": [HAIKU], "has_more": True, "last_id": "1"},
        {"data": [SONNET], "has_more": False, "last_id": "2"},
    ]
    assert models(run)["ok"] is True
    assert len(provider.asked) == 2


@pytest.mark.parametrize(
    ("lifecycle", "days", "ok", "says"),
    [
        ("active", 91, True, ""),
        ("active", 90, True, "retires on"),
        ("deprecated", 7, True, "retires on"),
        ("deprecated", 200, True, "is deprecated"),
        ("deprecated", 0, False, "retired on"),
        ("retired", None, False, "is retired"),
    ],
)
def test_a_models_end_is_named_with_what_to_set(
    stack: dict[str, str], provider: Provider, run: Run, lifecycle: str, days: int | None, ok: bool, says: str
) -> None:
    provider.lists(SONNET, row("claude-haiku-5-5", lifecycle, days))
    check = models(run)
    assert check["ok"] is ok
    assert says in check["detail"]
    if says:
        assert "claude-haiku-5-5" in check["detail"]
        assert "allowed_models and summary_model" in check["detail"]
        assert "deploy again" in check["mend"]
    if days is not None and says:
        assert str(TODAY + timedelta(days=days)) in check["detail"]


def test_a_model_that_is_unknown_is_wrong(stack: dict[str, str], provider: Provider, run: Run) -> None:
    provider.lists(HAIKU, row("claude-sonnet-4-5"))
    check = models(run)
    assert check["ok"] is False
    assert "claude-sonnet-5-5 is unknown here" in check["detail"]
    assert "set model and allowed_models" in check["detail"]


def test_a_summary_model_of_another_server_is_none_of_this_ones(
    stack: dict[str, str], provider: Provider, run: Run
) -> None:
    stack |= {"SummaryModel": "tiny", "SummaryUrl": "http://127.0.0.1:8081"}
    provider.lists(HAIKU, SONNET)
    assert models(run)["ok"] is True
    stack["SummaryUrl"] = provider.url
    assert "tiny is unknown here" in models(run)["detail"]


def test_a_server_that_knows_no_lifecycles_may_take_names_that_it_does_not_list(
    stack: dict[str, str], provider: Provider, run: Run
) -> None:
    stack["AnthropicAuthHeader"] = "authorization"
    provider.lists({"id": "tiny", "object": "model"}, {"id": 5}, {"retires_at": "soon"})
    assert models(run)["ok"] is True
    assert provider.asked[0][1]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [404, 405, 501, 500, 302, 403])
def test_a_server_that_does_not_tell_is_fine(
    stack: dict[str, str], provider: Provider, run: Run, status: int
) -> None:
    provider.status = status
    check = models(run)
    assert check["ok"] is None
    assert "not looked at" in check["detail"]
    assert len(provider.asked) == 1, "the key is sent nowhere else"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"data":5}', b"[" * 9999])
def test_a_list_that_is_none_is_fine(
    stack: dict[str, str], provider: Provider, run: Run, body: bytes
) -> None:
    provider.pages = [body]
    assert models(run)["ok"] is None


def test_a_provider_out_of_reach_is_fine(stack: dict[str, str], run: Run) -> None:
    with serving() as gone:
        stack["AnthropicUrl"] = gone.url
    assert "cannot be reached" in models(run)["detail"]


@pytest.mark.parametrize(
    "answered",
    [
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_a_server_of_something_else_is_fine(stack: dict[str, str], run: Run, answered: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answered)

        thread = threading.Thread(target=answer)
        thread.start()
        stack["AnthropicUrl"] = f"http://127.0.0.1:{server.getsockname()[1]}"
        check = models(run)
        thread.join()
    assert check["ok"] is None
    assert "no HTTP" in check["detail"]


@pytest.mark.parametrize("url", ["http://[::1", "http://a b", "file:///etc/passwd", "localhost"])
def test_a_url_that_is_none_is_fine(stack: dict[str, str], run: Run, url: str) -> None:
    stack["AnthropicUrl"] = url
    assert models(run)["ok"] is None


def test_a_key_that_is_not_accepted_is_told(stack: dict[str, str], provider: Provider, run: Run) -> None:
    provider.status = 401
    check = models(run)
    assert check["ok"] is False
    assert "not accepted" in check["detail"]
    assert "bridge key set" in check["mend"]


def test_a_stack_of_before_tells_no_models(aws: FakeAws, stack: dict[str, str], run: Run) -> None:
    for name in ("Provider", "AllowedModels", "SummaryModel", "AnthropicUrl", "AnthropicAuthHeader"):
        del stack[name]
    assert models(run)["ok"] is None


SONNET_ON_BEDROCK = "anthropic.claude-sonnet-5-5-v1:0"
HAIKU_ON_BEDROCK = "anthropic.claude-haiku-5-5-v1:0"


def test_bedrock_tells_what_is_legacy_and_when_it_ends(aws: FakeAws, stack: dict[str, str], run: Run) -> None:
    profile = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc"
    haiku = f"arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.{HAIKU_ON_BEDROCK}"
    stack |= {
        "Provider": "bedrock",
        "Model": f"global.{SONNET_ON_BEDROCK}",
        "AllowedModels": f"global.{SONNET_ON_BEDROCK},{profile}",
        "SummaryModel": haiku,
    }
    for name in ("AnthropicSecretArn", "AnthropicUrl", "AnthropicAuthHeader"):
        del stack[name]
    ends = datetime.now(UTC) + timedelta(days=30)
    aws.models = [
        {"modelId": SONNET_ON_BEDROCK, "modelLifecycle": {"status": "ACTIVE"}},
        {"modelId": HAIKU_ON_BEDROCK, "modelLifecycle": {"status": "LEGACY", "endOfLifeTime": ends}},
    ]
    check = models(run)
    assert check["ok"] is True
    assert check["detail"] == f"{haiku} retires on {ends.date()}; set summary_model to another one"
    del aws.models[0]
    check = models(run)
    assert check["ok"] is False
    assert f"global.{SONNET_ON_BEDROCK} is unknown here" in check["detail"]
    assert profile not in check["detail"]
