"""What may be wrong between here and Claude, step by step: what needs a step that failed is left out."""

from __future__ import annotations

import asyncio
import shlex
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bridge_cli import local_aws, models_check, tokens
from bridge_cli.aws import UNSET
from bridge_cli.client import BridgeClient, Patience
from bridge_cli.configuration import Choice, Configuration, configure
from bridge_cli.endpoint import Endpoint
from bridge_cli.errors import BridgeError, ConnectionRefused
from bridge_cli.lifecycles import KeyRefused, NotTold
from bridge_cli.profiles import ProfileFile
from bridge_cli.signing import Signature

_CONNECT = 10  # seconds
_SOON = 300  # seconds: a token that expires within them is worth a word


@dataclass(frozen=True)
class Check:
    """One step. `ok` is None where it does not apply; `mend` says what to do."""

    name: str
    ok: bool | None
    detail: str
    mend: str = ""


async def examine(choice: Choice) -> AsyncIterator[Check]:
    """Yield one Check after the other; those that need one that failed are left out."""
    file = _profile_file()
    yield file
    if file.ok is False and "mode" not in file.detail:
        return
    try:
        found = configure(choice, lambda line: None)
        endpoint = found.endpoint()
    except BridgeError as error:
        yield _failed("endpoint", error)
        return
    yield _endpoint(endpoint)
    if endpoint.is_local:
        yield _local(endpoint)
    async for check in _way_to(endpoint):
        yield check
        if check.ok is False:
            break
    else:
        yield await asyncio.to_thread(_credentials if endpoint.sign else _token, endpoint)
        async for check in _talk(endpoint):
            yield check
    key = await asyncio.to_thread(_anthropic_key, found)
    yield key
    if key.ok is not False:
        yield await asyncio.to_thread(_models, found)


def _failed(name: str, error: BridgeError) -> Check:
    return Check(name, ok=False, detail=error.message, mend=error.hint)


def _profile_file() -> Check:
    file = ProfileFile()
    name = "profile file"
    if not file.path.exists():
        return Check(name, ok=None, detail=f"{file.path} is not there, which is fine")
    if file.open_to_others():
        return Check(
            name, ok=False, detail=f"{file.path}: its mode lets others read it", mend=f"chmod 600 {file.path}"
        )
    try:
        profiles = file.read()["profiles"]
    except BridgeError as error:
        return _failed(name, error)
    return Check(name, ok=True, detail=f"{file.path}: {len(profiles)} profile(s), mode 600")


def _endpoint(endpoint: Endpoint) -> Check:
    detail = f"{endpoint.url} (from {endpoint.origin})"
    if endpoint.sends_in_clear:
        return Check(
            "endpoint",
            ok=False,
            detail=f"{detail}: what you say, and your token, can be read on the way",
            mend="Use wss:// unless the network between is your own.",
        )
    return Check("endpoint", ok=True, detail=detail)


def _local(endpoint: Endpoint) -> Check:
    try:
        running = local_aws.running()
    except BridgeError as error:
        return _failed("local AWS", error)
    if running is None:
        mend = "bridge local up" if local_aws.installed() else "pip install '.[local]' in a clone"
        return Check(
            "local AWS", ok=None, detail="`bridge local` runs nothing here", mend=f"If it should: {mend}"
        )
    same = running.url == endpoint.url
    detail = f"it runs; {running.model_note or running.model}"
    other = "" if same else f"The endpoint is another one; the local AWS's is {running.url}"
    return Check("local AWS", ok=True, detail=detail, mend=other)


async def _way_to(endpoint: Endpoint) -> AsyncIterator[Check]:
    parts = urlsplit(endpoint.url)
    host, secure = parts.hostname or "", parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    proxies = getproxies()
    if (proxies.get("https") or proxies.get("all")) and not proxy_bypass(host):
        yield Check("network", ok=None, detail="a proxy is set: it looks the name up and connects")
        return
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_CONNECT):
            known = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        yield Check(
            "DNS",
            ok=False,
            detail=f"there is no host {host} ({error})",
            mend="Check the URL and the network.",
        )
        return
    yield Check("DNS", ok=True, detail=f"{host} is {known[0][4][0]}")
    async for check in _reach(host, port, secure=secure):
        yield check


async def _reach(host: str, port: int, *, secure: bool) -> AsyncIterator[Check]:
    try:
        async with asyncio.timeout(_CONNECT):
            _, plain = await asyncio.open_connection(host, port)
            plain.close()
    except (OSError, TimeoutError) as error:
        local = host in {"localhost", "127.0.0.1", "::1"}
        mend = "bridge local up" if local else "Check the URL, the network and any firewall."
        yield Check("TCP", ok=False, detail=f"{host}:{port} does not answer ({error})", mend=mend)
        return
    yield Check("TCP", ok=True, detail=f"{host}:{port} answers")
    if not secure:
        return
    try:
        async with asyncio.timeout(_CONNECT):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
            version = writer.get_extra_info("ssl_object").version()
            writer.close()
    except (OSError, TimeoutError) as error:
        mend = "Check the URL, the clock, and SSL_CERT_FILE if a proxy of your company's signs."
        yield Check("TLS", ok=False, detail=f"the handshake failed ({error})", mend=mend)
        return
    yield Check("TLS", ok=True, detail=f"{version}, the certificate is trusted")


def _token(endpoint: Endpoint) -> Check:
    how = "`bridge token create` mints one; put it into BRIDGE_TOKEN or `bridge config set token -`."
    try:
        token = endpoint.token()
        if not token:
            return Check(
                "token", ok=None, detail="there is none: fine where `auth` is none", mend=f"Else: {how}"
            )
        claims = tokens.read(token)
    except BridgeError as error:
        return _failed("token", error)
    except ValueError as error:
        return Check("token", ok=False, detail=f"{error} (from {endpoint.token_origin})", mend=how)
    left = claims.seconds_left
    named = f", id {claims.token_id}" if claims.token_id else ""
    detail = f"owner {claims.owner}, expires {claims.expires_at}{named} (from {endpoint.token_origin})"
    if left is None:
        return Check("token", ok=False, detail=f"{detail}: the bridge takes none without an expiry", mend=how)
    if left <= 0:
        return Check("token", ok=False, detail=f"it has expired: {detail}", mend=how)
    return Check("token", ok=True, detail=detail, mend=f"It expires soon. {how}" if left < _SOON else "")


def _credentials(endpoint: Endpoint) -> Check:
    """Look who the AWS credentials are that a handshake is signed with: that is the owner."""
    name = "AWS credentials"
    assert isinstance(endpoint.sign, Signature)  # noqa: S101 - for the type checker
    try:
        arn = endpoint.sign.identity()
    except BridgeError as error:
        return _failed(name, error)
    return Check(name, ok=True, detail=f"owner {arn}, signing for {endpoint.sign.region()}")


async def _talk(endpoint: Endpoint) -> AsyncIterator[Check]:
    client = BridgeClient(endpoint, patience=Patience(connect=_CONNECT, reply=_CONNECT, reconnect=0))
    try:
        await client.connect()
    except ConnectionRefused as error:
        yield Check("handshake", ok=False, detail=error.message, mend=_named_owner(error.hint, endpoint))
        return
    except BridgeError as error:
        yield _failed("handshake", error)
        return
    try:
        yield Check("handshake", ok=True, detail="the bridge let you in")
        seconds = await client.ping()
        yield Check("ping", ok=True, detail=f"answered after {seconds * 1000:.0f} ms")
    except BridgeError as error:
        yield _failed("ping", error)
    finally:
        await client.close()


def _named_owner(hint: str, endpoint: Endpoint) -> str:
    """Put the token's owner into a hint about tokens, as a shell reads it."""
    try:
        owner = tokens.read((None if endpoint.sign else endpoint.token()) or "").owner
    except (BridgeError, ValueError):
        return hint
    return hint.replace("--owner O`", f"--owner {shlex.quote(owner)}`") if owner.isprintable() else hint


def _anthropic_key(found: Configuration) -> Check:
    name = "Anthropic key"
    try:
        if found.local is not None and found.local.tiny_model:
            return Check(name, ok=None, detail=found.local.model_note)
        arn = found.anthropic_secret()
        if not arn and found.output("Provider") == "bedrock":
            return Check(name, ok=None, detail="none is needed: Claude is asked on Amazon Bedrock")
        if not arn:
            return Check(name, ok=None, detail="not looked at: no stack or secret is named")
        key = found.aws.secret(arn)
    except BridgeError as error:
        return Check(name, ok=None, detail=f"not looked at: {error.message}", mend=error.hint)
    if key in {"", UNSET}:
        return Check(name, ok=False, detail="there is none yet", mend="`bridge key set` puts it there.")
    return Check(name, ok=True, detail="it is set")


def _models(found: Configuration) -> Check:
    """Ask whoever answers whether the models are there, and stay."""
    name = "models"
    try:
        named = models_check.configured(found)
        tiny = found.local is not None and found.local.tiny_model
        arn = found.anthropic_secret()
        told = (
            models_check.catalog(found, found.aws.secret(arn) if arn else "") if named and not tiny else None
        )
        if told is None:
            return Check(name, ok=None, detail="not looked at: it is not told which are used")
        bedrock = found.output("Provider") == "bedrock"
        said = list(models_check.complaints(named, told, bedrock=bedrock))
    except KeyRefused as error:
        return _failed(name, error)
    except NotTold as why:
        return Check(name, ok=None, detail=f"not looked at: {why}")
    except BridgeError as error:
        return Check(name, ok=None, detail=f"not looked at: {error.message}", mend=error.hint)
    if not said:
        return Check(name, ok=True, detail=", ".join(named))
    wrong = any(over for over, _ in said)
    mend = "Set them for the environment in cdk.json, or by -c NAME=VALUE, and deploy again."
    return Check(name, ok=not wrong, detail=". ".join(text for _, text in said), mend=mend)
