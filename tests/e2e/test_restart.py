"""What survives when everything stops, and what is left lying about."""

from __future__ import annotations

from pathlib import Path

from bench.standin import INSTANT
from tests.e2e.deployed import ANTHROPIC_KEY, Deployed
from tests.e2e.wire import Wire

MARKER = "a-sentence-that-no-log-may-hold"


def test_a_session_survives_the_local_aws(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        wire.ask("Remember me.", session_id=session, model=INSTANT)
    bridge.local.down()
    assert not bridge.local.status().running
    bridge.up()
    # Through the emulator's own WebSocket API, as people come who run the bridge on their machine.
    with Wire(bridge.status.url, bridge.token(bridge.owner)) as wire:
        _, answer = wire.ask("Do you?", session_id=session, model=INSTANT)
    assert answer["turn"] == 2
    assert "Remember me." in str(bridge.last_request()["messages"])


def test_no_log_holds_a_message_or_a_secret(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        wire.ask(MARKER, session_id=session, model=INSTANT)
        wire.request({"action": "query", "session_id": "a/b", "message": MARKER})
        token = bridge.token("ann")
    texts = {path: path.read_text(errors="replace") for path in Path(bridge.local.places.logs).iterdir()}
    assert any("turn answered" in text for text in texts.values())
    for path, text in texts.items():
        for hidden in (MARKER, ANTHROPIC_KEY, bridge.signing_key, token):
            assert hidden not in text, path
