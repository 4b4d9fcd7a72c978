"""A context of the original's as messages, whatever it looks like. Pure.

The original kept a list of ``{"role", "content"}``, or the JSON of one, of which its limit may have cut off
the beginning. What is no such thing is kept all the same: as a message of a role that nobody has.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

USER, ASSISTANT = "user", "assistant"
CUT = "cut off"
"""The role of what is left of a message whose beginning is missing, with the role in it."""

_ROLES = {"human": USER, "ai": ASSISTANT, "claude": ASSISTANT}
_MOST_TRIES = 1000  # places at which a context that was cut off may go on; the first is it nearly always
_END_OF_CUT = re.compile(
    r'^(?:(?P<role>[^"]*)"\s*,\s*"content"\s*:\s*"|)(?P<content>.*)"\s*}\s*,\s*$', re.DOTALL
)


@dataclass(frozen=True)
class Message:
    """What somebody said: ``user``, ``assistant``, or a role as the original wrote it."""

    role: str
    content: str

    @property
    def blank(self) -> bool:
        """Whether there is nothing to read in it: Claude's API takes no such message."""
        return not self.content.strip()


def plain(value: Mapping[str, Any]) -> Any:
    """Return a value of DynamoDB's as JSON has it: numbers as digits, bytes in base64, sets as lists."""
    (kind, content), *_ = value.items()
    match kind:
        case "L":
            return [plain(each) for each in content]
        case "M":
            return {name: plain(each) for name, each in content.items()}
        case "NULL":
            return None
        case "B":
            return _text_of_bytes(content)
        case "BS":
            return [_text_of_bytes(each) for each in content]
        case _:
            return content


def messages_of(context: Any) -> list[Message]:
    """Return the messages of a context, in their order. Raises ValueError where it is no context."""
    if context is None:
        return []
    if isinstance(context, str):
        return _of_json(context)
    if isinstance(context, dict):
        return messages_of(context["messages"]) if "messages" in context else [_message(context)]
    if not isinstance(context, list):
        raise ValueError(f"its context is {type(context).__name__}, and no list of messages")
    return [_message(entry) for entry in context]


def _of_json(text: str) -> list[Message]:
    if not text.strip():
        return []
    try:
        told = json.loads(text)
    except RecursionError:
        raise ValueError("its context is nested too deeply") from None
    except ValueError:
        return _of_cut_json(text)
    if isinstance(told, str):
        raise ValueError("its context is a text, and no list of messages")
    return messages_of(told)


def _of_cut_json(text: str) -> list[Message]:
    """Return what is left of a list whose beginning is cut off."""
    for tried, found in enumerate(re.finditer(r"\{", text)):
        if tried == _MOST_TRIES:
            break
        try:
            entries = json.loads("[" + text[found.start() :])
        except (ValueError, RecursionError):
            continue
        if isinstance(entries, list) and all(isinstance(each, dict) and "role" in each for each in entries):
            rest = text[: found.start()]
            return [*_rest(rest), *map(_message, entries)]
    raise ValueError("its context is a text that is no JSON, from its end neither")


def _rest(text: str) -> list[Message]:
    """Return what is left of the message that was cut through."""
    if not text.strip(" ,[\n"):
        return []
    if within := _END_OF_CUT.match(text):
        try:
            content = _characters(json.loads(f'"{within["content"]}"', strict=False))
            return [Message(within["role"] if within["role"] in {USER, ASSISTANT} else CUT, content)]
        except ValueError:  # cut through an escape, or `content` is not what it ends with
            pass
    return [Message(CUT, _characters(text))]


def _message(entry: Any) -> Message:
    if isinstance(entry, str) and entry.lstrip().startswith("{"):  # a list of JSON's
        try:
            told = json.loads(entry)
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict) and "role" in told:
            entry = told
    if not isinstance(entry, dict):
        return Message("", _characters(_content(entry)))
    role = entry.get("role")
    name = role.strip().lower() if isinstance(role, str) else ""
    known = _ROLES.get(name, name)
    if known not in {USER, ASSISTANT}:
        known = _characters(_content(role))
    if "content" in entry:
        return Message(known, _characters(_content(entry["content"])))
    rest = {name: value for name, value in entry.items() if name != "role"}
    return Message(known, _characters(_content(rest)) if rest else "")


def left_out(context: Any) -> set[str]:
    """Return the names of what stands beside ``role`` and ``content``, of which nothing is made."""
    if not isinstance(context, list):
        return set()
    beside = (entry.keys() for entry in context if isinstance(entry, dict) and "content" in entry)
    return {f"context.{name}" for names in beside for name in names} - {"context.role", "context.content"}


def _content(content: Any) -> str:
    """Return a content as text: of blocks the texts one after the other, anything else as JSON."""
    match content:
        case None:
            return ""
        case str():
            return content
        case list():
            return "".join(_content(each) if _is_text(each) else f"\n{_content(each)}\n" for each in content)
        case {"type": "text", "text": str(text)}:
            return text
        case {"text": str(text)} if len(content) == 1:
            return text
        case _:
            return json.dumps(content, ensure_ascii=False, default=str)


def _is_text(block: Any) -> bool:
    return isinstance(block, str) or (isinstance(block, dict) and isinstance(block.get("text"), str))


def _characters(text: str) -> str:
    """Return a text in which halves of characters, which no table holds, stand as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text_of_bytes(content: Any) -> str:
    return content if isinstance(content, str) else base64.b64encode(bytes(content)).decode()
