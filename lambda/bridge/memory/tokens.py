"""How many tokens a text takes, estimated: Claude's own count is known only afterwards."""

from __future__ import annotations

BYTES_PER_TOKEN = 4
"""Bytes of UTF-8 a token: Anthropic's rule of thumb of about four characters for English. Bytes, since
other scripts take more tokens a character."""


def estimate(text: str) -> int:
    """Return about how many tokens ``text`` takes."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)
