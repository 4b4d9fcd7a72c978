"""How many turns stand in line, are worked on, or were given up: what SQS tells of its queues."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bridge_cli.aws import in_words

_NEEDS = "It takes sqs:GetQueueAttributes on the turns' queue and on the dead-letter queue."
_SHOWN, _HIDDEN = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"


@dataclass(frozen=True)
class Depths:
    """About how many turns `wait`, are `in_work`, and lie in the dead-letter queue."""

    waiting: int = 0
    in_work: int = 0
    dead_letters: int = 0


def depths_of(client: Any, turns: Iterable[str], dead_letters: Iterable[str]) -> Depths:
    """Return the depths of queues, named by their URLs, together. Raises NotConfigured."""
    in_line = [_of(client, url) for url in turns]
    given_up = [_of(client, url) for url in dead_letters]
    return Depths(
        waiting=sum(shown for shown, _ in in_line),
        in_work=sum(hidden for _, hidden in in_line),
        dead_letters=sum(shown + hidden for shown, hidden in given_up),
    )


def _of(client: Any, url: str) -> tuple[int, int]:
    with in_words(f"the queue {url}", _NEEDS):
        told = client.get_queue_attributes(QueueUrl=url, AttributeNames=[_SHOWN, _HIDDEN])["Attributes"]
    return int(told.get(_SHOWN, 0)), int(told.get(_HIDDEN, 0))
