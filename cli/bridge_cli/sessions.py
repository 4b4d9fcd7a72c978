"""Names of sessions, and which one was used last at an endpoint."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress

from bridge_cli import places, tokens
from bridge_cli.endpoint import Endpoint
from bridge_cli.errors import NotConfigured, UsageError

_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_REMEMBERED = 100  # endpoints


def new_name(kind: str = "chat") -> str:
    """Return a name for a new session: `chat-` and eight characters, as the original's client made them."""
    return f"{kind}-" + "".join(secrets.choice(_ALPHABET) for _ in range(8))


def checked_name(name: str) -> str:
    """Return a session's name. Raises UsageError unless it is 1 to 128 letters, digits, `-`, `_`, `.`."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"`{name[:140]}` cannot name a session",
            hint="Allowed are 1 to 128 letters, digits, `-`, `_` and `.`.",
        )
    return name


def remember(endpoint: Endpoint, session: str) -> None:
    """Note the session used last at an endpoint; what cannot be noted is no reason to fail."""
    with suppress(NotConfigured):
        path = places.last_sessions_file()
        known = places.read_json(path)
        known.pop(_key(endpoint), None)
        newest = {**known, _key(endpoint): session}
        places.write_json(path, dict(list(newest.items())[-_REMEMBERED:]))


def last(endpoint: Endpoint) -> str:
    """Return the session used last at an endpoint. Raises UsageError where there is none."""
    session = places.read_json(places.last_sessions_file()).get(_key(endpoint))
    if not isinstance(session, str):
        raise UsageError(
            "no session was used at this endpoint yet",
            hint="Leave out --continue, or name one: `bridge sessions`.",
        )
    return session


def drop(endpoint: Endpoint, session: str | None) -> None:
    """Forget that a session was used last at an endpoint, as once it is gone there; None: whichever was."""
    with suppress(NotConfigured):
        path = places.last_sessions_file()
        known = places.read_json(path)
        if _key(endpoint) in known and session in {None, known[_key(endpoint)]}:
            del known[_key(endpoint)]
            places.write_json(path, known)


def _key(endpoint: Endpoint) -> str:
    """Sessions are the owner's: the same URL with another token has others."""
    try:
        owner = tokens.read(endpoint.token() or "").owner
    except ValueError:
        owner = ""
    return f"{owner}@{endpoint.url}"
