"""A closer look at the first passages: how alike their words are, and what they answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from bridge.memory.recall.analysis import ASKED
from bridge.memory.recall.chains import NOWHERE
from bridge.memory.recall.meaning import ALIKE, code
from bridge.memory.recall.postings import Postings
from bridge.memory.recall.question import NAME, Question


def alike(postings: Postings, question: Question, passages: Collection[int]) -> dict[int, float]:
    """Return how alike the passages' words are to the question's, of what the named speakers say.

    Each word of the question counts by its most alike one in the passage, and as much as it tells.
    """
    named = {postings.speakers[speaker] for speaker in question.speakers}
    stated = {
        passage: terms
        for passage in passages
        if (not named or postings.speaker[passage] in named) and (terms := postings.stated(passage))
    }
    every = set().union(*stated.values())
    codes = [(term, known) for term in every if (known := code(term)) is not None]
    scores = dict.fromkeys(stated, 0.0)
    for term, weight in question.weights.items():
        # A name leads to whoever is greeted.
        if weight == NAME:
            continue
        likeness = dict.fromkeys(every, 0.0)
        if (asked := code(term)) is not None:
            likeness.update((other, ALIKE[(asked ^ known).bit_count()]) for other, known in codes)
        if term in likeness:
            likeness[term] = 1.0
        gain = weight * postings.telling(len(postings.postings(term)))
        for passage, terms in stated.items():
            scores[passage] += gain * max(map(likeness.__getitem__, terms))
    return scores


def answering(
    postings: Postings, question: Question, passages: Collection[int], asked: float, asked_alike: float
) -> Iterator[tuple[int, float]]:
    """Yield of passages that answer somebody what that is worth, by how like the question it was asked.

    ``asked`` is for the share of the question's terms, by what they tell, that the passage before the
    message asks. ``asked_alike`` is for the share that the passage or the two before it have, where the one
    before asks with the question's interrogative: what answers "how long?" tells how long, even if another
    word than the question's says of what. Who goes on after a question of their own answers nobody.
    """
    found = [
        (of, w * postings.telling(len(of)))
        for t, w in question.weights.items()
        if (of := postings.postings(t))
    ]
    whole = sum(gain for _, gain in found)
    if not whole:
        return
    before, traits, speaker = postings.chains.before, postings.chains.traits, postings.speaker
    for passage in passages:
        first = postings.passages_of(postings.message[passage])[0]
        previous = before(first)
        if previous == NOWHERE or speaker[previous] == speaker[passage]:
            continue
        value = asked * sum(gain for of, gain in found if of.get(previous, 0) >= ASKED)
        if traits[previous] & question.asks:
            near = (passage, previous, before(previous))
            value += asked_alike * sum(gain for of, gain in found if any(each in of for each in near))
        if value:
            yield passage, value / whole


def shares(scores: Mapping[int, float], weight: float) -> dict[int, float]:
    """Return the scores as shares of the best one, times a weight."""
    best = max(scores.values(), default=0.0)
    return {key: value / best * weight for key, value in scores.items()} if best else dict(scores)
