"""Messages for the recall's tests: invented, and in many scripts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from bridge.memory import Hit, Message

MONDAY = datetime(2024, 3, 4, 9, 30, tzinfo=UTC)

WORDS = [
    *["lighthouse", "keeper", "painted", "beacon", "yesterday", "kettle", "whistles", "marmalade", "recipe"],
    *["quinces", "boil", "I", "my", "you", "harbour", "ferry", "leaves", "Tuesday", "March", "2023", "what"],
    *[
        "when",
        "where",
        "who?",
        "where?",
        "how many?",
        "beacon?",
        "灯台",
        "に行った",
        "市场",
        "маяк",
        "ไปตลาด",
        "नमस्ते",
    ],
]


def said(*texts: str, session: str = "s", speaker: str = "user", start: datetime = MONDAY) -> list[Message]:
    """Return messages of one session, a minute apart, with ids such as s1."""
    return [
        Message(f"{session}{n}", session, start + timedelta(minutes=n), speaker, text)
        for n, text in enumerate(texts, 1)
    ]


def talk(*turns: tuple[str, str], session: str = "s") -> list[Message]:
    """Return messages of one session, a minute apart, of speakers with what each says."""
    return [
        Message(f"{session}{n}", session, MONDAY + timedelta(minutes=n), speaker, text)
        for n, (speaker, text) in enumerate(turns, 1)
    ]


texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Messages of several sessions, not in the order of time, with some moments shared."""
    return [
        Message(
            str(number),
            draw(st.sampled_from("abc")),
            MONDAY + timedelta(minutes=draw(st.integers(0, 6))),
            draw(st.sampled_from(("user", "assistant", "Wanda"))),
            draw(texts),
        )
        for number in range(draw(st.integers(0, 14)))
    ]


def ids(hits: Iterable[Hit]) -> list[str]:
    """Return the hits' ids."""
    return [hit.id for hit in hits]
