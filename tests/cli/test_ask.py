"""`bridge ask`: arguments, standard input, what is printed where, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from bridge_cli import local_aws, sessions
from bridge_cli.endpoint import Endpoint
from bridge_cli.errors import BridgeError
from tests.cli.conftest import Run
from tests.cli.fake_bridge import FakeBridge, Frame, accepted, answer, delta, failure, post


def test_a_pipe_gets_exactly_the_text_and_a_newline(bridge: FakeBridge, run: Run) -> None:
    bridge.reply = ["# Héllo\x1b[31m", "\n\n```\n", "x\n```"]
    told = run("ask", "Hi", "plans")
    assert told.stdout == "# Héllo\x1b[31m\n\n```\nx\n```\n"
    assert told.stderr == ""
    assert told.exit_code == 0


def test_without_a_session_a_new_one_is_begun_and_its_name_told(bridge: FakeBridge, run: Run) -> None:
    told = run("ask", "Hi")
    name = bridge.sent("query")[0]["session_id"]
    assert name.startswith("chat-")
    assert len(name) == len("chat-") + 8
    assert f'bridge ask "…" {name}' in told.stderr
    run("ask", "And?", "--continue")
    assert bridge.sent("query")[1]["session_id"] == name
    run("ask", "Hi", "--new")
    assert bridge.sent("query")[2]["session_id"] != name


def test_continue_without_a_last_session_is_wrong_usage(bridge: FakeBridge, run: Run) -> None:
    told = run("ask", "Hi", "-c")
    assert told.exit_code == 2
    assert "no session was used" in told.stderr


@pytest.mark.parametrize("arguments", [["-c", "plans"], ["-c", "--new"], ["--new", "plans"]])
def test_what_excludes_one_another_is_wrong_usage(bridge: FakeBridge, run: Run, arguments: list[str]) -> None:
    assert run("ask", "Hi", *arguments).exit_code == 2
    assert bridge.received == []


def test_a_session_that_cannot_be_named_so_is_refused_here(bridge: FakeBridge, run: Run) -> None:
    told = run("ask", "Hi", "my plans")
    assert told.exit_code == 2
    assert "letters, digits" in told.stderr
    assert bridge.handshakes == []


@pytest.mark.parametrize(
    ("argument", "piped", "message"),
    [
        (None, "From the pipe\n", "From the pipe"),
        ("-", "From the pipe\r\n", "From the pipe"),
        ("Review this.", "a diff\n", "Review this.\n\na diff"),
        ("Only this", "", "Only this"),
        ("Only this", " \n", "Only this"),
        ("Bytes:", "\ufeffé".encode(), "Bytes:\n\né"),
        ("half \udcff", "", "half \ufffd"),
    ],
)
def test_the_question_comes_from_the_argument_and_the_pipe(
    bridge: FakeBridge, run: Run, argument: str | None, piped: str | bytes, message: str
) -> None:
    arguments = ["ask"] if argument is None else ["ask", argument, "plans"]
    assert run(*arguments, input=piped).exit_code == 0
    assert bridge.sent("query")[0]["message"] == message


@pytest.mark.parametrize(
    ("piped", "said", "advice"),
    [
        (b"caf\xe9", "byte 4 is 0xe9", "iconv -f LATIN1"),
        ("Hi".encode("utf-16"), "is UTF-16", "iconv -f UTF-16"),
        (b"\x89PNG\r\n\x1a\n", "not text in UTF-8: byte 1", "take the text out"),
        (b"a\0b\0", "zero bytes", "tr '\\0' '\\n'"),
    ],
)
@pytest.mark.parametrize(
    "arguments", [["ask", "What is this?"], ["ask", "-"], ["chat", "plans"], ["recall", "-"]]
)
def test_what_is_no_text_is_not_asked_about(
    bridge: FakeBridge, run: Run, arguments: list[str], piped: bytes, said: str, advice: str
) -> None:
    told = run(*arguments, input=piped)
    assert told.exit_code == 2
    assert said in told.stderr
    assert advice in told.stderr
    assert bridge.received == []


@pytest.mark.parametrize("piped", ["", "  \n"])
def test_no_question_is_wrong_usage(bridge: FakeBridge, run: Run, piped: str) -> None:
    assert run("ask", input=piped).exit_code == 2
    assert bridge.handshakes == []


def test_json_is_one_object(bridge: FakeBridge, run: Run) -> None:
    told = json.loads(run("ask", "Hi", "plans", "--json", "--model", "claude-opus-5-5").stdout)
    assert set(told) == {
        *{"text", "session_id", "turn", "usage", "stop_reason", "model", "request_id", "memory", "cost"}
    }
    assert told["text"] == "Hello, world"
    assert (told["session_id"], told["turn"], told["model"]) == ("plans", 1, "claude-opus-5-5")
    assert told["request_id"] == bridge.sent("query")[0]["request_id"]


def test_errors_are_json_too(bridge: FakeBridge, run: Run) -> None:
    async def refuse(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, failure("too_large", "too long", frame["request_id"]))

    bridge.behaviours = [refuse]
    told = run("ask", "Hi", "--json")
    assert told.exit_code == 1
    error = json.loads(told.stdout)["error"]
    assert (error["code"], error["message"], error["retryable"]) == ("too_large", "too long", False)
    bridge.stop()
    told = run("ask", "Hi", "--json")
    assert told.exit_code == 3
    assert json.loads(told.stdout)["error"]["code"] == "cannot_connect"


def test_an_error_in_the_middle_ends_the_line_and_says_why(bridge: FakeBridge, run: Run) -> None:
    async def break_off(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        await post(connection, delta(frame, 1, "Half an"))
        await post(connection, failure("upstream_error", "Claude broke off", frame["request_id"]))

    bridge.behaviours = [break_off]
    told = run("ask", "Hi", "plans")
    assert told.stdout == "Half an\n"
    assert told.stderr == "bridge: Claude broke off\n"
    assert told.exit_code == 1


@pytest.mark.parametrize(("reason", "said"), [("max_tokens", "cut off"), ("refusal", "declined")])
def test_an_unusual_end_is_told(bridge: FakeBridge, run: Run, reason: str, said: str) -> None:
    async def cut(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        await post(connection, delta(frame, 1, "x"))
        await post(connection, answer(frame, fake.keep(frame, stop_reason=reason), 1))

    bridge.behaviours = [cut]
    assert said in run("ask", "Hi", "plans").stderr


def test_a_message_that_is_too_long_is_refused_here(bridge: FakeBridge, run: Run) -> None:
    told = run("ask", "-", "plans", input="x" * 140_000)
    assert told.exit_code == 2
    assert "131,072" in told.stderr


def test_a_refused_token_says_how_to_mend_it(
    bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_TOKEN", "secret.token.value")
    bridge.refusals = [401]
    told = run("ask", "Hi")
    assert told.exit_code == 3
    assert "your token was refused" in told.stderr
    assert "bridge token create" in told.stderr
    assert "secret.token.value" not in told.output


def test_an_unexpected_error_is_a_line_and_a_traceback_only_where_asked_for(
    bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise LookupError("of no kind we know")

    monkeypatch.setattr(sessions, "new_name", fail)
    told = run("ask", "Hi")
    assert told.exit_code == 1
    assert "LookupError: of no kind we know" in told.stderr
    assert "Traceback" not in told.output
    assert "Traceback" in run("--debug", "ask", "Hi").stderr
    monkeypatch.setenv("BRIDGE_DEBUG", "1")
    assert "Traceback" in run("ask", "Hi").stderr


def test_a_tiny_local_model_is_never_taken_for_claude(
    bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = "A tiny local model answers, not Claude."
    status = {"url": bridge.url, "model": "smollm2", "model_note": note, "tiny_model": True}
    monkeypatch.setattr(local_aws, "_status", lambda: status)
    for arguments in (["ask", "Hi", "plans"], ["history", "plans"], ["sessions"], ["chat", "plans"]):
        told = run(*arguments)
        assert told.stderr.startswith("A tiny local model answers, not Claude.\n"), arguments
        assert "tiny" not in told.stdout
    status |= {"model_note": "Claude answers.", "tiny_model": False}
    assert run("ask", "Hi", "plans").stderr == ""


def test_the_local_bridge_is_used_where_nothing_is_configured(
    bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_URL")
    monkeypatch.setattr(local_aws, "_status", lambda: {"url": bridge.url, "token": "local.token.x"})
    told = run("ask", "Hi", "plans")
    assert told.stdout == "Hello, world\n"
    assert "using the one on this machine" in told.stderr
    assert bridge.handshakes[0]["Authorization"] == "Bearer local.token.x"


def test_nothing_configured_says_how_to(run: Run) -> None:
    told = run("ask", "Hi")
    assert told.exit_code == 3
    assert "bridge config set url" in told.stderr


def test_the_state_that_cannot_be_written_is_no_reason_to_fail(
    bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert run("ask", "Hi").exit_code == 0


def test_sessions_are_remembered_per_endpoint_and_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Endpoint("wss://one/prod"), Endpoint("wss://other/prod")
    sessions.remember(one, "first")
    sessions.remember(other, "second")
    assert (sessions.last(one), sessions.last(other)) == ("first", "second")
    with pytest.raises(BridgeError):
        sessions.last(Endpoint("wss://third/prod"))
