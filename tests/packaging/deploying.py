"""The installed package at work: its local AWS, and somebody's own app in that."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from bridge_local import ports
from bridge_local.status import local_url
from tests.messages_server import KEY, MessagesServer
from tests.packaging.installing import Done, Installed, emulated, finished, succeeded

FOREIGN = Path(__file__).with_name("foreign")
STACK = "Assistants"

_FLAGS = ("--no-notices", "--no-version-reporting")


@dataclass(frozen=True)
class Foreign:
    """Somebody's own CDK app, in a folder of its own, with the installed package and an emulated AWS."""

    installed: Installed
    claude: MessagesServer
    folder: Path
    port: int

    @property
    def out(self) -> Path:
        """What it was synthesized into."""
        return self.folder / "cdk.out"

    @property
    def template(self) -> dict[str, Any]:
        """Its stack's template."""
        read: dict[str, Any] = json.loads((self.out / f"{STACK}.template.json").read_text())
        return read

    def cdk(self, *arguments: str) -> Done:
        """Run CDK's command line as its author would: from its folder, the environment activated."""
        context = {"claude": self.claude.url, "aws": f"http://127.0.0.1:{self.port}"}
        given = [part for name, value in context.items() for part in ("--context", f"{name}={value}")]
        program = self.installed.told(
            "import json; from bridge_local import toolchain;"
            "print(json.dumps(toolchain.cdk(toolchain.find_node(), lambda line: None)))"
        )
        told = {**emulated(self.port), "CDK_DISABLE_CLI_TELEMETRY": "true", "NO_COLOR": "1"}
        return self.installed.run(*program, *arguments, *given, *_FLAGS, cwd=self.folder, also=told)

    def deploy(self) -> Done:
        """Deploy what was synthesized last."""
        arguments = ("--app", str(self.out), "--require-approval", "never", "--method", "direct")
        return self.cdk("deploy", *arguments)

    def aws(self, service: str) -> Any:
        """Return a client for the AWS that it is deployed into."""
        told = emulated(self.port)
        return boto3.client(
            service,
            endpoint_url=told["AWS_ENDPOINT_URL"],
            region_name=told["AWS_REGION"],
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        )

    def resources(self) -> dict[str, str]:
        """Return the stack's resources: their names by logical id."""
        pages = self.aws("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
        listed = [each for page in pages for each in page["StackResourceSummaries"]]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}

    def stack(self) -> dict[str, Any]:
        """Return what CloudFormation says of the stack, but for the time when it was asked last."""
        (told,) = self.aws("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return dict(told)

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.stack()["Outputs"]}

    def bridge(self, name: str) -> Talk:
        """Return the bridge of that name, with the Anthropic key in its secret."""
        aws, stack = emulated(self.port), f"{STACK}/{name}"
        succeeded(self.installed.run("bridge", "key", "set", "-", "--stack", stack, stdin=KEY, also=aws))
        minting = ("bridge", "token", "create", "--owner", "ada", "--stack", stack)
        token = succeeded(self.installed.run(*minting, also=aws)).strip()
        return Talk(self.installed, local_url(self.outputs()[f"{name}Url"], self.port), token)


@dataclass(frozen=True)
class Talk:
    """The installed command line, and the bridge that it talks to."""

    installed: Installed
    url: str
    token: str

    def run(self, *arguments: str, token: str = "") -> Done:
        """Run `bridge`, with its endpoint named by options and its token by the environment."""
        told = {"BRIDGE_TOKEN": token or self.token}
        return self.installed.run("bridge", *arguments, "--url", self.url, also=told)

    def ask(self, question: str, session: str) -> str:
        """Ask a question; returns the answer."""
        return succeeded(self.run("ask", question, session)).strip()

    def told(self, *arguments: str) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(succeeded(self.run(*arguments, "--json")))


@contextmanager
def deployed(installed: Installed, claude: MessagesServer) -> Iterator[Foreign]:
    """Bring up the package's own local AWS, and synthesize and deploy somebody's app into it."""
    port = ports.free_port(31_000)
    foreign = Foreign(installed, claude, installed.folder / "assistants", port)
    shutil.copytree(FOREIGN, foreign.folder, ignore=shutil.ignore_patterns("__pycache__"))
    told: Mapping[str, str] = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": claude.url}
    up = installed.start("bridge", "local", "up", "--port", str(port), also=told)
    try:
        synthesized = foreign.cdk("synth", "--quiet")  # meanwhile
        finished(up)
        succeeded(synthesized)
        succeeded(foreign.deploy())
        yield foreign
    finally:
        if up.poll() is None:
            up.terminate()
            up.communicate()
        print(installed.run("bridge", "local", "down").stderr, file=sys.stderr)
