"""Where the secrets are after the whole run, and where they are not; and how the key is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.standin import INSTANT
from tests.e2e.deployed import ANTHROPIC_KEY, Deployed
from tests.e2e.test_memory import everything


def texts(bridge: Deployed) -> Iterator[tuple[str, str]]:
    """Yield all that was written down or sent anywhere, but for what Secrets Manager keeps."""
    for path in logs_and_templates(bridge):
        yield path.name, path.read_text(errors="replace")
    for frame in bridge.gateway.frames:
        if frame.direction == "out":
            yield "a frame", frame.text
    for body in bridge.gateway.refusals:
        yield "a refused handshake", body
    for post in bridge.gateway.posts:
        yield "a post", post.text
    for call in bridge.recorder.calls:
        yield f"a call of {call.operation}", str(call.request)
    for asked in bridge.switchboard.asked:
        yield "what Claude was told", str(asked.request)
    yield "the sessions table", everything(bridge)
    yield "the hashes table", hashes(bridge)


def logs_and_templates(bridge: Deployed) -> Iterator[Path]:
    places = bridge.local.places
    yield from Path(places.logs).iterdir()
    yield from places.cdk_out.glob("*.json")
    yield places.record
    yield places.vitals


def hashes(bridge: Deployed) -> str:
    table = bridge.status.outputs["HashesTable"]
    pages = bridge.aws("dynamodb").get_paginator("scan").paginate(TableName=table)
    return "\n".join(str(item) for page in pages for item in page["Items"])


def test_no_secret_is_anywhere_but_where_it_belongs(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        wire.ask("Hello", session_id=session, model=INSTANT)
    secrets = {"Anthropic's key": ANTHROPIC_KEY, "the signing key": bridge.signing_key}
    secrets |= {f"token {number}": token for number, token in enumerate(bridge.tokens)}
    # A token's signature alone would do for whoever can guess the rest.
    secrets |= {f"its signature: {name}": token.rpartition(".")[2] for name, token in secrets.items()}
    found = {
        (where, name) for where, text in texts(bridge) for name, secret in secrets.items() if secret in text
    }
    assert not found


def test_a_new_key_is_used_as_soon_as_the_old_one_is_refused(bridge: Deployed, session: str) -> None:
    secret: dict[str, Any] = {"SecretId": bridge.status.outputs["AnthropicSecretArn"]}
    new_key = f"{ANTHROPIC_KEY}-rotated"
    manager = bridge.aws("secretsmanager")
    with bridge.connect() as wire:
        wire.ask("Before.", session_id=session, model=INSTANT)
        assert bridge.switchboard.asked[-1].key == ANTHROPIC_KEY
        manager.put_secret_value(**secret, SecretString=new_key)
        bridge.switchboard.refused_keys.add(ANTHROPIC_KEY)
        _, answer = wire.ask("After.", session_id=session, model=INSTANT)
        assert answer["type"] == "answer"
        assert bridge.switchboard.asked[-1].key == new_key
        bridge.switchboard.refused_keys = {new_key}
        manager.put_secret_value(**secret, SecretString=ANTHROPIC_KEY)
        assert wire.ask("And back.", session_id=session, model=INSTANT)[1]["type"] == "answer"
    bridge.switchboard.refused_keys.clear()
