"""Which endpoint is meant: an option, the environment, a profile, a stack's outputs, or the local AWS.

Options are stronger than the environment, and that is stronger than the current profile. A token goes only to
the endpoint that it was given for: a profile's token is not sent to a URL that came from elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bridge_cli import local_aws, tokens
from bridge_cli.aws import AwsAccess
from bridge_cli.endpoint import Endpoint, checked_url
from bridge_cli.errors import NotConfigured, UsageError
from bridge_cli.local_aws import LocalBridge
from bridge_cli.memory import checked_scope
from bridge_cli.profiles import Profile, ProfileFile, checked_auth
from bridge_cli.signing import Signature

HOW_TO_CONFIGURE = (
    "Set BRIDGE_URL, or `bridge config set url wss://…`, or `bridge config set stack NAME`, "
    "or start one here: `bridge local up`."
)

_LOCAL_IS_DOWN = "the local bridge is down"
_LOCAL_UP = "`bridge local up` starts it."

_RENEW = 60  # seconds before its expiry that a token is no longer offered


@dataclass(frozen=True)
class Choice:
    """What the options of a command say."""

    url: str | None = None
    token_file: str | None = None
    profile: str | None = None
    stack: str | None = None


@dataclass
class Configuration:
    """What is known of the endpoint that is meant, before anything is connected.

    `url` is None where only AWS is known of (a profile with a secret's ARN). `origin` says where it
    came from.
    """

    choice: Choice
    profile: Profile | None = None
    profile_named: bool = False
    url: str | None = None
    stack: str | None = None
    origin: str = ""
    local: LocalBridge | None = None
    _outputs: dict[str, str] | None = field(default=None, repr=False)

    @property
    def aws(self) -> AwsAccess:
        """How the AWS of this endpoint is reached."""
        if self.local is not None:
            return self.local.aws
        profile = self.profile
        if profile is None or not (self.stack or self.belongs_to_profile or self.profile_named):
            return AwsAccess()
        return AwsAccess(profile.region, profile.aws_profile, profile.aws_endpoint)

    @property
    def belongs_to_profile(self) -> bool:
        """Whether the endpoint is the profile's, so that its token may go there."""
        profile = self.profile
        if profile is None:
            return False
        if self.origin == f"profile {profile.name}":
            return True
        same_url = profile.url is not None and self.url == checked_url(profile.url)
        return same_url or (self.profile_named and bool(self.choice.url))

    def output(self, name: str) -> str | None:
        """Return an output of the stack; None where there is none. It asks AWS, but for the local one."""
        if self.stack is None:
            return self.local.outputs.get(name) if self.local else None
        if self._outputs is None:
            self._outputs = self.aws.stack_outputs(self.stack)
        return self._outputs.get(name)

    def endpoint(self) -> Endpoint:
        """Return the endpoint, ready to connect. Raises NotConfigured or UsageError."""
        url = self.url or self.output("Url")
        if not url and self._is_local_down():
            raise NotConfigured(_LOCAL_IS_DOWN, hint=f"{_LOCAL_UP} Is another one meant? {HOW_TO_CONFIGURE}")
        if not url:
            missing = (
                f"the stack {self.stack} has no output `Url`" if self.stack else "no bridge is configured"
            )
            raise NotConfigured(missing, hint=HOW_TO_CONFIGURE)
        sign = Signature(self.aws, checked_url(url)) if self.signs() else None
        token, origin = (_fixed(None), "") if sign else self.token()
        own = self.profile if self.belongs_to_profile else None
        return Endpoint(
            url=checked_url(url),
            token=token,
            sign=sign,
            origin=self.origin,
            token_origin=origin,
            model_note=self.local.model_note if self.local and self.local.tiny_model else "",
            model=own.model if own else None,
            recall=checked_scope(own.recall) if own and own.recall else None,
        )

    def needed(self, output: str, what: str, option: str) -> str:
        """Return an output of the stack that a command cannot do without. Raises NotConfigured."""
        value = self.output(output)
        if not value and self._is_local_down():
            raise NotConfigured(_LOCAL_IS_DOWN, hint=f"{_LOCAL_UP} Is another one meant? Name its stack.")
        if not value:
            raise NotConfigured(
                f"it is not known {what}",
                hint=f"Name the stack (--stack claude-context-bridge-prod) or {option}.",
            )
        return value

    def auth(self) -> str | None:
        """Return how the endpoint lets one in, as the profile or BRIDGE_AUTH says; None where neither does.

        Raises UsageError where BRIDGE_AUTH makes no sense.
        """
        own = self.profile.auth if self.profile and self.belongs_to_profile else None
        if own and self.profile_named:
            return checked_auth(own)
        named = os.environ.get("BRIDGE_AUTH") or own
        return checked_auth(named) if named else None

    def signs(self) -> bool:
        """Tell whether a handshake is signed with AWS credentials, and bears no token. It may ask AWS."""
        if self.choice.token_file:
            return False
        if named := self.auth():
            return named == "iam"
        own = self.profile if self.belongs_to_profile else None
        if self.url and (os.environ.get("BRIDGE_TOKEN") or (own and _of_profile(own))):
            return False
        return self.output("Auth") == "iam"

    def token(self) -> tuple[Callable[[], str | None], str]:  # noqa: PLR0911 - one line per source
        """Return how the token is had, and where it comes from ("" where there is none)."""
        if self.choice.token_file:
            return _from_file(self.choice.token_file), "--token-file"
        named = self.auth()
        if named == "none":
            return _fixed(None), ""
        own = self.profile if self.belongs_to_profile else None
        of_profile = _of_profile(own) if own else None
        if of_profile and self.profile_named:
            return of_profile
        if token := os.environ.get("BRIDGE_TOKEN"):
            return _fixed(token), "BRIDGE_TOKEN"
        if of_profile:
            return of_profile
        if self.local is not None and self.local.token:
            return _kept(self._local_token), "the local AWS"
        if self.stack is not None and named is None and self.output("Auth") == "none":
            return _fixed(None), ""
        if self.local is None and self.signing_secret():
            return _kept(self._minted), "minted with the signing secret"
        return _fixed(None), ""

    def signing_secret(self) -> str | None:
        """Return the ARN of the secret that signs tokens, None where it is not known. It may ask AWS."""
        own = self.profile if self.belongs_to_profile or self.profile_named else None
        return (own.signing_secret if own else None) or self.output("SigningSecretArn")

    def anthropic_secret(self) -> str | None:
        """Return the ARN of the secret that holds the Anthropic key, None where it is not known."""
        own = self.profile if self.belongs_to_profile or self.profile_named else None
        return (own.anthropic_secret if own else None) or self.output("AnthropicSecretArn")

    def owner(self) -> str:
        """Return who a minted token speaks for."""
        return (self.profile.owner if self.profile else None) or tokens.local_user()

    def _is_local_down(self) -> bool:
        """Tell whether the local bridge would be meant, if it ran: nothing else is named."""
        return self.url is None and self.stack is None and self.local is None and local_aws.is_down()

    def _local_token(self) -> str | None:
        token = self.local.token if self.local else None
        return local_aws.fresh_token() if token is None or tokens.expires_within(token, _RENEW) else token

    def _minted(self) -> str:
        return tokens.mint(self.aws.signing_key(self.signing_secret() or ""), self.owner())


def configure(choice: Choice, notice: Callable[[str], None]) -> Configuration:
    """Find out which endpoint is meant; asks neither AWS nor it. Raises NotConfigured or UsageError."""
    file = ProfileFile()
    file.close_to_others(notice)
    found = _named(choice, file)
    if found.url:
        found.url = checked_url(found.url)
    if found.url is None and found.stack is None:
        found.local = local_aws.running()
        if found.local is not None:
            found.url, found.origin = checked_url(found.local.url), "the local AWS"
            notice(f"No bridge is configured: using the one on this machine ({found.url}).")
    elif found.url is not None and Endpoint(found.url).is_local:
        local = local_aws.running()
        found.local = local if local and checked_url(local.url) == found.url else None
    return found


def _named(choice: Choice, file: ProfileFile) -> Configuration:
    """Return what is named, strongest first: options, the environment, the current profile."""
    if choice.url and choice.stack:
        raise UsageError("--url and --stack name two endpoints", hint="Give one of them.")
    environment = os.environ
    named = choice.profile or (
        None
        if choice.url or choice.stack or environment.get("BRIDGE_URL")
        else environment.get("BRIDGE_PROFILE")
    )
    profile = file.profile(named) if named else file.current_profile()
    found = Configuration(choice, profile=profile, profile_named=bool(choice.profile))
    if choice.url:
        return replace(found, url=choice.url, origin="--url")
    if choice.stack:
        return replace(found, stack=choice.stack, origin="--stack")
    if choice.profile is None:
        if url := environment.get("BRIDGE_URL"):
            return replace(found, url=url, origin="BRIDGE_URL")
        if stack := environment.get("BRIDGE_STACK"):
            return replace(found, stack=stack, origin="BRIDGE_STACK")
    if profile is not None:
        return replace(found, url=profile.url, stack=profile.stack, origin=f"profile {profile.name}")
    return found


def _of_profile(profile: Profile) -> tuple[Callable[[], str | None], str] | None:
    if profile.token:
        return _fixed(profile.token), f"profile {profile.name}"
    if profile.token_file:
        return _from_file(profile.token_file), f"profile {profile.name}: {profile.token_file}"
    return None


def _fixed(token: str | None) -> Callable[[], str | None]:
    stripped = token.strip() if token else None
    return lambda: stripped


def _kept(source: Callable[[], str | None]) -> Callable[[], str | None]:
    """Ask `source` for a token once, and again only when that one is about to expire."""
    known: str | None = None

    def token() -> str | None:
        nonlocal known
        if known is None or tokens.expires_within(known, _RENEW):
            known = source()
        return known

    return token


def _from_file(path: str) -> Callable[[], str]:
    def read() -> str:
        try:
            return Path(path).expanduser().read_text("utf-8").strip()
        except OSError as error:
            raise NotConfigured(f"the token file {path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise NotConfigured(f"the token file {path} cannot be read: {error}") from error

    return read
