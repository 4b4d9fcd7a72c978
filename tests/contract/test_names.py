"""Names, ids and cursors that are made to mean more than they may, and owners' that look alike."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.contract.conftest import Deployment, golden
from tests.contract.isolation import Recorder
from tests.contract.speaking import Speaker, stored, told_by

SAID = "The launch code word is marmalade."
SESSIONS: list[tuple[str, dict[str, Any]]] = [
    ("query", {"message": "What is the code word?"}),
    ("history", {}),
    ("usage", {}),
    ("recall", {"text": "What is the code word?"}),
    ("forget", {}),
]
"""Every action that names a session."""

KNOWN = str(uuid.uuid4())


@pytest.fixture
def eve(deployment: Deployment) -> Speaker:
    """Someone who has one session, and is known to a warm function."""
    speaker = Speaker.of(deployment, "eve")
    speaker.say("What shall I plant?", "garden", request_id=KNOWN)
    return speaker


CURSORS = [
    "{0}/ada/travel",
    "{0}/../ada/travel",
    "{0}/ada%2ftravel",
    "{0}/memory#ada",
    "{0}/",
    "{0}",
    "{0}\n/travel",
    "9999-99-99T99:99:99.999Z/travel",
    '{{"owner":"ada"}}',
    "1",
]
TURNS = ["ada/travel", "1/../ada", "-1", "memory#ada", "9" * 400, "\uff11", "1\n", "1.5.1"]


def test_a_cursor_names_nothing_but_a_place(eve: Speaker) -> None:
    time = "2099-01-01T00:00:00.000Z"
    for cursor in CURSORS:
        for action in ("sessions", "usage"):
            told = eve.act(action, before=cursor.format(time))
            assert told.get("code") == "bad_request", cursor
    for cursor in TURNS:
        told = eve.act("history", session_id="garden", before=cursor)
        assert told.get("code") == "bad_request", cursor


NAMES: list[Any] = [
    "ada/travel",
    "../ada/travel",
    "..%2fada%2ftravel",
    "/travel",
    "travel/",
    "a\\b",
    "turn#ada",
    "memory#ada",
    "revoked#eve",
    "connection#ada=",
    "#",
    "tr\u0430vel",  # a Cyrillic letter
    "\uff54ravel",  # a full-width one
    "trave\u0301l",
    "travel\u200b",
    "travel\x00",
    "travel\n",
    " travel",
    "",
    "x" * 129,
    "x" * 100_000,
    "\ud800",
    ["ada", "travel"],
    {"S": "ada/travel"},
    7,
    True,
]


def test_a_name_that_could_mean_more_is_none(eve: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    for name in NAMES:
        for action, fields in SESSIONS:
            with recorder.recording() as calls:
                told = eve.act(action, session_id=name, **fields)
            assert (told["code"], told["retryable"]) == ("bad_request", False)
            assert told["message"] == "'session_id' must be 1 to 128 letters, digits, '-', '_' or '.'."
            assert calls == []


def test_a_name_that_only_looks_as_if_is_ones_own(deployment: Deployment) -> None:
    ada, eve = Speaker.of(deployment, "ada"), Speaker.of(deployment, "eve")
    for name in (".", "..", "-", "__proto__", "None", "null", "memory", "x" * 128):
        ada.say(SAID, name)
        assert eve.act("history", session_id=name)["code"] == "not_found"
        assert ada.act("history", session_id=name)["exchanges"][0]["context"][0]["content"] == SAID


REQUEST_IDS: list[Any] = [
    "ada/x",
    "../ada",
    "{{{0}}}",
    "urn:uuid:{0}",
    "{0}\n",
    " {0}",
    "{0}#",
    "{0}/x",
    "",
    ["{0}"],
    {"S": "{0}"},
    7,
]


def test_a_request_id_is_a_uuid_and_nothing_else(eve: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    context = golden("message")["requestContext"] | {"connectionId": eve.connection_id}
    for crafted in REQUEST_IDS:
        request_id = crafted.format(KNOWN) if isinstance(crafted, str) else crafted
        for action, fields in (("resume", {}), ("cancel", {}), ("query", {"message": "Hi"}), ("ping", {})):
            frame = json.dumps({"action": action, "request_id": request_id, **fields})
            with recorder.recording() as calls:
                told = json.loads(eve.deployment.receive(frame, requestContext=context)["body"])
            assert told["code"] == "bad_request"
            assert "request_id" not in told
            assert calls == []


OWNERS = {
    "ann": "amaranth",
    "ann/x": "begonia",
    "/ann": "dahlia",
    "ann ": "freesia",
    "\u00e5nn": "gardenia",  # one character
    "a\u030ann": "hyacinth",  # the same with a combining one
    "\uff41nn": "iris",  # full-width
    "\u0430nn": "jasmine",  # Cyrillic
    "memory": "magnolia",
}


def test_owners_with_names_that_look_alike_or_contain_each_others(deployment: Deployment) -> None:
    speakers = {name: Speaker.of(deployment, name) for name in OWNERS}
    request_id = str(uuid.uuid4())
    for name, flower in OWNERS.items():
        for session in ("x", "y"):
            fields = {"request_id": request_id} if session == "x" else {}
            speakers[name].say(f"My favourite flower is the {flower}.", session, f"The {flower}.", **fields)
    deployment.remember(*(f"{name}/x" for name in OWNERS))
    for name, flower in OWNERS.items():
        others = [other for owner, other in OWNERS.items() if owner != name]
        speaker = speakers[name]
        told = [speaker.act(action) for action in ("sessions", "usage")]
        told += [speaker.act("history", session_id=session) for session in ("x", "y")]
        told.append(speaker.act("recall", text="What is my favourite flower?", limit=50))
        told.append(speaker.act("resume", request_id=request_id))
        speaker.say("What is my favourite flower?", "z", "I know.")
        shown = json.dumps(told, ensure_ascii=False) + speaker.prompt()
        assert shown.count(flower) >= 8
        assert not [other for other in others if other in shown]
    texts = {key: told_by(item) for key, item in stored().items()}
    for key, text in texts.items():
        assert sum(flower in text for flower in OWNERS.values()) <= 1, key
    assert speakers["ann"].act("forget", session_id="x")["exchanges"] == 1
    for name, flower in OWNERS.items():
        page = speakers[name].act("history", session_id="x")
        assert (page["type"] == "error") is (name == "ann")
        assert (
            speakers[name]
            .act("history", session_id="y")["exchanges"][0]["context"][0]["content"]
            .endswith(f"{flower}.")
        )


def test_what_is_said_under_one_name_cannot_be_reached_by_slicing_it_anew(deployment: Deployment) -> None:
    """Of `ann/x` with a session `y`, and `ann` with a session `x/y`, the table's keys would be the same."""
    long, short = Speaker.of(deployment, "ann/x"), Speaker.of(deployment, "ann")
    long.say(SAID, "y")
    for action, fields in SESSIONS:
        assert short.act(action, session_id="x/y", **fields)["code"] == "bad_request"
    assert short.act("sessions")["sessions"] == []
    assert short.recall("What is the code word?") == []
    for name in ("x", "y", "x.y", "x-y"):
        assert short.act("history", session_id=name)["code"] == "not_found"
    assert long.act("history", session_id="y")["type"] == "history"
