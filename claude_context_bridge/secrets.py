"""The two secrets, the key to Claude and the key that signs connection tokens, and where they live."""

import re
from typing import Protocol

from aws_cdk import SecretValue, Stack, Token
from aws_cdk.aws_iam import Grant, IGrantable
from aws_cdk.aws_secretsmanager import ISecret, Secret, SecretStringGenerator
from constructs import Construct

from claude_context_bridge.props import BridgeProps

UNSET = "unset"


class Kept(Protocol):
    """A secret, wherever it lives: its ARN says where."""

    @property
    def arn(self) -> str:
        """The ARN by which it is read."""

    @property
    def secret(self) -> ISecret | None:
        """The secret of Secrets Manager's, if it is one."""

    def grant_read(self, grantee: IGrantable) -> Grant:
        """Let a grantee read the value, and nothing else of it."""


class Secrets(Construct):
    """`anthropic` holds the bare API key (None on Bedrock), `signing` the tokens' key (None without tokens).

    Secrets that are passed in are used as they are; only missing ones are created. In Parameter Store none
    is: CloudFormation makes no SecureStrings. `bridge key set` does, under the names that the functions are
    told here.
    """

    def __init__(self, scope: Construct, construct_id: str, *, props: BridgeProps) -> None:
        super().__init__(scope, construct_id)
        in_parameters = props.secret_store == "parameter_store"  # noqa: S105 - a service's name
        self.anthropic: Kept | None = None
        self.signing: Kept | None = None
        if props.provider == "anthropic":
            self.anthropic = (
                Parameter(self, "anthropic")
                if in_parameters
                else _Passed(props.anthropic_secret)
                if props.anthropic_secret
                else _Created(_anthropic(self, props))
            )
        if props.auth == "token":
            self.signing = (
                Parameter(self, "signing")
                if in_parameters
                else _Passed(props.signing_secret)
                if props.signing_secret
                else _Created(_signing(self, props))
            )


class _Passed:
    """A secret of somebody's: its own grant knows of a partial ARN, or of a KMS key of its own."""

    def __init__(self, secret: ISecret) -> None:
        self.secret = secret
        self.arn = secret.secret_arn

    def grant_read(self, grantee: IGrantable) -> Grant:
        """Let a grantee read the value."""
        return self.secret.grant_read(grantee)


class _Created(_Passed):
    """A secret that was created here."""

    def grant_read(self, grantee: IGrantable) -> Grant:
        """Let a grantee read the value; the secret's own grant would also let it describe the secret.

        Nor does that one let anybody use a key that was made elsewhere.
        """
        grant = Grant.add_to_principal(
            grantee=grantee, actions=["secretsmanager:GetSecretValue"], resource_arns=[self.arn]
        )
        if (key := self.secret.encryption_key) is None:
            return grant
        via = f"secretsmanager.{Stack.of(self.secret).region}.amazonaws.com"
        return grant.combine(
            Grant.add_to_principal(
                grantee=grantee,
                actions=["kms:Decrypt"],
                resource_arns=[key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": via}},
            )
        )


class Parameter:
    """A SecureString of Parameter Store's, `/{stack}/{the bridge's path in it}/{name}`, under AWS's own key.

    Whoever may read such a parameter may decrypt it: AWS's key for Parameter Store says so itself. Raises
    ValueError where the bridge's path makes no parameter's name.
    """

    def __init__(self, secrets: Construct, name: str) -> None:
        stack, bridge = Stack.of(secrets), secrets.node.path.rpartition("/")[0]
        below = bridge.removeprefix(stack.node.path).strip("/")
        path = f"{stack.stack_name}/{below}/{name}"
        spelt = f"a-stack/{below}/{name}" if Token.is_unresolved(stack.stack_name) else path
        if not re.fullmatch(r"(?!(?i:aws|ssm))[A-Za-z0-9_./-]{1,900}", spelt):
            raise ValueError(
                f"secret_store='parameter_store' makes no parameter's name of {path!r}: name stack and "
                "construct with letters, digits or . - _, the stack not beginning with aws or ssm"
            )
        self.secret: ISecret | None = None
        self.arn = stack.format_arn(service="ssm", resource="parameter", resource_name=path)

    def grant_read(self, grantee: IGrantable) -> Grant:
        """Let a grantee read the value."""
        return Grant.add_to_principal(grantee=grantee, actions=["ssm:GetParameter"], resource_arns=[self.arn])


def _anthropic(scope: Construct, props: BridgeProps) -> Secret:
    return Secret(
        scope,
        "Anthropic",
        description="The Anthropic API key, as a bare string",
        # Not a secret but the word that says that there is none yet. CloudFormation writes it once;
        # a later deploy leaves alone what `bridge key set` has put there.
        secret_string_value=SecretValue.unsafe_plain_text(UNSET),
        encryption_key=props.encryption_key,
        removal_policy=props.removal_policy,
    )


def _signing(scope: Construct, props: BridgeProps) -> Secret:
    return Secret(
        scope,
        "Signing",
        description="The key that signs connection tokens (HS256), as a bare string",
        generate_secret_string=SecretStringGenerator(password_length=64, exclude_punctuation=True),
        encryption_key=props.encryption_key,
        removal_policy=props.removal_policy,
    )
