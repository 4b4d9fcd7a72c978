"""The order of what was found: first what bears on the question most, then what is worth its room."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bridge.memory.recall.postings import Postings
from bridge.memory.recall.scoring import Scores

SURE = 12
"""So many messages stand in the order of their scores."""

SESSION_BEYOND = 2 / 3
"""How much of its session's score a message loses behind those: what is still missing then is more often
in other sessions. A half to all of it does as well."""

LENGTH_BEYOND = 0.25
"""What a passage loses there by its length's logarithm: a budget holds more of the short ones. From 0.2 to
0.3 it does as well."""


def rank(postings: Postings, scores: Scores) -> Iterator[tuple[int, int, float]]:
    """Yield the messages found, best first, each with its best passage and that one's score.

    Of equals the newest comes first, and of a message's passages the first one. Behind the SURE the score
    told is at most the one before, so that it never rises.
    """
    best: dict[int, tuple[float, int]] = {}
    for passage, value in scores.of.items():
        message, each = postings.message[passage], (-value, passage)
        if message not in best or each < best[message]:
            best[message] = each
    at, ids = postings.at, postings.ids
    ranked = sorted(
        [(minus, -at[message], ids[message], passage, message) for message, (minus, passage) in best.items()]
    )
    sure, rest = ranked[:SURE], ranked[SURE:]
    rest.sort(key=lambda each: each[0] + _lost(postings, scores, each[3]))
    least = math.inf
    for minus, _, _, passage, message in sure + rest:
        least = min(least, -minus)
        yield message, passage, least


def _lost(postings: Postings, scores: Scores, passage: int) -> float:
    start, end = postings.place_of(passage)
    of_session = scores.of_session.get(postings.session[passage], 0.0)
    return SESSION_BEYOND * of_session + LENGTH_BEYOND * math.log(1 + end - start)
