"""Text into WebSocket frames: pure, total over any str.

API Gateway closes a connection (1009) for a frame over 32 KB or a message over 128 KB, so a long message goes
out as several frames of one message. Sizes are those of the UTF-8 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from bridge_cli.errors import MessageTooLarge

FRAME_LIMIT = 31_999
"""Bytes of a frame at most: API Gateway's is 32,768, and this leaves room."""

MESSAGE_LIMIT = 131_072
"""Bytes of a message at most, over all its frames (128 KB, API Gateway's)."""

_WIDEST = 4  # bytes of a code point in UTF-8 at most
_CONTINUES = range(0x80, 0xC0)  # the bytes inside a code point


def well_formed(text: str) -> str:
    """Return `text` without lone surrogates, which UTF-8 cannot carry.

    Arguments and files that are not UTF-8 bring them in. A pair becomes the character that it encodes, a lone
    one U+FFFD.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split_frames(text: str, limit: int = FRAME_LIMIT) -> Iterator[str]:
    """Yield `text` in pieces of at most `limit` UTF-8 bytes; joined, they are `text`.

    A piece ends between two code points, never inside one. An empty text is one empty piece. Raises
    ValueError for a limit under 4, into which not every code point fits.
    """
    if limit < _WIDEST:
        raise ValueError(f"a frame of {limit} bytes cannot hold every code point")
    encoded = text.encode("utf-8", "surrogatepass")
    start = 0
    while len(encoded) - start > limit:
        end = start + limit
        while encoded[end] in _CONTINUES:  # step back to where the code point begins
            end -= 1
        yield encoded[start:end].decode("utf-8", "surrogatepass")
        start = end
    yield encoded[start:].decode("utf-8", "surrogatepass")


def message_frames(text: str) -> list[str]:
    """Return the frames of one message.

    Raises MessageTooLarge, with both sizes, for what API Gateway would close the connection for.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MESSAGE_LIMIT:
        raise MessageTooLarge(
            f"the message is too long: {size:,} bytes with its envelope, and at most {MESSAGE_LIMIT:,} fit",
            hint="Split it, or summarize part of it first.",
        )
    return list(split_frames(text))
