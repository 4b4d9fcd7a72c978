"""HTTP calls that another thread can break off while their answer has not begun.

Closing a socket does not wake whoever reads from it; shutting it down does. `requests` hands a response
out only when its headers are there, so that until then the connection itself has to be known.
"""

from __future__ import annotations

import contextvars
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from bridge.interruption import Interruption

_current: contextvars.ContextVar[Interruption | None] = contextvars.ContextVar("interruption", default=None)


@contextmanager
def breaking_off(interruption: Interruption) -> Iterator[None]:
    """Have calls of this thread that wait for their headers broken off by ``interruption``."""
    token = _current.set(interruption)
    try:
        yield
    finally:
        _current.reset(token)


def breakable_session() -> requests.Session:
    """Return a session whose calls can be broken off."""
    session = _Session()
    # No cookie is kept: nothing but the secret is sent, and what a server sets would be sent for ever.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


class _Session(requests.Session):
    """A session to which no answer is a redirect.

    Also where redirects are not followed, `requests` reads the whole body of one, however long, and works
    out where it leads, whatever that is.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return that there is none."""


def _awaited(sock: Any, headers: Callable[[], HTTPResponse]) -> HTTPResponse:
    """Return the answer whose headers are awaited from a socket."""
    interruption = _current.get()
    if interruption is None:
        return headers()
    with interruption.breaking(lambda: sock.shutdown(socket.SHUT_RD)):
        return headers()


class _Connection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        return _awaited(self.sock, super().getresponse)


class _SecureConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        return _awaited(self.sock, super().getresponse)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        super().init_poolmanager(*sizes, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
