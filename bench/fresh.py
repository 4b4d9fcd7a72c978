"""Runs a function's initialisation in a fresh interpreter, as Lambda does, and tells what it did."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Nothing of the site's: neither what it imports at its start nor what is installed there. Lambda's
# environment is read-only, so that bytecode which is not there is not kept either.
_FLAGS = ("-I", "-S", "-B")

_REGION, _ACCOUNT = "us-east-1", "000000000000"

_INIT = """
import sys, time
sys.path[:0] = {path!r}
_begun = time.perf_counter()
import {module}
_init = (time.perf_counter() - _begun) * 1000
"""
# The libraries alone: what any function of their kind imports, with the same clients.
_LIBRARIES = """
import sys, time
sys.path[:0] = {path!r}
_begun = time.perf_counter()
import boto3, requests
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config
for _name in {clients!r}:
    boto3.client(_name, config=Config(retries={{"mode": "standard"}}))
_init = (time.perf_counter() - _begun) * 1000
"""
_INVOKED = """
from types import SimpleNamespace
_context = SimpleNamespace(
    function_name="bench", function_version="1", memory_limit_in_mb=512, aws_request_id="bench",
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:bench",
    get_remaining_time_in_millis=lambda: 20_000,
)
_event = {event!r}
_begun = time.perf_counter()
_reply = {module}.handler(_event, _context)
_first = (time.perf_counter() - _begun) * 1000
"""
_WATCHED = """
import sys, types
# Lambda's own, which takes what is to be called after a restore.
_hooks = []
sys.modules["snapshot_restore_py"] = types.SimpleNamespace(register_after_restore=_hooks.append)
_opened, _clients, _before = [], [], set(sys.modules)
def _watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        _opened.append(event)
sys.addaudithook(_watch)
sys.path[:0] = {path!r}
import boto3
_make = boto3.client
def _client(name, *rest, **more):
    _clients.append(name)
    return _make(name, *rest, **more)
boto3.client = _client
"""
_TOLD = """
import threading
from bridge import bootstrap
_parts = {name: part.cache_info().currsize > 0 for name, part in vars(bootstrap).items()
          if hasattr(part, "cache_info")}
"""


@dataclass(frozen=True)
class Init:
    """What a function's initialisation did, which does not depend on the machine.

    ``built`` are the parts of the composition root that were there after it, ``later`` those that are
    built when they are first needed; ``opened`` the connections that were attempted. ``restored`` counts
    what the runtime is told to call after a restore.
    """

    modules: int
    clients: list[str]
    built: list[str]
    later: list[str]
    opened: list[str]
    threads: int
    restored: int


@dataclass(frozen=True)
class Fresh:
    """A Python, an asset and the runtime's libraries to start functions with."""

    python: str
    asset: Path
    runtime: Path

    def init(self, name: str, environment: Mapping[str, str]) -> float:
        """Return the milliseconds of one initialisation, without the interpreter's own start."""
        return float(self._timed(_INIT.format(path=self._path, module=_module(name)), environment)[0])

    def libraries(self, clients: list[str], environment: Mapping[str, str]) -> float:
        """Return the milliseconds that the libraries alone take, with the same clients."""
        return float(self._timed(_LIBRARIES.format(path=self._path, clients=clients), environment)[0])

    def invoked(self, name: str, event: Mapping[str, Any], environment: Mapping[str, str]) -> float:
        """Return the milliseconds of the first invocation after it."""
        code = _INIT.format(path=self._path, module=_module(name))
        code += _INVOKED.format(module=_module(name), event=dict(event))
        _, first, reply = self._timed(code, environment, "_first", "_reply")
        if reply["statusCode"] != 200:
            raise SystemExit(f"error: {name} did not do what it was asked for: {reply}")
        return float(first)

    def watched(self, name: str, environment: Mapping[str, str]) -> Init:
        """Initialise once, for a snapshot, and tell what it did."""
        environment = {**environment, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
        code = _WATCHED.format(path=self._path) + f"import {_module(name)}\n" + _TOLD
        told = "[len(set(sys.modules) - _before), _clients, _parts, _opened, threading.active_count()"
        told += ", len(_hooks)]"
        modules, clients, parts, opened, threads, hooks = self._run(code, told, environment)
        built = sorted(part for part, there in parts.items() if there)
        return Init(
            modules, sorted(clients), built, sorted(parts.keys() - set(built)), opened, threads, hooks
        )

    def imports(self, name: str, environment: Mapping[str, str]) -> dict[str, float]:
        """Return the milliseconds of each imported module by itself, by name, the longest first."""
        code = f"import sys\nsys.path[:0] = {self._path!r}\nimport {_module(name)}\n"
        done = self._python(["-X", "importtime"], code, environment)
        lines = (line.removeprefix("import time:").split("|") for line in done.stderr.splitlines())
        times = {it[2].strip(): int(it[0]) / 1000 for it in lines if len(it) == 3 and it[0].strip().isdigit()}
        return dict(sorted(times.items(), key=lambda it: -it[1]))

    @property
    def _path(self) -> list[str]:
        return [str(self.asset), str(self.runtime)]

    def _timed(self, code: str, environment: Mapping[str, str], *more: str) -> Any:
        return self._run(code, f"[{', '.join(['_init', *more])}]", environment)

    def _run(self, code: str, told: str, environment: Mapping[str, str]) -> Any:
        done = self._python([], f"{code}\nimport json\nprint(json.dumps({told}))\n", environment)
        return json.loads(done.stdout.splitlines()[-1])

    def _python(
        self, flags: list[str], code: str, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        command = [self.python, *_FLAGS, *flags, "-c", code]
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise SystemExit(f"error: a function did not start:\n{done.stderr[-2000:]}")
        return done


def _module(name: str) -> str:
    return f"bridge.handlers.{name}"


def functions_of(template: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return each function's environment in Lambda, by its handler's name, as the template has it.

    What CloudFormation fills in looks like what it fills in.
    """
    resources = template["Resources"]
    found = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Function":
            properties = resource["Properties"]
            name = properties["Handler"].split(".")[-2]
            variables = properties.get("Environment", {}).get("Variables", {})
            texts = {key: _filled(value, resources) for key, value in variables.items()}
            found[name] = texts | _lambdas_own(name, properties["MemorySize"])
    return found


def _lambdas_own(name: str, memory: int) -> dict[str, str]:
    return {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": f"claude-context-bridge-{name}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_REGION": _REGION,
        "AWS_DEFAULT_REGION": _REGION,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/bin:/bin",
    }


def _filled(value: Any, resources: Mapping[str, Any]) -> str:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            pseudo = {"AWS::Region": _REGION, "AWS::AccountId": _ACCOUNT, "AWS::Partition": "aws"}
            pseudo["AWS::URLSuffix"] = "amazonaws.com"
            if name in pseudo or name not in resources:
                return pseudo.get(name, name)
            match resources[name]["Type"]:
                case "AWS::SQS::Queue":
                    return f"https://sqs.{_REGION}.amazonaws.com/{_ACCOUNT}/{name}.fifo"
                case "AWS::SecretsManager::Secret":
                    return f"arn:aws:secretsmanager:{_REGION}:{_ACCOUNT}:secret:{name}-000000"
                case _:
                    return name
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(_filled(part, resources) for part in parts)
        case _:
            return value if isinstance(value, str) else str(value)
