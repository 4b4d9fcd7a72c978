"""Claude failing in every way it can: each turn gets its error, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from llmock.pytest_plugin import LLMock

from tests.e2e.deployed import CLAUDE, Deployed
from tests.e2e.wire import Wire

Fault = Callable[[LLMock], object]


def _then_all_is_well(wire: Wire, session: str, failed: str, code: str) -> None:
    """Assert that a failed turn is recorded without an answer, and that the session goes on."""
    _, answer = wire.ask("And now?", session_id=session, model=CLAUDE)
    assert answer["type"] == "answer"
    assert answer["turn"] == 2
    assert answer["memory"]["window_messages"] == 0
    first = wire.history(session)["exchanges"][0]
    assert first["context"] == [{"role": "user", "content": failed}]
    assert first["stop_reason"] == "error"
    assert first["error"]["code"] == code


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        pytest.param(lambda c: c.fail(401), "upstream_error", False, id="unauthorized"),
        pytest.param(lambda c: c.fail(400), "upstream_error", False, id="rejected"),
        pytest.param(lambda c: c.fail(404), "upstream_error", False, id="model-not-found"),
        pytest.param(lambda c: c.fail(413), "upstream_error", False, id="prompt-too-long"),
        pytest.param(
            lambda c: c.fail(529, times=4, retry_after=0.01), "upstream_overloaded", True, id="overloaded"
        ),
        pytest.param(lambda c: c.rate_limit(retry_after=120), "upstream_overloaded", True, id="rate-limited"),
        pytest.param(
            lambda c: c.fail(500, times=4, retry_after=0.01), "upstream_error", True, id="server-error"
        ),
        pytest.param(lambda c: c.disconnect(after_chunks=5), "upstream_error", True, id="disconnected"),
        pytest.param(lambda c: c.truncate(after_chunks=5), "upstream_error", True, id="truncated"),
        pytest.param(lambda c: c.corrupt(after_chunks=5), "upstream_error", True, id="garbage"),
    ],
)
def test_a_failure_is_told_recorded_and_over(
    bridge: Deployed, session: str, claude: LLMock, fault: Fault, code: str, retryable: bool
) -> None:
    fault(claude)
    with bridge.connect() as wire:
        _, error = wire.ask("Will this work?", session_id=session, model=CLAUDE)
        assert (error["type"], error["code"], error["retryable"]) == ("error", code, retryable)
        _then_all_is_well(wire, session, "Will this work?", code)
    # Its verdict on a truncated stream asks for a retry, which would show the client two beginnings.
    findings = {finding.code for finding in claude.verdict().errors}
    assert findings <= {"truncated_stream_accepted"}


def test_a_passing_failure_is_not_even_noticed(bridge: Deployed, session: str, claude: LLMock) -> None:
    claude.fail(529, times=2, retry_after=0.05).reply("All well.")
    with bridge.connect() as wire:
        text, answer = wire.ask("Will this work?", session_id=session, model=CLAUDE)
    assert (text, answer["type"]) == ("All well.", "answer")
    assert len(claude.requests) == 3
    claude.assert_resilient()


def test_nothing_is_retried_once_something_was_said(bridge: Deployed, session: str, claude: LLMock) -> None:
    claude.disconnect(after_chunks=6, times=None)
    with bridge.connect() as wire:
        text, error = wire.ask("Will this work?", session_id=session, model=CLAUDE)
    assert error["type"] == "error"
    assert text
    assert len(claude.requests) == 1


def test_the_original_client_is_told_in_its_own_way(bridge: Deployed, session: str, claude: LLMock) -> None:
    claude.fail(400)
    with bridge.connect() as wire:
        frame = wire.request({"action": "query", "message": "Hello", "session_id": session, "model": CLAUDE})
        assert frame["statusCode"] == 502
        kept = wire.history(session)["exchanges"]
    assert [m["role"] for e in kept for m in e["context"]] == ["user"]
