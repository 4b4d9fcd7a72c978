"""A function's settings, read from its environment once, at cold start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, TypeVar

from bridge.conversation import RECALL_SCOPES, RecallScope
from bridge.errors import SettingsError

AuthMode = Literal["token", "iam", "none"]
AUTH_MODES: tuple[AuthMode, ...] = ("token", "iam", "none")

Provider = Literal["anthropic", "bedrock"]
PROVIDERS: tuple[Provider, ...] = ("anthropic", "bedrock")

_Choice = TypeVar("_Choice", bound=str)


class Settings:
    """The environment of one function, typed. Each function asks only for what it uses.

    Every accessor raises `SettingsError`, naming the variable, where it is missing or ill-typed.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        """Return a variable that must not be empty."""
        value = self._environment.get(name, "")
        if not value:
            raise SettingsError(f"The environment variable {name} is not set.")
        return value

    def optional_text(self, name: str) -> str:
        """Return a variable, or the empty string."""
        return self._environment.get(name, "")

    def names(self, name: str) -> tuple[str, ...]:
        """Return a list that is separated by commas."""
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def count(self, name: str) -> int:
        """Return a whole number above 0."""
        text = self.text(name)
        if not text.isascii() or not text.isdigit() or int(text) == 0:
            raise SettingsError(f"The environment variable {name} is {text!r}, not a whole number above 0.")
        return int(text)

    def optional_count(self, name: str) -> int | None:
        """Return a whole number above 0; None where the variable is not set."""
        return self.count(name) if self.optional_text(name) else None

    def seconds(self, name: str) -> timedelta:
        """Return a span of time that is given in whole seconds."""
        return timedelta(seconds=self.count(name))

    def auth(self) -> AuthMode:
        """Return how clients prove who they are."""
        return self._one_of("AUTH", AUTH_MODES)

    def provider(self) -> Provider:
        """Return who is asked for answers: a server of Anthropic's wire where nothing says."""
        return self._one_of("PROVIDER", PROVIDERS) if self.optional_text("PROVIDER") else "anthropic"

    def recall(self) -> RecallScope:
        """Return what a turn is reminded of where its query does not say."""
        return self._one_of("RECALL", RECALL_SCOPES)

    def _one_of(self, name: str, choices: tuple[_Choice, ...]) -> _Choice:
        value = self.text(name)
        for choice in choices:
            if value == choice:
                return choice
        raise SettingsError(f"The environment variable {name} is {value!r}, not one of {', '.join(choices)}.")
