"""For any drops, repeats, losses and orders of frames: a reader gets exactly the answer, once."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from bridge_cli import course
from bridge_cli.events import Accepted, Answer, Delta
from tests.cli.conversing import QUICK, asked, client, run, shown
from tests.cli.fake_bridge import FakeBridge, Frame
from tests.cli.fake_turns import Fate, Mixed

PATIENCE = replace(QUICK, gap=0.002, backoff=0.001, longest_backoff=0.004)

pieces = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5), max_size=7)
fates = st.lists(
    st.one_of(
        st.builds(Fate, posts=st.integers(0, 9), code=st.sampled_from([None, 1001, 1012])),
        st.builds(Fate, receives=st.integers(1, 3)),
        st.none(),
    ),
    max_size=6,
)
ways = st.sampled_from(["mixed", "lost", "twice"])
deals = st.lists(st.tuples(st.integers(0, 1_000_000).map(Random), ways), max_size=5)  # dealt in a thread


def dealing(deals: list[tuple[Random, str]]) -> Mixed:
    """Return what mixes frames, repeats some or loses deltas, as long as there are deals."""
    left = iter(deals)

    def deal(frames: list[Frame]) -> list[Frame]:
        random, kind = next(left, (None, ""))
        if random is None:
            return frames
        if kind == "lost":
            return [one for one in frames if one["type"] != "delta" or random.random() < 0.5]
        twice = [one for one in frames if one["type"] == "delta"] if kind == "twice" else []
        return random.sample(frames + twice, len(frames) + len(twice))

    return deal


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces, fates, deals)
def test_a_reader_gets_exactly_the_answer_once(
    bridge: FakeBridge, texts: list[str], ends: list[Fate | None], deals: list[tuple[Random, str]]
) -> None:
    bridge.turns.clear()

    async def answer(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await fake.begin(connection, frame).answer_at_once(texts, fake.mixed)

    bridge.fates = list(ends)
    bridge.behaviours = [answer]
    bridge.mixed = dealing(deals)
    with patch.object(course, "MOST_SENDS", len(ends) + 1):
        events = run(asked(client(bridge, PATIENCE)))
    assert shown(events) == "".join(texts)
    assert [type(event) for event in events].count(Accepted) <= 1
    numbers = [event.seq for event in events if isinstance(event, Delta)]
    assert numbers == sorted(set(numbers))
    assert isinstance(events[-1], Answer)
    assert events[-1].text == "".join(texts)
    assert not any(isinstance(event, Answer) for event in events[:-1])
    assert len(bridge.turns) == 1
