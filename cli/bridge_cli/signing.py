"""The handshake's signature where `auth` is `iam`: SigV4 by botocore, made anew for each handshake.

What is signed is what goes over the wire: the method, the path and the query of the URL, the host, the time,
and the session token where the credentials have one. AWS takes a signature for five minutes.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from bridge_cli.aws import AwsAccess, in_words
from bridge_cli.errors import ConnectionRefused, NotConfigured

SERVICE = "execute-api"

_REGION = re.compile(r"\.execute-api\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com(?:\.cn)?$")

_RENEW = "`aws sso login`, or renew them; `bridge doctor` says whose they are."

_REASONS = {
    "InvalidSignatureException": (
        "AWS finds the signature wrong",
        "Check this machine's clock, the URL's region, and the secret access key.",
    ),
    "ExpiredTokenException": ("AWS does not take the credentials: they have expired", _RENEW),
    "UnrecognizedClientException": ("AWS does not know the credentials", _RENEW),
    "InvalidClientTokenId": ("AWS does not know the credentials", _RENEW),
}
_MAY_NOT = (
    "your AWS identity may not call the bridge",
    "It needs execute-api:Invoke on the API's $connect route; ask who deployed it. "
    "`bridge doctor` says who you are.",
)
_NO_IAM = (
    "the bridge does not take your AWS identity",
    "Does it want a token? `bridge config set auth token`, or unset BRIDGE_AUTH.",
)


class Signature:
    """Signs handshakes with an endpoint; called before each one, it returns the headers to add.

    Credentials that AWS renews by itself are kept; others are looked up anew each time, since a person may
    have renewed them.
    """

    def __init__(self, aws: AwsAccess, url: str) -> None:
        self._aws = aws
        self._url = url
        self._renewing: Any = None

    def __call__(self) -> dict[str, str]:
        """Return the headers. Raises NotConfigured where there are no credentials, or no region."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from websockets.uri import parse_uri

        sent = parse_uri(self._url)  # as websockets will ask for it
        request = AWSRequest(
            "GET",
            f"{'https' if sent.secure else 'http'}://{urlsplit(self._url).netloc}{sent.path}",
            # Taken apart, and encoded by botocore: the URL's own encoding need not be the one that AWS wants.
            params=[tuple(map(unquote, pair.partition("=")[::2])) for pair in sent.query.split("&") if pair],
        )
        SigV4Auth(self.credentials(), SERVICE, self.region()).add_auth(request)
        return dict(request.headers.items())

    def credentials(self) -> Any:
        """Return the credentials as they are now, frozen. Raises NotConfigured."""
        import botocore.exceptions
        from botocore.credentials import RefreshableCredentials

        with in_words("the credentials"):
            try:
                found = self._renewing or self._aws.session().get_credentials()
                if found is None:
                    raise botocore.exceptions.NoCredentialsError
                self._renewing = found if isinstance(found, RefreshableCredentials) else None
                return found.get_frozen_credentials()
            except RuntimeError as error:  # botocore's, where what it got for expired ones has expired, too
                raise NotConfigured("the AWS credentials have expired", hint=_RENEW) from error

    def identity(self) -> str:
        """Return the ARN that AWS knows the credentials by. Raises NotConfigured where it takes them not."""
        self.credentials()
        return self._aws.identity(self.region())

    def region(self) -> str:
        """Return the API's region: the URL's, else the one that is set. Raises NotConfigured."""
        host = urlsplit(self._url).hostname or ""
        if told := _REGION.search(host):
            return told[1]
        with in_words("the region"):
            region = self._aws.session().region_name
        if not region:
            raise NotConfigured(
                f"it is not known in which region {host} is, which the signature names",
                hint="Set AWS_REGION, or `bridge config set region eu-central-1`.",
            )
        return str(region)


def refused(status: int, error_type: str | None) -> ConnectionRefused:
    """Return what a refused signature is in words; `error_type` is the header `x-amzn-errortype`."""
    kind = (error_type or "").partition(":")[0]
    message, hint = _REASONS.get(kind, _MAY_NOT if status == HTTPStatus.FORBIDDEN else _NO_IAM)
    told = f", {kind}" if kind else ""
    return ConnectionRefused(f"{message} (HTTP {status}{told})", hint=hint, status=status)
