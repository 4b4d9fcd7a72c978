"""Who may speak, and how much."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aws_cdk.aws_secretsmanager import ISecret

from claude_context_bridge import limits


@dataclass(frozen=True, kw_only=True)
class AccessProps:
    """Who may speak, and how much."""

    auth: Annotated[Literal["token", "iam", "none"], limits.AUTH] = "token"
    """Who may connect: whoever holds a signed token, whoever AWS lets (`iam`, see `grant_connect`), or
    (`none`) whoever knows the URL, at your expense. Tokens are the default because clients of theirs need no
    AWS account."""

    signing_secret: ISecret | None = None
    """A secret of your own, a bare string of at least 32 characters, which signs the tokens. By default
    one is generated. Only with `auth="token"` and `secret_store="secrets_manager"`."""

    secret_store: Annotated[Literal["secrets_manager", "parameter_store"], limits.SECRET_STORE] = (
        "secrets_manager"  # noqa: S105 - a name of a service
    )
    """Where the secrets are that the bridge makes. Secrets Manager is the default, since a deployment makes
    them whole there ($0.40 a month each); SecureStrings of the Parameter Store cost nothing, but no
    deployment can make them: `bridge key set` does, and until then nobody is let in."""

    daily_tokens: Annotated[int, limits.DAILY_TOKENS] = 0
    """Tokens, in and out, that one owner may use in a day of UTC; 0 is no limit. It costs each turn a write,
    and what is too little for one owner is too much for another: there is none until it is asked for."""

    owner_rate: Annotated[int, limits.OWNER_RATE] = 0
    """Frames that one owner may send in a minute; 0 is no limit. It costs each frame a write; what all owners
    send together is limited by the stage's throttle in any case."""

    max_message_length: Annotated[int, limits.MESSAGE] = 60_000
    """Characters of one message, at most. API Gateway takes 128 KB, JSON and UTF-8 included."""

    throttle_rate: Annotated[int, limits.REQUESTS] = 100
    """Messages per second that the stage lets through: all owners' together, and a limit to what a leaked
    token can cost."""

    throttle_burst: Annotated[int, limits.REQUESTS] = 200
    """Messages that it lets through at once: two seconds' worth."""
