"""What values the bridge's props and settings may have, each limit said once and in words.

A limit checks a value that is typed already and reads one from text (what `-c NAME=VALUE` gives).
Both raise ValueError saying what is allowed; whoever calls adds the name of the prop or setting.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from string import Formatter
from typing import Annotated, Any, Protocol, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit


class Limit(Protocol):
    """A rule for one value; its text completes the sentence "must be …"."""

    def check(self, value: object) -> object:
        """Return the value, or raise ValueError."""

    def read(self, text: str) -> object:
        """Turn text into a checked value, or raise ValueError."""


def _refuse(limit: Limit, value: object) -> ValueError:
    return ValueError(f"must be {limit}, not {value!r}")


@dataclass(frozen=True)
class Whole:
    """A whole number, both bounds included; `unit` only speaks."""

    low: int
    high: int
    unit: str = ""

    def __str__(self) -> str:
        return f"a whole number from {self.low} to {self.high}" + (f" ({self.unit})" if self.unit else "")

    def check(self, value: object) -> int:
        """Refuse also what Python takes for a number: True is none."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise _refuse(self, value)
        return value

    def read(self, text: str) -> int:
        """Read decimal digits."""
        if not re.fullmatch(r"\s*[0-9]{1,18}\s*", text):
            raise _refuse(self, text)
        return self.check(int(text))


@dataclass(frozen=True)
class OneOf:
    """One of a few words or numbers."""

    choices: tuple[str, ...] | tuple[int, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.choices))

    def check(self, value: object) -> str | int:
        """Compare by type too, so that 1 is neither True nor "1"."""
        for choice in self.choices:
            if type(value) is type(choice) and value == choice:
                return choice
        raise _refuse(self, value)

    def read(self, text: str) -> str | int:
        """Find the choice that is written like this."""
        for choice in self.choices:
            if str(choice) == text.strip():
                return choice
        raise _refuse(self, text)


@dataclass(frozen=True)
class Switch:
    """On or off."""

    def __str__(self) -> str:
        return "true or false"

    def check(self, value: object) -> bool:
        """Only a real boolean: JSON's 0 or "no" is a mistake."""
        if not isinstance(value, bool):
            raise _refuse(self, value)
        return value

    def read(self, text: str) -> bool:
        """Read JSON's words, in any case."""
        word = text.strip().lower()
        if word not in {"true", "false"}:
            raise _refuse(self, text)
        return word == "true"


@dataclass(frozen=True)
class Text:
    """Text that matches `pattern` as a whole, of at most `most` bytes in UTF-8."""

    says: str
    pattern: str = r"[^\x00]*"
    most: int = 2048

    def __str__(self) -> str:
        return self.says

    def check(self, value: object) -> str:
        """Refuse anything but text."""
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value, re.DOTALL):
            raise _refuse(self, value)
        if (size := len(value.encode())) > self.most:
            raise ValueError(f"must be {self}, not {size} bytes")
        return value

    def read(self, text: str) -> str:
        """Take the text as it is."""
        return self.check(text)


@dataclass(frozen=True)
class Url:
    """An http(s) URL; it may hold `{placeholders}` of the given names, or be empty if `optional`."""

    placeholders: tuple[str, ...] = ()
    optional: bool = False

    def __str__(self) -> str:
        holds = "".join(f" {{{name}}}" for name in self.placeholders)
        return (
            "an http:// or https:// URL without query or user"
            + (f", which may hold{holds}" if holds else "")
            + (", or empty" if self.optional else "")
        )

    def check(self, value: object) -> str:
        """Refuse what an HTTP client could not call."""
        if value == "" and self.optional:
            return ""
        if not isinstance(value, str) or re.search(r"[\s\x00-\x1f]", value):
            raise _refuse(self, value)
        try:
            names = {name for _, name, _, _ in Formatter().parse(value) if name is not None}
            parts = urlsplit(value)
            parts.port  # noqa: B018  # raises where it is not a number
        except ValueError:
            raise _refuse(self, value) from None
        if (
            not names <= set(self.placeholders)
            or parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.username is not None
            or parts.query
            or parts.fragment
        ):
            raise _refuse(self, value)
        return value.rstrip("/")

    def read(self, text: str) -> str:
        """Read a URL."""
        return self.check(text.strip())


@dataclass(frozen=True)
class Several:
    """A list of values of one kind; as text, separated by commas."""

    each: Text
    most: int

    def __str__(self) -> str:
        return f"a list of at most {self.most}, each {self.each}"

    def check(self, value: object) -> tuple[str, ...]:
        """Keep the order, drop what is there twice."""
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise _refuse(self, value)
        values = tuple(dict.fromkeys(self.each.check(one) for one in value))
        if len(values) > self.most:
            raise ValueError(f"must be {self}, not {len(values)}")
        return values

    def read(self, text: str) -> tuple[str, ...]:
        """Split at commas; nothing between two commas is nothing."""
        return self.check([one for part in text.split(",") if (one := part.strip())])


@dataclass(frozen=True)
class Optional:
    """A value of one kind, or None; as text, None is empty."""

    kind: Text

    def __str__(self) -> str:
        return f"{self.kind}, or left out"

    def check(self, value: object) -> str | None:
        """Let None through."""
        if value is None:
            return None
        try:
            return self.kind.check(value)
        except ValueError:
            raise _refuse(self, value) from None

    def read(self, text: str) -> str | None:
        """Take the empty text for None."""
        return self.check(text.strip() or None)


MODEL_NAME = Text("a model's name", r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}")
AUTH = OneOf(("token", "iam", "none"))
PROVIDER = OneOf(("anthropic", "bedrock"))
SECRET_STORE = OneOf(("secrets_manager", "parameter_store"))
AUTH_HEADER = OneOf(("x-api-key", "authorization"))
MODELS = Several(MODEL_NAME, most=10)
OUTPUT_TOKENS = Whole(1, 32_000, "tokens")
CONTEXT = Whole(1_000, 2_000_000, "characters")
CONTEXT_MODE = OneOf(("window", "full"))
CONTEXT_TOKENS = Whole(1_000, 200_000, "tokens")
RECALL = OneOf(("owner", "session", "off"))
RECALL_TOKENS = Whole(100, 20_000, "tokens")
MESSAGE = Whole(1, 100_000, "characters")  # below API Gateway's 128 KB a message, if it is mostly ASCII
SESSION_HOURS = Whole(1, 24 * 3660, "hours")
MEMORY_DAYS = Whole(1, 3660, "days")
# It stands in a function's environment, which holds 4 KB in all.
SYSTEM_PROMPT = Text("text of at most 2,000 bytes", most=2_000)
API_URL = Url()
SUMMARY_URL = Url(optional=True)
API_VERSION = Text("a version such as 2023-06-01", r"[A-Za-z0-9.-]{1,32}")
CALLBACK_URL = Url(placeholders=("api_id", "stage"), optional=True)
ANSWER_SECONDS = Whole(60, 900, "seconds; Lambda's longest is 900")
MEMORY_MB = Whole(128, 10_240, "MB")
DAILY_TOKENS = Whole(0, 10**12, "tokens; 0 is no limit")
OWNER_RATE = Whole(0, 100_000, "frames a minute; 0 is no limit")
# A killed function's turn is taken up again within two minutes, Lambda's polling included. A running answer
# renews its hold several times in that time: under ten seconds a slow call or two would lose it.
HOLD_SECONDS = Whole(10, 110, "seconds")
REQUESTS = Whole(1, 10_000, "requests; API Gateway's quota for an account and region is 10,000 a second")
LOG_LEVEL = OneOf(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
NAMESPACE = Text("1 to 255 letters, digits or any of . - _ / # :", r"(?!AWS/)[A-Za-z0-9._/#:-]{1,255}")
STAGE_NAME = Text("1 to 128 letters, digits, - or _", r"[A-Za-z0-9_-]{1,128}")
SWITCH = Switch()
TABLE_CLASS = OneOf(("standard", "infrequent_access"))
TABLE_UNITS = Whole(0, 40_000, "request units a second; 0 is no cap, 40,000 AWS's own quota")
TABLE_NAME = Optional(
    Text("3 to 255 letters, digits or any of . - _", r"[A-Za-z0-9._-]{3,255}|.*\$\{Token\[.*")
)


def limits_of(model: type) -> Mapping[str, Limit]:
    """Find the limits that a dataclass's fields are annotated with, by field."""
    hints = get_type_hints(model, include_extras=True)
    return {
        field.name: get_args(hints[field.name])[1]
        for field in fields(model)
        if get_origin(hints[field.name]) is Annotated
    }


def check_fields(instance: Any) -> None:
    """Check a frozen dataclass's annotated fields and keep the checked values; ValueError names the field."""
    for name, limit in limits_of(type(instance)).items():
        try:
            object.__setattr__(instance, name, limit.check(getattr(instance, name)))
        except ValueError as e:
            raise ValueError(f"{name} {e}") from None
