"""What hypothesis draws: texts, exchanges and conversations."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from bridge.conversation import Exchange, Failure
from tests.fakes import an_exchange

texts = st.text(st.characters(exclude_categories=["Cs"]))
"""Any Unicode text; half a surrogate pair is none."""

wide_texts = st.builds(
    lambda piece, times: piece * times,
    st.text('aé中😀"\\\n\x00\u2028', min_size=1, max_size=8),
    st.integers(1, 9000),
)
"""Long texts of characters of every width, as UTF-8 and as JSON."""


@st.composite
def conversations(draw: st.DrawFn, longest: int = 60, most: int = 40) -> list[Exchange]:
    """Draw a session's exchanges, turns 1 to n, some failed; `longest` bounds each text's characters."""
    sizes = draw(
        st.lists(st.tuples(st.integers(1, longest), st.none() | st.integers(1, longest)), max_size=most)
    )
    return [
        an_exchange(turn, "q" * asked, "a" * said)
        if said is not None
        else replace(an_exchange(turn, "q" * asked, None), failure=Failure("internal", "It broke."))
        for turn, (asked, said) in enumerate(sizes, start=1)
    ]
