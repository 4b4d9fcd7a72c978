"""The app's way into the emulator: synth, bootstrap, deploy, by the pinned CDK CLI."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from bridge_local.aws import ACCOUNT, REGION, CallFailed, Connection
from bridge_local.errors import DeployFailed
from bridge_local.places import Places, cache_dir
from bridge_local.toolchain import Node

STACK = "claude-context-bridge-local"

_FLAGS = ("--no-notices", "--no-version-reporting", "--no-path-metadata", "--no-asset-metadata")


class Cdk:
    """The CDK CLI, with an environment in which nothing but the emulator can be reached as AWS.

    Its processes inherit `lock`, the command's: should this process be killed, no other command begins before
    they have ended.
    """

    def __init__(self, cli: tuple[str, ...], node: Node, places: Places, app_dir: Path, lock: int) -> None:
        self._cli = cli
        self._node = node
        self._places = places
        self._app_dir = app_dir
        self._lock = lock

    def check_names(self, names: Collection[str]) -> None:
        """Ask the app whether it has settings of these names; synth takes an unknown one to be another's.

        Raises DeployFailed.
        """
        if not names:
            return
        done = subprocess.run(
            [sys.executable, "-c", "from stacks.settings import SETTINGS; print(*SETTINGS)"],
            cwd=self._app_dir,
            env=self._environment(1),
            capture_output=True,
            text=True,
            check=False,
        )
        known = done.stdout.split()
        for name in names:
            if known and name not in known:
                near = get_close_matches(name, known, n=1)
                meant = f"; did you mean {near[0]}?" if near else ""
                raise DeployFailed(
                    f"there is no setting {name}{meant}", hint=f"settings are: {', '.join(sorted(known))}"
                )

    def synth(self, context: Mapping[str, str]) -> None:
        """Make the template, and bundle the functions if they changed. Raises DeployFailed."""
        python = _quoted(sys.executable)
        arguments = ["synth", "--quiet", "--app", f"{python} app.py", "--output", str(self._places.cdk_out)]
        for name, value in context.items():
            arguments += ["--context", f"{name}={value}"]
        self._run(arguments, "the app could not be synthesized", 1)

    def start_bootstrap(self, port: int) -> subprocess.Popen[bytes]:
        """Begin to prepare the emulator for CDK, beside the synth; `wait` for it."""
        return self._start(["bootstrap", f"aws://{ACCOUNT}/{REGION}"], port, cwd=self._places.root)

    def wait(self, bootstrap: subprocess.Popen[bytes]) -> None:
        """Wait for the bootstrap. Raises DeployFailed."""
        _waited(bootstrap)
        if bootstrap.returncode != 0:
            raise self._failed("CDK could not bootstrap the local AWS")

    def deploy(self, port: int) -> dict[str, str]:
        """Deploy what was synthesized; returns the stack's outputs. Raises DeployFailed."""
        outputs = self._places.root / "outputs.json"
        outputs.unlink(missing_ok=True)
        arguments = ["deploy", "--all", "--app", str(self._places.cdk_out), "--require-approval", "never"]
        arguments += ["--method", "direct", "--progress", "events", "--outputs-file", str(outputs)]
        self._run(arguments, "CDK could not deploy into the local AWS", port)
        stacks: dict[str, dict[str, str]] = json.loads(outputs.read_text())
        return stacks[STACK]

    def _run(self, arguments: Sequence[str], complaint: str, port: int) -> None:
        process = self._start(arguments, port, cwd=self._app_dir)
        _waited(process)
        if process.returncode != 0:
            raise self._failed(complaint)

    def _start(self, arguments: Sequence[str], port: int, *, cwd: Path) -> subprocess.Popen[bytes]:
        with self._places.log("deploy").open("ab") as log:
            log.write(f"\n$ cdk {' '.join(arguments)}\n".encode())
            log.flush()
            return subprocess.Popen(
                [*self._cli, *arguments, *_FLAGS],
                cwd=cwd,
                env=self._environment(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[self._lock],
                start_new_session=True,  # Ctrl-C comes to this process, which ends it with its children
            )

    def _environment(self, port: int) -> dict[str, str]:
        kept = {
            name: value
            for name, value in self._node.environment().items()
            if not name.startswith(("AWS_", "ANTHROPIC_", "CDK_"))
        }
        past_the_proxy = kept.get("NO_PROXY") or kept.get("no_proxy") or ""
        return kept | {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_HOME": str(cache_dir() / "cdk-home"),
            "CDK_DISABLE_VERSION_CHECK": "1",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
            "NO_PROXY": f"{past_the_proxy},127.0.0.1,localhost".lstrip(","),
            "NO_COLOR": "1",
        }

    def _failed(self, complaint: str) -> DeployFailed:
        log = self._places.log("deploy")
        # What `-c` overrides for the app, `--set` does here.
        said = re.sub(r"^-c (?=\w)", "--set ", cause(log.read_text(errors="replace")))
        return DeployFailed(
            f"{complaint}: {said}" if said else complaint, hint=f"the whole output is in {log}"
        )


def expire(connection: Connection, tables: Iterable[str]) -> None:
    """Let what is past its `ttl` be removed: the emulator's CloudFormation leaves that part out.

    Raises DeployFailed.
    """
    for table in tables:
        specification = {"AttributeName": "ttl", "Enabled": True}
        try:
            connection.call(
                "dynamodb", "UpdateTimeToLive", {"TableName": table, "TimeToLiveSpecification": specification}
            )
        except (OSError, http.client.HTTPException, CallFailed) as e:
            raise DeployFailed(f"nothing would expire in the table {table}: {e}") from e


def cause(log: str) -> str:
    """Return the line of the last command's output that says what went wrong, as best one can tell."""
    last = log.rpartition("\n$ cdk ")[2].splitlines()[1:]
    told = [line.strip() for line in last if line.strip()]
    for pattern in (r"^error: (.*)", r"^[\w.]*Error: (.*)", r"^.*❌\s+(.*)", r"^.*\b(?:FAILED)\b[^|]*\|(.*)"):
        for line in reversed(told):
            if (matched := re.search(pattern, line)) and not matched[1].startswith("Subprocess exited"):
                return matched[1].strip()[:600]
    return told[-1][:600] if told else ""


def _waited(process: subprocess.Popen[bytes]) -> None:
    """Wait for it; if this process is interrupted meanwhile, end it and its children first."""
    try:
        process.wait()
    except BaseException:
        end(process)
        raise


def end(process: subprocess.Popen[bytes]) -> None:
    """End a CDK command and its children, if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _quoted(path: str) -> str:
    return f'"{path}"'
