"""Frames from the client: every one is a request, or an error that says what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol import requests
from bridge.protocol.requests import Forget, FrameError, History, Ping, Query, Request, Resume, Sessions
from tests.fakes import request_id

LIMIT = 100
ID = request_id(1)


def parse(frame: Any) -> Request:
    body = frame if isinstance(frame, str) else json.dumps(frame)
    return requests.parse(body, max_message_length=LIMIT)


def refused(frame: Any) -> FrameError:
    with pytest.raises(FrameError) as caught:
        parse(frame)
    assert caught.value.error.message
    return caught.value


def outcome_of(frame: Any) -> tuple[Request | None, FrameError | None]:
    try:
        return parse(frame), None
    except FrameError as wrong:
        return None, wrong


def test_reads_every_action() -> None:
    query = {
        "action": "query",
        "request_id": ID,
        "session_id": "travel",
        "message": "Hi",
        "model": "claude-opus-5-5",
    }
    assert parse(query) == Query("Hi", "travel", ID, "claude-opus-5-5")
    assert parse({"action": "query", "message": "Hi"}) == Query("Hi", None, None, None)
    history = {"action": "history", "session_id": "travel", "before": "3.2", "limit": 50, "request_id": ID}
    assert parse(history) == History("travel", "3.2", 50, ID)
    assert parse({"action": "history", "session_id": "travel"}) == History("travel", None, None, None)
    assert parse({"action": "sessions", "before": "x", "limit": 1, "request_id": ID}) == Sessions("x", 1, ID)
    assert parse({"action": "sessions"}) == Sessions(None, None, None)
    assert parse({"action": "ping", "request_id": ID}) == Ping(ID)
    assert parse({"action": "ping"}) == Ping(None)


def test_null_counts_as_absent_and_unknown_fields_are_ignored() -> None:
    fields = dict.fromkeys(["request_id", "session_id", "model", "before", "limit"])
    assert parse({"action": "query", "message": "Hi", **fields}) == Query("Hi", None, None, None)
    assert parse({"action": "sessions", **fields}) == Sessions(None, None, None)
    assert parse({"action": "ping", **fields, "colour": [1, {}]}) == Ping(None)


def test_a_message_goes_through_as_it_is() -> None:
    message = ' \x00"\\ é中😀\u2028\n '
    request = parse({"action": "query", "message": message})
    assert isinstance(request, Query)
    assert request.message == message


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "hello",
        "{",
        '{"action":',
        "{'action': 'ping'}",
        "[" * 100_000,
        "[" * 50_000 + "]" * 50_000,
        "\ud800",
    ],
)
def test_what_is_not_json(body: str) -> None:
    wrong = refused(body)
    assert wrong.error.code == "bad_request"
    assert (wrong.request_id, wrong.original) == (None, False)


@pytest.mark.parametrize(
    "body", ["null", "1", "NaN", '"query"', "[]", '[{"action": "ping"}]', "true", "1" * 5000]
)
def test_json_that_is_no_object(body: str) -> None:
    assert refused(body).error.code == "bad_request"


@pytest.mark.parametrize("action", [None, "", " ", 1, 1.5, True, [], ["query"], {}, {"query": 1}, "\ud800"])
def test_no_action(action: object) -> None:
    wrong = refused({"action": action, "request_id": ID})
    assert wrong.error.code == "bad_request"
    assert wrong.request_id == ID
    assert refused({}).error.code == "bad_request"


@pytest.mark.parametrize("action", ["QUERY", "query ", "default", "$default", "x" * 1000, "_query", "\x00"])
def test_an_unknown_action(action: str) -> None:
    wrong = refused({"action": action, "request_id": ID})
    assert wrong.error.code == "unknown_action"
    assert wrong.request_id == ID
    assert len(wrong.error.message) < 500
    assert "cancel, forget, history, ping, query, recall, resume, sessions, usage" in wrong.error.message


@pytest.mark.parametrize(
    "message", [None, "", " ", "\n\t\u2003", 1, 0, False, 1.5, [], ["Hi"], {}, {"text": "Hi"}]
)
def test_no_message(message: object) -> None:
    assert refused({"action": "query", "request_id": ID, "message": message}).error.code == "bad_request"
    assert refused({"action": "query", "request_id": ID}).error.code == "bad_request"


def test_an_over_long_message_counts_characters() -> None:
    assert parse({"action": "query", "message": "😀" * LIMIT})
    wrong = refused({"action": "query", "message": "a" * (LIMIT + 1), "request_id": ID})
    assert wrong.error.code == "too_large"
    assert wrong.request_id == ID
    assert str(LIMIT) in wrong.error.message


def test_a_frame_over_128_kilobytes() -> None:
    assert refused("x" * 129 * 1024).error.code == "too_large"
    assert refused("é" * 65 * 1024).error.code == "too_large"
    edge = json.dumps({"action": "ping", "padding": ""})
    assert parse(edge.replace('""', '"' + "x" * (131_072 - len(edge)) + '"')) == Ping(None)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a/b", "a#b", "é", "ä" * 3, "x" * 129, "a\n", "\n", "a\x00", "😀", 1, True, [], {}, 1.5],
)
@pytest.mark.parametrize("action", ["query", "history"])
def test_a_bad_session_name(action: str, name: object) -> None:
    wrong = refused({"action": action, "message": "Hi", "session_id": name, "request_id": ID})
    assert wrong.error.code == "bad_request"
    assert "session_id" in wrong.error.message
    assert wrong.request_id == ID


@pytest.mark.parametrize("name", ["a", "x" * 128, "chat-abc123", "A.b_c-9", ".", "..", "-"])
def test_a_good_session_name(name: str) -> None:
    assert parse({"action": "history", "session_id": name}) == History(name, None, None, None)


def test_a_history_needs_its_session() -> None:
    assert "session_id" in refused({"action": "history"}).error.message
    assert refused({"action": "history", "session_id": None}).error.code == "bad_request"


@pytest.mark.parametrize(
    "limit", [0, -1, 51, 10**400, 1.0, 1.5, "1", True, False, [], {}, float("nan"), float("inf")]
)
@pytest.mark.parametrize("action", ["history", "sessions"])
def test_a_bad_limit(action: str, limit: object) -> None:
    wrong = refused({"action": action, "session_id": "travel", "limit": limit, "request_id": ID})
    assert wrong.error.code == "bad_request"
    assert "limit" in wrong.error.message


@pytest.mark.parametrize(
    ("action", "field"),
    [("query", "model"), ("query", "message"), ("history", "before"), ("sessions", "before")],
)
@pytest.mark.parametrize(
    "value", [1, 0, True, False, 1.5, [], ["a"], {}, {"a": 1}, float("nan"), "\ud83d", "a\udc00"]
)
def test_a_wrong_type_or_half_a_character(action: str, field: str, value: object) -> None:
    frame = {"action": action, "message": "Hi", "session_id": "travel", "request_id": ID, field: value}
    wrong = refused(frame)
    assert wrong.error.code == "bad_request"
    assert field in wrong.error.message
    assert wrong.request_id == ID


@pytest.mark.parametrize(
    "value",
    ["", " ", "1", "x" * 36, ID + "\n", ID[:-1], ID + "0", "{" + ID + "}", 1, True, [], {}, [ID], "\ud800"],
)
@pytest.mark.parametrize("action", ["query", "history", "sessions", "ping", "unknown"])
def test_a_request_id_of_the_wrong_form_is_not_echoed(action: str, value: object) -> None:
    wrong = refused({"action": action, "message": "Hi", "session_id": "travel", "request_id": value})
    assert wrong.error.code == "bad_request"
    assert wrong.request_id is None
    assert not wrong.original


def test_a_request_id_becomes_lower_case_wherever_it_is_echoed() -> None:
    shouted = "ABCDEF00-0000-1000-8000-00000000000A"
    assert parse({"action": "ping", "request_id": shouted}) == Ping(shouted.lower())
    assert refused({"action": "no", "request_id": shouted}).request_id == shouted.lower()


@pytest.mark.parametrize(
    "frame",
    [
        {"action": "query"},
        {"action": "query", "message": ""},
        {"action": "query", "message": 1, "request_id": None},
        {"action": "query", "message": "Hi", "session_id": "a b"},
        {"action": "query", "message": "x" * (LIMIT + 1)},
    ],
)
def test_a_bad_query_without_a_request_id_is_on_the_originals_wire(frame: dict[str, Any]) -> None:
    assert refused(frame).original
    assert not refused(frame | {"request_id": ID}).original
    assert not refused({"action": "history"}).original


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(ID),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["action", "message", "session_id", "request_id", "model", "before", "limit", "x"])
actions = st.fixed_dictionaries({"action": st.sampled_from(["query", "history", "sessions", "ping", "no"])})


@given(st.text() | values.map(json.dumps) | st.text('[{"action:,]}\\u0d8 \n1eN', max_size=60))
def test_any_text_is_a_request_or_a_frame_error(body: str) -> None:
    request, wrong = outcome_of(body)
    assert request is not None or wrong is not None
    if wrong is not None:
        assert wrong.error.code in {"bad_request", "unknown_action", "too_large"}


@given(actions, st.dictionaries(names, values))
def test_any_object_is_a_request_or_a_frame_error(action: dict[str, Any], fields: dict[str, Any]) -> None:
    request, wrong = outcome_of(fields | action)
    if wrong is not None:
        assert wrong.request_id in {None, ID}
    if request is not None:
        assert request.request_id == fields.get("request_id")


@pytest.mark.parametrize(("told", "last_seq"), [({}, 0), ({"last_seq": None}, 0), ({"last_seq": 12}, 12)])
def test_a_resume_says_what_its_client_has(told: dict[str, Any], last_seq: int) -> None:
    assert parse({"action": "resume", "request_id": ID, **told}) == Resume(ID, last_seq)


@pytest.mark.parametrize("last_seq", [-1, 1.5, "3", True, 10**9 + 1, [1]])
def test_a_bad_last_seq(last_seq: object) -> None:
    assert refused({"action": "resume", "request_id": ID, "last_seq": last_seq}).error.code == "bad_request"


@pytest.mark.parametrize("action", ["resume", "cancel"])
def test_what_is_about_a_request_names_it(action: str) -> None:
    assert "request_id" in refused({"action": action}).error.message


def test_everything_or_one_session_is_forgotten() -> None:
    assert parse({"action": "forget", "everything": True}) == Forget(None, None)
    assert parse({"action": "forget", "session_id": "a", "everything": False}) == Forget("a", None)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"everything": True, "session_id": "a"},
        {"everything": False},
        {"everything": "yes"},
        {"everything": 1},
    ],
)
def test_what_to_forget_must_be_clear(fields: dict[str, Any]) -> None:
    assert "everything" in refused({"action": "forget", **fields}).error.message


@pytest.mark.parametrize(
    "system", ["In Danish.", ' é中😀\t"\\\r\n\x7f\u2028 ', "x" * 8000, "é" * 4000, '"' * 8000]
)
def test_a_sessions_own_instructions(system: str) -> None:
    query = parse({"action": "query", "message": "Hi", "request_id": ID, "system": system})
    assert query == Query("Hi", None, ID, None, None, system)


def test_none_leave_them_as_they_are_and_nothing_said_removes_them() -> None:
    frame = {"action": "query", "message": "Hi", "request_id": ID}
    for absent in ({}, {"system": None}):
        assert parse({**frame, **absent}) == Query("Hi", None, ID, None, None, None)
    for nothing in ("", " \n\t\u2003"):
        assert parse({**frame, "system": nothing}) == Query("Hi", None, ID, None, None, "")


@pytest.mark.parametrize("system", ["x" * 8001, "é" * 4001, "😀" * 2001])
def test_instructions_that_are_too_long_are_counted_in_bytes(system: str) -> None:
    wrong = refused({"action": "query", "message": "Hi", "request_id": ID, "system": system})
    assert (wrong.error.code, wrong.request_id) == ("too_large", ID)
    assert "8000" in wrong.error.message


@pytest.mark.parametrize("system", [1, 0, True, False, 1.5, [], ["a"], {}, "a\ud83d", "a\x00", "\x1b[31m"])
def test_instructions_that_are_no_text(system: object) -> None:
    wrong = refused({"action": "query", "message": "Hi", "request_id": ID, "system": system})
    assert (wrong.error.code, wrong.request_id) == ("bad_request", ID)
    assert "'system'" in wrong.error.message


@pytest.mark.parametrize("system", ["In Danish.", 7, "x" * 9000, {}])
def test_the_originals_wire_knows_no_instructions(system: object) -> None:
    assert parse({"action": "query", "message": "Hi", "system": system}) == Query("Hi", None, None, None)
