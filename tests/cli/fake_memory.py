"""What the fake bridge remembers: `recall`, `forget`, `usage`, and what an answer's `memory` tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.cli.fake_bridge import FakeBridge

Frame = dict[str, Any]


def failure(code: str, message: str, request_id: str | None = None, **more: Any) -> Frame:
    told: Frame = {"type": "error", "code": code, "message": message, "retryable": False} | more
    return told | ({"request_id": request_id} if request_id else {})


def passages(bridge: FakeBridge, text: str, sessions: list[str]) -> list[Frame]:
    """Return what was said in these sessions that has a word of the text, most such words first."""
    wanted = set(text.lower().split())
    found = []
    for session in sessions:
        for entry in bridge.exchanges.get(session, []):
            for said in entry["context"]:
                if score := len(wanted & set(said["content"].lower().split())):
                    passage = {"turn": entry["turn"], "role": said["role"], "at": entry["at"], "score": score}
                    found.append(passage | {"session_id": session, "text": said["content"]})
    return sorted(found, key=lambda passage: -passage["score"])


def recall(bridge: FakeBridge, frame: Frame) -> Frame:
    within = [frame["session_id"]] if frame.get("session_id") else list(bridge.exchanges)
    found = passages(bridge, frame["text"], within)[: frame.get("limit") or 10]
    return {"type": "memories", "memories": found, "request_id": frame["request_id"]}


def forget(bridge: FakeBridge, frame: Frame) -> Frame:
    if frame.get("everything"):
        exchanges = sum(map(len, bridge.exchanges.values()))
        bridge.exchanges.clear()
        told: Frame = {"type": "forgotten", "session_id": None, "exchanges": exchanges}
        return told | {"request_id": frame["request_id"]}
    gone = bridge.exchanges.pop(frame["session_id"], [])
    told = {"type": "forgotten", "session_id": frame["session_id"], "exchanges": len(gone)}
    return told | {"request_id": frame["request_id"]}


def usage(bridge: FakeBridge, frame: Frame) -> Frame:
    told: Frame = {"type": "usage", "request_id": frame["request_id"], "before": None}
    if frame.get("session_id") is None:
        start = int(frame.get("before") or 0)
        end = start + int(frame.get("limit") or bridge.page_size)
        mark = str(end) if end < len(bridge.used) else None
        return told | {"sessions": bridge.used[start:end], "before": mark}
    found = [one for one in bridge.used if one["session_id"] == frame["session_id"]]
    if not found:
        return failure("not_found", "there is no such session", frame["request_id"])
    summaries = {"input_tokens": 2000, "output_tokens": 100, "dollars": 0.00025}
    return told | {"sessions": [found[0] | {"summary_usage": summaries}]}


MEMORY_ACTIONS: dict[str, Callable[[FakeBridge, Frame], Frame]] = {
    "recall": recall,
    "forget": forget,
    "usage": usage,
}


def prompt_memory(bridge: FakeBridge, frame: Frame) -> Frame:
    """Return an answer's `memory` as the bridge tells it."""
    recall = frame.get("recall") or "owner"
    others = [session for session in bridge.exchanges if session != frame["session_id"]]
    found = passages(bridge, frame["message"], others if recall == "owner" else [])
    if frame.get("system") is not None:
        bridge.instructions[frame["session_id"]] = frame["system"]
    system = bridge.instructions.get(frame["session_id"])
    return {
        "system": {"turn": 1, "characters": len(system)} if system else None,
        "window_messages": 2,
        "window_characters": 40,
        "summary": {"turns": 3, "characters": 400},
        "recall": recall,
        "recalled": [{name: one[name] for name in one if name != "text"} for one in found],
        "tokens": {"system": 10, "summary": 100, "window": 1200, "recall": 50, "message": 5},
    }
