"""How well a passage answers a question: fields, each divided by its best for the question, blended.

BM25 over terms that neighbours share, and the dates, count more where the speaker speaks whom the
question names; to these are added what kind of thing is told, the session around it, and (for the
first hundred only) what the words mean. docs/decisions/0011-recall-index.md tells what each was worth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from heapq import nlargest

from bridge.memory.recall.analysis import ALL_TRAITS, ASKS, FIRST, NAMED, PLACED, TIMELY, TITLED
from bridge.memory.recall.postings import OWN, Postings
from bridge.memory.recall.question import CONTENT, Question
from bridge.memory.recall.vectors import likeness, vector

K1 = 0.9
"""BM25's saturation: less sudden than single messages' 0.6, since what neighbours lend adds up."""
B = 0.9
"""BM25's punishment of length: high, since short messages that hold the terms are about them."""

REFINED = 100
"""How many passages the vectors are compared for."""


FULL = 1
"""A passage of so many terms of its own counts half of what it and its neighbours say, and longer ones
near all: a "Thanks! Bye!" says nothing, whatever stands beside it."""

BEST_OF_SESSION = 3
"""How many of a session's passages make its score: one may be an accident, all would favour long ones."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the fields weigh beside BM25's 1."""

    speaker: float = 0.5
    """Gain of what the speaker says whom the question names ..."""
    first_person: float = 0.4
    """... and of what that speaker says of himself or herself."""
    dates: float = 1.0
    """As much as all words: a question with a date asks for what was said then."""
    timely: float = 0.2
    """Tells a time, where the question asks when."""
    kind: float = 0.1
    """Has a title, place or name, where the question asks for one."""
    session: float = 0.4
    """The whole session's score."""
    meaning: float = 0.3
    """The word vectors' cosine."""
    asking: float = -0.2
    """Asks itself: questions seldom hold an answer."""


def score(
    postings: Postings, question: Question, weights: Weights, admitted: Callable[[int], bool]
) -> dict[int, float]:
    """Return the best passages for a question with their scores, about REFINED of those admitted."""
    lexical = _bm25(postings, question)
    dated = _dates(postings, question)
    coarse = _coarse(postings, question, weights, lexical, dated, admitted)
    return _refined(postings, question, weights, coarse)


def _bm25(postings: Postings, question: Question) -> dict[int, float]:
    scores: dict[int, float] = {}
    if not postings.total_length:
        return scores
    lengths, get = postings.length, scores.get
    # Everything is in tenths, as the postings are.
    floor = K1 * (1 - B) * OWN
    slope = K1 * B * len(postings) * OWN / postings.total_length
    for term, weight in question.weights.items():
        spread = postings.spread(term)
        gain = weight * _telling(len(spread), len(postings)) * (K1 + 1)
        for passage, amount in spread.items():
            scores[passage] = get(passage, 0.0) + gain * amount / (amount + floor + slope * lengths[passage])
    return scores


def _telling(found: int, passages: int) -> float:
    """Return BM25's inverse document frequency in the form that is never negative."""
    return math.log(1 + (passages - found + 0.5) / (found + 0.5))


def _dates(postings: Postings, question: Question) -> dict[int, float]:
    scores: dict[int, float] = {}
    for term in question.dates:
        found = postings.dates.get(term, {})
        telling = _telling(len(found), len(postings))
        for passage, amount in found.items():
            scores[passage] = scores.get(passage, 0.0) + telling * amount
    return scores


def _sessions(postings: Postings, lexical: dict[int, float]) -> dict[int, float]:
    by_session: dict[int, list[float]] = {}
    for passage, value in lexical.items():
        by_session.setdefault(postings.session[passage], []).append(value)
    return {session: math.fsum(nlargest(BEST_OF_SESSION, all_)) for session, all_ in by_session.items()}


def _coarse(
    postings: Postings,
    question: Question,
    weights: Weights,
    lexical: dict[int, float],
    dated: dict[int, float],
    admitted: Callable[[int], bool],
) -> list[tuple[float, int]]:
    """Blend what is cheap, for every candidate, and return the first hundred."""
    sessions = _shares(_sessions(postings, lexical), weights.session)
    lexical_unit = 1 / (max(lexical.values(), default=0.0) or 1.0)
    date_unit = weights.dates / (max(dated.values(), default=0.0) or 1.0)
    by_traits = [_traits(traits, question, weights) for traits in range(ALL_TRAITS + 1)]
    speakers, traits, session_of, own = postings.speaker, postings.traits, postings.session, postings.own
    named = question.speakers
    blended = []
    for passage in lexical.keys() | dated.keys() if dated else lexical:
        if not admitted(passage):
            continue
        trait = traits[passage]
        total = lexical.get(passage, 0.0) * lexical_unit * own[passage] / (own[passage] + FULL)
        if dated:
            total += dated.get(passage, 0.0) * date_unit
        if speakers[passage] in named:
            total *= 1 + weights.speaker + (weights.first_person if trait & FIRST else 0.0)
        blended.append((total + by_traits[trait] + sessions.get(session_of[passage], 0.0), passage))
    if len(blended) <= REFINED:
        return blended
    # Of equals at the edge all stay, so that the order of arrival decides nothing.
    edge = nlargest(REFINED, [total for total, _ in blended])[-1]
    return [each for each in blended if each[0] >= edge]


def _traits(traits: int, question: Question, weights: Weights) -> float:
    total = weights.asking if traits & ASKS else 0.0
    wanted = traits & question.traits
    if wanted & TIMELY:
        total += weights.timely
    if wanted & (TITLED | PLACED | NAMED):
        total += weights.kind
    return total


def _refined(
    postings: Postings, question: Question, weights: Weights, coarse: list[tuple[float, int]]
) -> dict[int, float]:
    # Names and frame words lead to whoever is greeted, and to questions like this one.
    meant = vector(term for term, weight in question.weights.items() if weight == CONTENT)
    if meant is None or not weights.meaning:
        return {passage: total for total, passage in coarse}
    alike = {}
    for _, passage in coarse:
        other = postings.vector(passage)
        alike[passage] = max(0.0, likeness(meant, other)) if other is not None else 0.0
    shares = _shares(alike, weights.meaning)
    return {passage: total + shares[passage] for total, passage in coarse}


def _shares(scores: dict[int, float], weight: float) -> dict[int, float]:
    best = max(scores.values(), default=0.0)
    return {key: value / best * weight for key, value in scores.items()} if best else scores
