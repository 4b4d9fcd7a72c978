"""Which models there are where Claude is asked, and until when: as the provider itself tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from bridge_cli.errors import NotConfigured

if TYPE_CHECKING:
    from bridge_cli.aws import AwsAccess

_VERSION = "2023-06-01"  # every server of the wire knows it
_SECONDS = 10
_MOST_BYTES = 4_000_000
_MOST_PAGES = 20
_UNKNOWN_PATH = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
_DATED = re.compile(r"-\d{8}$")
_BEHIND_A_PROFILE = re.compile(r"(?:.*/)?(?:[a-z-]+\.)?(anthropic\.[^/]+)")


class NotTold(Exception):
    """The provider does not tell which models it has, or cannot be asked from here; it says why."""


class KeyRefused(NotConfigured):
    """The provider does not take the key."""


@dataclass(frozen=True)
class Offered:
    """A model as its provider tells of it; ``retires`` is None where it does not say when."""

    lifecycle: str
    retires: date | None = None


@dataclass(frozen=True)
class Catalog:
    """A provider's models by name. One that is ``complete`` knows every name that it takes."""

    models: Mapping[str, Offered]
    complete: bool

    def find(self, model: str) -> Offered | None:
        """Return a model; a name without a date stands for the newest version that bears one."""
        if model in self.models:
            return self.models[model]
        dated = sorted(name for name in self.models if _DATED.sub("", name) == model)
        return self.models[dated[-1]] if dated else None


class _NoRedirect(HTTPRedirectHandler):
    """The key goes to the configured server, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""


def of_wire(url: str, key: str, auth_header: str) -> Catalog:
    """Ask a server of Anthropic's wire for its models.

    Servers that know no ``lifecycle`` may take names that they do not list, too. Raises NotTold, and
    KeyRefused where the server does not take the key; neither repeats it.
    """
    rows = list(_rows(url.rstrip("/"), key, auth_header))
    models = {row["id"]: _offered(row) for row in rows if isinstance(row.get("id"), str)}
    return Catalog(models, complete=any(isinstance(row.get("lifecycle"), str) for row in rows))


def of_bedrock(aws: AwsAccess) -> Catalog:
    """Ask Bedrock for the models of Anthropic's in this region. Raises NotConfigured."""
    from bridge_cli.aws import in_words

    needs = "It takes bedrock:ListFoundationModels. Ask who deployed it."
    client = aws.client("bedrock")
    with in_words("Bedrock's models", needs):
        told = client.list_foundation_models(byProvider="Anthropic")
    models = {}
    for row in told.get("modelSummaries", []):
        cycle = row.get("modelLifecycle", {})
        ends = cycle.get("endOfLifeTime")
        models[row["modelId"]] = Offered(
            {"ACTIVE": "active", "LEGACY": "deprecated"}.get(cycle.get("status", ""), "active"),
            ends.date() if isinstance(ends, datetime) else None,
        )
    return Catalog(models, complete=True)


def bedrock_id(model: str) -> str | None:
    """Return the model behind an inference profile or an ARN; None where its name does not tell."""
    matched = _BEHIND_A_PROFILE.fullmatch(model)
    return matched[1] if matched else None


def _rows(url: str, key: str, auth_header: str) -> Iterator[dict[str, Any]]:
    after: str | None = None
    for _ in range(_MOST_PAGES):
        query = {"limit": "1000", **({"after_id": after} if after else {})}
        page = _page(f"{url}/v1/models?{urlencode(query)}", key, auth_header)
        rows = page.get("data")
        if not isinstance(rows, list):
            raise NotTold("its list of models is none")
        yield from (row for row in rows if isinstance(row, dict))
        last = page.get("last_id")
        if page.get("has_more") is not True or not isinstance(last, str) or last == after:
            return
        after = last


def _page(url: str, key: str, auth_header: str) -> dict[str, Any]:
    authorization = (
        {"authorization": f"Bearer {key.strip()}"}
        if auth_header == "authorization"
        else {"x-api-key": key.strip()}
    )
    try:
        request = Request(url, headers={"anthropic-version": _VERSION, **authorization})  # noqa: S310 - see below
        scheme = urlsplit(url).scheme
    except ValueError:
        raise NotTold("its URL is none") from None
    if scheme not in {"http", "https"}:
        raise NotTold("its URL is none of HTTP's")
    # A proxy that the environment names sees nothing of what goes by TLS, and all of the rest.
    handlers = [] if scheme == "https" else [ProxyHandler({})]
    try:
        with build_opener(_NoRedirect(), *handlers).open(request, timeout=_SECONDS) as response:
            page = json.loads(response.read(_MOST_BYTES))
    except HTTPError as error:
        error.close()
        if error.code == HTTPStatus.UNAUTHORIZED:
            raise KeyRefused(
                f"the key is not accepted (status {error.code})", hint="`bridge key set` puts in another one."
            ) from None
        if error.code == HTTPStatus.FORBIDDEN:  # it may be good for messages all the same
            raise NotTold("the key may not list them (status 403)") from None
        if error.code in _UNKNOWN_PATH:
            raise NotTold("this server lists none") from None
        raise NotTold(f"its list of models fails with status {error.code}") from None
    except (URLError, OSError) as error:
        raise NotTold(f"it cannot be reached from here ({type(error).__name__})") from None
    except HTTPException as error:
        raise NotTold(f"what it answers is no HTTP ({type(error).__name__})") from None
    except (ValueError, RecursionError):
        raise NotTold("its list of models is none") from None
    if not isinstance(page, dict):
        raise NotTold("its list of models is none")
    return page


def _offered(row: dict[str, Any]) -> Offered:
    lifecycle, retires = row.get("lifecycle"), row.get("retires_at")
    when: date | None = None
    if isinstance(retires, str):
        try:
            moment = datetime.fromisoformat(retires)
            when = (moment.astimezone(UTC) if moment.tzinfo else moment).date()
        except (ValueError, OverflowError):
            when = None
    return Offered(lifecycle if isinstance(lifecycle, str) else "", when)
