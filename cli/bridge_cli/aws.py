"""What the command line asks of AWS: a stack's outputs and secrets. Only here boto3 is imported, late."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from bridge_cli import parameters
from bridge_cli.errors import BridgeError, NotConfigured

UNSET = "unset"
"""What the Anthropic secret holds until a key is put there; it stands for a parameter that is missing."""

_GONE = {
    *("ResourceNotFoundException", "ValidationError"),
    *("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_STALE = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}


@dataclass(frozen=True)
class AwsAccess:
    """How AWS is reached: what is None comes from the usual AWS environment.

    `emulated` is AWS on this machine, which takes any credentials: those of the user's are not sent there.
    """

    region: str | None = None
    profile: str | None = None
    endpoint: str | None = None
    emulated: bool = False

    def stack_outputs(self, stack: str) -> dict[str, str]:
        """Return a CloudFormation stack's outputs. Raises NotConfigured.

        Of `NAME/PREFIX`, those of the stack NAME that begin with PREFIX, without it: one bridge of several.
        """
        name, _, prefix = stack.partition("/")
        told = self._ask("cloudformation", "describe_stacks", f"the stack {name}", StackName=name)
        outputs = told["Stacks"][0].get("Outputs") or []
        found = {
            one["OutputKey"][len(prefix) :]: one["OutputValue"]
            for one in outputs
            if one["OutputKey"].startswith(prefix)
        }
        if prefix and not found:
            raise NotConfigured(
                f"the stack {name} has no outputs that begin with {prefix}",
                hint=f"Those of a bridge are emitted under its prefix: {prefix}Url and others.",
            )
        return found

    def secret(self, arn: str) -> str:
        """Return a secret's text, `UNSET` where its parameter is not made yet. Raises NotConfigured."""
        if parameters.is_parameter(arn):
            return parameters.read(self, arn) or UNSET
        told = self._ask("secretsmanager", "get_secret_value", f"the secret {arn}", SecretId=arn)
        return cast(str, told.get("SecretString") or "")

    def put_secret(self, arn: str, value: str) -> None:
        """Put a text into a secret; a parameter is made if it is missing. Raises NotConfigured."""
        if parameters.is_parameter(arn):
            parameters.write(self, arn, value)
            return
        self._ask("secretsmanager", "put_secret_value", f"the secret {arn}", SecretId=arn, SecretString=value)

    def signing_key(self, arn: str) -> str:
        """Return the key that signs tokens. Raises NotConfigured where there is none."""
        key = self.secret(arn)
        if key == UNSET:
            raise NotConfigured(
                f"there is no signing key yet in {arn}", hint="`bridge key set` makes one, beside the key."
            )
        if not key:
            raise NotConfigured(f"the secret {arn} is empty", hint="Is it the signing secret?")
        return key

    def identity(self, region: str) -> str:
        """Return the ARN of whoever the credentials are, which takes no right. Raises NotConfigured."""
        sts = replace(self, region=region).client("sts")
        with in_words("your identity"):
            return cast(str, sts.get_caller_identity()["Arn"])

    def client(self, service: str, attempts: int = 3) -> Any:
        """Return a client of a service; what is asked of it goes into `in_words`. Raises NotConfigured."""
        import botocore.config

        with in_words(f"the service {service}"):
            return self.session().client(
                service,
                endpoint_url=self.endpoint,
                config=botocore.config.Config(
                    connect_timeout=5,
                    read_timeout=20,
                    retries={"total_max_attempts": attempts, "mode": "standard"},
                ),
            )

    def session(self) -> Any:
        """Return boto3's session: its region, and its chain of credentials."""
        import boto3

        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"} if self.emulated else {}
        region = self.region or os.environ.get("AWS_REGION")  # which boto3 alone does not read
        return boto3.Session(profile_name=self.profile, region_name=region, **credentials)

    def _ask(self, service: str, operation: str, of: str, **parameters: Any) -> dict[str, Any]:
        client = self.client(service)
        with in_words(of):
            return cast(dict[str, Any], getattr(client, operation)(**parameters))


@contextmanager
def in_words(of: str, needs: str = "") -> Iterator[None]:
    """Raise AWS's errors in words: `of` what it was asked, `needs` which rights that takes.

    Raises NotConfigured. A condition that does not hold is no error of AWS's, and is passed on.
    """
    import botocore.exceptions

    try:
        yield
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        if code_of(error) == "ConditionalCheckFailedException":
            raise
        raise _in_words(error, of, needs) from error


def code_of(error: Exception) -> str:
    """Return the code of an error of AWS's, or the name of one of botocore's own."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__))


def _in_words(error: Exception, of: str, needs: str) -> BridgeError:  # noqa: PLR0911 - a table, one line per error
    """Return an AWS error in words, with a next step; never what was sent."""
    match code := code_of(error):
        case "NoRegionError":
            return NotConfigured(
                "AWS does not know which region is meant",
                hint="Set AWS_REGION, or `bridge config set region eu-central-1`.",
            )
        case "NoCredentialsError" | "PartialCredentialsError" | "CredentialRetrievalError":
            return NotConfigured("there are no AWS credentials", hint="`aws sso login`, or set AWS_PROFILE.")
        case "ProfileNotFound":
            return NotConfigured(str(error), hint="Check AWS_PROFILE, or the profile's `aws_profile`.")
        case "EndpointConnectionError" | "ConnectTimeoutError" | "ReadTimeoutError":
            return NotConfigured(f"AWS cannot be reached: {error}", hint="Check the network and the region.")
        case _ if code in _STALE or "TokenRetrieval" in code or "SSO" in code:
            return NotConfigured(
                f"AWS does not take the credentials ({code})", hint="`aws sso login`, or renew them."
            )
        case _ if code in _DENIED:
            return NotConfigured(
                f"AWS does not let you read or write {of} ({code})", hint=needs or "Ask who deployed it."
            )
        case _ if code in _GONE:
            return NotConfigured(
                f"AWS does not know {of}", hint="Check its name, the account and the region."
            )
        case _:
            return NotConfigured(f"AWS answered with an error for {of}: {code}")
