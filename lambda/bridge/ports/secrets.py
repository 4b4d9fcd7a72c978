"""The key to Claude, and the one that signs tokens."""

from __future__ import annotations

from typing import Protocol

UNSET = "unset"
"""What stands for a secret that nobody has set yet: what a deployment creates holds it."""


class Secret(Protocol):
    """A secret's value, which may be rotated while the function runs."""

    def value(self, *, fresh: bool = False) -> str:
        """Return the value, at most five minutes old, or as it is now where ``fresh``.

        Raises `Internal` where it cannot be read.
        """
