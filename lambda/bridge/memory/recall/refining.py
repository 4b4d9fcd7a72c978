"""A closer look at the first passages: how alike their words are, and what they answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from operator import add, itemgetter

from bridge.memory.recall.analysis import ASKED
from bridge.memory.recall.chains import NOWHERE
from bridge.memory.recall.meaning import ALIKE, BITS, code, vocabulary
from bridge.memory.recall.postings import Postings
from bridge.memory.recall.question import CONTENT, Question


def alike(postings: Postings, question: Question, passages: Collection[int]) -> dict[int, float]:
    """Return how alike the passages' words are to the question's, of what the named speakers say.

    Each word of content counts by its most alike one in the passage, and as much as it tells.
    """
    named = {postings.speakers[speaker] for speaker in question.speakers}
    numbers = vocabulary().numbers
    compared = [passage for passage in passages if not named or postings.speaker[passage] in named]
    known = [postings.known(passage) for passage in compared]
    every = set().union(*known)
    codes = [code(term) for term in every]
    place = dict(zip(every, range(len(codes)), strict=True)).__getitem__
    # The first twice: of a single one a getter would give no tuple.
    distances = [itemgetter(place(terms[0]), *map(place, terms)) if terms else _far for terms in known]
    scores = [0.0] * len(compared)
    for term, weight in question.weights.items():
        # What is like a name is whoever is greeted, and what is like "kind" or "mention" tells nothing.
        if weight < CONTENT:
            continue
        found = postings.postings(term)
        gain = weight * postings.telling(len(found))
        if (number := numbers.get(term)) is None:
            values = [gain if passage in found else 0.0 for passage in compared]
        else:
            asked = code(number)
            # By how many bits each term's code differs from that of the term that is asked for.
            differing = [(asked ^ each).bit_count() for each in codes]
            values = [
                gain if passage in found else gain * ALIKE[min(of(differing))]
                for passage, of in zip(compared, distances, strict=True)
            ]
        scores = list(map(add, scores, values))
    return dict(zip(compared, scores, strict=True))


def _far(_: object) -> tuple[int]:
    """Tell how far from anything a passage is of whose words no meaning is known."""
    return (BITS,)


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
    chains, speaker = postings.chains, postings.speaker
    before, traits, asks = chains.before, chains.traits, question.asks
    for passage in passages:
        previous = before(postings.first_of(passage))
        if previous == NOWHERE or speaker[previous] == speaker[passage]:
            continue
        value = 0.0
        if chains.asked[previous]:
            for of, gain in found:
                if of.get(previous, 0) >= ASKED:
                    value += asked * gain
        if traits[previous] & asks:
            second = before(previous)
            for of, gain in found:
                if passage in of or previous in of or second in of:
                    value += asked_alike * gain
        if value:
            yield passage, value / whole


def shares(scores: Mapping[int, float], weight: float) -> dict[int, float]:
    """Return the scores as shares of the best one, times a weight."""
    best = max(scores.values(), default=0.0)
    return {key: value / best * weight for key, value in scores.items()} if best else dict(scores)
