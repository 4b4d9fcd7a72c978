"""A bridge that lets AWS identities in: it recomputes Signature Version 4 by hand, as AWS's manual has it.

The steps are those of "Create a signed AWS API request": canonical request, string to sign, signing key,
signature. Nothing of botocore's is used, so that a mistake of its use does not agree with itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import quote, unquote

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.cli.fake_bridge import FakeBridge

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


class SigningBridge(FakeBridge):
    """Refuses a handshake whose signature is none of `secrets`, which has secret keys by access key id.

    `session_tokens` has the token that belongs to a temporary access key id; `complaints` are the reasons.
    """

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[str, str] = {}
        self.session_tokens: dict[str, str] = {}
        self.region = "eu-central-1"
        self.complaints: list[str] = []
        self.paths: list[str] = []

    def _handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        if complaint := self._wrong(request):
            self.complaints.append(complaint)
            response = connection.respond(HTTPStatus.FORBIDDEN, "")
            response.headers["x-amzn-errortype"] = complaint
            return response
        return super()._handshake(connection, request)

    def _wrong(self, request: Request) -> str:
        """Return AWS's name for what is wrong with a handshake; empty where nothing is."""
        told = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
        if told is None:
            return "MissingAuthenticationTokenException"
        key_id, day, region, service, signed, signature = told.groups()
        if key_id not in self.secrets:
            return "UnrecognizedClientException"
        if request.headers.get("X-Amz-Security-Token") != self.session_tokens.get(key_id):
            return "ExpiredTokenException"
        names = signed.split(";")
        must = {"host", "x-amz-date"} | (
            {"x-amz-security-token"} & {each.lower() for each in request.headers}
        )
        at = request.headers["X-Amz-Date"]
        age = abs(datetime.now(UTC) - datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
        if not must <= set(names) or names != sorted(names) or age > timedelta(minutes=5):
            return "IncompleteSignatureException"
        if (day, region, service) != (at[:8], self.region, "execute-api"):
            return "InvalidSignatureException"
        scope = f"{day}/{region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", at, scope, _sha256(canonical_request(request, names))])
        key = f"AWS4{self.secrets[key_id]}".encode()
        for part in (day, region, service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        right = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return "" if hmac.compare_digest(right, signature) else "InvalidSignatureException"


def canonical_request(request: Request, signed: list[str]) -> str:
    """Return a handshake in canonical form, made of what came over the wire."""
    path, _, query = request.path.partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    encoded = sorted((quote(unquote(name), "-_.~"), quote(unquote(value), "-_.~")) for name, value in pairs)
    headers = [f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed]
    return "\n".join(
        [
            "GET",
            quote(path, "/-_.~"),  # encoded once more: every service but S3 has it so
            "&".join(f"{name}={value}" for name, value in encoded),
            "".join(headers),
            ";".join(signed),
            _sha256(""),
        ]
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
