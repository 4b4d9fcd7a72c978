"""An endpoint: where a bridge answers, and how its token is found; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from bridge_cli.errors import UsageError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def no_token() -> None:
    """Give no token: for an endpoint with `auth: none`."""


@dataclass(frozen=True)
class Endpoint:
    """Where a bridge answers.

    `token` is asked before each handshake, so that a long conversation outlives a short token; it may
    call AWS. So is `sign` where AWS identities are let in (`auth: iam`), for the headers that it adds; then
    there is no token. `origin` says where the URL came from ("--url", "profile dev", "stack …").
    `model_note` is what a person must know of the model behind it, such as that it is not Claude. `model`
    and `recall` are what a question is asked with where nothing else is said; None leaves them to the
    environment.
    """

    url: str
    token: Callable[[], str | None] = no_token
    origin: str = ""
    token_origin: str = ""
    model_note: str = ""
    model: str | None = None
    recall: str | None = None
    sign: Callable[[], dict[str, str]] | None = None

    @property
    def is_local(self) -> bool:
        """Whether it answers on this machine."""
        return urlsplit(self.url).hostname in LOOPBACK

    @property
    def sends_in_clear(self) -> bool:
        """Whether what is sent, the token too, can be read on its way."""
        return self.url.startswith("ws://") and not self.is_local


def checked_url(url: str) -> str:
    """Return the WebSocket URL that was meant: `https://` is read as `wss://`, `http://` as `ws://`.

    Raises UsageError for what is no such URL.
    """
    meant = url.strip()
    for given, read in (("https://", "wss://"), ("http://", "ws://")):
        if meant.lower().startswith(given):
            meant = read + meant[len(given) :]
    example = "A bridge's URL looks like wss://abc123.execute-api.eu-central-1.amazonaws.com/prod"
    try:
        parts = urlsplit(meant)
        port_is_sane = parts.port is None or parts.port > 0
    except ValueError:
        raise UsageError(f"this is not a URL: {url}", hint=f"{example}.") from None
    if parts.scheme.lower() not in {"ws", "wss"} or not parts.hostname or not port_is_sane:
        raise UsageError(f"this is not a WebSocket URL: {url}", hint=f"{example}.")
    if parts.username or parts.password:
        raise UsageError("the URL holds a user name or password", hint="A token goes into BRIDGE_TOKEN.")
    if any(character.isspace() for character in meant):
        raise UsageError(f"this is not a URL: {url}", hint=f"{example}.")
    return meant
