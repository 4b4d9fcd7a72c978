"""What the command line asks of AWS: a stack's outputs and secrets. Only here boto3 is imported, late."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, cast

from bridge_cli.errors import BridgeError, NotConfigured

UNSET = "unset"
"""What the Anthropic secret holds until a key is put there."""

_GONE = {"ResourceNotFoundException", "ValidationError"}
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
        """Return a CloudFormation stack's outputs. Raises NotConfigured."""
        told = self._ask("cloudformation", "describe_stacks", f"the stack {stack}", StackName=stack)
        outputs = told["Stacks"][0].get("Outputs") or []
        return {one["OutputKey"]: one["OutputValue"] for one in outputs}

    def secret(self, arn: str) -> str:
        """Return a secret's text. Raises NotConfigured."""
        told = self._ask("secretsmanager", "get_secret_value", f"the secret {arn}", SecretId=arn)
        return cast(str, told.get("SecretString") or "")

    def put_secret(self, arn: str, value: str) -> None:
        """Put a text into a secret. Raises NotConfigured."""
        self._ask("secretsmanager", "put_secret_value", f"the secret {arn}", SecretId=arn, SecretString=value)

    def _ask(self, service: str, operation: str, of: str, **parameters: Any) -> dict[str, Any]:
        import boto3
        import botocore.config
        import botocore.exceptions

        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"} if self.emulated else {}
        try:
            region = self.region or os.environ.get("AWS_REGION")  # which boto3 alone does not read
            session = boto3.Session(profile_name=self.profile, region_name=region, **credentials)
            client = session.client(
                service,
                endpoint_url=self.endpoint,
                config=botocore.config.Config(
                    connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3}
                ),
            )
            return cast(dict[str, Any], getattr(client, operation)(**parameters))
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise _in_words(error, of) from error


def _in_words(error: Exception, of: str) -> BridgeError:  # noqa: PLR0911 - a table, one line per error
    """Return an AWS error in words, with a next step; never what was sent."""
    code = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
    match code:
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
                f"AWS does not let you read or write {of} ({code})", hint="Ask who deployed it."
            )
        case _ if code in _GONE:
            return NotConfigured(
                f"AWS does not know {of}", hint="Check its name, the account and the region."
            )
        case _:
            return NotConfigured(f"AWS answered with an error for {of}: {code}")
