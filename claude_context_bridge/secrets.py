"""The two secrets: the key to Claude, and the key that signs connection tokens."""

from aws_cdk import RemovalPolicy, SecretValue
from aws_cdk.aws_iam import Grant, IGrantable
from aws_cdk.aws_secretsmanager import ISecret, Secret, SecretStringGenerator
from constructs import Construct

UNSET = "unset"


class Secrets(Construct):
    """`anthropic` holds the bare API key, `signing` the tokens' key (None where no token is asked for).

    Secrets that are passed in are used as they are; only missing ones are created.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        removal_policy: RemovalPolicy,
        with_tokens: bool,
        anthropic: ISecret | None = None,
        signing: ISecret | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._created: set[ISecret] = set()
        self.anthropic: ISecret = anthropic or self._create(
            Secret(
                self,
                "Anthropic",
                description="The Anthropic API key, as a bare string",
                # Not a secret but the word that says that there is none yet. CloudFormation writes it once;
                # a later deploy leaves alone what `bridge key set` has put there.
                secret_string_value=SecretValue.unsafe_plain_text(UNSET),
                removal_policy=removal_policy,
            )
        )
        self.signing: ISecret | None = None
        if with_tokens:
            self.signing = signing or self._create(
                Secret(
                    self,
                    "Signing",
                    description="The key that signs connection tokens (HS256), as a bare string",
                    generate_secret_string=SecretStringGenerator(
                        password_length=64, exclude_punctuation=True
                    ),
                    removal_policy=removal_policy,
                )
            )

    def grant_read(self, secret: ISecret, grantee: IGrantable) -> Grant:
        """Let a grantee read the secret's value, and nothing else of it."""
        if secret in self._created:
            return Grant.add_to_principal(
                grantee=grantee,
                actions=["secretsmanager:GetSecretValue"],
                resource_arns=[secret.secret_arn],
            )
        # One that was passed in may have a partial ARN or a KMS key of its own: its own grant knows.
        return secret.grant_read(grantee)

    def _create(self, secret: Secret) -> Secret:
        self._created.add(secret)
        return secret
