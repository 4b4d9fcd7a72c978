"""The outbox: one place, in order, few posts, and a client that is gone harms nothing."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import outbox as module
from bridge.outbox import Outbox
from bridge.protocol import frames
from tests.fakes import FakeGateway, request_id
from tests.strategies import texts

ID = request_id(1)
CLOSING = {"type": "answer"}


def deltas(gateway: FakeGateway) -> list[str]:
    """Return the texts of the deltas, which must be numbered from 1."""
    told = [frame for frame in gateway.frames if frame["type"] == "delta"]
    assert [frame["seq"] for frame in told] == list(range(1, len(told) + 1))
    assert {frame["request_id"] for frame in told} <= {ID}
    return [frame["text"] for frame in told]


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the outbox wait for ever, so that only a flush or a full delta sends."""
    monkeypatch.setattr(module, "FIRST_WAIT", 3600)
    monkeypatch.setattr(module, "INTERVAL", 3600)


@pytest.mark.usefixtures("slow")
def test_what_comes_while_it_waits_goes_in_one_post(gateway: FakeGateway) -> None:
    with Outbox(gateway, "c", ID) as outbox:
        for piece in ("Hel", "", "lo", ", you"):
            outbox.say(piece)
        outbox.flush()
        outbox.send(CLOSING)
    assert deltas(gateway) == ["Hello, you"]
    assert gateway.frames[-1] == CLOSING
    assert outbox.posts == 2
    assert {connection for connection, _ in gateway.posts} == {"c"}


def test_the_first_delta_does_not_wait_for_the_interval(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 3600)
    with Outbox(gateway, "c", ID) as outbox:
        outbox.say("Hel")
        gateway.wait_for(1)
        outbox.say("lo")
        outbox.say("!")
    assert deltas(gateway) == ["Hel", "lo!"]


@pytest.mark.usefixtures("slow")
def test_a_full_delta_does_not_wait(gateway: FakeGateway) -> None:
    with Outbox(gateway, "c", ID) as outbox:
        outbox.say("x" * frames.MAX_DELTA_BYTES)
        gateway.wait_for(1)
        assert deltas(gateway) == ["x" * frames.MAX_DELTA_BYTES]


@pytest.mark.usefixtures("slow")
def test_a_long_piece_goes_in_several_frames(gateway: FakeGateway) -> None:
    text = "é中😀" * 10_000
    with Outbox(gateway, "c", ID) as outbox:
        outbox.say(text)
    assert "".join(deltas(gateway)) == text
    assert len(gateway.posts) == outbox.posts == 4
    assert all(len(post.encode()) < frames.MAX_POST_BYTES for _, post in gateway.posts)


def test_a_slow_client_does_not_keep_claude_waiting(gateway: FakeGateway) -> None:
    gateway.open.clear()
    with Outbox(gateway, "c", ID) as outbox:
        for _ in range(1000):
            outbox.say("x")
        gateway.open.set()
    assert "".join(deltas(gateway)) == "x" * 1000


@settings(max_examples=40)
@given(st.lists(texts, max_size=30))
def test_the_pieces_arrive_in_order(pieces: list[str]) -> None:
    gateway = FakeGateway()
    with Outbox(gateway, "c", ID) as outbox:
        for piece in pieces:
            outbox.say(piece)
    assert "".join(deltas(gateway)) == "".join(pieces)
    assert outbox.posts == len(gateway.posts)


def test_a_client_that_is_gone_gets_nothing_more(gateway: FakeGateway) -> None:
    gateway.closed.add("c")
    with Outbox(gateway, "c", ID) as outbox:
        outbox.say("Hello")
        outbox.flush()
        assert outbox.gone
        gateway.closed.clear()
        outbox.send(CLOSING)
    assert gateway.posts == []
    assert (outbox.posts, outbox.failure) == (0, None)


def test_a_failing_gateway_is_told_of_and_harms_nothing(gateway: FakeGateway) -> None:
    gateway.failure = failure = OSError("no route")
    with Outbox(gateway, "c", ID) as outbox:
        outbox.say("Hello")
        outbox.flush()
        gateway.failure = None
        outbox.send(CLOSING)
    assert not outbox.gone
    assert outbox.failure is failure
    assert gateway.frames == [CLOSING]  # its client sees that deltas are missing
    assert outbox.lengths == (5,)


@pytest.mark.usefixtures("slow")
def test_an_error_inside_still_sends_what_was_said(gateway: FakeGateway) -> None:
    outbox = Outbox(gateway, "c", ID)

    def work() -> None:
        with outbox:
            outbox.say("Hello")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        work()
    assert deltas(gateway) == ["Hello"]


def test_nothing_said_is_nothing_posted(gateway: FakeGateway) -> None:
    with Outbox(gateway, "c", ID) as outbox:
        outbox.flush()
        outbox.flush()
    assert gateway.posts == []


def test_no_thread_is_left(gateway: FakeGateway) -> None:
    before = threading.active_count()
    with Outbox(gateway, "c", ID) as outbox:
        outbox.say("Hello")
    assert threading.active_count() == before


def on(gateway: FakeGateway, connection: str) -> dict[int, str]:
    """Return the deltas that a connection was sent, by number; a repeat must be the same."""
    told: dict[int, str] = {}
    for (target, _), frame in zip(gateway.posts, gateway.frames, strict=True):
        if target == connection and frame["type"] == "delta":
            assert told.setdefault(frame["seq"], frame["text"]) == frame["text"]
    return told


@settings(max_examples=60)
@given(
    st.lists(texts.filter(bool), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 15)), max_size=4),
)
def test_whoever_it_points_to_gets_all_that_it_lacks(
    pieces: list[str], points: list[tuple[int, int]]
) -> None:
    gateway = FakeGateway()
    with Outbox(gateway, "c0", ID) as outbox:
        for said, piece in enumerate(pieces):
            for number, (after, seq) in enumerate(points, start=1):
                if after == said:
                    outbox.point(f"c{number}", seq)
            outbox.say(piece)
        outbox.flush()
        outbox.send(CLOSING)
    told, total = on(gateway, outbox.connection_id), len(outbox.lengths)
    assert sorted(told) == list(range(total - len(told) + 1, total + 1))
    assert gateway.posts[-1][0] == outbox.connection_id
    whole = {**on(gateway, "c0"), **told}
    for number in range(1, len(points) + 1):
        whole |= on(gateway, f"c{number}")
    assert "".join(whole[seq] for seq in sorted(whole)) == "".join(pieces)
    assert tuple(len(whole[seq]) for seq in sorted(whole)) == outbox.lengths


def test_a_client_that_was_gone_comes_back_to_the_whole_answer(gateway: FakeGateway) -> None:
    gateway.closed.add("c")
    with Outbox(gateway, "c", ID) as outbox:
        outbox.say("Hello, ")
        outbox.say("you")
        outbox.flush()
        outbox.point("new", 0)
        outbox.flush()
        outbox.send(CLOSING)
    assert "".join(on(gateway, "new").values()) == "Hello, you"
    assert gateway.posts[-1] == ("new", frames.encode(CLOSING))


def test_a_copy_for_somebody_else_is_a_courtesy(gateway: FakeGateway) -> None:
    gateway.closed.add("elsewhere")
    with Outbox(gateway, "c", ID) as outbox:
        outbox.send(CLOSING, "elsewhere")
        outbox.send(CLOSING)
    assert not outbox.gone
    assert [target for target, _ in gateway.posts] == ["c"]
