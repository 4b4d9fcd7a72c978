"""How well a passage answers a question: fields, added up.

Each is a share of its best for the question, or of the question.

docs/decisions/0011-recall-index.md tells what each is worth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import nlargest
from typing import NamedTuple

from bridge.memory.recall.analysis import ALL_TRAITS, ASKS, PLACED, TIMELY, TITLED
from bridge.memory.recall.postings import Postings
from bridge.memory.recall.question import Question
from bridge.memory.recall.refining import alike, answering, shares

K1 = 0.6
"""BM25's saturation."""
B = 0.9
"""BM25's punishment of length."""

OWN = 10
"""What a passage says once itself, as chains.Shares has it: everything is in tenths."""

REFINED = 100
"""How many passages are looked at more closely: their words' meaning, and what they answer."""

BEST_OF_SESSION = 3
"""How many of a session's passages make its score; all would favour long sessions."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the fields weigh beside BM25's 1."""

    speaker: float = 0.35
    """Of BM25 once more, for what the speaker says whom the question names."""
    dates: float = 1.2
    """More than all words: a question with a date asks for what was said then."""
    timely: float = 0.45
    """Tells a time, where the question asks when."""
    titled: float = 0.45
    """Quotes a title, where the question asks for a book, a song and the like."""
    placed: float = 0.5
    """Names a place, where the question asks where."""
    session: float = 0.6
    """The whole session's score."""
    meaning: float = 0.5
    """How alike the passage's words are to the question's; of the named speaker's passages alone."""
    asking: float = -0.2
    """Asks itself: questions seldom hold an answer."""
    asked: float = 0.5
    """The share of the question that the other speaker asked just before: what follows answers that."""
    asked_alike: float = 0.4
    """The share of the question that is spoken of here, where the other speaker asked just before in the
    same way ("how long", "where")."""


class Scores(NamedTuple):
    """What passages score, by their number, and what of that is their session's, by its number."""

    of: dict[int, float]
    of_session: dict[int, float]


def score(
    postings: Postings, question: Question, weights: Weights, admitted: Callable[[int], bool] | None
) -> Scores:
    """Return the best passages for a question with their scores, about REFINED of those admitted."""
    lexical = _bm25(postings, question)
    dated = _dates(postings, question)
    if not lexical and not dated:
        return Scores({}, {})
    sessions = _sessions(postings, lexical, weights.session)
    coarse = _coarse(postings, question, weights, lexical, dated, sessions, admitted)
    totals = {passage: total for total, passage in coarse}
    if weights.meaning:
        for passage, value in shares(alike(postings, question, totals), weights.meaning).items():
            totals[passage] += value
    for passage, value in answering(postings, question, totals, weights.asked, weights.asked_alike):
        totals[passage] += value
    return Scores(totals, sessions)


def _bm25(postings: Postings, question: Question) -> dict[int, float]:
    scores: dict[int, float] = {}
    chains = postings.chains
    if not chains.total_length:
        return scores
    lengths, get = chains.length, scores.get
    floor = K1 * (1 - B) * OWN
    slope = K1 * B * len(postings) * OWN / chains.total_length
    for term, weight in question.weights.items():
        spread = chains.spread(postings.postings(term))
        gain = weight * postings.telling(len(spread)) * (K1 + 1)
        for passage, amount in spread.items():
            if amount:
                scores[passage] = get(passage, 0.0) + gain * amount / (
                    amount + floor + slope * lengths[passage]
                )
    return scores


def _dates(postings: Postings, question: Question) -> dict[int, float]:
    scores: dict[int, float] = {}
    for _, found in postings.dated(question.dates):
        telling = postings.telling(len(found))
        for passage, amount in found.items():
            scores[passage] = scores.get(passage, 0.0) + telling * amount
    return scores


def _coarse(
    postings: Postings,
    question: Question,
    weights: Weights,
    lexical: dict[int, float],
    dated: dict[int, float],
    sessions: dict[int, float],
    admitted: Callable[[int], bool] | None,
) -> list[tuple[float, int]]:
    """Add up what is cheap, for every candidate, and return the first hundred that are admitted."""
    lexical_unit = 1 / _best(lexical, admitted)
    date_unit = weights.dates / _best(dated, admitted) if dated else 0.0
    factors = [
        lexical_unit * (1 + weights.speaker if speaker in question.speakers else 1)
        for speaker in postings.speakers
    ]
    # What a passage's traits add to it.
    added = [_added(traits, question, weights) for traits in range(ALL_TRAITS + 1)]
    speakers, traits, session_of = postings.speaker, postings.chains.traits, postings.session
    get = sessions.get
    blended = [
        (
            value * factors[speakers[passage]]
            + added[traits[passage] & ALL_TRAITS]
            + get(session_of[passage], 0.0),
            passage,
        )
        for passage, value in _candidates(lexical, dated)
    ]
    if dated:
        blended = [(total + dated.get(passage, 0.0) * date_unit, passage) for total, passage in blended]
    return _first(blended, admitted)


def _candidates(lexical: dict[int, float], dated: dict[int, float]) -> Iterable[tuple[int, float]]:
    if not dated:
        return lexical.items()
    return {**dict.fromkeys(dated, 0.0), **lexical}.items()


def _best(scores: dict[int, float], admitted: Callable[[int], bool] | None) -> float:
    """Return the best admitted passage's score: what is not admitted must not make the rest look small."""
    if admitted is None:
        return max(scores.values(), default=0.0) or 1.0
    ranked = sorted(scores, key=scores.__getitem__, reverse=True)
    return next((scores[passage] for passage in ranked if admitted(passage)), 0.0) or 1.0


def _first(
    blended: list[tuple[float, int]], admitted: Callable[[int], bool] | None
) -> list[tuple[float, int]]:
    # Of equals at the edge all stay, so that the order of arrival decides nothing.
    if admitted is None:
        if len(blended) <= REFINED:
            return blended
        edge = nlargest(REFINED, [total for total, _ in blended])[-1]
        return [each for each in blended if each[0] >= edge]
    first: list[tuple[float, int]] = []
    for each in sorted(blended, reverse=True):
        if len(first) >= REFINED and each[0] < first[-1][0]:
            break
        if admitted(each[1]):
            first.append(each)
    return first


def _sessions(postings: Postings, lexical: dict[int, float], weight: float) -> dict[int, float]:
    by_session: dict[int, list[float]] = {}
    session_of = postings.session
    for passage, value in lexical.items():
        session = session_of[passage]
        if (known := by_session.get(session)) is None:
            by_session[session] = [value]
        else:
            known.append(value)
    scores = {session: math.fsum(sorted(all_)[-BEST_OF_SESSION:]) for session, all_ in by_session.items()}
    return shares(scores, weight)


def _added(traits: int, question: Question, weights: Weights) -> float:
    wanted = traits & question.traits
    return (
        (weights.asking if traits & ASKS else 0.0)
        + (weights.timely if wanted & TIMELY else 0.0)
        + (weights.titled if wanted & TITLED else 0.0)
        + (weights.placed if wanted & PLACED else 0.0)
    )
