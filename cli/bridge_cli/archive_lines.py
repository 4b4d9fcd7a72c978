"""The lines of an archive: the format, then an item of a session on each, and at last the counts. Pure.

An item stands there as the sessions table has it, its key first: the instructions (`seq` -2), the summary
(-1), the header (0) and the exchanges (1 …) of a session, sorted by session and `seq`. `owner/name` is the
session's key; the name holds no slash, an owner may.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from bridge_cli.archive_values import Item, Number, item_of, item_text, parsed
from bridge_cli.errors import UsageError
from bridge_cli.tokens import checked_owner

FORMAT = "claude-context-bridge"
VERSION = 2
"""1 had no instructions of a session's own; else it is the same, and is read, too."""

FIRST_LINE = json.dumps({"format": FORMAT, "version": VERSION}, separators=(",", ":")).encode() + b"\n"

MOST_LINE_BYTES = 6 * 400 * 1024
"""No line is longer: an item has 400 KB, and JSON takes six characters at most for a byte of it."""

USAGE_KINDS = frozenset(
    {
        *("input_tokens", "output_tokens", "cache_read_input_tokens"),
        *("cache_creation_input_tokens", "cache_creation_1h_input_tokens"),
    }
)
"""The kinds of tokens that the bridge knows: it could not read an item with others."""

HEADER, SUMMARY, INSTRUCTIONS = 0, -1, -2
_COUNTS = re.compile(rb'\{"sessions": ?(\d{1,18}), ?"items": ?(\d{1,18})\}\n')
_LAST_TURN = 10**15
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Entry:
    """An item of a session."""

    item: Item

    @cached_property
    def owner(self) -> str:
        """Whose session it is of."""
        return self.partition.rpartition("/")[0]

    @cached_property
    def session(self) -> str:
        """The session's name."""
        return self.partition.rpartition("/")[2]

    @property
    def partition(self) -> str:
        """The session's key in the table."""
        return str(self.item["session_id"]["S"])

    @property
    def seq(self) -> int:
        """What tells a session's items apart."""
        return int(self.item["seq"]["N"])

    @property
    def is_exchange(self) -> bool:
        """Whether it is a turn of the session."""
        return self.seq > HEADER

    @property
    def ttl(self) -> int:
        """When it is past its time, in seconds since the epoch."""
        return int(self.item["ttl"]["N"])

    @cached_property
    def at(self) -> int:
        """When it was written, in milliseconds since the epoch; of a summary, the oldest that it tells of.

        Of instructions, when they were named.
        """
        written = self.item.get("last_updated") or self.item["since"]
        # As the functions reckon, who name an exchange by the result: to the millisecond, and its last bit.
        return int(datetime.fromisoformat(written["S"]).timestamp() * 1000)

    @property
    def name(self) -> str:
        """An exchange's name in its owner's memory; it ends in a dash where there is no answer to recall."""
        answered = any(one["M"]["role"]["S"] == "assistant" for one in self.item["context"]["L"])
        return f"{self.session}#{self.seq}#{_base36(self.at)}{'' if answered else '-'}"

    @property
    def what(self) -> str:
        """What it is, for people."""
        others = {HEADER: "header", SUMMARY: "summary", INSTRUCTIONS: "system prompt"}
        return others.get(self.seq, f"turn {self.seq}")

    @property
    def line(self) -> bytes:
        """Its line. Raises ValueError where the item holds what sessions do not."""
        return item_text(self.item).encode() + b"\n"

    def of(self, owner: str) -> Entry:
        """Return the same of another owner's."""
        changed = self.item | {"session_id": {"S": f"{owner}/{self.session}"}}
        return Entry(changed | ({"owner": {"S": owner}} if "owner" in changed else {}))


def check_first(line: bytes) -> None:
    """Raise ValueError unless a line is the first one of an archive that this version reads."""
    try:
        told = parsed(line.decode())
        version = told["version"] if told["format"] == FORMAT else None
    except (ValueError, TypeError, KeyError):
        version = None
    if version is None:
        raise ValueError("this is no archive of `bridge export`: its first line names the format")
    if version not in map(Number, map(str, range(1, VERSION + 1))):
        raise ValueError(f"it is of the format's version {version}; this program reads up to {VERSION}")


def last_line(sessions: int, items: int) -> bytes:
    """Return an archive's last line, by which whoever reads it knows that it is whole."""
    return json.dumps({"sessions": sessions, "items": items}, separators=(",", ":")).encode() + b"\n"


def counts(line: bytes) -> tuple[int, int] | None:
    """Return how many sessions and items the last line of an archive tells; None where it is another line."""
    told = _COUNTS.fullmatch(line)
    return (int(told[1]), int(told[2])) if told else None


def read(line: bytes) -> Entry:
    """Return the item on a line. Raises ValueError for anything that the bridge could not read itself."""
    if not line.endswith(b"\n"):
        raise ValueError("it breaks off in the middle: the file is not whole")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    try:
        plain = parsed(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg} at character {error.pos + 1})") from None
    if not isinstance(plain, dict):
        raise ValueError("it is no JSON object")
    _check(plain)
    return Entry(item_of(plain))


def _check(plain: dict[str, Any]) -> None:
    owner, _, session = _string(plain, "session_id").rpartition("/")
    try:
        checked_owner(owner)
    except UsageError as error:
        raise ValueError(f"`session_id` names no owner: {error.message}") from None
    if not _NAME.fullmatch(session):
        raise ValueError("`session_id` names no session: owner/name, of letters, digits, `-`, `_` and `.`")
    seq = _whole(plain, "seq", INSTRUCTIONS, _LAST_TURN)
    _whole(plain, "ttl", 0)
    match seq:
        case 0:
            _check_header(plain, owner)
        case -1:
            _whole(plain, "covers", 0)
            _string(plain, "text")
            _time(plain, "since")
        case -2:
            _whole(plain, "turn", 1)
            _string(plain, "text")
            _time(plain, "since")
        case _:
            _check_exchange(plain, seq)


def _check_header(plain: dict[str, Any], owner: str) -> None:
    if _string(plain, "owner") != owner:
        raise ValueError("`owner` is another one than `session_id` has")
    _string(plain, "title")
    for name in ("first_turn", "window_start", "version"):
        _whole(plain, name, 1)
    _whole(plain, "turns", 0)
    _usage(plain)
    _time(plain, "last_updated")
    if "instructed" in plain:
        _whole(plain, "instructed", 1)
    for name in plain:
        if name.endswith("cost") or name == "unpriced_turns" or name.startswith("summary_"):
            _whole(plain, name, 0)


def _check_exchange(plain: dict[str, Any], seq: int) -> None:
    _whole(plain, "first_turn", 1, seq)
    for name in ("request_id", "model", "stop_reason"):
        _string(plain, name)
    _usage(plain)
    _time(plain, "last_updated")
    for name in ("cost", "uncached_cost"):
        if name in plain:
            _whole(plain, name, 0)
    if not isinstance(plain.get("instructed", False), bool):
        raise ValueError("`instructed` is neither true nor false")
    context = plain.get("context")
    if not isinstance(context, list) or not all(isinstance(said, dict) for said in context):
        raise ValueError("`context` is no list of messages")
    if [_string(said, "role") for said in context] not in (["user"], ["user", "assistant"]):
        raise ValueError("`context` is not what a user said, and what was answered")
    for said in context:
        _string(said, "content")
    error = plain.get("error")
    if error is not None:
        if not isinstance(error, dict):
            raise ValueError("`error` is no object")
        _string(error, "code")
        _string(error, "message")


def _usage(plain: dict[str, Any]) -> None:
    usage = plain.get("usage")
    if not isinstance(usage, dict) or not usage.keys() <= USAGE_KINDS:
        raise ValueError("`usage` does not count the kinds of tokens that the bridge knows")
    for kind in usage:
        _whole(usage, kind, 0)


def _string(plain: dict[str, Any], name: str) -> str:
    value = plain.get(name)
    if not isinstance(value, str) or isinstance(value, Number):
        raise ValueError(f"`{name}` is missing, or no text")
    return value


def _whole(plain: dict[str, Any], name: str, least: int, most: int | None = None) -> int:
    value = plain.get(name)
    # Not over 18 digits: larger ones nobody counts, and the functions need not be able to.
    if not isinstance(value, Number) or not re.fullmatch(r"-?\d{1,18}", value):
        raise ValueError(f"`{name}` is missing, or no whole number")
    number = int(value)
    if number < least or (most is not None and number > most):
        raise ValueError(f"`{name}` is {number}, which it cannot be")
    return number


def _time(plain: dict[str, Any], name: str) -> None:
    try:
        moment = datetime.fromisoformat(_string(plain, name))
        in_order = moment.tzinfo is not None and moment.timestamp() >= 0
    except (ValueError, OverflowError):
        in_order = False
    if not in_order:
        raise ValueError(f"`{name}` is missing, or no time with its zone")


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
