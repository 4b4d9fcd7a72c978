"""What has to be true after a storm, read from the tables, the queues and the wires."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from bridge.adapters.items import from_item
from tests.chaos.plan import MODEL, Turn
from tests.e2e.deployed import Deployed
from tests.e2e.switchboard import Asked

Exchange = dict[str, Any]

_STOPPED = {"error": "failed", "cancelled": "cancelled"}


@dataclass
class Report:
    """What became of a storm's turns, what went wrong with them, and what should not have happened."""

    seed: int
    counts: dict[str, int]
    faults: dict[str, int]
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [("turns", "")] + [(name, str(number)) for name, number in self.counts.items()]
        rows += [("", ""), ("faults", "")] + [(name, str(number)) for name, number in self.faults.items()]
        lines = [f"storm with the seed {self.seed}", ""]
        lines += [f"  {name:<22}{number:>6}".rstrip() for name, number in rows]
        return "\n".join([*lines, *(f"VIOLATED: {each}" for each in self.violations)])


class Audit:
    """The looking back; ``since`` are the lengths of what the bridge's surroundings had recorded before."""

    def __init__(self, bridge: Deployed, owner: str, turns: list[Turn], since: tuple[int, int]) -> None:
        self._bridge = bridge
        self._owner = owner
        self._turns = turns
        calls, asked = since
        self._calls = bridge.recorder.calls[calls:]
        self._asked: dict[str, list[Asked]] = defaultdict(list)
        for each in bridge.switchboard.asked[asked:]:
            if each.request["model"] == MODEL:
                self._asked[each.message].append(each)
        self._kept = self._exchanges()
        self.violations: list[str] = []

    def report(self, seed: int, faults: dict[str, int]) -> Report:
        """Check everything."""
        ended = [turn.ended for turn in self._turns]
        lost = sum(self._is_lost(turn) for turn in self._turns)
        doubled = sum(self._is_doubled(turn) for turn in self._turns)
        for turn in self._turns:
            self._check_told(turn)
        counts = {
            "sent": sum(turn.sends > 0 for turn in self._turns),
            "accepted": sum(turn.accepted for turn in self._turns),
            "answered once": ended.count("answered"),
            "failed and told": ended.count("failed"),
            "cancelled": ended.count("cancelled"),
            "lost": lost,
            "doubled": doubled,
            "out of order": self._out_of_order(),
        }
        self._check_queues()
        return Report(seed, counts, faults, self.violations)

    def _exchanges(self) -> dict[str, list[Exchange]]:
        """Return every exchange that was kept, by its request."""
        client = self._bridge.aws("dynamodb")
        found: dict[str, list[Exchange]] = defaultdict(list)
        for session in {turn.session for turn in self._turns}:
            pages = client.get_paginator("query").paginate(
                TableName=self._bridge.status.outputs["SessionsTable"],
                KeyConditionExpression="session_id = :key AND seq > :header",
                ExpressionAttributeValues={
                    ":key": {"S": f"{self._owner}/{session}"},
                    ":header": {"N": "0"},
                },
                ConsistentRead=True,
            )
            for page in pages:
                for item in map(from_item, page["Items"]):
                    found[item["request_id"]].append(item)
        return found

    def _violated(self, turn: Turn, what: str) -> None:
        self.violations.append(f"{turn.session}, {turn.message[:9]}: {what}")

    def _is_lost(self, turn: Turn) -> bool:
        if not turn.accepted or (turn.ended and self._kept[turn.request_id]):
            return False
        kept = "kept" if self._kept[turn.request_id] else "not kept"
        self._violated(turn, f"accepted and lost: told it {turn.ended or 'nothing'}, {kept}")
        return True

    def _is_doubled(self, turn: Turn) -> bool:
        asked = self._asked[turn.message]
        spoken = next((number for number, each in enumerate(asked) if each.said), len(asked))
        twice_asked = spoken < len(asked) - 1
        twice_kept = len(self._kept[turn.request_id]) > 1
        if twice_asked:
            said = [each.said for each in asked]
            self._violated(turn, f"Claude was asked again after it had spoken: {said}")
        if twice_kept:
            self._violated(turn, f"kept as turns {[each['seq'] for each in self._kept[turn.request_id]]}")
        return twice_asked or twice_kept

    def _check_told(self, turn: Turn) -> None:
        """What is kept, what was told and what Claude said have to be the same."""
        for trouble in turn.trouble:
            self._violated(turn, trouble)
        kept = self._kept[turn.request_id]
        if not kept or turn.ended is None:
            return
        user, *assistant = kept[0]["context"]
        text = assistant[0]["content"] if assistant else ""
        said = self._asked[turn.message][-1] if self._asked[turn.message] else None
        ended = _STOPPED.get(kept[0]["stop_reason"], "answered")
        if user["content"] != turn.message:
            self._violated(turn, f"kept with another message: {user['content']!r}")
        if (ended, int(kept[0]["seq"])) != (turn.ended, turn.number):
            told = f"told {turn.ended} as turn {turn.number}"
            self._violated(turn, f"kept {ended} as turn {kept[0]['seq']}, {told}")
        if ended != "failed" and (turn.text or "") != text:
            self._violated(turn, f"kept {text!r}, told {turn.text!r}")
        if ended == "failed" and text:
            self._violated(turn, f"failed, and kept as said: {text!r}")
        if ended == "answered" and (said is None or not said.complete or said.said != text):
            self._violated(turn, f"kept {text!r}, said {said.said if said else None!r}")
        if ended == "cancelled" and text and (said is None or not said.said.startswith(text)):
            self._violated(turn, f"cancelled, kept {text!r}, said {said.said if said else None!r}")

    def _out_of_order(self) -> int:
        """Count the turns that are kept before one that was queued earlier."""
        queued: dict[str, int] = {}
        for call in self._calls:
            if call.operation == "SendMessage" and (number := call.effect.get("SequenceNumber")):
                request_id = json.loads(call.request["MessageBody"])["request_id"]
                queued[request_id] = min(int(number), queued.get(request_id, int(number)))
        wrong = 0
        by_session: dict[str, list[tuple[int, Turn]]] = defaultdict(list)
        for turn in self._turns:
            for kept in self._kept[turn.request_id]:
                by_session[turn.session].append((int(kept["seq"]), turn))
        for kept_turns in by_session.values():
            order = [turn for _, turn in sorted(kept_turns, key=lambda each: each[0])]
            for before, after in itertools.pairwise(order):
                if queued[before.request_id] > queued[after.request_id]:
                    wrong += 1
                    self._violated(after, "kept after one that was queued later")
        return wrong

    def _check_queues(self) -> None:
        sqs = self._bridge.aws("sqs")
        for output in ("QueueUrl", "DeadLetterQueueUrl"):
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            url = self._bridge.status.outputs[output]
            left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            if any(int(number) for number in left.values()):
                self.violations.append(f"{output} is not empty: {left}")
