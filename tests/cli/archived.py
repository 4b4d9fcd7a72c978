"""Sessions as hypothesis draws them, as items of the table; and lines of them that are broken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from bridge_cli.archive_values import Item

LATER = 4_000_000_000  # seconds since the epoch: what is not past its time
USAGE = ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
counts = st.integers(0, 10**17).map(lambda number: {"N": str(number)})
owners = st.sampled_from(["ada", "ada/x", "ad", "team/ada", "zoë 中", "arn:aws:sts::1:assumed-role/r/ada"])
names = st.sampled_from(["plans", "x", "chat-1", "A_b.c"])
usages = st.dictionaries(st.sampled_from(USAGE), counts).map(lambda usage: {"M": usage})
times = st.datetimes(datetime(2001, 1, 1), datetime(2096, 1, 1)).map(
    lambda at: {
        "S": at.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{0,18}[1-9])?", fullmatch=True)
values = st.recursive(
    st.builds(lambda text: {"S": text}, texts)
    | st.builds(lambda number: {"N": number}, numbers)
    | st.booleans().map(lambda true: {"BOOL": true})
    | st.just({"NULL": True}),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: {"L": some})
        | st.dictionaries(texts.map("key_".__add__), inner, max_size=3).map(lambda some: {"M": some})
    ),
    max_leaves=6,
)


def header(owner: str, session: str, **changes: Any) -> Item:
    """Return the header of a session of three turns."""
    whole = {name: {"N": "1"} for name in ("first_turn", "window_start", "version")}
    return {
        "session_id": {"S": f"{owner}/{session}"},
        "seq": {"N": "0"},
        "owner": {"S": owner},
        "title": {"S": "A title"},
        "turns": {"N": "3"},
        "usage": {"M": {"input_tokens": {"N": "5"}}},
        "last_updated": {"S": "2026-11-22T19:37:40.123Z"},
        "ttl": {"N": str(LATER)},
        **whole,
        **changes,
    }


def exchange(owner: str, session: str, turn: int, question: str = "Why?", **changes: Any) -> Item:
    """Return an exchange, answered unless its ``context`` says otherwise."""
    return {
        "session_id": {"S": f"{owner}/{session}"},
        "seq": {"N": str(turn)},
        "first_turn": {"N": "1"},
        "context": {"L": [said("user", question), said("assistant", "Because.")]},
        "request_id": {"S": f"00000000-0000-4000-8000-{turn:012}"},
        "model": {"S": "claude-sonnet-5-5"},
        "stop_reason": {"S": "end_turn"},
        "usage": {"M": {}},
        "last_updated": {"S": f"2026-11-22T19:{turn % 60:02}:00.000Z"},
        "ttl": {"N": str(LATER)},
        **changes,
    }


def summary(owner: str, session: str, **changes: Any) -> Item:
    """Return the summary of a session."""
    return {
        "session_id": {"S": f"{owner}/{session}"},
        "seq": {"N": "-1"},
        "covers": {"N": "1"},
        "text": {"S": "In short."},
        "since": {"S": "2026-11-22T19:00:00.000Z"},
        "ttl": {"N": str(LATER)},
        **changes,
    }


def instructions(owner: str, session: str, **changes: Any) -> Item:
    """Return a session's own instructions."""
    return {
        "session_id": {"S": f"{owner}/{session}"},
        "seq": {"N": "-2"},
        "turn": {"N": "2"},
        "text": {"S": "In Danish."},
        "since": {"S": "2026-11-22T19:02:00.000Z"},
        "ttl": {"N": str(LATER)},
        **changes,
    }


def said(role: str, content: str) -> dict[str, Any]:
    """Return a message of a context."""
    return {"M": {"role": {"S": role}, "content": {"S": content}}}


@st.composite
def sessions(draw: st.DrawFn) -> list[Item]:
    """Draw the items of some owners' sessions, with and without header, summary, answers and more."""
    items: list[Item] = []
    keys = draw(st.lists(st.tuples(owners, names), unique=True, max_size=3))
    for owner, name in keys:
        if draw(st.booleans()):
            items.append(
                header(owner, name, title={"S": draw(texts)}, usage=draw(usages), last_updated=draw(times))
            )
        if draw(st.booleans()):
            items.append(instructions(owner, name, text={"S": draw(texts)}, since=draw(times)))
        if draw(st.booleans()):
            items.append(summary(owner, name, text={"S": draw(texts)}, since=draw(times)))
        for turn in draw(st.lists(st.integers(1, 10**12), unique=True, max_size=3)):
            context = [said("user", draw(texts))]
            if draw(st.booleans()):
                context.append(said("assistant", draw(texts)))
            more = draw(st.dictionaries(texts.map("later_".__add__), values, max_size=2))
            items.append(
                exchange(
                    owner, name, turn, context={"L": context}, usage=draw(usages), last_updated=draw(times)
                )
                | more
            )
    return items
